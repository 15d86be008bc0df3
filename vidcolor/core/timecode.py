"""Times as text, exactly."""

from __future__ import annotations

from fractions import Fraction


def timecode(seconds: Fraction) -> str:
    """Seconds as ``1:02:03.456``; frames that a film hides before its start have a minus."""
    sign = "-" if seconds < 0 else ""
    whole, thousandths = divmod(round(abs(seconds) * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{rest:02d}.{thousandths:03d}"


def decimal(value: Fraction, digits: int) -> str:
    """A number with so many digits behind the point, without a detour over floats."""
    sign = "-" if value < 0 else ""
    whole, rest = divmod(round(abs(value) * 10**digits), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}"
