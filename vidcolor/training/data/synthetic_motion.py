"""Motion made from stills: scenes of flat layers, whose displacement is known exactly.

The camera pans, zooms, turns and shakes over one picture; blobs cut from others move before it,
come in from outside or are there all at once. So it is known what hides what, and when.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from vidcolor.training.data.augment import rand

MAX_LAYERS = 3
"""Pictures in a scene: the ground, and up to two things before it."""
MARGIN = 1.25
"""Short side of the ground's picture, in sides of the frame; beyond it, it is mirrored."""
FASTEST = 8.0
"""Most that a layer moves from frame to frame, pixels; most move much less."""
FRINGE = 0.7
"""Softness of a blob's edge, pixels of its picture."""


@dataclass(frozen=True)
class Layer:
    """A picture that moves as a whole."""

    picture: Tensor
    """``(3, H, W)`` sRGB 0..1."""
    track: Tensor
    """``(T, 3, 3)`` float64: places in each frame -> places in the picture, both in pixels from
    the middle."""
    outline: Tensor | None = None
    """``(K, 2)`` size and phase of the waves of the blob's radius, the first one's size the radius
    itself, pixels of the picture; None for the ground, which has no end."""
    since: int = 0
    """First frame in which it is there."""


@dataclass(frozen=True)
class Motion:
    """Frames, and where their things were one frame before."""

    frames: Tensor
    """``(T, 3, side, side)`` sRGB 0..1."""
    ways: Tensor
    """``(T - 1, 2, side, side)`` displacement from each frame but the first into the one before,
    pixels."""
    seen: Tensor
    """``(T - 1, 1, side, side)`` bool: the thing was in sight in the frame before."""


def make_motion(stills: Sequence[Tensor], length: int, side: int, draw: torch.Generator) -> Motion:
    """A random scene.

    Args:
        stills: ``(3, H, W)`` uint8: the ground, and what moves before it.
        length: Frames.
        side: Of the frames, pixels.
        draw: Source of randomness.
    """
    shake = _shake(length, draw)
    ground, *others = (picture_of(still, round(side * MARGIN)) for still in stills)
    pan = speed(draw)
    layers = [Layer(ground, track(-pan * (length - 1) / 2, pan, camera(draw), shake))]
    for other in others:
        layers.append(_thing(other, length, side, shake, draw))
    return render(layers, side)


def picture_of(still: Tensor, short_side: int) -> Tensor:
    """``(3, H, W)`` uint8 -> the same picture at another size, 0..1."""
    result: Tensor = resize(still, [short_side], antialias=True).float() / 255
    return result


def speed(draw: torch.Generator) -> Tensor:
    """``(2,)`` pixels a frame in a random direction; a fifth stands still."""
    stand, size, turn = rand(draw, 3).double()
    length = 0.0 if stand < 0.2 else FASTEST * math.exp(-4 * float(size))
    angle = 2 * math.pi * turn
    return length * torch.stack([angle.cos(), angle.sin()])


def camera(draw: torch.Generator) -> tuple[float, float, float]:
    """Scale at the start, its growth and the turn in radians, both a frame; half do not zoom."""
    scale, zoomed, zoom, turn = rand(draw, 4).tolist()
    still = zoomed < 0.5
    return 0.75 + 0.4 * scale, 0.0 if still else 0.04 * zoom - 0.02, 0.01 * (turn - 0.5) * zoomed


def track(start: Tensor, pace: Tensor, camera: tuple[float, float, float], shake: Tensor) -> Tensor:
    """``(T, 3, 3)`` of a layer.

    Args:
        start: ``(2,)`` where its middle lies in the first frame, pixels from the frame's.
        pace: ``(2,)`` pixels that it moves a frame.
        camera: As `camera` gives it.
        shake: ``(T, 2)`` what is added to its places, pixels.
    """
    scale, zoom, turn = camera
    t = torch.arange(len(shake), dtype=torch.float64)
    size, angle = scale * torch.exp(zoom * t), turn * t
    matrix = torch.zeros(len(t), 3, 3, dtype=torch.float64)
    matrix[:, 0, 0] = matrix[:, 1, 1] = size * angle.cos()
    matrix[:, 0, 1], matrix[:, 1, 0] = -size * angle.sin(), size * angle.sin()
    matrix[:, 2, 2] = 1
    place = start + pace * t[:, None] + shake
    matrix[:, :2, 2] = -(matrix[:, :2, :2] @ place[:, :, None])[:, :, 0]
    return matrix


