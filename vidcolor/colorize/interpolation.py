"""Strides: frames that the net did not see take their color from those around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from vidcolor.colorize.frame_selection import PendingFrame, no_color
from vidcolor.core.frames import ColorizedFrame, Motion
from vidcolor.core.iterators import close
from vidcolor.temporal.propagation import warp_color


def interpolate_color(
    items: Iterable[PendingFrame], output_stride: int
) -> Iterator[ColorizedFrame]:
    """Carry color along the flow to the frames that have no answer of the net.

    From the frames with an answer before and after, blended by the time to each; from one of them
    where the net gave no number for the other. Holds the frames between two answers.

    Args:
        items: Frames of one film in order; those that have an answer have it with its ab.
        output_stride: Of the net.

    Yields:
        The same frames with ab; marked, and without any, where there is no number.
    """
    found = _fill_gaps(items)
    try:
        for item, ab in found:
            yield _with_color(item, ab, output_stride)
    finally:
        close(found)


def _fill_gaps(
    items: Iterable[PendingFrame],
) -> Iterator[tuple[PendingFrame, Tensor | None]]:
    before: Tensor | None = None
    waiting: list[PendingFrame] = []
    try:
        for item in items:
            if not item.answer:
                waiting.append(item)
                continue
            after = item.answer.ab
            yield from _between(before, waiting, item.motion, after)
            yield item, after
            before = after
        yield from _between(before, waiting, None, None)
    finally:
        close(items)


def _between(
    before: Tensor | None, waiting: list[PendingFrame], motion: Motion | None, after: Tensor | None
) -> Iterator[tuple[PendingFrame, Tensor | None]]:
    """The frames that wait, which are let go, with their ab.

    Args:
        before: ab of the frame before them.
        waiting: The frames.
        motion: Between the last of them and the frame after them.
        after: ab of the latter.
    """
    motions = [*(item.motion for item in waiting), motion]
    pasts = _chain(before, [each.flow if each else None for each in motions[:-1]])
    futures = _chain(after, [each.back if each else None for each in motions[:0:-1]])[::-1]
    for place, (past, future) in enumerate(zip(pasts, futures, strict=True), 1):
        yield waiting.pop(0), _blend(past, future, place / (len(pasts) + 1))


@torch.inference_mode()
def _chain(ab: Tensor | None, flows: Sequence[Tensor | None]) -> list[Tensor | None]:
    """ab carried on from frame to frame; None from where there is no flow, or no number."""
    found = []
    ab = ab if _is_known(ab) else None
    for flow in flows:
        ab = None if ab is None or flow is None else warp_color(ab[None], flow[None])[0]
        found.append(ab)
    return found


def _blend(past: Tensor | None, future: Tensor | None, share: float) -> Tensor | None:
    """Both, the second with this share; or the one that there is."""
    if past is None or future is None:
        return future if past is None else past
    return torch.lerp(past, future, share)


def _is_known(ab: Tensor | None) -> bool:
    return ab is not None and bool(ab.isfinite().all())


def _with_color(item: PendingFrame, ab: Tensor | None, output_stride: int) -> ColorizedFrame:
    """The frame with its ab; marked, and without any, where that is no number."""
    if ab is not None and _is_known(ab):
        embedding = ab[2:] if len(ab) > 2 else None
        return ColorizedFrame(
            item.frame, item.lightness, ab[:2], item.share, item.motion, embedding
        )
    item.frame.colorless = True
    blank = no_color(item.lightness, output_stride)
    return ColorizedFrame(item.frame, item.lightness, blank, 0.0)
