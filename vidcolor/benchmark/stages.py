"""Each stage alone, with nothing else running, over frames that are held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

import torch
from torch import Tensor

from vidcolor.benchmark.results import Timing
from vidcolor.colorize.chain import mark_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint, paint_device
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.iterators import batch_items, close, prefetch
from vidcolor.core.threads import WorkerThreads, map_ordered
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import write_chunk
from vidcolor.media.encode.encoder import EncodePlan, plan_encode
from vidcolor.media.open import open_video
from vidcolor.nets.colornet import NetInput
from vidcolor.nets.trust_gate import Gate
from vidcolor.settings import Settings
from vidcolor.temporal.smoother import smooth

T = TypeVar("T")

HELD, HELD_BYTES = 96, 384 << 20
"""Frames that are held at most, and their bytes."""


@dataclass(frozen=True)
class Job:
    """What is measured."""

    source: Path
    folder: Path
    """For what is written."""
    settings: Settings
    colorizer: Colorizer
    gate: Gate | None

    def plan(self, info: VideoInfo) -> EncodePlan:
        """How the film is encoded."""
        return plan_encode(info, self.target, self.settings.encode)

    @property
    def target(self) -> Path:
        """Where the whole goes; a container that takes what any encoder makes."""
        return self.folder / "whole.mkv"


def transcode(job: Job) -> Timing:
    """Our decoder and our encoder at the same time, as in the whole, with nothing between.

    The film is encoded as it is, without color.
    """

    def work() -> int:
        with open_video(job.source, job.settings.open) as film:
            plan = job.plan(film.info)
            frames = prefetch(decode(film, plan.layout))
            try:
                return write_chunk(frames, job.folder / "bare", plan, film.info).frames
            finally:
                close(frames)

    return timing(work)


def stages(job: Job) -> dict[str, Timing]:
    """All stages, one after the other, as a frame passes them; each by all worker threads."""
    with WorkerThreads() as pool:
        return _stages(job, pool)


def _stages(job: Job, pool: WorkerThreads) -> dict[str, Timing]:
    parts = {"decode": timing(lambda: _decode_all(job))}
    info, plan, held = _hold(job)
    settings, colorizer = job.settings, job.colorizer
    device = paint_device(colorizer.device)
    aspect = info.sample_aspect or Fraction(1)

    def measured(name: str, work: Callable[[], list[T]]) -> list[T]:
        wall, cpu = perf_counter(), process_time()
        found = work()
        parts[name] = Timing(len(found), perf_counter() - wall, process_time() - cpu)
        return found

    def encode(name: str, frames: Iterable[Frame]) -> None:
        path = job.folder / "alone"
        parts[name] = timing(lambda: write_chunk(frames, path, plan, info).frames)

    encode("encode gray", held)
    frames = measured("shots", lambda: list(mark_frames(held, settings)))
    prepare = partial(colorizer.prepare, aspect)
    seen = measured("lightness", lambda: list(map_ordered("", prepare, frames, pool)))
    maps = [item.lightness for item in seen]
    colors = measured("colornet", lambda: _predict(colorizer, maps, pool))
    colored = [
        ColorizedFrame(item.frame, item.lightness, ab, item.share)
        for item, ab in zip(seen, colors, strict=True)
    ]
    steady = measured(
        "smooth", lambda: list(smooth(colored, settings.smooth, job.gate, None, pool))
    )
    painted = measured("paint", lambda: list(paint(steady, settings.paint, pool, device)))
    encode("encode", painted)
    return parts


def timing(work: Callable[[], int]) -> Timing:
    """What ``work`` costs, which tells how many frames it did."""
    wall, cpu = perf_counter(), process_time()
    frames = work()
    return Timing(frames, perf_counter() - wall, process_time() - cpu)


def working_size(job: Job) -> tuple[int, int]:
    """The ``(h, w)`` that the net sees of the film."""
    with open_video(job.source, job.settings.open) as film:
        frames = decode(film)
        try:
            aspect = film.info.sample_aspect or Fraction(1)
            h, w = job.colorizer.lightness_of(next(frames), aspect).shape
        finally:
            close(frames)
    return h, w


def _decode_all(job: Job) -> int:
    with open_video(job.source, job.settings.open) as film:
        return sum(1 for _ in decode(film, job.plan(film.info).layout))


def _hold(job: Job) -> tuple[VideoInfo, EncodePlan, list[Frame]]:
    """As many frames from the film's beginning as memory does for, at least one."""
    with open_video(job.source, job.settings.open) as film:
        plan = job.plan(film.info)
        frames = decode(film, plan.layout)
        try:
            first = next(frames)
            size = sum(p.numel() * p.element_size() for p in (first.luma, *first.chroma))
            more = min(HELD, max(1, HELD_BYTES // size)) - 1
            return film.info, plan, [first, *islice(frames, more)]
        finally:
            close(frames)


def _predict(colorizer: Colorizer, maps: Iterable[Tensor], pool: WorkerThreads) -> list[Tensor]:
    """(2, h, w) ab of each map, in the batches of the whole."""

    def predict(batch: list[Tensor]) -> Tensor:
        return colorizer.predict(NetInput(torch.stack(batch)[:, None]))

    batches = batch_items(maps, colorizer.batch)
    return [
        ab for found in map_ordered("", predict, batches, pool, colorizer.ahead) for ab in found
    ]
