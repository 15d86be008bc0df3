"""The words in which a user says what color something has.

A `Hint` names the color of a place, a `Reference` is an image in color, a `Stretch` has its own
dials, a `Palette` has likely colors. `SheetContent` is all of them that a color sheet holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vidcolor.color.parse import parse_color
from vidcolor.errors import SettingsError

Color = str | tuple[int, int, int]
"""``#rrggbb``, a CSS name, ``gray`` (or ``grey``), ``auto``, ``@name`` of a saved color, or sRGB
numbers 0..255. Of a color only hue and strength count: the luma of the picture stays."""

Point = tuple[float, float]
"""(x, y) in 0..1 of the width and the height of the picture as it is displayed."""

PLACES = ("point", "stroke", "polygon")
"""Where a hint can be; each has one of them."""

DIALS = ("vivid", "saturation", "smooth", "weights", "keep_gray", "palette")
"""What a stretch can set."""

DIAL_RANGES = {"vivid": (0.0, 1.0), "saturation": (0.0, 4.0), "smooth": (0.0, 1.0)}
"""Smallest and largest value of the dials that are numbers."""


def _line() -> Any:
    return field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Hint:
    """The color of a place: a point, a stroke or a polygon."""

    point: Point | None = None
    """The place; exactly one of ``point``, ``stroke`` and ``polygon`` is given."""
    color: Color = "auto"
    """What color it has; ``auto`` keeps what the net found there."""
    size: float = 0.02
    """Diameter of the point, or width of the stroke, as a share of the short side; 0..1."""
    stroke: tuple[Point, ...] = ()
    """A line from point to point."""
    polygon: tuple[Point, ...] = ()
    """The outline of an area; at least three points."""
    time: Fraction | None = None
    """When, in seconds from the start of the video; None for an image."""
    name: str = ""
    """What the thing is called; empty for one without a name."""
    line: int = _line()
    """Line of the file that says it, from 1; 0 where no file does."""

    @property
    def points(self) -> tuple[Point, ...]:
        """Those of the place, whatever it is."""
        return self.polygon or self.stroke or ((self.point,) if self.point else ())

    def __post_init__(self) -> None:
        if self.point is not None:
            object.__setattr__(self, "point", check_point(self.point))
        for place, least in (("stroke", 2), ("polygon", 3)):
            points = tuple(map(check_point, getattr(self, place)))
            if points and len(points) < least:
                raise SettingsError(f"a {place} has at least {least} points; add some")
            object.__setattr__(self, place, points)
        places = [place for place in PLACES if getattr(self, place)]
        if len(places) != 1:
            how = f"has both {' and '.join(places)}" if places else "has no place"
            raise SettingsError(f"a hint {how}; give a point, a stroke or a polygon")
        check_number("size", self.size, 0, 1)
        if not self.size:
            raise SettingsError("a size of 0 covers nothing; 0.02 is usual")
        object.__setattr__(self, "color", check_color(self.color))
        _set_times(self, "time")


@dataclass(frozen=True)
class Reference:
    """An image in color that shows what the colors are."""

    image: str | Path | np.ndarray[Any, Any]
    """Path of an image, or ``(H, W, 3)`` or ``(H, W, 4)`` uint8 sRGB; of four channels, the last
    says which part counts."""
    time: Fraction | None = None
    """When the frame is shown that the image is, in seconds; None for a look: its colors go to what
    looks alike."""
    start: Fraction | None = None
    """From when a look holds, in seconds; None is the beginning."""
    end: Fraction | None = None
    """Until when a look holds; None is the end."""
    line: int = _line()
    """As of `Hint`."""

    def __post_init__(self) -> None:
        if isinstance(self.image, np.ndarray):
            shape = self.image.shape
            if self.image.dtype != np.uint8 or len(shape) != 3 or shape[2] not in (3, 4):
                raise SettingsError("an array is no image; give (H, W, 3) or (H, W, 4) of uint8")
        elif not str(self.image):
            raise SettingsError("a reference has no image; name its file")
        _set_times(self, "time", "start", "end")
        if self.time is not None and (self.start, self.end) != (None, None):
            raise SettingsError(
                "a reference is either the frame at a time or a look from one time to another;"
                " give time, or from and to"
            )
        check_span(self.start, self.end)


@dataclass(frozen=True)
class Palette:
    """Colors that are likely."""

    colors: tuple[Color, ...]
    """What the net's colors are drawn to."""
    name: str = ""
    """What it is called; empty for one without a name."""
    line: int = _line()
    """As of `Hint`."""

    def __post_init__(self) -> None:
        colors = tuple(map(check_color, self.colors))
        if not colors or "auto" in colors:
            raise SettingsError("a palette is made of colors; list some, as #rrggbb or by name")
        object.__setattr__(self, "colors", colors)


