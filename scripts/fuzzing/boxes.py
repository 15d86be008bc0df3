"""MP4 and MOV: boxes, and the tables in them."""

from __future__ import annotations

import random
import struct

from fuzzing.trees import Change, Node, harm_tree, number, pick, spots, write

_HOMES = frozenset(
    b"moov trak mdia minf stbl dinf edts udta mvex moof traf mfra gmhd".split()
)  # boxes that hold nothing but boxes
_STARTS = {b"meta": 4, b"stsd": 8, b"dref": 8}  # bytes before the boxes within
_ENTRIES = {
    **dict.fromkeys((b"avc1", b"hev1", b"apcn", b"ap4h", b"jpeg", b"mp4v", b"apch"), 78),
    **dict.fromkeys((b"mp4a", b"ac-3", b"Opus"), 28),
}
_TABLES = {  # name -> (bytes before the count, bytes of an entry)
    **{b"stts": (4, 8), b"ctts": (4, 8), b"stsc": (4, 12), b"stss": (4, 4), b"stsz": (8, 4)},
    **{b"stco": (4, 4), b"co64": (4, 8), b"elst": (4, 12), b"stsd": (4, 16), b"sbgp": (8, 8)},
    **{b"sgpd": (8, 4), b"dref": (4, 12), b"sdtp": (0, 1), b"chpl": (5, 8)},
}
_EPOCH = 4  # version and flags


class Boxes:
    """The grammar; ``width`` 16 is a length of 64 bits, ``width`` 1 one of "to the end"."""

    def parse(self, data: bytes) -> list[Node]:
        """The boxes of a file, or of the inside of a box."""
        nodes, at = [], 0
        while at + 8 <= len(data):
            length, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
            if length == 1 and at + 16 <= len(data):
                length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
            elif length == 0:
                length, head = len(data) - at, 1
            if length < 8 or at + length > len(data) or kind == bytes(4):
                break
            content = data[at + max(head, 8) : at + length]
            nodes.append(self._node(kind, content, head))
            at += length
        return [*nodes, Node(b"", data[at:])] if at < len(data) else nodes

    def _node(self, kind: bytes, content: bytes, head: int) -> Node:
        start = 0 if kind in _HOMES else _STARTS.get(kind, _ENTRIES.get(kind))
        if start is None or len(content) < start:
            return Node(kind, content, width=head)
        return Node(kind, content[:start], self.parse(content[start:]), head)

    def wrap(self, node: Node, content: bytes) -> bytes:
        """Length, name, content."""
        length = len(content) + 8 if node.claim is None else node.claim
        if node.width == 16:
            length += 8 if node.claim is None else 0
            return b"\0\0\0\1" + node.kind + length.to_bytes(8, "big") + content
        if node.width == 1 and node.claim is None:
            length = 0
        return (length & 0xFFFFFFFF).to_bytes(4, "big") + node.kind + content


BOXES = Boxes()


def table(rng: random.Random, nodes: list[Node]) -> str | None:
    """Another count of entries than there are; entries more, less, or of other numbers."""
    spot = pick(rng, nodes, *_TABLES)
    if spot is None:
        return None
    before, size = _TABLES[spot.node.kind]
    body = bytearray(spot.node.body)
    count = int.from_bytes(body[before : before + 4], "big")
    how = rng.choice(("count", "entry", "entry", "less", "more", "reverse"))
    entries = [bytes(body[i : i + size]) for i in range(before + 4, len(body), size)]
    if how == "count" or not entries:
        count = number(rng, count)
    elif how == "entry":
        at, entry = rng.randrange(len(entries)), bytearray(entries[0])
        entry[:] = entries[at]
        where = rng.choice(range(0, len(entry), 4))
        old = int.from_bytes(entry[where : where + 4], "big")
        entry[where : where + 4] = number(rng, old).to_bytes(4, "big")
        entries[at] = bytes(entry)
    elif how == "less":
        a = rng.randrange(len(entries))
        del entries[a : a + rng.randint(1, len(entries))]
        count = len(entries)
    elif how == "more":
        # Each edit may show the whole film again, which is a long film and no fault.
        entries += [rng.choice(entries)] * rng.choice((1, 2, 5 if size == 12 else 1000))
        count = len(entries)
    else:
        entries.reverse()
    head = bytes(body[:before]) + count.to_bytes(4, "big")
    spot.node.body = head + b"".join(entries)
    return f"{spot}: {how} of its table, {count} entries"


