#!/usr/bin/env python3
"""Measures title detection: synthetic title cards must stay gray, synthetic scenes must not.

Usage: scripts/measure/titles.py PICTURES... [--seeds FROM:TO] [--part tune|held] [--fit]

PICTURES are folders of photographs from which the scenes are made; two thirds of them (by their
names) are for tuning, one third is held out. Cards are drawn with the fonts of this machine. Each
seed makes every kind of card and scene once, as a shot of `FRAMES` frames worn like old film. A
card fails if one of its frames has color, a scene if one frame lacks some, except in a fade.

--fit fits the weights of `vidcolor.shots.lettering` to the tuning part, and prints them.
--sheet draws the shots that fail.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from made_cards import CARDS
from made_scenes import SCENES, Views, sources
from made_wear import Picture, Pictures, blank, weave, worn
from torch import Tensor
from torch.nn.functional import logsigmoid

from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.settings import CARDS as MODES
from vidcolor.settings import TitleSettings
from vidcolor.shots.lettering import ROWS, Traits, picture_area, traits
from vidcolor.shots.titles import at_rows, mark_titles

FRAMES = 20
LAYOUT = PixelLayout("gray", 8, 0, 0, True, "bt709", "bt1886")

LOGS = {
    "noise": 0.02, "stray": 0.004, "range": 0.05, "slope": 0.03, "against": 0.003, "soft": 0.1,
    "soft off": 0.02, "cover": 0.005, "letters": 0.2, "uneven": 0.1, "thick": 0.02, "tail": 0.1,
    "noise codes": 1, "range codes": 2, "slope codes": 2, "ruled": 0.05, "patchy": 0, "rough": 0.5,
    "levels": 2, "sizes": 0.1, "stroke": 0.001, "peaks": 0, "relief": 2,
}  # fmt: skip
"""Traits whose logarithm is weighed, and what is added before."""
GROUND = (
    "noise", "noise codes", "tail", "stray", "against", "range", "range codes", "slope",
    "slope codes", "patchy", "rough", "levels", "peaks", "relief", "soft", "soft off", "cover",
    "thick",
)  # fmt: skip
LETTERS = (
    "uneven", "stroke", "letters", "letter share", "beside one", "beside two", "on a line",
    "of letters on a line", "stacked", "sizes", "thick", "soft", "cover", "ruled", "off",
)  # fmt: skip
HARD = ("dim picture", "dark picture")
"""Scenes that count three times: words over what is hardly to be seen."""


@dataclass
class Made:
    """A shot."""

    card: bool
    kind: str
    seed: int
    pictures: Pictures


def made(
    seeds: range, paths: Sequence[Path], frames: int = FRAMES, leaders: bool = True
) -> Iterator[Made]:
    """Every kind of card and scene once for each seed."""
    for seed in seeds:
        for number, (kind, card) in enumerate(CARDS.items()):
            draw = np.random.default_rng([seed, number])
            count = max(frames, 8) if kind == "fading in" else frames
            yield Made(True, kind, seed, _old(draw, card(draw, count))[-frames:])
        for number, (kind, scene) in enumerate(SCENES.items()):
            draw = np.random.default_rng([seed, 1000 + number])
            yield Made(False, kind, seed, _old(draw, scene(draw, Views(paths, draw), frames)))
        for number, level in enumerate((0.95, 0.5, 0.02) if leaders else ()):
            draw = np.random.default_rng([seed, 2000 + number])
            yield Made(True, f"leader of {level}", seed, _old(draw, blank(draw, level, frames)))


def _old(draw: np.random.Generator, pictures: Pictures) -> Pictures:
    """Worn more or less, a third of them compressed hard besides; uint8."""
    pictures = weave(draw, pictures, draw.uniform(0, 2))
    grain, flicker = draw.uniform(0, 0.04), draw.uniform(0, 0.1)
    codes = [(one * 255).round().astype(np.uint8) for one in worn(draw, pictures, grain, flicker)]
    quality = int(draw.integers(15, 60))
    return [_packed(one, quality) for one in codes] if draw.random() < 0.3 else codes


def _packed(codes: Picture, quality: int) -> Picture:
    _, data = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def as_frames(pictures: Pictures) -> Iterator[Frame]:
    """Frames of one shot as the shots stage gives them."""
    none = torch.empty(0, 0, dtype=torch.uint8)
    for pts, codes in enumerate(pictures):
        luma = torch.from_numpy(np.ascontiguousarray(codes))
        yield Frame(luma, (none, none), LAYOUT, pts, 1, Fraction(1, 25), starts_shot=pts == 0)


def fails(one: Made, mode: str) -> bool:
    """Whether a frame of the shot is taken for what it is not."""
    marked = list(mark_titles(as_frames(one.pictures), TitleSettings(mode)))
    shares = [frame.share or 0.0 for frame in marked]
    return max(shares) > 0 if one.card else min(shares) < 1


def measure(args: argparse.Namespace, paths: Sequence[Path]) -> None:
    """Print how many shots fail, kind by kind."""
    counts: Counter[tuple[bool, str]] = Counter()
    bad: Counter[tuple[bool, str]] = Counter()
    drawn: list[Picture] = []
    spent = 0.0
    for one in made(args.seeds, paths):
        began = time.process_time()
        failed = fails(one, args.titles)
        spent += time.process_time() - began
        counts[one.card, one.kind] += 1
        if failed:
            bad[one.card, one.kind] += 1
            drawn.append(_labelled(one))
    for card, name in ((True, "cards"), (False, "scenes")):
        kinds = {kind: n for (of, kind), n in counts.items() if of == card}
        lost = sum(bad[card, kind] for kind in kinds)
        share = 100 * lost / max(1, sum(kinds.values()))
        what = "colored" if card else "gray"
        print(
            f"{name}: {len(kinds)} kinds, {sum(kinds.values())} shots, {lost} {what}, {share:.2f} %"
        )
        for kind in kinds:
            if bad[card, kind]:
                print(f"  {kind}: {bad[card, kind]} of {kinds[kind]}")
    print(f"{1000 * spent / max(1, FRAMES * sum(counts.values())):.2f} ms of CPU a frame")
    if args.sheet and drawn:
        drawn += [np.zeros_like(drawn[0])] * (-len(drawn) % 6)
        rows = [np.hstack(drawn[place : place + 6]) for place in range(0, len(drawn), 6)]
        cv2.imwrite(str(args.sheet), np.vstack(rows))


def _labelled(one: Made) -> Picture:
    small = cv2.resize(one.pictures[-1], (240, 180), interpolation=cv2.INTER_AREA)
    cv2.putText(small, f"{one.seed} {one.kind}", (3, 12), 0, 0.4, 255, 2)
    cv2.putText(small, f"{one.seed} {one.kind}", (3, 12), 0, 0.4, 0, 1)
    return np.asarray(small)


def fit(args: argparse.Namespace, paths: Sequence[Path]) -> None:
    """Print weights under which both, an even ground and lettering, are found on cards alone."""
    rows: list[tuple[bool, str, Traits]] = []
    for one in made(args.seeds, paths, 2, leaders=False):
        for frame in as_frames(one.pictures):
            codes = at_rows(frame, ROWS)
            rows.append((one.card, one.kind, traits(codes, picture_area(codes))))
    y = torch.tensor([float(card) for card, _, _ in rows], dtype=torch.float64)
    hard = torch.tensor([3.0 if kind.endswith(HARD) else 1.0 for _, kind, _ in rows])
    weight = hard * torch.where(y > 0, (1 - y).mean(), y.mean()) * 2
    maps = [_matrix(rows, names) for names in (GROUND, LETTERS)]
    means, spans = [m.mean(0) for m in maps], [m.std(0) + 1e-9 for m in maps]
    maps = [(m - mean) / span for m, mean, span in zip(maps, means, spans, strict=True)]
    tables = [torch.zeros(m.shape[1] + 1, dtype=torch.float64) for m in maps]
    for table in tables:
        table[-1] = 1
        table.requires_grad_()
    solver = torch.optim.LBFGS(tables, max_iter=1500, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        both = [m @ table[:-1] + table[-1] for m, table in zip(maps, tables, strict=True)]
        chance = logsigmoid(both[0]) + logsigmoid(both[1])
        errors = y * chance + (1 - y) * torch.log1p(-chance.exp() * (1 - 1e-9))
        size = torch.stack([table[:-1].square().sum() for table in tables]).sum()
        total: Tensor = args.restraint * size - (weight * errors).mean()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    solver.step(loss)  # type: ignore[no-untyped-call]
    for name, names, mean, span, table in zip(
        ("GROUND", "LETTERS"), (GROUND, LETTERS), means, spans, tables, strict=True
    ):
        found = table.detach()
        print(f"{name}: Weights = {{")
        for trait, value in zip(names, found[:-1] / span, strict=True):
            print(f'    "{trait}": ({float(value):.4f}, {LOGS.get(trait)}),')
        print(f"}}\n{name}_BIAS = {float(found[-1] - (found[:-1] * mean / span).sum()):.4f}")


def _matrix(rows: Sequence[tuple[bool, str, Traits]], names: Sequence[str]) -> Tensor:
    table: Any = [
        [np.log(found[name] + LOGS[name]) if name in LOGS else found[name] for name in names]
        for _, _, found in rows
    ]
    return torch.tensor(table, dtype=torch.float64)


def seeds(word: str) -> range:
    """``3:9``, for argparse."""
    first, _, end = word.partition(":")
    return range(int(first), int(end or int(first) + 1))


def main() -> None:
    """Measure, or fit."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("pictures", type=Path, nargs="+", help="folders of photographs")
    p.add_argument("--seeds", type=seeds, default=range(0, 4), help="from and to, default 0:4")
    p.add_argument("--part", choices=("tune", "held"), default="tune")
    p.add_argument("--titles", choices=MODES, default="auto")
    p.add_argument("--fit", action="store_true")
    p.add_argument("--restraint", type=float, default=0.0003, help="keeps weights small")
    p.add_argument("--sheet", type=Path)
    args = p.parse_args()
    cv2.setNumThreads(1)
    held = args.part == "held"
    paths = [p for p in sources(args.pictures) if (zlib.crc32(p.name.encode()) % 3 == 0) == held]
    (fit if args.fit else measure)(args, paths)


if __name__ == "__main__":
    main()
