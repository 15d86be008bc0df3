"""Harm that knows nothing of structure: bits, ranges, cuts, splices."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

EDGES = (0, 1, 0x7FFFFFFF, 0xFFFFFFFF)
"""Values that lengths, counts and offsets are overwritten with."""
_ENDS = 1024  # bytes at either end of a film: headers and indexes lie there

Mutation = Callable[[random.Random, bytes, bytes], tuple[bytes, str]]
"""(chance, bytes, bytes of another film) -> (bytes, what was done)."""


def _place(rng: random.Random, room: int) -> int:
    """A position in 0..room; every second one lies near the beginning or the end."""
    near = min(room, _ENDS)
    low, high = rng.choice(((0, room), (0, room), (0, near), (room - near, room)))
    return rng.randint(low, high)


def _span(rng: random.Random, data: bytes) -> tuple[int, int]:
    """(begin, end) of a range: short ones are as likely as long ones, up to half the file."""
    length = max(1, int(2 ** rng.uniform(0, math.log2(max(2, len(data) // 2)))))
    length = min(length, len(data))
    begin = _place(rng, len(data) - length)
    return begin, begin + length


def _flip(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    out, count = bytearray(data), rng.randint(1, 40)
    for _ in range(count):
        out[_place(rng, len(out) - 1)] ^= 1 << rng.randrange(8)
    return bytes(out), f"{count} bits flipped"


def _zero(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    a, b = _span(rng, data)
    return data[:a] + bytes(b - a) + data[b:], f"{a}..{b} zeroed"


def _remove(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    a, b = _span(rng, data)
    return data[:a] + data[b:] or data[:1], f"{a}..{b} removed"


def _repeat(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    a, b = _span(rng, data)
    return data[:b] + data[a:], f"{a}..{b} repeated"


def _swap(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    a, b, c, d = sorted(rng.randint(0, len(data)) for _ in range(4))
    swapped = data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]
    return swapped, f"{a}..{b} and {c}..{d} swapped"


def _insert(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    at, count = _place(rng, len(data)), int(2 ** rng.uniform(0, 12))
    return data[:at] + rng.randbytes(count) + data[at:], f"{count} random bytes inserted at {at}"


def _truncate(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    share = 5 * rng.randint(1, 19)
    return data[: max(1, len(data) * share // 100)], f"cut at {share} %"


def _edge(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    out, done = bytearray(data), []
    for _ in range(rng.randint(1, 4)):
        at, value = _place(rng, max(0, len(out) - 4)), rng.choice(EDGES)
        out[at : at + 4] = value.to_bytes(4, "big")
        done.append(f"{at} = {value:#x}")
    return bytes(out), ", ".join(done)


def _splice(rng: random.Random, data: bytes, other: bytes) -> tuple[bytes, str]:
    a, b = rng.randint(1, len(data)), rng.randint(0, len(other) - 1)
    return data[:a] + other[b:], f"..{a}, then {b}.. of the other"


def _behead(rng: random.Random, data: bytes, other: bytes) -> tuple[bytes, str]:
    at = min(len(data), int(2 ** rng.uniform(3, 11)))
    return data[:at] + other[at:], f"..{at}, then the same place of the other"


MUTATIONS: tuple[Mutation, ...] = (
    *(_flip, _zero, _remove, _repeat, _swap, _insert, _truncate, _edge, _splice, _behead),
)


def harm_raw(rng: random.Random, data: bytes, other: bytes, name: str) -> tuple[bytes, str]:
    """``data`` after one change, which may bring in bytes of ``other``; and what it was."""
    mutation = rng.choice(MUTATIONS)
    made, words = mutation(rng, data, other)
    return made, f"{words} {name}" if mutation in (_splice, _behead) else words
