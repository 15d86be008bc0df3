"""Draws docs/pictures.jpg: freely licensed photographs in gray, colored by vidcolor, and as taken.

Usage: python scripts/pictures/make_pictures.py PHOTOS   (a folder filled by make_samples.py)
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torchvision.transforms.v2.functional import resize

from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.run.image import colorize_image
from vidcolor.training.validation import sheet

NAMES = ("mountains", "meadow", "brook", "dogs", "bee", "pagoda", "aviator", "officer")
SIDE = 240  # pixels


def triptych(path: Path) -> torch.Tensor:
    """``(3, SIDE, 3 * SIDE)`` uint8 of the middle square: gray, colored, as taken."""
    rgb = read_rgb(path)
    short = min(rgb.shape[1:])
    y, x = (rgb.shape[1] - short) // 2, (rgb.shape[2] - short) // 2
    truth: torch.Tensor = resize(rgb[:, y : y + short, x : x + short], [512, 512], antialias=True)
    luma = truth.float().permute(1, 2, 0) @ torch.tensor([0.299, 0.587, 0.114])
    gray = luma.round().to(torch.uint8)
    colored = torch.from_numpy(colorize_image(gray.numpy()).copy()).permute(2, 0, 1)
    wide = torch.cat([gray.expand(3, -1, -1), colored, truth], 2)
    small: torch.Tensor = resize(wide, [SIDE, 3 * SIDE], antialias=True)
    return small


def main() -> None:
    """Color the photographs and write the page."""
    photos = Path(sys.argv[1])
    paths = [next(photos.glob(f"{name}.*")) for name in NAMES]
    write_rgb(sheet([triptych(path) for path in paths]), Path("docs/pictures.jpg"))


if __name__ == "__main__":
    main()
