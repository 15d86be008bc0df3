"""Kinds of pictures: read right, or refused by name; never black, never negative."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from stills import plain_tags, saved, scene, tiff_bytes, tiled

from vidcolor.errors import FilmError, FilmTooLarge, FilmUnreadable, UnsupportedPixels
from vidcolor.media.images.files import read_rgb, read_still
from vidcolor.media.images.reader import Still
from vidcolor.media.images.tiff import pages_of
from vidcolor.media.open import film_is_still, open_video
from vidcolor.settings import InputSettings

GRAY = scene()
RGB = np.stack([GRAY, GRAY[::-1], GRAY // 2 + 30], axis=-1)
LUMA = np.rint(RGB @ np.array([0.299, 0.587, 0.114]))


def put(folder: Path, data: bytes, name: str = "a.tif") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def luma_of(path: Path) -> np.ndarray:
    frame = read_still(path)
    return frame.luma.numpy().astype(float) / (1 if frame.layout.bits == 8 else 257)


@pytest.mark.parametrize(
    ("compression", "apart"),
    [(None, 0.5), ("jpeg", 6), ("tiff_lzw", 0.5), ("tiff_adobe_deflate", 0.5), ("packbits", 0.5)],
)
@pytest.mark.parametrize("picture", ["gray", "rgb"])
def test_compressed_tiff(
    picture: str, compression: str | None, apart: float, tmp_path: Path
) -> None:
    samples, wanted = (GRAY, GRAY) if picture == "gray" else (RGB, LUMA)
    options = {"compression": compression} if compression else {}
    path = put(tmp_path, saved(samples, "TIFF", **options))
    assert np.abs(luma_of(path) - wanted).mean() <= apart


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_is_neither_black_nor_negative(compression: str, tmp_path: Path) -> None:
    black = scene() > 100
    file = io.BytesIO()
    Image.fromarray(black).save(file, "TIFF", compression=compression)
    assert np.array_equal(luma_of(put(tmp_path, file.getvalue())), black * 255)


@pytest.mark.parametrize("tags", [{}, {266: 2}, {278: 16}], ids=["plain", "mirrored", "strips"])
def test_a_fax_that_is_cut_short_is_damaged(tags: dict[int, int], tmp_path: Path) -> None:
    """Pillow takes what is in the memory for the lines that are missing, and says nothing."""
    file = io.BytesIO()
    Image.fromarray(scene() > 100).save(file, "TIFF", compression="group4", tiffinfo=tags)
    data = bytearray(file.getvalue())
    assert not read_still(put(tmp_path, bytes(data))).damaged
    (page,) = pages_of(io.BytesIO(data))
    kind, counts, last = page.tags[279][0], page.tags[279][2], page.numbers(279)[-1]
    at, size = data.index(counts) + len(counts), {3: 2, 4: 4}[kind]
    data[at - size : at] = (last // 2).to_bytes(size, "little")
    (page,) = pages_of(io.BytesIO(data))
    assert page.numbers(279)[-1] == last // 2
    assert read_still(put(tmp_path, bytes(data))).damaged


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_order_and_bigtiff(order: str, big: bool, tmp_path: Path) -> None:
    data = tiff_bytes([(plain_tags(*GRAY.shape), [GRAY.tobytes()])], order, big)
    assert np.array_equal(luma_of(put(tmp_path, data)), GRAY)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("photometric", [0, 1])
def test_bits_and_min_is_white(bits: int, photometric: int, tmp_path: Path) -> None:
    top = (1 << bits) - 1
    codes = np.rint(GRAY.astype(float) / 255 * top).astype(np.uint16)
    stored = top - codes if photometric == 0 else codes
    if bits == 16:
        strip = stored.astype("<u2").tobytes()
    else:
        unpacked = ((stored[..., None] >> np.arange(bits)[::-1]) & 1).astype(np.uint8)
        strip = np.packbits(unpacked.reshape(len(stored), -1), axis=1).tobytes()
    data = tiff_bytes([(plain_tags(*GRAY.shape, bits, photometric), [strip])])
    assert np.abs(luma_of(put(tmp_path, data)) - codes * (255 / top)).max() <= 1


@pytest.mark.parametrize("picture", [GRAY, RGB, GRAY.astype(np.uint16) * 257])
def test_tiles(picture: np.ndarray, tmp_path: Path) -> None:
    wanted = LUMA if picture.ndim == 3 else GRAY
    assert np.abs(luma_of(put(tmp_path, tiff_bytes([tiled(picture)]))) - wanted).max() <= 1


@pytest.mark.parametrize("planar", [False, True])
def test_deep_rgb_keeps_its_bits(planar: bool, tmp_path: Path) -> None:
    deep = RGB.astype(np.uint16) * 257
    deep[5, 5] = 1001
    tags = plain_tags(*GRAY.shape, 16, 2, 3) | {284: (3, [2 if planar else 1])}
    pieces = [p.tobytes() for p in np.moveaxis(deep, 2, 0)] if planar else [deep.tobytes()]
    frame = read_still(put(tmp_path, tiff_bytes([(tags, pieces)])))
    assert frame.layout.bits == 16
    assert int(frame.luma[5, 5]) == 1001


def test_cmyk_is_no_light(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(RGB).convert("CMYK").save(file, "TIFF")
    assert np.abs(luma_of(put(tmp_path, file.getvalue())) - LUMA).max() <= 2
    file = io.BytesIO()
    Image.fromarray(RGB).convert("CMYK").save(file, "JPEG", quality=95)
    assert np.abs(luma_of(put(tmp_path, file.getvalue(), "a.jpg")) - LUMA).mean() <= 4


def bmp_os2(picture: np.ndarray) -> bytes:
    """A BMP as OS/2 1 has it: a short header, and colors of three bytes."""
    palette = bytes(value for index in range(256) for value in (index, index, index))
    head = struct.pack("<IHHHH", 12, *picture.shape[::-1], 1, 8) + palette
    rows = b"".join(row.tobytes() + bytes(-len(row) % 4) for row in picture[::-1])
    return (
        b"BM" + struct.pack("<IHHI", 14 + len(head) + len(rows), 0, 0, 14 + len(head)) + head + rows
    )


def bmp_rle(picture: np.ndarray, bits: int) -> bytes:
    """A run-length coded BMP; ``picture`` holds indices, its width is even."""
    rows = []
    for row in picture[::-1]:
        step = 1 if bits == 8 else 2
        codes = row if bits == 8 else (row[::2] << 4) | row[1::2]
        rows.append(b"".join(bytes((step, int(code))) for code in codes) + b"\0\0")
    body = b"".join(rows)[:-2] + b"\0\1"
    palette = bytes(
        value
        for index in range(1 << bits)
        for value in ((index * 255 // ((1 << bits) - 1)),) * 3 + (0,)
    )
    height, width = picture.shape
    size = len(body)
    colors = 1 << bits
    head = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, 3 - bits // 4, size, 0, 0, colors, 0
    )
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + size, 0, 0, start) + head + palette + body


def test_bmp_of_all_times(tmp_path: Path) -> None:
    assert np.array_equal(luma_of(put(tmp_path, bmp_os2(GRAY), "a.bmp")), GRAY)
    assert np.array_equal(luma_of(put(tmp_path, bmp_rle(GRAY, 8), "b.bmp")), GRAY)
    few = GRAY // 17
    assert np.array_equal(luma_of(put(tmp_path, bmp_rle(few, 4), "c.bmp")), few.astype(int) * 17)
    data = bytearray(bmp_os2(GRAY))
    data[14:18] = struct.pack("<I", 300)
    with pytest.raises(FilmError, match="an unusual BMP"):
        read_still(put(tmp_path, bytes(data), "d.bmp"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pgm", b"P5\n# made\n64 48\n255\n" + GRAY.tobytes()),
        ("b.pgm", b"P5 64 48 65535\n" + (GRAY.astype(">u2") * 257).tobytes()),
        ("a.ppm", b"P6\n64 48\n255\n" + np.repeat(GRAY[..., None], 3, axis=2).tobytes()),
        ("a.webp", saved(GRAY, "WEBP", lossless=True)),
        ("a.jp2", saved(GRAY, "JPEG2000")),
        ("a.avif", saved(GRAY, "AVIF", quality=100)),
    ],
)
def test_other_kinds_are_read(name: str, data: bytes, tmp_path: Path) -> None:
    path = put(tmp_path, data, name)
    assert np.abs(luma_of(path) - GRAY).max() <= 2
    with pytest.raises(FilmTooLarge, match="64x48 has more than 3000 pixels"):
        read_still(path, InputSettings(max_pixels=3000))


def odd_tiff(**tags: Any) -> bytes:
    numbers = {int(name[1:]): value for name, value in tags.items()}
    strip = GRAY.astype("<u8").tobytes()
    return tiff_bytes([(plain_tags(*GRAY.shape) | numbers, [strip])])


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.tif", odd_tiff(t258=(3, [32]), t339=(3, [3])), "TIFF with floating-point samples"),
        ("a.tif", odd_tiff(t258=(3, [16]), t339=(3, [2])), "TIFF with signed samples"),
        ("a.tif", odd_tiff(t258=(3, [32])), "TIFF with 32 bits per sample"),
        ("a.tif", odd_tiff(t258=(3, [10])), "TIFF with 10 bits per sample"),
        ("a.tif", odd_tiff(t258=(3, [12])), "TIFF with 12 bits per sample"),
        ("a.tif", odd_tiff(t258=(3, [14])), "TIFF with 14 bits per sample"),
        ("a.tif", odd_tiff(t259=(3, [6])), "TIFF with old-style JPEG compression"),
        ("a.tif", odd_tiff(t259=(3, [50002])), "TIFF with JPEG XL compression"),
        ("a.tif", odd_tiff(t262=(3, [32845])), "LogLuv"),
        ("a.tif", odd_tiff(t262=(3, [32803])), "camera raw file"),
        ("a.dng", odd_tiff(t50706=(1, [1, 4, 0, 0])), "camera raw file"),
        ("a.dpx", b"SDPX" + bytes(2000), "DPX"),
        ("a.exr", b"\x76\x2f\x31\x01" + bytes(2000), "OpenEXR"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "HEIC"),
        ("a.jxl", b"\xff\x0a" + bytes(100), "JPEG XL"),
        ("a.pfm", b"Pf\n64 48\n-1.0\n" + bytes(100), "PFM"),
        ("a.psd", b"8BPS\0\1" + bytes(100), "Photoshop"),
        ("a.ico", saved(GRAY, "ICO"), "ICO"),
        ("a.svg", b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "SVG"),
        ("a.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(100), "camera raw file"),
    ],
)
def test_the_kind_is_named(name: str, data: bytes, kind: str, tmp_path: Path) -> None:
    path = put(tmp_path, data, name)
    assert film_is_still(path)
    for read in (read_still, read_rgb):
        with pytest.raises(
            UnsupportedPixels, match=f"{kind}.*; (convert it to PNG|name the folder)"
        ):
            read(path)


def test_films_are_no_pictures(tmp_path: Path) -> None:
    for number, head in enumerate(
        [
            b"\0\0\0\x18ftypisom\0\0\2\0isomiso2",
            b"\0\0\1\xba\x44",
            b"\0\0\1\0\1\2",
            b"RIFF....AVI ",
            b"BMfilm",
        ]
    ):
        path = put(tmp_path, head + bytes(600), f"{number}.mp4")
        assert not film_is_still(path)
        with pytest.raises(FilmError):
            open_video(path)


def test_a_blank_picture_has_a_second_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, saved(RGB, "PNG"), "a.png")
    blank = Still(path).photo()
    blank.samples = np.zeros_like(blank.samples)
    monkeypatch.setattr(Still, "_by_ffmpeg", lambda *_, **__: lambda: blank)
    assert np.abs(luma_of(path) - LUMA).max() <= 1
    assert read_still(path).damaged
    monkeypatch.setattr(Still, "_by_pillow", lambda *_: pytest.fail)
    flat = put(tmp_path, saved(np.full((40, 40), 7, np.uint8), "PNG"), "flat.png")
    monkeypatch.undo()
    assert (read_still(flat).luma == 7).all()
    assert not read_still(flat).damaged


def without(data: bytes, start: int, count: int) -> bytes:
    return data[:start] + data[start + count :]


JPEG = saved(GRAY, "JPEG")
TABLES, SAMPLES = JPEG.index(b"\xff\xdb"), JPEG.index(b"\xff\xda")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("no tables.jpg", without(JPEG, TABLES, 69).replace(b"\xff\xc0", b"\xff\xdb\0\2\xff\xc0")),
        ("no samples.jpg", JPEG[:SAMPLES] + b"\xff\xd9"),
        ("no parts.jpg", JPEG[:SAMPLES] + b"\xff\xda\0\x08\0" + JPEG[SAMPLES + 5 :]),
        ("hole.jpg", without(JPEG, SAMPLES + 90, 60)),
        ("unknown part.jpg", JPEG[: SAMPLES + 5] + b"\x41" + JPEG[SAMPLES + 6 :]),
        ("few.tif", tiff_bytes([(plain_tags(*GRAY.shape), [GRAY.tobytes()[:7]])])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_reader_hides_is_told(name: str, data: bytes, tmp_path: Path) -> None:
    path = put(tmp_path, data, name.replace(" ", "-"))
    assert read_still(path).damaged


def test_whole_pictures_are_not_called_damaged(tmp_path: Path) -> None:
    flat = np.full((64, 48), 7, np.uint8)
    for number, samples in enumerate((GRAY, RGB, flat, flat[:17, :9])):
        for more in ({}, {"progressive": True}, {"quality": 20}, {"restart_marker_rows": 1}):
            path = put(tmp_path, saved(samples, "JPEG", **more), f"{number}.jpg")
            assert not read_still(path).damaged


def test_loops_and_lies_in_a_tiff(tmp_path: Path) -> None:
    page = (plain_tags(*GRAY.shape), [GRAY.tobytes()])
    data = bytearray(tiff_bytes([page]))
    (at,) = struct.unpack_from("<I", data, 4)
    link = at + 2 + 12 * len(page[0]) + 24
    struct.pack_into("<I", data, link, at)
    assert Still(put(tmp_path, bytes(data))).pages == 1
    many = plain_tags(*GRAY.shape) | {279: (4, [0xFFFFFFF0])}
    with pytest.raises(FilmTooLarge, match="its samples take more than"):
        read_still(put(tmp_path, tiff_bytes([(many, [GRAY.tobytes()])])))
    short = put(tmp_path, tiff_bytes([(plain_tags(96, 64), [GRAY.tobytes()])]))
    assert read_still(short).damaged
    with pytest.raises(FilmTooLarge, match="100000x100000 has more than"):
        read_still(put(tmp_path, tiff_bytes([(plain_tags(100_000, 100_000), [b"x"])])))
    with pytest.raises(FilmUnreadable, match="too damaged to read"):
        read_still(put(tmp_path, b"II*\0\xff\xff\xff\xff" + bytes(20)))


@pytest.mark.parametrize(
    "head", [saved(GRAY, "JPEG")[:400], saved(GRAY, "PNG")[:60], b"P5 64 48 255 "]
)
def test_sparse_files_are_not_read(head: bytes, tmp_path: Path) -> None:
    path = put(tmp_path, head, "a.jpg")
    os.truncate(path, 20 << 30)
    tracemalloc.start()
    try:
        for read in (read_still, read_rgb):
            with pytest.raises(FilmTooLarge, match="far more than a picture of 64x48 takes"):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_a_sparse_tiff_costs_no_more_than_its_samples(tmp_path: Path) -> None:
    path = put(tmp_path, tiff_bytes([(plain_tags(*GRAY.shape), [GRAY.tobytes()])]))
    os.truncate(path, 20 << 30)
    assert np.array_equal(luma_of(path), GRAY)


PEAK = """
import resource, sys
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.run.video import colorize_video
from vidcolor.settings import ColorizerSettings
colorizer = Colorizer.from_weights(sys.argv[1], ColorizerSettings(device="cpu", size=64))
colorize_video(sys.argv[2], sys.argv[3], colorizer=colorizer)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["o.png", "o.jpg", "o.tif"])
def test_memory_of_a_large_picture(name: str, tmp_path: Path, quick_weights: Path) -> None:
    rows = (np.arange(8192) // 32).astype(np.uint8)
    path = put(tmp_path, saved(np.tile(rows[:, None, None], (1, 8192, 3)), "PNG"), "a.png")
    assert path.stat().st_size < 500_000
    command = [sys.executable, "-c", PEAK, str(quick_weights), str(path), str(tmp_path / name)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(run.stdout) < 2500, "MB"


def test_damage_in_a_tiff_says_nothing_by_itself(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tags = plain_tags(*GRAY.shape) | {259: (3, [8])}
    path = put(tmp_path, tiff_bytes([(tags, [zlib.compress(GRAY.tobytes())[:30] + bytes(200)])]))
    assert read_still(path).damaged
    assert capfd.readouterr().err == ""
