"""A moment of a film shows the frame that reading all of it gives, wherever reading began."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from films import Audio, Spec, cut_file, flip_bytes, joined, make_film
from synthetic import bits_of

from vidcolor.media.decode import frame_windows as module
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.frame_windows import read_frames, windows
from vidcolor.media.decode.seek import can_seek, picture_end
from vidcolor.media.open import VideoReader, open_video
from vidcolor.settings import InputSettings

MS = Fraction(1, 1000)
LONG = 300
"""Frames of a film at 12 a second: longer than what is read over rather than leapt over."""
RATE = Fraction(12)
H264 = {"preset": "ultrafast", "bf": "2", "x264-params": "b-adapt=0"}
UNEVEN = tuple(83 * i + 37 * (i % 3) + 900 * (i // 100) for i in range(LONG))
Shown = list[tuple[Fraction, bytes]]


def film(path: Path, **changes: object) -> Path:
    plain: dict[str, object] = {
        "codec": "libx264",
        "frames": LONG,
        "rate": RATE,
        "width": 32,
        "height": 32,
        "options": {**H264, "g": "24"},
    }
    make_film(path, Spec(**(plain | changes)))  # type: ignore[arg-type]
    return path


def without_cues(path: Path, folder: Path) -> Path:
    """The same packets in a Matroska file as it is written live."""
    target = folder / "live.mkv"
    with (
        av.open(str(path)) as source,
        av.open(str(target), "w", format="matroska", options={"live": "1"}) as out,
    ):
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return target


def linear(path: Path) -> Shown:
    """(time in the film, luma) of every frame that players show, read from the beginning."""
    with open_video(path, InputSettings(start=Fraction(0))) as whole:
        found = [(frame.seconds, bits_of(frame.luma)) for frame in decode(whole)]
        return [(whole.log.zero - whole.info.start + seconds, luma) for seconds, luma in found]


def on_screen(shown: Shown, moment: Fraction) -> tuple[Fraction, bytes]:
    """The last frame that has begun; the first one before it has."""
    return next((frame for frame in reversed(shown) if frame[0] <= moment), shown[0])


def seen(path: Path, asked: list[Fraction], before: int = 0, after: int = 0) -> list[Shown]:
    """The frames of each window; that on screen comes first."""
    found = []
    with open_video(path) as opened:
        for window in windows(opened, asked, before, after):
            target = window.frames[window.place]
            ordered = [target, *(f for f in window.frames if f is not target)]
            found.append([(window.seconds, bits_of(frame.luma)) for frame in ordered])
    return found


FILMS = {
    "mp4": {},
    "one group.mp4": {"options": {**H264, "g": "1000"}},
    "uneven.mp4": {
        "time_base": MS,
        "pts": UNEVEN,
        "container_options": {"video_track_timescale": "1000"},
    },
    "uneven.mkv": {"time_base": MS, "pts": UNEVEN},
    "mkv": {},
    "hidden.mp4": {"pts": tuple(range(-7, LONG - 7))},
    "late.mkv": {"pts": tuple(range(30, LONG + 30)), "audio": (Audio("pcm_s16le"),)},
    "ts": {},
    "long group.ts": {"options": {**H264, "g": "1000"}},
    "old codec.ts": {"codec": "mpeg4", "options": {"g": "600"}},
    "offset.ts": {
        "codec": "mpeg2video",
        "rate": Fraction(25),
        "audio": (Audio("mp2"),),
        "options": {"bf": "2", "g": "15"},
        "container_options": {"output_ts_offset": "3600"},
    },
    "program.mpg": {
        "codec": "mpeg2video",
        "rate": Fraction(25),
        "options": {"bf": "2", "g": "15"},
    },
    "divx.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "40"}},
    "avi": {"codec": "mpeg4", "options": {"g": "40"}},
    "flv": {"codec": "flv", "options": {"g": "40"}},
    "nut": {},
    "hevc.mkv": {
        "codec": "libx265",
        "options": {"preset": "ultrafast", "x265-params": "keyint=30"},
    },
    "intra.mov": {
        "codec": "mjpeg",
        "pix_fmt": "yuvj420p",
        "rate": Fraction(24000, 1001),
        "options": {},
    },
    "raw.h264": {},
    "gif": {"codec": "gif", "pix_fmt": "rgb8"},
}


RARE = {"nut", "gif", "flv", "avi", "intra.mov", "hevc.mkv", "program.mpg", "old codec.ts"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in RARE else []) for n in FILMS]
)
def test_it_is_the_frame_that_reading_all_gives(name: str, tmp_path: Path) -> None:
    path = tmp_path / (name if "." in name else f"film.{name}")
    film(path, **FILMS[name])
    check(path)


def test_a_film_without_an_index(tmp_path: Path) -> None:
    check(without_cues(film(tmp_path / "in.mkv"), tmp_path))


def check(path: Path) -> None:
    shown = linear(path)
    times = [seconds for seconds, _ in shown]
    end = times[-1]
    with open_video(path) as opened:
        assert end < picture_end(opened) <= end + Fraction(1, 4)
    some = [0, 1, 2, 40, 41, 120, 121, 200, 201, 290, -2, -1]
    asked = [Fraction(0), *(times[place] for place in some), end * Fraction(37, 100)]
    asked = sorted({*asked, *(times[place] - MS / 4 for place in some[1:]), end + 5})
    found = seen(path, asked)
    for moment, ((seconds, luma),) in zip(asked, found, strict=True):
        wanted = on_screen(shown, moment)
        assert seconds == wanted[0], f"at {float(moment)}"
        assert luma == wanted[1], f"at {float(moment)}"
    # The same from a fresh start for each: nothing depends on what was read before.
    for moment in (asked[3], asked[9], asked[-1]):
        assert seen(path, [moment])[0][0] == on_screen(shown, moment)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_film_begins_at_start_where_key_frames_are_far_apart(codec: str, tmp_path: Path) -> None:
    large = {"width": 128, "height": 96, "options": {"g": "600", "qmin": "2", "qmax": "4"}}
    path = film(tmp_path / "in.ts", codec=codec, **large)
    wanted = [luma for seconds, luma in linear(path) if seconds >= 20]
    with open_video(path, InputSettings(start=Fraction(20))) as opened:
        assert [bits_of(frame.luma) for frame in decode(opened)] == wanted
        assert opened.log.damage == []


def test_windows_hold_the_frames_around(tmp_path: Path) -> None:
    path = film(tmp_path / "in.mp4")
    lumas = [luma for _, luma in linear(path)]
    asked = [Fraction(0), Fraction(10), Fraction(10) + 1 / RATE, Fraction(11), (LONG - 1) / RATE]
    with open_video(path) as opened:
        for moment, window in zip(asked, windows(opened, asked, 4, 6), strict=True):
            at = int(moment * RATE)
            assert window.seconds == moment
            first, last = max(0, at - 4), min(LONG, at + 7)
            assert [bits_of(frame.luma) for frame in window.frames] == lumas[first:last]
            assert window.place == at - first


def test_a_leap_reads_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "in.mp4")
    read = []

    def counted(film: VideoReader, **part: Any) -> object:
        for frame in decode(film, **part):
            read.append(frame.pts)
            yield frame

    monkeypatch.setattr(module, "decode", counted)
    seen(path, [Fraction(20)], 3, 3)
    assert 7 <= len(read) <= 20


@pytest.mark.parametrize(
    ("name", "seeks"),
    [("in.mp4", True), ("in.ts", True), ("in.h264", False)],
)
def test_where_reading_may_begin(name: str, seeks: bool, tmp_path: Path) -> None:
    with open_video(film(tmp_path / name)) as opened:
        assert can_seek(opened) is seeks


@pytest.mark.parametrize("seeks", [True, False])
def test_each_run_of_moments_is_read_as_if_it_was_alone(
    seeks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a film cannot seek, one pass from its beginning serves all: that is the same."""
    path = film(tmp_path / "in.mkv")
    monkeypatch.setattr(module, "can_seek", lambda _: seeks)
    passes: list[Fraction] = []
    read = decode

    def counted(opened: VideoReader, reading: Any) -> Any:
        passes.append(reading.start)
        return read(opened, reading=reading)

    monkeypatch.setattr(module, "decode", counted)
    asked = [Fraction(n, 2) for n in range(20, 26)]

    def frames(run: int, moments: list[Fraction]) -> Shown:
        found = read_frames(path, InputSettings(), moments, run)
        return [(seconds, bits_of(frame.luma)) for seconds, frame in found]

    together, begun = frames(2, asked), list(passes)
    passes.clear()
    assert together == frames(0, asked)
    assert len(passes) == 1, "they are near each other"
    passes.clear()
    alone = [shown for n in range(0, len(asked), 2) for shown in frames(0, asked[n : n + 2])]
    assert together == alone
    assert begun == (passes if seeks else [0])


