"""Films whose cuts are known, made from clips and worn as old prints are: for shots.py.

Nothing is random but by the seed, and nothing is kept on disk.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import open_video

H, W = 240, 320
BLACK, WHITE = 16.0, 235.0
LAYOUT = PixelLayout("gray", 8, 0, 0, False, "bt709", "bt1886")
LONGEST = 300
"""Frames of a clip that are used, at most."""
SPANS = {
    "bikes.mp4": ((0, 30), (30, 76), (76, 137), (137, 187), (187, 242)),
    "demo.mp4": ((0, 229),),  # what follows is damaged
}
"""Clips with cuts of their own, by eye: the frames of each shot."""

KINDS = (
    *("flash", "flash at cut", "long flash", "scratches", "dust", "flicker", "grain", "weave"),
    *("pan", "object", "damaged", "repeats"),
)
Pictures = list[Tensor]
"""Luma codes of successive frames, each ``(H, W)`` float32, 16..235."""


@dataclass
class Join:
    """A true cut: any frame of ``first..last`` is right for it."""

    first: int
    last: int
    kind: str
    """``hard``, ``black`` or ``white``."""


@dataclass
class Made:
    """A film with its truth."""

    frames: list[Tensor] = field(default_factory=list)
    """``(H, W)`` uint8 each."""
    joins: list[Join] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """Of each frame, the disturbance of its segment."""
    torn: set[int] = field(default_factory=set)
    """Frames that are flashes or damaged."""


def read_luma(path: Path) -> Tensor:
    """``(N, h, w)`` uint8: the clip's luma, large enough to cover H x W."""
    found = []
    with open_video(path) as film:
        for frame in decode(film):
            luma = (frame.luma.int() >> (frame.layout.bits - 8)).float()[None, None]
            scale = max(H / luma.shape[2], W / luma.shape[3])
            size = [round(side * scale + 0.49) for side in luma.shape[2:]]
            mode = "area" if scale < 1 else "bilinear"
            found.append(interpolate(luma, size, mode=mode)[0, 0].round().to(torch.uint8))
            if len(found) == LONGEST:
                break
    return torch.stack(found)


def read_clips(folder: Path) -> list[Tensor]:
    """The shots of all clips, each ``(N, h, w)`` uint8."""
    found = []
    for path in sorted(folder.iterdir()):
        clip = read_luma(path)
        found += [clip[a:b] for a, b in SPANS.get(path.name, ((0, len(clip)),))]
    return [clip for clip in found if len(clip) >= 24]


class Draw:
    """The dice: whole numbers and choices, and noise."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self._noise = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal noise of this shape."""
        return torch.randn(*shape, generator=self._noise)

    def unit(self, *shape: int) -> Tensor:
        """Uniform noise 0..1 of this shape."""
        return torch.rand(*shape, generator=self._noise)


def flash(pictures: Pictures, draw: Draw, length: int, at_cut: bool = False) -> set[int]:
    """White or black light over a few frames, the last ones or some inside."""
    inside = draw.pick.randint(3, len(pictures) - length - 3)
    begin = len(pictures) - length if at_cut else inside
    target = draw.pick.choice((BLACK, WHITE))
    share = draw.pick.uniform(0.7, 1)
    for i in range(begin, begin + length):
        pictures[i] = torch.lerp(pictures[i], torch.tensor(target), share)
    return set(range(begin, begin + length))


def scratches(pictures: Pictures, draw: Draw) -> None:
    """Up to 4 vertical lines that tremble, black or white."""
    lines = [
        (draw.pick.randrange(W - 8), draw.pick.choice((BLACK, WHITE)), draw.pick.randint(1, 4))
        for _ in range(draw.pick.randint(1, 4))
    ]
    for picture in pictures:
        for x, code, width in lines:
            left = min(max(x + draw.pick.randint(-2, 2), 0), W - width)
            picture[:, left : left + width] = code


def dust(pictures: Pictures, draw: Draw) -> None:
    """Up to 40 specks of up to 12 pixels, others on each frame."""
    for picture in pictures:
        for _ in range(draw.pick.randint(5, 40)):
            y, x, side = draw.pick.randrange(H), draw.pick.randrange(W), draw.pick.randint(2, 12)
            picture[y : y + side, x : x + side] = draw.pick.choice((BLACK, WHITE))


def flicker(pictures: Pictures, draw: Draw) -> None:
    """The lamp: gain +-15 % a frame."""
    for i, picture in enumerate(pictures):
        gain = draw.pick.uniform(0.85, 1.15)
        pictures[i] = (picture - BLACK) * gain + BLACK


def grain(pictures: Pictures, draw: Draw) -> None:
    """Noise of 8 to 25 codes."""
    sigma = draw.pick.uniform(8, 25)
    for i, picture in enumerate(pictures):
        pictures[i] = picture + sigma * draw.normal(H, W)


def weave(pictures: Pictures, draw: Draw) -> None:
    """The gate: every frame shifted by a few pixels."""
    sigma = draw.pick.uniform(1, 3)
    for i, picture in enumerate(pictures):
        dy, dx = (sigma * draw.normal(2)).round().int().tolist()
        pictures[i] = picture.roll((dy, dx), (0, 1))


