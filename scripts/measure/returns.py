"""Measures whether a thing that was hidden for 24 frames has its hint's color when it is back.

Usage: scripts/measure/returns.py PICTURES [PICTURES ...] [--count N] [--weights NAME]
           [--sheets DIR] [--quick] [--first N]

PICTURES are folders of color photographs, of which gray films of 50 frames are made (made_returns).
In the third frame a hint gives the thing an unlikely color: a point where something passes before
it, a stroke where it goes behind something. Prints for each film, and at the end as a table,

- returned: median CIEDE2000 between the thing's inner pixels in the 8 frames after it is back and
  the same pixels in the frame with the hint. It returned if that is 5 or less.
- colored part: the same, of the pixels that the hint had brought at least half of the way.
- new: CIEDE2000 to the automatic color instead, in the frame with the hint: how much there was to
  lose; and how much of the change of ab is there when the thing is back.
- leak: how much the hint changes the background when the thing is back, as a share of what it does
  to the thing in the frame with the hint; and what hides the thing, where it does.
- weight: of the guide on the thing, in the frame with the hint and after.
- cuts: places where the search for shots would part the film. They are left out here.

--sheets writes a picture of each film: with the hint above, automatic below. --quick colors only
the frame with the hint and those from the middle of the hiding on; --first leaves out films.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from made_returns import HINTED, PASSING, Film, Picture, make_film
from made_scenes import sources
from PIL import Image
from references import RATE, as_codes, gray_frame
from torch import Tensor

from vidcolor.color.difference import delta_e_2000, nearest_shown
from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint_frame
from vidcolor.colorize.painter import FramePainter
from vidcolor.colorize.session import Session
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.guidance.entries import Hint
from vidcolor.guidance.plan import Guidance, ShotRange, mark_dials
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.images.rgb import frame_rgb
from vidcolor.settings import ColorizerSettings, Settings
from vidcolor.shots.detector import mark_shots
from vidcolor.temporal.smoother import smooth

CHROMA = 45.0
"""Of unlikely colors, if the thing's lightness shows it."""
HUES = 8
UNLIKELY = 35.0
"""ab units at least between the automatic color and the one that is asked for, if there is one."""
BACK_FRAMES = 8
RETURNED = 5.0


@dataclass(frozen=True)
class Result:
    """What one film shows; the names are those of the columns."""

    returned: float
    colored: float
    new: float
    kept: float
    leak: float
    hider: float
    weight: float
    after: float
    cuts: float


Colored = dict[int, ColorizedFrame]
"""Frames by their number."""


