"""What a colornet makes of pictures and of pairs of frames, recorded once in the run folder.

A colornet takes most of the time that a step would; with its features kept, a step is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torchvision.transforms.v2.functional import center_crop, resize

from vidcolor.color.lab import rgb_to_lab
from vidcolor.errors import FilmError, TrainingError
from vidcolor.evaluation.metrics import colorfulness
from vidcolor.media.images.files import read_rgb
from vidcolor.nets.colornet import DistributionNet, NetInput
from vidcolor.training.data.augment import rand
from vidcolor.training.data.takes import (
    LEAST_COLORFUL,
    MAX_FRAMES,
    Take,
    clip_frames,
    draw_for,
    find_shots,
)
from vidcolor.training.guide.losses import GuidePicture
from vidcolor.training.settings import TrainSettings

PAIRS = 2
"""Most pairs from one clip."""
NEAREST, FARTHEST = 4, 40
"""Frames between the two of a pair."""
FIELDS = ("fine", "coarse", "lightness", "ab", "true")
"""Of a `GuidePicture`."""


def features_of(take: Take, target: Path) -> Path:
    """The file in the run folder ``target`` that holds what was recorded of a take."""
    return target / "features" / f"{take.name}.safetensors"


def record_takes(
    takes: Sequence[Take],
    settings: TrainSettings,
    target: Path,
    net: DistributionNet,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the features of every take into the run folder, but for those that are there.

    Args:
        takes: Single pictures, and clips, which give pairs.
        settings: Side of the pictures, seed.
        target: The run folder.
        net: The colornet, in eval mode, on the device where it is to run.
        on_progress: Called with (takes recorded, takes).
    """
    for number, take in enumerate(takes):
        if on_progress:
            on_progress(number, len(takes))
        file = features_of(take, target)
        if file.is_file():
            continue
        views = clip_views if take.name.startswith("clip-") else picture_views
        pictures = views(take, settings.sides[-1], settings.seed)
        save_pictures([record(net, rgb) for rgb in pictures], file)


def picture_views(take: Take, side: int, seed: int) -> list[Tensor]:
    """The middle of a picture, or its mirror image, ``(3, side, side)`` uint8; else none."""
    (path,) = take.files
    try:
        rgb = resize(read_rgb(path), [side], antialias=True)
    except FilmError:
        return []
    square: Tensor = center_crop(rgb, [side, side])
    return [square.flip(2) if float(rand(draw_for(path.name, seed), 1)) < 0.5 else square]


def clip_views(take: Take, side: int, seed: int) -> list[Tensor]:
    """The middles of up to `PAIRS` pairs of frames of a clip, one pair after the other."""
    try:
        with closing(clip_frames(take.files, side)) as pictures:
            frames = list(islice(pictures, MAX_FRAMES))
    except FilmError:
        return []
    found: list[Tensor] = []
    for pair in pick_pairs(find_shots(frames), draw_for(take.title, seed)):
        squares = [center_crop(frames[number], [side, side]) for number in pair]
        if all(colorfulness(square.float()) >= LEAST_COLORFUL for square in squares):
            found += squares
    return found


def pick_pairs(shots: Sequence[range], draw: torch.Generator) -> list[tuple[int, int]]:
    """Up to `PAIRS` pairs of frames of one shot, from `NEAREST` to `FARTHEST` frames apart.

    Args:
        shots: Numbers of the frames of each.
        draw: Source of randomness.
    """
    firsts = [(first, shot.stop) for shot in shots for first in shot[: max(0, len(shot) - NEAREST)]]
    found: set[tuple[int, int]] = set()
    for _ in range(PAIRS if firsts else 0):
        first, stop = firsts[int(rand(draw, 1) * len(firsts))]
        most = min(FARTHEST, stop - 1 - first)
        found.add((first, first + NEAREST + int(rand(draw, 1) * (most - NEAREST + 1))))
    return sorted(found)


@torch.inference_mode()
def record(net: DistributionNet, rgb: Tensor) -> GuidePicture:
    """What a colornet makes of a picture, on the CPU.

    Args:
        net: In eval mode.
        rgb: ``(3, h, w)`` uint8, sides multiples of 32.
    """
    lab = rgb_to_lab(rgb[None].to(net.bins.device).float() / 255)
    fine, coarse = net.fuse(net.encode(NetInput(lab[:, :1])))
    ab = net.choose(*net.read_heads(fine))
    small = F.interpolate(lab, ab.shape[2:], mode="area")
    parts = (fine.half(), coarse.half(), small[:, :1], ab, small[:, 1:])
    return GuidePicture(*(part[0].cpu() for part in parts))


def save_pictures(pictures: Sequence[GuidePicture], path: Path) -> None:
    """Write what came of one take; a stopped write leaves nothing.

    Args:
        pictures: Of one size; none at all says that nothing in it is usable.
        path: A safetensors file.
    """
    from safetensors.torch import save_file

    stacked = {
        name: torch.stack([getattr(one, name) for one in pictures]).contiguous()
        for name in FIELDS
        if pictures
    }
    aside = path.with_suffix(".part")
    aside.unlink(missing_ok=True)  # whatever it is
    save_file(stacked, aside, {"pictures": str(len(pictures))})
    aside.replace(path)


def load_pictures(path: Path) -> list[GuidePicture]:
    """What `save_pictures` wrote.

    Raises:
        TrainingError: It cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stacked = load_file(path)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path) from error
    count = len(stacked["ab"]) if stacked else 0
    return [GuidePicture(*(stacked[name][i] for name in FIELDS)) for i in range(count)]


def count_pictures(path: Path) -> int:
    """How many `load_pictures` will give.

    Raises:
        TrainingError: It cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return int((file.metadata() or {})["pictures"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> TrainingError:
    return TrainingError(
        f"{path} is damaged or gone; remove it where it is still there and run the command again"
    )
