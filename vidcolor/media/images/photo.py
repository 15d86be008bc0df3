"""A picture as it was read, and what is made of it: a Frame, its extras, what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.media.images.color_profile import srgb_icc
from vidcolor.media.images.header import upright
from vidcolor.media.images.metadata import Extras, settle_extras
from vidcolor.media.planes import ChromaMeter, neutral_picture, planes

WEIGHTS = (0.299, 0.587, 0.114)
"""Of red, green and blue in luma: BT.601, the matrix of JPEG."""

_BAND = 1 << 20  # pixels that are worked on at a time
_LOOKED_AT = 256  # samples across from which is told whether a picture has colors
_LAYOUT = PixelLayout("yuv444p", 8, 0, 0, True, "bt601", "srgb", (0.0, 0.0))
_DEEP_LAYOUT = replace(_LAYOUT, format="yuv444p16le", bits=16)


@dataclass
class Photo:
    """One picture of a file, not yet turned upright."""

    samples: np.ndarray
    """``(H, W)`` gray or ``(H, W, 3)`` RGB, uint8 or uint16, full range, in codes of sRGB."""
    chroma: tuple[np.ndarray, np.ndarray] | None = None
    """U and V, uint8, of a color JPEG of which ``samples`` are the luma."""
    damaged: bool = False
    see_through: bool = False
    tone: str = ""
    """What its codes were before they were brought to sRGB; empty where they were left."""
    turned: int = 1
    """EXIF orientation."""
    extras: Extras = field(default_factory=Extras)


def frame_of(photo: Photo) -> Frame:
    """A picture as one Frame, upright, with neutral chroma to be painted in place.

    8 bits, or 16 when the file has more than 8. Gray samples in codes of sRGB and the luma of
    full-range JPEG are kept byte for byte; RGB gives BT.601 full-range luma. One whose file is
    damaged or cut short is ``damaged``: the decoder filled in what is missing.
    """
    luma = _luma(photo.samples)
    layout = _LAYOUT if luma.dtype == torch.uint8 else _DEEP_LAYOUT
    result = neutral_picture(upright(luma, photo.turned), layout)
    result.pts, result.time_base = 0, Fraction(1, 1)
    y, u, v = planes(result)
    return Frame(
        luma=y,
        chroma=(u, v),
        layout=layout,
        pts=0,
        duration=1,
        time_base=Fraction(1, 1),
        damaged=photo.damaged,
        picture=result,
    )


def color_of(photo: Photo) -> str:
    """``gray``, ``tinted`` or ``colored``: what the chroma of a picture held."""
    if photo.chroma is None and photo.samples.ndim == 2:
        return "gray"
    meter = ChromaMeter(8, subsampled=False)
    if photo.chroma is not None:
        step = max(1, photo.chroma[0].shape[1] // _LOOKED_AT)
        u, v = (plane[::step, ::step].astype(np.float32) - 128 for plane in photo.chroma)
    else:
        step = max(1, photo.samples.shape[1] // _LOOKED_AT)
        scale = np.float32(257 if photo.samples.dtype == np.uint16 else 1)
        red, green, blue = np.moveaxis(photo.samples[::step, ::step] / scale, 2, 0)
        luma = WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue
        u, v = (blue - luma) / 1.772, (red - luma) / 1.402
    meter.measure(torch.from_numpy(u.astype(np.float32)), torch.from_numpy(v.astype(np.float32)))
    return meter.verdict()


def notes_of(photo: Photo) -> list[str]:
    """What a user should know of how a picture was read."""
    told = []
    if photo.tone:
        told.append(f"the picture was converted to sRGB ({photo.tone}), and the result is sRGB")
    if photo.see_through:
        told.append("transparency was dropped")
    if (found := color_of(photo)) != "gray":
        told.append(f"the picture was already {found}; it was recolored from its luma only")
    return told


def extras_of(photo: Photo) -> Extras:
    """What goes along with the picture to its target, where it stands upright."""
    height, width = photo.samples.shape[:2]
    if photo.turned in (5, 6, 7, 8):
        width, height = height, width
    extras = settle_extras(photo.extras, (width, height))
    if photo.tone:
        extras = replace(extras, icc=srgb_icc())
    return extras


def _luma(samples: np.ndarray) -> Tensor:
    """(H, W) uint8 or uint16 luma of gray or RGB samples; in bands, since RGB takes much memory."""
    if samples.ndim == 2:
        return torch.from_numpy(samples)
    luma = np.empty(samples.shape[:2], samples.dtype)
    weights = np.array(WEIGHTS, np.float32)
    for rows in bands(*samples.shape[:2]):
        luma[rows] = np.rint(samples[rows].astype(np.float32) @ weights)
    return torch.from_numpy(luma)


def bands(height: int, width: int) -> Iterator[slice]:
    """Bands of about a million pixels."""
    count = max(1, _BAND // max(1, width))
    return (slice(at, min(height, at + count)) for at in range(0, height, count))
