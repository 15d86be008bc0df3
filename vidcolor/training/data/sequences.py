"""Sequences: what the gate learns from, prepared once.

A sequence is a run of frames of one shot with its true colors, worn as an old print, with the
colors that the colornet finds in it and the flows between its frames. Looking for these is what
takes time; with them kept, a step of the gate is quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.optical_flow import optical_flow, reduce_flow, visible
from vidcolor.nets.colornet import NetInput
from vidcolor.training.data.augment import clean_gray, gray_to_lightness
from vidcolor.training.data.film_wear import worn_lightness
from vidcolor.training.data.synthetic_motion import Motion

LENGTH = 16
"""Frames of a sequence: long enough for color to fade or to creep."""

FIELDS = ("L", "ab", "truth", "flow", "back", "way", "seen")
"""Maps of a sequence, ``(T, C, h, w)`` at the size of ab; the last four, between neighbours, have
T - 1: ab as the colornet finds it, the true one; flow into the frame before and back; the
displacement that results are judged by, and where it may be used (0 or 1)."""

SURE = 0.9
"""Share of the pixels of a sample whose way must be known."""

Maps = dict[str, Tensor]
"""`FIELDS` of one sequence, or of several along a first axis."""


@torch.inference_mode()
def prepare_sequence(
    rgb: Tensor, motion: Motion | None, colorizer: Colorizer, draw: torch.Generator
) -> Maps:
    """Everything that the gate learns from one run of frames.

    Args:
        rgb: ``(T, 3, h, w)`` sRGB 0..1, sides multiples of 16.
        motion: What is known of its motion; None has it measured on the clean frames.
        colorizer: Finds the colors.
        draw: Source of randomness.

    Returns:
        `FIELDS`, float16.
    """
    L = worn_lightness(rgb, draw).clamp_(0, 100)
    ab = colors(L, colorizer)
    size = ab.shape[2:]
    ways, seen = (motion.ways, motion.seen) if motion else measure_motion(rgb)
    maps = {
        "L": F.interpolate(L, size, mode="area"),
        "ab": ab,
        "truth": F.interpolate(rgb_to_lab(rgb)[:, 1:], size, mode="area"),
        # As the smoother has them.
        "flow": torch.stack([reduce_flow(optical_flow(b[0], a[0]), size) for a, b in _pairs(L)]),
        "back": torch.stack([reduce_flow(optical_flow(a[0], b[0]), size) for a, b in _pairs(L)]),
        "way": torch.stack([reduce_flow(way, size) for way in ways]),
        "seen": (F.interpolate(seen.float(), size, mode="area") > SURE).float(),
    }
    return {name: value.half().contiguous() for name, value in maps.items()}


def colors(L: Tensor, colorizer: Colorizer) -> Tensor:
    """``(T, 2, h', w')`` ab of ``(T, 1, h, w)`` L*, as the smoother gets it."""
    return torch.cat(
        [colorizer.predict(NetInput(maps)) for maps in torch.split(L, colorizer.batch)]
    )


def measure_motion(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Flows of the clean frames into those before them, and where they can be relied on.

    Args:
        rgb: ``(T, 3, h, w)`` sRGB 0..1.

    Returns:
        ``(T - 1, 2, h, w)`` and ``(T - 1, 1, h, w)`` bool.
    """
    clean = gray_to_lightness(clean_gray(rgb))
    ways = torch.stack([optical_flow(b[0], a[0], "medium") for a, b in _pairs(clean)])
    backs = torch.stack([optical_flow(a[0], b[0], "medium") for a, b in _pairs(clean)])
    return ways, visible(ways, backs)


def _pairs(frames: Tensor) -> list[tuple[Tensor, Tensor]]:
    return list(pairwise(frames))


def save_sequences(sequences: Sequence[Maps], path: Path, **facts: str) -> None:
    """Write what came of one clip or scene; a stopped write leaves nothing.

    Args:
        sequences: None at all says that it holds nothing usable.
        path: A safetensors file.
        facts: Go into its metadata.
    """
    from safetensors.torch import save_file

    stacked = {name: torch.stack([one[name] for one in sequences]) for name in FIELDS if sequences}
    aside = path.with_suffix(".part")
    aside.unlink(missing_ok=True)  # whatever it is
    save_file(stacked, aside, facts)
    aside.replace(path)


def load_sequences(path: Path) -> list[Maps]:
    """What `save_sequences` wrote."""
    from safetensors.torch import load_file

    stacked = load_file(path)
    count = len(stacked["L"]) if stacked else 0
    return [{name: stacked[name][i] for name in FIELDS} for i in range(count)]
