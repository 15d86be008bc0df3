"""The parts of scripts/measure/gpu.py; each runs in a process of its own and writes as it goes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from statistics import median
from typing import Any

import av
import torch
from gpu_job import ENOUGH, Job, clock, settle
from gpu_video import measure_decode, measure_paint
from torch import Tensor

from vidcolor.benchmark.machine import (
    describe_machine,
    describe_versions,
    matmul_speed,
    operations,
)
from vidcolor.benchmark.results import Round, ratios
from vidcolor.benchmark.run import measure
from vidcolor.colorize.colorizer import MOST, STREAMS
from vidcolor.colorize.net_runner import Engine
from vidcolor.core.system import pick_dtype
from vidcolor.nets.colornet import ColorNet, NetInput
from vidcolor.nets.optimize import prepare_net
from vidcolor.nets.weights import load_weights
from vidcolor.settings import BenchmarkSettings, ColorizerSettings, EncodeSettings, Settings

LEAST = 10 * ENOUGH
"""Seconds that a loop has left before it begins another step."""

Run = Callable[[Tensor], Tensor]
"""``(B, 1, h, w)`` lightness to ab, where the net lies."""


def measure_device(job: Job) -> None:
    """What the machine is, its matrix products, and how fast it copies."""
    job.write(machine=describe_machine(job.place), versions=describe_versions())
    job.write(encoders=[name for name in ("h264_nvenc", "hevc_nvenc") if has_encoder(name)])
    halves = [torch.float16] if job.place.type == "cuda" else []  # a CPU may take minutes
    for dtype in (torch.bfloat16, *halves, torch.float32):
        with job.attempt(matmul=str(dtype)):
            speed = matmul_speed(job.place, dtype)
            job.write(matmul=str(dtype), tera_operations_per_second=speed / 1e12)
    if job.place.type == "cpu":
        return job.write(skipped="copies: no CUDA")
    bytes_each = 64 << 20
    there = torch.empty(bytes_each, dtype=torch.uint8, device=job.place)
    for pinned in (True, False):
        here = torch.empty(bytes_each, dtype=torch.uint8, pin_memory=pinned)
        up = clock(lambda here=here: there.copy_(here, non_blocking=True), job.place)  # type: ignore[misc]
        down = clock(lambda here=here: here.copy_(there, non_blocking=True), job.place)  # type: ignore[misc]
        job.write(copies="pinned" if pinned else "pageable", up_gb_per_second=bytes_each / up / 1e9)
        job.write(
            copies="pinned" if pinned else "pageable", down_gb_per_second=bytes_each / down / 1e9
        )
    return None


def has_encoder(name: str) -> bool:
    """Whether FFmpeg can encode with it on this machine."""
    try:
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = 256, 256, "yuv420p"
        context.time_base = Fraction(1, 24)
        context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True


def measure_bench(job: Job) -> None:
    """Rounds of `vidcolor bench` over the film, three at most, each written when it is done."""
    if job.codec != "libx264" and not has_encoder(job.codec):
        return job.write(skipped=f"no {job.codec} here; many GPUs for data centers have none")
    settings = Settings(
        colorizer=ColorizerSettings(weights=job.weights, device=job.device),
        encode=EncodeSettings(
            codec=job.codec, preset="veryfast" if job.codec == "libx264" else None
        ),
    )
    longest = 0.0
    for number in range(3):
        if number and job.left < longest * 1.1:
            break
        began = time.monotonic()
        found = measure(job.film, settings, BenchmarkSettings(frames=job.frames, repeat=1))
        longest = max(longest, time.monotonic() - began)
        if not number:
            job.write(facts={name: found.facts[name] for name in ("film", "net", "encoder")})
        job.write(round=number, **describe_round(found.rounds[0], found.shared, found.facts["net"]))
    return None


def describe_round(one: Round, shared: bool, net: dict[str, Any]) -> dict[str, Any]:
    """The figures of a round; ``slower_to_whole`` is 1 where the whole is as fast as its floor."""
    transcode, alone = one.parts["transcode"].each, one.parts["colornet"].each * one.inferred
    return {
        "whole_frames_per_second": 1 / one.parts["whole"].each,
        "slower_to_whole": max(transcode, alone) / one.parts["whole"].each,
        "ms": {name: 1e3 * part.each for name, part in one.parts.items()},
        "cpu_ms": {name: 1e3 * part.cpu_each for name, part in one.parts.items()},
        "ms_in_whole": {name: 1e3 * seconds for name, seconds in one.inside.items()},
        "ratios": ratios(one, shared, net["operations"]),
        "first_frame_seconds": one.fresh.first_frame,
        "memory_mib": one.fresh.peak_bytes / 2**20,
        "gpu_memory_mib": one.fresh.gpu_bytes / 2**20,
        "others": one.others,
    }


def load(job: Job) -> tuple[ColorNet, torch.dtype, tuple[int, int]]:
    """The net, what it computes in besides integers, and what it sees of a film of 4:3."""
    net = load_weights(job.weights)[0].eval()
    return net, pick_dtype(job.place), net.working_size(480, 640, ColorizerSettings().size)


def ready(net: ColorNet, dtype: torch.dtype, device: torch.device) -> Run:
    """The net as `Engine` runs it, without its copies."""
    made = prepare_net(net, dtype).to(device)

    def run(lightness: Tensor) -> Tensor:
        mixed = dtype != torch.float32
        with torch.autocast(device.type, dtype, enabled=mixed, cache_enabled=False):
            found: Tensor = made(NetInput(lightness), None)
        return found

    return run


def draw(frames: int, size: tuple[int, int]) -> Tensor:
    """``(frames, 1, h, w)`` lightness of no picture, in memory that the net likes."""
    dice = torch.Generator().manual_seed(3)
    found = torch.rand(frames, 1, *size, generator=dice) * 100
    return found.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def measure_net(job: Job) -> None:
    """Frames per second by batch: the net alone, and with its copies, by one to three threads."""
    net, dtype, size = load(job)
    peak, each = matmul_speed(job.place, dtype), operations(net, size)
    job.write(weights=job.weights, giga_operations=each / 1e9, size=size, dtype=str(dtype))
    run, engine = ready(net, dtype, job.place), Engine(net, job.place, dtype)
    batches = (MOST, 1, 4, 8, 32, 64) if job.place.type == "cuda" else (1, 2)
    for batch in batches:
        with job.attempt(weights=job.weights, batch=batch):
            picture = draw(batch, size)
            there = picture.to(job.place)
            if job.left < LEAST:
                return job.write(weights=job.weights, batch=batch, skipped="no time left")
            alone = clock(lambda there=there: run(there), job.place) / batch  # type: ignore[misc]
            job.write(
                weights=job.weights,
                batch=batch,
                frames_per_second=1 / alone,
                share_of_matmul=each / alone / peak,
            )
            for threads in (STREAMS, 1, 3) if batch == batches[0] else (STREAMS,):
                if job.left < LEAST:
                    return job.write(weights=job.weights, batch=batch, skipped="no time left")
                both = clock_engine(engine, picture, dtype, threads) / batch
                job.write(
                    weights=job.weights,
                    batch=batch,
                    threads=threads,
                    frames_per_second_with_copies=1 / both,
                    alone_to_with_copies=alone / both,
                )
    return None


def clock_engine(engine: Engine, picture: Tensor, dtype: torch.dtype, threads: int) -> float:
    """Seconds for a run of the engine where so many threads call it at once."""
    with ThreadPoolExecutor(threads) as pool:

        @torch.inference_mode()
        def run() -> Tensor:
            return engine.run(NetInput(picture), dtype, None)

        def work(times: int) -> float:
            began = time.perf_counter()
            jobs = [pool.submit(run) for _ in range(times)]
            for one in jobs:
                one.result()
            return (time.perf_counter() - began) / times

        work(2 * threads)
        times = max(threads, min(1000, round(ENOUGH / work(threads))))
        return median(work(times) for _ in range(3))


@torch.no_grad()
def measure_graphs(job: Job) -> None:
    """A CUDA graph of the net beside the net as it is."""
    net, dtype, size = load(job)
    run = ready(net, dtype, job.place)
    for batch in (MOST, 1, 4):
        with job.attempt(weights=job.weights, batch=batch):
            there = draw(batch, size).to(job.place)
            eager = clock(lambda there=there: run(there), job.place)  # type: ignore[misc]
            graph, found = capture(run, there)
            replayed = clock(graph.replay, job.place)
            off = float((found - run(there)).abs().mean())
            job.write(
                weights=job.weights,
                batch=batch,
                eager_ms=1e3 * eager,
                graph_ms=1e3 * replayed,
                mean_ab_off=off,
            )


def capture(run: Run, there: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    """A graph that takes its input from ``there``, and where it leaves what it finds."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            run(there)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run(there)
    graph.replay()
    return graph, found


