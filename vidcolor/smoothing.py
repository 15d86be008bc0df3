"""Smoothing: ab averaged over neighbouring frames of a shot, where the luma agrees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.frames import Colored
from vidcolor.settings import SmoothSettings
from vidcolor.streams import close, window


def smooth(colored: Iterable[Colored], settings: SmoothSettings) -> Iterator[Colored]:
    """Steady the colour.

    Each ab becomes the mean of those up to ``settings.radius`` frames away in the same shot. A
    neighbour counts, pixel by pixel, by how little the luma there has changed, so what moves
    drags no colour behind it. Holds ``2 * radius + 1`` frames, speaks ``radius`` frames late.

    Args:
        colored: Frames of one film with ab, in order.
        settings: Radius and tolerance; disabled passes everything through.

    Yields:
        The same frames with steadier ab.
    """
    if not settings.enabled or settings.radius == 0:
        yield from colored
        return
    neighbours = window(((item, _reduced(item)) for item in colored), settings.radius)
    try:
        for held, centre in neighbours:
            first, last = shot_around([item.frame.starts_shot for item, _ in held], centre)
            item, luma = held[centre]
            ab = weighted_mean(
                luma,
                torch.stack([other for _, other in held[first:last]]),
                torch.stack([other.ab for other, _ in held[first:last]]),
                settings.luma_tolerance,
            )
            yield Colored(item.frame, item.lightness, ab)
    finally:
        neighbours.close()
        close(colored)


def _reduced(item: Colored) -> Tensor:
    """Lightness at the size of ab, a little blurred, so that grain is not taken for motion."""
    L = F.interpolate(item.lightness[None, None], item.ab.shape[1:], mode="area")
    return F.avg_pool2d(L, 3, 1, 1, count_include_pad=False)[0, 0]


def shot_around(starts: list[bool], centre: int) -> tuple[int, int]:
    """The slice of a window that lies in the shot of its centre."""
    first = centre
    while first > 0 and not starts[first]:
        first -= 1
    last = centre + 1
    while last < len(starts) and not starts[last]:
        last += 1
    return first, last


def weighted_mean(luma: Tensor, lumas: Tensor, abs_: Tensor, tolerance: float) -> Tensor:
    """Mean of ab over time, each pixel weighted by ``exp(-(change of L / tolerance)^2)``.

    Args:
        luma: ``(h, w)`` L of the frame itself.
        lumas: ``(T, h, w)`` L of all frames, itself among them.
        abs_: ``(T, 2, h, w)`` their ab.
        tolerance: L units.

    Returns:
        ``(2, h, w)``.
    """
    weights = torch.exp(-(((lumas - luma) / tolerance) ** 2))[:, None]
    return (abs_ * weights).sum(0) / weights.sum(0)
