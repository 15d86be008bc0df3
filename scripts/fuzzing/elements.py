"""Matroska and WebM: elements of EBML."""

from __future__ import annotations

import random

from fuzzing.trees import Change, Node, harm_tree, number, pick

_HOMES = frozenset(  # elements that hold elements
    bytes.fromhex(word)
    for line in (
        "1a45dfa3 18538067 114d9b74 4dbb 1549a966 1654ae6b ae e0 e1 55b0 6d80 6240 5034 1f43b675",
        "a0 75a1 a6 1c53bb6b bb b7 1941a469 61a7 1043a770 45b9 b6 80 1254c367 7373 63c0 67c8 7670",
    )
    for word in line.split()
)
_UNKNOWN = -1
_ENTRY, _VIDEO, _CLUSTER, _BLOCK = b"\xae", b"\xe0", b"\x1f\x43\xb6\x75", b"\xa3"
_CUES, _EDITION = bytes.fromhex("1c53bb6b"), bytes.fromhex("45b9")
_CHAPTER = b"\xb6"


def _vint(data: bytes, at: int, keep: bool) -> tuple[int, int]:
    """(number, bytes) of a number of variable length; ``keep`` leaves its marker in."""
    width = 9 - data[at].bit_length()
    if width > 8 or at + width > len(data):
        raise ValueError("no number")
    value = int.from_bytes(data[at : at + width], "big")
    return value if keep else value & ((1 << 7 * width) - 1), width


class Elements:
    """The grammar; ``width`` is how many bytes the length has, negative where it is unknown."""

    def parse(self, data: bytes) -> list[Node]:
        """The elements of a file, or of the inside of an element."""
        nodes, at = [], 0
        while at < len(data):
            try:
                _, named = _vint(data, at, True)
                length, width = _vint(data, at + named, False)
            except (ValueError, IndexError):
                break
            kind, begin = data[at : at + named], at + named + width
            if length == (1 << 7 * width) - 1:
                length, width = len(data) - begin, -width
            if begin + length > len(data):
                break
            content = data[begin : begin + length]
            at = begin + length
            if kind in _HOMES:
                nodes.append(Node(kind, b"", self.parse(content), width))
            else:
                nodes.append(Node(kind, content, None, width))
        return [*nodes, Node(b"", data[at:])] if at < len(data) else nodes

    def wrap(self, node: Node, content: bytes) -> bytes:
        """Name, length, content."""
        width = abs(node.width) or 8
        length = len(content) if node.claim is None else node.claim
        if node.width < 0 or node.claim == _UNKNOWN:
            length = (1 << 7 * width) - 1
        while length >= 1 << 7 * width:
            width += 1
        return node.kind + (length | 1 << 7 * width).to_bytes(width, "big") + content


ELEMENTS = Elements()


def unknown(rng: random.Random, nodes: list[Node]) -> str | None:
    """An element that does not tell its length."""
    if (spot := pick(rng, nodes)) is None:
        return None
    spot.node.claim = _UNKNOWN
    return f"{_name(spot.path, spot.node)} of unknown length"


def _name(path: tuple[bytes, ...], node: Node) -> str:
    return "/".join(kind.hex() for kind in (*path, node.kind))


