#!/usr/bin/env python3
"""Simulates how long 1 to 1,000 workers take for a film or an archive, with measured times.

vidcolor's own task queue hands out the tasks; only the clock and the machines are simulated. A
worker takes as long for a task as was measured for one worker; nothing slows all of them down
together: no disk, no network, no overloaded driver. docs/scaling.md has the limits of those.

The default times were measured with the net `mini` on one core of an AMD EPYC (Zen 4, no AMX), on a
film of 640x480 and 25 frames/s (``python scripts/measure/chunks.py FILM --weights mini``), those of
settling a color script, and the sizes of scenes, on a made film (``scripts/measure/settling.py``).

Usage:
    python scripts/measure/simulate_cluster.py                      # one film of two hours
    python scripts/measure/simulate_cluster.py --films 1000 --minutes 10
    python scripts/measure/simulate_cluster.py --color 250 --plan 400   # frames/s that you measured
"""

from __future__ import annotations

import argparse
import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from heapq import heappop, heappush
from itertools import accumulate, count, pairwise
from math import ceil
from statistics import mean, median

from vidcolor.cluster.task_queue import SETTLING, Stage, Step, Task, TaskQueue
from vidcolor.colorize.script_maker import choose_moments
from vidcolor.guidance.agreement import BLOCK, LARGE, TURNS
from vidcolor.guidance.plan import ShotRange
from vidcolor.run import film_parts
from vidcolor.run.film_script import PART
from vidcolor.run.settling import LEAST, divide_turns
from vidcolor.settings import ChunkSettings

NOTICED = 15.0
"""Seconds until Ray says that a machine is gone, as measured."""
SHOT, SPREAD = 6.0, 0.8
"""Median of a shot's length in seconds, and the deviation of its logarithm: between those of
newsreels and of features of the 1930s and 1940s."""


@dataclass(frozen=True)
class Times:
    """What one worker takes, measured."""

    color: float = 19.1
    """Frames a second, all stages from decoding to the chunk file."""
    chunk: float = 0.44
    """Seconds for each chunk besides."""
    plan: float = 534.0
    """Frames a second of the planning pass: decoding, shots, fingerprints."""
    join: float = 31000.0
    """Frames a second by which the parts of a film become its plan."""
    look: float = 6.9
    """Key frames of a color script a second."""
    read: float = 4800.0
    """The same that a worker reads before the first part of settling that it does."""
    pair: float = 560.0
    """The same of which pairs are found that may show the same."""
    compare: float = 32.0
    """The same whose pairs are compared."""
    agree: float = 17.7
    """The same that agree on their colors."""
    settle: float = 1670.0
    """The same of which the script is made in the end."""
    stitch: float = 6300.0
    """Frames a second."""
    begin: float = 0.1
    """Seconds to open a film."""
    large: float = 0.36
    """Share of the key frames of a film that are of its large scenes."""
    small: float = 0.015
    """The same of the largest one of the others, which agree at once: no part is shorter."""

    @property
    def settle_alone(self) -> float:
        """Seconds a key frame where one worker settles a script."""
        rates = self.read, self.pair, self.compare, self.agree, self.settle
        return sum(1 / rate for rate in rates)

    def blocks(self, keys: int) -> int:
        """Of large scenes of a film with so many key frames; 0 where it has none."""
        return ceil(self.large * keys / BLOCK) if self.large * keys > LARGE else 0


@dataclass(frozen=True)
class Chunk:
    """A chunk of a film."""

    frames: int
    continues_shot: bool


@dataclass(frozen=True)
class Film:
    """A film."""

    chunks: tuple[Chunk, ...]
    shots: tuple[float, ...] = ()
    """Seconds of each."""
    fps: float = 25.0

    @property
    def frames(self) -> int:
        """Of all chunks."""
        return sum(chunk.frames for chunk in self.chunks)

    @property
    def keys(self) -> int:
        """Key frames of its color script."""
        cuts = [Fraction(cut) for cut in accumulate(self.shots, initial=0.0)]
        shots = [ShotRange(one, other) for one, other in pairwise(cuts)]
        return len(choose_moments(shots, cuts[-1]))

    def parts(self) -> tuple[list[float], float]:
        """Seconds that are read of each part, and that are read on where no cut is near.

        As of `vidcolor.run.film_parts`; none where one worker reads all of it.
        """
        cuts = list(accumulate(self.shots))
        length, beyond = sum(self.shots), float(film_parts.BEYOND)
        if length < film_parts.LEAST:
            return [], 0.0
        number = max(1, round(length / film_parts.PART))
        read: list[float] = []
        far: set[int] = set()  # shots whose end no part finds that begins in them
        for part in range(number):
            start, end = length * part / number, length * (part + 1) / number
            place = bisect_left(cuts, end)
            stop = cuts[place] if part < number - 1 and place < len(cuts) else length
            if stop > end + beyond:
                far.add(place)
            read.append(min(stop, end + beyond) - max(0.0, start - float(film_parts.LEAD)))
        return read, sum(self.shots[place] for place in far)


