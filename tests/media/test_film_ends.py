"""Films and pictures that break off where only a missing mark tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from films import Spec, make_film
from PIL import Image

from vidcolor.errors import FilmTooLarge
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.end_marks import PictureEnds, lacks_end
from vidcolor.media.encode.encoder import plan_encode
from vidcolor.media.open import open_video
from vidcolor.settings import EncodeSettings


def gif() -> bytes:
    pages = [Image.effect_noise((64, 48), 60 + page) for page in range(6)]
    out = BytesIO()
    pages[0].save(out, "GIF", save_all=True, append_images=pages[1:], duration=40)
    return out.getvalue()


def whole(folder: Path, kind: str) -> bytes:
    if kind == "gif":
        return gif()
    path = folder / f"whole.{kind}"
    codec = {"ogv": "libvpx", "mxf": "mpeg2video", "nut": "mpeg4"}[kind]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(40):
            picture = av.VideoFrame.from_ndarray(gray(index), format="gray")
            picture = picture.reformat(format="yuv420p")
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path.read_bytes()


def gray(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 255, (64, 96), np.uint8)


def damage(path: Path) -> list[str]:
    with open_video(path) as film:
        assert sum(1 for _ in decode(film)) > 0
        return [f"{one.kind}: {one.text}" for one in film.log.damage]


@pytest.mark.parametrize("kind", ["gif", pytest.param("ogv", marks=pytest.mark.slow), "mxf", "nut"])
def test_a_film_that_breaks_off(kind: str, tmp_path: Path) -> None:
    data = whole(tmp_path, kind)
    for share in (100, 97, 70):
        path = tmp_path / f"{share}.{kind}"
        path.write_bytes(data[: len(data) * share // 100])
        assert lacks_end(path) == (share < 100), share
        told = [text for text in damage(path) if text.startswith("truncated: ")]
        assert bool(told) == (share < 100), share
    path.write_bytes(data + bytes(3))
    if kind == "gif":
        assert not lacks_end(path)


OTHER = bytes(range(256)) * 20
TAILS = {
    "whole": (0, b"", False),
    "padding": (0, b"\0" * 100 + b"\r\n", False),
    "other bytes": (0, OTHER, True),
    "other bytes in mid-packet": (100, OTHER, True),
    "zeros": (0, bytes(100_000), False),  # a recorder that takes its room in advance
    "a tag": (0, bytes(5000) + b"TAG" + bytes(125), False),
    "a part of a packet": (60, b"", True),
}


@pytest.mark.parametrize("kind", list(TAILS))
def test_a_transport_stream_with_a_tail_that_is_none_of_it(kind: str, tmp_path: Path) -> None:
    """As of a disk that was mended, or a download that was not: the film goes on elsewhere."""
    cut, tail, told = TAILS[kind]
    path = tmp_path / "film.ts"
    make_film(path, Spec(codec="mpeg2video", frames=40))
    data = path.read_bytes()
    half = len(data) // 2 // 188 * 188
    path.write_bytes(data[: half - cut] + tail)
    assert lacks_end(path) == told
    assert any(text.startswith("truncated: the film ends at") for text in damage(path)) == told


@pytest.mark.parametrize(
    "data", [b"", b"GIF", b"OggS", b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01", b"G"]
)
def test_what_is_no_film_has_no_end_to_miss(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(data)
    assert lacks_end(path) == (data == b"OggS")


def packets(path: Path) -> Iterator[bytes]:
    with av.open(str(path)) as container:
        yield from (bytes(packet) for packet in container.demux(video=0) if packet.size)


@pytest.mark.parametrize("kind", ["avi", "mov", "mkv"])
def test_pictures_of_motion_jpeg_that_are_cut_short(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{kind}"
    make_film(path, Spec(codec="mjpeg", pix_fmt="yuvj420p", frames=12))
    data = path.read_bytes()
    assert damage(path) == []
    picture = list(packets(path))[5]
    at = data.index(picture) + len(picture) * 3 // 4
    end = data.index(picture) + len(picture)
    path.write_bytes(data[:at] + bytes(end - at) + data[end:])
    assert "corrupt packet: its frame is cut short" in damage(path)


def test_cameras_that_leave_the_mark_out_of_all_pictures() -> None:
    picture = b"\xff\xd8\xff\xda\x00\x02abc"
    marked = PictureEnds("mjpeg")
    found = [marked.is_cut(data) for data in (picture + b"\xff\xd9", picture, b"", picture)]
    assert found == [False, True, False, True]
    camera = PictureEnds("mjpeg")
    assert not any(camera.is_cut(data) for data in (picture, picture + b"\xff\xd9", picture))
    assert PictureEnds("mjpeg").is_cut(picture[2:])
    assert not PictureEnds("h264").looks


def test_a_picture_far_beyond_the_longest_film_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    make_film(
        path, Spec(codec="ffv1", frames=4, time_base=Fraction(1), pts=(0, 1, 350_000, 700_000))
    )
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x44\x89\x88", b"\xec\x40\x08"))  # its length, written over
    with open_video(path) as film, pytest.raises(FilmTooLarge, match="194 hours"):
        list(decode(film))


def test_a_turn_that_matroska_cannot_hold_is_listed(tmp_path: Path) -> None:
    one, deep = 1 << 16, 1 << 30
    path = tmp_path / "film.mov"
    turned = (0, one, 0, -one, 0, 0, 0, 0, deep)
    stretched = (2 * one, 0, 0, 0, one, 0, 0, 0, deep)
    for matrix in (turned, stretched):
        make_film(path, Spec(codec="libx264", matrix=matrix))
        with open_video(path) as film:
            for suffix in (".mkv", ".mp4"):
                plan = plan_encode(film.info, tmp_path / f"out{suffix}", EncodeSettings())
                listed = any("display matrix" in one.what for one in plan.left_behind)
                assert listed == (matrix == stretched and suffix == ".mkv")