@torch.no_grad()
def measure_compile(job: Job) -> None:
    """`torch.compile` of the net beside the net as it is, and what it takes to warm up."""
    net, dtype, size = load(job)
    run = ready(net, dtype, job.place)
    there = draw(MOST, size).to(job.place)
    before = clock(lambda: run(there), job.place)
    plain = run(there)
    began = time.monotonic()
    made = torch.compile(run, mode=job.mode, dynamic=False)
    off = float((made(there).clone() - plain).abs().mean())
    warm = time.monotonic() - began
    job.write(weights=job.weights, mode=job.mode, batch=MOST, compile_seconds=warm, mean_ab_off=off)
    after = clock(lambda: made(there), job.place)
    gained = (before - after) / MOST
    job.write(
        weights=job.weights,
        mode=job.mode,
        batch=MOST,
        eager_ms=1e3 * before,
        compiled_ms=1e3 * after,
        pays_after_frames=warm / gained if gained > 0 else None,
    )


@torch.no_grad()
def measure_kernels(job: Job) -> None:
    """Where the time of the net goes on the device."""
    net, dtype, size = load(job)
    run, there = ready(net, dtype, job.place), draw(MOST, size).to(job.place)
    for _ in range(3):
        run(there)
    kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds) as profile:
        for _ in range(5):
            run(there)
        settle(job.place)
    events = [e for e in profile.key_averages() if not str(e.device_type).endswith("CPU")]
    total = sum(e.self_device_time_total for e in events)
    job.write(weights=job.weights, batch=MOST, kernels_ms=total / 5e3)
    for event in sorted(events, key=lambda e: -e.self_device_time_total)[:15]:
        share = event.self_device_time_total / max(total, 1)
        job.write(weights=job.weights, kernel=event.key[:120], share=share, calls=event.count / 5)


STEPS: dict[str, Callable[[Job], None]] = {
    "device": measure_device,
    "bench": measure_bench,
    "net": measure_net,
    "paint": measure_paint,
    "decode": measure_decode,
    "graphs": measure_graphs,
    "kernels": measure_kernels,
    "compile": measure_compile,
}
"""By the first word of a part's name."""


if __name__ == "__main__":
    given = Job(**json.loads(sys.argv[1]))
    if given.device.startswith("cpu"):
        torch.set_num_threads(1)  # as vidcolor has it; several callers share the cores
    STEPS[given.part.split()[0]](given)
