"""A color sheet on a cluster: the film that one run makes, and only what changed is made again."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from company import Company
from guided import SHOT, guided_settings, shot_times, write_shots

from vidcolor.cluster.messages import ColorizeChunk, Command, Reply
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.core.report import Report
from vidcolor.guidance.plan import ShotRange
from vidcolor.guidance.types import ColorSheet, Hint, Stretch
from vidcolor.run.chunk_manifest import PlannedChunk, shot_ranges, shots_touched
from vidcolor.run.inputs import BatchItem
from vidcolor.run.video import colorize_video
from vidcolor.settings import InputSettings, Settings

pytestmark = pytest.mark.usefixtures("quick_guide")
F = Fraction
SECOND = Stretch(*shot_times(1), saturation=2.0)
LAST = Stretch(shot_times(3)[0], None, smooth=0.0, vivid=0.9)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


def stop_at_the_end(task: Task, _command: Command, _reply: Reply) -> bool:
    return task.step is Step.FINISH


def color(film: Path, target: Path, settings: Settings, colors: object, **more: object) -> Report:
    item = BatchItem(film.name, film, target, colors=colors)  # type: ignore[arg-type]
    (outcome,) = Company(settings).color(item, **more)  # type: ignore[arg-type]
    assert outcome.report, outcome.error
    return outcome.report


def hint(place: int) -> Hint:
    return Hint(point=(0.5, 0.5), color="navy", time=F(place, 25))


def test_many_make_the_film_that_one_run_makes(settings: Settings, tmp_path: Path) -> None:
    film = write_shots(tmp_path / "film.mkv")
    colors = ColorSheet(stretches=(SECOND, LAST))
    alone = colorize_video(film, tmp_path / "alone.mp4", settings=settings, colors=colors)
    shared = color(film, tmp_path / "shared.mp4", settings, colors)
    assert (tmp_path / "alone.mp4").read_bytes() == (tmp_path / "shared.mp4").read_bytes()
    assert (shared.spec, shared.colors) == (alone.spec, alone.colors)


@pytest.mark.parametrize("start", [None, F(1, 25)])
@pytest.mark.parametrize("hinted", [pytest.param(False, marks=pytest.mark.slow), True])
def test_an_edit_colors_only_the_chunks_that_it_touches(
    start: Fraction | None, hinted: bool, settings: Settings, tmp_path: Path
) -> None:
    chunks = replace(settings.chunks, seconds=0.2)
    settings = replace(settings, open=InputSettings(start=start), chunks=chunks)
    film = write_shots(tmp_path / "film.mkv")
    hints = (hint(4), hint(2 * SHOT + 5)) if hinted else ()
    before = ColorSheet(stretches=(SECOND, LAST), hints=hints)
    item = BatchItem(film.name, film, tmp_path / "out.mp4", colors=before)
    assert not Company(settings).color(item, stop=stop_at_the_end)
    if hinted:
        after = replace(before, hints=(hint(4), replace(hints[1], color="red")))
    else:
        after = replace(before, stretches=(replace(SECOND, saturation=0.5), LAST))
    report = color(film, item.target, settings, after)
    assert (report.chunks, report.resumed, report.inferred) == (4, 3, SHOT)
    assert "the color sheet changed: 1 of 4 finished chunks colored again" in report.notes
    colorize_video(film, tmp_path / "alone.mp4", settings=settings, colors=after)
    assert (tmp_path / "alone.mp4").read_bytes() == item.target.read_bytes()


def test_one_run_goes_on_where_many_stopped(settings: Settings, tmp_path: Path) -> None:
    film = write_shots(tmp_path / "film.mkv")
    before = ColorSheet(stretches=(SECOND,), hints=(hint(4),))
    item = BatchItem(film.name, film, tmp_path / "out.mp4", colors=before)
    assert not Company(settings).color(item, stop=stop_at_the_end)
    report = colorize_video(film, item.target, settings=settings, colors=before)
    assert report.resumed == report.chunks == 4


def test_a_sheet_beside_a_film_is_found_on_the_cluster_or_said(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=1)
    sheet = tmp_path / "film.colors.toml"
    sheet.write_text("[[stretch]]\nkeep_gray = true\n")
    said = "film.colors.toml lies beside the video; add --colors auto to use it"
    monkeypatch.chdir(tmp_path)
    for number, (colors, note, gray) in enumerate(
        [(None, True, 0), ("none", False, 0), ("auto", False, SHOT), (sheet.name, False, SHOT)]
    ):
        report = color(Path(film.name), tmp_path / f"{number}.mp4", settings, colors)
        assert (said in report.notes) == note
        assert report.neutral_frames.get("asked", 0) == gray
        assert (report.colors.get("path") == str(sheet)) == bool(gray)
    outcome = Company(settings).color(
        BatchItem("a", film, tmp_path / "x.mp4", colors=tmp_path / "no.toml"),
    )[0]
    assert "no.toml: there is no such color sheet" in str(outcome.error)


def test_a_worker_is_told_the_shots_of_its_chunk(settings: Settings, tmp_path: Path) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=2, frames=15)
    told: dict[int, tuple[int | None, ...]] = {}

    def listen(_task: Task, command: Command, _reply: Reply) -> bool:
        if isinstance(command, ColorizeChunk):
            told[command.chunks[0].number] = command.shots
        return False

    colors = ColorSheet(hints=(hint(1),))
    settings = replace(settings, chunks=replace(settings.chunks, seconds=0.1, longest=0.2))
    color(film, tmp_path / "out.mp4", settings, colors, trap=listen)
    firsts = {number: shots[0] for number, shots in told.items()}
    assert set(firsts.values()) == {0, 15 * 40} or len(set(firsts.values())) == 2
    assert told[0][1] == told[max(told)][0]
    assert told[max(told)][-1] is None


def planned(number: int, first: int, *shots: int, continues: bool = False) -> PlannedChunk:
    return PlannedChunk(number, first, continues, shots, (), "00000000", "c8")


def test_shots_of_a_chunk_that_lies_within_one_or_touches_several() -> None:
    chunks = [
        planned(0, 0, 0),
        planned(1, 10, continues=True),
        planned(2, 20, 25, 28, continues=True),
        planned(3, 30, continues=True),
    ]
    found = [shots_touched(chunks, number, ended=True) for number in range(4)]
    assert found == [(0, 25), (0, 25), (0, 25, 28, None), (28, None)]
    assert shots_touched(chunks, 1, ended=False) == (0, 25)
    assert shots_touched(chunks, 2, ended=False) is None
    ranges = shot_ranges((0, 25, None), F(1, 25), F(2))
    assert ranges == (ShotRange(F(2), F(3)), ShotRange(F(3), None))
