"""The same chunks on Ray: it starts workers, restarts those that end, and carries messages.

The coordinator decides, the workers work; only commands and replies travel, and films never do.
Ray is given nothing to remember: whatever dies, the work folders of the films tell how to go on.
"""

from __future__ import annotations

import logging
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

_LOG = logging.getLogger(__name__)

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
    items: Sequence[BatchItem],
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
        items: Films and pictures, and what they become.
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
    note = partial(_note, on_note)
    with closing(
        Coordinator(items, settings, several, cluster.attempts, on_progress)
    ) as coordinator:
        for _ in range(STARTS):
            with started_ray(cluster) as (ray, local):
                pool = WorkerPool(ray, local, coordinator, settings, cluster, several, note)
                try:
                    while not coordinator.over:
                        pool.turn()
                        yield from coordinator.outcomes()
                    return
                except ClusterError:
                    yield from coordinator.outcomes()
                    raise
                except _Gone:
                    pool.leave()
                    yield from coordinator.outcomes()
                    note("Ray has stopped; starting it again", True)
        raise ClusterError(
            f"Ray was started {STARTS} times and stopped each time; free some memory, or run"
            " without --cluster"
        )


def _note(on_note: OnNote | None, text: str, is_trouble: bool) -> None:
    """Tell the log and the caller what happened to a worker."""
    _LOG.log(logging.WARNING if is_trouble else logging.INFO, "%s", text)
    if on_note:
        on_note(text, is_trouble)


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

    def do(self, command: Command) -> Iterator[Reply]:
        """As of `Worker`."""
        self._worker = self._worker or Worker(*self._wanted)  # Ray may have started it anew
        yield from self._worker.do(command)


@dataclass(eq=False)
class WorkerHandle:
    """A worker as it is seen from here."""

    actor: Any
    waits: Any = None
    """What its next reply comes by: an ObjectRef before it has greeted, else a generator."""
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
        coordinator: Coordinator,
        settings: Settings,
        cluster: ClusterSettings,
        several: bool,
        note: OnNote,
    ) -> None:
        self._ray, self._local, self._coordinator, self._note = ray, local, coordinator, note
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
        self._handles = [WorkerHandle(self._make()) for _ in range(workers)]

    def turn(self) -> None:
        """Give orders to those who have none, and hear whoever speaks next.

        Raises:
            _Gone: Ray was started here and has ended.
            VidcolorError: There is no worker.
        """
        workers, now = sum(handle.greeting is not None for handle in self._handles), monotonic()
        for handle in self._handles:
            if handle.greeting and not handle.task and now >= handle.rests_until:
                self._give(handle, workers)
            elif not handle.greeting and not handle.waits and now >= handle.at:
                handle.waits = handle.actor.greet.remote()
        waiting = {handle.waits: handle for handle in self._handles if handle.waits}
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
        for handle in speak:
            self._hear(handle)

    def _forgive(self, seconds: float) -> None:
        """Count no silence while nobody listened here: words of that time are yet to be heard."""
        now = monotonic()
        for handle in self._handles:
            if handle.task:
                handle.at = min(now, handle.at + seconds)

    def _look_round(self, speak: Sequence[WorkerHandle]) -> None:
        """Take those for dead of whom nothing is heard; tell where nobody comes.

        Args:
            speak: Those who have something to say.
        """
        now = monotonic()
        for handle in (handle for handle in self._handles if handle not in speak):
            if handle.task and (silent := now - handle.at) > self._patience + handle.spared:
                self._ray.kill(handle.actor, no_restart=False)
                self._lose(handle, f"it has not answered for {silent:.0f} s")
        if any(handle.greeting for handle in self._handles):
            self._alone_since = now
        elif now - self._alone_since > LONELY:
            self._alone_since = now
            self._note(
                f"no worker has started for {LONELY:.0f} s; the cluster may have no room", True
            )

    def leave(self) -> None:
        """Take all tasks back."""
        for handle in self._handles:
            if handle.task:
                self._lose(handle, "Ray has stopped")

    def _give(self, handle: WorkerHandle, workers: int) -> None:
        assert handle.greeting
        if given := self._coordinator.assign(handle.greeting.name, workers):
            handle.task, command = given
            handle.waits = handle.actor.do.options(num_returns="streaming").remote(command)
            handle.at = monotonic()
            handle.spared = (
                3 * command.bytes / SLOW_DISK if isinstance(command, AssembleVideo) else 0.0
            )

    def _hear(self, handle: WorkerHandle) -> None:
        try:
            reply = self._ray.get(next(handle.waits) if handle.task else handle.waits)
        except (self._ray.exceptions.RayError, StopIteration) as error:
            self._mourn(handle, error)
            return
        handle.at = monotonic()
        if handle.task:
            assert handle.greeting
            task = handle.task
            if self._coordinator.hear(task, handle.greeting, reply):
                handle.task = handle.waits = None
                handle.failures += 1
                if not isinstance(reply, TaskFailed):
                    handle.failures = 0
                elif self._coordinator.goes_on(task):
                    # Where everything fails, others get their turn meanwhile.
                    handle.rests_until = handle.at + min(60.0, 2.0**handle.failures)
                    self._note(f"{handle.greeting.name}: {reply.text}", True)
                if getattr(reply, "kind", "") in ("DeviceLost", "OutOfMemory"):
                    self._ray.kill(handle.actor, no_restart=False)  # a new process may do
                    handle.greeting, handle.at = None, handle.at + TICK
            return
        handle.waits = None
        if isinstance(reply, TaskFailed):
            self._dismiss(handle, reply)
        else:
            handle.greeting = reply
            self._note(f"worker {reply.name} on {reply.device}", False)

    def _dismiss(self, handle: WorkerHandle, reply: TaskFailed) -> None:
        """Do without a worker that cannot begin.

        Raises:
            VidcolorError: It was the last one.
        """
        self._handles.remove(handle)
        self._ray.kill(handle.actor)
        if not self._handles:
            raise error_of(reply)
        self._note(f"a worker cannot start: {reply.text}", True)

    def _mourn(self, handle: WorkerHandle, error: Exception) -> None:
        """A worker has ended; Ray starts it anew, here or elsewhere."""
        preempted = bool(getattr(error, "preempted", False))
        handle.stillborn = 0 if handle.greeting else handle.stillborn + 1
        self._lose(handle, "its process or its machine has stopped", not preempted)
        if self._local and not any(node["Alive"] for node in self._ray.nodes()):
            raise _Gone
        if isinstance(error, self._ray.exceptions.ActorDiedError):
            if handle.stillborn >= BIRTHS:
                why = str(error).strip().splitlines()[-1].strip()
                self._dismiss(
                    handle, TaskFailed("ClusterError", f"Ray cannot start a worker: {why}")
                )
                return
            handle.actor = self._make()  # that one is not started anew

    def _lose(self, handle: WorkerHandle, why: str, counts: bool = True) -> None:
        if handle.greeting:
            self._note(f"worker {handle.greeting.name} was lost: {why}", True)
        if handle.task and handle.greeting:
            self._coordinator.lost(handle.task, handle.greeting.name, why, counts)
        handle.task = handle.greeting = handle.waits = None
        handle.at = monotonic() + TICK
