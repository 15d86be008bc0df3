"""Prints how fast pictures are indexed, read and learned from on this CPU.

Usage: scripts/measure/training_speed.py STILLS [--start default] [--side 128] [--steps 5]

STILLS is a folder of some hundred color pictures or more. The index is made anew, in a folder that
is removed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from vidcolor.media.images.files import read_rgb
from vidcolor.nets.weights import load_weights
from vidcolor.training.data.picture_index import index_stills
from vidcolor.training.data.stills import RandomCrops, Still, random_crop, split_stills
from vidcolor.training.distributed import Team
from vidcolor.training.recipes import ColorRecipe, make_recipe
from vidcolor.training.settings import TrainSettings

CROPS = 200
"""Crops that are read one by one."""

Spent = dict[str, list[float]]
"""Part -> [seconds on the clock, seconds of all cores]."""


@contextmanager
def clock(spent: Spent, part: str) -> Iterator[None]:
    """Add up the time of what is done within, by this process and those that it waited for."""
    began, worked = time.perf_counter(), sum(os.times()[:4])
    yield
    spent[part][0] += time.perf_counter() - began
    spent[part][1] += sum(os.times()[:4]) - worked


def measure_data(folder: Path, cache: Path, side: int) -> list[Still]:
    """Index and read, in one process where training reads in one; the pictures to train on."""
    spent: Spent = defaultdict(lambda: [0.0, 0.0])
    with clock(spent, "index"):
        found, skipped = index_stills([folder], cache)
    with clock(spent, "index again"):
        index_stills([folder], cache)
    with clock(spent, "twins and split"):
        stills, _ = split_stills(found)
    seen = len(found) + sum(skipped.values())
    for part, (seconds, worked) in spent.items():
        print(f"{part:16} {seconds:8.2f} s {seen / seconds:8.0f} pictures/s  cores {worked:.1f} s")
    draw = torch.Generator().manual_seed(1)
    spent.clear()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for number in range(CROPS):
        with clock(spent, "read"):
            rgb = read_rgb(stills[number * len(stills) // CROPS].path)
        with clock(spent, "crop"):
            random_crop(rgb, side, draw)
    torch.set_num_threads(threads)
    for part, (seconds, worked) in spent.items():
        print(
            f"{part:16} {1000 * seconds / CROPS:8.2f} ms a crop  cores {1000 * worked / CROPS:.2f}"
        )
    return stills


def measure_steps(recipe: ColorRecipe, data: RandomCrops, settings: TrainSettings) -> Spent:
    """Some steps, each part by itself, after one that is not counted."""
    spent: Spent = defaultdict(lambda: [0.0, 0.0])
    optimizer = recipe.optimizer(settings)
    team = Team(0, 1, torch.device("cpu"))
    moving = [p for p in recipe.parameters() if p.requires_grad]
    recipe.train()
    for step in range(settings.steps + 1):
        if step == 1:
            spent.clear()
        with clock(spent, "read and crop"):  # in a run another process does this meanwhile
            first = step * settings.batch
            rgb = torch.stack([data[first + i] for i in range(settings.batch)])
        with clock(spent, "augment"), torch.no_grad():
            lightness, ab = recipe.pair(rgb, torch.Generator().manual_seed(step))
            lightness = lightness.contiguous(memory_format=torch.channels_last)
        with clock(spent, "forward"), team.autocast():
            losses, _ = recipe.color_losses(lightness, ab, step)
            total = torch.stack(list(losses.values())).sum()
        with clock(spent, "backward"):
            total.backward()  # type: ignore[no-untyped-call]
        with clock(spent, "optimizer"):
            nn.utils.clip_grad_norm_(moving, 1.0)
            optimizer.step()
            optimizer.zero_grad()
    return spent


def main() -> None:
    """Measure, part by part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stills", type=Path, help="folder of color pictures")
    parser.add_argument("--start", default="default", help="weights to learn from")
    parser.add_argument("--batch", type=int, default=32, help="pictures a step")
    parser.add_argument("--side", type=int, default=128, help="pixels of a crop")
    parser.add_argument("--steps", type=int, default=5, help="steps to measure")
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    with tempfile.TemporaryDirectory() as cache:
        stills = measure_data(args.stills, Path(cache), args.side)
        settings = TrainSettings(
            stills=(str(args.stills),),
            start=args.start,
            preset=load_weights(args.start)[0].config.preset,
            batch=args.batch,
            sides=(args.side,),
            steps=args.steps,
        )
        recipe = make_recipe(settings)
        assert isinstance(recipe, ColorRecipe)
        spent = measure_steps(recipe, RandomCrops(stills, args.side, 1), settings)
    cores = torch.get_num_threads()
    for part, (seconds, worked) in spent.items():
        print(
            f"{part:16} {seconds / args.steps:8.3f} s a step  "
            f"cores busy {100 * worked / seconds / cores:3.0f} % of {cores}"
        )
    whole = sum(seconds for part, (seconds, _) in spent.items() if part != "read and crop")
    print(f"{'learned from':16} {args.steps * args.batch / whole:8.1f} pictures/s")


if __name__ == "__main__":
    main()
