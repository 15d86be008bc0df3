"""What is shown while films are coloured: a bar for people, lines of JSON for programs."""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from vidcolor.cli.text import printable
from vidcolor.errors import OutputError
from vidcolor.files import append_named

if TYPE_CHECKING:
    from types import TracebackType

    from tqdm import tqdm

    from vidcolor.frames import Progress, Report

EVERY = 0.5
"""Seconds between two lines."""

WINDOW = 10.0
"""Seconds over which the speed is measured."""


def add_progress(p: argparse._ActionsContainer) -> None:
    """The option ``--progress``."""
    p.add_argument(
        "--progress",
        metavar="FILE",
        help="append a line of JSON about twice a second for other programs (- is stdout)",
    )


@contextmanager
def progress_file(name: str | None) -> Iterator[ProgressFile | None]:
    """The file that ``--progress`` names; None where it is not given.

    Raises:
        OutputError: It cannot be written.
    """
    if name is None:
        yield None
    else:
        with ProgressFile(name) as lines:
            yield lines


class Shown:
    """A bar on the terminal and lines of JSON about one film; use it in a ``with`` block.

    Call it with each `Progress`; set ``report`` when the film is done.
    """

    def __init__(
        self, lines: ProgressFile | None, quiet: bool, title: str = "", **more: object
    ) -> None:
        """Show that nothing is done yet.

        Args:
            lines: Gets lines of JSON.
            quiet: Whether there is no bar; where stderr is no terminal there is none either.
            title: What stands before the bar; the bar of a film that has one goes when it is done.
            more: What stands in each line beside how far the film is.
        """
        from tqdm import tqdm

        self.report: Report | None = None
        self._lines = lines.film(**more) if lines else None
        self._bar: tqdm[Any] = tqdm(
            desc=title or None,
            unit=" frames",
            leave=not title,
            disable=True if quiet else None,
            smoothing=0.1,
        )
        self._begun = False

    def __enter__(self) -> Shown:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        if self._lines:
            self._lines.end(self.report)

    def name(self, title: str) -> None:
        """Put another title before the bar."""
        self._bar.set_description(title, refresh=False)

    def note(self, line: str) -> None:
        """Print a line on stderr, above the bar."""
        self._bar.write(printable(line), file=sys.stderr)

    def __call__(self, progress: Progress) -> None:
        """Show how far the film is."""
        bar = self._bar
        if not self._begun:  # what earlier runs did is not the speed of this one
            bar.n = bar.initial = bar.last_print_n = progress.frames
        self._begun = True
        bar.total = progress.total
        bar.update(progress.frames - bar.n)
        if self._lines:
            self._lines.tell(progress)


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


class ProgressFile:
    """Lines of JSON about one run; use it in a ``with`` block.

    A reader that has gone, that does not keep up, or a full disk cost lines, never the film.
    """

    def __init__(self, name: str, now: Callable[[], float] = monotonic) -> None:
        """Open the file.

        Args:
            name: A file or a named pipe, to which lines are appended; ``-`` is stdout.
            now: The clock, in seconds.

        Raises:
            OutputError: It cannot be written.
        """
        self._now = now
        self._owned = name != "-"
        self._file = 1
        if not self._owned:
            return
        try:
            self._file = append_named(Path(name))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"--progress {name}: cannot be written ({reason})") from error
        if stat.S_ISFIFO(os.fstat(self._file).st_mode):
            os.set_blocking(self._file, False)  # ours alone, as stdout is not

    def __enter__(self) -> ProgressFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._owned:
            os.close(self._file)

    def film(self, **more: object) -> FilmLines:
        """Lines about one film, which carry ``more``."""
        return FilmLines(self, self._now, more)

    def write(self, entry: dict[str, Any]) -> None:
        """Write a line."""
        with suppress(OSError):
            os.write(self._file, (json.dumps(entry) + "\n").encode())


class FilmLines:
    """Lines of JSON about one film."""

    def __init__(
        self, file: ProgressFile, now: Callable[[], float], more: dict[str, object]
    ) -> None:
        self._file, self._now, self._more = file, now, more
        self._pace = Pace(now)
        self._known: dict[str, Any] = {}
        self._last = -EVERY

    def tell(self, progress: Progress) -> None:
        """Write a line, unless the last one was just written."""
        rate = self._pace.after(progress.frames)
        left = progress.total - progress.frames if progress.total else -1
        self._known = {
            "frames": progress.frames,
            "total": progress.total,
            "seconds": round(progress.seconds, 3),
            "per_second": None if rate is None else round(rate, 3),
            "left": round(left / rate, 1) if rate and left >= 0 else None,
        }
        if (now := self._now()) >= self._last + EVERY:
            self._last = now
            self._write()

    def end(self, report: Report | None) -> None:
        """Write the last line; of a run that failed, what was known."""
        if report:
            frames = {"frames": report.frames, "total": report.frames}
            self._known = {"seconds": 0.0, "per_second": None, **self._known, **frames, "left": 0.0}
        self._write()

    def _write(self) -> None:
        if self._known:
            self._file.write({**self._more, **self._known})
