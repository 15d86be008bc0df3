"""Marks that show where the hints of a frame lie."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from vidcolor.guidance.entries import Hint
from vidcolor.guidance.hint_map import Resolve, distances

_DARK, _LIGHT = 20.0, 235.0
"""Edges of a mark, outside and inside: one of them is seen on any picture."""
_UNITS = 360
"""Units on the short side of a picture, by which the lines of marks are measured; at least a
pixel each."""
_DOT, _LINE = 3.5, 1.5
"""Units from the middle of a dot and of a line to its edge."""
_EDGE = 1.5
"""Units of each of the two edges."""
_RING = 6.0
"""Radius in units from which a point is a ring, in which the picture is seen."""


def draw_marks(picture: Tensor, hints: Iterable[Hint], resolve: Resolve) -> Tensor:
    """``(3, H, W)`` uint8 sRGB: a copy of a picture with a mark for each hint.

    A point is a dot, or a ring if it is large, a stroke is its line and an area its outline, each
    in its color; what is to keep its automatic color is seen through its mark.

    Args:
        picture: ``(3, H, W)`` uint8 sRGB, upright.
        hints: Of it.
        resolve: Tells what a color is.

    Raises:
        SettingsError: A color is none.
    """
    drawn = picture.clone()
    for hint in hints:
        _draw(drawn, hint, resolve(hint.color))
    return drawn


def _draw(picture: Tensor, hint: Hint, rgb: tuple[int, int, int] | None) -> None:
    """Draw one mark into a picture."""
    height, width = picture.shape[1:]
    short = min(height, width)
    unit = max(1.0, short / _UNITS)
    line = torch.tensor([*hint.points, *hint.points[:1]] if hint.polygon else hint.points)
    line = line * torch.tensor([width, height], dtype=torch.float32)
    radius = hint.size * short / 2 if hint.point and hint.size * short / 2 >= _RING * unit else 0.0
    core = unit * (_DOT if hint.point and not radius else _LINE)
    edge = unit * _EDGE
    room = radius + core + 2 * edge + 1
    left, top = (line.amin(0) - room).floor().long().clamp(min=0).tolist()
    right, bottom = (line.amax(0) + room).ceil().long().tolist()
    part = picture[:, top:bottom, left:right]  # a view
    y, x = (torch.arange(size) + 0.5 for size in part.shape[1:])
    grid = torch.meshgrid(y + top, x + left, indexing="ij")
    away = distances(torch.stack([grid[1], grid[0]], -1), line)
    away = (away - radius).abs() if radius else away
    below = part.float()
    color = below if rgb is None else torch.tensor(rgb, dtype=torch.float32)[:, None, None]
    dark, light = (torch.full((3, 1, 1), code) for code in (_DARK, _LIGHT))
    found = below
    for until, ink in ((core + 2 * edge, dark), (core + edge, light), (core, color)):
        share = (until + 0.5 - away).clamp(0, 1)
        found = found + (ink - found) * share
    part.copy_(found.round().clamp(0, 255).to(torch.uint8))
