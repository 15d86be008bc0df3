"""PNG chunks with right check sums, JPEG segments and TIFF directories."""

from __future__ import annotations

import random
import struct
import zlib
from functools import cache

from fuzzing.trees import LIES, Change, Node, harm_tree, number, pick


class Png:
    """The grammar of PNG."""

    def parse(self, data: bytes) -> list[Node]:
        """The signature and the chunks."""
        nodes, at = [Node(b"", data[:8])], 8
        while at + 12 <= len(data):
            end = at + 12 + int.from_bytes(data[at : at + 4], "big")
            if end > len(data):
                break
            kind, body = data[at + 4 : at + 8], data[at + 8 : end - 4]
            right = zlib.crc32(kind + body).to_bytes(4, "big") == data[end - 4 : end]
            if not right:
                break
            nodes.append(Node(kind, body))
            at = end
        return [*nodes, Node(b"", data[at:])] if at < len(data) else nodes

    def wrap(self, node: Node, content: bytes) -> bytes:
        """Length, name, content, check sum."""
        length = len(content) if node.claim is None else node.claim
        total = zlib.crc32(node.kind + content).to_bytes(4, "big")
        return (length & 0xFFFFFFFF).to_bytes(4, "big") + node.kind + content + total


class Jpeg:
    """The grammar of JPEG; a `Node.width` of 1 is a marker without a length."""

    def parse(self, data: bytes) -> list[Node]:
        """The segments; what is coded follows each start of a scan as a nameless part."""
        nodes, at = [], 0
        while at + 2 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0, 0xFF):
            kind = data[at : at + 2]
            if kind[1] in (1, *range(0xD0, 0xDA)):
                nodes.append(Node(kind, width=1))
                at += 2
                continue
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if end > len(data) or end < at + 4:
                break
            nodes.append(Node(kind, data[at + 4 : end]))
            at = end
            if kind[1] == 0xDA:
                while end + 1 < len(data) and not (
                    data[end] == 0xFF and data[end + 1] not in (0, *range(0xD0, 0xD8))
                ):
                    end += 1
                nodes.append(Node(b"", data[at:end]))
                at = end
        return [*nodes, Node(b"", data[at:])] if at < len(data) else nodes

    def wrap(self, node: Node, content: bytes) -> bytes:
        """Marker, length, content."""
        if node.width == 1 and not content and node.claim is None:
            return node.kind
        length = len(content) + 2 if node.claim is None else node.claim
        return node.kind + (length & 0xFFFF).to_bytes(2, "big") + content


PNG, JPEG = Png(), Jpeg()


def _poked(rng: random.Random, node: Node, sizes: dict[int, int]) -> str:
    """A number of ``node`` overwritten: place -> bytes."""
    at = rng.choice(sorted(sizes))
    body, size = bytearray(node.body), sizes[at]
    new = number(rng, int.from_bytes(body[at : at + size], "big"), 8 * size)
    if size == 4 and rng.random() < 0.6:
        new %= 300  # a size that may be believed
    body[at : at + size] = new.to_bytes(size, "big")
    node.body = bytes(body)
    return f"{node.kind!r} + {at}: {new:#x}"


_FIELDS = {
    b"IHDR": {0: 4, 4: 4, 8: 1, 9: 1, 10: 1, 11: 1, 12: 1},
    b"acTL": {0: 4, 4: 4},
    b"fcTL": {0: 4, 4: 4, 8: 4, 12: 4, 16: 4, 20: 2, 22: 2, 24: 1, 25: 1},
    b"gAMA": {0: 4},
    b"pHYs": {0: 4, 4: 4, 8: 1},
    b"fdAT": {0: 4},
}


def field(rng: random.Random, nodes: list[Node]) -> str | None:
    """A number of a chunk that says what the picture or its animation is."""
    spot = pick(rng, nodes, *_FIELDS)
    return _poked(rng, spot.node, _FIELDS[spot.node.kind]) if spot else None


@cache
def _bomb() -> bytes:
    """A few kilobytes that become 50 megabytes."""
    return zlib.compress(bytes(50_000_000))


