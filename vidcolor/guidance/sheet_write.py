"""A color sheet as text, and the text of another one changed into it: comments stay.

An entry that says what it said keeps its lines to the byte.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidcolor.color.parse import write_color
from vidcolor.core.paths import follow_link, part_path
from vidcolor.core.platform import remove_open
from vidcolor.core.target import claim, output_errors, publish
from vidcolor.core.timecode import timecode
from vidcolor.errors import ColorSheetError, SettingsError
from vidcolor.guidance.entries import (
    DIALS,
    Color,
    Hint,
    Palette,
    Point,
    Reference,
    SheetContent,
    Stretch,
)
from vidcolor.guidance.sheet_file import UNNAMED, parse_sheet, read_text, sheet_error
from vidcolor.guidance.toml_blocks import (
    Block,
    Splice,
    apply_splices,
    find_blocks,
    insert_table,
    remove_block,
    set_keys,
)

Entry = Stretch | Hint | Reference | Palette

KIND_FIELDS = {
    "palette": "palettes",
    "stretch": "stretches",
    "hint": "hints",
    "reference": "references",
}
"""Name of the table in the file -> of the field in `SheetContent`, in the order of a new file."""

_ALIASES = {"width": "size", "keep_gray": "keep_grey"}

Plan = Sequence[tuple[int | None, Entry]]
"""Entries as they are to be; of each the number from 0 of the one that it was, or None for a new
one."""


def write_sheet(
    content: SheetContent, path: Path, rate: Fraction | None = None, start: str = ""
) -> None:
    """Write a color sheet; in a file that is there, comments stay.

    Args:
        content: What it says.
        path: The file.
        rate: Frames per second, for SMPTE times in the file that is there.
        start: Timecode of the first frame of the video.

    Raises:
        ColorSheetError: The file that is there is no color sheet; it is left alone.
        OutputError: It cannot be written.
        SettingsError: A reference is an array; save it as an image first.
    """

    def change(text: str) -> str:
        return merge(text, parse_sheet(text, path.name, rate, start), content)

    change_file(path, change)


def change_file(path: Path, change: Callable[[str], str]) -> None:
    """Replace a text file by what becomes of its text; half of it is never there.

    Args:
        path: The file; one that is missing counts as empty.
        change: From the old text to the new.

    Raises:
        ColorSheetError: It cannot be read.
        OutputError: It cannot be written, or another run is writing it.
    """
    target, part = follow_link(path), part_path(path)
    with output_errors(path):
        file = claim(part, path)
    try:
        text = change(read_text(target) if os.path.lexists(target) else "")
        with output_errors(path):
            os.ftruncate(file, 0)
            with open(file, "wb", closefd=False) as out:
                out.write(text.encode())
            with suppress(OSError):  # there was none, or its rights are not ours to give
                os.chmod(part, os.stat(target).st_mode & 0o777)
            publish(file, part, target)
    except BaseException:
        remove_open(file, part)
        raise
    finally:
        os.close(file)


def merge(text: str, old: SheetContent, new: SheetContent) -> str:
    """The text of ``old`` changed so that it says ``new``."""
    plans = {
        kind: match_entries(getattr(old, field), getattr(new, field))
        for kind, field in KIND_FIELDS.items()
    }
    return rewrite(text, old, plans, new.video, new.saved)


def match_entries(old: Sequence[Entry], new: Sequence[Entry]) -> Plan:
    """Which of the new entries is which of the old ones, or comes from it."""
    was, now = ([tuple(entry_fields(each).items()) for each in some] for some in (old, new))
    plan: list[tuple[int | None, Entry]] = []
    for _, i, i_end, j, j_end in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        for number in range(j, j_end):
            source = i + number - j
            plan.append((source if source < i_end else None, new[number]))
    return plan


def rewrite(
    text: str,
    old: SheetContent,
    plans: Mapping[str, Plan],
    video: str,
    saved: Mapping[str, Color],
) -> str:
    """A text changed in some of its parts.

    Args:
        text: Of a color sheet.
        old: What it says.
        plans: By kind, what its entries are to be.
        video: Name of the video.
        saved: Saved colors.

    Raises:
        ColorSheetError: The part to change is written in a form that cannot be changed.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    blocks = find_blocks(text)
    splices = [
        *_change_head(text, blocks, old.video, video),
        *_change_saved(text, blocks, old.saved, saved),
    ]
    for kind, plan in plans.items():
        entries: Sequence[Entry] = getattr(old, KIND_FIELDS[kind])
        splices += _change_entries(text, blocks, kind, entries, plan)
    if splices:
        changed = apply_splices(text, splices).rstrip("\n") + "\n"
        text = changed if text.startswith("\n") else changed.lstrip("\n")
    return text.replace("\n", newline)


def _change_head(text: str, blocks: list[Block], old: str, new: str) -> list[Splice]:
    if old == new:
        return []
    if blocks[0].body_end:
        return [set_keys(text, blocks[0], {"video": write_text(new) if new else None})]
    position = blocks[1].start if len(blocks) > 1 else len(text)
    return [insert_table(position, f"video = {write_text(new)}\n")]


