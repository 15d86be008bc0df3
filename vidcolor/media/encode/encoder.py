"""Chooses codec and pixel format for a film, and encodes colored frames.

One rule stands above the others: luma goes to the encoder as it was decoded, at the same depth.
Chroma is new anyway, so its subsampling may change where an encoder cannot take the film's.
The table of choices is docs/formats.md.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcolor.core.files import printable
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.iterators import close
from vidcolor.core.paths import CONTAINERS
from vidcolor.core.platform import keep_scheduling
from vidcolor.core.report import Dropped
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import EncoderMissing, OutputError, SettingsError, UnsupportedPixels
from vidcolor.media.encode.hardware import (
    TWINS,
    given_format,
    is_hardware,
    software_for,
    woven,
)
from vidcolor.media.encode.intermediate import (
    PRORES,
    color_notes,
    formats_of,
    highest_depth,
    in_words_of,
    least_bits,
    marks_fields,
    tags_for,
)
from vidcolor.media.encode.options import (
    ALWAYS_LOSSLESS,
    AUTOMATIC,
    check_words,
    encoder_options,
    fitting,
)
from vidcolor.media.mxf import VIDEO_CODECS, edit_rate
from vidcolor.media.pixel_formats import SHIFTS, film_storage, planar_format, siting
from vidcolor.settings import EncodeSettings

_EVEN_ONLY = ("libx264", "libx265", "_nvenc", "_qsv", "_amf", "_v4l2m2m")
_ONE, _ROUNDING = 1 << 16, 500  # of a display matrix, in its own numbers
_OTHER_NAME = "use a .mkv or .mp4 name"
# Where a film's own subsampling does not fit: finest detail first, then what players like.
_FALLBACKS = {
    "420": ("420", "422", "444"),
    "422": ("422", "444", "420"),
    "444": ("444", "422", "420"),
    "440": ("440", "444", "420", "422"),
    "411": ("411", "422", "444", "420"),
    "410": ("410", "420", "422", "444"),
    "gray": ("420", "422", "444"),
}


@dataclass(frozen=True)
class EncodePlan:
    """How a film is going to be encoded; everything that decides the bits of the target."""

    container: str
    """FFmpeg muxer: ``mp4``, ``mov``, ``matroska``, ``webm`` or ``mxf``."""
    codec: str
    """FFmpeg encoder."""
    layout: PixelLayout
    """What ``decode`` must yield and the encoder takes."""
    options: dict[str, str]
    luma: str
    """``exact``: the encoder gets the decoded luma byte for byte; or ``converted from FORMAT``."""
    lossless: bool
    threads: int
    """Threads of the encoder; x264 gives other bits for another number."""
    notes: tuple[str, ...] = ()
    """Where the chroma of the target is stored otherwise than the film's, and settings that are
    not for the codec that the film needs."""
    left_behind: tuple[Dropped, ...] = ()
    """What this codec cannot say about the film."""
    given: str = ""
    """Pixel format in which the encoder gets the same numbers; empty for that of ``layout``."""
    tags: dict[str, int] = field(default_factory=dict)
    """Color tags that the target gets instead of the film's, as `VideoInfo.tags`."""


def plan_encode(info: VideoInfo, target: Path, settings: EncodeSettings) -> EncodePlan:
    """Codec, pixel format and options for ``info`` in a file named ``target``.

    Raises:
        EncoderMissing: The encoder does not exist, does not fit the container, or cannot take the
            film's depth or size.
        SettingsError: The suffix of ``target`` is unknown, or a setting does not fit the codec that
            is asked for.
    """
    container = container_of(target)
    codec = settings.codec or _default_codec(info, container, settings.lossless)
    offered = _choose_formats(info, settings, _formats(codec, container))
    formats = formats_of(codec, woven(offered), settings.profile)
    layout = in_words_of(codec, _fit(info, codec, formats, settings.bits))
    if container == "mxf":
        edit_rate(info)
    tags = info.tags
    layout = replace(layout, siting=siting(layout.sub_x, layout.sub_y, codec, tags))
    ignored: tuple[str, ...] = ()
    if settings.codec is None:
        settings, ignored = fitting(codec, settings)
    options = encoder_options(info, codec, layout, settings)
    stored = info.stored_format
    # Shuffled bytes (nv12, p010, yuyv422, big endian) are the same numbers; RGB is not.
    held = film_storage(stored)
    same = not held.rgb and not held.floats and not stored.startswith("mono")
    exact = same and replace(info.layout, bits=layout.bits, full_range=layout.full_range) == (
        info.layout
    )
    return EncodePlan(
        container=container,
        codec=codec,
        layout=layout,
        options=options,
        luma="exact" if exact else f"converted from {stored}",
        lossless=settings.lossless or codec in ALWAYS_LOSSLESS,
        threads=settings.threads or _count_threads(codec, info),
        notes=(*_notes(info, codec, layout, settings), *color_notes(codec, info, layout), *ignored),
        left_behind=(
            *_left_behind(info, codec, container, options),
            *_lost_depth(info, codec, layout),
        ),
        given=given_format(layout.format, offered),
        tags=tags_for(info, layout),
    )


