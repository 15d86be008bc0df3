"""Shots: which frames start a new one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from vidcolor.frames import Frame, Shot
from vidcolor.settings import ShotSettings
from vidcolor.streams import close

BINS = 32
GRID = 4
"""The picture is compared in GRID x GRID cells, so that a cut between two equally bright views
is seen too."""


def histograms(frame: Frame) -> Tensor:
    """``(GRID * GRID, BINS)`` float32: luma histograms of the cells, each summing to 1."""
    H, W = frame.luma.shape
    rows, columns = max(1, H // 64), max(1, W // 64)
    codes = frame.luma[::rows, ::columns].to(torch.int32) >> (frame.layout.bits - 8)
    bins = codes * BINS // 256
    h, w = bins.shape
    cells = (torch.arange(h) * GRID // h)[:, None] * GRID + torch.arange(w) * GRID // w
    counts = torch.bincount((cells * BINS + bins).flatten(), minlength=GRID * GRID * BINS)
    table = counts.view(GRID * GRID, BINS).float()
    return table / table.sum(1, keepdim=True).clamp(min=1)


def distance(now: Tensor, before: Tensor) -> float:
    """0..1: how far two frames' histograms lie apart, counted as earth mover's distance.

    Cumulative histograms are compared, so a slight change of brightness, as projector flicker
    makes, moves them a little and a cut a lot.
    """
    moved = (now.cumsum(1) - before.cumsum(1)).abs().sum(1) / BINS
    return float((moved * 4).clamp(max=1).mean())


def mark_shots(frames: Iterable[Frame], settings: ShotSettings) -> Iterator[Frame]:
    """Set ``starts_shot``; no delay, one histogram held.

    Args:
        frames: Frames of one film, in order.
        settings: Threshold and shortest shot.

    Yields:
        The same frames.
    """
    before: Tensor | None = None
    length = 0
    try:
        for frame in frames:
            now = histograms(frame)
            cut = before is None or (
                length >= settings.min_frames and distance(now, before) > settings.threshold
            )
            frame.starts_shot = cut
            length = 1 if cut else length + 1
            before = now
            yield frame
    finally:
        close(frames)


def detect_shots(frames: Iterable[Frame], settings: ShotSettings | None = None) -> Iterator[Shot]:
    """The shots of a film, each as soon as its last frame is known."""
    start, count = None, 0
    for frame in mark_shots(frames, settings or ShotSettings()):
        if frame.starts_shot and start is not None:
            yield Shot(start, count)
            count = 0
        if frame.starts_shot:
            start = frame.seconds
        count += 1
    if start is not None:
        yield Shot(start, count)
