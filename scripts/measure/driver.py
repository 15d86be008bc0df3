#!/usr/bin/env python3
"""Measures how many messages per second the driver of a cluster can handle, by number of workers.

Usage: scripts/measure/driver.py [--workers 10 100 1000] [--seconds 20] [--chunks 250]

Prints two figures for each number of workers: the time per message and per task without Ray; and
the time of the whole loop per message, with Ray and simulated workers that each send one message
per second. These are threads of a few processes, so that one machine can hold them. The loop is
the real one; its work is counted in CPU seconds of its thread and of the process, so that a busy
machine matters little. Needs vidcolor[cluster].
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.cluster import ray_backend as cluster
from vidcolor.cluster import ray_start as cluster_ray
from vidcolor.cluster.coordinator import Coordinator
from vidcolor.cluster.messages import (
    ChunkKnown,
    ChunksPlanned,
    Command,
    OpenVideo,
    Progressed,
    Reply,
    VideoOpened,
    WorkerInfo,
)
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.core.files import FileIdentity
from vidcolor.core.run_spec import ColorSpec, EncoderSpec, NetSpec, RunSpec
from vidcolor.media.pass_log import PassLog
from vidcolor.run.chunk_manifest import PlannedChunk
from vidcolor.run.inputs import BatchItem
from vidcolor.settings import ClusterSettings, Settings

FRAMES = 500
"""Of a chunk."""
PROCESSES = 4
ROUNDS = 20
"""Words of each worker, without Ray."""


def greeting(number: int) -> WorkerInfo:
    """Of a made-up worker."""
    return WorkerInfo(f"worker-{number}", "cpu")


SPEC = RunSpec(
    source=FileIdentity(6),
    color=ColorSpec(256, None, 1.0, "auto"),
    encoder=EncoderSpec("matroska"),
    net=NetSpec("", "cpu", "float32", "", 1),
    versions={},
)


def time_coordinator(workers: int, chunks: int) -> tuple[float, float]:
    """Seconds that the coordinator takes for a word, and for an order."""
    with tempfile.TemporaryDirectory(prefix="vidcolor-measure-") as folder:
        item = BatchItem("film", Path(folder) / "film.mkv", Path(folder) / "out.mkv")
        item.source.write_bytes(b"a film")
        coordinator = Coordinator([item], Settings(), False, on_progress=lambda *_: None)
        hands = [greeting(number) for number in range(workers)]
        first = hands[0]
        for words in ([VideoOpened(SPEC, chunks * FRAMES)], plan_of(chunks)):
            given = coordinator.assign(first.name, workers)
            assert given
            for word in words:
                coordinator.hear(given[0], first, word)
        began = time.process_time()
        orders = [coordinator.assign(hand.name, workers) for hand in hands]
        ordered = time.process_time() - began
        given_to = [(order[0], hand) for order, hand in zip(orders, hands, strict=True) if order]
        began = time.process_time()
        for count in range(ROUNDS):
            for task, hand in given_to:
                coordinator.hear(task, hand, Progressed(count, count, count))
        heard = time.process_time() - began
        coordinator.close()
    return heard / ROUNDS / len(given_to), ordered / workers


def plan_of(chunks: int) -> list[Reply]:
    """What a planner tells of a film."""
    made = [
        PlannedChunk(n, n, False, (), (), "0" * 8 * FRAMES, "c8" * FRAMES) for n in range(chunks)
    ]
    end = PassLog()
    return [*(ChunkKnown(chunk, Fraction(0)) for chunk in made), ChunksPlanned(end, {})]


class Speaker:
    """A process that is taken for many workers."""

    def __init__(self, first: int) -> None:
        self._numbers = itertools.count(first)

    def greet(self) -> WorkerInfo:
        """As `vidcolor.cluster.worker.Worker`."""
        return greeting(next(self._numbers))

    def do(self, order: Command) -> Iterator[Reply]:
        """A word a second, for as long as somebody listens."""
        del order
        for count in itertools.count():
            time.sleep(1)
            yield Progressed(count, count, count)


class Deaf:
    """A coordinator that does nothing, and counts."""

    def __init__(self, item: BatchItem) -> None:
        self._reel, self._chunks, self.words = item, itertools.count(), 0

    def assign(self, worker: str, workers: int) -> tuple[Task, Command]:
        """Any."""
        del worker, workers
        return Task(Step.CHUNK, -FRAMES, 0, next(self._chunks)), OpenVideo(self._reel)

    def hear(self, *_: Any) -> bool:
        """It never was the last word."""
        self.words += 1
        return False


def whole_loop(ray: Any, workers: int, seconds: float) -> tuple[float, float, float]:
    """Words per second that were heard; CPU seconds per word of the loop, and of the process."""
    each = -(-workers // PROCESSES)
    made = ray.remote(Speaker).options(num_cpus=0, max_concurrency=each)
    actors = [made.remote(number * each) for number in range(PROCESSES)]
    deaf: Any = Deaf(BatchItem("film", Path("film.mkv"), Path("out.mkv")))
    asked = ClusterSettings(workers=1, cpus=1)
    pool = cluster.WorkerPool(ray, True, deaf, Settings(), asked, False, lambda *_: None)
    ray.kill(pool._handles[0].actor)
    pool._handles[:] = [
        cluster.WorkerHandle(actors[number % PROCESSES]) for number in range(workers)
    ]
    while not all(hand.task for hand in pool._handles):
        pool.turn()
    until, deaf.words = time.monotonic() + seconds, 0
    began, of_thread, of_process = time.monotonic(), time.thread_time(), time.process_time()
    while time.monotonic() < until:
        pool.turn()
    took = time.monotonic() - began
    words = max(1, deaf.words)
    loop, whole = time.thread_time() - of_thread, time.process_time() - of_process
    for actor in actors:
        ray.kill(actor)
    return deaf.words / took, loop / words, whole / words


def main() -> None:
    """Measure and print."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("--workers", type=int, nargs="+", default=[10, 100, 1000])
    p.add_argument("--seconds", type=float, default=20, help="seconds to measure with Ray")
    p.add_argument("--chunks", type=int, default=250, help="chunks of the film without Ray")
    args = p.parse_args()
    for workers in args.workers:
        word, order = time_coordinator(workers, max(args.chunks, workers))
        print(f"{workers} workers, without Ray: {1e6 * word:.0f} us per message,", end=" ")
        print(f"{1e6 * order:.0f} us per task", flush=True)
    with cluster_ray.started_ray(ClusterSettings(workers=1, cpus=1)) as (ray, _):
        for workers in args.workers:
            heard, loop, whole = whole_loop(ray, workers, args.seconds)
            print(f"{workers} workers, with Ray: received {heard:.0f} messages/s;", end=" ")
            print(
                f"a message takes {1e6 * loop:.0f} us of the loop, {1e6 * whole:.0f} us of", end=""
            )
            print(f" the process: at most {1 / loop:.0f} messages/s", flush=True)


if __name__ == "__main__":
    main()
