"""Films that are colored with a list of shots: its cuts rule, and are a part of the run."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from guided import guided_settings, write_shots
from test_guided_run import stop

from vidcolor.core.paths import work_folder
from vidcolor.core.report import Report
from vidcolor.errors import OutputError
from vidcolor.run.report import note_cuts
from vidcolor.run.shot_scan import scan_shots
from vidcolor.run.video import colorize_video
from vidcolor.settings import InputSettings, Settings, ShotSettings

F = Fraction


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv")


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


def frames(*numbers: int) -> tuple[Fraction, ...]:
    return tuple(F(number, 25) for number in numbers)


def with_cuts(settings: Settings, cuts: tuple[Fraction, ...] | None) -> Settings:
    return replace(settings, shots=ShotSettings(cuts=cuts))


def color(film: Path, target: Path, settings: Settings) -> Report:
    return colorize_video(film, target, settings=settings)


def test_the_list_says_where_shots_begin(film: Path, settings: Settings, tmp_path: Path) -> None:
    found = color(film, tmp_path / "found.mp4", settings)
    assert found.shot_starts == [0.0, 0.32, 0.64, 0.96]
    listed = with_cuts(settings, frames(8, 12, 24))
    report = color(film, tmp_path / "listed.mp4", listed)
    assert report.shot_starts == [0.0, 0.32, 0.48, 0.96]
    assert not [note for note in report.notes if "cut" in note]
    same = color(film, tmp_path / "same.mp4", with_cuts(settings, frames(8, 16, 24)))
    assert same.shot_starts == found.shot_starts
    assert (tmp_path / "same.mp4").stat().st_size == (tmp_path / "found.mp4").stat().st_size


def test_a_run_without_a_list_is_described_as_before(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    report = color(film, tmp_path / "out.mp4", settings)
    assert "shot_list" not in report.to_dict()["spec"]
    listed = color(film, tmp_path / "listed.mp4", with_cuts(settings, ()))
    assert len(listed.to_dict()["spec"]["shot_list"]) == 16
    assert Report.from_dict(listed.to_dict()).spec == listed.spec


def test_a_part_has_the_cuts_of_the_film(film: Path, settings: Settings, tmp_path: Path) -> None:
    part = replace(settings, open=InputSettings(start=F(6, 25), end=F(23, 25)))
    report = color(film, tmp_path / "out.mp4", with_cuts(part, frames(3, 6, 11, 24)))
    assert report.shot_starts == [0.0, 0.2]
    assert not [note for note in report.notes if "cut" in note]


def test_another_list_does_not_go_on_with_an_old_run(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    stop(film, target, with_cuts(settings, frames(8, 16)), None, 2)
    assert work_folder(target).is_dir()
    for cuts in (frames(8, 18), None):
        with pytest.raises(OutputError, match=r"shot list was .* add --fresh to start over"):
            color(film, target, with_cuts(settings, cuts))
    report = color(film, target, with_cuts(settings, frames(8, 16)))
    assert report.resumed > 0
    assert report.shot_starts == [0.0, 0.32, 0.64]


def test_the_bytes_are_the_same_after_a_stop(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    listed = with_cuts(settings, frames(2, 8, 9, 17, 31))
    color(film, tmp_path / "whole.mp4", listed)
    stop(film, tmp_path / "out.mp4", listed, None, 1)
    assert color(film, tmp_path / "out.mp4", listed).resumed == 1
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_scripts_and_sheets_have_the_shots_of_the_list(film: Path, settings: Settings) -> None:
    listed = with_cuts(settings, frames(8, 12, 24))
    starts = [shot.start_seconds for shot in scan_shots(film, listed, None)]
    assert starts == [F(0), *frames(8, 12, 24)]


@pytest.mark.parametrize(
    ("cuts", "told"),
    [
        ((F(8, 25),), []),
        ((F(8, 25) + F(1, 100),), []),
        ((F(8, 25) + F(1, 1000), F(99)), ["1 cut of the list behind the last frame"]),
        ((F(8, 25), F(8, 25) + F(1, 1000)), ["1 cut of the list at the same frame"]),
    ],
)
def test_what_does_not_fit_is_told(
    cuts: tuple[Fraction, ...],
    told: list[str],
    film: Path,
    settings: Settings,
    tmp_path: Path,
) -> None:
    report = color(film, tmp_path / "out.mp4", with_cuts(settings, cuts))
    assert report.shot_starts == [0.0, 0.32]
    notes = [note for note in report.notes if "of the list" in note]
    assert len(notes) == len(told)
    assert all(word in note for word, note in zip(told, notes, strict=True))


def test_a_cut_where_no_frame_begins_is_told() -> None:
    report = Report("a", "b", shot_starts=[0.0, 1.0, 3.0])
    note_cuts(report, with_cuts(Settings(), (F(1), F(2))))
    (note,) = report.notes
    assert note == (
        "1 cut of the list where no frame begins, so the next frame begins the shot: 0:00:02.000"
        " became 0:00:03.000"
    )
