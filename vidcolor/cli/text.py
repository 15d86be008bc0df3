"""Words on the terminal: lines, times, numbers."""

from __future__ import annotations

import argparse
import json
import re
import sys
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from unicodedata import combining, east_asian_width

from vidcolor.core.files import write_named
from vidcolor.core.timecode import parse_rate, parse_seconds, timecode
from vidcolor.errors import OutputError, VidcolorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vidcolor.core.report import Damage


NO_MEMORY = ("bad_alloc", "can't start new thread", "can't allocate memory")
"""What errors of libraries say when memory is short."""


OTHER_WORDS = {
    "-i": "leave -i out: vidcolor IN OUT",
    "-n": "without --force, nothing is overwritten",
    **dict.fromkeys(("-ss", "--ss", "--from"), "use --start TIME"),
    **dict.fromkeys(("-to", "-t", "--to-time", "--until"), "use --end TIME"),
    **dict.fromkeys(("-c:v", "-vcodec", "-c", "--vcodec", "--encoder"), "use --codec NAME"),
    **dict.fromkeys(("-crf", "--quality"), "use --crf N"),
    **dict.fromkeys(("-preset", "-p"), "use --preset NAME"),
    **dict.fromkeys(("--overwrite", "--yes"), "use --force"),
    **dict.fromkeys(("--gpu", "--cuda"), "use --device cuda"),
    **dict.fromkeys(("--model", "--net", "-m"), "use --weights NAME"),
    **dict.fromkeys(("--out", "--outfile"), "use -o OUT"),
}
"""Options of other programs, and what is meant here."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all of vidcolor's."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is; exit with 2."""
        meant = self._meant(message)
        fail(f"{message}{meant}{'' if meant.endswith('?') else ';'} see {self.prog} --help")
        sys.exit(2)

    def _meant(self, message: str) -> str:
        """What may have been meant by an option that there is not; empty where nobody can tell."""
        unknown = message.partition("unrecognized arguments: ")[2].split()
        for word in (word.partition("=")[0] for word in unknown if word.startswith("-")):
            if word in OTHER_WORDS and OTHER_WORDS[word].split()[1] in self._known():
                return f"; {OTHER_WORDS[word]}"
            if word in ("-i", "-n"):
                return f"; {OTHER_WORDS[word]}"
            names = {known.lstrip("-"): known for known in self._known()}
            if near := get_close_matches(word.lstrip("-"), names, 1, 0.7):
                return f"; did you mean {names[near[0]]}?"
        return ""

    def _known(self) -> list[str]:
        return [*self._option_string_actions]


def add_verbose(p: argparse._ActionsContainer) -> None:
    """The option ``-v`` of most commands."""
    words = "print the log, and a traceback of unexpected errors"
    p.add_argument("-v", "--verbose", action="store_true", help=words)


def at_least(least: int) -> Callable[[str], int]:
    """A whole number from ``least`` on, for argparse."""

    def number(word: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,12}", word):
            raise argparse.ArgumentTypeError(f"{word!r} is not a whole number")
        if int(word) < least:
            raise argparse.ArgumentTypeError(f"{word} is too small; use {least} or more")
        return int(word)

    return number


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
        return "not enough memory; close other programs, or use a smaller --size"
    detail = " ".join(str(error).split())[:300] or type(error).__name__
    return f"unexpected {type(error).__name__}: {detail} (please report it with the output of -v)"


def is_surprise(error: Exception) -> bool:
    """Whether only a programmer knows what an error means."""
    return not isinstance(error, VidcolorError) and not _no_memory(error)


def _no_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY)


def moment(word: str) -> Fraction:
    """``90``, ``1:30``, ``00:01:30.5`` -> seconds, for argparse."""
    try:
        return parse_seconds(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def frame_rate(word: str) -> Fraction:
    """``24``, ``24000/1001``, ``23.976`` -> frames per second, for argparse."""
    try:
        return parse_rate(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def clock(seconds: float) -> str:
    """Seconds as ``1:02:03.4``."""
    return timecode(seconds, 1)


def about(seconds: float) -> str:
    """``40 s``, ``3 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def count(number: int, thing: str) -> str:
    """``1 shot``, ``3 shots``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def file_size(size: int) -> str:
    """``820 kB``, ``3.0 MB``, ``1.4 GB``."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1000:.0f} kB" if size >= 1000 else f"{size} bytes"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def shorten_name(name: str, width: int) -> str:
    """A name cut in the middle to so many columns of a terminal."""
    name = printable(name)
    if columns(name) <= width:
        return name
    head, tail = "", ""
    while columns(head + tail) < width - 2:
        tail = name[len(name) - len(tail) - 1 :]
        if columns(head + tail) < width - 2:
            head = name[: len(head) + 1]
    return f"{head}\N{HORIZONTAL ELLIPSIS}{tail}"


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
    return [*shown, f"  DAMAGE  total: {kinds}{hint}"]


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


def write_late(found: object, path: Path | None, complaint: str) -> int:
    """Write what is only known when the work is done, if it is asked for.

    Returns:
        0, or 3 where it could not be written: a line says so, and the work is done all the same.
    """
    if path is None:
        return 0
    try:
        write_json(found, path, complaint)
    except OutputError as error:
        fail(str(error))
        return 3
    return 0


def option(word: str) -> tuple[str, str]:
    """``KEY=VALUE`` -> (key, value), for argparse."""
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{word!r} is not KEY=VALUE")
    return key, value
