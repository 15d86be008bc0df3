"""A color sheet from its file; what is wrong in it is told with the line (docs/colors.md)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from vidcolor.core.files import printable
from vidcolor.errors import ColorSheetError, SettingsError
from vidcolor.guidance.entries import (
    DIAL_RANGES,
    Color,
    Hint,
    Palette,
    Reference,
    SheetContent,
    Stretch,
)
from vidcolor.guidance.fields import Fields, Origin
from vidcolor.guidance.toml_lines import LineIndex, scan_statements

MAX_BYTES = 4 << 20
"""Largest file that is read: one written by hand has thousands of lines, not a million."""
MAX_ENTRIES = 10_000
"""Most stretches, hints, references, palettes and saved colors, taken together."""

UNNAMED = "color sheet"
"""What errors call a text that is not of a file."""

SUFFIX = ".colors.toml"
"""Of a color sheet: ``film.colors.toml`` is that of ``film.mp4``."""

KINDS = ("stretch", "hint", "reference", "palette")
"""Tables that there may be several of."""

_Entry = TypeVar("_Entry")


def read_sheet(path: Path, rate: Fraction | None = None, start: str = "") -> SheetContent:
    """What the file at ``path`` says.

    Args:
        path: The file.
        rate: Frames per second of the video, for SMPTE times.
        start: Timecode of the video's first frame; empty counts from 0.

    Raises:
        ColorSheetError: It cannot be read, or says what cannot be.
    """
    return parse_sheet(read_text(path), path.name, rate, start)


def read_text(path: Path) -> str:
    """The text of a color sheet, its lines ended as they are in the file.

    Raises:
        ColorSheetError: There is none, it is too large, or not in UTF-8.
    """
    advice = "name a color sheet, as film.colors.toml", ", which no color sheet is; name another"
    return read_text_file(path, MAX_BYTES, *advice, "file")


def read_text_file(path: Path, most: int, missing: str, large: str, thing: str) -> str:
    """The text of a file in UTF-8, without a byte order mark, its lines ended as they are.

    Args:
        path: Of the file.
        most: Bytes that it may have.
        missing: What to do where there is none.
        large: What to say of one that is too large.
        thing: What is to be saved as UTF-8.

    Raises:
        ColorSheetError: There is none, it is too large, or not in UTF-8.
    """
    name = printable(path.name)
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "no such file"
            raise ColorSheetError(f"{name}: {what}; {missing}")
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except ColorSheetError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ColorSheetError(f"{name}: cannot be opened: {printable(reason)}") from error
    if len(data) > most:
        raise ColorSheetError(f"{name}: is larger than {most >> 20} MiB{large}")
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise sheet_error(name, line, f"is not UTF-8 text; save the {thing} as UTF-8") from None


def parse_sheet(
    text: str, name: str = UNNAMED, rate: Fraction | None = None, start: str = ""
) -> SheetContent:
    """What the text of a color sheet says.

    Args:
        text: TOML.
        name: Of the file, for errors.
        rate: As of `read_sheet`.
        start: As of `read_sheet`.

    Raises:
        ColorSheetError: It says what cannot be. Of several such things, the first is told.
    """
    text = text.replace("\r\n", "\n")
    data = parse_toml(text, name)
    top = Fields(data, (), Origin(printable(name), LineIndex(text), rate, start))
    top.check_keys(("video", "saved", *KINDS))
    _check_count(top)
    saved = _read_saved(top)
    problems: list[ColorSheetError] = []
    palettes = _read_each(top, "palette", lambda each: _read_palette(each, saved), problems)
    _check_names("palette", palettes, top, problems)
    names = {palette.name for palette in palettes}
    stretches = _read_each(top, "stretch", lambda each: _read_stretch(each, names), problems)
    _check_names("stretch", stretches, top, problems)
    hints = _read_each(top, "hint", lambda each: _read_hint(each, saved), problems)
    references = _read_each(top, "reference", _read_reference, problems)
    if problems:
        raise min(problems, key=lambda problem: problem.line)
    return SheetContent(top.text("video"), stretches, hints, references, palettes, saved)


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The values of a TOML text with Unix line ends; numbers with a point are exact.

    Raises:
        ColorSheetError: It is not TOML.
    """
    try:
        return tomllib.loads(text, parse_float=_exact)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
    except RecursionError:
        raise sheet_error(name, 1, "is nested too deeply; a color sheet has plain lists") from None
    except ValueError:  # Python refuses to read numbers of thousands of digits
        raise sheet_error(name, 1, "has a number that is too long; shorten it") from None
    match = re.search(r"\(at line (\d+), column (\d+)\)$", said)
    line = int(match[1]) if match else text.count("\n") + 1
    begins = max((each.line for each in scan_statements(text) if each.line <= line), default=line)
    if begins < line and (not match or said.startswith(("Invalid value", "Unclosed"))):
        what = f"what begins here is not closed up to line {line}; add the missing bracket or quote"
        raise sheet_error(name, begins, what)
    raise sheet_error(name, line, _explain(said))


