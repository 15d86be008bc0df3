"""The first color sheet of a video: its shots, and in comments how to say something of them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from vidcolor.core.files import printable
from vidcolor.core.timecode import decimal
from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import Stretch
from vidcolor.guidance.sheet_file import MAX_ENTRIES
from vidcolor.guidance.sheet_write import render_entry, write_text, write_time

_FILM = """\
# What color things have in {name}. To color it with this sheet:
#   vidcolor {word} OUT --colors {sheet}
# Each [[stretch]] is a shot; write dials of its own under it, such as
#   vivid = 0.4        saturation = 0.8        smooth = 1        keep_gray = true
# What color a thing has: when you see it so, and where, from 0 to 1 of the width and height:
#   [[hint]]
#   time = "0:01:30.5"
#   point = [0.4, 0.5]
#   color = "#27324f"
# It holds for the whole shot. vidcolor help colors tells how to add such entries and check them.
"""
_PHOTO = """\
# What color things have in {name}. To color it with this sheet:
#   vidcolor {word} OUT --colors {sheet}
# What color a thing has, and where, from 0 to 1 of the width and the height:
#   [[hint]]
#   point = [0.4, 0.5]
#   color = "#27324f"
# An image in color that looks like it:
#   [[reference]]
#   image = "postcard.jpg"
# vidcolor help colors tells how to add such entries and check them.
"""


@dataclass(frozen=True)
class SheetShot:
    """A shot as it is written into a first sheet."""

    stretch: Stretch
    """From where to where, with what is known of its dials; the last one has no end."""
    frames: int = 0
    """Number of frames; 0 where it is not known."""
    seconds: Fraction | None = None
    """How long it is; None where that is not known."""


def first_sheet(video: str, sheet: str, shots: Sequence[SheetShot], *, is_photo: bool) -> str:
    """The text of a sheet that says nothing yet, with a stretch for each shot.

    Args:
        video: Name of the video.
        sheet: Name of the sheet.
        shots: In order; none for a photograph.
        is_photo: Whether it is of a photograph.

    Raises:
        SettingsError: There are more shots than a sheet has entries.
    """
    if len(shots) > MAX_ENTRIES:
        raise SettingsError(
            f"the video has {len(shots)} shots, and a color sheet at most {MAX_ENTRIES} entries;"
            " write one with --add-hint, which needs no stretches"
        )
    head = (_PHOTO if is_photo else _FILM).format(
        name=printable(video), word=_word(video), sheet=_word(sheet)
    )
    parts = [head, bare_sheet(video)]
    parts += [_write_shot(number, shot) for number, shot in enumerate(shots, 1)]
    return "\n".join(part for part in parts if part)


def bare_sheet(video: str) -> str:
    """The text of a sheet that names its video and nothing else; empty for a strange name."""
    return f"video = {write_text(video)}\n" if video.isprintable() and video.strip() else ""


def _word(name: str) -> str:
    """A name as a shell takes it."""
    return shlex.quote(printable(name))


def _write_shot(number: int, shot: SheetShot) -> str:
    frames = f"{shot.frames} {'frame' if shot.frames == 1 else 'frames'}" if shot.frames else ""
    length = f"{decimal(shot.seconds, 3)} s" if shot.seconds is not None else ""
    facts = ", ".join(fact for fact in (frames, length) if fact)
    table = render_entry(shot.stretch)
    if not shot.stretch.start:  # at the start it may be left out; here it shows how it is done
        header, rest = table.split("\n", 1)
        table = f"{header}\nfrom = {write_time(Fraction(0))}\n{rest}"
    return f"# shot {number}{': ' if facts else ''}{facts}\n{table}"
