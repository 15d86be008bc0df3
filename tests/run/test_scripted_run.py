"""Whole runs with a color script, with a small net and a guide that learned nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from guided import RATE, SHOT, Stopped, count_made, guided_settings, write_scenes, write_shots
from hinted import color_shots, point
from PIL import Image

import vidcolor.colorize.colorizer
import vidcolor.run.film_script
import vidcolor.run.video
from vidcolor.core.paths import work_folder
from vidcolor.core.report import Progress
from vidcolor.errors import JobDiffers, OutputExists, SettingsError, WeightsNotFound
from vidcolor.guidance.types import ColorSheet, Stretch
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.video import colorize_video
from vidcolor.settings import ScriptSettings, Settings

pytestmark = pytest.mark.usefixtures("quick_guide")
F = Fraction
SHOTS = 4


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv", shots=SHOTS)


@pytest.fixture
def plain(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights, script=ScriptSettings("off"))


@pytest.fixture
def scripted(plain: Settings) -> Settings:
    return replace(plain, script=ScriptSettings("auto"))


def bytes_of(film: Path, target: Path, settings: Settings, **more: object) -> bytes:
    colorize_video(film, target, settings=settings, **more)  # type: ignore[arg-type]
    return target.read_bytes()


def frames_of(video: Path) -> list[np.ndarray]:
    """``(H, W, 3)`` float sRGB codes of each frame."""
    with av.open(str(video)) as container:
        frames = container.decode(video=0)
        return [frame.to_ndarray(format="rgb24").astype(float) for frame in frames]


@pytest.fixture(scope="module")
def whole(quick: ColorNet, quick_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The film of a run with a script that nobody stopped."""
    return color_shots(quick, quick_weights, tmp_path_factory.mktemp("whole"), SHOTS)


def scripts_beside(target: Path) -> list[Path]:
    return sorted(work_folder(target).glob("script.*"))


def stop_before_chunk(number: int, patch: pytest.MonkeyPatch) -> None:
    """The next runs are stopped when so many chunks are done."""
    record = vidcolor.run.video.record_chunk
    done: list[int] = []

    def count(*given: object) -> object:
        if len(done) == number:
            raise Stopped
        done.append(0)
        return record(*given)  # type: ignore[arg-type]

    patch.setattr(vidcolor.run.video, "record_chunk", count)


def test_a_script_changes_the_colors_and_is_told(
    sure_guide: None, plain: Settings, scripted: Settings, tmp_path: Path
) -> None:
    film = write_scenes(tmp_path / "film.mkv", "ABAB"[:SHOTS])
    seen: list[Progress] = []
    without = colorize_video(film, tmp_path / "a.mp4", settings=plain)
    report = colorize_video(film, tmp_path / "b.mp4", settings=scripted, on_progress=seen.append)
    assert (tmp_path / "a.mp4").read_bytes() != (tmp_path / "b.mp4").read_bytes()
    assert report.clean
    assert report.frames == SHOTS * SHOT
    assert report.script["shots"] == report.script["frames"] == SHOTS
    assert 1 <= report.script["groups"] <= SHOTS
    assert report.seconds["script"] > 0
    assert report.colors == {}, "there is no color sheet"
    assert report.weights["guide_sha256"] == "cc"
    doing = [each.doing for each in seen if each.doing]
    assert doing[:SHOTS] == [f"color script: {n + 1} of {SHOTS} frames" for n in range(SHOTS)]
    agreed = [int(one.split()[-2]) for one in doing[SHOTS:] if "colors agree" in one]
    assert len(agreed) == len(doing) - SHOTS > SHOTS
    assert agreed == sorted(set(agreed))
    assert agreed[-1] == 100
    assert not any(each.doing for each in seen[len(doing) :])
    assert without.script == {}
    assert "script" not in without.seconds
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4", "film.mkv"]


def test_off_is_as_it_was_and_looks_for_no_shots(
    film: Path, plain: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vidcolor.run.video, "scan_shots", lambda *_: pytest.fail("it was read"))
    report = colorize_video(film, tmp_path / "a.mp4", settings=plain)
    assert ScriptSettings() == ScriptSettings("auto"), "the default"
    assert plain == plain.without_script
    assert report.spec is not None
    assert (report.spec.color.script, report.spec.net.guides) == ("off", "")
    entry = report.spec.to_dict()
    del entry["color"]["script"]  # an earlier version wrote none
    assert type(report.spec).from_dict(entry) == report.spec


