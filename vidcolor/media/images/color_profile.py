"""How the codes of a picture become those of sRGB: its ICC profile, or what a PNG says instead.

Gray of another curve (linear, gamma 1.8, dot gain) is brought to the curve of sRGB, colors of
other primaries to those of sRGB, so that the net sees them, and the target shows them, as they
were meant. What is as good as sRGB keeps its codes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Floats = NDArray[np.float64]
Curve = Callable[[Floats], Floats]
"""From codes 0..1 to light 0..1."""

_SAME = 2
"""Codes of 8 bits up to which two ways of coding are taken for one."""
_SRGB_GAMMA, _NEAR = 1 / 2.2, 0.006
_BAND = 1 << 20
_D50 = np.array([0.9642, 1.0, 0.8249])
_SRGB = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
"""Columns: red, green and blue of sRGB as XYZ under D50."""
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True)
class Tone:
    """What the codes of a picture mean that is not sRGB."""

    name: str
    """Such as ``Gray Gamma 2.2``."""
    curves: tuple[Curve, ...]
    """One for gray, three for RGB; none where lcms is asked."""
    colors: Floats | None = None
    """Columns: the primaries as XYZ under D50; None for gray."""
    icc: bytes = b""
    """For lcms, where curves and a matrix do not tell."""

    def applied(self, samples: np.ndarray) -> np.ndarray:
        """The same picture in codes of sRGB.

        Args:
            samples: ``(H, W)`` gray or ``(H, W, 3)`` RGB, uint8 or uint16.
        """
        if samples.ndim == 2:
            gray: np.ndarray = self._table(samples.dtype)[samples]
            return gray
        found = np.empty_like(samples)
        rows = max(1, _BAND // max(1, samples.shape[1]))
        for at in range(0, len(samples), rows):
            found[at : at + rows] = self._colors(samples[at : at + rows])
        return found

    def _table(self, dtype: np.dtype[np.generic]) -> np.ndarray:
        top = np.iinfo(dtype).max  # type: ignore[type-var]
        light = self.curves[0](np.arange(top + 1) / top)
        table: np.ndarray = np.rint(_srgb_codes(light) * top).astype(dtype)
        return table

    def _colors(self, band: np.ndarray) -> np.ndarray:
        if self.colors is None:
            return _by_lcms(band, self.icc)
        top = np.iinfo(band.dtype).max
        codes = np.arange(top + 1) / top
        light = np.stack(
            [curve(codes)[band[..., place]] for place, curve in enumerate(self.curves)], axis=-1
        )
        light = light @ (np.linalg.inv(_SRGB) @ self.colors).T
        found: np.ndarray = np.rint(_srgb_codes(light) * top).astype(band.dtype)
        return found


def tone_of_icc(icc: bytes, gray: bool) -> Tone | None:
    """What a profile says of gray or RGB samples; None where that is sRGB, or of other samples."""
    tags = dict(_tags(icc))
    space = icc[16:20]
    name = _name_of(icc)
    if gray and space in (b"GRAY", b"RGB "):
        curve = _curve(tags.get(b"kTRC" if space == b"GRAY" else b"rTRC", b""))
        return _unless_srgb(Tone(name, (curve,))) if curve else None
    if gray or space != b"RGB ":
        return None
    curves = [_curve(tags.get(tag, b"")) for tag in (b"rTRC", b"gTRC", b"bTRC")]
    colors = [tags.get(tag, b"")[8:20] for tag in (b"rXYZ", b"gXYZ", b"bXYZ")]
    found = tuple(curve for curve in curves if curve)
    if b"A2B0" not in tags and len(found) == 3 and all(len(color) == 12 for color in colors):
        columns = np.array([struct.unpack(">3i", color) for color in colors]).T / 65536
        return _unless_srgb(Tone(name, found, columns))
    return _unless_srgb(Tone(name, (), None, icc))


def tone_of_gamma(
    gamma: float | None, primaries: tuple[float, ...] | None, gray: bool
) -> Tone | None:
    """What gAMA and cHRM of a PNG say of gray or RGB samples; None where that is sRGB or nothing.

    Args:
        gamma: Codes are light to this power.
        primaries: x and y of white, red, green and blue.
        gray: Which samples.
    """
    if gamma is not None and not 0.05 <= gamma <= 5:
        gamma = None
    name = f"gamma {1 / (gamma or _SRGB_GAMMA):.3g}"
    plain = gamma is None or abs(gamma - _SRGB_GAMMA) < _NEAR
    if plain and (gray or not primaries):
        return None
    curve = _from_srgb if gamma is None or plain else _power(1 / gamma)
    if gray:
        return _unless_srgb(Tone(name, (curve,)))
    colors: Floats | None = _SRGB
    if primaries and len(primaries) == 8:
        colors, name = _colorants(primaries), f"{name}, primaries of its own"
    return None if colors is None else _unless_srgb(Tone(name, (curve,) * 3, colors))


def srgb_icc() -> bytes:
    """A profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def cmyk_to_rgb(picture: Image.Image, icc: bytes) -> Image.Image:
    """A CMYK picture in sRGB by its profile; without a usable one by plain arithmetic."""
    if icc[16:20] == b"CMYK":
        try:
            found = ImageCms.profileToProfile(
                picture, io.BytesIO(icc), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            found = None
        if found is not None:
            return found
    return picture.convert("RGB")


def _unless_srgb(tone: Tone) -> Tone | None:
    """The tone; None where it changes nothing that can be seen, or does not work."""
    if len(tone.curves) == 1:
        samples = np.arange(256, dtype=np.uint8)[None]
    else:
        steps = np.array([0, 32, 96, 160, 224, 255], dtype=np.uint8)
        samples = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    try:
        changed = tone.applied(samples)
    except (ImageCms.PyCMSError, OSError, ValueError, np.linalg.LinAlgError):
        return None
    difference = np.abs(changed.astype(int) - samples.astype(int)).max()
    return tone if difference > _SAME else None


def _by_lcms(band: np.ndarray, icc: bytes) -> np.ndarray:
    """RGB by lcms, which Pillow asks for 8 bits only."""
    deep = band.dtype == np.uint16
    picture = Image.fromarray((band >> 8).astype(np.uint8) if deep else band)
    done = ImageCms.profileToProfile(picture, io.BytesIO(icc), ImageCms.createProfile("sRGB"))
    found = np.asarray(done)
    return found.astype(np.uint16) * 257 if deep else found


def _name_of(icc: bytes) -> str:
    try:
        name = ImageCms.getProfileDescription(ImageCms.getOpenProfile(io.BytesIO(icc)))
    except (ImageCms.PyCMSError, OSError, ValueError):
        name = ""
    return "".join(c for c in name.strip() if c.isprintable())[:60] or "its ICC profile"


def _tags(icc: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of the tags of a profile."""
    if len(icc) < 132 or icc[36:40] != b"acsp":
        return
    count = min(int.from_bytes(icc[128:132], "big"), 200)
    for at in range(132, min(132 + 12 * count, len(icc) - 11), 12):
        start, length = struct.unpack_from(">II", icc, at + 4)
        yield icc[at : at + 4], icc[start : start + length]


def _curve(data: bytes) -> Curve | None:
    """The curve of a ``curv`` or ``para`` tag; None for anything else."""
    kind = data[:4]
    if kind == b"curv" and len(data) >= 12:
        (count,) = struct.unpack_from(">I", data, 8)
        if count == 0:
            return _power(1.0)
        if len(data) < 12 + 2 * count or count > 1 << 17:
            return None
        values = np.frombuffer(data, ">u2", count, 12).astype(np.float64)
        if count == 1:
            return _power(values[0] / 256)
        places = np.linspace(0, 1, count)
        return lambda codes: np.interp(codes, places, values / 65535)
    if kind == b"para" and len(data) >= 12:
        (form,) = struct.unpack_from(">H", data, 8)
        count = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}.get(form, 0)
        if count and len(data) >= 12 + 4 * count:
            numbers = [n / 65536 for n in struct.unpack_from(f">{count}i", data, 12)]
            return _parametric(form, numbers)
    return None


def _parametric(form: int, numbers: list[float]) -> Curve:
    """A parametric curve of ICC.1, section 10.18."""
    g, a, b, c, d, e, f = [*numbers, *[0.0] * (7 - len(numbers))]
    if form == 0:
        return _power(g)
    if form in (1, 2):
        d, e, f, c = (-b / a if a else 0.0), c, c, 0.0  # offset above and below the break

    def light(codes: Floats) -> Floats:
        above = np.maximum(a * codes + b, 0) ** g + e
        return np.where(codes >= d, above, c * codes + f)

    return light


def _power(gamma: float) -> Curve:
    return lambda codes: codes**gamma


def _from_srgb(codes: Floats) -> Floats:
    """Light of sRGB codes (IEC 61966-2-1)."""
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def _srgb_codes(light: Floats) -> Floats:
    """The inverse, held within 0..1."""
    light = np.nan_to_num(light).clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _colorants(primaries: tuple[float, ...]) -> Floats | None:
    """Primaries as XYZ under D50, as the columns of a matrix; None where they make no sense."""
    xy = np.array(primaries, dtype=np.float64).reshape(4, 2)
    if (xy[:, 1] < 0.01).any():
        return None
    xyz = np.stack([xy[:, 0], xy[:, 1], 1 - xy.sum(1)]) / xy[:, 1]
    white, colors = xyz[:, 0], xyz[:, 1:]
    try:
        colors = colors * np.linalg.solve(colors, white)
    except np.linalg.LinAlgError:
        return None
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: Floats = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ colors
    return adapted
