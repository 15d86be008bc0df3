"""Files that are trees of parts with a name and a length, and harm that goes for their structure.

MP4 boxes, Matroska elements, RIFF chunks and PNG chunks all are such trees; each has a `Grammar`.
What is parsed and written again without a change is the same file, byte for byte.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Protocol

LIES = (0, 1, 7, 8, 9, 16, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
"""Lengths and numbers that a part may claim to have."""
_DEEP = 300  # parts around a part


@dataclass
class Node:
    """One part of a file; ``parts`` follow ``body`` within it."""

    kind: bytes
    """Its name as it stands in the file; empty for bytes that belong to no part."""
    body: bytes = b""
    parts: list[Node] | None = None
    """None where the part holds bytes only."""
    width: int = 0
    """How its length is written; its grammar knows."""
    claim: int | None = None
    """A length that is claimed instead of the true one."""


class Grammar(Protocol):
    """How the parts of a kind of file are read and written."""

    def parse(self, data: bytes) -> list[Node]:
        """The parts of a whole file."""

    def wrap(self, node: Node, content: bytes) -> bytes:
        """The part with its name and length around ``content``."""


def write(grammar: Grammar, nodes: list[Node]) -> bytes:
    """The bytes of a file, or of some parts of it."""
    out = []
    for node in nodes:
        content = node.body + (write(grammar, node.parts) if node.parts is not None else b"")
        out.append(grammar.wrap(node, content) if node.kind else content)
    return b"".join(out)


@dataclass
class Spot:
    """A part, and the list that it stands in."""

    among: list[Node]
    at: int
    depth: int = 0
    path: tuple[bytes, ...] = field(default=())

    @property
    def node(self) -> Node:
        """The part."""
        return self.among[self.at]

    def __str__(self) -> str:
        return "/".join(kind.decode("latin-1") for kind in (*self.path, self.node.kind))


def spots(nodes: list[Node], path: tuple[bytes, ...] = ()) -> Iterator[Spot]:
    """Every part with a name, each before those within it."""
    for at, node in enumerate(nodes):
        if node.kind:
            yield Spot(nodes, at, len(path), path)
            yield from spots(node.parts or [], (*path, node.kind))


def pick(rng: random.Random, nodes: list[Node], *kinds: bytes) -> Spot | None:
    """A part at random, of one of ``kinds`` if any are named; None where there is none.

    Kinds are drawn first, so that a thousand samples do not hide the one header.
    """
    found: dict[tuple[bytes, ...], list[Spot]] = {}
    for spot in spots(nodes):
        if not kinds or spot.node.kind in kinds:
            found.setdefault((*spot.path, spot.node.kind), []).append(spot)
    return rng.choice(found[rng.choice(sorted(found))]) if found else None


def number(rng: random.Random, old: int, bits: int = 32) -> int:
    """Another number: an edge, a neighbor, a multiple, or anything."""
    top = (1 << bits) - 1
    choices = (
        *(rng.choice(LIES), old + 1, old - 1, old * 2, old // 2, old ^ (1 << rng.randrange(bits))),
        *(0, rng.randrange(1 << bits), top - old, 1 << (bits - 1)),
    )
    return rng.choice(choices) & top


Change = Callable[[random.Random, list[Node]], str | None]
"""Changes the parts in place, and tells what it did; None where it found nothing to do."""


def delete(rng: random.Random, nodes: list[Node]) -> str | None:
    """One part less."""
    if (spot := pick(rng, nodes)) is None:
        return None
    words = f"{spot} deleted"
    del spot.among[spot.at]
    return words


def duplicate(rng: random.Random, nodes: list[Node]) -> str | None:
    """A part twice, or many times."""
    if (spot := pick(rng, nodes)) is None:
        return None
    times = rng.choice((1, 1, 1, 2, 50))
    if len(_weight(spot.node)) > 1000:
        times = 1
    spot.among[spot.at : spot.at] = [deepcopy(spot.node) for _ in range(times)]
    return f"{spot} repeated {times} times"


def _weight(node: Node) -> bytes:
    return node.body + b"".join(_weight(part) for part in node.parts or [])


def swap(rng: random.Random, nodes: list[Node]) -> str | None:
    """Two parts of one list in each other's place."""
    spot = pick(rng, nodes)
    if spot is None or len(spot.among) < 2:
        return None
    other = rng.randrange(len(spot.among))
    words = f"{spot} swapped with its neighbor {other}"
    spot.among[spot.at], spot.among[other] = spot.among[other], spot.among[spot.at]
    return words if other != spot.at else None


