"""Made films in which a thing is hidden for a while and comes back.

A still is the background. A thing is cut out of another one (GrabCut, Rother et al. 2004) and moves
slowly. Then something passes before it, or it goes behind a part of the scene.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

W, H = 320, 240
HINTED, CLEAR, PASSING, HIDDEN, BACK = 2, 5, 6, 24, 9
"""The frame with the hint; frames before the thing is touched, on each way, hidden, and back."""
SHARE = (0.05, 0.11)
"""Of the picture, that a thing covers."""
GRAIN = 1.0
"""Standard deviation, in codes."""
_ATTEMPTS = 60
_MOST_FARTHER = 40
"""Pixels that a thing stands farther from a wall when it is back; beside those up or down."""

Picture = np.ndarray
Place = tuple[int, int]


@dataclass(frozen=True)
class CutOut:
    """A part of a still."""

    rgb: Picture
    """``(h, w, 3)`` float32, codes."""
    alpha: Picture
    """``(h, w)`` float32, 0..1."""

    def scaled(self, factor: float) -> CutOut:
        """The same, larger or smaller."""
        size = [max(8, round(side * factor)) for side in self.alpha.shape[::-1]]
        rgb = cv2.resize(self.rgb, size, interpolation=cv2.INTER_LINEAR)
        return CutOut(rgb, cv2.resize(self.alpha, size, interpolation=cv2.INTER_LINEAR))


@dataclass(frozen=True)
class Film:
    """A film, and what is known of it."""

    kind: str
    """``passed`` or ``behind``, and whether the thing comes back elsewhere."""
    images: list[Picture]
    """``(H, W, 3)`` uint8."""
    thing: CutOut
    places: list[Place]
    """x and y of the thing's left upper corner."""
    seen: list[Picture]
    """``(H, W)`` share of the thing in each pixel."""
    cover: list[Picture]
    """``(H, W)`` share of what hides it."""
    hidden: range
    """Frames in which nothing of it is seen."""


