"""Local features: a place is known again, turned, nearer and darker; other places are not."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from vidcolor.guidance.local_features import (
    LocalFeatures,
    Similarity,
    find_candidates,
    find_features,
    match_features,
)

H, W, STRIDE = 240, 320, 4


def scene(seed: int) -> np.ndarray:
    """``(H, W)`` float32 L*: spots of all sizes."""
    chance = np.random.default_rng(seed)
    picture = np.full((H, W), 50.0, np.float32)
    for _ in range(160):
        y, x = chance.integers(0, (H, W))
        shade = float(chance.uniform(5, 95))
        cv2.ellipse(
            picture,
            (int(x), int(y)),
            tuple(int(one) for one in chance.integers(4, 30, 2)),
            float(chance.uniform(0, 180)),
            0,
            360,
            shade,
            -1,
        )
    return cv2.GaussianBlur(picture, (0, 0), 1.0)


def move(picture: np.ndarray, scale: float, degrees: float, shift: tuple[float, float]) -> Tensor:
    matrix = cv2.getRotationMatrix2D((W / 2, H / 2), degrees, scale)
    matrix[:, 2] += shift
    moved = cv2.warpAffine(picture, matrix, (W, H), borderMode=cv2.BORDER_REFLECT)
    return torch.from_numpy(moved)


def features_of(picture: Tensor | np.ndarray) -> LocalFeatures:
    return find_features(torch.as_tensor(picture), STRIDE)


@pytest.mark.parametrize(
    ("scale", "degrees", "shift"),
    [(1.0, 0.0, (0, 0)), (1.3, 0.0, (20, -12)), (0.8, 4.0, (-30, 8)), (1.0, -8.0, (5, 5))],
)
def test_a_place_is_known_again_and_where_it_lies(
    scale: float, degrees: float, shift: tuple[float, float]
) -> None:
    first = scene(1)
    second = move(first, scale, degrees, shift)
    way = match_features(features_of(first), features_of(0.7 * second + 5))
    assert way is not None
    middle = torch.tensor([[(H / STRIDE / 2 - 0.5), (W / STRIDE / 2 - 0.5)]]) / (H / STRIDE)
    expected = middle + torch.tensor([shift[1], shift[0]]) / H
    assert way.move(middle) == pytest.approx(expected, abs=0.01)
    (a, b, _), (c, d, _) = way.matrix
    assert math.hypot(a, c) == pytest.approx(scale, rel=0.02)
    assert math.hypot(b, d) == pytest.approx(scale, rel=0.02)


def test_the_way_back_undoes_the_way() -> None:
    way = Similarity(((1.1, 0.2, 0.3), (-0.2, 1.1, -0.4)))
    places = torch.rand(9, 2)
    torch.testing.assert_close(way.inverse.move(way.move(places)), places)


def test_other_places_are_not_taken_for_it() -> None:
    all_features = [features_of(scene(seed)) for seed in range(6)]
    for n, one in enumerate(all_features):
        for other in all_features[n + 1 :]:
            assert match_features(one, other) is None


def test_a_logo_does_not_make_places_the_same() -> None:
    logo = scene(99)[:40, :40]
    pictures = [scene(seed) for seed in range(2)]
    for picture in pictures:
        picture[10:50, 270:310] = logo
    first, second = (features_of(picture) for picture in pictures)
    assert match_features(first, second) is None
    alone = [np.full((H, W), 50.0, np.float32) for _ in range(2)]
    for picture in alone:
        picture[10:50, 270:310] = logo
    assert match_features(*(features_of(picture) for picture in alone)) is None


def test_a_picture_of_nothing_has_none() -> None:
    empty = features_of(torch.full((H, W), 20.0))
    assert empty.points.shape == (0, 2)
    assert match_features(empty, features_of(scene(1))) is None
    assert match_features(features_of(scene(1)), empty) is None
    assert find_candidates([empty], [empty, empty], 3) == [[]]


def test_the_most_alike_are_the_candidates() -> None:
    pictures = [features_of(scene(seed)) for seed in range(8)]
    pictures += [features_of(move(scene(seed), 1.2, 3.0, (10, 4))) for seed in range(8)]
    found = find_candidates(pictures, pictures, 3)
    for n, others in enumerate(found):
        assert others[:2] == [n, (n + 8) % 16]
        assert len(others) <= 3
    assert find_candidates(pictures[9:10], pictures[:8], 3)[0][0] == 1
