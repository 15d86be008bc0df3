"""How the system schedules this process's threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


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
