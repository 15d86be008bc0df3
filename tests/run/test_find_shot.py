"""The shot of one frame, without reading the whole video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from guided import RATE, write_shots

import vidcolor.run.shot_scan as shot_scan
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.open import open_video
from vidcolor.run.shot_scan import find_shot, scan_shots
from vidcolor.settings import Settings

LONG = 75
"""Frames of a shot: 3 s, more than is read first."""


@pytest.fixture(autouse=True)
def small_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of what it is."""
    monkeypatch.setattr(shot_scan, "_REACH", Fraction(2))
    monkeypatch.setattr(shot_scan, "_SURE", Fraction(1, 4))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    path = write_shots(tmp_path_factory.mktemp("film") / "film.mkv", shots=4, frames=LONG)
    with open_video(path) as video:
        return video.info


def test_it_is_the_one_that_a_run_finds(film: VideoInfo) -> None:
    shots = scan_shots(film.path, Settings(), film.layout)
    assert len(shots) == 4
    for number, shot in enumerate(shots):
        assert shot.end_seconds is not None
        frame = Fraction(1, RATE)
        for seconds in (
            shot.start_seconds,
            shot.start_seconds + Fraction(3, 2),
            shot.end_seconds - frame,
        ):
            assert find_shot(film, seconds) == shot, number
    assert find_shot(film, shots[-1].end_seconds or Fraction(0)) is None


def test_only_what_is_around_it_is_read(film: VideoInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[Fraction | None, Fraction | None]] = []
    scan = scan_shots

    def watch(source: Path, settings: Settings, *rest: object) -> object:
        read.append((settings.open.start, settings.open.end))
        return scan(source, settings, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(shot_scan, "scan_shots", watch)
    find_shot(
        film, Fraction(2 * LONG, RATE) + Fraction(3, 2)
    )  # the middle of a shot: both cuts are near
    assert read == [(Fraction(11, 2), Fraction(19, 2))]
    read.clear()
    find_shot(film, Fraction(LONG, RATE) + Fraction(1, 4))
    assert [start for start, _ in read] == [Fraction(5, 4), None]  # the next cut is 2.75 s away


def test_a_shot_of_a_film_that_begins_late(tmp_path: Path) -> None:
    path = write_shots(tmp_path / "film.mkv", shots=3, frames=30, start=10)
    with open_video(path) as video:
        info = video.info
    shots = scan_shots(path, Settings(), info.layout)
    assert [find_shot(info, shot.start_seconds) for shot in shots] == list(shots)
