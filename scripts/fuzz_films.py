"""What fuzz.py works on: small films of many kinds, ways to harm them, and what they promise.

Films and damage depend on nothing but the seed.
"""

from __future__ import annotations

import math
import random
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.packet import Packet

SIDE = 64  # pixels
RATE = 24  # frames per second
SOUND_RATE = 48_000  # Hz
EDGES = (0, 1, 0x7FFFFFFF, 0xFFFFFFFF)
"""Values that lengths, counts and offsets are overwritten with."""
_ENDS = 1024  # bytes at either end of a film: headers and indexes lie there
_B_FRAMES = {"bf": "3", "g": "12"}
_INDEX_FIRST = {"movflags": "faststart"}
_MPEG = {"bf": "2", "g": "12"}


@dataclass(frozen=True)
class Recipe:
    """How a film is made."""

    muxer: str
    codec: str
    sound: str = "aac"
    pixels: str = "yuv420p"
    frames: int = 36
    options: dict[str, str] = field(default_factory=dict)
    """Of the video encoder."""
    muxing: dict[str, str] = field(default_factory=dict)
    """Of the muxer."""
    extras: bool = False
    """Subtitles and an attached font."""


RECIPES = {
    "h264.mp4": Recipe("mp4", "libx264", options=_B_FRAMES),
    "faststart.mp4": Recipe("mp4", "libx264", options=_B_FRAMES, muxing=_INDEX_FIRST),
    "h264.mkv": Recipe("matroska", "libx264", options=_B_FRAMES, extras=True),
    "mpeg2.ts": Recipe("mpegts", "mpeg2video", "mp2", options=_MPEG),
    "h264.ts": Recipe("mpegts", "libx264", "ac3", options=_B_FRAMES),
    "mpeg2.mpg": Recipe("mpeg", "mpeg2video", "mp2", options=_MPEG),
    "mpeg4.avi": Recipe("avi", "mpeg4", "libmp3lame", muxing={"avoid_negative_ts": "disabled"}),
    "prores.mov": Recipe("mov", "prores_ks", pixels="yuv422p10le", frames=24),
    "mjpeg.mov": Recipe("mov", "mjpeg", pixels="yuvj420p", frames=24, muxing=_INDEX_FIRST),
    "vp9.webm": Recipe("webm", "libvpx-vp9", "libopus", options={"deadline": "realtime"}),
    "h264.flv": Recipe("flv", "libx264", options=_B_FRAMES),
}
STILLS = {"still.png": ("png", "rgb24"), "still.jpg": ("mjpeg", "yuvj444p")}


def make_fixtures(folder: Path) -> dict[str, bytes]:
    """Every kind of film and still by name; made in ``folder``."""
    for name, recipe in RECIPES.items():
        _write_film(folder / name, recipe)
    for name, (codec, pixels) in STILLS.items():
        context: Any = av.CodecContext.create(codec, "w")
        picture = _picture(Recipe("", codec, pixels="yuv420p"), 0).reformat(format=pixels)
        context.width, context.height, context.pix_fmt = SIDE, SIDE, pixels
        context.time_base, picture.pts = Fraction(1), 0
        (folder / name).write_bytes(bytes([*context.encode(picture), *context.encode(None)][0]))
    return {name: (folder / name).read_bytes() for name in [*RECIPES, *STILLS]}


