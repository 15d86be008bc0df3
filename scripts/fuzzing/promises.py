"""What a harmed file still tells of what is missing in it."""

from __future__ import annotations

import zlib


def promised_bytes(data: bytes) -> int:
    """How long the file is by its own structure; 0 where that cannot be told."""
    if data[:4] == b"RIFF":
        return 8 + int.from_bytes(data[4:8], "little")
    if data[:1] == data[188:189] == b"G":  # whole packets of a transport stream
        return len(data) + -len(data) % 188
    if data[:4] == b"\x1a\x45\xdf\xa3":  # Matroska: the segment behind the header
        at = 5 + (data[4] & 0x7F)
        if data[at : at + 5] == b"\x18\x53\x80\x67\x01":  # with eight bytes of length
            length = int.from_bytes(data[at + 5 : at + 12], "big")
            return at + 12 + length if length < 1 << 55 else 0
        return 0
    at = 0
    while data[4:8] == b"ftyp" and data[at + 4 : at + 8].isalnum():
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:  # to the end, or in 64 bits: our films have no such boxes
            return 0
        at += length
    return at


def still_doubts(data: bytes) -> list[str]:
    """What in a harmed picture tells that something of it is missing."""
    if data.startswith(b"\xff\xd8"):
        return [] if b"\xff\xd9" in data[2:] else ["the end mark is missing"]
    if data[:4] == b"RIFF":
        short = 8 + int.from_bytes(data[4:8], "little") > len(data)
        return ["the file is shorter than its head says"] if short else []
    if data[:4] != b"\x89PNG":
        return []
    at = 8
    while data[at + 4 : at + 8] not in (b"IEND", b""):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return [f"the check sum of the chunk at byte {at} is wrong"]
        at = end + 4
    return [] if at < len(data) else ["the last chunk is missing"]
