"""Words that mean an image sequence: a pattern, a glob or a folder, which else is a batch."""

from __future__ import annotations

import argparse
import glob
import os
from collections.abc import Sequence
from pathlib import Path

from vidcolor.cli.text import count, say
from vidcolor.core.find_sequence import NoSequence, find_film_frames, find_sequence, sequence_at
from vidcolor.core.paths import (
    CONTAINERS,
    FILM_FRAME_SUFFIXES,
    SEQUENCE_SUFFIXES,
    is_pattern,
    printable,
)
from vidcolor.core.sequence import FrameSequence, parse_pattern
from vidcolor.errors import FilmUnreadable, SettingsError

LONG = 24
"""Pictures of one numbering that look like a film."""


def settle_sequence(args: argparse.Namespace) -> None:
    """Name the sequence by its pattern, where the inputs are one; leave all others as they are.

    A pattern such as ``scan_%06d.dpx`` always is one. A folder or a glob is one where all that is
    in it are frames of one sequence, and they are DPX or EXR, or a rate is given, or OUT is the
    name of a film or a pattern; else it is a batch of pictures.

    Raises:
        FilmUnreadable: A sequence is meant, and frames are missing or there are several.
    """
    word = args.source if len(args.sources) == 1 else _join_frames(args.sources, args.target)
    found = _find(word, args) if word else None
    if found:
        path = found.name.pattern_path
        args.source = str(path) if os.path.isabs(word) else os.path.relpath(path)
        args.sources = [args.source]


def is_film_name(target: str | None) -> bool:
    """Whether a film or a sequence is written under such a name."""
    if target is None or os.path.isdir(target):
        return False
    return Path(target).suffix.lower() in CONTAINERS or parse_pattern(target) is not None


def _find(word: str, args: argparse.Namespace) -> FrameSequence | None:
    """The sequence that an input means; None where it is none, or a batch."""
    if not (os.path.isdir(word) or is_pattern(word)):
        return sequence_at(word)
    wanted = args.fps is not None or is_film_name(args.target)
    try:
        found = find_sequence(word)
    except NoSequence as error:
        if wanted and error.count:
            raise
        if is_pattern(word) and not any(glob.iglob(word, recursive=True)):
            raise FilmUnreadable(f"{printable(word)}: no file fits this pattern") from None
        return None
    except FilmUnreadable:
        if wanted or (os.path.isdir(word) and find_film_frames(Path(word))):
            raise  # a batch would say the same of a film with another name
        return None
    if wanted or found.name.suffix.lower() in FILM_FRAME_SUFFIXES:
        return found
    if found.count >= LONG and not args.quiet:
        pictures = count(found.count, "numbered picture")
        say(
            f"note: {printable(word)} has {pictures}, each colored for itself; add --fps 24 (or"
            " what it is) to make a film of them"
        )
    return None


def _join_frames(words: Sequence[str], target: str | None) -> str:
    """The pattern of frames that a shell has put in the place of a glob; empty for other words.

    Raises:
        SettingsError: They are not all frames of it.
    """
    known = SEQUENCE_SUFFIXES if is_film_name(target) else FILM_FRAME_SUFFIXES
    if any(Path(word).suffix.lower() not in known for word in words):
        return ""
    folders = {os.path.dirname(word) for word in words}
    if len(folders) > 1:
        return ""
    folder = folders.pop() or "."
    found = find_sequence(folder)
    names = {found.name.name(found.number(index)) for index in range(found.count)}
    if names != {os.path.basename(word) for word in words}:
        raise SettingsError(
            f"{printable(words[0])} and so on: not all frames of"
            f" {printable(found.name.pattern)}; name that, and the part with --start and --end"
        )
    return str(found.name.pattern_path)
