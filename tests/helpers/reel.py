"""Films of shots of many kinds, for those who look for cuts in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from synthetic import texture

RATE = 25
Shot = tuple[str, int]
"""Its kind and its frames."""
Codes = np.ndarray[Any, Any]
H, W = 64, 96

MIXED: tuple[Shot, ...] = (
    *(("moves", 40), ("stands", 30), ("moves", 61), ("fades out", 30), ("fades in", 30)),
    *(("card", 40), ("flashes", 50), ("black", 12), ("dissolves", 40), ("moves", 9)),
    *(("moves", 33), ("flickers", 30)),
)
"""A quarter of a minute in which there is everything."""
BRIEF: tuple[Shot, ...] = (
    *(("moves", 20), ("stands", 16), ("moves", 31), ("fades out", 16), ("fades in", 16)),
    *(("card", 20), ("flashes", 27), ("black", 12), ("dissolves", 24), ("moves", 9)),
    *(("moves", 20), ("flickers", 16)),
)
"""The same in half the time."""


def draw_shots(shots: Sequence[Shot]) -> Iterator[Codes]:
    """``(H, W)`` uint8 luma of each frame, 16..235."""
    for number, (kind, frames) in enumerate(shots):
        wide = texture(10 + number, H, W + frames) * (0.5 + number % 2 / 2)
        other = texture(500 + number, H, W)
        for place in range(frames):
            view = wide[:, :W] if kind == "stands" else wide[:, place : place + W]
            if kind in ("fades in", "fades out"):
                through = place / (frames - 1)
                view = view * (through if kind == "fades in" else 1 - through)
            elif kind == "flashes" and place % 17 == 8:
                view = torch.full_like(view, 0.98)
            elif kind == "flickers":
                view = view * (0.9 if place % 2 else 1.0)
            elif kind == "dissolves":
                view = view * (1 - place / frames) + other * (place / frames)
            elif kind == "black":
                view = torch.zeros_like(view)
            elif kind == "card":
                view = torch.zeros_like(view)
                view[20:44:8, 14:82] = view[20:44, 14:82:9] = 0.95
            yield (view.clamp(0, 1) * 219 + 16).round().to(torch.uint8).numpy()


def write_reel(
    path: Path,
    shots: Sequence[Shot] = MIXED,
    codec: str = "ffv1",
    *,
    times: Sequence[int] = (),
    interlaced: str = "",
    fields: int = 0,
    color: int = 0,
    sound: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """A film of such shots.

    Args:
        path: The suffix names the container.
        shots: What is in it.
        codec: Of the picture.
        times: Of each frame, in milliseconds; none is 25 frames a second.
        interlaced: ``tff`` or ``bff``; none is progressive.
        fields: Of how many frames, the first ones; 0 of all.
        color: Codes by which chroma is off gray.
        sound: Whether there is a track of it.
        options: Of the encoder.
    """
    tick = Fraction(1, 1000) if times else Fraction(1, RATE)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=RATE, options=options or {})
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.codec_context.time_base = tick
        audio: Any = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        graph = _fields(interlaced) if interlaced else None
        count = 0
        for number, codes in enumerate(draw_shots(shots)):
            planes = np.full((H * 3 // 2, W), 128 + color, np.uint8)
            planes[:H] = codes
            picture: Any = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            picture.pts, picture.time_base = (times[number] if times else number), tick
            if graph and (not fields or number < fields):
                graph.push(picture)
                picture = graph.pull()
            container.mux(stream.encode(picture))
            count = number + 1
        if audio:
            for packet in _hum(audio, count * 48000 // RATE):
                container.mux(packet)
        container.mux(stream.encode(None))
    return path


def _fields(order: str) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=W, height=H, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, RATE)
    )
    fields = graph.add("setfield", f"mode={order}")
    sink = graph.add("buffersink")
    source.link_to(fields)
    fields.link_to(sink)
    graph.configure()
    return graph


def _hum(stream: Any, samples: int) -> Iterator[Any]:
    for at in range(0, samples, 1024):
        wave = (np.sin(np.arange(at, at + 1024) / 17) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, at
        frame.time_base = Fraction(1, 48000)
        yield from stream.encode(frame)
    yield from stream.encode(None)
