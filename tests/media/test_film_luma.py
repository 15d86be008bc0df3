"""Luma: the same bytes from the decoder to the encoder, and with --lossless to the file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import Spec, make_film
from seen import luma_bytes, md5, plane_view, see
from ways import lossless, recolor

from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import open_video

FORMATS = [
    ("ffv1", "yuv420p", ".mkv"),
    ("ffv1", "yuv420p10le", ".mkv"),
    ("ffv1", "yuv420p12le", ".mkv"),
    ("ffv1", "yuv422p", ".mkv"),
    ("ffv1", "yuv422p10le", ".mkv"),
    ("ffv1", "yuv444p", ".mkv"),
    ("ffv1", "yuv444p16le", ".mkv"),
    ("ffv1", "yuv411p", ".mkv"),
    ("ffv1", "yuv410p", ".mkv"),
    ("ffv1", "yuv440p", ".mkv"),
    ("ffv1", "yuv420p9le", ".mkv"),
    ("ffv1", "yuva420p", ".mkv"),
    ("ffv1", "gray", ".mkv"),
    ("ffv1", "gray10le", ".mkv"),
    ("ffv1", "gray16le", ".mkv"),
    ("libx264", "yuv420p", ".mp4"),
    ("libx264", "yuv422p10le", ".mp4"),
    ("libx265", "gray12le", ".mkv"),
    ("libx264", "gray", ".mkv"),
    ("prores_ks", "yuv422p10le", ".mov"),
    ("mjpeg", "yuvj420p", ".avi"),
]


CASES = [
    (codec, pix_fmt, suffix, target)
    for codec, pix_fmt, suffix in FORMATS
    for target in (".mkv", ".mp4", ".mov")
    # MOV holds no more than ten bits without loss: test_film_encode sees the refusal.
    if target != ".mov" or not any(bits in pix_fmt for bits in ("p9", "12", "16"))
]


@pytest.mark.parametrize(("codec", "pix_fmt", "suffix", "target"), CASES)
def test_lossless_luma_is_the_films(
    tmp_path: Path, codec: str, pix_fmt: str, suffix: str, target: str
) -> None:
    source = tmp_path / f"in{suffix}"
    make_film(source, Spec(codec=codec, pix_fmt=pix_fmt, frames=4))
    before = see(source)
    run = recolor(source, tmp_path / f"out{target}", lossless())
    after = see(tmp_path / f"out{target}")
    assert run.plan.luma == "exact"
    assert after.luma == before.luma
    slack = Fraction(1, 2000) if target == ".mkv" else 0  # Matroska counts milliseconds
    pairs = zip(after.pts, before.pts, strict=True)
    assert all(abs(a - b) <= slack for a, b in pairs)


@pytest.mark.parametrize("size", [(97, 65), (97, 64), (96, 65), (33, 17), (2, 2), (16, 16), (1, 1)])
@pytest.mark.parametrize("target", [".mkv", ".mov"])
def test_any_size(tmp_path: Path, size: tuple[int, int], target: str) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(width=size[0], height=size[1], frames=3))
    run = recolor(source, tmp_path / f"out{target}", lossless())
    after = see(tmp_path / f"out{target}")
    assert after.size == size
    assert after.luma == see(source).luma
    if target == ".mov" and (size[0] % 2 or size[1] % 2):
        assert run.plan.layout.format == "yuv444p"


@pytest.mark.parametrize("pix_fmt", ["bgr0", "gbrp", "gbrp10le", "gbrp12le", "rgb48le"])
def test_rgb_is_converted_once_and_said_so(tmp_path: Path, pix_fmt: str) -> None:
    codec, suffix = ("utvideo", ".avi") if pix_fmt == "gbrp" else ("ffv1", ".mkv")
    source = tmp_path / f"in{suffix}"
    make_film(source, Spec(codec=codec, pix_fmt=pix_fmt, frames=3))
    run = recolor(source, tmp_path / "out.mkv", lossless())
    assert run.plan.luma.startswith("converted from")
    with av.open(str(source)) as a, av.open(str(tmp_path / "out.mkv")) as b:
        for rgb, yuv in zip(a.decode(video=0), b.decode(video=0), strict=True):
            bits = yuv.format.components[0].bits
            assert yuv.color_range == 2
            assert bits == max(c.bits for c in rgb.format.components)
            wide = rgb.reformat(format="gbrp" if bits == 8 else f"gbrp{bits}le")
            green = plane_view(wide.planes[0], bits)
            # The fixture is gray, so luma is the value that all three channels have.
            assert np.array_equal(plane_view(yuv.planes[0], bits), green)


@pytest.mark.parametrize("pix_fmt", ["yuyv422", "uyvy422"])
def test_packed_yuv_keeps_its_numbers(tmp_path: Path, pix_fmt: str) -> None:
    source = tmp_path / "in.avi"
    make_film(source, Spec(codec="rawvideo", pix_fmt=pix_fmt, frames=3))
    run = recolor(source, tmp_path / "out.mkv", lossless())
    assert run.plan.layout.format == "yuv422p"
    assert run.plan.luma == "exact"
    with av.open(str(source)) as a, av.open(str(tmp_path / "out.mkv")) as b:
        for packed, planar in zip(a.decode(video=0), b.decode(video=0), strict=True):
            line = packed.planes[0].line_size
            rows = np.frombuffer(packed.planes[0], np.uint8).reshape(-1, line)
            luma = rows[: packed.height, (pix_fmt == "uyvy422") : 2 * packed.width : 2]
            assert np.array_equal(plane_view(planar.planes[0], 8), luma)


def test_gray_is_tagged_full_range(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(pix_fmt="gray", frames=2))
    recolor(source, tmp_path / "out.mp4", lossless())
    after = see(tmp_path / "out.mp4")
    assert after.pix_fmt == "yuv420p"
    assert after.tags == (2, 6, 6, 6)


def test_painted_chroma_reaches_the_file(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=3))
    recolor(source, tmp_path / "out.mkv", lossless())
    with av.open(str(tmp_path / "out.mkv")) as container:
        for frame in container.decode(video=0):
            assert set(np.unique(plane_view(frame.planes[1], 8))) == {90}
            assert set(np.unique(plane_view(frame.planes[2], 8))) == {150}


def test_painting_never_reaches_the_decoders_references(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    make_film(source, Spec(codec="libx264", frames=24, color="full", options={"bf": "3"}))
    with av.open(str(source)) as container:
        plain = [md5(plane_view(f.planes[1], 8).tobytes()) for f in container.decode(video=0)]
    painted = []
    with open_video(source) as film:
        for frame in decode(film):
            painted.append(md5(frame.chroma[0].numpy().tobytes()))
            frame.chroma[0].zero_()
    assert painted == plain


def test_luma_view_is_the_pictures_memory(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(width=33, height=17, pix_fmt="yuv420p10le", frames=2))
    with open_video(source) as film:
        for frame in decode(film):
            assert frame.luma.shape == (17, 33)
            assert frame.chroma[0].shape == (9, 17)
            assert frame.luma.numpy().tobytes() == luma_bytes(frame.picture)
            frame.chroma[1].fill_(321)
            assert (plane_view(frame.picture.planes[2], 10) == 321).all()


@pytest.mark.parametrize(
    ("color", "verdict"), [("none", "gray"), ("tint", "tinted"), ("full", "colored")]
)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p10le"])
def test_color_of_the_source_is_told(
    tmp_path: Path, color: str, verdict: str, pix_fmt: str
) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(color=color, pix_fmt=pix_fmt))
    assert recolor(source, tmp_path / "out.mkv", lossless()).source_color == verdict


def test_nine_bits_become_ten_where_no_codec_has_nine(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    made = make_film(source, Spec(pix_fmt="yuv420p9le", frames=2))
    run = recolor(source, tmp_path / "out.mov", lossless())
    assert run.plan.layout.format == "yuv420p10le"
    assert run.plan.luma == "converted from yuv420p9le"
    with av.open(str(tmp_path / "out.mov")) as container:
        for frame, luma in zip(container.decode(video=0), made.luma, strict=True):
            assert np.array_equal(plane_view(frame.planes[0], 10), luma << 1)


def test_vfr_lossless(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    pts = (0, 40, 83, 125, 300, 341, 900, 933)
    make_film(source, Spec(time_base=Fraction(1, 1000), pts=pts))
    recolor(source, tmp_path / "out.mp4", lossless())
    after = see(tmp_path / "out.mp4")
    assert after.luma == see(source).luma
    assert after.pts == [Fraction(p, 1000) for p in pts]
