#!/usr/bin/env python3
"""Measures how long one worker of a cluster takes for a film: plan, color script, chunks, joining.

Fits seconds = overhead + frames / rate over chunks of several lengths, in one process. Pin it to a
core to measure a worker with one core:

    taskset -c 0 python scripts/measure/chunks.py film.mp4 --weights mini
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import numpy as np

from vidcolor.cluster.coordinator import Coordinator
from vidcolor.cluster.messages import Command, LookAtKeys, SettleScript
from vidcolor.cluster.planner import Planner
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.cluster.worker import Worker
from vidcolor.media.open import open_video
from vidcolor.run.film_parts import FilmPart, make_film_part
from vidcolor.run.inputs import BatchItem
from vidcolor.run.work_dir import WorkDir
from vidcolor.settings import ChunkSettings, ColorizerSettings, Settings


def measure(film: Path, target: Path, settings: Settings) -> list[tuple[Task, int, float]]:
    """Each task of a film, with the frames that it has, and the seconds that it took."""
    worker = Worker(settings, several=False)
    me = worker.greet()
    coordinator = Coordinator([BatchItem(film.name, film, target)], settings, several=False)
    found: list[tuple[Task, int, float]] = []
    while not coordinator.over:
        given = coordinator.assign(me.name, 1)
        assert given
        task, order = given
        began = perf_counter()
        for word in worker.do(order):
            if coordinator.hear(task, me, word):
                break
        found.append((task, keys_of(order), perf_counter() - began))
    (outcome,) = coordinator.outcomes()
    if outcome.error:
        raise outcome.error
    assert outcome.report
    frames = outcome.report.frames
    return [
        (task, keys or (-task.shortness if task.step is Step.CHUNK else frames), seconds)
        for task, keys, seconds in found
    ]


def keys_of(order: Command) -> int:
    """Key frames of a color script that a command is about."""
    if isinstance(order, LookAtKeys):
        return len(order.part.moments)
    return len(order.plan.moments) if isinstance(order, SettleScript) else 0


def measure_join(film: Path) -> float:
    """Frames a second of a plan that is made of two parts of a film, which others read."""
    settings = Settings()
    with tempfile.TemporaryDirectory() as name, open_video(film, settings.open) as opened:
        folder, layout = WorkDir(Path(name)), opened.info.layout
        middle = (opened.info.duration or Fraction(0)) / 2
        parts = FilmPart("first", Fraction(0), middle), FilmPart("second", middle, None)
        for part in parts:
            with open_video(film, settings.open) as again:
                make_film_part(again, layout, settings, folder, part)
        began = perf_counter()
        planned = Planner(settings, id, id).join(opened, layout, folder, parts)
        seconds = perf_counter() - began
    assert planned
    return sum(chunk.frames for chunk in planned.chunks) / seconds


def main() -> None:
    """Print the figures."""
    p = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    p.add_argument("film", type=Path)
    p.add_argument("--weights", default="default")
    p.add_argument("--chunks", type=float, nargs="+", default=[2.0, 8.0])
    args = p.parse_args()
    points: list[tuple[int, float]] = []
    rest: dict[Step, list[tuple[int, float]]] = {step: [] for step in Step}
    for length in args.chunks:
        settings = Settings(
            colorizer=ColorizerSettings(weights=args.weights),
            chunks=ChunkSettings(length, 3 * length),
        )
        with tempfile.TemporaryDirectory() as folder:
            for task, frames, seconds in measure(args.film, Path(folder) / "out.mkv", settings):
                kind = rest[task.step] if task.step is not Step.CHUNK else points
                kind.append((frames, seconds))
    frames, taken = np.array(points[1:]).T  # the first one loads kernels
    slope, overhead = np.polyfit(frames, taken, 1)
    print(f"color  {1 / slope:.1f} frames/s, and {overhead:.2f} s a chunk ({len(frames)} chunks)")
    kinds = {Step.BEGIN: "begin", Step.PLAN: "plan", Step.FINISH: "stitch"}
    for step, what in (kinds | {Step.LOOK: "look", Step.SETTLE: "settle"}).items():
        if rest[step]:
            best = max(rest[step], key=lambda point: point[0] / point[1])
            print(f"{what:7} {best[0] / best[1]:.0f} frames/s ({best[1]:.2f} s)")
    print(f"join    {measure_join(args.film):.0f} frames/s")


if __name__ == "__main__":
    main()
