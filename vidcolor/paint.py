"""Painting: ab becomes the chroma planes of the frame; luma keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from torch import Tensor

from vidcolor.color.chroma import chroma_from_ab
from vidcolor.color.guided import upsample_guided
from vidcolor.color.planes import chroma_codes, luma_at_chroma
from vidcolor.crew import Crew, mapped
from vidcolor.frames import Colored, Frame, PixelLayout
from vidcolor.settings import PaintSettings


def paint(
    colored: Iterable[Colored], settings: PaintSettings, crew: Crew | None = None
) -> Iterator[Frame]:
    """Write the colour into the frames.

    Args:
        colored: Frames with ab.
        settings: Saturation.
        crew: Who paints; None paints here.

    Yields:
        The same frames; their chroma planes are overwritten in place, their luma untouched.
    """

    def painted(item: Colored) -> Frame:
        paint_frame(item.frame, item.ab * (item.share * settings.saturation))
        return item.frame

    yield from mapped("paint", painted, colored, crew)


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
    Hc, Wc = chroma[0].shape
    grid = luma_at_chroma(luma, layout)[:Hc, :Wc]
    fine = upsample_guided(grid, ab, luma.shape, layout)
    codes = chroma_codes(chroma_from_ab(grid, fine, layout), layout)
    for plane, values in zip(chroma, codes, strict=True):
        plane.copy_(values)
