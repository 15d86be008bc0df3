"""What fills a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from films import Spec, make_film
from synthetic import make_frame

from vidcolor.core.frames import Frame
from vidcolor.core.report import Progress, Report
from vidcolor.media.open import open_video
from vidcolor.run.report import count_frames


def test_progress_is_told_when_a_frame_has_left_and_not_before(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=3))
    told: list[Progress] = []
    closed: list[bool] = []

    def frames() -> Iterator[Frame]:
        try:
            for _ in range(3):
                yield make_frame(torch.zeros(4, 4))
        finally:
            closed.append(True)

    report = Report("in.mkv", "-")
    with open_video(tmp_path / "in.mkv") as film:
        for left, _ in enumerate(count_frames(frames(), film, report, told.append)):
            assert len(told) == report.frames == left
    assert [one.frames for one in told] == [1, 2, 3]
    assert report.frames == 3
    assert closed == [True]
