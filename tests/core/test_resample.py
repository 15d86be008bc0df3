"""OpenCV's way and torch's way give the same numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from vidcolor.core.resample import box_mean, enlarge, fetch, halve, places_along, reduce_map

SIZES = [(1, 1), (2, 3), (9, 4), (13, 17)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("radius", [1, 2])
def test_the_window_of_a_mean_is_smaller_at_the_edges(size: tuple[int, int], radius: int) -> None:
    maps = torch.randn(3, *size)
    expected = F.avg_pool2d(maps[None], 2 * radius + 1, 1, radius, count_include_pad=False)[0]
    torch.testing.assert_close(box_mean(maps, radius), expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("factor", [(1, 1), (8, 9), (3, 2)])
def test_maps_are_enlarged_between_the_middles_of_their_cells(
    size: tuple[int, int], factor: tuple[int, int]
) -> None:
    maps = torch.randn(2, *size)
    target = size[0] * factor[0], size[1] * factor[1]
    expected = F.interpolate(maps[None], target, mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(enlarge(maps, target), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(enlarge(maps.mT, target[::-1]), expected.mT, atol=1e-4, rtol=0)


def test_a_map_is_reduced_to_means() -> None:
    plane = torch.randn(24, 32)
    expected = F.avg_pool2d(plane[None], 4)[0]
    torch.testing.assert_close(reduce_map(plane, (6, 8)), expected)


@pytest.mark.parametrize(("dtype", "most"), [(torch.uint8, 255), (torch.uint16, 65535)])
def test_halving_gives_rounded_means(dtype: torch.dtype, most: int) -> None:
    codes = torch.randint(0, most + 1, (10, 14))
    padded = torch.zeros(10, 20, dtype=torch.int64)  # rows of a plane lie further apart
    padded[:, :14] = codes
    expected = (codes.view(5, 2, 7, 2).sum((1, 3)) + 2) // 4
    assert torch.equal(halve(padded.to(dtype)[:, :14]).long(), expected)


@pytest.mark.parametrize("cubic", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_maps_are_read_between_their_samples_and_held_beyond_the_edge(
    channels: int, cubic: bool
) -> None:
    h, w = 12, 15
    maps = F.interpolate(torch.randn(1, channels, 4, 5), (h, w), mode="bicubic")
    flow = 4 * torch.randn(h, w, 2)
    places = places_along(flow)
    grid = (places + 0.5) * torch.tensor([2 / w, 2 / h]) - 1
    mode = "bicubic" if cubic else "bilinear"
    expected = F.grid_sample(
        maps, grid[None], mode=mode, padding_mode="border", align_corners=False
    )
    found = fetch(maps[0].permute(1, 2, 0).contiguous(), places, cubic)
    # Some versions of OpenCV know places to 1/32 of a sample.
    torch.testing.assert_close(found.permute(2, 0, 1), expected[0], atol=0.1, rtol=0)
