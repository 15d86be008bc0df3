"""RGB samples of a colored frame whose luma is the frame's to the last code."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vidcolor.color.chroma import KR_KB
from vidcolor.color.yuv import luma_scale, neutral_code
from vidcolor.core.frames import Frame
from vidcolor.media.images.photo import bands

_NEARLY = 1e-6
"""Of a code: nothing is divided by less."""


def frame_rgb(frame: Frame, bits: int) -> np.ndarray:
    """``(H, W, 3)`` full-range RGB of a 4:4:4 frame, uint8 for 8 bits, else uint16."""
    return np.concatenate(list(rgb_bands(frame, bits)))


def rgb_bands(frame: Frame, bits: int) -> Iterator[np.ndarray]:
    """The same in bands of rows: ``(n, W, 3)``.

    Rounded, the luma of the samples is that of the frame, brought to so many bits. A color that
    does not fit is drawn towards gray until it does.

    Args:
        frame: 4:4:4, of any range and matrix.
        bits: Of the samples.
    """
    layout, top = frame.layout, float((1 << bits) - 1)
    kr, kb = KR_KB[layout.matrix]
    black, span = luma_scale(layout)
    chroma_span = span if layout.full_range else 224.0 * (1 << (layout.bits - 8))
    middle = neutral_code(layout)
    for rows in bands(*frame.luma.shape):
        # 24 bits of a float hold what is added here to 1/100 of a code of 16 bits.
        y = _floats(frame.luma[rows]).sub_(black).mul_(top / span).round_().clamp_(0, top)
        cb, cr = (
            _floats(plane[rows]).sub_(middle).mul_(top / chroma_span) for plane in frame.chroma
        )
        red, blue = cr.mul_(2 * (1 - kr)), cb.mul_(2 * (1 - kb))
        green = torch.add(red, blue, alpha=kb / kr).mul_(kr / (kr + kb - 1))
        above = red.maximum(green).maximum(blue).clamp_(min=_NEARLY)
        below = red.minimum(green).minimum(blue).neg_().clamp_(min=_NEARLY)
        share = ((top - y) / above).minimum(y / below).clamp_(0, 1)
        red, blue = red.mul_(share).add_(y).round_(), blue.mul_(share).add_(y).round_()
        # Green has the largest weight: it makes up for what the others lost by rounding.
        green = y.sub_(red, alpha=kr).sub_(blue, alpha=kb).mul_(1 / (1 - kr - kb)).round_()
        samples = np.empty((*y.shape, 3), np.uint8 if bits == 8 else np.uint16)
        for at, plane in enumerate((red, green, blue)):
            samples[..., at] = plane.clamp_(0, top).numpy()
        yield samples


def _floats(codes: Tensor) -> Tensor:
    return codes.to(torch.float32)
