"""DPX headers: what is read of them, and that all else stays as it was."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from frame_files import EDGE, gray_dpx, ramp, rgb_dpx, scanner_header

from vidcolor.core.label import Label
from vidcolor.errors import FilmUnreadable
from vidcolor.media.sequences.dpx import (
    LUMA,
    PRINTING_DENSITY,
    RGB,
    DpxHeader,
    add_label,
    at_frame,
    dpx_bytes,
    find_more,
    new_header,
    read_header,
)

PIXELS = {8: np.uint8, 10: np.uint16, 12: np.uint16, 16: np.uint16}
CHANGED = {
    *range(16, 20),  # size of the file
    *range(36, 136),  # its name
    800,  # RGB
    *range(804, 820),  # packing, place of the samples, padding
}
"""Bytes of a header that may be others afterwards."""


def random_rgb(bits: int, height: int = 9, width: int = 13) -> np.ndarray:
    draw = np.random.default_rng(bits)
    return draw.integers(0, 1 << bits, (height, width, 3)).astype(PIXELS[bits])


def decoded(data: bytes) -> av.VideoFrame:
    context = av.codec.CodecContext.create("dpx", "r")
    (frame,) = context.decode(av.Packet(data))
    return frame


@pytest.mark.parametrize("order", [">", "<"])
def test_a_scanners_header_is_read(order: str, tmp_path: Path) -> None:
    path = tmp_path / "reel_0086401.dpx"
    path.write_bytes(gray_dpx(86401, ramp(0), order))
    header = read_header(path)
    assert header.order == order
    assert header.version == "V2.0"
    assert header.size == (96, 64)
    assert (header.descriptor, header.bits, header.packing) == (LUMA, 10, 1)
    assert header.transfer == PRINTING_DENSITY
    assert not header.is_compressed
    assert header.frame_rate == 24
    assert header.timecode() == "01:00:00:01"
    assert header.timecode(drop=True) == "01:00:00;01"
    assert header.user_bits == 0x12345678
    assert header.edge_code == (EDGE[:12] + b"6401").decode()
    assert header.creator == "ScanStation"
    assert header.position == 86401
    assert len(header.data) == 4096


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_what_is_written_is_what_ffmpeg_reads(bits: int, order: str) -> None:
    rgb = random_rgb(bits)
    header = DpxHeader(scanner_header(7, (13, 9), bits, LUMA, order, 0))
    data = dpx_bytes(header, rgb, bits, "out_0007.dpx")
    frame = decoded(data)
    assert (frame.to_ndarray(format=frame.format.name) == rgb).all()
    assert struct.unpack_from(f"{order}I", data, 16) == (len(data),)


@pytest.mark.parametrize("order", [">", "<"])
def test_a_header_stays_but_for_what_describes_the_samples(order: str) -> None:
    before = scanner_header(7, (13, 9), 10, LUMA, order, 1)
    data = dpx_bytes(DpxHeader(before), random_rgb(10), 10, "out_0007.dpx")
    changed = {at for at in range(4096) if before[at] != data[at]}
    assert changed <= CHANGED
    after = DpxHeader(data[:4096])
    assert after.file_name == "out_0007.dpx"
    assert (after.descriptor, after.bits) == (RGB, 10)


def test_the_first_of_several_elements_is_left() -> None:
    before = bytearray(scanner_header(7, (13, 9), 8, LUMA, ">", 0))
    struct.pack_into(">H", before, 770, 3)
    data = dpx_bytes(DpxHeader(bytes(before)), random_rgb(8), 8, "x.dpx")
    assert DpxHeader(data[:4096]).elements == 1


@pytest.mark.parametrize("kind", [gray_dpx, rgb_dpx])
@pytest.mark.parametrize(
    ("behind", "found"),
    [(b"", []), (bytes(5000), []), (b"\xff" * 10, []), (b"sound", ["data behind the samples"])],
)
def test_what_is_behind_the_samples_is_told(
    kind: Callable[..., bytes], behind: bytes, found: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "x.dpx"
    samples = ramp(0) if kind is gray_dpx else np.stack([ramp(0)] * 3, -1)
    path.write_bytes(kind(0, samples) + behind)
    assert find_more(path, read_header(path)) == found


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_nothing_is_behind_the_samples_of_ffmpegs_frames(bits: int, tmp_path: Path) -> None:
    path = tmp_path / "x.dpx"
    header = DpxHeader(scanner_header(7, (13, 9), bits, LUMA, ">", 0))
    path.write_bytes(dpx_bytes(header, random_rgb(bits), bits, "x.dpx"))
    assert find_more(path, read_header(path)) == []


def test_further_elements_are_told(tmp_path: Path) -> None:
    data = bytearray(gray_dpx(0, ramp(0)))
    struct.pack_into(">H", data, 770, 2)
    (tmp_path / "x.dpx").write_bytes(data)
    header = read_header(tmp_path / "x.dpx")
    assert find_more(tmp_path / "x.dpx", header) == ["further image elements"]


def test_a_name_that_is_too_long_is_not_written() -> None:
    header = DpxHeader(scanner_header(7, (13, 9), 8, LUMA, ">", 0))
    data = dpx_bytes(header, random_rgb(8), 8, "x" * 120 + ".dpx")
    assert DpxHeader(data[:4096]).file_name == "reel_0000007.dpx"


def test_a_label_never_takes_the_place_of_a_project() -> None:
    label = f"Colored by {Label('0.1.0', 'a' * 64, 'default')}"
    header = new_header((13, 9), 8, 6)
    first = add_label(header, label)
    assert first
    assert first.project == label
    again = add_label(first, label.replace("0.1.0", "0.2.0"))
    assert again
    assert "0.2.0" in again.project, "an older label is replaced"
    data = bytearray(header.data)
    data[260:270] = b"Casablanca"
    assert add_label(DpxHeader(bytes(data)), label) is None


@pytest.mark.parametrize(
    ("rate", "found"),
    [(24.0, 24), (23.976, Fraction(24000, 1001)), (29.97, Fraction(30000, 1001)), (18.0, 18)],
)
def test_rates(rate: float, found: Fraction) -> None:
    data = bytearray(scanner_header(7, (13, 9), 8, LUMA, ">", 0))
    struct.pack_into(">f", data, 1724, rate)
    assert DpxHeader(bytes(data)).frame_rate == found


@pytest.mark.parametrize("word", [0, 0xFFFFFFFF, 0x7FC00000, 0x7F800000, 0xC1C00000, 0x4F000000])
def test_rates_that_are_none(word: int) -> None:
    data = bytearray(scanner_header(7, (13, 9), 8, LUMA, ">", 0))
    struct.pack_into(">I", data, 1724, word)
    assert DpxHeader(bytes(data)).frame_rate is None
    struct.pack_into(">f", data, 1940, 25.0)
    assert DpxHeader(bytes(data)).frame_rate == 25, "that of television"


@pytest.mark.parametrize("word", [0xFFFFFFFF, 0x25000000, 0x0A000000, 0x00610000, 0x00006100])
def test_timecodes_that_are_none(word: int) -> None:
    data = bytearray(scanner_header(7, (13, 9), 8, LUMA, ">", 0))
    struct.pack_into(">I", data, 1920, word)
    assert DpxHeader(bytes(data)).timecode() == ""


def test_a_drop_frame_flag_is_read() -> None:
    header = at_frame(new_header((13, 9), 8, 6), 5, "10:59:58;29")
    assert header.timecode() == "10:59:58;29"
    assert header.position == 5


def test_a_short_header_has_no_industry_part() -> None:
    """FFmpeg writes only 1664 bytes; what lies behind them are samples."""
    header = DpxHeader(scanner_header(7, (13, 9), 8, LUMA, ">", 0)[:1664])
    assert header.frame_rate is None
    assert header.timecode() == ""
    assert header.edge_code == ""
    data = dpx_bytes(header, random_rgb(8), 8, "x.dpx")
    frame = decoded(data)
    assert (frame.to_ndarray(format="rgb24") == random_rgb(8)).all()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cut short"),
        (b"SDPX" + bytes(100), "header is cut short"),
        (b"\x89PNG" + bytes(4000), "not a DPX"),
        (b"SDPX" + b"\xff" * 4000, "header is damaged"),
        (scanner_header(7, (13, 9), 8, LUMA, ">", 0)[:3000], "no pixels"),
        (scanner_header(7, (13, 9), 8, LUMA, ">", 0), "no pixels"),
    ],
)
def test_bad_files_are_told_in_one_line(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.dpx"
    path.write_bytes(data)
    with pytest.raises(FilmUnreadable, match=why) as told:
        read_header(path)
    assert "bad.dpx: " in str(told.value)
    with pytest.raises(FilmUnreadable, match="No such file"):
        read_header(tmp_path / "none.dpx")


def test_test_frames_are_what_ffmpeg_takes_them_for() -> None:
    luma = ramp(3)
    gray = decoded(gray_dpx(3, luma))
    assert gray.format.name == "gray10le"
    assert (gray.to_ndarray(format="gray10le") == luma).all()
    color = decoded(rgb_dpx(3, np.stack([luma] * 3, -1)))
    assert (color.to_ndarray(format="gbrp10le") == luma[..., None]).all()
