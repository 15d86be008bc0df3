"""From a word to the frames of an image sequence: one look into one folder.

Two hundred thousand frames are listed once. A folder that has not changed since is not listed
again, and nothing is asked of the frames themselves.
"""

from __future__ import annotations

import glob
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

from vidcolor.core.paths import (
    FILM_FRAME_SUFFIXES,
    FILM_SUFFIXES,
    PICTURE_SUFFIXES,
    SEQUENCE_SUFFIXES,
    printable,
)
from vidcolor.core.sequence import FrameSequence, SequenceName, parse_pattern
from vidcolor.errors import FilmUnreadable

_NUMBERED = re.compile(r"(.*?)([0-9]{1,18})(\.[^.]*)", re.DOTALL)
_FRESH = 2.0
"""Seconds in which the clock of a file system may tell two changes of a folder as one."""
_MOST_KEPT = 16
_SHOWN = 4
_MEDIA = FILM_SUFFIXES | PICTURE_SUFFIXES | set(SEQUENCE_SUFFIXES)

_known: dict[tuple[str, int, int], FrameSequence] = {}
"""Pattern, and the number and the time of its folder -> what was found there."""


class NoSequence(FilmUnreadable):
    """A folder or a glob does not name the frames of one sequence."""

    def __init__(self, text: str, count: int = 0) -> None:
        """Say why, and of how many sequences there are frames."""
        super().__init__(text)
        self.count = count


def sequence_at(path: str | os.PathLike[str]) -> FrameSequence | None:
    """The sequence that a pattern such as ``scan_%06d.dpx`` names; None for any other path.

    Raises:
        FilmUnreadable: It names none, or one in which frames are missing.
        SettingsError: The pattern is none.
    """
    if "%" not in os.path.basename(path) or os.path.lexists(path):
        return None
    name = parse_pattern(os.path.abspath(path))
    return _find_named(name) if name else None


def sequence_folder(word: str | os.PathLike[str]) -> Path | None:
    """The absolute folder of the sequence that a word names; None for a word that names a file.

    Nothing is looked for: there need not be any frames.
    """
    path = Path(os.path.abspath(word))
    if os.path.lexists(path):
        return path if path.is_dir() else None
    has_number = "%" in path.name and parse_pattern(path) is not None
    return path.parent if has_number or glob.has_magic(path.name) else None


def find_sequence(word: str | os.PathLike[str]) -> FrameSequence:
    """The sequence that a pattern, a glob or a folder names; its folder is absolute.

    Args:
        word: ``scan_%06d.dpx``, ``scan_*.dpx`` or a folder that holds the frames of one sequence.

    Raises:
        NoSequence: There are no frames, or frames of several sequences.
        FilmUnreadable: Frames are missing, or their numbers are written in two ways.
        SettingsError: The pattern is none.
    """
    if found := sequence_at(word):
        return found
    path = Path(os.path.abspath(word))
    if path.is_dir():
        return _find_in(path, printable(Path(word)), "")
    if not path.parent.is_dir() or not glob.has_magic(path.name):
        raise NoSequence(f"{printable(word)}: no such file")
    return _find_in(path.parent, printable(word), path.name)


def find_film_frames(folder: Path) -> list[tuple[SequenceName, str]]:
    """The sequences of DPX and EXR frames in a folder, by their names.

    Each comes with what speaks against it, such as a missing frame; empty for a whole one.
    """
    listed = []
    for name, numbers in _group_numbered(folder, _names(folder), FILM_FRAME_SUFFIXES):
        refused = ""
        try:
            _of_numbers(name, numbers)
        except FilmUnreadable as error:
            refused = str(error)
        listed.append((name, refused))
    return listed


def whole_sequences(folder: Path, names: Iterable[str]) -> list[FrameSequence]:
    """The sequences among files of a folder in which no frame is missing, by their names."""
    found = []
    for name, numbers in _group_numbered(folder, names, SEQUENCE_SUFFIXES):
        with suppress(FilmUnreadable):
            found.append(_of_numbers(name, numbers))
    return found


