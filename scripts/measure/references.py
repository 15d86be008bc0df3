"""Measures what a reference does: one frame of a color film is true, the others are to be colored.

Usage: scripts/measure/references.py FOLDER [FOLDER ...] [--key N] [--frames N] [--weights NAME]

Each FOLDER has the frames of a color film as pictures, in order. Prints for each film, and as
means, PSNR in dB over the other frames: automatic, with the true frame number --key as reference,
with that of the next film (a wrong one, as a look); the key frame's own; and what true color at the
net's output size would have, painted in the same way. After the bar: how far the color of a thing
changes from frame to frame, in ab units, automatic and with the reference.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.colorize.chain import find_color
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint_frame
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.optical_flow import optical_flow, visible, warp
from vidcolor.evaluation.metrics import gray_version, psnr
from vidcolor.guidance.entries import Reference
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.images.rgb import frame_rgb
from vidcolor.settings import ColorizerSettings, Settings
from vidcolor.shots.titles import judged_alone

LAYOUT = PixelLayout("yuv444p", 8, 0, 0, True, "bt601", "srgb", (0.0, 0.0))
RATE = 25


def load_frames(folder: Path, count: int) -> list[np.ndarray]:
    """``(H, W, 3)`` uint8 each."""
    files = sorted(file for file in folder.iterdir() if file.suffix in (".jpg", ".png"))
    return [np.asarray(Image.open(file).convert("RGB")) for file in files[:count]]


def as_codes(image: np.ndarray) -> Tensor:
    """``(3, H, W)`` 0..255."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1).float()


def gray_frame(image: np.ndarray, number: int) -> Frame:
    """The frame of a film without color."""
    luma = gray_version(as_codes(image))[0].contiguous()
    chroma = torch.empty_like(luma), torch.empty_like(luma)
    frame = Frame(luma, chroma, LAYOUT, number, 1, Fraction(1, RATE))
    frame.starts_shot = number == 0
    return judged_alone(frame)


def color_film(
    images: Sequence[np.ndarray], colorizer: Colorizer, reference: Reference | None
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Of each frame ``(3, H, W)`` codes 0..255, ab and lightness as they were smoothed."""
    sheet = ColorSheet(references=(reference,) if reference else ())
    plan = Guidance(sheet, Fraction(RATE), [ShotRange(Fraction(0), None)])
    session = Session(Settings(), colorizer, plan if reference else None)

    def source(moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
        for moment in moments:
            number = int(moment * RATE)
            yield Fraction(number, RATE), gray_frame(images[number], number)

    session.source = source
    frames = (gray_frame(image, number) for number, image in enumerate(images))
    found = []
    for item in find_color(frames, session):
        paint_frame(item.frame, item.ab, item.said)
        rgb = torch.from_numpy(frame_rgb(item.frame, 8).copy()).permute(2, 0, 1).float()
        found.append((rgb, item.ab, item.lightness))
    return found


def paint_truth(image: np.ndarray, size: Sequence[int]) -> Tensor:
    """``(3, H, W)`` codes 0..255 of a frame whose true ab is known at the net's output size."""
    ab = rgb_to_lab(as_codes(image) / 255)[1:]
    frame = gray_frame(image, 0)
    ab = F.interpolate(ab[None], tuple(size), mode="area")[0]
    paint_frame(frame, ab, torch.ones_like(ab[:1]))
    return torch.from_numpy(frame_rgb(frame, 8).copy()).permute(2, 0, 1).float()


def measure_jumps(found: Sequence[tuple[Tensor, Tensor, Tensor]]) -> float:
    """Mean change of ab along the motion, in ab units."""
    jumps = []
    for (_, ab, lightness), (_, next_ab, next_lightness) in pairwise(found):
        flow = optical_flow(next_lightness, lightness)[None]
        back = optical_flow(lightness, next_lightness)[None]
        full = [F.interpolate(one[None], flow.shape[2:], mode="bilinear") for one in (ab, next_ab)]
        seen = visible(flow, back)[0, 0] > 0
        change = (full[1] - warp(full[0], flow))[0].norm(dim=0)
        jumps.append(float(change[seen].mean()))
    return mean(jumps)


def main() -> None:
    """Measure, and print a line for each film."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("films", nargs="+", type=Path)
    p.add_argument("--key", type=int, default=0)
    p.add_argument("--frames", type=int, default=50)
    p.add_argument("--weights", default="default")
    arguments = p.parse_args()
    colorizer = Colorizer.from_weights(settings=ColorizerSettings(weights=arguments.weights))
    films = [load_frames(folder, arguments.frames) for folder in arguments.films]
    rows = []
    print("film: automatic, reference, wrong look, key frame, limit | jumps")
    for number, (folder, images) in enumerate(zip(arguments.films, films, strict=True)):
        truth = [as_codes(image) for image in images]
        others = [n for n in range(len(images)) if n != arguments.key]
        true = Reference(images[arguments.key], Fraction(arguments.key, RATE))
        wrong = Reference(films[(number + 1) % len(films)][arguments.key])
        results = [color_film(images, colorizer, one) for one in (None, true, wrong)]
        scores = [
            mean(psnr(found[n][0], truth[n]) for n in others if n % 3 == 1) for found in results
        ]
        scores.append(psnr(results[1][arguments.key][0], truth[arguments.key]))
        size = results[0][0][1].shape[1:]
        scores.append(psnr(paint_truth(images[arguments.key], size), truth[arguments.key]))
        scores += [measure_jumps(found) for found in results[:2]]
        rows.append(scores)
        print(folder.name, *(f"{one:.2f}" for one in scores[:5]), "|", end=" ")
        print(*(f"{one:.3f}" for one in scores[5:]), flush=True)
    print("mean", *(f"{mean(column):.2f}" for column in zip(*rows, strict=True)))


if __name__ == "__main__":
    main()
