"""The parts of scripts/measure/gpu.py that have to do with frames: painting and decoding."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

import av
import torch
from av.codec.hwaccel import HWAccel
from gpu_job import Job
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.dlpack import from_dlpack

from vidcolor.colorize.chain import mark_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint, paint_device
from vidcolor.core.frames import ColorizedFrame
from vidcolor.core.threads import WorkerThreads, usable_cores
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import open_video
from vidcolor.settings import ColorizerSettings, Settings

HELD = 64
"""Frames that are painted."""
COMPARED = 24
"""Frames that two decoders are compared by."""


class Copies(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every copy between host and device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[dict[str, Any]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:  # as torch calls it
        """The operation as it is; a copy is noted."""
        found = func(*args, **(kwargs or {}))
        if func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            copy = func is torch.ops.aten.copy_.default
            source, target = (args[1], args[0]) if copy else (args[0], found)
            if source.device.type != target.device.type:
                host = source if source.device.type == "cpu" else target
                waits = args[2:3] == (True,) if copy else (kwargs or {}).get("non_blocking")
                self.seen.append(
                    {
                        "direction": "up" if host is source else "down",
                        "dtype": str(target.dtype),
                        "shape": list(target.shape),
                        "bytes": target.numel() * target.element_size(),
                        "pinned": host.is_pinned(),
                        "non_blocking": bool(waits),
                    }
                )
        return found


def measure_paint(job: Job) -> None:
    """Frames per second of painting by threads, and what is copied for a frame."""
    settings = Settings(colorizer=ColorizerSettings(weights=job.weights, device=job.device))
    colored = color_some(job, settings)
    device = paint_device(job.place)
    list(paint(colored[:1], settings.paint, None, device))  # tables are made and copied once
    with Copies() as copies, torch.inference_mode():
        list(paint(colored[:1], settings.paint, None, device))
    for copy in copies.seen:
        job.write(copy_of_a_frame=copy)
    if device is None:
        job.write(skipped="copies of a frame: no CUDA")
    for where in dict.fromkeys((device, None)):
        for threads in sorted({1, 2, 4, usable_cores()}):
            if job.left < 1:
                return job.write(threads=threads, skipped="no time left")
            with job.attempt(on=str(where), threads=threads), WorkerThreads(threads) as pool:
                list(paint(colored, settings.paint, pool, where))
                began = time.perf_counter()
                list(paint(colored, settings.paint, pool, where))
                each = (time.perf_counter() - began) / len(colored)
                job.write(on=str(where or "cpu"), threads=threads, paint_ms=1e3 * each)
    return None


def color_some(job: Job, settings: Settings) -> list[ColorizedFrame]:
    """The first frames of the film with their color, not smoothed."""
    colorizer = Colorizer.from_weights(settings=settings.colorizer)
    with open_video(job.film) as film, WorkerThreads() as pool:
        frames = mark_frames(islice(decode(film), min(HELD, job.frames)), settings)
        return list(colorizer.colorize(frames, pool=pool))


def measure_decode(job: Job) -> None:
    """Frames per second of the decoders: ours, FFmpeg's alone, NVDEC with and without a copy."""
    with job.attempt(decoder="vidcolor"), open_video(job.film) as film:
        began = time.perf_counter()
        frames = sum(1 for _ in decode(film))
        job.write(decoder="vidcolor", frames=frames, frames_per_second=rate_of(frames, began))
    with job.attempt(decoder="FFmpeg"), av.open(job.film) as container:
        container.streams.video[0].thread_type = "AUTO"
        began = time.perf_counter()
        frames = sum(1 for _ in container.decode(video=0))
        job.write(decoder="FFmpeg", frames=frames, frames_per_second=rate_of(frames, began))
    if job.place.type == "cpu":
        return job.write(skipped="NVDEC: no CUDA")
    with job.attempt(decoder="NVDEC, copied to the host"):
        compare_nvdec(job)
    with job.attempt(decoder="NVDEC, luma stays on the device"):
        decode_on_device(job)
    return None


def rate_of(frames: int, began: float) -> float:
    """Frames per second since ``began``."""
    return frames / (time.perf_counter() - began)


def compare_nvdec(job: Job) -> None:
    """NVDEC with its pictures copied, and whether their luma is that of FFmpeg's decoder."""
    name = "NVDEC, copied to the host"
    chip = HWAccel("cuda", allow_software_fallback=False)
    with av.open(job.film, hwaccel=chip) as container:
        began, kinds, frames = time.perf_counter(), set(), 0
        for frame in container.decode(video=0):
            kinds.add(frame.format.name)
            frames += 1
        hardware = container.streams.video[0].codec_context.is_hwaccel
        job.write(
            decoder=name,
            frames=frames,
            formats=sorted(kinds),
            is_hardware=hardware,
            frames_per_second=rate_of(frames, began),
        )
    chip = HWAccel("cuda", allow_software_fallback=False)
    with av.open(job.film, hwaccel=chip) as one, av.open(job.film) as other:
        pairs = islice(zip(one.decode(video=0), other.decode(video=0), strict=False), COMPARED)
        unequal = sum(not torch.equal(luma_of(a), luma_of(b)) for a, b in pairs)
        job.write(decoder=name, compared=COMPARED, luma_unequal=unequal)


def luma_of(frame: av.VideoFrame) -> Tensor:
    """``(H, W)`` codes, on the device that the frame lies on."""
    return from_dlpack(frame.planes[0])[: frame.height, : frame.width]


def decode_on_device(job: Job) -> None:
    """NVDEC with its pictures read where they lie."""
    chip = HWAccel("cuda", allow_software_fallback=False, is_hw_owned=True)
    with av.open(job.film, hwaccel=chip) as container:
        began, frames, total = time.perf_counter(), 0, 0
        for frame in container.decode(video=0):
            total += int(luma_of(frame)[::64, ::64].sum())
            frames += 1
        job.write(
            decoder="NVDEC, luma stays on the device",
            frames=frames,
            frames_per_second=rate_of(frames, began),
            lies_on=str(luma_of(frame).device),
        )
