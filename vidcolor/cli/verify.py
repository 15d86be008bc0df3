"""``vidcolor verify OUT``: whether a colored file is what its report and its source say."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.checks import check_source
from vidcolor.cli.color import add_picture
from vidcolor.cli.progress import Shown
from vidcolor.cli.text import Parser, add_verbose, fail, moment, printable, shorten_name
from vidcolor.core.find_sequence import sequence_folder
from vidcolor.settings import InputSettings

if TYPE_CHECKING:
    from vidcolor.verification.verdict import Verdict

WIDEST_TITLE = 20
"""Columns of the file's name before its bar."""
CODES = {"same": 0, "differs": 3, "unchecked": 2}
"""Exit codes of what was found."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor verify",
        description="Check a colored film or picture against its report and its source: bytes,"
        " label, frames, times, luma, and the packets of sound and subtitles (docs/formats.md)."
        " The exit code is 0 where all holds, 3 where something differs (lines that begin with"
        " DIFFERS), 2 where nothing can be checked.",
    )
    p.add_argument("target", metavar="OUT", help="what vidcolor wrote; of frames, their folder")
    p.add_argument(
        "--report",
        type=Path,
        metavar="FILE.json",
        help="the report of the run (default: OUT.json, as it stands beside the films of a folder)",
    )
    p.add_argument(
        "--source",
        type=Path,
        metavar="FILM",
        help="the film or picture that was colored (default: the one that the report names)",
    )
    p.add_argument(
        "--psnr",
        type=float,
        default=None,
        metavar="DB",
        help="how near luma has to be in a file that is not lossless (default 20)",
    )
    p.add_argument("--json", action="store_true", help="print JSON")
    p.add_argument("-q", "--quiet", action="store_true", help="print only what differs")
    add_verbose(p)
    cut = p.add_argument_group("which part of FILM was colored, where there is no report")
    cut.add_argument("--start", type=moment, metavar="TIME", help="as it was given to vidcolor")
    cut.add_argument("--end", type=moment, metavar="TIME", help="as it was given to vidcolor")
    add_picture(cut)
    return p


def run(args: argparse.Namespace) -> int:
    """Check, show a bar, print what was found; 0, 3 or 2."""
    if sequence_folder(args.target) is None:
        check_source(args.target)
    settings = InputSettings(
        start=args.start,
        end=args.end,
        video_stream=args.video_stream,
        max_pixels=args.max_pixels,
        fps=args.fps,
    )
    title = shorten_name(Path(args.target).name, WIDEST_TITLE)
    with Shown(None, args.quiet or args.json, title) as shown:
        from vidcolor.verification.luma import LEAST
        from vidcolor.verification.verify import Held, verify

        least = LEAST if args.psnr is None else args.psnr
        held = Held(args.report, args.source, settings, least)
        verdict = verify(args.target, held, shown)
    if args.json:
        print(json.dumps(verdict.to_dict(), indent=1))
    else:
        print_verdict(verdict, args.quiet)
    if verdict.result == "unchecked":
        fail(
            f"{args.target}: nothing to check it against; give --report FILE.json or --source FILM"
        )
    return CODES[verdict.result]


def print_verdict(verdict: Verdict, quiet: bool) -> None:
    """Print what was found, one thing a line; ``quiet`` only what differs."""
    groups = {"same": verdict.same, "DIFFERS": verdict.differs, "not checked": verdict.unchecked}
    for word, findings in groups.items():
        for one in findings:
            if word == "DIFFERS" or not quiet:
                print(printable(f"{word:11}  {one.what}: {one.text}"))
