"""Hint maps: which samples of the net's output a point, a stroke or a polygon covers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from vidcolor.color.parse import color_ab
from vidcolor.guidance.entries import Color, Hint, Point

Resolve = Callable[[Color], tuple[int, int, int] | None]
"""As `SheetContent.resolve`."""
_FINE = 3
"""Points in a sample, in each direction, by which it is decided whether a hint covers it."""
_HALF = 0.5
"""Share of a sample that a hint must cover, but for the one that its first point lies in."""
_THIN = 1.25
"""Samples that a stroke is wide at least: of a thinner one, parts would cover no sample by half."""


def draw_hints(hints: Sequence[Hint], resolve: Resolve, ab: Tensor) -> Tensor:
    """What the hints say of each sample.

    Args:
        hints: Of one picture; later ones lie over earlier ones.
        resolve: Tells what a color is.
        ab: ``(2, h, w)`` automatic color, which ``auto`` keeps.

    Returns:
        ``(3, h, w)``: ab, and 1 where a hint is, else 0.

    Raises:
        SettingsError: A color is none.
    """
    drawn = torch.zeros(3, *ab.shape[1:])
    for hint in hints:
        mask = cover(hint, ab.shape[1], ab.shape[2])
        rgb = resolve(hint.color)
        color = ab if rgb is None else torch.tensor(color_ab(rgb)).view(2, 1, 1)
        drawn[:2] = torch.where(mask, color, drawn[:2])
        drawn[2][mask] = 1.0
    return drawn


def cover(hint: Hint, height: int, width: int) -> Tensor:
    """``(height, width)`` bool: the samples that a hint covers, at least one."""
    places = _places(height, width)
    short = min(height, width)
    scale = torch.tensor([width, height], dtype=torch.float32)
    if hint.polygon:
        inside = _is_inside(places, torch.tensor(hint.polygon) * scale)
        first = _middle(hint.polygon)
    else:
        points = hint.stroke or ((hint.point,) if hint.point else ())
        across = max(hint.size * short, _THIN if hint.stroke else 0.0)
        inside = _distance(places, torch.tensor(points) * scale) <= across / 2
        first = points[0]
    mask = inside.float().view(height, _FINE, width, _FINE).mean((1, 3)) >= _HALF
    x, y = first
    if hint.polygon and mask.any():
        return mask
    mask[min(height - 1, int(y * height)), min(width - 1, int(x * width))] = True
    return mask


def _places(height: int, width: int) -> Tensor:
    """``(height * _FINE, width * _FINE, 2)`` x and y, in samples."""
    y = (torch.arange(height * _FINE) + 0.5) / _FINE
    x = (torch.arange(width * _FINE) + 0.5) / _FINE
    grid = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([grid[1], grid[0]], -1)


def _distance(places: Tensor, line: Tensor) -> Tensor:
    """``(h, w)`` distance of places to a line of ``(n, 2)`` points, or to one point."""
    found: Tensor = (places - line[0]).norm(dim=-1)
    for start, end in pairwise(line):
        way = end - start
        along = ((places - start) @ way / way.square().sum().clamp(min=1e-9)).clamp(0, 1)
        beside: Tensor = (places - start - along[..., None] * way).norm(dim=-1)
        found = torch.minimum(found, beside)
    return found


def _is_inside(places: Tensor, outline: Tensor) -> Tensor:
    """``(h, w)`` whether places lie within an outline: a ray to the right meets it oddly often."""
    inside = torch.zeros(places.shape[:2], dtype=torch.bool)
    x, y = places.unbind(-1)
    for (x1, y1), (x2, y2) in zip(outline.tolist(), outline.roll(-1, 0).tolist(), strict=True):
        crosses = (y > y1) != (y > y2)
        if y1 != y2:
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


def _middle(points: Sequence[Point]) -> Point:
    return (
        sum(point[0] for point in points) / len(points),
        sum(point[1] for point in points) / len(points),
    )
