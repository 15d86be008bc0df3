"""The tolerant reader: what can be had from a film or a picture, by other code than vidcolor's.

Films are read in one thread, one packet at a time, and whatever fails is counted and skipped.
Pictures are read by Pillow.
"""

from __future__ import annotations

import hashlib
import statistics
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from PIL import Image, ImageOps

from fuzzing.elements import ELEMENTS
from fuzzing.trees import Node, spots
from vidcolor.media.whitelist import FORMATS

_READ_ERRORS = 100
_PAUSE = Fraction(1, 10)  # seconds without sound that no container makes by itself
_GRID = 8  # rows and columns of a picture's means
_MOST_MEANS = 100  # pictures that are measured
_PAGES = 100
_MOST_DPI = 1e5
_JOINED, _ENDED = 0.05, 0.5  # seconds between chapters, and behind the last, that are nothing
STILL_SUFFIXES = (".png", ".jpg", ".webp", ".tif", ".bmp")


@dataclass
class Seen:
    """What the tolerant reader finds in a file."""

    format: str
    frames: int = 0
    packets: int = 0
    """Of the picture, empty ones not counted."""
    failed: int = 0
    """Packets that do not decode, are marked as corrupt, or give a frame with holes."""
    read_errors: int = 0
    late: int = 0
    """Packets of streams that FFmpeg had not found when it opened the file."""
    declared_frames: int = 0
    """By the picture's stream; 0 where it does not say."""
    begin: float = 0.0
    """Seconds of the first frame; the lengths below are seconds, too."""
    end: float = 0.0
    """Of the last frame."""
    last: float = 0.0
    """Of the last packet of any stream."""
    step: float = 0.0
    """Usual time from frame to frame."""
    longest: float = 0.0
    """Longest time from frame to frame."""
    regular: bool = False
    """Whether nearly all steps are alike."""
    stream_length: float = 0.0
    """Declared by the picture's stream; 0 where it does not say."""
    file_length: float = 0.0
    """Declared by the file; 0 where it does not say."""
    sound: dict[str, list[str]] = field(default_factory=dict)
    """Index of a stream of sound -> md5 of every packet."""
    sound_doubts: list[str] = field(default_factory=list)
    """What tells that sound is missing."""
    unheard: list[str] = field(default_factory=list)
    """md5 of the packets that players are told to skip; Matroska cannot say so."""
    picture: str = ""
    """md5 of the first frame's first plane."""
    means: list[str] = field(default_factory=list)
    """Means of the luma of 8 x 8 fields of what is to be seen of the first pictures, as hex."""
    looks: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    """(seconds, shape, range, ...) of every picture that looks unlike the one before it."""
    times: list[float] = field(default_factory=list)
    """Seconds of the frames."""
    sound_times: dict[str, list[float]] = field(default_factory=dict)
    """Index of a stream of sound -> seconds of its packets."""
    texts: dict[str, list[str]] = field(default_factory=dict)
    """Index of a stream of subtitles -> what its packets say."""
    beside: list[str] = field(default_factory=list)
    """What else there is: attachments, chapters; profile, EXIF, resolution of a picture."""
    crop: tuple[int, ...] = ()
    """Pixels that Matroska tells players to leave out: bottom, top, left, right."""
    ordered: bool = False
    """Whether Matroska tells players to play chapters that are not the film as it is stored."""


def read(path: str) -> Seen:
    """What can be had from the file at ``path``, with the stream that vidcolor would color.

    Raises:
        av.FFmpegError, ValueError: Nothing can be had.
    """
    if path.endswith(STILL_SUFFIXES):
        return _read_still(path)
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with av.open(path, options=options, metadata_errors="surrogateescape") as container:
        covers = Disposition.attached_pic | Disposition.timed_thumbnails
        known = [s for s in container.streams.video if s.codec_context is not None]
        films = [s for s in known if not s.disposition & covers]
        best = container.streams.best("video")
        video: Any = next(
            (s for s in films if best is not None and s.index == best.index), films[0]
        )
        video.codec_context.thread_count = 1
        seen = Seen(container.format.name, declared_frames=video.frames)
        if video.index_entries:  # edits leave frames out on purpose
            seen.declared_frames = min(video.frames, len(video.index_entries))
        seen.stream_length = float((video.duration or 0) * video.time_base) or _tagged(video)
        seen.file_length = (container.duration or 0) / av.time_base
        seen.sound = {str(s.index): [] for s in container.streams.audio}
        seen.sound_times = {str(s.index): [] for s in container.streams.audio}
        seen.texts = {str(s.index): [] for s in container.streams.subtitles}
        seen.beside = [f"attachment {s.name}" for s in container.streams.attachments]
        if container.chapters():
            seen.beside.append("chapters")
        if seen.format.startswith("matroska"):
            _look_inside(seen, Path(path).read_bytes())
        times: list[Fraction] = []
        ends: dict[int, Fraction] = {}
        for packet in _packets(container, seen):
            if packet.stream.index != video.index:
                _hear(seen, packet, ends)
                continue
            seen.packets += 1
            seen.failed += packet.is_corrupt
            try:
                _look(seen, packet.decode(), video, times)
            except av.FFmpegError:
                seen.failed += 1
        try:
            _look(seen, video.codec_context.decode(None), video, times)
        except av.FFmpegError:
            seen.failed += 1
        for stream in container.streams.audio:
            count, told = len(seen.sound[str(stream.index)]), stream.frames
            if stream.index_entries:  # edits leave packets out on purpose
                told = min(told, len(stream.index_entries))
            if count == 0 or count < told:
                seen.sound_doubts.append(f"{count} of {told} packets of sound are there")
    _measure(seen, times)
    return seen


