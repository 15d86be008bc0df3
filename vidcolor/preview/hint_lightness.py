"""How light the picture is where something is said of its color."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.guidance.entries import Hint
from vidcolor.guidance.hint_map import cover
from vidcolor.guidance.plan import ROUNDED, TOLERANCE
from vidcolor.preview.viewer import Viewer

_HEIGHT = 360
"""Of the pictures that are looked at, at most: a hint covers many pixels of the film."""


def find_lightness(source: Path, hints: Sequence[Hint]) -> list[float | None]:
    """L* 0..100 of the places of hints, the median of each.

    Args:
        source: A film or a picture.
        hints: Of frames of it.

    Returns:
        In the order of ``hints``; None for one without a time in a film.

    Raises:
        FilmError: As `open_video`.
    """
    found: list[float | None] = [None] * len(hints)
    with Viewer(source, colors="none") as viewer:
        rate = viewer.film.info.frame_rate if viewer.film else None
        spare = min(TOLERANCE, 1 / rate / 2) if rate else ROUNDED
        width, height = viewer.screen.size
        size = max(1, round(width * min(1, _HEIGHT / height))), min(height, _HEIGHT)
        timed = [
            (Fraction(0) if hint.time is None else hint.time + spare, place)
            for place, hint in enumerate(hints)
            if hint.time is not None or viewer.film is None
        ]
        timed.sort()
        shown = viewer.frames([moment for moment, _ in timed])
        lightness, last = None, None
        for (seconds, frame), (_, place) in zip(shown, timed, strict=True):
            if lightness is None or seconds != last:
                lightness, last = _lightness(viewer.screen(frame, size)), seconds
            mask = cover(hints[place], *lightness.shape)
            found[place] = float(lightness[mask].median())
    return found


def _lightness(picture: Tensor) -> Tensor:
    """``(H, W)`` L* of a ``(3, H, W)`` uint8 sRGB picture."""
    return rgb_to_lab(picture.float() / 255)[0]