def draw_film(seconds: float, fps: float, settings: ChunkSettings, chance: random.Random) -> Film:
    """A film whose shots are drawn; divided as `vidcolor.run.chunking` does it."""
    chunks: list[Chunk] = []
    shots: list[float] = []
    length, continues_shot, left = 0.0, False, seconds
    while left > 0:
        shot = min(left, chance.lognormvariate(0.0, SPREAD) * SHOT)
        shots.append(shot)
        left -= shot
        if length >= settings.seconds:
            chunks.append(Chunk(max(1, round(length * fps)), continues_shot))
            length, continues_shot = 0.0, False
        while length + shot >= settings.longest:
            chunks.append(Chunk(round(settings.longest * fps), continues_shot))
            shot -= settings.longest - length
            length, continues_shot = 0.0, True
        length += shot
    last = Chunk(max(1, round(length * fps)), continues_shot)
    return Film((*chunks, last), tuple(shots), fps)


@dataclass
class Found:
    """What came of a run."""

    wall: float = 0.0
    """Seconds."""
    busy: float = 0.0
    """Seconds of all workers together that were not lost."""
    lost: float = 0.0
    """Seconds of all workers together that were lost with them."""
    tail: float = 0.0
    """Seconds from the last order for a chunk on."""
    planned: float = 0.0
    """Second by which all was planned."""
    preempted: int = 0
    aside: int = 0
    chunks: int = 0
    """How many were colored, each time counted."""


@dataclass(order=True)
class _Event:
    at: float
    turn: int
    kind: str = field(compare=False)
    worker: str = field(compare=False, default="")
    task: Task | None = field(compare=False, default=None)
    chunk: int = field(compare=False, default=-1)


