"""What a page says of colors, as edits of a color sheet, and a sheet as the page shows it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

from vidcolor.color.css_names import CSS_NAMES
from vidcolor.color.parse import parse_color, write_color
from vidcolor.errors import AccessDenied, VidcolorError
from vidcolor.guidance.entries import PLACES, Color, Hint, Reference, SheetContent, Stretch
from vidcolor.guidance.sheet_edits import (
    Clock,
    add_entry,
    remove_entry,
    replace_entry,
    set_hint_color,
    set_saved,
)
from vidcolor.guidance.sheet_write import KIND_FIELDS
from vidcolor.web.film_sheet import FilmSheet, has_dials
from vidcolor.web.opened import Opened
from vidcolor.web.shot_scanner import Shots

TOLERANCE = Fraction(1, 50)
"""Seconds; as of `vidcolor.guidance.plan`, which loads torch."""

DIALS = ("vivid", "saturation", "smooth")
"""Numbers that a shot may have of its own."""

Edit = Callable[[str], str]


@dataclass(frozen=True)
class Scene:
    """What an edit has to know of the film."""

    opened: Opened
    shots: Shots
    clock: Clock

    def time(self, frame: int) -> Fraction | None:
        """When a frame begins, to the millisecond; None for a picture."""
        if self.opened.is_picture:
            return None
        frame = min(max(0, frame), self.opened.frames - 1)
        return Fraction(round(frame / self.opened.rate * 1000), 1000)

    def frame(self, seconds: Fraction | None) -> int:
        """The frame that something said at a time is of."""
        rate = self.opened.rate
        reach = min(TOLERANCE, 1 / rate / 2)
        return min(max(0, int(((seconds or 0) + reach) * rate)), self.opened.frames - 1)

    def shot(self, frame: int) -> tuple[Fraction, Fraction | None] | None:
        """From when to when the shot of a frame is shown; None while it is not known."""
        if self.opened.is_picture:
            return Fraction(0), None
        starts = self.shots.starts
        now = (frame + Fraction(1, 2)) / self.opened.rate
        place = bisect_right(starts, now) - 1
        if place < 0 or (place == len(starts) - 1 and not self.shots.finished):
            return None
        return starts[place], starts[place + 1] if place + 1 < len(starts) else None


def edit_of(said: dict[str, Any], scene: Scene, sheet: SheetContent) -> Edit:
    """The edit that a page asks for, with all but the text.

    Args:
        said: ``do`` and what that needs.
        scene: The film.
        sheet: As it is.

    Raises:
        AccessDenied: It cannot be read.
        SettingsError: A value cannot be.
    """
    makers: dict[str, Callable[[dict[str, Any], Scene, SheetContent], Edit]] = {
        "hint": _add_hint,
        "change": _change_hint,
        "remove": _remove,
        "dials": _set_dials,
        "save": _save,
    }
    try:
        return makers[said["do"]](said, scene, sheet)
    except VidcolorError:  # a SettingsError is a ValueError, too
        raise
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise AccessDenied("the request cannot be read; reload the page") from error


def _add_hint(said: dict[str, Any], scene: Scene, _sheet: SheetContent) -> Edit:
    (kind,) = (place for place in PLACES if place in said)
    points = [(float(x), float(y)) for x, y in said[kind]]
    place: dict[str, Any] = {kind: points[0] if kind == "point" else tuple(points)}
    hint = Hint(
        **place,
        color=_color(said["color"]),
        size=round(float(said.get("width", 0.02)), 4),
        time=scene.time(int(said["frame"])),
        name=_name(said.get("name", "")),
    )
    return partial(add_entry, entry=hint, clock=scene.clock)


def _change_hint(said: dict[str, Any], scene: Scene, sheet: SheetContent) -> Edit:
    """Another color, or another name, of a hint."""
    number = int(said["number"])
    if "color" in said:
        color = _color(said["color"])
        return partial(set_hint_color, number=number, color=color, clock=scene.clock)
    hint = sheet.hints[number - 1]
    entry = replace(hint, name=_name(said["name"]))
    return partial(replace_entry, number=number, entry=entry, clock=scene.clock)


def _remove(said: dict[str, Any], scene: Scene, _sheet: SheetContent) -> Edit:
    """Entries of one kind, by their numbers; in one step."""
    kind, numbers = str(said["kind"]), sorted({int(one) for one in said["numbers"]}, reverse=True)
    if kind not in KIND_FIELDS:
        raise AccessDenied("the request cannot be read; reload the page")

    def edit(text: str) -> str:
        for number in numbers:
            text = remove_entry(text, kind, number, scene.clock)
        return text

    return edit


def _set_dials(said: dict[str, Any], scene: Scene, sheet: SheetContent) -> Edit:
    """Dials of the shot of a frame; None leaves one as the film has it."""
    span = scene.shot(int(said["frame"]))
    if span is None:
        raise AccessDenied("this shot's end is not known yet; wait until all shots are found")
    numbers = {name: _number(said["dials"].get(name)) for name in DIALS}
    gray = said["dials"].get("keep_gray")
    values: dict[str, Any] = {**numbers, "keep_gray": gray if isinstance(gray, bool) else None}
    number = _own_stretch(sheet.stretches, span)
    if number is None:
        if all(value is None for value in values.values()):
            return lambda text: text
        start, end = (one if one is None else _to_millisecond(one) for one in span)
        fresh = Stretch(start=start or Fraction(0), end=end, **values)
        return partial(add_entry, entry=fresh, clock=scene.clock)
    entry = replace(sheet.stretches[number - 1], **values)
    others = (entry.weights, entry.palette, *values.values())
    if not entry.name and all(value is None for value in others):
        return partial(remove_entry, kind="stretch", number=number, clock=scene.clock)
    return partial(replace_entry, number=number, entry=entry, clock=scene.clock)


def _save(said: dict[str, Any], scene: Scene, _sheet: SheetContent) -> Edit:
    """A named color, new or changed; without a color it goes."""
    name, color = _name(said["name"]), said.get("color")
    if not name:
        raise AccessDenied("a saved color needs a name")
    known = None if color is None else _color(color)
    return partial(set_saved, name=name, color=known, clock=scene.clock)


def add_reference(image: str, frame: int | None, scene: Scene) -> Edit:
    """A reference: of a frame, or without one a look. To a picture, all are looks."""
    time = None if frame is None else scene.time(frame)
    entry = Reference(image=image, time=time)
    return partial(add_entry, entry=entry, clock=scene.clock)


def describe_sheet(sheet: FilmSheet, scene: Scene) -> dict[str, Any]:
    """A sheet as the page shows it, plain types; the page takes all of it for text."""
    text = sheet.text
    said = sheet.content
    undo, redo = sheet.steps
    return {
        "name": sheet.path.name,
        "text": text,
        "note": sheet.note,
        "all_shots": scene.opened.is_picture or scene.shots.finished,
        "undo": undo,
        "redo": redo,
        "hints": [_describe_hint(n, one, scene, said) for n, one in enumerate(said.hints, 1)],
        "references": [
            {
                "number": number,
                "image": str(one.image),
                "frame": None if one.time is None else scene.frame(one.time),
            }
            for number, one in enumerate(said.references, 1)
        ],
        "saved": [
            {"name": name, "hex": _hex(said, color), "color": write_color(color)}
            for name, color in said.saved.items()
        ],
        "stretches": [_describe_stretch(one, scene) for one in said.stretches if has_dials(one)],
    }


def dials_of_shot(sheet: SheetContent, scene: Scene, frame: int) -> dict[str, Any]:
    """The dials that a frame's shot has of its own, and whether the shot is known."""
    span = scene.shot(frame)
    number = None if span is None else _own_stretch(sheet.stretches, span)
    own = sheet.stretches[number - 1] if number else None
    return {
        "known": span is not None,
        "dials": {name: getattr(own, name, None) for name in (*DIALS, "keep_gray")},
    }


