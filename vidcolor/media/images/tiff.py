"""TIFF files: their pages, and each page as a small TIFF of its own.

Decoders are handed one page with the tags that they need and nothing else, so what a stranger's
file holds besides (loops, gigabytes, other pages) is met here, by bounded reads.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from vidcolor.errors import FilmTooLarge, FilmUnreadable

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MAX_ENTRIES, _MAX_COUNT, _MAX_PAGES = 4096, 1 << 22, 10_000

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
SAMPLES, PLANAR, EXTRA, FORMAT, INKS = 277, 284, 338, 339, 332
_OFFSETS, _ROWS, _COUNTS = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_NEW_KIND, _OLD_KIND, _SUB_IFDS, _DNG = 254, 255, 330, 50706
_REDUCED, _MASK = 1, 4

_KEPT = frozenset(
    {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANAR, EXTRA, FORMAT, INKS}
    | {_ROWS, _TILE_WIDTH, _TILE_HEIGHT, 266, 292, 293, 317, 320, 347, 529, 530, 531, 532}
)
"""What a decoder needs to know of a page."""

_COMPRESSIONS = {
    6: "old-style JPEG",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    32771: "16-bit padded CCITT",
    32809: "ThunderScan",
    32766: "NeXT RLE",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}
"""Those that are not read everywhere, by name."""
_PHOTOMETRICS = {
    4: "a mask",
    9: "ICC Lab colors",
    10: "ITU Lab colors",
    32803: "camera raw samples",
    34892: "camera raw samples",
    32844: "LogL samples",
    32845: "LogLuv samples",
}
_FORMATS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}


@dataclass
class Page:
    """One page of a TIFF file."""

    order: str
    """``<`` or ``>``."""
    big: bool = False
    """Whether it is from a BigTIFF."""
    tags: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    """Tag -> (type, count, value in the order of the file)."""

    def numbers(self, tag: int, *default: int) -> tuple[int, ...]:
        """The whole numbers of a tag; those given where it has none."""
        kind, count, value = self.tags.get(tag, (0, 0, b""))
        letter = _NUMBERS.get(kind)
        if not letter or not count:
            return default
        return struct.unpack(f"{self.order}{count}{letter}", value)

    def number(self, tag: int, default: int = 0) -> int:
        """The first number of a tag."""
        return self.numbers(tag, default)[0]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height); 0 where it is not told."""
        return self.number(WIDTH), self.number(HEIGHT)

    @property
    def bits(self) -> int:
        """Of a sample, where all have the same; else 0."""
        bits = self.numbers(BITS, 1)
        return bits[0] if len(set(bits)) == 1 else 0

    @property
    def is_tiled(self) -> bool:
        """Whether its samples lie in tiles, not in strips."""
        return _TILE_OFFSETS in self.tags or _TILE_WIDTH in self.tags

    @property
    def is_picture(self) -> bool:
        """Whether it is a page of its own: no small version of one, no mask."""
        return not self.number(_NEW_KIND) & (_REDUCED | _MASK) and self.number(_OLD_KIND) != 2


def pages_of(file: BinaryIO) -> list[Page]:
    """The pages of a TIFF or BigTIFF file: its pictures without small versions and masks.

    A broken chain gives those before the break.

    Raises:
        FilmUnreadable: There is none.
    """
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "<")
    big = len(head) == 16 and struct.unpack_from(f"{order}H", head, 2)[0] == 43
    where = head[8:16] if big else head[4:8]
    try:
        (at,) = struct.unpack(f"{order}{'Q' if big else 'I'}", where)
    except struct.error:
        at = 0
    found: list[Page] = []
    seen: set[int] = set()
    while at and at not in seen and len(found) < _MAX_PAGES:
        seen.add(at)
        try:
            page, at = read_directory(file, at, order, big=big)
        except (struct.error, OSError, OverflowError, ValueError):
            break
        found.append(page)
    if not found:
        raise FilmUnreadable("its index is too damaged to read")
    return [page for page in found if page.is_picture] or found[:1]