def _group_numbered(
    folder: Path, names: Iterable[str], suffixes: Sequence[str]
) -> Iterator[tuple[SequenceName, list[str]]]:
    """How numbered files with these suffixes are called, each with the numbers that there are."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in names:
        found = _NUMBERED.fullmatch(each)
        if found and found[3].lower() in suffixes:
            groups.setdefault((found[1], found[3]), []).append(found[2])
    for key, numbers in sorted(groups.items()):
        yield _name_of(folder, *key, numbers), numbers


def _find_named(name: SequenceName) -> FrameSequence:
    """The sequence with a name; what is known of an unchanged folder is not looked up again."""
    try:
        state = os.stat(name.folder)
    except OSError:
        raise FilmUnreadable(f"{printable(name.pattern)}: no such file") from None
    key = str(name.pattern_path), state.st_ino, state.st_mtime_ns
    if key in _known:
        return _known[key]
    if name.suffix.lower() not in SEQUENCE_SUFFIXES:
        known = ", ".join(SEQUENCE_SUFFIXES)
        raise FilmUnreadable(f"{printable(name.pattern)}: frames of a sequence end in {known}")
    start, end = len(name.prefix), len(name.suffix)
    numbers = []
    for each in _names(name.folder):
        number = each[start : len(each) - end]
        if each.startswith(name.prefix) and each.endswith(name.suffix) and _is_number(number):
            numbers.append(number)
    found = _of_numbers(name, numbers)
    if time.time() - state.st_mtime > _FRESH:
        while len(_known) >= _MOST_KEPT:
            del _known[next(iter(_known))]
        _known[key] = found
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _find_in(folder: Path, word: str, pattern: str) -> FrameSequence:
    """The one sequence among the files of a folder that fit a glob; without one, all are meant."""
    groups: dict[tuple[str, str], list[str]] = {}
    left_out: dict[tuple[str, str], str] = {}
    others = []
    for name in _names(folder):
        found = _NUMBERED.fullmatch(name)
        suffix = os.path.splitext(name)[1].lower()
        if not found or suffix not in SEQUENCE_SUFFIXES:
            others += [name] if suffix in _MEDIA and _fits(name, pattern) else []
        elif _fits(name, pattern):
            groups.setdefault((found[1], found[3]), []).append(found[2])
        else:
            left_out.setdefault((found[1], found[3]), name)
    if not groups:
        found_none = "no numbered pictures" if others else "no such file"
        what = found_none if pattern else "is a folder; name a film inside it"
        raise NoSequence(f"{word}: {what}")
    if len(groups) > 1:
        names = [_name_of(folder, *key, numbers).pattern for key, numbers in groups.items()]
        more = " ..." if len(names) > _SHOWN else ""
        listed = ", ".join(printable(name) for name in sorted(names)[:_SHOWN])
        raise NoSequence(
            f"{word}: has frames of several sequences; name one: {listed}{more}", len(groups)
        )
    (key, numbers), *_ = groups.items()
    if others:
        raise NoSequence(
            f"{word}: has other pictures or films beside its frames ({printable(min(others))});"
            f" name the frames: {printable(_name_of(folder, *key, numbers).pattern)}",
            count=1,
        )
    if key in left_out:
        raise NoSequence(
            f"{word}: leaves out frames of the sequence ({printable(left_out[key])}); name all of"
            " them, and the part with --start and --end",
            count=1,
        )
    return _of_numbers(_name_of(folder, *key, numbers), numbers)


def _fits(name: str, pattern: str) -> bool:
    return not pattern or fnmatchcase(name, pattern)


def _names(folder: Path) -> Iterator[str]:
    """The names in a folder that are not hidden."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry.name
    except OSError as exc:
        name = printable(folder)
        raise FilmUnreadable(f"{name}: cannot be opened: {exc.strerror}") from exc


def _name_of(folder: Path, prefix: str, suffix: str, numbers: Sequence[str]) -> SequenceName:
    """The name of frames whose numbers are written so."""
    padded = [len(number) for number in numbers if number[0] == "0" and len(number) > 1]
    lengths = padded or {len(number) for number in numbers}
    digits = min(lengths) if padded or len(lengths) == 1 else 0
    return SequenceName(folder, prefix, digits if digits > 1 else 0, suffix)


def _of_numbers(name: SequenceName, numbers: Sequence[str]) -> FrameSequence:
    """The frames of a sequence that have these numbers.

    Raises:
        FilmUnreadable: There are none, or not all, or numbers are written in two ways.
    """
    pattern = printable(name.pattern)
    if not numbers:
        raise FilmUnreadable(f"{pattern}: there is no such frame in {printable(name.folder)}")
    wrong = next((n for n in numbers if f"{int(n):0{name.digits}d}" != n), None)
    if wrong is not None:
        right = next((n for n in numbers if f"{int(n):0{name.digits}d}" == n), None)
        one = printable(f"{name.prefix}{wrong}{name.suffix}")
        if right is None:
            other = _name_of(name.folder, name.prefix, name.suffix, numbers).pattern
            raise FilmUnreadable(
                f"{pattern}: there is no such frame, but {one}; use {printable(other)}"
            )
        other = printable(f"{name.prefix}{right}{name.suffix}")
        raise FilmUnreadable(
            f"{pattern}: {one} and {other} are numbered in two ways; rename the frames of one of"
            " them, or move them away"
        )
    ordered = sorted(map(int, numbers))
    if ordered[-1] - ordered[0] + 1 != len(ordered):
        raise FilmUnreadable(_gaps(name, ordered))
    return FrameSequence(name, ordered[0], len(ordered))


def _gaps(name: SequenceName, ordered: Sequence[int]) -> str:
    """What is said of a sequence in which frames are missing."""
    starts = [ordered[0], *(after for before, after in pairwise(ordered) if after - before > 1)]
    ends = [*(before for before, after in pairwise(ordered) if after - before > 1), ordered[-1]]
    missing = ordered[-1] - ordered[0] + 1 - len(ordered)
    runs = [str(a) if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True)]
    if len(runs) > _SHOWN:
        runs = [*runs[: _SHOWN - 1], f"... up to {ordered[-1]}"]
    more = f" and {missing - 1} more" if missing > 1 else ""
    verb = "are" if missing > 1 else "is"
    return (
        f"{printable(name.name(ends[0] + 1))}{more} {verb} missing; frames"
        f" {' and '.join([', '.join(runs[:-1]), runs[-1]])} are there; put the missing frames in"
        " their place, or move each part into a folder of its own"
    )
