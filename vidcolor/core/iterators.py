"""Generator tools: every stage of the way is a generator, these connect them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


def batch_items(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items; the last one may be shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def close(items: object) -> None:
    """Close a generator, so that what it holds is given back now; other iterables need nothing."""
    if isinstance(items, Generator):
        items.close()


def tap(items: Iterable[T], see: Callable[[T], object]) -> Generator[T, None, None]:
    """The same items; ``see`` is called with each before it goes on."""
    try:
        for item in items:
            see(item)
            yield item
    finally:
        close(items)


def prefetch(
    items: Iterable[T], size: int = 4, wake: Callable[[], object] = lambda: None
) -> Generator[T, None, None]:
    """The same items, made by a thread of its own that runs at most ``size`` items ahead.

    An exception of ``items`` is raised here, in its place. Closing this generator stops the
    thread, closes ``items`` in it and waits for it, so nothing runs on behind the caller's back.

    Args:
        items: Iterated and closed by the thread.
        size: Items that wait to be taken.
        wake: Called before the thread is waited for; it ends a wait for bytes that may never come.
    """
    ready: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(size)
    stop = threading.Event()

    def offer(entry: tuple[T | None, BaseException | None, bool]) -> None:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                offer((item, None, False))
                if stop.is_set():
                    break
            close(items)
            offer((None, None, True))
        except BaseException as error:  # carried over to the consumer, whatever it is
            offer((None, error, True))

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error, last = ready.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]  # an entry without error that is not last has an item
    finally:
        stop.set()
        wake()
        while thread.is_alive():
            thread.join()


def time_waiting(
    items: Iterable[T], name: str, seconds: dict[str, float]
) -> Generator[T, None, None]:
    """The same items; the time spent waiting for them is added to ``seconds[name]``.

    The time includes that of the stages further up in the same thread.
    """
    source = iter(items)
    seconds.setdefault(name, 0.0)
    try:
        while True:
            began = perf_counter()
            try:
                item = next(source)
            except StopIteration:
                return
            finally:
                seconds[name] += perf_counter() - began
            yield item
    finally:
        close(source)
