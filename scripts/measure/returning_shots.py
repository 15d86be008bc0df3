"""Measures a color script: films whose shots come back are colored without and with it.

Usage: scripts/measure/returning_shots.py [--sequences FOLDER ...] [--clips FOLDER [--step N]]
           [--stills FOLDER [--count N]] [--scenes N] [--shots N] [--frames N] [--films N]
           [--weights NAME] [--sheets DIR] [--only-groups]

Each folder of --sequences has the frames of a color film as pictures; --clips has videos, of which
one in --step is taken, --stills has photographs. Films are made of --scenes sources of one kind,
cut into --shots shots that come back with other crops, zooms, light and frames (made_shots).
--films are made of each kind. Prints of each and of all: true, without a script and with it,

- spread: median over things of the mean distance in ab of a thing's mean color in each shot from
  its mean over the shots. Things of stills are the very same pixels; of what moves they are
  clusters of true color and look. What true color has is the floor of it.
- PSNR in dB, colorfulness and mean chroma of all frames.
- groups: pairs of shots of different sources in one group, and pairs of one source that are in two.

--only-groups looks at the groups of one film of all sources, and colors nothing. --sheets writes a
picture of each film: the first frame of each shot, a scene a block: true, without, with.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from statistics import mean, median

import cv2
import numpy as np
import torch
from made_shots import MadeShot, Source, deal, make_film, read_clips, read_sequence, read_stills
from PIL import Image
from references import RATE, as_codes, gray_frame
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.guide import Guide
from vidcolor.colorize.paint import paint_frame
from vidcolor.colorize.script_maker import make_script
from vidcolor.colorize.session import Session
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.evaluation.metrics import colorfulness, psnr
from vidcolor.guidance.color_script import ColorScript
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.images.rgb import frame_rgb
from vidcolor.settings import ColorizerSettings, Settings
from vidcolor.temporal.smoother import smooth

NUMBERS = {"step": 5, "count": 12, "films": 2, "scenes": 6, "shots": 18, "frames": 10}
LEAST_SHARE = 0.005
"""Of a shot's pixels, from which a thing counts there."""