@dataclass(frozen=True)
class Stretch:
    """A part of the video with its own dials; None leaves a dial where the run has it."""

    start: Fraction = Fraction(0)
    """Seconds from the start of the video."""
    end: Fraction | None = None
    """Seconds; None is the end of the video."""
    vivid: float | None = None
    """As of `ColorizerSettings`."""
    saturation: float | None = None
    """As of `PaintSettings`."""
    smooth: float | None = None
    """Strength, as of `TemporalSettings`."""
    weights: str | None = None
    """As of `ColorizerSettings`."""
    keep_gray: bool | None = None
    """Whether it is left without color."""
    palette: str | None = None
    """Name of the palette that it uses."""
    name: str = ""
    """What it is called; empty for one without a name."""
    line: int = _line()
    """As of `Hint`."""

    def __post_init__(self) -> None:
        _set_times(self, "start", "end")
        check_span(self.start, self.end)
        for dial, (least, most) in DIAL_RANGES.items():
            value = getattr(self, dial)
            if value is not None:
                check_number(dial, value, least, most)


@dataclass(frozen=True)
class SheetContent:
    """All that a color sheet says of one video."""

    video: str = ""
    """Name of the video it belongs to; empty for any."""
    stretches: tuple[Stretch, ...] = ()
    """Later ones go before earlier ones where they overlap."""
    hints: tuple[Hint, ...] = ()
    references: tuple[Reference, ...] = ()
    palettes: tuple[Palette, ...] = ()
    saved: Mapping[str, Color] = field(default_factory=dict)
    """Colors by name; a hint uses one as ``@name``."""

    def __post_init__(self) -> None:
        for name, color in self.saved.items():
            if color == "auto" or str(color).startswith("@"):
                raise SettingsError(f"saved {name} is not a color of its own; write #rrggbb")
            check_color(color)

    def resolve(self, color: Color) -> tuple[int, int, int] | None:
        """sRGB 0..255 of a color that the sheet uses; None is ``auto``.

        Raises:
            SettingsError: It is no color, or ``@name`` of one that is not saved.
        """
        if isinstance(color, str) and color.startswith("@"):
            if color[1:] not in self.saved:
                raise SettingsError(f"no saved color {color}; add it under [saved]")
            color = self.saved[color[1:]]
        try:
            return None if color == "auto" else parse_color(color)
        except ValueError as error:
            raise SettingsError(str(error)) from None


def check_point(point: Sequence[float]) -> Point:
    """A point as two floats.

    Raises:
        SettingsError: It has not two numbers, or lies outside the picture.
    """
    try:
        x, y = (float(each) for each in point)
    except (TypeError, ValueError, OverflowError):
        raise SettingsError("a point has two numbers, x and y, as [0.4, 0.5]") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        more = "" if max(abs(x), abs(y)) <= 1 else ", as shares of the width and the height"
        raise SettingsError(
            f"the point [{x:g}, {y:g}] is outside the picture; x and y go from 0 to 1{more}"
        )
    return x, y


def check_color(color: Color) -> Color:
    """A color as a type of its own: text without blanks around it, or three numbers.

    Raises:
        SettingsError: It is none.
    """
    if isinstance(color, str):
        color = color.strip()
        if color.lower() == "auto":
            return "auto"
        if color.startswith("@"):
            return color
    try:
        numbers = parse_color(color)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return color if isinstance(color, str) else numbers


def check_number(name: str, value: float, least: float, most: float) -> None:
    """Refuse a number outside a range.

    Raises:
        SettingsError: It is outside, or no number.
    """
    if not least <= value <= most:
        raise SettingsError(f"{name} = {value:g} is outside {least:g} to {most:g}")


def check_span(start: Fraction | None, end: Fraction | None) -> None:
    """Refuse a span that ends before it begins.

    Raises:
        SettingsError: It does.
    """
    if end is not None and end <= (start or 0):
        raise SettingsError("to must be later than from")


def _set_times(words: Any, *names: str) -> None:
    """Turn the times of a frozen dataclass into fractions of a second."""
    for name in names:
        value = getattr(words, name)
        if value is None:
            continue
        if isinstance(value, float):
            if not math.isfinite(value):
                raise SettingsError(f"{name} is not a number of seconds")
            value = repr(value)  # as it was typed: 13.2 is no binary fraction
        value = Fraction(value)
        if value < 0:
            raise SettingsError(f"{name} is before the start of the video; count seconds from 0")
        object.__setattr__(words, name, value)
