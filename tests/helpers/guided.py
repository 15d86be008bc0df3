"""Films of several shots for runs with a color sheet, and runs that are stopped."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
import torch
from synthetic import texture

import vidcolor.colorize.script_maker
import vidcolor.run.film_script
from vidcolor.settings import (
    ChunkSettings,
    ColorizerSettings,
    ScriptSettings,
    Settings,
    TitleSettings,
)

RATE = 25
SHOT = 8
"""Frames of a shot."""


class Stopped(Exception):
    """A run was stopped."""


def write_shots(
    path: Path, shots: int = 4, frames: int = SHOT, start: int = 0, tick: Fraction | None = None
) -> Path:
    """A gray film of shots that have nothing in common; the picture moves in each.

    Args:
        path: The suffix names the container.
        shots: How many.
        frames: Of each.
        start: Frames by which the time of the first one is later than 0.
        tick: Of the stream; None is a frame.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = tick or Fraction(1, RATE)
        for number in range(shots):
            wide = texture(10 + number, 64, 96 + frames)
            wide = wide * (0.5 + number % 2 / 2)
            for place in range(frames):
                codes = (wide[:, place : place + 96] * 219 + 16).round().to(torch.uint8).numpy()
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(codes), format="gray")
                picture = picture.reformat(format="yuv420p", src_color_range=1, dst_color_range=1)
                at = Fraction(number * frames + place + start, RATE)
                picture.pts = round(at / stream.codec_context.time_base)
                picture.time_base = stream.codec_context.time_base
                container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def guided_settings(weights: Path, seconds: float = 0.3, **more: object) -> Settings:
    """Every shot of `write_shots` is a chunk, and without a word there is no color script."""
    more = {"script": ScriptSettings("off")} | more
    net = ColorizerSettings(weights=str(weights), device="cpu", size=64, precision="float32")
    chunks = ChunkSettings(seconds, 3 * seconds)
    return Settings(colorizer=net, chunks=chunks, titles=TitleSettings("color"), **more)  # type: ignore[arg-type]


def shot_times(number: int, frames: int = SHOT) -> tuple[Fraction, Fraction]:
    """Begin and end of a shot of `write_shots`, in seconds."""
    return Fraction(number * frames, RATE), Fraction((number + 1) * frames, RATE)


def count_calls(patch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[int]:
    """Has an entry for each call of a function, by its name in a module, from now on."""
    calls: list[int] = []
    function = getattr(module, name)

    def counted(*given: object) -> object:
        calls.append(0)
        return function(*given)

    patch.setattr(module, name, counted)
    return calls


def count_made(patch: pytest.MonkeyPatch) -> list[int]:
    """Has an entry for each script that is made from now on."""
    return count_calls(patch, vidcolor.run.film_script, "settle")


def count_looked(patch: pytest.MonkeyPatch, stop_at: int | None = None) -> list[Fraction]:
    """Has the moment of each key frame that is looked at from now on.

    Args:
        patch: Undoes it.
        stop_at: So many are looked at before the run is `Stopped`.
    """
    looked: list[Fraction] = []
    look = vidcolor.colorize.script_maker.look_by_plan

    def counted(plan: object, seconds: Fraction, *given: object) -> object:
        if len(looked) == stop_at:
            raise Stopped
        looked.append(seconds)
        return look(plan, seconds, *given)  # type: ignore[arg-type]

    patch.setattr(vidcolor.colorize.script_maker, "look_by_plan", counted)
    return looked


def write_scenes(path: Path, scenes: str = "ABAB", frames: int = SHOT) -> Path:
    """A gray film with a shot for each letter, A or B; those of one letter show the same.

    Each time there is a little more light.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number, letter in enumerate(scenes):
            light = 0.01 * number
            view = np.full((64, 96), light + (0.35 if letter == "A" else 0.1))
            if letter == "A":
                view[:, 40:] = light + 0.65
            else:
                view[25:] = light + 0.9
            codes = (view.clip(0, 1) * 219 + 16).round().astype(np.uint8)
            for place in range(frames):
                picture = av.VideoFrame.from_ndarray(codes, format="gray")
                picture = picture.reformat(format="yuv420p", src_color_range=1, dst_color_range=1)
                picture.pts = number * frames + place
                picture.time_base = Fraction(1, RATE)
                container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
