"""A first color sheet: the shots of a film, of which nothing is said yet."""

from __future__ import annotations

import argparse
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.checks import check_beside
from vidcolor.cli.colors_shots import FoundShots, Subject, find_shots
from vidcolor.cli.text import count, say
from vidcolor.core.files import printable
from vidcolor.errors import OutputExists

if TYPE_CHECKING:
    from vidcolor.guidance.first_sheet import SheetShot


def write_first(args: argparse.Namespace, subject: Subject) -> int:
    """Write a sheet that says nothing yet; 0.

    Raises:
        OutputExists: There is one.
    """
    check_new(subject.sheet)
    check_beside("--sheet", subject.sheet, args.film)
    if subject.info is None:
        write_new(subject, ())
        say(f"{subject.sheet}: written; edit it, or use --add-hint X,Y COLOR")
        return 0
    found = find_shots(args, subject.info)
    write_new(subject, plain_shots(found))
    said = f"{count(len(found.shots), 'shot')} of {subject.source.name}; nothing is said yet"
    say(f"{subject.sheet}: {said}: edit it, or use --add-hint TIME X,Y COLOR")
    return 0


def plain_shots(found: FoundShots) -> list[SheetShot]:
    """A stretch without dials for each shot: from its first frame to that of the next one."""
    from vidcolor.guidance.entries import Stretch
    from vidcolor.guidance.first_sheet import SheetShot

    shots = []
    for number, (shot, frames) in enumerate(zip(found.shots, found.frames, strict=True)):
        start = shot.start_seconds if number else Fraction(0)
        is_last = number == len(found.shots) - 1
        length = None if shot.end_seconds is None else shot.end_seconds - shot.start_seconds
        stretch = Stretch(start, None if is_last else shot.end_seconds)
        shots.append(SheetShot(stretch, frames, length))
    return shots


def check_new(sheet: Path) -> None:
    """See that there is no such file yet.

    Raises:
        OutputExists: There is.
    """
    if os.path.lexists(sheet):
        raise OutputExists(
            f"{printable(sheet)}: exists, and is not overwritten; add to it with --add-hint, or"
            " name another one with --sheet"
        )


def write_new(subject: Subject, shots: list[SheetShot] | tuple[()], more: str = "") -> None:
    """Write a first sheet; of two who do so at once, one is refused.

    Args:
        subject: Of what.
        shots: Its shots; none for a picture.
        more: Text that follows.

    Raises:
        OutputError: It cannot be written, or there is one.
    """
    from vidcolor.guidance.first_sheet import first_sheet
    from vidcolor.guidance.sheet_write import change_file

    name = subject.source.name
    text = first_sheet(name, subject.sheet.name, shots, is_photo=subject.info is None) + more

    def start(_old: str) -> str:
        check_new(subject.sheet)
        return text

    change_file(subject.sheet, start)
