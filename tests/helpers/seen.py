"""Looks at a film: everything a test may want to compare."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition


@dataclass
class Seen:
    """What is in a film file, read back with PyAV."""

    format: str
    pts: list[Fraction]
    durations: list[Fraction]
    luma: list[str]
    """md5 of every frame's luma plane."""
    packets: dict[int, list[str]]
    """Stream index -> md5 of the payload of every packet."""
    times: dict[int, list[Fraction]]
    """Stream index -> pts of every packet in seconds."""
    streams: list[dict[str, Any]]
    chapters: list[tuple[Fraction, Fraction, str]]
    metadata: dict[str, str]
    pix_fmt: str
    tags: tuple[int, int, int, int]
    size: tuple[int, int]
    sar: Fraction | None
    matrix: tuple[int, ...] | None
    interlaced: bool
    field_order: int
    side_data: dict[str, bytes]


def plane_view(plane: Any, bits: int) -> np.ndarray:
    """(H, W) writable view of an av plane."""
    dtype = np.uint8 if bits == 8 else np.uint16
    rows = np.frombuffer(plane, np.uint8)[: plane.line_size * plane.height]
    view = rows.reshape(plane.height, plane.line_size).view(dtype)
    return view[:, : plane.width]


def see(path: Path, video: int | None = None) -> Seen:
    """Everything a test compares, from one pass over the packets and one over the frames."""
    packets: dict[int, list[str]] = {}
    times: dict[int, list[Fraction]] = {}
    with av.open(str(path), metadata_errors="surrogateescape") as container:
        chosen = next(
            s
            for s in container.streams.video
            if not s.disposition & Disposition.attached_pic and video in (None, s.index)
        ).index
        for packet in container.demux():
            if packet.size:
                index = packet.stream.index
                packets.setdefault(index, []).append(md5(bytes(packet)))
                if packet.pts is not None:
                    times.setdefault(index, []).append(packet.pts * packet.time_base)
    with av.open(str(path), metadata_errors="surrogateescape") as container:
        stream: Any = container.streams[chosen]
        seen = Seen(
            format=container.format.name,
            pts=[],
            durations=[],
            luma=[],
            packets=packets,
            times=times,
            streams=[_stream(s) for s in container.streams],
            chapters=[_seen_chapter(c) for c in container.chapters()],
            metadata=dict(container.metadata),
            pix_fmt="",
            tags=(0, 0, 0, 0),
            size=(0, 0),
            sar=stream.sample_aspect_ratio,
            matrix=None,
            interlaced=False,
            field_order=0,
            side_data={},
        )
        for frame in container.decode(stream):
            if not seen.pts:
                _first(seen, frame, stream)
            seen.pts.append(frame.pts * frame.time_base)
            seen.durations.append(frame.duration * frame.time_base)
            seen.luma.append(md5(luma_bytes(frame)))
    return seen


def _first(seen: Seen, frame: Any, stream: Any) -> None:
    seen.pix_fmt = frame.format.name
    seen.tags = (
        int(frame.color_range),
        int(frame.colorspace),
        int(frame.color_primaries),
        int(frame.color_trc),
    )
    seen.size = (frame.width, frame.height)
    seen.interlaced = frame.interlaced_frame
    seen.field_order = stream.codec_context.field_order
    seen.side_data = {item.type.name: bytes(item) for item in frame.side_data}
    matrix = seen.side_data.get("DISPLAYMATRIX")
    seen.matrix = struct.unpack("<9i", matrix) if matrix else None


def luma_bytes(frame: Any) -> bytes:
    """Plane 0 of a frame without the padding of its lines."""
    bits = max(8, frame.format.components[0].bits)
    return plane_view(frame.planes[0], bits).tobytes()


def samples(path: Path) -> list[tuple[str, bytes]]:
    """Pixel format and all planes of every frame, without the padding of their lines."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    bits = [max(8, frame.format.components[0].bits) for frame in frames]
    return [
        (frame.format.name, b"".join(plane_view(p, depth).tobytes() for p in frame.planes))
        for frame, depth in zip(frames, bits, strict=True)
    ]


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def _stream(stream: Any) -> dict[str, Any]:
    context = getattr(stream, "codec_context", None)
    return {
        "index": stream.index,
        "type": stream.type,
        "codec": context.codec.canonical_name if context else stream.name,
        "language": stream.metadata.get("language", "und"),
        "title": stream.metadata.get("title", ""),
        "disposition": Disposition(stream.disposition),
        "metadata": dict(stream.metadata),
        "data": stream.data if stream.type == "attachment" else b"",
    }


def _seen_chapter(chapter: Any) -> tuple[Fraction, Fraction, str]:
    tick = chapter["time_base"]
    return chapter["start"] * tick, chapter["end"] * tick, chapter["metadata"].get("title", "")


def subtitle_texts(path: Path, index: int) -> list[tuple[float, bytes]]:
    """(seconds, payload) of every non-empty packet of a subtitle stream."""
    with av.open(str(path)) as container:
        return [
            (round(float(p.pts * p.time_base), 3), bytes(p))
            for p in container.demux(container.streams[index])
            if p.size and bytes(p) != b"\0\0"
        ]
