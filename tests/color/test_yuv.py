from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic import make_layout, make_plane, texture

from vidcolor.color.yuv import (
    chroma_codes,
    luma_at_chroma,
    luma_at_size,
    luma_scale,
    neutral_code,
    resize,
)
from vidcolor.core.frames import PixelLayout

SUBSAMPLINGS = [(1, 1), (1, 0), (0, 0), (2, 0), (0, 1), (2, 2)]
LEFT, CENTRE, TOP_LEFT = (0.0, 0.5), (0.5, 0.5), (0.0, 0.0)
TOP_FIELD, BOTTOM_FIELD = (0.0, 0.25), (0.0, 0.75)


@pytest.mark.parametrize(
    ("bits", "full", "black", "white"),
    [
        (8, False, 16, 235),
        (8, True, 0, 255),
        (10, False, 64, 940),
        (10, True, 0, 1023),
        (12, False, 256, 3760),
        (12, True, 0, 4095),
        (16, False, 4096, 60160),
        (16, True, 0, 65535),
    ],
)
def test_black_and_white_codes(bits: int, full: bool, black: int, white: int) -> None:
    low, span = luma_scale(make_layout(bits, full_range=full))
    assert (low, low + span) == (black, white)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_chroma_codes_follow_the_formula_of_h273(bits: int, full: bool) -> None:
    layout = make_layout(bits, full_range=full)
    values = torch.cat([torch.rand(2000) * 1.2 - 0.6, torch.tensor([-2.0, 2.0])])
    codes = chroma_codes(values, layout)
    middle, step = 1 << (bits - 1), 1 << (bits - 8)
    span = (1 << bits) - 1 if full else 224 * step
    low, high = (0, (1 << bits) - 1) if full else (16 * step, 240 * step)
    exact = np.clip(values.double().numpy() * span + middle, low, high)
    assert codes.dtype == (torch.uint8 if bits == 8 else torch.uint16)
    # Half a code is rounding; the rest is what float32 loses at 16 bits.
    assert np.abs(codes.numpy().astype(float) - exact).max() <= 0.5 + 1e-2
    assert (codes[-2:].int().tolist()) == [low, high]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16])
def test_gray_is_the_neutral_code(bits: int, full: bool) -> None:
    layout = make_layout(bits, full_range=full)
    assert int(chroma_codes(torch.zeros(1), layout)) == neutral_code(layout) == 1 << (bits - 1)


def taps(log2: int, place: float) -> dict[int, float]:
    """Weights of the luma samples around the first one of a chroma sample's group."""
    if log2 == 0:
        return {0: 1.0}
    if log2 == 2:
        return dict.fromkeys(range(4), 0.25)
    return {-1: 0.25, 0: 0.5, 1: 0.25} if place == 0 else {0: 1 - place, 1: place}


def slow_luma_at_chroma(codes: np.ndarray, layout: PixelLayout) -> np.ndarray:
    H, W = codes.shape
    black, span = luma_scale(layout)
    result = np.zeros((-(-H >> layout.sub_y), -(-W >> layout.sub_x)))
    for row, column in np.ndindex(result.shape):
        for dy, wy in taps(layout.sub_y, layout.siting[1]).items():
            for dx, wx in taps(layout.sub_x, layout.siting[0]).items():
                y = min(max((row << layout.sub_y) + dy, 0), H - 1)
                x = min(max((column << layout.sub_x) + dx, 0), W - 1)
                result[row, column] += wy * wx * (codes[y, x] - black) / span
    return result


