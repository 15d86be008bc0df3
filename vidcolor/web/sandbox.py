"""Puts limits on this process, then becomes another module's: what touches strangers' films.

``python -m vidcolor.web.sandbox PARENT NICE FILE_BYTES CPU_SECONDS MODULE ARGUMENT...``
"""

from __future__ import annotations

import os
import sys

from vidcolor.core.platform import (
    LINUX,
    end_with_parent,
    find_task_bound,
    has_gpu_driver,
    limit_process,
    physical_memory,
    stand_back,
)

OPEN_FILES = 512

MEMORY_SHARE = 0.75
"""Of the machine's memory, as address space."""

LEAST_MEMORY = 8 << 30
"""Bytes of address space that torch and its threads need on a small machine, most of it unused."""

MORE_TASKS = 8192
"""Processes and threads that the user may have besides those that are seen. The limit counts all of
them, so that it must leave room for what else a person starts."""


def limit(parent: int, nice: int, file_bytes: int, cpu_seconds: int) -> None:
    """Bounds on files, memory, tasks and time of the processor; end with the parent.

    The parent may raise ``cpu_seconds`` while it sees that the work goes on.
    """
    stand_back(nice)
    end_with_parent(parent)
    bounds = {"CORE": 0, "NOFILE": OPEN_FILES, "FSIZE": file_bytes}
    if LINUX:
        if (tasks := find_task_bound(MORE_TASKS)) is not None:
            bounds["NPROC"] = tasks
        if not has_gpu_driver():
            bounds["AS"] = memory_bound()
    limit_process(bounds | {"CPU": cpu_seconds})


def memory_bound() -> int:
    """Bytes of address space for one process: a share of the memory that there is."""
    return max(LEAST_MEMORY, int((physical_memory() or 0) * MEMORY_SHARE))


if __name__ == "__main__":
    limit(*map(int, sys.argv[1:5]))
    os.execv(sys.executable, [sys.executable, "-m", *sys.argv[5:]])
