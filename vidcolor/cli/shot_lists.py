"""Shots of one film as options: ``--shots FILE`` and ``--split``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from vidcolor.cli.checks import PIPE, check_source
from vidcolor.cli.text import say
from vidcolor.core.paths import CONTAINERS, STILL_SUFFIXES, is_pattern
from vidcolor.core.purposes import purpose_of
from vidcolor.errors import OutputError, SettingsError
from vidcolor.settings import Settings

KINDS = "CSV of vidcolor or PySceneDetect, EDL, OTIO, FFmpeg's chapters, lines with times or frames"
"""Lists that are read."""


def add_shots(group: argparse._ActionsContainer) -> None:
    """The list that says where shots begin."""
    group.add_argument(
        "--shots",
        type=Path,
        metavar="FILE",
        help=f"take the cuts from this list instead of looking for them: {KINDS} (docs/shots.md)",
    )


def with_cuts(shots: Path | None, source: str, settings: Settings, quiet: bool) -> Settings:
    """The settings with the cuts of a list, if one is named; what is to be noted of it is said.

    Args:
        shots: The list; None looks for the cuts.
        source: The film.
        settings: Of the run.
        quiet: Whether only errors are said.

    Raises:
        FilmUnreadable: There is no such list, or the film cannot be read.
        SettingsError: The list does not fit the film.
    """
    if shots is None:
        return settings
    from vidcolor.media.open import film_is_still
    from vidcolor.preview.cut_files import read_cuts

    if film_is_still(source):
        raise SettingsError(f"--shots: {source} is a picture and has no shots")
    found = read_cuts(shots, Path(source), settings.open)
    if not quiet:
        for note in found.notes:
            say(f"note: {note}")
    return replace(settings, shots=replace(settings.shots, cuts=found.times))


def add_split(group: argparse._ActionsContainer) -> None:
    """Whether each shot gets a file of its own."""
    group.add_argument(
        "--split",
        action="store_true",
        help="write a file for each shot, with its part of the sound: OUT is a folder, or a name"
        " with a place for the number, as out_%%03d.mov",
    )


@contextmanager
def place_split(args: argparse.Namespace) -> Iterator[None]:
    """While ``--split`` is at work, if it is asked for: OUT gets a place for the number of a shot.

    A folder that was made for it goes again if nothing was put into it.

    Raises:
        OutputError: The folder cannot be made.
        SettingsError: It does not go with the other words.
    """
    made = name_split(args) if args.split else None
    try:
        yield
    finally:
        if made:
            with suppress(OSError):
                made.rmdir()


def _suffix(args: argparse.Namespace, source: Path) -> str:
    """Of the files of the shots in a folder: as ``--to`` says, or the purpose, or the film has it.

    Raises:
        SettingsError: ``--to`` names no container, or there is no such purpose.
    """
    if args.to:
        to, args.to = args.to, []
        suffix: str = "." + to[0].lower().removeprefix(".")
        if len(to) > 1 or suffix not in CONTAINERS:
            raise SettingsError(f"--split takes one --to of {', '.join(CONTAINERS)}")
        return suffix
    if args.purpose:
        return purpose_of(args.purpose).suffix
    return source.suffix if source.suffix.lower() in CONTAINERS else ".mkv"


def name_split(args: argparse.Namespace) -> Path | None:
    """Name the files of the shots; the folder that had to be made for them.

    Raises:
        OutputError: The folder cannot be made.
        SettingsError: ``--split`` does not go with the other words.
    """
    if args.cluster is not None:
        raise SettingsError("--split and --cluster exclude each other; use one of them")
    if args.target in (None, PIPE):
        raise SettingsError("--split writes several files; name a folder, or out_%03d.mov")
    if args.source == PIPE:
        raise SettingsError("--split needs the film in a file; a pipe gives it only once")
    check_source(args.source)
    from vidcolor.media.open import film_is_still
    from vidcolor.run.split import is_split_name

    target, source = Path(args.target), Path(args.source)
    if len(args.sources) > 1 or is_pattern(args.source) or film_is_still(source):
        raise SettingsError("--split is for one film; name one")
    if is_split_name(target.name):
        return None
    if target.suffix.lower() in (*CONTAINERS, *STILL_SUFFIXES) and not target.is_dir():
        suffix = target.suffix if target.suffix.lower() in CONTAINERS else ".mov"
        name = f"{target.stem.partition('%')[0].rstrip('_')}_%03d{suffix}"
        raise SettingsError(f"{args.target}: --split writes several files; use {name}")
    suffix = _suffix(args, source)
    args.target = str(target / f"{source.stem.replace('%', '_')}_%03d{suffix}")
    if target.is_dir():
        return None
    try:
        target.mkdir()
    except OSError as error:
        raise OutputError(f"{target}: the folder cannot be made: {error.strerror}") from error
    return target
