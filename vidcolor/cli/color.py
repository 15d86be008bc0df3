"""``vidcolor IN OUT``: color a film, a picture, or all that a folder holds."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from vidcolor import __version__
from vidcolor.cli import batch, cluster
from vidcolor.cli.checks import PIPE, check_one
from vidcolor.cli.completion import SHELLS, PrintCompletion
from vidcolor.cli.config_file import give_way
from vidcolor.cli.frame_words import check_frame_words, place_frame_target
from vidcolor.cli.one import check_pipe_alone, check_words, color_one
from vidcolor.cli.progress import add_progress
from vidcolor.cli.sequences import settle_sequence
from vidcolor.cli.shot_lists import add_shots, add_split, place_split, with_cuts
from vidcolor.cli.summary import summarise
from vidcolor.cli.text import at_least, clock, count, moment, option, say, write_late
from vidcolor.cli.words import EXAMPLES, WordsParser, add_fps, add_output, place_target, told_target
from vidcolor.core.paths import work_folder
from vidcolor.core.purposes import PURPOSES, apply_purpose
from vidcolor.errors import SettingsError
from vidcolor.run.unfinished import kept_of
from vidcolor.settings import (
    AUDIO,
    CARDS,
    PRECISIONS,
    SCRIPTS,
    ChunkSettings,
    ClusterSettings,
    ColorizerSettings,
    EncodeSettings,
    InputSettings,
    OutputSettings,
    PaintSettings,
    ScriptSettings,
    Settings,
    TemporalSettings,
    TitleSettings,
)


def parser() -> argparse.ArgumentParser:
    """All options, with the defaults of ``vidcolor.settings``."""
    p = WordsParser(
        prog="vidcolor",
        usage="vidcolor IN [OUT] [options]\n"
        "       vidcolor FOLDER OUTFOLDER [options]    (or IN IN ... OUTFOLDER)\n"
        "       vidcolor preview | compare | play | info | shots | weights ... (--help each)\n"
        "       vidcolor script | serve | verify | bench | evaluate | train ...",
        description="Color a black-and-white film or picture; sound and subtitles are kept.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "words",
        nargs="*",
        metavar="IN OUT",
        help="IN: films, pictures or folders of them (for a film named info, write ./info), an"
        " image sequence (scan_%%06d.dpx, a glob or the folder of its frames), or - for a film from"
        " a pipe; OUT: .mp4 .m4v .mov .mkv .webm .mxf .y4m, .png .jpg .tif, frames"
        " (out/frame_%%06d.dpx, .tif .png .jpg .jp2 .exr), or - for a pipe (default: IN.color with"
        " the suffix of IN); with several inputs, OUT must be a folder, and running the same"
        " command again skips finished films",
    )
    add_color(p)
    _add_script(p)
    _add_purpose(p)
    add_encoding(p)
    _add_sound(p)
    add_cut(p)
    add_shots(shots := p.add_argument_group("shots"))
    add_split(shots)
    cluster.add_cluster(p)
    out = p.add_argument_group("output")
    add_output(out)
    out.add_argument("--report", type=Path, metavar="FILE.json", help="write a report as JSON")
    _add_writing(out)
    out.add_argument(
        "--chunk",
        type=float,
        default=ChunkSettings().seconds,
        metavar="SECONDS",
        help="save the work in chunks of whole shots, each at least this long and up to three times"
        " as long; a crash or Ctrl-C loses only the current chunk (default %(default)s)",
    )
    add_progress(out)
    out.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    out.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="also print the log, all notes and the seconds per stage",
    )
    out.add_argument(
        "--completion",
        choices=SHELLS,
        action=PrintCompletion,
        help="print a script by which the shell completes commands and options",
    )
    out.add_argument("-V", "--version", action="version", version=f"vidcolor {__version__}")
    return p


def _add_writing(out: argparse._ArgumentGroup) -> None:
    """How the targets are written."""
    out.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="SUFFIX",
        help="file type of the films or pictures in OUTFOLDER: mp4 m4v mov mkv webm, png jpg tif"
        " (default: that of each input, else mkv and png); with - as OUT: mkv (default) or y4m;"
        " for one film, or one sequence of frames, dpx tif png jpg jp2 exr writes frames into"
        " OUTFOLDER",
    )
    add_label(out)
    out.add_argument(
        "--dry-run",
        action="store_true",
        help="show what would be done: tracks, codec, about how large and how long; try a few"
        " seconds of each film, and write nothing",
    )
    out.add_argument("--strict", action="store_true", help="fail if anything cannot be copied")
    out.add_argument("-y", "--force", action="store_true", help="replace an existing OUT")
    out.add_argument(
        "--fresh", action="store_true", help="start over instead of resuming an interrupted run"
    )


def add_label(out: argparse._ActionsContainer) -> None:
    """The option ``--no-label``."""
    out.add_argument(
        "--no-label",
        dest="label",
        action="store_false",
        help="do not write into the metadata that vidcolor colored it, and with which weights",
    )


def add_cut(p: argparse.ArgumentParser) -> None:
    """What of the film."""
    cut = p.add_argument_group("what to color")
    cut.add_argument(
        "--start", type=moment, metavar="TIME", help="start here: 90, 1:30, 00:01:30.5"
    )
    cut.add_argument("--end", type=moment, metavar="TIME", help="stop before this time")
    cut.add_argument(
        "--subtitle-encoding",
        metavar="NAME",
        help="encoding of subtitles and titles that are not UTF-8, such as cp1251 (default:"
        " detected)",
    )
    add_picture(cut)


def add_picture(group: argparse._ActionsContainer) -> None:
    """Which picture of the film, and how large it may be."""
    group.add_argument(
        "--video-stream", type=at_least(0), metavar="N", help="video stream to use, counted from 0"
    )
    group.add_argument(
        "--max-pixels",
        type=at_least(1),
        default=InputSettings().max_pixels,
        metavar="N",
        help="refuse frames with more pixels (default %(default)s)",
    )
    add_fps(group)


def add_color(p: argparse.ArgumentParser, sheet: bool = True) -> None:
    """With which colors; ``sheet`` is whether a color sheet may say some."""
    net = p.add_argument_group("color")
    default = ColorizerSettings()
    net.add_argument(
        "--weights",
        default=default.weights,
        metavar="NAME|FILE",
        help="net to use; see vidcolor weights",
    )
    net.add_argument("--device", default=default.device, help="auto, cpu, cuda[:N] or mps")
    net.add_argument(
        "--size",
        type=int,
        default=default.size,
        metavar="PIXELS",
        help="short side of the net's input, a multiple of 16 (default %(default)s)",
    )
    net.add_argument(
        "--batch",
        type=at_least(1),
        default=0,
        metavar="N",
        help="frames per run of the net, 1 to 256 (default: 1 on the CPU, up to 16 on a GPU)",
    )
    net.add_argument(
        "--precision",
        dest="precision",
        default=default.precision,
        metavar="|".join(PRECISIONS),
        help="precision of the net's arithmetic (default: the fastest on this machine)",
    )
    net.add_argument(
        "--stride",
        type=int,
        default=default.stride,
        metavar="K",
        help="run the net on every K-th frame only, and carry its colors along the motion to the"
        " others; faster (default %(default)s, up to 4)",
    )
    _add_dials(net)
    if sheet:
        _add_colors(net)


def _add_script(p: argparse.ArgumentParser) -> None:
    """Whether a film gets one palette."""
    group = p.add_argument_group("one palette for the whole film (docs/colors.md)")
    group.add_argument(
        "--script",
        default=ScriptSettings().make,
        metavar="|".join(SCRIPTS),
        help="auto colors a few frames of each shot first, lets shots that show the same things"
        " agree on their colors, and has all frames follow them; takes a second pass (default"
        " %(default)s)",
    )


def _add_colors(net: argparse._ArgumentGroup) -> None:
    """What the user says of the colors."""
    net.add_argument(
        "--colors",
        metavar="FILE|auto|none",
        help="color sheet that says what color things have, and which stretches have other dials"
        " (docs/colors.md); auto takes FILM.colors.toml beside the film, if it is there",
    )


def _add_dials(net: argparse._ArgumentGroup) -> None:
    """How the color is wanted."""
    net.add_argument(
        "--vivid",
        type=float,
        metavar="0..1",
        help="0 for the safest colors, 1 for the most vivid (default: as the weights were tuned)",
    )
    net.add_argument(
        "--smooth",
        type=float,
        default=TemporalSettings().strength,
        metavar="0..1",
        help="how steady the colors are over time (default %(default)s)",
    )
    net.add_argument("--no-smooth", action="store_true", help="the same as --smooth 0")
    net.add_argument(
        "--titles",
        default=TitleSettings().cards,
        metavar="|".join(CARDS),
        help="title cards: auto leaves them gray (default), keep also leaves doubtful ones gray,"
        " color colors them",
    )
    net.add_argument(
        "--saturation",
        type=float,
        default=PaintSettings().saturation,
        metavar="0..4",
        help="strength of the colors: 0 is gray, 1 is as predicted (default)",
    )


def add_encoding(p: argparse.ArgumentParser) -> None:
    """As which pictures."""
    enc = p.add_argument_group("encoding (docs/formats.md)")
    enc.add_argument(
        "--codec",
        metavar="NAME",
        help="h264, h265, av1, vp9, prores, prores_4444, dnxhr, ffv1, or any FFmpeg encoder"
        " (default: by container and bit depth)",
    )
    enc.add_argument(
        "--crf",
        type=float,
        metavar="N",
        help="quality, lower is better: 0 to 51, vp9 and av1 to 63 (default 16; vp9, av1: 20)",
    )
    enc.add_argument(
        "--preset",
        metavar="NAME",
        help="encoder speed: ultrafast to placebo; av1: 13 to -2 (default medium; av1: 6)",
    )
    enc.add_argument(
        "--bits",
        type=int,
        default=0,
        metavar="N",
        help="at least this many bits per sample, such as 10 (default: those of the film)",
    )
    enc.add_argument(
        "--encoder-option",
        type=option,
        action="append",
        default=[],
        metavar="K=V",
        help="any other encoder option; may be repeated",
    )
    enc.add_argument(
        "--lossless",
        action="store_true",
        help="encode without loss: luma stays equal to the source",
    )


def _add_purpose(p: argparse.ArgumentParser) -> None:
    """What the film is for."""
    p.set_defaults(of_files=frozenset())  # no file has a say in it unless one is read
    group = p.add_argument_group("purpose (docs/formats.md)")
    group.add_argument(
        "--for",
        dest="purpose",
        metavar="|".join(PURPOSES),
        help="file type, codec and sound in one word: archive is FFV1 and FLAC in .mkv, edit is"
        " ProRes and PCM in .mov, avid is DNxHR and PCM in .mxf, share is H.264 and AAC in .mp4,"
        " web is VP9 or AV1 and Opus in .webm; the suffix of OUT, --codec and --audio stand above"
        " it",
    )


def _add_sound(p: argparse.ArgumentParser) -> None:
    """What becomes of the sound."""
    group = p.add_argument_group("sound (docs/formats.md)")
    group.add_argument(
        "--audio",
        metavar="|".join(AUDIO),
        help="copy keeps every byte of the sound (default); the others convert what has another"
        " codec; pcm and flac lose nothing",
    )
    group.add_argument(
        "--sound",
        action="append",
        default=[],
        metavar="FILE",
        help="put the sound of FILE (WAV, FLAC, MP3, MOV, MXF ...) beside the film's own, from the"
        " start of the film; may be repeated",
    )


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the options ask for.

    Raises:
        SettingsError: a value is out of range.
    """
    return replace(
        color_settings(args),
        open=InputSettings(
            start=args.start,
            end=args.end,
            video_stream=args.video_stream,
            max_pixels=args.max_pixels,
            subtitle_encoding=args.subtitle_encoding,
            fps=args.fps,
        ),
        encode=EncodeSettings(
            codec=args.codec,
            crf=args.crf,
            preset=args.preset,
            lossless=args.lossless,
            options=tuple(args.encoder_option),
            bits=args.bits,
        ),
        chunks=ChunkSettings(args.chunk, 3 * args.chunk),
        output=OutputSettings(
            force=args.force, fresh=args.fresh, strict=args.strict, label=args.label
        ),
    )