def sheet_error(name: str, line: int, what: str) -> ColorSheetError:
    """An error that names the file and the line, on one line."""
    error = ColorSheetError(f"{printable(name)}:{line}: {printable(what)}")
    error.line = line
    return error


def _exact(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:  # an exponent beyond all bounds
        return Decimal("inf")


_ADVICE = {
    "Cannot overwrite a value": "this key is here a second time; remove one of the two",
    "Cannot declare": "this table is here a second time; put its keys under the first",
    "Cannot mutate immutable": "this table is written in two ways; put all keys under one header",
    "Invalid value": 'the value cannot be read; put text, times and colors in quotes, as "navy"',
    "Invalid statement": "this is no line of a color sheet; write key = value, or begin it with #",
    "Expected '=' after a key": "a = is missing behind the key; write key = value",
    "Illegal character": "a quote is missing, or there is a character that text may not have",
    "Unterminated string": "a quote is missing where the text ends; add it",
    "Unclosed": "a bracket is not closed; add it",
    "Expected newline or end of document": "there is more behind the value; put text in quotes,"
    " or # before a comment",
    "Expected ']": "a bracket is not closed; add it",
    "Invalid initial character for a key part": "the key cannot be read; write key = value",
    "Unescaped '\\'": "a \\ in text has a meaning of its own; write / or \\\\",
    "Expected 4": "a \\ in text has a meaning of its own; write / or \\\\",
}
"""What the parser says, by its beginning -> what it means and what to do."""


def _explain(said: str) -> str:
    for beginning, advice in _ADVICE.items():
        if said.startswith(beginning):
            return advice
    plain = re.sub(r" \(at .*\)$", "", said)
    return f"this is not TOML: {plain[:1].lower()}{plain[1:]}; correct the line"


def _check_count(top: Fields) -> None:
    number = 0
    for kind in (*KINDS, "saved"):
        values = top.data.get(kind, ())
        number += len(values) if isinstance(values, Sequence | Mapping) else 0
    if number > MAX_ENTRIES:
        raise top.error("", f"there are more than {MAX_ENTRIES} entries; divide the video")


def _read_saved(top: Fields) -> dict[str, Color]:
    saved = top.data.get("saved", {})
    if not isinstance(saved, Mapping):
        raise top.error(
            "saved", 'saved is no table; write [saved], and below it jacket = "#27324f"'
        )
    fields = Fields(saved, ("saved",), top.origin)
    colors: dict[str, Color] = {}
    for name in saved:
        color = fields.color(name)
        if color == "auto" or (isinstance(color, str) and color.startswith("@")):
            raise fields.error(name, "a saved color is a color of its own; write #rrggbb")
        colors[name] = color
    return colors


def _read_each(
    top: Fields,
    kind: str,
    read: Callable[[Fields], _Entry],
    problems: list[ColorSheetError],
) -> tuple[_Entry, ...]:
    """The entries of one kind; what is wrong in them goes to ``problems``."""
    found: list[_Entry] = []
    tables = top.data.get(kind, [])
    if not isinstance(tables, list):
        problems.append(
            top.error(kind, f"{kind} is not a list; write [[{kind}]] with two brackets")
        )
        return ()
    for number, table in enumerate(tables):
        fields = Fields(table, (kind, number), top.origin)
        try:
            if not isinstance(table, Mapping):
                raise fields.error("", f"this {kind} has no keys; write [[{kind}]] and its keys")
            found.append(read(fields))
        except ColorSheetError as error:
            problems.append(error)
        except SettingsError as error:  # of the entry as a whole
            problems.append(fields.error("", str(error)))
    return tuple(found)


def _check_names(
    kind: str,
    entries: Sequence[Palette | Stretch],
    top: Fields,
    problems: list[ColorSheetError],
) -> None:
    lines: dict[str, int] = {}
    for entry in entries:
        if entry.name in lines:
            text = f'the {kind} "{entry.name}" is there already, in line {lines[entry.name]}'
            problems.append(sheet_error(top.origin.name, entry.line, f"{text}; rename one"))
        if entry.name:
            lines.setdefault(entry.name, entry.line)


def _read_hint(fields: Fields, saved: Mapping[str, Color]) -> Hint:
    fields.check_keys(("time", "point", "stroke", "polygon", "width", "size", "color", "name"))
    width = fields.spelling("width", "size")
    size = fields.number(width, 0, 1) if width in fields.data else None
    if "color" not in fields.data:
        raise fields.error("", 'this hint has no color; add one, as color = "navy"')
    return Hint(
        point=fields.point("point"),
        color=fields.saved_color("color", saved),
        size=0.02 if size is None else size,
        stroke=fields.points("stroke", 2),
        polygon=fields.points("polygon", 3),
        time=fields.time("time"),
        name=fields.text("name"),
        line=fields.line(),
    )


def _read_reference(fields: Fields) -> Reference:
    fields.check_keys(("image", "time", "from", "to"))
    if "image" not in fields.data:
        raise fields.error("", 'this reference has no image; add its file, as image = "still.png"')
    return Reference(
        image=fields.text("image"),
        time=fields.time("time"),
        start=fields.time("from"),
        end=fields.end(),
        line=fields.line(),
    )


def _read_palette(fields: Fields, saved: Mapping[str, Color]) -> Palette:
    fields.check_keys(("name", "colors"))
    colors = fields.data.get("colors", [])
    if not isinstance(colors, list):
        raise fields.error("colors", 'colors is not a list; write colors = ["#704214", "navy"]')
    inner = Fields(dict(enumerate(colors)), (*fields.path, "colors"), fields.origin)
    return Palette(
        colors=tuple(inner.saved_color(number, saved) for number in range(len(colors))),
        name=fields.text("name"),
        line=fields.line(),
    )


def _read_stretch(fields: Fields, palettes: set[str]) -> Stretch:
    gray = fields.spelling("keep_gray", "keep_grey")
    fields.check_keys(
        ("from", "to", *DIAL_RANGES, "weights", "keep_gray", "keep_grey", "palette", "name")
    )
    dials = {
        dial: fields.number(dial, *ends)
        for dial, ends in DIAL_RANGES.items()
        if dial in fields.data
    }
    palette = fields.text("palette") or None
    if palette and palette not in palettes:
        raise fields.error("palette", fields.unknown("palette", palette, palettes))
    return Stretch(
        start=fields.time("from") or Fraction(0),
        end=fields.end(),
        **dials,
        weights=fields.text("weights") or None,
        keep_gray=fields.truth(gray),
        palette=palette,
        name=fields.text("name"),
        line=fields.line(),
    )
