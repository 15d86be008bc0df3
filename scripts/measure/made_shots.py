"""Made films whose shots come back: for returning_shots.py.

Each source is a scene: a still, a sequence or a clip. Each of its shots is a crop of it, with a
slow move, a zoom and light of its own; of a source that moves, also other frames.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.core.paths import PICTURE_SUFFIXES
from vidcolor.media.decode.rgb import film_rgb
from vidcolor.media.open import open_video

W, H = 320, 240
CROP = (0.7, 1.0)
"""Share of a source's width that a shot shows."""
GAIN, GAMMA = (0.8, 1.25), (0.85, 1.2)
"""Of the light, on L*: true ab stay as they are, but for colors that do not exist."""
ZOOM = 1.08
"""Most by which a shot draws nearer, or the other way round."""
MOVE = 0.06
"""Of the source's width, that the camera of a shot moves at most."""
THINGS = {True: 24, False: 12}
"""Clusters of a scene: with places in it where the source is a still, without where it moves."""
_LEAST_CHROMA = 8.0
"""Mean of a source; there is nothing to hold in duller ones."""
_LONGEST = 120
_SAMPLES = 20_000
Picture = np.ndarray


@dataclass(frozen=True)
class Source:
    """A scene: pictures of one size and shape as a film has them."""

    name: str
    pictures: list[Picture]
    """``(h, w, 3)`` uint8; one of a still."""

    @property
    def still(self) -> bool:
        """Whether all of its shots show the same pixels."""
        return len(self.pictures) == 1


@dataclass
class MadeShot:
    """A shot with its truth."""

    source: Source
    images: list[Picture]
    """``(H, W, 3)`` uint8 in true color."""
    labels: list[Picture] = field(default_factory=list)
    """``(H, W)`` int: which thing of the scene each pixel belongs to."""


def read_stills(folder: Path, count: int) -> list[Source]:
    """So many pictures of a folder, evenly chosen; none that is nearly gray."""
    paths = _pictures(folder)
    found: list[Source] = []
    for path in paths[:: max(1, len(paths) // (2 * count))]:
        source = Source(path.name, [_fit(_read(path))])
        if _chroma(source) >= _LEAST_CHROMA and len(found) < count:
            found.append(source)
    return found


def read_sequence(folder: Path) -> Source:
    """A folder of numbered pictures."""
    return Source(folder.name, [_fit(_read(path)) for path in _pictures(folder)[:_LONGEST]])


def read_clips(folder: Path, step: int) -> list[Source]:
    """Every so manieth clip of a folder by name; none that is nearly gray."""
    found = []
    for path in sorted(folder.iterdir())[::step]:
        pictures = []
        with open_video(path) as video:
            frames = film_rgb(video)
            for frame in islice(frames, _LONGEST):
                pictures.append(_fit(frame.permute(1, 2, 0).contiguous().numpy()))
            frames.close()
        source = Source(path.name, pictures)
        if _chroma(source) >= _LEAST_CHROMA:
            found.append(source)
    return found


def deal(kinds: dict[str, list[Source]], count: int, films: int) -> dict[str, list[Source]]:
    """The sources of each film, so many of one kind; at most so many films of a kind."""
    found = {}
    for kind, sources in kinds.items():
        number = min(films, len(sources) // count)
        for n in range(number):  # those of nearly one name lie beside each other
            found[f"{kind}-{n + 1}"] = sources[n::number][:count]
    return found


def make_film(sources: Sequence[Source], shots: int, frames: int, seed: int) -> list[MadeShot]:
    """A film of so many shots, each source in at least two, never the same twice in a row."""
    chance = random.Random(seed)
    order = _order(len(sources), shots, chance)
    seen = [0] * len(sources)
    made = []
    for number in order:
        part = seen[number], order.count(number)
        made.append(_shoot(sources[number], part, frames, chance))
        seen[number] += 1
    for source in sources:
        _label([shot for shot in made if shot.source is source])
    return [_light(shot, chance) for shot in made]


def _order(sources: int, shots: int, chance: random.Random) -> list[int]:
    """Numbers of sources; A-B-A-C-B... and no two alike beside each other."""
    while True:
        order = [n % sources for n in range(shots)]
        chance.shuffle(order)
        if all(a != b for a, b in pairwise(order)):
            return order


def _shoot(source: Source, part: tuple[int, int], count: int, chance: random.Random) -> MadeShot:
    """One of the shots of a source, not lit yet; labels of stills are the places in the source."""
    h, w = source.pictures[0].shape[:2]
    room = len(source.pictures) // part[1]
    first = part[0] * room + chance.randint(0, max(0, room - count))
    share = chance.uniform(*CROP)
    ends = [share, min(CROP[1], max(CROP[0], share * chance.uniform(1 / ZOOM, ZOOM)))]
    middle = [chance.uniform(-1, 1), chance.uniform(-1, 1)]
    move = [chance.uniform(-MOVE, MOVE), chance.uniform(-MOVE, MOVE)] if source.still else [0, 0]
    made = MadeShot(source, [])
    for n in range(count):
        t = n / max(1, count - 1)
        scale = W / (w * (ends[0] + (ends[1] - ends[0]) * t))
        free = w - W / scale, h - H / scale
        x, y = (
            min(side, max(0.0, side * (1 + own) / 2 + step * t * w))
            for side, own, step in zip(free, middle, move, strict=True)
        )
        matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]], np.float32)
        picture = source.pictures[min(first + n, len(source.pictures) - 1)]
        made.images.append(_warp(picture, matrix, cv2.INTER_CUBIC))
        if source.still:
            number = np.arange(h * w, dtype=np.float32).reshape(h, w)
            made.labels.append(_warp(number, matrix, cv2.INTER_NEAREST).astype(np.int64))
    return made


