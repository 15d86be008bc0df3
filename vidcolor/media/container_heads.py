"""What the heads of Matroska and MP4 files say that FFmpeg or PyAV do not hand on.

That is which part of the picture is meant to be seen, whether the file is to be played in another
order or goes on in other files, and what an edit list leaves out. A stranger's file costs a bounded
number of short reads.
"""

from __future__ import annotations

import io
import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

Crop = tuple[int, int, int, int]
"""Pixels that are cut off: left, top, right, bottom."""

_MOST_STEPS = 500
_MOST_BYTES = 1 << 24
_TIMES_EQUAL = 50_000_000  # ns; chapters that follow each other this closely leave nothing out
_ENDS_EQUAL = 500_000_000  # ns; streams that end with the film differ by so much

_SEGMENT, _CLUSTER, _SEEK_HEAD = "18538067", "1f43b675", "114d9b74"
_INFO, _TRACKS, _CHAPTERS = "1549a966", "1654ae6b", "1043a770"
_CROPS = ("54cc", "54bb", "54dd", "54aa")  # left, top, right, bottom
_LINKS = {"3cb923": "the previous file", "3eb923": "the next file"}

_Element = tuple[str, bytes]

Source = Path | bytes
"""A file, or what was read of a film so far that comes through a pipe."""


@dataclass(frozen=True)
class TrackTable:
    """What the tables of an MP4 track say of it as it is stored."""

    samples: int
    """Frames of a picture; packets of sound, or single samples of it."""
    timed: int
    """Samples whose time is told."""
    seconds: Fraction
    """How long they last."""
    declared: Fraction
    """Seconds that the track says they last."""
    edited: bool
    """Whether an edit list says which of them are played."""

    @property
    def has_wrong_times(self) -> bool:
        """Whether the times fit neither the samples nor the length of the track."""
        return self.timed != self.samples or self.seconds > 2 * self.declared + 1


def open_source(source: Source) -> BinaryIO:
    """What can be read of a film, from its beginning.

    Raises:
        OSError: The file cannot be opened.
    """
    return io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")


def track_tables(path: Source) -> dict[int, TrackTable]:
    """The tables of the tracks of an MP4, by their numbers; none of another file.

    Raises:
        OSError: The file cannot be read.
    """
    found: dict[int, TrackTable] = {}
    for track in [data for name, data in _boxes(_moov(path)) if name == b"trak"]:
        head = _inside(track, b"tkhd")
        at = 20 if head[:1] == b"\1" else 12
        table = _track_table(track)
        if table:
            found.setdefault(int.from_bytes(head[at : at + 4], "big"), table)
    return found


