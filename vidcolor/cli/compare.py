"""``vidcolor compare A B OUT`` and ``vidcolor compare FILM OUT``: two films in one."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from vidcolor.cli.color import add_colour, add_cut, add_encoding, settings_of
from vidcolor.cli.progress import Shown
from vidcolor.cli.summary import speed, tell_streams
from vidcolor.cli.text import Parser, clock, moment, say
from vidcolor.settings import LOOKS, ChunkSettings, CompareSettings

if TYPE_CHECKING:
    from vidcolor.frames import Report


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor compare",
        usage="vidcolor compare A B OUT [options]\n       vidcolor compare FILM OUT [options]",
        description="Show two films in one: source and result, two results, or, of a single FILM,"
        " the film and its colours, which are found on the way. Sound, subtitles, chapters and"
        " timestamps are those of the first; the frames of the second are matched by their times.",
    )
    p.add_argument("films", metavar="FILM", nargs="+", help="one film, or two: A stands left")
    p.add_argument("target", metavar="OUT", help=".mp4 .m4v .mov .mkv .webm")
    default = CompareSettings()
    how = p.add_argument_group("comparison")
    how.add_argument(
        "--look",
        default=default.look,
        metavar="|".join(LOOKS),
        help="beside each other, half and half, or with a line that moves (default %(default)s)",
    )
    how.add_argument(
        "--period",
        type=moment,
        default=default.period,
        metavar="TIME",
        help="of the line of a wipe, to the left and back (default %(default)s s)",
    )
    how.add_argument(
        "--height", type=int, metavar="PIXELS", help="of each picture (default: that of A)"
    )
    add_cut(p)
    add_encoding(p)
    add_colour(p)
    out = p.add_argument_group("output")
    out.add_argument("--strict", action="store_true", help="fail if anything cannot be carried")
    out.add_argument("--force", action="store_true", help="replace an existing OUT")
    out.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    out.add_argument("-v", "--verbose", action="store_true", help="show where an error comes from")
    p.set_defaults(chunk=ChunkSettings().seconds, fresh=False)
    return p


def run(args: argparse.Namespace) -> int:
    """Compare, show a bar, print the summary; 0, or 3 when a film was damaged."""
    if len(args.films) > 2:
        parser().error(f"one film or two can be compared, not {len(args.films)}")
    settings = settings_of(args)
    compare = CompareSettings(args.look, args.period, args.height)
    from vidcolor.comparison import side_by_side

    first, second = [*args.films, None][:2]
    work = partial(side_by_side, first, second, args.target, settings=settings, compare=compare)
    with Shown(None, args.quiet) as shown:
        report = shown.report = work(on_progress=shown)
    if not args.quiet:
        summarise(report)
    return 0 if report.clean else 3


def summarise(report: Report) -> None:
    """Print what was done, carried, left behind and damaged."""
    rate = speed(report)
    told = "" if rate is None else f", {rate:.1f} frames/s"
    say(f"{report.target}: {report.frames} frames in {clock(report.seconds['total'])}{told}")
    tell_streams(report)
