"""Suggestions: the colors that the net thinks likely at a place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vidcolor.color.difference import nearest_shown
from vidcolor.color.lab import lab_to_rgb

ROUNDS = 20
"""Of k-means; it settles in fewer."""
_LEAST = 1e-4
"""Probability below which a bin is nobody's color."""


@dataclass(frozen=True)
class Suggestion:
    """A color for a place."""

    color: str
    """``#rrggbb`` at the luma of the place."""
    ab: tuple[float, float]
    """CIE a*, b*."""
    share: float
    """0..1: how likely the net thinks it."""


@torch.inference_mode()
def suggest_colors(
    logits: Tensor, bins: Tensor, lightness: float, count: int = 9
) -> list[Suggestion]:
    """The likeliest colors of a place, the likeliest first; each can be shown at its luma.

    They are the centers of k-means over the net's distribution, as in Zhang et al., "Real-Time
    User-Guided Image Colorization with Learned Deep Priors", 2017, but without drawing samples.

    Args:
        logits: ``(Q,)`` of the place.
        bins: ``(Q, 2)`` ab of the bins.
        lightness: L* 0..100 of the place.
        count: How many at most; fewer where fewer are likely.
    """
    odds = logits.float().softmax(0)
    likely = odds > min(_LEAST, float(odds.max()) / 2)
    odds, points = odds[likely], bins[likely].float()
    centers = _first_centers(points, odds, min(count, len(points)))
    for _ in range(ROUNDS):
        owner = torch.cdist(points, centers).argmin(1)
        weights = torch.zeros(len(centers)).index_add_(0, owner, odds)
        sums = torch.zeros_like(centers).index_add_(0, owner, points * odds[:, None])
        centers = torch.where(
            weights[:, None] > 0, sums / weights[:, None].clamp(min=1e-9), centers
        )
    shares = weights / weights.sum()
    shown = nearest_shown(torch.tensor(lightness), centers.T)
    found = []
    for n in shares.argsort(descending=True, stable=True).tolist():
        ab = (float(shown[0, n]), float(shown[1, n]))
        found.append(Suggestion(color_at(lightness, ab), ab, float(shares[n])))
    return [one for n, one in enumerate(found) if one.color not in {o.color for o in found[:n]}]


def color_at(lightness: float, ab: tuple[float, float]) -> str:
    """``#rrggbb`` of a color at a lightness, clipped to sRGB."""
    lab = torch.tensor([lightness, *ab]).view(3, 1, 1)
    codes = (lab_to_rgb(lab).flatten() * 255).round().int().tolist()
    return "#" + "".join(f"{code:02x}" for code in codes)


def _first_centers(points: Tensor, odds: Tensor, count: int) -> Tensor:
    """The likeliest point, then each time the one that is likely and far from all before it."""
    chosen = [int(odds.argmax())]
    while len(chosen) < count:
        far = torch.cdist(points, points[chosen]).amin(1)
        chosen.append(int((odds * far.square()).argmax()))
    return points[chosen].clone()
