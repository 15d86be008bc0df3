"""The color sheets of the films that pages show, and what the painter is asked for with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import Any

from vidcolor.errors import AccessDenied
from vidcolor.guidance.entries import Hint, Reference
from vidcolor.guidance.sheet_edits import Clock
from vidcolor.web.color_edits import Scene, describe_sheet, dials_of_shot, edit_of
from vidcolor.web.film_sheet import FilmSheet
from vidcolor.web.find_desk import FindDesk
from vidcolor.web.opened import Asked, Opened
from vidcolor.web.options import Choice
from vidcolor.web.preview_client import Worker
from vidcolor.web.queue import Job, Queue
from vidcolor.web.script_desk import ScriptDesk
from vidcolor.web.shot_scanner import ShotScanner

LONGEST_PLAY = Fraction(20)
"""Seconds of a stretch that is played."""


class ColorDesk:
    """What is said of the colors of all films; safe to use from several threads."""

    def __init__(
        self, room: Path, study: ShotScanner, painter: Worker, nets: Callable[[], list[str]]
    ) -> None:
        """Keep sheets in ``room``, and color stretches there.

        Args:
            room: The private folder.
            study: Knows the shots of films.
            painter: The process that paints.
            nets: Names of the weights that may be used.
        """
        self._room, self._study, self._painter, self._nets = room, study, painter, nets
        self._sheets: dict[str, FilmSheet] = {}
        self._lock = Lock()
        self.plays = Queue(room / "plays", None, suffix=".mp4")
        self.finds = FindDesk(room / "finds")
        self.scripts = ScriptDesk(room / "scripts")

    def sheet(self, opened: Opened) -> FilmSheet:
        """The color sheet of a film; an empty one at first."""
        with self._lock:
            if opened.film.id not in self._sheets:
                folder = self._room / "colors" / opened.film.id
                self._sheets[opened.film.id] = FilmSheet(
                    opened.film, folder, self._nets, _clock(opened)
                )
            return self._sheets[opened.film.id]

    def scene(self, opened: Opened) -> Scene:
        """What edits have to know of a film."""
        return Scene(opened, self._study.of(opened.film), _clock(opened))

    def describe(self, opened: Opened, frame: int) -> dict[str, Any]:
        """A film's sheet as the page shows it, with the dials of a frame's shot."""
        sheet, scene = self.sheet(opened), self.scene(opened)
        shot = dials_of_shot(sheet.content, scene, frame)
        return describe_sheet(sheet, scene) | {"shot": shot}

    def edit(self, opened: Opened, said: dict[str, Any]) -> None:
        """Do what a page asks for.

        Raises:
            AccessDenied: It cannot be read.
            SettingsError: A value cannot be.
        """
        sheet = self.sheet(opened)
        if said.get("do") == "undo":
            sheet.undo()
        elif said.get("do") == "redo":
            sheet.redo()
        else:
            sheet.change(edit_of(said, self.scene(opened), sheet.content))

    def paint(self, opened: Opened, frame: int, choice: Choice, before: Path, after: Path) -> Asked:
        """Pictures of a frame, gray and as its sheet says."""
        sheet = self.sheet(opened)
        sheet.save()
        span = self.scene(opened).shot(frame)
        answer = self._painter.ask(
            "paint",
            **opened.film.to_open(),
            moment=str(opened.moment(frame)),
            choice=choice.plain(),
            sheet=str(sheet.path),
            shot=None if span is None else [None if one is None else str(one) for one in span],
            before=str(before),
            after=str(after),
        )
        return Asked(opened.film, answer, (before, after))

    def suggest(self, opened: Opened, frame: int, choice: Choice, point: list[float]) -> Asked:
        """Likely colors of a point of a frame."""
        answer = self._painter.ask(
            "suggest",
            **opened.film.to_open(),
            moment=str(opened.moment(frame)),
            choice=choice.plain(),
            point=point,
        )
        return Asked(opened.film, answer)

    def check(self, opened: Opened, sheet: Path) -> Asked:
        """Learn whether the file of a sheet fits a film."""
        answer = self._painter.ask("check", **opened.film.to_open(), sheet=str(sheet))
        return Asked(opened.film, answer)

    def find(self, opened: Opened, name: str, choice: Choice) -> None:
        """Begin to look for a hinted thing in the other shots.

        Raises:
            AccessDenied: As `FindDesk.begin`.
            SettingsError: As `FindDesk.begin`.
        """
        self.finds.begin(self.scene(opened), self.sheet(opened), name, choice)

    def judge(self, opened: Opened, number: int, keep: bool) -> None:
        """Make a hint of a place that was found, or strike it.

        Raises:
            AccessDenied: It is gone.
            SettingsError: The hint cannot be.
        """
        scene = self.scene(opened)
        if keep:
            self.sheet(opened).change(self.finds.keep(scene, number))
        else:
            self.finds.strike(scene, number)

    def describe_search(self, opened: Opened) -> dict[str, Any]:
        """The last search of a film as the page shows it."""
        return self.finds.describe(self.scene(opened), self.sheet(opened))

    def make_script(self, opened: Opened, choice: Choice) -> None:
        """Begin to make the color script of a film.

        Raises:
            AccessDenied: As `ScriptDesk.begin`.
        """
        self.scripts.begin(self.scene(opened), self.sheet(opened), choice)

    def describe_script(self, opened: Opened) -> dict[str, Any]:
        """The last color script of a film as the page shows it."""
        return self.scripts.describe(self.scene(opened), self.sheet(opened))

    def job_options(self, opened: Opened, folder: Path) -> list[str]:
        """Options of a job that colors a film with its sheet, which is copied as it is now."""
        sheet = self.sheet(opened)
        if not sheet.says_something:
            return []
        return ["--colors", str(sheet.copy_to(folder / "colors"))]

    def play(self, opened: Opened, frame: int, seconds: float, choice: Choice) -> Job:
        """Begin to color a stretch around a frame; the one before it is given up.

        Raises:
            AccessDenied: A picture has none.
        """
        if opened.is_picture:
            raise AccessDenied("a picture has no stretch to play")
        start, end = self._span(opened, frame, Fraction(min(max(seconds, 1.0), 20.0)))
        words = ["--start", f"{float(start):.3f}", "--end", f"{float(end):.3f}"]
        words += ["--preset", "veryfast"]
        for job in self.plays.jobs():
            self.plays.stop(job.id)
            if job.state in ("done", "failed", "stopped"):
                self.plays.remove(job.id)

        def prepare(folder: Path) -> list[str]:
            return [*words, *self.job_options(opened, folder)]

        return self.plays.add(opened.film, choice.unscripted(), prepare)

    def forget(self, film_id: str) -> None:
        """Let go of a film's sheet and images."""
        with self._lock:
            self._sheets.pop(film_id, None)
        self.finds.forget(film_id)
        self.scripts.forget(film_id)
        shutil.rmtree(self._room / "colors" / film_id, ignore_errors=True)

    def close(self) -> None:
        """Stop what is being colored."""
        self.plays.close()
        self.finds.close()
        self.scripts.close()

    def _span(self, opened: Opened, frame: int, seconds: Fraction) -> tuple[Fraction, Fraction]:
        """From when to when a stretch around a frame is.

        The nearest thing that is said of the shot is in it, too.
        """
        now, last = frame / opened.rate, opened.frames / opened.rate
        start = max(Fraction(0), min(now - seconds / 2, last - seconds))
        end = min(last, start + seconds)
        scene = self.scene(opened)
        shot = scene.shot(frame)
        said = self.sheet(opened).content
        every: list[Hint | Reference] = [*said.hints, *said.references]
        times = [one.time for one in every if one.time is not None]
        if shot:
            times = [at for at in times if shot[0] <= at and (shot[1] is None or at < shot[1])]
        near = min(times, key=lambda at: abs(at - now), default=None)
        if shot and near is not None and abs(near - now) < LONGEST_PLAY:
            start, end = min(start, near), max(end, near + 1 / opened.rate)
        return max(Fraction(0), start), end


def _clock(opened: Opened) -> Clock:
    rate = opened.facts.get("frame_rate")
    return Clock(Fraction(rate) if rate else None, str(opened.facts.get("timecode", "")))
