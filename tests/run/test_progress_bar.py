from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from films import make_film
from more_films import SMALL

import vidcolor
from vidcolor.core.report import Progress
from vidcolor.nets.colornet import ColorNet
from vidcolor.settings import ColorizerSettings, Settings


def test_a_bar_counts_the_frames_of_a_film(tmp_path: Path, quick: ColorNet) -> None:
    film = make_film(tmp_path / "in.mp4", replace(SMALL, frames=12)).path
    settings = Settings(colorizer=ColorizerSettings(size=64))
    colorizer = vidcolor.Colorizer(quick, settings.colorizer)
    file = io.StringIO()
    with vidcolor.ProgressBar("film", file=file, mininterval=0) as bar:
        vidcolor.colorize_video(
            film, tmp_path / "out.mp4", colorizer=colorizer, settings=settings, on_progress=bar
        )
    last = file.getvalue().strip().rsplit("\r", 1)[-1]
    assert last.startswith("film: 100%")
    assert "12/12" in last


def test_what_is_done_before_stands_before_the_bar() -> None:
    file = io.StringIO()
    with vidcolor.ProgressBar("film", file=file, mininterval=0) as bar:
        bar(Progress(0, 10, 0.0, "finding the shots: 100 frames"))
        assert "film: finding the shots: 100 frames" in file.getvalue()
        bar(Progress(4, 10, 0.1))  # what an earlier run has done
        bar(Progress(6, 10, 0.2))
    assert file.getvalue().strip().rsplit("\r", 1)[-1].startswith("film:  60%")


def test_a_bar_takes_plain_numbers_too() -> None:
    file = io.StringIO()
    with vidcolor.ProgressBar(file=file, mininterval=0) as bar:
        bar(1, 3)
        bar(3, 3)
        bar.close()
    assert "3/3" in file.getvalue()


def test_no_bar_is_no_output(capfd: pytest.CaptureFixture[str]) -> None:
    with vidcolor.ProgressBar(disable=True) as bar:
        bar(Progress(4, 10, 0.1))
        bar(Progress(5, 10, 0.1))
    assert capfd.readouterr() == ("", "")
