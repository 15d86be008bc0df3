"""Groups of looks, compared with those of comparing every pair."""

from __future__ import annotations

import time

import numpy as np
import pytest

from vidcolor.training.data.stills import NEAR
from vidcolor.training.data.twins import find_groups


def are_near(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return all((a ^ b).bit_count() <= NEAR for a, b in zip(one, other, strict=True))


def plain_groups(looks: list[tuple[int, int]]) -> list[int]:
    """Numbers by the first look that can be reached."""
    groups = [-1] * len(looks)
    for start in range(len(looks)):
        reached = [start] if groups[start] < 0 else []
        while reached:
            at = reached.pop()
            if groups[at] < 0:
                groups[at] = start
                reached += (i for i, look in enumerate(looks) if are_near(look, looks[at]))
    return groups


def number(groups: list[int]) -> list[int]:
    """The same groups, by their first places."""
    return [groups.index(group) for group in groups]


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_those_of_comparing_all_pairs(seed: int) -> None:
    draw = np.random.default_rng(seed)
    top = (1 << 64) - 1
    looks = [(0, 0), (top, top), (0, 0), (0, 0b1111111)]
    for _ in range(40):
        look = draw.integers(0, 1 << 64, 2, dtype=np.uint64).tolist()
        for distance in range(NEAR - 2, NEAR + 4):  # on both sides of the limit
            changed = int(draw.integers(2))
            for bit in draw.permutation(64)[:distance]:
                look[changed] ^= 1 << int(bit)
            looks.append((look[0], look[1]))
    looks = [looks[i] for i in draw.permutation(len(looks))]
    found = find_groups(looks, NEAR)
    assert number(found) == number(plain_groups(looks))
    assert 40 < len(set(found)) < len(looks)


def test_few_looks() -> None:
    assert find_groups([], NEAR) == []
    assert len(find_groups([(7, 7)], NEAR)) == 1
    assert len(set(find_groups([(7, 7), (7, 7), (6, 7)], NEAR))) == 1


@pytest.mark.slow
def test_a_hundred_thousand_pictures_take_seconds() -> None:
    looks = np.random.default_rng(1).integers(0, 1 << 64, (100_000, 2), dtype=np.uint64)
    began = time.process_time()
    assert len(set(find_groups(looks.tolist(), NEAR))) == len(looks)
    assert time.process_time() - began < 30  # 2 on one core; 100 if all pairs were compared


@pytest.mark.parametrize("same", [0xFF000000000000FF, 0x8181818181818181])
def test_bars_at_the_edges_cost_little(same: int) -> None:
    looks = np.random.default_rng(1).integers(0, 1 << 64, (100_000, 2), dtype=np.uint64)
    looks[:, 0] &= np.uint64(~same & (1 << 64) - 1)
    looks[1] = looks[0] ^ np.uint64(0b111000000000)
    began = time.process_time()
    assert len(set(find_groups(looks.tolist(), NEAR))) == len(looks) - 1
    assert time.process_time() - began < 60
