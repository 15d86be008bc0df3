"""RIFF: the chunks of AVI and WebP."""

from __future__ import annotations

import random
import struct

from fuzzing.trees import Change, Node, harm_tree, number, pick


class Riff:
    """The grammar; lists have their kind as ``body``, and odd chunks a byte of padding."""

    def parse(self, data: bytes) -> list[Node]:
        """The chunks of a file, or of the inside of a list."""
        nodes, at = [], 0
        while at + 8 <= len(data):
            kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
            end = at + 8 + length
            if end + length % 2 > len(data):
                break
            if length % 2 and data[end]:
                break  # padding that is not zero would be lost
            content = data[at + 8 : end]
            if kind in (b"RIFF", b"LIST"):
                nodes.append(Node(kind, content[:4], self.parse(content[4:])))
            elif kind == b"ANMF":
                nodes.append(Node(kind, content[:16], self.parse(content[16:])))
            else:
                nodes.append(Node(kind, content))
            at = end + length % 2
        return [*nodes, Node(b"", data[at:])] if at < len(data) else nodes

    def wrap(self, node: Node, content: bytes) -> bytes:
        """Name, length, content, padding."""
        length = len(content) if node.claim is None else node.claim
        head = node.kind + (length & 0xFFFFFFFF).to_bytes(4, "little")
        return head + content + bytes(len(content) % 2)


RIFF = Riff()


def _set(rng: random.Random, node: Node, at: int, size: int = 4) -> int:
    body = bytearray(node.body)
    old = int.from_bytes(body[at : at + size], "little")
    new = number(rng, old, 8 * size)
    body[at : at + size] = new.to_bytes(size, "little")
    node.body = bytes(body)
    return new


def header(rng: random.Random, nodes: list[Node]) -> str | None:
    """A number of the film's or a stream's header: rate, scale, start, length, sizes, flags."""
    spot = pick(rng, nodes, b"avih", b"strh", b"strf")
    if spot is None:
        return None
    at = rng.randrange(0, len(spot.node.body) - 3, 2 if spot.node.kind == b"strf" else 4)
    return f"{spot} + {at}: {_set(rng, spot.node, at):#x}"


def index(rng: random.Random, nodes: list[Node]) -> str | None:
    """The index: an entry's name, flags, place or size; entries more, less, or in disorder."""
    spot = pick(rng, nodes, b"idx1")
    if spot is None or len(spot.node.body) < 32:
        return None
    body, count = spot.node.body, len(spot.node.body) // 16
    entries = [body[16 * i : 16 * i + 16] for i in range(count)]
    how = rng.choice(("entry", "entry", "less", "shuffle", "repeat", "none"))
    if how == "entry":
        at, words = rng.randrange(count), list(struct.unpack("<4I", entries[0]))
        words[:] = struct.unpack("<4I", entries[at])
        which = rng.randrange(4)
        words[which] = number(rng, words[which])
        entries[at] = struct.pack("<4I", *words)
    elif how == "less":
        a = rng.randrange(count)
        del entries[a : a + rng.randint(1, count)]
    elif how == "shuffle":
        rng.shuffle(entries)
    elif how == "repeat":
        entries *= rng.choice((2, 100))
    else:
        del spot.among[spot.at]
        return "no index"
    spot.node.body = b"".join(entries)
    return f"{spot}: {how}, {len(entries)} entries"


def data(rng: random.Random, nodes: list[Node]) -> str | None:
    """A chunk of picture or sound that is empty, doubled, under another stream, or not there."""
    spot = pick(rng, nodes, b"00dc", b"01wb")
    if spot is None:
        return None
    how = rng.choice(("empty", "gone", "other", "stray"))
    words = f"{spot} at {spot.at}: {how}"
    if how == "empty":
        spot.node.body = b""
    elif how == "gone":
        a = spot.at
        del spot.among[a : a + rng.choice((1, 1, 5))]
    elif how == "other":
        spot.node.kind = rng.choice((b"00db", b"02dc", b"01dc", b"00wb", b"00pc", b"99tx", b"ix00"))
        words += f" {spot.node.kind!r}"
    else:
        spot.among.insert(spot.at, Node(rng.choice((b"JUNK", b"LIST", b"00pc")), rng.randbytes(32)))
    return words


AVI: tuple[Change, ...] = (header, header, index, index, data)


def canvas(rng: random.Random, nodes: list[Node]) -> str | None:
    """The flags or the size of a WebP canvas; the colors or loops of an animation; its frames."""
    spot = pick(rng, nodes, b"VP8X", b"ANIM", b"ANMF")
    if spot is None:
        return None
    if spot.node.kind == b"VP8X" and rng.random() < 0.5:
        body = bytearray(spot.node.body)
        body[0] ^= 1 << rng.randrange(8)
        spot.node.body = bytes(body)
        return f"{spot}: flags {body[0]:#x}"
    at = rng.randrange(0, len(spot.node.body) - 2)
    return f"{spot} + {at}: {_set(rng, spot.node, at, 3):#x}"


def bits(rng: random.Random, nodes: list[Node]) -> str | None:
    """A number in the head of a coded picture: its size, its version."""
    spot = pick(rng, nodes, b"VP8 ", b"VP8L", b"ALPH")
    if spot is None or len(spot.node.body) < 12:
        return None
    at = rng.randrange(10)
    return f"{spot} + {at}: {_set(rng, spot.node, at, rng.choice((1, 2))):#x}"


WEBP: tuple[Change, ...] = (canvas, canvas, bits)


def harm_avi(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of the chunks of an AVI."""
    return harm_tree(rng, data, RIFF, AVI)


def harm_webp(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of the chunks of a WebP."""
    return harm_tree(rng, data, RIFF, WEBP)
