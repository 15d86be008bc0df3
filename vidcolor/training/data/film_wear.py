"""What old film does to a run of frames: what belongs to the print stays, the rest trembles."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.training.data.augment import (
    age,
    clean_gray,
    film_gray,
    gray_to_lightness,
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
        return gray_to_lightness(clean_gray(rgb))
    T, _, h, w = rgb.shape
    # As on the strip, one below the other, the frames are one picture: one stock, one contrast,
    # lasting scratches, but grain of their own.
    strip = rgb.transpose(0, 1).reshape(1, 3, T * h, w)
    gray = jpeg(age(film_gray(strip, draw), draw), draw).view(T, 1, h, w)
    return gray_to_lightness(add_spots(flickering(gray, draw), draw))


def flickering(gray: Tensor, draw: torch.Generator) -> Tensor:
    """``(T, 1, h, w)`` codes 0..1 with an exposure of its own for each frame, in half of all."""
    size = uniform(1, 0.0, MAX_FLICKER, 0.5, 0.0, draw)
    exposure = torch.randn(len(gray), 1, 1, 1, generator=draw) * size
    return (gray * exposure.exp()).clamp(0, 1)


def add_spots(gray: Tensor, draw: torch.Generator) -> Tensor:
    """``(T, 1, h, w)`` with lines and specks that last for one frame, in a third of all."""
    T, _, h, w = gray.shape
    lines = rand(draw, T, 1, 1, w) < uniform(1, 0.0, 0.01, 1 / 3, 0.0, draw)
    gray = torch.where(lines, rand(draw, T, 1, 1, w).round(), gray)
    specks = rand(draw, T, 1, h // 4, w // 4) < uniform(1, 0.0, 0.004, 1 / 3, 0.0, draw)
    shape = F.interpolate(specks.float(), (h, w), mode="bilinear") > 0.4
    return torch.where(shape, rand(draw, T, 1, 1, 1).round(), gray)
