"""A film to measure with when none is given: moving pictures that cost what archive film costs.

Its pictures are dead leaves, patches of all sizes that hide each other, which have the statistics
of photographs (Lee, Mumford, Huang, "Occlusion models for natural images", 2001). A camera moves
over them, something passes by, the lamp flickers, and there is grain. The same on every run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

RATE = Fraction(24)
"""Frames per second."""
SHOT = 48
"""Frames of a shot."""
LEAVES = 400
"""Patches of a scene."""
MARGIN = 1.3
"""Sides of a scene, in sides of the picture; the camera moves within."""
GRAIN = 2.0
"""Standard deviation of the grain, in luma codes."""
FLICKER = 0.015
"""Standard deviation of the lamp's light, as a share of it."""


@dataclass(frozen=True)
class _Shot:
    scene: Tensor
    """``(MARGIN * H, MARGIN * W)`` float32, 0..1."""
    passing: Tensor
    """``(h, w)`` of what passes by, about half as high as the picture."""
    shape: Tensor
    """``(h, w)`` 0..1, its outline."""
    heading: float
    """Where the camera moves to, as an angle in radians."""


def pictures(width: int, height: int, frames: int) -> Iterator[Tensor]:
    """``(H, W)`` uint8 luma codes 16..235 of each frame; a shot ends after every `SHOT` frames."""
    dice = torch.Generator().manual_seed(6)
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
    )
    vignette = 1 - 0.2 * (x * x + y * y)
    for number in range(frames):
        if number % SHOT == 0:
            shot = _shot(height, width, dice)
        light = 1 + FLICKER * float(torch.randn((), generator=dice))
        picture = _render_view(shot, number % SHOT / SHOT, (height, width)) * vignette * light
        noise = torch.randn(1, 1, height + 1, width + 1, generator=dice)
        grain = 2 * F.avg_pool2d(noise, 2, 1)[0, 0]  # of the same deviation, over two pixels
        yield (16 + 219 * picture + GRAIN * grain).round_().clamp_(16, 235).to(torch.uint8)


def _shot(height: int, width: int, dice: torch.Generator) -> _Shot:
    h, w = height // 2, height // 3
    y, x = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    shape = ((1 - (x * x + y * y).sqrt()) * w / 6).clamp_(0, 1)
    scene = _leaves(int(MARGIN * height), int(MARGIN * width), dice)
    heading = 2 * math.pi * float(torch.rand((), generator=dice))
    return _Shot(scene, _leaves(h, w, dice), shape, heading)


def _render_view(shot: _Shot, moment: float, size: tuple[int, int]) -> Tensor:
    """(H, W) 0..1: what the camera sees at a moment 0..1 of the shot."""
    room = 1 - 1 / MARGIN
    at = room * (moment - 0.5)
    dx, dy = at * math.cos(shot.heading), at * math.sin(shot.heading)
    zoom = 1 / MARGIN
    camera = torch.tensor([[[zoom, 0.0, dx], [0.0, zoom, dy]]])
    grid = F.affine_grid(camera, [1, 1, *size], align_corners=False)
    picture = F.grid_sample(shot.scene[None, None], grid, "bilinear", "border", align_corners=False)
    seen = picture[0, 0]
    h, w = shot.passing.shape
    top, left = size[0] // 3, round(moment * (size[1] - w))
    place = seen[top : top + h, left : left + w]
    place.lerp_(shot.passing, shot.shape)
    return seen


def _leaves(height: int, width: int, dice: torch.Generator) -> Tensor:
    """(height, width) 0..1: patches of radii whose density falls with the third power."""
    fine = _clouds(height, width, dice)
    scene = 0.5 + 0.3 * fine
    smallest, largest = height / 100, height / 3
    for *place, size, tone, depth in torch.rand(LEAVES, 5, generator=dice).tolist():
        radius = max(2.0, 1 / math.sqrt(size / smallest**2 + (1 - size) / largest**2))
        cy, cx = place[0] * height, place[1] * width
        top, left = max(0, int(cy - radius)), max(0, int(cx - radius))
        box = scene[top : int(cy + radius) + 1, left : int(cx + radius) + 1]
        y = torch.arange(top, top + box.shape[0])[:, None] - cy
        x = torch.arange(left, left + box.shape[1])[None] - cx
        cover = (radius - (y * y + x * x).sqrt()).clamp_(0, 1)
        inner = fine[top : top + box.shape[0], left : left + box.shape[1]]
        box.lerp_(0.1 + 0.8 * tone + 0.3 * depth * inner, cover)
    return scene


def _clouds(height: int, width: int, dice: torch.Generator) -> Tensor:
    """(height, width) noise of about -1..1 whose octaves are as strong as they are coarse."""
    found = torch.zeros(1, 1, height, width)
    side, strength = 4, 0.5
    while side < height:
        coarse = torch.rand(1, 1, side, max(1, side * width // height), generator=dice) * 2 - 1
        found += strength * F.interpolate(coarse, (height, width), mode="bilinear")
        side, strength = side * 2, strength * 0.6
    return found[0, 0]
