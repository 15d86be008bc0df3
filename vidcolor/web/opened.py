"""A film that the page shows, and what processes are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.errors import AccessDenied, FilmError
from vidcolor.web.library import Film
from vidcolor.web.preview_client import Answer

LOOK = 0.1
"""Seconds between two looks at whether an answer is waited for still."""


@dataclass(frozen=True)
class Opened:
    """A film that the page shows."""

    film: Film
    facts: dict[str, Any]
    """As `vidcolor.web.preview_worker.facts` gives them."""

    @property
    def rate(self) -> Fraction:
        """Frames per second, nominally."""
        return Fraction(self.facts["rate"])

    @property
    def frames(self) -> int:
        """How many there are, by length and rate."""
        return max(1, round(Fraction(self.facts["seconds"]) * self.rate))

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture and no film."""
        return bool(self.facts.get("picture"))

    def moment(self, frame: int) -> Fraction:
        """A time at which a frame is on screen: its middle, as containers round times."""
        return (min(max(0, frame), self.frames - 1) + Fraction(1, 2)) / self.rate

    def frame(self, seconds: Fraction) -> int:
        """The frame that begins at a time."""
        return min(max(0, round(seconds * self.rate)), self.frames - 1)


@dataclass(frozen=True)
class Asked:
    """Something that a process was asked for, and what it writes."""

    film: Film
    answer: Answer
    files: tuple[Path, ...] = ()

    async def result(self, wanted: Callable[[], Awaitable[bool]]) -> dict[str, Any]:
        """The answer; given up as soon as nobody waits for it any more.

        Args:
            wanted: Whether somebody waits still.

        Raises:
            VidcolorError: In one line, with the name that people know the film by.
        """
        future = asyncio.wrap_future(self.answer)
        try:
            while not (await asyncio.wait([future], timeout=LOOK))[0]:
                if not await wanted():
                    raise AccessDenied("this is no longer needed")
            if future.cancelled():
                raise AccessDenied("vidcolor is shutting down")
            return future.result()
        except FilmError as error:
            raise FilmError(self.film.known_as(str(error))) from error
        finally:
            self.answer.give_up()
