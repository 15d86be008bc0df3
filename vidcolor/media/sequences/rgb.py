"""RGB samples of a colored frame whose luma is the frame's to the last code."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from vidcolor.color.chroma import KR_KB
from vidcolor.color.yuv import luma_scale, neutral_code
from vidcolor.core.frames import Frame
from vidcolor.media.images.photo import bands


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
        y = (frame.luma[rows].to(torch.float64) - black).mul_(top / span).round_().clamp_(0, top)
        cb, cr = (
            (plane[rows].to(torch.float64) - middle).mul_(top / chroma_span)
            for plane in frame.chroma
        )
        red, blue = 2 * (1 - kr) * cr, 2 * (1 - kb) * cb
        green = (kr * red + kb * blue) / (kr + kb - 1)
        above = red.maximum(green).maximum(blue).clamp_(min=1e-9)
        below = red.minimum(green).minimum(blue).neg_().clamp_(min=1e-9)
        share = ((top - y) / above).minimum(y / below).clamp_(0, 1)
        red, blue = (y + share * red).round_(), (y + share * blue).round_()
        # Green has the largest weight: it makes up for what the others lost by rounding.
        green = ((y - kr * red - kb * blue) / (1 - kr - kb)).round_()
        samples = torch.stack([red, green, blue], dim=-1).clamp_(0, top).numpy()
        yield samples.astype(np.uint8 if bits == 8 else np.uint16)
