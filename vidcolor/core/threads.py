"""Worker threads: a few that do the arithmetic of all stages.

Each thread runs whole frames, and each operation within one stays in its thread. So no stage waits
at the barriers of another's loop, no core is claimed twice, and the bits of what they make do not
depend on how many it has. The net's runs have as many threads of their own: what takes little time
does not wait behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from time import perf_counter
from types import TracebackType
from typing import TypeVar

import torch

from vidcolor.core.iterators import close
from vidcolor.core.platform import bound_cores
from vidcolor.core.system import available_memory, cgroups

T = TypeVar("T")
R = TypeVar("R")


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may use: those it is bound to, less where a cgroup grants less.

    Args:
        root: The root folder; another one in tests.
    """
    quotas = [quota for folder in cgroups(root, "cpu") for quota in _quota(folder)]
    return max(1, round(min([len(bound_cores()), *quotas])))


def _quota(folder: Path) -> Iterator[float]:
    """Cores that one level of cgroups grants; nothing where it has no limit."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8")
                for name in ("quota", "period")
            )
        if float(quota) > 0:
            yield float(quota) / float(period)
    except (OSError, ValueError):  # not there, or "max"
        return


HELD = 1 / 16
"""Share of the free memory that the frames in hand of one stage may take."""

_guard = Lock()
_working: list[WorkerThreads] = []
_usual = 1
"""Torch's threads for each of Python's, as it was before the first of those that work now began."""


class WorkerThreads:
    """Threads for the arithmetic of one run; a context manager that waits for them at its end.

    Meanwhile torch works in one thread for the thread that entered it and for those born since, of
    the whole process: torch keeps one count for new threads.

    Attributes:
        size: How many there are.
        ahead: Items that a stage has in hand at most, unless it says otherwise.
        seconds: Time they spent on each stage, in all; more than went by where several worked.
    """

    def __init__(self, size: int | None = None, frame_bytes: int = 0) -> None:
        """Take ``size`` threads; None takes one for each core.

        Very large frames, of ``frame_bytes``, are taken in hand by fewer.
        """
        self.size = size or usable_cores()
        self.ahead = self.size + 2
        if frame_bytes:
            fits = available_memory(torch.device("cpu")) * HELD // frame_bytes
            self.ahead = max(1, min(self.ahead, int(fits)))
        self.seconds: dict[str, float] = {}
        self._lock = Lock()
        alone = partial(torch.set_num_threads, 1)
        self._pool = ThreadPoolExecutor(self.size, "worker", alone)
        self._long = ThreadPoolExecutor(self.size, "net", alone)

    def __enter__(self) -> WorkerThreads:
        global _usual
        with _guard:
            if not _working:
                _usual = torch.get_num_threads()
            _working.append(self)
            torch.set_num_threads(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pool in (self._pool, self._long):
            pool.shutdown(cancel_futures=True)
        with _guard:
            _working.remove(self)
            torch.set_num_threads(_usual)

    def adopt(self) -> None:
        """Have torch work in one thread for the calling thread, too, though it was born before."""
        torch.set_num_threads(1)

    def submit(
        self, stage: str, function: Callable[[T], R], item: T, is_long: bool = False
    ) -> Future[R]:
        """Have ``function(item)`` done, among what takes long or among all else."""
        pool = self._long if is_long else self._pool
        return pool.submit(self._clocked, stage, function, item)

    def _clocked(self, stage: str, function: Callable[[T], R], item: T) -> R:
        with self.clock(stage):
            return function(item)

    @contextmanager
    def clock(self, stage: str) -> Iterator[None]:
        """Count the time of what is done within."""
        began = perf_counter()
        try:
            yield
        finally:
            spent = perf_counter() - began
            with self._lock:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent


def map_ordered(
    stage: str,
    function: Callable[[T], R],
    items: Iterable[T],
    pool: WorkerThreads | None,
    ahead: int | None = None,
    is_long: bool = False,
) -> Generator[R, None, None]:
    """``function`` of each item, in order, as soon as it is known when the next one is taken.

    Closing it waits for what is being done, so nothing runs on behind the caller's back.

    Args:
        stage: The name that the time is counted under.
        function: What is to be done with an item.
        items: A stream; closed with this one.
        pool: Who does it; None does it here.
        ahead: Items that are in hand at most; None takes what the threads are made for.
        is_long: Whether it takes as long as the net's runs.
    """
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            if pool is None:
                yield function(item)
                continue
            waiting.append(pool.submit(stage, function, item, is_long))
            del item
            while waiting and (len(waiting) >= (ahead or pool.ahead) or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        wait(waiting)
        close(items)
