"""Opens a film: container -> Film with FilmInfo, under limits.

What only a decoded frame can tell (pixel format, interlacing, colour tags, HDR, rotation) is read
from the first frame in a container of its own, so that the film itself starts untouched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcolor.errors import (
    FilmTooLarge,
    FilmUnreadable,
    NoPicture,
    SettingsError,
    UnsupportedPixels,
)
from vidcolor.film.facts import (
    field_order,
    hdr_metadata,
    is_see_through,
    notes,
    rotation,
    side_data,
)
from vidcolor.film.limits import (
    CODECS,
    FORMATS,
    READ_LIMITS,
    check_file,
    check_length,
    film_errors,
    identity,
    is_encrypted_mp4,
    printable,
)
from vidcolor.film.pixels import fill_tags, make_layout, storage
from vidcolor.frames import Damage, FilmInfo, StreamInfo
from vidcolor.settings import OpenSettings

_MAX_DAMAGE = 1000
_PADDING = 128 * 16384  # FFmpeg counts the rounded-up size of its buffers; check_size is exact
_PROBE_PACKETS = 2000
_STILL_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png_pipe"),
    (b"\xff\xd8\xff", "jpeg_pipe"),
    (b"II*\0", "tiff_pipe"),
    (b"MM\0*", "tiff_pipe"),
    (b"BM", "bmp_pipe"),
)


@dataclass
class Film:
    """An open film. Close it, or use it in a ``with`` block, after ``decode`` has ended."""

    info: FilmInfo
    container: InputContainer
    video: VideoStream
    settings: OpenSettings
    first_pts: int
    """Presentation time of the first frame in the target, in units of ``info.time_base``, before
    ``settings.start`` cuts; negative where the film hides its first frames from players."""
    damage: list[Damage] = field(default_factory=list)
    """What ``decode`` and the writer worked around, in the order it was met; at most 1000."""
    damage_counts: dict[str, int] = field(default_factory=dict)
    """Kind of damage -> how often it was met, beyond the 1000 listed ones too."""
    zero: Fraction = Fraction(0)
    """The moment, in the film's time, that is 0 in the target; known with its first frame."""
    source_colour: str = "grey"
    """``grey``, ``tinted`` or ``coloured``; known when ``decode`` has ended."""
    seeks: bool | None = None
    """Whether reading may begin in its middle; None until `vidcolor.film.seek` was asked."""
    former: list[InputContainer] = field(default_factory=list)
    """Containers that were read before; what was made of them may still be in use."""
    content: Callable[[], str] = field(default=lambda: "")
    """Tells the digest of its bytes, as of `vidcolor.film.sameness.Content`; empty where nobody
    knows."""

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the container and ends the decoder's threads."""
        for container in (self.container, *self.former):
            container.close()

    def note(self, kind: str, seconds: float, text: str) -> None:
        """Adds to ``damage``; the thousandth entry says that there is more. All are counted."""
        self.damage_counts[kind] = self.damage_counts.get(kind, 0) + 1
        if len(self.damage) == _MAX_DAMAGE - 1:
            text = "and more from here on; only the first 999 are listed"
        if len(self.damage) < _MAX_DAMAGE:
            self.damage.append(Damage(kind, round(float(seconds), 3), text))


