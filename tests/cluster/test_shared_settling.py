"""Many settle one long color script: the film that one run makes, whoever is lost meanwhile."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from company import Company, Trap, lose_worker, stop_after
from guided import count_calls, count_looked, count_made, guided_settings, write_scenes
from hinted import point

import vidcolor.guidance.agreement
import vidcolor.run.film_script
from vidcolor.cluster.messages import (
    ChunkColorized,
    Command,
    PartSettled,
    Reply,
    SettlePart,
    TaskFailed,
)
from vidcolor.cluster.task_queue import SETTLING, Step, Task
from vidcolor.cluster.worker import Worker
from vidcolor.core.paths import work_folder
from vidcolor.guidance.types import ColorSheet
from vidcolor.run.inputs import BatchItem
from vidcolor.run.settling import Settler, Work
from vidcolor.run.video import colorize_video
from vidcolor.settings import ScriptSettings, Settings

SCENES, PARTS = "ABABA", 3
COUNTS = {Step.PAIR: 1, Step.COMPARE: PARTS, Step.AGREE: PARTS, Step.TURN: 8}
"""Tasks of each step: the blocks of the large scene are two, and each has four turns."""
WHATS = {
    Step.PAIR: "finding pairs of key frames failed",
    Step.COMPARE: "part 0 of comparing key frames failed",
    Step.AGREE: "part 0 of the scenes of the color script failed",
    Step.TURN: "turn 0 of a large scene of the color script failed",
}


@pytest.fixture(autouse=True)
def small_parts(sure_guide: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two key frames are a part, and three a large scene, of blocks of two."""
    monkeypatch.setattr(vidcolor.run.film_script, "PART", 2)
    monkeypatch.setattr(vidcolor.run.film_script, "LEAST", 5)
    monkeypatch.setattr(vidcolor.guidance.agreement, "LARGE", 2)
    monkeypatch.setattr(vidcolor.guidance.agreement, "BLOCK", 2)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights, script=ScriptSettings("auto"))


@pytest.fixture
def item(tmp_path: Path) -> BatchItem:
    film = write_scenes(tmp_path / "film.mkv", SCENES)
    return BatchItem(film.name, film, tmp_path / "out.mp4")


@pytest.fixture
def alone(item: BatchItem, settings: Settings, tmp_path: Path) -> bytes:
    """The film that one run makes."""
    colorize_video(item.source, tmp_path / "alone.mp4", settings=settings)
    return (tmp_path / "alone.mp4").read_bytes()


def steps(company: Company) -> list[Step]:
    return [task.step for _, task in company.orders]


def travels(_task: Task, command: Command, reply: Reply) -> bool:
    """As it does between processes."""
    if isinstance(command, SettlePart):
        assert pickle.loads(pickle.dumps((command, reply))) == (command, reply)
    return False


