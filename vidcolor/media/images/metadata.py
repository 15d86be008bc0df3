"""What stands beside the samples of a picture: EXIF, IPTC, XMP, ICC profile, resolution, texts.

It goes along to the target, but for what is true of the source alone: the orientation, which was
applied, the small preview, which is gray, and how the samples were stored.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from vidcolor.core.report import Dropped
from vidcolor.media.images.tiff import Page, read_directory, serialize_directory

Tags = dict[int, tuple[int, int, bytes]]
"""Tag -> (type, count, value in little endian)."""

EXIF_IFD, GPS_IFD, INTEROP_IFD = 34665, 34853, 40965
XMP, IPTC, ICC = 700, 33723, 34675
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_SHORT, _LONG, _RATIONAL, _ASCII = 3, 4, 5, 2
_PIXELS = (40962, 40963)
"""In EXIF_IFD: width and height of the picture."""

# fmt: off
_STRUCTURAL = frozenset({
    *range(254, 260), 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, _X_RESOLUTION,
    _Y_RESOLUTION, 284, 288, 289, 290, 291, 292, 293, _UNIT, 297, 301, *range(317, 326), 326, 327,
    328, 330, 332, 334, 336, *range(338, 348), *range(512, 522), *range(529, 533), XMP, IPTC,
    34377, ICC, EXIF_IFD, GPS_IFD, INTEROP_IFD, 37724,
})
"""Tags that tell how a picture is stored, or that are carried in another way."""
# fmt: on

_NAMED = {"Description": 270, "Title": 270, "Software": 305, "Author": 315, "Copyright": 33432}
"""Texts of a PNG, and the EXIF tag of the same meaning."""
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[0-9]")
_SEGMENT = 65_533
"""Bytes that a segment of a JPEG holds."""
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_XMP = _SEGMENT - len(_XMP_MARK)
"""Bytes of XMP that a JPEG holds."""


@dataclass
class Extras:
    """What goes along with a picture."""

    tags: Tags = field(default_factory=dict)
    """Of EXIF, its first directory without what `_STRUCTURAL` names."""
    exif: Tags = field(default_factory=dict)
    gps: Tags = field(default_factory=dict)
    xmp: bytes = b""
    iptc: bytes = b""
    icc: bytes = b""
    """Profile of the RGB samples as they are written."""
    dpi: tuple[float, float] | None = None
    texts: dict[str, str] = field(default_factory=dict)
    lost: list[Dropped] = field(default_factory=list)
    """What could not be read."""

    def named(self) -> list[str]:
        """What there is, in words."""
        told = {
            "EXIF": bool(self.tags or self.exif or self.gps),
            "XMP": bool(self.xmp),
            "IPTC": bool(self.iptc),
            "ICC profile": bool(self.icc),
            f"resolution ({_format_dpi(self.dpi)})": self.dpi is not None,
        }
        texts = [f"text {key!r}" for key in self.texts]
        return [name for name, there in told.items() if there] + texts


def with_exif(extras: Extras, block: bytes) -> Extras:
    """The extras with what an EXIF block holds, which is a TIFF structure."""
    if not block:
        return extras
    file = io.BytesIO(block)
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    try:
        if order is None:
            raise ValueError("it has no byte order")
        (at,) = struct.unpack_from(f"{order}I", block, 4)
        page, _ = read_directory(file, at, order, big=False)
    except (struct.error, ValueError):
        extras.lost.append(Dropped("EXIF", "it is damaged"))
        return extras
    return with_tags(extras, page, file)


def with_tags(extras: Extras, page: Page, file: BinaryIO) -> Extras:
    """The extras with the tags of a directory and of those that it names in ``file``."""
    extras = replace(extras, tags=_copy_tags(page, _STRUCTURAL))
    for tag, name in ((EXIF_IFD, "exif"), (GPS_IFD, "gps")):
        at = page.number(tag)
        if not at:
            continue
        try:
            inner, _ = read_directory(file, at, page.order, big=page.big)
        except (struct.error, ValueError, OSError, OverflowError):
            extras.lost.append(Dropped(f"{name.upper()} data", "it is damaged"))
            continue
        setattr(extras, name, _copy_tags(inner, frozenset({INTEROP_IFD})))
    extras.dpi = extras.dpi or _dpi_of(page)
    return extras


def settle_extras(extras: Extras, size: tuple[int, int]) -> Extras:
    """The extras of a picture that was turned upright, which is (width, height) now."""
    exif = dict(extras.exif)
    for tag, number in zip(_PIXELS, size, strict=True):
        if tag in exif:
            exif[tag] = (_LONG, 1, struct.pack("<I", number))
    xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", extras.xmp)
    return replace(extras, exif=exif, xmp=xmp)


def exif_block(extras: Extras) -> bytes:
    """The EXIF tags as a TIFF structure; empty where there are none."""
    tags = dict(extras.tags)
    if not tags and not extras.exif and not extras.gps:
        return b""
    return b"II*\0" + struct.pack("<I", 8) + directory(tags, extras, 8)


def directory(tags: Tags, extras: Extras, at: int) -> bytes:
    """A directory that will stand at ``at``, and behind it those of EXIF and GPS and all values."""
    inner = [(EXIF_IFD, extras.exif), (GPS_IFD, extras.gps)]
    tags = tags | {tag: (_LONG, 1, bytes(4)) for tag, found in inner if found}
    end = at + len(serialize_directory("<", tags, at))
    parts = b""
    for tag, found in inner:
        if found:
            tags[tag] = _LONG, 1, struct.pack("<I", end + len(parts))
            parts += serialize_directory("<", found, end + len(parts))
    return serialize_directory("<", tags, at) + parts


def resolution_tags(dpi: tuple[float, float] | None) -> Tags:
    """The tags of a resolution."""
    if dpi is None:
        return {}
    across, down = (struct.pack("<II", round(number * 1000), 1000) for number in dpi)
    unit = struct.pack("<H", 2)
    return {
        _X_RESOLUTION: (_RATIONAL, 1, across),
        _Y_RESOLUTION: (_RATIONAL, 1, down),
        _UNIT: (_SHORT, 1, unit),
    }


def texts_as_tags(extras: Extras) -> tuple[Tags, list[str]]:
    """The texts of a PNG as EXIF tags, and the names of those for which there is none."""
    found: Tags = {}
    rest = []
    for key, text in extras.texts.items():
        tag = _NAMED.get(key)
        if tag is None or tag in extras.tags or tag in found:
            rest.append(key)
            continue
        value = text.encode() + b"\0"
        found[tag] = _ASCII, len(value), value
    return found, rest


def into_png(data: bytes, extras: Extras) -> tuple[bytes, list[Dropped]]:
    """The PNG file ``data`` with the extras, and what it cannot hold."""
    chunks = []
    if extras.icc:
        chunks.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(extras.icc)))
    if extras.dpi:
        pixels = (round(number / 0.0254) for number in extras.dpi)
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", *pixels, 1)))
    if block := exif_block(extras):
        chunks.append(_chunk(b"eXIf", block))
    if extras.xmp:
        chunks.append(_text("XML:com.adobe.xmp", extras.xmp))
    chunks += [_text(key, text.encode()) for key, text in extras.texts.items()]
    why = "PNG cannot hold it"
    left = [Dropped("IPTC", why)] if extras.iptc else []
    head, *rest = _png_picture(data)
    return b"".join([data[:8], head, *chunks, *rest]), left


def into_jpeg(data: bytes, extras: Extras) -> tuple[bytes, list[Dropped]]:
    """The JPEG file ``data`` with the extras, and what it cannot hold."""
    more, rest = texts_as_tags(extras)
    extras = replace(extras, tags=extras.tags | more)
    left: list[Dropped] = []
    segments = [_jfif(extras.dpi)]
    block = exif_block(extras)
    for name, marker, mark, content in (
        ("EXIF", 0xE1, b"Exif\0\0", block),
        ("XMP", 0xE1, _XMP_MARK, extras.xmp),
        ("IPTC", 0xED, b"Photoshop 3.0\0", _resource(extras.iptc)),
        ("text 'Comment'", 0xFE, b"", extras.texts.get("Comment", "").encode()),
    ):
        if content and len(mark + content) > _SEGMENT:
            left.append(Dropped(name, f"it has more than the {_SEGMENT} bytes a JPEG holds"))
        elif content:
            segments.append(_segment(marker, mark + content))
    parts = [extras.icc[at : at + 65_000] for at in range(0, len(extras.icc), 65_000)]
    for place, part in enumerate(parts[:255], 1):
        segments.append(_segment(0xE2, b"ICC_PROFILE\0" + bytes((place, len(parts))) + part))
    why = "JPEG cannot hold it"
    left += [Dropped(f"text {key!r}", why) for key in rest if key != "Comment"]
    return b"\xff\xd8" + b"".join(segments) + data[_after_jfif(data) :], left


def _format_dpi(dpi: tuple[float, float] | None) -> str:
    if dpi is None:
        return ""
    across, down = (f"{round(number, 1):g}" for number in dpi)
    return f"{across} dpi" if across == down else f"{across} x {down} dpi"


def _copy_tags(page: Page, without: frozenset[int]) -> Tags:
    """The tags of a directory in little endian, but for some; deeper directories are not followed.

    The values of maker notes and the like are bytes, and stay as they are.
    """
    letters = {3: "H", 8: "h", 4: "I", 9: "i", 13: "I", 11: "f", 12: "d", 16: "Q", 17: "q", 18: "Q"}
    found: Tags = {}
    for tag, (kind, count, value) in page.tags.items():
        if tag in without:
            continue
        if kind in (5, 10):
            letter, times = ("I" if kind == 5 else "i"), 2 * count
        else:
            letter, times = letters.get(kind, ""), count
        if letter:
            numbers = struct.unpack(f"{page.order}{times}{letter}", value)
            if kind in (16, 17, 18):  # of a BigTIFF: no other file knows them
                letter, kind = "I", _LONG
                numbers = tuple(min(max(number, 0), 0xFFFFFFFF) for number in numbers)
            value = struct.pack(f"<{times}{letter}", *numbers)
        found[tag] = kind, count, value
    return found


def _dpi_of(page: Page) -> tuple[float, float] | None:
    """The resolution that a directory tells; None where it tells none, or one without a unit."""
    scale = {2: 1.0, 3: 2.54}.get(page.number(_UNIT, 2))
    found = []
    for tag in (_X_RESOLUTION, _Y_RESOLUTION):
        kind, count, value = page.tags.get(tag, (0, 0, b""))
        if kind != _RATIONAL or count < 1 or scale is None:
            return None
        above, below = struct.unpack_from(f"{page.order}II", value)
        number = above / below * scale if below else 0
        if not 1 < number < 1e5:
            return None
        found.append(number)
    return found[0], found[1]


def _png_picture(data: bytes) -> Iterator[bytes]:
    """The chunks of a PNG that an encoder made, without what it has to say of resolution."""
    at = 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 5].isupper():
            yield data[at:end]
        at = end


def _chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def _text(key: str, text: bytes) -> bytes:
    name = key.encode("latin-1", "replace")[:79] or b"Comment"
    return _chunk(b"iTXt", name + b"\0\0\0\0\0" + text)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jfif(dpi: tuple[float, float] | None) -> bytes:
    across, down = (min(65535, round(number)) for number in dpi) if dpi else (1, 1)
    head = struct.pack(">5sHBHHBB", b"JFIF\0", 0x0102, int(bool(dpi)), across, down, 0, 0)
    return _segment(0xE0, head)


def _resource(iptc: bytes) -> bytes:
    """IPTC data as the block of Photoshop that holds it."""
    if not iptc:
        return b""
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)


def _after_jfif(data: bytes) -> int:
    """Where a JPEG goes on behind its own JFIF segment and comments of the encoder."""
    at = 2
    while data[at : at + 2] in (b"\xff\xe0", b"\xff\xfe"):
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
