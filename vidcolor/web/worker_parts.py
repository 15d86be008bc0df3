"""What the processes of the page have in common: loaded nets, pictures, who still waits, errors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.errors import VidcolorError
from vidcolor.web.options import Choice

if TYPE_CHECKING:
    from torch import Tensor

    from vidcolor.colorize.colorizer import Colorizer
    from vidcolor.settings import Settings

ASSUMED = "24"
"""Frames per second of scans that say nothing of it, until a person does."""

WIDEST = 1600
"""Pictures for the page are brought down to so many pixels across."""


class GivenUp(Exception):
    """Nobody waits for the answer any more."""


class Wish:
    """Whether the answer in hand is still waited for."""

    def __init__(self) -> None:
        self.number, self.dropped = -1, -2

    def check(self) -> None:
        """Raise GivenUp where it is not."""
        if self.number == self.dropped:
            raise GivenUp


WISH = Wish()
"""Of this process: it answers one line at a time."""


def do_as_asked(do: Callable[..., object]) -> None:
    """Call a function with what the file says that the process was started with.

    Raises:
        SystemExit: What went wrong, as the last line of stderr.
    """
    try:
        do(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    except VidcolorError as error:
        raise SystemExit(f"vidcolor: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@dataclass(frozen=True)
class Source:
    """A film as a process opens it."""

    path: str
    fps: str | None = None
    """Frames per second of an image sequence; None where the film tells."""

    def settings(self, others: Settings | None = None) -> Settings:
        """Those to open it with, among others."""
        from vidcolor.settings import InputSettings, Settings

        fps = Fraction(self.fps) if self.fps else None
        return replace(others or Settings(), open=InputSettings(fps=fps))

    def changed(self) -> int:
        """When its file, or the folder of its frames, last changed."""
        there = self.path if os.path.lexists(self.path) else os.path.dirname(self.path)
        return os.stat(there).st_mtime_ns


def write(picture: Tensor, target: str) -> None:
    """Write a picture; under its name it is whole."""
    from vidcolor.media.images.files import write_rgb

    part = os.path.join(os.path.dirname(target), "part-" + os.path.basename(target))
    write_rgb(picture, part)
    os.replace(part, target)


def colorizer_of(choice: Choice) -> Colorizer:
    """A colorizer for a choice; the last ones stay loaded."""
    return _colorizer(choice.weights, choice.size, choice.vivid, choice.device)


@lru_cache(maxsize=3)
def _colorizer(weights: str, size: int, vivid: float, device: str) -> Colorizer:
    from vidcolor.colorize.colorizer import Colorizer

    choice = Choice(weights=weights, size=size, vivid=vivid, device=device)
    return Colorizer.from_weights(settings=choice.settings().colorizer)
