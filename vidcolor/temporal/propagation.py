"""Traces: the mean color of a thing, carried from frame to frame along the optical flow.

A *trace* is the mean ab of a thing so far and the number of frames that it rests on. A gate
decides, sample by sample, how far to trust it, so what appears anew gets its own color. Each frame
has a trace from its past and one from its future; its result is the mean of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.core.frames import Frame
from vidcolor.core.optical_flow import round_trip, warp
from vidcolor.core.resample import MOST_CHANNELS, Array, box_mean, fetch, places_along
from vidcolor.nets.trust_gate import Gate

MIN_SHARE = 0.5
"""Of a frame that may show less of its color the net saw too little to tell others."""


MAX_EXPOSURE = 1.5
"""Largest factor on the cube root of light that is taken for flicker or a change of exposure."""

CUBIC = 0.8
"""Share of cubic interpolation when color is carried; the rest is linear. Torch's cubic sharpens
(a = -0.75): over 24 frames details grow to twice their strength, and linear blurs them away. In
this mixture they keep 0.9 to 1.1 of it."""

MAX_REVIVAL = 1.25
"""Largest factor that makes up for the dullness of a mean."""


@dataclass
class FramePair:
    """What two frames of a shot know of each other."""

    flow: Tensor
    """``(B, 2, h, w)`` from the later frame into the earlier one, at the size of ab."""
    back: Tensor
    """``(B, 2, h, w)`` from the earlier one into the later one."""
    trust: Tensor
    """``(B, 1, h, w)`` 0..1: how far the later frame trusts what comes from the earlier one."""
    back_trust: Tensor
    """``(B, 1, h, w)`` 0..1: the other way round."""


def pair_features(
    L: Tensor, ab: Tensor, other_L: Tensor, other_ab: Tensor, flows: Sequence[Tensor]
) -> Tensor:
    """What tells whether two frames show the same thing at the two ends of a flow.

    Args:
        L: ``(B, 1, h, w)`` lightness at the size of ab.
        ab: ``(B, 2, h, w)`` as the net found it.
        other_L: Of the frame that color would come from.
        other_ab: The same.
        flows: ``(B, 2, h, w)`` into the other frame, and back.

    Returns:
        ``(B, CLUES, h, w)``: change of lightness, with its sign and softened; detail; how far the
        flow misses on the way back; its length; difference of the colors; strength of color.
    """
    if _is_for_opencv(ab):
        return _pair_features_of_one(L[0], ab[0], other_L[0], other_ab[0], flows)
    flow, back = flows
    # L* + 16 is the cube root of light but for a factor, so exposure multiplies it.
    arrived = warp(torch.cat([other_L + 16, other_ab], 1), flow)
    ratio = (L + 16) / arrived[:, :1].clamp(min=1)
    gain = ratio.flatten(1).median(1).values.clamp(1 / MAX_EXPOSURE, MAX_EXPOSURE)
    change = (L + 16 - gain.view(-1, 1, 1, 1) * arrived[:, :1]) / 10
    return torch.cat(
        [
            change,
            soften(change).abs(),
            (L - soften(L)).abs() / 10,
            torch.log1p(4 * round_trip(flow, back)),
            torch.log1p(4 * energy(flow)),
            energy(ab - arrived[:, 1:]).sqrt() / 20,
            energy(ab).sqrt() / 40,
        ],
        1,
    )


def _is_for_opencv(maps: Tensor) -> bool:
    """Whether maps belong to one frame that is smoothed on the CPU, and to no training."""
    return (
        len(maps) == 1
        and maps.shape[1] <= MOST_CHANNELS
        and maps.device.type == "cpu"
        and not torch.is_grad_enabled()
    )


def _pair_features_of_one(
    L: Tensor, ab: Tensor, other_L: Tensor, other_ab: Tensor, flows: Sequence[Tensor]
) -> Tensor:
    """`pair_features` of one frame, whose maps are ``(1, h, w)`` and ``(2, h, w)``.

    OpenCV and numpy do much of it: torch takes several times as long for maps of this size.
    """
    flow, back = (one[0].permute(1, 2, 0).contiguous() for one in flows)
    places = places_along(flow)
    others = torch.cat([other_L + 16, other_ab]).permute(1, 2, 0).contiguous()
    arrived = fetch(others, places).permute(2, 0, 1).contiguous().numpy()
    missed = (flow + fetch(back, places)).numpy()
    own, found_ab, way = L[0].numpy(), ab.numpy(), flow.numpy()
    gain = float(torch.from_numpy((own + 16) / np.maximum(arrived[0], 1)).median())
    gain = min(max(gain, 1 / MAX_EXPOSURE), MAX_EXPOSURE)
    change = (own + 16 - gain * arrived[0]) / 10
    around = box_mean(torch.from_numpy(np.stack([change, own])), 1).numpy()
    features = [
        change,
        np.abs(around[0]),
        np.abs(own - around[1]) / 10,
        np.log1p(4 * _sum_squares(missed[..., 0], missed[..., 1])),
        np.log1p(4 * _sum_squares(way[..., 0], way[..., 1])),
        np.sqrt(_sum_squares(*(found_ab - arrived[1:]))) / 20,
        np.sqrt(_sum_squares(*found_ab)) / 40,
    ]
    return torch.from_numpy(np.stack(features)[None])


def _sum_squares(x: Array, y: Array) -> Array:
    return np.asarray(x * x + y * y)


def soften(maps: Tensor) -> Tensor:
    """Means over 3 x 3 samples: grain is not motion."""
    return F.avg_pool2d(maps, 3, 1, 1, count_include_pad=False)


def link(
    gate: Gate,
    earlier: tuple[Tensor, Tensor],
    later: tuple[Tensor, Tensor],
    flows: tuple[Tensor, Tensor],
    strength: float = 1.0,
) -> FramePair:
    """Join two frames.

    Args:
        gate: Decides on the trust.
        earlier: L and ab as `pair_features` takes them.
        later: The same of the later frame.
        flows: From the later one into the earlier one, and back.
        strength: Factor on the trust, 0..1.
    """
    flow, back = flows
    found = pair_features(*later, *earlier, flows), pair_features(*earlier, *later, flows[::-1])
    trust, back_trust = (gate(torch.cat(found)) * strength).chunk(2)
    return FramePair(flow, back, trust, back_trust)


def warp_color(maps: Tensor, flow: Tensor) -> Tensor:
    """``(B, C, h, w)`` color at the other end of a flow, neither blurred nor sharpened."""
    if _is_for_opencv(maps):
        source = maps[0].permute(1, 2, 0).contiguous()
        places = places_along(flow[0].permute(1, 2, 0))
        found = torch.lerp(fetch(source, places), fetch(source, places, cubic=True), CUBIC)
        return found.permute(2, 0, 1)[None].contiguous()
    return torch.lerp(warp(maps, flow), warp(maps, flow, "bicubic"), CUBIC)


def carry(trace: Tensor, flow: Tensor, trust: Tensor) -> Tensor:
    """A trace as it arrives in another frame.

    Args:
        trace: ``(B, C + 1, h, w)`` means of maps, and the number of frames they rest on.
        flow: ``(B, 2, h, w)`` from the other frame into that of the trace.
        trust: ``(B, 1, h, w)`` factor on the number of frames.

    Returns:
        ``(B, C + 1, h, w)``.
    """
    arrived = warp_color(trace, flow)
    return torch.cat([arrived[:, :-1], arrived[:, -1:].clamp(min=0) * trust], 1)


def add(trace: Tensor | None, maps: Tensor, count: float = 1.0) -> Tensor:
    """A trace with the ``(B, C, h, w)`` maps of one frame more, or a fresh one of that alone.

    Args:
        trace: Of the frames before; None at a cut.
        maps: Of the frame.
        count: For how many frames it counts.
    """
    if trace is None:
        return torch.cat([maps, torch.full_like(maps[:, :1], count)], 1)
    mean, total = trace[:, :-1], trace[:, -1:] + count
    return torch.cat([torch.lerp(mean, maps, count / total), total], 1)


def merge(past: Tensor, future: Tensor, maps: Tensor, count: float = 1.0) -> Tensor:
    """``(B, C, h, w)`` mean of two traces that both count ``maps``."""
    weight, other = past[:, -1:], future[:, -1:]
    both = past[:, :-1] * weight + future[:, :-1] * other - maps * count
    return both / (weight + other - count)


def average_along_flow(
    maps: Sequence[Tensor],
    links: Sequence[FramePair | None],
    count: int,
    state: Tensor | None,
    counts: Sequence[float] | None = None,
) -> tuple[list[Tensor], list[Tensor]]:
    """Means along the flow, of the first ``count`` frames of a run; the others are looked ahead to.

    Args:
        maps: ``(B, C, h, w)`` of each frame, such as its ab.
        links: Of each frame with the one before it; the first one's with the frame of ``state``.
        count: How many results are asked for.
        state: ``(B, C + 1, h, w)`` trace of the frame before the first one; None at a cut.
        counts: For how many frames each of them counts; None is one each.

    Returns:
        The means, ``(B, C, h, w)``, and the past traces of the first ``count`` frames.
    """
    counts = [1.0] * len(maps) if counts is None else counts
    futures: list[Tensor] = []
    after: FramePair | None = None
    for own, before, n in zip(reversed(maps), reversed(links), reversed(counts), strict=True):
        carried = carry(futures[-1], after.back, after.back_trust) if after else None
        futures.append(add(carried, own, n))
        after = before
    steady, pasts = [], []
    for own, before, n, future in zip(maps[:count], links, counts, reversed(futures), strict=False):
        state = add(from_past(state, before), own, n)
        pasts.append(state)
        steady.append(merge(state, future, own, n))
    return steady, pasts


def from_past(state: Tensor | None, before: FramePair | None) -> Tensor | None:
    """What a frame gets of the trace of the one before it."""
    if state is None or before is None:
        return None
    return carry(state, before.flow, before.trust)


def energy(vectors: Tensor) -> Tensor:
    """``(B, 1, h, w)`` squared length of ``(B, 2, h, w)``; much faster than ``norm``."""
    return vectors.square().sum(1, keepdim=True)


def with_energy(ab: Tensor) -> Tensor:
    """``(B, 2, h, w)`` ab with its energy as a third map."""
    return torch.cat([ab, energy(ab)], 1)


def restore_saturation(mean: Tensor) -> Tensor:
    """Mean ab as vivid, over the whole picture, as what it is the mean of.

    Where the net wavers, its mean is duller than each of its answers. One factor a picture makes up
    for that: the mean of the squares over the square of the mean. It is a mean over many frames
    itself, so it does not flicker.

    Args:
        mean: ``(B, 3, h, w)`` of `with_energy`.

    Returns:
        ``(B, 2, h, w)``.
    """
    ab, before = mean[:, :2], mean[:, 2:].mean((2, 3), keepdim=True)
    lost = before / energy(ab).mean((2, 3), keepdim=True).clamp(min=1e-3)
    return ab * lost.clamp(1, MAX_REVIVAL**2).sqrt()


def starts_segment(frame: Frame) -> bool:
    """Whether a frame has nothing to do with those before it."""
    return frame.starts_shot or frame.resumed


def is_reference(frame: Frame, share: float) -> bool:
    """Whether other frames may take color from this one."""
    return not (frame.damaged or frame.outlier) and share >= MIN_SHARE
