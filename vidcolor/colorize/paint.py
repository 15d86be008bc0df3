"""Painting: ab becomes the chroma planes of the frame; luma keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from vidcolor.color.chroma import (
    chroma_from_ab,
    prepare_table,
    reach,
    shadow_codes,
    shadow_ramp,
)
from vidcolor.color.guided_filter import at_blocks, at_cells, block_size, enlarge_blocks, fit_lines
from vidcolor.color.yuv import chroma_codes, luma_at_chroma
from vidcolor.core.frames import ColorizedFrame, Frame, PixelLayout
from vidcolor.core.threads import WorkerThreads, map_ordered
from vidcolor.settings import PaintSettings

_EDGE = 0.5
"""How far colors that a user gave end at edges of luma, of how far those of the net do. From 0 to
1, the true colors of 6 films keep 38.1 to 36.5 dB at the net's output size."""


def paint(
    colored: Iterable[ColorizedFrame],
    settings: PaintSettings,
    pool: WorkerThreads | None = None,
    device: torch.device | None = None,
) -> Iterator[Frame]:
    """Write the color into the frames.

    Args:
        colored: Frames with ab.
        settings: Saturation.
        pool: Who paints; None paints here.
        device: Where chroma is worked out; None takes the one that ab lies on.

    Yields:
        The same frames; their chroma planes are overwritten in place, their luma untouched.
    """

    def painted(item: ColorizedFrame) -> Frame:
        ab = item.ab.to(device) if device else item.ab
        said = item.said.to(ab.device) if item.said is not None else None
        paint_frame(item.frame, ab * (item.share * saturation_of(item.frame, settings)), said)
        return item.frame

    yield from map_ordered("paint", painted, colored, pool)


def prepare_paint(layout: PixelLayout) -> None:
    """Make what all frames of a film are painted with, before the first one waits for it."""
    prepare_table(layout.matrix, layout.transfer)


def paint_device(device: torch.device) -> torch.device | None:
    """Where chroma is worked out beside a net on ``device``: there, or where ab lies (None)."""
    return device if device.type == "cuda" else None


def saturation_of(frame: Frame, settings: PaintSettings) -> float:
    """That of the frame's stretch, else that of the settings."""
    own = frame.dials.saturation
    return settings.saturation if own is None else own


def paint_frame(frame: Frame, ab: Tensor, said: Tensor | None = None) -> None:
    """Write the chroma for ``(2, h, w)`` ab; the two fields of an interlaced frame apart.

    ``said`` is as of `paint_planes`.
    """
    layout = frame.layout
    if not frame.interlaced or len(frame.chroma[0]) < 2:
        return paint_planes(frame.luma, frame.chroma, layout, ab, said)
    for field in (0, 1):
        # Where chroma is halved vertically, its rows sit a quarter of the way between the top
        # field's luma rows and three quarters between the bottom field's (H.262, figure 6-2).
        place = (layout.siting[0], 0.25 + 0.5 * field) if layout.sub_y else layout.siting
        planes = frame.chroma[0][field::2], frame.chroma[1][field::2]
        paint_planes(frame.luma[field::2], planes, replace(layout, siting=place), ab, said)
    return None


def paint_planes(
    luma: Tensor,
    chroma: tuple[Tensor, Tensor],
    layout: PixelLayout,
    ab: Tensor,
    said: Tensor | None = None,
) -> None:
    """Write chroma codes for the planes of a frame or a field, worked out where ``ab`` is.

    What a color means at a luma is looked up once a cell of ab; from there it follows the luma in
    straight lines. What the net found gains from lines that are fitted around a cell; what a user
    said would lose 5 dB by them, so its lines meet each cell's own color. A sample whose luma is
    far from its cell's still gets no color in the dark, and none that a screen cannot show.

    Args:
        luma: ``(H, W)`` integer codes.
        chroma: U and V, written in place.
        layout: What the codes mean.
        ab: ``(2, h, w)`` of the whole picture.
        said: ``(1, h, w)`` 0..1, how far the color of a cell is the user's; None is nowhere.
    """
    shape = chroma[0].shape
    grid = luma_at_chroma(_upload(luma, ab.device), layout)[: shape[0], : shape[1]]
    block = block_size(shape[0], ab.shape[1]), block_size(shape[1], ab.shape[2])
    small = at_cells(grid, ab.shape[1:], luma.shape, layout)
    # Each sample has its own share of the shadows, so a cell is looked up as if it lay in none.
    lit = small.clamp(min=shadow_codes(layout.transfer)[1])
    found = chroma_from_ab(lit, ab, layout)
    lines = fit_lines(small, found)
    if said is not None:
        slopes = lines[:2] * _EDGE
        through = torch.cat([slopes, found - slopes * small])  # a cell has the very color there
        lines = torch.lerp(lines, through, said)
    lines = torch.cat([lines, reach(found, layout.matrix).reciprocal_()])
    maps = at_blocks(lines, shape, luma.shape, layout)
    for rows, part in enlarge_blocks(maps, block, shape):
        codes = chroma_codes(_finish_chroma(grid[rows], part, layout), layout).cpu()
        chroma[0][rows], chroma[1][rows] = codes[0], codes[1]


def _upload(luma: Tensor, device: torch.device) -> Tensor:
    """Luma on a device, as integers."""
    if device.type != "cuda":
        return luma.to(device)
    return luma.contiguous().pin_memory().to(device, non_blocking=True)


def _finish_chroma(luma: Tensor, maps: Tensor, layout: PixelLayout) -> Tensor:
    """``(2, n, Wc)`` unit chroma.

    Args:
        luma: ``(n, Wc)`` unit luma at the chroma samples.
        maps: ``(6, n, Wc)``: slopes and offsets of U, V over luma, and one over their `reach`;
            written over.
        layout: Transfer curve of the film.
    """
    above, below = maps[4], maps[5]
    share = torch.minimum(above.addcmul_(above, luma, value=-1), below.mul_(luma), out=above)
    torch.minimum(share, shadow_ramp(luma, layout.transfer), out=share)
    return maps[2:4].addcmul_(maps[:2], luma).mul_(share.clamp_(0, 1))
