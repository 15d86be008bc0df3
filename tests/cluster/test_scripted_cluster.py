"""A color script on a cluster: the film that one run makes, whoever is killed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from company import Company
from guided import SHOT, count_made, guided_settings, write_scenes, write_shots
from hinted import color_shots, point

from vidcolor.cluster.messages import (
    ChunkColorized,
    ChunksPlanned,
    ColorizeChunk,
    Command,
    Reply,
    ScriptSettled,
)
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.core.paths import work_folder
from vidcolor.core.report import Report
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.inputs import BatchItem
from vidcolor.run.video import colorize_video
from vidcolor.settings import InputSettings, ScriptSettings, Settings

pytestmark = pytest.mark.usefixtures("quick_guide")
F = Fraction
Trap = Callable[[Task, Command, Reply], bool]


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights, script=ScriptSettings("auto"))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv")


@pytest.fixture(scope="module")
def alone(quick: ColorNet, quick_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The film that one run makes."""
    return color_shots(quick, quick_weights, tmp_path_factory.mktemp("alone"))


def color(film: Path, target: Path, settings: Settings, colors: object = None) -> Report:
    item = BatchItem(film.name, film, target, colors=colors)  # type: ignore[arg-type]
    (outcome,) = Company(settings).color(item)
    assert outcome.report, outcome.error
    return outcome.report


@pytest.mark.parametrize("start", [None, F(SHOT + 1, 25)])
@pytest.mark.parametrize(
    "sheet",
    [
        pytest.param(None, marks=pytest.mark.slow),
        ColorSheet(hints=(point((0.5, 0.5), frame=SHOT + 1),)),
    ],
)
def test_many_make_the_film_that_one_run_makes(
    sheet: ColorSheet | None, start: Fraction | None, film: Path, settings: Settings, tmp_path: Path
) -> None:
    settings = replace(settings, open=InputSettings(start=start))
    alone = colorize_video(film, tmp_path / "alone.mp4", settings=settings, colors=sheet)
    shared = color(film, tmp_path / "shared.mp4", settings, sheet)
    assert (tmp_path / "alone.mp4").read_bytes() == (tmp_path / "shared.mp4").read_bytes()
    assert (shared.spec, shared.colors, shared.script) == (alone.spec, alone.colors, alone.script)
    assert shared.weights == alone.weights
    assert shared.script["shots"] == (3 if start else 4)
    assert shared.seconds["script"] > 0
    assert not work_folder(tmp_path / "shared.mp4").exists()


def test_no_chunk_is_colored_before_the_script_is_made(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    told: list[str] = []

    def listen(_task: Task, command: Command, reply: Reply) -> bool:
        if isinstance(reply, ScriptSettled):
            told.append(reply.script.sha256)
        if isinstance(command, ColorizeChunk):
            assert command.script is not None
            assert told == [command.script.sha256]
        return False

    item = BatchItem(film.name, film, tmp_path / "out.mp4")
    (outcome,) = Company(settings).color(item, trap=listen)
    assert outcome.report, outcome.error


def when_planned(_task: Task, _command: Command, reply: Reply) -> bool:
    return isinstance(reply, ChunksPlanned)


def when_settled(_task: Task, _command: Command, reply: Reply) -> bool:
    return isinstance(reply, ScriptSettled)


def after_a_chunk(_task: Task, _command: Command, reply: Reply) -> bool:
    return isinstance(reply, ChunkColorized)


def at_the_end(task: Task, _command: Command, _reply: Reply) -> bool:
    return task.step is Step.FINISH


@pytest.mark.parametrize("stop", [when_planned, when_settled, after_a_chunk, at_the_end])
@pytest.mark.parametrize("shared", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_others_go_on_with_the_script_where_some_stopped(
    shared: bool,
    stop: Trap,
    film: Path,
    settings: Settings,
    alone: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = count_made(monkeypatch)
    item = BatchItem(film.name, film, tmp_path / "out.mp4")
    assert not Company(settings).color(item, stop=stop)
    if shared:
        report = color(film, item.target, settings)
    else:
        report = colorize_video(film, item.target, settings=settings)
    assert len(made) == 1
    assert report.script["shots"] == 4
    assert item.target.read_bytes() == alone


@pytest.mark.parametrize("shared", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_an_edit_of_a_hint_colors_the_shots_of_its_scene_again(
    shared: bool, sure_guide: None, settings: Settings, tmp_path: Path
) -> None:
    film = write_scenes(tmp_path / "scenes.mkv", "ABAB")
    hint = point((0.2, 0.5), frame=3)
    red, lime = (ColorSheet(hints=(replace(hint, color=one),)) for one in ("red", "lime"))
    colorize_video(film, tmp_path / "alone.mp4", settings=settings, colors=lime)
    item = BatchItem(film.name, film, tmp_path / "out.mp4", colors=red)
    assert not Company(settings).color(item, stop=at_the_end)
    if shared:
        report = color(film, item.target, settings, lime)
    else:
        report = colorize_video(film, item.target, settings=settings, colors=lime)
    assert (report.resumed, report.chunks) == (2, 4)
    assert report.script["told"] == 2
    assert item.target.read_bytes() == (tmp_path / "alone.mp4").read_bytes()


def test_a_script_that_was_lost_is_made_again(
    film: Path, settings: Settings, alone: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = BatchItem(film.name, film, tmp_path / "out.mp4")
    assert not Company(settings).color(item, stop=after_a_chunk)
    (path,) = work_folder(item.target).glob("script.*")
    path.write_bytes(b"lost")
    made = count_made(monkeypatch)
    report = color(film, item.target, settings)
    assert (len(made), report.resumed) == (1, 1)
    assert item.target.read_bytes() == alone


def test_a_worker_that_makes_it_may_die(
    film: Path, settings: Settings, alone: bytes, tmp_path: Path
) -> None:
    company, item = Company(settings), BatchItem(film.name, film, tmp_path / "out.mp4")

    def kill_once(task: Task, command: Command, reply: Reply) -> bool:
        return not company.deaths and when_settled(task, command, reply)

    (outcome,) = company.color(item, trap=kill_once)
    assert company.deaths == 1
    assert outcome.report, outcome.error
    assert item.target.read_bytes() == alone


def test_a_film_of_one_shot_goes_without(settings: Settings, tmp_path: Path) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=1)
    report = color(film, tmp_path / "shared.mp4", settings)
    assert not any("script" in note for note in report.notes)
    assert (report.script, "script" in report.seconds) == ({}, False)
    colorize_video(film, tmp_path / "alone.mp4", settings=settings)
    assert (tmp_path / "alone.mp4").read_bytes() == (tmp_path / "shared.mp4").read_bytes()


def test_chunks_within_a_shot_follow_it_too(settings: Settings, tmp_path: Path) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=2, frames=18)
    settings = replace(settings, chunks=replace(settings.chunks, seconds=0.1, longest=0.2))
    settings = replace(settings, smooth=replace(settings.smooth, look_ahead=3))
    alone = colorize_video(film, tmp_path / "alone.mp4", settings=settings)
    assert alone.chunks > alone.script["shots"] == 2
    color(film, tmp_path / "shared.mp4", settings)
    assert (tmp_path / "alone.mp4").read_bytes() == (tmp_path / "shared.mp4").read_bytes()
