"""Films whose two parts differ: in shape, size, range, matrix, fields, rate or sound."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from fuzzing.films import SOUND_RATE, gray_picture, tones

PART = 14  # pictures
_CODECS = {"mpeg2video": "mp2", "libx264": "ac3", "mjpeg": "pcm_s16le"}
_MUXERS = {"ts": "mpegts", "mpg": "mpeg", "mkv": "matroska", "avi": "avi", "mov": "mov"}
_KINDS = (
    *(("mpeg2video", suffix) for suffix in ("ts", "mpg", "mkv")),
    *(("libx264", suffix) for suffix in ("ts", "ts", "mkv", "mov")),
    *(("mjpeg", suffix) for suffix in ("avi", "mkv", "mov")),
)


@dataclass(frozen=True)
class Part:
    """How one part is made."""

    codec: str
    size: tuple[int, int] = (64, 64)
    aspect: Fraction = Fraction(1)
    range: int = 1
    matrix: int = 5
    fields: str = ""
    """``tff``, ``bff``, or nothing for whole pictures."""
    pixels: str = "yuv420p"
    rate: int = 25
    layout: str = "mono"
    hz: int = SOUND_RATE
    turned: int = 0
    """Degrees, by a message in the pictures of H.264."""


_CHOICES: dict[str, tuple[Any, ...]] = {
    "size": ((96, 64), (64, 48)),
    "aspect": (Fraction(16, 15), Fraction(64, 45), Fraction(4, 3)),
    "range": (2,),
    "matrix": (1, 9),
    "fields": ("tff", "bff"),
    "pixels": ("yuv422p",),
    "rate": (30, 50),
    "layout": ("stereo",),
    "hz": (44_100,),
    "turned": (90, 180),
}


def make_joined(rng: random.Random) -> tuple[str, bytes, str]:
    """(suffix, bytes, what it is) of a film of two parts, which differ in one to three things."""
    codec, suffix = rng.choice(_KINDS)
    first = second = Part(codec, range=2 if codec == "mjpeg" else 1)
    possible = sorted(_CHOICES.keys() - (set() if codec == "libx264" else {"turned"}))
    if codec == "mjpeg":
        possible = ["size", "aspect", "pixels"]
    for name in rng.sample(possible, rng.choice((0, 1, 1, 1, 2, 3))):
        value = rng.choice(_CHOICES[name])
        if rng.random() < 0.5:
            first = replace(first, **{name: value})
        else:
            second = replace(second, **{name: value})
    names = [n for n in vars(first) if vars(first)[n] != vars(second)[n]]
    words = ", ".join(f"{n} {vars(first)[n]} then {vars(second)[n]}" for n in names) or "alike"
    return suffix, join(suffix, [first, second]), f"{codec}: {words}"


def join(suffix: str, parts: list[Part]) -> bytes:
    """The film of the parts, one behind the other."""
    if parts[0].codec == "mjpeg":
        return _muxed(_MUXERS[suffix], parts)
    whole, begin = b"", Fraction(0)
    inner = "mpeg" if suffix == "mpg" else "mpegts"
    for part in parts:
        whole += _muxed(inner, [part], begin)
        begin += Fraction(PART, part.rate)
    return whole if suffix in ("ts", "mpg") else _copied(whole, _MUXERS[suffix])


def _encoder(context: Any, part: Part) -> None:
    context.width, context.height = part.size
    context.pix_fmt = part.pixels.replace("yuv", "yuvj") if part.codec == "mjpeg" else part.pixels
    context.time_base = context.framerate = Fraction(part.rate)
    context.time_base = 1 / Fraction(part.rate)
    context.sample_aspect_ratio = part.aspect
    context.color_range, context.colorspace = part.range, part.matrix
    context.thread_count = 1
    flags = "+ildct+ilme" if part.fields else "+bitexact"
    context.options = {"g": "12", "bf": "0", "flags": flags}
    if part.codec == "libx264":
        tops = {"tff": "tff=1", "bff": "bff=1", "": "threads=1"}
        context.options |= {"preset": "ultrafast", "x264-params": tops[part.fields]}
    elif part.codec == "mpeg2video" and part.fields:
        context.options |= {"top": "1" if part.fields == "tff" else "0"}


def _pictures(context: Any, part: Part, first: int, begin: Fraction) -> Any:
    """The packets of a part, with times in seconds behind ``begin``."""
    for index in range(PART):
        gray = gray_picture(first + index, 99)
        width, height = part.size
        picture = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(np.resize(gray, (64, 96))[:height, :width]), format="gray"
        ).reformat(format=context.pix_fmt, dst_color_range=part.range)
        picture.color_range, picture.colorspace = part.range, part.matrix
        picture.pts, picture.time_base = index, 1 / Fraction(part.rate)
        yield from _late(context.encode(picture), begin)
    yield from _late(context.encode(None), begin)


def _late(packets: list[Any], begin: Fraction) -> list[Any]:
    for packet in packets:
        shift = round(begin / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
    return packets


def _muxed(muxer: str, parts: list[Part], begin: Fraction = Fraction(0)) -> bytes:
    """Parts of one stream of pictures and one of sound; the first one names them."""
    out, head = BytesIO(), parts[0]
    container: Any = av.open(out, "w", format=muxer, container_options={"fflags": "+bitexact"})
    with container:
        video = container.add_stream(head.codec, rate=head.rate)
        _encoder(video.codec_context, head)
        sound = container.add_stream(_CODECS[head.codec], rate=head.hz)
        sound.codec_context.layout = head.layout
        for number, part in enumerate(parts):
            context: Any = video.codec_context
            if number:
                context = av.CodecContext.create(part.codec, "w")
                _encoder(context, part)
            packets = list(_pictures(context, part, number * PART, begin))
            if part.turned:
                turn = f"h264_metadata=display_orientation=insert:rotate={part.turned}"
                bits = BitStreamFilterContext(turn, video)
                packets = [made for packet in packets for made in bits.filter(packet)]
            for packet in packets:
                packet.stream = video
            if not number:
                packets += _late(list(tones(sound, PART * part.hz // part.rate)), begin)
            packets.sort(key=lambda packet: packet.dts * packet.time_base)
            for packet in packets:
                container.mux(packet)
            begin += Fraction(PART, part.rate)
    return out.getvalue()


def _copied(data: bytes, muxer: str) -> bytes:
    """The packets of a transport stream in another container."""
    out = BytesIO()
    bare: Any = av.open(BytesIO(data))
    made: Any = av.open(out, "w", format=muxer, container_options={"fflags": "+bitexact"})
    with bare, made:
        pairs = {s.index: made.add_stream_from_template(s, opaque=True) for s in bare.streams}
        last: dict[int, int] = {}
        for packet in bare.demux():
            if packet.size == 0:
                continue
            index = packet.stream.index
            dts = packet.dts if packet.dts is not None else last.get(index, 0) + 1
            packet.dts = max(dts, last.get(index, dts - 1) + 1)
            packet.pts = max(packet.pts or packet.dts, packet.dts)
            last[index] = packet.dts
            packet.stream = pairs[index]
            made.mux(packet)
    return out.getvalue()
