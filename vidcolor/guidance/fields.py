"""Values of a color sheet, each with the line that it stands in and with what it should be."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from vidcolor.core.files import printable
from vidcolor.core.timecode import is_smpte, parse_seconds, parse_smpte
from vidcolor.errors import ColorSheetError, SettingsError
from vidcolor.guidance.entries import Color, Point, check_color, check_number, check_point
from vidcolor.guidance.toml_lines import LineIndex

MAX_POINTS = 10_000
"""Most points of a stroke or a polygon."""
_MAX_DIGITS, _MAX_POWER = 40, 12


@dataclass(frozen=True)
class Origin:
    """Where values come from."""

    name: str
    """Of the file, printable."""
    lines: LineIndex
    rate: Fraction | None
    """Frames per second of the video; None where it is not known."""
    start: str
    """Timecode of its first frame; empty counts from 0."""


class Fields:
    """The values of one table."""

    def __init__(
        self, data: Mapping[Any, Any], path: tuple[str | int, ...], origin: Origin
    ) -> None:
        self.data = data
        self.path = path
        self.origin = origin

    def line(self, key: str | int = "") -> int:
        """Line of a key, from 1, or of the table."""
        return self.origin.lines.find(self.path if key == "" else (*self.path, key))

    def error(self, key: str | int, what: str) -> ColorSheetError:
        """An error about a key, or about the table where it is empty."""
        line = self.line(key)
        error = ColorSheetError(f"{self.origin.name}:{line}: {printable(what)}")
        error.line = line
        return error

    def unknown(self, thing: str, name: str, names: Collection[str]) -> str:
        """What is said of a name that is none of these."""
        near = get_close_matches(name[:40], names, n=1)
        if near:
            return f'no {thing} "{_cut(name)}"; did you mean "{near[0]}"?'
        some = ", ".join(sorted(names)[:12])
        advice = f"use {some}" if some else f"add a {thing} of this name"
        return f'no {thing} "{_cut(name)}"; {advice}'

    def check_keys(self, keys: Collection[str]) -> None:
        """Refuse keys that are none of these.

        Raises:
            ColorSheetError: There is one.
        """
        for key in self.data:
            if key not in keys:
                raise self.error(key, self.unknown("key", str(key), keys))

    def spelling(self, first: str, second: str) -> str:
        """Which of two spellings of a key is used.

        Raises:
            ColorSheetError: Both are.
        """
        if first in self.data and second in self.data:
            raise self.error(second, f"{first} and {second} are the same; remove one of them")
        return second if second in self.data else first

    def text(self, key: str) -> str:
        """A text; empty where there is none.

        Raises:
            ColorSheetError: The value is something else.
        """
        value = self.data.get(key, "")
        if not isinstance(value, str):
            raise self.error(key, f'{key} is not text; put it in quotes, as {key} = "..."')
        if not value.strip() and key in self.data:
            raise self.error(key, f"{key} is empty; fill it in or remove it")
        if not value.isprintable():
            raise self.error(key, f"{key} has a character that cannot be shown; remove it")
        return value

    def truth(self, key: str) -> bool | None:
        """True or false; None where there is none.

        Raises:
            ColorSheetError: The value is something else.
        """
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, f"{key} is neither true nor false; write {key} = true")
        return value

    def number(self, key: str, least: float, most: float) -> float:
        """A number in a range.

        Raises:
            ColorSheetError: It is outside, or the value is something else.
        """
        value = self._exact(key, self.data[key])
        if value is None:
            raise self.error(key, f"{key} is not a number; write {key} = {_usual(least, most)}")
        try:
            check_number(key, float(value), least, most)
        except SettingsError as error:
            raise self.error(key, f"{error}; write a number in between") from None
        return float(value)

    def _exact(self, key: str | int, value: Any) -> Fraction | None:
        """A number; None for what is none.

        Raises:
            ColorSheetError: It is infinite, not a number, or has no use.
        """
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return None
        if isinstance(value, int):
            if value.bit_length() > 128:
                raise self.error(key, f"{key} is far too large; shorten the number")
            return Fraction(value)
        if not value.is_finite():
            raise self.error(key, f"{key} is infinite or not a number; write a plain number")
        if len(value.as_tuple().digits) > _MAX_DIGITS or abs(value.adjusted()) > _MAX_POWER:
            raise self.error(key, f"{key} has too many digits; shorten the number")
        return Fraction(value)

    def time(self, key: str) -> Fraction | None:
        """Seconds from the start of the video; None where there is none.

        Raises:
            ColorSheetError: It is no time, or one before the start.
        """
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            return self._time_of_text(key, value)
        if isinstance(value, datetime.time):  # 00:01:30.5 without quotes
            whole = (value.hour * 60 + value.minute) * 60 + value.second
            return whole + Fraction(value.microsecond, 1_000_000)
        seconds = self._exact(key, value)
        if seconds is None:
            raise self.error(key, f'{key} is not a time; write seconds, or "0:01:30.5" in quotes')
        if seconds < 0:
            raise self.error(key, f"{key} is before the start of the video; count seconds from 0")
        return seconds

    def _time_of_text(self, key: str, text: str) -> Fraction:
        smpte = is_smpte(text)
        if smpte and self.origin.rate is None:
            raise self.error(
                key,
                f'{key} = "{_cut(text)}" counts frames, and how many make a second is not known'
                " here; write seconds or H:MM:SS.mmm",
            )
        try:
            if smpte and self.origin.rate is not None:
                return parse_smpte(text, self.origin.rate, self.origin.start)
            return parse_seconds(text)
        except ValueError as error:
            raise self.error(key, f"{key}: {error}"[:300]) from None

    def end(self) -> Fraction | None:
        """The time ``to``, which is later than ``from``.

        Raises:
            ColorSheetError: As `time`, or it is not later.
        """
        start, end = self.time("from"), self.time("to")
        if end is not None and end <= (start or 0):
            raise self.error("to", "to must be later than from; exchange them or correct one")
        return end

    def point(self, key: str) -> Point | None:
        """Two numbers from 0 to 1; None where there are none.

        Raises:
            ColorSheetError: The value is something else.
        """
        return self._point(key, self.data[key]) if key in self.data else None

    def points(self, key: str, least: int) -> tuple[Point, ...]:
        """Points, at least so many; none where there is no such key.

        Raises:
            ColorSheetError: The value is something else.
        """
        if key not in self.data:
            return ()
        value = self.data[key]
        if not isinstance(value, list) or not all(isinstance(each, list) for each in value):
            raise self.error(key, f"{key} is no list of points; write [[0.4, 0.5], [0.6, 0.5]]")
        if not least <= len(value) <= MAX_POINTS:
            raise self.error(key, f"{key} has {len(value)} points; give {least} to {MAX_POINTS}")
        return tuple(self._point(key, each) for each in value)

    def _point(self, key: str, value: Any) -> Point:
        numbers = [self._exact(key, each) for each in value] if isinstance(value, list) else []
        if len(numbers) != 2 or None in numbers:
            raise self.error(key, f"{key}: a point has two numbers, x and y; write [0.4, 0.5]")
        try:
            return check_point([float(number or 0) for number in numbers])
        except SettingsError as error:
            raise self.error(key, str(error)) from None

    def color(self, key: str | int) -> Color:
        """A color.

        Raises:
            ColorSheetError: It is none.
        """
        value = self.data[key]
        if not isinstance(value, str | list):
            raise self.error(key, "this is no color; write #rrggbb or a name, in quotes")
        try:
            return check_color(tuple(value) if isinstance(value, list) else value)
        except SettingsError as error:
            raise self.error(key, str(error)) from None

    def saved_color(self, key: str | int, saved: Mapping[str, Color]) -> Color:
        """A color, which may be ``@name`` of one of these.

        Raises:
            ColorSheetError: It is none.
        """
        color = self.color(key)
        if isinstance(color, str) and color.startswith("@") and color[1:] not in saved:
            raise self.error(key, self.unknown("saved color", color[1:], saved.keys()))
        return color


def _usual(least: float, most: float) -> str:
    return f"{(least + most) / 2:g}"


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
