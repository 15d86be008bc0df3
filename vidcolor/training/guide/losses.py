"""What the guide learns from: pictures with hints, things in new colors, pairs of frames."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from vidcolor.nets.guide_net import GuideNet, places_of

COUNTS = (1, 1, 1, 2, 2, 3, 5, 8, 12, 20, 40, 80)
"""Hints in a picture, each as likely as the others."""
RECOLORED = 0.3
"""Share of pictures in which one thing has another color."""
_TURNED = 0.3
"""Share of the others whose hues are all turned."""
_WRONG = 0.2
"""Share of pairs that show different scenes."""
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
    """How far hints lead to the right colors: of the process and of the refiner, in one number."""
    picture = picture.flip() if chance.random() < 0.5 else picture
    target, where = _ask(picture, chance)
    hinted = where[torch.randint(len(where), (chance.choice(COUNTS),))]
    flat = target.flatten(1).T
    spread, sure, _ = guide.spread(
        picture.places(guide), hinted, flat[hinted], picture.ab.flatten(1).T
    )
    size = picture.ab.shape[1:]
    spread, sure = spread.T.view(1, 2, *size), sure.view(1, 1, *size)
    hints = torch.zeros(3, size.numel())
    hints[:2, hinted], hints[2, hinted] = target.flatten(1)[:, hinted], 1.0
    refined = guide.refine(
        (picture.fine[None], picture.coarse[None]),
        (spread, sure, picture.ab[None], picture.lightness[None]),
        hints.view(1, 3, *size),
    )
    return _error(spread[0], target) * 0.5 + _error(refined[0], target)


def _ask(picture: GuidePicture, chance: random.Random) -> tuple[Tensor, Tensor]:
    """``(2, h, w)`` ab that is asked for, and the places whose hints may say so."""
    everywhere = torch.arange(picture.lightness.numel())
    if chance.random() < RECOLORED:
        thing = find_thing(picture, chance)
        if thing is not None:
            angle, chroma = chance.uniform(0, 2 * math.pi), chance.uniform(0, 60)
            color = torch.tensor([math.cos(angle), math.sin(angle)]) * chroma
            return torch.where(thing, color.view(2, 1, 1), picture.ab), everywhere[thing.flatten()]
    angle = chance.gauss(0, 1) if chance.random() < _TURNED else 0.0
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return (turn @ picture.true.flatten(1)).view_as(picture.true), everywhere


def find_thing(picture: GuidePicture, chance: random.Random) -> Tensor | None:
    """``(h, w)`` places around a random one that it goes over into by small steps of true color."""
    lab = torch.cat([picture.lightness, picture.true]).permute(1, 2, 0)
    image = np.ascontiguousarray(lab.numpy())
    h, w = image.shape[:2]
    for _ in range(4):
        mask = np.zeros((h + 2, w + 2), np.uint8)
        seed = (chance.randrange(w), chance.randrange(h))
        size = cv2.floodFill(
            image.copy(), mask, seed, 0, _STEPS, _STEPS, 4 | cv2.FLOODFILL_MASK_ONLY
        )[0]
        if _SIDES[0] <= size <= _SIDES[1] * h * w:
            return torch.from_numpy(mask[1:-1, 1:-1].copy()).bool()
    return None


def pair_loss(guide: GuideNet, known: GuidePicture, asked: GuidePicture, wrong: bool) -> Tensor:
    """How well the colors of one frame are carried to another one of its shot.

    Args:
        guide: What learns.
        known: Its true colors are known.
        asked: Gets them.
        wrong: Whether it shows another scene: then its automatic color is right.
    """
    there, here = known.places(guide), asked.places(guide)
    some = torch.randint(len(there), (_KEYS,))
    some_asked = torch.randint(len(here), (_ASKED,))
    weight = torch.ones(_KEYS, 1)
    colors = torch.cat([known.true.flatten(1).T[some], weight], 1)
    found = guide.carry(here[some_asked], there[some], colors)
    ab = asked.ab.flatten(1).T[some_asked]
    target = ab if wrong else asked.true.flatten(1).T[some_asked]
    return _error(found[:, :2] + (1 - found[:, 2:]) * ab, target)


def _error(ab: Tensor, target: Tensor) -> Tensor:
    """Logarithm of the mean squared error: each picture counts the same."""
    return torch.log((ab - target).square().mean() + _TOLERATED)
