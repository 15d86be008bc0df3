"""Workers that fall silent are taken for dead; Ray and the clock are played here."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import pytest
from run_specs import SPEC, run_spec

from vidcolor.cluster import ray_backend as cluster
from vidcolor.cluster.coordinator import Coordinator
from vidcolor.cluster.messages import (
    AssembleVideo,
    ColorizeChunk,
    Command,
    LookAtKeys,
    OpenVideo,
    PlanChunks,
    Progressed,
    SettlePart,
    SettleScript,
    WorkerInfo,
)
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.core.files import FileIdentity
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.media.pass_log import PassLog
from vidcolor.run.film_script import KeyPart, ScriptPlan
from vidcolor.run.inputs import BatchItem
from vidcolor.run.journal import DoneChunk
from vidcolor.run.settling import Work
from vidcolor.settings import ClusterSettings, Settings

PATIENCE = 100.0
SCRIPT = ScriptPlan("a", 1, ())
GREETING = WorkerInfo("a worker", "cpu NONE")
SILENCE = object()
"""What the words of an order come by that are never said."""


class Ray:
    """A Ray whose workers greet and then say nothing more; waiting for them takes its time."""

    exceptions = SimpleNamespace(RayError=ConnectionError, ActorDiedError=ConnectionResetError)

    def __init__(self) -> None:
        self.now = 1000.0
        self.killed: list[float] = []

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0, "memory": 8e9}

    def remote(self, _: object) -> Any:
        silent = SimpleNamespace(remote=lambda order: SILENCE)
        actor = SimpleNamespace(
            greet=SimpleNamespace(remote=lambda: GREETING),
            do=SimpleNamespace(options=lambda **_: silent),
        )
        made = SimpleNamespace(remote=lambda *_: actor)
        return SimpleNamespace(options=lambda **_: made)

    def wait(self, waiting: list[Any], timeout: float, **_: Any) -> tuple[list[Any], list[Any]]:
        self.now += timeout
        return [one for one in waiting if one is not SILENCE], []

    def get(self, reply: Any) -> Any:
        return reply

    def kill(self, _: object, no_restart: bool) -> None:
        assert not no_restart
        self.killed.append(self.now)


class StandIn:
    """A foreman who has one order to give."""

    def __init__(self, task: Task, order: Command, ray: Ray) -> None:
        self.given: list[float] = []
        self.lost_at: list[tuple[float, Task, str]] = []
        self._task, self._order, self._ray = task, order, ray

    def assign(self, worker: str, workers: int) -> tuple[Task, Command] | None:
        if self.given:
            return None
        self.given.append(self._ray.now)
        return self._task, self._order

    def lost(self, task: Task, worker: str, why: str, counts: bool) -> None:
        assert counts
        self.lost_at.append((self._ray.now, task, why))


@pytest.mark.parametrize(
    ("step", "order", "more"),
    [
        (Step.BEGIN, OpenVideo(cast("BatchItem", None)), 0),
        (Step.PLAN, PlanChunks(cast("BatchItem", None), SPEC), 0),
        (Step.LOOK, LookAtKeys(cast("BatchItem", None), SPEC, KeyPart("a", ())), 0),
        (Step.TURN, SettlePart(cast("BatchItem", None), SPEC, SCRIPT, Work.TURNS, 0), 0),
        (Step.SETTLE, SettleScript(cast("BatchItem", None), SPEC, SCRIPT), 0),
        (Step.CHUNK, ColorizeChunk(cast("BatchItem", None), SPEC, Fraction(0), ()), 0),
        (Step.FINISH, None, 500),
    ],
)
def test_nothing_is_waited_for_without_end(
    step: Step, order: Command | None, more: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = Ray()
    monkeypatch.setattr(cluster, "monotonic", lambda: ray.now)
    desk = StandIn(Task(step, 0, 0), order or stitch(more), ray)
    told: list[str] = []
    pool = cluster.WorkerPool(
        ray,
        False,
        cast("Coordinator", desk),
        Settings(),
        ClusterSettings(patience=PATIENCE),
        False,
        lambda text, _: told.append(text),
    )
    while not desk.lost_at:
        pool.turn()
        assert ray.now < 10_000
    (lost,) = desk.lost_at
    waited = lost[0] - desk.given[0]
    assert PATIENCE + more - 0.1 < waited <= PATIENCE + more + 2 * cluster.TICK
    assert ray.killed == [lost[0]]
    assert "it has not answered for" in lost[2]
    assert told[-1].endswith(lost[2])


class Talker:
    """A word each second, whoever listens; those that nobody has heard wait."""

    def __init__(self, ray: Ray) -> None:
        self._ray, self._next = ray, ray.now + 1

    def has_spoken(self) -> bool:
        return self._ray.now >= self._next

    def __next__(self) -> Progressed:
        self._next += 1
        return Progressed(1)


@pytest.mark.parametrize("deaf", [PATIENCE - 1, 10 * PATIENCE])
@pytest.mark.parametrize("orders", [0, 1])
def test_who_speaks_while_the_driver_is_deaf_is_not_taken_for_dead(
    deaf: float, orders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words of that time are heard later; who falls silent then is found dead all the same."""
    ray = Ray()
    monkeypatch.setattr(cluster, "monotonic", lambda: ray.now)
    talker = Talker(ray)

    def wait(waiting: list[Any], timeout: float, **_: Any) -> tuple[list[Any], list[Any]]:
        ready = [one for one in waiting if one is GREETING]
        ready += [one for one in waiting if one is talker and talker.has_spoken()]
        ray.now += 0.0 if ready else timeout
        return ready, []

    class Busy(StandIn):
        """Hearing a word, or giving an order, takes it as long as nobody has patience."""

        heard = 0

        def assign(self, worker: str, workers: int) -> tuple[Task, Command] | None:
            if len(self.given) < 2:
                self.given.append(ray.now)
                ray.now += deaf * orders
                return Task(Step.PLAN, len(self.given), 0), self._order
            return None

        def hear(self, task: Task, worker: WorkerInfo, reply: Progressed) -> bool:
            self.heard += 1
            ray.now += deaf if self.heard in (3, 4, 20) and not orders else 0.0
            return False

    ray.wait = wait  # type: ignore[method-assign]
    desk = Busy(Task(Step.PLAN, 0, 0), PlanChunks(cast("BatchItem", None), SPEC), ray)
    asked = ClusterSettings(patience=PATIENCE, workers=2)
    coordinator = cast("Coordinator", desk)
    pool = cluster.WorkerPool(ray, False, coordinator, Settings(), asked, False, lambda *_: None)
    while not all(hand.task for hand in pool._handles):
        pool.turn()
    for hand, what in zip(pool._handles, (talker, SILENCE), strict=True):
        hand.waits = what
    while not desk.lost_at:
        pool.turn()
        assert desk.heard < 5_000
    assert pool._handles[0].task, "the one that spoke"
    assert not pool._handles[1].task, "the one that did not"
    assert len(ray.killed) == 1
    assert desk.heard >= PATIENCE - 5, "it had time to speak while somebody listened"


def stitch(seconds: float) -> AssembleVideo:
    """The order to write so much that a slow disk takes so many seconds."""
    half = round(seconds * cluster.SLOW_DISK / 3 / 2)  # written twice, read back once
    facts = cast("ChunkFileInfo", SimpleNamespace(bytes=half // 2))
    chunks = (DoneChunk(0, facts), DoneChunk(1, facts))
    end = PassLog()
    return AssembleVideo(cast("BatchItem", None), run_spec(source=FileIdentity(half)), end, chunks)