def test_many_settle_and_one_concludes(
    item: BatchItem, settings: Settings, alone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, made = Company(settings), count_made(monkeypatch)
    report = company.report(item, travels)
    done = steps(company)
    assert {step: done.count(step) for step in SETTLING} == COUNTS
    assert not made, "nobody settles all of it"
    order = [step for n, step in enumerate(done) if step not in done[:n]]
    assert order[2:] == [Step.LOOK, *SETTLING, Step.SETTLE, Step.CHUNK, Step.FINISH]
    assert done.count(Step.SETTLE) == 1
    for step in (Step.COMPARE, Step.AGREE):
        assert len(company.given(step)) == 2
    turns = [task.chunk for _, task in company.orders if task.step is Step.TURN]
    assert turns == [0, 3, 4, 7, 8, 11, 12, 15], "blocks of the large scene"
    assert item.target.read_bytes() == alone
    assert report.script["groups"] == 2
    assert not work_folder(item.target).exists()
    assert not any("color script" in note for note in report.notes)
    doing = [progress.doing for _, progress in company.progress if progress.doing]
    assert "color script: colors agree, 100 %" in doing


@pytest.mark.parametrize("first", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("step", SETTLING)
def test_a_worker_may_be_lost_with_it_in_hand(
    step: Step,
    first: bool,
    item: BatchItem,
    settings: Settings,
    alone: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before its work is on the disk, or behind it."""
    company = Company(settings)
    kind = work_of(step, monkeypatch)
    report = company.report(item, trap=lose_worker(company, step, kind, first, monkeypatch))
    assert company.deaths == 1
    assert {one: steps(company).count(one) for one in SETTLING} == COUNTS | {step: COUNTS[step] + 1}
    assert item.target.read_bytes() == alone
    assert sum(note.startswith(WHATS[step]) for note in report.notes) == 1


def work_of(step: Step, monkeypatch: pytest.MonkeyPatch) -> type[object]:
    """A type of the commands of one step: `SettlePart` is that of all of them."""
    work = dict(zip(SETTLING, Work, strict=True))[step]

    class OfOneStep(type):
        def __instancecheck__(cls, one: object) -> bool:
            return type(one) is SettlePart and one.work is work

    class Kind(metaclass=OfOneStep):
        pass

    return Kind


@pytest.mark.parametrize("step", SETTLING)
def test_what_always_fails_is_left_to_who_concludes(
    step: Step,
    item: BatchItem,
    settings: Settings,
    alone: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    do, kind = Worker.do, work_of(step, monkeypatch)

    def fail(self: Worker, told: Command) -> Iterator[Reply]:
        if isinstance(told, kind):
            return iter([TaskFailed("ValueError", "broken", "trace")])
        return do(self, told)

    monkeypatch.setattr(Worker, "do", fail)
    company = Company(settings, attempts=2)
    report = company.report(item)
    assert item.target.read_bytes() == alone
    left = [note for note in report.notes if "is left to who settles the color script" in note]
    assert len(left) == (COUNTS[step] if step is not Step.TURN else 8)
    assert left[0].startswith(WHATS[step])


@pytest.mark.parametrize("times", [1, 4, 7, 9])
@pytest.mark.parametrize("shared", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_others_go_on_where_some_stopped(
    shared: bool,
    times: int,
    item: BatchItem,
    settings: Settings,
    alone: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind the pairs, those that were compared, the scenes, two turns."""
    assert not Company(settings).color(item, stop=stop_after(PartSettled, times))
    looked = count_looked(monkeypatch)
    compared = count_calls(monkeypatch, vidcolor.run.settling, "compare_pairs")
    second = Company(settings)
    if shared:
        second.report(item)
        assert not {Step.PLAN, Step.LOOK, Step.PAIR}.intersection(steps(second))
        missing = [*range(max(0, times - 1), PARTS)]
        assert sorted(chain(*second.given(Step.COMPARE).values())) == missing
    else:
        colorize_video(item.source, item.target, settings=settings)
    assert not looked
    assert len(compared) == max(0, PARTS + 1 - times)
    assert item.target.read_bytes() == alone


def test_one_worker_settles_it_at_once(
    item: BatchItem, settings: Settings, alone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, made = Company(settings, workers=1), count_made(monkeypatch)
    company.report(item)
    assert not set(SETTLING).intersection(steps(company))
    assert len(made) == 1
    assert item.target.read_bytes() == alone


def test_a_short_one_is_settled_by_one(
    item: BatchItem, settings: Settings, alone: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vidcolor.run.film_script, "LEAST", 6)
    company = Company(settings)
    company.report(item)
    assert not set(SETTLING).intersection(steps(company))
    assert item.target.read_bytes() == alone


def test_films_that_keep_all_busy_are_settled_by_one_each(
    item: BatchItem, settings: Settings, alone: bytes, tmp_path: Path
) -> None:
    other = replace(item, name="other", target=tmp_path / "other.mp4")
    company = Company(settings)
    outcomes = company.color(item, other)
    assert all(outcome.report for outcome in outcomes)
    assert item.target.read_bytes() == other.target.read_bytes() == alone


def test_what_the_sheet_says_reaches_all_of_the_scene(
    item: BatchItem, settings: Settings, tmp_path: Path
) -> None:
    sheet = ColorSheet(hints=(replace(point((0.2, 0.5), frame=3), color="red"),))
    colorize_video(item.source, tmp_path / "alone.mp4", settings=settings, colors=sheet)
    company = Company(settings)
    report = company.report(replace(item, colors=sheet))
    assert Step.TURN in steps(company)
    assert report.script["told"] == 3
    assert item.target.read_bytes() == (tmp_path / "alone.mp4").read_bytes()


def test_key_frames_are_read_once_by_each_and_dropped_behind(
    item: BatchItem, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    init = Settler.__init__

    def counted(self: Settler, *given: object) -> None:
        opened.append("")
        init(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Settler, "__init__", counted)
    held: list[bool] = []
    colorize = Worker._colorize

    def see(self: Worker, command: object) -> object:
        for reply in colorize(self, command):  # type: ignore[arg-type]
            held.append(self._settler is not None)
            yield reply

    monkeypatch.setattr(Worker, "_colorize", see)
    Company(settings).report(item)
    assert len(opened) == 2
    assert held
    assert not any(held)


def test_where_the_script_is_there_nothing_is_settled_again(
    item: BatchItem, settings: Settings
) -> None:
    stop: Trap = lambda _task, _command, reply: isinstance(reply, ChunkColorized)  # noqa: E731
    assert not Company(settings).color(item, stop=stop)
    left = {path.suffix for path in work_folder(item.target).glob("script.*")}
    assert left == {".safetensors"}
    company = Company(settings)
    assert company.report(item).resumed == 1
    assert not set(SETTLING).intersection(steps(company))
