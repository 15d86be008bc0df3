"""``vidcolor colors FILM --import FILE``: the shots of another program as a color sheet."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from vidcolor.cli.checks import check_beside
from vidcolor.cli.colors_edit import fault_of_image, path_from
from vidcolor.cli.colors_first import check_new, write_new
from vidcolor.cli.colors_shots import Subject, read_through
from vidcolor.cli.text import count, say
from vidcolor.core.timecode import timecode
from vidcolor.errors import SettingsError

if TYPE_CHECKING:
    from vidcolor.core.video_info import VideoInfo
    from vidcolor.guidance.entries import Reference
    from vidcolor.guidance.shot_csv import ShotList
    from vidcolor.guidance.shot_import import PlacedReference, PlacedShots

MOST_NAMED = 12
"""Shots that are named where something of them is not taken over."""


def import_shots(args: argparse.Namespace, subject: Subject) -> int:
    """Write a sheet with the stretches and the references of a list; 0.

    Raises:
        ColorSheetError: It is no such list, or one of another film; the text names the line.
        OutputExists: There is a sheet.
    """
    from vidcolor.guidance.sheet_write import render_entry
    from vidcolor.guidance.shot_csv import read_shot_csv

    info = subject.info
    if info is None:
        raise SettingsError(f"--import: {subject.source.name} is a picture and has no shots")
    check_new(subject.sheet)
    check_beside("--sheet", subject.sheet, args.film, args.import_)
    path = Path(args.import_)
    found = read_shot_csv(path)
    placed = place(args, info, found, path)
    notes = list(notes_of(found, placed, subject))
    references = list(take_references(placed.references, subject, path, notes))
    more = "".join(f"\n{render_entry(reference)}" for reference in references)
    write_new(subject, placed.shots, more)
    said = [count(len(placed.shots), "shot")]
    gray = sum(bool(shot.stretch.keep_gray) for shot in placed.shots)
    said += [f"{gray} of them switched off (keep_gray)"] if gray else []
    said += [count(len(references), "reference")] if references else []
    say(f"{subject.sheet}: {', '.join(said)} from {path.name} ({found.program})")
    for note in notes:
        say(f"note: {note}")
    return 0


def place(args: argparse.Namespace, info: VideoInfo, found: ShotList, path: Path) -> PlacedShots:
    """The shots in the times of the frames of the film, which is read for them."""
    from vidcolor.guidance.shot_import import place_shots

    times: list[Fraction] = []
    shots = read_through(args, info, lambda frame: times.append(frame.moment))
    end = shots[-1].end_seconds if shots else None
    return place_shots(found, times, end if end is not None else times[-1], path.name)


def notes_of(found: ShotList, placed: PlacedShots, subject: Subject) -> Iterator[str]:
    """What a user should know of a list: one line for each thing that is not taken over."""
    name = subject.source.name
    if found.video and found.video != name:
        yield f"the list is of {found.video}; it is used for {name}"
    if placed.by_seconds:
        yield f"the list counts frames otherwise than {name}; its seconds are used"
    for column, numbers in found.left_out.items():
        yield f"{column} is not taken over ({_shots(numbers)})"


def _shots(numbers: Sequence[int]) -> str:
    named = ", ".join(map(str, numbers[:MOST_NAMED]))
    more = len(numbers) - MOST_NAMED
    return f"shot{'s' if len(numbers) > 1 else ''} {named}{f' and {more} more' if more > 0 else ''}"


def take_references(
    placed: Sequence[PlacedReference], subject: Subject, csv: Path, notes: list[str]
) -> Iterator[Reference]:
    """The references that can be used; ``notes`` gets a line for each other one.

    An image of another shape than the frame that it is becomes a look for its shot.
    """
    from vidcolor.guidance.entries import Reference
    from vidcolor.guidance.sheet_check import find_faults
    from vidcolor.guidance.shot_import import image_places
    from vidcolor.guidance.types import ColorSheet

    sheet = ColorSheet(path=subject.sheet)
    for one in placed:
        where = f"{csv.name}:{one.line}"
        file = next((each for each in image_places(one.image, csv) if each.is_file()), None)
        if file is None:
            notes.append(f"{where}: {one.image} is not found; this reference is left out")
            continue
        if fault := fault_of_image(file):
            notes.append(f"{where}: {fault}; this reference is left out")
            continue
        image = path_from(subject.sheet, _as_given(file))
        look = Reference(image, start=one.start or None, end=one.end)
        if one.time is None:
            yield look
            continue
        reference = Reference(image, one.time)
        if list(find_faults(sheet, reference, subject.info)):
            shape = f"{one.image} has not the shape of the frame at {timecode(one.time)}"
            notes.append(f"{where}: {shape}; it is used as a look for its shot")
            reference = look
        yield reference


def _as_given(file: Path) -> str:
    """A path below the working folder as one from it, so that it moves with its sheet."""
    try:
        return str(PurePath(file).relative_to(Path.cwd()))
    except ValueError:
        return str(file)
