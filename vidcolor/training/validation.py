"""Scores and sheets on pictures kept from training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.errors import FilmError
from vidcolor.evaluation.metrics import colorfulness, psnr
from vidcolor.media.images.files import read_rgb
from vidcolor.nets.colornet import ColorNet, DistributionNet, NetInput
from vidcolor.training.data.augment import clean_pair
from vidcolor.training.data.stills import Still, group_by_source, squash

SIDE = 256
"""Pictures are squashed to this, pixels."""
PICTURES = 200
"""Most pictures that a validation looks at, of all sources together."""
ON_SHEET = 12
"""Pictures on a sheet."""

SCORES = (
    *("psnr", "psnr_safe", "psnr_grey", "colorfulness", "colorfulness_safe"),
    *("colorfulness_truth", "score"),
)

T = TypeVar("T")


@dataclass(frozen=True)
class Validation:
    """What a validation found."""

    scores: dict[str, float]
    """By the names in `SCORES`: means over the sources of the means over their pictures. PSNR in dB
    at the dial's default, at its safe end, of gray; colorfulness of the same and of the truth; and
    the score. Empty where no picture can be read."""
    triptychs: list[Tensor]
    """``(3, side, 3 * side)`` uint8 of pictures of all sources: gray, result, truth."""


def score_of(scores: dict[str, float]) -> float:
    """What the best weights are chosen by: dB above gray, less 0.05 a unit of colorfulness missed.

    Both at the dial's default. Neither alone will do: the dullest picture has the best PSNR.
    """
    missed = abs(scores["colorfulness"] - scores["colorfulness_truth"])
    return scores["psnr"] - scores["psnr_grey"] - 0.05 * missed


def pick_evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many of the items, evenly spaced, in their order."""
    count = min(most, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def choose_pictures(stills: Sequence[Still], most: int) -> list[Still]:
    """At most so many pictures, evenly many of each source; all of a source that has fewer."""
    sources = pick_evenly(list(group_by_source(stills).values()), most)
    return [still for each in sources for still in pick_evenly(each, most // len(sources))]


@torch.inference_mode()
def validate(
    net: ColorNet,
    stills: Sequence[Still],
    autocast: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Validation:
    """Color pictures kept from training and compare them with the truth.

    Args:
        net: In eval mode.
        stills: Pictures; `PICTURES` at most, evenly many of each source, are looked at. Those that
            cannot be read (any more) are passed over.
        autocast: Makes the context that the net runs in.
    """
    device = next(net.parameters()).device
    chosen = choose_pictures(stills, PICTURES)
    shown = set(pick_evenly(chosen, ON_SHEET))
    rows: dict[str, list[tuple[float, ...]]] = {}
    triptychs: list[Tensor] = []
    for start in range(0, len(chosen), 8):
        batch, squares = read_squares(chosen[start : start + 8])
        if not batch:
            continue
        rgb = torch.stack(squares).to(device)
        with autocast():
            found = predict_colors(net, clean_pair(rgb)[0], (None, 0.0))
        L = rgb_to_lab(rgb.float() / 255)[:, :1]
        bold, safe, gray = (compose(L, ab) for ab in (*found, found[0] * 0))
        for still, b, s, g, t in zip(batch, bold, safe, gray, rgb.float(), strict=True):
            colors = [colorfulness(picture) for picture in (b, s, t)]
            row = psnr(b, t), psnr(s, t), psnr(g, t), *colors
            rows.setdefault(still.source, []).append(row)
            if still in shown:
                triptychs.append(torch.cat([g, b, t], 2).round().to(torch.uint8).cpu())
    if not rows:
        return Validation({}, [])
    means = mean_columns([mean_columns(each) for each in rows.values()])
    scores = dict(zip(SCORES, means, strict=False))
    return Validation(scores | {"score": score_of(scores)}, triptychs)


def read_squares(stills: Sequence[Still]) -> tuple[list[Still], list[Tensor]]:
    """Those that can be read, and the same as ``(3, SIDE, SIDE)`` uint8."""
    read, squares = [], []
    for still in stills:
        try:
            squares.append(squash(read_rgb(still.path), SIDE))
        except FilmError:
            continue
        read.append(still)
    return read, squares


def mean_columns(rows: Sequence[Sequence[float]]) -> list[float]:
    """The mean of each column; there is at least one row."""
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def predict_colors(net: ColorNet, lightness: Tensor, turns: Sequence[float | None]) -> list[Tensor]:
    """``(B, 2, h, w)`` ab for each turn of the dial, None for its default; of one look.

    Args:
        net: In eval mode.
        lightness: ``(B, 1, H, W)`` L*.
        turns: 0..1. They make no difference to a net without a dial.
    """
    inputs = NetInput(lightness)
    if not isinstance(net, DistributionNet):
        return [net(inputs)] * len(turns)
    heads = net.predict(inputs)
    return [net.choose(*heads, vivid=turn) for turn in turns]


def compose(lightness: Tensor, ab: Tensor) -> Tensor:
    """L and a coarser ab -> ``(B, 3, h, w)`` sRGB codes 0..255, float."""
    fine = F.interpolate(ab.float(), lightness.shape[2:], mode="bilinear")
    return lab_to_rgb(torch.cat([lightness, fine], 1)) * 255


def sheet(triptychs: Sequence[Tensor], columns: int = 2) -> Tensor:
    """Triptychs in columns: ``(3, H, W)`` uint8; places left over stay black."""
    rows = -(-len(triptychs) // columns)
    C, h, w = triptychs[0].shape
    page = torch.zeros(C, rows * h, columns * w, dtype=torch.uint8)
    for i, triptych in enumerate(triptychs):
        y, x = i // columns * h, i % columns * w
        page[:, y : y + h, x : x + w] = triptych
    return page
