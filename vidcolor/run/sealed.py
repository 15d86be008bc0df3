"""Files of a work folder that tell whether they are whole: their SHA-256 comes first."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from vidcolor.core.files import read_own
from vidcolor.core.target import output_errors
from vidcolor.run.work_dir import WorkDir

_SEAL = hashlib.sha256().digest_size
_MOST = 4 << 30
"""Bytes of such a file."""


def put_sealed(folder: WorkDir, name: str, data: bytes) -> None:
    """Keep a file in a work folder.

    Raises:
        OutputError: It cannot be kept.
    """
    with output_errors(folder.folder):
        folder.put(name, hashlib.sha256(data).digest() + data)


def read_sealed(folder: WorkDir, name: str) -> bytes | None:
    """What `put_sealed` kept; None where there is nothing, or it is damaged."""
    with suppress(OSError, ValueError):
        data = read_own(folder.folder / name, _MOST)
        if hashlib.sha256(data[_SEAL:]).digest() == data[:_SEAL]:
            return data[_SEAL:]
    return None
