"""What a film says of its picture, at its first frame and when it changes in mid-film."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.bitstream import BitStreamFilterContext
from av.packet import Packet
from films import Spec, joined, make_film
from PIL import Image
from seen import see
from ways import lossless, recolor

from vidcolor.errors import UnsupportedPixels
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.metadata import rotation, side_data
from vidcolor.media.open import open_video
from vidcolor.preview.previews import frames_at
from vidcolor.settings import InputSettings

H264 = Spec(
    codec="libx264",
    rate=Fraction(25),
    frames=24,
    options={"preset": "ultrafast", "bf": "2", "x264-params": "b-adapt=0:log-level=none"},
)
MPEG2 = Spec(
    codec="mpeg2video", rate=Fraction(25), frames=24, options={"bf": "2", "g": "6", "b": "4000000"}
)
TURNED = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)


def exif(turn: int) -> bytes:
    """EXIF data that says how a picture lies."""
    return b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1" + struct.pack(">HHI", turn, 0, 0)


def tiff(samples: bytes, turn: int | None) -> bytes:
    """64 x 48 gray samples; with a turn an EXIF block too."""
    tags = [(256, 64), (257, 48), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, 48)]
    tags += [(279, len(samples))] + ([(34665, 0)] if turn else [])
    end = 8 + 2 + 12 * len(tags) + 4
    block = struct.pack("<HHHI4sI", 1, 0x9000, 7, 4, b"0232", 0)
    places = {273: end + len(block), 34665: end}
    data = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag, value in tags:
        data += struct.pack("<HHII", tag, 4, 1, places.get(tag, value))
    return data + bytes(4) + block + samples


def picture(kind: str, number: int, turn: int | None) -> bytes:
    """A picture file that holds EXIF data, or none."""
    gray = Image.new("L", (64, 48), 40 + 10 * number)
    gray.paste(200, (4 * number, 8, 4 * number + 20, 30))
    out = io.BytesIO()
    if kind == "tiff":
        return tiff(gray.tobytes(), turn)
    gray.save(out, {"mjpeg": "JPEG", "png": "PNG"}[kind])
    data = out.getvalue()
    if turn is None:
        return data
    if kind == "mjpeg":
        segment = b"Exif\0\0" + exif(turn)
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    chunk = b"eXIf" + exif(turn)
    made = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:33] + made + data[33:]


def of_pictures(path: Path, kind: str, turns: Sequence[int | None]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_mux_stream(kind, rate=25, width=64, height=48)
        stream.time_base = Fraction(1, 25)
        for number, turn in enumerate(turns):
            packet = Packet(picture(kind, number, turn))
            packet.pts = packet.dts = number
            packet.duration, packet.time_base = 1, Fraction(1, 25)
            packet.is_keyframe, packet.stream = True, stream
            container.mux(packet)
    return path


HOLDERS = [
    *(("mjpeg", suffix) for suffix in (".avi", ".mov", ".mkv")),
    *(("png", suffix) for suffix in (".mov", ".avi", ".nut")),
    ("tiff", ".mov"),
]


@pytest.mark.parametrize(("kind", "suffix"), HOLDERS, ids=["".join(h) for h in HOLDERS])
def test_exif_in_frames_stops_nothing(tmp_path: Path, kind: str, suffix: str) -> None:
    path = of_pictures(tmp_path / f"in{suffix}", kind, [1] * 4)
    run = recolor(path, tmp_path / "out.mkv", lossless())
    assert run.written.frames == 4
    assert not run.damage
    with open_video(path) as film, closing(film_rgb(film)) as pictures:
        assert len(list(pictures)) == 4
    (shown,) = frames_at(path, [Fraction(2, 25)])
    assert shown[1].shape == (3, 48, 64)


def test_side_data_of_unknown_kinds_hides_none_that_is_known(tmp_path: Path) -> None:
    path = of_pictures(tmp_path / "in.avi", "mjpeg", [6])
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        with pytest.raises(ValueError, match="not a valid Type"):
            frame.side_data  # noqa: B018  # if PyAV knows it now, take another kind
        assert rotation(side_data(frame)) == TURNED
    with open_video(path) as film:
        assert film.info.rotation == TURNED


def turned_stream(path: Path, target: Path) -> Path:
    """The H.264 of a film with a display orientation in its stream, as byte stream."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        words = "h264_metadata=display_orientation=insert:rotate=90"
        turn = BitStreamFilterContext(words, stream)
        packets = [made for p in container.demux(stream) if p.size for made in turn.filter(p)]
        target.write_bytes(b"".join(bytes(packet) for packet in packets))
    return target


