"""Scores of a guide on pictures and pairs of frames kept from training."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

import torch
from torch import Tensor

from vidcolor.nets.colornet import DistributionNet
from vidcolor.nets.guide_net import GuideNet, measure_surprise
from vidcolor.training.guide.losses import GuidePicture, find_thing, spread_over
from vidcolor.training.validation import mean_columns

HINTS = (1, 10, 100)
"""Hints in a picture."""
THING_HINTS = 3
"""Hints in a thing that gets another color."""
CHROMA = 45.0
"""Of this color, ab units."""
GUIDE_SCORES = (*(f"hints_{count}" for count in HINTS), "leak", "pair_gain", "score")
"""Means over the pictures: dB by which ab comes nearer to the truth with 1, 10 and 100 hints at
random places; change of color beside a thing whose hints have another color, as a share of the
change within; mean over the pairs: dB gained where all colors of the other frame are known; and the
score."""
LEAK = 5.0
"""dB that a leak as strong as the change itself costs in the score."""
_LEAST = 1.0
"""Squared ab errors below this one count as it: nobody sees them."""


def guide_score(scores: dict[str, float]) -> float:
    """What the best guide is chosen by: mean of the dB gained, less what leaks."""
    gains = [scores[name] for name in (*GUIDE_SCORES[: len(HINTS)], "pair_gain") if name in scores]
    return sum(gains) / len(gains) - LEAK * scores.get("leak", 0.0)


@torch.inference_mode()
def validate_guide(
    guide: GuideNet,
    heads: DistributionNet,
    pictures: Iterable[GuidePicture],
    pairs: Iterable[tuple[GuidePicture, GuidePicture]],
) -> dict[str, float]:
    """`GUIDE_SCORES` of a guide; without those for which nothing was kept.

    Args:
        guide: To be judged.
        heads: The colornet, whose heads say what it expected.
        pictures: To give hints in.
        pairs: The frame whose colors are known, and the one that gets them.
    """
    rows, leaks = [], []
    for number, picture in enumerate(pictures):
        chance = random.Random(number)
        rows.append(_gains_of_hints(guide, heads, picture, chance))
        if (leak := measure_leak(guide, heads, picture, chance)) is not None:
            leaks.append([leak])
    carried = [[_gain_of_pair(guide, known, asked)] for known, asked in pairs]
    scores: dict[str, float] = {}
    for names, table in ((GUIDE_SCORES, rows), (("leak",), leaks), (("pair_gain",), carried)):
        if table:
            scores |= dict(zip(names, mean_columns(table), strict=False))
    return scores | {"score": guide_score(scores)} if rows or carried else {}


def measure_leak(
    guide: GuideNet, heads: DistributionNet, picture: GuidePicture, chance: random.Random
) -> float | None:
    """Mean change of color beside a thing over that within; None where no thing is found."""
    thing = find_thing(picture, chance)
    if thing is None:
        return None
    angle = chance.uniform(0, 2 * math.pi)
    color = torch.tensor([math.cos(angle), math.sin(angle)]) * CHROMA
    hinted = torch.tensor(chance.choices(thing.flatten().nonzero()[:, 0].tolist(), k=THING_HINTS))
    found = _color(guide, heads, picture, hinted, color.expand(THING_HINTS, 2))
    change = (found - picture.ab).norm(dim=0)
    return float(change[~thing].mean() / change[thing].mean().clamp(min=1e-3))


def _gains_of_hints(
    guide: GuideNet, heads: DistributionNet, picture: GuidePicture, chance: random.Random
) -> list[float]:
    """For each of `HINTS`."""
    places = picture.lightness.numel()
    gains = []
    for count in HINTS:
        hinted = torch.tensor(chance.sample(range(places), min(count, places)))
        colors = picture.true.flatten(1)[:, hinted].T
        gains.append(_gain(_color(guide, heads, picture, hinted, colors), picture))
    return gains


def _color(
    guide: GuideNet, heads: DistributionNet, picture: GuidePicture, hinted: Tensor, colors: Tensor
) -> Tensor:
    """``(2, h, w)`` ab of a picture with hints, of which the net is surprised or not."""
    fine = picture.fine.flatten(1)[:, hinted].float()
    logits = heads.read_heads(fine[None, :, :, None])[0][0, :, :, 0].T
    surprise = measure_surprise(logits, heads.bins, colors)
    return spread_over(guide, picture, hinted, colors, surprise)


def _gain_of_pair(guide: GuideNet, known: GuidePicture, asked: GuidePicture) -> float:
    colors = torch.cat([known.true, torch.ones_like(known.lightness)]).flatten(1).T
    found = guide.carry(asked.places(guide), known.places(guide), colors)
    ab = found[:, :2].T.reshape(asked.ab.shape)
    weight = found[:, 2].reshape(asked.lightness.shape)
    return _gain(ab + (1 - weight) * asked.ab, asked)


def _gain(found: Tensor, picture: GuidePicture) -> float:
    """dB by which ``(2, h, w)`` ab is nearer to the truth than the automatic color."""
    errors = [float((ab - picture.true).square().mean()) for ab in (picture.ab, found)]
    before, after = (max(error, _LEAST) for error in errors)
    return 10 * math.log10(before / after)
