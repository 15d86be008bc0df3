"""Picture files of rare kinds, made of bytes: TIFFs of any layout, profiles, animations."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

Tag = tuple[int, Sequence[int]]


def scene(height: int = 48, width: int = 64) -> np.ndarray:
    """(H, W) uint8: a ramp with a box in it, nowhere black."""
    rows, columns = np.mgrid[:height, :width]
    picture = (40 + rows * 2 + columns).astype(np.uint8)
    picture[10:20, 12:30] = 230
    return picture


def tiff_bytes(
    pages: Sequence[tuple[dict[int, Tag], Sequence[bytes]]], order: str = "<", big: bool = False
) -> bytes:
    """A TIFF of pages, each of tags (type, numbers) and pieces: strips, or tiles where 322 is set.

    Offsets and lengths of the pieces are added.
    """
    data = bytearray(
        struct.pack(f"{order}2sH", b"II" if order == "<" else b"MM", 43 if big else 42)
    )
    data += struct.pack(f"{order}HHQ", 8, 0, 0) if big else struct.pack(f"{order}I", 0)
    wide, room = ("Q", 8) if big else ("I", 4)
    link = 8 if big else 4
    letters = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}
    for tags, pieces in pages:
        tags, starts = dict(tags), []
        for piece in pieces:
            starts.append(len(data))
            data += piece + bytes(len(piece) % 2)
        offsets, lengths = (324, 325) if 322 in tags else (273, 279)
        tags.setdefault(offsets, (4, starts))
        tags.setdefault(lengths, (4, [len(piece) for piece in pieces]))
        at = len(data)
        size = (8 + 20 * len(tags) + 8) if big else (2 + 12 * len(tags) + 4)
        table, rest = b"", b""
        for tag, (kind, numbers) in sorted(tags.items()):
            value = struct.pack(f"{order}{len(numbers)}{letters[kind]}", *numbers)
            entry = value.ljust(room, b"\0")
            if len(value) > room:
                entry = struct.pack(order + wide, at + size + len(rest))
                rest += value + bytes(len(value) % 2)
            table += struct.pack(f"{order}HH{wide}", tag, kind, len(numbers)) + entry
        count = struct.pack(order + ("Q" if big else "H"), len(tags))
        data += count + table + bytes(room) + rest
        struct.pack_into(order + wide, data, link, at)
        link = at + size - room
    return bytes(data)


def plain_tags(
    height: int, width: int, bits: int = 8, photometric: int = 1, samples: int = 1
) -> Any:
    """Tags of an uncompressed page of one strip."""
    return {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * samples),
        259: (3, [1]),
        262: (3, [photometric]),
        277: (3, [samples]),
        278: (4, [height]),
    }


def tiled(picture: np.ndarray, side: int = 16) -> tuple[dict[int, Tag], list[bytes]]:
    """A page of tiles."""
    height, width = picture.shape[:2]
    samples = 1 if picture.ndim == 2 else 3
    bits = picture.dtype.itemsize * 8
    tags = plain_tags(height, width, bits, 1 if samples == 1 else 2, samples)
    del tags[278]
    tags |= {322: (4, [side]), 323: (4, [side])}
    more = (-height % side, -width % side)
    padded = np.pad(picture, [(0, more[0]), (0, more[1]), *[(0, 0)] * (picture.ndim - 2)], "edge")
    tiles = [
        padded[y : y + side, x : x + side].tobytes()
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]
    return tags, tiles


def gray_profile(curve: bytes, name: str = "Gray made") -> bytes:
    """An ICC profile of gray with a curve."""
    words = name.encode() + b"\0"
    desc = b"desc" + bytes(4) + struct.pack(">I", len(words)) + words + bytes(78)
    white = struct.pack(">3i", 63190, 65536, 54061)
    tags = [
        (b"desc", desc),
        (b"wtpt", b"XYZ " + bytes(4) + white),
        (b"kTRC", curve),
        (b"cprt", b"text" + bytes(4) + b"none\0"),
    ]
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags:
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI", 132 + 12 * len(tags) + len(body), b"lcms", 0x02400000)
    head += b"mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + body


def gamma_curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


LINEAR = b"curv" + bytes(8)


def png_with(data: bytes, name: bytes, content: bytes) -> bytes:
    """A PNG with one chunk more, behind its header."""
    check = struct.pack(">I", zlib.crc32(name + content))
    return data[:33] + struct.pack(">I", len(content)) + name + content + check + data[33:]


def saved(picture: np.ndarray, kind: str, **options: Any) -> bytes:
    """A picture as a file, by Pillow."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


def animation(kind: str, frames: int = 3) -> bytes:
    """An animated PNG, WebP or GIF."""
    pictures = [Image.fromarray(np.roll(scene(), 8 * place, axis=1)) for place in range(frames)]
    file = io.BytesIO()
    pictures[0].save(file, kind, save_all=True, append_images=pictures[1:], duration=100)
    return file.getvalue()
