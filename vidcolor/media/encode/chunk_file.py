"""Chunk files: the packets of a run of frames, as the encoder gave them, on their own.

A chunk file holds what any encoder makes, bit by bit, with times in the film's own ticks; no
container that would round, reorder or refuse comes between. Decoding times are not stored: an
encoder counts them anew for each chunk, so they are made for the whole film when it is stitched.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import av
from av.packet import Packet
from av.video.stream import VideoStream

from vidcolor.core.files import new_file, printable, reader
from vidcolor.core.frames import Frame
from vidcolor.core.target import publish
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import OutputError
from vidcolor.media.encode.encoder import EncodePlan, encode, open_encoder
from vidcolor.media.whitelist import target_errors

_MAGIC = b"vidcolor packets 1\n"
_HEAD = struct.Struct("<qqI?")  # pts, duration, bytes of payload, whether it is a key frame


@dataclass(frozen=True)
class ChunkFileInfo:
    """What is true of a chunk file."""

    frames: int
    first_pts: int
    last_pts: int
    delay: int
    """Ticks by which packets must be decoded before the frame in their place is shown."""
    bytes: int
    sha256: str
    """Of the whole file, hexadecimal."""
    extradata: str
    """sha256 of the encoder's header, hexadecimal; it stands once for the whole film."""


class PacketFile:
    """A chunk file while it is written; use it in a ``with`` block.

    It gets its name when it is complete and on the disk; before, nothing of it remains.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._pts: list[int] = []
        self._hash = hashlib.sha256()
        self._file: BinaryIO

    def __enter__(self) -> PacketFile:
        with target_errors(self._path):
            self._file = new_file(self._part)
            self._put(_MAGIC)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._file.closed:
            with suppress(OSError):  # what the buffer holds is not wanted any more
                self._file.close()
            self._part.unlink(missing_ok=True)

    def add(self, packet: Packet[Any]) -> None:
        """Write a packet of the film's picture."""
        assert packet.pts is not None
        self._pts.append(packet.pts)
        data = bytes(packet)
        with target_errors(self._path):
            self._put(_HEAD.pack(packet.pts, packet.duration or 0, len(data), packet.is_keyframe))
            self._put(data)

    def finish(self, extradata: bytes) -> ChunkFileInfo:
        """Bring the file to the disk and give it its name."""
        with target_errors(self._path):
            self._file.flush()
            size = self._file.tell()
            publish(self._file.fileno(), self._part, self._path)
            self._file.close()
        return ChunkFileInfo(
            frames=len(self._pts),
            first_pts=min(self._pts),
            last_pts=max(self._pts),
            delay=max(shown - pts for shown, pts in zip(sorted(self._pts), self._pts, strict=True)),
            bytes=size,
            sha256=self._hash.hexdigest(),
            extradata=hashlib.sha256(extradata).hexdigest(),
        )

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)


def write_chunk(
    frames: Iterable[Frame], path: Path, plan: EncodePlan, info: VideoInfo
) -> ChunkFileInfo:
    """Encode frames with an encoder of their own into a chunk file.

    Raises:
        OutputError: The encoder or the disk fails.
        OutputFull: The disk is full.
    """
    # The container only tells the encoder what headers the target wants; nothing is written to it.
    container = av.open(f"chunk.{plan.container}", "w", format=plan.container)
    with container, PacketFile(path) as file:
        video = open_encoder(container, plan, info)
        for packet in encode(frames, video):
            file.add(packet)
        return file.finish(video.codec_context.extradata or b"")


def read_chunk(
    path: Path, facts: ChunkFileInfo, stream: VideoStream, delay: int, first: int = 0
) -> Iterator[Any]:
    """The packets of a chunk file, ready to be written to ``stream``.

    Args:
        path: The chunk file.
        facts: What must be true of it.
        stream: Of the target; its codec's time base is the film's.
        delay: The largest of all chunks of the film, in ticks.
        first: pts in the file of what becomes 0.

    Raises:
        OutputError: The file is not the one that was written.
    """
    time_base = stream.codec_context.time_base
    assert time_base is not None
    damaged = OutputError(
        f"{printable(path.name)}: a finished chunk is damaged; run the same command again to color"
        " it again"
    )
    with target_errors(path), reader(path) as file:
        try:
            shown = sorted(_times(file))
        except struct.error:
            raise damaged from None
        file.seek(0)
        found = hashlib.sha256(file.read(len(_MAGIC)))
        for moment in shown:
            head = file.read(_HEAD.size)
            pts, duration, size, is_key = _HEAD.unpack(head)
            data = file.read(size)
            found.update(head + data)
            times = pts - first, moment - first - delay, duration
            yield _packet(data, times, time_base, is_key, stream)
    if found.hexdigest() != facts.sha256 or len(shown) != facts.frames:
        raise damaged


def read_heads(path: Path) -> list[tuple[int, int, bool]]:
    """pts, duration and whether it is a key frame, of every packet in the order of decoding."""
    with target_errors(path), reader(path) as file:
        return [(pts, duration, is_key) for pts, duration, _, is_key in _heads(file)]


def read_sizes(path: Path) -> list[tuple[int, bool]]:
    """Bytes and whether it is a key frame, of every packet in the order of decoding."""
    with target_errors(path), reader(path) as file:
        return [(size, is_key) for _, _, size, is_key in _heads(file)]


def _times(file: BinaryIO) -> Iterator[int]:
    """The pts of every packet, in the order of decoding; payloads are not read."""
    return (pts for pts, *_ in _heads(file))


def _heads(file: BinaryIO) -> Iterator[tuple[int, int, int, bool]]:
    """What stands before every packet, as of `_HEAD`; payloads are not read."""
    file.seek(len(_MAGIC))
    while head := file.read(_HEAD.size):
        pts, duration, size, is_key = _HEAD.unpack(head)
        file.seek(size, os.SEEK_CUR)
        yield pts, duration, size, is_key


def _packet(
    data: bytes,
    times: tuple[int, int, int],
    time_base: Fraction,
    is_key: bool,
    stream: VideoStream,
) -> Packet[Any]:
    packet: Packet[Any] = Packet(data)
    packet.pts, packet.dts, packet.duration = times
    packet.time_base = time_base
    packet.is_keyframe = is_key
    packet.stream = stream
    return packet
