"""``vidcolor compare A B OUT`` and ``vidcolor compare FILM OUT``: two films in one."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.checks import (
    check_colors,
    check_output,
    check_plan,
    check_source,
    check_weights,
    looked_into,
    rate_for,
)
from vidcolor.cli.color import add_color, add_cut, add_encoding, add_label, settings_of
from vidcolor.cli.faces import LOADING, OPENING
from vidcolor.cli.one import WIDEST_TITLE
from vidcolor.cli.progress import Shown
from vidcolor.cli.shot_lists import add_shots, with_cuts
from vidcolor.cli.summary import speed, tell_streams
from vidcolor.cli.text import Parser, add_verbose, at_least, clock, count, moment, say, shorten_name
from vidcolor.cli.words import add_output
from vidcolor.core.find_sequence import sequence_folder
from vidcolor.errors import SettingsError
from vidcolor.settings import LOOKS, ChunkSettings, CompareSettings, InputSettings, Settings

if TYPE_CHECKING:
    from vidcolor.core.report import Report


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor compare",
        usage="vidcolor compare A B OUT [options]\n       vidcolor compare FILM OUT [options]",
        description="Show two films in one: source and result, two results, or a single FILM and"
        " its colored version, made on the fly. Sound, subtitles, chapters and timestamps come from"
        " the first film; frames of the second are matched by their times.",
    )
    p.add_argument(
        "films",
        metavar="FILM",
        nargs="+",
        help="one or two films (A is shown on the left), then OUT: .mp4 .m4v .mov .mkv .webm",
    )
    default = CompareSettings()
    how = p.add_argument_group("comparison")
    how.add_argument(
        "--look",
        default=default.look,
        metavar="|".join(LOOKS),
        help="side by side, half and half, or with a moving line (default %(default)s)",
    )
    how.add_argument(
        "--period",
        type=moment,
        default=default.period,
        metavar="TIME",
        help="time that the line of a wipe takes to the left and back (default %(default)s s)",
    )
    how.add_argument(
        "--height",
        type=at_least(16),
        metavar="PIXELS",
        help="height of each picture (default: that of A)",
    )
    add_cut(p)
    add_shots(p)
    add_encoding(p)
    add_color(p)
    out = p.add_argument_group("output")
    add_output(out, "target")
    add_label(out)
    out.add_argument("--strict", action="store_true", help="fail if anything cannot be copied")
    out.add_argument("-y", "--force", action="store_true", help="replace an existing OUT")
    out.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add_verbose(out)
    p.set_defaults(chunk=ChunkSettings().seconds, fresh=False)
    return p


def run(args: argparse.Namespace) -> int:
    """Compare, show a bar, print the summary; 0, or 3 when a film was damaged."""
    if args.target is None:
        if len(args.films) < 2:
            parser().error("the following arguments are required: OUT")
        args.target = args.films.pop()
    if len(args.films) > 2:
        parser().error(f"compare takes one or two films, not {len(args.films)}")
    settings = settings_of(args)
    compare = CompareSettings(args.look, args.period, args.height)
    check(args, settings)
    settings = with_cuts(args.shots, args.films[0], settings, args.quiet)
    first, second = [*args.films, None][:2]
    title = shorten_name(Path(args.target).name, WIDEST_TITLE)
    doing = LOADING if second is None else OPENING
    with Shown(None, args.quiet, title, doing=doing, keep=True) as shown:
        from vidcolor.preview.compare import side_by_side

        work = partial(side_by_side, first, second, args.target, settings=settings)
        work = partial(work, colors=args.colors)
        report = shown.report = work(compare=compare, on_progress=shown)
    if not args.quiet:
        summarise(report)
    return 0 if report.clean else 3


def check(args: argparse.Namespace, settings: Settings) -> None:
    """All that can be known before anything is colored.

    Raises:
        VidcolorError: What would stop it later.
    """
    if args.shots and len(args.films) > 1:
        raise SettingsError("--shots is for a film that is colored; here both are")
    check_weights(settings.colorizer.weights)
    check_colors(args.colors)
    for film in args.films:
        check_source(film)
        check_output(film, args.target, settings.output)
    if args.fps is not None and not any(map(sequence_folder, args.films)):
        raise SettingsError("--fps is for image sequences; films have rates of their own")
    opened = replace(settings.open, fps=rate_for(args.films[0], args.fps))
    first = looked_into(args.films[0], opened)
    with first:
        check_plan(first.info, args, settings)
    for film in args.films[1:]:
        fps = rate_for(film, args.fps)
        looked_into(film, InputSettings(max_pixels=args.max_pixels, fps=fps)).close()


def summarise(report: Report) -> None:
    """Print what was done, carried, left behind and damaged."""
    rate = speed(report)
    told = "" if rate is None else f", {rate:.1f} frames/s"
    frames = count(report.frames, "frame")
    say(f"{report.target}: {frames} in {clock(report.seconds['total'])}{told}")
    tell_streams(report)