def film_is_still(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is a picture (PNG, JPEG, WebP, TIFF, BMP), told by its bytes."""
    return still_format(path) is not None


def still_format(path: str | os.PathLike[str]) -> str | None:
    """FFmpeg's demuxer for the picture at ``path``; None for anything that is no picture."""
    try:
        with open(check_file(path), "rb") as file:
            head = file.read(16)
    except (FilmUnreadable, OSError):
        return None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp_pipe"
    return next((demuxer for magic, demuxer in _STILL_MAGIC if head.startswith(magic)), None)


def open_film(path: str | os.PathLike[str], settings: OpenSettings | None = None) -> Film:
    """Opens the film at ``path`` and learns all that can be known before it is decoded.

    Raises:
        FilmUnreadable: Missing, empty, no media file, damaged beyond use, encrypted.
        NoPicture: Sound only, a cover picture only, subtitles, or a still.
        UnsupportedPixels: Codec or pixel format is not on the list.
        FilmTooLarge: More pixels than ``settings.max_pixels``, longer than ``settings.max_hours``.
        SettingsError: ``settings.video_stream`` does not exist.
    """
    settings = settings or OpenSettings()
    absolute = check_file(path)
    name = printable(absolute.name)
    if film_is_still(absolute):
        raise NoPicture(f"{name}: is a still picture, no film")
    known = identity(absolute)
    with film_errors(absolute):
        container = open_container(absolute, settings, FORMATS)
        try:
            video = _choose_video(container, settings, name)
            frame = _first_frame(absolute, video.index, settings, name)
            info, first = _describe(absolute, container, video, frame)
            check_length(info.duration, settings, name)
            ready_decoder(video, settings)
        except BaseException:
            container.close()
            raise
    return Film(replace(info, identity=known), container, video, settings, first)


def open_container(
    path: Path, settings: OpenSettings, formats: str, demuxer: str | None = None
) -> InputContainer:
    """An input container in which only the listed demuxers and the file protocol may work."""
    options = {
        "format_whitelist": formats,
        "protocol_whitelist": "file",
        "max_pixels": str(settings.max_pixels + _PADDING),  # guards what FFmpeg decodes to probe
        **READ_LIMITS,
    }
    # PyAV would refuse non-UTF-8 tags; surrogates carry their bytes unchanged to the target.
    return av.open(
        str(path), "r", format=demuxer, options=options, metadata_errors="surrogateescape"
    )


def is_cover(stream: Stream) -> bool:
    """Whether a stream is a cover picture or a thumbnail rather than part of the film."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def check_size(width: int, height: int, settings: OpenSettings, name: str) -> None:
    """Refuses pictures above the limit.

    Raises:
        FilmTooLarge: More pixels than ``settings.max_pixels``.
    """
    if width * height > settings.max_pixels:
        raise FilmTooLarge(
            f"{name}: {width}x{height} has more than {settings.max_pixels} pixels; raise"
            f" --max-pixels to {width * height} if you trust the file"
        )


def ready_decoder(video: VideoStream, settings: OpenSettings) -> None:
    """Gives the decoder of a film its threads and its limits, before the first packet."""
    video.thread_type = "AUTO"
    video.codec_context.thread_count = settings.decoder_threads or min(os.cpu_count() or 1, 8)
    limit_decoder(video.codec_context, settings)


def limit_decoder(context: CodecContext, settings: OpenSettings) -> None:
    """Makes a decoder refuse pictures above the limit, even where a stream changes its size."""
    context.options = {"max_pixels": str(settings.max_pixels + _PADDING)}


def _choose_video(container: InputContainer, settings: OpenSettings, name: str) -> VideoStream:
    candidates = [s for s in container.streams.video if not is_cover(s)]
    if not candidates:
        kind = "only a cover picture" if container.streams.video else "sound but no picture"
        raise NoPicture(f"{name}: has {kind}; there is nothing to colour")
    if settings.video_stream is not None:
        if not 0 <= settings.video_stream < len(candidates):
            raise SettingsError(
                f"{name}: has no video stream {settings.video_stream}; count from 0 to"
                f" {len(candidates) - 1}"
            )
        video = candidates[settings.video_stream]
    else:
        best = container.streams.best("video")
        index = candidates[0].index if best is None else best.index
        video = next((s for s in candidates if s.index == index), candidates[0])
    # PyAV declares the context as always there, but codecs without a decoder have none.
    if getattr(video, "codec_context", None) is None:
        raise UnsupportedPixels(f"{name}: there is no decoder for its picture")
    codec = video.codec_context.name
    if codec not in CODECS:
        raise UnsupportedPixels(
            f"{name}: the codec {codec} is not on vidcolor's list of safe decoders; convert the"
            " film to ffv1 or h264"
        )
    check_size(video.codec_context.width, video.codec_context.height, settings, name)
    return video


def _first_frame(path: Path, index: int, settings: OpenSettings, name: str) -> VideoFrame:
    """The first picture of stream ``index`` that decodes, from a container of its own."""
    packets = 0
    # PyAV ends with IndexError a film in which a stream appears on the way.
    with open_container(path, settings, FORMATS) as container, suppress(IndexError):
        video = next(s for s in container.streams.video if s.index == index)
        video.codec_context.thread_count = 1
        limit_decoder(video.codec_context, settings)
        if container.format.name.startswith("mov") and is_encrypted_mp4(path):
            raise FilmUnreadable(f"{name}: is encrypted (DRM); vidcolor cannot read it")
        for packet in container.demux(video):
            packets += packet.size > 0
            if packet.has_sidedata("encryption_info"):
                raise FilmUnreadable(f"{name}: is encrypted (DRM); vidcolor cannot read it")
            try:
                frames = packet.decode()
            except av.FFmpegError:
                frames = []
            if frames:
                check_size(frames[0].width, frames[0].height, settings, name)
                return frames[0]
            if packets > _PROBE_PACKETS:
                break
    what = "no picture in it can be decoded" if packets else "has a header but no pictures"
    raise FilmUnreadable(f"{name}: {what}")


def _describe(
    path: Path, container: InputContainer, video: VideoStream, frame: VideoFrame
) -> tuple[FilmInfo, int]:
    """FilmInfo, and the time of the first frame in the target."""
    stored_format = frame.format.name
    stored = storage(stored_format)
    codec = video.codec_context.name
    rate = video.guessed_rate or video.average_rate
    found = {
        "range": int(frame.color_range),
        "matrix": int(frame.colorspace),
        "primaries": int(frame.color_primaries),
        "transfer": int(frame.color_trc),
    }
    tags = fill_tags(found, stored, stored_format, (frame.width, frame.height), rate)
    time_base = video.time_base or Fraction(1, 90000)
    start = _start(container, time_base)
    duration = Fraction(video.duration) * time_base if video.duration else None
    if duration is None and container.duration:
        duration = Fraction(container.duration, av.time_base)
    side = side_data(frame)
    alpha = stored.alpha or video.metadata.get("alpha_mode") == "1"
    if codec == "gif":  # decoded with alpha, whether its palette has a hole or not
        alpha = is_see_through(frame)
    layout = make_layout(stored, tags, codec)
    info = FilmInfo(
        path=path,
        container=container.format.name,
        codec=codec,
        width=frame.width,
        height=frame.height,
        layout=layout,
        stored_format=stored_format,
        time_base=time_base,
        frame_rate=rate,
        duration=duration,
        frames=video.frames or None,
        start=start,
        sample_aspect=video.sample_aspect_ratio or None,
        field_order=field_order(video, frame),
        rotation=rotation(side),
        tags=tags,
        hdr=hdr_metadata(side) if layout.transfer in ("pq", "hlg") else {},
        has_alpha=alpha,
        streams=tuple(_stream_info(s) for s in container.streams),
        chapters=len(container.chapters()),
        metadata=dict(container.metadata),
    )
    first = (frame.pts or 0) - int(start / time_base)
    return replace(info, notes=notes(info, found, stored)), first


def _start(container: InputContainer, time_base: Fraction) -> Fraction:
    """Seconds to subtract from every time, a whole number of the picture's ticks.

    Negative starts (sound that begins with encoder delay) are kept: players hide them.
    """
    streams = [*container.streams.video, *container.streams.audio]
    starts = [
        s.start_time * s.time_base
        for s in streams
        if s.start_time is not None and s.time_base and not is_cover(s)
    ]
    start = max(Fraction(0), min(starts, default=Fraction(0)))
    return start // time_base * time_base


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