def pan(pictures: Pictures, draw: Draw) -> None:
    """A window over a picture that is mirrored without end, moving 3 to 8 % of its width."""
    speed = draw.pick.choice((-1, 1)) * draw.pick.uniform(0.03, 0.08) * W
    for i, picture in enumerate(pictures):
        endless = torch.cat([picture, picture.flip(1)], 1)
        pictures[i] = endless.roll(round(speed * i), 1)[:, :W]


def passing(pictures: Pictures, draw: Draw) -> None:
    """Something large and dark passes close to the camera in 6 to 14 frames."""
    time_ = draw.pick.randint(6, 14)
    begin = draw.pick.randint(1, max(1, len(pictures) - time_ - 1))
    width = draw.pick.uniform(0.3, 0.8) * W
    for i in range(begin, min(begin + time_, len(pictures))):
        centre = -width / 2 + (W + width) * (i - begin + 0.5) / time_
        edge = (torch.arange(W) - centre).abs().sub(width / 2).div(W / 20)
        cover = torch.sigmoid(-edge)
        pictures[i] = pictures[i] * (1 - cover) + (BLACK + 14) * cover


def damage(pictures: Pictures, draw: Draw) -> set[int]:
    """One frame with blocks of garbage over half of it or more."""
    hit = draw.pick.randint(3, len(pictures) - 4)
    blocks = draw.unit(H // 16, W // 16).repeat_interleave(16, 0).repeat_interleave(16, 1)
    top = draw.pick.randint(0, H // 2)
    pictures[hit] = pictures[hit].clone()
    pictures[hit][top:] = BLACK + (WHITE - BLACK) * blocks[top:]
    return {hit}


def repeats(pictures: Pictures, draw: Draw) -> None:
    """Frames that stand for 2 to 4 frames, as of another frame rate."""
    times = draw.pick.randint(2, 4)
    pictures[:] = [pictures[i - i % times] for i in range(len(pictures))]


def disturb(kind: str, pictures: Pictures, draw: Draw) -> set[int]:
    """Does to a segment what ``kind`` says; the places of frames that are torn by it."""
    if "flash" in kind:
        length = draw.pick.randint(2, 3) if kind == "long flash" else 1
        return flash(pictures, draw, length, kind == "flash at cut")
    if kind == "damaged":
        return damage(pictures, draw)
    work: dict[str, Callable[[Pictures, Draw], None]] = {
        **{"scratches": scratches, "dust": dust, "flicker": flicker, "grain": grain},
        **{"weave": weave, "pan": pan, "object": passing, "repeats": repeats},
    }
    if kind in work:
        work[kind](pictures, draw)
    return set()


def segment(clip: Tensor, length: int, draw: Draw) -> Pictures:
    """``length`` frames of a clip from somewhere, cropped to H x W."""
    first = draw.pick.randint(0, len(clip) - length)
    y, x = (clip.shape[1] - H) // 2, (clip.shape[2] - W) // 2
    return list(clip[first : first + length, y : y + H, x : x + W].float())


def fade(pictures: Pictures, target: float, frames: int, out: bool) -> None:
    """The last frames go to black or white, wholly in the last one; or the first ones come."""
    for i in range(frames):
        place = len(pictures) - frames + i if out else frames - 1 - i
        pictures[place] = torch.lerp(pictures[place], torch.tensor(target), (i + out) / frames)


def make_film(clips: list[Tensor], seed: int, segments: int = 24) -> Made:
    """A film of so many shots; about a third of its joins are fades."""
    draw, made, last = Draw(seed), Made(), -1
    kinds = draw.pick.choices(("hard", "black", "white"), (6, 2, 1), k=segments - 1)
    before = 0
    for kind, after in pairwise(["start", *kinds, "end"]):
        into, out = (
            draw.pick.randint(6, 20) if join in ("black", "white") else 0 for join in (kind, after)
        )
        least = max(12, into + out + 6)
        last = draw.pick.choice([i for i, c in enumerate(clips) if i != last and len(c) >= least])
        length = draw.pick.randint(least, max(least, min(80, len(clips[last]))))
        pictures = segment(clips[last], length, draw)
        trouble = draw.pick.choice(KINDS) if draw.pick.random() < 0.5 else "clean"
        begin = len(made.frames)
        made.torn |= {begin + i for i in disturb(trouble, pictures, draw)}
        fade(pictures, BLACK if kind == "black" else WHITE, into, out=False)
        fade(pictures, BLACK if after == "black" else WHITE, out, out=True)
        if kind != "start":
            made.joins.append(Join(begin - before, begin + max(0, into - 1), kind))
        blank = draw.pick.randint(0, 10) if out else 0
        pictures += [torch.full((H, W), BLACK if after == "black" else WHITE)] * blank
        made.kinds += [trouble] * len(pictures)
        made.frames += [p.round().clamp(BLACK, WHITE).to(torch.uint8) for p in pictures]
        before = blank + 1 if out else 0  # frames of the darkest
    return made


def as_frames(pictures: list[Tensor]) -> Iterator[Frame]:
    """Frames as a decoder gives them, 25 a second."""
    none = torch.empty(0, 0, dtype=torch.uint8)
    for pts, luma in enumerate(pictures):
        yield Frame(luma, (none, none), LAYOUT, pts, 1, Fraction(1, 25))
