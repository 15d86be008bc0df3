"""Lines of JSON that are only believed whole: each has a checksum of its own."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any


def entries(path: Path) -> list[dict[str, Any]]:
    """What the lines of a journal say, but for those that are torn or altered.

    Raises:
        OSError: It cannot be read.
    """
    lines = path.read_bytes().splitlines()
    return [entry for entry in map(_checked, lines) if entry is not None]


def checked_line(entry: dict[str, Any]) -> str:
    """A line with a checksum of its own, so that a torn or altered one is not believed."""
    text = json.dumps(entry)
    return f"{sha256(text.encode()).hexdigest()[:16]} {text}\n"


def _checked(line: bytes) -> dict[str, Any] | None:
    check, _, text = line.partition(b" ")
    if sha256(text).hexdigest()[:16].encode() != check:
        return None
    entry: dict[str, Any] = json.loads(text)
    return entry
