"""Images that show colors: read as sRGB, upright, with what they leave out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from vidcolor.core.files import printable
from vidcolor.errors import SettingsError

MAX_PIXELS = 1 << 26
"""Of an image, at most."""


def read_reference(path: Path) -> np.ndarray[Any, Any]:
    """``(H, W, 4)`` uint8 sRGB and alpha of an image, upright.

    Raises:
        SettingsError: It cannot be read, or is too large.
    """
    name = printable(path)
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise SettingsError(f"{name} has more than {MAX_PIXELS >> 20} million pixels")
            upright = ImageOps.exif_transpose(image)
            rgba = upright.convert("RGBA")
            profile = image.info.get("icc_profile")
            if profile and upright.mode in ("RGB", "RGBA", "P", "PA"):
                rgba = _into_srgb(rgba, profile)
    except SettingsError:
        raise
    except Exception as error:  # Pillow's plug-ins raise whatever they like at damaged files
        raise SettingsError(f"{name} is no image that can be read; save it as PNG") from error
    return np.asarray(rgba)


def _into_srgb(rgba: Image.Image, profile: bytes) -> Image.Image:
    """Colors of an image with an ICC profile; as they are where the profile is of no use."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(
            rgba.convert("RGB"), own, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return rgba
    assert made is not None
    made.putalpha(rgba.getchannel("A"))
    return made
