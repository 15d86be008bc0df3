"""The queue of films to color: one at a time, each in a process of its own.

A job is the command line itself: what it does, keeps and says is what ``vidcolor IN OUT`` does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any, Literal

from vidcolor.core.paths import PICTURE_SUFFIXES, is_taken, part_path
from vidcolor.core.platform import remove_open
from vidcolor.core.purposes import purpose_of
from vidcolor.core.target import claim
from vidcolor.errors import AccessDenied, OutputError
from vidcolor.web.library import Film, shorten_text, spoken
from vidcolor.web.options import SAME, Choice
from vidcolor.web.processes import end, interrupt, renew, start

State = Literal["waiting", "running", "stopping", "stopped", "done", "failed"]

LOOK = 0.25
"""Seconds between two looks at a running job."""

STALLED = 1800.0
"""Seconds without a new frame after which a job is taken for hung."""

GRACE = 5.0
"""Seconds that a job has to stop."""

NICE = 5
"""Jobs stand back behind previews."""

RESULTS = {".mp4": ".mp4", ".m4v": ".mp4", ".mov": ".mov", ".webm": ".webm"}
RESULTS |= {".jpg": ".jpg", ".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg"}
RESULTS |= dict.fromkeys(PICTURE_SUFFIXES - RESULTS.keys(), ".png")
"""Suffix of the result; Matroska, which holds everything, for all other films."""

WATCHABLE = {".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/mp4"}
WATCHABLE |= {".jpg": "image/jpeg", ".png": "image/png"}
"""What browsers show."""

LONGEST_STEM = 210
"""Bytes of a result's name before its number and suffix: what is hidden beside it is longer."""

MOST = 200
"""Jobs in the queue."""


@dataclass
class Job:
    """One film that is colored, was or will be."""

    id: str
    film: Film
    choice: Choice
    target: Path
    folder: Path
    """Of its own; holds what its process says."""
    state: State = "waiting"
    progress: dict[str, Any] = field(default_factory=dict)
    """The last of what its process tells: frames, total, seconds, per_second, left."""
    line: str = ""
    """What went wrong, in one line."""
    report: dict[str, Any] = field(default_factory=dict)
    """What was done, once it is."""
    fresh: bool = False
    """Whether it starts over instead of going on."""
    more: list[str] = field(default_factory=list)
    """Options besides those of the choice."""

    def words(self) -> list[str]:
        """Module and arguments of its process."""
        words = ["vidcolor", *self.film.words(), str(self.target), "--quiet"]
        words += ["--progress", str(self.folder / "progress"), "--report", str(self.report_file)]
        words += [*self.choice.words(), *self.more]
        return [*words, *(["--fresh"] if self.fresh else [])]

    @property
    def has_colors(self) -> bool:
        """Whether it is colored with a color sheet."""
        return "--colors" in self.more

    @property
    def report_file(self) -> Path:
        """Where its process writes its report."""
        return self.folder / "report.json"


