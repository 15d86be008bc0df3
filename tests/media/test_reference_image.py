"""Images that show colors, as files of many kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import vidcolor.media.images.reference
from vidcolor.errors import SettingsError
from vidcolor.media.images.reference import read_reference

RED, BLUE = (200, 30, 20), (20, 40, 180)


def two_colors(mode: str = "RGB") -> Image.Image:
    """Red above blue, 6 wide and 4 high."""
    image = Image.new("RGB", (6, 4), RED)
    image.paste(BLUE, (0, 2, 6, 4))
    return image.convert(mode)


def read(path: Path) -> np.ndarray[Any, Any]:
    found = read_reference(path)
    assert found.dtype == np.uint8
    assert found.shape[2] == 4
    return found


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "gif"])
def test_kinds_of_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    two_colors().save(path, **({"lossless": True} if suffix == "webp" else {}))
    found = read(path)
    assert found.shape == (4, 6, 4)
    assert tuple(found[0, 0]) == (*RED, 255)
    assert tuple(found[3, 5]) == (*BLUE, 255)


@pytest.mark.parametrize(
    ("orientation", "shape", "first"),
    [(1, (4, 6), RED), (3, (4, 6), BLUE), (4, (4, 6), BLUE), (6, (6, 4), BLUE), (8, (6, 4), RED)],
)
def test_an_image_that_lies_on_its_side_is_stood_up(
    orientation: int, shape: tuple[int, int], first: tuple[int, int, int], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    two_colors().save(path, exif=exif)
    found = read(path)
    assert found.shape[:2] == shape
    assert tuple(found[0, 0, :3]) == first


def test_a_png_with_a_palette_and_a_transparent_color(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = two_colors().quantize(4)
    image.save(path, transparency=image.getpixel((0, 3)))
    with Image.open(path) as written:
        assert written.mode == "P"
    found = read(path)
    assert tuple(found[0, 0]) == (*RED, 255)
    assert (found[2:, :, 3] == 0).all()
    assert (found[:2, :, 3] == 255).all()


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGBA", "CMYK"])
def test_other_modes_are_read_as_colors(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    two_colors(mode).save(path)
    found = read(path)
    assert found.shape == (4, 6, 4)
    assert (found[..., 3] == 255).all()


def wide_profile() -> bytes:
    """ICC profile whose red is green: what ignores it is found out."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = bytearray(profile)
    count = int.from_bytes(profile[128:132], "big")
    tags = {profile[at : at + 4]: at for at in range(132, 132 + 12 * count, 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    swapped[red + 4 : red + 12] = profile[green + 4 : green + 12]
    swapped[green + 4 : green + 12] = profile[red + 4 : red + 12]
    return bytes(swapped)


@pytest.mark.parametrize("alpha", [None, 77])
def test_colors_are_those_of_the_profile(alpha: int | None, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = Image.new("RGB", (6, 4), (200, 30, 20))
    if alpha is not None:
        image.putalpha(alpha)
    image.save(path, icc_profile=wide_profile())
    found = read(path)[0, 0].astype(int)
    assert np.abs(found[:3] - (30, 200, 20)).max() <= 2
    assert found[3] == (255 if alpha is None else alpha)


def test_a_palette_image_with_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (6, 4), (200, 30, 20)).quantize(4).save(path, icc_profile=wide_profile())
    assert np.abs(read(path)[0, 0, :3].astype(int) - (30, 200, 20)).max() <= 2


def test_a_profile_that_is_none_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    two_colors().save(path, icc_profile=b"no profile")
    assert tuple(read(path)[0, 0, :3]) == RED


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_what_is_no_image_is_refused_in_a_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match=r"a\.png is no image that can be read; save it as PNG"):
        read_reference(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_an_image_that_breaks_off_is_refused(suffix: str, tmp_path: Path) -> None:
    whole, path = tmp_path / f"whole.{suffix}", tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole)
    data = whole.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SettingsError, match="no image that can be read"):
        read_reference(path)


def test_an_image_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no image that can be read"):
        read_reference(tmp_path / "none.png")


def test_an_image_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    two_colors().save(path)
    monkeypatch.setattr(vidcolor.media.images.reference, "MAX_PIXELS", 23)
    with pytest.raises(SettingsError, match="million pixels"):
        read_reference(path)