class Simulation:
    """One run of so many workers."""

    def __init__(
        self,
        films: Sequence[Film],
        workers: int,
        times: Times,
        preemptions: float = 0.0,
        replaced: float = 120.0,
        seed: int = 0,
        script: bool = False,
    ) -> None:
        """Take on films.

        Args:
            films: The films.
            workers: How many there are.
            times: What one takes.
            preemptions: How many of 1 machine an hour; each worker is on one of its own.
            replaced: Seconds until another one comes in its place.
            seed: Of chance.
            script: Whether each film gets a color script.
        """
        self._script = script
        self._parts = [film.parts() for film in films]
        self._keys = [film.keys if script else 0 for film in films]
        self._films, self._times, self._replaced = films, times, replaced
        self._rate = preemptions / 3600
        self._chance = random.Random(seed)
        self._dispatch = TaskQueue(len(films))
        self._events: list[_Event] = []
        self._turns, self._names = count(), count()
        self._workers = workers
        self._idle: list[str] = []
        self._hand: dict[str, tuple[Task, float]] = {}
        self._known = [0] * len(films)
        self._divided: set[int] = set()
        """Films whose script is settled in parts."""
        self._read: set[tuple[str, int]] = set()
        """Workers that have read the key frames of a film, and the film."""
        self.found = Found()

    def run(self) -> Found:
        """Have all films colored."""
        for _ in range(self._workers):
            self._add(0.0, "hired")
        while not self._dispatch.over:
            event = heappop(self._events)
            self.found.wall = event.at
            {
                "hired": self._hired,
                "gone": self._gone,
                "missed": self._missed,
                "known": self._chunk_known,
                "done": self._done,
            }[event.kind](event)
            self._give(event.at)
        return self.found

    def _add(self, at: float, kind: str, worker: str = "", *, task: Task | None = None) -> None:
        heappush(self._events, _Event(at, next(self._turns), kind, worker, task))

    def _hired(self, event: _Event) -> None:
        name = str(next(self._names))
        self._idle.append(name)
        if self._rate:
            self._add(event.at + self._chance.expovariate(self._rate), "gone", name)

    def _gone(self, event: _Event) -> None:
        self.found.preempted += 1
        self._add(event.at + self._replaced, "hired")
        if event.worker in self._idle:
            self._idle.remove(event.worker)
            return
        task, since = self._hand.pop(event.worker)
        self.found.lost += event.at - since
        self._add(event.at + NOTICED, "missed", event.worker, task=task)

    def _missed(self, event: _Event) -> None:
        assert event.task
        if self._dispatch.failed(event.task, event.worker):
            self.found.aside += 1
            self._dispatch.close(event.task.film)

    def _chunk_known(self, event: _Event) -> None:
        task = event.task
        assert task
        if self._hand.get(event.worker, (None,))[0] != task:
            return  # the planner was lost
        if event.chunk == self._known[task.film]:  # not told before by one that was lost
            self._known[task.film] += 1
            self._hand_on(task.film, event.chunk)

    def _hand_on(self, film: int, number: int) -> None:
        chunk = self._films[film].chunks[number]
        self._dispatch.chunk(
            film, number, chunk.frames, continues_shot=chunk.continues_shot, done=False
        )

    def _done(self, event: _Event) -> None:
        task, since = self._hand.get(event.worker, (None, 0.0))
        if task is None or task != event.task:
            return
        del self._hand[event.worker]
        self._idle.append(event.worker)
        self.found.busy += event.at - since
        if task.step is Step.AGREE and (blocks := self._times.blocks(self._keys[task.film])):
            self._dispatch.take_turns(task, divide_turns(blocks))
        self._dispatch.done(task)
        self._go_on(task, event.at)
        self.found.tail = event.at - self._last_order

    def _go_on(self, task: Task, now: float) -> None:
        if task.step is Step.BEGIN:
            if not self._dispatch.lacks_films(self._workers):
                self._parts[task.film] = [], 0.0
            self._dispatch.to_plan(task.film, range(len(self._parts[task.film][0])))
        elif task.step is Step.PLAN and self._script:
            parts = range(ceil(self._keys[task.film] / PART))
            self._dispatch.to_script(task.film, parts, self._settle_in(task.film, parts))
        elif task.step in (Step.PLAN, Step.SETTLE):
            self.found.planned = now
            for number in range(self._known[task.film], len(self._films[task.film].chunks)):
                self._hand_on(task.film, number)
            self._dispatch.planned(task.film)
        elif task.step is Step.CHUNK:
            self.found.chunks += 1
        elif task.step is Step.FINISH:
            self._dispatch.close(task.film)

    def _settle_in(self, film: int, parts: range) -> list[Stage]:
        if self._keys[film] < LEAST or not self._dispatch.lacks_films(self._workers):
            return []
        self._divided.add(film)
        return [(Step.PAIR, [-1]), (Step.COMPARE, parts), (Step.AGREE, parts)]

    _last_order = 0.0

    def _give(self, now: float) -> None:
        while self._idle:
            task = self._dispatch.take(self._idle[-1], self._workers)
            if task is None:
                return
            worker = self._idle.pop()
            self._hand[worker] = task, now
            if task.step is Step.CHUNK:
                self._last_order = now
            self._add(now + self._seconds(task, worker), "done", worker, task=task)
            if task.step is Step.PLAN and not self._script and not self._parts[task.film][0]:
                self._tell(task, worker, now)

    def _tell(self, task: Task, worker: str, now: float) -> None:
        """Has the chunks of a film become known one by one, each when the next one begins.

        So it is where one worker reads all of it, and no color script is made first.
        """
        frames = accumulate(chunk.frames for chunk in self._films[task.film].chunks)
        end = now + self._seconds(task, worker)
        for number, until in enumerate(frames):
            at = now + until / self._times.plan
            event = _Event(at, next(self._turns), "known", worker, task, number)
            # The last one together with the end of the pass, and before it.
            heappush(self._events, replace(event, at=min(at, end - 1e-6)))

    def _seconds(self, task: Task, worker: str) -> float:
        film, times, keys = self._films[task.film], self._times, self._keys[task.film]
        parts, more = self._parts[task.film]
        if task.step is Step.BEGIN:
            return times.begin
        if task.step is Step.PART:
            return times.begin + parts[task.chunk] * film.fps / times.plan
        if task.step is Step.PLAN and parts:
            return times.begin + film.frames / times.join + more * film.fps / times.plan
        if task.step is Step.PLAN:
            return times.begin + film.frames / times.plan
        if task.step is Step.LOOK:
            return times.begin + min(PART, keys - PART * task.chunk) / times.look
        if task.step is Step.SETTLE and task.film not in self._divided:
            return times.begin + keys * times.settle_alone
        if task.step in (Step.SETTLE, *SETTLING):
            read = 0.0 if (worker, task.film) in self._read else keys / times.read
            self._read.add((worker, task.film))
            return times.begin + read + self._settle(task, keys)
        if task.step is Step.FINISH:
            return times.begin + film.frames / times.stitch
        return times.chunk + film.chunks[task.chunk].frames / times.color

    def _settle(self, task: Task, keys: int) -> float:
        """Seconds of a part of settling a script of so many key frames."""
        times, parts = self._times, ceil(keys / PART)
        blocks = times.blocks(keys)
        if task.step is Step.PAIR:
            return keys / times.pair
        if task.step is Step.COMPARE:
            return keys / parts / times.compare
        if task.step is Step.AGREE:
            small = keys * (1 - times.large * bool(blocks)) / parts
            longest = max(small, times.small * keys) if task.chunk == 0 else small
            return longest / times.agree
        if task.step is Step.TURN:
            return times.large * keys / blocks / times.agree / (TURNS / 2)
        return keys / times.settle


