"""Pictures in and out: luma, depth, orientation, limits."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from vidcolor.core.frames import Frame
from vidcolor.errors import FilmTooLarge, FilmUnreadable, OutputExists, SettingsError
from vidcolor.media.images.files import read_rgb, read_still, write_rgb, write_still
from vidcolor.media.images.header import picture_size
from vidcolor.settings import InputSettings, OutputSettings

RNG = np.random.default_rng(5)
GRAY = RNG.integers(0, 256, (37, 53), dtype=np.uint8)
COLOR = cv2.GaussianBlur(RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8), (5, 5), 2)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_gray_is_kept(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"a{suffix}"), GRAY)
    frame = read_still(tmp_path / f"a{suffix}")
    assert np.array_equal(frame.luma.numpy(), GRAY)
    assert frame.layout.full_range
    assert frame.layout.format == "yuv444p"
    assert all((plane == 128).all() for plane in frame.chroma)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_stay(tmp_path: Path, suffix: str) -> None:
    deep = RNG.integers(0, 65536, (20, 30), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), deep)
    frame = read_still(tmp_path / f"a{suffix}")
    assert np.array_equal(frame.luma.numpy(), deep)
    write_still(frame, tmp_path / "out.png")
    out = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert out.dtype == np.uint16
    assert np.array_equal(out, np.repeat(deep[..., None], 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif"])
def test_color_becomes_luma(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), COLOR)
    frame = read_still(path)
    wanted = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2GRAY)
    assert np.abs(frame.luma.numpy().astype(int) - wanted.astype(int)).max() <= 1


def test_neutral_chroma_gives_gray_png(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), GRAY)
    write_still(read_still(tmp_path / "a.png"), tmp_path / "out.png")
    out = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(out, np.repeat(GRAY[..., None], 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_painted_chroma_is_written(tmp_path: Path, suffix: str) -> None:
    flat = np.full((32, 48), 120, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), flat)
    frame = read_still(tmp_path / "a.png")
    frame.chroma[0].fill_(100)
    frame.chroma[1].fill_(160)
    write_still(frame, tmp_path / f"out{suffix}")
    blue, green, red = cv2.imread(str(tmp_path / f"out{suffix}")).reshape(-1, 3).mean(axis=0)
    assert red == pytest.approx(120 + 1.402 * 32, abs=1.5)
    assert blue == pytest.approx(120 - 1.772 * 28, abs=1.5)
    assert green == pytest.approx(120 + 0.344 * 28 - 0.714 * 32, abs=1.5)


def exif(turned: int, order: str) -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, turned, 0)
    return mark + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)


def turned_jpeg(path: Path, picture: np.ndarray, turned: int, order: str) -> None:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    assert done
    block = b"Exif\0\0" + exif(turned, order)
    app1 = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    path.write_bytes(data.tobytes()[:2] + app1 + data.tobytes()[2:])


# What a picture stored with each orientation looks like upright, in numpy's words.
UPRIGHT = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.transpose(np.rot90(p, 2)),
    8: np.rot90,
}


@pytest.mark.parametrize("turned", sorted(UPRIGHT))
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_orientation_is_applied(tmp_path: Path, turned: int, order: str) -> None:
    picture = cv2.GaussianBlur(GRAY, (9, 9), 4)
    plain, path = tmp_path / "plain.jpg", tmp_path / "a.jpg"
    turned_jpeg(plain, picture, 1, order)
    turned_jpeg(path, picture, turned, order)
    wanted = UPRIGHT[turned](read_still(plain).luma.numpy())
    frame = read_still(path)
    assert np.array_equal(frame.luma.numpy(), wanted)
    opencv = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert np.abs(frame.luma.numpy().astype(int) - opencv).max() <= 2


def test_png_and_tiff_orientation(tmp_path: Path) -> None:
    import zlib

    cv2.imwrite(str(tmp_path / "a.png"), GRAY)
    data = (tmp_path / "a.png").read_bytes()
    body = b"eXIf" + exif(6, ">")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "b.png").write_bytes(data[:33] + chunk + data[33:])
    assert np.array_equal(read_still(tmp_path / "b.png").luma.numpy(), np.rot90(GRAY, -1))


def test_refusals(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), GRAY)
    with pytest.raises(FilmTooLarge, match="53x37 has more than 100 pixels"):
        read_still(path, InputSettings(max_pixels=100))
    (tmp_path / "bad.png").write_bytes(path.read_bytes()[:60])
    with pytest.raises(FilmUnreadable):
        read_still(tmp_path / "bad.png")
    (tmp_path / "text.png").write_bytes(b"hello")
    with pytest.raises(FilmUnreadable, match="not a supported picture file"):
        read_still(tmp_path / "text.png")
    frame = read_still(path)
    with pytest.raises(
        SettingsError, match=r"for a picture, the output must end in \.png, \.jpg, \.jpeg"
    ):
        write_still(frame, tmp_path / "out.gif")
    (tmp_path / "out.png").write_bytes(b"old")
    with pytest.raises(OutputExists):
        write_still(frame, tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == b"old"
    write_still(frame, tmp_path / "out.png", OutputSettings(force=True))
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".part")]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif"])
def test_size_is_known_before_decoding(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), COLOR)
    assert picture_size(path.read_bytes()) == (53, 37)
    with pytest.raises(FilmTooLarge, match="53x37 has more than 1960 pixels"):
        read_still(path, InputSettings(max_pixels=1960))
    assert read_still(path, InputSettings(max_pixels=1961)).luma.shape == (37, 53)
    assert picture_size(path.read_bytes()[:9]) is None


def test_names_with_patterns(tmp_path: Path) -> None:
    path = tmp_path / "%03d.png"
    path.write_bytes(cv2.imencode(".png", GRAY)[1].tobytes())
    assert isinstance(read_still(path), Frame)


def test_picture_codec_is_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), COLOR)
    write_still(read_still(path), tmp_path / "out.jpg")
    with av.open(str(tmp_path / "out.jpg")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuvj444p"


@pytest.mark.parametrize("detail", [2, 40, 120])
def test_jpeg_quality_does_not_depend_on_how_much_there_is_to_write(
    detail: int, tmp_path: Path
) -> None:
    # FFmpeg's rate control, left alone, gives every picture about as many bytes.
    noise = torch.randint(-detail, detail + 1, (3, 300, 400), generator=torch.Generator())
    picture = (128 + noise).to(torch.uint8)
    write_rgb(picture, tmp_path / "a.jpg")
    error = read_rgb(tmp_path / "a.jpg").float() - picture.float()
    assert float(error.square().mean().sqrt()) < 5
