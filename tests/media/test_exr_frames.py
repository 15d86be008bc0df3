"""EXR frames: luminance is the source's own, in linear light, whatever numbers it has."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command
from frame_files import ramp
from shared import save_quick_net

from vidcolor.errors import UnsupportedPixels
from vidcolor.media.open import open_video
from vidcolor.settings import InputSettings

exr = pytest.importorskip("OpenEXR", reason="the extra exr is not installed")

REC709 = np.array([0.2126390, 0.7151687, 0.0721923])
STRANGE = {(0, 0): -0.25, (0, 1): np.nan, (0, 2): np.inf, (0, 3): 40.0, (0, 4): 0.0}
"""Samples that no code of 16 bits can hold."""


@pytest.fixture
def command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(save_quick_net(tmp_path), capfd)


def light(number: int, kind: Any) -> np.ndarray:
    """``(64, 96)`` linear light of a moving picture, with some strange samples."""
    found = ((ramp(number, bits=8) / 255) ** 2.2 * 1.5).astype(kind)
    for place, value in STRANGE.items():
        found[place] = value
    return found


def write_frames(folder: Path, kind: Any, names: str, count: int = 3) -> Path:
    folder.mkdir()
    for number in range(count):
        pixels = light(number, kind)
        channels = {name: pixels.copy() for name in names}
        if names == "RGB":  # FFmpeg reads no gray frames that have Z
            channels |= {"Z": np.full((64, 96), number, np.float32), "A": pixels.copy()}
        header = {
            "compression": exr.PIZ_COMPRESSION,
            "type": exr.scanlineimage,
            "framesPerSecond": Fraction(24000, 1001),
            "timeCode": exr.TimeCode(1, 2, 3, 4 + number, *[0] * 14),
            "comments": f"scan {number}",
        }
        exr.File(header, channels).write(str(folder / f"s.{number + 1:04d}.exr"))
    return folder / "s.%04d.exr"


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    file = exr.File(str(path), separate_channels=True)
    return file.header(), {name: held.pixels for name, held in file.channels().items()}


@pytest.mark.parametrize(
    ("names", "kind", "expected"),
    [
        (
            "YZ",
            np.float16,
            "f.1.exr: its channels are Y, Z; vidcolor reads R, G, B, or Y without Z",
        ),
        ("LA", np.float16, "f.1.exr: its channels are A, L; vidcolor reads"),
        ("Y", np.uint32, "f.1.exr: holds whole numbers, which are no light"),
    ],
)
def test_frames_that_ffmpeg_cannot_read_are_refused_in_one_line(
    names: str, kind: Any, expected: str, tmp_path: Path
) -> None:
    held = {name: np.ones((64, 96), kind) for name in names}
    exr.File({"type": exr.scanlineimage}, held).write(str(tmp_path / "f.1.exr"))
    with pytest.raises(UnsupportedPixels, match=re.escape(expected)):
        open_video(tmp_path / "f.%d.exr", InputSettings(fps=Fraction(24)))


@pytest.mark.parametrize(
    ("kind", "names"),
    [(np.float16, "RGB"), (np.float32, "RGB"), (np.float16, "Y"), (np.float16, "YA")],
)
def test_luminance_is_kept_and_all_else_too(
    kind: Any, names: str, command: Command, tmp_path: Path
) -> None:
    frames = write_frames(tmp_path / "in", kind, names)
    outcome = command(frames, f"{tmp_path}/out/")
    assert outcome.code == 0, outcome.err
    assert outcome.report["luma"] == "exact"
    assert outcome.report["carried"][-1] == "EXR attributes and other channels"
    assert not any("transparency" in note for note in outcome.report["notes"])
    for number in range(3):
        before, _ = read(tmp_path / "in" / f"s.{number + 1:04d}.exr")
        after, channels = read(tmp_path / "out" / f"s.{number + 1:04d}.exr")
        if names == "RGB":
            assert (channels.pop("Z") == number).all()
        if names != "Y":
            assert np.array_equal(channels.pop("A"), light(number, kind), equal_nan=True)
        assert sorted(channels) == ["B", "G", "R"]
        for name in ("compression", "framesPerSecond", "comments", "pixelAspectRatio"):
            assert after[name] == before[name]
        assert str(after["timeCode"]) == str(before["timeCode"])
        check_light(channels, light(number, kind), kind)


def check_light(channels: dict[str, np.ndarray], wanted: np.ndarray, kind: Any) -> None:
    rgb = np.stack([channels[name] for name in "RGB"], axis=-1)
    assert rgb.dtype == kind
    assert np.ptp(np.nan_to_num(rgb.astype(np.float64), posinf=0), axis=-1).max() > 0.05
    for place in ((0, 0), (0, 1), (0, 2), (0, 4)):  # those that are no light stay gray
        assert np.array_equal(rgb[place], np.full(3, wanted[place], kind), equal_nan=True)
    usual = np.isfinite(wanted) & (wanted > 0)
    luminance = rgb[usual].astype(np.float64) @ REC709
    error = np.abs(luminance / wanted[usual].astype(np.float64) - 1).max()
    assert error < (1e-3 if kind == np.float16 else 1e-5)


def test_frames_of_a_film_are_linear_light(command: Command, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "in", np.float16, "Y")
    assert command(frames, tmp_path / "film.mkv", "--lossless").code in (0, 3)
    outcome = command(tmp_path / "film.mkv", tmp_path / "out" / "f_%d.exr")
    assert outcome.code in (0, 3), outcome.err
    header, channels = read(tmp_path / "out" / "f_1.exr")
    assert sorted(channels) == ["B", "G", "R"]
    assert channels["R"].dtype == np.float16
    assert header["framesPerSecond"] == Fraction(24000, 1001)
    assert "Colored by vidcolor" in header["colorizedBy"]


def test_a_data_window_of_its_own_is_kept(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in (1, 2):
        header = {
            "compression": exr.ZIP_COMPRESSION,
            "type": exr.scanlineimage,
            "dataWindow": (np.array([10, 4], np.int32), np.array([89, 59], np.int32)),
            "displayWindow": (np.array([0, 0], np.int32), np.array([95, 63], np.int32)),
            "framesPerSecond": Fraction(24),
        }
        pixels = np.ascontiguousarray(light(number, np.float16)[4:60, 10:90])
        exr.File(header, {"Y": pixels}).write(str(folder / f"f{number}.exr"))
    outcome = command(folder / "f%d.exr", f"{tmp_path}/out/")
    assert outcome.code in (0, 3), outcome.err
    header, channels = read(tmp_path / "out" / "f1.exr")
    assert channels["G"].shape == (56, 80)
    assert [list(corner) for corner in header["dataWindow"]] == [[10, 4], [89, 59]]
    rgb = np.stack([channels[name] for name in "RGB"], -1).astype(np.float64)
    wanted = light(1, np.float16)[4:60, 10:90].astype(np.float64)
    assert np.abs(rgb @ REC709 - wanted).max() < 2e-3
