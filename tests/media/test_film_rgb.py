"""Films and pictures as RGB: matrix, range and depth as tagged."""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from films import Spec, flip_bytes, make_film
from seen import plane_view

from vidcolor.errors import FilmUnreadable
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.images.files import read_rgb
from vidcolor.media.open import open_video

KR_KB = {
    1: (0.2126, 0.0722),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""ITU-T H.273, table 4."""


def frames_of(path: Path) -> list[np.ndarray]:
    with open_video(path) as film, closing(film_rgb(film)) as frames:
        return [rgb.numpy() for rgb in frames]


def h273(picture: av.VideoFrame, bits: int, full: bool, matrix: int) -> np.ndarray:
    """``(3, H, W)`` R'G'B' codes 0..255 of a planar picture, after ITU-T H.273, section 8.3."""
    y, u, v = (plane_view(plane, bits).astype(float) for plane in picture.planes[:3])
    up, across = y.shape[0] // u.shape[0], y.shape[1] // u.shape[1]
    u, v = (np.repeat(np.repeat(c, up, 0), across, 1) for c in (u, v))
    step, top = 1 << (bits - 8), (1 << bits) - 1
    y = y / top if full else (y - 16 * step) / (219 * step)
    cb, cr = ((c - 128 * step) / (top if full else 224 * step) for c in (u, v))
    kr, kb = KR_KB[matrix]
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack([red, green, blue]) * 255, 0, 255)


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv420p", "yuv422p10le"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", list(KR_KB))
def test_matrix_and_range_are_the_films(
    matrix: int, full: bool, pix_fmt: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.mkv"
    tags = (1 + full, matrix, 1, 1)
    make_film(path, Spec(pix_fmt=pix_fmt, tags=tags, color="tint", frames=3))
    with av.open(str(path)) as container:
        bits = 10 if "10" in pix_fmt else 8
        expected = [h273(p, bits, full, matrix) for p in container.decode(video=0)]
    found = frames_of(path)
    assert len(found) == 3
    assert found[0].dtype == np.uint8
    # swscale rounds well, but is a code off where full range has more than 8 bits.
    limit = 1.5 if full and bits > 8 else 0.6
    assert max(np.abs(f - e).max() for f, e in zip(found, expected, strict=True)) < limit


def test_an_untagged_film_is_taken_as_players_take_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    make_film(path, Spec(color="tint", frames=1))  # 96 x 64: BT.601
    with av.open(str(path)) as container:
        expected = h273(next(container.decode(video=0)), 8, False, 6)
    assert np.abs(frames_of(path)[0] - expected).max() < 0.6


def write_film(path: Path, samples: np.ndarray, form: str, pix_fmt: str, full: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width, stream.pix_fmt = *samples.shape[:2], pix_fmt
        stream.codec_context.color_range = full
        picture = av.VideoFrame.from_ndarray(samples, format=form)
        picture = picture if form == pix_fmt else picture.reformat(format=pix_fmt)
        picture.pts = 0
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_rgb_films_are_exact(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (33, 47, 3), dtype=np.uint8)
    path = write_film(tmp_path / "a.mkv", samples, "rgb24", "bgr0")
    assert np.array_equal(frames_of(path)[0], samples.transpose(2, 0, 1))


@pytest.mark.parametrize("full", [0, 1, 2], ids=["untagged", "limited", "full"])
def test_gray_films_have_a_range_too(full: int, tmp_path: Path) -> None:
    samples = np.random.default_rng(2).integers(0, 256, (33, 47), dtype=np.uint8)
    path = write_film(tmp_path / "a.mkv", samples, "gray", "gray", full)
    expected = np.clip((samples - 16.0) * 255 / 219, 0, 255) if full == 1 else samples.astype(float)
    (found,) = frames_of(path)
    assert found.shape == (3, 33, 47)
    assert np.abs(found - expected).max() <= 0.5


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix"),
    [("mjpeg", "yuvj420p", ".avi"), ("libx264", "yuv420p", ".mp4"), ("ffv1", "yuva420p", ".mkv")],
)
def test_every_frame_comes_in_color(codec: str, pix_fmt: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    make_film(path, Spec(codec=codec, pix_fmt=pix_fmt, color="tint", frames=14))
    found = frames_of(path)
    assert len(found) == 14
    for rgb in found:  # the tint: more blue, less red
        red, _, blue = rgb.reshape(3, -1).mean(1)
        assert blue > red + 30


def test_a_frame_that_cannot_be_decoded_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    make_film(path, Spec(codec="png", pix_fmt="rgb24"))
    broken = flip_bytes(path, tmp_path / "broken.avi")
    with pytest.raises(FilmUnreadable, match=r"broken\.avi: a frame cannot be decoded"):
        frames_of(broken)


def test_a_picture_is_read_as_it_is_seen(tmp_path: Path) -> None:
    seen = np.zeros((40, 60, 3), np.uint8)
    seen[:20, :30] = (30, 60, 220)  # B, G, R at the top left
    stored = cv2.rotate(seen, cv2.ROTATE_90_COUNTERCLOCKWISE)
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    _, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 100])
    block = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path = tmp_path / "a.jpg"
    path.write_bytes(data.tobytes()[:2] + block + data.tobytes()[2:])
    rgb = read_rgb(path).numpy()
    assert rgb.shape == (3, 40, 60)
    assert np.abs(rgb[:, 10, 15].astype(int) - (220, 60, 30)).max() < 6
    assert rgb[:, 30, 45].max() < 6
