"""What is shown while films are colored: a bar for people, lines of JSON for programs."""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from vidcolor.cli.faces import LOADING, Bar, Log, Pace
from vidcolor.cli.text import clock, count, printable, say
from vidcolor.core.files import append_named
from vidcolor.core.platform import set_waiting
from vidcolor.errors import OutputError
from vidcolor.run.unfinished import kept_of

if TYPE_CHECKING:
    from types import TracebackType

    from vidcolor.core.report import Progress, Report

EVERY = 0.5
"""Seconds between two lines."""


def add_progress(p: argparse._ActionsContainer) -> None:
    """The option ``--progress``."""
    p.add_argument(
        "--progress",
        metavar="FILE",
        help="append a line of JSON about twice a second for other programs (- for stdout):"
        " frames done, total, position in seconds, frames per second, seconds left",
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
    """How far one film is, for people and programs; use it in a ``with`` block.

    On a terminal that is a bar; elsewhere, as in a log file, a line now and then. Programs get
    lines of JSON. Call it with each `Progress`; set ``report`` when the film is done.
    """

    def __init__(
        self,
        lines: ProgressFile | None,
        quiet: bool,
        title: str = "",
        *,
        target: Path | None = None,
        doing: str = LOADING,
        keep: bool = False,
        **more: object,
    ) -> None:
        """Show that nothing is done yet.

        Args:
            lines: Gets lines of JSON.
            quiet: Whether people are told nothing.
            title: What stands before the bar and in the lines.
            target: What it becomes: where to look for what an earlier run has kept.
            doing: What is done before the film is begun.
            keep: Whether the bar stays when the film is done.
            more: What stands in each line of JSON beside how far the film is.
        """
        self.report: Report | None = None
        self._lines = lines.film(**more) if lines else None
        self._target, self._keep = target, keep
        self._face: Bar | Log | None = None
        self._begun = False
        if not quiet:
            self._face = (Bar if sys.stderr.isatty() else Log)(title, doing)
        self._bar = self._face.tqdm if isinstance(self._face, Bar) else None

    def __enter__(self) -> Shown:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._face:
            self._face.close(self._keep)
        if self._lines:
            self._lines.end(self.report)

    def name(self, title: str) -> None:
        """Put another title before the bar."""
        if self._face:
            self._face.title = title

    def note(self, line: str) -> None:
        """Print a line on stderr, above the bar."""
        if self._bar is None:
            say(line)
        else:
            self._bar.write(printable(line), file=sys.stderr)

    def __call__(self, progress: Progress) -> None:
        """Show how far the film is."""
        if progress.doing:
            if self._face:
                self._face.prepare(progress.doing)
            if self._lines:
                self._lines.prepare(progress)
            return
        first, self._begun = not self._begun, True
        if self._face:
            if first and progress.frames and self._target:
                self.note(f"{self._face.title}: {_going_on(progress.frames, self._target)}")
            self._face.tell(progress, first)
        if self._lines:
            self._lines.tell(progress)


def _going_on(frames: int, target: Path) -> str:
    """What earlier runs have done, and where this one goes on."""
    kept = kept_of(target)
    since = f", resuming at {clock(kept.seconds)}" if kept and kept.frames == frames else ""
    return f"{count(frames, 'frame')} already done{since}"


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
            set_waiting(self._file, False)  # ours alone, as stdout is not

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
        self._first: int | None = None
        """Frames that earlier runs did; the wait for the next one says nothing of the speed."""
        self._known: dict[str, Any] = {}
        self._last = -EVERY

    def prepare(self, progress: Progress) -> None:
        """Write what is done before frames are, unless a line was just written."""
        told = {"frames": progress.frames, "total": progress.total, "doing": progress.doing}
        if (now := self._now()) >= self._last + EVERY:
            self._last = now
            self._file.write({**self._more, **told})

    def tell(self, progress: Progress) -> None:
        """Write a line, unless the last one was just written."""
        if self._first is None:
            self._first = progress.frames
        rate = self._pace.after(progress.frames) if progress.frames > self._first else None
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
