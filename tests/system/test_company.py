"""Films coloured by many: the film that one run makes, whoever dies, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import listing
from company import Company
from killing import packets
from reels import FILMS

from vidcolor.batch import Result
from vidcolor.errors import ClusterError, VidcolorError
from vidcolor.frames import Report
from vidcolor.pipeline import colorize_film
from vidcolor.settings import (
    ChunkSettings,
    ColorizerSettings,
    OutputSettings,
    Settings,
)

OWN = {"target", "seconds", "workers", "inferred", "notes"}
"""What a report may have of its own."""


@pytest.fixture(autouse=True)
def one_net(nets: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidcolor.colorizer.load_weights", nets)


@pytest.fixture
def settings(tiny_weights: Path) -> Settings:
    return Settings(
        colorizer=ColorizerSettings(weights=str(tiny_weights), device="cpu", size=64, batch=1),
        chunks=ChunkSettings(0.1, 0.3),
        output=OutputSettings(force=True),
    )


def check_same(report: Report, other: Report) -> None:
    """Two reports tell of the same film."""
    one, two = report.to_dict(), other.to_dict()
    assert {k: v for k, v in one.items() if k not in OWN} == {
        k: v for k, v in two.items() if k not in OWN
    }
    assert packets(Path(report.target)) == packets(Path(other.target))


@pytest.mark.parametrize("name", FILMS)
def test_every_kind_of_film_is_the_one_that_one_run_makes(
    name: str, reel: Callable[[str], Path], settings: Settings, tmp_path: Path
) -> None:
    source = reel(name)
    suffix = source.suffix if source.suffix in (".mp4", ".mov", ".webm", ".png", ".jpg") else ".mkv"
    alone, shared = tmp_path / f"alone{suffix}", tmp_path / f"shared{suffix}"
    try:
        report = colorize_film(source, alone, settings=settings)
    except VidcolorError as error:
        outcome = Company(settings).one(source, shared)
        assert outcome.result is Result.FAILED
        assert type(outcome.error) in (type(error), ClusterError)
        assert listing(tmp_path) == []
        return
    outcome = Company(settings).one(source, shared)
    assert outcome.report, outcome.error
    check_same(report, outcome.report)
    assert listing(tmp_path) == sorted([alone.name.encode(), shared.name.encode()])
    assert [note for note in outcome.report.notes if "tried again" in note] == []
