"""The same chunks on Ray: it starts workers, restarts those that end, and carries words.

The foreman decides, the workers work; only orders and words travel, and films never do. Ray is
given nothing to remember: whatever dies, the work folders of the films tell how to go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic, sleep
from typing import Any

from vidcolor.cluster.coordinator import Coordinator, OnFilm, error_of
from vidcolor.cluster.messages import AssembleVideo, Command, Reply, TaskFailed, WorkerInfo
from vidcolor.cluster.ray_start import started_ray
from vidcolor.cluster.resources import check_room, shares
from vidcolor.cluster.task_queue import Task
from vidcolor.cluster.worker import Worker, describe_failure
from vidcolor.errors import ClusterError
from vidcolor.run.batch import Outcome
from vidcolor.run.inputs import BatchItem
from vidcolor.settings import ClusterSettings, Settings

LONELY = 30.0
"""Seconds without any worker after which that is told."""
TICK = 1.0
"""Seconds between two looks at workers that may be silent, or may be back."""
SLOW_DISK = 10 << 20
"""Bytes a second: a stitch is silent while the film gets its index and is read back."""
BIRTHS = 3
"""How often a worker may end before it has greeted; where vidcolor is missing it always does."""
STARTS = 4
"""How often Ray is started on this machine before it is given up."""

OnNote = Callable[[str, bool], None]
"""Takes a sentence, and whether it tells of trouble."""


class _Gone(Exception):
    """Nothing is left of the Ray that was started here."""


def colorize_on_cluster(
    reels: Sequence[BatchItem],
    settings: Settings | None = None,
    cluster: ClusterSettings | None = None,
    *,
    several: bool = True,
    on_progress: OnFilm | None = None,
    on_note: OnNote | None = None,
) -> Iterator[Outcome]:
    """Color films on a Ray cluster.

    The machines of the cluster must see films, targets and weights under the same absolute paths,
    this one too, and have the same vidcolor. The films are those that `colorize_video` makes: equal
    in luma and time, and on equal devices to the bit.

    Args:
        reels: Films and pictures, and what they become.
        settings: Of all of them.
        cluster: Which cluster, and how many workers.
        several: Whether films that are done already are skipped, and reports are written beside
            the targets.
        on_progress: Called with a film and how far it is.
        on_note: Called with a sentence when a worker starts, fails or is lost.

    Yields:
        What became of each film, as soon as it is known; films that failed are among them.

    Raises:
        ClusterError: There is no cluster, or no worker can be had.
        VidcolorError: What kept all workers from beginning.
    """
    settings, cluster = settings or Settings(), cluster or ClusterSettings()
    weights = settings.colorizer.weights
    if os.path.isfile(weights):
        there = replace(settings.colorizer, weights=os.path.abspath(weights))
        settings = replace(settings, colorizer=there)
    note = on_note or (lambda *_: None)
    with closing(Coordinator(reels, settings, several, cluster.attempts, on_progress)) as foreman:
        for _ in range(STARTS):
            with started_ray(cluster) as (ray, local):
                yard = WorkerPool(ray, local, foreman, settings, cluster, several, note)
                try:
                    while not foreman.over:
                        yard.turn()
                        yield from foreman.outcomes()
                    return
                except ClusterError:
                    yield from foreman.outcomes()
                    raise
                except _Gone:
                    yard.leave()
                    yield from foreman.outcomes()
                    note("Ray has stopped; starting it again", True)
        raise ClusterError(
            f"Ray was started {STARTS} times and stopped each time; free some memory, or run"
            " without --cluster"
        )


class WorkerActor:
    """A worker as Ray keeps it: what fails at its beginning is told, too."""

    def __init__(self, settings: Settings, several: bool, cores: int) -> None:
        self._wanted = settings, several, cores
        self._worker: Worker | None = None

    def greet(self) -> WorkerInfo | TaskFailed:
        """Load the net."""
        try:
            self._worker = self._worker or Worker(*self._wanted)
            return self._worker.greet()
        except Exception as error:
            return describe_failure(error)

    def do(self, order: Command) -> Iterator[Reply]:
        """As of `Worker`."""
        self._worker = self._worker or Worker(*self._wanted)  # Ray may have started it anew
        yield from self._worker.do(order)


@dataclass(eq=False)
class WorkerHandle:
    """A worker as it is seen from here."""

    actor: Any
    waits: Any = None
    """What its next word comes by: an ObjectRef before it has greeted, else a generator."""
    greeting: WorkerInfo | None = None
    task: Task | None = None
    at: float = 0.0
    """When it was heard last, or may be asked again, in seconds of a clock."""
    spared: float = 0.0
    """Seconds beside the usual patience for what it has in hand."""
    failures: int = 0
    """How often it failed in a row."""
    rests_until: float = 0.0
    """Of the same clock."""
    stillborn: int = 0
    """How often it ended before it had greeted."""


class WorkerPool:
    """All workers."""

    def __init__(
        self,
        ray: Any,
        local: bool,
        foreman: Coordinator,
        settings: Settings,
        cluster: ClusterSettings,
        several: bool,
        note: OnNote,
    ) -> None:
        self._ray, self._local, self._foreman, self._note = ray, local, foreman, note
        self._patience = cluster.patience
        room = ray.cluster_resources()
        workers, cpus, gpus = shares(room, cluster, settings.colorizer.device)
        if local:
            check_room(room, cpus, gpus)
        self._alone_since = self._listened = monotonic()
        if not gpus and settings.colorizer.device == "auto":
            settings = replace(settings, colorizer=replace(settings.colorizer, device="cpu"))
        made: Any = ray.remote(WorkerActor).options(
            num_cpus=cpus, num_gpus=gpus, max_restarts=-1, max_task_retries=0
        )
        self._make: Callable[[], Any] = partial(made.remote, settings, several, cpus)
        self._hands = [WorkerHandle(self._make()) for _ in range(workers)]

    def turn(self) -> None:
        """Give orders to those who have none, and hear whoever speaks next.

        Raises:
            _Gone: Ray was started here and has ended.
            VidcolorError: There is no worker.
        """
        workers, now = sum(hand.greeting is not None for hand in self._hands), monotonic()
        for hand in self._hands:
            if hand.greeting and not hand.task and now >= hand.rests_until:
                self._give(hand, workers)
            elif not hand.greeting and not hand.waits and now >= hand.at:
                hand.waits = hand.actor.greet.remote()
        waiting = {hand.waits: hand for hand in self._hands if hand.waits}
        self._forgive(monotonic() - self._listened)
        speak: list[WorkerHandle] = []
        if waiting:
            self._ray.wait(list(waiting), num_returns=1, timeout=TICK, fetch_local=False)
            ready, _ = self._ray.wait(
                list(waiting), num_returns=len(waiting), timeout=0, fetch_local=False
            )
            speak = [waiting[one] for one in ready]
        else:
            sleep(TICK / 10)  # all were lost or rest, and are asked again in a moment
        self._listened = monotonic()
        self._look_round(speak)
        for hand in speak:
            self._hear(hand)

    def _forgive(self, seconds: float) -> None:
        """Count no silence while nobody listened here: words of that time are yet to be heard."""
        now = monotonic()
        for hand in self._hands:
            if hand.task:
                hand.at = min(now, hand.at + seconds)

    def _look_round(self, speak: Sequence[WorkerHandle]) -> None:
        """Take those for dead of whom nothing is heard; tell where nobody comes.

        Args:
            speak: Those who have something to say.
        """
        now = monotonic()
        for hand in (hand for hand in self._hands if hand not in speak):
            if hand.task and (silent := now - hand.at) > self._patience + hand.spared:
                self._ray.kill(hand.actor, no_restart=False)
                self._lose(hand, f"it has not answered for {silent:.0f} s")
        if any(hand.greeting for hand in self._hands):
            self._alone_since = now
        elif now - self._alone_since > LONELY:
            self._alone_since = now
            self._note(
                f"no worker has started for {LONELY:.0f} s; the cluster may have no room", True
            )

    def leave(self) -> None:
        """Take all tasks back."""
        for hand in self._hands:
            if hand.task:
                self._lose(hand, "Ray has stopped")

    def _give(self, hand: WorkerHandle, workers: int) -> None:
        assert hand.greeting
        if given := self._foreman.order(hand.greeting.name, workers):
            hand.task, order = given
            hand.waits = hand.actor.do.options(num_returns="streaming").remote(order)
            hand.at = monotonic()
            hand.spared = 3 * order.bytes / SLOW_DISK if isinstance(order, AssembleVideo) else 0.0

    def _hear(self, hand: WorkerHandle) -> None:
        try:
            word = self._ray.get(next(hand.waits) if hand.task else hand.waits)
        except (self._ray.exceptions.RayError, StopIteration) as error:
            self._mourn(hand, error)
            return
        hand.at = monotonic()
        if hand.task:
            assert hand.greeting
            task = hand.task
            if self._foreman.hear(task, hand.greeting, word):
                hand.task = hand.waits = None
                hand.failures += 1
                if not isinstance(word, TaskFailed):
                    hand.failures = 0
                elif self._foreman.goes_on(task):
                    # Where everything fails, others get their turn meanwhile.
                    hand.rests_until = hand.at + min(60.0, 2.0**hand.failures)
                    self._note(f"{hand.greeting.name}: {word.text}", True)
                if getattr(word, "kind", "") in ("DeviceLost", "OutOfMemory"):
                    self._ray.kill(hand.actor, no_restart=False)  # a new process may have more luck
                    hand.greeting, hand.at = None, hand.at + TICK
            return
        hand.waits = None
        if isinstance(word, TaskFailed):
            self._dismiss(hand, word)
        else:
            hand.greeting = word
            self._note(f"worker {word.name} on {word.device}", False)

    def _dismiss(self, hand: WorkerHandle, word: TaskFailed) -> None:
        """Do without a worker that cannot begin.

        Raises:
            VidcolorError: It was the last one.
        """
        self._hands.remove(hand)
        self._ray.kill(hand.actor)
        if not self._hands:
            raise error_of(word)
        self._note(f"a worker cannot start: {word.text}", True)

    def _mourn(self, hand: WorkerHandle, error: Exception) -> None:
        """A worker has ended; Ray starts it anew, here or elsewhere."""
        preempted = bool(getattr(error, "preempted", False))
        hand.stillborn = 0 if hand.greeting else hand.stillborn + 1
        self._lose(hand, "its process or its machine has stopped", not preempted)
        if self._local and not any(node["Alive"] for node in self._ray.nodes()):
            raise _Gone
        if isinstance(error, self._ray.exceptions.ActorDiedError):
            if hand.stillborn >= BIRTHS:
                why = str(error).strip().splitlines()[-1].strip()
                self._dismiss(hand, TaskFailed("ClusterError", f"Ray cannot start a worker: {why}"))
                return
            hand.actor = self._make()  # that one is not started anew

    def _lose(self, hand: WorkerHandle, why: str, counts: bool = True) -> None:
        if hand.greeting:
            self._note(f"worker {hand.greeting.name} was lost: {why}", True)
        if hand.task and hand.greeting:
            self._foreman.lost(hand.task, hand.greeting.name, why, counts)
        hand.task = hand.greeting = hand.waits = None
        hand.at = monotonic() + TICK