@pytest.mark.parametrize("siting", [LEFT, CENTRE, TOP_LEFT, TOP_FIELD, BOTTOM_FIELD])
@pytest.mark.parametrize("sub", SUBSAMPLINGS)
@pytest.mark.parametrize("bits", [8, 10])
def test_luma_at_chroma_is_the_slow_one(
    bits: int, sub: tuple[int, int], siting: tuple[float, float]
) -> None:
    layout = make_layout(bits, sub, siting=siting)
    for H, W in ((8, 12), (7, 9), (5, 6), (1, 1), (2, 1), (1, 3)):
        codes = torch.randint(0, 1 << bits, (H, W))
        grid = luma_at_chroma(make_plane(codes, bits), layout)
        np.testing.assert_allclose(
            grid.numpy(), slow_luma_at_chroma(codes.numpy(), layout), atol=1e-5
        )


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("full", [False, True])
def test_black_is_0_and_white_is_1(bits: int, full: bool) -> None:
    layout = make_layout(bits, full_range=full)
    black, span = luma_scale(layout)
    for code, expected in ((black, 0.0), (black + span, 1.0)):
        plane = make_plane(torch.full((4, 4), code), bits)
        torch.testing.assert_close(luma_at_chroma(plane, layout), torch.full((2, 2), expected))


@pytest.mark.parametrize("siting", [LEFT, CENTRE, TOP_LEFT, TOP_FIELD, BOTTOM_FIELD])
def test_a_ramp_is_read_where_the_chroma_sits(siting: tuple[float, float]) -> None:
    # Independent of the taps: on a ramp any symmetric filter gives the value at its centre.
    layout = make_layout(16, (1, 1), full_range=True, siting=siting)
    y, x = torch.meshgrid(torch.arange(32), torch.arange(40), indexing="ij")
    grid = luma_at_chroma(make_plane(1000 * y + 300 * x, 16), layout) * 65535
    rows = 2 * torch.arange(16) + siting[1]
    columns = 2 * torch.arange(20) + siting[0]
    expected = 1000 * rows[:, None] + 300 * columns
    torch.testing.assert_close(grid[1:-1, 1:-1], expected[1:-1, 1:-1], atol=0.5, rtol=0)


def test_luma_is_only_read() -> None:
    codes = torch.randint(0, 256, (9, 11))
    plane = make_plane(codes, 8)
    for sub in SUBSAMPLINGS:
        for siting in (LEFT, TOP_LEFT):
            luma_at_chroma(plane, make_layout(8, sub, siting=siting))
    assert torch.equal(plane.long(), codes)


def test_resize_weighs_every_sample() -> None:
    # Without antialiasing most of a fine checkerboard's samples are never looked at.
    board = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).float()
    small = resize(board, 8, 16)
    assert small.shape == (8, 16)
    assert (small - 0.5).abs().max() < 0.02


@pytest.mark.parametrize("bits", [8, 10])
def test_a_large_film_is_reduced_by_way_of_halves(bits: int) -> None:
    # Even and odd sides take different ways to the same lightness.
    step = 1 / ((1 << bits) - 1)
    codes = ((0.1 + 0.8 * texture(3, 401, 301)) / step).long()
    layout = make_layout(bits, (1, 1), full_range=True, siting=CENTRE)
    halves = luma_at_size(make_plane(codes[:400, :300], bits), layout, 64, 48)
    whole = luma_at_chroma(make_plane(codes[:400, :300], bits), layout)
    amiss = halves - resize(whole, 64, 48)
    assert amiss.abs().max() < 0.5 * step
    assert amiss.mean().abs() < 0.06 * step  # rounding up is made up for
    odd = luma_at_size(make_plane(codes, bits), layout, 64, 48)
    assert (odd - halves).abs().mean() < 0.02


def test_a_small_film_keeps_the_detail_that_its_chroma_grid_lacks() -> None:
    # Columns one sample wide: on the chroma grid of 4:2:0 they are an even gray.
    stripes = torch.tensor([16, 235], dtype=torch.uint8).repeat(64, 32)
    halved = PixelLayout("yuv420p", 8, 1, 1, False, "bt601", "bt1886")
    assert luma_at_size(stripes, halved, 32, 32)[:, 1:].std() < 0.01
    assert luma_at_size(stripes, halved, 64, 64).std() > 0.4
