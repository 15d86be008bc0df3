"""What a color sheet says of each shot, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from vidcolor.color.parse import write_color
from vidcolor.core.files import printable
from vidcolor.core.frames import Dials
from vidcolor.guidance.entries import Hint, Reference
from vidcolor.guidance.plan import Guidance, ShotRange


@dataclass(frozen=True)
class DialsFrom:
    """Dials that hold from a moment on."""

    start: Fraction
    dials: dict[str, Any]
    """Those that are set, by name; none where the run's own hold."""


@dataclass(frozen=True)
class ShotWords:
    """All that a sheet says of one shot."""

    number: int
    """From 1."""
    shot: ShotRange
    dials: tuple[DialsFrom, ...]
    """From the start of the shot on; more than one where they change within it."""
    hints: tuple[tuple[int, Hint], ...]
    """With their numbers in the sheet, from 1."""
    references: tuple[tuple[int, Reference], ...]
    """With their numbers; also looks that hold for a part of the shot."""

    @property
    def says_nothing(self) -> bool:
        """Whether the shot is colored as without a sheet; looks for the whole video aside."""
        return not (self.hints or self.references or any(each.dials for each in self.dials))


def describe_shots(guidance: Guidance) -> list[ShotWords]:
    """What is said of each shot.

    Args:
        guidance: With the shots of the video.
    """
    sheet = guidance.sheet
    hint_numbers = {id(hint): number for number, hint in enumerate(sheet.hints, 1)}
    image_numbers = {id(one): number for number, one in enumerate(sheet.references, 1)}
    return [
        ShotWords(
            number,
            shot,
            tuple(_dials_of(guidance, shot)),
            tuple((hint_numbers[id(hint)], hint) for hint in guidance.hints_of(shot)),
            tuple((image_numbers[id(one)], one) for one in guidance.references_of(shot)),
        )
        for number, shot in enumerate(guidance.shots, 1)
    ]


def _dials_of(guidance: Guidance, shot: ShotRange) -> Iterator[DialsFrom]:
    end = guidance.span[1] if shot.end_seconds is None else shot.end_seconds
    last = max(shot.start_seconds, end - 2 * guidance.tolerance)
    for start, dials in guidance.dials_within(shot.start_seconds, last):
        yield DialsFrom(shot.start_seconds if start is None else start, _set_dials(dials))


def _set_dials(dials: Dials) -> dict[str, Any]:
    return {name: value for name, value in asdict(dials).items() if value is not None}


def find_idle(guidance: Guidance) -> Iterator[tuple[int, str]]:
    """What has no effect: (line of the file, what is to be said of it).

    Args:
        guidance: With the shots of the video.
    """
    for number, hint in enumerate(guidance.sheet.hints, 1):
        for what in _idle(guidance, hint.time, "hint"):
            yield hint.line, f"hint {number}{_tell_name(hint)} {what}"
    for number, one in enumerate(guidance.sheet.references, 1):
        if one.time is not None:
            for what in _idle(guidance, one.time, "reference"):
                yield one.line, f"reference {number} {what}"


def _tell_name(hint: Hint) -> str:
    return f" ({printable(hint.name)})" if hint.name else ""


def _idle(guidance: Guidance, time: Fraction | None, kind: str) -> Iterator[str]:
    seconds = time or Fraction(0)
    shot = guidance.shot_at(seconds)
    if shot is None:
        yield "is at a time when no frame is shown; it has no effect: correct its time"
        return
    gray = [bool(each.dials.get("keep_gray")) for each in _dials_of(guidance, shot)]
    if all(gray):
        yield f"has no effect: its shot stays gray (keep_gray); remove one, the {kind} or keep_gray"
    elif any(gray):
        yield "is not seen in a part of its shot that stays gray (keep_gray)"


def shot_entry(words: ShotWords, guidance: Guidance) -> dict[str, Any]:
    """What is said of a shot, as plain types: times are seconds."""
    return {
        "shot": words.number,
        "from": float(words.shot.start_seconds),
        "to": _seconds(words.shot.end_seconds),
        "dials": [
            {"from": float(each.start), **each.dials}
            for each in words.dials
            if each.dials or each.start > words.shot.start_seconds
        ],
        "hints": [_hint_entry(number, hint, guidance) for number, hint in words.hints],
        "references": [
            {
                "reference": number,
                "line": one.line,
                "image": str(one.image),
                "time": _seconds(one.time),
                "from": _seconds(one.start),
                "to": _seconds(one.end),
            }
            for number, one in words.references
        ],
    }


def _hint_entry(number: int, hint: Hint, guidance: Guidance) -> dict[str, Any]:
    rgb = guidance.sheet.resolve(hint.color)
    entry: dict[str, Any] = {
        "hint": number,
        "line": hint.line,
        "name": hint.name,
        "time": _seconds(hint.time),
        "color": write_color(hint.color),
        "rgb": None if rgb is None else write_color(rgb),
    }
    places = {"point": hint.point, "stroke": hint.stroke, "polygon": hint.polygon}
    entry |= {name: place for name, place in places.items() if place}
    return entry if hint.polygon else {**entry, "width": hint.size}


def _seconds(time: Fraction | None) -> float | None:
    return None if time is None else float(time)
