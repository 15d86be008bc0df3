"""Frames of a film that lie in a folder, as the page offers them: each sequence as one film."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePath

from vidcolor.core.find_sequence import whole_sequences
from vidcolor.core.paths import FILM_FRAME_SUFFIXES
from vidcolor.core.sequence import FrameSequence, parse_pattern
from vidcolor.errors import FilmError, SettingsError

LONG = 24
"""Numbered pictures that are a film; fewer are pictures. DPX and EXR frames always are one."""

MOST_SINGLE = 200
"""Frames that are offered as pictures, too: who has more of them means the film."""


def find_scans(folder: Path, entries: Sequence[os.DirEntry[str]]) -> list[FrameSequence]:
    """The sequences in a folder that may be used.

    Args:
        folder: Where they are.
        entries: All that is in it. A frame that is a link may lead anywhere, so its sequence is
            none.
    """
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    files = {entry.name for entry in shown if entry.is_file(follow_symlinks=False)}
    return [
        found
        for found in whole_sequences(folder, (entry.name for entry in shown))
        if (found.count >= LONG or found.name.suffix.lower() in FILM_FRAME_SUFFIXES)
        and all(found.path(index).name in files for index in range(found.count))
    ]


def scans_at(folder: Path, name: str) -> Path | None:
    """The pattern of a sequence that may be used, absolute, with every link followed.

    Args:
        folder: An allowed one.
        name: Relative to it, such as ``reel/scan_%06d.dpx``.

    Returns:
        None where there is none, or it lies outside, or in a hidden folder.
    """
    if "%" not in PurePath(name).name or "\0" in name or PurePath(name).is_absolute():
        return None
    try:
        root = folder.resolve(strict=True)
        place = (root / name).parent.resolve(strict=True)
        parts = (*PurePath(name).parts, *place.relative_to(root).parts)
        if any(part.startswith(".") for part in parts):
            return None
        wanted = parse_pattern(place / PurePath(name).name)
        with os.scandir(place) as entries:
            found = find_scans(place, list(entries))
    # ValueError: it lies outside; RuntimeError: links in a circle.
    except (OSError, ValueError, RuntimeError, FilmError, SettingsError):
        return None
    return next((one.name.pattern_path for one in found if one.name == wanted), None)
