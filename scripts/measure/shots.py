#!/usr/bin/env python3
"""Measures shot detection: synthetic films whose cuts are known, and real films with labels.

Usage: scripts/measure/shots.py CLIPS_FOLDER [--films FOLDER] [--seed N] [--count N] [--rivals]

CLIPS_FOLDER has short films; their luma is cut into segments of 12 to 80 frames, some of them
degraded like old films, and joined by hard cuts and fades. The seed decides everything random.
A hard cut is found if it is at the exact frame; a fade if there is one cut from its darkest (or
whitest) frame to the end of the fade-in. A kind of degradation counts the cuts at both ends of
such segments, and the false ones inside.

--rivals also measures PySceneDetect's detectors, if installed; it is not a dependency:
    pip install --no-deps --target DIR scenedetect; PYTHONPATH=DIR scripts/measure/shots.py ...
Their thresholds are those that do best on a film of another seed.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from made_films import KINDS, Made, as_frames, make_film, read_clips
from torch import Tensor

from vidcolor.core.frames import Frame
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import open_video
from vidcolor.settings import ShotSettings
from vidcolor.shots.detector import mark_shots

TUNING = 1000
"""Added to the seed for the film that rivals are tuned on."""

LABELS = {
    "blast_effects.mp4": (44, 134, 299),
    "chaplin.mp4": (),
    "sample_bw.mp4": (34, 134, 207, 290),
}
"""Cuts of the real films, by eye: the first frame of each shot but the first."""


@dataclass
class Tally:
    """Cuts found, missed and invented."""

    found: int = 0
    missed: int = 0
    false: int = 0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0..1."""
        return 2 * self.found / max(1, 2 * self.found + self.missed + self.false)

    def row(self) -> str:
        """Cuts, false ones, precision, recall, F1."""
        cuts, said = self.found + self.missed, self.found + self.false
        precision, recall = self.found / max(1, said), self.found / max(1, cuts)
        return f"{cuts:5} {self.false:5} {precision:6.3f} {recall:6.3f} {self.f1:6.3f}"


class Table:
    """The tallies of a detector, by kind of join and of disturbance; ``all`` is everything."""

    def __init__(self) -> None:
        self.exact: defaultdict[str, Tally] = defaultdict(Tally)
        self.near: defaultdict[str, Tally] = defaultdict(Tally)
        """The same where one frame off is right too."""

    def add(self, made: Made, cuts: list[int]) -> None:
        """Compare cuts with the truth of a film."""
        for slack, tallies in enumerate((self.exact, self.near)):
            free = set(cuts)
            for join in made.joins:
                right = range(join.first - slack, join.last + slack + 1)
                hit = min(free.intersection(right), default=None)
                free.discard(-1 if hit is None else hit)
                ends = {made.kinds[join.first - 1], made.kinds[join.last]}
                for name in ("all", join.kind, *(ends - {"clean"} or {"clean"})):
                    tallies[name].found += hit is not None
                    tallies[name].missed += hit is None
            for cut in free:
                tallies["all"].false += 1
                tallies[made.kinds[cut]].false += 1

    def show(self, name: str) -> None:
        """Print it. False cuts belong to no kind of join, so joins have no precision."""
        print(f"\n{name:24}  cuts false  prec. recall     F1 F1 +-1")
        for kind in ("all", "clean", *KINDS):
            print(f"  {kind:22} {self.exact[kind].row()} {self.near[kind].f1:6.3f}")
        for kind in ("hard", "black", "white"):
            found, missed = self.exact[kind].found, self.exact[kind].missed
            print(f"  {kind:22} {found + missed:5} {found / max(1, found + missed):19.3f}")


Detector = Callable[[list[Tensor]], list[int]]
"""Pictures of a film -> the first frames of its shots but the first."""


def ours(frames: Iterable[Frame]) -> tuple[list[int], set[int], int]:
    """What the shots stage says: cuts, outliers, and how many frames there are."""
    cuts, torn, count = [], set[int](), 0
    for place, frame in enumerate(mark_shots(frames, ShotSettings())):
        count = place + 1
        if frame.starts_shot and place:
            cuts.append(place)
        if frame.outlier:
            torn.add(place)
    return cuts, torn, count


