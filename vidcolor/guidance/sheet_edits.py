"""Single changes of a color sheet: text in, text out; comments and everything else stay.

Entries are numbered from 1 in the order of the file, each kind for itself. All functions raise
ColorSheetError where the text is no color sheet or what results would be none, and SettingsError
where there is no such entry. ``rate`` and ``start`` are those of `vidcolor.guidance.sheet_file`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.core.files import printable
from vidcolor.errors import ColorSheetError, SettingsError
from vidcolor.guidance.entries import DIALS, Color, Hint, Palette, Reference, SheetContent, Stretch
from vidcolor.guidance.sheet_file import UNNAMED, parse_sheet
from vidcolor.guidance.sheet_write import KIND_FIELDS, Entry, change_file, rewrite


@dataclass(frozen=True)
class Clock:
    """What SMPTE times in a sheet are read with."""

    rate: Fraction | None = None
    """Frames per second of the video; None where it is not known."""
    start: str = ""
    """Timecode of its first frame; empty counts from 0."""


NO_CLOCK = Clock()

_KINDS = {Palette: "palette", Stretch: "stretch", Hint: "hint", Reference: "reference"}


def add_entry(text: str, entry: Entry, clock: Clock = NO_CLOCK) -> str:
    """With a hint, a reference, a stretch or a palette more, behind the others of its kind."""
    old = _parse(text, clock)
    kind = _KINDS[type(entry)]
    entries = getattr(old, KIND_FIELDS[kind])
    return _change(text, old, kind, [*enumerate(entries), (None, entry)], clock)


def remove_entry(text: str, kind: str, number: int, clock: Clock = NO_CLOCK) -> str:
    """Without an entry, its comments, and those directly above and below it.

    Args:
        text: Of the sheet.
        kind: ``hint``, ``reference``, ``stretch`` or ``palette``.
        number: Of the entry, from 1.
        clock: For SMPTE times.
    """
    old = _parse(text, clock)
    plan = list(enumerate(_entries(old, kind, number)))
    del plan[number - 1]
    return _change(text, old, kind, plan, clock)


def replace_entry(text: str, number: int, entry: Entry, clock: Clock = NO_CLOCK) -> str:
    """With other values in an entry; keys that keep their value are not touched.

    Args:
        text: Of the sheet.
        number: Of the entry among those of its kind, from 1.
        entry: What it is to say.
        clock: For SMPTE times.
    """
    old = _parse(text, clock)
    kind = _KINDS[type(entry)]
    entries = list(_entries(old, kind, number))
    entries[number - 1] = entry
    return _change(text, old, kind, list(enumerate(entries)), clock)


def set_hint_color(text: str, number: int, color: Color, clock: Clock = NO_CLOCK) -> str:
    """With another color of a hint."""
    hint = _entries(_parse(text, clock), "hint", number)[number - 1]
    assert isinstance(hint, Hint)
    return replace_entry(text, number, replace(hint, color=color), clock)


def set_dials(text: str, number: int, dials: Mapping[str, Any], clock: Clock = NO_CLOCK) -> str:
    """With other dials of a stretch.

    Args:
        text: Of the sheet.
        number: Of the stretch, from 1.
        dials: Values by name (`DIALS`); None takes a dial away, others stay.
        clock: For SMPTE times.
    """
    unknown = dials.keys() - set(DIALS)
    if unknown:
        raise SettingsError(f"no dial {min(unknown)!r}; use {', '.join(DIALS)}")
    stretch = _entries(_parse(text, clock), "stretch", number)[number - 1]
    assert isinstance(stretch, Stretch)
    return replace_entry(text, number, replace(stretch, **dials), clock)


def set_saved(text: str, name: str, color: Color | None, clock: Clock = NO_CLOCK) -> str:
    """With a saved color, new or changed; None removes it."""
    old = _parse(text, clock)
    saved = {**old.saved, name: color}
    kept = {key: value for key, value in saved.items() if value is not None}
    return _verify(rewrite(text, old, {}, old.video, kept), clock)


def edit_file(path: Path, change: Callable[[str], str], clock: Clock = NO_CLOCK) -> None:
    """Change a color sheet in place; a file that is missing is made.

    Args:
        path: The file.
        change: One of these functions with all but its text.
        clock: For SMPTE times.

    Raises:
        ColorSheetError: The file is no color sheet; the text names the line.
        OutputError: It cannot be written.
    """

    def checked(text: str) -> str:
        parse_sheet(text, path.name, clock.rate, clock.start)  # what it says of the file's name
        try:
            return change(text)
        except ColorSheetError as error:  # of a text, which has no name
            said = str(error)
            named = said.replace(f"{UNNAMED}:", f"{printable(path.name)}:", 1)
            if not said.startswith(f"{UNNAMED}:"):
                raise
            renamed = ColorSheetError(named)
            renamed.line = error.line
            raise renamed from None

    change_file(path, checked)


def _parse(text: str, clock: Clock) -> SheetContent:
    return parse_sheet(text, rate=clock.rate, start=clock.start)


def _entries(content: SheetContent, kind: str, number: int) -> Sequence[Entry]:
    """The entries of a kind, of which there is one of this number."""
    entries: Sequence[Entry] = getattr(content, KIND_FIELDS[kind])
    if not 1 <= number <= len(entries):
        has = f"has {len(entries)}" if entries else "has none"
        raise SettingsError(f"there is no {kind} {number}; the color sheet {has}")
    return entries


def _change(
    text: str,
    old: SheetContent,
    kind: str,
    plan: Sequence[tuple[int | None, Entry]],
    clock: Clock,
) -> str:
    return _verify(rewrite(text, old, {kind: plan}, old.video, old.saved), clock)


def _verify(text: str, clock: Clock) -> str:
    """A text that is a color sheet: what was put in may name what the sheet does not have."""
    _parse(text, clock)
    return text
