"""What a colored file says of how it got its colors."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHORT = 8
"""Digits of a digest that people are shown."""
_TEXT = re.compile(
    r"\bvidcolor (?P<version>[\w.+-]{1,40}), weights (?:(?P<name>[\w.-]{1,80}) )?"
    r"sha256:(?P<weights>[0-9a-f]{64})(?:, color sheet (?P<sheet>[0-9a-f]{8,64}))?"
)
_LINE = re.compile(rf"^Colored by {_TEXT.pattern}$", re.MULTILINE)


@dataclass(frozen=True)
class Label:
    """Who colored a file; the same for every run of one spec."""

    version: str
    """Of vidcolor."""
    weights: str
    """sha256 of the weights, hexadecimal."""
    name: str = ""
    """Of the weights, where they ship with vidcolor."""
    sheet: str = ""
    """Digest of what the color sheet says; empty where there is none."""

    def __str__(self) -> str:
        """``vidcolor 0.1.0, weights default sha256:648b...``, as `find_label` reads it."""
        name = f"{self.name} " if self.name else ""
        sheet = f", color sheet {self.sheet}" if self.sheet else ""
        return f"vidcolor {self.version}, weights {name}sha256:{self.weights}{sheet}"

    @property
    def short(self) -> str:
        """The same for people: ``vidcolor 0.1.0, weights default 648bd2c9``."""
        name = f"{self.name} " if self.name else ""
        sheet = f", color sheet {self.sheet[:_SHORT]}" if self.sheet else ""
        return f"vidcolor {self.version}, weights {name}{self.weights[:_SHORT]}{sheet}"

    def added_to(self, comment: str) -> str:
        """A comment with the label as its last line, instead of that of an earlier coloring."""
        rest = _LINE.sub("", comment).rstrip("\n") if _LINE.search(comment) else comment
        return f"{rest}\nColored by {self}" if rest else f"Colored by {self}"


def find_label(text: str) -> Label | None:
    """The label that a text holds; the last one of several."""
    found = [one.groupdict(default="") for one in _TEXT.finditer(text)]
    return Label(**found[-1]) if found else None
