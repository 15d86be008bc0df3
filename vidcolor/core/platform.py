"""What only some systems have, each with what is done on the others.

No other module imports or calls such things: `tests/project/test_platforms.py` knows them. Nothing
heavy is loaded here.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import select
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

WINDOWS = sys.platform == "win32"
LINUX = sys.platform == "linux"

CAREFUL = sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
)
"""Flags with which a file of our own is opened: wait for nobody, follow no link, hand it on to no
child, change no byte. Windows has the last one alone."""
PATIENT = CAREFUL & ~getattr(os, "O_NOFOLLOW", 0)
"""The same where a link may be followed."""

_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.I)
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')
_PR_SET_PDEATHSIG = 1


# Files


def has_locks() -> bool:
    """Whether files can be locked; Windows keeps open files from being removed instead."""
    return fcntl is not None


def lock_file(file: int) -> bool:
    """Lock an open file for this process alone; False where another one has it.

    Where a file system has no locks, everybody gets it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def can_remove_open() -> bool:
    """Whether a file can be removed that something has open, or renamed; Windows refuses both."""
    return not WINDOWS


def free_name(file: int) -> None:
    """Let the name of an open file be renamed or removed, see `can_remove_open`.

    There the descriptor stays open, on the null device, so that whoever has it may still close it.
    """
    if not can_remove_open():
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, file, inheritable=False)
        os.close(nowhere)


def remove_open(file: int, path: Path) -> None:
    """Remove the name of a file that this process has open; where it has none any more, too."""
    free_name(file)
    path.unlink(missing_ok=True)


def set_waiting(file: int, waits: bool) -> None:
    """Whether to wait for a slow pipe; before Python 3.12, Windows always does."""
    if hasattr(os, "set_blocking"):
        os.set_blocking(file, waits)


def is_readable(file: int | IO[bytes], seconds: float) -> bool:
    """Whether a pipe has bytes, or its end, within so many seconds; Windows cannot tell: True."""
    return WINDOWS or bool(select.select([file], [], [], seconds)[0])


def belongs_to_user(state: os.stat_result) -> bool:
    """Whether a file is this user's; on Windows, where rights are told otherwise, every one is."""
    return not hasattr(os, "getuid") or state.st_uid == os.getuid()


def find_name_fault(name: str) -> str:
    """Why a file cannot have this name here; empty where it can."""
    if not WINDOWS:
        return ""
    if found := _FORBIDDEN.search(name):
        mark = found[0] if found[0].isprintable() else "?"
        return f"Windows allows no {mark} in names"
    if name.endswith((".", " ")):
        return "names cannot end in a dot or a space on Windows"
    if _RESERVED.fullmatch(name.partition(".")[0].rstrip(" ")):
        return "Windows keeps this name for a device"
    return ""


def short_temp_folder() -> str | None:
    """A folder for temporary files with a short name; None where the usual one must do."""
    return "/tmp" if not WINDOWS and os.access("/tmp", os.W_OK | os.X_OK) else None


# Signals, sockets, the terminal


def stop_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask a program to stop; on Windows Ctrl-Break and a closed window, too."""
    more = getattr(signal, "SIGBREAK", None)
    return (signal.SIGINT, signal.SIGTERM, *([more] if more else []))


def call_after_fork(call: Callable[[], object]) -> None:
    """Have something called in each process that is forked; nothing where none is."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)


def reuse_address(listening: socket.socket) -> None:
    """Let a server have the port of one that has just ended.

    On Windows the same option lets two servers have one port at once, so another one is set.
    """
    if WINDOWS:
        listening.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE"), 1)  # noqa: B009
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


# Cores and memory


