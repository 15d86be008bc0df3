"""Pictures that show the same: groups of looks that differ in a few bits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def find_groups(looks: Sequence[tuple[int, int]], most: int) -> list[int]:
    """A number for each picture; those in one group have the same.

    A group holds all that can be reached by steps from one picture to another of at most ``most``
    bits in each look. Exact and quick: of two looks that differ in at most 6 bits, two of the eight
    diagonals are the same, so only such pictures are compared. Rows and columns would not do: dark
    bars make the outer ones the same in many pictures.

    Args:
        looks: Two 64-bit hashes of each picture.
        most: Bits in which neighbors may differ, 0..6.
    """
    if not looks:
        return []
    codes, places = np.unique(np.array(looks, np.uint64), axis=0, return_inverse=True)
    parts = _diagonals(codes[:, 0]).astype(np.int32)
    labels = np.arange(len(codes))
    for one, other in combinations(range(8), 2):
        pairs = _find_near(codes, parts[:, one] << 8 | parts[:, other], most)
        labels = _join(labels, *pairs)
    return [int(label) for label in labels[places.ravel()]]


def _diagonals(looks: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """``(N, 8)``: the bits of 8 x 8 cells, in bytes that have one of each row and each column."""
    cells = np.unpackbits(looks.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1)
    row, column = np.divmod(np.arange(64), 8)
    order = np.argsort((row + column) % 8, kind="stable")
    return np.packbits(cells[:, order], axis=1)


def _find_near(codes: NDArray[np.uint64], keys: NDArray[np.int32], most: int) -> Pairs:
    """Pairs of places of equal key whose codes differ in at most ``most`` bits each."""
    order = np.argsort(keys, kind="stable")
    keys, codes = keys[order], codes[order]
    left, right = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    first = np.arange(len(keys))
    distance = 1
    while len(first):  # all pairs of a bucket, by the distance of their places in it
        first = first[first + distance < len(keys)]
        first = first[keys[first] == keys[first + distance]]
        near = first
        for look in codes.T:
            near = near[_count_bits(look[near] ^ look[near + distance]) <= most]
        left.append(order[near])
        right.append(order[near + distance])
        distance += 1
    return np.concatenate(left), np.concatenate(right)


def _count_bits(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits that are set, by adding ever larger fields (Hacker's Delight, 5-1)."""
    codes = codes - (codes >> np.uint64(1) & np.uint64(0x5555555555555555))
    low = np.uint64(0x3333333333333333)
    codes = (codes & low) + (codes >> np.uint64(2) & low)
    codes = codes + (codes >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return codes * np.uint64(0x0101010101010101) >> np.uint64(56)


def _join(
    labels: NDArray[np.intp], left: NDArray[np.intp], right: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Labels of which those of each pair are the same: the lowest of a group."""
    while len(left):
        low, high = np.minimum(labels[left], labels[right]), np.maximum(labels[left], labels[right])
        apart = low != high
        if not apart.any():
            break
        np.minimum.at(labels, high[apart], low[apart])
        while (labels[labels] != labels).any():
            labels = labels[labels]
    return labels
