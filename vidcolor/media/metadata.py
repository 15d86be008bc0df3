"""What the first decoded picture, its decoder and the header tell about a film."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import av.filter
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcolor.core.video_info import UNTAGGED, FieldOrder, StreamInfo, VideoInfo
from vidcolor.media.container_heads import Crop
from vidcolor.media.mxf import atom_notes
from vidcolor.media.pixel_formats import (
    LINEAR,
    SRGB,
    UNSPECIFIED,
    Storage,
    fill_tags,
    film_storage,
    make_layout,
)
from vidcolor.settings import InputSettings

_UPRIGHT = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_SHAPELESS = ("mpegts", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "dv")
"""Containers that say nothing of the shape of pixels, so that parts may differ."""
_INTERLACED = 2  # the first AVFieldOrder that means two fields
_FASTEST = 120  # frames a second; more is the clock of a film of variable rate, no rate


def describe(
    path: Path,
    container: InputContainer,
    video: VideoStream,
    frame: VideoFrame,
    coded: Fraction,
    crop: Crop | None = None,
) -> tuple[VideoInfo, int]:
    """VideoInfo, and the time of the first frame in the target.

    Args:
        path: Of the film.
        container: Just opened.
        video: Its picture.
        frame: The first one, of another reading, as it is meant to be seen.
        coded: `coded_aspect` when that was read.
        crop: What was cut off it.
    """
    stored_format = frame.format.name
    codec = video.codec_context.name
    stored = film_storage(stored_format, codec)
    rate = video.guessed_rate or video.average_rate
    found = color_tags(frame)
    tags = fill_tags(
        meant_tags(found, codec), stored, stored_format, (frame.width, frame.height), rate
    )
    time_base = video.time_base or Fraction(1, 90000)
    start = _start(container, time_base, frame.pts)
    side = side_data(frame, codec)
    alpha = stored.alpha or video.metadata.get("alpha_mode") == "1"
    if codec == "gif" or stored_format == "pal8":  # a palette has alpha, with a hole or not
        alpha = is_see_through(frame)
    layout = make_layout(stored, tags, codec)
    info = VideoInfo(
        path=path,
        container=container.format.name,
        codec=codec,
        width=frame.width,
        height=frame.height,
        layout=layout,
        stored_format=stored_format,
        time_base=time_base,
        frame_rate=rate,
        duration=_duration(container, video, time_base),
        frames=video.frames or None,
        start=start,
        sample_aspect=_sample_aspect(container, video, coded),
        field_order=field_order(video, frame),
        rotation=rotation(side),
        tags=tags,
        hdr=hdr_metadata(side) if layout.transfer in ("pq", "hlg") else {},
        has_alpha=alpha,
        streams=tuple(_stream_info(s) for s in container.streams),
        chapters=len(container.chapters()),
        metadata=dict(container.metadata),
        timecode=_timecode(container, video),
        crop=crop,
    )
    first = (frame.pts or 0) - int(start / time_base)
    return replace(info, notes=notes(info, found, stored)), first


def _duration(
    container: InputContainer, video: VideoStream, time_base: Fraction
) -> Fraction | None:
    if video.duration:
        return Fraction(video.duration) * time_base
    return Fraction(container.duration, av.time_base) if container.duration else None


def _timecode(container: InputContainer, video: VideoStream) -> str:
    places = [video.metadata, *(s.metadata for s in container.streams.data), container.metadata]
    # Matroska writes names in capitals.
    found = (value for tags in places for key, value in tags.items() if key.lower() == "timecode")
    return next(filter(None, found), "")


def _start(container: InputContainer, time_base: Fraction, first: int | None) -> Fraction:
    """Seconds to subtract from every time, a whole number of the picture's ticks.

    It is negative where the first picture, at ``first`` ticks, comes before 0. Sound alone may:
    that begins with its encoder's delay, which players hide.
    """
    streams = [*container.streams.video, *container.streams.audio]
    starts = [
        s.start_time * s.time_base
        for s in streams
        if s.start_time is not None and s.time_base and not is_cover(s)
    ]
    picture = Fraction(0) if first is None else first * time_base
    start = min(starts, default=Fraction(0))
    if picture < 0:
        # A clock that has wrapped is as good as any other; elsewhere the picture is what counts.
        start = min(start, picture) if container.format.name in _SHAPELESS else picture
    else:
        start = max(Fraction(0), start)
    return start // time_base * time_base


def _sample_aspect(
    container: InputContainer, video: VideoStream, coded: Fraction
) -> Fraction | None:
    """The container's word where it has one, else that of the first picture.

    FFmpeg may have read on to learn it, to a part that is another recording.
    """
    found = video.sample_aspect_ratio
    return coded if found and container.format.name in _SHAPELESS else found or None


def _stream_info(stream: Stream) -> StreamInfo:
    kind = "cover" if is_cover(stream) else stream.type
    context = getattr(stream, "codec_context", None)
    codec = context.name if context is not None else (getattr(stream, "name", None) or "unknown")
    tags = stream.metadata
    language = tags.get("language", "")
    return StreamInfo(
        index=stream.index,
        kind=kind,
        codec=codec,
        language="" if language == "und" else language,
        title=tags.get("title") or tags.get("name") or tags.get("filename", ""),
    )


def is_cover(stream: Stream) -> bool:
    """Whether a stream is a cover picture or a thumbnail rather than part of the film."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def color_tags(frame: VideoFrame) -> dict[str, int]:
    """What a picture says of its colors: range, matrix, primaries, transfer, as H.273 numbers."""
    return {
        "range": int(frame.color_range),
        "matrix": int(frame.colorspace),
        "primaries": int(frame.color_primaries),
        "transfer": int(frame.color_trc),
    }


