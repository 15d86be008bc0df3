"""DPX frames: the header of SMPTE 268M as it is stored, and pixels behind it.

A header is kept as bytes. What a scanner, a telecine or an archive wrote into it stays there, in
its byte order, even where vidcolor does not know what it means; only what describes the pixels is
written anew.
"""

from __future__ import annotations

import math
import os
import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidcolor.core.files import printable
from vidcolor.core.label import find_label
from vidcolor.core.timecode import counted_rate
from vidcolor.errors import FilmUnreadable

LUMA, RGB, RGBA = 6, 50, 51
"""Descriptors of an image element: what its samples are."""
PRINTING_DENSITY, LINEAR, LOGARITHMIC = 1, 2, 3
"""Transfer characteristics of codes that are not light."""
HEADER_SIZE = 2048
"""Bytes before the user data."""
_SMALLEST, _WHOLE, _LARGEST = 1664, HEADER_SIZE, 16 << 20
_UNDEFINED = 0xFFFFFFFF
_ORDERS = {b"SDPX": ">", b"XPDS": "<"}
_OFFSET, _VERSION, _FILE_SIZE, _GENERIC, _INDUSTRY, _USER = 4, 8, 16, 24, 28, 32
_FILE_NAME, _CREATED, _CREATOR, _PROJECT, _KEY = 36, 136, 160, 260, 660
_ORIENTATION, _ELEMENTS, _WIDTH, _HEIGHT, _ELEMENT = 768, 770, 772, 776, 780
_ASPECT = 1628
_FILM, _POSITION, _FILM_RATE, _TIMECODE, _USER_BITS, _TV_RATE = 1664, 1712, 1724, 1920, 1924, 1940
_DROP_FRAME = 0x40  # of the byte of frames (SMPTE ST 12-1)


@dataclass(frozen=True)
class DpxHeader:
    """All that stands before the pixels of a DPX frame."""

    data: bytes
    """As it is stored, at least 1664 bytes: generic, then industry headers, then user data."""

    @property
    def order(self) -> str:
        """Byte order as `struct` names it: ``>`` or ``<``."""
        return _ORDERS[self.data[:4]]

    @property
    def version(self) -> str:
        """Such as ``V2.0``."""
        return self._text(_VERSION, 8)

    @property
    def file_name(self) -> str:
        """The name that the file had when it was written."""
        return self._text(_FILE_NAME, 100)

    @property
    def created(self) -> str:
        """When it was written, in the words of the file."""
        return self._text(_CREATED, 24)

    @property
    def creator(self) -> str:
        """What wrote it."""
        return self._text(_CREATOR, 100)

    @property
    def project(self) -> str:
        """Name of the project."""
        return self._text(_PROJECT, 200)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self._integer(_WIDTH), self._integer(_HEIGHT)

    @property
    def elements(self) -> int:
        """Number of image elements; vidcolor reads the first."""
        return self._short(_ELEMENTS)

    @property
    def descriptor(self) -> int:
        """What the samples are: `LUMA`, `RGB`, `RGBA` or another number of SMPTE 268M."""
        return self.data[_ELEMENT + 20]

    @property
    def transfer(self) -> int:
        """Transfer characteristic, such as `PRINTING_DENSITY`; 255 where it is not said."""
        return self.data[_ELEMENT + 21]

    @property
    def bits(self) -> int:
        """Bits per sample."""
        return self.data[_ELEMENT + 23]

    @property
    def packing(self) -> int:
        """0 packed, 1 filled to words from below (method A), 2 from above (method B)."""
        return self._short(_ELEMENT + 24)

    @property
    def is_compressed(self) -> bool:
        """Whether the samples are run-length encoded."""
        return self._short(_ELEMENT + 26) == 1

    @property
    def line_padding(self) -> int:
        """Bytes behind each row of samples."""
        value = self._defined(_ELEMENT + 32)
        return 0 if value is None else value

    @property
    def edge_code(self) -> str:
        """Film edge code: maker, type, offset in perforations, prefix and count, joined."""
        fields = ((0, 2), (2, 2), (4, 2), (6, 6), (12, 4))
        return "".join(self._text(_FILM + at, length) for at, length in fields)

    @property
    def position(self) -> int | None:
        """Number of the frame in its sequence."""
        return self._defined(_POSITION)

    @property
    def frame_rate(self) -> Fraction | None:
        """Frames per second: of the film header, else of the television header."""
        if len(self.data) < _WHOLE:
            return None
        for place in (_FILM_RATE, _TV_RATE):
            (rate,) = struct.unpack_from(f"{self.order}f", self.data, place)
            if math.isfinite(rate) and 0 < rate <= 1000:
                return _exact(rate)
        return None

    @property
    def timecode_word(self) -> int | None:
        """Timecode as it is stored: eight digits of four bits, ``HHMMSSFF``, and flags."""
        word = self._defined(_TIMECODE)
        return word if word is None or _is_time(word) else None

    @property
    def user_bits(self) -> int | None:
        """User bits of the timecode."""
        return self._defined(_USER_BITS)

    def timecode(self, drop: bool = False) -> str:
        """Timecode as ``HH:MM:SS:FF``, or ``HH:MM:SS;FF``; empty where there is none.

        Args:
            drop: Take it for drop frame where no flag says so.
        """
        word = self.timecode_word
        if word is None:
            return ""
        digits = f"{word & 0x3F7F7F3F:08x}"
        mark = ";" if drop or word & _DROP_FRAME else ":"
        return f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}{mark}{digits[6:]}"

    def _text(self, at: int, length: int) -> str:
        held = self.data[at : at + length].split(b"\0")[0].rstrip(b"\xff")
        return held.decode("latin-1").strip()

    def _integer(self, at: int) -> int:
        return int(struct.unpack_from(f"{self.order}I", self.data, at)[0])

    def _short(self, at: int) -> int:
        return int(struct.unpack_from(f"{self.order}H", self.data, at)[0])

    def _defined(self, at: int) -> int | None:
        if len(self.data) < at + 4:
            return None
        value = self._integer(at)
        return None if value == _UNDEFINED else value


