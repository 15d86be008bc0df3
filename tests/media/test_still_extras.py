"""What stands beside a picture goes along or is told; profiles and gamma are respected."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from stills import LINEAR, animation, gamma_curve, gray_profile, png_with, saved, scene

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.report import Report
from vidcolor.errors import CannotCarry
from vidcolor.media.images.files import read_rgb, read_still
from vidcolor.media.images.photo import color_of, notes_of
from vidcolor.media.images.reader import Still
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.video import colorize_video
from vidcolor.settings import ColorizerSettings, OutputSettings, Settings

GRAY = scene()
RGB = np.stack([GRAY, GRAY[::-1], GRAY // 2 + 30], axis=-1)
XMP = b'<x:xmpmeta><rdf tiff:Orientation="6" dc:title="attic"/></x:xmpmeta>'
IPTC = b"\x1c\x02\x78\x00\x04capt"


Paints = Callable[..., tuple[Path, Report]]


@pytest.fixture(scope="module")
def colored(quick: ColorNet) -> Paints:
    """Colors a picture to a name beside it; the target and the report."""
    colorizer = Colorizer(quick, ColorizerSettings(device="cpu", size=64))

    def color(source: Path, name: str, **output: Any) -> tuple[Path, Report]:
        target = source.with_name(name)
        settings = Settings(output=OutputSettings(force=True, **output))
        return target, colorize_video(source, target, colorizer=colorizer, settings=settings)

    return color


def album_leaf() -> bytes:
    """A turned JPEG with everything beside it that there is."""
    exif = Image.Exif()
    exif[0x010E] = "Aunt Emma, 1932"
    exif[0x013B] = "Karl"
    exif[0x0112] = 6
    exif[0x011A], exif[0x011B], exif[0x0128] = 600.0, 600.0, 2
    exif.get_ifd(0x8769)[0x9003] = "1932:05:01 10:00:00"
    exif.get_ifd(0x8769)[0xA002] = 64
    exif.get_ifd(0x8769)[0xA003] = 48
    exif.get_ifd(0x8825)[1] = "N"
    data = saved(GRAY, "JPEG", exif=exif.tobytes(), dpi=(600, 600), quality=95, xmp=XMP)
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + b"\0"
    comment = b"from the attic"
    more = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    more += b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    return data[:2] + more + data[2:]


@pytest.mark.parametrize(
    ("name", "lost"),
    [("o.jpg", []), ("o.png", ["IPTC"]), ("o.tif", ["text 'Comment'"])],
)
def test_all_goes_along(name: str, lost: list[str], tmp_path: Path, colored: Paints) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(album_leaf())
    target, report = colored(source, name)
    assert [one.what for one in report.left_behind] == lost
    assert {"EXIF", "XMP", "resolution (600 dpi)"} <= set(report.carried)
    with Image.open(target) as picture:
        assert picture.size == (48, 64)
        exif = picture.getexif()
        assert exif[0x010E] == "Aunt Emma, 1932"
        assert exif[0x013B] == "Karl"
        assert exif.get(0x0112, 1) == 1, "the picture stands upright already"
        inner = exif.get_ifd(0x8769)
        assert inner[0x9003] == "1932:05:01 10:00:00"
        assert (inner[0xA002], inner[0xA003]) == (48, 64)
        assert exif.get_ifd(0x8825)[1] == "N"
        assert picture.info["dpi"] == pytest.approx((600, 600), abs=0.1)
        assert b'tiff:Orientation="1"' in picture.info["xmp"]
        assert b"attic" in picture.info["xmp"]
        if name == "o.tif":
            assert picture.tag_v2[33723] == IPTC
        elif name == "o.jpg":
            assert picture.info["photoshop"][0x0404] == IPTC
            assert picture.info["comment"] == b"from the attic"
        else:
            assert picture.text["Comment"] == "from the attic"
    # What was turned once is not turned again, and what went along goes along again.
    upright = read_still(source).luma.numpy().astype(int)
    _, again = colored(target, "again.png")
    assert np.abs(read_still(target).luma.numpy() - upright).mean() < 2
    assert {"EXIF", "XMP", "resolution (600 dpi)"} <= set(again.carried)


def test_strictly_all_or_nothing(tmp_path: Path, colored: Paints) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(album_leaf())
    with pytest.raises(CannotCarry, match="cannot copy IPTC"):
        colored(source, "o.png", strict=True)
    assert not (tmp_path / "o.png").exists()


def test_texts_of_a_png(tmp_path: Path, colored: Paints) -> None:
    source = tmp_path / "a.png"
    data = png_with(saved(GRAY, "PNG", dpi=(300, 300)), b"tEXt", b"Author\0Karl")
    data = png_with(data, b"tEXt", b"gamma\0this is a text")
    end = data[-12:]
    late = png_with(b"x" * 33, b"tEXt", b"Late\0behind the samples")[33:]
    source.write_bytes(data[:-12] + late + end)
    target, report = colored(source, "o.png")
    assert not report.left_behind
    with Image.open(target) as picture:
        picture.load()
        found = {key: str(text) for key, text in picture.text.items() if "xmp" not in key}
        assert found == {"Author": "Karl", "gamma": "this is a text", "Late": "behind the samples"}
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    target, report = colored(source, "o.jpg")
    assert {one.what for one in report.left_behind} == {"text 'gamma'", "text 'Late'"}
    with Image.open(target) as picture:
        assert picture.getexif()[0x013B] == "Karl"


CURVES = {"linear": (LINEAR, 1.0), "1.8": (gamma_curve(1.8), 1.8), "2.6": (gamma_curve(2.6), 2.6)}


def srgb(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("curve", CURVES)
def test_gray_of_another_curve(curve: str, kind: str, tmp_path: Path) -> None:
    data, gamma = CURVES[curve]
    path = tmp_path / "a"
    options = {"quality": 100, "lossless": True} if kind == "WEBP" else {}
    path.write_bytes(saved(GRAY, kind, icc_profile=gray_profile(data), **options))
    if kind == "WEBP":  # which has no gray: a profile of gray means nothing there
        assert notes_of(Still(path).photo()) == []
        return
    wanted = srgb((GRAY / 255) ** gamma)
    assert np.abs(read_still(path).luma.numpy() - wanted).mean() < 2
    assert np.abs(read_rgb(path)[0].numpy() - wanted).mean() < 2
    assert any("converted to sRGB (Gray made)" in note for note in notes_of(Still(path).photo()))


def test_deep_gray_of_another_curve(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    deep = np.tile(np.arange(0, 65536, 16, dtype=np.uint16), (4, 1))
    path.write_bytes(saved(deep, "TIFF", icc_profile=gray_profile(LINEAR)))
    frame = read_still(path)
    assert frame.layout.bits == 16
    assert np.abs(frame.luma.numpy() - srgb(deep / 65535) * 257).max() <= 1


def test_a_curve_like_srgb_changes_nothing(tmp_path: Path) -> None:
    places = np.arange(1024) / 1023
    light = np.where(places <= 0.04045, places / 12.92, ((places + 0.055) / 1.055) ** 2.4)
    table = b"curv" + bytes(4) + struct.pack(">I1024H", 1024, *np.rint(light * 65535).astype(int))
    path = tmp_path / "a.png"
    path.write_bytes(saved(GRAY, "PNG", icc_profile=gray_profile(table)))
    assert np.array_equal(read_still(path).luma.numpy(), GRAY)


@pytest.mark.parametrize(("gamma", "power"), [(100_000, 1.0), (55_556, 1.8), (45_455, None)])
def test_gamma_of_a_png(gamma: int, power: float | None, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_with(saved(GRAY, "PNG"), b"gAMA", struct.pack(">I", gamma)))
    wanted = GRAY if power is None else srgb((GRAY / 255) ** power)
    assert np.abs(read_still(path).luma.numpy() - wanted).max() <= 0.6
    data = png_with(path.read_bytes(), b"sRGB", b"\0")
    path.write_bytes(data)
    assert np.array_equal(read_still(path).luma.numpy(), GRAY), "sRGB is what counts"


def test_colors_of_other_primaries(tmp_path: Path) -> None:
    """Adobe RGB by gAMA and cHRM; green of it is no green of sRGB."""
    path = tmp_path / "a.png"
    data = png_with(saved(RGB, "PNG"), b"gAMA", struct.pack(">I", 45455))
    places = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    path.write_bytes(png_with(data, b"cHRM", struct.pack(">8I", *places)))
    found = read_rgb(path).permute(1, 2, 0).numpy().astype(int)
    green = (RGB[..., 1] > RGB[..., 0].astype(int) + 30) & (RGB[..., 0] > 90)
    assert (found[..., 0][green] < RGB[..., 0][green]).all()
    gray = np.full((9, 9, 3), 120, np.uint8)
    path.write_bytes(
        png_with(
            png_with(saved(gray, "PNG"), b"cHRM", struct.pack(">8I", *places)),
            b"gAMA",
            struct.pack(">I", 45455),
        )
    )
    assert np.abs(read_rgb(path).numpy().astype(int) - 120).max() <= 1


@pytest.mark.parametrize("name", ["o.png", "o.jpg", "o.tif"])
def test_profile_of_the_target(name: str, tmp_path: Path, colored: Paints) -> None:
    source = tmp_path / "a.png"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source.write_bytes(saved(RGB, "PNG", icc_profile=icc))
    target, report = colored(source, name)
    assert "ICC profile" in report.carried
    with Image.open(target) as picture:
        assert picture.info["icc_profile"] == icc
    source.write_bytes(saved(GRAY, "PNG", icc_profile=gray_profile(LINEAR)))
    target, report = colored(source, name)
    assert report.luma == "converted from Gray made"
    with Image.open(target) as picture:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert np.abs(read_still(target).luma.numpy() - srgb(GRAY / 255)).mean() < 3


def test_colored_photographs_are_told(tmp_path: Path, colored: Paints) -> None:
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        path = tmp_path / f"a.{kind.lower()}"
        path.write_bytes(saved(RGB, kind))
        assert color_of(Still(path).photo()) == "colored"
        path.write_bytes(saved(np.repeat(GRAY[..., None], 3, axis=2), kind))
        assert color_of(Still(path).photo()) == "gray"
        sepia = np.stack([GRAY, GRAY * 0.85, GRAY * 0.65], axis=-1).astype(np.uint8)
        path.write_bytes(saved(sepia, kind))
        assert color_of(Still(path).photo()) == "tinted"
    path = tmp_path / "c.jpg"
    path.write_bytes(saved(RGB, "JPEG"))
    _, report = colored(path, "o.png")
    assert report.source_color == "colored"
    wanted = "the picture was already colored; it was recolored from its luma only"
    assert wanted in report.notes


def pages(count: int, **options: Any) -> bytes:
    pictures = [Image.fromarray(np.roll(GRAY, 9 * place, axis=1)) for place in range(count)]
    file = io.BytesIO()
    pictures[0].save(file, "TIFF", save_all=True, append_images=pictures[1:], **options)
    return file.getvalue()


def test_all_pages_of_a_tiff(tmp_path: Path, colored: Paints) -> None:
    source = tmp_path / "a.tif"
    source.write_bytes(pages(4, dpi=(300, 300)))
    target, report = colored(source, "o.tif")
    assert report.clean
    assert report.frames == 4
    with Image.open(target) as picture:
        assert picture.n_frames == 4
        for place in range(4):
            picture.seek(place)
            luma = np.asarray(picture.convert("L")).astype(int)
            assert np.abs(luma - np.roll(GRAY, 9 * place, axis=1)).max() <= 4
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    _, report = colored(source, "o.png")
    (left,) = report.left_behind
    assert left.what == "pages 2 to 4"
    assert left.why == "only page 1 of 4 was colored; name a .tif to color all pages"


def test_a_page_that_cannot_be_read_is_left_behind(tmp_path: Path, colored: Paints) -> None:
    file = io.BytesIO()
    odd = Image.fromarray(GRAY.astype(np.float32))
    Image.fromarray(GRAY).save(file, "TIFF", save_all=True, append_images=[odd])
    source = tmp_path / "a.tif"
    source.write_bytes(file.getvalue())
    target, report = colored(source, "o.tif")
    (left,) = report.left_behind
    assert left.what == "page 2"
    assert left.why.startswith("is a TIFF with floating-point samples")
    with Image.open(target) as picture:
        assert picture.n_frames == 1


@pytest.mark.parametrize(
    ("kind", "unit"), [("PNG", "frame"), ("WEBP", "frame"), ("MPO", "picture")]
)
def test_several_pictures_are_told(kind: str, unit: str, tmp_path: Path, colored: Paints) -> None:
    source = tmp_path / "a.x"
    source.write_bytes(animation(kind))
    _, report = colored(source, "o.jpg")
    (left,) = report.left_behind
    assert left.what == f"{unit}s 2 to 3"
    assert left.why.startswith(f"only {unit} 1 of 3 was colored; ")


def test_an_animated_png_becomes_a_film(tmp_path: Path, colored: Paints) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(animation("PNG", 5))
    _, report = colored(source, "o.mkv")
    assert report.frames == 5
    source.write_bytes(saved(GRAY, "PNG"))
    with pytest.raises(Exception, match="for a picture, the output must end in"):
        colored(source, "o.mkv")


def test_deep_color_tiff_is_written(tmp_path: Path, colored: Paints) -> None:
    source = tmp_path / "a.png"
    deep = (GRAY.astype(np.uint16) * 257) + 3
    source.write_bytes(saved(deep, "PNG"))
    target, _ = colored(source, "o.tif")
    frame = read_still(target)
    assert frame.layout.bits == 16
    assert np.abs(frame.luma.numpy().astype(int) - deep).mean() < 100, "of 65535"
