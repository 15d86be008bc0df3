"""Packets of the picture, taken back from a target that we wrote, into chunk files.

A container changes packets as it takes them: where H.264 and H.265 have start codes, MP4 and
Matroska have lengths, and Matroska rounds times. What is taken back gives the same target again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from av.packet import Packet

from vidcolor.core.files import printable
from vidcolor.errors import OutputError
from vidcolor.media.encode.chunk_file import ChunkFileInfo, PacketFile, read_heads
from vidcolor.media.open import open_video
from vidcolor.settings import InputSettings

_LENGTH_AT = {"h264": 4, "hevc": 21}
"""Where the header of such a stream tells how many bytes a length has."""


@dataclass(frozen=True)
class ChunkHeads:
    """What a container may round of the packets of a chunk, in the order of decoding."""

    pts: tuple[int, ...]
    durations: tuple[int, ...]
    keys: tuple[bool, ...]

    @classmethod
    def of(cls, path: Path) -> ChunkHeads:
        """Those of a chunk file."""
        return cls(*zip(*read_heads(path), strict=True))


def recover_chunks(
    target: Path, chunks: Sequence[tuple[Path | None, ChunkFileInfo, ChunkHeads]]
) -> Iterator[ChunkFileInfo | None]:
    """Write chunk files with the packets of a target.

    Args:
        target: As it was written of these chunks; that is not checked here.
        chunks: All of them in order: the file that is to be written, None for one that is not
            needed; what was true of the file that there was; and its heads.

    Yields:
        What is true of each new file; None for one that is not needed.

    Raises:
        OutputError: The target has other packets, or a file cannot be written.
    """
    with open_video(target, InputSettings()) as film:
        context = film.video.codec_context
        size_at = _LENGTH_AT.get(context.name)
        header = context.extradata or b""
        has_lengths = size_at is not None and len(header) > size_at and header[0] == 1
        length = (header[size_at] & 3) + 1 if size_at and has_lengths else 0
        frames, stored = sum(len(heads.pts) for _, _, heads in chunks), film.video.duration
        if film.info.container == "mxf" and stored != frames:
            raise OutputError(
                f"{printable(target.name)}: repeats frames where the film has gaps, so that no part"
                " of it can be kept; add --force to make all of it again"
            )
        packets = (packet for packet in film.container.demux(film.video) if packet.size)
        for path, facts, heads in chunks:
            taken = list(islice(packets, len(heads.pts)))
            if len(taken) != len(heads.pts):
                raise OutputError(f"{printable(target.name)}: has other frames than were written")
            yield _write(path, facts, heads, taken, length) if path else None


def _write(
    path: Path, facts: ChunkFileInfo, heads: ChunkHeads, packets: Sequence[Packet[Any]], length: int
) -> ChunkFileInfo:
    with PacketFile(path) as file:
        told = zip(packets, heads.pts, heads.durations, heads.keys, strict=True)
        for packet, pts, duration, is_key in told:
            data = bytes(packet)
            copy: Packet[Any] = Packet(with_start_codes(data, length) if length else data)
            copy.pts, copy.duration, copy.is_keyframe = pts, duration, is_key
            file.add(copy)
        return replace(file.finish(b""), extradata=facts.extradata)


def with_start_codes(data: bytes, length: int) -> bytes:
    """A packet whose units begin with their lengths, as one whose units begin with start codes.

    Args:
        data: The packet.
        length: Bytes of a length.

    Raises:
        OutputError: It is none.
    """
    found, place = [], 0
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + length].rjust(4, b"\0"))
        place += length
        if place + size > len(data):
            raise OutputError("a packet of the finished target is cut short; add --force")
        found.append(b"\0\0\0\1" + data[place : place + size])
        place += size
    return b"".join(found)
