"""The process that looks into films for the page: facts, single frames, before and after.

A line of JSON in, a line of JSON out; pictures are written where the line says. A line that comes
meanwhile may say that nobody waits any more. Such processes alone decode for the page: a film that
takes one down takes nothing else along.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, BinaryIO

from vidcolor.errors import SettingsError, VidcolorError
from vidcolor.web.options import Choice
from vidcolor.web.paint_worker import WORK as PAINTING
from vidcolor.web.worker_parts import (
    ASSUMED,
    WIDEST,
    WISH,
    GivenUp,
    Source,
    colorizer_of,
    write,
)

if TYPE_CHECKING:
    from vidcolor.preview.viewer import Found

STEADY = Fraction(25)
"""Frames per second that the page counts in where a film names none."""


def facts(path: str, fps: str | None = None) -> dict[str, Any]:
    """What the page tells of a film or a picture; scans that name no rate get `ASSUMED`."""
    from vidcolor.core.find_sequence import sequence_at

    try:
        return _facts(Source(path, fps))
    except SettingsError:
        if fps or not sequence_at(path):
            raise
    note = f"the frames do not say how many of them are a second; {ASSUMED} until you say so"
    found = _facts(Source(path, ASSUMED))
    return found | {"notes": [note, *found["notes"]]}


def _facts(source: Source) -> dict[str, Any]:
    from vidcolor.media.metadata import believed_rate
    from vidcolor.preview.viewer import Viewer

    with Viewer(source.path, source.settings(), colors="none") as viewer:
        width, height = viewer.screen.size
        found: dict[str, Any] = {"width": width, "height": height, "picture": viewer.film is None}
        if viewer.film is None:
            streams, title, rate, end = [], "", STEADY, 1 / STEADY
        else:
            info, end = viewer.film.info, viewer.end
            rate, streams = believed_rate(info) or STEADY, [one.kind for one in info.streams]
            title = info.metadata.get("title", "").encode(errors="replace").decode()
        return found | {
            "rate": str(rate),
            "fps": str(viewer.film.info.rate_to_open or "") if viewer.film else "",
            "seconds": str(end),
            "sound": streams.count("audio"),
            "subtitles": streams.count("subtitle"),
            "title": title,
            "notes": viewer.notes,
            "frame_rate": str(viewer.film.info.frame_rate or "") if viewer.film else "",
            "timecode": viewer.film.info.timecode if viewer.film else "",
        }


def frame(
    path: str, moment: str, height: int, target: str, fps: str | None = None
) -> dict[str, Any]:
    """Write the frame at a moment as it came, ``height`` pixels high."""
    from vidcolor.preview.previews import frames_at

    opened = Source(path, fps).settings().open
    ((seconds, picture),) = frames_at(
        path, [Fraction(moment)], height=height, between=WISH.check, opened=opened
    )
    write(picture, target)
    return {"seconds": str(seconds)}


def still(
    path: str,
    moment: str,
    choice: dict[str, Any],
    before: str,
    after: str,
    fps: str | None = None,
) -> dict[str, Any]:
    """Write the frame at a moment before and after."""
    asked, source = Choice(**choice), Source(path, fps)
    plain = replace(asked, saturation=1.0)
    found = found_at(source, source.changed(), Fraction(moment), plain)
    width, height = found.screen.size
    size = (WIDEST, round(height * WIDEST / width)) if width > WIDEST else None
    write(found.before(size), before)
    write(found.after(asked.saturation, size), after)
    return {"seconds": str(found.seconds), "neutral": found.frame.neutral}


@lru_cache(maxsize=3)
def found_at(source: Source, _changed: int, moment: Fraction, choice: Choice) -> Found:
    """The frame at a moment with its color; the last ones stay, for other saturations."""
    from vidcolor.preview.viewer import Viewer

    WISH.check()
    settings = source.settings(choice.settings())
    with Viewer(source.path, settings, colorizer_of(choice), WISH.check, "none") as viewer:
        (found,) = viewer.found([viewer.check(moment) if viewer.film else moment])
        return found


def warm(choice: dict[str, Any] | None = None) -> dict[str, Any]:
    """Load what the first preview needs: with a choice the nets, too."""
    import vidcolor.preview.previews  # noqa: F401

    if choice:
        colorizer_of(Choice(**choice))
    return {}


def nets(weights: str) -> dict[str, Any]:
    """Names of the nets that ship.

    Raises:
        WeightsNotFound: ``weights`` are none of them, and no file.
    """
    from vidcolor.core.paths import HELPERS
    from vidcolor.nets.weights import available_weights, find_weights

    find_weights(weights)
    return {"nets": [name for name in available_weights() if name not in HELPERS]}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "facts": facts,
    "frame": frame,
    "still": still,
    "warm": warm,
    "nets": nets,
    **PAINTING,
}


def answer(line: bytes) -> dict[str, Any]:
    """What one line asks for, or the line of an error."""
    try:
        asked = json.loads(line)
        WISH.number = asked.pop("number", 0)
        return {"ok": WORK[asked.pop("do")](**asked)}
    except GivenUp:
        return {"error": "this preview is no longer needed"}
    except VidcolorError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "not enough memory; close other programs, or use a lower Detail"}
    except Exception as error:
        detail = " ".join(str(error).split())[:300]
        return {"error": f"unexpected {type(error).__name__}: {detail}"}


def listen(lines: BinaryIO, asked: SimpleQueue[bytes]) -> None:
    """Hand on what is asked; what is given up is told to what is being answered."""
    for line in lines:
        found = json.loads(line) if b'"give up"' in line else {}
        if found.get("do") == "give up":
            WISH.dropped = found["number"]
        else:
            asked.put(line)
    asked.put(b"")


def main() -> None:
    """Answer until nobody asks any more."""
    # What a library prints must not come between the answers.
    answers: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asked: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=listen, args=(sys.stdin.buffer, asked), name="asked", daemon=True).start()
    while line := asked.get():
        answers.write(json.dumps(answer(line)).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