def test_a_run_knows_whether_another_one_had_a_script(
    film: Path, plain: Settings, scripted: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_before_chunk(2, patch)
        with pytest.raises(Stopped):
            colorize_video(film, tmp_path / "a.mp4", settings=plain)
    with pytest.raises(JobDiffers, match="color script was off, is now auto"):
        colorize_video(film, tmp_path / "a.mp4", settings=scripted)


@pytest.mark.parametrize("sheet", [None, ColorSheet(hints=(point((0.5, 0.5), frame=SHOT + 3),))])
def test_threads_change_no_byte(
    sheet: ColorSheet | None, film: Path, scripted: Settings, tmp_path: Path
) -> None:
    found = set()
    for threads in (1, 2):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            own = replace(scripted, colorizer=replace(scripted.colorizer, threads=threads))
            own = replace(own, encode=replace(own.encode, threads=1))
            found.add(bytes_of(film, tmp_path / f"{threads}.mp4", own, colors=sheet))
        finally:
            torch.set_num_threads(before)
    assert len(found) == 1


def kill_while_made(patch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> object:
        raise Stopped

    patch.setattr(vidcolor.run.film_script, "look_at_keys", killed)


@pytest.mark.parametrize(
    ("kill", "left", "made_again"),
    [
        (kill_while_made, 0, 1),
        (lambda patch: stop_before_chunk(0, patch), 1, 0),
        (lambda patch: stop_before_chunk(2, patch), 1, 0),
    ],
    ids=["while it is made", "after it", "between chunks"],
)
def test_a_kill_loses_nothing_but_work(
    kill: Callable[[pytest.MonkeyPatch], None],
    left: int,
    made_again: int,
    film: Path,
    scripted: Settings,
    whole: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        kill(patch)
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=scripted)
    assert len(scripts_beside(target)) == left
    made = count_made(monkeypatch)
    assert bytes_of(film, target, scripted) == whole
    assert len(made) == made_again
    assert not work_folder(target).exists()


def test_a_script_that_is_damaged_or_of_something_else_is_made_again(
    film: Path, scripted: Settings, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    made = count_made(monkeypatch)
    with monkeypatch.context() as patch:
        stop_before_chunk(0, patch)
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=scripted)
        (path,) = scripts_beside(target)
        path.write_bytes(b"no script")
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=scripted)
        other = replace(scripted, colorizer=replace(scripted.colorizer, vivid=0.9))
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=other)
    assert len(made) == 3
    assert len(scripts_beside(target)) == 2
    assert bytes_of(film, target, scripted) == whole
    assert len(made) == 3


@pytest.fixture
def scenes(tmp_path: Path, sure_guide: None) -> Path:
    """A film of four shots, of which the first and third, the second and fourth show the same."""
    return write_scenes(tmp_path / "scenes.mkv", "ABAB")


