"""Looks: how alike two frames are, judged by thumbnails of their luma."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d

from vidcolor.core.frames import Frame

ROWS, COLUMNS = 24, 32
"""Size of the thumbnails that are compared: grain and dust are averaged away in them."""

SHIFT = 4
"""Rows and columns of the thumbnail by which a picture may have moved and still be the same."""

BINS = 32
GRID = 4
"""The picture's tones are compared in GRID x GRID cells, so that a cut between two equally bright
views is seen too."""

FLICKER = 1.4
"""Largest ratio of two frames' brightness that is taken for flicker and made up for: two lamps
that are 15 % too dark and 15 % too bright are 1.35 apart."""

BLACK = 16.0
"""Code of black; light is counted from here."""

NOISE = 9.0
"""Variance of a thumbnail, in codes squared, that says nothing: what is left of the grain."""

SURE = 0.8
"""Correlation that need not be confirmed the other way round."""
STILL = 0.01
"""Distance of the tones below which the shapes are not looked at."""

EMPTY = 6.0
"""Standard deviation of a thumbnail, in codes, below which it shows nothing."""
DARK, BRIGHT = 64.0, 192.0
"""Mean codes of an empty picture up to which it is black, and from which it is white."""


@dataclass(eq=False)
class Thumbnail:
    """What is compared of a frame."""

    codes: Tensor
    """``(ROWS, COLUMNS)`` float32 codes 0..255."""
    known: WeakKeyDictionary[Thumbnail, float] = field(default_factory=WeakKeyDictionary)
    """Distances to earlier looks that were measured already."""

    def __post_init__(self) -> None:
        deviation, mean = torch.std_mean(self.codes)
        self.mean, self.deviation = float(mean), float(deviation)
        self.empty = self.deviation < EMPTY and not DARK < self.mean < BRIGHT

    @property
    def light(self) -> float:
        """Brightness above black, in codes, at least 1."""
        return max(self.mean - BLACK, 0) + 1

    def stretched(self) -> Thumbnail:
        """The same picture at a contrast of its own: what a fade did to it is undone."""
        scale = 50 / max(self.deviation, 1.0)
        return Thumbnail(((self.codes - self.mean) * scale + 128).clamp(0, 255))


def thumbnail(frame: Frame) -> Tensor:
    """``(ROWS, COLUMNS)`` float32 codes 0..255: means of some samples of the luma."""
    H, W = frame.luma.shape
    codes = frame.luma[:: max(1, H // (4 * ROWS)), :: max(1, W // (4 * COLUMNS))].to(torch.int32)
    codes = (codes >> (frame.layout.bits - 8)).clamp(max=255)
    return adaptive_avg_pool2d(codes.float()[None], (ROWS, COLUMNS))[0]


_ROW, _COLUMN = (torch.arange(side) * GRID // side for side in (ROWS, COLUMNS))
_CELLS = _ROW[:, None] * GRID + _COLUMN


def histograms(codes: Tensor) -> Tensor:
    """``(GRID * GRID, BINS)`` float32: histograms of the cells of a thumbnail, each sums to 1."""
    bins = (codes * (BINS / 256)).long().clamp(0, BINS - 1)
    counts = torch.bincount((_CELLS * BINS + bins).flatten(), minlength=GRID * GRID * BINS)
    return counts.view(GRID * GRID, BINS).float() * (GRID * GRID / (ROWS * COLUMNS))


def tones(now: Thumbnail, before: Thumbnail) -> float:
    """0..1: how far the tones of two pictures lie apart, counted as earth mover's distance.

    Cumulative histograms are compared, so a small change moves them a little and a cut a lot;
    what projector flicker does to the whole picture is taken out first.
    """
    gain = min(max(before.light / now.light, 1 / FLICKER), FLICKER)
    codes = (now.codes - BLACK) * gain + BLACK
    change = histograms(codes).cumsum(1) - histograms(before.codes).cumsum(1)
    return float((change.abs().sum(1) * (4 / BINS)).clamp(max=1).mean())


def shapes(now: Thumbnail, before: Thumbnail) -> float:
    """0..1: one minus the correlation of two pictures, where one is moved to fit best.

    The middle of each is sought in the other. Brightness and contrast do not matter.
    """
    best = _sought(now, before)
    if best < SURE:
        best = max(best, _sought(before, now))
    return min(max(1 - best, 0.0), 1.0)


def _sought(part: Thumbnail, whole: Thumbnail) -> float:
    """-1..1: the best correlation of the middle of ``part`` with any place in ``whole``."""
    middle = part.codes[SHIFT:-SHIFT, SHIFT:-SHIFT]
    middle = middle - middle.mean()
    area = whole.codes[None, None] - whole.mean
    size = middle.shape
    means = avg_pool2d(area, size, 1)
    variances = (avg_pool2d(area * area, size, 1) - means * means).clamp(min=0)
    products = conv2d(area, middle[None, None]) / middle.numel()
    # Where neither shows anything but noise, they agree.
    spread = ((variances + NOISE) * (middle.square().mean() + NOISE)).sqrt()
    return float(((products + NOISE) / spread).max())


def distance(now: Thumbnail, before: Thumbnail) -> float:
    """0..1: how far two pictures lie apart: 0 where either their tones or their shapes agree.

    A pan keeps the tones, flicker and light keep the shapes; a cut changes both.
    """
    if before not in now.known:
        gap = tones(now, before)
        now.known[before] = (gap * shapes(now, before)) ** 0.5 if gap > STILL else 0.0
    return now.known[before]
