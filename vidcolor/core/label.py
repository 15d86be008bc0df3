"""What a colored file says of how it got its colors."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_SHORT = 8
"""Digits of a digest that people are shown."""
_NET = r"(?:[\w.-]{1,80} )?sha256:[0-9a-f]{64}"
_TEXT = re.compile(
    r"\bvidcolor (?P<version>[\w.+-]{1,40}), weights (?:(?P<name>[\w.-]{1,80}) )?"
    r"sha256:(?P<weights>[0-9a-f]{64})"
    rf"(?:, other weights (?P<others>{_NET}(?: and {_NET}){{0,63}}))?"
    r"(?:, color sheet (?P<sheet>[0-9a-f]{8,64}))?"
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
    others: tuple[tuple[str, str], ...] = ()
    """Name, where they ship with vidcolor, and sha256 of the weights that the color sheet names for
    stretches."""

    def __str__(self) -> str:
        """``vidcolor 0.1.0, weights default sha256:648b...``, as `find_label` reads it."""
        return self._spell("sha256:", None)

    @property
    def short(self) -> str:
        """The same for people: ``vidcolor 0.1.0, weights default 078860f1``."""
        return self._spell("", _SHORT)

    def _spell(self, mark: str, digits: int | None) -> str:
        def net(name: str, sha256: str) -> str:
            return f"{name} {mark}{sha256[:digits]}".lstrip()

        words = [f"vidcolor {self.version}", f"weights {net(self.name, self.weights)}"]
        if self.others:
            words.append(f"other weights {' and '.join(net(*other) for other in self.others)}")
        if self.sheet:
            words.append(f"color sheet {self.sheet[:digits]}")
        return ", ".join(words)

    def is_like(self, other: Label) -> bool:
        """Whether two labels say the same, by whichever names the weights go."""
        nameless = (
            replace(one, name="", others=tuple(sorted(("", sha256) for _, sha256 in one.others)))
            for one in (self, other)
        )
        return next(nameless) == next(nameless)

    def added_to(self, comment: str) -> str:
        """A comment with the label as its last line, instead of that of an earlier coloring."""
        rest = without_label(comment)
        return f"{rest}\nColored by {self}" if rest else f"Colored by {self}"


def without_label(comment: str) -> str:
    """A comment without the line that a coloring put below it."""
    return _LINE.sub("", comment).rstrip("\n") if _LINE.search(comment) else comment


def find_label(text: str) -> Label | None:
    """The label that a text holds; the last one of several."""
    found = [one.groupdict(default="") for one in _TEXT.finditer(text)]
    if not found:
        return None
    nets = [net.rpartition("sha256:") for net in found[-1].pop("others").split(" and ") if net]
    return Label(**found[-1], others=tuple((name.rstrip(), sha256) for name, _, sha256 in nets))
