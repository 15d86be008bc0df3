"""What a pass through a video tells."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from vidcolor.core.json_types import from_plain
from vidcolor.core.report import Damage

_MAX_DAMAGE = 1000
_FRACTION = re.compile(r"-?\d{1,30}(?:/[1-9]\d{0,30})?")


@dataclass
class PassLog:
    """What a pass through a video found out, and what it worked around.

    Those who write the target add what they meet of the source.
    """

    zero: Fraction = Fraction(0)
    """The moment, in the video's time, that is 0 in the target; known with its first frame."""
    source_color: str = "gray"
    """``gray``, ``tinted`` or ``colored``; known when the pass has ended."""
    damage: list[Damage] = field(default_factory=list)
    """What was worked around, in the order it was met; at most 1000."""
    damage_counts: dict[str, int] = field(default_factory=dict)
    """Kind of damage -> how often it was met, beyond the 1000 listed ones too."""
    remarks: list[str] = field(default_factory=list)
    """What was met or mended on the way and does no harm, for the notes of a report; at most
    1000."""

    def remark(self, text: str) -> None:
        """Add to ``remarks`` what is not there yet."""
        if len(self.remarks) < _MAX_DAMAGE and text not in self.remarks:
            self.remarks.append(text)

    def note(self, kind: str, seconds: float, text: str) -> None:
        """Add to ``damage``; the thousandth entry says that there is more. All are counted."""
        self.damage_counts[kind] = self.damage_counts.get(kind, 0) + 1
        if len(self.damage) == _MAX_DAMAGE - 1:
            text = "and more from here on; only the first 999 are listed"
        if len(self.damage) < _MAX_DAMAGE:
            self.damage.append(Damage(kind, round(float(seconds), 3), text))

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        return asdict(self) | {"zero": str(self.zero)}

    @classmethod
    def from_dict(cls, entry: object) -> PassLog:
        """The log that `to_dict` made plain.

        Raises:
            ValueError: It is none.
        """
        zero = entry.get("zero") if isinstance(entry, dict) else None
        if (
            not isinstance(entry, dict)
            or not isinstance(zero, str)
            or not _FRACTION.fullmatch(zero)
        ):
            raise ValueError("is no log of a pass")
        log = from_plain(cls, {name: value for name, value in entry.items() if name != "zero"})
        return replace(log, zero=Fraction(zero))
