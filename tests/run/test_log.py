"""What vidcolor tells the logger ``vidcolor``, and that it is silent where nobody listens."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from films import cut_file, make_film
from more_films import SMALL

import vidcolor
from vidcolor.cli.main import main
from vidcolor.core.report import Damage, Report
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.report import log_report
from vidcolor.settings import ColorizerSettings, Settings

SETTINGS = Settings(colorizer=ColorizerSettings(size=64))


def test_damage_is_a_warning_and_the_rest_is_said_softly(
    tmp_path: Path, quick: ColorNet, caplog: pytest.LogCaptureFixture
) -> None:
    whole = make_film(tmp_path / "whole.mkv", replace(SMALL, frames=40)).path
    film = cut_file(whole, tmp_path / "cut.mkv", 0.7)
    with caplog.at_level(logging.DEBUG, "vidcolor"):
        colorizer = vidcolor.Colorizer(quick, SETTINGS.colorizer, name="quick")
        report = vidcolor.colorize_video(
            film, tmp_path / "out.mkv", colorizer=colorizer, settings=SETTINGS
        )
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert report.damage
    assert len(warnings) >= len(report.damage)
    assert warnings[0].startswith(f"out.mkv: {report.damage[0].kind} at ")
    said = caplog.text
    assert "net quick on cpu in float32" in said or "net quick on cpu in bfloat16" in said
    assert ": chunk 0 is done, " in said
    assert f"out.mkv: done, {report.frames} frames in " in said
    assert {record.name.split(".")[0] for record in caplog.records} == {"vidcolor"}


def test_nobody_listens_and_nothing_is_said(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the handlers of pytest, Python would print the warning."""
    for name in (None, "vidcolor"):
        logger = logging.getLogger(name)
        silent = [one for one in logger.handlers if type(one) is logging.NullHandler]
        monkeypatch.setattr(logger, "handlers", silent)
    report = Report("a", "b.mp4", damage=[Damage("gap", 1.0, "x")])
    log_report(report)
    assert tuple(capfd.readouterr()) == ("", "")
    monkeypatch.setattr(logging.getLogger("vidcolor"), "handlers", [])
    log_report(report)
    assert "b.mp4: gap at " in capfd.readouterr().err


def test_the_command_shows_the_log_where_it_is_asked_to(
    tmp_path: Path, quick_weights: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    film = str(make_film(tmp_path / "in.mp4", replace(SMALL, frames=12)).path)
    usual = ["--size", "64", "--weights", str(quick_weights)]
    assert main([film, str(tmp_path / "a.mp4"), *usual, "-v"]) == 0
    said = capfd.readouterr().err
    assert ": chunk 0 is done, 12 frames\n" in said
    assert said.count("a.mp4: 12 frames") == 1, "the summary, and not the log of the report"
    assert main([film, str(tmp_path / "b.mp4"), *usual]) == 0
    assert "is done" not in capfd.readouterr().err
    assert not [h for h in logging.getLogger("vidcolor").handlers if type(h).__name__ == "LogLines"]
