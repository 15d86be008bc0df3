"""Films colored by many: the film that one run makes, whoever dies, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from command import listing
from company import Company
from killing import CHUNKS, SHOTS, make_reel, packets, work_of
from reels import FILMS
from shared import slow_but

from vidcolor.cluster.messages import ChunkColorized, ChunkKnown, ChunksPlanned, Command, Reply
from vidcolor.cluster.task_queue import SETTLING, Step, Task
from vidcolor.cluster.worker import Worker
from vidcolor.core import files
from vidcolor.core.report import Report
from vidcolor.errors import FilmChanged, JobDiffers, OutputError, OutputFull
from vidcolor.media import identity as sameness
from vidcolor.media.decode import decoder as decoding
from vidcolor.run import video as pipeline
from vidcolor.run.batch import Result, read_report
from vidcolor.run.inputs import BatchItem
from vidcolor.run.video import colorize_video
from vidcolor.settings import (
    ChunkSettings,
    ColorizerSettings,
    OutputSettings,
    Settings,
    TemporalSettings,
)

OWN = {"target", "seconds", "workers", "inferred", "sha256", "notes"}
"""What a report may have of its own."""


@pytest.fixture(autouse=True)
def one_net(nets: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidcolor.colorize.colorizer.load_weights", nets)


@pytest.fixture(scope="module")
def settings(tiny_weights: Path) -> Settings:
    return Settings(
        colorizer=ColorizerSettings(weights=str(tiny_weights), device="cpu", size=64, batch=1),
        chunks=ChunkSettings(0.1, 0.3),
        output=OutputSettings(force=True),
    )


def check_same(report: Report, other: Report) -> None:
    """Two reports tell of the same film."""
    one, two = report.to_dict(), other.to_dict()
    assert {k: v for k, v in one.items() if k not in OWN} == {
        k: v for k, v in two.items() if k not in OWN
    }
    assert packets(Path(report.target)) == packets(Path(other.target))


KINDS = {
    *("film.mp4", "rich.mkv", "tff.mpg", "vfr.mkv", "hole.gif", "frames1.mp4", "negative.ts"),
    *("captions.mkv", "still.png", "sound.m4a", "missing.mp4"),
}
"""One film of each kind; the others are slow."""


@pytest.mark.parametrize(
    "name",
    slow_but(KINDS, FILMS),
)
def test_every_kind_of_film_is_the_one_that_one_run_makes(
    name: str, reel: Callable[[str], Path], settings: Settings, tmp_path: Path
) -> None:
    source = reel(name)
    suffix = source.suffix if source.suffix in (".mp4", ".mov", ".webm", ".png", ".jpg") else ".mkv"
    alone, shared = tmp_path / f"alone{suffix}", tmp_path / f"shared{suffix}"
    outcome = Company(settings).one(source, shared)
    if outcome.error:
        with pytest.raises(type(outcome.error)) as told:
            colorize_video(source, alone, settings=settings)
        assert str(told.value) == str(outcome.error)
        assert listing(tmp_path) == []
        return
    report = colorize_video(source, alone, settings=settings)
    assert outcome.report, outcome.error
    check_same(report, outcome.report)
    assert listing(tmp_path) == sorted([alone.name.encode(), shared.name.encode()])
    assert [note for note in outcome.report.notes if "retried" in note] == []


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four shots; the long one is split twice."""
    return make_reel(tmp_path_factory.mktemp("film") / "in.mp4")


@pytest.fixture(scope="module")
def parted(settings: Settings) -> Settings:
    """Chunks as `CHUNKS` tells of them."""
    return replace(settings, chunks=ChunkSettings(0.5, 1.5))


