"""Everything that the server knows while it runs; pages come and go."""

from __future__ import annotations

import os
import shutil
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import Any

from vidcolor.errors import AccessDenied, Busy
from vidcolor.web.color_desk import ColorDesk
from vidcolor.web.library import Film, Library
from vidcolor.web.opened import Asked, Opened
from vidcolor.web.options import Choice
from vidcolor.web.preview_client import LATER, SOON, Worker
from vidcolor.web.queue import Queue
from vidcolor.web.shot_scanner import ShotScanner
from vidcolor.web.temp_dir import PrivateFolder

STRIP_HEIGHT = 90
"""Pixels of the small pictures."""

PICTURES_KEPT = 200
"""Of the last previews, so that a page that is slow still finds its own, and each of many tabs."""

MOST_WAITING = 24
"""Small pictures that are waited for at once: a browser asks for six at a time."""

MOST_THUMBS = 5000
"""Small pictures kept of one film."""


class ServerSession:
    """The films and the processes that work for the page; what a page shows is its own matter.

    Gray frames have a process of their own, so that they never wait for a net.
    """

    def __init__(
        self,
        folders: list[Path],
        keep: Path | None,
        max_upload: int,
        choice: Choice,
    ) -> None:
        """Offer the films of ``folders``, put results into ``keep``, begin with ``choice``."""
        self.private = PrivateFolder(keep)
        self.keep, self.choice = keep, choice
        self.library = Library(folders, self.private / "films", max_upload)
        self.eyes, self.painter = Worker(self.private.path), Worker(self.private.path)
        self.study = ShotScanner(self.private.path)
        self.queue = Queue(self.private / "jobs", keep)
        self.colors = ColorDesk(self.private.path, self.study, self.painter, self.nets)
        self._facts: dict[str, Opened] = {}
        self._pictures: deque[Path] = deque()
        self._thumbs = 0
        self._lock = Lock()
        self._nets = self.painter.ask("nets", weights=choice.weights)
        self.painter.ask("warm", LATER, choice=choice.plain())
        self.eyes.ask("warm")

    def nets(self) -> list[str]:
        """Names of the nets to choose from.

        Raises:
            FilmError: There are no weights of the name that the page is to begin with.
        """
        names: list[str] = self._nets.result()["nets"]
        return names if self.choice.weights in names else [*names, self.choice.weights]

    def look_into(self, film: Film) -> Asked:
        """Learn what a film is; hand the answer to `open`."""
        return Asked(film, self.eyes.ask("facts", **film.to_open()))

    def open(self, film: Film, facts: dict[str, Any]) -> Opened:
        """Keep what is known of a film, and begin to look for its shots."""
        if fps := facts.get("fps"):
            film = self.library.set_rate(film, Fraction(fps))
        opened = self._facts[film.id] = Opened(film, facts)
        if not opened.is_picture:
            self.study.begin(film)
        return opened

    def opened(self, film_id: str) -> Opened:
        """A film that was opened before.

        Raises:
            AccessDenied: There is none.
        """
        if film_id not in self._facts:
            raise AccessDenied("this film is no longer open; choose it again")
        return self._facts[film_id]

    def as_it_came(self, opened: Opened, frame: int) -> Asked:
        """A picture of a frame, uncolored, as tall as the preview."""
        height = min(720, int(opened.facts["height"]))
        return self._frame(opened, frame, height, self._picture("gray"))

    def in_color(self, opened: Opened, frame: int, choice: Choice) -> Asked:
        """Pictures of a frame before and after; the answer has the time at which it begins."""
        before, after = self._picture("before"), self._picture("after")
        if self.colors.sheet(opened).says_something:
            return self.colors.paint(opened, frame, choice, before, after)
        answer = self.painter.ask(
            "still",
            **opened.film.to_open(),
            moment=str(opened.moment(frame)),
            choice=choice.plain(),
            before=str(before),
            after=str(after),
        )
        return Asked(opened.film, answer, (before, after))

    def painted(self, opened: Opened, frame: int, choice: Choice) -> Asked:
        """The same as the film's color sheet says, by the painter, whose net looks once."""
        before, after = self._picture("before"), self._picture("after")
        return self.colors.paint(opened, frame, choice, before, after)

    @contextmanager
    def thumb(self, opened: Opened, frame: int) -> Iterator[Asked | Path]:
        """A small picture of a frame, or what to wait for until it is there.

        Raises:
            AccessDenied: There are too many of this film.
            Busy: Too many are being waited for.
        """
        frame = min(max(0, frame), opened.frames - 1)
        folder = self.private / "thumbs" / opened.film.id
        target = folder / f"{frame}.jpg"
        if target.is_file():
            yield target
            return
        if self._thumbs >= MOST_WAITING:
            raise Busy("too many thumbnails requested at once; try again")
        folder.mkdir(mode=0o700, exist_ok=True)
        if len(os.listdir(folder)) >= MOST_THUMBS:
            raise AccessDenied("this film has too many thumbnails")
        self._thumbs += 1
        try:
            yield self._frame(opened, frame, STRIP_HEIGHT, target, LATER)
        finally:
            self._thumbs -= 1

    def picture(self, name: str) -> Path:
        """A picture that was made for a page.

        Raises:
            AccessDenied: It is not there, or not any more.
        """
        path = self.private / "page" / f"{name}.jpg"
        if path not in self._pictures or not path.is_file():
            raise AccessDenied("this picture is gone; choose the frame again")
        return path

    def remove(self, film_id: str) -> None:
        """Remove a film that was uploaded, and all that was made of it but finished results.

        Raises:
            AccessDenied: It is none, or it is still to be colored.
        """
        film = self.library.find(film_id)
        if any(job.film == film and job.state != "done" for job in self.queue.jobs()):
            raise AccessDenied(f"{film.name}: is in the queue; remove it there first")
        self.library.remove(film_id)
        self._facts.pop(film_id, None)
        self.study.forget(film)
        shutil.rmtree(self.private / "thumbs" / film_id, ignore_errors=True)
        self.colors.forget(film_id)

    def close(self) -> None:
        """Stop everything and leave nothing behind but what is kept."""
        for part in (self.study, self.queue, self.colors, self.eyes, self.painter):
            part.close()
        self.private.remove()

    def _frame(
        self, opened: Opened, frame: int, height: int, target: Path, urgency: int = SOON
    ) -> Asked:
        answer = self.eyes.ask(
            "frame",
            urgency,
            **opened.film.to_open(),
            moment=str(opened.moment(frame)),
            height=height,
            target=str(target),
        )
        return Asked(opened.film, answer, (target,))

    def _picture(self, kind: str) -> Path:
        """Where a picture for the page goes; the oldest one makes room."""
        path = self.private / "page" / f"{uuid.uuid4().hex}-{kind}.jpg"
        with self._lock:
            self._pictures.append(path)
            while len(self._pictures) > PICTURES_KEPT:
                with suppress(OSError):
                    self._pictures.popleft().unlink()
        return path
