"""Measures how unlikely colors are obeyed: eight hues, said of a large even thing in three ways.

Usage: scripts/measure/unlikely.py PICTURES [PICTURES ...] [--count N] [--weights NAME]
           [--sheets DIR]

PICTURES are folders of color photographs, each cropped to 256 x 256. In each, the largest even
thing is looked for: superpixels that are merged while their true colors differ little. It gets
eight hues, one after the other, at the chroma that its lightness can show, by a point of 6 pixels
where it is thickest, by a stroke across it, and by its outline as a polygon. Where little chroma
can be shown, a hue is left out. Prints for each way and hue

- n: photographs.
- asked: CIEDE2000 between the automatic color and the one asked for, over the thing; median.
- at hint: CIEDE2000 between the color asked for and the one painted, at the middle of the hint:
  median, and what 9 of 10 stay below.
- within 10: share of the thing that is painted within a CIEDE2000 of 10 of it; mean.
- change: how far the mean ab of the thing goes, as a share of the way that is asked for; median.
- leak: mean change of ab outside the thing as a share of that inside: median, and of all changes.

--sheets writes pictures: above automatic, then point, stroke, polygon, one column for each hue.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, quantiles

import cv2
import numpy as np
import torch
from hints import PATCH, SIDE, Picture, load, superpixels
from made_scenes import sources
from PIL import Image
from torch import Tensor

from vidcolor.color.difference import delta_e_2000, nearest_shown
from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.guidance.entries import Hint
from vidcolor.settings import ColorizerSettings

HUES = ("red", "orange", "yellow", "green", "teal", "azure", "violet", "magenta")
"""In steps of 45 degrees of CIELAB."""
FIRST_HUE = 20.0
CHROMA, LEAST_CHROMA = 45.0, 20.0
ALIKE = 9.0
"""CIELAB distance up to which neighboring superpixels are one thing."""
AREA = (0.06, 0.6)
"""Share of the picture that a thing covers."""
EVEN = 9.0
"""Largest standard deviation of L*, after a blur, of an even thing."""
OBEYED = 10.0


@dataclass(frozen=True)
class Outcome:
    """What one hint did."""

    asked: float
    at_hint: float
    within: float
    change: float
    own: float
    rest: float


def find_thing(rgb: Tensor) -> Tensor | None:
    """``(256, 256)`` bool: the largest even thing; None where there is none."""
    lab = rgb_to_lab(rgb)
    labels = _merge(lab, superpixels(lab))
    smooth_l = cv2.GaussianBlur(lab[0].numpy(), (0, 0), 2)
    found = []
    for label in sorted(set(labels.flatten().tolist())):
        inside = _largest_part(labels == label)
        share = float(inside.float().mean())
        if AREA[0] <= share <= AREA[1] and np.std(smooth_l[inside.numpy()]) <= EVEN:
            found.append((share, label, inside))
    return max(found)[2] if found else None


def _merge(lab: Tensor, labels: Tensor) -> Tensor:
    """Labels of superpixels, the most alike neighbors joined until none are alike enough."""
    names = sorted(set(labels.flatten().tolist()))
    labels = torch.searchsorted(torch.tensor(names), labels)
    count = len(names)
    sizes = torch.bincount(labels.flatten(), minlength=count).float()
    sums = torch.stack([torch.bincount(labels.flatten(), one.flatten(), count) for one in lab], 1)
    beside = torch.zeros(count, count, dtype=torch.bool)
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        beside[one.flatten(), other.flatten()] = True
    beside = (beside | beside.T) & ~torch.eye(count, dtype=torch.bool)
    owner = torch.arange(count)
    while True:
        colors = sums / sizes[:, None].clamp(min=1)
        apart = torch.cdist(colors, colors).masked_fill(~beside, math.inf)
        nearest = int(apart.argmin())
        kept, gone = nearest // count, nearest % count
        if float(apart.flatten()[nearest]) > ALIKE:
            return owner[labels]
        owner[owner == gone] = kept
        sums[kept] += sums[gone]
        sizes[kept] += sizes[gone]
        beside[kept] |= beside[gone]
        beside[:, kept] |= beside[:, gone]
        beside[gone], beside[:, gone], beside[kept, kept] = False, False, False


def _largest_part(inside: Tensor) -> Tensor:
    """Its largest connected part, without thin bridges and holes."""
    mask = cv2.morphologyEx(
        inside.numpy().astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)
    )
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros((SIDE, SIDE), np.uint8)
    if outlines:
        cv2.drawContours(whole, [max(outlines, key=cv2.contourArea)], -1, 1, -1)
    return torch.from_numpy(whole > 0)


def places_of(inside: Tensor) -> tuple[int, int, dict[str, dict[str, object]]]:
    """x and y where a thing is thickest, and three places for hints of it."""
    framed = np.pad(inside.numpy().astype(np.uint8), 1)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = map(int, np.unravel_index(depth.argmax(), depth.shape))
    # The stroke lies along the row through it, a little inside the thing.
    deep = depth[y] > PATCH
    left, right = x, x
    while left > 0 and deep[left - 1]:
        left -= 1
    while right < SIDE - 1 and deep[right + 1]:
        right += 1
    outlines, _ = cv2.findContours(framed[1:-1, 1:-1], cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = cv2.approxPolyDP(max(outlines, key=cv2.contourArea), 1.5, True)[:, 0]
    middle = (y + 0.5) / SIDE
    return (
        x,
        y,
        {
            "point": {"point": ((x + 0.5) / SIDE, middle)},
            "stroke": {"stroke": (((left + 0.5) / SIDE, middle), ((right + 0.5) / SIDE, middle))},
            "polygon": {"polygon": tuple(((a + 0.5) / SIDE, (b + 0.5) / SIDE) for a, b in outline)},
        },
    )


def measure_hue(
    picture: Picture, inside: Tensor, turn: float
) -> tuple[dict[str, Outcome], dict[str, Tensor]] | None:
    """What each way of saying a hue does, and the pictures; None where it can hardly be shown."""
    before = rgb_to_lab(picture.automatic)
    x, y, places = places_of(inside)
    wish = CHROMA * torch.tensor([math.cos(turn), math.sin(turn)])
    own = before[0][inside].median()
    shown = nearest_shown(own, wish)
    if float(shown.norm()) < LEAST_CHROMA:
        return None
    code = lab_to_rgb(torch.cat([own[None], shown]).view(3, 1, 1)).flatten() * 255
    r, g, b = code.round().int().tolist()
    outcomes, results = {}, {}
    for way, place in places.items():
        hint = Hint(color=(r, g, b), size=PATCH / SIDE, **place)  # type: ignore[arg-type]
        results[way] = picture.render([hint])
        outcomes[way] = judge(before, rgb_to_lab(results[way]), inside, shown, (x, y))
    return outcomes, results


def judge(
    before: Tensor, after: Tensor, inside: Tensor, wish: Tensor, spot: tuple[int, int]
) -> Outcome:
    """What a hint did.

    Args:
        before: ``(3, 256, 256)`` Lab of the automatic color.
        after: The same with the hint.
        inside: ``(256, 256)`` the thing.
        wish: ``(2,)`` ab that was asked for.
        spot: x and y of the hint.
    """
    goal = torch.cat([after[:1], nearest_shown(after[0], wish.view(2, 1, 1).expand(2, SIDE, SIDE))])
    difference = delta_e_2000(after.double(), goal.double())
    asked = delta_e_2000(before.double(), goal.double())[inside].median()
    x, y = spot
    near = difference[y - 1 : y + 2, x - 1 : x + 2].mean()
    within = (difference[inside] <= OBEYED).float().mean()
    start, end = before[1:][:, inside].mean(1), after[1:][:, inside].mean(1)
    way = goal[1:][:, inside].mean(1) - start
    change = (end - start) @ way / way.square().sum().clamp(min=1e-6)
    moved = (after - before)[1:].norm(dim=0)
    edge = torch.from_numpy(
        cv2.dilate(inside.numpy().astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    )
    numbers = asked, near, within, change, moved[inside].mean(), moved[~edge].mean()
    return Outcome(*map(float, numbers))


def print_row(name: str, found: Sequence[Outcome]) -> None:
    """A line of the table."""
    if len(found) < 2:
        print(f"{name:8} {len(found):4d}")
        return
    hits = [one.at_hint for one in found]
    shares = [one.rest / max(one.own, 1e-3) for one in found]
    total = sum(one.rest for one in found) / sum(one.own for one in found)
    print(
        f"{name:8} {len(found):4d} {median(one.asked for one in found):6.1f}"
        f" {median(hits):7.2f} {quantiles(hits, n=10)[-1]:6.2f}"
        f" {100 * mean(one.within for one in found):7.0f} %"
        f" {100 * median(one.change for one in found):5.0f} %"
        f" {median(shares):7.3f} {total:6.3f}"
    )


def write_sheet(path: Path, picture: Picture, inside: Tensor, columns: Sequence[Tensor]) -> None:
    """The photograph, automatic and the thing; then for each hue point, stroke and polygon."""
    first = torch.cat([picture.rgb, picture.automatic, picture.automatic * inside], 1)
    whole = torch.cat([first, *columns], 2) * 255
    Image.fromarray(whole.round().byte().permute(1, 2, 0).numpy()).save(path)


def main() -> None:
    """Measure, and print the tables."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("pictures", nargs="+", type=Path)
    p.add_argument("--count", type=int, default=60)
    p.add_argument("--weights", default="default")
    p.add_argument("--sheets", type=Path)
    arguments = p.parse_args()
    files = sources(arguments.pictures)
    step = max(1, len(files) // (3 * arguments.count))  # not every photograph has such a thing
    colorizer = Colorizer.from_weights(settings=ColorizerSettings(weights=arguments.weights))
    found: dict[str, dict[str, list[Outcome]]] = {}
    count = 0
    for file in files[::step]:
        rgb = load(file)
        inside = find_thing(rgb)
        if inside is None or count == arguments.count:
            continue
        picture, columns, count = Picture(rgb, colorizer), [], count + 1
        for number, hue in enumerate(HUES):
            turn = math.radians(FIRST_HUE + 45 * number)
            measured = measure_hue(picture, inside, turn)
            if measured is None:
                continue
            for way, outcome in measured[0].items():
                found.setdefault(way, {}).setdefault(hue, []).append(outcome)
            columns.append(torch.cat(list(measured[1].values()), 1))
        if arguments.sheets:
            arguments.sheets.mkdir(parents=True, exist_ok=True)
            write_sheet(arguments.sheets / f"{count:03d}.png", picture, inside, columns)
    print(f"{arguments.weights}, {count} photographs")
    for way, hues in found.items():
        print(f"{way:8}    n  asked at hint    90%  within 10 change    leak    all")
        for hue in HUES:
            print_row(hue, hues.get(hue, []))
        print_row("all", [one for some in hues.values() for one in some])


if __name__ == "__main__":
    main()
