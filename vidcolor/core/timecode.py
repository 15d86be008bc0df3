"""Times as text, exactly."""

from __future__ import annotations

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