def _label(shots: Sequence[MadeShot]) -> None:
    """Give all shots of a source the labels of its things.

    Of a still they are clusters of true color and place, and the same pixels have the same label in
    all shots; those that one of them does not show have -1. Of what moves
    they are clusters of true color, lightness and texture over all shots.
    """
    source = shots[0].source
    count = THINGS[source.still]
    if source.still:
        h, w = source.pictures[0].shape[:2]
        y, x = np.mgrid[0 : 1 : h * 1j, 0 : w / h : w * 1j].astype(np.float32)
        look = np.concatenate([_look(source.pictures[0]), 30 * np.stack([x, y], 2)], 2)
        label = _assign(look, _cluster([look], count))
        label[~_seen_always(shots, (h, w))] = -1
        label = label.ravel()
        for shot in shots:
            shot.labels = [label[places] for places in shot.labels]
        return
    middles = _cluster([_look(shot.images[len(shot.images) // 2]) for shot in shots], count)
    for shot in shots:
        shot.labels = [_assign(_look(image), middles) for image in shot.images]


def _seen_always(shots: Sequence[MadeShot], size: tuple[int, int]) -> Picture:
    """``(h, w)`` bool: the pixels of a still that all of its shots show."""
    always = np.ones(size, bool)
    for shot in shots:
        seen = np.zeros(size[0] * size[1], np.uint8)
        seen[np.unique(np.stack(shot.labels))] = 1
        always &= cv2.morphologyEx(seen.reshape(size), cv2.MORPH_CLOSE, np.ones((3, 3))) > 0
    return always


def _look(image: Picture) -> Picture:
    """``(H, W, 4)`` float32: ab, lightness and texture, weighted."""
    lab = rgb_to_lab(torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255).numpy()
    smooth = [cv2.GaussianBlur(channel, (0, 0), 1.5) for channel in lab]
    texture = cv2.GaussianBlur(np.abs(lab[0] - smooth[0]), (0, 0), 4)
    return np.stack([smooth[1], smooth[2], 0.5 * smooth[0], 1.5 * texture], 2).astype(np.float32)


def _cluster(looks: Iterable[Picture], count: int) -> Picture:
    """``(count, K)`` middles."""
    rows = np.concatenate([look.reshape(-1, look.shape[2]) for look in looks])
    rows = rows[:: max(1, len(rows) // _SAMPLES)]
    cv2.setRNGSeed(0)
    ends = (cv2.TERM_CRITERIA_MAX_ITER, 20, 0.0)
    start = np.zeros((len(rows), 1), np.int32)
    return np.asarray(cv2.kmeans(rows, count, start, ends, 1, cv2.KMEANS_PP_CENTERS)[2])


def _assign(look: Picture, middles: Picture) -> Picture:
    """``(H, W)`` number of the nearest."""
    rows = torch.from_numpy(look.reshape(-1, look.shape[2]))
    near = torch.cdist(rows, torch.from_numpy(middles)).argmin(1)
    return near.numpy().reshape(look.shape[:2])


def _light(shot: MadeShot, chance: random.Random) -> MadeShot:
    """The same in another light."""
    gain, gamma = chance.uniform(*GAIN), chance.uniform(*GAMMA)
    for n, image in enumerate(shot.images):
        lab = rgb_to_lab(torch.from_numpy(image).permute(2, 0, 1).float() / 255)
        lab[0] = (100 * gain * (lab[0] / 100).clamp(min=0) ** gamma).clamp(max=100)
        rgb = (lab_to_rgb(lab).clamp(0, 1) * 255).round().to(torch.uint8)
        shot.images[n] = rgb.permute(1, 2, 0).contiguous().numpy()
    return shot


def _fit(rgb: Picture) -> Picture:
    """A picture as wide and high as a film has it, 1.2 times as large, cut off around."""
    w, h = round(1.2 * W), round(1.2 * H)
    scale = max(h / rgb.shape[0], w / rgb.shape[1])
    size = max(w, round(rgb.shape[1] * scale)), max(h, round(rgb.shape[0] * scale))
    big = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    y, x = (size[1] - h) // 2, (size[0] - w) // 2
    return np.ascontiguousarray(big[y : y + h, x : x + w])


def _warp(picture: Picture, matrix: Picture, how: int) -> Picture:
    return cv2.warpAffine(picture, matrix, (W, H), flags=how, borderMode=cv2.BORDER_REPLICATE)


def _pictures(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.suffix.lower() in PICTURE_SUFFIXES)


def _read(path: Path) -> Picture:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SystemExit(f"{path} cannot be read; take it away")
    return np.ascontiguousarray(bgr[..., ::-1])


def _chroma(source: Source) -> float:
    """Mean chroma of its middle picture."""
    image = torch.from_numpy(source.pictures[len(source.pictures) // 2].copy())
    return float(rgb_to_lab(image.permute(2, 0, 1).float() / 255)[1:].norm(dim=0).mean())
