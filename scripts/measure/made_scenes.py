"""Scenes out of real pictures, such as are easily taken for cards of text, worn as old film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from made_cards import frame, gate, inked, shaded, short, title, written
from made_wear import Draw, H, Picture, Pictures, W, barred, noise

from vidcolor.core.paths import PICTURE_SUFFIXES


def sources(folders: Sequence[Path]) -> list[Path]:
    """Pictures of some folders, at least 150 pixels on the short side by their names' order."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
    return [path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES]


class Views:
    """Gives real pictures in gray, one after the other."""

    def __init__(self, paths: Sequence[Path], draw: Draw) -> None:
        self._paths, self._draw = paths, draw

    def __call__(self, part: str = "") -> Picture:
        """``(H, W)`` 0..1; of those whose path holds ``part``."""
        paths = [path for path in self._paths if part in str(path)] or list(self._paths)
        while True:
            path = paths[int(self._draw.integers(len(paths)))]
            found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if found is None or found.std() < 12:
                continue
            scale = max(H / found.shape[0], W / found.shape[1]) * 1.12
            big = cv2.resize(found, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            return big.astype(np.float32) / 255


def shot(draw: Draw, view: Picture, count: int) -> Pictures:
    """The picture, still or in a slow pan."""
    room_y, room_x = view.shape[0] - H, view.shape[1] - W
    speed = float(draw.choice([0.0, 0.3, 1.5]))
    found = []
    for k in range(count):
        y = int(min(room_y, max(0, room_y / 2 + k * speed * 0.3)))
        x = int(min(room_x, max(0, room_x / 2 + k * speed)))
        found.append(view[y : y + H, x : x + W])
    return found


def toned(pictures: Pictures, gamma: float, gain: float = 1.0, lift: float = 0.0) -> Pictures:
    """Darker in the middle tones, with another gain and lift."""
    return [lift + gain * picture.clip(0, 1) ** gamma for picture in pictures]


def disc(draw: Draw, soft: float, reach: tuple[float, float]) -> Picture:
    """A spot of light 0..1."""
    y, x = np.mgrid[:H, :W].astype(np.float32)
    cx, cy = draw.uniform(0.3, 0.7) * W, draw.uniform(0.35, 0.65) * H
    radius = draw.uniform(*reach) * H
    far = np.hypot(x - cx, y - cy) / radius
    return np.asarray(np.clip((1 - far) / soft + 0.5, 0, 1))


def lamps(draw: Draw, count: int, size: tuple[int, int]) -> Picture:
    """Bright points with a glow."""
    points = np.zeros((H, W), np.float32)
    for _ in range(count):
        place = int(draw.integers(W)), int(draw.integers(H))
        cv2.circle(points, place, int(draw.integers(*size)), float(draw.uniform(0.6, 1)), -1)
    glow = cv2.GaussianBlur(points, (0, 0), 9) * draw.uniform(0.5, 3)
    return np.clip(points + glow, 0, 1)


def windows(draw: Draw) -> Picture:
    """Lit windows of houses at night: bright marks in rows."""
    pen = np.zeros((H, W), np.float32)
    x = 0
    while x < W:
        wide, top = int(draw.integers(50, 120)), int(draw.integers(40, 220))
        step, tall = int(draw.integers(14, 26)), int(draw.integers(7, 14))
        for y in range(top, H - 20, step + 4):
            for left in range(x + 6, x + wide - 8, step):
                if draw.random() < 0.45:
                    level = float(draw.uniform(0.4, 1))
                    cv2.rectangle(pen, (left, y), (left + tall - 3, y + tall), level, -1)
        x += wide
    return pen


def mixed(view: Pictures, light: Picture, dark: float = 0.05) -> Pictures:
    """Lit where the light is, nearly dark elsewhere."""
    return [picture * (dark + (1 - dark) * light) for picture in view]


def fire(draw: Draw, view: Pictures) -> Pictures:
    """Flames that change from frame to frame, in the dark."""
    found = []
    base = disc(draw, 1.0, (0.15, 0.4))
    for picture in view:
        tongue = np.clip(base * (1 + 0.5 * noise(draw, 14)) - 0.35, 0, 1) * 1.8
        found.append(
            np.clip(picture * (0.04 + 0.5 * cv2.GaussianBlur(tongue, (0, 0), 25)) + tongue, 0, 1)
        )
    return found


def snow(draw: Draw, view: Pictures) -> Pictures:
    """Flakes that fall before it."""
    flakes = draw.uniform(0, 1, (220, 2)) * [W, H]
    found = []
    for picture in view:
        canvas = picture.copy()
        flakes = (flakes + draw.normal([1, 5], 1.5, flakes.shape)) % [W, H]
        for x, y in flakes.astype(int):
            cv2.circle(canvas, (int(x), int(y)), int(draw.integers(1, 3)), 0.95, -1)
        found.append(canvas)
    return found


def outline(view: Pictures, high: float) -> Pictures:
    """A silhouette: what is dark is black, what is not is one light."""
    return [np.clip((cv2.GaussianBlur(p, (0, 0), 2) - 0.45) * 12, 0, 1) * high + 0.03 for p in view]


def sky(draw: Draw, view: Pictures) -> Pictures:
    """A strip of land under a plain sky with a few clouds."""
    slope = np.linspace(0.75, 0.9, H, dtype=np.float32)[:, None]
    clouds = np.clip(noise(draw, 5) - 0.9, 0, 1) * 0.12
    line = int(draw.uniform(0.7, 0.93) * H)
    found = []
    for picture in view:
        canvas = (slope + clouds).astype(np.float32)
        canvas[line:] = picture[line:]
        found.append(canvas)
    return found


def signed(draw: Draw, view: Pictures) -> Pictures:
    """A board with words within a scene."""
    small = written(draw, ["HOTEL", "de Paris"][: int(draw.integers(1, 3))], "text", 0.8)
    h, w = int(draw.uniform(0.2, 0.4) * H), int(draw.uniform(0.3, 0.6) * W)
    board = cv2.resize(inked(small, 0.85, 0.1), (w, h), interpolation=cv2.INTER_AREA)
    y, x = int(draw.integers(10, H - h - 10)), int(draw.integers(10, W - w - 10))
    found = []
    for picture in view:
        canvas = picture.copy()
        canvas[y : y + h, x : x + w] = board
        found.append(canvas)
    return found


def on_black(draw: Draw, view: Pictures, soft: float) -> Pictures:
    """A face, or what is in the middle, before black."""
    y, x = np.mgrid[-1 : 1 : H * 1j, -1 : 1 : W * 1j]
    far = np.hypot(x / draw.uniform(0.25, 0.45), y / draw.uniform(0.45, 0.75))
    return mixed(view, np.clip((1 - far) / soft + 0.5, 0, 1), 0.0)


def fog(draw: Draw, view: Pictures) -> Pictures:
    """Little contrast, soft."""
    level, reach = draw.uniform(0.45, 0.75), draw.uniform(0.12, 0.3)
    return [level + reach * (cv2.GaussianBlur(p, (0, 0), draw.uniform(1, 4)) - 0.5) for p in view]


def rays(draw: Draw, count: int) -> Pictures:
    """Stars or fireworks before black."""
    found = []
    stars = lamps(draw, 90, (1, 2))
    for k in range(count):
        canvas = stars.copy()
        for angle in np.linspace(0, 2 * np.pi, 24):
            end = (
                int(W / 2 + (20 + 5 * k) * np.cos(angle)),
                int(H / 3 + (20 + 5 * k) * np.sin(angle)),
            )
            cv2.circle(canvas, end, 2, 0.9, -1)
        found.append(canvas)
    return found


Scene = Callable[[Draw, Views, int], Pictures]


def scene(part: str, change: Callable[[Draw, Pictures], Pictures]) -> Scene:
    """A shot of a real picture whose path holds ``part``, changed."""
    return lambda d, v, n: change(d, shot(d, v(part), n))


ADDED = {
    "dark": scene("", lambda d, p: toned(p, d.uniform(2, 4), d.uniform(0.4, 1))),
    "very dark": scene("", lambda d, p: toned(p, d.uniform(3, 6), d.uniform(0.2, 0.5))),
    "pillarboxed": scene("", lambda d, p: barred(d, p, "pillar")),
    "pillarboxed, dark": scene("", lambda d, p: barred(d, toned(p, 3, 0.8), "pillar")),
    "letterboxed": scene("", lambda d, p: barred(d, p, "letter")),
    "letterboxed, dark": scene("", lambda d, p: barred(d, toned(p, 3, 0.6), "letter")),
    "windowboxed": scene("", lambda d, p: barred(d, p, "window")),
    "windowboxed, dark": scene("", lambda d, p: barred(d, toned(p, 3, 0.7), "window")),
    "noisy bars": scene("", lambda d, p: barred(d, p, "pillar", 0.05, 0.02)),
    "gray bars": scene("", lambda d, p: barred(d, toned(p, 2.5), "window", 0.12, 0.01)),
    "round gate": scene("", lambda d, p: [gate(d, x) for x in toned(p, 1.5)]),
    "vignette": scene("", lambda d, p: [shaded(d, x, 0.95) for x in p]),
    "iris": scene("", lambda d, p: mixed(p, disc(d, 0.05, (0.15, 0.5)), 0.0)),
    "fog": scene("", fog),
    "fog, barred": scene("", lambda d, p: barred(d, fog(d, p), "pillar")),
    "night": scene("", lambda d, p: toned([np.maximum(x * 0.35, lit)
                                           for lit in [lamps(d, 5, (2, 5))] for x in p], 1.6)),
    "night windows": scene("urban", lambda d, p: [np.maximum(0.2 * x, w) for w in [windows(d)]
                                                  for x in p]),
    "street lamps": scene("street", lambda d, p: [np.maximum(0.06 * x, lit)
                                                  for lit in [lamps(d, 9, (2, 6))] for x in p]),
    "fire": scene("", fire),
    "candle": scene("", lambda d, p: mixed(p, disc(d, 1.0, (0.3, 0.5)) ** 2, 0.01)),
    "spotlight": scene("people", lambda d, p: mixed(p, disc(d, 0.1, (0.2, 0.45)), 0.02)),
    "silhouette": scene("scenes", lambda _, p: outline(p, 0.8)),
    "silhouette at night": scene("scenes", lambda _, p: outline(p, 0.25)),
    "snow": scene("", snow),
    "snow at night": scene("", lambda d, p: snow(d, toned(p, 2, 0.3))),
    "snow field": scene("scenes", lambda _, p: toned(p, 0.4, 0.35, 0.62)),
    "sky": scene("scenes", sky),
    "face on black": scene("faces", lambda d, p: on_black(d, p, 0.3)),
    "person on black": scene("people", lambda d, p: on_black(d, toned(p, 2), 0.1)),
    "stars": lambda d, v, n: [np.maximum(x, 0.12 * y) for x, y in
                              zip(rays(d, n), shot(d, v("scenes"), n), strict=True)],
    "sign": scene("street", signed),
    "sign at night": scene("street", lambda d, p: signed(d, toned(p, 3, 0.3))),
    "words over a picture": scene("", lambda d, p: [inked(t, x, 0.95) for t in [title(d)]
                                                    for x in p]),
    "end over a picture": scene("", lambda d, p: [inked(t, x, 0.95) for t in [short(d, 0.3)]
                                                  for x in p]),
    "end over a dark picture": scene("", lambda d, p: [inked(t, x, 0.95) for t in [short(d, 0.25)]
                                                       for x in toned(p, 2, 0.5)]),
    "words over a dim picture": scene("", lambda d, p: [inked(t, 0.35 * x, 0.95)
                                                        for t in [title(d)] for x in p]),
    "framed picture": scene("", lambda d, p: [inked(f, x, 0.9) for f in [frame(d, 2)] for x in p]),
    "hard print": scene("", lambda _, p: [np.clip((x - 0.5) * 4 + 0.5, 0, 1) for x in p]),
    "texture": scene("bsds", lambda _, p: p),
    "plain": scene("", lambda _, p: p),
}  # fmt: skip
SCENES: dict[str, Scene] = ADDED | {
    f"{part} {name}": scene(part, change)
    for part in ("flickr", "people", "msed", "crowds", "interiors")
    for name, change in (
        ("by day", lambda _, p: p),
        ("by night", lambda _, p: toned(p, 2.5, 0.5)),
        ("pillarboxed", lambda d, p: barred(d, toned(p, 2.0, 0.9), "pillar")),
        ("before black", lambda d, p: on_black(d, p, 0.5)),
    )
}
