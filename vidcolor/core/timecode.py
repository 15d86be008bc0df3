"""Times as text, exactly."""

from __future__ import annotations

import re
from fractions import Fraction


def timecode(seconds: Fraction | float, digits: int = 3) -> str:
    """Seconds as ``1:02:03.456``, with so many digits behind the point.

    Frames that a film hides before its start have a minus.
    """
    sign = "-" if seconds < 0 else ""
    whole, rest = divmod(round(abs(Fraction(seconds)) * 10**digits), 10**digits)
    behind = f".{rest:0{digits}d}" if digits else ""
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}{behind}"


def decimal(value: Fraction, digits: int) -> str:
    """A number with so many digits behind the point, without a detour over floats."""
    sign = "-" if value < 0 else ""
    whole, rest = divmod(round(abs(value) * 10**digits), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}"


def parse_seconds(text: str) -> Fraction:
    """Seconds of ``90``, ``1:30`` or ``0:01:30.5``.

    Raises:
        ValueError: It is no such time.
    """
    # No exponents: 1e99999999 is a number that takes all memory to write down.
    parts = text.strip().split(":")
    if len(parts) > 3 or not all(re.fullmatch(r"\d{1,9}", part, re.ASCII) for part in parts[:-1]):
        raise ValueError(f"{text!r} is not a time; use 90, 1:30 or 00:01:30.5")
    if not re.fullmatch(r"\d{1,9}(\.\d{0,12})?|\.\d{1,12}", parts[-1], re.ASCII):
        raise ValueError(f"{text!r} is not a time; use 90, 1:30 or 00:01:30.5")
    numbers = [Fraction(part) for part in parts]
    if any(number >= 60 for number in numbers[1:]):
        raise ValueError(f"{text!r} is not a time; minutes and seconds go up to 59")
    seconds = Fraction(0)
    for number in numbers:
        seconds = seconds * 60 + number
    return seconds


_SMPTE = re.compile(r"(\d{1,2})[:;](\d{1,2})[:;](\d{1,2})([:;])(\d{1,3})", re.ASCII)


def is_smpte(text: str) -> bool:
    """Whether a time is written as SMPTE timecode, ``HH:MM:SS:FF`` or ``HH:MM:SS;FF``."""
    return _SMPTE.fullmatch(text.strip()) is not None


def parse_smpte(text: str, rate: Fraction, start: str = "") -> Fraction:
    """Seconds from the start of a video of SMPTE timecode (SMPTE ST 12-1).

    Args:
        text: ``HH:MM:SS:FF``, or ``HH:MM:SS;FF`` for drop frame.
        rate: Frames per second of the video.
        start: Timecode of its first frame; empty counts from 0.

    Raises:
        ValueError: It is no timecode, none of a video of this rate, counts otherwise than ``start``
            does, or lies before it.
    """
    exact = counted_rate(rate)
    frames, drop = frame_of_smpte(text, exact)
    if not start:
        return frames / exact
    first, drops = frame_of_smpte(start, exact)
    if drop != drops:
        mark = ";" if drops else ":"
        kind = "drop frame" if drops else "not drop frame"
        raise ValueError(
            f"{text} does not count as the video does, whose timecode begins at {start} ({kind});"
            f" write {mark} before the frames"
        )
    if frames < first:
        raise ValueError(f"{text} is before the video, whose timecode begins at {start}")
    return (frames - first) / exact


def counted_rate(rate: Fraction) -> Fraction:
    """The rate that a timecode counts; containers round those of NTSC.

    Raises:
        ValueError: No timecode counts so many frames a second.
    """
    for exact in (Fraction(round(rate)), Fraction(round(rate * 1001 / 1000) * 1000, 1001)):
        if exact > 0 and abs(rate / exact - 1) < Fraction(1, 5000):
            return exact
    raise ValueError(
        f"timecode with frames cannot count {float(rate):g} frames a second; write seconds or"
        " H:MM:SS.mmm"
    )


def frame_of_smpte(text: str, rate: Fraction) -> tuple[int, bool]:
    """Number of the frame of a timecode, from 0, and whether it is drop frame.

    Args:
        text: As of `parse_smpte`.
        rate: As `counted_rate` gives it.

    Raises:
        ValueError: It is no timecode, or none of this rate.
    """
    match = _SMPTE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a timecode; use HH:MM:SS:FF")
    hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
    drop, count = match[4] == ";", round(rate)
    if minutes > 59 or seconds > 59:
        raise ValueError(f"{text} is not a time; minutes and seconds go up to 59")
    if frames >= count:
        raise ValueError(f"{text} is not a time; of {count} frames the last has number {count - 1}")
    number = ((hours * 60 + minutes) * 60 + seconds) * count + frames
    if not drop:
        return number, False
    if rate.denominator != 1001 or count % 30:
        raise ValueError(
            f"{text} is drop frame, which there is only at 29.97 and 59.94 frames a second; write"
            " : before the frames"
        )
    left_out = count // 15  # in every minute but the tenth, so many numbers are not used
    if minutes % 10 and not seconds and frames < left_out:
        raise ValueError(
            f"{text} is a number that drop frame leaves out; the next is"
            f" {hours:02d}:{minutes:02d}:00;{left_out:02d}"
        )
    passed = hours * 60 + minutes
    return number - left_out * (passed - passed // 10), True


def smpte_after(start: str, frames: int, rate: Fraction) -> str:
    """The SMPTE timecode of a frame so many frames behind the one at ``start``; past 24 h, from 0.

    Raises:
        ValueError: ``start`` is none, or none of a video of this rate.
    """
    exact = counted_rate(rate)
    first, drop = frame_of_smpte(start, exact)
    return smpte(first + frames, exact, drop)


def smpte(number: int, rate: Fraction, drop: bool = False) -> str:
    """SMPTE timecode of a frame: ``HH:MM:SS:FF``, or ``HH:MM:SS;FF`` where it is drop frame.

    Args:
        number: Of the frame, from 0; after 24 hours it begins anew.
        rate: As `counted_rate` gives it.
        drop: Whether numbers are left out, so that it keeps step with the clock.
    """
    count = round(rate)
    number %= frames_per_day(rate, drop)
    if drop:
        left_out = count // 15
        tens, rest = divmod(number, count * 600 - 9 * left_out)
        minutes = max(0, rest - left_out) // (count * 60 - left_out)
        number += left_out * (9 * tens + minutes)
    seconds, frames = divmod(number, count)
    mark, digits = ";" if drop else ":", len(str(count - 1))
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{clock}{mark}{frames:0{max(2, digits)}d}"


def frames_per_day(rate: Fraction, drop: bool = False) -> int:
    """Frames after which a timecode begins anew."""
    count = round(rate)
    return 86400 * count - (144 * 9 * (count // 15) if drop else 0)


def parse_rate(word: str) -> Fraction:
    """``24``, ``24000/1001``, ``23.976`` -> frames per second.

    Raises:
        ValueError: It is no number.
    """
    try:
        rate = Fraction(word)
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            f"{word!r} is no number of frames a second; use 24, 23.976 or 24000/1001"
        ) from None
    for whole in (24, 30, 48, 60, 120):  # what is written short for them
        if round(rate, 2) == round(Fraction(whole * 1000, 1001), 2):
            return Fraction(whole * 1000, 1001)
    return rate
