"""Integer planes to floats and back: range, bits, subsampling, siting.

*Unit luma* is Y' with black at 0 and white at 1; *unit chroma* is Cb, Cr in -0.5..0.5 (ITU-T
H.273, section 8.3).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.frames import PixelLayout


def luma_scale(layout: PixelLayout) -> tuple[float, float]:
    """(code of black, codes from black to white)."""
    if layout.full_range:
        return 0.0, float((1 << layout.bits) - 1)
    step = float(1 << (layout.bits - 8))
    return 16 * step, 219 * step


def neutral_code(layout: PixelLayout) -> int:
    """The chroma code of grey."""
    return 1 << (layout.bits - 1)


def chroma_codes(chroma: Tensor, layout: PixelLayout) -> Tensor:
    """Unit chroma to integer codes, rounded, held inside the legal range.

    Args:
        chroma: Any shape, float, -0.5..0.5.
        layout: Bits and range.

    Returns:
        The same shape, uint8 for 8 bits, else uint16.
    """
    middle = neutral_code(layout)
    if layout.full_range:
        span, low, high = (1 << layout.bits) - 1, 0, (1 << layout.bits) - 1
    else:
        step = 1 << (layout.bits - 8)
        span, low, high = 224 * step, 16 * step, 240 * step
    codes = torch.add(middle, chroma, alpha=span).round_().clamp_(low, high)
    # Floats go to uint16 by way of int32: the direct conversion is not defined everywhere.
    return codes.to(torch.uint8) if layout.bits == 8 else codes.to(torch.int32).to(torch.uint16)


def _floats(plane: Tensor) -> Tensor:
    return plane.to(torch.int32).float() if plane.dtype == torch.uint16 else plane.float()


def _reduce_rows(plane: Tensor, log2: int, place: float) -> Tensor:
    """(H, W) -> (Hc, W) float: mean of the rows around each chroma row.

    Args:
        plane: Integer codes or floats.
        log2: 0 keeps every row, 1 halves, 2 quarters.
        place: Where the first chroma row sits, in rows.
    """
    if log2 == 0:
        return _floats(plane)
    step = 1 << log2
    if log2 == 1 and place == 0:  # on the even rows: 1-2-1 around them
        even, odd = _floats(plane[0::2]), _floats(plane[1::2])
        below = odd if len(odd) == len(even) else torch.cat([odd, even[-1:]])
        above = torch.cat([even[:1], odd[: len(even) - 1]])
        return (above + below).mul_(0.25).add_(even, alpha=0.5)
    weights = [1 - place, place] if log2 == 1 else [1 / step] * step
    total = _floats(plane[0::step]) * weights[0]
    for offset in range(1, step):
        part = _floats(plane[offset::step])
        if len(part) < len(total):  # the last group is short: its last row stands in
            part = torch.cat([part, _floats(plane[-1:])])
        total.add_(part, alpha=weights[offset])
    return total


def luma_at_chroma(luma: Tensor, layout: PixelLayout) -> Tensor:
    """Unit luma where the chroma samples sit.

    Args:
        luma: ``(H, W)`` integer codes.
        layout: Subsampling, siting, bits and range.

    Returns:
        ``(Hc, Wc)`` float32, black 0, white 1, not clamped.
    """
    # Rows first: they are contiguous, and half the work is gone before the columns come.
    rows = _reduce_rows(luma, layout.sub_y, layout.siting[1])
    grid = _reduce_rows(rows.T, layout.sub_x, layout.siting[0]).T
    black, span = luma_scale(layout)
    return (grid - black) / span


def luma_at_size(luma: Tensor, layout: PixelLayout, h: int, w: int) -> Tensor:
    """(H, W) integer codes -> (h, w) float32 unit luma, antialiased.

    Where the chroma grid has the samples for it, it serves as a cheap first reduction.
    """
    if luma.shape[0] >> layout.sub_y >= h and luma.shape[1] >> layout.sub_x >= w:
        return resize(luma_at_chroma(luma, layout), h, w)
    black, span = luma_scale(layout)
    return (resize(_floats(luma), h, w) - black) / span


def resize(grid: Tensor, h: int, w: int) -> Tensor:
    """(H, W) float -> (h, w): every sample weighs in (antialiased bilinear)."""
    return F.interpolate(grid[None, None], (h, w), mode="bilinear", antialias=True)[0, 0]
