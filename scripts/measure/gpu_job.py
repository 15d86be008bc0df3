"""What a part of scripts/measure/gpu.py is told, where it writes, and how it takes the time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from vidcolor.core.system import pick_device

ENOUGH = 0.3
"""Seconds that something is repeated for, three times."""


@dataclass
class Job:
    """What a part is to do."""

    part: str
    weights: str
    codec: str
    mode: str
    """Of `torch.compile`."""
    device: str
    film: str
    frames: int
    out: str
    until: float
    """Of `time.monotonic`; a loop that is not done by then ends."""

    def write(self, **figures: Any) -> None:
        """One line of JSON, at once."""
        line = json.dumps({"part": self.part} | figures)
        with Path(self.out).open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    @property
    def left(self) -> float:
        """Seconds."""
        return self.until - time.monotonic()

    @property
    def place(self) -> torch.device:
        """The device."""
        return pick_device(self.device)

    @contextmanager
    def attempt(self, **names: Any) -> Iterator[None]:
        """A step whose failure is written down, and stops none of those after it."""
        try:
            yield
        except Exception as error:  # anything may be missing on a machine that nobody has tried
            words = " ".join(str(error).split())[:300]
            self.write(**names, failed=f"{type(error).__name__}: {words}")


def settle(device: torch.device) -> None:
    """Waits for what the device has been given to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def clock(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that ``work`` takes: the median of three runs of many."""
    for _ in range(3):
        work()
    settle(device)
    began = time.perf_counter()
    work()
    settle(device)
    times = max(1, min(1000, round(ENOUGH / (time.perf_counter() - began))))
    found = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(times):
            work()
        settle(device)
        found.append((time.perf_counter() - began) / times)
    return median(found)