def test_another_script_colors_the_shots_again_that_it_changes(
    scenes: Path, scripted: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an edit of the dials that key frames are colored by."""
    target = tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        stop_before_chunk(2, patch)
        with pytest.raises(Stopped):
            colorize_video(scenes, target, settings=scripted)
    sheet = ColorSheet(stretches=(Stretch(F(3 * SHOT, RATE), None, vivid=1.0),))
    report = colorize_video(scenes, target, settings=scripted, colors=sheet)
    assert report.resumed == 1, "the first shot has nothing to do with the fourth"
    assert target.read_bytes() == bytes_of(scenes, tmp_path / "b.mp4", scripted, colors=sheet)


def test_a_hint_reaches_the_other_shots_of_its_scene_and_no_others(
    scenes: Path, scripted: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    hint = point((0.2, 0.5), frame=3)
    before, after = (ColorSheet(hints=(replace(hint, color=one),)) for one in ("red", "lime"))
    first = colorize_video(scenes, target, settings=scripted, colors=before)
    assert first.script["told"] == 2
    red = [frame[:, :30].mean((0, 1)) for frame in frames_of(target)]
    report = colorize_video(scenes, target, settings=scripted, colors=after)
    assert (report.resumed, report.chunks) == (2, 4), "those of the other scene"
    assert target.read_bytes() == bytes_of(scenes, tmp_path / "b.mp4", scripted, colors=after)
    lime = [frame[:, :30].mean((0, 1)) for frame in frames_of(target)]
    for number in (0, 2 * SHOT, 3 * SHOT - 1):
        assert red[number][0] - red[number][1] > lime[number][0] - lime[number][1] + 20
    for number in (SHOT, 3 * SHOT):
        assert abs(red[number] - lime[number]).max() < 2


def test_an_edit_of_a_finished_film_colors_only_its_shot_again(
    film: Path, scripted: Settings, tmp_path: Path
) -> None:
    """The other shots show something else."""
    hint = point((0.5, 0.5), frame=SHOT + 3)
    before, after = (ColorSheet(hints=(replace(hint, color=one),)) for one in ("red", "lime"))
    target = tmp_path / "out.mp4"
    colorize_video(film, target, settings=scripted, colors=before)
    report = colorize_video(film, target, settings=scripted, colors=after)
    assert report.resumed == report.chunks - 1
    assert target.read_bytes() == bytes_of(film, tmp_path / "b.mp4", scripted, colors=after)
    with pytest.raises(OutputExists, match="color script was auto, is now off"):
        colorize_video(film, target, settings=scripted.without_script, colors=before)


def test_a_film_of_one_shot_goes_without(
    plain: Settings, scripted: Settings, tmp_path: Path
) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=1)
    without = bytes_of(film, tmp_path / "a.mp4", plain)
    report = colorize_video(film, tmp_path / "b.mp4", settings=scripted)
    assert not any("script" in note for note in report.notes)
    assert report.script == {}
    assert (tmp_path / "b.mp4").read_bytes() == without


def test_a_long_take_has_key_frames_that_agree(scripted: Settings, tmp_path: Path) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=1, frames=6 * RATE + 5)
    report = colorize_video(film, tmp_path / "a.mp4", settings=scripted)
    assert report.script["frames"] == 2
    assert report.script["shots"] == 1


def test_weights_without_a_guide_go_without(
    film: Path,
    plain: Settings,
    scripted: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*_: str) -> object:
        raise WeightsNotFound("these weights have none")

    monkeypatch.setattr(vidcolor.colorize.colorizer, "load_guide", none)
    report = colorize_video(film, tmp_path / "a.mp4", settings=scripted)
    assert not any("script" in note for note in report.notes)
    assert report.script == {}
    assert report.spec is not None
    assert report.spec.color.script == "off"
    assert bytes_of(film, tmp_path / "b.mp4", plain) == (tmp_path / "a.mp4").read_bytes()


def test_a_part_of_a_film_has_its_own_script(
    film: Path, scripted: Settings, tmp_path: Path
) -> None:
    part = replace(scripted, open=replace(scripted.open, start=F(2 * SHOT + 2, RATE)))
    report = colorize_video(film, tmp_path / "a.mp4", settings=part)
    assert report.script["shots"] == 2
    sheet = ColorSheet(hints=(point((0.5, 0.5), frame=2 * SHOT),))
    report = colorize_video(film, tmp_path / "b.mp4", settings=part, colors=sheet)
    assert report.script["shots"] == 2


def test_a_picture_has_no_script(plain: Settings, scripted: Settings, tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    Image.fromarray(np.full((64, 96), 90, np.uint8)).save(source)
    reports = [
        colorize_video(source, tmp_path / f"{n}.png", settings=one)
        for n, one in enumerate((plain, scripted))
    ]
    assert reports[0].spec == reports[1].spec
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()


def test_a_word_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="no --script 'on'; use auto, off"):
        ScriptSettings("on")


@pytest.mark.parametrize("after", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_run_that_is_resumed_within_a_shot_gives_equal_bytes(
    after: int, quick_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=2, frames=18)
    settings = guided_settings(quick_weights, 0.1, script=ScriptSettings("auto"))
    settings = replace(settings, smooth=replace(settings.smooth, look_ahead=3))
    whole, target = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    assert colorize_video(film, whole, settings=settings).chunks > 3
    with monkeypatch.context() as patch:
        stop_before_chunk(after, patch)
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=settings)
    assert colorize_video(film, target, settings=settings).resumed == after
    assert target.read_bytes() == whole.read_bytes()
