"""What is harmed: small pictures of many kinds, with all that travels beside them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from fuzzing.films import gray_picture

_DPI = (300, 300)


def _gray(index: int = 0) -> Image.Image:
    return Image.fromarray(gray_picture(index, 99))


def _color(index: int = 0) -> Image.Image:
    gray = gray_picture(index, 99)
    return Image.fromarray(np.stack([gray, gray, gray], axis=-1))


def _deep() -> Image.Image:
    return Image.fromarray(gray_picture(0, 99).astype(np.uint16) * 257)


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "Mill by the river"
    return exif.tobytes()


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _rich_png() -> bytes:
    words = PngImagePlugin.PngInfo()
    words.add_text("Title", "Mill")
    words.add(b"gAMA", (45_455).to_bytes(4, "big"))
    options = {"pnginfo": words, "exif": _exif(), "dpi": _DPI}
    return _saved(_gray(), "PNG", icc_profile=_profile(), **options)


def _profile() -> bytes:
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = bytes([7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])  # made at a fixed time
    data[84:100] = bytes(16)  # its check sum
    return bytes(data)


def make_photos() -> dict[str, bytes]:
    """Every kind of picture by name."""
    pages = {"save_all": True, "append_images": [_gray(1), _gray(2)]}
    moving = pages | {"duration": 100, "loop": 0}
    told = {"exif": _exif(), "icc_profile": _profile()}
    bits = _gray().point(lambda value: 255 * (value > 110)).convert("1")
    return {
        "rgb.png": _saved(_color(), "PNG"),
        "rich.png": _rich_png(),
        "moving.png": _saved(_gray(), "PNG", **moving),
        "deep.png": _saved(_deep(), "PNG"),
        "palette.png": _saved(_gray().convert("P"), "PNG"),
        "gray.jpg": _saved(_gray(), "JPEG", quality=90),
        "rich.jpg": _saved(_color(), "JPEG", quality=90, dpi=_DPI, comment="Mill", **told),
        "progressive.jpg": _saved(_color(), "JPEG", quality=90, progressive=True),
        "cmyk.jpg": _saved(_color().convert("CMYK"), "JPEG", quality=90),
        "lossy.webp": _saved(_color(), "WEBP", quality=90, **told),
        "lossless.webp": _saved(_color(), "WEBP", lossless=True),
        "moving.webp": _saved(_color(), "WEBP", **(moving | {"append_images": [_color(1)]})),
        "raw.tif": _saved(_gray(), "TIFF", dpi=_DPI),
        "lzw.tif": _saved(_color(), "TIFF", compression="tiff_lzw"),
        "pages.tif": _saved(_gray(), "TIFF", compression="tiff_deflate", **pages),
        "fax.tif": _saved(bits, "TIFF", compression="group4"),
        "jpeg.tif": _saved(_color(), "TIFF", compression="jpeg"),
        "deep.tif": _saved(_deep(), "TIFF"),
        "cmyk.tif": _saved(_color().convert("CMYK"), "TIFF", compression="packbits"),
        "gray.bmp": _saved(_gray(), "BMP"),
    }
