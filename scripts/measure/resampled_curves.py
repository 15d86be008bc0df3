"""Curves of gain over gray against colorfulness, with intervals by bootstrap over pictures.

All arrays have R + 1 rows: the first is of all pictures, the others of R resamples of them. What
is computed row by row from the same draws is paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from kept_sources import SourceScores
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES = 2000
SEED = 1
MEAN = "mean of the sources"
"""Name of the curve of all sources together."""


@dataclass(frozen=True)
class Curve:
    """Means over pictures at T turns of the dial."""

    gain: Array
    """``(R + 1, T)``: PSNR over that of gray, dB."""
    share: Array
    """``(R + 1, T)``: mean colorfulness in % of the truth's mean."""


def draw_resamples(counts: Sequence[int]) -> list[Array]:
    """For each source ``(R + 1, N)``: how often each of its N pictures is drawn; always the same.

    Each source is resampled on its own.
    """
    draw = np.random.default_rng(SEED)
    return [
        np.vstack([np.ones(n), draw.multinomial(n, np.full(n, 1 / n), RESAMPLES)]) for n in counts
    ]


def curve_of(scores: SourceScores, drawn: Array) -> Curve:
    """The curve of one source."""
    gain = np.array(scores.psnr) - np.array(scores.psnr_gray)[:, None]
    truth = drawn @ np.array(scores.colorfulness_truth)
    share = 100 * (drawn @ np.array(scores.colorfulness)) / truth[:, None]
    return Curve(drawn @ gain / drawn.shape[1], share)


def curves_of(sources: dict[str, SourceScores]) -> dict[str, Curve]:
    """The curve of each source, and as `MEAN` that of the mean over them.

    Its intervals hold for other pictures of the same sources, not for other sources.
    """
    drawn = draw_resamples([len(each.psnr) for each in sources.values()])
    curves = {
        name: curve_of(scores, each)
        for (name, scores), each in zip(sources.items(), drawn, strict=True)
    }
    gain = np.mean([curve.gain for curve in curves.values()], 0)
    share = np.mean([curve.share for curve in curves.values()], 0)
    return curves | {MEAN: Curve(gain, share)}


def gain_at(curve: Curve, share: float) -> Array | None:
    """``(R + 1,)``: the gain where the colorfulness is so many % of the truth's.

    Between two turns of the dial the curve is a straight line; a resample that ends just before
    the share is continued by its last line.

    Returns:
        None where the dial does not reach the share.
    """
    if not curve.share[0].min() <= share <= curve.share[0].max():
        return None
    order = curve.share.argsort(1, kind="stable")
    shares = np.take_along_axis(curve.share, order, 1)
    gains = np.take_along_axis(curve.gain, order, 1)
    last = np.clip((shares <= share).sum(1), 1, shares.shape[1] - 1)[:, None]
    (x0, x1), (y0, y1) = (
        [np.take_along_axis(table, at, 1)[:, 0] for at in (last - 1, last)]
        for table in (shares, gains)
    )
    width = x1 - x0  # 0 for a net that the dial has no effect on
    part = np.divide(share - x0, width, out=np.zeros_like(width), where=width > 0)
    found: Array = y0 + part * (y1 - y0)
    return found


def interval_of(values: Array) -> tuple[float, float]:
    """The 95 % interval of ``(R + 1,)`` values."""
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return float(low), float(high)
