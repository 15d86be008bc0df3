"""Hinted things that are looked for in the other shots of their films, and what was found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from vidcolor.errors import AccessDenied, SettingsError
from vidcolor.guidance.entries import Hint, SheetContent
from vidcolor.guidance.sheet_edits import add_entry
from vidcolor.web.color_edits import TOLERANCE, Edit, Scene
from vidcolor.web.film_sheet import FilmSheet
from vidcolor.web.last_jobs import LastJobs, describe_state
from vidcolor.web.options import Choice
from vidcolor.web.queue import Job


@dataclass
class Search:
    """One thing that is looked for in one film."""

    name: str
    job: Job
    found: list[dict[str, Any]] = field(default_factory=list)
    """As `vidcolor.web.find_worker` writes them, once it is done."""


class FindDesk:
    """The last search of each film; one process at a time looks."""

    def __init__(self, room: Path) -> None:
        """Work in ``room``, which is there."""
        self._queue = LastJobs(room, "vidcolor.web.find_worker")
        self._searches: dict[str, Search] = {}
        self._struck: dict[str, set[tuple[str, str]]] = {}
        """Film -> names of things, each with the start of a shot that does not show it."""

    def begin(self, scene: Scene, sheet: FilmSheet, name: str, choice: Choice) -> None:
        """Look for a thing; the search before it in this film is given up.

        Raises:
            AccessDenied: It is a picture, or its shots are not all known.
            SettingsError: No hint has this name.
        """
        opened = scene.opened
        if opened.is_picture:
            raise AccessDenied("a picture has no other shots")
        if not scene.shots.finished:
            raise AccessDenied("the shots are not all found yet; wait a little, then look again")
        if name not in {hint.name for hint in sheet.content.hints if hint.name}:
            raise SettingsError(f"no hint is called {name}; give one the name first")

        def ask(folder: Path) -> dict[str, Any]:
            return {
                **opened.film.to_open(),
                "name": name,
                "sheet": str(sheet.copy_to(folder / "colors")),
                "starts": [str(start) for start in scene.shots.starts],
                "end": opened.facts["seconds"],
                "device": choice.device,
            }

        job = self._queue.begin(opened.film, choice, ask)
        self._searches[opened.film.id] = Search(name, job)

    def describe(self, scene: Scene, sheet: FilmSheet) -> dict[str, Any]:
        """The last search of a film as the page shows it, plain types; empty without one.

        Places in shots that have a hint of this name by now are not among them.
        """
        search = self._searches.get(scene.opened.film.id)
        if search is None:
            return {}
        job = search.job
        places = self._open(search, scene, sheet.content) if job.state == "done" else []
        return {
            "name": search.name,
            **describe_state(job),
            "found": len(search.found),
            "places": [
                {
                    "number": number,
                    "frame": scene.frame(Fraction(one["time"])),
                    "point": one["point"],
                    "sure": round(one["sure"], 2),
                    "picture": f"{job.id}-{number}",
                }
                for number, one in places
            ],
        }

    def keep(self, scene: Scene, number: int) -> Edit:
        """The edit that makes a hint of a place."""
        search, one = self._place(scene, number)
        hint = Hint(tuple(one["point"]), one["color"], time=Fraction(one["time"]), name=search.name)
        return partial(add_entry, entry=hint, clock=scene.clock)

    def strike(self, scene: Scene, number: int) -> None:
        """Propose this thing in the shot of a place no more."""
        search, one = self._place(scene, number)
        self._struck.setdefault(scene.opened.film.id, set()).add((search.name, one["start"]))

    def stop(self, film_id: str) -> None:
        """End a film's search, if there is one."""
        self._queue.stop_last(film_id)

    def picture(self, film_id: str, name: str) -> Path:
        """The picture of a place.

        Raises:
            AccessDenied: There is none, or not any more.
        """
        search = self._searches.get(film_id)
        for number, one in enumerate(search.found if search else (), 1):
            assert search
            path = search.job.target.with_name(one["picture"])
            if name == f"{search.job.id}-{number}" and path.is_file():
                return path
        raise AccessDenied("this picture is gone; look for the thing again")

    def forget(self, film_id: str) -> None:
        """Let go of a film's search, and of what was struck."""
        self._queue.forget(film_id)
        self._searches.pop(film_id, None)
        self._struck.pop(film_id, None)

    def close(self) -> None:
        """Stop what runs."""
        self._queue.close()

    def _place(self, scene: Scene, number: int) -> tuple[Search, dict[str, Any]]:
        search = self._searches.get(scene.opened.film.id)
        if search is None or not 1 <= number <= len(search.found):
            raise AccessDenied("this place is gone; look for the thing again")
        return search, search.found[number - 1]

    def _open(
        self, search: Search, scene: Scene, said: SheetContent
    ) -> list[tuple[int, dict[str, Any]]]:
        """Numbers and places that nothing was said of yet, the surest first."""
        if not search.found:
            search.found = json.loads(search.job.target.read_text(encoding="utf-8"))
        struck = self._struck.get(scene.opened.film.id, set())
        times = [hint.time or Fraction(0) for hint in said.hints if hint.name == search.name]

        def is_open(one: dict[str, Any]) -> bool:
            start, end = (Fraction(one[key]) - TOLERANCE for key in ("start", "end"))
            has_hint = any(start <= time < end for time in times)
            return not has_hint and (search.name, one["start"]) not in struck

        places = [(number, one) for number, one in enumerate(search.found, 1) if is_open(one)]
        return sorted(places, key=lambda place: -float(place[1]["sure"]))