def test_recordings_joined_are_read_from_their_beginning(tmp_path: Path) -> None:
    parts = [film(tmp_path / f"{n}.ts", frames=120, brightness=60 + 60 * n) for n in (0, 1)]
    path = joined(tmp_path / "both.ts", *parts)
    with open_video(path) as opened:
        assert not can_seek(opened)
        assert picture_end(opened) == pytest.approx(20, abs=0.2)
    shown = linear(path)
    (late,) = seen(path, [Fraction(15)])
    assert late[0] == on_screen(shown, Fraction(15))
    assert late[0][1][0] > 100  # of the second part


def test_the_end_of_a_file_that_is_cut(tmp_path: Path) -> None:
    whole = film(tmp_path / "in.mkv", container_options={})
    path = cut_file(whole, tmp_path / "cut.mkv", 0.6)
    shown = linear(path)
    with open_video(path) as opened:
        end = picture_end(opened)
        assert opened.info.duration is None or end < opened.info.duration
    assert abs(end - shown[-1][0]) < 2
    assert seen(path, [end])[0][0] == shown[-1]


def test_what_is_damaged_is_told_where_it_is_shown(tmp_path: Path) -> None:
    whole = film(tmp_path / "in.mkv", width=96, height=64, options={**H264, "g": "12"})
    path = flip_bytes(whole, tmp_path / "harmed.mkv", 60)
    with open_video(path) as opened:
        list(windows(opened, [Fraction(1)]))
        assert opened.log.damage == []
    with open_video(path) as opened:
        list(windows(opened, [Fraction(n) for n in range(9, 16)]))
        assert opened.log.damage
        assert all(8 <= damage.seconds <= 17 for damage in opened.log.damage)
        assert "truncated" not in opened.log.damage_counts


def test_a_film_of_one_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "one.mp4", frames=1)
    shown = linear(path)
    for moment in (Fraction(0), Fraction(1, 100), Fraction(9)):
        ((found,),) = seen(path, [moment], 8, 8)
        assert found == shown[0]
