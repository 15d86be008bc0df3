"""``vidcolor config``: the defaults in effect here, and where each comes from."""

from __future__ import annotations

import argparse
import json
from typing import Any

from vidcolor.cli import color
from vidcolor.cli.config_file import (
    OPTION,
    SHARED,
    Entry,
    find_entries,
    options_of,
    places,
    set_defaults,
)
from vidcolor.cli.text import Parser
from vidcolor.errors import SettingsError

BUILT_IN = "built in"
"""Where a default comes from that no file gives."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor config",
        description="Show the defaults in effect here, and where each comes from. Options have the"
        " defaults of vidcolor.toml in this folder, then of the one in the user's config folder,"
        " then those built in; what stands on the command line is above all. A table such as"
        " [preview] holds for that command alone.",
    )
    p.add_argument(
        "command",
        nargs="?",
        default="color",
        metavar="COMMAND",
        help="whose options (default: those of vidcolor IN OUT)",
    )
    p.add_argument("--json", action="store_true", help="print JSON")
    return p


def run(args: argparse.Namespace) -> int:
    """Print the options; 0.

    Raises:
        SettingsError: There is no such command, or a file is wrong.
    """
    from vidcolor.cli.main import COMMANDS, command_module

    commands = ("color", *COMMANDS)
    if args.command not in commands:
        raise SettingsError(f"no command {args.command}; use one of {', '.join(commands)}")
    asked = getattr(args, "config", None)
    entries = find_entries(asked)
    if unknown := next((e for e in entries if e.command not in ("", *commands)), None):
        raise SettingsError(f"{unknown.file}: [{unknown.command}] is no command of vidcolor")
    p, usual = command_module(args.command).parser(), color.parser()
    decided = set_defaults(p, args.command, usual, entries)
    rows = _rows(p, decided)
    if args.json:
        files = [{"file": str(file), "read": file.is_file()} for file in places(asked)]
        options = [dict(zip(("option", "value", "from"), row, strict=True)) for row in rows]
        print(json.dumps({"files": files, "options": options}, indent=1, default=str))
        return 0
    for file in places(asked):
        print(f"{'read' if file.is_file() else 'not there':9}  {file}")
    print()
    width = max(len(key) for key, *_ in rows)
    told = [(key, _write_value(value), source) for key, value, source in rows]
    room = max(len(value) for _, value, _ in told)
    for key, value, source in told:
        print(f"{key:{width}}  {value:{room}}  {source}".rstrip())
    if args.command not in SHARED:
        print(f"\nonly a table [{args.command}] changes these; {OPTION} FILE takes another file")
    return 0


def _rows(p: argparse.ArgumentParser, decided: dict[str, Entry]) -> list[tuple[str, Any, str]]:
    """Key, value and origin of each option."""
    rows = []
    for key, action in sorted(options_of(p).items()):
        entry = decided.get(action.dest)
        value = entry.value if entry else p.get_default(action.dest)
        rows.append((key, None if value == argparse.SUPPRESS else value, _origin(entry)))
    return rows


def _origin(entry: Entry | None) -> str:
    if entry is None:
        return BUILT_IN
    return f"{entry.file}{f' [{entry.command}]' if entry.command else ''}"


def _write_value(value: Any) -> str:
    """A value as people write it; nothing for none."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