def work(films: Sequence[Film], times: Times, script: bool = False) -> float:
    """Seconds that all of it takes one worker."""
    frames = sum(film.frames for film in films)
    rates = 1 / times.plan + 1 / times.color + 1 / times.stitch
    chunks, opened = sum(len(film.chunks) for film in films), 3 * len(films)
    seconds = 0.0
    if script:
        keys = [film.keys for film in films]
        seconds = sum(keys) * (1 / times.look + times.settle_alone)
        opened += sum(1 + ceil(one / PART) for one in keys)
    return frames * rates + chunks * times.chunk + opened * times.begin + seconds


def rows(args: argparse.Namespace, times: Times) -> Iterator[str]:
    """The table, line by line."""
    chance = random.Random(args.seed)
    settings = ChunkSettings(args.chunk, 3 * args.chunk)
    films = [draw_film(60 * args.minutes, args.fps, settings, chance) for _ in range(args.films)]
    alone = work(films, times, args.script)
    longest = max(chunk.frames for film in films for chunk in film.chunks)
    yield (
        f"{args.films} films, {sum(len(film.chunks) for film in films)} chunks, the longest of"
        f" {longest / args.fps:.0f} s; {alone / 3600:.2f} hours of work for one worker"
    )
    yield (
        "| workers | hours | speed-up | efficiency | all planned after | tail | with preemption:"
        " hours (median) | preempted (mean) | work lost (mean) |"
    )
    yield "|--:" * 9 + "|"
    for workers in args.workers:
        calm = Simulation(films, workers, times, script=args.script).run()
        hazard = args.preempted / 100, args.replaced
        rough = [
            Simulation(films, workers, times, *hazard, seed, args.script).run()
            for seed in range(args.seeds)
        ]
        aside = max(found.aside for found in rough)
        yield (
            f"| {workers:,} | {calm.wall / 3600:.3f} | {alone / calm.wall:.1f} |"
            f" {100 * alone / calm.wall / workers:.0f} % | {calm.planned:.0f} s |"
            f" {calm.tail:.0f} s | {median(found.wall for found in rough) / 3600:.3f} |"
            f" {mean(found.preempted for found in rough):.1f} |"
            f" {100 * mean(found.lost / (found.busy + found.lost) for found in rough):.2f} %"
            f"{f' ({aside} films failed)' if aside else ''} |"
        )


def main() -> None:
    """Print the table."""
    default = Times()
    p = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    p.add_argument("--films", type=int, default=1, help="number of films")
    p.add_argument("--minutes", type=float, default=120.0, help="length of each film")
    p.add_argument("--fps", type=float, default=25.0, help="frame rate of the films")
    p.add_argument("--chunk", type=float, default=20.0, help="like vidcolor --chunk")
    p.add_argument(
        "--workers", type=int, nargs="+", default=[1, 2, 5, 10, 20, 50, 64, 100, 200, 500, 1000]
    )
    p.add_argument("--color", type=float, default=default.color, help="frames/s of a worker")
    p.add_argument("--overhead", type=float, default=default.chunk, help="extra seconds per chunk")
    p.add_argument("--plan", type=float, default=default.plan, help="frames/s of planning")
    p.add_argument("--join", type=float, default=default.join, help="frames/s of joining parts")
    p.add_argument("--script", action="store_true", help="with a color script")
    p.add_argument("--look", type=float, default=default.look, help="key frames/s of a worker")
    p.add_argument("--compare", type=float, default=default.compare, help="the same, compared")
    p.add_argument("--agree", type=float, default=default.agree, help="the same, that agree")
    p.add_argument("--large", type=float, default=default.large, help="share of large scenes")
    p.add_argument("--stitch", type=float, default=default.stitch, help="frames/s of finishing")
    p.add_argument("--preempted", type=float, default=5.0, help="percent of machines per hour")
    p.add_argument("--replaced", type=float, default=120.0, help="seconds until a new one starts")
    p.add_argument("--seeds", type=int, default=20, help="runs with preemption")
    p.add_argument("--seed", type=int, default=0, help="random seed of the films")
    args = p.parse_args()
    names = "color", "plan", "join", "look", "compare", "agree", "large", "stitch"
    given = {name: getattr(args, name) for name in names}
    times = replace(default, chunk=args.overhead, **given)
    for line in rows(args, times):
        print(line, flush=True)


if __name__ == "__main__":
    main()
