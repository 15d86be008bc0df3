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
    short = min(height, width)
    scale = torch.tensor([width, height], dtype=torch.float32)
    across = 0.0 if hint.polygon else max(hint.size * short, _THIN if hint.stroke else 0.0)
    outline = torch.tensor(hint.points) * scale
    # Most hints are small: only what is around them is looked at.
    left, top = (outline.amin(0) - across / 2).floor().long().tolist()
    right, bottom = (outline.amax(0) + across / 2).ceil().long().tolist()
    rows = slice(min(max(top, 0), height - 1), min(bottom + 1, height))
    columns = slice(min(max(left, 0), width - 1), min(right + 1, width))
    places = _places(rows, columns)
    if hint.polygon:
        inside = _is_inside(places, outline)
        x, y = _middle(hint.polygon)
    else:
        inside = distances(places, outline) <= across / 2
        x, y = hint.points[0]
    mask = torch.zeros(height, width, dtype=torch.bool)
    parts = inside.float().view(-1, _FINE, len(places[0]) // _FINE, _FINE)
    mask[rows, columns] = parts.mean((1, 3)) >= _HALF
    if hint.polygon and mask.any():
        return mask
    mask[min(height - 1, int(y * height)), min(width - 1, int(x * width))] = True
    return mask


def _places(rows: slice, columns: slice) -> Tensor:
    """``(h * _FINE, w * _FINE, 2)`` x and y, in samples, of the points of some samples."""
    y, x = (
        (torch.arange(part.start * _FINE, part.stop * _FINE) + 0.5) / _FINE
        for part in (rows, columns)
    )
    grid = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([grid[1], grid[0]], -1)


def distances(places: Tensor, line: Tensor) -> Tensor:
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
