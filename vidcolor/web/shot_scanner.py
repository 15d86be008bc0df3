"""Finds the shots of a film in a process of its own, while the page is in use already."""

from __future__ import annotations

import csv
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from threading import Lock, Thread

from vidcolor.web.library import Film
from vidcolor.web.processes import end, renew, start

NICE = 10
"""It stands back behind jobs and previews."""


@dataclass
class Shots:
    """What is known of the shots of a film so far."""

    starts: list[Fraction] = field(default_factory=list)
    """Seconds."""
    seconds: Fraction = Fraction(0)
    """Where the last of them begins that was found."""
    over: bool = False
    """Whether no more will be found."""
    finished: bool = False
    """Whether these are all: the film was looked through to its end."""


class ShotScanner:
    """Looks through one film at a time, the last that was opened first; all are looked through."""

    def __init__(self, room: Path) -> None:
        """Let its process write, if it must, into ``room``."""
        self._room = room
        self._found: dict[str, Shots] = {}
        self._waiting: list[Film] = []
        self._now: Film | None = None
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._put_off = False
        self._thread: Thread | None = None

    def of(self, film: Film) -> Shots:
        """What is known of a film so far."""
        return self._found.get(film.id, Shots())

    def begin(self, film: Film) -> None:
        """Turn to a film, unless it is known already; the one in hand is looked at again later."""
        with self._lock:
            if self.of(film).finished or film == self._now:
                return
            self._found[film.id] = Shots()
            later = [one for one in (self._now, *self._waiting) if one and one != film]
            self._waiting = [film, *later]
            if self._process:
                self._put_off = True
                self._process.kill()
            if self._thread is None:
                self._thread = Thread(target=self._run, name="shots", daemon=True)
                self._thread.start()

    def forget(self, film: Film) -> None:
        """Let go of a film for good."""
        with self._lock:
            self._waiting = [one for one in self._waiting if one != film]
            if self._now == film and self._process:
                self._process.kill()
            self._found.pop(film.id, None)

    def close(self) -> None:
        """Let go of all films."""
        with self._lock:
            self._waiting.clear()
            if self._process:
                self._process.kill()
            thread = self._thread
        if thread:
            thread.join()
        for shots in self._found.values():
            shots.over = True

    def _run(self) -> None:
        while True:
            with self._lock:
                self._now, self._process, self._put_off = None, None, False
                if not self._waiting:
                    self._thread = None
                    return
                self._now = film = self._waiting.pop(0)
                shots = self._found[film.id] = Shots()
                words = ["vidcolor", "shots", *film.words(), "--quiet"]
                with suppress(OSError):
                    self._process = start(words, self._room, nice=NICE, stdout=subprocess.PIPE)
            if self._process:
                self._look(self._process, shots)
            shots.over = not self._put_off

    def _look(self, process: subprocess.Popen[bytes], shots: Shots) -> None:
        assert process.stdout
        # It may be killed in the middle of a line.
        with suppress(OSError, ValueError, KeyError, TypeError):
            lines = (line.decode("ascii", "replace") for line in process.stdout)
            for row in csv.DictReader(lines):
                moment = Fraction(row["start_seconds"])
                shots.starts.append(moment)
                shots.seconds = moment
                renew(process)
        # Damage is told by 3; the shots are those of what could be decoded.
        shots.finished = end(process, 5.0) in (0, 3)
