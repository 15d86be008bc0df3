"""What the first decoded picture, its decoder and the header tell about a film."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av.error
import av.filter
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcolor.film.pixels import UNSPECIFIED, Storage
from vidcolor.frames import UNTAGGED, FieldOrder, FilmInfo
from vidcolor.settings import OpenSettings

_INTERLACED = 2  # the first AVFieldOrder that means two fields
_FASTEST = 120  # frames a second; more is the clock of a film of variable rate, no rate


def field_order(video: VideoStream, frame: VideoFrame) -> FieldOrder:
    """Which field is displayed first, told by the first picture or by its decoder."""
    if frame.interlaced_frame:
        return "bottom" if _bottom_first(frame) else "top"
    # AVFieldOrder: 2 TT, 3 BB, 4 TB, 5 BT; the second letter is the field displayed first.
    order = video.codec_context.field_order
    if order < _INTERLACED:
        return "progressive"
    return "bottom" if order in (3, 4) else "top"


def _bottom_first(frame: VideoFrame) -> bool:
    """The flag that PyAV 18 does not show, and that an MP4 file tells the decoder wrongly."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
    )
    select = graph.add("select", "eq(interlace_type,BOTTOMFIRST)")
    sink = graph.add("buffersink")
    source.link_to(select)
    select.link_to(sink)
    graph.configure()
    graph.push(frame)
    try:
        graph.pull()
    except av.error.BlockingIOError:
        return False
    return True


def is_see_through(picture: VideoFrame) -> bool:
    """Whether a picture has a pixel that is not opaque."""
    alpha = picture.reformat(format="yuva444p").planes[3]
    samples, line = bytes(alpha), alpha.line_size
    rows = (samples[at : at + picture.width] for at in range(0, picture.height * line, line))
    return any(min(row) < 255 for row in rows)


def side_data(frame: VideoFrame) -> dict[SideDataType, bytes]:
    """What travels beside a picture: display matrix, HDR metadata and more."""
    items: Iterable[Any] = frame.side_data  # PyAV's stub takes it for a dict of strings
    try:
        return {item.type: bytes(item) for item in items}
    except ValueError:  # PyAV 18 does not know some of FFmpeg 8's types
        return {}


def rotation(side: dict[SideDataType, bytes]) -> tuple[int, ...] | None:
    """The display matrix, nine integers; None when there is none."""
    matrix = side.get(SideDataType.DISPLAYMATRIX)
    return struct.unpack("<9i", matrix) if matrix and len(matrix) == 36 and any(matrix) else None


def hdr_metadata(side: dict[SideDataType, bytes]) -> dict[str, Any]:
    """HDR10 static metadata in the units of SMPTE ST 2086 as encoders take them.

    ``display``: ten integers, R, G, B and white x, y in 1/50000, then least and most luminance in
    1/10000 cd/m2. ``light``: most and average content light level in cd/m2.
    """
    hdr: dict[str, Any] = {}
    mastering = side.get(SideDataType.MASTERING_DISPLAY_METADATA)
    if mastering and len(mastering) >= 88:
        numbers = struct.unpack("<22i", mastering[:88])
        if numbers[20] and numbers[21] and all(numbers[1:20:2]):
            pairs = list(zip(numbers[:20:2], numbers[1:20:2], strict=True))
            scales = [50000] * 8 + [10000] * 2
            hdr["display"] = tuple(
                round(Fraction(n, d) * k) for (n, d), k in zip(pairs, scales, strict=True)
            )
    light = side.get(SideDataType.CONTENT_LIGHT_LEVEL)
    if light and len(light) >= 8:
        hdr["light"] = struct.unpack("<2I", light[:8])
    return hdr


def believed_rate(info: FilmInfo) -> Fraction | None:
    """Frames per second, where the film names a number that is a rate."""
    return info.frame_rate if info.frame_rate and info.frame_rate <= _FASTEST else None


def expected_frames(info: FilmInfo, settings: OpenSettings) -> int | None:
    """How many frames a film has between its cuts, declared or estimated; None when nothing tells.

    Args:
        info: Of the film.
        settings: Its cuts.
    """
    rate = believed_rate(info)
    if not info.duration:
        return None if settings.start or settings.end is not None else info.frames
    whole = info.frames or (info.duration * rate if rate else None)
    if whole is None:
        return None
    start, end = settings.start or Fraction(0), info.duration
    if settings.end is not None:
        end = min(end, settings.end)
    return round(whole * max(Fraction(0), end - start) / info.duration)


def notes(info: FilmInfo, found: dict[str, int], stored: Storage) -> tuple[str, ...]:
    """What a user should know: untagged colours, HDR, alpha."""
    told = []
    if found["matrix"] == UNSPECIFIED and not stored.rgb and not stored.gray:
        told.append(f"{UNTAGGED}; taken and tagged as {info.layout.matrix}")
    if info.layout.transfer in ("pq", "hlg"):
        curve = info.layout.transfer.upper()
        told.append(f"the film is HDR ({curve}); its colours are computed as if it were SDR")
    if info.has_alpha:
        told.append("transparency was dropped")
    return tuple(told)
