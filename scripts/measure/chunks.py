#!/usr/bin/env python3
"""Measures how long one worker of a cluster takes for a film: planning, chunks, joining.

Fits seconds = overhead + frames / rate over chunks of several lengths, in one process. Pin it to a
core to measure a worker with one core:

    taskset -c 0 python scripts/measure/chunks.py film.mp4 --weights mini
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from vidcolor.cluster.coordinator import Coordinator
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.cluster.worker import Worker
from vidcolor.run.inputs import BatchItem
from vidcolor.settings import ChunkSettings, ColorizerSettings, Settings


def measure(film: Path, target: Path, settings: Settings) -> list[tuple[Task, int, float]]:
    """Each task of a film, with the frames that it has, and the seconds that it took."""
    worker = Worker(settings, several=False)
    me = worker.greet()
    coordinator = Coordinator([BatchItem(film.name, film, target)], settings, several=False)
    found: list[tuple[Task, float]] = []
    while not coordinator.over:
        given = coordinator.assign(me.name, 1)
        assert given
        task, order = given
        began = perf_counter()
        for word in worker.do(order):
            if coordinator.hear(task, me, word):
                break
        found.append((task, perf_counter() - began))
    (outcome,) = coordinator.outcomes()
    if outcome.error:
        raise outcome.error
    assert outcome.report
    frames = outcome.report.frames
    return [
        (task, -task.shortness if task.step is Step.CHUNK else frames, seconds)
        for task, seconds in found
    ]


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
    for step, what in ((Step.PLAN, "plan"), (Step.FINISH, "stitch"), (Step.BEGIN, "begin")):
        best = min(rest[step], key=lambda point: point[1])
        print(f"{what:7} {best[0] / best[1]:.0f} frames/s ({best[1]:.2f} s)")


if __name__ == "__main__":
    main()
