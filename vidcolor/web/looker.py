"""The process that looks into films for the page: facts, single frames, before and after.

A line of JSON in, a line of JSON out; pictures are written where the line says. It alone decodes
for the page: a film that takes it down takes nothing else along.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

from vidcolor.errors import NoPicture, VidcolorError
from vidcolor.web.choice import Choice

if TYPE_CHECKING:
    from vidcolor.colorizer import Colorizer
    from vidcolor.viewer import Found

MEMORY = 16 << 30
"""Bytes of address space; or as much as there is memory, where that is more."""

WIDEST = 1600
"""Pictures for the page are brought down to so many pixels across."""

STEADY = Fraction(25)
"""Frames per second that the page counts in where a film names none."""


def facts(path: str) -> dict[str, Any]:
    """What the page tells of a film.

    Raises:
        NoPicture: It is a picture.
    """
    from vidcolor.film.facts import believed_rate
    from vidcolor.viewer import Viewer

    with Viewer(path) as viewer:
        if viewer.film is None:
            raise NoPicture(f"{viewer.name}: is a picture, no film; colour it with vidcolor IN OUT")
        info, (width, height) = viewer.film.info, viewer.screen.size
        rate = believed_rate(info) or STEADY
        return {
            "width": width,
            "height": height,
            "rate": str(rate),
            "seconds": str(viewer.end),
            "sound": sum(stream.kind == "audio" for stream in info.streams),
            "subtitles": sum(stream.kind == "subtitle" for stream in info.streams),
            "title": info.metadata.get("title", "").encode(errors="replace").decode(),
            "notes": list(info.notes),
        }


def frame(path: str, moment: str, height: int, target: str) -> dict[str, Any]:
    """Write the frame at a moment as it came, ``height`` pixels high."""
    from vidcolor.film.still import write_rgb
    from vidcolor.preview import frames_at

    ((seconds, picture),) = frames_at(path, [Fraction(moment)], height=height)
    write_rgb(picture, target)
    return {"seconds": str(seconds)}


def still(
    path: str, moment: str, choice: dict[str, Any], before: str, after: str
) -> dict[str, Any]:
    """Write the frame at a moment before and after."""
    from vidcolor.film.still import write_rgb

    asked = Choice(**choice)
    changed = os.stat(path).st_mtime_ns
    found = found_at(path, changed, Fraction(moment), replace(asked, saturation=1.0))
    width, height = found.screen.size
    size = (WIDEST, round(height * WIDEST / width)) if width > WIDEST else None
    write_rgb(found.before(size), before)
    write_rgb(found.after(asked.saturation, size), after)
    return {"seconds": str(found.seconds), "neutral": found.frame.neutral}


@lru_cache(maxsize=3)
def found_at(path: str, _changed: int, moment: Fraction, choice: Choice) -> Found:
    """The frame at a moment with its colour; the last ones stay, for other saturations."""
    from vidcolor.viewer import Viewer

    with Viewer(path, choice.settings(), colorizer_of(choice)) as viewer:
        (found,) = viewer.found([viewer.check(moment)])
        return found


def colorizer_of(choice: Choice) -> Colorizer:
    """A colorizer for a choice; the last ones stay loaded."""
    return _colorizer(choice.weights, choice.size, choice.vivid, choice.device)


@lru_cache(maxsize=3)
def _colorizer(weights: str, size: int, vivid: float, device: str) -> Colorizer:
    from vidcolor.colorizer import Colorizer

    choice = Choice(weights=weights, size=size, vivid=vivid, device=device)
    return Colorizer.from_weights(settings=choice.settings().colorizer)


def warm(choice: dict[str, Any]) -> dict[str, Any]:
    """Load what the first preview needs."""
    import vidcolor.preview  # noqa: F401

    colorizer_of(Choice(**choice))
    return {}


def nets(weights: str) -> dict[str, Any]:
    """Names of the nets that ship.

    Raises:
        WeightsNotFound: ``weights`` are none of them, and no file.
    """
    from vidcolor.model.weights import HELPERS, available_weights, find_weights

    find_weights(weights)
    return {"nets": [name for name in available_weights() if name not in HELPERS]}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "facts": facts,
    "frame": frame,
    "still": still,
    "warm": warm,
    "nets": nets,
}


def answer(line: bytes) -> dict[str, Any]:
    """What one line asks for, or the line of an error."""
    try:
        asked = json.loads(line)
        return {"ok": WORK[asked.pop("do")](**asked)}
    except VidcolorError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "there is too little memory; close other programs, or use a smaller size"}
    except Exception as error:
        detail = " ".join(str(error).split())[:300]
        return {"error": f"unexpected {type(error).__name__}: {detail}"}


def limit_memory() -> None:
    """Bound the address space, where no GPU needs it without bounds."""
    import torch

    try:
        import resource
    except ImportError:  # Windows
        return
    if not torch.cuda.is_available():
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        most = max(MEMORY, there)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> None:
    """Answer until nobody asks any more."""
    # What a library prints must not come between the answers.
    answers: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_memory()
    for line in sys.stdin.buffer:
        answers.write(json.dumps(answer(line)).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
