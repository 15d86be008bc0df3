"""Puts limits on this process, then becomes another module's: what touches strangers' films.

``python -m vidcolor.web.sandbox PARENT NICE FILE_BYTES CPU_SECONDS MODULE ARGUMENT...``
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from threading import Thread

OPEN_FILES = 512

MEMORY_SHARE = 0.75
"""Of the machine's memory, as address space."""

LEAST_MEMORY = 8 << 30
"""Bytes of address space that torch and its threads need on a small machine, most of it unused."""

MORE_TASKS = 8192
"""Processes and threads that the user may have besides those that are seen. The limit counts all of
them, so that it must leave room for what else a person starts."""

GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Where one of them is there, address space stays without bounds: drivers map far more of it than
there is memory."""

_PR_SET_PDEATHSIG = 1


def limit(parent: int, nice: int, file_bytes: int, cpu_seconds: int) -> None:
    """Bounds on files, memory, tasks and time of the processor; end with the parent.

    The parent may raise ``cpu_seconds`` while it sees that the work goes on.
    """
    os.nice(nice)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it could be told
            raise SystemExit(1)
    try:
        import resource
    except ImportError:  # Windows
        return
    bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: OPEN_FILES}
    bounds[resource.RLIMIT_FSIZE] = file_bytes
    if sys.platform == "linux":
        if (tasks := task_bound()) is not None:
            bounds[resource.RLIMIT_NPROC] = tasks
        if not any(map(os.path.exists, GPUS)):
            bounds[resource.RLIMIT_AS] = memory_bound()
    for kind, most in bounds.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = cpu_seconds if hard == resource.RLIM_INFINITY else min(cpu_seconds, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def memory_bound() -> int:
    """Bytes of address space for one process: a share of the memory that there is."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(LEAST_MEMORY, int(there * MEMORY_SHARE))


def task_bound() -> int | None:
    """How many processes and threads the user may have; None where so many are there already.

    In a container those of the same user outside count, and are not seen.
    """
    import resource

    most = tasks_of(os.getuid()) + MORE_TASKS
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    if hard != resource.RLIM_INFINITY and hard <= most:
        return None
    resource.setrlimit(resource.RLIMIT_NPROC, (most, hard))
    try:
        Thread(target=int).start()
    except RuntimeError:
        return None
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    return most


def tasks_of(user: int) -> int:
    """How many processes and threads of a user there are."""
    count = 0
    for folder in os.scandir("/proc"):
        try:
            if folder.name.isdecimal() and os.stat(folder.path).st_uid == user:
                count += len(os.listdir(f"{folder.path}/task"))
        except OSError:  # it has ended meanwhile
            continue
    return count


if __name__ == "__main__":
    limit(*map(int, sys.argv[1:5]))
    os.execv(sys.executable, [sys.executable, "-m", *sys.argv[5:]])