def _with_purpose(args: argparse.Namespace, settings: Settings) -> Settings:
    """The settings with what the film is for, and what becomes of the sound.

    Raises:
        SettingsError: a value is out of range.
    """
    if args.purpose:
        settings = apply_purpose(args.purpose, settings)
    return replace(
        settings,
        open=replace(settings.open, sound=tuple(map(os.path.abspath, args.sound))),
        output=replace(settings.output, audio=args.audio or settings.output.audio),
    )


def color_settings(args: argparse.Namespace) -> Settings:
    """The settings that the options of `add_color` ask for.

    Raises:
        SettingsError: a value is out of range.
    """
    return Settings(
        colorizer=ColorizerSettings(
            weights=args.weights,
            device=args.device,
            size=args.size,
            batch=args.batch,
            precision=args.precision,
            vivid=args.vivid,
            stride=args.stride,
        ),
        titles=TitleSettings(args.titles),
        smooth=TemporalSettings(0.0 if args.no_smooth else args.smooth),
        paint=PaintSettings(saturation=args.saturation),
    )


def run(args: argparse.Namespace) -> int:
    """Check what can be checked, color, show a bar, print the summary; 0 or 3."""
    settle_sequence(args)
    give_way(args)
    settings = _with_purpose(args, settings_of(args))
    settings = replace(settings, script=ScriptSettings(args.script))
    settings = replace(settings, output=replace(settings.output, split=args.split))
    many = cluster.cluster_settings(args)
    with place_split(args):
        return _run(args, settings, many)


