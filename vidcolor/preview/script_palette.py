"""The main colors of a scene: what a color script has for the things in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidcolor.color.lab import lab_to_rgb
from vidcolor.guidance.color_script import ScriptKey

MOST = 6
"""Colors that are told of a scene."""
_SEEDS = 12
"""Colors that are looked for before those that are alike are taken together."""
_ROUNDS = 12
_SAMPLES = 20_000
"""Samples that are looked at; of more, every so many."""
_GRAY = 6.0
"""Chroma below which a sample has no color."""
_FEWEST = 0.01
"""Share of samples with a color from which a scene is not gray."""
_FEW = 3
_ALIKE, _SAME = 8.0, 3.0
"""ab units by which colors of a palette differ at least; and where there are no more than a few."""
_SMALL = 0.01
"""Share of what has a color below which a color is not told."""
_LIGHT = (42.0, 78.0)
"""L* between which a swatch shows its color: that of its things, but neither black nor white."""


@dataclass(frozen=True)
class Swatch:
    """A color of a palette."""

    color: str
    """As ``#rrggbb``, in a lightness that shows it."""
    share: float
    """0..1 of the area of the key frames."""


def blend(key: ScriptKey) -> Tensor:
    """``(M, 2)`` ab of a key frame as far as frames follow it."""
    return key.automatic + key.change


def find_palette(keys: Sequence[ScriptKey], colors: Sequence[Tensor]) -> tuple[Swatch, ...]:
    """The main colors of some key frames, the one with the largest area first.

    Near-grays are left out, unless all is gray: then there is one swatch.

    Args:
        keys: Tell how light the samples are.
        colors: ``(M, 2)`` ab of each one's samples.
    """
    ab = torch.cat(list(colors))
    light = torch.cat([key.places[:, -3] for key in keys])
    step = 1 + len(ab) // _SAMPLES
    ab, light = ab[::step], light[::step]
    colored = ab.norm(dim=1) >= _GRAY
    if colored.float().mean() < _FEWEST:
        return (Swatch(_hex(light.median(), torch.zeros(2)), 1.0),)
    own, light = ab[colored], light[colored]
    nearest = _cluster(own)
    sizes = torch.bincount(nearest).float()
    order = [n for n in sizes.argsort(descending=True, stable=True).tolist() if sizes[n]]
    told = [n for n in order if sizes[n] >= _SMALL * len(own)][:MOST]
    return tuple(
        Swatch(
            _hex(light[nearest == n].median(), own[nearest == n].mean(0)),
            float(sizes[n]) / len(ab),
        )
        for n in told
    )


def _cluster(ab: Tensor) -> Tensor:
    """``(N,)`` number of the color that each sample has, of at most `_SEEDS`.

    k-means (Lloyd, 1982) from samples that lie far apart, so the same samples always give the same
    colors; then those that are alike are taken together, the nearest first.
    """
    seeds = [ab.mean(0)]
    far = torch.cdist(ab, seeds[0][None])[:, 0]
    for _ in range(_SEEDS):
        seeds.append(ab[far.argmax()])
        far = torch.minimum(far, torch.cdist(ab, seeds[-1][None])[:, 0])
    centers = torch.stack(seeds[1:])
    for _ in range(_ROUNDS):
        nearest = torch.cdist(ab, centers).argmin(1)
        centers = _means(ab, nearest, centers)
    sizes = torch.bincount(nearest, minlength=len(centers)).float()
    return _merge(centers, sizes)[nearest]


def _merge(centers: Tensor, sizes: Tensor) -> Tensor:
    """``(K,)`` number of the color that each center is taken for.

    Those are taken together whose samples gain the least distance by it (Ward, 1963), so a small
    thing of another color outlasts a shade of a large one.
    """
    names = torch.arange(len(centers))
    while (left := int((sizes > 0).sum())) > 1:
        apart = torch.cdist(centers, centers)
        cost = apart.square() * sizes[:, None] * sizes / (sizes[:, None] + sizes).clamp(min=1)
        cost.fill_diagonal_(torch.inf)
        cost[sizes == 0] = cost[:, sizes == 0] = torch.inf
        one, other = divmod(int(cost.argmin()), len(centers))
        if left <= MOST and apart[one, other] >= (_ALIKE if left > _FEW else _SAME):
            break
        both = sizes[one] + sizes[other]
        centers[one] = (centers[one] * sizes[one] + centers[other] * sizes[other]) / both
        sizes[one], sizes[other] = both, 0
        names[names == other] = one
    return names


def _means(ab: Tensor, nearest: Tensor, before: Tensor) -> Tensor:
    """``(K, 2)`` means of the samples of each center; one that has none stays."""
    count = torch.bincount(nearest, minlength=len(before)).float()[:, None]
    sums = torch.zeros_like(before).index_add_(0, nearest, ab)
    return torch.where(count > 0, sums / count.clamp(min=1), before)


def _hex(light: Tensor, ab: Tensor) -> str:
    lab = torch.cat([light.clamp(*_LIGHT)[None], ab]).view(3, 1, 1)
    red, green, blue = (lab_to_rgb(lab).flatten() * 255).round().int().tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
