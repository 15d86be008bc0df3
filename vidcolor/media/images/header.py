"""What the head of a picture file tells: its size, and the orientation a camera wrote into it.

The size is read here because FFmpeg decodes a picture to learn it. The orientation is, because
PyAV 18 cannot list the side data of pictures with EXIF, and its ``frame.rotation`` does not tell
mirrored pictures.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import torch
from torch import Tensor

_NETPBM = re.compile(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})")
_WIDTH, _HEIGHT, _ORIENTATION = 0x0100, 0x0101, 0x0112
_SHORT, _LONG = 3, 4


def picture_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) that the head of a picture file declares; None when it does not.

    PNG, JPEG, BMP, WebP, TIFF, JPEG 2000, AVIF, and PGM and its relatives.
    """
    try:
        if data[:4] == b"\x89PNG":
            return struct.unpack_from(">II", data, 16)
        if data[:2] == b"BM":
            if data[14:18] == b"\x0c\0\0\0":  # the header of OS/2 1 has short numbers
                return struct.unpack_from("<HH", data, 18)
            if int.from_bytes(data[14:18], "little") not in (16, 40, 52, 56, 64, 108, 124):
                return None
            width, height = struct.unpack_from("<ii", data, 18)
            return width, abs(height)  # negative when the rows run from top to bottom
        if data[:2] == b"\xff\xd8":
            return _jpeg_size(data)
        if data[:4] == b"RIFF":
            return _webp_size(data)
        if found := _NETPBM.match(data):
            return int(found[1]), int(found[2])
        if data[:4] == b"\xff\x4f\xff\x51":  # the bare codestream of JPEG 2000
            right, bottom, left, top = struct.unpack_from(">4I", data, 8)
            return right - left, bottom - top
        if data[4:8] in (b"jP  ", b"ftyp"):
            return _box_size(data)
        tags = _tiff_tags(data)
    except struct.error:
        return None
    return (tags[_WIDTH], tags[_HEIGHT]) if {_WIDTH, _HEIGHT} <= tags.keys() else None


def orientation(data: bytes) -> int:
    """The EXIF orientation, 1..8, of a JPEG, PNG, WebP or TIFF file; 1 when there is none."""
    for block in exif_blocks(data):
        found = _tiff_tags(block).get(_ORIENTATION, 0)
        if 1 <= found <= 8:
            return found
    return 1


def upright(plane: Tensor, turned: int) -> Tensor:
    """The (H, W) plane of a picture of orientation ``turned``, as it is meant to be seen."""
    if turned in (5, 6, 7, 8):
        plane = plane.transpose(0, 1)
    # After the transpose: which axes still run backwards.
    flips = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}.get(turned, ())
    return torch.flip(plane, flips) if flips else plane


def exif_blocks(data: bytes) -> Iterator[bytes]:
    """Every EXIF block of a picture file, which is a TIFF structure."""
    if data[:2] == b"\xff\xd8":
        yield from _jpeg_blocks(data)
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        at = 8
        while at + 8 <= len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            if data[at + 4 : at + 8] == b"eXIf":
                yield data[at + 8 : at + 8 + length]
            at += 12 + length
    elif data[:4] == b"RIFF":
        at = 12
        while at + 8 <= len(data):
            length = int.from_bytes(data[at + 4 : at + 8], "little")
            if data[at : at + 4] == b"EXIF":
                yield data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
            at += 8 + length + length % 2
    elif data[:4] in (b"II*\0", b"MM\0*"):
        yield data


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, content) of every segment before the picture itself."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + max(2, length)


def _jpeg_blocks(data: bytes) -> Iterator[bytes]:
    for marker, content in _jpeg_segments(data):
        if marker == 0xE1 and content.startswith(b"Exif\0\0"):
            yield content[6:]


def jpeg_frame(data: bytes) -> tuple[int, int]:
    """(bits of a sample, number of components) that a JPEG declares; (8, 3) where it does not."""
    for marker, content in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(content) > 5:
            return content[0], content[5]
    return 8, 3


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, content in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            height, width = struct.unpack_from(">HH", content, 1)
            return width, height
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _box_size(data: bytes) -> tuple[int, int] | None:
    """Of JPEG 2000 its image header; of AVIF the largest picture among the parts of it."""
    found: list[tuple[int, int]] = []
    for name, order in ((b"ihdr", "hw"), (b"ispe", "fwh")):
        at = data.find(name)
        while at >= 0 and len(found) < 1000:
            numbers = dict(
                zip(order, struct.unpack_from(f">{len(order)}I", data, at + 4), strict=True)
            )
            found.append((numbers["w"], numbers["h"]))
            at = data.find(name, at + 4)
    return max(found, key=lambda size: size[0] * size[1], default=None)


def _tiff_tags(data: bytes) -> dict[int, int]:
    """The single integers of the first directory of a TIFF structure; empty when it is broken."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    tags: dict[int, int] = {}
    if order is None:
        return tags
    try:
        (at,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, at)
        for start in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(order + "HH", data, start)
            if kind in (_SHORT, _LONG):
                letter = "H" if kind == _SHORT else "I"
                (tags[tag],) = struct.unpack_from(order + letter, data, start + 8)
    except struct.error:  # cut short or wrong offsets: what was found so far
        pass
    return tags
