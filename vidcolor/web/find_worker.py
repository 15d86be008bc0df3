"""The process that looks for a hinted thing in the other shots of a film, for the page.

``python -m vidcolor.web.find_worker ASKED``: the file says for what, in what and where the answer
goes. It looks as ``vidcolor colors FILM --find NAME`` does, and adds a picture of each place.
"""

from __future__ import annotations

import json
import os
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.web.worker_parts import Source, do_as_asked, write

if TYPE_CHECKING:
    from vidcolor.colorize.find import Sighting
    from vidcolor.settings import InputSettings

HEIGHT = 144
"""Pixels of the pictures."""


def find(
    path: str,
    name: str,
    sheet: str,
    starts: list[str],
    end: str,
    device: str,
    target: str,
    progress: str,
    fps: str | None = None,
) -> None:
    """Write what is proposed to ``target``, as a JSON list; pictures lie beside it.

    Args:
        path: Of the film.
        name: Of the thing.
        sheet: File of the color sheet.
        starts: Of all shots, seconds.
        end: Of the last one.
        device: What the net runs on.
        target: Is there only once all of it is done.
        progress: File to which a line is added for each frame that was looked at.
        fps: Frames per second of an image sequence.
    """
    from vidcolor.colorize.colorizer import Colorizer
    from vidcolor.colorize.find import Finder
    from vidcolor.guidance.plan import Guidance, ShotRange
    from vidcolor.guidance.types import ColorSheet
    from vidcolor.media.decode.frame_windows import read_frames
    from vidcolor.media.open import open_video
    from vidcolor.settings import ColorizerSettings, InputSettings

    opened = Source(path, fps).settings().open
    with open_video(path, opened) as film:
        info = film.info
    bounds = [*map(Fraction, starts), Fraction(end)]
    shots = [ShotRange(*span) for span in pairwise(bounds)]
    said = ColorSheet.read(sheet, info.frame_rate, info.timecode)
    colorizer = Colorizer.from_weights(settings=ColorizerSettings(device=device))
    source = partial(read_frames, info.path, InputSettings(fps=info.rate_to_open))
    plan = Guidance(said, info.frame_rate, shots)
    finder = Finder(plan, colorizer, source, info.sample_aspect, info.rotation)

    def tell(done: int, total: int) -> None:
        with open(progress, "a", encoding="utf-8") as file:
            file.write(json.dumps({"frames": done, "total": total}) + "\n")

    found = finder.find(name, tell)
    pictures = _draw(path, opened, found, Path(target))
    proposals = [_describe(one, picture) for one, picture in zip(found, pictures, strict=True)]
    part = Path(f"{target}.new")
    part.write_text(json.dumps(proposals), encoding="utf-8")
    os.replace(part, target)


def _draw(path: str, opened: InputSettings, found: list[Sighting], target: Path) -> list[str]:
    """Names of the files that show the frames, uncolored."""
    from vidcolor.preview.previews import frames_at

    moments = [one.hint.time or Fraction(0) for one in found]
    names = []
    shown = frames_at(path, moments, height=HEIGHT, opened=opened)
    for number, (_, picture) in enumerate(shown, 1):
        names.append(f"{number}.jpg")
        write(picture, str(target.with_name(names[-1])))
    return names


def _describe(one: Sighting, picture: str) -> dict[str, Any]:
    from vidcolor.color.parse import write_color

    return {
        "start": str(one.shot.start_seconds),
        "end": str(one.shot.end_seconds),
        "time": str(one.hint.time),
        "point": one.hint.point,
        "color": write_color(one.hint.color),
        "sure": one.sure,
        "picture": picture,
    }


def main() -> None:
    """Do what the file says; what went wrong is the last line of stderr."""
    do_as_asked(find)


if __name__ == "__main__":
    main()