def render(layers: Sequence[Layer], side: int) -> Motion:
    """The frames of a scene, and the displacement of what is in sight.

    Args:
        layers: From the ground to the front.
        side: Of the frames, pixels.
    """
    length = len(layers[0].track)
    middle = (side - 1) / 2
    y, x = torch.meshgrid(torch.arange(side) - middle, torch.arange(side) - middle, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)]).double().flatten(1)
    frames = torch.zeros(length, 3, side, side)
    front = torch.zeros(length, 1, side, side)
    ways = torch.zeros(length - 1, 2, side, side)
    for number, layer in enumerate(layers):
        places = (layer.track @ points)[:, :2].view(length, 2, side, side)
        cover = coverage(layer, places)
        frames = torch.lerp(frames, sample_picture(layer.picture, places.float()), cover)
        front = torch.where(cover > 0.5, float(number), front)
        front = torch.where((cover - 0.5).abs() < 0.48, -1.0, front)  # a mixture is no thing
        before = torch.linalg.inv(layer.track[:-1]) @ layer.track[1:] @ points - points
        moved = before[:, :2].view(-1, 2, side, side).float()
        ways = torch.where(cover[1:] > 0.5, moved, ways)
    return Motion(frames, ways, in_sight(front, ways))


def coverage(layer: Layer, places: Tensor) -> Tensor:
    """``(T, 1, h, w)`` 0..1: how much of each sample a layer covers.

    Args:
        layer: A blob or the ground.
        places: ``(T, 2, h, w)`` where the samples lie in its picture.
    """
    if layer.outline is None:
        return torch.ones_like(places[:, :1]).float()
    radius, waves = layer.outline[0, 0], layer.outline[1:]
    angle = torch.atan2(places[:, 1:], places[:, :1])
    edge = torch.ones_like(angle)
    for order, (size, phase) in enumerate(waves.tolist(), 2):
        edge = edge + size * torch.cos(order * angle + phase)
    inside = radius * edge - places.norm(dim=1, keepdim=True)
    there = torch.arange(len(places)).view(-1, 1, 1, 1) >= layer.since
    return torch.where(there, torch.sigmoid(inside / FRINGE * 2), 0.0).float()


def sample_picture(picture: Tensor, places: Tensor) -> Tensor:
    """``(T, 3, h, w)`` of a picture at ``(T, 2, h, w)`` places, pixels from its middle."""
    H, W = picture.shape[1:]
    grid = (places * places.new_tensor([2 / W, 2 / H]).view(1, 2, 1, 1)).permute(0, 2, 3, 1)
    found = F.grid_sample(
        picture.expand(len(places), -1, -1, -1),
        grid,
        mode="bicubic",
        padding_mode="reflection",
        align_corners=False,
    )
    return found.clamp(0, 1)


def in_sight(front: Tensor, ways: Tensor) -> Tensor:
    """``(T - 1, 1, h, w)`` bool: the foremost layer was the same at the other end of the way.

    Args:
        front: ``(T, 1, h, w)`` number of the layer, -1 for a mixture.
        ways: ``(T - 1, 2, h, w)`` into the frame before.
    """
    h, w = ways.shape[2:]
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    place = torch.stack([x, y]) + ways
    grid = (place + 0.5) * place.new_tensor([2 / w, 2 / h]).view(1, 2, 1, 1) - 1
    # Beyond the frame zeros are read, so numbers are moved up by two.
    other = F.grid_sample(
        front[:-1] + 2, grid.permute(0, 2, 3, 1), mode="nearest", align_corners=False
    )
    return (front[1:] >= 0) & (other == front[1:] + 2)


def _shake(length: int, draw: torch.Generator) -> Tensor:
    """``(T, 2)`` how the film trembles in the gate, pixels; a third does."""
    size = float(rand(draw, 1)) * 1.5 if float(rand(draw, 1)) < 1 / 3 else 0.0
    return torch.randn(length, 2, generator=draw, dtype=torch.float64) * size


def _thing(picture: Tensor, length: int, side: int, shake: Tensor, draw: torch.Generator) -> Layer:
    """A blob that moves; two fifths come in from outside, a sixth is there all at once."""
    radius, waves = 0.12 + 0.23 * float(rand(draw, 1)), rand(draw, 5, 2)
    outline = torch.cat([torch.tensor([[radius * side, 0.0]]), waves * torch.tensor([0.12, 6.3])])
    entrance, moment = rand(draw, 2).tolist()
    pace, place = speed(draw), (rand(draw, 2).double() - 0.5) * side * 0.7
    if entrance < 0.4:
        # Out of sight at first, and in the middle of things half way through.
        pace = pace / pace.norm().clamp(min=1e-6) * (side / length) * (0.6 + moment)
        start = place - pace * length / 2
    else:
        start = place - pace * (length - 1) / 2
    since = 1 + int(moment * (length - 2)) if entrance > 5 / 6 else 0
    return Layer(picture, track(start, pace, camera(draw), shake), outline, since)
