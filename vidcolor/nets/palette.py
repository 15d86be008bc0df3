"""Palettes: likely colors, to which a net's colors are drawn.

A palette stands for its colors, for weaker shades of each, and for gray: how strong a color can be
depends on the luma. So the distance of a color from it is that from the nearest of the lines that
lead from gray to its colors.
"""

from __future__ import annotations

import torch
from torch import Tensor

PaletteColors = tuple[tuple[float, float], ...]
"""CIE a* and b* of each color."""
_TOLERANCE = 0.6
"""Distance from a palette, in sides of a bin, at which a bin is less likely by a factor of 1.6; at
five times it, by 270,000."""
_SPREAD = 4.0
"""The same for a color, in ab units: how far two colors of the palette share what lies between."""


def lower_logits(logits: Tensor, bins: Tensor, bin_size: int, colors: PaletteColors) -> Tensor:
    """Logits of a distribution that a palette leaves next to nothing of what is far from it.

    Args:
        logits: ``(B, Q, h, w)``.
        bins: ``(Q, 2)`` centers of the bins, ab units.
        bin_size: Their side.
        colors: Of the palette.

    Returns:
        ``(B, Q, h, w)`` float32.
    """
    nearest = _nearest(bins.float().T[None, :, :, None], colors)
    apart = (nearest - bins.float().T[None, None, :, :, None]).square().sum(2).amin(1)
    cost = apart / (2 * (_TOLERANCE * bin_size) ** 2)
    return logits.float() - cost.view(1, -1, 1, 1)


def pull(ab: Tensor, colors: PaletteColors) -> Tensor:
    """Colors at the nearest place of a palette; those between two of its colors change smoothly.

    Args:
        ab: ``(B, 2, h, w)``.
        colors: Of the palette.

    Returns:
        ``(B, 2, h, w)`` float32.
    """
    ab = ab.float()
    nearest = _nearest(ab, colors)
    apart = (nearest - ab[:, None]).square().sum(2, keepdim=True)
    share = (-apart / (2 * _SPREAD**2)).softmax(1)
    return (nearest * share).sum(1)


def _nearest(ab: Tensor, colors: PaletteColors) -> Tensor:
    """``(B, P, 2, h, w)`` nearest places to ``(B, 2, h, w)`` ab on the lines to P colors."""
    ends = torch.tensor(colors, dtype=torch.float32, device=ab.device).view(1, -1, 2, 1, 1)
    length = ends.square().sum(2, keepdim=True).clamp(min=1e-6)
    along = (ab[:, None] * ends).sum(2, keepdim=True) / length
    return ends * along.clamp(0, 1)