def _run(args: argparse.Namespace, settings: Settings, many: ClusterSettings | None) -> int:
    named = place_frame_target(args) or place_target(args)
    check_frame_words(args)
    args.several = batch.is_batch(args)
    if not args.several and "to" in args.of_files:
        args.to = []  # which is for folders
    if args.several and args.shots:
        raise SettingsError("--shots is of one film; color the films one by one")
    if PIPE in args.sources:
        check_pipe_alone(args)
    if args.dry_run:
        from vidcolor.cli import dry_run

        return dry_run.run(args, with_cuts(args.shots, args.source, settings, args.quiet))
    if args.several:
        return cluster.color_several(args, settings, many) if many else batch.run(args, settings)
    check_words(args, settings, clustered=many is not None)
    check_one(args, settings)
    settings = with_cuts(args.shots, args.source, settings, args.quiet)
    if named and not args.quiet:
        say(told_target(args))
    report = cluster.color_one(args, settings, many) if many else color_one(args, settings)
    code = 0 if report.clean else 3
    complaint = f"the film is done, but its report {args.report} cannot be written"
    code = max(code, write_late(report.to_dict(), args.report, complaint))
    if not args.quiet:
        summarise(report, args.verbose)
    return code


def describe_interrupt(args: argparse.Namespace) -> str:
    """What a run that was stopped leaves behind."""
    if getattr(args, "several", False):
        return batch.describe_interrupt(args)
    if args.target in (None, PIPE):
        return "interrupted"
    if args.source == PIPE:
        return "interrupted; the target is unchanged"
    target = Path(args.target)
    again = "run the same command again to resume from"
    if not args.quiet and (kept := kept_of(target)):
        here = clock(kept.seconds)
        return f"interrupted; {count(kept.frames, 'frame')} up to {here} kept; {again} there"
    if any(work_folder(target).glob("*.packets")):
        return f"interrupted; {again} the last finished chunk"
    return "interrupted; the target is unchanged"