def color_film(
    film: Film, colorizer: Colorizer, hint: Hint, numbers: Sequence[int]
) -> tuple[Colored, Colored]:
    """Frames with the hint, and automatic: the chain of the product, looked at once."""
    plan = Guidance(ColorSheet(hints=(hint,)), Fraction(RATE), [ShotRange(Fraction(0), None)])
    session = Session(Settings(), colorizer, plan)

    def source(moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
        for moment in moments:
            number = int(moment * RATE)
            yield Fraction(number, RATE), gray_frame(film.images[number], number)

    session.source = source
    frames = (excerpt_frame(film, number, numbers) for number in numbers)
    guide = session.guide_for(colorizer, None)
    assert guide is not None
    seen = list(colorizer.colorize(mark_dials(frames, plan), None, None, 0, True))
    settings, gate = session.settings.smooth, session.gate
    guided = smooth(guide.guide_frames(seen, None), settings, gate)
    automatic = smooth(seen, settings, gate)
    return dict(zip(numbers, guided, strict=True)), dict(zip(numbers, automatic, strict=True))


def excerpt_frame(film: Film, number: int, numbers: Sequence[int]) -> Frame:
    """A frame; where those before it are left out, nothing comes from them."""
    frame = gray_frame(film.images[number], number)
    frame.starts_shot = number - 1 not in numbers
    return frame


def paint(item: ColorizedFrame) -> Picture:
    """``(H, W, 3)`` uint8."""
    chroma = torch.empty_like(item.frame.luma), torch.empty_like(item.frame.luma)
    frame = replace(item.frame, chroma=chroma)
    paint_frame(frame, item.ab * item.share)
    return frame_rgb(frame, 8).copy()


def choose_hint(film: Film, colorizer: Colorizer, number: int) -> Hint:
    """A point or a stroke where the thing is thickest, in a color that the net does not expect."""
    chance = random.Random(number)
    frame = gray_frame(film.images[HINTED], HINTED)
    ab = FramePainter(frame, colorizer).automatic
    shown = paint(ColorizedFrame(frame, torch.empty(0), ab))
    lab = rgb_to_lab(as_codes(crop(film, HINTED, shown)) / 255)
    inside = inner(film)
    lightness, own = lab[0][inside].median(), lab[1:][:, inside].median(1).values
    turns = torch.arange(HUES) * 2 * torch.pi / HUES
    asked = CHROMA * torch.stack([turns.cos(), turns.sin()])
    asked = nearest_shown(lightness.expand(HUES), asked)
    far = (asked - own[:, None]).norm(dim=0)
    good = (far >= UNLIKELY).nonzero().flatten().tolist() or [int(far.argmax())]
    color = torch.cat([lightness[None], asked[:, chance.choice(good)]]).view(3, 1, 1)
    r, g, b = (lab_to_rgb(color).flatten() * 255).round().int().tolist()
    depth = cv2.distanceTransform(inside.numpy().astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    reach = 0.6 * depth.max() if number % 2 else 0.0
    left, top = film.places[HINTED]
    height, width = film.seen[0].shape
    line = [((left + x + dx + 0.5) / width, (top + y + 0.5) / height) for dx in (-reach, reach)]
    if reach:
        return Hint(color=(r, g, b), stroke=tuple(line), time=Fraction(HINTED, RATE))
    return Hint(line[0], (r, g, b), time=Fraction(HINTED, RATE))


def crop(film: Film, number: int, picture: Picture) -> Picture:
    """The part of a frame where the thing is."""
    x, y = film.places[number]
    h, w = film.thing.alpha.shape
    assert min(x, y) >= 0
    return picture[y : y + h, x : x + w]


def inner(film: Film) -> Tensor:
    """``(h, w)`` bool of the thing, without its edge and without what it lacks in any frame."""
    solid = (film.thing.alpha > 0.95).astype(np.uint8)
    framed = np.pad(solid, 3)
    return torch.from_numpy(cv2.erode(framed, np.ones((7, 7), np.uint8))[3:-3, 3:-3] > 0)


def measure(
    film: Film, colorizer: Colorizer, hint: Hint, quick: bool
) -> tuple[Result, list[Picture]]:
    """What the film shows, and its sheet: two rows of frames."""
    middle = film.hidden[len(film.hidden) // 2]
    left_out = range(HINTED + 1, middle) if quick else range(0)
    numbers = [n for n in range(HINTED if quick else 0, len(film.images)) if n not in left_out]
    guided, automatic = color_film(film, colorizer, hint, numbers)
    first = film.hidden[-1] + PASSING + 2
    back = range(first, first + BACK_FRAMES)
    inside = inner(film)

    def lab(items: Colored, number: int) -> Tensor:
        picture = crop(film, number, paint(items[number]))
        return rgb_to_lab(as_codes(picture) / 255)[:, inside].double()

    before, plain = lab(guided, HINTED), lab(automatic, HINTED)
    returned = torch.stack([delta_e_2000(lab(guided, n), before) for n in back])
    goal = torch.tensor(hint.color, dtype=torch.float32).view(3, 1, 1) / 255
    goal_ab = rgb_to_lab(goal)[1:, 0].double()
    change = (before - plain)[1:]
    done = change.norm(dim=0) / (goal_ab - plain[1:]).norm(dim=0).clamp(min=1)
    colored = returned[:, done >= 0.5]
    later = torch.stack([(lab(guided, n) - lab(automatic, n))[1:] for n in back]).mean(0)
    kept = (later * change).sum() / change.square().sum().clamp(min=1e-6)
    changes = {n: (guided[n].ab - automatic[n].ab).norm(dim=0) for n in numbers}
    own = mean_over(changes[HINTED], film.seen[HINTED])
    around = [mean_over(changes[n], outside(film, n)) for n in back]
    hider = [mean_over(changes[n], footprint(film, n)) for n in film.hidden if n in changes]
    weights = [mean_over(weight_of(guided[n]), film.seen[n]) for n in (HINTED, *back)]
    frames = (gray_frame(image, number) for number, image in enumerate(film.images))
    cuts = sum(frame.starts_shot for frame in mark_shots(frames, Settings().shots)) - 1
    result = Result(
        float(returned.median()),
        float(colored.median()) if colored.numel() else float("nan"),
        float(delta_e_2000(before, plain).median()),
        float(kept),
        float(np.mean(around)) / max(own, 1e-3),
        float(np.mean(hider)) / max(own, 1e-3),
        weights[0],
        float(np.mean(weights[1:])),
        cuts,
    )
    chosen = [n for n in (HINTED, film.hidden[0] - 3, middle, back[0], back[-1]) if n in changes]
    rows = [np.hstack([paint(items[n]) for n in chosen]) for items in (guided, automatic)]
    return result, rows


def weight_of(item: ColorizedFrame) -> Tensor:
    """``(h, w)`` of its guide."""
    return torch.zeros_like(item.ab[0]) if item.guide is None else item.guide[2]


def mean_over(values: Tensor, share: Picture) -> float:
    """Mean of ``(h, w)`` values by the share that ``(H, W)`` pixels have in them."""
    weights = F.interpolate(torch.from_numpy(share)[None, None], values.shape, mode="area")[0, 0]
    weights = weights * (weights > 0.9)
    return float((values * weights).sum() / weights.sum().clamp(min=1e-6))


def outside(film: Film, number: int) -> Picture:
    """``(H, W)`` 1 where neither the thing is, nor its edge, nor what hides it."""
    taken = np.maximum(film.seen[number], film.cover[number])
    return (cv2.dilate(taken, np.ones((13, 13), np.uint8)) < 0.01).astype(np.float32)


def footprint(film: Film, number: int) -> Picture:
    """``(H, W)`` where the thing would be if nothing hid it."""
    found = np.zeros_like(film.cover[number])
    crop(film, number, found)[:] = film.thing.alpha[: found.shape[0], : found.shape[1]]
    return found


def main() -> None:
    """Measure, and print a line for each film, and the table."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("pictures", nargs="+", type=Path)
    p.add_argument("--count", type=int, default=40)
    p.add_argument("--weights", default="default")
    p.add_argument("--sheets", type=Path)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--first", type=int, default=0)
    arguments = p.parse_args()
    paths = sources(arguments.pictures)
    colorizer = Colorizer.from_weights(settings=ColorizerSettings(weights=arguments.weights))
    rows: list[tuple[str, Result]] = []
    print("film:", *(field.name for field in fields(Result)))
    for number in range(arguments.first, arguments.count):
        film = make_film(paths, number)
        hint = choose_hint(film, colorizer, number)
        result, sheet = measure(film, colorizer, hint, arguments.quick)
        rows.append((film.kind, result))
        how = "stroke" if hint.stroke else "point"
        numbers = [f"{getattr(result, field.name):.2f}" for field in fields(Result)]
        print(f"{number} {film.kind}, {how}:", *numbers, flush=True)
        if arguments.sheets:
            arguments.sheets.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.vstack(sheet)).save(arguments.sheets / f"{number:02d}.png")
    for kind in ("", *sorted({kind for kind, _ in rows})):
        some = [result for name, result in rows if kind in ("", name)]
        good = sum(one.returned <= RETURNED for one in some)
        part = [one.colored for one in some if one.colored == one.colored]
        few = sum(one <= RETURNED for one in part)
        medians = [median(getattr(one, field.name) for one in some) for field in fields(Result)]
        print(f"{kind or 'all'}: {good} of {len(some)} returned", end=", ")
        print(f"{few} of {len(part)} in their colored part; medians", end=" ")
        print(*(f"{one:.2f}" for one in medians))


if __name__ == "__main__":
    main()
