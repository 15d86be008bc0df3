"""Optical flow, and what is done along it: warping, and telling what is hidden.

A flow is ``(2, h, w)`` float32: for
each sample of one picture, how far right and how far down in the other one the same thing lies, in
samples.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.core.frames import Motion
from vidcolor.core.resample import reduce_map

Preset = Literal["fast", "medium"]

PRESETS: dict[Preset, int] = {
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
"""Fast follows the picture to a quarter of its size, medium to half of it, at six times the cost.
Color has a quarter of the working size; measures take the finer one."""

REFINEMENTS = 4
"""Steps of refinement from frame to frame, of 5 that ``fast`` has: with 4 the change of color along
the motion is the same within 0.1 %, with 2 it grows by 2 %."""

MIN_SIDE = 32
"""OpenCV crashes on pictures of a few samples; their edges are repeated up to this."""


def optical_flow(lightness: Tensor, other: Tensor, preset: Preset = "fast") -> Tensor:
    """Where the things of one picture lie in another, by DIS.

    Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016. Patches are compared
    without their mean, so flicker does no harm.

    Args:
        lightness: ``(h, w)`` CIE L* 0..100.
        other: ``(h, w)`` L* of the other picture.
        preset: How fine.

    Returns:
        ``(2, h, w)`` flow on the samples of ``lightness``.
    """
    h, w = lightness.shape
    dis = cv2.DISOpticalFlow.create(PRESETS[preset])
    codes = _codes(lightness), _codes(other)
    found = dis.calc(*codes, None)  # type: ignore[call-overload]  # the stub errs
    return torch.from_numpy(found).permute(2, 0, 1)[:, :h, :w].contiguous()


def _codes(lightness: Tensor) -> np.ndarray[Any, Any]:
    h, w = lightness.shape
    codes = (lightness * 2.55).round_().clamp_(0, 255).to(torch.uint8).numpy()
    if min(h, w) >= MIN_SIDE:
        return codes
    return np.pad(codes, ((0, max(0, MIN_SIDE - h)), (0, max(0, MIN_SIDE - w))), mode="edge")


def reduce_flow(flow: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """A flow on fewer samples, the means of those it had.

    Args:
        flow: ``(2, H, W)``.
        size: (h, w) of the result.

    Returns:
        ``(2, h, w)``, in samples of the new size.
    """
    H, W = flow.shape[1:]
    small = F.interpolate(flow[None], size, mode="area")[0]
    return small * flow.new_tensor([size[1] / W, size[0] / H]).view(2, 1, 1)


@torch.inference_mode()
def motion_between(
    lightness: Tensor, earlier: Tensor, size: tuple[int, int] | torch.Size
) -> Motion:
    """The flow from a picture ``(h, w)`` into an earlier one, and back, on fewer samples.

    That of equal pictures is 0 without a look at them, as it is with one. Both pictures are
    reduced before, to a quarter in films, which is as far as `optical_flow` follows them: what it
    finds is the same but for roundings.

    Args:
        lightness: ``(H, W)`` CIE L* 0..100.
        earlier: ``(H, W)`` L* of the earlier picture.
        size: (h, w) of the flows.
    """
    if torch.equal(lightness, earlier):
        still = lightness.new_zeros(2, *size)
        return Motion(earlier, still, still)
    codes, earlier_codes = (_codes(reduce_map(each, size)) for each in (lightness, earlier))
    dis = cv2.DISOpticalFlow.create(PRESETS["fast"])
    dis.setFinestScale(0)
    dis.setVariationalRefinementIterations(REFINEMENTS)
    flow, back = (
        torch.from_numpy(dis.calc(one, other, None)).permute(2, 0, 1)[:, : size[0], : size[1]]  # type: ignore[call-overload]  # the stub errs
        for one, other in ((codes, earlier_codes), (earlier_codes, codes))
    )
    return Motion(earlier, flow, back)


def warp(maps: Tensor, flow: Tensor, mode: str = "bilinear") -> Tensor:
    """What lies at the other end of a flow; beyond the picture its edge is repeated.

    Args:
        maps: ``(B, C, h, w)`` maps of the other picture.
        flow: ``(B, 2, h, w)`` flow into it.
        mode: ``bilinear`` or ``bicubic``.

    Returns:
        ``(B, C, h, w)`` on the samples that the flow starts from.
    """
    h, w = flow.shape[2:]
    y, x = torch.meshgrid(
        torch.arange(h, device=flow.device), torch.arange(w, device=flow.device), indexing="ij"
    )
    place = torch.stack([x, y]) + flow + 0.5
    place = place * flow.new_tensor([2 / w, 2 / h]).view(2, 1, 1) - 1
    return F.grid_sample(
        maps, place.permute(0, 2, 3, 1), mode=mode, padding_mode="border", align_corners=False
    )


def round_trip(flow: Tensor, back: Tensor) -> Tensor:
    """Squared distance by which there and back again misses the start; large where hidden.

    Args:
        flow: ``(B, 2, h, w)``.
        back: ``(B, 2, h, w)`` flow from the other picture to this one.

    Returns:
        ``(B, 1, h, w)`` in squared samples.
    """
    return (flow + warp(back, flow)).square().sum(1, keepdim=True)


def visible(flow: Tensor, back: Tensor) -> Tensor:
    """Where a flow can be relied on when results are judged by it.

    Ruder, Dosovitskiy and Brox ("Artistic Style Transfer for Videos", 2016) after Sundaram et al.
    2010: things are hidden where ``|w + w'|^2 > 0.01 (|w|^2 + |w'|^2) + 0.5``, and flows are not
    sharp where their gradient is above ``0.01 |w|^2 + 0.002``.

    Args:
        flow: ``(B, 2, h, w)``.
        back: ``(B, 2, h, w)`` flow from the other picture to this one.

    Returns:
        ``(B, 1, h, w)`` bool.
    """
    returned = warp(back, flow)
    length, other = (way.square().sum(1, keepdim=True) for way in (flow, returned))
    seen = (flow + returned).square().sum(1, keepdim=True) <= 0.01 * (length + other) + 0.5
    across = F.pad(flow.diff(dim=3), (0, 1)).square().sum(1, keepdim=True)
    down = F.pad(flow.diff(dim=2), (0, 0, 0, 1)).square().sum(1, keepdim=True)
    return seen & (across + down <= 0.01 * length + 0.002)
