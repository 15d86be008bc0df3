"""Integer planes to floats and back: range, bits, subsampling, siting.

*Unit luma* is Y' with black at 0 and white at 1; *unit chroma* is Cb, Cr in -0.5..0.5 (ITU-T
H.273, section 8.3).
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.core.frames import PixelLayout
from vidcolor.core.resample import halve

_PAIRS = {0.0: {-1: 1, 0: 2, 1: 1}, 0.25: {0: 3, 1: 1}, 0.5: {0: 1, 1: 1}, 0.75: {0: 1, 1: 3}}
"""Where a chroma sample sits among two luma samples -> `_taps`."""

HALVED = 0.125
"""What rounding adds to the means of four codes, on the mean: halves are rounded up."""


def luma_scale(layout: PixelLayout) -> tuple[float, float]:
    """(code of black, codes from black to white)."""
    if layout.full_range:
        return 0.0, float((1 << layout.bits) - 1)
    step = float(1 << (layout.bits - 8))
    return 16 * step, 219 * step


def neutral_code(layout: PixelLayout) -> int:
    """The chroma code of gray."""
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
    # By way of wider integers: straight from floats it takes five times as long for uint8, and is
    # not defined everywhere for uint16.
    wide, narrow = (torch.int16, torch.uint8) if layout.bits == 8 else (torch.int32, torch.uint16)
    codes = torch.add(middle + 0.5, chroma, alpha=span).to(wide)  # cut off, where not below 0
    return codes.clamp_(low, high).to(narrow)


def _taps(log2: int, place: float) -> dict[int, int]:
    """The luma samples around the first one of a chroma sample's group, and what each counts for.

    Args:
        log2: Of the samples in a group.
        place: Where the chroma sample sits, in luma samples from the first one of its group; of
            groups of four the mean is taken.
    """
    return _PAIRS[place] if log2 == 1 else dict.fromkeys(range(1 << log2), 1)


def _sum_rows(luma: Tensor, log2: int, taps: dict[int, int]) -> Tensor:
    """Weighted sums of the luma rows around each chroma row.

    Args:
        luma: ``(H, W)`` codes.
        log2: Of the luma rows to a chroma row.
        taps: As `_taps`.

    Returns:
        ``(Hc, W)``, and one more column where W is odd; int16 for 8 bits, else int32: either
        holds sums of columns as well.
    """
    H, W = luma.shape
    Hc = -(-H >> log2)
    dtype = torch.int16 if luma.dtype == torch.uint8 else torch.int32
    sums = luma.new_empty(Hc, W + W % 2, dtype=dtype)
    for place, (offset, weight) in enumerate(taps.items()):
        picked = luma[offset % (1 << log2) :: 1 << log2]
        if offset < 0:  # the edge stands in for what lies beyond
            picked = torch.cat([luma[:1].to(dtype), picked[: Hc - 1].to(dtype)])
        elif len(picked) < Hc:
            picked = torch.cat([picked.to(dtype), luma[-1:].to(dtype)])
        if place == 0:
            sums[:, :W] = picked if weight == 1 else picked.to(dtype) * weight
        else:
            sums[:, :W].add_(picked.to(dtype), alpha=weight)
    if W % 2:
        sums[:, W] = sums[:, W - 1]
    return sums


def _sum_columns(sums: Tensor, W: int, log2: int, taps: dict[int, int]) -> Tensor:
    """``(rows, Wc)`` integers: the same along the other axis."""
    if log2 == 0:
        return sums[:, :W]
    if log2 == 2:
        places = torch.arange(0, W, 4, device=sums.device)
        return torch.stack([sums[:, (places + k).clamp(max=W - 1)] for k in taps]).sum(0)
    # Two neighbours are read as one number of twice the width: taking it apart is several times
    # faster than reading every other column.
    wide, bits = (torch.int32, 16) if sums.dtype == torch.int16 else (torch.int64, 32)
    pairs = sums.view(wide)
    even, odd = pairs & ((1 << bits) - 1), pairs >> bits
    first = even[:, 0].clone()
    total = torch.add(odd * taps[1] if taps[1] > 1 else odd, even, alpha=taps[0], out=even)
    if -1 in taps:
        total[:, 1:].add_(odd[:, :-1], alpha=taps[-1])
        total[:, 0].add_(first, alpha=taps[-1])
    return total


def luma_at_chroma(luma: Tensor, layout: PixelLayout) -> Tensor:
    """Unit luma where the chroma samples sit.

    Args:
        luma: ``(H, W)`` integer codes.
        layout: Subsampling, siting, bits and range.

    Returns:
        ``(Hc, Wc)`` float32, black 0, white 1, not clamped.
    """
    rows, columns = _taps(layout.sub_y, layout.siting[1]), _taps(layout.sub_x, layout.siting[0])
    black, span = luma_scale(layout)
    scale = 1 / (span * sum(rows.values()) * sum(columns.values()))
    sums = _sum_rows(luma, layout.sub_y, rows)
    codes = _sum_columns(sums, luma.shape[1], layout.sub_x, columns).float()
    return codes.mul_(scale).sub_(black / span)


def luma_at_size(luma: Tensor, layout: PixelLayout, h: int, w: int) -> Tensor:
    """(H, W) integer codes -> (h, w) float32 unit luma, antialiased.

    Where they are enough, means of 2 x 2 samples serve as a cheap first reduction, or the chroma
    grid where sides are odd.
    """
    H, W = luma.shape
    if h <= H // 2 and w <= W // 2 and not (H % 2 or W % 2):
        black, span = luma_scale(layout)
        return resize(halve(luma).float(), h, w).sub_(black + HALVED).mul_(1 / span)
    if H >> layout.sub_y < h or W >> layout.sub_x < w:
        layout = replace(layout, sub_x=0, sub_y=0)
    return resize(luma_at_chroma(luma, layout), h, w)


def resize(grid: Tensor, h: int, w: int) -> Tensor:
    """(H, W) float -> (h, w): every sample weighs in (antialiased bilinear).

    Rows come first: they are contiguous, and much of the work is gone before the columns come.
    """
    for size in ((h, grid.shape[1]), (h, w)):
        grid = F.interpolate(grid[None, None], size, mode="bilinear", antialias=True)[0, 0]
    return grid
