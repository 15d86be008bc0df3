"""Plain lists of cuts: FFmpeg's chapters, and a time or the number of a frame on each line."""

from __future__ import annotations

import re
from fractions import Fraction

from vidcolor.core.timecode import is_smpte, parse_seconds, parse_smpte
from vidcolor.errors import SettingsError

_NANOSECOND = Fraction(1, 10**9)
"""What chapters count where they do not tell."""


def is_chapters(text: str) -> bool:
    """Whether a text begins as a metadata file of FFmpeg."""
    return text.startswith(";FFMETADATA")


def read_chapters(text: str, name: str) -> list[tuple[Fraction, Fraction | None]]:
    """Start and end of each chapter in FFmpeg's metadata, in seconds.

    Args:
        text: Of the file.
        name: Of the file, for errors.

    Raises:
        SettingsError: A chapter has no start, or it is no number.
    """
    found: list[tuple[Fraction, Fraction | None]] = []
    for part in re.split(r"^\[CHAPTER\][ \t]*$", text, flags=re.M | re.I)[1:]:
        own = re.split(r"^\[", part, maxsplit=1, flags=re.M)[0]
        said = dict(re.findall(r"^(TIMEBASE|START|END)=(.*?)[ \t\r]*$", own, flags=re.M | re.I))
        told = {key.upper(): value for key, value in said.items()}
        try:
            tick = _number(told["TIMEBASE"]) if "TIMEBASE" in told else _NANOSECOND
            end = _number(told["END"]) * tick if "END" in told else None
            found.append((_number(told["START"]) * tick, end))
        except (KeyError, ValueError):
            what = f"chapter {len(found) + 1} has no START in numbers; correct it"
            raise SettingsError(f"{name}: {what}") from None
    return found


def _number(text: str) -> Fraction:
    if not re.fullmatch(r"\d{1,18}(/0*[1-9]\d{0,17})?", text, re.ASCII):
        raise ValueError(text)
    return Fraction(text)


def read_lines(text: str, name: str, rate: Fraction | None, start: str) -> list[Fraction | int]:
    """What each line says: seconds, or the number of a frame where it is a whole number.

    Args:
        text: Lines such as ``240``, ``90.5``, ``0:01:30.5`` or ``01:00:10:05``; those that begin
            with ``#`` are passed over.
        name: Of the file, for errors.
        rate: Frames per second of the film; None where it does not tell.
        start: SMPTE timecode of its first frame.

    Raises:
        SettingsError: A line says none of these; the text names it.
    """
    found: list[Fraction | int] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        try:
            if re.fullmatch(r"\d{1,9}", line, re.ASCII):
                found.append(int(line))
            elif is_smpte(line):
                if not rate:
                    raise ValueError("the film does not tell its frame rate; write seconds")
                found.append(parse_smpte(line, rate, start))
            else:
                found.append(parse_seconds(line))
        except ValueError as error:
            said = " ".join(str(error).split())[:200]
            raise SettingsError(f"{name}:{number}: {said}") from None
    return found
