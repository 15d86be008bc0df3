"""Small maps resampled and averaged: by OpenCV on the CPU, else by torch.

For maps of a few thousand samples torch takes three to ten times as long on the CPU.
"""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

# OpenCV's threads spin while they wait and take the cores from the net. What it finds has the same
# bits for any number of them.
cv2.setNumThreads(1)

MOST_CHANNELS = 4
"""Of maps that OpenCV resamples in one go."""

Array = np.ndarray[Any, Any]


def halve(plane: Tensor) -> Tensor:
    """``(H, W)`` uint8 or uint16 with even sides -> ``(H / 2, W / 2)``: means of 2 x 2, rounded."""
    H, W = plane.shape
    return torch.from_numpy(
        cv2.resize(plane.numpy(), (W // 2, H // 2), interpolation=cv2.INTER_AREA)
    )


def reduce_map(plane: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """``(H, W)`` float32 -> ``size``, on the CPU: means of what lies in each new sample."""
    small, (h, w) = plane.numpy(), size
    while small.shape[0] % (2 * h) == 0 and small.shape[1] % (2 * w) == 0:  # has a loop of its own
        small = cv2.resize(
            small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA
        )
    return torch.from_numpy(cv2.resize(small, (w, h), interpolation=cv2.INTER_AREA))


def enlarge(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """``(C, h, w)`` float32 -> ``(C, *size)``: linear between samples that cover equal cells."""
    if maps.device.type != "cpu":
        return F.interpolate(maps[None], size, mode="bilinear", align_corners=False)[0]
    large = maps.new_empty(len(maps), *size)
    for one, target in zip(maps.contiguous().numpy(), large.numpy(), strict=True):
        cv2.resize(one, size[::-1], target, interpolation=cv2.INTER_LINEAR)
    return large


def box_mean(maps: Tensor, radius: int) -> Tensor:
    """``(C, h, w)`` float32 -> the same shape: mean over a square window, smaller at the edges."""
    side = 2 * radius + 1
    if maps.device.type != "cpu":
        return F.avg_pool2d(maps[None], side, 1, radius, count_include_pad=False)[0]
    means = torch.empty_like(maps)
    shares = _window_shares(maps.shape[1], maps.shape[2], radius)
    for one, target in zip(maps.contiguous().numpy(), means.numpy(), strict=True):
        # Beyond the edges there is nothing, which the shares make up for.
        cv2.boxFilter(
            one, -1, (side, side), target, normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        np.multiply(target, shares, out=target)
    return means


@functools.lru_cache(maxsize=64)
def _window_shares(h: int, w: int, radius: int) -> Array:
    """``(h, w)`` float32: one over the samples of each window."""
    counts = [np.convolve(np.ones(n), np.ones(2 * radius + 1))[radius : radius + n] for n in (h, w)]
    return np.asarray(1 / np.outer(*counts), dtype=np.float32)


def fetch(maps: Tensor, places: Tensor, cubic: bool = False) -> Tensor:
    """What maps hold between their samples, on the CPU; places are taken to 1/32 of a sample.

    Args:
        maps: ``(h, w, C)`` float32, C up to 4.
        places: ``(H, W, 2)`` float32: column and row, 0 in the middle of the first sample; beyond
            the outer samples the edge is held.
        cubic: Keys' kernel with a = -0.75, as torch's ``bicubic``; else linear.

    Returns:
        ``(H, W, C)``.
    """
    kernel = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    found = cv2.remap(  # type: ignore[call-overload]  # the stub errs: there is no second map
        maps.numpy(), places.numpy(), None, kernel, borderMode=cv2.BORDER_REPLICATE
    )
    return torch.from_numpy(found).view(*places.shape[:2], maps.shape[2])


def places_along(flow: Tensor) -> Tensor:
    """``(h, w, 2)`` where things lie at the other end of a flow of the same shape, for `fetch`."""
    return (flow + _own_places(*flow.shape[:2])).contiguous()


@functools.lru_cache(maxsize=16)
def _own_places(h: int, w: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([x, y], -1).float()
