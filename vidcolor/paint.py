"""Painting: ab becomes the chroma planes of the frame; luma keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from vidcolor.color.chroma import chroma_from_ab, headroom, shadow_ramp
from vidcolor.color.guided import at_blocks, block_means, block_size, enlarged, fit_lines
from vidcolor.color.planes import chroma_codes, luma_at_chroma
from vidcolor.frames import Colored, Frame, PixelLayout
from vidcolor.settings import PaintSettings
from vidcolor.streams import close


def paint(colored: Iterable[Colored], settings: PaintSettings) -> Iterator[Frame]:
    """Write the colour into the frames.

    Args:
        colored: Frames with ab.
        settings: Saturation.

    Yields:
        The same frames; their chroma planes are overwritten in place, their luma untouched.
    """
    try:
        for item in colored:
            paint_frame(item.frame, item.ab * (item.share * settings.saturation))
            yield item.frame
    finally:
        close(colored)


def paint_frame(frame: Frame, ab: Tensor) -> None:
    """Write the chroma for ``(2, h, w)`` ab; the two fields of an interlaced frame apart."""
    layout = frame.layout
    if not frame.interlaced or len(frame.chroma[0]) < 2:
        return paint_planes(frame.luma, frame.chroma, layout, ab)
    for field in (0, 1):
        # Where chroma is halved vertically, its rows sit a quarter of the way between the top
        # field's luma rows and three quarters between the bottom field's (H.262, figure 6-2).
        place = (layout.siting[0], 0.25 + 0.5 * field) if layout.sub_y else layout.siting
        planes = frame.chroma[0][field::2], frame.chroma[1][field::2]
        paint_planes(frame.luma[field::2], planes, replace(layout, siting=place), ab)
    return None


def paint_planes(
    luma: Tensor, chroma: tuple[Tensor, Tensor], layout: PixelLayout, ab: Tensor
) -> None:
    """Write chroma codes for the planes of a frame or a field.

    Args:
        luma: ``(H, W)`` integer codes.
        chroma: U and V, written in place.
        layout: What the codes mean.
        ab: ``(2, h, w)`` of the whole picture.
    """
    shape = chroma[0].shape
    grid = luma_at_chroma(luma.to(ab.device), layout)[: shape[0], : shape[1]]
    block = block_size(shape[0], ab.shape[1]), block_size(shape[1], ab.shape[2])
    small = block_means(grid, block)
    flat = chroma_from_ab(small, at_blocks(ab, shape, luma.shape, layout), layout)
    flat = flat / shadow_ramp(small, layout.transfer).clamp(0.05, 1)
    maps = torch.cat([fit_lines(small, flat), headroom(flat, layout.matrix)[None]])
    for rows, (slope_u, slope_v, offset_u, offset_v, need) in enlarged(maps, block, shape):
        part = grid[rows]
        share = torch.minimum((1 - part).div_(need), shadow_ramp(part, layout.transfer)).clamp_(
            0, 1
        )
        for plane, slope, offset in (
            (chroma[0], slope_u, offset_u),
            (chroma[1], slope_v, offset_v),
        ):
            value = torch.addcmul(offset, slope, part).mul_(share)
            plane[rows] = chroma_codes(value, layout)
