"""What is told of frames that were left gray."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import torch
from shared import write_film
from synthetic import make_frame, texture
from torch import Tensor

from vidcolor.cli.summary import headline, left_gray
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.gray_runs import GrayRuns, from_byte, to_byte
from vidcolor.core.report import Report
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.chunk_manifest import collect_chunks
from vidcolor.run.pipe import colorize_to
from vidcolor.run.video import colorize_video
from vidcolor.settings import (
    ChunkSettings,
    ColorizerSettings,
    Settings,
    TemporalSettings,
    TitleSettings,
)

H, W = 288, 384


def picture() -> Tensor:
    return texture(1, H, W)


def card() -> Tensor:
    canvas = np.full((H, W), 12, np.uint8)
    for row, line in enumerate(("The next morning", "the tramp wakes", "up in a house")):
        place = (40, 90 + 50 * row)
        cv2.putText(canvas, line, place, cv2.FONT_HERSHEY_DUPLEX, 1.0, 230, 2, cv2.LINE_AA)
    return torch.from_numpy(canvas) / 255


def test_a_byte_tells_all() -> None:
    for share, why in ((0.0, "title"), (0.0, "blank"), (0.005, ""), (0.5, ""), (1.0, "")):
        frame, other = make_frame(torch.zeros(2, 2)), make_frame(torch.zeros(2, 2))
        frame.share, frame.neutral = share, why
        from_byte(other, to_byte(frame))
        assert (other.share, other.neutral) == (share, why)


def test_runs_are_joined_over_the_border_of_a_chunk() -> None:
    words = ["", "blank", "title", "title", "title", "title", "", "title"]
    frames = [make_frame(torch.zeros(2, 2), pts=pts, neutral=why) for pts, why in enumerate(words)]
    whole, parts = GrayRuns(), GrayRuns()
    for frame in frames:
        whole.see(frame)
    for first, end in ((0, 4), (4, 6), (6, 8)):
        part = GrayRuns()
        for frame in frames[first:end]:
            part.see(frame)
        parts.add(part.runs, first, end - 1)
    assert whole.runs == parts.runs
    assert whole.runs == (("blank", 1, 1, 1), ("title", 2, 5, 4), ("title", 7, 7, 1))
    report = Report("in", "out")
    whole.tell(report, Fraction(1, 25))
    assert report.neutral_frames == {"blank": 1, "title": 5}
    assert (report.neutral[1].first, report.neutral[1].last) == (0.08, 0.2)
    assert Report.from_dict(report.to_dict()) == report


def test_a_film_says_what_was_left_gray(quick: ColorNet, tmp_path: Path) -> None:
    shot = [*[card()] * 8, *[picture()] * 8, *[torch.zeros(H, W)] * 8]
    rgb = [(one[None].expand(3, -1, -1) * 255).round().to(torch.uint8) for one in shot]
    source = write_film(tmp_path / "in.mkv", rgb)
    target, piped = tmp_path / "out.mkv", BytesIO()
    settings = Settings(smooth=TemporalSettings(0), chunks=ChunkSettings(0.2, 0.25))
    colorizer = Colorizer(quick, ColorizerSettings(device="cpu", size=64, batch=1))
    report = colorize_video(source, target, colorizer=colorizer, settings=settings)
    assert report.chunks > 2
    assert report.neutral_frames["title"] == 8, report.neutral
    (cards,) = (one for one in report.neutral if one.why == "title")
    assert (cards.first, cards.frames) == (0, 8)
    assert report.spec is not None
    assert report.spec.color.titles == "auto"
    other = colorize_to(piped, source, colorizer=colorizer, settings=settings)
    assert (other.neutral, other.neutral_frames) == (report.neutral, report.neutral_frames)
    assert "frames left gray" in headline(report)
    assert left_gray({"title": 8, "blank": 1}) == (
        "8 frames with only text, 1 frame with nothing to see"
    )


def test_a_picture_of_a_card_says_so(quick: ColorNet, tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    cv2.imwrite(str(source), (card() * 255).numpy().astype(np.uint8))
    colorizer = Colorizer(quick, ColorizerSettings(device="cpu", size=64))
    for cards, told in (("auto", {"title": 1}), ("color", {})):
        settings = Settings(titles=TitleSettings(cards))
        target = tmp_path / f"{cards}.png"
        report = colorize_video(source, target, colorizer=colorizer, settings=settings)
        assert report.neutral_frames == told


def test_a_plan_tells_the_shares() -> None:
    frames = [make_frame(torch.zeros(8, 8), pts=pts, starts_shot=not pts) for pts in range(4)]
    for frame, byte in zip(frames, (0, 255, 100, 200), strict=True):
        from_byte(frame, byte)
    (chunk,) = collect_chunks(iter(frames))
    assert [chunk.share_of(place) for place in range(4)] == [0, 255, 100, 200]
