from __future__ import annotations

import cv2
import pytest
import torch
from synthetic import texture
from torch import Tensor

from vidcolor.core.optical_flow import (
    Preset,
    motion_between,
    optical_flow,
    reduce_flow,
    round_trip,
    visible,
    warp,
)

H, W = 128, 160


def moved(right: int, down: int) -> tuple[Tensor, Tensor]:
    """A picture and the same one whose things lie further right and further down, L 0..100."""
    wide = 100 * texture(5, H + 64, W + 64)
    first = wide[32 : 32 + H, 32 : 32 + W]
    return first, wide[32 - down : 32 - down + H, 32 - right : 32 - right + W]


@pytest.mark.parametrize("preset", ["fast", "medium"])
@pytest.mark.parametrize("step", [(0, 0), (3, 0), (0, -4), (-9, 6)])
def test_a_shift_is_found(step: tuple[int, int], preset: Preset) -> None:
    flow = optical_flow(*moved(*step), preset)
    inner = flow[:, 24:-24, 24:-24]
    expected = torch.tensor(step).view(2, 1, 1).expand_as(inner).float()
    torch.testing.assert_close(inner, expected, atol=0.3, rtol=0)


def test_flicker_does_not_disturb_the_flow() -> None:
    before, after = moved(4, 2)
    flow = optical_flow(before, (after * 1.2 - 5).clamp(0, 100))[:, 24:-24, 24:-24]
    assert (flow - torch.tensor([4.0, 2.0]).view(2, 1, 1)).abs().mean() < 0.2


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 200), (12, 40), (33, 31)])
def test_pictures_of_a_few_samples_do_not_crash(size: tuple[int, int]) -> None:
    flow = optical_flow(100 * torch.rand(size), 100 * torch.rand(size))
    assert flow.shape == (2, *size)
    assert flow.isfinite().all()


def test_the_bits_do_not_depend_on_the_threads() -> None:
    assert cv2.getNumThreads() == 1  # they would spin and take the cores from the net
    draw = torch.Generator().manual_seed(3)
    one = torch.rand(9, 12, generator=draw)[None, None]
    one = 100 * torch.nn.functional.interpolate(one, (240, 320), mode="bicubic")[0, 0]
    found = []
    for threads in (1, 5):
        cv2.setNumThreads(threads)
        try:
            found.append(optical_flow(one, one.roll((3, 5), (0, 1))))
        finally:
            cv2.setNumThreads(1)
    assert torch.equal(*found)


@pytest.mark.parametrize("step", [(0, 0), (8, 0), (-12, 4)])
def test_motion_at_a_quarter_of_the_size_is_the_flow_there(step: tuple[int, int]) -> None:
    earlier, later = moved(*step)
    size = H // 4, W // 4
    motion = motion_between(later, earlier, size)
    assert motion.other is earlier
    for found, pair in ((motion.flow, (later, earlier)), (motion.back, (earlier, later))):
        expected = reduce_flow(optical_flow(*pair), size)
        assert (found - expected).abs().mean() < 0.02
        assert found.shape == (2, *size)
    assert (motion.flow[:, 6:-6, 6:-6].mean((1, 2)) + torch.tensor(step) / 4).abs().max() < 0.05


def test_motion_of_small_pictures_does_not_crash() -> None:
    motion = motion_between(100 * torch.rand(64, 96), 100 * torch.rand(64, 96), (16, 24))
    assert motion.flow.shape == motion.back.shape == (2, 16, 24)
    assert motion.flow.isfinite().all()


def test_reduced_flow_counts_in_its_own_samples() -> None:
    flow = torch.stack([torch.full((64, 96), 8.0), torch.full((64, 96), -4.0)])
    small = reduce_flow(flow, (16, 12))
    torch.testing.assert_close(small[0], torch.full((16, 12), 1.0))
    torch.testing.assert_close(small[1], torch.full((16, 12), -1.0))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_warp_fetches_from_where_the_flow_points(mode: str) -> None:
    maps = torch.randn(1, 3, 20, 30)
    flow = torch.tensor([4.0, -3.0]).view(1, 2, 1, 1).expand(1, 2, 20, 30)
    found = warp(maps, flow, mode)
    torch.testing.assert_close(
        found[:, :, 5:-3, 3:-6], maps[:, :, 2:-6, 7:-2], atol=1e-4, rtol=1e-4
    )


def test_warp_goes_between_samples_and_holds_the_edge() -> None:
    ramp = torch.arange(10.0).expand(1, 1, 6, 10)
    half = torch.tensor([0.5, 0.0]).view(1, 2, 1, 1).expand(1, 2, 6, 10)
    expected = (torch.arange(10.0) + 0.5).clamp(max=9)
    torch.testing.assert_close(warp(ramp, half)[0, 0, 3], expected)


def test_warping_by_the_found_flow_gives_the_picture_back() -> None:
    before, after = moved(6, -3)
    back = warp(after[None, None], optical_flow(before, after)[None])[0, 0]
    inner = (slice(16, -16), slice(16, -16))
    assert (back - before)[inner].abs().mean() < 0.1 * (after - before)[inner].abs().mean()


def constant(x: float, y: float) -> Tensor:
    return torch.tensor([float(x), float(y)]).view(1, 2, 1, 1).expand(1, 2, 24, 24).clone()


def test_a_round_trip_misses_by_what_the_flows_differ() -> None:
    torch.testing.assert_close(
        round_trip(constant(3, 1), constant(-3, -1)), torch.zeros(1, 1, 24, 24)
    )
    torch.testing.assert_close(
        round_trip(constant(3, 1), constant(-1, 1)), torch.full((1, 1, 24, 24), 8.0)
    )


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ((-10.0, 0.0), True),  # there and back again
        ((-8.9, 0.0), True),  # 1.21 is below 0.01 * (100 + 79.2) + 0.5 = 2.29
        ((-8.0, 0.0), False),  # 4 is above 0.01 * (100 + 64) + 0.5 = 2.14
    ],
)
def test_visible_keeps_the_published_limit(back: tuple[float, float], expected: bool) -> None:
    assert visible(constant(10, 0), constant(*back)).all() == expected
    assert visible(constant(10, 0), constant(*back)).any() == expected


def test_edges_of_motion_are_not_judged() -> None:
    flow, back = constant(0, 0), constant(0, 0)
    flow[:, :, :, 12:] = 2.0
    back[:, :, :, 12:] = -2.0
    seen = visible(flow, back)[0, 0]
    assert not seen[:, 11].any()
    assert seen[:, :11].all()
