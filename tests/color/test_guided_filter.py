from __future__ import annotations

import pytest
import torch
from synthetic import make_layout, texture
from torch import Tensor

from vidcolor.color.guided_filter import (
    at_blocks,
    at_cells,
    block_means,
    block_size,
    enlarge_blocks,
    fit_lines,
    interpolation,
)
from vidcolor.core.frames import PixelLayout

SUBSAMPLINGS = [(1, 1), (1, 0), (0, 0), (2, 0)]


def grid_size(H: int, W: int, layout: PixelLayout) -> tuple[int, int]:
    return -(-H >> layout.sub_y), -(-W >> layout.sub_x)


def upsample_guided(luma: Tensor, ab: Tensor, size: tuple[int, int], layout: PixelLayout) -> Tensor:
    """``(2, Hc, Wc)``: ab brought to the chroma grid as chroma is, but for what color it means."""
    block = block_size(luma.shape[0], ab.shape[1]), block_size(luma.shape[1], ab.shape[2])
    lines = fit_lines(at_cells(luma, ab.shape[1:], size, layout), ab)
    lines = at_blocks(lines, luma.shape, size, layout)
    parts = [
        torch.addcmul(part[2:], part[:2], luma[rows])
        for rows, part in enlarge_blocks(lines, block, luma.shape)
    ]
    return torch.cat(parts, 1)


def weights(size: int, samples: int, first: float, step: float) -> Tensor:
    """``(samples, size)``: what each input sample counts for."""
    left, right, share = interpolation(size, samples, first, step, torch.device("cpu"))
    matrix = torch.zeros(samples, size)
    rows = torch.arange(samples)
    matrix[rows, left.long()] += 1 - share
    matrix[rows, right.long()] += share
    return matrix


@pytest.mark.parametrize("sub", SUBSAMPLINGS)
@pytest.mark.parametrize("size", [(64, 96), (63, 97), (5, 3), (1, 1)])
def test_flat_ab_stays_flat_on_any_luma(size: tuple[int, int], sub: tuple[int, int]) -> None:
    layout = make_layout(sub=sub)
    luma = texture(3, *grid_size(*size, layout))
    ab = torch.tensor([30.0, -50.0])[:, None, None].expand(2, 16, 24)
    fine = upsample_guided(luma, ab, size, layout)
    assert fine.shape == (2, *luma.shape)
    torch.testing.assert_close(fine, ab[:, :1, :1].expand_as(fine), atol=0.05, rtol=0)


@pytest.mark.parametrize("site", [0.0, 0.5])
def test_a_luma_edge_becomes_a_sharp_color_edge(site: float) -> None:
    layout = make_layout(siting=(site, 0.5))
    luma = torch.full((64, 64), 0.2)
    luma[:, 35:] = 0.8  # inside a cell of the 16 x 16 ab: plain enlarging cannot find it
    left, right = torch.tensor([-30.0, 20.0]), torch.tensor([40.0, -10.0])
    share = torch.zeros(16)
    edge = 2 * 34.5 + site + 0.5  # in luma samples; the cell holds those from 64 to 72
    share[8], share[9:] = (72 - edge) / 8, 1.0
    ab = torch.lerp(left[:, None, None], right[:, None, None], share.expand(1, 16, 16))
    fine = upsample_guided(luma, ab, (128, 128), layout)
    for column in (20, 33, 34):
        torch.testing.assert_close(fine[:, 32, column], left, atol=2.5, rtol=0)
    for column in (35, 36, 50):
        torch.testing.assert_close(fine[:, 32, column], right, atol=2.5, rtol=0)