def read_header(path: Path) -> DpxHeader:
    """The header of the DPX file at ``path``; its pixels are not read.

    Raises:
        FilmUnreadable: It cannot be read, is no DPX file, or ends before its pixels begin.
    """
    name = printable(path.name)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_WHOLE)
            if len(head) < 4:
                raise FilmUnreadable(f"{name}: the file is cut short; scan or copy it again")
            if head[:4] not in _ORDERS:
                raise FilmUnreadable(f"{name}: not a DPX file; check what it is")
            if len(head) < _SMALLEST:
                raise FilmUnreadable(f"{name}: the DPX header is cut short; copy the file again")
            (start,) = struct.unpack_from(f"{_ORDERS[head[:4]]}I", head, _OFFSET)
            if not _SMALLEST <= start <= _LARGEST:
                raise FilmUnreadable(f"{name}: the DPX header is damaged; copy the file again")
            if size <= start:
                raise FilmUnreadable(f"{name}: the DPX file has no pixels; copy the file again")
            data = head[:start] + file.read(max(0, start - len(head)))
    except OSError as exc:
        reason = printable(exc.strerror or exc)
        raise FilmUnreadable(f"{name}: cannot be read: {reason}") from exc
    return DpxHeader(data)


def find_more(path: Path, header: DpxHeader) -> list[str]:
    """What a DPX file holds beside its header and the samples of its first image element.

    Bytes behind the samples that are all 0 or all 255 only fill the file up.

    Raises:
        OSError: It cannot be read.
    """
    found = ["further image elements"] if header.elements > 1 else []
    end = len(header.data) + _samples_size(header)
    if header.elements > 1 or header.is_compressed or end == len(header.data):
        return found
    with open(path, "rb") as file:
        file.seek(end)
        more = file.read(_LARGEST)
    return [] if len({*more}) <= 1 else ["data behind the samples"]


