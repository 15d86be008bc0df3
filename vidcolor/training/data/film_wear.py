"""What old film does to a run of frames: what belongs to the print stays, the rest trembles."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.training.data.augment import (
    age,
    clean_grey,
    film_grey,
    grey_to_lightness,
    jpeg,
    rand,
    uniform,
)

CLEAN = 1 / 3
"""Share of the runs that look as new."""
MAX_FLICKER = 0.12
"""Largest standard deviation of the exposure from frame to frame, in its logarithm."""


def worn_lightness(rgb: Tensor, draw: torch.Generator) -> Tensor:
    """Lightness of a run of frames as an old print shows it.

    Args:
        rgb: ``(T, 3, h, w)`` sRGB 0..1, sides multiples of 8.
        draw: Source of randomness.

    Returns:
        ``(T, 1, h, w)`` L* 0..100.
    """
    if float(rand(draw, 1)) < CLEAN:
        return grey_to_lightness(clean_grey(rgb))
    T, _, h, w = rgb.shape
    # As on the strip, one below the other, the frames are one picture: one stock, one contrast,
    # lasting scratches, but grain of their own.
    strip = rgb.transpose(0, 1).reshape(1, 3, T * h, w)
    grey = jpeg(age(film_grey(strip, draw), draw), draw).view(T, 1, h, w)
    return grey_to_lightness(add_spots(flickering(grey, draw), draw))


def flickering(grey: Tensor, draw: torch.Generator) -> Tensor:
    """``(T, 1, h, w)`` codes 0..1 with an exposure of its own for each frame, in half of all."""
    size = uniform(1, 0.0, MAX_FLICKER, 0.5, 0.0, draw)
    exposure = torch.randn(len(grey), 1, 1, 1, generator=draw) * size
    return (grey * exposure.exp()).clamp(0, 1)


def add_spots(grey: Tensor, draw: torch.Generator) -> Tensor:
    """``(T, 1, h, w)`` with lines and specks that last for one frame, in a third of all."""
    T, _, h, w = grey.shape
    lines = rand(draw, T, 1, 1, w) < uniform(1, 0.0, 0.01, 1 / 3, 0.0, draw)
    grey = torch.where(lines, rand(draw, T, 1, 1, w).round(), grey)
    specks = rand(draw, T, 1, h // 4, w // 4) < uniform(1, 0.0, 0.004, 1 / 3, 0.0, draw)
    shape = F.interpolate(specks.float(), (h, w), mode="bilinear") > 0.4
    return torch.where(shape, rand(draw, T, 1, 1, 1).round(), grey)
