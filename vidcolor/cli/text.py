"""Words on the terminal: lines, times, numbers."""

from __future__ import annotations

import argparse
import json
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from vidcolor.errors import OutputError, VidcolorError
from vidcolor.files import write_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vidcolor.frames import Damage


NO_MEMORY = ("bad_alloc", "can't start new thread", "can't allocate memory")
"""What errors of libraries say when memory is short."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all of vidcolor's."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is; exit with 2."""
        fail(f"{message}; see {self.prog} --help")
        sys.exit(2)


def printable(text: str) -> str:
    """Text from a file without the characters that steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def say(line: str = "") -> None:
    """Print a line on stderr, where messages go."""
    print(printable(line), file=sys.stderr)


def fail(line: str) -> None:
    """Print the one line of an error."""
    say(f"vidcolor: {line}")


def reason(error: Exception) -> str:
    """Why a command or a film failed, on one line."""
    if isinstance(error, VidcolorError):
        return str(error)
    if _no_memory(error):
        return "there is too little memory; close other programs, or use a smaller --size"
    detail = " ".join(str(error).split())[:300] or type(error).__name__
    return f"unexpected {type(error).__name__}: {detail} (-v shows where; please report it)"


def is_surprise(error: Exception) -> bool:
    """Whether only a programmer knows what an error means."""
    return not isinstance(error, VidcolorError) and not _no_memory(error)


def _no_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY)


def moment(word: str) -> Fraction:
    """``90``, ``1:30``, ``00:01:30.5`` -> seconds, for argparse."""
    try:
        # No exponents: 1e99999999 is a number that takes all memory to write down.
        parts = [Fraction(part) for part in word.split(":") if re.fullmatch(r"[\d.]{1,20}", part)]
    except ValueError:
        parts = []
    if len(parts) != word.count(":") + 1 or len(parts) > 3:
        raise argparse.ArgumentTypeError(f"{word!r} is no time; use 90, 1:30 or 00:01:30.5")
    seconds = Fraction(0)
    for part in parts:
        seconds = seconds * 60 + part
    return seconds


def clock(seconds: float) -> str:
    """Seconds as ``1:02:03.4``."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}"


def damage_lines(damage: Sequence[Damage], counts: Mapping[str, int], hint: str = "") -> list[str]:
    """The first ten places of a film's damage; where there are more, how many there are of each.

    Args:
        damage: What was met; of very many not all.
        counts: How often each kind was met.
        hint: Tells where all are.
    """
    shown = [f"  DAMAGE  {clock(d.seconds)}  {d.kind}: {d.text}" for d in damage[:10]]
    if sum(counts.values()) <= len(shown):
        return shown
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return [*shown, f"  DAMAGE  in all: {kinds}{hint}"]


def write_json(found: object, path: Path, complaint: str) -> None:
    """Write plain types as JSON.

    Args:
        found: What to write.
        path: Where to.
        complaint: What is said where that fails.

    Raises:
        OutputError: The file cannot be written.
    """
    try:
        write_named(path, (json.dumps(found, indent=1) + "\n").encode())
    except OSError as error:
        raise OutputError(f"{complaint} ({error.strerror})") from error


def option(word: str) -> tuple[str, str]:
    """``KEY=VALUE`` -> (key, value), for argparse."""
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{word!r} is not KEY=VALUE")
    return key, value
