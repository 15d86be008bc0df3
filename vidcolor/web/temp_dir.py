"""The folder that only this server and its user can look into; it goes with the server."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vidcolor.core.platform import has_locks, is_private_folder, lock_file

PREFIX = "vidcolor-serve-"

YOUNG = 60
"""Seconds for which a folder without a lock may be one that is just being made."""


class PrivateFolder:
    """A new folder for uploads, pictures and results.

    It is locked while the server lives; those that killed servers left are removed by the next one.
    """

    def __init__(self, beside: Path | None = None) -> None:
        """Make it in ``beside``; None takes the system's folder for temporary files."""
        parent = beside or Path(tempfile.gettempdir())
        remove_orphans(parent)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)).resolve()  # for the user only
        self._lock = _lock_folder(self.path)
        for name in ("films", "jobs", "page", "thumbs", "colors", "plays", "finds", "scripts"):
            (self.path / name).mkdir(mode=0o700)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def remove(self) -> None:
        """Remove it and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock:
            self._lock.close()


def remove_orphans(parent: Path) -> None:
    """Remove what killed servers left in a folder."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            state = folder.lstat()
            if not is_private_folder(state) or time.time() - state.st_mtime < YOUNG:
                continue
            lock = _lock_folder(folder)
            if lock:
                shutil.rmtree(folder, ignore_errors=True)
                lock.close()


def _lock_folder(folder: Path) -> BinaryIO | None:
    """The lock of a folder; None where another server has it, or there are no locks."""
    if not has_locks():
        return None
    file = open(folder / ".lock", "ab")  # noqa: SIM115 - it is open as long as the server lives
    if not lock_file(file.fileno()):
        file.close()
        return None
    return file
