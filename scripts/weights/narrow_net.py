"""Makes a film net of less work that gives nearly the same colors.

Usage: scripts/weights/narrow_net.py WEIGHTS STILLS TARGET [--leave SOURCE ...] [--minutes 22]

STILLS holds one folder of photographs per source; sources of --leave are not looked at. TARGET is a
name such as out/default.safetensors; the sha256 is added to it. Four things change:

* VGG16's first four convolutions get fewer channels, since gray pictures say the same in many.
  Channels are picked and weights fitted by least squares, then taught by gradients.
* The map at 1/8 is mixed to fewer channels before it is enlarged to 1/4.
* Attention at 1/8 looks at means of 2 x 2 places.
* Channels that pass from one convolution to the next are scaled to like ranges, for 8-bit integers.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from equalize import equalize
from least_squares import (
    make_conv,
    measure_moment,
    mix_inputs,
    pick_channels,
    project_channels,
    refit,
    weigh_channels,
)
from safetensors import safe_open
from torch import Tensor, nn

from vidcolor.color.lab import rgb_to_lab
from vidcolor.core.paths import PICTURE_SUFFIXES
from vidcolor.errors import FilmError
from vidcolor.media.images.files import read_rgb
from vidcolor.nets.colornet import NetInput
from vidcolor.nets.layers import fold_norms
from vidcolor.nets.registry import build_net
from vidcolor.nets.vgg import VGG16Features
from vidcolor.nets.vgg_fused import FilmNet
from vidcolor.nets.weights import find_weights, load_weights, save_weights

STEM = (24, 48, 96, 112)
LIFT = 64
SHORT_SIDE = 256
MOST = 300
"""Photographs of one source."""
FITTED = 60
"""Photographs by which least squares fit."""
CROP = 128
BATCH = 8
RATE = 1e-3
"""Of learning, as a share of the weights' own size."""


