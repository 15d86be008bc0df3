"""``vidcolor IN OUT``: colour a film, a picture, or all that a folder holds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor import __version__
from vidcolor.cli import batch, cluster
from vidcolor.cli.progress import Shown, add_progress, progress_file
from vidcolor.cli.summary import summarise
from vidcolor.cli.text import Parser, moment, option, write_json
from vidcolor.errors import SettingsError
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
    from vidcolor.frames import Report


PIPE = "-"
"""As OUT: the film goes to standard output."""


class WordsParser(Parser):
    """A parser of ``IN... OUT`` with options anywhere between the words."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Words and options; ``source`` is the first of ``sources``."""
        given = list(sys.argv[1:] if args is None else args)
        # From -- on all are names; argparse would not mix options with others then.
        end = given.index("--") if "--" in given else len(given)
        parsed = self.parse_intermixed_args(cluster.spelled_out(given[:end]), namespace)
        parsed.words += given[end + 1 :]
        wanted = ["IN", "OUT"][len(parsed.words) :]
        if wanted:
            self.error(f"the following arguments are required: {', '.join(wanted)}")
        *parsed.sources, parsed.target = parsed.words
        parsed.source = parsed.sources[0]
        return parsed


def parser() -> argparse.ArgumentParser:
    """All options, with the defaults of ``vidcolor.settings``."""
    p = WordsParser(
        prog="vidcolor",
        usage="vidcolor IN OUT [options]\n"
        "       vidcolor FOLDER OUTFOLDER [options]    (or IN IN ... OUTFOLDER)\n"
        "       vidcolor preview | compare | play | info | shots | weights ... (--help each)\n"
        "       vidcolor serve | bench | evaluate | train ...",
        description="Colour a black-and-white film or picture; sound, subtitles and luma stay.",
    )
    p.add_argument(
        "words",
        nargs="*",
        metavar="IN OUT",
        help="IN: film or picture (a film named info is ./info), or several, or folders of them;"
        " OUT: .mp4 .m4v .mov .mkv .webm, .png .jpg, or - for a pipe; of several the folder for"
        " them, and the same command again skips what is done",
    )
    add_colour(p)
    add_encoding(p)
    add_cut(p)
    cluster.add_cluster(p)
    out = p.add_argument_group("output")
    out.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done")
    out.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="SUFFIX",
        help="of all films or pictures in OUTFOLDER: mp4 m4v mov mkv webm, png jpg (default: as"
        " they are, else mkv and png)",
    )
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
    add_progress(out)
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
    cut.add_argument(
        "--subtitle-encoding",
        metavar="NAME",
        help="code page of subtitles and titles that are not UTF-8, such as cp1251 (default: found"
        " out)",
    )
    add_picture(cut)


def add_picture(group: argparse._ActionsContainer) -> None:
    """Which picture of the film, and how large it may be."""
    group.add_argument("--video-stream", type=int, metavar="N", help="which picture, from 0")
    group.add_argument(
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
            subtitle_encoding=args.subtitle_encoding,
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
    settings, many = settings_of(args), cluster.cluster_settings(args)
    args.several = batch.is_batch(args)
    if args.several:
        return cluster.colour_several(args, settings, many) if many else batch.run(args, settings)
    if args.to:
        raise SettingsError("--to is for a folder of films; OUT names what one film becomes")
    if many and args.target == PIPE:
        raise SettingsError(
            "a pipe takes one frame after the other; leave --cluster out, or name a file"
        )
    report = cluster.colour_one(args, settings, many) if many else colour_one(args, settings)
    if args.report:
        complaint = f"the film is done, but its report {args.report} cannot be written"
        write_json(report.to_dict(), args.report, complaint)
    if not args.quiet:
        summarise(report, args.verbose)
    return 0 if report.clean else 3


def colour_one(args: argparse.Namespace, settings: Settings) -> Report:
    """Colour a film, show a bar; its report."""
    colour = work(args, settings)
    with progress_file(args.progress) as lines, Shown(lines, args.quiet) as shown:
        report = shown.report = colour(on_progress=shown)
    return report


def work(args: argparse.Namespace, settings: Settings) -> Callable[..., Report]:
    """What is to be done; it takes ``on_progress``.

    Raises:
        SettingsError: a film was to be written on a terminal, or lines of JSON between its bytes.
    """
    if args.target != PIPE:
        from vidcolor.pipeline import colorize_film

        return partial(colorize_film, args.source, args.target, settings=settings)
    if sys.stdout.isatty():
        raise SettingsError("- writes a film to a pipe; give a file name, or | mpv -")
    if args.progress == PIPE:
        raise SettingsError("the film goes to standard output; give --progress a file")
    from vidcolor.streaming import colorize_to

    return partial(colorize_to, sys.stdout.buffer, args.source, settings=settings)


def interrupted(args: argparse.Namespace) -> str:
    """What a run that was stopped leaves behind."""
    if getattr(args, "several", False):
        return batch.INTERRUPTED
    if args.target == PIPE:
        return "interrupted"
    if any(work_folder(Path(args.target)).glob("*.packets")):
        return "interrupted; run the same command again to go on from the last finished chunk"
    return "interrupted; the target is as it was before"
