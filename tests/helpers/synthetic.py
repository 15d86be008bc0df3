"""Frames and pictures made without any media file, shared by the tests of the stages."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from vidcolor.color.yuv import luma_scale, neutral_code
from vidcolor.core.frames import Frame, PixelLayout


def make_layout(
    bits: int = 8,
    sub: tuple[int, int] = (1, 1),
    full_range: bool = False,
    matrix: Any = "bt709",
    transfer: Any = "bt1886",
    siting: tuple[float, float] = (0.0, 0.5),
) -> PixelLayout:
    return PixelLayout("made", bits, *sub, full_range, matrix, transfer, siting)


def make_plane(codes: Tensor, bits: int) -> Tensor:
    """Codes as FFmpeg would hold them: rows with a gap behind them, 8 or 16 bits a sample."""
    H, W = codes.shape
    dtype = torch.uint8 if bits == 8 else torch.uint16
    memory = torch.full((H, W + 13), 77, dtype=torch.int32)
    memory[:, :W] = codes.to(torch.int32)
    return memory.to(dtype)[:, :W]


def make_frame(
    unit: Tensor, layout: PixelLayout | None = None, pts: int = 0, **fields: Any
) -> Frame:
    """A frame with this unit luma ``(H, W)`` and neutral chroma."""
    layout = layout or make_layout()
    black, span = luma_scale(layout)
    H, W = unit.shape
    size = -(-H >> layout.sub_y), -(-W >> layout.sub_x)
    gray = torch.full(size, neutral_code(layout))
    return Frame(
        luma=make_plane((unit * span + black).round(), layout.bits),
        chroma=(make_plane(gray, layout.bits), make_plane(gray, layout.bits)),
        layout=layout,
        pts=pts,
        duration=1,
        time_base=Fraction(1, 25),
        **fields,
    )


def texture(seed: int, H: int, W: int) -> Tensor:
    """``(H, W)`` in 0.1..0.9: smooth blobs with some fine detail, another one for each seed."""
    return _texture(seed, H, W).clone()


@lru_cache(maxsize=256)
def _texture(seed: int, H: int, W: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 1, H, W)
    for cells, share in ((4, 1.0), (9, 0.5), (24, 0.15)):
        noise = torch.randn(1, 1, cells, cells, generator=draw)
        total += share * torch.nn.functional.interpolate(noise, (H, W), mode="bicubic")
    low, high = total.aminmax()
    picture: Tensor = 0.1 + 0.8 * (total - low)[0, 0] / (high - low).clamp(min=1e-6)
    return picture


def photo(seed: int, H: int = 120, W: int = 150) -> Tensor:
    """``(3, H, W)`` uint8: colorful blobs."""
    rgb = torch.stack([texture(3 * seed + channel, H, W) for channel in range(3)])
    return (rgb * 255).to(torch.uint8)


def bits_of(plane: Tensor) -> bytes:
    """The samples of a plane without the gaps between its rows."""
    return plane.contiguous().view(torch.uint8).numpy().tobytes()
