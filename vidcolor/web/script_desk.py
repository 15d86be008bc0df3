"""The color scripts of films: made in the background, and what was decided as the page shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.errors import AccessDenied
from vidcolor.web.color_edits import Scene
from vidcolor.web.film_sheet import FilmSheet
from vidcolor.web.last_jobs import LastJobs, describe_state
from vidcolor.web.options import Choice
from vidcolor.web.queue import Job


@dataclass
class Made:
    """The color script of one film."""

    job: Job
    text: str
    """Of the color sheet, as it was."""
    found: dict[str, Any] = field(default_factory=dict)
    """As `vidcolor.web.script_worker` writes it, once it is done."""


class ScriptDesk:
    """The last color script of each film; one process at a time makes one."""

    def __init__(self, room: Path) -> None:
        """Work in ``room``, which is there."""
        self._queue = LastJobs(room, "vidcolor.web.script_worker")
        self._made: dict[str, Made] = {}

    def begin(self, scene: Scene, sheet: FilmSheet, choice: Choice) -> None:
        """Make the color script of a film; the one before it is given up.

        Raises:
            AccessDenied: It is a picture.
        """
        film = scene.opened.film
        if scene.opened.is_picture:
            raise AccessDenied("a picture has no scenes")
        text = sheet.text

        def ask(folder: Path) -> dict[str, Any]:
            copy = str(sheet.copy_to(folder / "colors")) if sheet.says_something else None
            return {**film.to_open(), "choice": choice.plain(), "sheet": copy}

        self._made[film.id] = Made(self._queue.begin(film, choice, ask), text)

    def describe(self, scene: Scene, sheet: FilmSheet) -> dict[str, Any]:
        """The last color script of a film as the page shows it, plain types; empty without one."""
        made = self._made.get(scene.opened.film.id)
        if made is None:
            return {}
        job = made.job
        told = describe_state(job) | {"id": job.id, "doing": job.progress.get("doing", "")}
        if job.state != "done":
            return told
        found = made.found = made.found or json.loads(job.target.read_text(encoding="utf-8"))
        scenes = [_describe(scene, job, one) for one in found["scenes"]]
        known = scene.opened.facts["notes"]  # stand above the picture
        notes = [note for note in found["notes"] if note not in known]
        return told | found | {"scenes": scenes, "notes": notes, "old": sheet.text != made.text}

    def stop(self, film_id: str) -> None:
        """End the making of a film's color script, if it is being made."""
        self._queue.stop_last(film_id)

    def picture(self, film_id: str, name: str) -> Path:
        """The picture of a key frame.

        Raises:
            AccessDenied: There is none, or not any more.
        """
        made = self._made.get(film_id)
        if made:
            keys = [key for one in made.found.get("scenes", ()) for key in one["keys"]]
            files = [key[when] for key in keys for when in ("before", "after") if key[when]]
            for path in map(made.job.target.with_name, files):
                if name == f"{made.job.id}-{path.stem}" and path.is_file():
                    return path
        raise AccessDenied("this picture is gone; find the scenes again")

    def forget(self, film_id: str) -> None:
        """Let go of a film's color script."""
        self._queue.forget(film_id)
        self._made.pop(film_id, None)

    def close(self) -> None:
        """Stop what runs."""
        self._queue.close()


def _describe(film: Scene, job: Job, one: dict[str, Any]) -> dict[str, Any]:
    """A scene of the script, with addresses of its pictures and numbers of its frames."""

    def name(file: str) -> str:
        return f"{job.id}-{Path(file).stem}"

    keys = [
        {
            "frame": film.frame(Fraction(key["time"])),
            "before": key["before"] and name(key["before"]),
            "after": key["after"] and name(key["after"]),
        }
        for key in one["keys"]
    ]
    return one | {"keys": keys}
