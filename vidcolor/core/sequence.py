"""Numbered pictures that are a film together: their names, and which of them there are."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vidcolor.errors import SettingsError

MOST_DIGITS = 18
"""Digits that a number in a name may have."""

_FIELD = re.compile(r"%(?:(?P<zero>0?)(?P<width>\d*)d|%)")


@dataclass(frozen=True)
class SequenceName:
    """How the pictures of a sequence are named: a number between two pieces of text."""

    folder: Path
    prefix: str
    """Before the number, such as ``scan_``; may be empty."""
    digits: int
    """Width to which numbers are padded with zeros; 0 where they are not padded."""
    suffix: str
    """After the number, such as ``.dpx``."""

    def name(self, number: int) -> str:
        """The name of the picture with a number, without its folder."""
        return f"{self.prefix}{number:0{self.digits}d}{self.suffix}"

    def path(self, number: int) -> Path:
        """Where the picture with a number is."""
        return self.folder / self.name(number)

    @property
    def pattern(self) -> str:
        """The names as one word, such as ``scan_%06d.dpx``; a percent sign of theirs is doubled."""
        number = f"%0{self.digits}d" if self.digits else "%d"
        return f"{_double_percent(self.prefix)}{number}{_double_percent(self.suffix)}"

    @property
    def pattern_path(self) -> Path:
        """`pattern` in its folder, which is as it is."""
        return self.folder / self.pattern


@dataclass(frozen=True)
class FrameSequence:
    """The pictures of a sequence: ``count`` of them, numbered without a gap."""

    name: SequenceName
    first: int
    """Number of the first one."""
    count: int

    def number(self, index: int) -> int:
        """The number of a frame; frames are counted from 0."""
        return self.first + index

    def path(self, index: int) -> Path:
        """Where the picture of a frame is; frames are counted from 0."""
        return self.name.path(self.number(index))


def parse_pattern(word: str | os.PathLike[str]) -> SequenceName | None:
    """The names that a word such as ``scans/scan_%06d.dpx`` stands for.

    Args:
        word: A path. Only its last part may hold the number; folders are taken as they are.

    Returns:
        None where no number is in it; ``%%`` alone is a percent sign in a name and no number.

    Raises:
        SettingsError: There are two numbers, or one with more digits than fit.
    """
    folder, name = os.path.split(os.fspath(word))
    fields = [found for found in _FIELD.finditer(name) if found[0] != "%%"]
    if not fields:
        return None
    if len(fields) > 1:
        raise SettingsError(f"{name}: has two numbers ({fields[0][0]}, {fields[1][0]}); one counts")
    field = fields[0]
    digits = int(field["width"] or 0)
    if digits > MOST_DIGITS:
        raise SettingsError(f"{name}: {field[0]} has more than {MOST_DIGITS} digits")
    return SequenceName(
        folder=Path(folder),
        prefix=_halve_percent(name[: field.start()]),
        digits=digits,
        suffix=_halve_percent(name[field.end() :]),
    )


def digest_frames(files: Iterable[tuple[str, str]]) -> str:
    """The sha256 of all frames: that of the lines which ``sha256sum *.dpx`` prints of them.

    Args:
        files: Name and sha256 of each frame, in the order of their numbers.
    """
    found = hashlib.sha256()
    for name, digest in files:
        found.update(f"{digest}  ".encode() + os.fsencode(name) + b"\n")
    return found.hexdigest()


def _double_percent(text: str) -> str:
    return text.replace("%", "%%")


def _halve_percent(text: str) -> str:
    return text.replace("%%", "%")
