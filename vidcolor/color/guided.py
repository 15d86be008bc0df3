"""Small ab brought to the size of the chroma planes, along the edges of the luma.

The fast guided filter of He and Sun ("Fast Guided Filter", 2015): around every sample of the small
ab a line ``ab = slope * luma + offset`` is fitted; slopes and offsets are enlarged and meet the
full-size luma. Colour then ends where the picture has an edge, not where the net's grid has one.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.planes import resize
from vidcolor.frames import PixelLayout

RADIUS = 2
"""Half a side of the fitting window, in samples of the small ab."""

EPSILON = 0.03**2
"""Variance of unit luma below which a window counts as flat, so that grain colours nothing."""


def box_mean(maps: Tensor) -> Tensor:
    """(C, h, w) -> the same shape: mean over the window, smaller at the edges."""
    side = 2 * RADIUS + 1
    return F.avg_pool2d(maps, side, stride=1, padding=RADIUS, count_include_pad=False)


def fit_lines(luma: Tensor, ab: Tensor) -> Tensor:
    """Slopes and offsets of ab over luma in each window.

    Args:
        luma: ``(h, w)`` unit luma at the size of ab.
        ab: ``(2, h, w)``.

    Returns:
        ``(4, h, w)``: slopes of a, b, then offsets of a, b, averaged over the windows.
    """
    means = box_mean(torch.cat([luma[None], (luma * luma)[None], ab, ab * luma]))
    mean, square, mean_ab, product = means[0], means[1], means[2:4], means[4:6]
    slope = (product - mean * mean_ab) / ((square - mean * mean).clamp(min=0) + EPSILON)
    return box_mean(torch.cat([slope, mean_ab - slope * mean]))


@functools.lru_cache(maxsize=32)
def interpolation(size: int, samples: int, first: float, step: float) -> Tensor:
    """Linear interpolation as a matrix.

    Args:
        size: Number of input samples; they cover 0..1 in equal cells.
        samples: Number of output samples.
        first: Place of the first output sample in 0..1.
        step: Distance between output samples.

    Returns:
        ``(samples, size)`` float32, rows sum to 1; beyond the outer samples the edge is held.
    """
    place = (first + step * torch.arange(samples, dtype=torch.float64)) * size - 0.5
    place = place.clamp(0, size - 1)
    left = place.floor().long().clamp(max=max(size - 2, 0))
    share = (place - left).float()
    matrix = torch.zeros(samples, size)
    rows = torch.arange(samples)
    matrix[rows, left] += 1 - share
    matrix[rows, (left + 1).clamp(max=size - 1)] += share
    return matrix


def upsample_guided(
    luma: Tensor, ab: Tensor, size: tuple[int, int] | torch.Size, layout: PixelLayout
) -> Tensor:
    """Bring ab to the chroma grid.

    Args:
        luma: ``(Hc, Wc)`` unit luma at the chroma samples.
        ab: ``(2, h, w)`` ab of the whole picture.
        size: (H, W) of the luma plane.
        layout: Subsampling and siting of the chroma.

    Returns:
        ``(2, Hc, Wc)``.
    """
    h, w = ab.shape[1:]
    (Hc, Wc), (H, W) = luma.shape, size
    lines = fit_lines(resize(luma, h, w), ab)
    x, y = layout.siting
    rows = interpolation(h, Hc, (y + 0.5) / H, (1 << layout.sub_y) / H)
    columns = interpolation(w, Wc, (x + 0.5) / W, (1 << layout.sub_x) / W)
    # The lines are small, so the narrow product comes first.
    enlarged = rows.to(luma.device) @ (lines @ columns.to(luma.device).T)
    return torch.addcmul(enlarged[2:], enlarged[:2], luma)
