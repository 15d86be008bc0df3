"""A film with a card in it: the same bytes and the same words, however often it was begun."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from company import Company
from killing import packets
from synthetic import texture

from vidcolor.cluster.messages import ChunkColorized, Command, Reply
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.core.frames import Frame
from vidcolor.core.report import Report
from vidcolor.run import video as pipeline
from vidcolor.run.inputs import BatchItem
from vidcolor.run.video import colorize_video
from vidcolor.settings import ChunkSettings, ColorizerSettings, OutputSettings, Settings

H, W = 192, 256
RATE = 8
"""Frames per second."""
LENGTHS = {"picture": 6, "card": 20, "leader": 12, "other": 6}
CARD = range(6, 26)
OWN = {"target", "seconds", "workers", "inferred", "sha256", "resumed", "notes"}
"""What a report may have of its own."""


def codes_of(kind: str) -> np.ndarray[Any, Any]:
    """(H, W) uint8."""
    if kind in ("picture", "other"):
        return (texture(len(kind), H, W).numpy() * 219 + 16).astype(np.uint8)
    canvas = np.full((H, W), 22, np.uint8)
    for row, line in enumerate(("The next morning", "the tramp wakes", "by the sea")):
        if kind == "card":
            place = 20, 60 + 36 * row
            cv2.putText(canvas, line, place, cv2.FONT_HERSHEY_DUPLEX, 0.75, 220, 1, cv2.LINE_AA)
    return canvas


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture, a card, leader, another picture; with grain."""
    path = tmp_path_factory.mktemp("titled") / "in.mkv"
    draw = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=RATE)
        video.width, video.height, video.pix_fmt = W, H, "yuv420p"
        video.codec_context.thread_count = 1
        kinds = [kind for kind, length in LENGTHS.items() for _ in range(length)]
        for pts, kind in enumerate(kinds):
            grain = draw.normal(0, 2, (H, W))
            codes = (codes_of(kind) + grain).clip(16, 235).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(codes, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = pts, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


@pytest.fixture(autouse=True)
def one_net(nets: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidcolor.colorize.colorizer.load_weights", nets)


@pytest.fixture(scope="module")
def settings(tiny_weights: Path) -> Settings:
    """Chunks that divide the card."""
    return Settings(
        colorizer=ColorizerSettings(weights=str(tiny_weights), device="cpu", size=64, batch=1),
        chunks=ChunkSettings(0.5, 1.0),
        output=OutputSettings(force=True),
    )


@pytest.fixture(scope="module")
def whole(film: Path, settings: Settings) -> Report:
    """What one run makes."""
    report = colorize_video(film, film.with_name("whole.mp4"), settings=settings)
    told = [(run.why, run.first, run.last, run.frames) for run in report.neutral]
    leader = CARD.stop, CARD.stop + LENGTHS["leader"] - 1
    assert told == [
        ("title", CARD.start / RATE, (CARD.stop - 1) / RATE, len(CARD)),
        ("blank", leader[0] / RATE, leader[1] / RATE, LENGTHS["leader"]),
    ]
    return report


def check_same(one: Report, other: Report) -> None:
    told = [
        {key: value for key, value in report.to_dict().items() if key not in OWN}
        for report in (one, other)
    ]
    assert told[0] == told[1]
    assert packets(Path(one.target)) == packets(Path(other.target))


def stop_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Interrupts the chunk of a number at its second frame."""
    write = vars(pipeline)["write_chunk"]

    def stopped(frames: Iterable[Frame]) -> Iterator[Frame]:
        yield next(iter(frames))
        raise KeyboardInterrupt

    def caught(frames: Iterable[Frame], path: Path, *rest: Any) -> Any:
        return write(stopped(frames) if int(path.stem) == number else frames, path, *rest)

    monkeypatch.setattr(pipeline, "write_chunk", caught)


@pytest.mark.parametrize(
    "number",
    [3, *(pytest.param(other, marks=pytest.mark.slow) for other in (1, 2, 4, 5))],
)
def test_a_run_that_goes_on_within_a_card_makes_the_same(
    number: int, film: Path, settings: Settings, whole: Report, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, number)
        with pytest.raises(KeyboardInterrupt):
            colorize_video(film, target, settings=settings)
    report = colorize_video(film, target, settings=settings)
    assert report.resumed == number
    check_same(whole, report)


@pytest.mark.slow
def test_many_make_the_same_though_the_card_is_divided(
    film: Path, settings: Settings, whole: Report, tmp_path: Path
) -> None:
    company = Company(settings, workers=2)
    outcome = company.one(film, tmp_path / "out.mp4")
    assert outcome.report, outcome.error
    check_same(whole, outcome.report)
    assert len({name for name, task in company.orders if task.step is Step.CHUNK}) == 2


@pytest.mark.slow
@pytest.mark.parametrize("done", [1, 2, 3, 4])
def test_many_go_on_where_many_stopped(
    done: int, film: Path, settings: Settings, whole: Report, tmp_path: Path
) -> None:
    target, said = tmp_path / "out.mp4", []

    def stop(task: Task, order: Command, word: Reply) -> bool:
        said.append(isinstance(word, ChunkColorized))
        return sum(said) == done

    assert Company(settings).color(BatchItem("in.mkv", film, target), stop=stop) == []
    outcome = Company(settings).one(film, target)
    assert outcome.report, outcome.error
    assert outcome.report.resumed == done
    check_same(whole, outcome.report)


@pytest.mark.slow
@pytest.mark.parametrize("cards", ["keep", "color"])
def test_what_is_asked_for_holds_in_every_chunk(
    cards: str, film: Path, settings: Settings, tmp_path: Path
) -> None:
    asked = replace(settings, titles=replace(settings.titles, cards=cards))
    alone = colorize_video(film, tmp_path / "alone.mp4", settings=asked)
    outcome = Company(asked, workers=2).one(film, tmp_path / "shared.mp4")
    assert outcome.report, outcome.error
    check_same(alone, outcome.report)
    assert alone.neutral_frames.get("title", 0) >= len(CARD) if cards == "keep" else True
    assert ("title" in alone.neutral_frames) == (cards == "keep")