def in_matroska(path: Path, target: Path) -> Path:
    """Parts of a transport stream one after the other in Matroska, as mkvmerge joins them."""
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        stream = source.streams.video[0]
        out = container.add_stream_from_template(stream, opaque=True)
        last, shift, lowest = 0, 0, 0
        for packet in source.demux(stream):
            if not packet.size:
                continue
            if packet.dts + shift < last:
                shift += last + 3600 - packet.dts
            last = packet.dts + shift
            lowest = lowest or last
            packet.pts, packet.dts = packet.pts + shift - lowest, last - lowest
            packet.stream = out
            container.mux(packet)
    return target


def parts(tmp_path: Path, suffix: str, base: Spec, *changes: dict[str, Any]) -> Path:
    """Films that differ in one thing, joined."""
    ending = ".h264" if suffix == ".h264" else ".ts"
    made = []
    for number, change in enumerate(changes):
        path = tmp_path / f"{number}{ending}"
        if "turn" in change:
            plain = make_film(tmp_path / "plain.h264", base).path
            raw = turned_stream(plain, tmp_path / "turned.h264")
            made.append(raw)
        else:
            made.append(make_film(path, replace(base, **change)).path)
    whole = joined(tmp_path / f"in{ending}", *made)
    return in_matroska(whole, tmp_path / "in.mkv") if suffix == ".mkv" else whole


LIMITED, FULL = (1, 1, 1, 1), (2, 1, 1, 1)
REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("aspect", {"sar": Fraction(16, 15)}, {"sar": Fraction(64, 45)}, "from 16/15 to 64/45"),
    ("aspect unsaid", {}, {"sar": Fraction(4, 3)}, "pixel aspect of the picture changes from 1 to"),
    ("range", {"tags": LIMITED}, {"tags": FULL}, "from (limited to full|yuv420p to yuvj420p)"),
    ("curve", {"tags": LIMITED}, {"tags": (1, 1, 1, 18)}, "curve .* from bt1886 to hlg"),
    ("size", {}, {"width": 112}, "from 96x64 to 112x64"),
]


