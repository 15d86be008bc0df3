"""``vidcolor shots FILM``: where the shots of a film begin, as CSV or as a list for others."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import PIPE, check_output, check_source, looked_into
from vidcolor.cli.shot_lists import add_shots, with_cuts
from vidcolor.cli.text import Parser, add_verbose, at_least, count, damage_lines, moment, say
from vidcolor.cli.words import add_fps
from vidcolor.core.timecode import decimal, timecode
from vidcolor.errors import OutputError, SettingsError
from vidcolor.settings import InputSettings, OutputSettings, Settings

if TYPE_CHECKING:
    from tqdm import tqdm

    from vidcolor.core.frames import Frame
    from vidcolor.media.open import VideoReader
    from vidcolor.shots.listing import Listing

HEADER = "shot,start,start_seconds,frame,frames"
KINDS = ("csv", "edl", "otio", "ffmetadata", "html")
"""Lists for others."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor shots",
        description="Print the shots of a film as CSV: number, start (h:mm:ss.mmm and seconds),"
        " first frame counted from 0, number of frames. With --to, write them for other programs"
        " instead (docs/shots.md). Nothing is colored.",
    )
    p.add_argument("film", metavar="FILM", help="film to look through")
    p.add_argument("--start", type=moment, metavar="TIME", help="start here: 90, 1:30, 00:01:30.5")
    p.add_argument("--end", type=moment, metavar="TIME", help="stop before this time")
    p.add_argument(
        "--video-stream",
        type=at_least(0),
        metavar="N",
        help="video stream to use, counted from 0",
    )
    add_fps(p)
    add_shots(p)
    p.add_argument(
        "--to",
        action="append",
        choices=KINDS,
        metavar="|".join(KINDS),
        help="write a list: the CSV of PySceneDetect, a CMX 3600 EDL, OpenTimelineIO, chapters for"
        " FFmpeg, or a page with a picture of each shot; may be repeated",
    )
    p.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="with --to: the list (- for standard output; default FILM.shots.csv, .edl, ...)",
    )
    p.add_argument("-y", "--force", action="store_true", help="replace an existing list")
    p.add_argument("-q", "--quiet", action="store_true", help="show no progress bar")
    add_verbose(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Print a line for each shot as soon as it has ended, then what was damaged; 0 or 3.

    With --start, times and frames are counted from there, as in a film colored with it. With --to,
    lists are written when all shots are known.
    """
    opened = InputSettings(
        start=args.start, end=args.end, video_stream=args.video_stream, fps=args.fps
    )
    check_source(args.film)
    targets = name_targets(args)
    looked_into(args.film, opened).close()
    settings = with_cuts(args.shots, args.film, Settings(open=opened), args.quiet)
    from vidcolor.media.open import open_video

    with open_video(args.film, settings.open) as film:
        if targets:
            listing = list_shots(args, film, settings)
            write_lists(args, film, listing, targets)
        else:
            print_shots(args, film, settings)
        damage, counts = film.log.damage, film.log.damage_counts
    for words in damage_lines(damage, counts):
        say(words)
    return 3 if damage else 0


def name_targets(args: argparse.Namespace) -> dict[str, str]:
    """Kind of each list that is asked for, and where it is to be written.

    Raises:
        OutputError: It cannot be written there.
        OutputExists: There is one.
        SettingsError: Options that do not go together.
    """
    kinds = list(dict.fromkeys(args.to or ()))
    if not kinds:
        if args.output:
            raise SettingsError("-o names the list of --to; add --to csv, or leave -o out")
        return {}
    if args.start is not None or args.end is not None:
        raise SettingsError("--to lists a whole film; leave --start and --end out")
    if args.output and len(kinds) > 1:
        raise SettingsError("-o names one list, and --to asks for several; leave -o out")
    film = Path(args.film)
    names = {kind: str(film.with_name(f"{film.stem}.shots.{kind}")) for kind in kinds}
    found = {kind: args.output or name for kind, name in names.items()}
    if "otio" in found:
        from vidcolor.shots.otio import find_package

        find_package()
    for name in found.values():
        if name != PIPE:
            check_output(args.film, name, OutputSettings(force=args.force))
    return found


def tap_with_bar(
    args: argparse.Namespace, film: VideoReader, times: list[Fraction] | None = None
) -> tuple[tqdm[Any], Iterator[Frame]]:
    """A bar, and the frames of the film, which move it.

    Args:
        args: Of the command.
        film: Of which the frames are.
        times: Gets the time of each frame, and when the last one ends; None where nobody asks.
    """
    from tqdm import tqdm

    from vidcolor.core.iterators import tap
    from vidcolor.media.decode.decoder import decode

    bar: tqdm[Any] = tqdm(
        unit=" frames",
        total=None if args.start or args.end else film.info.frames,
        disable=True if args.quiet else None,
        smoothing=0.1,
    )

    def see(frame: Frame) -> None:
        bar.update()
        if times is not None:
            times[-1:] = [frame.moment, frame.moment + max(frame.duration, 1) * frame.time_base]

    return bar, tap(decode(film), see)


def print_shots(args: argparse.Namespace, film: VideoReader, settings: Settings) -> None:
    """Print a line for each shot as soon as it has ended."""
    from vidcolor.core.iterators import close
    from vidcolor.shots.detector import detect_shots

    bar, frames = tap_with_bar(args, film)
    try:
        with bar:
            print(HEADER)
            first = 0
            for number, shot in enumerate(detect_shots(frames, settings.shots), 1):
                bar.clear()
                print(line(number, shot.start, first, shot.frames), flush=True)
                first += shot.frames
    finally:
        close(frames)


def line(number: int, start: Fraction, frame: int, frames: int) -> str:
    """One shot: ``2,0:00:01.760,1.760000,44,90``; ``start`` is in seconds, exact to 6 digits."""
    return f"{number},{timecode(start)},{decimal(start, 6)},{frame},{frames}"


def list_shots(args: argparse.Namespace, film: VideoReader, settings: Settings) -> Listing:
    """The shots of the whole film, found in a pass through it."""
    from vidcolor.core.iterators import close
    from vidcolor.shots.detector import detect_shots
    from vidcolor.shots.listing import ListedShot, Listing, exact_rate

    times: list[Fraction] = []
    bar, frames = tap_with_bar(args, film, times)
    try:
        with bar:
            found = list(detect_shots(frames, settings.shots))
    finally:
        close(frames)
    shots, first = [], 0
    for shot in found:
        after = first + shot.frames
        shots.append(ListedShot(times[first], times[after], first, shot.frames))
        first = after
    info = film.info
    rate = exact_rate(info.frame_rate, times[:-1])
    return Listing(info.path.name, tuple(shots), info.time_base, rate, info.timecode)


def write_lists(
    args: argparse.Namespace, film: VideoReader, listing: Listing, targets: dict[str, str]
) -> None:
    """Write the lists that are asked for, and say which.

    Raises:
        OutputError: One cannot be written.
        SettingsError: The film has no such list.
    """
    from vidcolor.core.files import write_named
    from vidcolor.shots.edl import edl_notes

    # All of them first: where one cannot be, none is written.
    texts = {kind: render(kind, film, listing) for kind in targets}
    for kind, name in targets.items():
        if name == PIPE:
            print(texts[kind], end="")
            continue
        try:
            write_named(Path(name), texts[kind].encode())
        except OSError as error:
            raise OutputError(f"{name}: cannot be written: {error.strerror}") from error
        if not args.quiet:
            say(f"{name}: {count(len(listing.shots), 'shot')}")
    if "edl" in targets and not args.quiet:
        for note in edl_notes(listing):
            say(f"note: {note}")


def render(kind: str, film: VideoReader, listing: Listing) -> str:
    """The text of a list."""
    from vidcolor.preview.shot_page import shot_page, shot_pictures
    from vidcolor.shots.edl import as_edl
    from vidcolor.shots.listing import as_chapters, as_scenes, clock_of
    from vidcolor.shots.otio import as_otio

    if kind == "html":
        clock = clock_of(listing, kind) if listing.timecode and listing.rate else None
        pictures = shot_pictures(film.info, film.settings, listing.shots)
        return "".join(shot_page(listing, pictures, clock))
    if kind == "otio":
        return as_otio(listing, film.info.path)
    return {"csv": as_scenes, "edl": as_edl, "ffmetadata": as_chapters}[kind](listing)