def _count_threads(codec: str, info: VideoInfo) -> int:
    """Threads with which an encoder gives the same bits for the same frames on every run.

    Of fields, x264 with several threads does not: in 3 of 12 runs some packets were others.
    """
    if codec == "libx264" and info.field_order != "progressive":
        return 1
    return min(os.cpu_count() or 1, 16)


def container_of(target: Path) -> str:
    """The muxer for a target's suffix.

    Raises:
        SettingsError: vidcolor does not write such files.
    """
    container = CONTAINERS.get(target.suffix.lower())
    if container is None:
        known = ", ".join(CONTAINERS)
        raise SettingsError(f"{printable(target.name)}: for a film, the output must end in {known}")
    return container


def _default_codec(info: VideoInfo, container: str, lossless: bool) -> str:
    bits = info.layout.bits
    if container == "webm":
        if lossless:
            raise SettingsError(f"WebM has no lossless codec; {_OTHER_NAME} for --lossless")
        if bits > 10:
            raise EncoderMissing(f"WebM cannot hold {bits} bits per sample; {_OTHER_NAME}")
        return "libvpx-vp9" if bits == 8 else "libsvtav1"  # libvpx is built without high depths
    if container == "mxf":
        if lossless:
            return "ffv1"
        return "dnxhd"
    if container == "mov":
        if bits > (10 if lossless else 12):
            what = " without loss" if lossless else ""
            raise EncoderMissing(f"MOV cannot hold {bits} bits per sample{what}; {_OTHER_NAME}")
        return "libx264" if bits <= 10 else "libx265"
    if lossless or bits > 12:
        return "ffv1"
    return "libx264" if bits <= 10 else "libx265"


def missing_encoders() -> list[str]:
    """Those that vidcolor chooses by itself and this FFmpeg does not have."""
    return [name for name in AUTOMATIC if name not in av.codecs_available]


def _formats(codec: str, container: str) -> list[str]:
    """Pixel formats of an encoder that fits the container."""
    try:
        encoder = av.Codec(codec, "w")
    except (ValueError, LookupError) as exc:
        if is_hardware(codec):
            raise EncoderMissing(
                f"this build of FFmpeg has no {printable(codec)}; use --codec {software_for(codec)}"
            ) from exc
        raise EncoderMissing(
            f"no encoder {printable(codec)}; libx264, libx265, ffv1, libvpx-vp9, libsvtav1 and"
            " prores_ks are always available"
        ) from exc
    if encoder.type != "video":
        raise EncoderMissing(f"{codec} does not encode video")
    with av.open(f"plan.{container}", "w", format=container) as probe:
        supported = codec in probe.supported_codecs  # asking writes no file
    if container == "mxf":  # of which FFmpeg tells only what it would choose
        supported = codec in VIDEO_CODECS
    if not supported:
        suffix = {"matroska": "mkv"}.get(container, container)
        other = "dnxhr, prores, ffv1 or jpeg2000" if container == "mxf" else "another --codec"
        raise EncoderMissing(f"a .{suffix} file cannot hold {codec}; try .mkv, or {other}")
    formats = [f.name for f in encoder.video_formats or []]
    return formats or (["yuv420p"] if is_hardware(codec) else [])  # some tell only once opened


def _choose_formats(info: VideoInfo, settings: EncodeSettings, formats: list[str]) -> list[str]:
    """Of the formats of an encoder those that are asked for, if the film's size allows them."""
    if not settings.sampling or info.width % 2 or info.height % 2:
        return formats
    return [name for name in formats if settings.sampling in name] or formats