@pytest.mark.parametrize("suffix", [".ts", pytest.param(".h264", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("first", "second", "words"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_would_show_wrong_is_refused_with_its_time(
    tmp_path: Path, suffix: str, first: dict[str, Any], second: dict[str, Any], words: str
) -> None:
    path = parts(tmp_path, suffix, H264, first, second)
    with (
        open_video(path) as film,
        pytest.raises(UnsupportedPixels, match=words) as caught,
    ):
        list(decode(film))
    assert "at frame 24 (0.960 s); cut the film there and color each part" in str(caught.value)
    with open_video(path) as film, pytest.raises(UnsupportedPixels, match=words):
        list(film_rgb(film))
    behind = InputSettings(start=Fraction(27, 25))
    with (
        open_video(path, behind) as film,
        pytest.raises(UnsupportedPixels, match=r"before 1\.080 s"),
    ):
        list(decode(film))
    # Cut there, the first part is colored.
    with open_video(path, InputSettings(end=Fraction(24, 25))) as film:
        assert len(list(decode(film))) == 24


@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
@pytest.mark.parametrize("threads", [1, 4])
def test_of_other_codecs_and_with_threads(tmp_path: Path, suffix: str, threads: int) -> None:
    path = parts(tmp_path, suffix, MPEG2, {"sar": Fraction(1)}, {"sar": Fraction(4, 3)})
    with open_video(path, InputSettings(decoder_threads=threads)) as film:
        if suffix == ".mkv":  # it tells the shape of all frames, and players believe it
            assert len(list(decode(film))) == 48
            assert [r.split(";")[1] for r in film.log.remarks] == [
                " the container's value of 1 is kept for the whole film"
            ]
            return
        with pytest.raises(UnsupportedPixels, match=r"aspect .* at frame 24 \(0.960 s\)"):
            list(decode(film))


@pytest.mark.parametrize("turned_first", [False, True])
def test_rotation_in_the_stream(tmp_path: Path, turned_first: bool) -> None:
    order = ({"turn": 1}, {}) if turned_first else ({}, {"turn": 1})
    path = parts(tmp_path, ".h264", H264, *order)
    with open_video(path) as film:
        assert (film.info.rotation is not None) == turned_first
        with pytest.raises(UnsupportedPixels, match=r"rotation .* at frame 24 \(0.960 s\)"):
            list(decode(film))


def test_rotation_in_exif(tmp_path: Path) -> None:
    with open_video(of_pictures(tmp_path / "a.mov", "mjpeg", [None, 1, None, 1])) as film:
        assert len(list(decode(film))) == 4  # 1 means upright
    with (
        open_video(of_pictures(tmp_path / "b.mov", "mjpeg", [1, 1, 6, 6])) as film,
        pytest.raises(UnsupportedPixels, match=r"rotation .* from upright to rotated .* frame 2 "),
    ):
        list(decode(film))


def test_other_tags_of_the_same_meaning_are_remarked(tmp_path: Path) -> None:
    path = parts(tmp_path, ".ts", H264, {"tags": (1, 1, 1, 1)}, {"tags": (1, 6, 6, 6)})
    with open_video(path) as film:
        assert len(list(decode(film))) == 48
        assert len(film.log.remarks) == 3
        for what in ("color matrix", "set of primaries", "transfer curve"):
            assert any(f"the {what} changes from 1 to 6" in text for text in film.log.remarks)
        assert all("at 0.960 s" in text for text in film.log.remarks)
    # Where the first part says nothing, it is taken for what the second one is.
    path = parts(tmp_path, ".ts", H264, {}, {"tags": (1, 5, 5, 6)})
    with open_video(path) as film:
        list(decode(film))
        assert film.log.remarks == []


FIELDS = [
    ({"interlaced": "tff"}, {}, "top field first to progressive at 0.960 s", False),
    ({}, {"interlaced": "tff"}, "from progressive to interlaced, top field first", True),
    ({"interlaced": "tff"}, {"interlaced": "bff"}, "to interlaced, bottom field first", True),
]


@pytest.mark.parametrize("base", [H264, pytest.param(MPEG2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("first", "second", "words", "harms"), FIELDS, ids=["p", "i", "order"])
def test_fields(
    tmp_path: Path,
    base: Spec,
    first: dict[str, Any],
    second: dict[str, Any],
    words: str,
    harms: bool,
) -> None:
    path = parts(tmp_path, ".ts", base, first, second)
    with open_video(path) as film:
        list(decode(film))
        told = [(d.seconds, d.text) for d in film.log.damage if d.kind == "picture change"]
        assert len(told) == harms
        assert any(words in text for text in [*film.log.remarks, *(text for _, text in told)])
        assert not told or told[0][0] == pytest.approx(0.96, abs=0.001)


def test_fields_of_the_result_are_those_that_are_told(tmp_path: Path) -> None:
    path = parts(tmp_path, ".ts", MPEG2, {"interlaced": "tff"}, {})
    recolor(path, tmp_path / "out.mkv", lossless())
    assert see(tmp_path / "out.mkv").interlaced
