"""Colored pages as a TIFF file: RGB, 8 or 16 bits, deflated; every reader of TIFF knows that."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from vidcolor.core.report import Dropped
from vidcolor.errors import OutputError
from vidcolor.media.images.metadata import (
    ICC,
    IPTC,
    XMP,
    Extras,
    Tags,
    directory,
    resolution_tags,
    texts_as_tags,
)

_BYTE, _SHORT, _LONG, _UNDEFINED = 1, 3, 4, 7
_DEFLATE, _RGB, _DIFFERENCES = 8, 2, 2
_STRIP = 1 << 20
_LIMIT = (1 << 32) - (1 << 20)
_PAGE = 2  # of several


class TiffWriter:
    """Writes pages one after the other; holds no more than a strip of each."""

    def __init__(self, file: BinaryIO, *, several: bool) -> None:
        """Begin a file at the start of ``file``; ``several`` says that there are more pages."""
        self._file = file
        self._several = several
        self._link = 4
        """Where the place of the next directory is written."""
        file.write(b"II*\0" + bytes(4))

    def add(
        self, size: tuple[int, int], bits: int, bands: Iterable[np.ndarray], extras: Extras
    ) -> list[Dropped]:
        """Write a page and what stands beside it; what could not be held.

        Args:
            size: (width, height).
            bits: 8 or 16.
            bands: ``(n, width, 3)`` uint8 or uint16 RGB from top to bottom.
            extras: Of the page.

        Raises:
            OutputError: The file would be larger than a TIFF can be.
        """
        width, height = size
        rows = max(1, _STRIP // (width * 3 * bits // 8))
        starts, lengths = [], []
        for strip in _strips(bands, rows):
            data = zlib.compress(_differences(strip).tobytes(), 6)
            starts.append(self._place())
            lengths.append(len(data))
            self._file.write(data + bytes(len(data) % 2))
        tags: Tags = {
            254: _longs(_PAGE if self._several else 0),
            256: _longs(width),
            257: _longs(height),
            258: _shorts(bits, bits, bits),
            259: _shorts(_DEFLATE),
            262: _shorts(_RGB),
            273: _longs(*starts),
            277: _shorts(3),
            278: _longs(rows),
            279: _longs(*lengths),
            284: _shorts(1),
            317: _shorts(_DIFFERENCES),
        }
        texts, rest = texts_as_tags(extras)
        if "Comment" in rest and 270 not in {*extras.tags, *texts}:
            rest.remove("Comment")
            value = extras.texts["Comment"].encode() + b"\0"
            texts[270] = 2, len(value), value
        for tag, kind, value in ((XMP, _BYTE, extras.xmp), (IPTC, _UNDEFINED, extras.iptc)):
            tags |= {tag: (kind, len(value), value)} if value else {}
        if extras.icc:
            tags[ICC] = _UNDEFINED, len(extras.icc), extras.icc
        tags |= resolution_tags(extras.dpi)
        at = self._place()
        self._file.write(directory(extras.tags | texts | tags, extras, at))
        self._file.seek(self._link)
        self._file.write(struct.pack("<I", at))
        self._file.seek(at)
        (count,) = struct.unpack("<H", self._file.read(2))
        self._link = at + 2 + 12 * count
        self._file.seek(0, 2)
        return [Dropped(f"text {key!r}", "TIFF cannot hold it") for key in rest]

    def _place(self) -> int:
        at = self._file.tell()
        if at % 2:
            self._file.write(b"\0")
            at += 1
        if at > _LIMIT:
            raise OutputError("a TIFF cannot hold more than 4 GiB; color its pages in parts")
        return at


def _strips(bands: Iterable[np.ndarray], rows: int) -> Iterable[np.ndarray]:
    """The same rows, so many at a time."""
    held: list[np.ndarray] = []
    count = 0
    for band in bands:
        held.append(band)
        count += len(band)
        if count < rows:
            continue
        whole = np.concatenate(held)
        full = len(whole) // rows * rows
        yield from (whole[at : at + rows] for at in range(0, full, rows))
        held, count = [whole[full:]], len(whole) - full
    if count:
        yield np.concatenate(held)


def _differences(strip: np.ndarray) -> np.ndarray:
    """Each sample less the one of its color to the left, as predictor 2 has it; little endian."""
    found = strip.copy()
    found[:, 1:] -= strip[:, :-1]
    return found.astype(found.dtype.newbyteorder("<"))


def _shorts(*numbers: int) -> tuple[int, int, bytes]:
    return _SHORT, len(numbers), struct.pack(f"<{len(numbers)}H", *numbers)


def _longs(*numbers: int) -> tuple[int, int, bytes]:
    return _LONG, len(numbers), struct.pack(f"<{len(numbers)}I", *numbers)