def _track_table(track: bytes) -> TrackTable | None:
    media = _inside(track, b"mdia")
    clock, table = _inside(media, b"mdhd"), _inside(_inside(media, b"minf"), b"stbl")
    wide = clock[:1] == b"\1"
    tick = int.from_bytes(clock[20:24] if wide else clock[12:16], "big")
    declared = int.from_bytes(clock[24:32] if wide else clock[16:20], "big")
    sizes = _inside(table, b"stsz") or _inside(table, b"stz2")
    samples = int.from_bytes(sizes[8:12], "big")
    if not tick or not samples:
        return None
    times = _inside(table, b"stts")
    body = times[8 : 8 + 8 * int.from_bytes(times[4:8], "big")]
    timed = length = 0
    for count, step in struct.iter_unpack(">II", body[: len(body) // 8 * 8]):
        timed, length = timed + count, length + count * step
    edited = bool(_inside(_inside(track, b"edts"), b"elst"))
    return TrackTable(samples, timed, Fraction(length, tick), Fraction(declared, tick), edited)


def declared_crop(path: Source, container: str, number: int, size: tuple[int, int]) -> Crop | None:
    """What the container cuts off the picture; None for nothing, or for more than there is.

    Args:
        path: Of the film.
        container: FFmpeg's name of it.
        number: Of the picture among the film's pictures, from 0.
        size: (width, height) as it is stored.

    Raises:
        OSError: The file cannot be read.
    """
    crop: Crop | None = None
    if container == "matroska,webm":
        crop = _matroska_crop(path, number)
    elif container.startswith("mov"):
        crop = _mp4_crop(path, number, size)
    if crop is None or not any(crop) or min(crop) < 0:
        return None
    left, top, right, bottom = crop
    return crop if left + right < size[0] and top + bottom < size[1] else None


def linked_parts(path: Source) -> Iterator[tuple[str, str]]:
    """What a Matroska file asks of players beside playing it from its beginning to its end.

    Pairs of a name and what is to be known of it.

    Raises:
        OSError: The file cannot be read.
    """
    parts = _matroska_parts(path)
    info = dict(_elements(parts.get(_INFO, b"")))
    for name, words in _LINKS.items():
        if info.get(name):
            yield f"link to {words}", "the film is split over several files; color each of them"
    own = info.get("73a4", b"")
    for kind, edition in _elements(parts.get(_CHAPTERS, b"")):
        fields = list(_elements(edition)) if kind == "45b9" else []
        if not _number(dict(fields).get("45dd", b"")):
            continue
        atoms = [dict(_elements(data)) for name, data in fields if name == "b6"]
        foreign = [atom for atom in atoms if atom.get("6e67", own) != own]
        if foreign:
            why = f"not colored: {len(foreign)} of its parts, which are in other files"
            yield "ordered chapters", why
        elif not _are_the_film(atoms, _length(info)):
            yield "ordered chapters", "the film is written in the order of its file"


def _are_the_film(atoms: list[dict[str, bytes]], length: float) -> bool:
    """Whether chapters in their order are the film from its beginning to its end, at ``length``."""
    at = 0
    for atom in atoms:
        if abs(_number(atom.get("91", b"")) - at) > _TIMES_EQUAL:
            return False
        at = _number(atom.get("92", b"")) or at
    return not atoms or at > length - _ENDS_EQUAL


def _length(info: dict[str, bytes]) -> float:
    """Nanoseconds that a film lasts, by what tells of it; 0 where it does not say."""
    data, tick = info.get("4489", b""), _number(info.get("2ad7b1", b"")) or 1_000_000
    kind = {4: ">f", 8: ">d"}.get(len(data))
    ticks = struct.unpack(kind, data)[0] if kind else 0.0
    return ticks * tick if math.isfinite(ticks) else 0.0


def _matroska_crop(path: Source, number: int) -> Crop | None:
    tracks = [list(_elements(d)) for k, d in _elements(_matroska_parts(path).get(_TRACKS, b""))]
    pictures = [track for track in map(dict, tracks) if _number(track.get("83", b"")) == 1]
    if number >= len(pictures):
        return None
    video = dict(_elements(pictures[number].get("e0", b"")))
    left, top, right, bottom = (_number(video.get(name, b"")) for name in _CROPS)
    return left, top, right, bottom


def _matroska_parts(path: Source) -> dict[str, bytes]:
    """The parts of a file that describe it: those before its first cluster, and those it names."""
    found: dict[str, bytes] = {}
    with open_source(path) as file:
        size = file.seek(0, os.SEEK_END)
        at, base, steps = 0, 0, 0
        while at < size and steps < _MOST_STEPS:
            steps += 1
            name, length, head = _head(file, at)
            if not name or name == _CLUSTER:
                break
            if name == _SEGMENT:
                base = at = at + head
                continue
            if length is None:
                break
            found.setdefault(name, _read_at(file, at + head, length))
            at += head + length
        for entry in [dict(_elements(d)) for _, d in _elements(found.get(_SEEK_HEAD, b""))]:
            wanted, place = entry.get("53ab", b"").hex(), base + _number(entry.get("53ac", b""))
            if wanted in (_INFO, _TRACKS, _CHAPTERS) and wanted not in found and place < size:
                name, length, head = _head(file, place)
                if name == wanted and length is not None:
                    found[name] = _read_at(file, place + head, length)
    return found


def _read_at(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(min(length, _MOST_BYTES))


def _head(file: BinaryIO, at: int) -> tuple[str, int | None, int]:
    """Name, length and bytes of the head of the element at ``at``; no name where there is none."""
    return _element(_read_at(file, at, 12), 0)


def _element(data: bytes, at: int) -> tuple[str, int | None, int]:
    name = data[at : at + _vint(data, at, 4)]
    width = _vint(data, at + len(name), 8)
    rest = data[at + len(name) : at + len(name) + width]
    if not name or not width or len(rest) < width:
        return "", None, 0
    mask = (1 << (7 * width)) - 1
    length = int.from_bytes(rest, "big") & mask
    return name.hex(), None if length == mask else length, len(name) + width


def _vint(data: bytes, at: int, most: int) -> int:
    """How many bytes the number at ``at`` has; 0 for none."""
    count = 9 - data[at].bit_length() if at < len(data) else 9
    return count if count <= most else 0


def _elements(data: bytes) -> Iterator[_Element]:
    """The elements that ``data`` is made of, as far as they are whole."""
    at = 0
    while at < len(data):
        name, length, head = _element(data, at)
        if not name or length is None:
            return
        yield name, data[at + head : at + head + length]
        at += head + length


def _number(data: bytes) -> int:
    return int.from_bytes(data[:8], "big")


def _mp4_crop(path: Source, number: int, size: tuple[int, int]) -> Crop | None:
    """The clean aperture (``clap``) of a picture's first sample description."""
    moov = _moov(path)
    tracks = [data for name, data in _boxes(moov) if name == b"trak"]
    pictures = [media for media in (_inside(t, b"mdia") for t in tracks) if _is_picture(media)]
    if number >= len(pictures):
        return None
    table = _inside(_inside(_inside(pictures[number], b"minf"), b"stbl"), b"stsd")
    entry = next((data for _, data in _boxes(table[8:])), b"")
    clap = _inside(entry[78:], b"clap")
    if len(clap) < 32:
        return None
    numbers = struct.unpack(">IIIIiIiI", clap[:32])
    if not all(numbers[:4]) or not all(numbers[5::2]):
        return None
    wide, high, right, down = (
        Fraction(n, d) for n, d in zip(numbers[::2], numbers[1::2], strict=True)
    )
    left, top = round((size[0] - wide) / 2 + right), round((size[1] - high) / 2 + down)
    return left, top, size[0] - round(wide) - left, size[1] - round(high) - top


def _moov(path: Source) -> bytes:
    with open_source(path) as file:
        size, at = file.seek(0, os.SEEK_END), 0
        for _ in range(_MOST_STEPS):
            head = _read_at(file, at, 16)
            if len(head) < 8:
                break
            length, skip = int.from_bytes(head[:4], "big"), 8
            if length == 1:
                length, skip = int.from_bytes(head[8:16], "big"), 16
            length = length or size - at
            if head[4:8] == b"moov":
                return _read_at(file, at + skip, length - skip)
            if length < 8:
                break
            at += length
    return b""


def _is_picture(media: bytes) -> bool:
    return _inside(media, b"hdlr")[8:12] == b"vide"


def _inside(data: bytes, wanted: bytes) -> bytes:
    """The first box ``wanted`` that ``data`` holds, without its head; empty where there is none."""
    return next((found for name, found in _boxes(data) if name == wanted), b"")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, skip = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, skip = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        length = length or len(data) - at
        if length < skip:
            return
        yield data[at + 4 : at + 8], data[at + skip : at + length]
        at += length
