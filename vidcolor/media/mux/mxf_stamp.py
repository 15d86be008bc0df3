"""Gives an MXF file a number of its own: the UMID, by which editing programs know it again.

FFmpeg takes one by chance, so two runs would differ; asked for equal bytes it writes zeros, and
then all films are the same to such a program. The number is made of the pictures instead.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_UMID = bytes.fromhex("060A2B340101010501010D0013") + bytes(18)
"""How a number begins that FFmpeg left empty; its last byte tells the packages apart."""
_BEGIN, _LENGTH = 16, 15  # which bytes of it are free
_ESSENCE = bytes.fromhex("01020101")
_KEY = 16
_MOST = 1 << 20  # bytes of a part that may hold numbers; index tables, which do not, are longer


def stamp(file: BinaryIO, digest: bytes) -> int:
    """Write a number into an MXF file as FFmpeg makes it with ``fflags=+bitexact``.

    Args:
        file: Open to read and write.
        digest: What the number is made of, 15 bytes or more.

    Returns:
        In how many places it was written.
    """
    number, count, at = digest[:_LENGTH], 0, 0
    while True:
        file.seek(at)
        head = file.read(_KEY + 9)
        if len(head) <= _KEY:
            return count
        size, width = _length(head[_KEY:])
        begin = at + _KEY + width
        at = begin + size
        if head[4:8] == _ESSENCE and head[12] in (0x15, 0x16, 0x17, 0x18):
            continue  # pictures, sound and data
        if size <= _MOST:
            file.seek(begin)
            count += _stamp_part(file, begin, file.read(size), number)


def _stamp_part(file: BinaryIO, begin: int, part: bytes, number: bytes) -> int:
    count, found = 0, part.find(_UMID)
    while found >= 0:
        file.seek(begin + found + _BEGIN)
        file.write(number)
        count += 1
        found = part.find(_UMID, found + len(_UMID))
    return count


def _length(data: bytes) -> tuple[int, int]:
    """A length as BER writes it, and its own bytes."""
    if data[0] < 0x80:
        return data[0], 1
    width = data[0] & 0x7F
    (value,) = struct.unpack(">Q", data[1 : 1 + width].rjust(8, b"\0"))
    return value, 1 + width
