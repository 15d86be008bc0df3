"""A company: a foreman and workers in this process, who take turns word by word; no Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from vidcolor.cluster.coordinator import Coordinator
from vidcolor.cluster.messages import Command, Progressed, Reply, TaskFailed, WorkerInfo
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.cluster.worker import Worker
from vidcolor.core.report import Progress, Report
from vidcolor.run.batch import Outcome
from vidcolor.run.inputs import BatchItem
from vidcolor.settings import Settings

Trap = Callable[[Task, Command, Reply], bool]
"""Whether the worker who says this word dies before it is heard."""


class Company:
    """Colors films with so many workers."""

    def __init__(
        self, settings: Settings, several: bool = False, workers: int = 2, attempts: int = 3
    ) -> None:
        self.settings, self.several, self.attempts = settings, several, attempts
        self.workers = workers
        self.progress: list[tuple[str, Progress]] = []
        self.orders: list[tuple[str, Task]] = []
        self.deaths = 0

    def color(
        self, *items: BatchItem, trap: Trap = lambda *_: False, stop: Trap = lambda *_: False
    ) -> list[Outcome]:
        """Outcomes of the films.

        Args:
            reels: The films.
            trap: Kills a worker, whom another one follows.
            stop: Ends everything, as a driver does that is killed.
        """
        coordinator = Coordinator(items, self.settings, self.several, self.attempts, self._tell)
        found: list[Outcome] = []
        try:
            for _ in self._turns(coordinator, trap, stop):
                found += coordinator.outcomes()
        finally:
            coordinator.close()
        return found

    def one(self, source: Path, target: Path, **more: Any) -> Outcome:
        """What becomes of one film."""
        (outcome,) = self.color(BatchItem(source.name, source, target), **more)
        return outcome

    def report(self, item: BatchItem, trap: Trap = lambda *_: False) -> Report:
        """Of one film that becomes what it should."""
        (outcome,) = self.color(item, trap=trap)
        assert outcome.report, outcome.error
        return outcome.report

    def given(self, step: Step) -> dict[str, list[int]]:
        """Numbers of the tasks of a step that each worker was given."""
        found: dict[str, list[int]] = {}
        for name, task in self.orders:
            if task.step is step:
                found.setdefault(name, []).append(task.chunk)
        return found

    def _tell(self, item: BatchItem, progress: Progress) -> None:
        self.progress.append((item.name, progress))

    def _hire(self) -> tuple[Worker, WorkerInfo]:
        worker = Worker(self.settings, self.several, 1)
        return worker, worker.greet()

    def _turns(self, coordinator: Coordinator, trap: Trap, stop: Trap) -> Iterator[None]:
        hands = [self._hire() for _ in range(self.workers)]
        busy: dict[str, tuple[Task, Command, Iterator[Reply]]] = {}
        while not coordinator.over:
            idle = True
            for place, (worker, greeting) in enumerate(hands):
                if greeting.name not in busy:
                    given = coordinator.assign(greeting.name, len(hands))
                    if given is None:
                        idle = idle and not coordinator.over
                        continue
                    task, order = given
                    self.orders.append((greeting.name, task))
                    busy[greeting.name] = task, order, worker.do(order)
                task, order, words = busy[greeting.name]
                word, idle = next(words), False
                if stop(task, order, word):
                    return
                if trap(task, order, word):
                    self.deaths += 1
                    busy.pop(greeting.name)
                    coordinator.lost(task, greeting.name, "killed by a test", True)
                    hands[place] = self._hire()
                elif coordinator.hear(task, greeting, word):
                    busy.pop(greeting.name)
            assert not idle, "nobody has anything to do"
            yield
        yield


def stop_after(kind: type[object], times: int) -> Trap:
    """Ends everything when a word of this type was told so often; the last one stays unheard."""
    told: list[Reply] = []

    def stop(_task: Task, _command: Command, reply: Reply) -> bool:
        told.extend([reply] if isinstance(reply, kind) else [])
        return len(told) == times

    return stop


def lose_worker(
    company: Company,
    step: Step,
    command: type[object],
    before: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> Trap:
    """Loses the first worker that has a step in hand, whose command is of this type.

    Args:
        company: Whose worker.
        step: The step.
        command: What it is told to do.
        before: Lost before its work is on the disk; else behind it, unheard.
        monkeypatch: Of the test.
    """
    do = Worker.do

    def dies(self: Worker, told: Command) -> Iterator[Reply]:
        if before and not company.deaths and isinstance(told, command):
            yield TaskFailed("ClusterError", "")
        yield from do(self, told)

    monkeypatch.setattr(Worker, "do", dies)
    return lambda task, _, reply: (
        task.step is step and not company.deaths and not isinstance(reply, Progressed)
    )


def failures(words: Sequence[Reply]) -> list[str]:
    """What went wrong among what was told."""
    return [word.text for word in words if isinstance(word, TaskFailed)]
