"""Iterators that know what was taken from them, and by whom they were closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator


class Source:
    """Counts what is taken from it, and knows in which thread it was closed."""

    def __init__(self, length: int, fail_at: int | None = None) -> None:
        self.length, self.fail_at = length, fail_at
        self.taken = 0
        self.closed_in: threading.Thread | None = None

    def __iter__(self) -> Iterator[int]:
        try:
            for item in range(self.length):
                if item == self.fail_at:
                    raise ValueError(f"item {item} is broken")
                self.taken += 1
                yield item
        finally:
            self.closed_in = threading.current_thread()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for five seconds"
        time.sleep(0.005)