def _fit(info: VideoInfo, codec: str, formats: list[str], wanted: int) -> PixelLayout:
    """The film's layout, changed as little as the encoder demands.

    Never to a lower depth, but where editors take no higher one.

    Args:
        info: Of the film.
        codec: The encoder.
        formats: What it takes.
        wanted: Fewest bits per sample.
    """
    source = info.layout
    names = {shifts: name for name, shifts in SHIFTS.items()}
    gray = source.format.startswith("gray")
    own = "gray" if gray else names[source.sub_x, source.sub_y]
    even = codec.endswith(_EVEN_ONLY)
    least = max(source.bits, least_bits(codec, source, wanted))
    if most := highest_depth(codec, formats, source):
        least = most
    depths = sorted({least, *(b for b in (10, 12, 14, 16) if b > least)})
    odd = info.width % 2 or info.height % 2
    odd_refused = False
    for bits in depths:
        for sampling in _FALLBACKS[own]:
            name = planar_format(sampling, bits)
            if name is None or name not in formats:
                continue
            if odd and even and sampling != "444":
                odd_refused = True
                continue
            sub_x, sub_y = SHIFTS[sampling]
            return replace(source, format=name, bits=bits, sub_x=sub_x, sub_y=sub_y)
    if odd_refused:
        raise EncoderMissing(
            f"{codec} cannot encode the odd size {info.width}x{info.height}; choose libx264 or ffv1"
        )
    other = software_for(codec) if is_hardware(codec) else "libx265 or ffv1"
    raise EncoderMissing(f"{codec} cannot encode {least} bits per sample; choose {other}")


def _notes(
    info: VideoInfo, codec: str, layout: PixelLayout, settings: EncodeSettings
) -> tuple[str, ...]:
    source = info.layout
    if settings.sampling and codec == "libx264" and layout.bits > 8:
        return (f"H.264 of {layout.bits} bits: browsers and many television sets do not play it",)
    if settings.sampling and settings.sampling in layout.format:
        return ()
    same = (layout.sub_x, layout.sub_y) == (source.sub_x, source.sub_y)
    if same or source.format.startswith("gray"):
        return ()
    return (f"{codec} cannot take {source.format} of this size; chroma becomes {layout.format}",)


def _left_behind(
    info: VideoInfo, codec: str, container: str, options: dict[str, str]
) -> Iterator[Dropped]:
    """What ``codec`` has no words for; containers could help, but PyAV 18 does not let them."""
    if container in ("matroska", "webm") and info.rotation and not _only_turns(info.rotation):
        yield Dropped("display matrix", "Matroska can only rotate and mirror a picture")
    if info.hdr and codec not in ("libx264", "libx265", "libsvtav1"):
        yield Dropped("HDR10 mastering data", f"{codec} cannot write it")
    with_fields = (
        *("libx264", "mpeg2video", "mpeg4", "ffv1", "dnxhd"),
        *("prores_ks", "prores", "prores_aw"),
    )
    says_fields = codec in with_fields and marks_fields(codec, options)
    if info.field_order != "progressive" and not says_fields:
        name = "DNxHR" if codec == "dnxhd" else codec
        yield Dropped("field order", f"{name} cannot mark the film as interlaced")
    if container == "mxf" and info.rotation:
        yield Dropped("display matrix", "MXF cannot rotate or mirror a picture")
    aspect = info.sample_aspect
    without_aspect = ["libvpx-vp9", "libvpx", "libsvtav1", "mjpeg"]
    if container not in ("mov", "mp4", "mxf"):
        without_aspect += PRORES
    if container != "mov":
        without_aspect += ["dnxhd"]
    if aspect not in (None, 1) and codec in without_aspect:
        yield Dropped(f"pixel aspect {aspect}", f"{codec} cannot write it")
    elif aspect not in (None, 1) and codec in ALWAYS_LOSSLESS and container == "matroska":
        # Of these the container would have to tell, and PyAV 18 lets only MP4 and MOV.
        why = f"{codec} in .mkv cannot write it; use .mp4, or --codec libx264"
        yield Dropped(f"pixel aspect {aspect}", why)


def _lost_depth(info: VideoInfo, codec: str, layout: PixelLayout) -> Iterator[Dropped]:
    if layout.bits < info.layout.bits:
        what = f"{info.layout.bits} bits per sample"
        yield Dropped(what, f"{codec} holds {layout.bits}; luma is rounded to these")


def _only_turns(matrix: tuple[int, ...]) -> bool:
    """Whether a display matrix turns and mirrors a picture, and neither scales nor shears it."""
    a, b, _, c, d = matrix[:5]
    size = math.hypot(a, b)
    if abs(size - _ONE) > _ROUNDING:
        return False
    return min(math.hypot(c + b, d - a), math.hypot(c - b, d + a)) <= _ROUNDING


