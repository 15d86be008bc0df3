"""``vidcolor IN OUT``: colour a film or a picture."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor import __version__
from vidcolor.cli.text import Parser, clock, damage_lines, moment, option, say, write_json
from vidcolor.places import work_folder
from vidcolor.settings import (
    NUMBERS,
    ChunkSettings,
    ColorizerSettings,
    EncodeSettings,
    OpenSettings,
    OutputSettings,
    PaintSettings,
    Settings,
    SmoothSettings,
)

if TYPE_CHECKING:
    from vidcolor.frames import Progress, Report


def parser() -> argparse.ArgumentParser:
    """All options, with the defaults of ``vidcolor.settings``."""
    p = Parser(
        prog="vidcolor",
        usage="vidcolor IN OUT [options]\n"
        "       vidcolor preview | info | shots | weights | evaluate | bench | train ..."
        " (--help each)",
        description="Colour a black-and-white film or picture; sound, subtitles and luma stay.",
    )
    p.add_argument("source", metavar="IN", help="film or picture (a film named info is ./info)")
    p.add_argument("target", metavar="OUT", help=".mp4 .m4v .mov .mkv .webm, or .png .jpg")
    add_colour(p)
    add_encoding(p)
    add_cut(p)
    out = p.add_argument_group("output")
    out.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done")
    out.add_argument("--strict", action="store_true", help="fail if anything cannot be carried")
    out.add_argument("--force", action="store_true", help="replace an existing OUT")
    out.add_argument(
        "--fresh", action="store_true", help="start over instead of going on after a crash"
    )
    out.add_argument(
        "--chunk",
        type=float,
        default=ChunkSettings().seconds,
        metavar="SECONDS",
        help="a crash loses at most so much of the film (default %(default)s)",
    )
    out.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    out.add_argument("-v", "--verbose", action="store_true", help="print seconds per stage too")
    out.add_argument("--version", action="version", version=f"vidcolor {__version__}")
    return p


def add_cut(p: argparse.ArgumentParser) -> None:
    """What of the film."""
    cut = p.add_argument_group("what to colour")
    cut.add_argument(
        "--start", type=moment, metavar="TIME", help="begin here: 90, 1:30, 00:01:30.5"
    )
    cut.add_argument("--end", type=moment, metavar="TIME", help="stop before this")
    cut.add_argument("--video-stream", type=int, metavar="N", help="which picture, from 0")
    cut.add_argument(
        "--max-pixels",
        type=int,
        default=OpenSettings().max_pixels,
        metavar="N",
        help="refuse larger pictures (default %(default)s)",
    )


def add_colour(p: argparse.ArgumentParser) -> None:
    """With which colours."""
    net = p.add_argument_group("colour")
    default = ColorizerSettings()
    net.add_argument(
        "--weights", default=default.weights, metavar="NAME|FILE", help="see vidcolor weights"
    )
    net.add_argument("--device", default=default.device, help="auto, cpu, cuda[:N] or mps")
    net.add_argument(
        "--size",
        type=int,
        default=default.size,
        metavar="PIXELS",
        help="short side that the net sees, a multiple of 16 (default %(default)s)",
    )
    net.add_argument("--batch", type=int, default=0, help="frames per run of the net")
    net.add_argument(
        "--numbers",
        default=default.numbers,
        metavar="|".join(NUMBERS),
        help="what the net computes in (default: the fastest here)",
    )
    net.add_argument(
        "--stride",
        type=int,
        default=default.stride,
        metavar="K",
        help="the net sees every K-th frame, the others get its colour along the motion; faster",
    )
    net.add_argument(
        "--vivid",
        type=float,
        metavar="0..1",
        help="0 the safest colour, 1 the most vivid (default: what the weights were tuned for)",
    )
    net.add_argument(
        "--smooth",
        type=float,
        default=SmoothSettings().strength,
        metavar="0..1",
        help="how steady the colour is over time (default %(default)s)",
    )
    net.add_argument("--no-smooth", action="store_true", help="the same as --smooth 0")
    net.add_argument(
        "--saturation",
        type=float,
        default=PaintSettings().saturation,
        help="0 is grey, 1 as predicted (default)",
    )


def add_encoding(p: argparse.ArgumentParser) -> None:
    """As which pictures."""
    enc = p.add_argument_group("encoding (docs/formats.md)")
    enc.add_argument("--codec", help="FFmpeg encoder; by default chosen by container and bit depth")
    enc.add_argument("--crf", type=float, help="quality, lower is better (x264, x265: 16)")
    enc.add_argument("--preset", help="speed preset of the encoder")
    enc.add_argument(
        "--encoder-option",
        type=option,
        action="append",
        default=[],
        metavar="K=V",
        help="any other option of the encoder; may be repeated",
    )
    enc.add_argument("--lossless", action="store_true", help="luma of the file equal to the source")


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the options ask for.

    Raises:
        SettingsError: a value is out of range.
    """
    return replace(
        colour_settings(args),
        open=OpenSettings(
            start=args.start,
            end=args.end,
            video_stream=args.video_stream,
            max_pixels=args.max_pixels,
        ),
        encode=EncodeSettings(
            codec=args.codec,
            crf=args.crf,
            preset=args.preset,
            lossless=args.lossless,
            options=tuple(args.encoder_option),
        ),
        chunks=ChunkSettings(args.chunk, 3 * args.chunk),
        output=OutputSettings(force=args.force, fresh=args.fresh, strict=args.strict),
    )


