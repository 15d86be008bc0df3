"""Runs with a color sheet: what is colored again after an edit, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from guided import SHOT, guided_settings, shot_times, write_shots
from shared import save_quick_net

import vidcolor.run.video
from vidcolor.core.paths import work_folder
from vidcolor.core.report import Report
from vidcolor.errors import JobDiffers, WeightsError
from vidcolor.guidance.types import ColorSheet, Hint, Stretch
from vidcolor.run.video import colorize_video
from vidcolor.settings import InputSettings, PaintSettings, Settings

F = Fraction


class Stopped(Exception):
    """A run was stopped when all its chunks were done."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv")


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


def stop(
    film: Path, target: Path, settings: Settings, colors: ColorSheet | None, after: int = 99
) -> None:
    """A run that is stopped before its target is made, or when so many chunks are done."""
    record = vidcolor.run.video.record_chunk
    done: list[int] = []

    def halt(*_: object) -> None:
        raise Stopped

    def count(*given: object) -> object:
        if len(done) == after:
            raise Stopped
        done.append(0)
        return record(*given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vidcolor.run.video, "assemble", halt)
        patch.setattr(vidcolor.run.video, "record_chunk", count)
        with pytest.raises(Stopped):
            colorize_video(film, target, settings=settings, colors=colors)


def fresh(film: Path, settings: Settings, colors: ColorSheet | None) -> bytes:
    """What a run gives that nobody began before."""
    target = film.with_name("fresh.mp4")
    target.unlink(missing_ok=True)
    colorize_video(film, target, settings=settings, colors=colors)
    return target.read_bytes()


def sheet(*stretches: Stretch, hints: Sequence[Hint] = ()) -> ColorSheet:
    return ColorSheet(stretches=stretches, hints=tuple(hints))


def resume(film: Path, target: Path, settings: Settings, colors: ColorSheet | None) -> Report:
    report = colorize_video(film, target, settings=settings, colors=colors)
    assert target.read_bytes() == fresh(film, settings, colors)
    return report


SECOND = Stretch(*shot_times(1), saturation=2.0)
LAST = Stretch(shot_times(3)[0], None, vivid=1.0)


def test_an_edit_colors_only_the_chunks_that_it_touches(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    stop(film, target, settings, sheet(SECOND, LAST))
    report = resume(film, target, settings, sheet(replace(SECOND, saturation=0.5), LAST))
    assert report.inferred == SHOT
    assert (report.chunks, report.resumed) == (4, 3)
    assert "the color sheet changed: 1 of 4 finished chunks colored again" in report.notes


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        (sheet(SECOND), sheet(SECOND), 0),
        (None, sheet(SECOND), 1),
        pytest.param(sheet(SECOND), None, 1, marks=pytest.mark.slow),
        pytest.param(None, sheet(Stretch(name="nothing")), 0, marks=pytest.mark.slow),
        (sheet(SECOND), sheet(replace(SECOND, end=shot_times(2)[1])), 1),
        pytest.param(
            sheet(SECOND),
            sheet(replace(SECOND, start=SECOND.start + F(2, 25))),
            1,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            sheet(SECOND),
            sheet(replace(SECOND, start=SECOND.start - F(1, 500))),
            0,
            marks=pytest.mark.slow,
        ),
        (sheet(SECOND, LAST), sheet(replace(SECOND, name="x"), replace(LAST, vivid=0.0)), 1),
        pytest.param(
            sheet(Stretch(smooth=0.5)), sheet(Stretch(smooth=0.4)), 4, marks=pytest.mark.slow
        ),
    ],
)
def test_what_is_colored_again(
    before: ColorSheet | None,
    after: ColorSheet | None,
    again: int,
    film: Path,
    settings: Settings,
    tmp_path: Path,
) -> None:
    target = tmp_path / "out.mp4"
    stop(film, target, settings, before)
    assert resume(film, target, settings, after).resumed == 4 - again


