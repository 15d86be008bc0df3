"""What the header of an OpenEXR frame says of time; pixels are FFmpeg's to read."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.core.files import printable
from vidcolor.errors import EncoderMissing

_MAGIC = b"v/1\x01"
_CHANNEL, _WHOLE_NUMBERS = 16, 0  # bytes behind the name of a channel; a pixel type
_HEAD = 1 << 16
"""Bytes in which the attributes that are asked for stand."""


def open_exr() -> Any:
    """The library that reads and writes EXR.

    Raises:
        EncoderMissing: It is not installed.
    """
    try:
        import OpenEXR
    except ImportError as exc:
        raise EncoderMissing(
            "EXR frames need OpenEXR: pip install 'vidcolor[exr]'; or choose .tif or .dpx"
        ) from exc
    return OpenEXR


def read_attributes(path: Path) -> dict[str, tuple[str, bytes]]:
    """Name of each attribute of the (first) image -> its type and value; empty for another file.

    Attributes behind the first 64 KB are not read.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    found: dict[str, tuple[str, bytes]] = {}
    at = 8
    while head.startswith(_MAGIC) and head[at : at + 1] not in (b"", b"\0"):
        name, _, rest = head[at : at + 512].partition(b"\0")
        kind, _, rest = rest.partition(b"\0")
        begin = at + len(name) + len(kind) + 6
        size = int.from_bytes(rest[:4], "little")
        if len(rest) < 4 or begin + size > len(head):
            break
        found[name.decode("latin-1")] = kind.decode("latin-1"), head[begin : begin + size]
        at = begin + size
    return found


def why_not_read(attributes: dict[str, tuple[str, bytes]]) -> str:
    """What of an EXR header says that FFmpeg does not read the picture; empty where it does."""
    kind = attributes.get("type", ("", b""))[1].decode("latin-1")
    if kind.startswith("deep"):
        return "holds deep data; flatten it first"
    channels = _channels(attributes.get("channels", ("", b""))[1])
    if not channels:
        return ""
    held = set(channels)
    if not (held >= {*"RGB"} or ("Y" in held and not held & {*"RGBXZ"})):
        listed = printable(", ".join(sorted(held)))
        return f"its channels are {listed}; vidcolor reads R, G, B, or Y without Z"
    if any(channels[name] == _WHOLE_NUMBERS for name in held & {*"RGBY"}):
        return "holds whole numbers, which are no light; convert it to half or float"
    return ""


def _channels(listed: bytes) -> dict[str, int]:
    """Name of each channel -> the number of its pixel type, of an attribute of kind ``chlist``."""
    found: dict[str, int] = {}
    while len(listed) > 1 and listed[0]:
        name, _, rest = listed.partition(b"\0")
        if len(rest) < _CHANNEL:
            break
        found[name.decode("latin-1")] = int.from_bytes(rest[:4], "little")
        listed = rest[_CHANNEL:]
    return found


def rate_of(attributes: dict[str, tuple[str, bytes]]) -> Fraction | None:
    """Frames per second, where the header says it."""
    kind, value = attributes.get("framesPerSecond", ("", b""))
    if kind != "rational" or len(value) != 8:
        return None
    count, seconds = struct.unpack("<iI", value)
    return Fraction(count, seconds) if count > 0 and seconds else None


def timecode_of(attributes: dict[str, tuple[str, bytes]]) -> str:
    """Timecode as ``HH:MM:SS:FF``, with ``;`` for drop frame; empty where there is none."""
    kind, value = attributes.get("timeCode", ("", b""))
    if kind != "timecode" or len(value) != 8:
        return ""
    (word,) = struct.unpack("<I", value[:4])
    digits = f"{word & 0x3F7F7F3F:08x}"
    if not digits.isdecimal():
        return ""
    mark = ";" if word & 0x40 else ":"
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}{mark}{digits[6:]}"
