"""The tables of a TOML text with the comments that are theirs, and how to change one of them.

tomlkit keeps comments within a table. Where one table of a list goes or comes, it gives comments to
the wrong neighbor or drops them, so there whole lines of the text are cut out or put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

import tomlkit
from tomlkit.items import AoT, Table

from vidcolor.guidance.toml_lines import Path, Statement, scan_statements


@dataclass(frozen=True)
class Block:
    """A table in the text; offsets are of beginnings of lines."""

    path: Path
    """Keys that lead to it; none for what stands before the first header."""
    start: int
    """Where it begins, with the comments directly above it."""
    header: int
    """Where its header begins."""
    body_end: int
    """Behind its last key."""
    end: int
    """Behind the comments directly below that, which are not directly above another table."""
    is_listed: bool = False
    """Whether it is one of a list, ``[[hint]]``."""


@dataclass(frozen=True)
class Splice:
    """Text that takes the place of other text."""

    start: int
    end: int
    text: str
    is_table: bool = False
    """Whether the text is a new table, which stands between blank lines."""


def find_blocks(text: str) -> list[Block]:
    """The tables of a text with Unix line ends; first what stands before the first header."""
    groups: list[list[Statement]] = [[]]
    for statement in scan_statements(text):
        if statement.is_header:
            groups.append([])
        groups[-1].append(statement)
    blocks = [Block((), 0, 0, _line_end(text, groups[0][-1].end) if groups[0] else 0, 0)]
    for group, following in zip_longest(groups[1:], groups[2:]):
        header = text.rfind("\n", 0, group[0].start) + 1
        start = _comments_above(text, header, blocks[-1].body_end)
        body_end = _line_end(text, group[-1].end)
        end = _comments_below(text, body_end)
        if following and text.rfind("\n", 0, following[0].start) + 1 == end:
            end = body_end
        first = group[0]
        blocks.append(Block(first.path, start, header, body_end, end, first.is_listed))
    return blocks


def _line_end(text: str, position: int) -> int:
    """Behind the end of the line."""
    found = text.find("\n", position)
    return len(text) if found < 0 else found + 1


def _comments_above(text: str, header: int, least: int) -> int:
    """Where the comments directly above a header begin; those at the top are of the whole file."""
    start = header
    while start > least:
        line = text.rfind("\n", 0, start - 1) + 1
        if not text[line:start].lstrip().startswith("#"):
            return start
        start = line
    return header if start == 0 else start


def _comments_below(text: str, position: int) -> int:
    while position < len(text):
        end = _line_end(text, position)
        if not text[position:end].lstrip().startswith("#"):
            break
        position = end
    return position


def apply_splices(text: str, splices: list[Splice]) -> str:
    """The text with all of them; those at one place come in their order."""
    parts: list[str] = []
    position, tail, wants_gap = 0, "", False

    def add(part: str, is_table: bool = False) -> None:
        nonlocal tail, wants_gap
        if not part:
            return
        if is_table and tail:
            part = "\n" * (0 if tail == "\n\n" else 1 if tail[-1] == "\n" else 2) + part
        elif wants_gap and not part.startswith("\n"):
            part = f"\n{part}"
        wants_gap = is_table
        parts.append(part)
        tail = (tail + part)[-2:]

    for splice in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        add(text[position : splice.start])
        add(splice.text, splice.is_table)
        position = splice.end
    add(text[position:])
    return "".join(parts)


def remove_block(text: str, block: Block) -> Splice:
    """Takes a table out, and one of the blank lines around it."""
    end = block.end
    if text[end : end + 1] == "\n" and text[: block.start][-2:] in ("", "\n", "\n\n"):
        end += 1
    return Splice(block.start, end, "")


def insert_table(position: int, table: str) -> Splice:
    """Puts a table, whose last line is ended, at the beginning of a line or at the end."""
    return Splice(position, position, table, is_table=True)


def set_keys(text: str, block: Block, values: Mapping[str, str | None]) -> Splice:
    """Sets keys of a table, in place where it has them and behind its last key where not.

    Args:
        text: That it stands in.
        block: The table.
        values: TOML of the new values by key; None removes the key.
    """
    part = text[block.header : block.body_end]
    if not part.endswith("\n"):
        part += "\n"
    document = tomlkit.parse(part)
    table: Table | tomlkit.TOMLDocument = document
    for key in block.path[:1]:
        inner = document.item(str(key))
        if isinstance(inner, AoT):
            inner = inner[0]
        assert isinstance(inner, Table)
        table = inner
    for key, value in values.items():
        if value is not None:
            table[key] = tomlkit.value(value)
        elif key in table:
            table.remove(key)
    return Splice(block.header, block.body_end, tomlkit.dumps(document))
