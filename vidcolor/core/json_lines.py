"""Lines of JSON that are only believed whole: each has a checksum of its own.

The checksum guards against what is torn, not against who can count it: another version of vidcolor
or a stranger may have written anything. Whoever takes something from a line looks at its type.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from vidcolor.core.files import reader

MOST = 256 << 20
"""Bytes of a file of lines; a plan of 100 hours has less."""
LONGEST = 16 << 20
"""Bytes of a line that is looked at."""


def entries(path: Path) -> list[dict[str, Any]]:
    """What the lines of a journal say, but for those that are torn, altered or no dicts.

    Raises:
        OSError: It cannot be read, is no file, or is too large.
    """
    return list(each_entry(path, MOST))


def each_entry(path: Path, most: int) -> Iterator[dict[str, Any]]:
    """The same one by one, of a file of at most so many bytes; raises as `entries`."""
    with reader(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EOVERFLOW, f"{path.name} is too large", str(path))
        yield from (entry for entry in map(_verify, _lines(file)) if entry is not None)


def checked_line(entry: dict[str, Any]) -> str:
    """A line with a checksum of its own, so that a torn or altered one is not believed."""
    text = json.dumps(entry)
    return f"{sha256(text.encode()).hexdigest()[:16]} {text}\n"


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines, without those that are too long."""
    while line := file.readline(LONGEST):
        whole = len(line) < LONGEST
        while not line.endswith(b"\n") and len(line) == LONGEST:
            line = file.readline(LONGEST)
        if whole:
            yield line.rstrip(b"\r\n")


def _verify(line: bytes) -> dict[str, Any] | None:
    check, _, text = line.partition(b" ")
    if sha256(text).hexdigest()[:16].encode() != check:
        return None
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
