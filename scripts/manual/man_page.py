"""Man pages, from the parsers themselves: one for ``vidcolor IN OUT``, one for each command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from manual.command_line import find_examples, make_parsers, shown_actions, usage_of, value_of

_EXIT_CODES = (
    ("0", "done"),
    ("3", "done, but the input was damaged, or something could not be copied"),
    ("2", "refused or failed; an existing target is untouched"),
    ("130, 143", "interrupted; run the same command again to resume"),
)


def write_man_pages(version: str) -> dict[str, str]:
    """The text of each page in troff's notation, under its name, such as ``vidcolor-preview.1``."""
    parsers = make_parsers()
    return {
        f"{_page_of(name)}.1": "\n".join(_page(name, p, list(parsers), version)) + "\n"
        for name, p in parsers.items()
    }


def _page_of(name: str) -> str:
    return "vidcolor" if name == "color" else f"vidcolor-{name}"


def _page(name: str, p: argparse.ArgumentParser, names: list[str], version: str) -> Iterator[str]:
    page = _page_of(name)
    words = " ".join((p.description or "").split()) % {"prog": p.prog}
    first = re.split(r"[.:;](?: |$)", words)[0]
    yield f'.TH {page.upper()} 1 "" "vidcolor {version}" "vidcolor"'
    yield f".SH NAME\n{_text(page)} \\- {_text(first[0].lower() + first[1:])}"
    yield f".SH SYNOPSIS\n{_block(usage_of(p))}"
    yield f".SH DESCRIPTION\n{_text(words)}"
    for group in p._action_groups:
        if actions := shown_actions(group):
            title = (group.title or "options").replace("positional arguments", "words")
            yield f'.SH "{_text(title.upper())}"'
            yield from map(_entry, actions)
    if p.epilog and (examples := find_examples(p.epilog)):
        yield f".SH EXAMPLES\n{_block(examples)}"
    if name == "color":
        yield '.SH "EXIT STATUS"'
        yield from (f".TP\n.B {code}\n{_text(meaning)}" for code, meaning in _EXIT_CODES)
        yield ".SH FILES\n.TP\n.I vidcolor.toml\n" + _text(
            "defaults of your own, in this folder or in vidcolor's folder of the user's"
            " configuration; see vidcolor-config(1)"
        )
    others = [_page_of(other) for other in names if other != name]
    shown = others if name == "color" else ["vidcolor"]
    yield ".SH SEE ALSO\n" + ",\n".join(f".BR {_text(other)} (1)" for other in shown)


def _entry(action: argparse.Action) -> str:
    """A term and, indented below it, its explanation."""
    value = value_of(action)
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in action.option_strings)
    term = f"{names} \\fI{_text(value)}\\fR" if value else names
    text = (action.help or "") % {**vars(action), "prog": "vidcolor"}
    return f".TP\n{term.strip()}\n{_text(text)}"


def _block(text: str) -> str:
    """Lines that stay as they are."""
    return "\n".join([".nf", *map(_text, text.rstrip().splitlines()), ".fi"])


def _text(text: str) -> str:
    """Words without what troff would take for its own; a hyphen stays one that can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("~", r"\(ti")
    return "\n".join(rf"\&{line}" if line.startswith(".") else line for line in text.split("\n"))
