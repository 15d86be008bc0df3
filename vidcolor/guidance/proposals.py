"""Proposed hints in a color sheet: comments that become hints when the user wants them to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vidcolor.guidance.entries import Hint
from vidcolor.guidance.sheet_write import render_entry, write_text

_HEAD = "# found"


def write_proposals(text: str, name: str, found: Sequence[tuple[Hint, float]]) -> str:
    """A color sheet that ends with proposals for one thing, in place of earlier ones for it.

    Args:
        text: Of the sheet.
        name: Of the thing.
        found: Proposed hints, and how sure each is, 0..1.
    """
    text = _without(text, name).rstrip("\n")
    blocks = [_render(name, hint, sure) for hint, sure in found]
    return "\n\n".join(part for part in (text, *blocks) if part) + "\n"


def _render(name: str, hint: Hint, sure: float) -> str:
    head = f"{_HEAD} {write_text(name)}, sure = {sure:.2f}; to keep it, take the # off below"
    lines = render_entry(hint).splitlines()
    return "\n".join([head, *(f"# {line}" for line in lines)])


def _without(text: str, name: str) -> str:
    """Without proposals for a thing: a head, and the comments directly below it."""
    head = re.escape(f"{_HEAD} {write_text(name)}, sure = ")
    return re.sub(rf"\n*^{head}.*\n?(?:^# .*\n?)*", "\n", text, flags=re.MULTILINE)