def read_directory(file: BinaryIO, at: int, order: str, *, big: bool) -> tuple[Page, int]:
    """The directory at ``at``, and where the next one is; tags that are broken are left out.

    Raises:
        struct.error: It is cut short.
        ValueError: It is empty.
        OSError: The file cannot be read.
    """
    wide, entry, room = ("Q", 20, 8) if big else ("I", 12, 4)
    file.seek(at)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    count = min(count, _MAX_ENTRIES)
    table = file.read(entry * count)
    count = len(table) // entry
    if not count:
        raise ValueError("an empty directory")
    after = file.read(room)
    page = Page(order, big)
    for start in range(0, count * entry, entry):
        tag, kind = struct.unpack_from(f"{order}HH", table, start)
        (length,) = struct.unpack_from(order + wide, table, start + 4)
        size = _SIZES.get(kind, 0) * length
        if not size or length > _MAX_COUNT or tag in page.tags:
            continue
        value = table[start + entry - room : start + entry]
        if size > room:
            (place,) = struct.unpack(order + wide, value)
            file.seek(place)
            value = file.read(size)
        if len(value) >= size:
            page.tags[tag] = kind, length, value[:size]
    last = struct.unpack(order + wide, after)[0] if len(after) == room else 0
    return page, last


def refused_kind(page: Page) -> str:
    """What a page is that is not read, such as ``TIFF with signed samples``; empty if it is."""
    photometric, compression = page.number(PHOTOMETRIC, -1), page.number(COMPRESSION, 1)
    formats = set(page.numbers(FORMAT, 1))
    if _DNG in page.tags or photometric in (32803, 34892):
        return "camera raw file (such as DNG)"
    if not page.is_picture and _SUB_IFDS in page.tags:
        return "camera raw file of which only a small preview can be read"
    if photometric in _PHOTOMETRICS:
        return f"TIFF that holds {_PHOTOMETRICS[photometric]}"
    if formats & _FORMATS.keys():
        return f"TIFF with {_FORMATS[min(formats & _FORMATS.keys())]} samples"
    if not page.bits:
        return "TIFF whose samples have different numbers of bits"
    if page.bits not in (1, 2, 4, 8, 16):
        return f"TIFF with {page.bits} bits per sample"
    if compression == 6:
        return "TIFF with old-style JPEG compression"
    if photometric == 5 and (page.number(INKS, 1) != 1 or page.number(SAMPLES, 1) < 4):
        return "TIFF in inks other than CMYK"
    return ""


def spoken_kind(page: Page) -> str:
    """What a page is, for one that no reader reads."""
    compression = page.number(COMPRESSION, 1)
    named = _COMPRESSIONS.get(compression)
    if named:
        return f"TIFF with {named} compression"
    samples, bits = page.number(SAMPLES, 1), page.bits
    layout = "tiled " if page.is_tiled else ""
    layout += "planar " if page.number(PLANAR, 1) == 2 else ""
    return f"{layout}TIFF of {samples} x {bits} bits (compression {compression}) of an unusual kind"


def single_page(file: BinaryIO, page: Page, most: int, name: str) -> tuple[bytes, bool]:
    """A page as a TIFF file of its own, without orientation, and whether samples are missing.

    Args:
        file: That the page is from.
        page: Has a size that was checked.
        most: Bytes that its samples may take.
        name: Of the file, for errors.

    Raises:
        FilmTooLarge: They take more.
        FilmUnreadable: It does not say where its samples are.
    """
    offsets = page.numbers(_TILE_OFFSETS) or page.numbers(_OFFSETS)
    counts = page.numbers(_TILE_COUNTS) or page.numbers(_COUNTS)
    wanted = _pieces(page)
    end = file.seek(0, 2)
    if not offsets:
        raise FilmUnreadable(f"{name}: does not say where its samples are")
    if len(counts) < len(offsets):
        nexts = sorted({*offsets, end})
        counts = tuple(
            min((other for other in nexts if other > at), default=at) - at
            for at in (offsets if len(offsets) <= 1 << 12 else ())
        )
    offsets, counts = offsets[:wanted], counts[:wanted]
    if sum(counts) > most:
        raise FilmTooLarge(
            f"{name}: its samples take more than {most} bytes, which cannot be right"
        )
    missing = len(offsets) < wanted or len(counts) < len(offsets)
    parts: list[bytes] = []
    for at, count in zip(offsets, counts, strict=False):
        file.seek(min(at, end))
        parts.append(file.read(count))
        missing |= len(parts[-1]) < count
    if not any(parts):
        raise FilmUnreadable(f"{name}: ends before its samples")
    missing |= sum(map(len, parts)) < _least_bytes(page)
    return _assemble_file(page, parts), missing


