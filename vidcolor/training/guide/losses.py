"""What the guide learns from: pictures with hints, things in new colors, pairs of frames."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from vidcolor.nets.guide_net import GuideNet, places_of

COUNTS = (1, 1, 1, 2, 2, 3, 5, 8, 12, 20, 40, 80)
"""Hints in a picture, each as likely as the others."""
RECOLORED = 0.4
"""Share of pictures in which one thing has another color, and the rest keeps the automatic one."""
_ODD = 30.0
"""Surprise of such a color, in nats."""
_SIDES = (30, 0.6)
"""Fewest places of a thing that gets another color, and its largest share of the picture."""
_STEPS = (9.0, 6.0, 6.0)
"""Largest steps of L*, a*, b* within a thing."""
_KEYS, _ASKED = 600, 500
"""Places of a frame that are known, and that are asked for, at a time."""
_TOLERATED = 2.0
"""Squared ab error below which little is to be learned."""


@dataclass
class GuidePicture:
    """What a colornet made of a picture, and what is true."""

    fine: Tensor
    """``(C, h, w)`` float16, of `DistributionNet.fuse`."""
    coarse: Tensor
    """``(C', h', w')`` float16."""
    lightness: Tensor
    """``(1, h, w)`` L*."""
    ab: Tensor
    """``(2, h, w)`` automatic color."""
    true: Tensor
    """``(2, h, w)`` ab of the picture."""

    def flip(self) -> GuidePicture:
        """Its mirror image, but for what the net would see differently."""
        return GuidePicture(*(value.flip(-1) for value in vars(self).values()))

    def places(self, guide: GuideNet) -> Tensor:
        """As of `places_of`, with what the guide learns in them."""
        embedding = guide.embedding(self.fine[None], self.coarse[None])[0]
        return places_of(embedding, self.lightness)


def hint_loss(guide: GuideNet, picture: GuidePicture, chance: random.Random) -> Tensor:
    """How far hints lead to the right colors.

    That a thing has another color is told to the guide here: were it left to `measure_surprise`,
    it would learn to doubt true hints, too, and spread none of them widely (measured: +0.8 instead
    of +1.4 dB with one hint).

    Args:
        guide: What learns.
        picture: With or without its mirror image, by chance.
        chance: Decides.
    """
    picture = picture.flip() if chance.random() < 0.5 else picture
    target, where, surprise = _ask(picture, chance)
    hinted = where[_some(len(where), chance.choice(COUNTS), chance)]
    told = torch.full((len(hinted),), surprise)
    found = spread_over(guide, picture, hinted, target.flatten(1)[:, hinted].T, told)
    return _error(found, target)


def spread_over(
    guide: GuideNet, picture: GuidePicture, hinted: Tensor, colors: Tensor, surprise: Tensor
) -> Tensor:
    """``(2, h, w)`` ab of a picture with hints.

    Args:
        guide: Spreads them.
        picture: To be colored.
        hinted: ``(n,)`` numbers of the places with a hint.
        colors: ``(n, 2)`` their ab.
        surprise: ``(n,)`` how little they are expected, nats.
    """
    ab = picture.ab.flatten(1).T
    found, _ = guide.spread(picture.places(guide), hinted, colors, ab, surprise)
    return found.T.reshape(picture.ab.shape)


def _ask(picture: GuidePicture, chance: random.Random) -> tuple[Tensor, Tensor, float]:
    """``(2, h, w)`` ab that is asked for, the places whose hints may say so, their surprise."""
    everywhere = torch.arange(picture.lightness.numel())
    if chance.random() < RECOLORED:
        thing = find_thing(picture, chance)
        if thing is not None:
            angle, chroma = chance.uniform(0, 2 * math.pi), chance.uniform(0, 60)
            color = torch.tensor([math.cos(angle), math.sin(angle)]) * chroma
            target = torch.where(thing, color.view(2, 1, 1), picture.ab)
            return target, everywhere[thing.flatten()], _ODD
    return picture.true, everywhere, 0.0


def find_thing(picture: GuidePicture, chance: random.Random) -> Tensor | None:
    """``(h, w)`` places around a random one that it goes over into by small steps of true color."""
    lab = torch.cat([picture.lightness, picture.true])
    h, w = lab.shape[1:]
    steps = torch.tensor(_STEPS).view(3, 1, 1)
    down = ((lab[:, 1:] - lab[:, :-1]).abs() <= steps).all(0)
    right = ((lab[:, :, 1:] - lab[:, :, :-1]).abs() <= steps).all(0)
    for _ in range(4):
        thing = torch.zeros(h, w, dtype=torch.bool)
        thing[chance.randrange(h), chance.randrange(w)] = True
        size = 0
        while size < (size := int(thing.sum())):
            thing[1:] |= thing[:-1] & down
            thing[:-1] |= thing[1:] & down
            thing[:, 1:] |= thing[:, :-1] & right
            thing[:, :-1] |= thing[:, 1:] & right
        if _SIDES[0] <= size <= _SIDES[1] * h * w:
            return thing
    return None


def pair_loss(
    guide: GuideNet, known: GuidePicture, asked: GuidePicture, wrong: bool, chance: random.Random
) -> Tensor:
    """How well the colors of one frame are carried to another one of its shot.

    Args:
        guide: What learns.
        known: Its true colors are known.
        asked: Gets them.
        wrong: Whether it shows another scene: then its automatic color is right.
        chance: Decides which places are known and asked for.
    """
    there, here = known.places(guide), asked.places(guide)
    some = _some(len(there), _KEYS, chance)
    some_asked = _some(len(here), _ASKED, chance)
    weight = torch.ones(_KEYS, 1)
    colors = torch.cat([known.true.flatten(1).T[some], weight], 1)
    found = guide.carry(here[some_asked], there[some], colors)
    ab = asked.ab.flatten(1).T[some_asked]
    target = ab if wrong else asked.true.flatten(1).T[some_asked]
    return _error(found[:, :2] + (1 - found[:, 2:]) * ab, target)


def _some(of: int, count: int, chance: random.Random) -> Tensor:
    """``(count,)`` random numbers below ``of``, some of them more than once."""
    return torch.tensor(chance.choices(range(of), k=count))


def _error(ab: Tensor, target: Tensor) -> Tensor:
    """Logarithm of the mean squared error: each picture counts the same."""
    return torch.log((ab - target).square().mean() + _TOLERATED)
