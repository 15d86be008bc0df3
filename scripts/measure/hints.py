"""Measures what hints do to pictures that no training saw: gain of PSNR, leak, obedience.

Usage: scripts/measure/hints.py PICTURES [PICTURES ...] [--weights NAME] [--count N]

PICTURES are folders of color photographs. Each is cropped to a square of 256 x 256. Prints

- gain: PSNR with 1 to 100 hints over that with none, in dB, beside that of siggraph17 (from the
  authors' own resources/psnrs_siggraph.npy: 1,000 ImageNet test pictures). A hint is a patch of
  6 x 6 pixels at a random place with the true mean color.
- leak: one superpixel gets an unlikely color; how much the rest changes, on the mean, as a share of
  how much the superpixel does; and how much all places within 24 pixels of it do. Means over the
  pictures, and of the shares the median.
- obeyed: CIEDE2000 between the color that was asked for and the one that is there, at the hint, at
  the picture's lightness, gamut allowing.
"""

from __future__ import annotations

import argparse
import math
import random
from fractions import Fraction
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import Tensor

from vidcolor.color.difference import delta_e_2000, nearest_shown
from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint_frame
from vidcolor.colorize.painter import FramePainter
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.evaluation.metrics import gray_version, psnr
from vidcolor.guidance.entries import Hint
from vidcolor.media.images.rgb import frame_rgb
from vidcolor.settings import ColorizerSettings

COUNTS = (1, 2, 5, 10, 20, 50, 100)
SIGGRAPH17 = (0.94, 1.77, 2.96, 3.99, 4.91, 5.99, 6.70)
SIDE, PATCH = 256, 6
SUPERPIXELS = 40
CHROMA = 45.0
"""Of unlikely colors."""
NEAR = 24
LAYOUT = PixelLayout("yuv444p", 8, 0, 0, True, "bt601", "srgb", (0.0, 0.0))


def load(path: Path) -> Tensor:
    """``(3, 256, 256)`` 0..1 sRGB: the middle of a picture."""
    with Image.open(path) as image:
        scale = SIDE / min(image.size)
        width, height = (max(SIDE, round(side * scale)) for side in image.size)
        small = image.convert("RGB").resize((width, height), Image.Resampling.BOX)
        left, top = (width - SIDE) // 2, (height - SIDE) // 2
        rgb = np.asarray(small.crop((left, top, left + SIDE, top + SIDE)))
    return torch.from_numpy(rgb.copy()).permute(2, 0, 1).float() / 255


class Picture:
    """A picture, its gray version, and the painter that knows it."""

    def __init__(self, rgb: Tensor, colorizer: Colorizer) -> None:
        self.rgb = rgb
        luma = gray_version(rgb * 255)[0].contiguous()
        chroma = torch.empty_like(luma), torch.empty_like(luma)
        self.frame = Frame(luma, chroma, LAYOUT, 0, 0, Fraction(1))
        self.painter = FramePainter(self.frame, colorizer)
        self.automatic = self.render([])

    def render(self, hints: list[Hint]) -> Tensor:
        """``(3, 256, 256)`` 0..1 with hints."""
        paint_frame(self.frame, *self.painter.paint(hints))
        return torch.from_numpy(frame_rgb(self.frame, 8).copy()).permute(2, 0, 1).float() / 255


def measure_gain(picture: Picture, chance: random.Random) -> list[float]:
    """Gains of PSNR for `COUNTS`, in dB."""
    places = [
        (chance.randrange(SIDE - PATCH), chance.randrange(SIDE - PATCH)) for _ in range(COUNTS[-1])
    ]
    hints = []
    for x, y in places:
        color = picture.rgb[:, y : y + PATCH, x : x + PATCH].mean((1, 2)) * 255
        middle = ((x + PATCH / 2) / SIDE, (y + PATCH / 2) / SIDE)
        r, g, b = color.round().int().tolist()
        hints.append(Hint(middle, (r, g, b), PATCH / SIDE))
    truth = picture.rgb * 255
    before = psnr(picture.automatic * 255, truth)
    return [psnr(picture.render(hints[:n]) * 255, truth) - before for n in COUNTS]