def _least_bytes(page: Page) -> int:
    """Bytes that the samples of the page take at least; 0 where they are packed."""
    if page.number(COMPRESSION, 1) != 1 or page.number(PHOTOMETRIC) not in (0, 1, 2, 3):
        return 0
    width, height = page.size
    samples = page.number(SAMPLES, 1)
    planes = samples if page.number(PLANAR, 1) == 2 else 1
    return planes * height * (-(-width * page.bits * samples // (8 * planes)))


def _pieces(page: Page) -> int:
    """Into how many strips or tiles the page is divided."""
    width, height = page.size
    planes = page.number(SAMPLES, 1) if page.number(PLANAR, 1) == 2 else 1
    if page.is_tiled:
        across, down = page.number(_TILE_WIDTH), page.number(_TILE_HEIGHT)
        if across < 1 or down < 1:
            return 1
        return -(-width // across) * -(-height // down) * planes
    rows = min(page.number(_ROWS, height) or height, height)
    return -(-height // rows) * planes


def _assemble_file(page: Page, parts: list[bytes]) -> bytes:
    """A TIFF file of one directory, then its values, then the samples."""
    order = page.order
    kept = [tag for tag in _KEPT if tag in page.tags]
    tags = {tag: _classic(order, *page.tags[tag]) for tag in kept}
    if not page.is_tiled and not page.number(_ROWS):
        tags[_ROWS] = 4, 1, struct.pack(f"{order}I", page.size[1])
    places = (_TILE_OFFSETS, _TILE_COUNTS) if page.is_tiled else (_OFFSETS, _COUNTS)
    tags |= {place: (4, len(parts), bytes(4 * len(parts))) for place in places}
    at, starts = 8 + len(serialize_directory(order, tags, 8)), []
    for part in parts:
        starts.append(at)
        at += len(part) + len(part) % 2
    packed = f"{order}{len(parts)}I"
    tags[places[0]] = 4, len(parts), struct.pack(packed, *starts)
    tags[places[1]] = 4, len(parts), struct.pack(packed, *map(len, parts))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    rest = (part + bytes(len(part) % 2) for part in parts)
    return b"".join([head, serialize_directory(order, tags, 8), *rest])


def serialize_directory(order: str, tags: dict[int, tuple[int, int, bytes]], at: int) -> bytes:
    """A directory that will stand at ``at`` of a file, without a next one, and its values.

    Args:
        order: ``<`` or ``>``.
        tags: Tag -> (type, count, value in that order).
        at: Even.
    """
    begin = at + 2 + 12 * len(tags) + 4
    table, rest = b"", bytearray()
    for tag, (kind, count, value) in sorted(tags.items()):
        entry = value.ljust(4, b"\0")
        if len(value) > 4:
            entry = struct.pack(f"{order}I", begin + len(rest))
            rest += value + bytes(len(value) % 2)
        table += struct.pack(f"{order}HHI", tag, kind, count) + entry
    return struct.pack(f"{order}H", len(tags)) + table + bytes(4) + bytes(rest)


def _classic(order: str, kind: int, count: int, value: bytes) -> tuple[int, int, bytes]:
    """A value as it stands in a TIFF that is not a BigTIFF."""
    if kind not in (16, 18):
        return kind, count, value
    numbers = struct.unpack(f"{order}{count}Q", value)
    return 4, count, struct.pack(f"{order}{count}I", *(min(n, 0xFFFFFFFF) for n in numbers))
