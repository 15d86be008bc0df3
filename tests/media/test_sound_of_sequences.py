"""Sound beside image sequences: --sound is the only sound that they have."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from test_audio_convert import RATE, heard, noise
from test_sound_files import beside, wav
from ways import recolor


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(1, 51):
        with av.open(str(folder / f"scan_{number:06d}.png"), "w", format="image2") as container:
            video = container.add_stream("png", rate=25)
            video.width, video.height, video.pix_fmt = 96, 64, "gray"
            picture = av.VideoFrame.from_ndarray(
                np.full((64, 96), number * 3, np.uint8), format="gray"
            )
            container.mux([*video.encode(picture), *video.encode(None)])
    return folder / "scan_%06d.png"


@pytest.mark.parametrize("audio", ["copy", "flac"])
def test_a_sequence_gets_its_sound(tmp_path: Path, scans: Path, audio: str) -> None:
    samples = noise(16, 2)
    take = wav(tmp_path / "take.wav", samples)
    settings = beside(take, audio=audio)
    settings = replace(settings, open=replace(settings.open, fps=Fraction(25)))
    run = recolor(scans, tmp_path / "out.mkv", settings)
    assert run.written.frames == 50
    assert run.left == []
    found, begin, codec = heard(tmp_path / "out.mkv")
    assert codec == {"copy": "pcm_s16le", "flac": "flac"}[audio]
    assert begin == 0
    np.testing.assert_array_equal(found, samples)
    part = replace(settings.open, start=Fraction(1), end=Fraction(3, 2))
    recolor(scans, tmp_path / "part.mkv", replace(settings, open=part))
    found, begin, _ = heard(tmp_path / "part.mkv")
    first = RATE + round(begin * RATE)
    assert begin < Fraction(1, 10)
    np.testing.assert_array_equal(found, samples[first : first + len(found)])
