"""What people see of a film that is being colored: a bar on a terminal, lines in a log."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat
from threading import Event, Lock, Thread
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from vidcolor.cli.text import about, count, say

if TYPE_CHECKING:
    from tqdm import tqdm

    from vidcolor.core.report import Progress

WINDOW = 10.0
"""Seconds over which the speed is measured."""

LOADING, OPENING, PICTURE = "loading the net", "opening the film", "coloring the picture"
FIRST = "finding shots, coloring the first frames"
"""What is done before the first frame is."""


class Bar:
    """A bar on the terminal; before the first frame it says what is being done."""

    def __init__(self, title: str, doing: str = LOADING) -> None:
        from tqdm import tqdm

        self.title = title
        self.tqdm: tqdm[Any] = tqdm(unit=" frames", smoothing=0.1, leave=False, bar_format="{desc}")
        # The last columns stay free: ^C and what a shell says of a kill stand there, untorn.
        vars(self.tqdm)["dynamic_ncols"] = _room
        self._doing, self._began = doing, monotonic()
        self._ticker = Ticker(self._wait, repeat(1.0))
        self._wait()

    def prepare(self, doing: str) -> None:
        """Say what is done before the first frame."""
        self._doing = doing
        if self.tqdm.bar_format is None:  # on a cluster, it is read meanwhile
            self.tqdm.set_description(f"{self.title}: {doing}" if self.title else doing)

    def tell(self, progress: Progress, first: bool) -> None:
        """Show how far the film is; ``first`` says what earlier runs have done."""
        bar = self.tqdm
        bar.total = progress.total
        if first:  # what earlier runs did is not the speed of this one
            bar.n = bar.initial = bar.last_print_n = progress.frames
            self._doing = FIRST
            self._wait()
            return
        if bar.bar_format is None and self._doing != FIRST:
            self._doing = FIRST
            bar.set_description(self.title or None, refresh=False)
        if self._ticker.ends():
            bar.bar_format, bar.leave = None, True
            bar.start_t = bar.last_print_t = time()
            bar.set_description(self.title or None, refresh=False)
        bar.update(progress.frames - bar.n)

    def close(self, keep: bool) -> None:
        """Leave the bar where it is, or take it away."""
        self._ticker.ends()
        self.tqdm.leave = bool(self.tqdm.leave) and keep
        self.tqdm.close()

    def _wait(self) -> None:
        title = f"{self.title}: " if self.title else ""
        spent = round(monotonic() - self._began)
        self.tqdm.set_description_str(f"{title}{self._doing} ({spent} s)")


def _room(_file: object) -> tuple[int, int]:
    size = shutil.get_terminal_size()
    return max(20, size.columns - 8), size.lines


class Log:
    """Lines for who reads what a program wrote: the first soon, then ever fewer."""

    def __init__(self, title: str, doing: str = LOADING) -> None:
        self.title, self._doing = title, doing
        self._progress: Progress | None = None
        self._since: tuple[float, int] | None = None
        """When the first frame was done, and how many were then."""
        self._ticker = Ticker(self._write, pauses())

    def prepare(self, doing: str) -> None:
        """Know what is done before the first frame."""
        self._doing = doing

    def tell(self, progress: Progress, first: bool) -> None:
        """Know how far the film is."""
        self._progress = progress
        if not first and not self._since:  # the wait for the first frame is not the speed
            self._since = monotonic(), progress.frames

    def close(self, _keep: bool) -> None:
        """Say no more."""
        self._ticker.ends()

    def _write(self) -> None:
        at = self._progress
        if at is None:
            say(f"{self.title}: 0 frames done, {self._doing}")
            return
        of = f" of {at.total}" if at.total else ""
        line = f"{self.title}: {count(at.frames, 'frame')}{of} done"
        began, before = self._since or (0.0, at.frames)
        if self._since is None:
            line += f", {FIRST}"
        elif at.frames > before:
            rate = (at.frames - before) / (monotonic() - began)
            line += f", {rate:.1f} frames/s"
            if at.total and at.total > at.frames:
                line += f", about {about((at.total - at.frames) / rate)} left"
        say(line)


def pauses() -> Iterator[float]:
    """Seconds between two lines of a log: 10, 20, 40, then a minute each."""
    yield from (10.0, 20.0, 40.0)
    yield from repeat(60.0)


class Ticker:
    """Calls something now and then, from a thread of its own, until it is told to end."""

    def __init__(self, call: Callable[[], object], waits: Iterator[float]) -> None:
        self._call, self._waits = call, waits
        self._lock = Lock()
        self._over = Event()
        Thread(target=self._run, name="ticker", daemon=True).start()

    def ends(self) -> bool:
        """Call nothing any more; True where this is what ended it."""
        with self._lock:  # a call that is under way comes to its end first
            begun = not self._over.is_set()
            self._over.set()
        return begun

    def _run(self) -> None:
        for seconds in self._waits:
            if self._over.wait(seconds):
                return
            with self._lock:
                if not self._over.is_set():
                    self._call()


class Pace:
    """How fast frames came lately, and how long the others will take."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()

    def after(self, frames: int) -> float | None:
        """Frames per second of the last `WINDOW` seconds; None while that cannot be known.

        Args:
            frames: How many are done now.
        """
        now = self._now()
        self._seen.append((now, frames))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW:
            self._seen.popleft()
        begin, before = self._seen[0]
        return (frames - before) / (now - begin) if now > begin else None
