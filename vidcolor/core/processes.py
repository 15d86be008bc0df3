"""Work done by other processes, in order. What kills a process costs one item and not the run."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import torch

from vidcolor.core.threads import usable_cores

T = TypeVar("T")
R = TypeVar("R")

_CHUNK = 4
"""Items that are sent at once; small, as an interrupt waits for those in hand."""
_AHEAD = 3
"""Chunks in hand for each process."""
_MOST = 61 if os.name == "nt" else 1 << 12
"""Processes of a pool; Windows waits for no more than these at once."""
_DEATHS = _AHEAD * _CHUNK
"""Items in a row that kill their process, after which it is no longer the items' fault."""


def map_processes(
    function: Callable[[T], R],
    items: Sequence[T],
    size: int | None = None,
    method: str | None = None,
) -> Generator[R | None]:
    """``function`` of each item, in order, each in one thread of another process.

    Closing it waits for what is in hand. An exception of ``function`` is raised here.

    Args:
        function: Of a module's top level, or a partial of such.
        items: Pickled, as are the results.
        size: Processes; None takes one for each core.
        method: How they start; None takes what is usual on the system, as PyTorch's loaders do.

    Yields:
        A result, or None for an item that killed its process.

    Raises:
        BrokenProcessPool: Process after process dies, whatever the item.
        OSError: No process can be started.
    """
    size = min(size or usable_cores(), -(-len(items) // _CHUNK), _MOST)
    done = 0
    while done < len(items):
        try:
            for result in _map_pool(function, items[done:], size, method):
                yield result
                done += 1
        except BrokenProcessPool:
            # One of those in hand did it, so these go one by one.
            suspects = items[done : done + size * _AHEAD * _CHUNK]
            for one in _map_alone(function, suspects, method):
                yield one
                done += 1


def _map_pool(
    function: Callable[[T], R], items: Sequence[T], size: int, method: str | None
) -> Generator[R]:
    chunks = (items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK))
    with _pool(size, method) as pool:
        waiting: deque[Future[list[R]]] = deque()
        for chunk in islice(chunks, size * _AHEAD):
            waiting.append(pool.submit(_do, function, chunk))
        while waiting:
            results = waiting.popleft().result()
            for chunk in islice(chunks, 1):
                waiting.append(pool.submit(_do, function, chunk))
            yield from results


def _map_alone(
    function: Callable[[T], R], items: Sequence[T], method: str | None
) -> Generator[R | None]:
    done = deaths = 0
    while done < len(items):
        try:
            with _pool(1, method) as pool:
                for item in items[done:]:
                    yield pool.submit(function, item).result()
                    done += 1
                    deaths = 0
        except BrokenProcessPool:
            deaths += 1
            if deaths == _DEATHS:
                raise
            yield None
            done += 1


def _do(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [function(item) for item in items]


@contextmanager
def _pool(size: int, method: str | None) -> Generator[ProcessPoolExecutor]:
    context = multiprocessing.get_context(method)
    pool = ProcessPoolExecutor(size, context, initializer=_begin)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave Ctrl-C to the process that gives the work, and end when that one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A handler that was inherited may raise what the pool swallows.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A fork has the rubbish of its parent, but not its threads: freeing a decoder would wait for
    # them for ever.
    gc.freeze()
    torch.set_num_threads(1)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