def meant_tags(found: dict[str, int], codec: str) -> dict[str, int]:
    """What `color_tags` means of pictures of a codec.

    Linear light of EXR frames becomes codes with the sRGB curve. Writers of DPX, FFmpeg among them,
    call linear what is not logarithmic, and that is video.
    """
    if found["transfer"] == LINEAR and codec in ("exr", "dpx"):
        return found | {"transfer": SRGB if codec == "exr" else UNSPECIFIED}
    return found


def coded_aspect(video: VideoStream) -> Fraction:
    """The shape of a pixel that the decoder has read last; 1 where the stream says nothing."""
    return video.codec_context.sample_aspect_ratio or Fraction(1)


def field_order(video: VideoStream, frame: VideoFrame) -> FieldOrder:
    """Which field is displayed first, told by the first picture or by its decoder."""
    own = picture_fields(frame)
    if own != "progressive":
        return own
    # AVFieldOrder: 2 TT, 3 BB, 4 TB, 5 BT; the second letter is the field displayed first.
    order = video.codec_context.field_order
    if order < _INTERLACED:
        return "progressive"
    return "bottom" if order in (3, 4) else "top"


def picture_fields(frame: VideoFrame) -> FieldOrder:
    """Which field of one picture is displayed first."""
    if not frame.interlaced_frame:
        return "progressive"
    return "bottom" if _bottom_first(frame) else "top"


def _bottom_first(frame: VideoFrame) -> bool:
    """The flag that PyAV 18 does not show, and that an MP4 file tells the decoder wrongly."""
    return run_filters(frame, ["select=eq(interlace_type\\,BOTTOMFIRST)"]) is not None


def run_filters(frame: VideoFrame, chain: Sequence[str]) -> VideoFrame | None:
    """What a chain of FFmpeg's filters, written ``name=options``, makes of a picture, if any."""
    graph = av.filter.Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
    )
    for each in chain:
        name, _, options = each.partition("=")
        link = graph.add(name, options)
        last.link_to(link)
        last = link
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    graph.push(frame)
    try:
        found = graph.pull()
    except av.error.BlockingIOError:
        return None
    assert isinstance(found, VideoFrame)
    return found


def is_see_through(picture: VideoFrame) -> bool:
    """Whether a picture has a pixel that is not opaque."""
    alpha = picture.reformat(format="yuva444p").planes[3]
    samples, line = bytes(alpha), alpha.line_size
    rows = (samples[at : at + picture.width] for at in range(0, picture.height * line, line))
    return any(min(row) < 255 for row in rows)


_NAMED: list[Any] = [known.value for known in SideDataType]
_UNNAMED = [n for n in range(48) if n not in _NAMED]
"""Kinds of side data that FFmpeg has, or will have, and PyAV 18 has no name for, such as EXIF."""


_PROFILE: Any = SideDataType.ICC_PROFILE.value


def has_profile(frame: VideoFrame) -> bool:
    """Whether a picture comes with a color profile; PyAV is not asked, see `side_data`."""
    return run_filters(frame, [f"sidedata=mode=select:type={_PROFILE}"]) is not None


def side_data(frame: VideoFrame, codec: str = "") -> dict[SideDataType, bytes]:
    """What travels beside a picture: display matrix, HDR metadata and more.

    The only place that asks for it, and only of pictures that are not written into yet: PyAV keeps
    what it gave, wherever the picture's memory goes. A picture that has something of which PyAV
    does not know the kind gives nothing at all, so that is taken off a copy first. So is the
    color profile of a PNG: PyAV 18 frees the name of a profile, and FFmpeg frees it once more.
    """
    if codec in ("png", "apng"):
        frame = run_filters(frame, [f"sidedata=mode=delete:type={_PROFILE}"]) or frame
    try:
        items: Iterable[Any] = frame.side_data  # PyAV's stub takes it for a dict of strings
    except ValueError:
        plain = run_filters(frame, [f"sidedata=mode=delete:type={n}" for n in _UNNAMED])
        items = () if plain is None else plain.side_data
    return {item.type: bytes(item) for item in items}


def rotation(side: dict[SideDataType, bytes]) -> tuple[int, ...] | None:
    """The display matrix, nine integers; None when there is none, or one that changes nothing."""
    data = side.get(SideDataType.DISPLAYMATRIX)
    matrix = struct.unpack("<9i", data) if data and len(data) == 36 else _UPRIGHT
    return matrix if any(matrix) and matrix != _UPRIGHT else None


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


def believed_rate(info: VideoInfo) -> Fraction | None:
    """Frames per second, where the film names a number that is a rate."""
    return info.frame_rate if info.frame_rate and info.frame_rate <= _FASTEST else None


def expected_frames(info: VideoInfo, settings: InputSettings) -> int | None:
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


TRANSPARENCY = "transparency was dropped"


def notes(info: VideoInfo, found: dict[str, int], stored: Storage) -> tuple[str, ...]:
    """What a user should know: untagged colors, HDR, alpha."""
    told = []
    if found["matrix"] == UNSPECIFIED and not stored.rgb and not stored.gray:
        told.append(f"{UNTAGGED}; assumed and tagged as {info.layout.matrix}")
    if info.layout.transfer in ("pq", "hlg"):
        curve = info.layout.transfer.upper()
        told.append(f"the film is HDR ({curve}); it is colored as if it were SDR")
    if info.has_alpha:
        told.append(TRANSPARENCY)
    if info.crop:
        left, top, right, bottom = info.crop
        stored_size = f"{info.width + left + right}x{info.height + top + bottom}"
        told.append(
            f"the container crops the picture of {stored_size} to {info.width}x{info.height}; only"
            " that part is written"
        )
    if info.container == "mxf":
        told += atom_notes(info)
    return tuple(told)
