"""How much colour a picture may hold: none in a blank frame, none on a card of text."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

LIGHT_GROUND = 25.0
"""Median L* from which a frame is no title."""


def ramp(value: float, low: float, high: float) -> float:
    """0 at ``low``, 1 at ``high``, smooth between; ``low`` may be the larger."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def contrast_share(L: Tensor) -> float:
    """0 for a frame without contrast (leader, the end of a fade), 1 from an ordinary one on.

    Args:
        L: ``(h, w)`` CIE L*, working size.
    """
    low, high = L.flatten().quantile(L.new_tensor([0.02, 0.98])).tolist()
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
    ground = float(L.median())
    if ground >= LIGHT_GROUND:
        return 1.0
    top = float(L.flatten().quantile(0.995))
    if top - ground < 5:
        return 1.0  # nothing is written on it
    lit = ground + 0.2 * (top - ground) < L
    ink = ground + 0.55 * (top - ground) < L
    reach = 2 * (min(L.shape) // 64) + 1  # a stroke and its soft edge
    beside = F.max_pool2d(ink.float()[None, None], reach, 1, reach // 2)[0, 0] > 0
    far = float((lit & ~beside).sum() / lit.sum().clamp(min=1))
    return 1 - ramp(ground, LIGHT_GROUND, 16.0) * ramp(far, 0.28, 0.16)


def colour_share(L: Tensor) -> float:
    """The factor, 0..1, on the ab of a frame with this lightness ``(h, w)``."""
    return contrast_share(L) * title_share(L)
