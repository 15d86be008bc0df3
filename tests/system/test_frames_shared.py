"""Frames that are colored by many: the files that one run makes, whoever dies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import listing
from company import Company
from frame_files import write_scans
from killing import SHOTS, make_reel

from vidcolor.cluster.messages import ChunkColorized, Command, Reply, VideoAssembled
from vidcolor.cluster.task_queue import Task
from vidcolor.errors import OutputExists
from vidcolor.run.video import colorize_video
from vidcolor.settings import ChunkSettings, ColorizerSettings, Settings


@pytest.fixture(autouse=True)
def one_net(nets: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidcolor.colorize.colorizer.load_weights", nets)


@pytest.fixture(scope="module")
def settings(tiny_weights: Path) -> Settings:
    return Settings(
        colorizer=ColorizerSettings(weights=str(tiny_weights), device="cpu", size=64, batch=1),
        chunks=ChunkSettings(0.5, 1.5),
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def die_at(kind: type) -> Callable[[Task, Command, Reply], bool]:
    """Kills the first worker that says such a word, before it is heard."""
    said = 0

    def trap(_task: Task, _command: Command, reply: Reply) -> bool:
        nonlocal said
        said += isinstance(reply, kind)
        return isinstance(reply, kind) and said == 1

    return trap


@pytest.mark.parametrize(
    "kind", [ChunkColorized, pytest.param(VideoAssembled, marks=pytest.mark.slow)]
)
def test_a_film_becomes_the_frames_that_one_run_makes(
    kind: type, settings: Settings, tmp_path: Path
) -> None:
    film = make_reel(tmp_path / "in.mp4")
    alone = colorize_video(film, tmp_path / "alone" / "f_%04d.png", settings=settings)
    company = Company(settings)
    outcome = company.one(film, tmp_path / "shared" / "f_%04d.png", trap=die_at(kind))
    assert company.deaths == 1
    assert outcome.report, outcome.error
    assert outcome.report.frames == alone.frames == sum(SHOTS)
    assert outcome.report.bytes == alone.bytes
    assert outcome.report.left_behind == alone.left_behind
    assert contents(tmp_path / "shared") == contents(tmp_path / "alone")


def test_scans_keep_names_and_headers(settings: Settings, tmp_path: Path) -> None:
    scans = write_scans(tmp_path / "scans", 60)
    colorize_video(scans, tmp_path / "alone" / scans.name, settings=settings)
    outcome = Company(settings).one(scans, tmp_path / "shared" / scans.name)
    assert outcome.report, outcome.error
    assert outcome.report.clean
    assert listing(tmp_path / "shared") == listing(tmp_path / "scans")
    assert contents(tmp_path / "shared") == contents(tmp_path / "alone")
    again = Company(settings).one(scans, tmp_path / "shared" / scans.name)
    assert isinstance(again.error, OutputExists)