class Album:
    """Photographs of all sources, as L*."""

    def __init__(self, folder: Path, leave: list[str]) -> None:
        self.paths: list[Path] = []
        for source in sorted(path for path in folder.iterdir() if path.name not in leave):
            found = sorted(p for p in source.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
            self.paths += random.sample(found, min(MOST, len(found)))

    def draw(self, scale: float = 1.0, crop: int = 0) -> Iterator[Tensor]:
        """Without end, ``(1, 1, h, w)`` L* of one or of a square of it, sides multiples of 16."""
        while True:
            try:
                rgb = read_rgb(random.choice(self.paths))[None] / 255
            except FilmError:
                continue
            ratio = SHORT_SIDE * scale / min(rgb.shape[2:])
            size = [max(crop, round(side * ratio / 16) * 16) for side in rgb.shape[2:]]
            L = rgb_to_lab(F.interpolate(rgb, size, mode="area"))[:, :1]
            if crop:
                y, x = (random.randint(0, side - crop) for side in size)
                L = L[:, :, y : y + crop, x : x + crop]
            yield L.flip(3) if crop and random.random() < 0.5 else L

    def draw_batch(self) -> Tensor:
        """``(BATCH, 1, CROP, CROP)`` L* at several scales, worn."""
        found = [
            wear(next(self.draw(random.choice((0.75, 1, 1, 1.4)), CROP))) for _ in range(BATCH)
        ]
        return torch.cat(found)


def wear(L: Tensor) -> Tensor:
    """Exposed, grainy and soft as old film is, some of it."""
    if random.random() < 0.5:
        L = (L / 100).clamp(1e-4, 1) ** math.exp(random.uniform(-0.5, 0.5)) * 100
        L = (L - 50) * random.uniform(0.7, 1.2) + 50 + random.uniform(-10, 10)
    if random.random() < 0.3:
        L = L + torch.randn_like(L) * random.uniform(0, 4)
    if random.random() < 0.2:
        L = F.avg_pool2d(F.pad(L, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return L.clamp(0, 100)


def run_stem(vgg: VGG16Features, L: Tensor, end: int) -> Tensor:
    """What comes out of the first ``end`` layers."""
    x = L * 2.55 - vgg.mean
    for layer in vgg.features[:end]:
        x = x.relu() if isinstance(layer, nn.ReLU) else layer(x)
    return x


def find_stem(vgg: VGG16Features) -> list[int]:
    """Places of the first four convolutions, and of the one that takes what they give."""
    return [n for n, layer in enumerate(vgg.features) if isinstance(layer, nn.Conv2d)][:5]


@torch.no_grad()
def narrow_stem(vgg: VGG16Features, pictures: list[Tensor]) -> tuple[list[nn.Conv2d], Tensor]:
    """The first four convolutions with fewer channels, and what mix of the last's all were."""
    places = find_stem(vgg)
    convs = [cast(nn.Conv2d, vgg.features[place]) for place in places]
    mix = torch.eye(3)
    for number, second in enumerate(places[1:]):
        moment = measure_moment(run_stem(vgg, L, second) for L in pictures)
        importance = weigh_channels(cast(nn.Conv2d, vgg.features[second]))
        kept, mix = pick_channels(moment, importance, STEM[number])
        conv = convs[number]
        assert conv.bias is not None
        convs[number] = make_conv(conv.weight[kept], conv.bias[kept])
        if number < len(STEM) - 1:
            convs[number + 1] = mix_inputs(convs[number + 1], mix)
    return convs[: len(STEM)], mix.float()


class Student(nn.Module):
    """The narrow stem and the convolution behind it."""

    def __init__(self, vgg: VGG16Features, convs: list[nn.Conv2d], mix: Tensor) -> None:
        super().__init__()
        self.convs, self.mix = nn.ModuleList(convs), nn.Parameter(mix)
        self.last = cast(nn.Conv2d, vgg.features[find_stem(vgg)[-1]])
        self.mean = vgg.mean

    def weight(self) -> Tensor:
        """Of the last convolution, for the narrow stem's channels."""
        return torch.einsum("oc...,ck->ok...", self.last.weight, self.mix)

    def forward(self, L: Tensor) -> Tensor:
        """What the wide net gives behind its fifth convolution."""
        x = L * 2.55 - self.mean
        for number, conv in enumerate(self.convs):
            x = conv(x).relu()
            x = F.max_pool2d(x, 2) if number % 2 else x
        return F.conv2d(x, self.weight(), self.last.bias, padding=1).relu()


def teach_stem(vgg: VGG16Features, student: Student, album: Album, minutes: float) -> None:
    """Bring what the student gives nearer to VGG16's, channels weighed by what comes behind."""
    behind = find_stem(vgg)[-1] + 2
    weights = cast(nn.Conv2d, vgg.features[behind]).weight.square().sum((0, 2, 3)).sqrt()
    moving = [p for key, p in student.named_parameters() if not key.startswith("last.")]
    groups = [{"params": [p], "lr": 1.0} for p in moving]
    sizes = [float(p.detach().square().mean().sqrt()) * (1 if p.dim() > 1 else 0.3) for p in moving]
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98))
    begin, step, share = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - begin) / 60 / minutes) < 1:
        for group, size in zip(optimizer.param_groups, sizes, strict=True):
            group["lr"] = RATE * size * min(1, step / 20) * (0.5 + 0.5 * math.cos(math.pi * share))
        L = album.draw_batch()
        with torch.no_grad():
            wanted = run_stem(vgg, L, behind) * weights[:, None, None]
        error = (student(L) * weights[:, None, None] - wanted).square().mean()
        loss = error / wanted.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 50 == 0:
            print(f"step {step}, {share * minutes:.1f} min: {float(loss.detach()):.5f}", flush=True)


