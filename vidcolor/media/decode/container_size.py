"""Whether a file is as long as it says: the sizes in its structure, without FFmpeg.

FFmpeg takes the end of a file for the end of the film, whatever the file promised. Only sizes are
read here, never what they enclose, so a stranger's file costs a bounded number of short reads.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

_MAX_STEPS = 50_000
"""Pieces that are visited; a film of two hours in fragments of a second has 15,000."""

_BOXES = frozenset(
    b"ftyp moov mdat free skip wide moof mfra sidx ssix styp uuid meta udta pnot PICT prft emsg"
    b" junk pict".split()
)
_EBML = bytes.fromhex("1a45dfa3")
_ELEMENTS = frozenset(
    bytes.fromhex(name)
    for name in (
        *("1a45dfa3", "18538067", "ec", "bf"),  # EBML, Segment, Void, CRC-32
        *("114d9b74", "1549a966", "1654ae6b", "1c53bb6b"),  # SeekHead, Info, Tracks, Cues
        *("1941a469", "1043a770", "1254c367", "1f43b675"),  # Attachments, Chapters, Tags, Cluster
        *("e7", "a7", "ab", "a3", "a0"),  # of a cluster: its time, position and size, blocks
    )
)
_Reader = Callable[[bytes], "int | None"]
_SYNC, _TS_PACKET = b"G", 188
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEAD = 1 << 16  # bytes in which a WMV tells of itself
_TAG = re.compile(r"(\d{1,3}):(\d\d):(\d\d\.\d{1,9})", re.ASCII)
_CHUNK_NAME = re.compile(rb"\d\d(db|dc|wb|tx|pc)")
_LIVE_RIFF = (0, 0x7FFFFFFF, 0xFFFFFFFF)
_SLOPPY_RIFF = 8  # writers that count the head of the file, or the last byte's padding


def missing_bytes(path: Path) -> int:
    """By how many bytes a file is shorter than its own structure says; 0 for whole or unknown.

    MP4 and QuickTime (boxes), Matroska and WebM (elements), AVI (RIFF chunks), MPEG transport
    streams (packets), WMV (its own size). Pieces written live, whose size nobody knew, count as
    whole, and so does what stands behind the last known piece.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        if head[4:8] in _BOXES:
            end = _last_end(file, size, read_box)
        elif head[:4] == _EBML:
            end = _last_end(file, size, read_element)
        elif head[:4] == b"RIFF" and head[8:] == b"AVI ":
            end = _last_end(file, size, read_chunk) - _SLOPPY_RIFF
        elif head[:1] == _SYNC and _has_sync(file, _TS_PACKET):
            cut = size % _TS_PACKET
            end = size + _TS_PACKET - cut if cut and _has_sync(file, size - cut) else size
        elif head[:12] == _ASF:
            end = _asf_size(file)
        else:
            return 0
    return max(0, end - size)


def is_whole_picture(data: bytes) -> bool:
    """Whether a PNG has its last chunk and right check sums, a JPEG its end mark.

    True for pictures of other kinds, which cannot tell.
    """
    if data[:2] == b"\xff\xd8":
        return data.find(b"\xff\xd9", _scan(data)) >= 0
    if data[:4] != b"\x89PNG":
        return True
    at, kind = 8, b""
    while kind != b"IEND":
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if zlib.crc32(data[at + 4 : end]).to_bytes(4, "big") != data[end : end + 4]:
            return False
        at = end + 4
    return True


def _scan(data: bytes) -> int:
    """Where the samples of a JPEG begin: behind the headers, which may hold a small JPEG."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        filler = data[at + 1 : at + 2] == b"\xff"
        at += 1 if filler else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def tagged_duration(tags: dict[str, str]) -> Fraction:
    """Seconds that a Matroska track lasts, from the tag that muxers add to it; 0 without one."""
    for name, value in tags.items():
        found = _TAG.fullmatch(value) if name.split("-")[0] == "DURATION" else None
        if found:
            hours, minutes, seconds = found.groups()
            return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
    return Fraction(0)


def repeats_at_end(path: Path, stream: int) -> int:
    """How many of the last frames of an AVI repeat the one before; 0 where its end has no index.

    They have an entry in the index behind the film and no packet.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - (1 << 16)))
        tail = file.read()
    count = 0
    for at in range(len(tail) - 16, -1, -16):
        name, length = tail[at : at + 4], int.from_bytes(tail[at + 12 : at + 16], "little")
        if not _CHUNK_NAME.fullmatch(name):
            return 0 if at == len(tail) - 16 else count
        if int(name[:2]) == stream and name[2:3] == b"d":
            if length:
                return count
            count += 1
    return count


def _has_sync(file: BinaryIO, at: int) -> bool:
    """Whether a transport packet begins at ``at``."""
    file.seek(at)
    return file.read(1) == _SYNC


def _asf_size(file: BinaryIO) -> int:
    """The size that a WMV gives itself; 0 where it does not know."""
    file.seek(0)
    head = file.read(_ASF_HEAD)
    at = head.find(_ASF_FILE)
    sent = int.from_bytes(head[at + 88 : at + 92], "little") & 1  # flags; broadcasts have no size
    return 0 if at < 0 or sent else int.from_bytes(head[at + 40 : at + 48], "little")


def _last_end(file: BinaryIO, size: int, read: _Reader) -> int:
    """Where the last piece ends that begins inside the file; 0 when that cannot be told."""
    at = 0
    for _ in range(_MAX_STEPS):
        if at >= size:
            return at
        file.seek(at)
        length = read(file.read(16))
        if length is None:
            return 0
        at += length
    return 0


def read_box(head: bytes) -> int | None:
    """Length of the MP4 box that begins with ``head``; None when it is unknown."""
    length, kind = int.from_bytes(head[:4], "big"), head[4:8]
    least = 8
    if length == 1:
        length, least = int.from_bytes(head[8:16], "big"), 16
    return length if kind in _BOXES and length >= least else None


def read_element(head: bytes) -> int | None:
    """Length of the Matroska element that begins with ``head``; None when it is not known.

    Of one that was written live it is the length of its head alone: what it holds comes next.
    """
    name = head[: _vint_bytes(head)]
    rest = head[len(name) :]
    width = _vint_bytes(rest)
    if name not in _ELEMENTS or not 1 <= width <= len(rest):
        return None
    mask = (1 << (7 * width)) - 1
    length = int.from_bytes(rest[:width], "big") & mask
    return len(name) + width + (0 if length == mask else length)


def _vint_bytes(data: bytes) -> int:
    """Bytes of the EBML number at the start of ``data``; 9 when it is none."""
    return 9 - data[0].bit_length() if data else 9


def read_chunk(head: bytes) -> int | None:
    """Length of the RIFF chunk that begins with ``head``; None when it is unknown."""
    length = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or head[8:12] not in (b"AVI ", b"AVIX") or length in _LIVE_RIFF:
        return None
    return 8 + length + length % 2
