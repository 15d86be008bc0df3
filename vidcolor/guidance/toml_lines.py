"""Where the statements of a TOML file stand: parsers tell values and forget the lines.

The text is one that a TOML parser has read; in other text the statements are guesses.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys that lead to a value; of tables in a list (``[[hint]]``), the number from 0 follows."""

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' + r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"' + r"|'[^'\n]*'" + r'|\#[^\n]*|[\[\]{}\n=]|[^"\'\#\[\]{}\n=]+|.',
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True)
class Statement:
    """A header of a table, or a key with its value."""

    path: Path
    """Of the table or of the value, from the top."""
    start: int
    """Where it begins in the text, in characters."""
    end: int
    """Behind its last character; a comment on its last line comes later."""
    line: int
    """Of its beginning, from 1."""
    is_header: bool = False
    is_listed: bool = False
    """Whether it is a header of a table in a list, ``[[hint]]``."""


def scan_statements(text: str) -> list[Statement]:
    """The statements of a TOML text with Unix line ends, in order."""
    found: list[Statement] = []
    numbers: Counter[str] = Counter()
    table: Path = ()
    for start, end, line, name in _statements(text):
        if name.startswith("["):
            listed = name.startswith("[[")
            keys = _keys(name.strip("[]"))
            first = str(keys[0])
            if listed and len(keys) == 1:
                numbers[first] += 1
            if numbers[first]:
                keys = (first, numbers[first] - 1, *keys[1:])
            table = keys
            found.append(Statement(table, start, end, line, True, listed))
        else:
            found.append(Statement(table + _keys(name), start, end, line))
    return found


def _statements(text: str) -> Iterator[tuple[int, int, int, str]]:
    """(start, end, line, key or header) of each statement."""
    line, start, last, depth, began = 1, -1, 0, 0, 1
    key = ""
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word == "\n" and start >= 0 and not depth:
            yield start, last, began, key or text[start:last]
            start, key = -1, ""
        elif not word.startswith("#") and not word.isspace():
            if start < 0:
                start, began = token.start() + len(word) - len(word.lstrip()), line
            is_value = bool(key)
            if word == "=" and not depth and not key:
                key = text[start : token.start()].strip()
            elif is_value:
                depth += (word in "[{") - (word in "]}")
            last = token.start() + len(word.rstrip())
        line += word.count("\n")
    if start >= 0:
        yield start, last, began, key or text[start:last]


def _keys(name: str) -> Path:
    """The parts of a dotted key."""
    name = name.strip()
    if _BARE.fullmatch(name):
        return (name,)
    try:
        inner = tomllib.loads(f"{name} = 0")
    except (ValueError, RecursionError):
        return (name,)
    keys: list[str] = []
    while isinstance(inner, dict) and inner:
        key = next(iter(inner))
        keys.append(key)
        inner = inner[key]
    return tuple(keys) or (name,)


class LineIndex:
    """Finds the line of a value."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        for each in scan_statements(text):
            self._lines.setdefault(each.path[:1], each.line)
            self._lines.setdefault(each.path, each.line)

    def find(self, path: Path) -> int:
        """Line of a value, or of what it is a part of; 1 where that is not known."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 1
