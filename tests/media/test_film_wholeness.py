"""Whether a file is as long as it says, and what a decoder of many threads keeps to itself."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from films import Audio, Spec, make_film
from ways import fast, recolor

from vidcolor.media.decode.container_size import (
    is_whole_picture,
    missing_bytes,
    repeats_at_end,
    tagged_duration,
)
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.missing_frames import Roll
from vidcolor.media.images.files import read_still, write_rgb
from vidcolor.media.open import VideoReader, open_video
from vidcolor.settings import InputSettings

BASE = Spec(codec="libx264", frames=40)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi", "a.ts"])
@pytest.mark.parametrize("cut", [0, 9, 100, 1000])
def test_bytes_that_are_missing(tmp_path: Path, name: str, cut: int) -> None:
    codec = {"webm": "libvpx", "avi": "mpeg4", "ts": "mpeg2video"}.get(name[2:], "libx264")
    path = tmp_path / name
    options = {"movflags": "faststart"} if name[2:] in ("mp4", "mov") else {}
    make_film(path, Spec(codec=codec, container_options=options))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    if name == "a.ts":
        assert missing_bytes(path) == cut % 188
    else:
        slack = 8 if name == "a.avi" else 0
        # What is missing of a last box whose head is gone too cannot be told.
        assert missing_bytes(path) in (max(0, cut - slack), cut)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ftyp",
        struct.pack(">I", 8) + b"free" + b"\0\0\0\x08free" * 200_000,
        struct.pack(">I", 0) + b"mdat" + bytes(100),
        struct.pack(">I", 1) + b"mdat" + bytes(8),
        struct.pack(">I", 3) + b"moov" + bytes(8),
        bytes.fromhex("1a45dfa3") + b"\xff" * 100_000,
        bytes.fromhex("1a45dfa380") + bytes.fromhex("18538067ff") + b"\xec\x80" * 200_000,
        b"RIFF" + bytes(4) + b"AVI " + bytes(50),
        b"RIFF\xff\xff\xff\xffAVI " + bytes(50),
        b"G" * 400_000,
    ],
)
def test_sizes_that_say_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film"
    path.write_bytes(data)
    assert missing_bytes(path) < 188


def test_the_tag_of_a_track() -> None:
    assert tagged_duration({"DURATION": "01:02:03.500000000"}) == Fraction(7447, 2)
    assert tagged_duration({"DURATION-eng": "00:00:01.25"}) == Fraction(5, 4)
    assert tagged_duration({"DURATION": "soon", "title": "00:00:01.25"}) == 0


def broken(path: Path, number: int) -> Path:
    """The base film with one packet of the picture overwritten."""
    import av

    make_film(path, BASE)
    with av.open(str(path)) as container:
        payload = [bytes(p) for p in container.demux(video=0) if p.size][number]
    data = bytearray(path.read_bytes())
    at = data.index(payload)
    data[at : at + len(payload)] = b"\xff" * len(payload)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("number", [20, 33, 36, 39])
def test_an_error_near_the_end_takes_no_frame_with_it(
    tmp_path: Path, threads: int, number: int
) -> None:
    path = broken(tmp_path / "in.mkv", number)
    with open_video(path, InputSettings(decoder_threads=threads)) as film:
        frames = [frame.pts for frame in decode(film)]
    assert len(frames) >= 39
    assert len(set(frames)) == len(frames)
    assert frames == sorted(frames)
    if len(frames) < 40:
        assert film.log.damage_counts["missing frame"] == 1


def test_more_damage_than_is_listed_is_counted(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", BASE)
    with open_video(tmp_path / "in.mkv") as film:
        note_many(film)
    assert len(film.log.damage) == 1000
    assert film.log.damage_counts == {"gap": 1500, "read error": 1}


def note_many(film: VideoReader) -> None:
    for index in range(1500):
        film.log.note("gap", index, "no picture")
    film.log.note("read error", 0, "the end")


def test_a_film_that_begins_late_is_no_shorter_for_it(tmp_path: Path) -> None:
    pts = tuple(range(24 * 3600, 24 * 3600 + 40))
    spec = replace(BASE, pts=pts, container_options={"avoid_negative_ts": "disabled"})
    make_film(tmp_path / "in.mkv", spec)
    with open_video(tmp_path / "in.mkv") as film:
        assert len(list(decode(film))) == 40
    assert film.log.damage == []


def test_a_cut_behind_the_start_is_seen(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", replace(BASE, frames=96, audio=(Audio(),)))
    data = (tmp_path / "in.mkv").read_bytes()
    (tmp_path / "in.mkv").write_bytes(data[: len(data) * 6 // 10])
    with open_video(tmp_path / "in.mkv", InputSettings(start=Fraction(1))) as film:
        list(decode(film))
    assert film.log.damage_counts["truncated"] == 1
    with open_video(tmp_path / "in.mkv", InputSettings(end=Fraction(1))) as film:
        list(decode(film))
    assert film.log.damage == []


def test_an_avi_may_repeat_its_last_frames(tmp_path: Path) -> None:
    make_film(tmp_path / "in.avi", replace(BASE, codec="mpeg4", frames=12))
    data = (tmp_path / "in.avi").read_bytes()
    at = data.rindex(b"idx1") + 8 + 12 * 16
    assert repeats_at_end(tmp_path / "in.avi", 0) == 0
    entries = data[:at] + 2 * (b"00dc" + bytes(12)) + data[at:]
    (tmp_path / "in.avi").write_bytes(entries)
    assert repeats_at_end(tmp_path / "in.avi", 0) == 2
    assert repeats_at_end(tmp_path / "in.avi", 1) == 0


def test_sound_that_is_late_short_or_trimmed_is_whole(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.mov"):
        for seconds in (0.6, 3.0):
            make_film(tmp_path / name, replace(BASE, audio=(Audio(seconds=seconds), Audio())))
            with open_video(tmp_path / name) as film:
                assert len(list(decode(film))) == 40
            assert film.log.damage == []


def test_an_mp4_may_leave_out_its_end_by_an_edit(tmp_path: Path) -> None:
    """As phones trim films: the packets stay in the tables, the edit says how long to play."""
    make_film(tmp_path / "in.mp4", replace(BASE, audio=(Audio(),), options={"bf": "0"}))
    data = bytearray((tmp_path / "in.mp4").read_bytes())
    at, edits = data.find(b"elst"), 0
    while at >= 0:
        data[at + 12 : at + 16] = struct.pack(">I", 800)  # milliseconds
        at, edits = data.find(b"elst", at + 4), edits + 1
    assert edits == 2
    (tmp_path / "in.mp4").write_bytes(data)
    with open_video(tmp_path / "in.mp4") as film:
        assert 18 <= len(list(decode(film))) <= 24
    assert film.log.damage == []


def test_only_what_is_behind_the_last_frame_is_called_once_more(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", BASE)
    for absent, called in (({10}, 0), ({38, 39}, 2), ({10, 39}, 1)):
        with open_video(tmp_path / "in.mkv", InputSettings(decoder_threads=2)) as film:
            roll = Roll(film)
            packets = [packet for packet in film.container.demux(film.video) if packet.size]
            for packet in packets:
                roll.enter(packet)
            frames = [frame for packet in [*packets, None] for frame in film.video.decode(packet)]
            for index, frame in enumerate(frames):
                if index not in absent:
                    roll.leave(frame)
            assert len(roll.last_call()) == called


def test_a_stream_that_appears_on_the_way_is_told(tmp_path: Path) -> None:
    """Behind the five seconds that FFmpeg looks at when it opens a film, and before its end."""
    plain = Spec(codec="mpeg2video", frames=160, brightness=90)
    parts = {"a": plain, "b": replace(plain, frames=24, audio=(Audio("mp2"),))}
    paths = [make_film(tmp_path / f"{name}.ts", spec).path for name, spec in parts.items()]
    first, second = (path.read_bytes() for path in paths)
    padding = (b"G\x1f\xff\x10" + b"\xff" * 184) * 1500  # null packets, as broadcasts have them
    (tmp_path / "in.ts").write_bytes(first + second + padding + first)
    with open_video(tmp_path / "in.ts") as film:
        assert len(film.info.streams) == 1
        assert len(list(decode(film))) == 2 * 160 + 24
    (late,) = [damage for damage in film.log.damage if damage.kind == "late stream"]
    assert re.fullmatch(r"audio stream 1 \(mp\d\w*\) starts in mid-film and was .*", late.text)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_picture_that_is_cut_short_is_damaged(tmp_path: Path, name: str) -> None:
    rgb = torch.randint(0, 255, (3, 64, 64), generator=torch.Generator().manual_seed(1))
    write_rgb(rgb.to(torch.uint8), tmp_path / name)
    assert not read_still(tmp_path / name).damaged
    data = (tmp_path / name).read_bytes()
    cut = -12 if name == "a.png" else -len(data) // 5
    (tmp_path / name).write_bytes(data[:cut])
    assert read_still(tmp_path / name).damaged
    if name == "a.png":
        middle = len(data) // 2
        assert not is_whole_picture(data[:middle] + b"\0\1\2" + data[middle + 3 :])
    else:
        inside = b"\xff\xe1\x00\x06" + b"\xff\xd8\xff\xd9"  # a small JPEG in the headers
        assert is_whole_picture(data[:2] + inside + data[2:])
        assert not is_whole_picture(data[:2] + inside + data[2:-2])


@pytest.mark.parametrize("name", ["a.flv", "a.avi", "a.ts", "a.mpg"])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_whole_films_are_whole(tmp_path: Path, name: str, rate: Fraction) -> None:
    """The length of an FLV begins before its first frame; an AVI counts sound in its own way."""
    codec = {"flv": "libx264", "avi": "mpeg4"}.get(name[2:], "mpeg2video")
    sound = {"flv": "aac", "avi": "libmp3lame"}.get(name[2:], "mp2")
    options = {"bf": "3"} if codec == "libx264" else {}
    spec = replace(BASE, codec=codec, rate=rate, audio=(Audio(sound),), options=options)
    make_film(tmp_path / name, spec)
    with open_video(tmp_path / name) as film:
        assert len(list(decode(film))) == 40
    assert film.log.damage == []


@pytest.mark.parametrize("tick", [999, 3906])
def test_a_tick_that_is_too_short_is_told(tmp_path: Path, tick: int) -> None:
    """A Matroska with one wrong number lasts some milliseconds; its tag knows better."""
    source = make_film(tmp_path / "in.mkv", Spec(frames=30, rate=Fraction(10))).path
    data, usual = source.read_bytes(), bytes.fromhex("2ad7b1830f4240")
    assert data.count(usual) == 1
    source.write_bytes(data.replace(usual, usual[:4] + tick.to_bytes(3, "big")))
    run = recolor(source, tmp_path / "out.mp4", fast())
    told = [damage.text for damage in run.damage if damage.kind == "truncated"]
    assert told == [f"the video ends at {run.written.seconds:.2f} of 3.00 s"]


@pytest.mark.parametrize("lost", [0, 2])
def test_a_frame_that_lasts_too_long_hides_nothing_behind_it(lost: int, tmp_path: Path) -> None:
    """A Matroska says once how long all frames last; two blocks went to no track at all."""
    path = make_film(tmp_path / "in.mkv", Spec(codec="mjpeg", pix_fmt="yuvj420p", frames=24)).path
    with open_video(path) as film:
        rate = film.info.frame_rate or 25
        payloads = [bytes(packet) for packet in film.container.demux(video=0) if packet.size]
    usual = bytes.fromhex("23e38384") + int(10**9 / rate).to_bytes(4, "big")
    data = bytearray(path.read_bytes())
    assert data.count(usual) == 1
    at = data.index(usual) + 4
    data[at : at + 4] = int(25 * 10**8 / rate).to_bytes(4, "big")
    for payload in payloads[24 - lost :]:
        data[data.index(payload) - 4] = 0x83
    path.write_bytes(data)
    with open_video(path) as film:
        assert len(list(decode(film))) == 24 - lost
    assert film.log.damage_counts == ({"truncated": 1} if lost else {})
