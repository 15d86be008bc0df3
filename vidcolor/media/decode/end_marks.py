"""Marks that tell where a file or a picture ends, and whether they are there.

Some containers do not say how long they are, only where they end; and some decoders fill in what
is missing at the end of a picture and say nothing.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

from vidcolor.media.decode.container_size import is_whole_picture

_GIF_END = b";"
_PADDING = b"\0\r\n"  # that senders of files put behind them
TAIL = 1 << 17
"""Bytes of a file's end that tell; a page of Ogg has fewer than 65,308."""
_PAGE, _PAGE_HEAD, _LAST_PAGE = b"OggS", 27, 4
_MXF_HEAD = bytes.fromhex("060e2b34020501010d01020101")
_NUT = b"nut/multimedia container\0"
_NUT_INDEX = bytes.fromhex("4e58dd672f23e64e")
_NUT_END = 12  # bytes of an index that say how long it is, and their check sum
_JPEG = b"\xff\xd8"
_MXF_RUN_IN = 1 << 16  # bytes that may stand before the head
_SYNC, _TS_PACKET = b"G", 188
_ID3 = 128  # bytes of a tag at the end of a file
_ROW = 4  # packets of a transport stream in a row, which no other bytes look like


def lacks_end(path: Path) -> bool:
    """Whether a GIF, Ogg, MXF or NUT file breaks off before the end that files of its kind have.

    A transport stream has none, but a last packet, and what follows it is lost. False for files
    of other kinds.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_MXF_RUN_IN)
        file.seek(max(0, size - TAIL))
        tail = file.read(TAIL)
        if head.startswith(_NUT):
            return not _ends_with_index(file, size)
    return tail_lacks_end(head, tail, size)


def tail_lacks_end(head: bytes, tail: bytes, size: int) -> bool:
    """The same of what begins with ``head``, ends with ``tail``, and has ``size`` bytes.

    Args:
        head: For MXF, 64 KiB of it.
        tail: `TAIL` bytes; an index of NUT that is longer is taken for whole.
        size: All bytes.
    """
    if head.startswith(_NUT):
        length = int.from_bytes(tail[-_NUT_END : len(tail) - 4], "big")
        if len(tail) < length <= size:
            return False
        return not _ends_with_index(io.BytesIO(tail), len(tail))
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return not tail.rstrip(_PADDING).endswith(_GIF_END)
    if head[:4] == _PAGE:
        return not _ends_with_page(tail)
    if head[:1] == head[_TS_PACKET : _TS_PACKET + 1] == _SYNC:
        return not _ends_with_packet(tail)
    at = head.find(_MXF_HEAD)
    return at >= 0 and _footer(head, at) > size - at


def _ends_with_index(file: BinaryIO, size: int) -> bool:
    """Whether the last thing in a NUT is its index, which FFmpeg writes into pipes, too."""
    file.seek(max(0, size - _NUT_END))
    length = int.from_bytes(file.read(8), "big")
    if not _NUT_END < length <= size:
        return False
    file.seek(size - length)
    return file.read(len(_NUT_INDEX)) == _NUT_INDEX


def _ends_with_page(tail: bytes) -> bool:
    """Whether the last page of Ogg is whole, and the last one of its stream."""
    at = tail.rfind(_PAGE)
    if at < 0 or at + _PAGE_HEAD > len(tail):
        return False
    count = tail[at + _PAGE_HEAD - 1]
    lengths = tail[at + _PAGE_HEAD : at + _PAGE_HEAD + count]
    end = at + _PAGE_HEAD + count + sum(lengths)
    return len(lengths) == count and end <= len(tail) and bool(tail[at + 5] & _LAST_PAGE)


def _ends_with_packet(tail: bytes) -> bool:
    """Whether a transport stream ends with a whole packet, but for padding and a tag."""
    if _is_padding(tail):
        return True
    row = [_TS_PACKET * number for number in range(_ROW)]
    for at in range(len(tail) - 1, row[-1] - 1, -1):
        if all(tail[at - back] == _SYNC[0] for back in row):
            rest = tail[at + _TS_PACKET :]
            return at + _TS_PACKET <= len(tail) and _is_padding(rest)
    return len(tail) < _ROW * _TS_PACKET


def _is_padding(rest: bytes) -> bool:
    """Whether bytes hold nothing of a film: recorders fill up, taggers hang a tag behind."""
    if rest[-_ID3:].startswith(b"TAG"):
        rest = rest[:-_ID3]
    return not rest.strip(_PADDING + b"\xff")


def _footer(head: bytes, at: int) -> int:
    """Where the last part of an MXF file begins, behind its head; 0 where the head does not say.

    The head is a key of 16 bytes, its length, and numbers, of which the fifth is wanted.
    """
    length = head[at + 16] if at + 16 < len(head) else 0
    numbers = at + 17 + (length & 0x7F if length & 0x80 else 0)
    return int.from_bytes(head[numbers + 24 : numbers + 32], "big")


class PictureEnds:
    """Finds pictures of Motion JPEG that were cut short; FFmpeg fills in the rest in silence.

    There are cameras that leave the mark at the end of a picture out of all of them, so only films
    whose first picture has it are looked at.

    Attributes:
        looks: Whether there is something to be found.
    """

    def __init__(self, codec: str) -> None:
        self.looks = codec == "mjpeg"
        self._first = True

    def is_cut(self, data: bytes) -> bool:
        """Whether a packet, the next one of the film, begins or ends inside its picture."""
        if not self.looks or not data:
            return False
        if not data.startswith(_JPEG):
            return True
        whole = is_whole_picture(data)
        if self._first:
            self._first, self.looks = False, whole
        return self.looks and not whole
