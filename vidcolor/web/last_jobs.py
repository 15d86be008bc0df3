"""What worker processes are asked about films: of each film, the last answer stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from vidcolor.web.library import Film
from vidcolor.web.options import Choice
from vidcolor.web.queue import Job, Queue

ENDED = ("done", "failed", "stopped")


class LastJobs(Queue):
    """The last job of each film; one at a time runs, and its target is the answer as JSON."""

    def __init__(self, room: Path, worker: str) -> None:
        """Let ``python -m worker FILE`` answer; the file says what is asked. ``room`` is there."""
        super().__init__(room, None, partial(_words, worker), suffix=".json")
        self._last: dict[str, Job] = {}
        self._turn = Lock()

    def begin(self, film: Film, choice: Choice, ask: Callable[[Path], dict[str, Any]]) -> Job:
        """Ask something of a film; the job before it is given up.

        Args:
            film: What it is of.
            choice: How it is colored.
            ask: Puts what the worker needs into the job's folder, and gives its arguments but
                ``target`` and ``progress``.
        """

        def prepare(folder: Path) -> list[str]:
            (folder / "words").write_text(json.dumps(ask(folder)), encoding="utf-8")
            return []

        with self._turn:
            self._drop(film.id)
            job = self._last[film.id] = self.add(film, choice, prepare)
        return job

    def last(self, film_id: str) -> Job | None:
        """The last job of a film, if there is one."""
        return self._last.get(film_id)

    def stop_last(self, film_id: str) -> None:
        """End a film's job, if there is one."""
        job = self.last(film_id)
        if job:
            self.stop(job.id)

    def forget(self, film_id: str) -> None:
        """Let go of a film's job."""
        with self._turn:
            self._drop(film_id)

    def _drop(self, film_id: str) -> None:
        self.stop_last(film_id)
        self._last.pop(film_id, None)
        wanted = {job.id for job in self._last.values()}
        for job in self.jobs():
            if job.id not in wanted and job.state in ENDED:
                self.remove(job.id)


def describe_state(job: Job) -> dict[str, Any]:
    """How far a job is, as the page shows it, plain types."""
    return {
        "state": job.state,
        "line": job.line,
        "frames": job.progress.get("frames", 0),
        "total": job.progress.get("total") or 0,
    }


def _words(worker: str, job: Job) -> list[str]:
    """Module and arguments of a job's process."""
    asked = job.folder / "asked"
    words = json.loads((job.folder / "words").read_text(encoding="utf-8"))
    words |= {"target": str(job.target), "progress": str(job.folder / "progress")}
    asked.write_text(json.dumps(words), encoding="utf-8")
    return [worker, str(asked)]