def colour_settings(args: argparse.Namespace) -> Settings:
    """The settings that the options of `add_colour` ask for.

    Raises:
        SettingsError: a value is out of range.
    """
    return Settings(
        colorizer=ColorizerSettings(
            weights=args.weights,
            device=args.device,
            size=args.size,
            batch=args.batch,
            numbers=args.numbers,
            vivid=args.vivid,
            stride=args.stride,
        ),
        smooth=SmoothSettings(0.0 if args.no_smooth else args.smooth),
        paint=PaintSettings(saturation=args.saturation),
    )


def run(args: argparse.Namespace) -> int:
    """Colour, show a bar, print the summary; 0 or 3."""
    settings = settings_of(args)
    from tqdm import tqdm

    from vidcolor.pipeline import colorize_film

    with tqdm(unit=" frames", disable=True if args.quiet else None, smoothing=0.1) as bar:

        def advance(progress: Progress) -> None:
            bar.total = progress.total
            bar.update(progress.frames - bar.n)

        report = colorize_film(args.source, args.target, settings=settings, on_progress=advance)
    if args.report:
        complaint = f"the film is done, but its report {args.report} cannot be written"
        write_json(report.to_dict(), args.report, complaint)
    if not args.quiet:
        summarise(report, args.verbose)
    return 0 if report.clean else 3


def interrupted(args: argparse.Namespace) -> str:
    """What a run that was stopped leaves behind."""
    if any(work_folder(Path(args.target)).glob("*.packets")):
        return "interrupted; run the same command again to go on from the last finished chunk"
    return "interrupted; the target is as it was before"


def summarise(report: Report, verbose: bool) -> None:
    """Print what was done, carried, left behind and damaged."""
    total = report.seconds["total"]
    what = f"{report.frames} frames, {report.shots} shots" if report.codec else "1 picture"
    told = report.codec and total and not report.resumed
    rate = f", {report.frames / total:.1f} frames/s" if told else ""
    say(f"{report.target}: {what} in {clock(total)}{rate}")
    if report.codec:
        loss = "lossless" if report.lossless else "lossy"
        say(
            f"  picture  {report.codec} {report.pixels} ({loss}); luma to the encoder {report.luma}"
        )
    for line in report.carried:
        say(f"  carried  {line}")
    for note in report.notes:
        say(f"  note     {note}")
    for left in report.left_behind:
        say(f"  LEFT BEHIND  {left.what}: {left.why}")
    for line in damage_lines(report.damage, report.damage_counts, "; --report lists them"):
        say(line)
    if verbose:
        stages = ", ".join(f"{name} {value:.1f}" for name, value in report.seconds.items())
        say(f"  seconds  {stages}")
        if report.codec:
            say(f"  net      saw {report.inferred} frames")
        say(f"  weights  {report.weights['name']} {report.weights['sha256'][:16]}")
