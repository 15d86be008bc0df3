"""One film or picture: what is checked of its words, how it is shown, what is done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.checks import PIPE, is_y4m
from vidcolor.cli.progress import ProgressFile, Shown, progress_file
from vidcolor.cli.text import shorten_name
from vidcolor.core.collector import quick_imports
from vidcolor.core.paths import STDIN
from vidcolor.core.purposes import check_purpose
from vidcolor.errors import SettingsError
from vidcolor.settings import Settings, check_quality

if TYPE_CHECKING:
    from vidcolor.core.report import Report
    from vidcolor.media.piped import Pipe

PIPE_GRACE = 10.0
"""Seconds that a run that cannot be gone on with has to remove what it wrote."""
WIDEST_TITLE = 20
"""Columns of a film's name before its bar."""


def check_words(args: argparse.Namespace, settings: Settings, clustered: bool) -> None:
    """See that options and OUT of one film go together.

    Raises:
        SettingsError: They do not.
    """
    if args.to and args.target != PIPE:
        raise SettingsError("--to is for folders; for one film, the suffix of OUT decides")
    if args.purpose:
        check_purpose(args.purpose, args.target)
    if is_y4m(args) and args.split:
        raise SettingsError("--split cannot write y4m; use an .mkv name")
    if args.dry_run and (args.source == PIPE or is_y4m(args)):
        raise SettingsError("--dry-run foresees no film from a pipe and no y4m; leave it out")
    if args.to not in ([], ["mkv"], ["y4m"]):
        raise SettingsError("a pipe takes --to mkv or --to y4m")
    if is_y4m(args) and clustered:
        raise SettingsError("--cluster cannot write y4m; write .mkv and convert that")
    if settings.encode.codec is None and Path(args.target).suffix.lower() != ".webm":
        check_quality("libx264", settings.encode.crf, None)  # others have no wider a range
    if args.source == PIPE and clustered:
        raise SettingsError("--cluster cannot read from a pipe; save the film to a file first")
    if args.target != PIPE:
        return
    if clustered:
        raise SettingsError("--cluster cannot write to a pipe; leave it out, or name a file")
    if sys.stdout.isatty():
        raise SettingsError("- writes the film to a pipe; name a file, or add | mpv -")
    if args.progress == PIPE:
        raise SettingsError("the film goes to standard output; give --progress a file")


def check_pipe_alone(args: argparse.Namespace) -> None:
    """See that a film from a pipe is the only one, and give its run time to clean up.

    Raises:
        SettingsError: It is not.
    """
    if args.several:
        raise SettingsError("- is one film; name a file to write it to: vidcolor - OUT.mkv")
    args.interrupt.grace = PIPE_GRACE  # what is half written is nothing to go on from


def color_one(args: argparse.Namespace, settings: Settings) -> Report:
    """Color a film, show a bar; its report."""
    with progress_file(args.progress) as lines, shown_of(args, lines) as shown:
        report = shown.report = work(args, settings)(on_progress=shown)
    return report


def shown_of(args: argparse.Namespace, lines: ProgressFile | None) -> Shown:
    """What shows how far the one film is."""
    is_new = PIPE in (args.source, args.target) or is_y4m(args)
    target = None if is_new else Path(args.target)
    name = str(STDIN) if args.source == PIPE else Path(args.source).name
    title = shorten_name(name, WIDEST_TITLE) if sys.stderr.isatty() else name
    return Shown(lines, args.quiet, title, target=target, keep=True)


def work(args: argparse.Namespace, settings: Settings) -> Callable[..., Report]:
    """What is to be done; it takes ``on_progress``."""
    if args.source == PIPE or is_y4m(args):
        return partial(_one_pass(args), settings=settings, colors=args.colors)
    if args.target != PIPE:
        with quick_imports():
            from vidcolor.run.video import colorize_video

        make = partial(colorize_video, args.source, args.target)
        return partial(make, settings=settings, colors=args.colors)
    with quick_imports():
        from vidcolor.run.pipe import colorize_to

    write = partial(colorize_to, sys.stdout.buffer, args.source)
    return partial(write, settings=settings, colors=args.colors)


def _one_pass(args: argparse.Namespace) -> Callable[..., Report]:
    """What is to be done with a film from a pipe, or one that becomes y4m."""
    pipe = _first_bytes() if args.source == PIPE else None
    with quick_imports():
        from vidcolor.run.pipe import colorize_pipe, colorize_to, colorize_y4m

    source = pipe or args.source
    if is_y4m(args):
        target = sys.stdout.buffer if args.target == PIPE else args.target
        return partial(colorize_y4m, target, source)
    if args.target == PIPE:
        return partial(colorize_to, sys.stdout.buffer, source)
    assert pipe
    return partial(colorize_pipe, pipe, args.target)


def _first_bytes() -> Pipe:
    """Standard input, once it has some: that it is empty is told before torch is loaded."""
    from vidcolor.media.piped import Pipe

    pipe = Pipe()
    pipe.wait()
    return pipe