def bound_cores() -> set[int]:
    """Numbers of the cores that this process may run on; all where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


@contextmanager
def keep_scheduling() -> Iterator[None]:
    """Undo what a library does inside to how this thread, and those it starts, are scheduled.

    libsvtav1 gives both the highest real-time priority where the user is root. All that this thread
    starts from then on would have it, too, and whatever else runs on the machine would stand still.
    """
    if not hasattr(os, "sched_setscheduler"):  # Linux alone
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    before = set(_own_threads())
    try:
        yield
    finally:
        for thread in {0, *_own_threads()} - before:
            with suppress(OSError):  # it has ended meanwhile
                os.sched_setscheduler(thread, policy, priority)


def _own_threads() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc/self/task")]
    return []


def physical_memory() -> int | None:
    """Bytes of memory that the machine has; None where the system does not tell."""
    if WINDOWS:
        found = _windows_memory()
        return found[0] if found else None
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def free_memory() -> int | None:
    """Bytes of memory that Windows counts as free; None elsewhere: Linux has files for it."""
    found = _windows_memory() if WINDOWS else None
    return found[1] if found else None


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of Windows."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("physical", ctypes.c_uint64),
        ("free_physical", ctypes.c_uint64),
        ("page_file", ctypes.c_uint64),
        ("free_page_file", ctypes.c_uint64),
        ("address_space", ctypes.c_uint64),
        ("free_address_space", ctypes.c_uint64),
        ("free_extended", ctypes.c_uint64),
    )


def _windows_memory() -> tuple[int, int] | None:
    """Bytes that there are and that are free; of the latter, what may be claimed of them."""
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    windows = getattr(ctypes, "windll", None)
    if windows is None or not windows.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.physical), min(int(status.free_physical), int(status.free_page_file))


def memory_limits(address_space: int, data: int) -> Iterator[int]:
    """Bytes that ``ulimit -v`` and ``ulimit -d`` leave; nothing where there are no such limits.

    Args:
        address_space: Pages that this process has.
        data: How many of them are its data.
    """
    if resource is None:
        return
    for kind, used in ((resource.RLIMIT_AS, address_space), (resource.RLIMIT_DATA, data)):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY:
            yield limit - used * resource.getpagesize()


def keep_memory() -> None:
    """Let this process keep the memory that it frees, for what it asks for next.

    By itself glibc gives large blocks back and asks for new ones, which the system fills with zeros
    page by page: of a training step that costs two thirds of the time of its losses. The process
    stays as large as it ever was. Other C libraries are left as they are.
    """
    libc = _c_library()
    if hasattr(libc, "gnu_get_libc_version"):
        trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX of malloc.h
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, -1)


def give_back_memory() -> None:
    """Give the system what is free; glibc keeps it, torn into pieces that large frames miss."""
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _c_library() -> Any:
    """The functions of the C library, where they can be asked for without its name."""
    return None if WINDOWS else ctypes.CDLL(None)


# What is measured


def peak_memory() -> int:
    """Bytes of memory that this process had at most; 0 where the system does not tell."""
    try:
        # On Linux getrusage also counts the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        if resource is None:
            return 0
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else used << 10
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.M)
    return int(found[1]) << 10 if found else 0


def busy_seconds(cores: set[int]) -> float:
    """Seconds that some cores have worked, or that the host withheld, since the system started.

    0 where it does not tell.
    """
    try:
        lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    names, ticks = {f"cpu{core}" for core in cores}, 0
    for name, *counts in (line.split() for line in lines if line.startswith("cpu")):
        if name in names:  # user, nice, system, idle, waiting for disks, interrupts, steal
            ticks += sum(int(counts[place]) for place in (0, 1, 2, 5, 6, 7))
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_name() -> str:
    """What the processor is called."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


# Processes with limits


def end_with_parent(parent: int) -> None:
    """Have this process killed when the one that started it ends; Linux alone does that.

    Raises:
        SystemExit: It has ended already.
    """
    if LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it could be told
            raise SystemExit(1)


def stand_back(nice: int) -> None:
    """Leave the processor to others first, 0..19; nothing on Windows."""
    if hasattr(os, "nice"):
        os.nice(nice)


def limit_process(bounds: Mapping[str, int]) -> None:
    """Set limits of this process, never above those that it has; nothing where there are none.

    Args:
        bounds: Names such as ``NOFILE`` and the most of each. That of ``CPU``, in seconds, may be
            raised again by `renew_cpu_limit`. Those that a system does not have are left out.
    """
    if resource is None:
        return
    for name, most in bounds.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, hard if name == "CPU" else most))


def find_task_bound(more: int) -> int | None:
    """How many processes and threads the user may have: ``more`` than there are.

    In a container those of the same user outside count, and are not seen: None where so many are
    there already, and where the system has no such limit.
    """
    if resource is None or not LINUX:
        return None
    most = tasks_of(os.getuid()) + more
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


def has_gpu_driver() -> bool:
    """Whether a driver of a GPU is loaded: they map far more address space than there is memory."""
    return any(map(os.path.exists, ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")))


def renew_cpu_limit(process: subprocess.Popen[bytes], seconds: int) -> None:
    """Let a process use so many more seconds of the processor; Linux alone does that."""
    if not LINUX:
        return
    with suppress(OSError, ValueError, IndexError):
        words = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8")
        times = words.rpartition(")")[2].split()
        used = (int(times[11]) + int(times[12])) // os.sysconf("SC_CLK_TCK")
        hard = resource.prlimit(process.pid, resource.RLIMIT_CPU)[1]
        most = used + seconds
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (most, hard))


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that has a group of its own, with all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def is_private_folder(state: os.stat_result) -> bool:
    """Whether something is a folder of this user."""
    return stat.S_ISDIR(state.st_mode) and belongs_to_user(state)
