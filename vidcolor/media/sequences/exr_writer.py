"""OpenEXR frames: linear light, of which color changes the ratios and not the luminance.

A frame that comes from an EXR keeps its attributes, its compression, and all channels that are no
colors. Its luminance is that of its own floats, also below 0 and above 1; the frame that was
colored tells only how red, green and blue divide it.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vidcolor.color.transfer import to_light
from vidcolor.core.files import printable
from vidcolor.core.frames import Frame
from vidcolor.errors import FilmUnreadable, OutputError
from vidcolor.media.images.rgb import frame_rgb
from vidcolor.media.sequences.exr import open_exr
from vidcolor.media.sequences.label import EXR_LABEL

_COLORS = ("R", "G", "B")
_LUMINANCE = ("Y", "RY", "BY")
_REC709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
_LEAST = 1e-8
"""Of 1: light below which a color has no hue."""
_WHOLE = 65535.0


def linear_rgb(frame: Frame) -> np.ndarray:
    """``(H, W, 3)`` float32 linear light of a colored frame, 0..1.

    Codes of ordinary video are taken for those of sRGB, as on the screens that show both: so an EXR
    looks like the film that it was made of, and gives its codes back where it is read again.
    """
    codes = torch.from_numpy(frame_rgb(frame, 16).astype(np.float32)).div_(_WHOLE)
    curve = frame.layout.transfer
    light = to_light(codes, "srgb" if curve == "bt1886" else curve)
    return np.asarray(light.numpy(), np.float32)


def write_exr(
    path: Path,
    frame: Frame,
    source: Path | None,
    attributes: dict[str, Any],
    timecode: str = "",
) -> None:
    """Write a colored frame.

    Args:
        path: Of the new file.
        frame: In color.
        source: The EXR file that it was read from; None where it comes from elsewhere.
        attributes: To be added, unless the source has them.
        timecode: ``HH:MM:SS:FF`` or ``HH:MM:SS;FF``; of a frame that has none.

    Raises:
        FilmUnreadable: The source cannot be read.
        OutputError: The file cannot be written.
    """
    exr = open_exr()
    light = linear_rgb(frame)
    header: dict[str, Any] = {"type": exr.scanlineimage, "compression": exr.ZIP_COMPRESSION}
    channels = {name: np.float16(light[..., at]) for at, name in enumerate(_COLORS)}
    rest: list[Any] = []
    if source:
        try:
            parts = exr.File(str(source), separate_channels=True).parts
            header = {key: value for key, value in parts[0].header.items() if key != "channels"}
            channels, rest = _recolor(exr, parts[0], light), list(parts[1:])
        except (RuntimeError, ValueError, IndexError, TypeError) as exc:
            name = printable(source.name)
            raise FilmUnreadable(f"{name}: cannot be read as EXR: {printable(exc)}") from exc
    for key, value in attributes.items():
        header.setdefault(key, value)
    if timecode and "timeCode" not in header:
        header["timeCode"] = _time(exr, timecode)
    try:
        file = exr.File([exr.Part(header, channels), *rest]) if rest else exr.File(header, channels)
        file.write(str(path))
    except (RuntimeError, ValueError, TypeError) as exc:
        raise OutputError(f"EXR cannot be written: {printable(exc)}") from exc


def attributes_of(rate: Fraction | None, aspect: Fraction | None, comment: str) -> dict[str, Any]:
    """What a frame says of itself that comes from no EXR."""
    found: dict[str, Any] = {}
    if rate:
        found["framesPerSecond"] = rate
    if aspect:
        found["pixelAspectRatio"] = float(aspect)
    if comment:
        found[EXR_LABEL] = comment
    return found


def _recolor(exr: Any, part: Any, light: np.ndarray) -> dict[str, Any]:
    """The channels of a part in color; those that are no colors stay as they are."""
    held = part.channels
    names = [name for name in _COLORS if name in held]
    if len(names) != 3 and "Y" not in held:
        raise ValueError("it has neither R, G, B nor Y")
    weights = luminance_weights(part.header.get("chromaticities", _REC709))
    if len(names) == 3:
        planes = [held[name].pixels for name in _COLORS]
        kind = planes[0].dtype
        wide = [plane.astype(np.float64) for plane in planes]
        with np.errstate(invalid="ignore", over="ignore"):
            luminance = sum(weight * plane for weight, plane in zip(weights, wide, strict=True))
        gray = (planes[0] == planes[1]) & (planes[1] == planes[2])
        luminance = np.where(gray, wide[0], luminance)
    else:
        kind, luminance = held["Y"].pixels.dtype, held["Y"].pixels.astype(np.float64)
    ratios = ratios_of(_place_light(light, part, luminance.shape), weights)
    largest, given = float(np.finfo(kind).max), luminance[..., None]
    with np.errstate(invalid="ignore", over="ignore"):
        made = np.clip(given * ratios, -largest, largest)
    made = np.where(np.isfinite(given) & (given > 0), made, given)
    channels = {name: held[name] for name in held if name not in (*_COLORS, *_LUMINANCE)}
    with np.errstate(over="ignore"):
        return channels | {
            name: exr.Channel(np.ascontiguousarray(made[..., at].astype(kind)))
            for at, name in enumerate(_COLORS)
        }


def ratios_of(light: np.ndarray, weights: tuple[float, float, float]) -> np.ndarray:
    """``(H, W, 3)`` float64: red, green and blue of colors whose luminance is 1.

    Args:
        light: ``(H, W, 3)`` linear light.
        weights: Of the three in luminance.
    """
    wide = light.astype(np.float64)
    total = wide @ np.array(weights)
    dark = total < _LEAST
    return np.where(dark[..., None], 1.0, wide / np.where(dark, 1.0, total)[..., None])


def luminance_weights(chromaticities: Any) -> tuple[float, float, float]:
    """Of red, green and blue in luminance, by (x, y) of the primaries and of white."""
    numbers = np.asarray(chromaticities, np.float64).reshape(4, 2)
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in numbers]).T
    red, green, blue = np.linalg.solve(columns[:, :3], columns[:, 3])
    return float(red), float(green), float(blue)


def _place_light(light: np.ndarray, part: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The light of the display window where the data window has its samples; else gray."""
    (left, top), _ = part.header["dataWindow"]
    (x, y), _ = part.header["displayWindow"]
    across, down = int(left - x), int(top - y)
    height, width = shape
    if (across, down) == (0, 0) and light.shape[:2] == (height, width):
        return light
    found = np.ones((height, width, 3), np.float32)
    rows = slice(max(0, -down), max(0, min(height, light.shape[0] - down)))
    columns = slice(max(0, -across), max(0, min(width, light.shape[1] - across)))
    inner = light[
        max(0, down) : max(0, down) + max(0, rows.stop - rows.start),
        max(0, across) : max(0, across) + max(0, columns.stop - columns.start),
    ]
    found[rows, columns] = inner
    return found


def _time(exr: Any, text: str) -> Any:
    """A timecode as the attribute that holds it."""
    hours, minutes, seconds, frames = (int(part) for part in text.replace(";", ":").split(":"))
    drop = int(";" in text)
    return exr.TimeCode(hours, minutes, seconds, frames, drop, *[0] * 5, *[0] * 8)
