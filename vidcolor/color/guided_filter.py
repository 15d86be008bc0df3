"""Small maps brought to the size of the chroma planes, along the edges of the luma.

The fast guided filter of He and Sun ("Fast Guided Filter", 2015): around every cell of the net's ab
a line ``value = slope * luma + offset`` is fitted; slopes and offsets are enlarged and meet the
luma. Color then ends where the picture has an edge, not where the net's grid has one. Blocks of
whole chroma samples, about as large as a cell, make means and enlarging cheap.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.core.frames import PixelLayout
from vidcolor.core.resample import box_mean, enlarge

RADIUS = 2
"""Half a side of the fitting window, in cells."""

EPSILON = 0.03**2
"""Variance of unit luma below which a window counts as flat, so that grain colors nothing."""

PART = 1 << 17
"""Chroma samples worked on at a time on a CPU, so that they stay in its cache."""


def block_size(samples: int, cells: int) -> int:
    """Chroma samples along one side of a block: about as many as a cell of the net's ab has."""
    return max(1, round(samples / cells))


def block_means(plane: Tensor, block: tuple[int, int]) -> Tensor:
    """(H, W) -> (ceil(H / rows), ceil(W / columns)); blocks at the end may be smaller."""
    return _mean_rows(_mean_rows(plane, block[0]).T, block[1]).T


def _mean_rows(plane: Tensor, count: int) -> Tensor:
    whole = len(plane) // count * count
    means = plane[:whole].view(-1, count, plane.shape[1]).mean(1)
    rest = plane[whole:]
    return torch.cat([means, rest.mean(0, keepdim=True)]) if len(rest) else means


def fit_lines(luma: Tensor, maps: Tensor) -> Tensor:
    """Slopes and offsets of maps over luma in each window.

    Args:
        luma: ``(h, w)`` unit luma.
        maps: ``(C, h, w)``.

    Returns:
        ``(2 * C, h, w)``: slopes, then offsets, averaged over the windows.
    """
    count = len(maps)
    means = box_mean(torch.cat([luma[None], (luma * luma)[None], maps, maps * luma]), RADIUS)
    mean, square, mean_map, product = means[0], means[1], means[2 : 2 + count], means[2 + count :]
    slope = (product - mean * mean_map) / ((square - mean * mean).clamp(min=0) + EPSILON)
    return box_mean(torch.cat([slope, mean_map - slope * mean]), RADIUS)


@functools.lru_cache(maxsize=64)
def interpolation(
    size: int, samples: int, first: float, step: float, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Linear interpolation along an axis.

    Args:
        size: Number of input samples; they cover 0..1 in equal cells.
        samples: Number of output samples.
        first: Place of the first output sample in 0..1.
        step: Distance between output samples.
        device: Where it is going to be used.

    Returns:
        For each output sample the two input samples around it, int32, and how much the second one
        counts, float32; beyond the outer samples the edge is held.
    """
    place = (first + step * torch.arange(samples, dtype=torch.float64)) * size - 0.5
    place = place.clamp(0, size - 1)
    left = place.floor().clamp(max=max(size - 2, 0))
    right = (left + 1).clamp(max=size - 1)
    found = left.int(), right.int(), (place - left).float()
    return found[0].to(device), found[1].to(device), found[2].to(device)


@functools.lru_cache(maxsize=64)
def _cell_weights(
    cells: int, samples: int, first: float, step: int, size: int, device: torch.device
) -> Tensor:
    """``(cells, blocks)``: what each block counts for in the cells of ab along an axis.

    Args:
        cells: Of ab; they cover the axis.
        samples: Of chroma.
        first: Place of the first chroma sample, in luma samples from the edge of the picture.
        step: Luma samples from one chroma sample to the next.
        size: Luma samples.
        device: Where it is going to be used.
    """
    block = block_size(samples, cells)
    place = first + step * torch.arange(samples, dtype=torch.float64)
    middle = (torch.arange(cells, dtype=torch.float64) + 0.5) * (size / cells)
    # Tents as an antialiased reduction has them: as soft as ab is from one cell to the next.
    reach = max(size / cells, step)
    tents = (1 - (middle[:, None] - place).abs() / reach).clamp(min=0)
    tents = F.pad(tents / tents.sum(1, keepdim=True), (0, -samples % block))
    return tents.view(cells, -1, block).sum(2).float().to(device)


def at_cells(
    grid: Tensor, cells: Sequence[int], size: Sequence[int], layout: PixelLayout
) -> Tensor:
    """Luma as the cells of the net's ab have it.

    Args:
        grid: ``(Hc, Wc)`` luma where the chroma samples sit.
        cells: (h, w) of ab.
        size: (H, W) of the luma plane.
        layout: Subsampling and siting of the chroma.

    Returns:
        ``(h, w)``.
    """
    block = block_size(grid.shape[0], cells[0]), block_size(grid.shape[1], cells[1])
    rows, columns = (
        _cell_weights(
            cells[axis], grid.shape[axis], first + 0.5, 1 << log2, size[axis], grid.device
        )
        for axis, (first, log2) in enumerate(_axes(layout))
    )
    return rows @ block_means(grid, block) @ columns.T


def _axes(layout: PixelLayout) -> tuple[tuple[float, int], tuple[float, int]]:
    """Siting and log2 of the subsampling, down and across."""
    return (layout.siting[1], layout.sub_y), (layout.siting[0], layout.sub_x)


def at_blocks(
    maps: Tensor, shape: Sequence[int], size: Sequence[int], layout: PixelLayout
) -> Tensor:
    """Maps over the cells of ab at the middles of the blocks.

    Args:
        maps: ``(C, h, w)`` over the whole picture.
        shape: (Hc, Wc) of the chroma planes.
        size: (H, W) of the luma plane.
        layout: Subsampling and siting of the chroma.

    Returns:
        ``(C, rows of blocks, columns of blocks)``.
    """
    for axis, (site, log2) in enumerate(_axes(layout)):
        cells = maps.shape[axis + 1]
        block = block_size(shape[axis], cells)
        middle = site + 0.5 + (block - 1) / 2 * (1 << log2)
        left, right, share = interpolation(
            cells,
            -(-shape[axis] // block),
            middle / size[axis],
            (block << log2) / size[axis],
            maps.device,
        )
        near, far = maps.index_select(axis + 1, left), maps.index_select(axis + 1, right)
        maps = torch.lerp(near, far, share[:, None] if axis == 0 else share)
    return maps


def enlarge_blocks(
    maps: Tensor, block: tuple[int, int], shape: Sequence[int]
) -> Iterator[tuple[slice, Tensor]]:
    """Maps of blocks at the size of the chroma planes, some rows at a time.

    Args:
        maps: ``(C, h, w)`` values in the middles of the blocks.
        block: Rows and columns of a block.
        shape: (Hc, Wc) of the chroma planes.

    Yields:
        Rows, and ``(C, rows, Wc)``: linear between the middles.
    """
    (rows, columns), (Hc, Wc) = block, shape
    h, w = maps.shape[1:]
    step = max(1, PART // (rows * Wc)) if maps.device.type == "cpu" else h
    for start in range(0, h, step):
        stop = min(start + step, h)
        first, last = max(start - 1, 0), min(stop + 1, h)  # a block more, to go on from
        part = enlarge(maps[:, first:last], ((last - first) * rows, w * columns))
        kept = slice(start * rows, min(stop * rows, Hc))
        top = kept.start - first * rows
        yield kept, part[:, top : top + kept.stop - kept.start, :Wc]