def _read_still(path: str) -> Seen:
    """A picture by Pillow.

    Raises:
        OSError, ValueError, SyntaxError, MemoryError: It cannot be read.
    """
    with Image.open(path) as picture:
        seen = Seen(picture.format or "")
        seen.declared_frames = min(_PAGES, getattr(picture, "n_frames", 1))
        for page in range(seen.declared_frames):
            try:
                picture.seek(page)
                upright = ImageOps.exif_transpose(picture)
                seen.means.append(_means(_luma(upright)))
                seen.frames += 1
            except (OSError, ValueError, SyntaxError, EOFError):
                seen.failed += 1
                break
        if picture.info.get("icc_profile"):
            seen.beside.append("profile")
        try:
            if picture.getexif().get(0x010E):
                seen.beside.append("EXIF")
        except (OSError, ValueError, SyntaxError, struct.error):
            pass
        dpi = [float(number) for number in picture.info.get("dpi") or (0, 0)]
        # 1 is what TIFF has without any; more than the most is of no printer.
        if dpi[0] > 1 and abs(dpi[0] - 72) > 1 and max(dpi) < _MOST_DPI:
            seen.beside.append("resolution")
    if not seen.frames:
        raise ValueError("no page can be read")
    return seen


def _luma(picture: Image.Image) -> np.ndarray:
    """The luma of a picture, darkest 0 and brightest 255 where it has more than 8 bits."""
    if picture.mode.startswith(("I", "F")):
        deep = np.asarray(picture, dtype=np.float64)
        return deep / (257 if picture.mode != "F" else 1)
    return np.asarray(picture.convert("RGB").convert("L"), dtype=np.float64)


def _means(luma: np.ndarray) -> str:
    """Means of 8 x 8 fields; small pictures give fewer."""
    rows = np.array_split(luma, min(_GRID, luma.shape[0]))
    fields = [np.array_split(row, min(_GRID, luma.shape[1]), axis=1) for row in rows]
    means = [round(float(np.clip(part.mean(), 0, 255))) for row in fields for part in row]
    return bytes(means).hex()


def _look_inside(seen: Seen, data: bytes) -> None:
    """What FFmpeg keeps to itself of a Matroska file."""
    crop = dict.fromkeys(("54aa", "54bb", "54cc", "54dd"), 0)
    for spot in spots(ELEMENTS.parse(data)):
        kind, value = spot.node.kind.hex(), _uint(spot.node.body)
        if kind in crop:
            crop[kind] = value
        seen.ordered |= kind == "45b9" and _is_reordered(spot.node, seen.file_length)
    if any(crop.values()):
        seen.crop = tuple(crop.values())


def _is_reordered(edition: Node, seconds: float) -> bool:
    """Whether an edition plays something else than a film of ``seconds`` from end to end."""
    parts = edition.parts or []
    ordered = any(part.kind.hex() == "45dd" and _uint(part.body) == 1 for part in parts)
    chapters = [part.parts or [] for part in parts if part.kind.hex() == "b6"]
    at = 0.0
    for chapter in chapters:
        told = {part.kind.hex(): part.body for part in chapter}
        begin, end = (_uint(told.get(name, b"")) / 1e9 for name in ("91", "92"))
        if ordered and ("6e67" in told or abs(begin - at) > _JOINED):
            return True
        at = end or at
    return ordered and bool(chapters) and at < seconds - _ENDED


def _uint(body: bytes) -> int:
    return int.from_bytes(body[:8], "big")


def _tagged(stream: Any) -> float:
    """Seconds, by the tag of Matroska's muxers: "00:00:01.500000000"; 0 without one."""
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = map(float, parts)
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds


def _packets(container: Any, seen: Seen) -> Any:
    while seen.read_errors < _READ_ERRORS:
        try:
            for packet in container.demux():
                if packet.size:
                    if packet.pts is not None and packet.stream.type in ("audio", "video"):
                        end = (packet.pts + (packet.duration or 0)) * packet.time_base
                        seen.last = max(seen.last, float(end))
                    yield packet
            return
        except IndexError:  # PyAV knows no stream of this packet
            seen.late += 1
        except av.FFmpegError as error:
            seen.read_errors += 1
            if not isinstance(error, av.error.InvalidDataError):
                return


def _hear(seen: Seen, packet: Any, ends: dict[int, Fraction]) -> None:
    index = packet.stream.index
    if (texts := seen.texts.get(str(index))) is not None:
        texts += _words(packet)
    hashes = seen.sound.get(str(index))
    if hashes is None:
        return
    hashes.append(hashlib.md5(bytes(packet)).hexdigest()[:16])
    if packet.is_discard:
        seen.unheard.append(hashes[-1])
    if packet.is_corrupt:
        seen.sound_doubts.append("a packet of sound is marked as corrupt")
    if packet.pts is not None:
        begin = packet.pts * packet.time_base
        if packet.dts == packet.pts:  # as sound has it that no one harmed
            seen.sound_times[str(index)].append(round(float(begin), 6))
        if begin - ends.get(index, begin) > _PAUSE:
            seen.sound_doubts.append(
                f"no sound from {float(ends[index]):.3f} to {float(begin):.3f}"
            )
        ends[index] = begin + (packet.duration or 0) * packet.time_base


def _words(packet: Any) -> Iterator[str]:
    """What a packet of subtitles says, if it is text."""
    data = bytes(packet)
    if packet.stream.codec_context is None:
        return
    if packet.stream.codec_context.name == "mov_text":
        data = data[2 : 2 + int.from_bytes(data[:2], "big")]
    text = data.replace(b"\r", b"").strip().decode("utf-8", "replace")
    if text:
        yield text


def _look(seen: Seen, pictures: list[Any], stream: Any, times: list[Fraction]) -> None:
    for picture in pictures:
        if not seen.frames:
            seen.picture = hashlib.md5(bytes(picture.planes[0])).hexdigest()[:16]
        seen.frames += 1
        seen.failed += picture.is_corrupt
        at = 0.0
        if picture.pts is not None:
            times.append(picture.pts * stream.time_base)
            at = float(times[-1])
            seen.times.append(round(at, 6))
        look = _shape(picture, stream)
        if not seen.looks or seen.looks[-1][1] != look:
            seen.looks.append((round(at, 3), look))
        if len(seen.means) < _MOST_MEANS:
            gray = picture.reformat(format="gray")
            rows = np.frombuffer(gray.planes[0], np.uint8).reshape(-1, gray.planes[0].line_size)
            luma = rows[: picture.height, : picture.width].astype(np.float64)
            seen.means.append(_means(_cut(luma, seen.crop)))


def _cut(luma: np.ndarray, crop: tuple[int, ...]) -> np.ndarray:
    """What is left to be seen; all of it where that is nothing, for no player does that."""
    bottom, top, left, right = crop or (0, 0, 0, 0)
    height, width = luma.shape
    part = luma[top : max(top, height - bottom), left : max(left, width - right)]
    return part if part.size else luma


def _shape(picture: Any, stream: Any) -> dict[str, str]:
    """All about a picture that players must know to show it."""
    try:
        found = [bytes(one) for one in picture.side_data if one.type.name == "DISPLAYMATRIX"]
    except ValueError:  # PyAV does not know all kinds
        found = []
    turn = struct.unpack("<9i", found[0])[:5] if found and len(found[0]) == 36 else ()
    if turn and turn[0] * turn[4] == turn[1] * turn[3]:
        turn = ()  # one that nothing can be seen through
    own, told = stream.codec_context.sample_aspect_ratio, stream.sample_aspect_ratio
    if not stream.container.format.name.startswith("mpeg"):
        own = told or own  # what the container tells goes for all of the film
    return {
        "size": f"{picture.width}x{picture.height}",
        "shape": str(own if own and own > 0 else 1),
        "range": "full" if picture.color_range == 2 or "yuvj" in picture.format.name else "",
        "matrix": str(picture.colorspace),
        "fields": "halves" if picture.interlaced_frame else "whole",
        "turn": str(turn) if turn else "",
    }


def _measure(seen: Seen, times: list[Fraction]) -> None:
    steps = [float(b - a) for a, b in pairwise(times)]
    if not steps:
        return
    seen.step, seen.longest = statistics.median(steps), max(steps)
    seen.begin, seen.end = float(times[0]), float(times[-1]) + seen.step
    near = sum(abs(step - seen.step) <= max(0.002, seen.step / 10) for step in steps)
    seen.regular = near >= 0.9 * len(steps)
