"""Everything that the server knows while it runs; pages come and go."""

from __future__ import annotations

import uuid
from collections import deque
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import Any

from vidcolor.errors import FilmError, NotAllowed
from vidcolor.web.choice import Choice
from vidcolor.web.jobs import Queue
from vidcolor.web.private import PrivateFolder
from vidcolor.web.shelf import Film, Shelf
from vidcolor.web.study import Study
from vidcolor.web.worker import LATER, SOON, Worker

STRIP_HEIGHT = 90
"""Pixels of the small pictures."""

PICTURES_KEPT = 40
"""Of the last previews, so that a page that is slow still finds its own."""

MOST_THUMBS = 5000
"""Small pictures kept of one film."""


@dataclass(frozen=True)
class Opened:
    """A film that the page shows."""

    film: Film
    facts: dict[str, Any]
    """As `vidcolor.web.looker.facts` gives them."""

    @property
    def rate(self) -> Fraction:
        """Frames per second, nominally."""
        return Fraction(self.facts["rate"])

    @property
    def frames(self) -> int:
        """How many there are, by length and rate."""
        return max(1, round(Fraction(self.facts["seconds"]) * self.rate))

    def moment(self, frame: int) -> Fraction:
        """A time at which a frame is on screen: its middle, as containers round times."""
        return (min(max(0, frame), self.frames - 1) + Fraction(1, 2)) / self.rate

    def frame(self, seconds: Fraction) -> int:
        """The frame that begins at a time."""
        return min(max(0, round(seconds * self.rate)), self.frames - 1)


class Desk:
    """The films, the processes that work for the page, and what it was showing last."""

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
        self.shelf = Shelf(folders, self.private / "films", max_upload)
        self.worker = Worker(self.private.path)
        self.study = Study(self.private.path)
        self.queue = Queue(self.private / "jobs", keep)
        self.current: Opened | None = None
        self._facts: dict[str, Opened] = {}
        self._pictures: deque[Path] = deque()
        self._lock = Lock()
        self._nets = self.worker.ask("nets", weights=choice.weights)
        self.worker.ask("warm", LATER, choice=choice.plain())

    def nets(self) -> list[str]:
        """Names of the nets to choose from.

        Raises:
            FilmError: There are no weights of the name that the page is to begin with.
        """
        names: list[str] = self._nets.result()["nets"]
        return names if self.choice.weights in names else [*names, self.choice.weights]

    def open(self, film: Film) -> Opened:
        """Learn what a film is, and begin to look for its shots.

        Raises:
            VidcolorError: It cannot be coloured, in one line.
        """
        found = self._ask("facts", film)
        opened = Opened(film, found)
        self._facts[film.id] = self.current = opened
        self.study.begin(film)
        return opened

    def opened(self, film_id: str) -> Opened:
        """A film that was opened before.

        Raises:
            NotAllowed: There is none.
        """
        if film_id not in self._facts:
            raise NotAllowed("choose a film first")
        return self._facts[film_id]

    def as_it_came(self, opened: Opened, frame: int) -> Path:
        """A picture of a frame, uncoloured, as tall as the preview."""
        target, height = self._picture("grey"), min(720, int(opened.facts["height"]))
        moment = str(opened.moment(frame))
        self._ask("frame", opened.film, moment=moment, height=height, target=str(target))
        return target

    def in_colour(
        self, opened: Opened, frame: int, choice: Choice
    ) -> tuple[Path, Path, Fraction, str]:
        """Pictures of a frame before and after, the time it begins, why it was left gray."""
        before, after = self._picture("before"), self._picture("after")
        found = self._ask(
            "still",
            opened.film,
            moment=str(opened.moment(frame)),
            choice=choice.plain(),
            before=str(before),
            after=str(after),
        )
        return before, after, Fraction(found["seconds"]), str(found["neutral"])

    def thumb(self, opened: Opened, frame: int) -> Path:
        """A small picture of a frame."""
        frame = min(max(0, frame), opened.frames - 1)
        folder = self.private / "thumbs" / opened.film.id
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"{frame}.jpg"
        if not target.is_file():
            if len(list(folder.iterdir())) >= MOST_THUMBS:
                raise NotAllowed("there are too many small pictures of this film")
            self._ask(
                "frame",
                opened.film,
                LATER,
                moment=str(opened.moment(frame)),
                height=STRIP_HEIGHT,
                target=str(target),
            )
        return target

    def close(self) -> None:
        """Stop everything and leave nothing behind but what is kept."""
        for part in (self.study, self.queue, self.worker):
            part.close()
        self.private.remove()

    def _ask(self, do: str, film: Film, urgency: int = SOON, **words: Any) -> dict[str, Any]:
        """What the worker answers about a film.

        Raises:
            VidcolorError: In one line, with the name that people know the film by.
        """
        try:
            return self.worker.ask(do, urgency, path=str(film.path), **words).result()
        except FilmError as error:
            raise FilmError(film.known_as(str(error))) from error
        except CancelledError as error:
            raise NotAllowed("vidcolor is being closed") from error

    def _picture(self, kind: str) -> Path:
        """Where a picture for the page goes; the oldest one makes room."""
        path = self.private / "page" / f"{uuid.uuid4().hex}-{kind}.jpg"
        with self._lock:
            self._pictures.append(path)
            while len(self._pictures) > PICTURES_KEPT:
                with suppress(OSError):
                    self._pictures.popleft().unlink()
        return path
