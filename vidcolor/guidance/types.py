"""The words in which a user says what color something has.

A `Hint` names the color of a place, a `Reference` is an image in color, a `Stretch` has its own
dials. `ColorSheet` holds all that is said of one video.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

Color = str | tuple[int, int, int]
"""``#rrggbb``, a CSS name, ``gray`` (or ``grey``), ``auto``, ``@name`` of a saved color, or sRGB
numbers 0..255. Of a color only hue and strength count: the luma of the picture stays."""

Point = tuple[float, float]
"""(x, y) in 0..1 of the width and the height of the picture as it is displayed."""


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


@dataclass(frozen=True)
class Palette:
    """Colors that are likely."""

    colors: tuple[Color, ...]
    """What the net's colors are drawn to."""
    name: str = ""
    """What it is called; empty for one without a name."""


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


@dataclass(frozen=True)
class ColorSheet:
    """All that is said of the colors of one video; ``sheet_file`` reads and writes it."""

    video: str = ""
    """Name of the video it belongs to; empty for any."""
    stretches: tuple[Stretch, ...] = ()
    """Later ones go before earlier ones where they overlap."""
    hints: tuple[Hint, ...] = ()
    references: tuple[Reference, ...] = ()
    palettes: tuple[Palette, ...] = ()
    saved: Mapping[str, Color] = field(default_factory=dict)
    """Colors by name; a hint uses one as ``@name``."""
    path: Path | None = None
    """The file it was read from; images are looked for beside it."""
