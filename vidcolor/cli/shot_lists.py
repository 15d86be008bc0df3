"""Lists of shots as an option: ``--shots FILE``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from vidcolor.cli.text import say
from vidcolor.errors import SettingsError
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
    return replace(settings, cuts=found.times)
