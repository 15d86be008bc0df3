"""Films made with PyAV for the tests: small, quick, and the same on every run.

``make_film(path, Spec(...))`` writes one film and returns what went into it (``Made``): pts, luma
and the payloads of every packet. A test changes one field of ``Spec`` at a time. Damage is made
afterwards, on the bytes (``cut_file``, ``flip_bytes``, ``joined``).

    made = make_film(tmp_path / "in.mkv", Spec(pix_fmt="yuv420p10le", audio=("aac",)))
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Disposition
from seen import plane_view
from specs import Audio, Spec, Subtitle

from vidcolor.media.mux.subtitles import ASS_HEADER

MUXERS = {
    ".mp4": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
    ".wmv": "asf",
    ".ts": "mpegts",
    ".mpg": "mpeg",
    ".gif": "gif",
    ".m4a": "ipod",
    ".mp3": "mp3",
    ".nut": "nut",
    ".flv": "flv",
    ".h264": "h264",
    ".mxf": "mxf",
    ".dv": "dv",
}
PNG_1X1 = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000"
    "00030101003d9f8f3b0000000049454e44ae426082"
)


@dataclass
class Made:
    """What went into a film."""

    path: Path
    spec: Spec
    pts: list[Fraction] = field(default_factory=list)
    """Seconds of every frame, as given to the encoder."""
    luma: list[np.ndarray] = field(default_factory=list)
    """(H, W) luma given to the encoder; empty for RGB and packed formats."""


@lru_cache(maxsize=512)
def luma_pattern(width: int, height: int, index: int, bits: int) -> np.ndarray:
    """(H, W) picture ``index`` of the moving pattern, not to be changed: a ramp, a bar, grain."""
    y, x = np.mgrid[0:height, 0:width]
    top = (1 << bits) - 1
    ramp = (x + 2 * y + 5 * index) % 200 / 255 + 0.1
    ramp[:, (index * 5) % width : (index * 5) % width + 6] = 0.9
    grain = np.random.default_rng(index).integers(0, 3 << (bits - 8), (height, width))
    picture = (ramp * top).astype(np.int64) + grain
    low, high = 16 << (bits - 8), 235 << (bits - 8)
    return np.clip(picture, low, high).astype(np.uint8 if bits == 8 else np.uint16)


def make_picture(spec: Spec, index: int) -> tuple[av.VideoFrame, np.ndarray | None]:
    """Frame ``index`` of a film, and its luma where the format stores one as plane 0."""
    form = av.VideoFormat(spec.pix_fmt, spec.width, spec.height)
    first = form.components[0]
    bits = max(8, first.bits)
    luma = luma_pattern(spec.width, spec.height, index, bits)
    if spec.brightness is not None:
        luma = np.full_like(luma, spec.brightness)
    planar = first.is_luma and all(
        c.plane == i for i, c in enumerate(form.components) if not c.is_alpha
    )
    if spec.pix_fmt == "pal8":  # swscale leaves a palette as it lies in the memory
        shades = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, 1)
        shades[:, 0] = 255
        return av.VideoFrame.from_ndarray((luma.astype(np.uint8), shades), format="pal8"), None
    if not planar or form.is_big_endian:
        gray = av.VideoFrame(spec.width, spec.height, "gray" if bits == 8 else "gray16le")
        plane_view(gray.planes[0], bits if bits == 8 else 16)[:] = (
            luma if bits == 8 else luma.astype(np.uint16) << (16 - bits)
        )
        return gray.reformat(format=spec.pix_fmt), None
    picture = av.VideoFrame(spec.width, spec.height, spec.pix_fmt)
    plane_view(picture.planes[0], bits)[:] = luma
    middle = 1 << (bits - 1)
    for component in form.components[1:]:
        view = plane_view(picture.planes[component.plane], bits)
        view[:] = (middle * 2 - 1) if component.is_alpha else middle
        if spec.color == "tint" and not component.is_alpha:
            view[:] = middle + (middle // 8 if component.plane == 1 else -middle // 6)
        if spec.color == "full" and not component.is_alpha:
            steps = np.arange(view.shape[1 if component.plane == 1 else 0]) * 37 % 120 - 60
            view[:] = middle + (steps if component.plane == 1 else steps[:, None]) * (middle // 128)
    return picture, luma


_RECENT: dict[tuple[str, str], tuple[bytes, Made]] = {}
"""Films that were made last, by suffix and spec: the tests of a file ask for the same ones."""
_MOST_RECENT = 32


def make_film(path: Path, spec: Spec | None = None) -> Made:
    """Writes the film ``spec`` describes to ``path``; the suffix names the container."""
    spec = spec or Spec()
    key = path.suffix, repr(spec)
    if key not in _RECENT:
        made = _encode_film(path, spec)
        while len(_RECENT) >= _MOST_RECENT:
            _RECENT.pop(next(iter(_RECENT)))
        _RECENT[key] = path.read_bytes(), made
    data, made = _RECENT[key]
    path.write_bytes(data)
    return replace(made, path=path, pts=list(made.pts), luma=list(made.luma))


def _encode_film(path: Path, spec: Spec) -> Made:
    made = Made(path, spec)
    options = dict(spec.container_options)
    with av.open(
        str(path),
        "w",
        format=MUXERS[path.suffix],
        container_options=options,
        metadata_errors="surrogateescape",
    ) as container:
        container.metadata.update(spec.metadata)
        cover = _add_cover(container) if spec.cover and spec.cover_first else None
        video = _add_video(container, spec)
        second = _add_second(container, spec) if spec.second_video else None
        sounds = [_add_audio(container, audio) for audio in spec.audio]
        texts = [_add_subtitle(container, text) for text in spec.subtitles]
        if spec.cover and cover is None:
            cover = _add_cover(container)
        for name, mimetype, data in spec.attachments:
            container.add_attachment(name, mimetype, data)
        container.set_chapters([_chapter(i, *c) for i, c in enumerate(spec.chapters)])
        container.start_encoding()
        if cover is not None:
            _mux_cover(container, cover, spec.cover)
        _write_tracks(container, spec, sounds, texts)
        _write_video(container, spec, made, video, second)
    return made


def _add_video(container: Any, spec: Spec) -> Any:
    video = container.add_stream(spec.codec, rate=spec.rate, options=_quiet(spec))
    video.width, video.height, video.pix_fmt = spec.width, spec.height, spec.pix_fmt
    tick = spec.time_base or 1 / spec.rate
    video.time_base = video.codec_context.time_base = tick
    context = video.codec_context
    context.thread_count = 1
    context.flags |= Flags.frame_duration
    if spec.tags is not None:
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = (
            spec.tags
        )
    if spec.sar is not None:
        context.sample_aspect_ratio = spec.sar
    if spec.matrix is not None:
        video.set_display_matrix(spec.matrix)
    if spec.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        context.field_order = {"tff": 2, "bff": 3}[spec.interlaced]
    video.metadata.update(spec.video_metadata)
    if spec.timecode:
        video.metadata["timecode"] = spec.timecode
    video.disposition = spec.video_disposition
    return video


def _quiet(spec: Spec) -> dict[str, str]:
    options = dict(spec.options)
    if spec.codec == "libx265":
        extra = options.get("x265-params")
        options["x265-params"] = "log-level=error" + (f":{extra}" if extra else "")
    return options


def _add_second(container: Any, spec: Spec) -> Any:
    second = container.add_stream(spec.second_video, rate=spec.rate)
    second.width, second.height, second.pix_fmt = spec.width, spec.height, "yuv420p"
    second.time_base = second.codec_context.time_base = 1 / spec.rate
    second.disposition = Disposition(0)
    return second


def _add_cover(container: Any) -> Any:
    cover = container.add_mux_stream("png", width=1, height=1)
    cover.disposition = Disposition.attached_pic
    return cover


def _add_audio(container: Any, audio: Audio) -> Any:
    stream = container.add_stream(audio.codec, rate=audio.rate, options=dict(audio.options))
    stream.codec_context.layout = audio.layout
    stream.codec_context.bit_rate = 128_000
    stream.disposition = audio.disposition
    if audio.language:
        stream.metadata["language"] = audio.language
    if audio.title:
        stream.metadata["title"] = audio.title
    return stream


def _add_subtitle(container: Any, text: Subtitle) -> Any:
    if text.codec in ("mov_text", "ass"):
        stream = container.add_stream(text.codec)
        stream.codec_context.subtitle_header = ASS_HEADER
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
    else:
        stream = container.add_mux_stream(text.codec, time_base=Fraction(1, 1000))
    stream.metadata["language"] = text.language
    stream.disposition = text.disposition or Disposition(0)
    return stream


def _chapter(index: int, start: float, end: float, title: str) -> dict[str, Any]:
    return {
        "id": index + 1,
        "start": round(start * 1000),
        "end": round(end * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def _mux_cover(container: Any, stream: Any, data: bytes) -> None:
    packet = Packet(data)
    packet.pts = packet.dts = 0
    packet.time_base = Fraction(1, 1000)
    packet.is_keyframe = True
    packet.stream = stream
    container.mux(packet)


def subtitle_payload(codec: str, index: int, text: str) -> bytes:
    """One packet of a text subtitle, as its container stores it."""
    data = text.encode(errors="surrogateescape")  # surrogates stand for bytes that are not UTF-8
    if codec == "mov_text":
        return struct.pack(">H", len(data)) + data
    if codec == "ass":
        return f"{index},0,Default,,0,0,0,,".encode() + data
    return data


def _write_tracks(container: Any, spec: Spec, sounds: list[Any], texts: list[Any]) -> None:
    length = spec.frames / float(spec.rate)
    for audio, stream in zip(spec.audio, sounds, strict=True):
        count = round((audio.seconds or length) * audio.rate)
        for packet in _tone(stream, audio, count):
            container.mux(packet)
    for text, stream in zip(spec.subtitles, texts, strict=True):
        for index, (start, span, words) in enumerate(text.events):
            packet = Packet(subtitle_payload(text.codec, index, words))
            packet.pts = packet.dts = round(start * 1000)
            packet.duration = round(span * 1000)
            packet.time_base = Fraction(1, 1000)
            packet.stream = stream
            container.mux(packet)


def _tone(stream: Any, audio: Audio, count: int) -> list[Any]:
    context = stream.codec_context
    packets = []
    context.open(strict=False)
    size = context.frame_size or 1024
    for at in range(0, count, size):
        n = min(size, count - at)
        t = np.arange(at, at + n) / audio.rate
        wave = (np.sin(2 * np.pi * 440 * t) * 8000).astype(np.int16)
        channels = 2 if audio.layout == "stereo" else 1
        data = np.repeat(wave, channels)[None, :]
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout=audio.layout)
        frame.sample_rate, frame.pts, frame.time_base = audio.rate, at, Fraction(1, audio.rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _write_video(container: Any, spec: Spec, made: Made, video: Any, second: Any) -> None:
    tick = spec.time_base or 1 / spec.rate
    times = spec.pts or tuple(round(i / spec.rate / tick) for i in range(spec.frames))
    graph = _field_graph(spec, tick) if spec.interlaced else None
    for index, pts in enumerate(times):
        picture, luma = make_picture(spec, index)
        picture.pts, picture.time_base = pts, tick
        if spec.duration is not None:
            picture.duration = spec.duration
        if graph is not None:
            graph.push(picture)
            picture = graph.pull()
        made.pts.append(pts * tick)
        if luma is not None:
            made.luma.append(luma)
        container.mux(video.encode(picture))
        if second is not None:
            other, _ = make_picture(Spec(width=spec.width, height=spec.height), index)
            other.pts, other.time_base = index, 1 / spec.rate
            container.mux(second.encode(other))
    for packet in video.encode(None):
        if len(times) <= 2:
            packet.dts = packet.pts  # x265 leaves it undefined in films this short
        container.mux(packet)
    if second is not None:
        container.mux(second.encode(None))


def _field_graph(spec: Spec, tick: Fraction) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=spec.width,
        height=spec.height,
        format=av.VideoFormat(spec.pix_fmt),
        time_base=tick,
    )
    fields = graph.add("setfield", f"mode={spec.interlaced}")
    sink = graph.add("buffersink")
    source.link_to(fields)
    fields.link_to(sink)
    graph.configure()
    return graph


def cut_file(path: Path, target: Path, share: float) -> Path:
    """The first ``share`` of the bytes of a film."""
    data = path.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def flip_bytes(path: Path, target: Path, count: int = 40, seed: int = 1) -> Path:
    """A film with ``count`` bytes changed in its middle third."""
    data = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(count):
        data[chance.randrange(len(data) // 3, len(data) * 2 // 3)] = chance.randrange(256)
    target.write_bytes(data)
    return target


def joined(target: Path, *parts: Path) -> Path:
    """Films written one after the other as bytes, as people join transport streams."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target
