"""One film or picture: what is checked of its words, how it is shown, what is done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.checks import PIPE
from vidcolor.cli.progress import ProgressFile, Shown, progress_file
from vidcolor.cli.text import shorten_name
from vidcolor.core.purposes import check_purpose
from vidcolor.errors import SettingsError
from vidcolor.settings import Settings, check_quality

if TYPE_CHECKING:
    from vidcolor.core.report import Report

WIDEST_TITLE = 20
"""Columns of a film's name before its bar."""


def check_words(args: argparse.Namespace, settings: Settings, clustered: bool) -> None:
    """See that options and OUT of one film go together.

    Raises:
        SettingsError: They do not.
    """
    if args.to:
        raise SettingsError("--to is for folders; for one film, the suffix of OUT decides")
    if args.purpose:
        check_purpose(args.purpose, args.target)
    if settings.encode.codec is None and Path(args.target).suffix.lower() != ".webm":
        check_quality("libx264", settings.encode.crf, None)  # others have no wider a range
    if args.target != PIPE:
        return
    if clustered:
        raise SettingsError("--cluster cannot write to a pipe; leave it out, or name a file")
    if sys.stdout.isatty():
        raise SettingsError("- writes the film to a pipe; name a file, or add | mpv -")
    if args.progress == PIPE:
        raise SettingsError("the film goes to standard output; give --progress a file")


def color_one(args: argparse.Namespace, settings: Settings) -> Report:
    """Color a film, show a bar; its report."""
    with progress_file(args.progress) as lines, shown_of(args, lines) as shown:
        report = shown.report = work(args, settings)(on_progress=shown)
    return report


def shown_of(args: argparse.Namespace, lines: ProgressFile | None) -> Shown:
    """What shows how far the one film is."""
    target = None if args.target == PIPE else Path(args.target)
    name = Path(args.source).name
    title = shorten_name(name, WIDEST_TITLE) if sys.stderr.isatty() else name
    return Shown(lines, args.quiet, title, target=target, keep=True)


def work(args: argparse.Namespace, settings: Settings) -> Callable[..., Report]:
    """What is to be done; it takes ``on_progress``."""
    if args.target != PIPE:
        from vidcolor.run.video import colorize_video

        make = partial(colorize_video, args.source, args.target)
        return partial(make, settings=settings, colors=args.colors)
    from vidcolor.run.pipe import colorize_to

    write = partial(colorize_to, sys.stdout.buffer, args.source)
    return partial(write, settings=settings, colors=args.colors)
