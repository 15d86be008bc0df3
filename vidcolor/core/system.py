"""Devices and memory: which device, in which numbers, how a broken one sounds, how much fits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import torch

from vidcolor.core.platform import free_memory, memory_limits, physical_memory
from vidcolor.errors import SettingsError


def pick_device(name: str) -> torch.device:
    """The device for ``--device``.

    Raises:
        SettingsError: the device does not exist here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f"no device {name!r}; use auto, cpu, cuda, cuda:N or mps") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise SettingsError(f"no device {name!r}; use auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingsError(f"{name} is not available here; use --device auto or cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError("mps is not available here; use --device auto or cpu")
    return device


def pick_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the arithmetic units have it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    return torch.float32


def gpu_fault(error: BaseException) -> str:
    """What broke in the GPU, in its own words; empty where the error is about something else."""
    text = str(error).strip()
    words = ("cuda error", "cudnn error", "cublas_status", "cudnn_status", "hip error")
    # Torch 2.4 has no type of its own for them.
    kind = getattr(torch, "AcceleratorError", ())
    if isinstance(error, kind) or any(word in text.lower() for word in words):
        return text.splitlines()[0] if text else type(error).__name__
    return ""


FILM_BYTES = 2 * 6
"""Bytes of the machine's memory per pixel of a film and frame of a batch at most: two batches are
held at a time, each frame in three planes of 16 bits."""

UNKNOWN = 4 << 30
"""Bytes taken to be free where the system does not tell."""


def available_memory(device: torch.device, root: Path = Path("/")) -> int:
    """Bytes that may still be used: of a GPU what is free there, else of the machine.

    On Linux that is the least of what the kernel counts as available, what each cgroup of this
    process leaves (version 1 or 2, as containers and job schedulers set them) and the limits of
    ``ulimit``. Memory that only caches files counts as free. Windows tells what is free; of other
    systems half of the memory is taken.

    Args:
        device: Where the memory is wanted.
        root: The root folder; another one in tests.
    """
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    levels = (amount for folder in cgroups(root, "memory") for amount in _cgroup(folder))
    found = [*_kernel(root), *levels, *_limits(root)]
    return max(0, min(found)) if found else _memory_elsewhere()


def frames_that_fit(device: torch.device, run: int, film: int, root: Path = Path("/")) -> int:
    """How many frames a run of the net may have; may be 0.

    They take at most half of the device's available memory, and at most half of the machine's.

    Args:
        device: Where the net runs.
        run: Bytes of a run of the net for each of its frames.
        film: Pixels of a frame of the film.
        root: The root folder; another one in tests.
    """
    there = available_memory(device, root) // 2
    host = available_memory(torch.device("cpu"), root) // 2
    return min(there // run, host // (FILM_BYTES * film))


def ran_out(error: BaseException) -> bool:
    """Whether an error of torch says that there is no memory left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in words)


def _kernel(root: Path) -> Iterator[int]:
    """MemAvailable."""
    for kibibytes in re.findall(r"^MemAvailable: +(\d+) kB$", _text(root / "proc/meminfo"), re.M):
        yield int(kibibytes) << 10


def cgroups(root: Path, kind: str) -> Iterator[Path]:
    """The folders of this process's cgroup and of each one around that, version 1 or 2.

    Some of them may not be there: in a container the path may be that of the host, of which only
    the root is to be seen.

    Args:
        root: The root folder.
        kind: Controller of version 1: ``memory`` or ``cpu``.
    """
    lines = re.findall(r"^(\d+):([^:]*):(.*)$", _text(root / "proc/self/cgroup"), re.M)
    for number, kinds, path in lines:
        if number == "0":
            mounts = ["sys/fs/cgroup", "sys/fs/cgroup/unified"]
        else:
            mounts = [f"sys/fs/cgroup/{kind}"] if kind in kinds.split(",") else []
        steps = [part for part in path.split("/") if part]
        for mount in mounts:
            for depth in range(len(steps), -1, -1):
                yield root.joinpath(mount, *steps[:depth])


def _cgroup(folder: Path) -> Iterator[int]:
    """What one level leaves; nothing where it has no limit. Version 2 has the shorter names."""
    used = _number(folder / "memory.current")
    if used is None:
        used = _number(folder / "memory.usage_in_bytes")
    if used is None:
        return
    found = re.findall(r"^(\w+) (\d+)$", _text(folder / "memory.stat"), re.M)
    stat = {name: int(value) for name, value in found}
    # Version 1 counts the levels below in the fields that begin with `total_`. None of them holds
    # shared memory, which cannot be dropped.
    fields = ("inactive_file", "active_file")
    cache = sum(stat.get(f"total_{field}", stat.get(field, 0)) for field in fields)
    for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
        limit = _number(folder / name)
        if limit is not None:
            yield limit - used + cache


def _limits(root: Path) -> Iterator[int]:
    """What ``ulimit -v`` and ``ulimit -d`` leave."""
    pages = _text(root / "proc/self/statm").split()
    if len(pages) >= 6:
        yield from memory_limits(int(pages[0]), int(pages[5]))


def _memory_elsewhere() -> int:
    """What is free where there is no /proc; half of the machine's memory where that is not told."""
    free, there = free_memory(), physical_memory()
    if free is not None:
        return free
    return UNKNOWN if there is None else there // 2


def _text(path: Path) -> str:
    """What the file says; nothing where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _number(path: Path) -> int | None:
    """The number in a file; None where there is none, such as ``max``."""
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None