def _samples_size(header: DpxHeader) -> int:
    """Bytes of the samples of an image element, in whole words; 0 where that is not known."""
    width, height = header.size
    row = width * {LUMA: 1, RGB: 3, RGBA: 4}.get(header.descriptor, 0)
    filled = header.packing != 0
    words = {
        8: -(-row // 4),
        10: -(-row // 3) if filled else -(-row * 10 // 32),
        12: -(-row // 2) if filled else -(-row * 12 // 32),
        16: -(-row // 2),
    }
    padding = header.line_padding
    return height * (4 * words.get(header.bits, 0) + padding)


def new_header(
    size: tuple[int, int],
    bits: int,
    transfer: int,
    rate: Fraction | None = None,
    aspect: Fraction | None = None,
) -> DpxHeader:
    """The header of a frame that comes from no DPX file.

    Args:
        size: (width, height).
        bits: Per sample.
        transfer: Number of the transfer characteristic and of the colorimetry.
        rate: Frames per second.
        aspect: Width over height of a pixel.
    """
    data = bytearray(b"\xff" * _WHOLE)
    for at, end in ((_FILE_NAME, _KEY), (1432, 1620), (_FILM, _POSITION), (1732, 1864)):
        data[at:end] = bytes(end - at)
    data[:4] = b"SDPX"
    data[_VERSION : _VERSION + 8] = b"V2.0\0\0\0\0"
    data[_CREATOR : _CREATOR + 8] = b"vidcolor"
    for at, number in ((20, 1), (_GENERIC, _SMALLEST), (_INDUSTRY, 384), (_USER, 0)):
        struct.pack_into(">I", data, at, number)
    struct.pack_into(">HHII", data, _ORIENTATION, 0, 1, *size)
    struct.pack_into(">I", data, _ELEMENT, 0)
    struct.pack_into(">I", data, _ELEMENT + 4, 0)
    struct.pack_into(">I", data, _ELEMENT + 12, (1 << bits) - 1)
    data[_ELEMENT + 21] = data[_ELEMENT + 22] = transfer
    data[_ELEMENT + 40 : _ELEMENT + 72] = bytes(32)
    if aspect:
        struct.pack_into(">II", data, _ASPECT, aspect.numerator, aspect.denominator)
    if rate:
        for at in (_FILM_RATE, _TV_RATE):
            struct.pack_into(">f", data, at, float(rate))
    return DpxHeader(bytes(data))


def at_frame(header: DpxHeader, position: int, timecode: str = "") -> DpxHeader:
    """The header with the number of a frame in its sequence, from 0, and its timecode."""
    data = bytearray(header.data)
    struct.pack_into(f"{header.order}I", data, _POSITION, position)
    if timecode:
        digits = [int(pair) for pair in re.split("[:;]", timecode)]
        if max(digits) < 100:
            word = int("".join(f"{pair:02d}" for pair in digits), 16)
            word |= _DROP_FRAME if ";" in timecode else 0
            struct.pack_into(f"{header.order}I", data, _TIMECODE, word)
    return DpxHeader(bytes(data))


def add_label(header: DpxHeader, label: str) -> DpxHeader | None:
    """The header with a label for the name of the project; None where it has a name."""
    text = label.encode("ascii", "replace")
    earlier = find_label(header.project) is not None
    if (header.project and not earlier) or len(text) >= 200:
        return None
    data = bytearray(header.data)
    data[_PROJECT : _PROJECT + 200] = text.ljust(200, b"\0")
    return DpxHeader(bytes(data))


def dpx_bytes(header: DpxHeader, rgb: np.ndarray, bits: int, name: str) -> bytes:
    """A DPX file of RGB samples.

    All that the header says is kept byte for byte but what describes the samples: one image element
    of RGB, its place, size and packing (10 and 12 bits filled to words, method A), the size of the
    file, and its name.

    Args:
        header: Of the frame; its byte order is that of the samples.
        rgb: ``(H, W, 3)`` uint8, or uint16 of at most ``bits`` bits.
        bits: Per sample: 8, 10, 12 or 16.
        name: Of the file.
    """
    order = header.order
    data = bytearray(header.data)
    pixels = _pack(rgb, bits, order)
    encoded = os.fsencode(name)
    if len(encoded) < 100:
        data[_FILE_NAME : _FILE_NAME + 100] = encoded.ljust(100, b"\0")
    struct.pack_into(f"{order}I", data, _OFFSET, len(data))
    struct.pack_into(f"{order}I", data, _FILE_SIZE, len(data) + len(pixels))
    height, width = rgb.shape[:2]
    struct.pack_into(f"{order}HII", data, _ELEMENTS, 1, width, height)
    struct.pack_into(f"{order}I", data, _ELEMENT, 0)
    data[_ELEMENT + 20] = RGB
    data[_ELEMENT + 23] = bits
    packing = 1 if bits in (10, 12) else 0
    struct.pack_into(f"{order}HHIII", data, _ELEMENT + 24, packing, 0, len(data), 0, 0)
    return bytes(data) + pixels


def _pack(rgb: np.ndarray, bits: int, order: str) -> bytes:
    """The samples as they are stored; each row fills whole words of 32 bits."""
    height = len(rgb)
    if bits == 10:
        red, green, blue = (rgb[..., number].astype(np.uint32) for number in range(3))
        return (red << 22 | green << 12 | blue << 2).astype(f"{order}u4").tobytes()
    if bits == 8:
        rows = rgb.reshape(height, -1)
    else:
        words = rgb.reshape(height, -1).astype(np.uint16) << (4 if bits == 12 else 0)
        rows = words.astype(f"{order}u2").view(np.uint8)
    padding = -rows.shape[1] % 4
    return np.pad(rows, ((0, 0), (0, padding))).tobytes()


def _exact(rate: float) -> Fraction:
    """A rate as 32 bits hold it: 23.976 is 24000/1001."""
    found = Fraction(rate).limit_denominator(1000)
    try:
        return counted_rate(found)
    except ValueError:
        return found


def _is_time(word: int) -> bool:
    """Whether a word is a time of day; scanners leave others in the field."""
    pairs = [(word >> shift) & 0x7F for shift in (24, 16, 8, 0)]
    pairs[0], pairs[3] = pairs[0] & 0x3F, pairs[3] & 0x3F
    digits = [digit for pair in pairs for digit in divmod(pair, 16)]
    return max(digits) <= 9 and pairs[0] < 0x24 and pairs[1] < 0x60 and pairs[2] < 0x60
