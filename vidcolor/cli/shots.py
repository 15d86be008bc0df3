"""``vidcolor shots FILM``: where the shots of a film begin, as CSV."""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import check_source, looked_into
from vidcolor.cli.text import Parser, at_least, damage_lines, moment, say
from vidcolor.cli.words import add_fps
from vidcolor.core.timecode import decimal, timecode
from vidcolor.settings import InputSettings

if TYPE_CHECKING:
    from tqdm import tqdm

HEADER = "shot,start,start_seconds,frame,frames"


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor shots",
        description="Print the shots of a film as CSV: number, start (h:mm:ss.mmm and seconds),"
        " first frame counted from 0, number of frames. Nothing is colored.",
    )
    p.add_argument("film", metavar="FILM")
    p.add_argument("--start", type=moment, metavar="TIME", help="start here: 90, 1:30, 00:01:30.5")
    p.add_argument("--end", type=moment, metavar="TIME", help="stop before this time")
    p.add_argument(
        "--video-stream",
        type=at_least(0),
        metavar="N",
        help="video stream to use, counted from 0",
    )
    add_fps(p)
    p.add_argument("-q", "--quiet", action="store_true", help="show no progress bar")
    p.add_argument(
        "-v", "--verbose", action="store_true", help="show a traceback of unexpected errors"
    )
    return p


def run(args: argparse.Namespace) -> int:
    """Print a line for each shot as soon as it has ended, then what was damaged; 0 or 3.

    With --start, times and frames are counted from there, as in a film colored with it.
    """
    settings = InputSettings(
        start=args.start, end=args.end, video_stream=args.video_stream, fps=args.fps
    )
    check_source(args.film)
    looked_into(args.film, settings).close()
    from tqdm import tqdm

    from vidcolor.core.iterators import close, tap
    from vidcolor.media.decode.decoder import decode
    from vidcolor.media.open import open_video
    from vidcolor.shots.detector import detect_shots

    with open_video(args.film, settings) as film:
        bar: tqdm[Any] = tqdm(
            unit=" frames",
            total=None if args.start or args.end else film.info.frames,
            disable=True if args.quiet else None,
            smoothing=0.1,
        )
        frames = tap(decode(film), lambda _: bar.update())
        try:
            with bar:
                print(HEADER)
                first = 0
                for number, shot in enumerate(detect_shots(frames), 1):
                    bar.clear()
                    print(line(number, shot.start, first, shot.frames), flush=True)
                    first += shot.frames
        finally:
            close(frames)
        damage, counts = film.log.damage, film.log.damage_counts
    for words in damage_lines(damage, counts):
        say(words)
    return 3 if damage else 0


def line(number: int, start: Fraction, frame: int, frames: int) -> str:
    """One shot: ``2,0:00:01.760,1.760000,44,90``; ``start`` is in seconds, exact to 6 digits."""
    return f"{number},{timecode(start)},{decimal(start, 6)},{frame},{frames}"