def matrix(rng: random.Random, nodes: list[Node]) -> str | None:
    """A picture that is turned, mirrored, stretched, or of a strange size, by its track's head."""
    spot = pick(rng, nodes, b"tkhd")
    if spot is None or len(spot.node.body) < 84:
        return None
    one, deep = 1 << 16, 1 << 30
    nine = rng.choice(
        (
            *((0, one, 0, -one, 0, 0, 0, 0, deep), (-one, 0, 0, 0, -one, 0, 0, 0, deep)),
            *((-one, 0, 0, 0, one, 0, 0, 0, deep), (2 * one, 0, 0, 0, one, 0, 0, 0, deep)),
            *((0,) * 9, tuple(rng.randrange(-(1 << 31), 1 << 31) for _ in range(9))),
            (one * 7 // 10, one * 7 // 10, 0, -one * 7 // 10, one * 7 // 10, 0, 0, 0, deep),
        )
    )
    size = rng.choice((spot.node.body[76:84], struct.pack(">II", number(rng, 64 << 16), 64 << 16)))
    spot.node.body = spot.node.body[:40] + struct.pack(">9i", *nine) + size
    return f"{spot}: matrix {nine}, size {size.hex()}"


def edits(rng: random.Random, nodes: list[Node]) -> str | None:
    """An edit list: parts of the track left out, repeated, delayed, or played at another rate."""
    track = pick(rng, nodes, b"trak")
    if track is None or not track.node.parts:
        return None
    entries = [
        (rng.choice((0, 100, 500, 1500, 0xFFFFFFFF)), rng.choice((-1, 0, 512, 4096, 1 << 30)), rate)
        for rate in rng.choices((1 << 16, 1 << 16, 1 << 16, 0, 1 << 17, -1), k=rng.randint(1, 4))
    ]
    body = struct.pack(">II", 0, len(entries))
    body += b"".join(struct.pack(">Iii", *entry) for entry in entries)
    parts = [part for part in track.node.parts if part.kind != b"edts"]
    parts.insert(min(1, len(parts)), Node(b"edts", b"", [Node(b"elst", body)]))
    track.node.parts[:] = parts
    return f"{track}: edits {entries}"


def shape(rng: random.Random, nodes: list[Node]) -> str | None:
    """A picture with another shape of pixel, cut, field order or color in its description."""
    entry = pick(rng, nodes, *(kind for kind, start in _ENTRIES.items() if start == 78))
    if entry is None or entry.node.parts is None:
        return None
    made = rng.choice(
        (
            Node(b"pasp", struct.pack(">II", *rng.choices((0, 1, 3, 16, 64, 0xFFFFFFFF), k=2))),
            Node(b"fiel", bytes([2, rng.choice((1, 6, 9, 14))])),
            Node(b"clap", struct.pack(">8i", *rng.choices((1, 2, 32, 40, 64, -4, 0), k=8))),
            Node(b"colr", b"nclc" + struct.pack(">3H", *rng.choices((1, 5, 6, 9, 99), k=3))),
            Node(b"colr", b"prof" + rng.randbytes(40)),
        )
    )
    entry.node.parts[:] = [part for part in entry.node.parts if part.kind != made.kind]
    entry.node.parts.append(made)
    return f"{entry}: {made.kind.decode()} {made.body[:20].hex()}"


OWN: tuple[Change, ...] = (table, table, table, matrix, edits, shape)


def offsets(nodes: list[Node], shift: int) -> None:
    """Moves what the tables of chunks point to."""
    for spot in spots(nodes):
        letter = {b"stco": "I", b"co64": "Q"}.get(spot.node.kind)
        size = 8 if letter == "Q" else 4
        body, count = spot.node.body, (len(spot.node.body) - 8) // size
        if letter is None or count < 1:
            continue
        top = (1 << 8 * size) - 1
        numbers = struct.unpack_from(f">{count}{letter}", body, 8)
        moved = struct.pack(f">{count}{letter}", *((n + shift) & top for n in numbers))
        spot.node.body = body[:8] + moved + body[8 + len(moved) :]


def harm_boxes(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """One change of the boxes; where the samples moved by it, the tables mostly follow."""
    made, words = harm_tree(rng, data, BOXES, OWN)
    old, new = data.find(b"mdat"), made.find(b"mdat")
    if old != new and min(old, new) >= 0 and rng.random() < 0.8:
        nodes = BOXES.parse(made)
        offsets(nodes, new - old)
        made = write(BOXES, nodes)
    return made, words