def move(rng: random.Random, nodes: list[Node]) -> str | None:
    """A part into another one, or out of its own."""
    spot, home = pick(rng, nodes), pick(rng, nodes)
    if spot is None or home is None:
        return None
    words = f"{spot} put into {home}"
    node = deepcopy(spot.node)
    if home.node.parts is None:
        home.among.insert(home.at, node)
        return f"{spot} copied beside {home}"
    home.node.parts.insert(rng.randint(0, len(home.node.parts)), node)
    return words


def nest(rng: random.Random, nodes: list[Node]) -> str | None:
    """A part within many of its own kind."""
    if (spot := pick(rng, nodes)) is None:
        return None
    words, depth = str(spot), rng.choice((1, 2, 30, _DEEP))
    node = spot.node
    for _ in range(depth):
        node = replace(node, body=b"", parts=[node], claim=None)
    spot.among[spot.at] = node
    return f"{words} nested {depth} times"


def rename(rng: random.Random, nodes: list[Node]) -> str | None:
    """A part under the name of another one, or of none."""
    spot, other = pick(rng, nodes), pick(rng, nodes)
    if spot is None or other is None:
        return None
    words = str(spot)
    kind = rng.choice((other.node.kind, rng.randbytes(len(spot.node.kind))))
    if kind == spot.node.kind:
        return None
    spot.node.kind = kind
    return f"{words} renamed {kind!r}"


def lie(rng: random.Random, nodes: list[Node]) -> str | None:
    """A part that claims another length."""
    if (spot := pick(rng, nodes)) is None:
        return None
    spot.node.claim = number(rng, len(_weight(spot.node)) + 8)
    return f"{spot} claims a length of {spot.node.claim}"


def shorten(rng: random.Random, nodes: list[Node]) -> str | None:
    """A part whose bytes end early; its length says so."""
    spot = pick(rng, nodes)
    if spot is None or not spot.node.body:
        return None
    keep = rng.choice((0, len(spot.node.body) - 1, rng.randrange(len(spot.node.body))))
    spot.node.body = spot.node.body[:keep]
    return f"{spot} cut to {keep} bytes"


def blot(rng: random.Random, nodes: list[Node]) -> str | None:
    """A part whose bytes are zero, or one, or anything."""
    spot = pick(rng, nodes)
    if spot is None or not spot.node.body:
        return None
    size = len(spot.node.body)
    body = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    if body == spot.node.body:
        return None
    spot.node.body = body
    return f"{spot} overwritten with {body[:4].hex()}..."


def poke(rng: random.Random, nodes: list[Node]) -> str | None:
    """A number of 1, 2, 4 or 8 bytes somewhere in a part."""
    spot = pick(rng, nodes)
    if spot is None or not spot.node.body:
        return None
    body, size = bytearray(spot.node.body), rng.choice((1, 2, 4, 4, 4, 8))
    at = rng.randrange(max(1, min(len(body), 256) - size + 1))
    old = int.from_bytes(body[at : at + size], "big")
    new = number(rng, old, 8 * size)
    if new == old:
        return None
    body[at : at + size] = new.to_bytes(size, rng.choice(("big", "big", "little")))
    spot.node.body = bytes(body)
    return f"{spot} + {at}: {new:#x}"


USUAL: tuple[Change, ...] = (
    *(delete, duplicate, swap, move, nest, rename, lie, shorten, blot, poke, poke, poke),
)
"""What can be done to every tree."""


def harm_tree(
    rng: random.Random, data: bytes, grammar: Grammar, own: tuple[Change, ...]
) -> tuple[bytes, str]:
    """One change of structure, half the time one of the grammar's ``own``; and what it was."""
    for _ in range(50):
        nodes = grammar.parse(data)
        words = rng.choice(own if own and rng.random() < 0.5 else USUAL)(rng, nodes)
        made = write(grammar, nodes) if words else data
        if words and made and made != data:
            return made, words
    return data + b"\0", "nothing to change was found; a zero was appended"
