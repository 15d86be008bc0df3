"""Finds the shots of a film in a process of its own, while the page is in use already."""

from __future__ import annotations

import csv
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from threading import Lock, Thread

from vidcolor.web.children import end, start
from vidcolor.web.shelf import Film

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


class Study:
    """Looks through one film at a time; those that it is through with it remembers."""

    def __init__(self, room: Path) -> None:
        """Let its process write, if it must, into ``room``."""
        self._room = room
        self._found: dict[str, Shots] = {}
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: Thread | None = None

    def of(self, film: Film) -> Shots:
        """What is known of a film so far."""
        return self._found.get(film.id, Shots())

    def begin(self, film: Film) -> None:
        """Turn to a film, unless it is known already."""
        if self.of(film).finished:
            return
        self.close()
        self._found[film.id] = Shots()
        self._thread = Thread(
            target=self._look, args=(film, self._found[film.id]), name="shots", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Let go of the film in hand."""
        with self._lock:
            if self._process:
                self._process.kill()
        if self._thread:
            self._thread.join()

    def _look(self, film: Film, shots: Shots) -> None:
        with suppress(OSError):
            words = ["vidcolor", "shots", str(film.path), "--quiet"]
            with self._lock:
                process = start(words, self._room, nice=NICE, stdout=subprocess.PIPE)
                self._process = process
            try:
                assert process.stdout
                lines = (line.decode("ascii", "replace") for line in process.stdout)
                for row in csv.DictReader(lines):
                    moment = Fraction(row["start_seconds"])
                    shots.starts.append(moment)
                    shots.seconds = moment
            finally:
                with self._lock:
                    self._process = None
                # Damage is told by 3; the shots are those of what could be decoded.
                shots.finished = end(process, 5.0) in (0, 3)
                shots.over = True