def color_name(code: str) -> str:
    """The CSS name nearest to ``#rrggbb``, for people who do not see it."""
    red, green, blue = parse_color(code)

    def far(name: str) -> float:
        r, g, b = parse_color(CSS_NAMES[name])
        mean = (r + red) / 512
        return (2 + mean) * (r - red) ** 2 + 4 * (g - green) ** 2 + (3 - mean) * (b - blue) ** 2

    return min(CSS_NAMES, key=far)


def _describe_hint(number: int, hint: Hint, scene: Scene, said: SheetContent) -> dict[str, Any]:
    kind = next(place for place in PLACES if getattr(hint, place))
    points: Sequence[Any] = [hint.point] if hint.point else getattr(hint, kind)
    return {
        "number": number,
        "frame": scene.frame(hint.time),
        "kind": kind,
        "points": [list(point) for point in points],
        "width": hint.size,
        "color": write_color(hint.color),
        "hex": _hex(said, hint.color),
        "name": hint.name,
    }


def _describe_stretch(one: Stretch, scene: Scene) -> dict[str, Any]:
    last = scene.opened.frames - 1
    return {
        "from": scene.frame(one.start),
        "to": last if one.end is None else max(0, scene.frame(one.end) - 1),
    }


def _own_stretch(
    stretches: Sequence[Stretch], span: tuple[Fraction, Fraction | None]
) -> int | None:
    """Number of the last stretch that is this shot and no more; None where there is none."""
    for number in range(len(stretches), 0, -1):
        one = stretches[number - 1]
        if one.end is None or span[1] is None:
            same_end = one.end == span[1]
        else:
            same_end = abs(one.end - span[1]) <= TOLERANCE
        if same_end and abs(one.start - span[0]) <= TOLERANCE:
            return number
    return None


def _hex(said: SheetContent, color: Color) -> str:
    """``#rrggbb``; empty for ``auto``."""
    numbers = said.resolve(color)
    return "" if numbers is None else write_color(numbers)


def _color(value: Any) -> Color:
    if not isinstance(value, str) or len(value) > 200:
        raise AccessDenied("this is no color; write #rrggbb or a name")
    return value


def _name(value: Any) -> str:
    name = " ".join(str(value).split())
    if len(name) > 100 or not name.isprintable():
        raise AccessDenied("this name is too long; use up to 100 letters")
    return name


def _number(value: Any) -> float | None:
    return None if value is None else round(float(value), 3)


def _to_millisecond(seconds: Fraction) -> Fraction:
    return Fraction(round(seconds * 1000), 1000)