@torch.no_grad()
def narrow_lift(wide: FilmNet, made: FilmNet, pictures: list[Tensor]) -> None:
    """Mix the map at 1/8 to fewer channels, and fit what takes it, and the heads."""
    first = cast(nn.Conv2d, fold_norms(cast(nn.Sequential, wide.fuse4[0]))[0])
    second = cast(nn.Sequential, wide.fuse4[1])
    maps = [wide.encode(NetInput(L)) for L in pictures]
    whole = [wide.join(m)[0] for m in maps]
    moment, importance, W = measure_moment(whole), weigh_channels(first), wide.config.width
    lift = project_channels(moment[:W, :W], importance[:W, :W], LIFT)
    made.lift8.load_state_dict({"weight": lift.float()[:, :, None, None]})
    kept = torch.eye(len(moment), dtype=moment.dtype)[W:]
    used = torch.cat([F.pad(lift, (0, len(moment) - W)), kept])
    conv = mix_inputs(first, torch.linalg.solve(used @ moment @ used.T, used @ moment).T)
    inputs = [made.join(m)[0] for m in maps]
    refit(conv, inputs, [first(x) for x in whole])
    put_block(cast(nn.Sequential, made.fuse4[0]), conv, inputs)
    fine = [made.fuse4[1](conv(x).relu()) for x in inputs]
    wanted = [second(first(x).relu()) for x in whole]
    for head, before in ((made.classify, wide.classify), (made.regress, wide.regress)):
        refit(head, fine, [before(x) for x in wanted])


def put_block(block: nn.Sequential, conv: nn.Conv2d, inputs: list[Tensor]) -> None:
    """A convolution with a bias as the convolution and the norm of a `conv_block`.

    The norm has the statistics of what it sees, so that training can go on from there.
    """
    norm = cast(nn.BatchNorm2d, block[1])
    assert conv.bias is not None
    block[0].load_state_dict({"weight": conv.weight})
    seen = torch.cat([block[0](x).flatten(2)[0] for x in inputs], 1)
    norm.running_mean, norm.running_var = seen.mean(1), seen.var(1)
    norm.weight.data = (norm.running_var + norm.eps).sqrt()
    norm.bias.data = conv.bias + norm.running_mean


def main() -> None:
    """Read, narrow, teach, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="a name from vidcolor weights, or a file")
    parser.add_argument("stills", type=Path, help="folder with a folder of photographs per source")
    parser.add_argument("target", type=Path)
    parser.add_argument("--leave", nargs="*", default=[], help="sources to leave out")
    parser.add_argument("--minutes", type=float, default=22, help="time to teach the stem")
    args = parser.parse_args()
    random.seed(5)
    torch.manual_seed(5)
    wide, _ = load_weights(args.weights)
    assert isinstance(wide, FilmNet)
    wide.requires_grad_(False)
    config = replace(wide.config, stem=STEM, lifts=(wide.config.width, LIFT), pooled=True)
    made = cast(FilmNet, build_net(config)).eval()
    album = Album(args.stills, args.leave)
    draw = album.draw()
    pictures = [next(draw) for _ in range(FITTED)]
    student = Student(wide.vgg, *narrow_stem(wide.vgg, pictures))
    teach_stem(wide.vgg, student, album, args.minutes)
    shapes = {key: value.shape for key, value in made.state_dict().items()}
    same = {k: v for k, v in wide.state_dict().items() if shapes.get(k) == v.shape}
    made.load_state_dict(same, strict=False)
    for place, conv in zip(find_stem(wide.vgg), student.convs, strict=False):
        made.vgg.features[place].load_state_dict(conv.state_dict())
    cast(nn.Conv2d, made.vgg.features[find_stem(wide.vgg)[-1]]).weight.data = student.weight().data
    made.requires_grad_(False)
    narrow_lift(wide, made, [wear(L) for L in pictures])
    equalize(made, pictures)
    with safe_open(find_weights(args.weights)[0], "pt") as file:
        training = json.loads(file.metadata()["training"])
    print(save_weights(made, args.target, training=training, scores={}))


if __name__ == "__main__":
    main()
