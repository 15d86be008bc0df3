"""Draw how one row of the picture changes over time, for several versions of a film side by side.

python scripts/pictures/make_slices.py OUT.png plain.mp4 steady.mp4 --row 0.5 --start 2 --frames 120

Time runs downwards, with a band of rows for each frame. Still objects leave upright stripes,
flicker shows as bars across them, ghosts as smears beside moving objects.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.images.files import write_rgb
from vidcolor.media.open import open_video


def slice_of(path: Path, row: float, start: float, frames: int) -> Tensor:
    """``(3, frames, W)`` uint8: the same row of every frame."""
    with open_video(path) as film:
        first = int(start * (film.info.frame_rate or Fraction(25)))
        pictures = islice(film_rgb(film), first, first + frames)
        lines = [rgb[:, int(row * (rgb.shape[1] - 1))] for rgb in pictures]
    if not lines:
        raise SystemExit(f"{path} ends before {start} s")
    return torch.stack(lines, 1)


def main() -> None:
    """Parse, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="a .png or .jpg")
    parser.add_argument("films", type=Path, nargs="+", help="versions of one film")
    parser.add_argument("--row", type=float, default=0.5, help="0 for the top, 1 for the bottom")
    parser.add_argument("--start", type=float, default=0.0, help="seconds")
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--width", type=int, default=480, help="width of one slice, in pixels")
    parser.add_argument("--band", type=int, default=3, help="rows of the drawing to a frame")
    args = parser.parse_args()
    gap = torch.full((3, 1, 8), 255, dtype=torch.uint8)
    parts: list[Tensor] = []
    for film in args.films:
        lines = slice_of(film, args.row, args.start, args.frames)
        lines = resize(lines, [lines.shape[1], args.width], antialias=True)
        parts += [gap.expand(-1, lines.shape[1], -1), lines]
    drawing = torch.cat(parts[1:], 2).repeat_interleave(args.band, 1)
    write_rgb(drawing, args.picture)


if __name__ == "__main__":
    main()