def load(path: Path) -> Picture:
    """``(H, W, 3)`` float32 codes: a picture, cropped in the middle."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SystemExit(f"{path} cannot be read; take it away")
    scale = max(H / bgr.shape[0], W / bgr.shape[1])
    size = max(W, round(bgr.shape[1] * scale)), max(H, round(bgr.shape[0] * scale))
    big = cv2.resize(bgr, size, interpolation=cv2.INTER_CUBIC)
    y, x = (size[1] - H) // 2, (size[0] - W) // 2
    return big[y : y + H, x : x + W, ::-1].astype(np.float32)


def cut_out(path: Path, share: float) -> CutOut | None:
    """What stands in the middle of a picture, covering a share of ours; None where nothing does."""
    rgb = load(path)
    image = np.ascontiguousarray(rgb[..., ::-1]).astype(np.uint8)
    mask = np.zeros((H, W), np.uint8)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    edge = W // 10, H // 12, W - W // 5, H - H // 6
    cv2.grabCut(image, mask, edge, *models, 4, cv2.GC_INIT_WITH_RECT)
    inside = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    area, hull = cv2.contourArea(outline), cv2.contourArea(cv2.convexHull(outline))
    x, y, w, h = cv2.boundingRect(outline)
    if not 0.06 * W * H < area < 0.5 * W * H or area < 0.78 * hull or not 0.45 < w / h < 2.2:
        return None
    whole = np.zeros((H, W), np.uint8)
    cv2.drawContours(whole, [outline], -1, 1, -1)
    alpha = cv2.GaussianBlur(cv2.erode(whole, np.ones((3, 3), np.uint8)) * 1.0, (0, 0), 1.2)
    box = slice(y, y + h), slice(x, x + w)
    found = CutOut(rgb[box], alpha[box].astype(np.float32))
    return found.scaled((share * W * H / area) ** 0.5)


def piece(rgb: Picture, w: int, h: int, chance: random.Random) -> CutOut:
    """A rectangle of a still, with a soft edge."""
    big = cv2.resize(rgb, None, fx=max(1, w / W, h / H), fy=max(1, w / W, h / H))
    y, x = chance.randint(0, big.shape[0] - h), chance.randint(0, big.shape[1] - w)
    alpha = np.zeros((h, w), np.float32)
    alpha[3:-3, 3:-3] = 1
    return CutOut(big[y : y + h, x : x + w], cv2.GaussianBlur(alpha, (0, 0), 1.0))


def laid(part: CutOut, place: Place, onto: Picture) -> Picture:
    """``(H, W)`` alpha of a part at a place; ``onto`` gets the part."""
    x, y = place
    h, w = part.alpha.shape
    alpha = np.zeros((H, W), np.float32)
    top, left, bottom, right = max(0, y), max(0, x), min(H, y + h), min(W, x + w)
    if top < bottom and left < right:
        own = slice(top - y, bottom - y), slice(left - x, right - x)
        alpha[top:bottom, left:right] = part.alpha[own]
        here = onto[top:bottom, left:right]
        here += (part.rgb[own] - here) * part.alpha[own][..., None]
    return alpha


def share_seen(thing: CutOut, cover: CutOut, apart: Place) -> float:
    """0..1 of a thing that is seen beside a cover, which lies so far right of it and below it."""
    h, w = thing.alpha.shape
    room = np.zeros((h, w), np.float32)
    x, y = apart
    top, left = max(0, y), max(0, x)
    bottom, right = min(h, y + cover.alpha.shape[0]), min(w, x + cover.alpha.shape[1])
    if top < bottom and left < right:
        own = cover.alpha[top - y : bottom - y, left - x : right - x]
        room[top:bottom, left:right] = own
    return float((thing.alpha * (1 - room)).sum() / thing.alpha.sum())


def covering(thing: CutOut, cover: CutOut) -> CutOut | None:
    """The cover so large that it hides the thing where their middles meet; None if too large."""
    least = (thing.alpha.size / cover.alpha.size) ** 0.5
    for factor in np.arange(1.0, 2.4, 0.1):
        large = cover.scaled(least * float(factor))
        if share_seen(thing, large, _middles(thing, large)) < 1e-4:
            return large
    return None


def _middles(thing: CutOut, cover: CutOut) -> Place:
    (h, w), (h2, w2) = thing.alpha.shape, cover.alpha.shape
    return (w - w2) // 2, (h - h2) // 2


def ways(thing: CutOut, cover: CutOut, signs: Sequence[int]) -> list[int]:
    """How far a cover lies beside where it hides the thing, in each frame.

    Args:
        thing: What is hidden.
        cover: What hides it.
        signs: On which side it lies before, and after: -1 is the left, 1 the right.
    """
    x, y = _middles(thing, cover)
    sides = []
    for sign in signs:
        reach = range(1, W + thing.alpha.shape[1])
        shares = [share_seen(thing, cover, (x + sign * n, y)) for n in reach]
        touched, free = (
            1 + next(n for n, one in enumerate(shares) if one > least) for least in (0.01, 0.9999)
        )
        sides.append((sign, touched, free))
    (sign, touched, free), (sign2, touched2, free2) = sides
    entering = np.linspace(free, touched, PASSING + 1)[1:].round().astype(int)
    leaving = np.linspace(touched2, free2, PASSING + 1).round().astype(int)
    before = [sign * (free + 6)] * CLEAR + [sign * int(n) for n in entering]
    after = [sign2 * int(n) for n in leaving] + [sign2 * (free2 + 6)] * (BACK - 1)
    return before + [0] * HIDDEN + after


def make_film(paths: Sequence[Path], number: int) -> Film:
    """The film of a number: even ones are passed, of every four two come back elsewhere."""
    for attempt in range(_ATTEMPTS):
        film = _try_film(paths, number, random.Random(f"{number} {attempt}"))
        if film:
            return film
    raise SystemExit("these pictures make no films; give some with things in their middle")


def _try_film(paths: Sequence[Path], number: int, chance: random.Random) -> Film | None:
    """None where the pictures that were drawn do not make one."""
    scene, other = load(chance.choice(paths)), load(chance.choice(paths))
    thing = cut_out(chance.choice(paths), chance.uniform(*SHARE))
    if thing is None:
        return None
    h, w = thing.alpha.shape
    passed, elsewhere = number % 2 == 0, number // 2 % 2 == 1
    if h > 0.75 * H or w > 0.4 * W:
        return None
    cover: CutOut | None = piece(other, w + 14, h + 14 if passed else H + 40, chance)
    if passed and number // 4 % 2:
        cut = cut_out(chance.choice(paths), 0.2)
        cover = covering(thing, cut) if cut else None
    if cover is None:
        return None
    sign = chance.choice((-1, 1))
    apart = ways(thing, cover, (sign, -sign if passed else sign))
    start, end = _ends(thing, elsewhere, chance)
    places = _path(start, end, len(apart), chance.choice((-1, 1)))
    middle = _middles(thing, cover)
    if passed:
        covers = [
            (x + middle[0] + n, y + middle[1]) for (x, y), n in zip(places, apart, strict=True)
        ]
    else:
        wall = W - cover.alpha.shape[1] + 3 if sign > 0 else -3
        places = [(wall - middle[0] - n, y) for (_, y), n in zip(places, apart, strict=True)]
        places = _drifted(places, abs(end[0] - start[0]), sign)
        covers = [(wall, -20)] * len(apart)
    kind = f"{'passed' if passed else 'behind'}{', elsewhere' if elsewhere else ''}"
    return _shoot(kind, scene, (thing, places), (cover, covers), number)


def _ends(thing: CutOut, elsewhere: bool, chance: random.Random) -> tuple[Place, Place]:
    """Where the thing is before it is hidden, and after; at most a quarter of the width away."""
    h, w = thing.alpha.shape
    room_x, room_y = W - w - 12, H - h - 12
    start = chance.randint(12, max(12, room_x)), chance.randint(12, max(12, room_y))
    if not elsewhere:
        return start, start
    ends = [(x, y) for x in range(12, max(13, room_x)) for y in range(12, max(13, room_y))]
    far = [e for e in ends if W / 8 <= np.hypot(e[0] - start[0], e[1] - start[1]) <= W / 4]
    return start, chance.choice(far or [start])


def _path(start: Place, end: Place, count: int, drift: int) -> list[Place]:
    """Slowly: a pixel every other frame; from the start to the end while nobody sees it."""
    first, last = CLEAR + PASSING, CLEAR + PASSING + HIDDEN
    found = []
    for n in range(count):
        share = min(1.0, max(0.0, (n - first + 1) / (last - first)))
        x, y = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
        found.append((x + drift * ((n % 24) // 2 - 4) // 2, y))
    return found


def _drifted(places: Sequence[Place], farther: int, sign: int) -> list[Place]:
    """The places of a thing beside a wall: it steps on a little, and comes back farther away."""
    farther = min(_MOST_FARTHER, farther)
    first, last = CLEAR, CLEAR + 2 * PASSING + HIDDEN + 1
    found = []
    for n, (x, y) in enumerate(places):
        own = CLEAR - n if n < first else 0
        if n >= last - PASSING:
            own = round(farther * min(1.0, (n - last + PASSING + 1) / PASSING))
        found.append((x - sign * own, y))
    return found


def _shoot(
    kind: str,
    scene: Picture,
    thing: tuple[CutOut, Sequence[Place]],
    cover: tuple[CutOut, Sequence[Place]],
    number: int,
) -> Film | None:
    noise = np.random.default_rng(number)
    images, seen, hiding = [], [], []
    for place, over in zip(thing[1], cover[1], strict=True):
        image = scene.copy()
        own = laid(thing[0], place, image)
        above = laid(cover[0], over, image)
        image += noise.normal(0, GRAIN, (H, W, 1))
        images.append(image.clip(0, 255).round().astype(np.uint8))
        seen.append(own * (1 - above))
        hiding.append(above)
    whole = float(thing[0].alpha.sum())
    shares = [float(one.sum()) / whole for one in seen]
    hidden = [n for n, one in enumerate(shares) if one < 1e-3]
    back = shares[hidden[-1] + PASSING + 1 :] if hidden else []
    fits = len(hidden) == HIDDEN and len(back) >= 8 and min(*back, shares[HINTED]) > 0.98
    if not fits:
        return None
    span = range(hidden[0], hidden[-1] + 1)
    return Film(kind, images, thing[0], list(thing[1]), seen, hiding, span)