def test_a_run_that_was_stopped_midway_takes_up_the_new_sheet(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    stop(film, target, settings, sheet(SECOND), after=2)
    report = resume(film, target, settings, sheet(LAST))
    assert (report.resumed, report.inferred) == (1, 3 * SHOT)


@pytest.mark.parametrize("strength", [pytest.param(0.0, marks=pytest.mark.slow), 0.95])
def test_a_shot_of_several_chunks_is_colored_again_as_a_whole(
    strength: float, tmp_path: Path, quick_weights: Path
) -> None:
    """What is said of its end has a part in the colors of all of it, along the smoother."""
    film = write_shots(tmp_path / "film.mkv", shots=2, frames=20)
    settings = guided_settings(quick_weights, 0.1)
    smooth = replace(settings.smooth, strength=strength, look_ahead=3)
    settings = replace(settings, smooth=smooth)
    target = tmp_path / "out.mp4"
    before = sheet(Stretch(F(0), F(10, 25), vivid=0.0))
    stop(film, target, settings, before)
    later = sheet(Stretch(F(0), F(10, 25), vivid=0.0), Stretch(F(18, 25), F(1), vivid=1.0))
    report = resume(film, target, settings, later)
    assert 0 < report.resumed < report.chunks
    earlier = sheet(Stretch(F(0), F(2, 25), vivid=1.0), *later.stretches[1:])
    target.unlink()
    stop(film, target, settings, later)
    report = resume(film, target, settings, earlier)
    assert 0 < report.resumed < report.chunks


def test_other_settings_are_refused_as_ever(film: Path, settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    stop(film, target, settings, sheet(SECOND))
    other = replace(settings, paint=PaintSettings(0.5))
    with pytest.raises(JobDiffers, match="color saturation was 1") as caught:
        colorize_video(film, target, settings=other, colors=sheet(LAST))
    assert "colors" not in str(caught.value)
    assert resume(film, target, settings, sheet(SECOND)).resumed == 4


def hint(place: int, color: str = "#27324f") -> Hint:
    """In the middle of the picture, at a frame of the film."""
    return Hint(point=(0.5, 0.5), color=color, time=F(place, 25))


@pytest.mark.usefixtures("quick_guide")
def test_a_hint_belongs_to_its_shot_and_the_shots_are_looked_for_once(
    film: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans: list[Path] = []
    scan = vidcolor.run.video.scan_shots

    def counted(source: Path, *rest: object) -> object:
        scans.append(source)
        return scan(source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(vidcolor.run.video, "scan_shots", counted)
    target = tmp_path / "out.mp4"
    stop(film, target, settings, sheet(SECOND, hints=[hint(2)]))
    assert len(scans) == 1
    stop(film, target, settings, sheet(SECOND, hints=[hint(2), hint(3 * SHOT - 1)]))
    assert len(scans) == 1
    report = colorize_video(
        film, target, settings=settings, colors=sheet(SECOND, hints=[hint(2), hint(2 * SHOT)])
    )
    assert len(scans) == 1
    assert report.resumed == 3
    assert not work_folder(target).exists()
    colorize_video(film, tmp_path / "dials.mkv", settings=settings, colors=sheet(SECOND))
    assert len(scans) == 1, "dials alone need no shots"


def test_the_sheet_counts_from_the_start_of_the_source(settings: Settings, tmp_path: Path) -> None:
    """Neither where a run begins nor the clock of the container moves what it says."""
    colors = sheet(Stretch(*shot_times(2), keep_gray=True))
    film = write_shots(tmp_path / "film.mkv", shots=3)
    later = write_shots(tmp_path / "later.mkv", shots=3, start=1000)
    rough = write_shots(tmp_path / "rough.mkv", shots=3, tick=F(1, 1000))
    begin = replace(settings, open=InputSettings(start=F(SHOT + 3, 25)))
    for path, run, start in (
        (film, settings, 0),
        (later, settings, 0),
        (rough, settings, 0),
        (film, begin, SHOT + 3),
    ):
        report = colorize_video(
            path, tmp_path / f"{path.stem}{start}.mkv", settings=run, colors=colors
        )
        (gray,) = report.neutral
        assert (gray.why, gray.frames) == ("asked", SHOT)
        assert gray.first == pytest.approx((2 * SHOT - start) / 25, abs=0.002)


def test_a_report_names_the_sheet_and_a_sheet_that_is_not_used_is_said(
    settings: Settings, tmp_path: Path
) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=1)
    beside = film.with_name("film.colors.toml")
    beside.write_text("[[stretch]]\nfrom = 0\nto = 1\nsaturation = 0.5\n")
    plain = colorize_video(film, tmp_path / "a.mp4", settings=settings)
    said = "film.colors.toml lies beside the video; add --colors auto to use it"
    assert said in plain.notes
    assert plain.colors == {}
    silent = colorize_video(film, tmp_path / "b.mp4", settings=settings, colors="none")
    assert said not in silent.notes
    for number, colors in enumerate(("auto", beside, str(beside), ColorSheet.read(beside))):
        used = colorize_video(film, tmp_path / f"{number}.mp4", settings=settings, colors=colors)
        assert said not in used.notes
        assert used.colors["path"] == str(beside)
        assert len(used.colors["sha256"]) == 64
        assert used.spec is not None
        assert plain.spec is not None
        assert used.spec.colors
        assert not plain.spec.colors
        assert used.spec.with_colors_of(plain.spec) == plain.spec
        assert (tmp_path / f"{number}.mp4").read_bytes() != (tmp_path / "a.mp4").read_bytes()


def test_weights_of_a_stretch_that_are_no_good_are_told_before_anything_is_colored(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"no weights")
    with pytest.raises(WeightsError):
        colorize_video(
            film,
            tmp_path / "out.mp4",
            settings=settings,
            colors=sheet(replace(LAST, weights=str(bad))),
            on_progress=lambda _: pytest.fail("a frame was colored"),
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.safetensors", "film.mkv"]


def test_weights_of_a_stretch_stand_in_spec_and_report(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    name = str(save_quick_net(tmp_path, seed=7))
    target = tmp_path / "out.mp4"
    stop(film, target, settings, sheet(SECOND))
    report = resume(film, target, settings, sheet(replace(SECOND, weights=name)))
    assert report.resumed == 3
    assert report.spec is not None
    assert list(report.spec.net.others) == [name]
    assert report.weights[name] == report.spec.net.others[name] != report.weights["sha256"]