def _uint(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def picture(rng: random.Random, nodes: list[Node]) -> str | None:
    """Cropping, display size, fields, stereo, alpha or color that the picture's track tells."""
    spot = pick(rng, nodes, _VIDEO)
    if spot is None or spot.node.parts is None:
        return None
    words = []
    for _ in range(rng.randint(1, 3)):
        kind, values = rng.choice(
            (
                *(("54aa", (0, 2, 8, 63, 64)), ("54bb", (2, 10, 200)), ("54cc", (1, 6))),
                *(("54dd", (4, 32)), ("54b0", (0, 1, 64, 85, 4096)), ("54ba", (0, 48, 64, 9999))),
                *(("54b2", (0, 1, 2, 3, 4)), ("9a", (0, 1, 2)), ("9d", (0, 1, 6, 9, 14))),
                *(("53b8", (0, 1, 3, 11)), ("53c0", (0, 1)), ("b0", (64, 62, 0)), ("ba", (64, 1))),
            )
        )
        value = rng.choice(values)
        name = bytes.fromhex(kind)
        spot.node.parts[:] = [part for part in spot.node.parts if part.kind != name]
        spot.node.parts.append(Node(name, _uint(value), width=1))
        words.append(f"{kind}={value}")
    return f"track of the picture: {', '.join(words)}"


def track(rng: random.Random, nodes: list[Node]) -> str | None:
    """What a track tells of itself: kind, codec, number, default length, delay, encodings."""
    spot = pick(rng, nodes, _ENTRY)
    if spot is None or spot.node.parts is None:
        return None
    kind, value = rng.choice(
        (
            *(("83", _uint(rng.choice((1, 2, 3, 16, 17, 32)))), ("86", b"V_UNCOMPRESSED")),
            *(("86", b"A_ZZZ"), ("86", b"S_TEXT/ASS"), ("d7", _uint(rng.choice((0, 1, 2, 200))))),
            *(("23e383", _uint(rng.choice((0, 1, 1000, 1 << 40)))), ("56aa", _uint(1 << 33))),
            *(("b9", b"\0"), ("88", b"\0"), ("55aa", b"\1"), ("9c", b"\0"), ("63a2", b"")),
            *(("56bb", _uint(80_000_000)), ("23314f", bytes.fromhex("40000000"))),
            ("6d80", bytes.fromhex("6240 8e 5031 81 00 5032 81 01 5033 81 00 5034 80")),
        )
    )
    name = bytes.fromhex(kind)
    spot.node.parts[:] = [part for part in spot.node.parts if part.kind != name]
    spot.node.parts.append(Node(name, value, width=1))
    return f"track: {kind} = {value.hex()}"


def block(rng: random.Random, nodes: list[Node]) -> str | None:
    """The time, flags or lacing of a block."""
    spot = pick(rng, nodes, _BLOCK, b"\xa1")
    if spot is None or len(spot.node.body) < 5:
        return None
    body = bytearray(spot.node.body)
    how = rng.choice(("time", "lacing", "flags", "track"))
    if how == "time":
        body[1:3] = number(rng, int.from_bytes(body[1:3], "big"), 16).to_bytes(2, "big")
    elif how == "track":
        body[0] = rng.choice((0x80, 0x81, 0x82, 0x83, 0xFF, 0))
    else:
        body[3] = body[3] & 0xF9 | rng.choice((2, 4, 6)) if how == "lacing" else rng.randrange(256)
        if how == "lacing" and rng.random() < 0.7:  # a count of frames, and lengths that may fit
            count = rng.choice((0, 1, 2, 255))
            body[4:4] = bytes([count]) + rng.randbytes(min(count, 3))
    spot.node.body = bytes(body)
    return f"block: {how}, {bytes(body[:6]).hex()}"


def cluster(rng: random.Random, nodes: list[Node]) -> str | None:
    """Another time for a cluster."""
    spot = pick(rng, nodes, b"\xe7")
    if spot is None:
        return None
    old = int.from_bytes(spot.node.body, "big")
    spot.node.body = _uint(number(rng, old, rng.choice((16, 32, 63))))
    return f"cluster at {old} moved to {spot.node.body.hex()}"


def clock(rng: random.Random, nodes: list[Node]) -> str | None:
    """Another tick or length of the whole film."""
    spot = pick(rng, nodes, bytes.fromhex("2ad7b1"), bytes.fromhex("4489"))
    if spot is None:
        return None
    spot.node.body = rng.choice((b"", b"\0", b"\1", _uint(999), _uint(2_000_000), b"\xff" * 8))
    return f"{spot.node.kind.hex()} = {spot.node.body.hex()}"


def chapters(rng: random.Random, nodes: list[Node]) -> str | None:
    """Chapters that are to be played in an order of their own, from this file or another."""
    spot = pick(rng, nodes, _EDITION)
    if spot is None or spot.node.parts is None:
        return None
    spot.node.parts.insert(0, Node(bytes.fromhex("45dd"), b"\1", width=1))
    inside = [part for part in spot.node.parts if part.kind == _CHAPTER]
    if len(inside) > 1 and rng.random() < 0.5:
        spot.node.parts.remove(rng.choice(inside))
    if inside and inside[0].parts is not None and rng.random() < 0.3:
        inside[0].parts.append(Node(bytes.fromhex("6e67"), rng.randbytes(16), width=1))
    return "ordered chapters"


def cues(rng: random.Random, nodes: list[Node]) -> str | None:
    """Cues that point elsewhere, or are not there."""
    spot = pick(rng, nodes, b"\xf1", b"\xb3", b"\xf0", bytes.fromhex("53ac"), _CUES)
    if spot is None:
        return None
    if spot.node.kind == _CUES:
        del spot.among[spot.at]
        return "no cues"
    old = int.from_bytes(spot.node.body, "big")
    spot.node.body = _uint(number(rng, old))
    return f"{_name(spot.path, spot.node)}: {old} is {spot.node.body.hex()}"


OWN: tuple[Change, ...] = (
    *(unknown, picture, picture, track, block, block, cluster, clock, chapters, cues),
)


def harm_elements(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of the elements."""
    return harm_tree(rng, data, ELEMENTS, OWN)