@pytest.mark.parametrize("siting", [(0.0, 0.5), (0.5, 0.5), (0.0, 0.0)])
@pytest.mark.parametrize("sub", [(1, 1), (1, 0), (0, 0)])
@pytest.mark.parametrize("size", [(128, 128), (127, 131), (134, 186)])
def test_an_edge_is_found_wherever_it_lies_in_a_cell(
    size: tuple[int, int], sub: tuple[int, int], siting: tuple[float, float]
) -> None:
    layout = make_layout(sub=sub, siting=siting if sub[0] else (0.0, siting[1]))
    step, shape, cell = 1 << sub[0], grid_size(*size, layout), size[1] / 16
    for column in range(shape[1] // 3, shape[1] // 2):
        luma = torch.full(shape, 0.2)
        luma[:, column:] = 0.8
        edge = step * (column - 0.5) + layout.siting[0] + 0.5  # in luma samples
        share = ((torch.arange(1, 17) * cell - edge) / cell).clamp(0, 1)
        fine = upsample_guided(luma, 100 * share.expand(2, 16, 16), size, layout)
        amiss = fine[0, shape[0] // 2] - 100 * (torch.arange(shape[1]) >= column)
        assert amiss.abs().max() < 8
        assert abs(float(amiss.sum())) * step / 100 < 0.2  # how far it is displaced, luma samples


def test_grain_gives_no_color_noise() -> None:
    # The net's ab wavers a little; grain of the luma must not be taken for its cause.
    draw = torch.Generator().manual_seed(5)
    luma = 0.5 + 0.01 * torch.randn(64, 64, generator=draw)
    ab = 20 + torch.randn(2, 16, 16, generator=draw)
    fine = upsample_guided(luma, ab, (128, 128), make_layout())
    assert (fine[:, :, 1:] - fine[:, :, :-1]).abs().max() < 1


def test_lines_of_an_exact_relation_are_found() -> None:
    luma = texture(6, 24, 32)
    ab = torch.stack([50 * luma - 10, -80 * luma + 5])
    lines = fit_lines(luma, ab)
    middle = (slice(4, -4), slice(4, -4))
    fitted = lines[:2] * luma + lines[2:]
    assert (fitted - ab)[:, *middle].abs().mean() < 3
    assert lines[0][middle].mean() > 25
    assert lines[1][middle].mean() < -40


@pytest.mark.parametrize("size", [1, 2, 7, 16])
@pytest.mark.parametrize(
    ("samples", "first", "step"), [(1, 0.5, 1.0), (5, 0.1, 0.2), (40, 0.0, 1 / 39), (9, -0.2, 0.2)]
)
def test_interpolation_rows_are_weights(size: int, samples: int, first: float, step: float) -> None:
    matrix = weights(size, samples, first, step)
    assert matrix.shape == (samples, size)
    assert matrix.min() >= 0
    torch.testing.assert_close(matrix.sum(1), torch.ones(samples))


def test_interpolation_knows_places() -> None:
    centres = (torch.arange(8) + 0.5) / 8
    matrix = weights(8, 31, 1 / 32, 1 / 32)
    wanted = ((torch.arange(31) + 1) / 32).clamp(centres[0], centres[-1])
    torch.testing.assert_close(matrix @ centres, wanted)


def ramp(cells: int, axis: int) -> Tensor:
    """ab whose a* is the place in the picture, 0..100, along an axis."""
    values = 100 * (torch.arange(cells) + 0.5) / cells
    plane = values[:, None].expand(cells, cells) if axis == 0 else values.expand(cells, cells)
    return torch.stack([plane, -plane])


@pytest.mark.parametrize("sub", SUBSAMPLINGS)
@pytest.mark.parametrize("siting", [(0.0, 0.5), (0.5, 0.5), (0.0, 0.0), (0.5, 0.25)])
@pytest.mark.parametrize("axis", [0, 1])
def test_color_is_put_where_the_chroma_sample_sits(
    axis: int, siting: tuple[float, float], sub: tuple[int, int]
) -> None:
    layout = make_layout(sub=sub, siting=siting)
    H, W = 96, 128
    luma = torch.full(grid_size(H, W, layout), 0.5)
    fine = upsample_guided(luma, ramp(32, axis), (H, W), layout)
    step = 1 << (sub[1] if axis == 0 else sub[0])
    first = siting[1] if axis == 0 else siting[0]
    places = (first + 0.5 + step * torch.arange(luma.shape[axis])) / (H if axis == 0 else W)
    line = fine[0, :, luma.shape[1] // 2] if axis == 0 else fine[0, luma.shape[0] // 2]
    inner = slice(len(line) // 4, -len(line) // 4)  # windows at the picture's edge are lopsided
    # Half a luma sample is 0.4 or more here, so a wrong siting is seen.
    torch.testing.assert_close(line[inner], 100 * places[inner], atol=0.05, rtol=0)


def test_left_and_centre_siting_differ_by_half_a_luma_sample() -> None:
    luma, ab = torch.full((64, 64), 0.5), ramp(32, 1)
    left = upsample_guided(luma, ab, (128, 128), make_layout(siting=(0.0, 0.5)))
    centre = upsample_guided(luma, ab, (128, 128), make_layout(siting=(0.5, 0.5)))
    shift = (centre - left)[0, 32, 16:48]
    torch.testing.assert_close(shift, torch.full_like(shift, 100 * 0.5 / 128), atol=0.02, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (40, 61), (67, 120)])
@pytest.mark.parametrize("block", [(1, 1), (2, 3), (8, 8), (7, 4)])
def test_enlarging_gives_each_row_once_and_keeps_a_ramp(
    block: tuple[int, int], shape: tuple[int, int]
) -> None:
    (rows, columns), (H, W) = block, shape
    y = torch.arange(-(-H // rows)) * rows + (rows - 1) / 2
    x = torch.arange(-(-W // columns)) * columns + (columns - 1) / 2
    maps = (3 * y[:, None] - 2 * x)[None]
    found = list(enlarge_blocks(maps, block, shape))
    assert [row for part, _ in found for row in range(part.start, part.stop)] == list(range(H))
    places = [torch.arange(n).clamp(float(c[0]), float(c[-1])) for n, c in ((H, y), (W, x))]
    expected = 3 * places[0][:, None] - 2 * places[1]
    result = torch.cat([part for _, part in found], 1)[0]
    torch.testing.assert_close(result, expected, atol=1e-3, rtol=0)


def test_block_means_weigh_every_sample_once() -> None:
    plane = texture(9, 23, 34)
    means = block_means(plane, (5, 8))
    assert means.shape == (5, 5)
    torch.testing.assert_close(means[1, 2], plane[5:10, 16:24].mean())
    torch.testing.assert_close(means[4, 4], plane[20:, 32:].mean())