def profile(rng: random.Random, nodes: list[Node]) -> str | None:
    """A profile, EXIF, gamma or text that is broken, huge, or of another kind."""
    kind, body = rng.choice(
        (
            (b"iCCP", b"x\0\0" + zlib.compress(rng.randbytes(rng.choice((0, 100, 4000))))),
            (b"iCCP", b"x\0\0" + _bomb()),
            (b"zTXt", b"Comment\0\0" + _bomb()),
            (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x/>")),
            (b"eXIf", rng.choice((b"", b"II*\0\x08\0\0\0\xff\xff", b"MM\0*\0\0\0\x08\0\1\1\x12"))),
            (b"gAMA", rng.choice((0, 1, 100_000, 45_455, 0xFFFFFFFF)).to_bytes(4, "big")),
            (b"sBIT", b"\x08"),
            (b"tRNS", b"\0\x80"),
            (b"PLTE", rng.randbytes(rng.choice((3, 768, 5)))),
            (b"cICP", b"\x09\x10\0\1"),
        )
    )
    nodes[2:2] = [Node(kind, body)] * rng.choice((1, 1, 3))
    return f"{kind.decode()} of {len(body)} bytes"


PNG_OWN: tuple[Change, ...] = (field, field, field, profile)


def frame_header(rng: random.Random, nodes: list[Node]) -> str | None:
    """A JPEG's start of frame: process, bits, size, components, sampling, tables."""
    spot = pick(rng, nodes, *(bytes([0xFF, 0xC0 + i]) for i in (0, 1, 2, 3)))
    if spot is None or len(spot.node.body) < 9:
        return None
    if rng.random() < 0.25:
        old, kind = spot.node.kind, bytes([0xFF, rng.choice((0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xF7))])
        spot.node.kind = kind
        return f"{old.hex()} is {kind.hex()}"
    size = len(spot.node.body)
    return _poked(rng, spot.node, {0: 1, 1: 2, 3: 2, 5: 1} | dict.fromkeys(range(6, size), 1))


def scan(rng: random.Random, nodes: list[Node]) -> str | None:
    """A number of a scan, a table of codes or quantizers, or of the interval of restarts."""
    spot = pick(rng, nodes, b"\xff\xda", b"\xff\xc4", b"\xff\xdb", b"\xff\xdd", b"\xff\xe0")
    if spot is None or not spot.node.body:
        return None
    return _poked(rng, spot.node, dict.fromkeys(range(min(len(spot.node.body), 20)), 1))


def application(rng: random.Random, nodes: list[Node]) -> str | None:
    """Segments of programs: EXIF, profiles in parts, Adobe's color, several pictures."""
    kind, body = rng.choice(
        (
            (0xE1, b"Exif\0\0" + rng.choice((b"II*\0\x08\0\0\0\xff\xff", rng.randbytes(200)))),
            (0xE2, b"ICC_PROFILE\0" + bytes(rng.choices((0, 1, 2, 255), k=2)) + rng.randbytes(99)),
            (0xE2, b"MPF\0II*\0\x08\0\0\0\1\0\1\xb0\4\0\2\0\0\0\2\0\0\0"),
            (0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([rng.choice((0, 1, 2, 9))])),
            (0xFE, b"a comment"),
            (0xE0, b"JFIF\0\1\1\2\xff\xff\0\1\0\0"),
        )
    )
    nodes.insert(rng.randint(1, max(1, len(nodes) - 2)), Node(bytes([0xFF, kind]), body))
    return f"segment {kind:#x} of {len(body)} bytes"


JPEG_OWN: tuple[Change, ...] = (frame_header, frame_header, scan, scan, application)


# TIFF: (order, directory) found by following the offsets; each entry is changed in its place.


def directories(data: bytes) -> list[int]:
    """Where the directories begin, in the order of the chain."""
    letter = "<" if data[:2] == b"II" else ">"
    found: list[int] = []
    try:
        (at,) = struct.unpack_from(letter + "I", data, 4)
        while at and at not in found and len(found) < 100:
            (count,) = struct.unpack_from(letter + "H", data, at)
            found.append(at)
            (at,) = struct.unpack_from(letter + "I", data, at + 2 + 12 * count)
    except struct.error:
        pass
    return found


_TAGS = (
    *(256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 284, 317, 320, 322, 323, 324),
    *(325, 330, 338, 339, 347, 530, 34665, 34675, 0, 65535),
)


def harm_tiff(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of a directory: a tag, type, count, value, the chain of pages, the order."""
    letter, found = "<" if data[:2] == b"II" else ">", directories(data)
    out = bytearray(data)
    if not found:
        return data + b"\0", "no directory was found; a zero was appended"
    at = rng.choice(found)
    (count,) = struct.unpack_from(letter + "H", data, at)
    how = rng.choice(
        ("value", "value", "value", "tag", "type", "count", "chain", "entries", "head")
    )
    entry = at + 2 + 12 * rng.randrange(max(1, count))
    if how == "chain":
        end, new = at + 2 + 12 * count, rng.choice((*found, 0, 4, len(data), 0xFFFFFFFF))
        struct.pack_into(letter + "I", out, end, new)
        return _differs(data, out, f"the page behind {at} is at {new}")
    if how == "entries":
        new = rng.choice((0, count - 1, count + 1, 0xFFFF)) & 0xFFFF
        struct.pack_into(letter + "H", out, at, new)
        return _differs(data, out, f"directory {at} has {new} entries")
    if how == "head":
        place, new = rng.choice(((2, 43), (0, 0x4949), (0, 0x4D4D), (4, rng.choice(LIES) & 0xFFFF)))
        struct.pack_into(letter + "H", out, place, new)
        return _differs(data, out, f"head + {place}: {new:#x}")
    (tag, kind, many, value) = struct.unpack_from(letter + "HHII", data, entry)
    if how == "tag":
        tag = rng.choice(_TAGS)
    elif how == "type":
        kind = rng.choice((1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 16, 99))
    elif how == "count":
        many = number(rng, many)
    elif kind == 3 and letter == "<":
        value = rng.choice((*range(9), 32, 64, 5, 7, 8, 32773, 34712, 0xFFFF, value + 1)) & 0xFFFF
    else:
        value = number(rng, value)
    struct.pack_into(letter + "HHII", out, entry, tag, kind, many, value)
    return _differs(data, out, f"directory {at}: tag {tag}, type {kind}, {many} x {value:#x}")


def _differs(data: bytes, out: bytearray, words: str) -> tuple[bytes, str]:
    return (bytes(out), words) if out != data else (data + b"\0", "a zero appended")


def harm_png(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of the chunks of a PNG."""
    return harm_tree(rng, data, PNG, PNG_OWN)


def harm_jpeg(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of the segments of a JPEG."""
    return harm_tree(rng, data, JPEG, JPEG_OWN)
