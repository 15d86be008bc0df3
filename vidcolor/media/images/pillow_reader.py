"""The second reader: pictures by Pillow, under the limits of the first one.

What FFmpeg does not read, or is not sure about: TIFFs in tiles, with JPEG or fax inside, BMPs of
OS/2, CMYK, Lab, PGM, JPEG 2000, AVIF. And what stands beside the samples, whoever decodes them.
"""

from __future__ import annotations

import io
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from vidcolor.core.files import printable
from vidcolor.errors import FilmUnreadable, UnsupportedPixels, VidcolorError
from vidcolor.media.images.color_profile import cmyk_to_rgb
from vidcolor.media.images.kinds import PNG, TIFF, Kind, png_frames, refusal
from vidcolor.media.open import check_size
from vidcolor.settings import InputSettings

_GRAY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
_MOST_TEXT = 1 << 20
_STDERR = Lock()
logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its errors go to the terminal


@dataclass
class Told:
    """What a picture says of itself beside its samples."""

    frames: int = 1
    icc: bytes = b""
    gamma: float | None = None
    """Of a PNG without a profile: codes are light to this power."""
    primaries: tuple[float, ...] | None = None
    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    texts: dict[str, str] = field(default_factory=dict)


def told_by(data: bytes, kind: Kind) -> Told:
    """What the file ``data`` says of its picture; as much as can be read, nothing where none can.

    TIFFs are not asked here: `vidcolor.media.images.tiff` reads their tags.
    """
    if kind == TIFF:
        return Told()
    try:
        with _open_picture(_without_samples(data) if kind == PNG else data, kind) as picture:
            told = _describe(picture)
            told.frames = png_frames(data) if kind == PNG else getattr(picture, "n_frames", 1)
            return told
    except Exception:  # a stranger's file makes plugins raise whatever they like
        return Told(frames=png_frames(data) if kind == PNG else 1)


def decode_with_pillow(
    data: bytes, kind: Kind, settings: InputSettings, name: str, icc: bytes = b""
) -> tuple[np.ndarray, bool]:
    """The first picture of the file ``data``, and whether it was transparent somewhere.

    Args:
        data: The whole file.
        kind: Of it.
        settings: Limits.
        name: Of the file, for errors.
        icc: Its profile, for CMYK.

    Returns:
        ``(H, W)`` gray or ``(H, W, 3)`` RGB, uint8 or uint16.

    Raises:
        FilmUnreadable: It is damaged.
        FilmTooLarge: More pixels than ``settings.max_pixels``.
        UnsupportedPixels: Pillow does not know such samples, or they are no integers.
    """
    try:
        with _open_picture(data, kind) as picture:
            check_size(*picture.size, settings, name)
            with _quiet() if kind == TIFF else nullcontext():
                picture.load()
            return _samples(picture, icc, name)
    except VidcolorError:
        raise
    except UnidentifiedImageError as exc:
        raise UnsupportedPixels(refusal(name, f"{kind.name} of an unusual kind")) from exc
    except Exception as exc:  # a stranger's file makes plugins raise whatever they like
        reason = printable(exc)[:80]
        raise FilmUnreadable(f"{name}: is damaged ({reason})") from exc


@contextmanager
def _open_picture(data: bytes, kind: Kind) -> Iterator[Image.Image]:
    """The picture; only its own plugin sees it. Pillow's own guard against bombs stays on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damage in tags; the guard's error is no warning
        with Image.open(io.BytesIO(data), formats=[kind.pillow]) as picture:
            yield picture


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what libtiff has to say of damage from the terminal: it writes there by itself."""
    with _STDERR:
        try:
            kept = os.dup(2)
        except OSError:  # there is none
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _samples(picture: Image.Image, icc: bytes, name: str) -> tuple[np.ndarray, bool]:
    mode = picture.mode
    see_through = mode in _ALPHA or (mode == "P" and "transparency" in picture.info)
    if mode == "F":
        raise UnsupportedPixels(f"{name}: has floating-point samples; convert it to 16 bits first")
    if mode in _GRAY_16 or mode == "I":
        deep = np.asarray(picture)
        if mode == "I" and (deep.min() < 0 or deep.max() > 65535):
            raise UnsupportedPixels(f"{name}: has 32-bit samples; convert it to 16 bits first")
        return deep.astype(np.uint16), False
    if mode in ("1", "L", "LA"):
        gray = np.asarray(picture.convert("L") if mode == "1" else picture)
        return np.array(gray if gray.ndim == 2 else gray[..., 0]), see_through
    if mode == "CMYK":
        return np.array(cmyk_to_rgb(picture, icc)), False
    if mode == "La":
        return np.array(picture.convert("LA"))[..., 0].copy(), True
    if mode in ("RGBA", "RGBX"):
        return np.asarray(picture)[..., :3].copy(), mode == "RGBA" and _is_see_through(picture)
    if mode in ("PA", "RGBa"):
        picture = picture.convert("RGBA")
        return np.asarray(picture)[..., :3].copy(), True
    return np.array(picture if mode == "RGB" else picture.convert("RGB")), see_through


def _is_see_through(picture: Image.Image) -> bool:
    least: Any = picture.getchannel("A").getextrema()[0]
    return bool(least < 255)


def _describe(picture: Image.Image) -> Told:
    info = picture.info
    told = Told()
    # A text of a PNG may be called like anything that Pillow finds: types tell them apart.
    told.icc = _bytes(info.get("icc_profile"))
    told.xmp = _bytes(info.get("xmp"))
    told.exif = _bytes(info.get("exif")).removeprefix(b"Exif\0\0")
    if not told.icc and not isinstance(info.get("srgb"), int):
        gamma, primaries = info.get("gamma"), info.get("chromaticity")
        told.gamma = gamma if isinstance(gamma, float) else None
        told.primaries = primaries if isinstance(primaries, tuple) else None
    photoshop = info.get("photoshop")
    if isinstance(photoshop, dict):
        told.iptc = _bytes(photoshop.get(0x0404))
    told.dpi = _dpi(info.get("dpi"))
    if picture.format == "PNG":
        told.texts = {
            str(key): str(text)[:_MOST_TEXT]
            for key, text in info.items()
            if isinstance(text, str) and key not in ("XML:com.adobe.xmp", "xmp")
        }
    comment = info.get("comment")
    if isinstance(comment, bytes) and comment.strip(b"\0 "):
        told.texts["Comment"] = comment[:_MOST_TEXT].decode("utf-8", "replace")
    return told


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _dpi(value: object) -> tuple[float, float] | None:
    try:
        across, down = (float(number) for number in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 < across < 1e5 and 1 < down < 1e5 else None


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, whole chunk) of a PNG, as long as they are whole and their check sums right."""
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        chunk = data[at:end]
        if end > len(data) or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            return
        yield chunk[4:8], chunk
        at = end


def _without_samples(data: bytes) -> bytes:
    """The PNG with all that it says before a picture of nothing, where Pillow looks for it."""
    kept = [chunk for name, chunk in png_chunks(data) if name not in (b"IDAT", b"fdAT", b"IEND")]
    empty = b"".join(
        struct.pack(">I", 0) + name + struct.pack(">I", zlib.crc32(name))
        for name in (b"IDAT", b"IEND")
    )
    return data[:8] + b"".join(kept) + empty
