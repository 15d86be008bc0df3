"""Whether a film that came through a pipe broke off, told by its own structure as it goes by."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from vidcolor.media.decode.container_size import read_box, read_chunk, read_element
from vidcolor.media.decode.end_marks import TAIL, tail_lacks_end

_HEAD = 16
"""Bytes in which a piece tells its length."""
_START = 1 << 12
"""Bytes that tell what pieces there are."""
_Y4M, _FRAME = b"YUV4MPEG2 ", b"FRAME\n"
_FLV, _FLV_HEAD, _FLV_TAG = b"FLV\1", 13, 15
_SIZE = re.compile(rb" ([WH])(\d{1,6})(?=[ \n])")
_COLOR = re.compile(
    rb" C(420|422|444|411|440|410|mono)(?:jpeg|mpeg2|paldv)?(alpha)?(?:p?(8|9|1[0-6]))?(?=[ \n])"
)
_NARROWER = {
    b"420": (2, 2),
    b"422": (2, 1),
    b"444": (1, 1),
    b"440": (1, 2),
    b"411": (4, 1),
    b"410": (4, 4),
}
"""By what chroma is narrower and lower than luma."""

_Reader = Callable[[bytes], "int | None"]


class PipeEnd:
    """Looks at bytes as they go by; only the first and the last of them are kept.

    Attributes:
        bytes: How many there were.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._start = b""
        self._tail = b""
        self._piece = b""
        self._next = 0
        self._read: _Reader | None = None
        self._begun = False

    def see(self, data: bytes) -> None:
        """Take note of the next bytes."""
        at = self.bytes
        self.bytes += len(data)
        self._tail = (self._tail + data)[-TAIL:]
        if not self._begun:
            self._start += data
            if len(self._start) < _START:
                return
            at, data = 0, self._start
            self._begin()
        self._follow(at, data)

    @property
    def missing(self) -> int:
        """By how many bytes the last piece is shorter than it says; 0 for whole or unknown.

        Pieces are the clusters of Matroska, the boxes of MP4, the tags of FLV, the frames of y4m.
        """
        if not self._begun:
            self._begin()
            self._follow(0, self._start)
        while self._read is not None and self._next < self.bytes:
            self._step(self._read)
        return max(0, self._next - self.bytes) if self._read is not None else 0

    @property
    def lacks_end(self) -> bool:
        """Whether it breaks off before the end that Ogg and NUT have, or in a packet of a TS."""
        return tail_lacks_end(self._start, self._tail, self.bytes)

    def _begin(self) -> None:
        """Learn from the first bytes what pieces there are."""
        self._begun = True
        start = self._start
        if start[4:8] in (b"ftyp", b"styp", b"moov"):
            self._read = read_box
        elif start[:4] == bytes.fromhex("1a45dfa3"):
            self._read = read_element
        elif start[:4] == b"RIFF" and start[8:12] == b"AVI ":
            self._read = read_chunk
        elif start.startswith(_FLV):
            self._read, self._next = _read_tag, _FLV_HEAD
        elif start.startswith(_Y4M) and b"\n" in start:
            line = start[: start.index(b"\n") + 1]
            length = frame_bytes(line)
            self._read = partial(_read_frame, length) if length else None
            self._next = len(line)

    def _follow(self, at: int, data: bytes) -> None:
        """Go from piece to piece in ``data``, which begins at ``at``."""
        while self._read is not None:
            skip = max(0, self._next + len(self._piece) - at)
            self._piece += data[skip : skip + _HEAD - len(self._piece)]
            if len(self._piece) < _HEAD:
                return
            self._step(self._read)

    def _step(self, read: _Reader) -> None:
        length = read(self._piece)
        if not length:
            self._read = None
            return
        self._next += length
        self._piece = self._piece[length:]


def frame_bytes(line: bytes) -> int | None:
    """Bytes of a frame in a y4m with such a first line; None where it cannot be told."""
    size = {name: int(number) for name, number in _SIZE.findall(line)}
    color = _COLOR.search(line)
    if len(size) < 2:
        return None
    sampling, alpha, bits = color.groups() if color else (b"420", None, None)
    width, height = size[b"W"], size[b"H"]
    samples = width * height * (2 if alpha else 1)
    if sampling != b"mono":
        across, down = _NARROWER[sampling]
        samples += 2 * -(-width // across) * -(-height // down)
    return samples * (2 if bits and int(bits) > 8 else 1)


def _read_frame(length: int, head: bytes) -> int | None:
    """Length of a frame of a y4m with its own head; None where that says more than that it is."""
    return len(_FRAME) + length if head[: len(_FRAME)] == _FRAME[: len(head)] else None


def _read_tag(head: bytes) -> int | None:
    """Length of a tag of an FLV, with what is repeated of it behind it."""
    return _FLV_TAG + int.from_bytes(head[1:4], "big")
