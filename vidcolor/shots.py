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


FLICKER = 1.25
"""Largest ratio of two frames' brightness that is taken for flicker and made up for."""


def thumbnail(frame: Frame) -> Tensor:
    """``(h, w)`` float32 codes 0..255: every few samples of the luma."""
    H, W = frame.luma.shape
    codes = frame.luma[:: max(1, H // 64), :: max(1, W // 64)].to(torch.int32)
    return (codes >> (frame.layout.bits - 8)).clamp(max=255).float()


def histograms(codes: Tensor) -> Tensor:
    """``(GRID * GRID, BINS)`` float32: histograms of the cells of ``(h, w)``, each sums to 1."""
    bins = (codes * (BINS / 256)).long().clamp(max=BINS - 1)
    h, w = bins.shape
    cells = (torch.arange(h) * GRID // h)[:, None] * GRID + torch.arange(w) * GRID // w
    counts = torch.bincount((cells * BINS + bins).flatten(), minlength=GRID * GRID * BINS)
    table = counts.view(GRID * GRID, BINS).float()
    return table / table.sum(1, keepdim=True).clamp(min=1)


def distance(now: Tensor, before: Tensor) -> float:
    """0..1: how far two thumbnails lie apart, counted as earth mover's distance.

    Cumulative histograms are compared, so a small change moves them a little and a cut a lot;
    what projector flicker does to the whole picture is taken out first.
    """
    gain = ((before.mean() + 1) / (now.mean() + 1)).clamp(1 / FLICKER, FLICKER)
    change = histograms(now * gain).cumsum(1) - histograms(before).cumsum(1)
    return float((change.abs().sum(1) * (4 / BINS)).clamp(max=1).mean())


def mark_shots(frames: Iterable[Frame], settings: ShotSettings) -> Iterator[Frame]:
    """Set ``starts_shot``; no delay, one thumbnail held.

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
            now = thumbnail(frame)
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
