"""Losses of the smoother's gate: color must be steady, and no other than it is.

Runs of frames are ``(B, T, C, h, w)``, ab in units of CIE; losses are in tens of them. A *way* is
the displacement by which results are judged, from each frame but the first into one before it:
exact for made motion, a finer flow for clips.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.core.optical_flow import warp

HIDDEN = 6.0
"""How much more a sample counts in `keep_loss` where the thing was not in sight one frame before:
there ghosts appear, and there are few of them."""
SMALL = 2.0
"""Changes of a true color, in ab units, up to which `keep_loss` counts little: much of them is the
noise of the clips' own compression, and nobody sees them."""
CHANGED = 5.0
"""Difference of the true colors, in ab units, at which two ends of a way count a third."""

WEIGHTS = {"keep": 1.5, "near": 0.1, "short": 2.0, "long": 1.0, "vivid": 0.3}
"""Factors on the losses. ``keep`` alone would have the gate shut, ``short`` and ``long`` alone
open; with these factors they weigh about the same. What is ``near`` the truth the colornet alone
decides, so that it counts little."""


def keep_loss(kept: Tensor, truth: Tensor, seen: Tensor) -> Tensor:
    """What the smoother does to true colors, which need no smoothing: ghosts, leaks, fading.

    Args:
        kept: ``(B, T, 2, h, w)`` the true colors, smoothed.
        truth: ``(B, T, 2, h, w)``.
        seen: ``(B, T - 1, 1, h, w)`` 0..1: whether things were in sight one frame before.
    """
    off = ((kept - truth).square().sum(2, keepdim=True) + SMALL**2).sqrt() - SMALL
    weight = 1 + HIDDEN * hidden(seen)
    return (off * weight).sum() / weight.sum() / 10


def hidden(seen: Tensor) -> Tensor:
    """``(B, T, 1, h, w)`` 0..2: in how many of the frames next to it a thing is out of sight.

    Going is like coming, seen from the future.
    """
    gone = F.pad(1 - seen, (0, 0, 0, 0, 0, 0, 1, 1))
    return gone[:, 1:] + gone[:, :-1]


def near_loss(steady: Tensor, truth: Tensor) -> Tensor:
    """Distance of the steady colors to the true ones, both ``(B, T, 2, h, w)``."""
    off = (steady - truth) / 10
    return ((off.square().sum(2) + 1).sqrt() - 1).mean()


def warp_loss(steady: Tensor, truth: Tensor, way: Tensor, seen: Tensor) -> Tensor:
    """Change of the steady colors along ways, where things are in sight at both ends.

    Args:
        steady: ``(B, T, 2, h, w)``.
        truth: ``(B, T, 2, h, w)``; where it changes along the way, steadiness is no virtue.
        way: ``(B, T - k, 2, h, w)`` from frame k and later into the one k frames before.
        seen: ``(B, T - k, 1, h, w)`` 0..1.
    """
    weight = seen * agreement(truth, way)
    return (drift(steady, way) * weight).sum() / weight.sum().clamp(min=1) / 10


def drift(ab: Tensor, way: Tensor) -> Tensor:
    """``(B, T - k, 1, h, w)`` sum of the absolute differences of ab at both ends of the ways."""
    gap = ab.shape[1] - way.shape[1]
    before = warp(ab[:, :-gap].flatten(0, 1), way.flatten(0, 1)).view_as(ab[:, gap:])
    return (ab[:, gap:] - before).abs().sum(2, keepdim=True)


def agreement(truth: Tensor, way: Tensor) -> Tensor:
    """``(B, T - k, 1, h, w)`` 1 where true colors agree at both ends of the ways, else less."""
    return torch.exp(-((drift(truth, way) / CHANGED) ** 2))


def vivid_loss(steady: Tensor, ab: Tensor) -> Tensor:
    """What is missing to the strength of color that each frame had alone; more is no harm.

    Args:
        steady: ``(B, T, 2, h, w)``.
        ab: The same, frame by frame.
    """
    missing = strength(ab) - strength(steady)
    return missing.clamp(min=0).mean() / 10


def strength(ab: Tensor) -> Tensor:
    """``(B, T)`` mean chroma of ``(B, T, 2, h, w)``."""
    return (ab.square().sum(2) + 1e-4).sqrt().mean((2, 3))


def compose_flows(way: Tensor, seen: Tensor, gap: int) -> tuple[Tensor, Tensor]:
    """Ways over several frames, one after the other.

    Args:
        way: ``(B, T - 1, 2, h, w)`` over one frame.
        seen: ``(B, T - 1, 1, h, w)`` 0..1.
        gap: Frames to go back, 1..T - 1.

    Returns:
        ``(B, T - gap, 2, h, w)`` and ``(B, T - gap, 1, h, w)``: in sight all the way.
    """
    whole = step = torch.cat([way, seen], 2)
    for _ in range(gap - 1):
        step, rest = step[:, 1:], whole[:, :-1]
        moved = warp(rest.flatten(0, 1), step[:, :, :2].flatten(0, 1)).view_as(rest)
        whole = torch.cat([step[:, :, :2] + moved[:, :, :2], step[:, :, 2:] * moved[:, :, 2:]], 2)
    return whole[:, :, :2], whole[:, :, 2:]


def within(way: Tensor) -> Tensor:
    """``(B, T, 1, h, w)`` 1 where ways end inside the frame, else 0."""
    h, w = way.shape[3:]
    y = torch.arange(h, device=way.device).view(h, 1) + way[:, :, 1:]
    x = torch.arange(w, device=way.device) + way[:, :, :1]
    return ((y >= 0) & (y <= h - 1) & (x >= 0) & (x <= w - 1)).float()
