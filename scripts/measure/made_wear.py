"""What old film does to a shot: weave, flicker, grain, scratches, dust, bars; numpy, 0..1."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

H, W = 360, 480
"""Size of the pictures that are made."""

Picture = NDArray[Any]
Pictures = list[Picture]
Draw = np.random.Generator


def noise(draw: Draw, cells: int) -> Picture:
    """``(H, W)`` of about -2..2: blobs, so many to the width."""
    small = draw.normal(0, 1, (max(2, cells * H // W), cells)).astype(np.float32)
    return cv2.resize(small, (W, H), interpolation=cv2.INTER_CUBIC)


def still(picture: Picture, count: int) -> Pictures:
    """The same picture so many times."""
    return [picture.astype(np.float32)] * count


def weave(draw: Draw, pictures: Pictures, reach: float) -> Pictures:
    """Moved a little from frame to frame, as in a worn gate."""
    found = []
    for picture in pictures:
        dx, dy = draw.normal(0, reach / 2, 2)
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        found.append(cv2.warpAffine(picture, matrix, (W, H), borderMode=cv2.BORDER_REPLICATE))
    return found


def worn(
    draw: Draw,
    pictures: Pictures,
    grain: float = 0.02,
    flicker: float = 0.05,
    scratches: float = 0.5,
    dust: float = 3.0,
) -> Pictures:
    """Flicker, scratches that wander, dust of one frame, and grain; rounded to 8 bits."""
    columns = draw.uniform(0, W, draw.poisson(scratches))
    levels = draw.choice([0.1, 0.95], len(columns))
    found = []
    for picture in pictures:
        gain = 1 + draw.normal(0, flicker)
        picture = picture * gain
        columns = columns + draw.normal(0, 0.7, len(columns))
        for x, level in zip(columns, levels, strict=True):
            if draw.random() < 0.8:
                wide = int(draw.integers(1, 3))
                line = picture[:, max(0, int(x)) : max(0, int(x)) + wide]
                line[:] = 0.3 * line + 0.7 * level
        for _ in range(draw.poisson(dust)):
            place = int(draw.integers(W)), int(draw.integers(H))
            size = int(draw.integers(1, 4)), int(draw.integers(1, 6))
            level = float(draw.choice([0.05, 1.0], p=[0.6, 0.4]))
            cv2.ellipse(picture, place, size, float(draw.uniform(0, 180)), 0, 360, level, -1)
        fine = draw.normal(0, 1, (H, W)).astype(np.float32)
        fine = 0.5 * fine + cv2.blur(fine, (3, 3)) * 1.5
        found.append((picture + grain * fine).clip(0, 1).astype(np.float32))
    return found


def barred(
    draw: Draw, pictures: Pictures, kind: str, level: float = 0.0, rough: float = 0.0
) -> Pictures:
    """Made smaller, with bars at the sides (``pillar``), above and below (``letter``) or both."""
    across = float(draw.uniform(0.55, 0.85)) if kind in ("pillar", "window") else 1.0
    down = float(draw.uniform(0.6, 0.85)) if kind in ("letter", "window") else 1.0
    h, w = int(H * down), int(W * across)
    top, left = (H - h) // 2, (W - w) // 2
    found = []
    for picture in pictures:
        canvas = np.full((H, W), level, np.float32)
        if kind == "letter":  # cut off, not squeezed
            inner = picture[top : top + h]
        elif kind == "pillar":
            inner = cv2.resize(picture, (w, H), interpolation=cv2.INTER_AREA)
        else:
            inner = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
        canvas[top : top + h, left : left + w] = inner
        if rough:
            canvas = canvas + draw.normal(0, rough, (H, W)).astype(np.float32)
        found.append(canvas.clip(0, 1))
    return found


def blank(draw: Draw, level: float, count: int) -> Pictures:
    """Leader, a little uneven."""
    y, x = np.mgrid[-1 : 1 : H * 1j, -1 : 1 : W * 1j]
    return still((level + 0.005 * noise(draw, 4)) * (1 - 0.06 * (x * x + y * y)), count)
