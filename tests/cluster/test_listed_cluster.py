"""A list of shots on a cluster: the film that one run makes, and what did not fit is told."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from company import Company
from guided import guided_settings, write_shots

from vidcolor.cluster.coordinator import Coordinator
from vidcolor.errors import SettingsError
from vidcolor.run.inputs import BatchItem
from vidcolor.run.video import colorize_video
from vidcolor.settings import OutputSettings, Settings, ShotSettings

F = Fraction


def test_many_make_the_film_that_one_run_makes(quick_weights: Path, tmp_path: Path) -> None:
    film = write_shots(tmp_path / "film.mkv")
    cuts = (F(3, 25), F(8, 25), F(9, 25), F(23, 25), F(99))
    settings = replace(guided_settings(quick_weights, 0.2), shots=ShotSettings(cuts=cuts))
    alone = colorize_video(film, tmp_path / "alone.mp4", settings=settings)
    (outcome,) = Company(settings).color(BatchItem(film.name, film, tmp_path / "shared.mp4"))
    assert outcome.report, outcome.error
    assert (tmp_path / "alone.mp4").read_bytes() == (tmp_path / "shared.mp4").read_bytes()
    assert outcome.report.spec == alone.spec
    assert outcome.report.shot_starts == alone.shot_starts == [0.0, 0.12, 0.32, 0.36, 0.92]
    told = "1 cut of the list behind the last frame"
    assert told in alone.notes
    assert told in outcome.report.notes


def test_a_cluster_splits_no_film() -> None:
    with pytest.raises(SettingsError, match="leave --split out"):
        Coordinator([], Settings(output=OutputSettings(split=True)), False)