def measure_leak(picture: Picture, chance: random.Random) -> tuple[float, float, float, float]:
    """Mean change of ab in the superpixel, elsewhere, nearby; and CIEDE2000 at the hint."""
    labels = superpixels(rgb_to_lab(picture.rgb))
    inside = labels == labels[chance.randrange(SIDE), chance.randrange(SIDE)]
    rows, columns = inside.nonzero().float().mean(0).tolist()
    spots = inside.nonzero().float()
    y, x = spots[((spots - torch.tensor([rows, columns])) ** 2).sum(1).argmin()].int().tolist()
    turn = chance.uniform(0, 2 * math.pi)
    ab = torch.tensor([CHROMA * math.cos(turn), CHROMA * math.sin(turn)])
    lightness = float(rgb_to_lab(picture.automatic)[0, y, x])
    shown = nearest_shown(torch.tensor(lightness), ab)
    asked = torch.cat([torch.tensor([lightness]), shown]).view(3, 1, 1)
    r, g, b = (lab_to_rgb(asked).flatten() * 255).round().int().tolist()
    point = ((x + 0.5) / SIDE, (y + 0.5) / SIDE)
    result = picture.render([Hint(point, (r, g, b), PATCH / SIDE)])
    before, after = rgb_to_lab(picture.automatic), rgb_to_lab(result)
    change = (after - before)[1:].norm(dim=0)
    own = float(change[inside].mean())
    reach = F.max_pool2d(inside[None].float(), 2 * NEAR + 1, 1, NEAR)[0] > 0
    got = torch.cat([asked[:1], after[1:, y : y + 1, x : x + 1]])
    difference = float(delta_e_2000(asked.double(), got.double()))
    rest = float(change[~inside].mean()), float(change[reach & ~inside].mean())
    return own, *rest, difference


def superpixels(lab: Tensor) -> Tensor:
    """``(H, W)`` labels: k-means over color and place from a grid (SLIC, Achanta et al. 2012)."""
    step = round(SIDE / SUPERPIXELS**0.5)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    points = torch.cat([lab, torch.stack([y, x]) * (10.0 / step)]).flatten(1).T
    seeds = torch.arange(step // 2, SIDE, step)
    centers = points.view(SIDE, SIDE, 5)[seeds][:, seeds].reshape(-1, 5)
    for _ in range(8):
        owner = torch.cdist(points, centers).argmin(1)
        counts = torch.zeros(len(centers)).index_add_(0, owner, torch.ones(len(points)))
        sums = torch.zeros_like(centers).index_add_(0, owner, points)
        centers = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), centers)
    return owner.view(SIDE, SIDE)


def main() -> None:
    """Measure, and print three lines."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("pictures", nargs="+", type=Path)
    p.add_argument("--weights", default="default")
    p.add_argument("--count", type=int, default=200)
    arguments = p.parse_args()
    files = [
        file
        for folder in arguments.pictures
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")
    ]
    files = files[:: max(1, len(files) // arguments.count)][: arguments.count]
    colorizer = Colorizer.from_weights(settings=ColorizerSettings(weights=arguments.weights))
    gains, leaks = [], []
    for number, file in enumerate(files):
        picture = Picture(load(file), colorizer)
        chance = random.Random(number)
        gains.append(measure_gain(picture, chance))
        leaks.append(measure_leak(picture, chance))
    columns = list(zip(*gains, strict=True))
    print(f"{arguments.weights}, {len(files)} pictures")
    print("hints     ", *(f"{n:6d}" for n in COUNTS))
    print("gain, dB  ", *(f"{mean(one):6.2f}" for one in columns))
    print("siggraph17", *(f"{one:6.2f}" for one in SIGGRAPH17))
    own, everywhere, nearby, differences = zip(*leaks, strict=True)
    for name, rest in (("everywhere", everywhere), (f"within {NEAR} px", nearby)):
        shares = [one / max(whole, 1e-3) for one, whole in zip(rest, own, strict=True)]
        print(f"leak {name}: {mean(rest) / mean(own):.3f}, median {median(shares):.3f}")
    print(f"at the hint: median CIEDE2000 {median(differences):.2f}")


if __name__ == "__main__":
    main()
