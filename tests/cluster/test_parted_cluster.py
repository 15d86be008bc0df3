"""A long film is planned by many; whoever is lost, it is the film that one run makes."""

from __future__ import annotations

import pickle
from fractions import Fraction
from itertools import chain
from pathlib import Path

import damaged_films
import pytest
from company import Company, lose_worker, stop_after
from guided import guided_settings, write_shots

from vidcolor.cluster.messages import (
    Command,
    PartRead,
    PlanChunks,
    ReadPart,
    Reply,
)
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.core.paths import work_folder
from vidcolor.core.report import Report
from vidcolor.run import film_parts
from vidcolor.run.inputs import BatchItem
from vidcolor.run.video import colorize_video
from vidcolor.settings import InputSettings, ScriptSettings, Settings

PARTS = 3
pytestmark = pytest.mark.usefixtures("quick_guide")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A film of 1.6 seconds has three parts."""
    monkeypatch.setattr(film_parts, "LEAST", Fraction(3, 5))
    monkeypatch.setattr(film_parts, "PART", Fraction(3, 5))
    monkeypatch.setattr(film_parts, "LEAD", Fraction(0))
    monkeypatch.setattr(film_parts, "LEAD_FRAMES", 12)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


@pytest.fixture
def item(tmp_path: Path) -> BatchItem:
    film = write_shots(tmp_path / "film.mkv", shots=5)
    return BatchItem(film.name, film, tmp_path / "out.mp4")


@pytest.fixture(scope="module")
def alone(quick_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The film that one run makes."""
    folder = tmp_path_factory.mktemp("alone")
    film = write_shots(folder / "film.mkv", shots=5)
    colorize_video(film, folder / "alone.mp4", settings=guided_settings(quick_weights))
    return (folder / "alone.mp4").read_bytes()


def notes(report: Report) -> list[str]:
    return [note for note in report.notes if "color tags" not in note]


def steps(company: Company) -> list[Step]:
    return [task.step for _, task in company.orders]


def test_all_read_and_one_plans(item: BatchItem, settings: Settings, alone: bytes) -> None:
    company = Company(settings)

    def travels(_task: Task, command: Command, reply: Reply) -> bool:
        """As it does between processes."""
        assert pickle.loads(pickle.dumps((command, reply))) == (command, reply)
        return False

    report = company.report(item, travels)
    given = company.given(Step.PART)
    assert sorted(chain(*given.values())) == list(range(PARTS))
    assert len(given) == 2
    assert steps(company).count(Step.PLAN) == 1
    assert steps(company).index(Step.PLAN) == 1 + PARTS
    assert item.target.read_bytes() == alone
    assert not work_folder(item.target).exists()
    assert not notes(report)
    assert report.seconds["decode"] > 0


def test_a_script_is_made_behind_it(
    item: BatchItem, settings: Settings, quick_weights: Path, tmp_path: Path
) -> None:
    settings = guided_settings(quick_weights, script=ScriptSettings("auto"))
    colorize_video(item.source, tmp_path / "alone.mp4", settings=settings)
    company = Company(settings)
    assert company.report(item).script["frames"] == 5
    assert {Step.PART, Step.LOOK, Step.SETTLE} <= set(steps(company))
    assert item.target.read_bytes() == (tmp_path / "alone.mp4").read_bytes()


@pytest.mark.parametrize("step", [Step.PART, Step.PLAN])
@pytest.mark.parametrize("first", [True, False])
def test_a_worker_may_be_lost_with_it_in_hand(
    first: bool,
    step: Step,
    item: BatchItem,
    settings: Settings,
    alone: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before its work is on the disk, or behind it."""
    company = Company(settings)
    kind = ReadPart if step is Step.PART else PlanChunks
    report = company.report(item, trap=lose_worker(company, step, kind, first, monkeypatch))
    assert company.deaths == 1
    assert steps(company).count(step) == (PARTS if step is Step.PART else 1) + 1
    assert item.target.read_bytes() == alone
    what = "part 0 of the plan failed" if step is Step.PART else "failed on"
    assert sum(note.startswith(what) for note in report.notes) == 1


@pytest.mark.parametrize("times", [1, PARTS])
def test_another_run_reads_the_parts_that_are_missing(
    times: int, item: BatchItem, settings: Settings, alone: bytes
) -> None:
    assert not Company(settings).color(item, stop=stop_after(PartRead, times))
    assert len(list(work_folder(item.target).glob("plan.*.frames"))) == times
    second = Company(settings)
    second.report(item)
    assert sorted(chain(*second.given(Step.PART).values())) == list(range(times, PARTS))
    assert item.target.read_bytes() == alone


def test_one_worker_reads_it_as_a_whole(item: BatchItem, settings: Settings, alone: bytes) -> None:
    company = Company(settings, workers=1)
    assert not notes(company.report(item))
    assert Step.PART not in steps(company)
    assert item.target.read_bytes() == alone


def test_the_report_says_why_one_worker_reads_a_long_film(
    item: BatchItem, settings: Settings
) -> None:
    part = Settings(
        colorizer=settings.colorizer,
        chunks=settings.chunks,
        script=settings.script,
        open=InputSettings(end=Fraction(1)),
    )
    company = Company(part)
    why = "one worker looked for its shots: only a part of it is colored"
    assert notes(company.report(item)) == [why]
    assert Step.PART not in steps(company)


def test_a_damaged_film_is_read_again_as_a_whole(
    item: BatchItem, settings: Settings, tmp_path: Path
) -> None:
    broken = damaged_films.build("badpicture.mkv", tmp_path / "damaged")
    report = colorize_video(broken, tmp_path / "alone.mp4", settings=settings)
    assert report.damage
    shared = Company(settings).report(BatchItem("broken", broken, item.target))
    assert shared.damage == report.damage
    assert item.target.read_bytes() == (tmp_path / "alone.mp4").read_bytes()
    assert "one worker looked for its shots: it is damaged, or changes its kind" in shared.notes


def test_a_part_that_always_fails_gives_the_film_up(
    item: BatchItem, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("vidcolor.cluster.worker.make_film_part", fail)
    (outcome,) = Company(settings, attempts=2).color(item)
    assert "broken" in str(outcome.error)
    assert not item.target.exists()
