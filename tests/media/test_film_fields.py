"""Which field comes first is said by every voice of a file: its pictures, its header, its index."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from films import Spec, make_film
from ways import fast, recolor

from vidcolor.media.encode.encoder import plan_encode
from vidcolor.media.metadata import field_order
from vidcolor.media.open import open_video
from vidcolor.settings import EncodeSettings, Settings

_SEI, _TIMING = 6, 1
_FIRST = {"tff": "top", "bff": "bottom"}
_STRUCT = {"tff": 3, "bff": 4}
"""pic_struct of H.264 for a frame of two fields."""


def interlaced(path: Path, order: str) -> None:
    make_film(path, Spec(codec="mpeg2video", rate=Fraction(25), frames=8, interlaced=order))


def test_fields_are_encoded_in_one_thread(tmp_path: Path) -> None:
    """With several, x264 gives other bits on some runs, and a resumed film would have a seam."""
    interlaced(tmp_path / "in.mpg", "tff")
    make_film(tmp_path / "plain.mkv")
    for name, threads in (("in.mpg", {1}), ("plain.mkv", {min(os.cpu_count() or 1, 16)})):
        with open_video(tmp_path / name) as film:
            plan = plan_encode(film.info, tmp_path / "out.mkv", EncodeSettings(codec="libx264"))
        assert {plan.threads} == threads


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize(
    "target", [".mp4", *(pytest.param(s, marks=pytest.mark.slow) for s in (".mov", ".mkv"))]
)
def test_h264_says_it_of_every_picture(tmp_path: Path, order: str, target: str) -> None:
    source, out = tmp_path / "in.mpg", tmp_path / f"out{target}"
    interlaced(source, order)
    recolor(source, out, fast())
    assert set(pic_structs(out)) == {_STRUCT[order]}
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.field_order == {"tff": 2, "bff": 3}[order]


@pytest.mark.slow
def test_a_progressive_film_says_nothing_of_fields(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", Spec(codec="libx264", frames=4))
    recolor(tmp_path / "in.mkv", tmp_path / "out.mp4", fast())
    assert set(pic_structs(tmp_path / "out.mp4")) <= {0}


@pytest.mark.slow
def test_own_parameters_come_on_top(tmp_path: Path) -> None:
    interlaced(tmp_path / "in.mpg", "bff")
    own = (("x264-params", "keyint=2"),)
    settings = Settings(encode=EncodeSettings(preset="ultrafast", options=own))
    recolor(tmp_path / "in.mpg", tmp_path / "out.mp4", settings)
    assert set(pic_structs(tmp_path / "out.mp4")) == {4}


# fmt: off
OTHERS = [
    ("mpeg2video", ".mp4"), ("mpeg2video", ".mkv"), ("mpeg4", ".mp4"), ("mpeg4", ".mkv"),
    ("ffv1", ".mkv"), ("ffv1", ".mp4"), ("prores_ks", ".mov"), ("prores", ".mov"),
    ("prores_aw", ".mkv"),
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize(("codec", "target"), OTHERS)
def test_other_encoders_say_it(tmp_path: Path, order: str, codec: str, target: str) -> None:
    source, out = tmp_path / "in.avi", tmp_path / f"out{target}"
    interlaced(source, order)
    run = recolor(source, out, Settings(encode=EncodeSettings(codec=codec)))
    assert not any("field order" in item for item in run.left)
    with av.open(str(out)) as container:
        stream: Any = container.streams.video[0]
        for frame in container.decode(stream):
            assert frame.interlaced_frame
            assert field_order(stream, frame) == _FIRST[order]


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["libx265", "libvpx-vp9", "libsvtav1"])
def test_who_cannot_say_it_is_listed(tmp_path: Path, codec: str) -> None:
    interlaced(tmp_path / "in.mpg", "bff")
    settings = Settings(encode=EncodeSettings(codec=codec))
    run = recolor(tmp_path / "in.mpg", tmp_path / "out.mkv", settings)
    assert run.left == [f"field order: {codec} cannot mark the film as interlaced"]


def pic_structs(path: Path) -> Iterator[int]:
    """What the pictures of an H.264 film say of their fields."""
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            for unit in units(bytes(packet)):
                if unit[0] & 31 == _SEI:
                    yield from timing(unit)


def units(data: bytes) -> Iterator[bytes]:
    """The units of a picture, each behind its length, as MP4 and Matroska store them."""
    at = 0
    while at + 4 < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 4 + length].replace(b"\0\0\3", b"\0\0")
        at += 4 + length


def timing(unit: bytes) -> Iterator[int]:
    """pic_struct of the messages about time; x264 writes nothing before it."""
    at = 1
    while at + 2 < len(unit):
        kind = size = 0
        while unit[at] == 255:
            kind, at = kind + 255, at + 1
        kind, at = kind + unit[at], at + 1
        while unit[at] == 255:
            size, at = size + 255, at + 1
        size, at = size + unit[at], at + 1
        if kind == _TIMING:
            yield unit[at] >> 4
        at += size