class Queue:
    """All jobs in order, and the thread that runs one after the other."""

    def __init__(
        self,
        room: Path,
        keep: Path | None,
        words: Callable[[Job], list[str]] = Job.words,
        suffix: str = "",
    ) -> None:
        """Work in the folder ``room``; results go to ``keep``, or stay there.

        Args:
            room: Has a folder for each job.
            keep: Where results go; None leaves them there.
            words: Module and arguments of a job's process.
            suffix: Of results; empty takes one by that of the film.
        """
        self._room, self._keep, self._words, self._suffix = room, keep, words, suffix
        self._jobs: dict[str, Job] = {}
        self._changed = Condition()
        self._closing = False
        self._thread = Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def add(
        self, film: Film, choice: Choice, prepare: Callable[[Path], list[str]] | None = None
    ) -> Job:
        """A new job at the end of the queue.

        Args:
            film: What is colored.
            choice: How.
            prepare: Puts what the job needs into its folder, and gives more options.

        Raises:
            AccessDenied: There are too many, or no result can be put where it should be.
        """
        with self._changed:
            if len(self._jobs) >= MOST:
                raise AccessDenied(f"there are {MOST} films in the queue; remove some first")
            job_id = uuid.uuid4().hex
            folder = self._room / job_id
            folder.mkdir(mode=0o700)
            try:
                more = prepare(folder) if prepare else []
                target = self._target(film, choice, self._keep or folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            job = Job(job_id, film, choice, target, folder, more=more)
            self._jobs[job_id] = job
            self._changed.notify_all()
        return job

    def find(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            AccessDenied: There is none.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise AccessDenied("this film is no longer in the queue")
        return job

    def stop(self, job_id: str) -> None:
        """Stop a running job where it is, or keep a waiting one from starting."""
        with self._changed:
            job = self.find(job_id)
            if job.state == "running":
                job.state = "stopping"
            elif job.state == "waiting":
                job.state = "stopped"
            self._changed.notify_all()

    def resume(self, job_id: str, fresh: bool = False) -> None:
        """Let a job go on from its last finished chunk, or start over; it keeps its place."""
        with self._changed:
            job = self.find(job_id)
            if job.state in ("stopped", "failed"):
                job.state, job.line, job.fresh, job.progress = "waiting", "", fresh, {}
            self._changed.notify_all()

    def remove(self, job_id: str) -> None:
        """Forget a job that does not run, and what it wrote in this program's own folder."""
        with self._changed:
            job = self.find(job_id)
            if job.state in ("running", "stopping"):
                raise AccessDenied("stop this film before you remove it")
            del self._jobs[job_id]
        if job.state != "done":
            self._forget(job)
        shutil.rmtree(job.folder, ignore_errors=True)

    def jobs(self) -> list[Job]:
        """All jobs, in order."""
        with self._changed:
            return list(self._jobs.values())

    def close(self) -> None:
        """Stop the running job, and the thread; keep what the next server can go on with."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        for job in self._jobs.values():
            if job.film.uploaded and job.state != "done":
                self._forget(job)
            elif job.state != "done":
                free_name(job.target)

    def _forget(self, job: Job) -> None:
        """Remove what is kept of a film that is not done; what another run is at work on stays."""
        if self._keep:  # else it goes with the folder of the job
            from vidcolor.run.leftovers import (
                forget_work,  # loads torch, which a server else needs not
            )

            forget_work(job.target)

    def _target(self, film: Film, choice: Choice, folder: Path) -> Path:
        """A path for the result that nothing has yet.

        Whoever makes its part has the name: another server may look for one at the same time.
        """
        name, own = spoken(film.name), "" if film.is_scans else film.path.suffix
        stem = name[: len(name) - len(own)] if name.lower().endswith(own.lower()) else name
        stem = shorten_text(f"{stem} in color", LONGEST_STEM, LONGEST_STEM)
        suffix = self._suffix or suffix_of(choice, own)
        for number in range(1, 10_000):
            target = folder / f"{stem}{f' {number}' if number > 1 else ''}{suffix}"
            if is_taken(target):
                continue
            try:
                part_path(target).open("xb").close()
            except FileExistsError:
                continue
            except OSError as error:
                raise AccessDenied(f"{folder}: cannot be written: {error.strerror}") from error
            return target
        raise AccessDenied(f"{stem}: there are too many results of this film; remove some")

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closing and not self._next():
                    self._changed.wait()
                job = self._next()
                if self._closing or job is None:
                    return
                job.state = "running"
            self._do(job)

    def _next(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == "waiting"), None)

    def _do(self, job: Job) -> None:
        """Run one job to its end."""
        said = job.folder / "said"
        try:
            with open(said, "wb") as file:
                process = start(self._words(job), job.target.parent, nice=NICE, stderr=file)
            code, hung = self._watch(job, process)
        except OSError as error:
            code, hung = 2, False
            said.write_text(f"vidcolor: cannot start: {error.strerror}\n", encoding="utf-8")
        with self._changed:
            self._finish(job, code, hung, said)

    def _watch(self, job: Job, process: subprocess.Popen[bytes]) -> tuple[int, bool]:
        """Exit code of the process, and whether it hung."""
        frames, since, hung = 0, monotonic(), False
        while process.poll() is None:
            with self._changed:
                asked = self._closing or job.state == "stopping"
                if not asked:
                    self._changed.wait(LOOK)
            job.progress = last_line(job.folder / "progress") or job.progress
            if job.progress.get("frames", 0) != frames:
                frames, since = job.progress["frames"], monotonic()
                renew(process)
            hung = monotonic() - since > STALLED
            if hung or asked:
                if not self._closing:  # else there is no time; what is on the disk is always good
                    interrupt(process)
                return end(process, 0.0 if self._closing else GRACE), hung
        return end(process), hung

    def _finish(self, job: Job, code: int, hung: bool, said: Path) -> None:
        job.progress = last_line(job.folder / "progress") or job.progress
        with suppress(OSError, ValueError):
            job.report = json.loads(job.report_file.read_text(encoding="utf-8"))
        if code in (0, 3) and job.target.is_file():
            job.state, job.fresh = "done", False
            free_name(job.target)
        elif hung:
            job.state = "failed"
            job.line = f"no new frame for {STALLED / 60:.0f} minutes; try again to resume"
        elif job.state == "stopping" or self._closing:
            job.state = "stopped"
        else:
            job.state, job.line = "failed", job.film.known_as(complaint(said, code))


def suffix_of(choice: Choice, own: str) -> str:
    """That of the result of a film with the suffix ``own``; of scans, which have none, it is empty.

    What the film is for goes before what it was.
    """
    if choice.purpose != SAME:
        return purpose_of(choice.purpose).suffix
    return RESULTS.get(own.lower(), ".mkv")


def is_watchable(job: Job) -> bool:
    """Whether a browser shows the result; of codecs for editing it knows none."""
    return job.target.suffix in WATCHABLE and job.choice.purpose not in ("edit", "avid")


def free_name(target: Path) -> None:
    """Remove the part of a target that nothing was written to; what is done of it stays."""
    part = part_path(target)
    with suppress(OutputError, OSError):
        if not part.lstat().st_size:
            held = claim(part, target)
            remove_open(held, part)
            os.close(held)


def last_line(path: Path) -> dict[str, Any] | None:
    """The last whole line of a file of JSON lines; None where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            lines = file.read().split(b"\n")[:-1]
        found = json.loads(lines[-1])
    except (OSError, ValueError, IndexError):
        return None
    return found if isinstance(found, dict) else None


def complaint(said: Path, code: int) -> str:
    """The one line that a process that failed has left, without its name."""
    with suppress(OSError):
        lines = said.read_text(errors="replace", encoding="utf-8").strip().splitlines()
        if lines and lines[-1].startswith("vidcolor: "):
            return lines[-1].removeprefix("vidcolor: ")
    if code < 0:
        return f"coloring stopped unexpectedly (signal {-code}); try again to resume"
    return f"coloring stopped unexpectedly (code {code}); try again to resume"


def describe_job(job: Job) -> dict[str, Any]:
    """What the page shows of a job, plain types; the page takes all of it for text."""
    damage = [f"{count} x {kind}" for kind, count in job.report.get("damage_counts", {}).items()]
    left = [f"not copied: {one['what']}" for one in job.report.get("left_behind", [])]
    words = {
        "title": "with only text",
        "blank": "with nothing to see",
        "asked": "as the color sheet says",
    }
    gray = [
        f"left gray: {count} frame{'s' * (count != 1)} {words.get(why, f'with {why}')}"
        for why, count in job.report.get("neutral_frames", {}).items()
    ]
    progress = {key: job.progress.get(key) for key in ("frames", "total", "per_second", "left")}
    done = job.state == "done"
    return {
        "id": job.id,
        "name": job.film.name,
        "result": job.target.name if done else "",
        "watch": done and is_watchable(job),
        "kept": job.target.parent != job.folder,
        "picture": job.target.suffix in (".jpg", ".png"),
        "state": job.state,
        "line": job.line,
        "choice": job.choice.told() + (", with your colors" if job.has_colors else ""),
        "notes": [*damage, *left, *gray],
        "seconds": job.report.get("seconds", {}).get("total"),
        **progress,
        **({"frames": job.report["frames"]} if done and "frames" in job.report else {}),
    }
