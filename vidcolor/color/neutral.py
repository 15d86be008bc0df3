"""How much colour a picture may hold: none in a blank frame, none on a card of text."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LIGHT_GROUND = 25.0
"""Median L* from which a frame is no title."""

BIN = 0.02
"""Width of the steps in which L* is counted."""


def ramp(value: float, low: float, high: float) -> float:
    """0 at ``low``, 1 at ``high``, smooth between; ``low`` may be the larger."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _quantiles(L: Tensor, shares: Sequence[float]) -> list[float]:
    """Quantiles of L* 0..100, to the `BIN` they lie in: sorting takes ten times as long."""
    bins = (L.flatten() / BIN).clamp(0, 100 / BIN).int()
    reached = bins.bincount().cumsum(0).double() / bins.numel()
    places = torch.searchsorted(reached, reached.new_tensor(shares))
    return ((places + 0.5) * BIN).tolist()


def _spread(mask: Tensor, reach: int) -> Tensor:
    """(h, w) bool: whether the mask is set at most ``reach`` rows away."""
    result = mask.clone()
    for away in range(1, min(reach + 1, len(mask))):
        result[away:] |= mask[:-away]
        result[:-away] |= mask[away:]
    return result


def contrast_share(L: Tensor) -> float:
    """0 for a frame without contrast (leader, the end of a fade), 1 from an ordinary one on.

    Args:
        L: ``(h, w)`` CIE L*, working size.
    """
    low, high = _quantiles(L, (0.02, 0.98))
    return ramp(high - low, 5.0, 18.0)


def title_share(L: Tensor) -> float:
    """0 for light lettering on a dark ground, 1 for a picture.

    On a title whatever is lighter than the ground is lettering or lies right beside it; in a
    picture, a night scene too, much of it lies far from the brightest parts. In the films and
    cards this was set on, that part is below 0.13 for titles and above 0.15, mostly 0.2 to 0.4,
    for pictures, whose ground is lighter besides.

    Args:
        L: ``(h, w)`` CIE L*, working size.
    """
    ground, top = _quantiles(L, (0.5, 0.995))
    if ground >= LIGHT_GROUND:
        return 1.0
    if top - ground < 5:
        return 1.0  # nothing is written on it
    lit = ground + 0.2 * (top - ground) < L
    ink = ground + 0.55 * (top - ground) < L
    reach = min(L.shape) // 64  # a stroke and its soft edge
    beside = _spread(_spread(ink, reach).T, reach).T
    far = float((lit & ~beside).sum() / lit.sum().clamp(min=1))
    return 1 - ramp(ground, LIGHT_GROUND, 16.0) * ramp(far, 0.28, 0.16)


def colour_share(L: Tensor) -> float:
    """The factor, 0..1, on the ab of a frame with this lightness ``(h, w)``."""
    return contrast_share(L) * title_share(L)
