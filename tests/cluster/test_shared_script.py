"""Many make one color script: each looks at parts of it, and nobody's death loses what is there."""

from __future__ import annotations

from itertools import chain, product
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
from company import Company, Trap, lose_worker, stop_after
from guided import Stopped, count_looked, count_made, guided_settings, write_shots
from hinted import color_shots
from shared import slow_but

import vidcolor.cluster.worker
import vidcolor.run.film_script
from vidcolor.cluster.coordinator import Coordinator
from vidcolor.cluster.messages import (
    ChunkColorized,
    Command,
    KeysLooked,
    LookAtKeys,
    SettleScript,
)
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.cluster.worker import Worker
from vidcolor.colorize import script_maker
from vidcolor.core.paths import work_folder
from vidcolor.core.report import Progress
from vidcolor.guidance import agreement
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.inputs import BatchItem
from vidcolor.run.video import colorize_video
from vidcolor.settings import ScriptSettings, Settings

SHOTS, PARTS = 5, 3


@pytest.fixture(autouse=True)
def small_parts(quick_guide: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two key frames are a part."""
    monkeypatch.setattr(vidcolor.run.film_script, "PART", 2)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights, script=ScriptSettings("auto"))


@pytest.fixture
def item(tmp_path: Path) -> BatchItem:
    film = write_shots(tmp_path / "film.mkv", shots=SHOTS)
    return BatchItem(film.name, film, tmp_path / "out.mp4")


@pytest.fixture(scope="module")
def alone(quick: ColorNet, quick_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The film that one run makes."""
    return color_shots(quick, quick_weights, tmp_path_factory.mktemp("alone"), SHOTS)


def test_all_workers_look_and_one_settles(
    item: BatchItem,
    settings: Settings,
    alone: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    company = Company(settings)  # they take turns: nobody gets a second part before all have one
    looked, made = count_looked(monkeypatch), count_made(monkeypatch)
    report = company.report(item)
    given = company.given(Step.LOOK)
    assert sorted(chain(*given.values())) == list(range(PARTS))
    assert len(given) == 2
    assert (len(looked), len(made)) == (SHOTS, 1)
    assert item.target.read_bytes() == alone
    assert report.script["frames"] == SHOTS
    assert [task.step for _, task in company.orders].count(Step.SETTLE) == 1
    steps = [task.step for _, task in company.orders]
    last = max(n for n, step in enumerate(steps) if step is Step.LOOK)
    assert last < steps.index(Step.SETTLE) < steps.index(Step.CHUNK)
    doing = [progress.doing for _, progress in company.progress if progress.doing]
    assert {f"color script: {n} of {SHOTS} frames" for n in (2, 4, 5)} <= set(doing)
    assert not work_folder(item.target).exists()
    assert not any("retried" in note for note in report.notes)


@pytest.mark.parametrize("step", [Step.LOOK, Step.SETTLE])
@pytest.mark.parametrize("first", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_worker_may_be_lost_with_it_in_hand(
    first: bool,
    step: Step,
    item: BatchItem,
    settings: Settings,
    alone: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before its work is on the disk, or behind it: then it is not done again."""
    company, looked = Company(settings), count_looked(monkeypatch)
    kind = LookAtKeys if step is Step.LOOK else SettleScript
    report = company.report(item, trap=lose_worker(company, step, kind, first, monkeypatch))
    assert company.deaths == 1
    assert sum(task.step is step for _, task in company.orders) == 1 + (
        PARTS if step is Step.LOOK else 1
    )
    assert len(looked) == SHOTS
    assert item.target.read_bytes() == alone
    what = "part 0 of the color script failed" if step is Step.LOOK else "the color script failed"
    assert sum(note.startswith(what) for note in report.notes) == 1
    assert sum(worker.failures for worker in report.workers) == 1


@pytest.mark.parametrize(
    ("shared", "times"),
    slow_but([(True, 1), (True, PARTS), (False, 2)], product([True, False], [1, 2, PARTS])),
)
def test_others_go_on_behind_the_parts_that_are_there(
    shared: bool,
    times: int,
    item: BatchItem,
    settings: Settings,
    alone: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = count_looked(monkeypatch)
    assert not Company(settings).color(item, stop=stop_after(KeysLooked, times))
    assert len(looked) == min(2 * times, SHOTS)
    second = Company(settings)
    if shared:
        second.report(item)
        assert sorted(chain(*second.given(Step.LOOK).values())) == list(range(times, PARTS))
        assert Step.PLAN not in [task.step for _, task in second.orders]
    else:
        colorize_video(item.source, item.target, settings=settings)
    assert len(looked) == SHOTS
    assert item.target.read_bytes() == alone


def test_a_cluster_goes_on_where_one_run_stopped(
    item: BatchItem, settings: Settings, alone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        count_looked(patch, stop_at=3)
        with pytest.raises(Stopped):
            colorize_video(item.source, item.target, settings=settings)
    company, looked = Company(settings), count_looked(monkeypatch)
    company.report(item)
    assert sorted(chain(*company.given(Step.LOOK).values())) == [1, 2]
    assert len(looked) == SHOTS - 2
    assert item.target.read_bytes() == alone


def test_a_damaged_part_is_made_anew(
    item: BatchItem, settings: Settings, alone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not Company(settings).color(item, stop=stop_after(KeysLooked, 2))
    first, _ = sorted(work_folder(item.target).glob("script.*.keys"))
    first.write_bytes(first.read_bytes()[:-1])
    looked = count_looked(monkeypatch)
    Company(settings).report(item)
    assert len(looked) == SHOTS - 2
    assert item.target.read_bytes() == alone


def test_a_script_that_was_lost_is_shared_again(
    item: BatchItem, settings: Settings, alone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop: Trap = lambda _task, _command, reply: isinstance(reply, ChunkColorized)  # noqa: E731
    assert not Company(settings).color(item, stop=stop)
    (path,) = work_folder(item.target).glob("script.*")
    path.unlink()
    company = Company(settings)
    report = company.report(item)
    assert report.resumed == 1
    assert len(company.given(Step.LOOK)) == 2
    assert Step.PLAN not in [task.step for _, task in company.orders]
    assert item.target.read_bytes() == alone


def test_where_it_is_there_only_one_reads_it(item: BatchItem, settings: Settings) -> None:
    stop: Trap = lambda _task, _command, reply: isinstance(reply, ChunkColorized)  # noqa: E731
    assert not Company(settings).color(item, stop=stop)
    company = Company(settings)
    assert company.report(item).resumed == 1
    steps = [task.step for _, task in company.orders]
    assert (steps.count(Step.LOOK), steps.count(Step.SETTLE)) == (0, 1)


def test_a_part_that_always_fails_gives_the_film_up(
    item: BatchItem, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("vidcolor.cluster.worker.make_part", fail)
    company = Company(settings, attempts=2)
    (outcome,) = company.color(item)
    assert "broken" in str(outcome.error)
    assert not item.target.exists()


def test_a_script_in_the_making_does_not_hold_back_other_films(
    item: BatchItem, settings: Settings, tmp_path: Path
) -> None:
    """While a worker is at a part of one film's script, another one finishes a second film."""
    other = BatchItem("other", write_shots(tmp_path / "b.mkv", shots=2), tmp_path / "b.mp4")
    coordinator = Coordinator([item, other], settings, several=False)
    slow, quick = (SimpleNamespace(worker=Worker(settings, False, 1)) for _ in range(2))
    for one in (slow, quick):
        one.me = one.worker.greet()
    held: tuple[Task, Command] | None = None
    done: list[tuple[int, Step]] = []
    while not coordinator.over:
        if held is None and (given := coordinator.assign(slow.me.name, 2)):
            if given[0].step is Step.LOOK and given[0].film == 0:
                held = given  # and is at it until nothing else can be done
            else:
                finish(coordinator, slow, *given, done)
        elif given := coordinator.assign(quick.me.name, 2):
            finish(coordinator, quick, *given, done)
        else:
            assert held, "nobody has anything to do"
            assert (1, Step.FINISH) in done
            assert (0, Step.CHUNK) not in done
            finish(coordinator, slow, *held, done)
            held = None
    assert all(outcome.report for outcome in coordinator.outcomes())
    coordinator.close()


def finish(
    coordinator: Coordinator,
    one: SimpleNamespace,
    task: Task,
    command: Command,
    done: list[tuple[int, Step]],
) -> None:
    """Have a worker carry out a command."""
    for reply in one.worker.do(command):
        if coordinator.hear(task, one.me, reply):
            done.append((task.film, task.step))


def test_who_makes_it_tells_how_far_it_is(
    item: BatchItem, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part and the script are not silent, however long they take."""
    looked, agreed = (f"color script: {words}" for words in (f"1 of {SHOTS} ", "colors agree, "))
    told = {looked: Event(), agreed: Event()}

    class Listening(Company):
        def _tell(self, item: BatchItem, progress: Progress) -> None:
            for words, event in told.items():
                if progress.doing.startswith(words):
                    event.set()

    def patiently(name: str, words: str, calls: int) -> None:
        """One call waits until these words were told."""
        before, count = getattr(homes[name], name), [0]

        def wait(*given: object) -> object:
            count[0] += 1
            assert count[0] != calls or told[words].wait(20)
            return before(*given)

        monkeypatch.setattr(homes[name], name, wait)

    homes = {"look_by_plan": script_maker, "_share": agreement}
    patiently("look_by_plan", looked, calls=2)
    patiently("_share", agreed, calls=2)
    monkeypatch.setattr(vidcolor.cluster.worker, "EVERY", 0.01)
    Listening(settings, workers=1).report(item)
    assert all(event.is_set() for event in told.values())