@dataclass
class Film:
    """A made film in gray."""

    name: str
    shots: list[MadeShot]
    cuts: list[int] = field(init=False)
    """Number of the first frame of each shot, and of the end."""

    def __post_init__(self) -> None:
        counts = [len(shot.images) for shot in self.shots]
        self.cuts = [sum(counts[:n]) for n in range(len(counts) + 1)]
        self._images = [image for shot in self.shots for image in shot.images]

    @property
    def truth(self) -> list[Tensor]:
        """``(3, H, W)`` codes 0..255 of each frame."""
        return [as_codes(image) for image in self._images]

    @property
    def plan(self) -> Guidance:
        """Nothing is said of it, and its cuts are known."""
        times = [Fraction(cut, RATE) for cut in self.cuts]
        ranges = [ShotRange(*pair) for pair in pairwise(times)]
        return Guidance(ColorSheet(), Fraction(RATE), ranges)

    def frame(self, number: int) -> Frame:
        """One of its frames."""
        frame = gray_frame(self._images[number], number)
        frame.starts_shot = number in self.cuts
        return frame

    def read(self, moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
        """The frames on screen at some moments."""
        for moment in moments:
            number = min(int(moment * RATE), len(self._images) - 1)
            yield Fraction(number, RATE), self.frame(number)


@dataclass
class Scores:
    """What one way of coloring shows."""

    spreads: list[float] = field(default_factory=list)
    """Of things."""
    psnr: list[float] = field(default_factory=list)
    """Of frames, as the others."""
    colorful: list[float] = field(default_factory=list)
    chroma: list[float] = field(default_factory=list)

    def add(self, other: Scores) -> None:
        """Those of another film."""
        for name, values in vars(self).items():
            values += vars(other)[name]

    def row(self) -> str:
        """Spread, PSNR, colorfulness, chroma."""
        means = (mean(values) for values in (self.psnr, self.colorful, self.chroma))
        return " ".join(f"{one:6.2f}" for one in (median(self.spreads), *means))


@dataclass
class Groups:
    """Pairs of shots of different sources and of the same, and how many are wrong."""

    different: int = 0
    false: int = 0
    same: int = 0
    missed: int = 0
    merged: list[tuple[int, int]] = field(default_factory=list)
    """Numbers of the shots of false ones."""

    def add(self, other: Groups) -> None:
        """Those of another film."""
        for name in ("false", "different", "missed", "same"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def row(self) -> str:
        """Shares of wrong ones."""
        return (
            f"false merges {self.false} of {self.different} pairs"
            f" ({100 * self.false / max(1, self.different):.2f} %),"
            f" missed {self.missed} of {self.same} ({100 * self.missed / max(1, self.same):.1f} %)"
        )


def look_at_film(film: Film, colorizer: Colorizer) -> list[ColorizedFrame]:
    """Its frames with their automatic color, not smoothed, as runs with a guide have them."""
    colorizer.listen()
    colorizer.reset()
    frames = (film.frame(n) for n in range(film.cuts[-1]))
    return list(colorizer.colorize(frames, embed=True))


def write_script(film: Film, colorizer: Colorizer) -> ColorScript:
    """The script of a film."""
    end = Fraction(film.cuts[-1], RATE)
    return make_script(film.plan, end, colorizer, film.read, Fraction(1))


def paint_film(
    film: Film, looked: Sequence[ColorizedFrame], session: Session, script: ColorScript | None
) -> list[Tensor]:
    """``(3, H, W)`` codes 0..255 of each frame, smoothed; without a script as runs without one."""
    items: Iterator[ColorizedFrame] = (replace(one, ab=one.ab.clone()) for one in looked)
    if script is not None:
        paint, aspect = session.settings.paint, Fraction(1)
        guide = Guide(film.plan, session.colorizer, film.read, aspect, paint, script=script)
        items = guide.guide_frames(items, None)
    found = []
    for item in smooth(items, session.settings.smooth, session.gate):
        paint_frame(item.frame, item.ab, item.said)
        found.append(as_codes(frame_rgb(item.frame, 8)))
    return found


def score(film: Film, painted: Sequence[Tensor]) -> Scores:
    """What the frames of a film show beside the truth."""
    scores = Scores()
    maps = [rgb_to_lab(codes / 255)[1:] for codes in painted]
    scores.psnr = [psnr(a, b) for a, b in zip(painted, film.truth, strict=True)]
    scores.colorful = [colorfulness(codes) for codes in painted]
    scores.chroma = [float(ab.norm(dim=0).mean()) for ab in maps]
    things: dict[tuple[str, int], list[Tensor]] = {}
    for shot, first in zip(film.shots, film.cuts, strict=False):
        ab = torch.cat([one.flatten(1) for one in maps[first : first + len(shot.images)]], 1)
        label = torch.from_numpy(np.stack(shot.labels)).flatten()
        for thing in range(int(label.max()) + 1):
            mask = label == thing
            if mask.float().mean() >= LEAST_SHARE:
                things.setdefault((shot.source.name, thing), []).append(ab[:, mask].mean(1))
    for means in things.values():
        if len(means) > 1:
            colors = torch.stack(means)
            scores.spreads.append(float((colors - colors.mean(0)).norm(dim=1).mean()))
    return scores


def compare_groups(film: Film, script: ColorScript) -> Groups:
    """Whether shots of one source, and only they, have a group in common."""
    own = [
        {key.group for key in script.keys_within(shot.start_seconds, shot.end_seconds)}
        for shot in film.plan.shots
    ]
    groups = Groups()
    for first, second in combinations(range(len(own)), 2):
        common = bool(own[first] & own[second])
        if film.shots[first].source is film.shots[second].source:
            groups.same, groups.missed = groups.same + 1, groups.missed + (not common)
        else:
            groups.different, groups.false = groups.different + 1, groups.false + common
            groups.merged += [(first, second)] * common
    return groups


def draw_sheet(
    film: Film, script: ColorScript, versions: Sequence[Sequence[Tensor]], path: Path
) -> None:
    """Write the first frame of each shot, a scene a block: true, without, with its group."""
    sources = dict.fromkeys(shot.source.name for shot in film.shots)
    rows = []
    for name in sources:
        numbers = [n for n, shot in enumerate(film.shots) if shot.source.name == name]
        block = [[film.shots[n].images[0] for n in numbers]]
        for painted in versions:
            frames = [painted[film.cuts[n]].permute(1, 2, 0) for n in numbers]
            block.append([one.round().byte().contiguous().numpy() for one in frames])
        for n, image in zip(numbers, block[-1], strict=True):
            shot = film.plan.shots[n]
            keys = script.keys_within(shot.start_seconds, shot.end_seconds)
            text = f"shot {n} group {' '.join(str(key.group) for key in keys)}"
            cv2.putText(image, text, (6, 232), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 0), 2)
        rows += [np.concatenate(row, 1) for row in block]
    width = max(row.shape[1] for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    Image.fromarray(np.concatenate(rows)).resize((width // 2, 120 * len(rows))).save(path)


def make_films(arguments: argparse.Namespace) -> dict[str, list[Source]]:
    """The sources of each film, by its name."""
    kinds = {
        "sequences": [read_sequence(folder) for folder in arguments.sequences],
        "clips": read_clips(arguments.clips, arguments.step) if arguments.clips else [],
        "stills": read_stills(arguments.stills, arguments.count) if arguments.stills else [],
    }
    if arguments.only_groups:
        return {"all": [source for sources in kinds.values() for source in sources]}
    return deal(kinds, arguments.scenes, arguments.films)


def parse() -> argparse.Namespace:
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--sequences", nargs="+", type=Path, default=[])
    for name in ("clips", "stills", "sheets"):
        p.add_argument(f"--{name}", type=Path)
    for name, value in NUMBERS.items():
        p.add_argument(f"--{name}", type=int, default=value)
    p.add_argument("--weights", default="default")
    p.add_argument("--only-groups", action="store_true")
    return p.parse_args()


def main() -> None:
    """Measure, and print a line for each film and way."""
    arguments = parse()
    torch.set_num_threads(1)
    colorizer = Colorizer.from_weights(settings=ColorizerSettings(weights=arguments.weights))
    session = Session(Settings(), colorizer)
    total, all_groups = {name: Scores() for name in ("true", "without", "with")}, Groups()
    print("film: spread, PSNR, colorfulness, chroma")
    for seed, (name, sources) in enumerate(make_films(arguments).items()):
        shots = 2 * len(sources) if arguments.only_groups else arguments.shots
        film = Film(name, make_film(sources, shots, arguments.frames, seed))
        script = write_script(film, colorizer)
        groups = compare_groups(film, script)
        all_groups.add(groups)
        print(f"{name}: {groups.row()}", flush=True)
        for first, second in groups.merged:
            pair = (film.shots[n].source.name for n in (first, second))
            print(f"  shots {first} and {second}:", *pair)
        if arguments.only_groups:
            continue
        looked = look_at_film(film, colorizer)
        ways = [paint_film(film, looked, session, one) for one in (None, script)]
        for way, painted in zip(total, (film.truth, *ways), strict=True):
            scores = score(film, painted)
            total[way].add(scores)
            print(f"  {way:8} {scores.row()}", flush=True)
        if arguments.sheets:
            draw_sheet(film, script, ways, arguments.sheets / f"{name}.png")
    print(f"all: {all_groups.row()}")
    if not arguments.only_groups:
        for way, scores in total.items():
            print(f"  {way:8} {scores.row()}")


if __name__ == "__main__":
    main()
