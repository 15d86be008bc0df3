"""Processes that touch strangers' films: started with limits, stopped with certainty."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from vidcolor.core.platform import kill_group, renew_cpu_limit

Stream = IO[Any] | int | None

CPU_SECONDS = 24 * 3600
"""Seconds of the processor that a process may use until `renew`; all its threads count."""


def start(
    words: list[str],
    room: Path,
    *,
    nice: int = 0,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = subprocess.DEVNULL,
    stderr: Stream = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """A process in a group of its own, under the limits of `vidcolor.web.sandbox`.

    It is killed when the thread that calls this ends: call it in one that outlives it.

    Args:
        words: Module and arguments.
        room: Folder whose disk it may fill, and no more.
        nice: How far it stands back for others, 0..19.
        stdin: As of Popen; stdout and stderr, too.
        stdout: See there.
        stderr: See there.
    """
    most = max(1 << 20, shutil.disk_usage(room).free)
    bounds = map(str, (os.getpid(), nice, most, CPU_SECONDS))
    launch = ["vidcolor.web.sandbox", *bounds]
    return subprocess.Popen(
        [sys.executable, "-m", *launch, *words],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def renew(process: subprocess.Popen[bytes]) -> None:
    """Let a process, which is seen to get on, use as much of the processor again."""
    renew_cpu_limit(process, CPU_SECONDS)


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop, as Ctrl-C does."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)


def end(process: subprocess.Popen[bytes], grace: float = 0.0) -> int:
    """Wait ``grace`` seconds, then kill it and all that it started; its exit code."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    if process.poll() is None:
        kill_group(process)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with suppress(OSError):
                stream.close()
    return process.wait()
