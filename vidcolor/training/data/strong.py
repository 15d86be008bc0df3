"""Stronger augmentation, for ``--augment strong``: how a camera was held, its optics, its film.

Crops come with a rim, so that a turned picture has no corners to fill. Geometry bends the colors
before they become lightness and ab, so both follow it; optics and tone change the gray alone.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from kornia.filters import filter2d, gaussian_blur2d
from kornia.geometry.transform import get_perspective_transform, warp_perspective
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from vidcolor.training.data.augment import rand, uniform

RIM = 5, 4
"""Side of a crop with its rim, as a fraction of the side that is learned from."""
WHOLE = 0.15
"""Share of the crops that are whole pictures, squashed as those of a validation."""
KERNEL = 9
"""Side of the kernels of optics, pixels."""
KNOTS = 6
"""Slopes that a curve of tone is drawn from."""
CODES = 256
"""Entries of a curve of tone."""


def wide_crop(rgb: Tensor, side: int, draw: torch.Generator) -> Tensor:
    """A crop with its rim, from 0.3 of the short side to the whole picture.

    Args:
        rgb: ``(3, H, W)`` uint8.
        side: What `bend` leaves of it, pixels; a multiple of 4.
        draw: Source of randomness.

    Returns:
        ``(3, 5 side / 4, 5 side / 4)`` uint8.
    """
    scale, stretch, top, left, flip, whole = torch.rand(6, generator=draw).tolist()
    H, W = rgb.shape[1:]
    size = side * RIM[0] // RIM[1]
    if flip < 0.5:
        rgb = rgb.flip(2)
    if whole < WHOLE:
        # The picture has nothing around it: its rim is its mirror image.
        place = torch.arange(size) - (size - side) // 2
        place = (side - 1) - ((side - 1) - place.abs()).abs()
        squashed: Tensor = resize(rgb, [side, side], antialias=True)
        return squashed[:, place][:, :, place]
    height = min(H, W) * min(1.0, (0.3 + 0.7 * scale) * RIM[0] / RIM[1])
    h = max(16, round(height))
    w = min(W, max(16, round(height / 1.4 ** (stretch * 1.5 - 0.75))))
    y, x = round(top * (H - h)), round(left * (W - w))
    result: Tensor = resize(rgb[:, y : y + h, x : x + w], [size, size], antialias=True)
    return result


def bend(rgb: Tensor, draw: torch.Generator) -> Tensor:
    """Cut the rim off: straight for a half, turned, slanted and in perspective for the rest.

    Args:
        rgb: ``(B, 3, 5 s / 4, 5 s / 4)`` uint8, as `wide_crop` gives them.
        draw: Source of randomness.

    Returns:
        ``(B, 3, s, s)`` uint8; all of it is picture.
    """
    whole = rgb.shape[-1]
    side = whole * RIM[1] // RIM[0]
    corners = place_corners(len(rgb), side, whole, draw)
    square = (side - 1) * rgb.new_tensor([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=torch.float32)
    matrix = get_perspective_transform(corners, square.expand_as(corners))
    bent: Tensor = warp_perspective(rgb.float(), matrix, (side, side), padding_mode="border")
    return bent.round().clamp(0, 255).to(torch.uint8)


def place_corners(B: int, side: int, whole: int, draw: torch.Generator) -> Tensor:
    """``(B, 4, 2)`` where in a crop of ``whole`` pixels the corners of what is kept lie, x and y.

    In the order of a square's corners around it. Up to 8 degrees of turn, 0.12 of slant; each
    corner is moved by up to 0.06 of the side; what would reach beyond the crop is made smaller.
    """
    moved = (rand(draw, B, 1, 1) < 0.5).float()
    turn = moved * math.radians(8) * (2 * rand(draw, B, 1, 1) - 1)
    slant = moved * 0.12 * (2 * rand(draw, B, 1, 1) - 1)
    x, y = turn.new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]]).unbind(1)
    x, y = x + slant[..., 0] * y, y.expand(B, 4)
    cos, sin = turn.cos()[..., 0], turn.sin()[..., 0]
    corners = torch.stack([cos * x - sin * y, sin * x + cos * y], 2)
    corners = corners + moved * 0.12 * (2 * rand(draw, B, 4, 2) - 1)
    half = (side - 1) / 2 * corners
    reach = half.abs().amax((1, 2), keepdim=True)
    middle = (whole - 1) / 2
    return middle + half * (middle / reach).clamp(max=1)


def expose(gray: Tensor, draw: torch.Generator) -> Tensor:
    """What camera and film do to the light; ``(B, 1, h, w)`` gray codes 0..1.

    Motion blur or defocus for a quarter, halos around highlights for a fifth, a curve of tone for
    a half of the batch.
    """
    gray = filter2d(gray, draw_kernels(len(gray), draw))
    gray = add_halo(gray.clamp(0, 1), draw)
    return bend_tone(gray, draw)


def draw_kernels(B: int, draw: torch.Generator) -> Tensor:
    """``(B, 9, 9)`` kernels with sum 1: a line for an eighth, a disc for another, else a point."""
    kind = rand(draw, B, 1, 1)
    angle = math.pi * rand(draw, B, 1, 1)
    length = 2 + 4 * rand(draw, B, 1, 1)
    radius = 0.8 + 1.2 * rand(draw, B, 1, 1)
    n = torch.arange(KERNEL, device=draw.device) - KERNEL // 2
    y, x = n.view(1, -1, 1), n.view(1, 1, -1)
    along, beside = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    # Edges half a pixel wide, so that any angle and size makes a difference.
    line = torch.sigmoid(4 * (length / 2 - along.abs())) * torch.exp(-2 * beside**2)
    disc = torch.sigmoid(4 * (radius - (x * x + y * y).sqrt()))
    point = ((x == 0) & (y == 0)).float()
    kernels = torch.where(kind < 1 / 8, line, torch.where(kind < 1 / 4, disc, point))
    return kernels / kernels.sum((1, 2), keepdim=True)


def add_halo(gray: Tensor, draw: torch.Generator) -> Tensor:
    """Light that spreads in the film around highlights; ``(B, 1, h, w)`` codes 0..1."""
    B, _, h, w = gray.shape
    strength = uniform(B, 0.2, 0.7, 0.2, 0.0, draw)
    # At a quarter of the size, as it is wide and soft: 3 to 10 pixels.
    bright = F.avg_pool2d((gray - 0.65).clamp(min=0) / 0.35, 4)
    sigma = (0.75 + 1.75 * rand(draw, B, 1)).expand(B, 2)
    size = min(KERNEL, 2 * (min(h, w) // 4) - 1)
    glow = F.interpolate(gaussian_blur2d(bright, size, sigma), (h, w), mode="bilinear")
    return gray + (1 - gray) * strength * glow


def bend_tone(gray: Tensor, draw: torch.Generator) -> Tensor:
    """A random rising curve of tone with fixed ends, for a half; ``(B, 1, h, w)`` codes 0..1."""
    B = len(gray)
    strength = uniform(B, 0.2, 0.7, 0.5, 0.0, draw).view(B, 1, 1)
    knots = torch.randn(B, 1, KNOTS, generator=draw, device=draw.device) * strength
    slopes = F.interpolate(knots, CODES - 1, mode="linear", align_corners=True)[:, 0].exp()
    curve = F.pad(slopes.cumsum(1) / slopes.sum(1, keepdim=True), (1, 0))
    place = gray.clamp(0, 1).flatten(1) * (CODES - 1)
    below = place.long().clamp(max=CODES - 2)
    low, high = curve.gather(1, below), curve.gather(1, below + 1)
    return torch.lerp(low, high, place - below).view_as(gray)
