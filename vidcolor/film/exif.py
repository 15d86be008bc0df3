"""The orientation that a camera wrote into a picture.

PyAV 18 cannot list the side data of pictures with EXIF, and its ``frame.rotation`` does not tell
mirrored pictures, so the one tag that matters is read from the file itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import torch
from torch import Tensor

_ORIENTATION = 0x0112


def orientation(data: bytes) -> int:
    """The EXIF orientation, 1..8, of a JPEG, PNG, WebP or TIFF file; 1 when there is none."""
    for block in _blocks(data):
        found = _from_tiff(block)
        if found is not None:
            return found
    return 1


def upright(plane: Tensor, turned: int) -> Tensor:
    """The (H, W) plane of a picture of orientation ``turned``, as it is meant to be seen."""
    if turned in (5, 6, 7, 8):
        plane = plane.transpose(0, 1)
    # After the transpose: which axes still run backwards.
    flips = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}.get(turned, ())
    return torch.flip(plane, flips) if flips else plane


def _blocks(data: bytes) -> Iterator[bytes]:
    """Every TIFF structure that may hold the tag."""
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


def _jpeg_blocks(data: bytes) -> Iterator[bytes]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            yield data[at + 10 : at + 2 + length]
        at += 2 + length


def _from_tiff(data: bytes) -> int | None:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    try:
        (at,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, at)
        for index in range(count):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", data, at + 2 + 12 * index)
            if tag == _ORIENTATION and kind == 3:
                return value if 1 <= value <= 8 else None
    except struct.error:  # cut short or wrong offsets: no orientation then
        pass
    return None
