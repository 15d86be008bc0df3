"""Finding the files that a user's folders hold, and noticing when they changed."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path

from vidcolor.core.files import read_own, write_own
from vidcolor.errors import TrainingError

_MOST_KEY = 1 << 20
"""Bytes of the file that tells what a folder was made of."""


def find_files(
    folders: Sequence[Path], suffixes: Collection[str], without: Path
) -> tuple[list[tuple[Path, Path]], int]:
    """The files below ``folders``, and how many folders there could not be entered.

    Links to folders are followed and each folder is entered once, so that a loop ends. Names that
    begin with a dot are what file managers leave behind.

    Args:
        folders: Where to look.
        suffixes: Endings of the names wanted, in lower case.
        without: A folder not to enter where it lies below ``folders``: our own results.

    Returns:
        (one of ``folders``, file below it) in a fixed order, and the number of closed folders.

    Raises:
        TrainingError: one of ``folders`` is missing.
    """
    found: list[tuple[Path, Path]] = []
    closed: list[OSError] = []
    entered: set[str] = set()
    own = os.path.realpath(without)
    for folder in folders:
        if not os.path.isdir(folder):
            raise TrainingError(f"{folder} is not a folder; name a folder of pictures or films")
        files: list[Path] = []
        for place, below, names in os.walk(folder, onerror=closed.append, followlinks=True):
            real = os.path.realpath(place)
            inside = place != str(folder)
            if real in entered or (inside and (real == own or Path(place).name.startswith("."))):
                below.clear()
                continue
            entered.add(real)
            below.sort()  # of two links to one folder the first is followed, on every machine
            files += [Path(place, name) for name in names if not name.startswith(".")]
        found += [(folder, path) for path in sorted(files) if path.suffix.lower() in suffixes]
    return found, len(closed)


def source_of(folder: Path, path: Path) -> str:
    """Name of a still's source: its folder on the first level, or else ``folder`` itself."""
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else folder.absolute().name


def key_of(
    folders: Sequence[Path], files: Sequence[Path], settings: list[float]
) -> dict[str, object]:
    """What an index depends on: it is stale when a file comes, goes, grows or is written anew."""
    digest = sha256()
    for path in files:
        digest.update(os.fsencode(path) + f"\0{facts_of(path)}\n".encode())
    names = [str(folder) for folder in folders]
    return {"folders": names, "files": digest.hexdigest(), "settings": settings}


def facts_of(path: Path) -> str:
    """What changes when a file grows or is written anew."""
    try:
        state = path.stat()
    except OSError:  # a link to nothing
        return "-"
    return f"{state.st_size} {state.st_mtime_ns}"


def renew_folder(target: Path, key: dict[str, object]) -> None:
    """Make a folder for what is made of a user's files; what was made under another key is removed.

    Args:
        target: Folder of safetensors files; it may be there.
        key: As of `key_of`.
    """
    target.mkdir(parents=True, exist_ok=True)
    file, data = target / "key.json", json.dumps(key).encode()
    try:
        known = read_own(file, _MOST_KEY) == data
    except OSError:
        known = False
    if not known:
        for old in target.glob("*.safetensors"):
            old.unlink()
        write_own(file, data)