def _picture(recipe: Recipe, index: int) -> av.VideoFrame:
    """Grey frame ``index``: a moving ramp, a bar and grain, turned over at a cut in mid-film."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    luma = 20 + (x + 2 * y + 5 * index) % 180
    luma[:, index % SIDE : index % SIDE + 6] = 230
    luma = 250 - luma if index >= recipe.frames // 2 else luma
    luma += np.random.default_rng(index).integers(0, 4, luma.shape)
    grey = luma.astype(np.uint8)
    return av.VideoFrame.from_ndarray(grey, format="gray").reformat(format=recipe.pixels)


def _write_film(path: Path, recipe: Recipe) -> None:
    # Without bitexact Matroska draws random numbers.
    options = {"fflags": "+bitexact"} | recipe.muxing
    with av.open(str(path), "w", format=recipe.muxer, container_options=options) as container:
        video: Any = container.add_stream(recipe.codec, rate=RATE, options=dict(recipe.options))
        video.width, video.height, video.pix_fmt = SIDE, SIDE, recipe.pixels
        video.codec_context.thread_count = 1
        sound: Any = container.add_stream(recipe.sound, rate=SOUND_RATE)
        sound.codec_context.layout = "mono"
        texts: Any = None
        if recipe.extras:
            texts = container.add_mux_stream("subrip", time_base=Fraction(1, 1000))
            font = bytes(range(256)) * 4
            container.add_attachment("font.ttf", "application/x-truetype-font", font)
        container.start_encoding()
        for index in range(3 if recipe.extras else 0):
            packet = Packet(f"Words {index}".encode())
            packet.pts = packet.dts = 100 + 400 * index
            packet.duration, packet.time_base, packet.stream = 300, Fraction(1, 1000), texts
            container.mux(packet)
        tones = _tones(sound, recipe.frames * SOUND_RATE // RATE)
        waiting = next(tones, None)
        for index in range(recipe.frames):
            picture = _picture(recipe, index)
            picture.pts, picture.time_base = index, Fraction(1, RATE)
            while waiting is not None and waiting.dts * waiting.time_base <= Fraction(index, RATE):
                container.mux(waiting)
                waiting = next(tones, None)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        for packet in [*([waiting] if waiting else []), *tones]:
            container.mux(packet)


def _tones(stream: Any, count: int) -> Any:
    """The packets of a sweep of ``count`` samples; no two of them are alike."""
    context = stream.codec_context
    context.open(strict=False)
    size = context.frame_size or 1024
    t = np.arange(count) / SOUND_RATE
    wave = (np.sin(2 * np.pi * (200 + 900 * t) * t) * 8000).astype(np.int16)[None, :]
    for at in range(0, count, size):
        frame = av.AudioFrame.from_ndarray(wave[:, at : at + size], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, at, Fraction(1, SOUND_RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


# Mutations: (chance, bytes, bytes of another fixture) -> (bytes, what was done).

Mutation = Callable[[random.Random, bytes, bytes], tuple[bytes, str]]


def _place(rng: random.Random, room: int) -> int:
    """A position in 0..room; every second one lies near the beginning or the end."""
    near = min(room, _ENDS)
    low, high = rng.choice(((0, room), (0, room), (0, near), (room - near, room)))
    return rng.randint(low, high)


def _span(rng: random.Random, data: bytes) -> tuple[int, int]:
    """(begin, end) of a range: short ones are as likely as long ones, up to half the file."""
    length = max(1, int(2 ** rng.uniform(0, math.log2(max(2, len(data) // 2)))))
    length = min(length, len(data))
    begin = _place(rng, len(data) - length)
    return begin, begin + length


def _flip(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    out, count = bytearray(data), rng.randint(1, 40)
    for _ in range(count):
        out[_place(rng, len(out) - 1)] ^= 1 << rng.randrange(8)
    return bytes(out), f"{count} bits flipped"


def _zero(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    a, b = _span(rng, data)
    return data[:a] + bytes(b - a) + data[b:], f"{a}..{b} zeroed"


def _remove(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    a, b = _span(rng, data)
    return data[:a] + data[b:] or data[:1], f"{a}..{b} removed"


def _repeat(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    a, b = _span(rng, data)
    return data[:b] + data[a:], f"{a}..{b} repeated"


def _swap(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    a, b, c, d = sorted(rng.randint(0, len(data)) for _ in range(4))
    swapped = data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]
    return swapped, f"{a}..{b} and {c}..{d} swapped"


def _insert(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    at, count = _place(rng, len(data)), int(2 ** rng.uniform(0, 12))
    return data[:at] + rng.randbytes(count) + data[at:], f"{count} random bytes inserted at {at}"


def _truncate(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    share = 5 * rng.randint(1, 19)
    return data[: max(1, len(data) * share // 100)], f"cut at {share} %"


def _edge(rng: random.Random, data: bytes, _other: bytes) -> tuple[bytes, str]:
    out, done = bytearray(data), []
    for _ in range(rng.randint(1, 4)):
        at, value = _place(rng, max(0, len(out) - 4)), rng.choice(EDGES)
        out[at : at + 4] = value.to_bytes(4, "big")
        done.append(f"{at} = {value:#x}")
    return bytes(out), ", ".join(done)


def _splice(rng: random.Random, data: bytes, other: bytes) -> tuple[bytes, str]:
    a, b = rng.randint(1, len(data)), rng.randint(0, len(other) - 1)
    return data[:a] + other[b:], f"..{a}, then {b}.. of the other"


def _behead(rng: random.Random, data: bytes, other: bytes) -> tuple[bytes, str]:
    at = min(len(data), int(2 ** rng.uniform(3, 11)))
    return data[:at] + other[at:], f"..{at}, then the same place of the other"


MUTATIONS: tuple[Mutation, ...] = (
    *(_flip, _zero, _remove, _repeat, _swap, _insert, _truncate, _edge, _splice, _behead),
)


def harm(rng: random.Random, name: str, fixtures: dict[str, bytes]) -> tuple[bytes, list[str]]:
    """A fixture after one to three mutations, and what they were."""
    data, done = fixtures[name], []
    for mutation in rng.choices(MUTATIONS, k=rng.randint(1, 3)):
        other = rng.choice(sorted(fixtures))
        data, words = mutation(rng, data, fixtures[other])
        done.append(f"{words} {other}" if mutation in (_splice, _behead) else words)
    return data, done


@dataclass
class Case:
    """A harmed film on its way through the command."""

    index: int
    name: str
    """Of the fixture."""
    done: list[str]
    """What was done to it."""
    source: Path
    target: Path
    options: list[str]


def make_case(seed: int, index: int, fixtures: dict[str, bytes], folder: Path) -> Case:
    """File ``index`` of a seed, written to disk; it depends on nothing else."""
    rng = random.Random(f"{seed}/{index}")
    name = list(fixtures)[index % len(fixtures)]
    data, done = harm(rng, name, fixtures)
    suffix = rng.choice((".png", ".jpg") if name in STILLS else (".mp4", ".mkv"))
    lossless = name not in STILLS and rng.random() < 0.25
    options = ["--lossless"] if lossless else ["--preset", "ultrafast"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    source = folder / f"film{Path(name).suffix}"
    source.write_bytes(data)
    return Case(index, name, done, source, folder / f"out{suffix}", options)


def promised_bytes(data: bytes) -> int:
    """How long the file is by its own structure; 0 where that cannot be told."""
    if data[:4] == b"RIFF":
        return 8 + int.from_bytes(data[4:8], "little")
    if data[:1] == data[188:189] == b"G":  # whole packets of a transport stream
        return len(data) + -len(data) % 188
    if data[:4] == b"\x1a\x45\xdf\xa3":  # Matroska: the segment behind the header
        at = 5 + (data[4] & 0x7F)
        if data[at : at + 5] == b"\x18\x53\x80\x67\x01":  # with eight bytes of length
            length = int.from_bytes(data[at + 5 : at + 12], "big")
            return at + 12 + length if length < 1 << 55 else 0
        return 0
    at = 0
    while data[4:8] == b"ftyp" and data[at + 4 : at + 8].isalnum():
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:  # to the end, or in 64 bits: our films have no such boxes
            return 0
        at += length
    return at


def still_doubts(data: bytes) -> list[str]:
    """What in a harmed picture tells that something of it is missing."""
    if data.startswith(b"\xff\xd8"):
        return [] if b"\xff\xd9" in data[2:] else ["the end mark is missing"]
    at = 8
    while data[at + 4 : at + 8] not in (b"IEND", b""):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return [f"the check sum of the chunk at byte {at} is wrong"]
        at = end + 4
    return [] if at < len(data) else ["the last chunk is missing"]
