"""What a benchmark runs on, and how fast that could be."""

from __future__ import annotations

import os
import platform
from time import perf_counter
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vidcolor.core.platform import bound_cores, busy_seconds, cpu_name
from vidcolor.core.system import available_memory
from vidcolor.core.threads import usable_cores
from vidcolor.media.encode.synthetic import ffmpeg_version
from vidcolor.nets.colornet import ColorNet, NetInput
from vidcolor.run.spec import versions

SIDE, SIDE_CPU = 8192, 2048
"""Side of the matrices that show what a GPU and a CPU can reach."""
ENOUGH = 0.3
"""Seconds that they are multiplied for at least."""


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Processor, cores, units for small floats, memory, system; the GPU if the net runs on it."""
    found: dict[str, Any] = {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "vnni": torch.cpu._is_vnni_supported(),
        "amx": torch.cpu._is_amx_tile_supported(),
        "free_memory_bytes": available_memory(torch.device("cpu")),
        "system": platform.platform(),
    }
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
        found["gpu_memory_bytes"] = torch.cuda.get_device_properties(device).total_memory
    return found


def describe_versions() -> dict[str, str]:
    """Versions of everything whose speed is measured."""
    return versions() | {"torch": torch.__version__, "ffmpeg": ffmpeg_version()}


def operations(net: ColorNet, size: tuple[int, int], device: torch.device | None = None) -> int:
    """Multiplications and additions of ``net`` for one frame of ``size``: its matrix products.

    Args:
        net: The net.
        size: ``(h, w)`` that it sees.
        device: Where it lies; None is the CPU.
    """
    counter = FlopCounterMode(display=False)
    # Only in its plain form does attention consist of products that are counted.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        net(NetInput(torch.full((1, 1, *size), 50.0, device=device)))
    return int(counter.get_total_flops())


def matmul_speed(device: torch.device, dtype: torch.dtype) -> float:
    """Multiplications and additions per second that the product of two large matrices reaches.

    It is what the device gives to a program that does nothing else, and so the yardstick for a
    net; the figures of makers are seldom reached by anything.
    """
    side = SIDE_CPU if device.type == "cpu" else SIDE
    a, b = torch.randn(2, side, side, device=device).to(dtype)
    best, began = float("inf"), perf_counter()
    while perf_counter() - began < ENOUGH:
        start = perf_counter()
        (a @ b)[0, 0].item()  # waits for the device
        best = min(best, perf_counter() - start)
    return float(2 * side**3 / best)


class Others:
    """How much of the usable cores other programs, or other guests of the host, take meanwhile."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = (
            perf_counter(),
            busy_seconds(bound_cores()),
            _own_seconds(),
        )

    def share(self) -> float:
        """0..1 since this object was made; 0 where the system does not tell."""
        passed = (perf_counter() - self._began) * len(bound_cores())
        busy, own = busy_seconds(bound_cores()) - self._busy, _own_seconds() - self._own
        return min(1.0, max(0.0, (busy - own) / passed))


def _own_seconds() -> float:
    """Seconds of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])
