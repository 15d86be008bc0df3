"""OUT that is frames: a pattern, or a folder that gets the names of the frames that come in."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from vidcolor.cli.checks import PIPE, is_name_of_one
from vidcolor.core.find_sequence import sequence_at
from vidcolor.core.frame_target import FRAME_KINDS, frame_target, place_frames
from vidcolor.core.paths import FILM_SUFFIXES
from vidcolor.errors import SettingsError


def place_frame_target(args: argparse.Namespace) -> bool:
    """Make the pattern of the frames that are to be written of an OUT that is their folder.

    Frames of a sequence keep their names; those of a film are named after it, and ``--to`` names
    their kind.

    Returns:
        Whether there was no OUT: the folder was found, too.

    Raises:
        SettingsError: No such frames can be written.
        FilmUnreadable: The source is no whole sequence.
    """
    if len(args.sources) != 1 or args.target == PIPE:
        return False
    source, target = args.source, args.target
    sequence = sequence_at(source)
    if target is None and (args.purpose or args.sound):
        return False  # a film is meant
    if target is not None and (frame_target(target) or _names_film(target)):
        return False
    kinds = [kind.lower().lstrip(".") for kind in args.to]
    if sequence:
        found = target is None
        if found:
            folder = os.path.dirname(source)
            target = f"{folder or sequence.name.folder}.color"
        args.target = str(place_frames(target, Path(source), sequence, _only(kinds)))
    elif target is not None and _is_film(source) and kinds and _are_frames(kinds):
        found = False
        args.target = str(place_frames(target, Path(source), None, _only(kinds)))
    else:
        return False
    args.to = []
    return found


def check_frame_words(args: argparse.Namespace) -> None:
    """See that nothing is asked for that frames cannot be or hold.

    Raises:
        SettingsError: It is.
    """
    if frame_target(args.target) is None:
        return
    for word, given in (("--split", args.split), ("--sound", args.sound)):
        if given:
            raise SettingsError(f"{word} is for films; leave it out for frames")


def _names_film(target: str) -> bool:
    return is_name_of_one(target) and not os.path.isdir(target) and not target.endswith(os.sep)


def _is_film(source: str) -> bool:
    return Path(source).suffix.lower() in FILM_SUFFIXES and os.path.isfile(source)


def _are_frames(kinds: list[str]) -> bool:
    return all(f".{kind}" in FRAME_KINDS for kind in kinds)


def _only(kinds: list[str]) -> str:
    if len(kinds) > 1:
        raise SettingsError("frames of one sequence are of one kind; give --to once")
    return kinds[0] if kinds else ""
