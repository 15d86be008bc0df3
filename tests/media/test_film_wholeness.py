"""Whether a file is as long as it says, and what a decoder of many threads keeps to itself."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from films import Audio, Spec, make_film

from vidcolor.film.decode import decode
from vidcolor.film.probe import Film, open_film
from vidcolor.film.wholeness import missing_bytes, tagged_duration
from vidcolor.settings import OpenSettings

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
    with open_film(path, OpenSettings(decoder_threads=threads)) as film:
        frames = [frame.pts for frame in decode(film)]
    assert len(frames) >= 39
    assert len(set(frames)) == len(frames)
    assert frames == sorted(frames)
    if len(frames) < 40:
        assert film.damage_counts["missing frame"] == 1


def test_more_damage_than_is_listed_is_counted(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", BASE)
    with open_film(tmp_path / "in.mkv") as film:
        note_many(film)
    assert len(film.damage) == 1000
    assert film.damage_counts == {"gap": 1500, "read error": 1}


def note_many(film: Film) -> None:
    for index in range(1500):
        film.note("gap", index, "no picture")
    film.note("read error", 0, "the end")


def test_a_film_that_begins_late_is_no_shorter_for_it(tmp_path: Path) -> None:
    pts = tuple(range(24 * 3600, 24 * 3600 + 40))
    spec = replace(BASE, pts=pts, container_options={"avoid_negative_ts": "disabled"})
    make_film(tmp_path / "in.mkv", spec)
    with open_film(tmp_path / "in.mkv") as film:
        assert len(list(decode(film))) == 40
    assert film.damage == []


def test_a_cut_behind_the_start_is_seen(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", replace(BASE, frames=96, audio=(Audio(),)))
    data = (tmp_path / "in.mkv").read_bytes()
    (tmp_path / "in.mkv").write_bytes(data[: len(data) * 6 // 10])
    with open_film(tmp_path / "in.mkv", OpenSettings(start=Fraction(1))) as film:
        list(decode(film))
    assert film.damage_counts["truncated"] == 1
    with open_film(tmp_path / "in.mkv", OpenSettings(end=Fraction(1))) as film:
        list(decode(film))
    assert film.damage == []