@pytest.fixture(scope="module")
def whole(film: Path, parted: Settings, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The film that one run makes."""
    return colorize_video(film, tmp_path_factory.mktemp("whole") / "out.mp4", settings=parted)


def is_chunk(task: Task, number: int | None = None) -> bool:
    return task.step is Step.CHUNK and number in (None, task.chunk)


@pytest.mark.parametrize(
    ("workers", "stride", "strength"),
    slow_but([(3, 2, 0.95), (1, 1, 0.0)], product((1, 3), (1, 2), (0.95, 0.0))),
)
def test_shots_that_are_split_have_no_seam(
    film: Path, parted: Settings, tmp_path: Path, strength: float, stride: int, workers: int
) -> None:
    settings = replace(
        parted,
        smooth=TemporalSettings(strength, 6),
        colorizer=replace(parted.colorizer, stride=stride),
    )
    report = colorize_video(film, tmp_path / "alone.mp4", settings=settings)
    company = Company(settings, workers=workers)
    outcome = company.one(film, tmp_path / "shared.mp4")
    assert outcome.report, outcome.error
    check_same(report, outcome.report)
    assert sum(is_chunk(task) for _, task in company.orders) == len(CHUNKS)
    frames = [progress.frames for _, progress in company.progress]
    assert (frames[0], frames[-1]) == (0, sum(SHOTS))
    assert sum(worker.frames for worker in outcome.report.workers) == sum(SHOTS)


# A film this short is not planned in parts; that and its script have tests of their own.
_OF_LONG_FILMS = {Step.PART, Step.LOOK, *SETTLING, Step.SETTLE}
OF_SHORT_FILMS = [step for step in Step if step not in _OF_LONG_FILMS]


@pytest.mark.parametrize("step", OF_SHORT_FILMS)
@pytest.mark.parametrize("time", slow_but([1], [1, 2]))
def test_a_worker_that_dies_with_anything_in_hand_loses_only_that(
    step: Step, time: int, film: Path, parted: Settings, whole: Report, tmp_path: Path
) -> None:
    """The first or the last word of the first such task is never heard."""
    seen: list[Task] = []
    company = Company(parted)

    def trap(task: Task, order: Command, reply: Reply) -> bool:
        last = not isinstance(reply, ChunkKnown) and type(reply).__name__ != "Moved"
        if task.step is not step or company.deaths or (time == 2 and not last):
            return False
        seen.append(task)
        return True

    outcome = company.one(film, tmp_path / "out.mp4", trap=trap)
    assert outcome.report, outcome.error
    assert company.deaths == 1
    check_same(whole, outcome.report)
    chunks = [task for _, task in company.orders if is_chunk(task)]
    assert len(chunks) == len(CHUNKS) + (step is Step.CHUNK)
    assert listing(tmp_path) == [b"out.mp4"]
    assert sum(worker.failures for worker in outcome.report.workers) == 1


@pytest.mark.parametrize("words", slow_but([11], range(1, 16, 2)))
def test_another_driver_goes_on_from_the_work_folder(
    words: int, film: Path, parted: Settings, whole: Report, tmp_path: Path
) -> None:
    target, said = tmp_path / "out.mp4", []

    def stop(task: Task, order: Command, reply: Reply) -> bool:
        said.append(reply)
        return len(said) == words

    first, second = Company(parted), Company(parted)
    assert first.color(BatchItem("in.mp4", film, target), stop=stop) == []
    done = sum(isinstance(reply, ChunkColorized) for reply in said)  # the last is in the journal
    outcome = second.one(film, target)
    assert outcome.report, outcome.error
    check_same(replace(whole, resumed=done), outcome.report)
    assert sum(is_chunk(task) for _, task in second.orders) == len(CHUNKS) - done
    assert listing(tmp_path) == [b"out.mp4"]


def test_one_run_goes_on_where_many_stopped_and_many_where_one_did(
    film: Path, parted: Settings, whole: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"

    def third(task: Task, order: Command, reply: Reply) -> bool:
        return is_chunk(task, 3) and isinstance(reply, ChunkColorized)

    Company(parted, workers=1).color(BatchItem("in.mp4", film, target), stop=third)
    report = colorize_video(film, target, settings=parted)
    assert report.resumed > 0
    check_same(replace(whole, resumed=report.resumed), report)

    def crash(*_: Any) -> Any:
        raise OutputError("no stitch today")

    with monkeypatch.context() as patch:
        patch.setattr("vidcolor.run.assembly.stitch", crash)
        with pytest.raises(OutputError, match="no stitch"):
            colorize_video(film, target, settings=parted)
    company = Company(parted)
    outcome = company.one(film, target)
    assert outcome.report, outcome.error
    check_same(replace(whole, resumed=len(CHUNKS)), outcome.report)
    assert not any(is_chunk(task) for _, task in company.orders)


def test_a_chunk_that_always_fails_is_set_aside_and_the_rest_goes_on(
    film: Path, parted: Settings, whole: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, other = tmp_path / "out.mp4", tmp_path / "other.mp4"
    company = Company(parted, workers=2)
    write = vars(pipeline)["write_chunk"]
    failures: list[Path] = []

    def poisoned(frames: Any, path: Path, *rest: Any) -> Any:
        if path.parent == work_of(target) and path.name.startswith("000001"):
            failures.append(path)
            raise RuntimeError("poison")
        return write(frames, path, *rest)

    items = [BatchItem("a", film, target), BatchItem("b", film, other)]
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "write_chunk", poisoned)
        outcomes = {outcome.item.name: outcome for outcome in company.color(*items)}
    assert len(failures) == 3
    assert len({path.name for path in failures}) == 2, "both workers have tried"
    error = str(outcomes["a"].error)
    assert "chunk 1 (from 0:00:01.400 on) failed 3 times: unexpected" in error
    assert "RuntimeError: poison" in error
    assert f"{len(CHUNKS) - 1} of {len(CHUNKS)} chunks are done" in error
    assert not target.exists()
    assert outcomes["b"].report, outcomes["b"].error
    check_same(whole, outcomes["b"].report)
    again = Company(parted)
    outcome = again.one(film, target)
    assert outcome.report
    assert [task.chunk for _, task in again.orders if is_chunk(task)] == [1]
    check_same(replace(whole, resumed=len(CHUNKS) - 1), outcome.report)


def test_two_workers_on_one_chunk_do_no_harm(
    film: Path, parted: Settings, whole: Report, tmp_path: Path
) -> None:
    """One that was taken for dead colors every chunk a second time, behind the foreman's back."""
    zombie = Worker(parted, False, 1)
    twice = 0

    def haunt(task: Task, order: Command, reply: Reply) -> bool:
        nonlocal twice
        if is_chunk(task) and isinstance(reply, ChunkColorized):
            *_, last = zombie.do(order)
            assert isinstance(last, ChunkColorized)
            assert last.chunk.writer != reply.chunk.writer
            assert last.chunk.facts == reply.chunk.facts
            twice += 1
        return is_chunk(task) and isinstance(reply, ChunkColorized) and twice == len(CHUNKS)

    target = tmp_path / "out.mp4"
    Company(parted).color(BatchItem("in.mp4", film, target), stop=haunt)
    assert len(list(work_of(target).glob("*.packets"))) == 2 * len(CHUNKS)
    outcome = Company(parted).one(film, target)
    assert outcome.report, outcome.error
    check_same(replace(whole, resumed=len(CHUNKS)), outcome.report)
    assert listing(tmp_path) == [b"out.mp4"]


def test_a_film_that_seeks_to_the_wrong_place_is_read_from_its_beginning(
    film: Path,
    parted: Settings,
    whole: Report,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[bool] = []
    keeps = decoding.Timeline.keeps_frame

    def late(clock: Any, pts: int) -> bool:
        """Frames near the start of a part are lost."""
        start = clock.start
        if start and pts * clock._tick < start + 0.2:
            tried.append(True)
            return False
        return keeps(clock, pts)

    monkeypatch.setattr(decoding.Timeline, "keeps_frame", late)
    outcome = Company(parted).one(film, tmp_path / "out.mp4")
    assert outcome.report, outcome.error
    assert tried
    check_same(whole, outcome.report)


def test_a_film_that_changes_meanwhile_is_told(
    film: Path, parted: Settings, tmp_path: Path
) -> None:
    source, target = shutil.copy(film, tmp_path / "in.mp4"), tmp_path / "out.mp4"

    def touch(task: Task, order: Command, reply: Reply) -> bool:
        if is_chunk(task) and isinstance(reply, ChunkColorized):
            with open(source, "ab") as file:
                file.write(b"more")
        return False

    outcome = Company(parted).one(Path(source), target, trap=touch)
    assert isinstance(outcome.error, FilmChanged)
    assert listing(tmp_path) == [b".out.mp4.vidcolor", b"in.mp4"], "what is done is kept"


@pytest.mark.slow
def test_a_touch_meanwhile_and_between_makes_no_other_film(
    film: Path, parted: Settings, whole: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (files, sameness):
        monkeypatch.setattr(module, "ENDS", 100)
    source, target = Path(shutil.copy(film, tmp_path / "in.mp4")), tmp_path / "out.mp4"
    times = iter(range(1, 100))

    def touch(task: Task, order: Command, reply: Reply) -> bool:
        if isinstance(reply, ChunksPlanned | ChunkColorized):
            os.utime(source, (next(times),) * 2)
        return False

    def broken(*_: Any) -> Any:
        raise OutputError("no target today")

    with monkeypatch.context() as here:
        here.setattr("vidcolor.cluster.worker.assemble", broken)
        assert not Company(parted).one(source, target, trap=touch).report
    outcome = Company(parted).one(source, target, trap=touch)
    assert outcome.report, outcome.error
    assert outcome.report.resumed == outcome.report.chunks == len(CHUNKS)


def test_a_worker_that_sees_another_file_loses_nothing_of_the_others(
    film: Path, parted: Settings, whole: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose copy has another time of change: its orders fail, the film goes on."""
    same, failed = Worker._check_same, []

    def strange(worker: Any, *rest: Any) -> Any:
        if worker is first[0]:
            failed.append(worker)
            raise FilmChanged("changed while it was being colored")
        return same(worker, *rest)

    first: list[Any] = []
    begin = Worker.__init__

    def born(worker: Any, *rest: Any) -> None:
        begin(worker, *rest)
        first.append(worker)

    monkeypatch.setattr(Worker, "__init__", born)
    monkeypatch.setattr(Worker, "_check_same", strange)
    outcome = Company(parted).one(film, tmp_path / "out.mp4")
    assert outcome.report, outcome.error
    assert failed
    check_same(whole, outcome.report)


def test_what_a_chunk_takes_over_has_to_be_there(
    film: Path, parted: Settings, whole: Report, tmp_path: Path
) -> None:
    """A shared disk shows a file a little later than its writer said that it was there."""
    target, hidden = tmp_path / "out.mp4", tmp_path / "hidden"
    tries = []

    def hide(task: Task, order: Command, reply: Reply) -> bool:
        if is_chunk(task, 2) and isinstance(reply, ChunkColorized):
            (handover,) = work_of(target).glob("000003.*.handover")
            handover.rename(hidden)
            tries.append(handover)
        elif is_chunk(task, 3) and not isinstance(reply, ChunkColorized) and hidden.exists():
            assert "is missing, or is another file" in getattr(reply, "text", "")
            hidden.rename(tries[0])
        return False

    outcome = Company(parted).one(film, target, trap=hide)
    assert outcome.report, outcome.error
    assert tries
    check_same(whole, outcome.report)
    assert any("is missing, or is another file" in note for note in outcome.report.notes)


def test_a_worker_that_dies_with_the_last_word_on_its_lips(
    film: Path, parted: Settings, whole: Report, tmp_path: Path
) -> None:
    """The target is there, though nobody heard of it; without --force, too."""
    settings = replace(parted, output=OutputSettings())
    company = Company(settings)

    def trap(task: Task, order: Command, reply: Reply) -> bool:
        return task.step is Step.FINISH and not company.deaths

    outcome = company.one(film, tmp_path / "out.mp4", trap=trap)
    assert outcome.report, outcome.error
    assert company.deaths == 1
    check_same(whole, outcome.report)


@pytest.mark.parametrize("several", slow_but([True], [False, True]))
def test_a_driver_that_dies_before_it_hears_that_a_film_is_done(
    several: bool, film: Path, parted: Settings, whole: Report, tmp_path: Path
) -> None:
    settings, target = replace(parted, output=OutputSettings()), tmp_path / "out.mp4"
    item = BatchItem("in.mp4", film, target)

    def stop(task: Task, order: Command, reply: Reply) -> bool:
        return task.step is Step.FINISH

    assert Company(settings, several).color(item, stop=stop) == []
    assert target.exists()
    (outcome,) = Company(settings, several).color(item)
    assert outcome.report, outcome.error
    check_same(replace(whole, resumed=len(CHUNKS)), outcome.report)
    assert read_report(target) == (outcome.report if several else None)
    assert not list(tmp_path.glob(".*"))


def test_another_job_is_refused_and_fresh_begins_anew(
    film: Path, parted: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"

    def one(task: Task, order: Command, reply: Reply) -> bool:
        return is_chunk(task) and isinstance(reply, ChunkColorized)

    Company(parted).color(BatchItem("in.mp4", film, target), stop=one)
    other = replace(parted, paint=replace(parted.paint, saturation=0.5))
    outcome = Company(other).one(film, target)
    assert isinstance(outcome.error, JobDiffers)
    assert "color saturation was 1.0, is now 0.5" in str(outcome.error)
    fresh = replace(other, output=replace(other.output, fresh=True))
    outcome = Company(fresh).one(film, target)
    assert outcome.report, outcome.error
    assert outcome.report.resumed == 0


def test_several_films_are_skipped_where_they_are_done(
    film: Path, parted: Settings, tmp_path: Path, reel: Callable[[str], Path]
) -> None:
    settings = replace(parted, output=OutputSettings())
    sources = [film, reel("still.png"), tmp_path / "gone.mp4"]
    items = [BatchItem(s.name, s, tmp_path / "to" / s.name) for s in sources]
    expected = [Result.DONE, Result.DONE, Result.FAILED]
    first = {o.item.name: o for o in Company(settings, several=True).color(*items)}
    assert [first[s.name].result for s in sources] == expected
    report = read_report(items[0].target)
    assert report
    assert report.workers
    assert report == first[film.name].report
    again = {o.item.name: o for o in Company(settings, several=True).color(*items)}
    assert [again[s.name].result for s in sources] == [
        Result.SKIPPED,
        Result.SKIPPED,
        Result.FAILED,
    ]
    assert "no such file" in str(again["gone.mp4"].error)


def test_a_full_disk_stops_all_films(
    film: Path, parted: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise OutputFull("the disk is full")

    monkeypatch.setattr("vidcolor.run.video.write_chunk", full)
    items = [BatchItem(str(n), film, tmp_path / f"{n}.mp4") for n in range(5)]
    results = [outcome.result for outcome in Company(parted, workers=1).color(*items)]
    assert sorted(results) == [Result.FAILED] + 4 * [Result.NOT_STARTED]


def test_another_vidcolor_on_a_worker_is_refused(
    film: Path, parted: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[Command] = []

    def keep(task: Task, given: Command, reply: Reply) -> bool:
        order.append(given)
        return is_chunk(task)

    Company(parted, workers=1).color(BatchItem("in.mp4", film, tmp_path / "out.mp4"), stop=keep)
    work_of(tmp_path / "out.mp4").mkdir(exist_ok=True)
    monkeypatch.setattr("vidcolor.run.spec.versions", lambda: {"python": "2.7"})
    *_, reply = Worker(parted, False, 1).do(order[-1])
    assert "would write a different film: versions python was 3" in getattr(reply, "text", "")