def _change_saved(
    text: str, blocks: list[Block], old: Mapping[str, Color], new: Mapping[str, Color]
) -> list[Splice]:
    was, now = ({name: _color(color) for name, color in some.items()} for some in (old, new))
    values = {name: now.get(name) for name in {**was, **now} if was.get(name) != now.get(name)}
    if not values:
        return []
    found = [block for block in blocks if block.path == ("saved",)]
    if found:
        return [set_keys(text, found[0], values)]
    if old:
        raise _no_form("saved colors", "under one [saved]")
    lines = "".join(f"{_key(name)} = {value}\n" for name, value in values.items())
    position = blocks[1].start if len(blocks) > 1 else len(text)
    return [insert_table(position, f"[saved]\n{lines}")]


def _change_entries(
    text: str, blocks: list[Block], kind: str, old: Sequence[Entry], plan: Plan
) -> list[Splice]:
    numbers = [number for number, _ in plan if number is not None]
    was = [entry_fields(each) for each in old]
    now = [entry_fields(each) for _, each in plan]
    if numbers == list(range(len(old))) and was == now:
        return []
    tables = [block for block in blocks if block.is_listed and block.path[0] == kind]
    if len(tables) != len(old):
        raise _no_form(f"entries of {kind}", f"under a [[{kind}]] each")
    kept = set(numbers)
    splices = [remove_block(text, tables[i]) for i in range(len(old)) if i not in kept]
    position = tables[0].start if tables else len(text)
    if tables and numbers and plan[0][0] is None:
        position = tables[numbers[0]].start
    for (number, _), fields in zip(plan, now, strict=True):
        if number is None:
            splices.append(insert_table(position, _render(kind, fields)))
            continue
        position = tables[number].end
        values = _differences(text, tables[number], was[number], fields)
        if values:
            splices.append(set_keys(text, tables[number], values))
    return splices


def _differences(
    text: str, block: Block, was: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, str | None]:
    """Keys to set, each as the table spells it."""
    values: dict[str, str | None] = {}
    for key in {**was, **now}:
        if was.get(key) != now.get(key):
            alias = _ALIASES.get(key)
            body = text[block.header : block.body_end]
            used = alias and re.search(rf"^\s*{alias}\s*=", body, re.MULTILINE)
            values[alias if alias and used else key] = now.get(key)
    return values


def _no_form(what: str, how: str) -> ColorSheetError:
    return sheet_error(UNNAMED, 1, f"{what} in this form cannot be changed; write them {how}")


def render_entry(entry: Entry) -> str:
    """The lines of a table."""
    kind = next(k for k, c in _CLASSES.items() if isinstance(entry, c))
    return _render(kind, entry_fields(entry))


def _render(kind: str, fields: Mapping[str, str]) -> str:
    return f"[[{kind}]]\n" + "".join(f"{key} = {value}\n" for key, value in fields.items())


_CLASSES = {"palette": Palette, "stretch": Stretch, "hint": Hint, "reference": Reference}


def entry_fields(entry: Entry) -> dict[str, str]:
    """The values of an entry as TOML, by key; equal for entries that say the same.

    Raises:
        SettingsError: A reference is an array.
    """
    if isinstance(entry, Palette):
        colors = ", ".join(map(_color, entry.colors))
        return _drop_empty(name=write_text(entry.name), colors=f"[{colors}]")
    if isinstance(entry, Stretch):
        return _stretch_fields(entry)
    if isinstance(entry, Hint):
        return _drop_empty(
            time=write_time(entry.time),
            point=_point(entry.point) if entry.point else "",
            stroke=_points(entry.stroke),
            polygon=_points(entry.polygon),
            width="" if entry.size == 0.02 else f"{entry.size:g}",
            color=_color(entry.color),
            name=write_text(entry.name),
        )
    if isinstance(entry.image, np.ndarray):
        raise SettingsError("a reference is an array, not a file; save it as an image first")
    return {
        "image": write_text(Path(entry.image).as_posix()),
        **_drop_empty(
            time=write_time(entry.time), start=write_time(entry.start), to=write_time(entry.end)
        ),
    }


def _stretch_fields(entry: Stretch) -> dict[str, str]:
    fields = {
        "name": write_text(entry.name),
        "from": write_time(entry.start or None),
        "to": write_time(entry.end),
    }
    for dial in DIALS:
        value = getattr(entry, dial)
        if isinstance(value, bool):
            fields[dial] = str(value).lower()
        elif isinstance(value, str):
            fields[dial] = write_text(value)
        elif value is not None:
            fields[dial] = f"{value:g}"
    return {key: value for key, value in fields.items() if value}


def _drop_empty(**fields: str) -> dict[str, str]:
    return {"from" if key == "start" else key: value for key, value in fields.items() if value}


def write_text(text: str) -> str:
    """Text as TOML, in quotes; empty for none."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f") if text else ""


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name, re.ASCII) else write_text(name) or '""'


def _color(color: Color) -> str:
    return write_text(write_color(color))


def write_time(seconds: Fraction | None) -> str:
    """A time as TOML, in quotes; exact to the millisecond, or to the microsecond where needed."""
    if seconds is None:
        return ""
    return f'"{timecode(seconds, 3 if (seconds * 1000).denominator == 1 else 6)}"'


def _point(point: Point) -> str:
    return f"[{round(point[0], 5):g}, {round(point[1], 5):g}]"


def _points(points: Sequence[Point]) -> str:
    return f"[{', '.join(map(_point, points))}]" if points else ""
