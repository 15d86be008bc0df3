"""The process that makes the color script of a film, for the page.

``python -m vidcolor.web.script_worker ASKED``: the file says of which film and where the answer
goes. It decides what ``vidcolor script FILM`` decides, and adds pictures of key frames.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from vidcolor.errors import WeightsNotFound
from vidcolor.web.options import Choice
from vidcolor.web.worker_parts import Source, do_as_asked, write

if TYPE_CHECKING:
    from vidcolor.preview.script_palette import Swatch
    from vidcolor.preview.script_scenes import OnStage, Scene, ScriptView

WIDTH = 240
"""Pixels across of the pictures."""
MOST = 6
"""Pictures of a scene."""
PAUSE = 0.2
"""Seconds between two lines of the progress."""


def make(
    path: str,
    choice: dict[str, Any],
    sheet: str | None,
    target: str,
    progress: str,
    fps: str | None = None,
) -> None:
    """Write what the script decides to ``target``, as a JSON object; pictures lie beside it.

    Args:
        path: Of the film.
        choice: Of the page.
        sheet: File of the color sheet; None where it says nothing.
        target: Is there only once all of it is done.
        progress: File to which lines are added: what is done, how many frames of how many are.
        fps: Frames per second of an image sequence.

    Raises:
        VidcolorError: As `vidcolor.preview.script_scenes.script_view`.
    """
    from vidcolor.colorize.colorizer import Colorizer
    from vidcolor.preview.script_scenes import Wish, script_view

    settings = Source(path, fps).settings(Choice(**choice).settings())
    colorizer = Colorizer.from_weights(settings=settings.colorizer)
    try:
        colorizer.listen()
    except WeightsNotFound as error:
        raise WeightsNotFound(
            "this model has no guide, so it cannot tell which shots show the same; choose another"
            " model"
        ) from error
    view = script_view(
        path,
        wish=Wish(MOST, width=WIDTH),
        colorizer=colorizer,
        settings=settings,
        colors=sheet or "none",
        on_stage=_teller(progress),
    )
    part = Path(f"{target}.new")
    part.write_text(json.dumps(describe(view, Path(target).parent)), encoding="utf-8")
    os.replace(part, target)


def describe(view: ScriptView, folder: Path) -> dict[str, Any]:
    """What the page shows of a script, plain types; its pictures are written into a folder."""
    damage = [f"{count} x {kind}" for kind, count in view.damage_counts.items()]
    return {
        "shots": view.shots,
        "scenes": [_describe_scene(scene, folder) for scene in view.scenes],
        "notes": [*view.notes, *damage],
    }


def _describe_scene(scene: Scene, folder: Path) -> dict[str, Any]:
    keys: list[dict[str, str]] = []
    for number, picture in enumerate(scene.pictures, 1):
        names = {kind: f"{scene.number}-{number}-{kind}.jpg" for kind in ("before", "after")}
        write(picture.before, str(folder / names["before"]))
        write(picture.after, str(folder / names["after"]))
        keys.append({"time": str(picture.seconds), **names})
    if not keys:
        keys = [{"time": str(seconds), "before": "", "after": ""} for seconds in scene.times]
    return {
        "number": scene.number,
        "shots": len(scene.shots),
        "frames": len(scene.times),
        "keys": keys,
        "before": _describe_palette(scene.before),
        "after": _describe_palette(scene.after),
    }


def _describe_palette(palette: tuple[Swatch, ...]) -> list[dict[str, Any]]:
    return [{"color": one.color, "share": round(one.share, 4)} for one in palette]


def _teller(progress: str) -> OnStage:
    """Adds a line every now and then, and one for the beginning of each stage."""
    last = ("", 0.0)

    def tell(doing: str, done: int, total: int | None) -> None:
        nonlocal last
        now = monotonic()
        if doing == last[0] and done != total and now - last[1] < PAUSE:
            return
        last = doing, now
        with open(progress, "a", encoding="utf-8") as file:
            file.write(json.dumps({"doing": doing, "frames": done, "total": total}) + "\n")

    return tell


def main() -> None:
    """Do what the file says; what went wrong is the last line of stderr."""
    do_as_asked(make)


if __name__ == "__main__":
    main()