def rival(name: str, **options: Any) -> Detector:
    """One of PySceneDetect's detectors; ``fades`` adds the cuts of its detector of fades."""
    package = importlib.import_module("scenedetect")
    fades = options.pop("fades", False)

    def detect(pictures: list[Tensor]) -> list[int]:
        detectors = [getattr(package, name)(min_scene_len=6, **options)]
        if fades:
            dark = {"method": package.ThresholdDetector.Method.FLOOR, "threshold": 24}
            light = {"method": package.ThresholdDetector.Method.CEILING, "threshold": 220}
            detectors += [package.ThresholdDetector(min_scene_len=6, **o) for o in (dark, light)]
        found: list[int] = []
        for detector in detectors:
            moment = None
            for place, picture in enumerate(pictures):
                moment = package.FrameTimecode(place, 25.0)
                gray = picture.numpy()[:, :, None].repeat(3, 2)
                found += [cut.frame_num for cut in detector.process_frame(moment, gray)]
            found += [cut.frame_num for cut in detector.post_process(moment)]
        kept: list[int] = []
        for cut in sorted(found):
            if cut and (not kept or cut - kept[-1] >= 6):
                kept.append(cut)
        return kept

    return detect


RIVALS: dict[str, list[dict[str, Any]]] = {
    "ContentDetector": [{"threshold": t, "luma_only": True} for t in (15, 20, 25, 30, 35, 40)],
    "AdaptiveDetector": [
        {"adaptive_threshold": t, "luma_only": True, "min_content_val": 15}
        for t in (2, 2.5, 3, 4, 5, 6)
    ],
    "HistogramDetector": [{"threshold": t} for t in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)],
    "HashDetector": [{"threshold": t} for t in (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)],
    "ThresholdDetector": [{"threshold": t} for t in (18, 20, 24, 30, 40)],
}
"""What is tried of each; the last finds fades through black only."""


def tuned(name: str, film: Made) -> tuple[dict[str, Any], Detector]:
    """The options that do best on a film, and the detector with them."""

    def score(options: dict[str, Any]) -> float:
        table = Table()
        table.add(film, rival(name, **options)(film.frames))
        return table.exact["all"].f1

    fades = (False,) if name == "ThresholdDetector" else (False, True)
    every = [{**options, "fades": fade} for options in RIVALS[name] for fade in fades]
    best = max(every, key=score)
    return best, rival(name, **best)


def measure_films(folder: Path) -> None:
    """Compare the real films with their labels."""
    for path in sorted(folder.iterdir()):
        with open_video(path) as film:
            cuts, outliers, count = ours(decode(film))
        print(f"{path.name}: {count} frames, cuts {cuts}, by eye", end=" ")
        print(list(LABELS[path.name]) if path.name in LABELS else "not labelled", end="; ")
        print(f"outliers {sorted(outliers)}")


def main() -> None:
    """Measure and print."""
    p = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    p.add_argument("clips", type=Path, metavar="CLIPS_FOLDER")
    p.add_argument("--films", type=Path, metavar="FOLDER")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--count", type=int, default=12, help="number of synthetic films")
    p.add_argument("--rivals", action="store_true", help="measure PySceneDetect too")
    args = p.parse_args()
    torch.set_num_threads(1)
    clips = read_clips(args.clips)
    detectors: dict[str, Detector] = {}
    for name in RIVALS if args.rivals else ():
        best, detectors[name] = tuned(name, make_film(clips, args.seed + TUNING, 36))
        print(f"{name}: {best}")
    tables = {name: Table() for name in ("ours", *detectors)}
    torn, kept, seconds, frames = Counter[str](), Counter[str](), 0.0, 0
    for seed in range(args.seed, args.seed + args.count):
        made = make_film(clips, seed)
        began = time.process_time()
        cuts, said, count = ours(as_frames(made.frames))
        seconds, frames = seconds + time.process_time() - began, frames + count
        tables["ours"].add(made, cuts)
        torn.update(made.kinds[i] for i in made.torn & said)
        kept.update("false" if i in said else made.kinds[i] for i in made.torn ^ said)
        for name, detector in detectors.items():
            tables[name].add(made, detector(made.frames))
    for name, table in tables.items():
        table.show(name)
    print(f"\n{frames} frames, {1000 * seconds / frames:.2f} ms each")
    print(f"outliers: found {dict(torn)}, missed or false {dict(kept)}")
    if args.films:
        measure_films(args.films)


if __name__ == "__main__":
    main()
