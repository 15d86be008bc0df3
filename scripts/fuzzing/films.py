"""What is harmed: small films of many kinds. They depend on nothing."""

from __future__ import annotations

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
_B_FRAMES = {"bf": "3", "g": "12", "x264-params": "asm=AVX2"}
"""With AVX-512, x264 gives other bits now and then for pictures as small as these."""
_INDEX_FIRST = {"movflags": "faststart"}
_MPEG = {"bf": "2", "g": "12"}


@dataclass(frozen=True)
class Recipe:
    """How a film is made."""

    muxer: str
    codec: str
    sound: str = "aac"
    pixels: str = "yuv420p"
    frames: int = 24
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
    "prores.mov": Recipe("mov", "prores_ks", pixels="yuv422p10le"),
    "mjpeg.mov": Recipe("mov", "mjpeg", pixels="yuvj420p", muxing=_INDEX_FIRST),
    "vp9.webm": Recipe("webm", "libvpx-vp9", "libopus", options={"deadline": "realtime"}),
    "h264.flv": Recipe("flv", "libx264", options=_B_FRAMES),
}


def make_films(folder: Path) -> dict[str, bytes]:
    """Every kind of film by name; made in ``folder``."""
    for name, recipe in RECIPES.items():
        _write_film(folder / name, recipe)
    return {name: (folder / name).read_bytes() for name in RECIPES}


def gray_picture(index: int, cut: int) -> np.ndarray:
    """(64, 64) uint8: a moving ramp, a bar and grain, turned over from picture ``cut`` on."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    luma: np.ndarray = 20 + (x + 2 * y + 5 * index) % 180
    luma[:, index % SIDE : index % SIDE + 6] = 230
    luma = 250 - luma if index >= cut else luma
    luma += np.random.default_rng(index).integers(0, 4, luma.shape)
    return luma.astype(np.uint8)


def _picture(recipe: Recipe, index: int) -> av.VideoFrame:
    gray = gray_picture(index, recipe.frames // 2)
    return av.VideoFrame.from_ndarray(gray, format="gray").reformat(format=recipe.pixels)


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
            scale = Fraction(1, 1000)
            marks = ((1, 0, 500, "First"), (2, 500, 1000, "Second"))
            container.set_chapters(
                [
                    {"id": i, "start": a, "end": b, "time_base": scale, "metadata": {"title": t}}
                    for i, a, b, t in marks
                ]
            )
        container.start_encoding()
        for index in range(3 if recipe.extras else 0):
            packet = Packet(f"Words {index}".encode())
            packet.pts = packet.dts = 100 + 250 * index
            packet.duration, packet.time_base, packet.stream = 200, Fraction(1, 1000), texts
            container.mux(packet)
        heard = tones(sound, recipe.frames * SOUND_RATE // RATE)
        waiting = next(heard, None)
        for index in range(recipe.frames):
            picture = _picture(recipe, index)
            picture.pts, picture.time_base = index, Fraction(1, RATE)
            while waiting is not None and waiting.dts * waiting.time_base <= Fraction(index, RATE):
                container.mux(waiting)
                waiting = next(heard, None)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        for packet in [*([waiting] if waiting else []), *heard]:
            container.mux(packet)


def tones(stream: Any, count: int) -> Any:
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
