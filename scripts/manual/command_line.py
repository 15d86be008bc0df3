"""The reference of the command line, from the parsers themselves."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from vidcolor.cli.config_file import add_option
from vidcolor.cli.main import COMMANDS, command_module


def make_parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command; that of ``vidcolor IN OUT`` is first, under ``color``."""
    parsers = {name: command_module(name).parser() for name in ("color", *COMMANDS)}
    for p in parsers.values():
        add_option(p, None)
    return parsers


def shown_actions(group: argparse._ArgumentGroup) -> list[argparse.Action]:
    """The arguments of a group that its help shows, without ``--help``."""
    return [
        action
        for action in group._group_actions
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)
    ]


def write_page() -> str:
    """Markdown: a section for each command, with its usage and all its options."""
    parts = [
        "# Command line",
        "Every command and every option, as `--help` shows them: this page is made from it."
        " `vidcolor help COMMAND` prints the same for one command. What a script can rely on:"
        " the [exit codes](examples.md#exit-codes).",
    ]
    for name, p in make_parsers().items():
        parts += _section(name, p)
    return "\n\n".join(parts) + "\n"


def _section(name: str, p: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## vidcolor{'' if name == 'color' else f' {name}'} {{#{name}}}"
    yield _as_text(" ".join((p.description or "").split()) % {"prog": p.prog})
    yield _code(usage_of(p))
    for group in p._action_groups:
        if actions := shown_actions(group):
            title = (group.title or "options").replace("positional arguments", "words")
            yield f"**{_as_text(title[0].upper() + title[1:])}**"
            yield "\n\n".join(_entry(action) for action in actions)
    if p.epilog and (examples := find_examples(p.epilog)):
        yield "**Examples**"
        yield _code(examples)


def usage_of(p: argparse.ArgumentParser) -> str:
    """The command and its words, in lines; most options stand below."""
    if p.usage:
        return re.sub(r"^ {7}", "", p.usage % {"prog": p.prog}, flags=re.MULTILINE)
    words = [value_of(a) for a in p._actions if not a.option_strings]
    return " ".join([p.prog, *words, "[options]"])


def _entry(action: argparse.Action) -> str:
    """A term and its explanation, in the notation of definition lists."""
    value = value_of(action)
    names = ", ".join(action.option_strings)
    term = f"{names} {value}".strip() if names else value
    text = (action.help or "") % {**vars(action), "prog": "vidcolor"}
    return f"`{term}`\n:   {_as_text(text)}"


def value_of(action: argparse.Action) -> str:
    """What stands for the value of an argument, as in its help."""
    if action.option_strings and action.nargs == 0:
        return ""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar is None and action.choices:
        shown = "{" + ",".join(map(str, action.choices)) + "}"
    else:
        shown = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    if " " in shown:
        return shown  # says how many they are, as "IN OUT"
    endings = {"?": f"[{shown}]", "*": f"[{shown} ...]", "+": f"{shown} [{shown} ...]"}
    return endings.get(str(action.nargs), shown)


def find_examples(epilog: str) -> str:
    """The lines of commands in what stands below a help; empty where there are none."""
    found = re.match(r"examples:\n((?: {2}.+\n)+)", epilog)
    return re.sub(r"^ {2}", "", found[1], flags=re.MULTILINE) if found else ""


def _code(text: str) -> str:
    return "```text\n" + text.rstrip() + "\n```"


def _as_text(text: str) -> str:
    """Plain words as Markdown; pages that they name become links."""
    text = re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)
    return re.sub(r"docs/([\w-]+)\.md", r"[docs/\1.md](\1.md)", text)
