"""A target that begins behind the start of its film has the timecode of its own first frame."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from command import Command
from films import Spec, make_film

from vidcolor.media.mux.tags import first_timecode
from vidcolor.media.open import open_video
from vidcolor.settings import InputSettings

F = Fraction


@pytest.mark.parametrize(
    ("rate", "code", "start", "seen", "found"),
    [
        (F(25), "01:00:00:00", None, F(0), "01:00:00:00"),
        (F(25), "01:00:00:00", F(10), F(0), "01:00:10:00"),
        (F(25), "01:00:00:00", F(10), F(1001, 100), "01:00:10:00"),
        (F(25), "01:00:00:00", F("10.01"), F(0), "01:00:10:01"),
        (F(24), "01:00:00:00", F("0.04"), F("0.042"), "01:00:00:01"),
        (F(30000, 1001), "00:59:59;28", F(1, 10), F(1001, 10000), "01:00:00;01"),
        (F(25), "23:59:59:24", F(1, 25), F(1, 25), "00:00:00:00"),
        (F(25), "01:00:00:99", None, F(0), "01:00:00:99"),
        (F(25), "01:00:00:99", F(10), F(10), ""),
        (None, "01:00:00:00", F(10), F(10), ""),
        (F(25), "", F(10), F(10), ""),
    ],
)
def test_the_timecode_of_the_first_frame(
    rate: F | None, code: str, start: F | None, seen: F, found: str, tmp_path: Path
) -> None:
    with open_video(make_film(tmp_path / "film.mkv").path) as film:
        film.info = replace(film.info, frame_rate=rate, timecode=code)
        film.settings = InputSettings(start=start)
        film.log.zero = film.info.start + seen
        assert first_timecode(film) == found


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv", ".mxf"])
def test_a_part_of_a_film_begins_with_its_own_timecode(
    suffix: str, command: Command, tmp_path: Path
) -> None:
    spec = Spec(codec="libx264", timecode="01:00:00:00", width=256, height=128, frames=60)
    film = make_film(tmp_path / "film.mov", spec).path
    target = tmp_path / f"part{suffix}"
    outcome = command(film, target, "--start", "1.1")
    assert outcome.code in (0, 3), outcome.err
    with open_video(film) as source:
        rate = source.info.frame_rate
    assert rate
    frames = -(-F(11, 10) * rate // 1)
    code = f"01:00:{int(frames // round(rate)):02d}:{int(frames % round(rate)):02d}"
    assert f"timecode {code}" in outcome.report["carried"]
    with av.open(str(target)) as container:
        tags = dict(container.metadata)
        for stream in container.streams:
            tags |= stream.metadata
    assert {key.lower(): value for key, value in tags.items()}["timecode"] == code
