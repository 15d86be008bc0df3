#!/usr/bin/env python3
"""Measures what settling the color script of a long film takes, step by step, as on a cluster.

Usage: scripts/measure/settling.py CLIPS [CLIPS ...] [--keys N] [--weights NAME] [--keep FILE]
           [--alone]

CLIPS are folders of videos. Of each clip a dozen key frames are made, with another crop and light
each, and all of them are shuffled as in a film: five clips are a scene, whose shots alternate, and
one shot in ten comes back anywhere. Their looks are kept in --keep, and read there the next time.
All times are of the processor, of one core:

    python scripts/measure/settling.py clips --keep looks.bin --weights mini

--alone also settles it at once, and compares the bytes.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import process_time

import torch
from made_films import as_frames, read_luma
from torch.nn.functional import interpolate

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.script_maker import look_at_keys
from vidcolor.core.frames import Frame
from vidcolor.errors import VidcolorError
from vidcolor.guidance.agreement import settle
from vidcolor.guidance.color_script import ColorScript, KeyLook, read_looks, store_looks
from vidcolor.guidance.plan import Guidance
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.guide_net import GuideNet
from vidcolor.run.film_script import PART
from vidcolor.run.sealed import put_sealed, read_sealed
from vidcolor.run.settling import Settler, Settling, Work, divide_turns
from vidcolor.run.work_dir import WorkDir
from vidcolor.settings import ColorizerSettings

EACH, SCENE = 12, 5
"""Key frames of a clip, and clips of a scene."""
CROP, LIGHT = (0.92, 1.0), (0.9, 1.1)
H, W = 480, 640


def look_at_clip(path: Path, number: int, colorizer: Colorizer) -> list[KeyLook]:
    """Key frames of a clip, ascending in time; none of one that cannot be read."""
    chance = random.Random(number)
    try:
        clip = read_luma(path)
    except (VidcolorError, RuntimeError):
        return []
    pictures = []
    for place in sorted(chance.randrange(len(clip)) for _ in range(EACH)):
        share = chance.uniform(*CROP)
        h, w = (round(share * side) for side in clip.shape[1:])
        y, x = chance.randint(0, clip.shape[1] - h), chance.randint(0, clip.shape[2] - w)
        crop = clip[place : place + 1, y : y + h, x : x + w][None].float()
        picture = interpolate(crop, (H, W), mode="bilinear")[0, 0]
        lit = ((picture - 16) * chance.uniform(*LIGHT) + 16).clamp(16, 235)
        pictures.append(lit.round().to(torch.uint8))

    def source(_: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
        return ((Fraction(n), frame) for n, frame in enumerate(as_frames(pictures)))

    plan, moments = Guidance(ColorSheet(), Fraction(25)), list(map(Fraction, range(EACH)))
    return list(look_at_keys(plan, moments, colorizer, source, Fraction(1)))


def shuffle(clips: list[list[KeyLook]], count: int) -> list[KeyLook]:
    """So many key frames as in a film: shots of a scene alternate, some come back elsewhere."""
    chance = random.Random(1)
    chance.shuffle(clips)
    order: list[KeyLook] = []
    for first in range(0, len(clips), SCENE):
        left = [list(clip) for clip in clips[first : first + SCENE]]
        while left := [clip for clip in left if clip]:
            shot = chance.choice(left)
            for _ in range(min(len(shot), chance.choice((1, 1, 2, 3)))):
                order.append(shot.pop(0))
    for _ in range(len(order) // 10):
        order.insert(chance.randrange(len(order)), order.pop(chance.randrange(len(order))))
    return [replace(look, seconds=Fraction(9 * n, 2)) for n, look in enumerate(order[:count])]


def find_looks(args: argparse.Namespace, colorizer: Colorizer) -> list[KeyLook]:
    """The key frames of the made film."""
    if args.keep and args.keep.exists():
        return list(read_looks(args.keep.read_bytes()))
    paths = [path for folder in args.clips for path in sorted(folder.iterdir())]
    clips = [look_at_clip(path, n, colorizer) for n, path in enumerate(paths)]
    looks = shuffle([clip for clip in clips if clip], args.keys)
    if args.keep:
        args.keep.write_bytes(store_looks(looks))
    return looks


def rows(looks: list[KeyLook], guide: GuideNet, folder: WorkDir) -> Iterator[str | ColorScript]:
    """What each step takes, line by line, then the script."""
    keys, starts = len(looks), range(0, len(looks), PART)
    for start in starts:
        put_sealed(folder, f"{start}.keys", store_looks(looks[start : start + PART]))
    began = process_time()
    found = [read_looks(read_sealed(folder, f"{start}.keys") or b"") for start in starts]
    read = [look for part in found for look in part]
    yield f"read      {keys / (process_time() - began):.0f} key frames/s"
    settler = Settler(Settling("0" * 32, len(starts)), read, guide)

    def work(kind: Work, parts: Sequence[int]) -> list[float]:
        seconds = []
        for part in parts:
            began = process_time()
            settler.make(folder, kind, part)
            seconds.append(process_time() - began)
        return seconds

    for kind in (Work.PAIRS, Work.JOINS, Work.COLORS):
        took = work(kind, [-1] if kind is Work.PAIRS else range(len(starts)))
        rate = f"{keys / sum(took):.0f} key frames/s"
        yield f"{kind:9} {rate} in {len(took)} parts, the longest {max(took):.2f} s"
    blocks = settler.count_blocks(folder)
    turns = [work(Work.TURNS, turn) for turn in divide_turns(blocks)]
    if blocks:
        every = [seconds for turn in turns for seconds in turn]
        yield (
            f"turns     {len(turns)} of {blocks} blocks, {sum(every):.2f} s, the longest of each"
            f" {sum(map(max, turns)):.2f} s"
        )
    began = process_time()
    script = settler.conclude(folder, [])
    seconds = process_time() - began
    script.to_bytes(), script.sha256
    groups = [key.group for key in script.keys]
    yield f"conclude  {keys / (process_time() - began):.0f} key frames/s ({seconds:.2f} s of it)"
    sizes = sorted(map(groups.count, set(groups)), reverse=True)
    yield f"{keys} key frames, {len(sizes)} scenes, the largest of {sizes[:5]}"
    yield script


def main() -> None:
    """Print the figures."""
    p = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    p.add_argument("clips", type=Path, nargs="+")
    p.add_argument("--keys", type=int, default=1627, help="those of two hours")
    p.add_argument("--weights", default="mini")
    p.add_argument("--keep", type=Path)
    p.add_argument("--alone", action="store_true")
    args = p.parse_args()
    torch.set_num_threads(1)
    colorizer = Colorizer.from_weights(settings=ColorizerSettings(weights=args.weights))
    guide, looks = colorizer.listen(), find_looks(args, colorizer)[: args.keys]
    with tempfile.TemporaryDirectory() as name:
        for row in rows(looks, guide, WorkDir(Path(name))):
            if isinstance(row, str):
                print(row, flush=True)
            else:
                script = row
    if args.alone:
        began = process_time()
        alone = settle(looks, guide).to_bytes()
        print(f"alone     {len(looks) / (process_time() - began):.1f} key frames/s", flush=True)
        print("the same bytes" if alone == script.to_bytes() else "OTHER BYTES")


if __name__ == "__main__":
    main()