def open_encoder(container: OutputContainer, plan: EncodePlan, info: VideoInfo) -> VideoStream:
    """Adds the picture's stream to ``container`` and opens its encoder.

    Raises:
        EncoderMissing: The encoder does not start here (no GPU, size or options it cannot do).
        SettingsError: An option that the encoder does not know.
    """
    if plan.codec == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # it would print its settings past our reporting
    rate = edit_rate(info) if plan.container == "mxf" else info.frame_rate or Fraction(25)
    stream = container.add_stream(plan.codec, rate=rate, options=dict(plan.options))
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    stream.width, stream.height = info.width, info.height
    stream.pix_fmt = plan.given or plan.layout.format
    stream.time_base = context.time_base = info.time_base
    tags = info.tags | plan.tags
    context.color_range = tags["range"]
    context.colorspace = tags["matrix"]
    context.color_primaries = tags["primaries"]
    context.color_trc = tags["transfer"]
    if info.sample_aspect:
        context.sample_aspect_ratio = info.sample_aspect
    context.flags |= Flags.frame_duration  # else MP4 loses the durations of VFR films
    says_fields = marks_fields(plan.codec, plan.options) and not is_hardware(plan.codec)
    if info.field_order != "progressive" and says_fields:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        context.field_order = {"top": 2, "bottom": 3}[info.field_order]
    if info.rotation is not None:
        stream.set_display_matrix(info.rotation)
    context.thread_count = plan.threads
    with _encoder_errors(plan, info):
        check_words(plan.codec, plan.options)
        with keep_scheduling():
            context.open(strict=False)
    left = {key: value for key, value in context.options.items() if key in plan.options}
    if left:
        names = ", ".join(printable(f"{key}={value}") for key, value in left.items())
        raise SettingsError(f"{plan.codec} does not know the option {names}")
    return stream


@contextmanager
def _encoder_errors(plan: EncodePlan, info: VideoInfo) -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as exc:
        if is_hardware(plan.codec):
            raise _hardware_missing(plan, info) from exc
        what = f"{info.width}x{info.height} {plan.layout.format}"
        chosen = ", ".join(f"{k}={v}" for k, v in plan.options.items())
        raise EncoderMissing(
            f"{plan.codec} cannot be opened for {what} with {printable(chosen)}; check --codec,"
            " --preset and --encoder-option"
        ) from exc


def _hardware_missing(plan: EncodePlan, info: VideoInfo) -> EncoderMissing:
    software = software_for(plan.codec)
    what = f"{info.width}x{info.height} {plan.given or plan.layout.format}"
    return EncoderMissing(
        f"{plan.codec} needs hardware that this machine lacks, or that cannot do {what}; use"
        f" --codec {software}, or no --codec"
    )


def encode(frames: Iterable[Frame], stream: VideoStream) -> Iterator[Packet[Any]]:
    """The packets of ``frames``, encoded by ``stream``, with those the encoder still holds at last.

    Raises:
        UnsupportedPixels: A frame of another size or format; FFmpeg would rescale it in silence.
        OutputError: The encoder fails, or loses or invents frames.
    """
    context = stream.codec_context
    expected = (context.width, context.height, context.pix_fmt)
    woven_of = {twin: planar for planar, twin in TWINS.items()}.get(context.pix_fmt or "")
    given = made = 0
    durations: dict[int | None, int] = {}
    try:
        for frame in frames:
            picture = frame.picture
            if picture.format.name == woven_of:
                picture = picture.reformat(format=context.pix_fmt)  # the same numbers
            found = (picture.width, picture.height, picture.format.name)
            if found != expected:
                raise UnsupportedPixels(f"frame {given} is {found}, the encoder expects {expected}")
            given += 1
            if context.name in PRORES:
                _say_colors(picture, context)
            durations[frame.pts] = frame.duration
            for packet in _encode_picture(stream, picture):
                made += 1
                packet.duration = durations.pop(packet.pts, packet.duration or 0)
                yield packet
        for packet in _encode_picture(stream, None):
            made += 1
            # x265 gives a wrong duration to the last frame, the film knows better.
            packet.duration = durations.pop(packet.pts, packet.duration or 0)
            if given <= 2:
                packet.dts = packet.pts  # x265 leaves it undefined in films this short
            yield packet
    finally:
        close(frames)
    if made != given:
        raise OutputError(f"{context.name} wrote {made} of {given} frames; try another --codec")


def _encode_picture(stream: VideoStream, picture: VideoFrame | None) -> list[Packet[Any]]:
    try:
        return stream.encode(picture)
    except av.FFmpegError as exc:
        reason = printable(exc.strerror or exc)
        raise OutputError(f"{stream.codec_context.name} failed: {reason}") from exc


def _say_colors(picture: VideoFrame, context: VideoCodecContext) -> None:
    """ProRes writes into every picture what that says of its colors, not what the encoder does."""
    picture.color_range = context.color_range
    picture.colorspace = context.colorspace
    picture.color_primaries = context.color_primaries
    picture.color_trc = context.color_trc
