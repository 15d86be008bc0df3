"""The key frames of a color script are looked at in parts, each of which survives a kill."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from guided import SHOT, Stopped, count_looked, count_made, guided_settings, shot_times, write_shots
from hinted import color_shots, point
from shared import slow_but

import vidcolor.run.film_script
import vidcolor.run.video
from vidcolor.core.paths import work_folder
from vidcolor.core.report import Progress
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.film_script import KeyPart, ScriptPlan, missing_parts
from vidcolor.run.video import colorize_video
from vidcolor.run.work_dir import WorkDir
from vidcolor.settings import ScriptSettings, Settings

F = Fraction
SHOTS, PART = 5, 2
MIDDLES = [sum(shot_times(n), F(0)) / 2 for n in range(SHOTS)]
"""When the key frames are on screen."""


@pytest.fixture(autouse=True)
def small_parts(quick_guide: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two key frames are a part."""
    monkeypatch.setattr(vidcolor.run.film_script, "PART", PART)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights, script=ScriptSettings("auto"))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv", shots=SHOTS)


@pytest.fixture(scope="module")
def in_one(quick: ColorNet, quick_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The film of a run whose script is made in one part, as those are of most short films."""
    folder = tmp_path_factory.mktemp("one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vidcolor.run.film_script, "PART", 32)
        return color_shots(quick, quick_weights, folder, SHOTS)


def keys_beside(target: Path) -> list[Path]:
    return sorted(work_folder(target).glob("script.*.keys"))


def stop_after(looks: int, film: Path, target: Path, settings: Settings) -> None:
    """A run that is stopped after so many key frames were looked at."""
    with pytest.MonkeyPatch.context() as patch:
        count_looked(patch, stop_at=looks)
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=settings)


def stop(*_: object) -> None:
    raise Stopped


@pytest.mark.parametrize(
    "looks", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, SHOTS - 1)), SHOTS - 1]
)
def test_parts_that_are_there_are_not_made_again(
    looks: int,
    film: Path,
    settings: Settings,
    in_one: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, seen = tmp_path / "out.mp4", list[Progress]()
    stop_after(looks, film, target, settings)
    assert len(keys_beside(target)) == looks // PART
    looked = count_looked(monkeypatch)
    if looks >= PART:
        monkeypatch.setattr(vidcolor.run.video, "scan_shots", lambda *_: pytest.fail("again"))
    colorize_video(film, target, settings=settings, on_progress=seen.append)
    first = looks // PART * PART
    assert [
        abs(one - middle) < F(1, 25) for one, middle in zip(looked, MIDDLES[first:], strict=True)
    ]
    assert len(looked) == SHOTS - first
    assert target.read_bytes() == in_one
    assert not work_folder(target).exists()
    assert seen[0].doing == f"color script: {first + 1} of {SHOTS} frames"


def test_a_kill_while_they_agree_loses_no_look(
    film: Path, settings: Settings, in_one: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        patch.setattr(vidcolor.run.film_script, "settle", stop)
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=settings)
    looked, made = count_looked(monkeypatch), count_made(monkeypatch)
    colorize_video(film, target, settings=settings)
    assert (looked, len(made)) == ([], 1)
    assert target.read_bytes() == in_one


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def turn_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # still a script by its form
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def link(path: Path) -> None:
    moved = path.rename(path.with_name("moved"))
    path.symlink_to(moved)


@pytest.mark.parametrize(
    "damage",
    slow_but([cut, turn_a_bit, link, Path.unlink], [cut, turn_a_bit, empty, link, Path.unlink]),
)
def test_a_part_that_is_damaged_is_made_anew(
    damage: object, film: Path, settings: Settings, in_one: bytes, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    stop_after(2 * PART, film, target, settings)
    first, second = keys_beside(target)
    assert first.name.endswith(".0-2.keys")
    damage(first)  # type: ignore[operator]
    with pytest.MonkeyPatch.context() as patch:
        looked = count_looked(patch)
        colorize_video(film, target, settings=settings)
    assert len(looked) == PART + 1
    assert looked[0] < shot_times(0)[1]
    assert looked[-1] > shot_times(SHOTS - 1)[0]
    assert target.read_bytes() == in_one
    assert not second.exists()


def test_parts_go_when_the_script_is_there_and_do_not_serve_another(
    film: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    stop_after(PART, film, target, settings)
    other = replace(settings, colorizer=replace(settings.colorizer, vivid=0.9))
    looked = count_looked(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(vidcolor.run.video, "record_chunk", stop)
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=other)
        assert len(looked) == SHOTS
        assert len(keys_beside(target)) == 1, "those of the run before"
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=settings)
        assert len(looked) == 2 * SHOTS - PART
        assert keys_beside(target) == []
    colorize_video(film, target, settings=settings)
    assert not work_folder(target).exists()


def test_another_cut_has_its_own_shots(film: Path, settings: Settings, tmp_path: Path) -> None:
    """Those of a run that was stopped do not hold for a part of the film."""
    target = tmp_path / "out.mp4"
    stop_after(PART, film, target, settings)
    part = replace(settings, open=replace(settings.open, start=shot_times(2)[0]))
    report = colorize_video(film, target, settings=part)
    assert report.script["shots"] == SHOTS - 2


def test_fresh_forgets_them(
    film: Path, settings: Settings, in_one: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    stop_after(PART, film, target, settings)
    looked = count_looked(monkeypatch)
    fresh = replace(settings, output=replace(settings.output, fresh=True))
    colorize_video(film, target, settings=fresh)
    assert len(looked) == SHOTS
    assert target.read_bytes() == in_one


def test_a_hint_changes_no_part(
    film: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    stop_after(PART, film, target, settings)
    looked = count_looked(monkeypatch)
    sheet = ColorSheet(hints=(point((0.5, 0.5), frame=SHOT + 3),))
    colorize_video(film, target, settings=settings, colors=sheet)
    script = [one for one in looked if one > shot_times(1)[1]]
    assert len(script) == SHOTS - PART


def test_what_is_missing(tmp_path: Path) -> None:
    plan = ScriptPlan("a" * 32, 5, tuple(map(F, range(5))))
    assert plan.parts[1] == KeyPart(f"script.{'a' * 32}.2-4.keys", (F(2), F(3)))
    assert [len(part.moments) for part in plan.parts] == [2, 2, 1]
    assert ScriptPlan.from_dict(plan.to_dict()) == plan
    folder = WorkDir(tmp_path)
    assert missing_parts(folder, plan) == [0, 1, 2]
    (tmp_path / plan.parts[1].name).write_bytes(b"")
    assert missing_parts(folder, plan) == [0, 2]
    (tmp_path / plan.name).write_bytes(b"")
    assert missing_parts(folder, plan) == []


@pytest.mark.parametrize(
    "wrong",
    [{"digest": "../../etc/passwd"}, {"moments": ["1"]}, {"moments": ["1", "x"]}, {"shots": "x"}],
)
def test_a_plan_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    entry = ScriptPlan("a" * 32, 5, tuple(map(F, range(5)))).to_dict()
    with pytest.raises(ValueError, match=r"invalid|not the plan|Invalid"):
        ScriptPlan.from_dict(entry | wrong)
