"""``vidcolor colors FILM --check``: a color sheet against its film, shot by shot."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any

from vidcolor.cli.colors_edit import fault_of_image, tell_hint
from vidcolor.cli.colors_shots import Subject, find_shots
from vidcolor.cli.text import count, printable
from vidcolor.core.timecode import timecode
from vidcolor.errors import SettingsError

if TYPE_CHECKING:
    from vidcolor.guidance.entries import Reference
    from vidcolor.guidance.plan import Guidance
    from vidcolor.guidance.shot_words import ShotWords
    from vidcolor.guidance.types import ColorSheet


def check(args: argparse.Namespace, subject: Subject) -> int:
    """Print what the sheet does; 0.

    Raises:
        SettingsError: There is no sheet.
        ColorSheetError: It says what cannot be, or does not fit the film.
    """
    from vidcolor.guidance.shot_words import describe_shots

    guidance = plan(args, subject)
    words = describe_shots(guidance)
    if args.json:
        print(json.dumps(as_json(subject, guidance, words), indent=1))
        return 0
    print(printable(summary(subject, guidance.sheet)))
    if subject.info is None:
        lines = list(_tell_entries(words[0], guidance.sheet))
    else:
        lines = list(shot_lines(words, guidance.sheet))
    for line in (*lines, *(f"note: {note}" for note in guidance.notes)):
        print(printable(line))
    return 0


def plan(args: argparse.Namespace, subject: Subject) -> Guidance:
    """What the sheet says, with the shots and with notes on all that a user should know.

    Raises:
        SettingsError: There is no sheet.
        ColorSheetError: It cannot be used.
    """
    if not subject.sheet.exists():
        raise SettingsError(
            f"there is no color sheet {subject.sheet}; make one: vidcolor colors"
            f" {subject.source.name}, or name one with --sheet"
        )
    from vidcolor.guidance.plan import Guidance, ShotRange
    from vidcolor.guidance.sheet_check import check_sheet
    from vidcolor.guidance.sheet_file import sheet_error
    from vidcolor.guidance.shot_words import find_idle
    from vidcolor.guidance.types import ColorSheet
    from vidcolor.preview.hint_lightness import find_lightness

    clock, info = subject.clock, subject.info
    sheet = ColorSheet.read(subject.sheet, clock.rate, clock.start)
    check_sheet(sheet, info)  # what is wrong is told before the film is read
    for one in sheet.references:
        if fault := fault_of_image(sheet.find_image(one)):
            raise sheet_error(subject.sheet.name, one.line, f"image {fault}")
    found = find_lightness(subject.source, sheet.hints)
    lightness = dict(zip(map(id, sheet.hints), found, strict=True))
    notes = check_sheet(sheet, info, lightness_at=lambda hint: lightness[id(hint)])
    shots = find_shots(args, info).shots if info else (ShotRange(Fraction(0), None),)
    rate = info.frame_rate if info else None
    idle = [
        f"{subject.sheet.name}:{line}: {what}"
        for line, what in find_idle(Guidance(sheet, rate, shots))
    ]
    return Guidance(sheet, rate, shots, (*notes, *idle))


def summary(subject: Subject, sheet: ColorSheet) -> str:
    """``film.colors.toml for film.mp4: 2 hints, 1 reference``."""
    parts = [
        count(len(some), thing)
        for some, thing in (
            (sheet.hints, "hint"),
            (sheet.references, "reference"),
            (sheet.palettes, "palette"),
            (sheet.saved, "saved color"),
        )
        if some
    ]
    if sheet.stretches:
        parts.append(f"{len(sheet.stretches)} stretch{'es' if len(sheet.stretches) > 1 else ''}")
    said = ", ".join(parts) or "nothing is said"
    return f"{subject.sheet.name} for {subject.source.name}: {said}"


def shot_lines(words: Sequence[ShotWords], sheet: ColorSheet) -> Iterator[str]:
    """What is said of each shot; shots of which nothing is said share a line."""
    for is_idle, group in groupby(words, lambda each: each.says_nothing):
        some = list(group)
        if is_idle:
            yield f"{_span(some[0], some[-1])}: nothing is said"
            continue
        for each in some:
            yield f"{_span(each, each)}:"
            yield from _tell_entries(each, sheet)


def _span(first: ShotWords, last: ShotWords) -> str:
    number = f"shot {first.number}" if first is last else f"shots {first.number} to {last.number}"
    end = last.shot.end_seconds
    until = "the end" if end is None else timecode(end)
    return f"{number}, {timecode(first.shot.start_seconds)} to {until}"


def _tell_entries(words: ShotWords, sheet: ColorSheet) -> Iterator[str]:
    for each in words.dials:
        changes = each.start > words.shot.start_seconds
        if each.dials or changes:
            dials = ", ".join(f"{name} = {_toml(value)}" for name, value in each.dials.items())
            when = f"from {timecode(each.start)}: " if changes else ""
            yield f"  {when}{dials or 'no dials'}"
    for number, hint in words.hints:
        yield f"  hint {number}, {tell_hint(hint, sheet)} (line {hint.line})"
    for number, one in words.references:
        yield f"  reference {number}, {_tell_reference(one)} (line {one.line})"


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tell_reference(one: Reference) -> str:
    if one.time is not None:
        return f"{one.image}, the frame at {timecode(one.time)}"
    start = f" from {timecode(one.start)}" if one.start else ""
    end = f" to {timecode(one.end)}" if one.end is not None else ""
    return f"{one.image}, a look{start}{end}"


def as_json(subject: Subject, guidance: Guidance, words: Sequence[ShotWords]) -> dict[str, Any]:
    """The same as plain types."""
    from vidcolor.color.parse import write_color
    from vidcolor.guidance.shot_words import shot_entry

    return {
        "sheet": str(subject.sheet),
        "video": str(subject.source),
        "saved": {name: write_color(color) for name, color in guidance.sheet.saved.items()},
        "shots": [shot_entry(each, guidance) for each in words],
        "notes": list(guidance.notes),
    }
