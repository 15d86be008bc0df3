"""Lettering: how much a picture looks like a card of text, whatever its light.

Two things are asked, and both have to hold. The *ground* of a card is even: once its slow shading
is taken out, nothing is left but grain, the same everywhere. What stands on it is *lettering*:
strokes of one width, in marks of a few sizes that stand beside each other on lines. Darkness is
not asked for: a night has lamps that are no letters, a street has letters on no ground.

Each answer is a weighted sum of traits; `scripts/measure/titles.py --fit` found the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Codes = NDArray[Any]
"""``(h, w)`` uint8, black 0 to white 255."""
Area = NDArray[np.bool_]
Traits = dict[str, float]
Weights = Mapping[str, tuple[float, float | None]]
"""Weight of each trait; the second number is added before its logarithm is taken, None takes the
trait as it is."""

ROWS = 288
"""Short side of the pictures that are looked at, in pixels: a line of small print keeps six."""

INK = 0.5
"""Share of the contrast from which a sample is ink."""

BAR = 60
"""Largest code of a bar."""
BEYOND = 10
"""Codes by which a picture is lighter than its bars."""

LOPSIDED = 0.12
"""Share of the width by which bars on either side may differ, and of the height likewise: what is
dark on one side alone is the ground of a night, no bar."""

MOST_MARKS = 300


def _square(side: int) -> Codes:
    return np.ones((side, side), np.uint8)


def picture_area(codes: Codes) -> Area | None:
    """Where the picture is, between bars, in a round gate or an iris; None where that is all of it.

    Bars are dark, reach the edge and need not be black, even or straight. What lies within the
    smallest convex shape around all that is lighter and larger than a letter is picture.

    Args:
        codes: ``(h, w)`` 0..255, at `ROWS`; best a mean over some frames of the shot.
    """
    h, w = codes.shape
    small = cv2.resize(codes, (w // 4, h // 4), interpolation=cv2.INTER_AREA)
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    level = int(np.partition(edge, len(edge) // 5)[len(edge) // 5])
    if level > BAR:
        return None
    lit = (cv2.medianBlur(small, 3) > level + BEYOND).astype(np.uint8)
    # Dark spots inside are picture: only what is dark up to the edge is not.
    flooded = cv2.copyMakeBorder(lit, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(flooded, None, (0, 0), 2)
    solid = (flooded[1:-1, 1:-1] != 2).astype(np.uint8)
    side = len(small) // 8
    worn = cv2.erode(solid, _square(side), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    whole = cv2.dilate(worn, _square(side), anchor=(side - 1 - side // 2,) * 2)
    if whole.mean() < 0.03:
        return None  # whatever is there is no larger than letters
    area = np.zeros_like(whole)
    cv2.fillConvexPoly(area, cv2.convexHull(cv2.findNonZero(whole)), 1)
    x, y, wide, high = cv2.boundingRect(area)
    lopsided = max(abs(w // 4 - wide - 2 * x) / (w // 4), abs(h // 4 - high - 2 * y) / (h // 4))
    if area.mean() > 0.99 or lopsided > LOPSIDED:
        return None
    area = cv2.erode(area, _square(3), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return cv2.resize(area, (w, h), interpolation=cv2.INTER_NEAREST).astype(np.bool_)


def looks_like_a_card(codes: Codes, area: Area | None) -> float:
    """Log odds that this is a card of text; below 0 for a picture.

    Args:
        codes: ``(h, w)`` 0..255, at `ROWS`.
        area: Where the picture is, as `picture_area` tells it.
    """
    return log_odds(traits(codes, area))


def log_odds(found: Traits) -> float:
    """Log odds that a picture with these traits has an even ground *and* lettering on it."""
    chance = _chance(found, GROUND, GROUND_BIAS) * _chance(found, LETTERS, LETTERS_BIAS)
    return math.log(chance / max(1 - chance, 1e-9))


def _chance(found: Traits, weights: Weights, bias: float) -> float:
    for name, (weight, beyond) in weights.items():
        bias += weight * (found[name] if beyond is None else math.log(found[name] + beyond))
    return 1 / (1 + math.exp(-max(-30.0, min(bias, 30.0))))


def _quantiles(values: NDArray[Any], *shares: float) -> list[int]:
    """Quantiles of integers from -255 on."""
    counts = np.bincount(values.ravel() + np.int16(255), minlength=511).cumsum()
    if not counts[-1]:
        return [0] * len(shares)
    return [int(place) - 255 for place in np.searchsorted(counts, np.multiply(shares, counts[-1]))]


def _stretch_contrast(codes: Codes, area: Area | None) -> Codes:
    """The same at a contrast of its own, so that a fade changes nothing."""
    inside = codes if area is None else codes[area]
    low, high = _quantiles(inside.astype(np.int16), 0.003, 0.997)
    gain = 220 / max(high - low, 28)
    table = ((np.arange(256) - low) * gain + 18).clip(0, 255).round().astype(np.uint8)
    return cv2.LUT(codes, table)


def _contrast(differences: NDArray[np.int16]) -> tuple[int, int]:
    """(contrast of the ink, 1 where it is lighter than the ground, else -1)."""
    low, high = _quantiles(differences, 0.003, 0.997)
    return max(high, -low, 1), 1 if high >= -low else -1


def traits(codes: Codes, area: Area | None) -> Traits:
    """The numbers that are weighed. Arguments as of `looks_like_a_card`."""
    h, w = codes.shape
    codes = cv2.medianBlur(_stretch_contrast(codes, area), 3)
    inside: Area = np.ones((h, w), np.bool_) if area is None else area
    if area is not None:
        codes = np.where(area, codes, np.uint8(np.median(codes[area])))
    small = cv2.resize(codes, (w // 4, h // 4), interpolation=cv2.INTER_AREA)
    ground = cv2.medianBlur(small, (min(h, w) // 16) | 1)
    wide = cv2.resize(ground, (w, h), interpolation=cv2.INTER_LINEAR)
    over = np.subtract(codes, wide, dtype=np.int16)
    contrast, sign = _contrast(over[inside])
    ink = (over * sign > INK * contrast).astype(np.uint8)
    marks = cv2.connectedComponentsWithStats(ink, connectivity=8)[1:3]
    rules = _rules(*marks)
    ruled = 0.0
    if rules is not None:  # borders and rules, which may be bolder than the letters, are left out
        ruled = float((ink & rules).sum()) / max(1, int(ink.sum()))
        rest = inside & (rules == 0)
        if rest.sum() > 0.2 * inside.sum():
            inside = rest
        contrast, sign = _contrast(over[inside])
        ink = ((over * sign > INK * contrast) & (rules == 0)).astype(np.uint8)
        marks = cv2.connectedComponentsWithStats(ink, connectivity=8)[1:3]
    off = inside & (cv2.dilate(ink, _square(9)) == 0)
    found = _ground_traits(codes, ground, over, inside, off, contrast, sign)
    size = max(1, int(ink.sum()))
    soft = (over * sign > 0.2 * contrast) & (ink == 0)
    core = cv2.morphologyEx(ink, cv2.MORPH_OPEN, _square((h // 15) | 1))
    found |= {
        "ruled": ruled,
        "cover": size / int(inside.sum()),
        "soft": float((soft & inside).sum()) / size,
        "soft off": float((soft & off).sum()) / size,
        "thick": float(core.sum()) / size,
    }
    return found | _stroke_traits(ink) | _line_traits(marks[1], h, w)


def _rules(labels: NDArray[Any], stats: NDArray[Any]) -> Codes | None:
    """Where marks are that reach across half the picture; None where there are none."""
    h, w = labels.shape
    long = (stats[:, 2] > 0.45 * w) | (stats[:, 3] > 0.45 * h)
    long[0] = False
    if not long.any():
        return None
    return cv2.dilate(long[labels].astype(np.uint8), _square(7))


def _ground_traits(
    codes: Codes,
    ground: Codes,
    over: NDArray[np.int16],
    inside: Area,
    off: Area,
    contrast: int,
    sign: int,
) -> Traits:
    """How even the ground is: against the ink, in codes, and from place to place."""
    h, w = codes.shape
    away = np.abs(over[off])
    high, middle, most = _quantiles(away, 0.9, 0.6, 0.99) if away.size else [contrast] * 3
    there = inside[2::4, 2::4][: h // 4, : w // 4]
    there = there if there.any() else np.ones_like(there)
    slopes = cv2.morphologyEx(ground, cv2.MORPH_GRADIENT, _square(3))
    low, top = _quantiles(ground[there].astype(np.int16), 0.03, 0.97)
    usual_slope, slope = _quantiles(slopes[there].astype(np.int16), 0.5, 0.98)
    left = remove_shading(ground.astype(np.float32), there)[there]
    patches = (w // 16, h // 16)
    open_ = off.astype(np.float32)
    fine = cv2.absdiff(codes, cv2.blur(codes, (5, 5))).astype(np.float32)
    share = cv2.resize(open_, patches, interpolation=cv2.INTER_AREA)
    free = share > 0.4
    level, rough = (
        cv2.resize(values * open_, patches, interpolation=cv2.INTER_AREA)[free] / share[free]
        for values in (codes.astype(np.float32), fine)
    )
    if rough.size < 9:
        level = rough = np.zeros(9, np.float32)
    calm, usual, busy = np.quantile(rough, (0.25, 0.5, 0.9))
    return {
        "off": away.size / int(inside.sum()),
        "noise": high / contrast,
        "noise codes": float(high),
        "tail": (most + 1) / (middle + 1),
        "stray": float((away > 0.25 * contrast).sum()) / max(1, away.size),
        "against": float((over[inside] * sign < -0.35 * contrast).mean()),
        "range": (top - low) / contrast,
        "range codes": float(top - low),
        "slope": slope / contrast,
        "slope codes": float(slope),
        "peaks": (slope + 1) / (usual_slope + 1),
        "relief": float(np.subtract(*np.quantile(left, (0.97, 0.03)))),
        "patchy": float((busy + 0.7) / (calm + 0.7)),
        "rough": float(usual),
        "levels": float(np.subtract(*np.quantile(level, (0.9, 0.1)))),
    }


def remove_shading(codes: NDArray[np.float32], inside: Area) -> NDArray[np.float32]:
    """The same without its slow shading: the quadric that fits it best is taken away."""
    terms = _quadric(*codes.shape)
    some = terms[inside]
    normal = some.T @ some + 1e-3 * np.eye(6, dtype=np.float32)
    return codes - terms @ np.linalg.solve(normal, some.T @ codes[inside])


@lru_cache(maxsize=8)
def _quadric(h: int, w: int) -> NDArray[np.float32]:
    """``(h, w, 6)``: the terms of a quadric."""
    y, x = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).astype(np.float32)


def _stroke_traits(ink: Codes) -> Traits:
    """How wide strokes are, in rows, and how evenly."""
    inner = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    middle = inner[(inner > 0) & (inner >= cv2.dilate(inner, _square(3)))]
    if not middle.size:
        return {"uneven": 2.0, "stroke": 0.02}
    mean = float(middle.mean())
    return {"uneven": float(middle.std()) / mean, "stroke": mean / len(ink)}


def _line_traits(stats: NDArray[Any], h: int, w: int) -> Traits:
    """How much of the ink stands beside ink of its size, on lines.

    Args:
        stats: Left, top, width, height and size of each mark; the first is the ground.
        h: Rows.
        w: Columns.
    """
    marks = stats[1:]
    marks = marks[(marks[:, 2] <= 0.45 * w) & (marks[:, 3] <= 0.45 * h)]
    total = max(1, int(marks[:, 4].sum()))
    marks = marks[marks[:, 4] >= 6]
    marks = marks[np.argsort(-marks[:, 4], kind="stable")[:MOST_MARKS]].astype(np.float32)
    x, y, wide, high, size = marks.T
    letter = (high >= 0.018 * h) & (high <= 0.4 * h) & (size < 0.85 * wide * high)
    found = {"letters": float(letter.sum()), "letter share": float(size[letter].sum()) / total}
    names = ("beside one", "beside two", "on a line", "of letters on a line", "stacked")
    if found["letters"] < 2:
        return found | dict.fromkeys(names, 0.0) | {"sizes": 2.0}
    x, y, wide, high, size = (each[letter] for each in (x, y, wide, high, size))
    bottom, right = y + high, x + wide
    small, tall = np.minimum.outer(high, high), np.maximum.outer(high, high)
    shared = np.minimum.outer(bottom, bottom) - np.maximum.outer(y, y)
    gap = np.maximum.outer(x, x) - np.minimum.outer(right, right)
    beside = (shared > 0.5 * small) & (small > 0.4 * tall) & (gap < 1.5 * tall)
    beside &= gap > -0.35 * tall
    np.fill_diagonal(beside, val=False)
    near = 0.12 * tall + 1
    level = (np.abs(np.subtract.outer(bottom, bottom)) < near) | (
        np.abs(np.subtract.outer(y, y)) < near
    )
    lined = (beside & level).any(1)
    across = np.minimum.outer(right, right) - np.maximum.outer(x, x)
    below = -shared
    stacked = (across > 0.5 * np.minimum.outer(wide, wide)) & (small > 0.5 * tall)
    stacked &= (below < 1.5 * tall) & (below > -0.2 * tall)
    np.fill_diagonal(stacked, val=False)
    count = beside.sum(1)
    shares = (count >= 1, count >= 2, lined)
    logs = np.log(high)
    spread = np.average((logs - np.average(logs, weights=size)) ** 2, weights=size)
    return found | {
        **{n: float(size[s].sum()) / total for n, s in zip(names[:3], shares, strict=True)},
        names[3]: float(lined.mean()),
        names[4]: float(size[lined | stacked.any(1)].sum()) / total,
        "sizes": math.sqrt(float(spread)),
    }


GROUND: Weights = {
    "noise": (-1.6267, 0.02),
    "noise codes": (-1.8795, 1),
    "tail": (-0.6971, 0.1),
    "stray": (-0.4373, 0.004),
    "against": (-0.2898, 0.003),
    "range": (0.3125, 0.05),
    "range codes": (-0.0575, 2),
    "slope": (0.426, 0.03),
    "slope codes": (0.094, 2),
    "patchy": (-1.9377, 0),
    "rough": (1.0747, 0.5),
    "levels": (-1.1828, 2),
    "peaks": (-1.0256, 0),
    "relief": (-1.243, 2),
    "soft": (0.3567, 0.1),
    "soft off": (0.2265, 0.02),
    "cover": (1.278, 0.005),
    "thick": (-0.2415, 0.02),
}
GROUND_BIAS = 14.3194
LETTERS: Weights = {
    "uneven": (-2.6943, 0.1),
    "stroke": (-3.4328, 0.001),
    "letters": (1.184, 0.2),
    "letter share": (3.071, None),
    "beside one": (-0.0522, None),
    "beside two": (1.7981, None),
    "on a line": (0.4725, None),
    "of letters on a line": (3.243, None),
    "stacked": (0.6173, None),
    "sizes": (-2.1555, 0.1),
    "thick": (-0.5119, 0.02),
    "soft": (-1.1984, 0.1),
    "cover": (-0.6489, 0.005),
    "ruled": (0.6134, 0.05),
    "off": (-1.8041, None),
}
LETTERS_BIAS = -29.5423
