"""Films that leave as y4m: raw frames, exact, and all that it does not hold is listed."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from films import PNG_1X1, Audio, Spec, Subtitle, make_film
from seen import samples, see
from y4m import write_y4m

from vidcolor.core.report import Report
from vidcolor.errors import CannotCarry, OutputExists, SettingsError
from vidcolor.run.pipe import colorize_y4m
from vidcolor.run.video import colorize_video
from vidcolor.settings import (
    ColorizerSettings,
    EncodeSettings,
    InputSettings,
    OutputSettings,
    ScriptSettings,
    Settings,
)

TAGGED = (1, 1, 1, 1)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return Settings(
        colorizer=ColorizerSettings(weights=str(quick_weights), size=64),
        script=ScriptSettings("off"),
        encode=EncodeSettings(lossless=True),
    )


def write(source: Path, settings: Settings) -> tuple[bytes, Report]:
    data = io.BytesIO()
    report = colorize_y4m(data, source, settings=settings)
    return data.getvalue(), report


@pytest.mark.parametrize(
    ("pix_fmt", "named"),
    [
        ("yuv420p", b"C420mpeg2"),
        ("yuv422p", b"C422"),
        ("yuv444p", b"C444"),
        ("yuv420p10le", b"C420p10"),
        ("yuv422p12le", b"C422p12"),
        ("gray", b"C420mpeg2"),
        ("gray16le", b"C420p16"),
    ],
)
def test_frames_are_those_of_a_lossless_file(
    pix_fmt: str, named: bytes, tmp_path: Path, settings: Settings
) -> None:
    source, raw = tmp_path / "in.mkv", tmp_path / "out.y4m"
    made = make_film(source, Spec(pix_fmt=pix_fmt, frames=9, sar=None))
    data, report = write(source, settings)
    raw.write_bytes(data)
    colorize_video(source, tmp_path / "out.mkv", settings=settings)
    assert samples(raw) == samples(tmp_path / "out.mkv")
    assert see(raw).luma == see(source).luma
    assert see(raw).pts == [Fraction(n, 24) for n in range(9)]
    line = data[: data.index(b"\n")].split(b" ")
    assert line[:4] == [b"YUV4MPEG2", b"W96", b"H64", b"F24:1"]
    assert named in line
    full = pix_fmt.startswith("gray")
    assert (b"XCOLORRANGE=FULL" if full else b"XCOLORRANGE=LIMITED") in line
    assert (report.frames, report.lossless, report.luma) == (len(made.pts), True, "exact")
    assert report.clean


def test_odd_sizes_and_the_shape_of_pixels(tmp_path: Path, settings: Settings) -> None:
    write_y4m(tmp_path / "in.y4m", "420jpeg", frames=5, size=(51, 37))
    data, report = write(tmp_path / "in.y4m", settings)
    (tmp_path / "out.y4m").write_bytes(data)
    assert see(tmp_path / "out.y4m").luma == see(tmp_path / "in.y4m").luma
    assert see(tmp_path / "out.y4m").size == (51, 37)
    assert b" A1:1 " in data[:200]
    assert report.clean


def test_fields_are_told(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", Spec(codec="libx264", interlaced="tff", sar=Fraction(16, 11)))
    data, _ = write(tmp_path / "in.mkv", settings)
    assert b" It A16:11 " in data[:200]


def test_what_it_does_not_hold_is_listed(tmp_path: Path, settings: Settings) -> None:
    film = Spec(
        codec="libx264",
        tags=TAGGED,
        audio=(Audio("aac", language="eng"),),
        subtitles=(Subtitle(),),
        chapters=((0, 0.2, "one"),),
        attachments=(("font.ttf", "font/ttf", b"\0\1"), ("cover.png", "image/png", PNG_1X1)),
        metadata={"title": "The film"},
    )
    make_film(tmp_path / "in.mkv", film)
    _, report = write(tmp_path / "in.mkv", settings)
    assert [left.what for left in report.left_behind] == [
        *("audio stream 1 (aac, eng)", "subtitle stream 2 (subrip, eng)", "attachment font.ttf"),
        *("cover picture 4 (png)", "1 chapter", "tags (title)", "color tags"),
    ]
    assert not report.clean
    strict = replace(settings, output=OutputSettings(strict=True))
    with pytest.raises(CannotCarry, match="audio stream 1"):
        write(tmp_path / "in.mkv", strict)


def test_a_film_of_variable_rate_is_told_and_loses_no_frame(
    tmp_path: Path, settings: Settings
) -> None:
    times = (0, 1000, 2000, 3000, 7000, 8000, 9000)
    make_film(tmp_path / "in.mkv", Spec(time_base=Fraction(1, 24000), pts=times))
    data, report = write(tmp_path / "in.mkv", settings)
    assert data.count(b"FRAME\n") == 7
    assert [left.what for left in report.left_behind] == ["times of frames"]
    assert "constant rate" in report.left_behind[0].why
    strict = replace(settings, output=OutputSettings(strict=True))
    with pytest.raises(CannotCarry, match="times of frames"):
        write(tmp_path / "in.mkv", strict)


def test_a_part(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=48))
    part = replace(settings, open=InputSettings(start=Fraction(1), end=Fraction(3, 2)))
    data, report = write(tmp_path / "in.mkv", part)
    assert (data.count(b"FRAME\n"), report.clean) == (12, True)


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv")
    target = tmp_path / "out.y4m"
    report = colorize_y4m(target, tmp_path / "in.mkv", settings=settings)
    assert target.read_bytes() == write(tmp_path / "in.mkv", settings)[0]
    assert report.bytes == target.stat().st_size
    with pytest.raises(OutputExists):
        colorize_y4m(target, tmp_path / "in.mkv", settings=settings)
    before = target.read_bytes()
    forced = replace(settings, output=OutputSettings(force=True))

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colorize_y4m(target, tmp_path / "in.mkv", settings=forced, on_progress=stop)
    assert target.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv", "out.y4m"]


@pytest.mark.parametrize("encoding", [{"codec": "ffv1"}, {"crf": 20.0}, {"preset": "slow"}])
def test_it_has_no_encoder(encoding: dict[str, str], tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv")
    asked = replace(settings, encode=EncodeSettings(**encoding))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="y4m is raw"):
        write(tmp_path / "in.mkv", asked)
