"""The words of a command line: inputs, the output and its default name, commands that are meant."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vidcolor.cli.text import Parser, frame_rate
from vidcolor.core.find_sequence import sequence_at, sequence_folder
from vidcolor.core.paths import KEPT_SUFFIXES, STILL_SUFFIXES, is_pattern
from vidcolor.core.purposes import purpose_of
from vidcolor.errors import SettingsError

USAGE = """\
usage: vidcolor FILM [OUT]            color a film or a picture (without OUT: FILM.color.mp4)
       vidcolor FOLDER OUTFOLDER      color everything in a folder
       vidcolor preview FILM OUT.png  see what it will look like, within seconds
       vidcolor colors FILM           say what color something has
       vidcolor serve FOLDER          do all this on a page in the browser
       vidcolor help [COMMAND]        show all options; commands: {}
"""
"""What is said where nothing is asked for."""

EXAMPLES = """\
examples:
  vidcolor film.mp4                           write film.color.mp4
  vidcolor film.mkv out.mkv --vivid 0.8       livelier colors
  vidcolor photo.jpg out.png                  a picture
  vidcolor film.mp4 out.mp4 --weights mini    a small net for slow machines
  vidcolor film.mov out.mov --lossless        encode without loss
  vidcolor film.mp4 out.mp4 --start 1:30 --end 2:00
  vidcolor films colored --to mkv             a whole folder
  vidcolor scans/scan_%06d.dpx graded/        scanned frames, with their names and headers
  vidcolor scans/scan_%06d.dpx out.mkv        an image sequence
  vidcolor film.mp4 - | mpv -                 into a pipe
  ffmpeg ... -f matroska - | vidcolor - out.mkv   out of one

To resume an interrupted run, run the same command again. vidcolor help COMMAND describes the other
commands: preview, colors, script, compare, play, serve, info, verify, shots, weights, config,
doctor, bench, evaluate, train. Defaults of your own: vidcolor.toml (docs/config.md).
"""
"""Stand at the end of the help."""

_COLOR_WORDS = (
    *("color", "colour", "colorize", "colourize", "colorise", "colourise", "recolor"),
    *("convert", "encode", "transcode", "run", "batch", "video", "image"),
)


class WordsParser(Parser):
    """A parser of ``IN... OUT`` with options anywhere between the words."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Words and options.

        ``source`` is the first of ``sources``; ``target`` is None where a name is to be found.
        """
        given = list(sys.argv[1:] if args is None else args)
        # From -- on all are names; argparse would not mix options with others then.
        end = given.index("--") if "--" in given else len(given)
        from vidcolor.cli.cluster import spelled_out  # the list of commands needs none of that

        parsed = self.parse_intermixed_args(spelled_out(given[:end]), namespace)
        parsed.words += given[end + 1 :]
        parsed.sources, parsed.target = list(parsed.words), parsed.output
        if parsed.target is None and len(parsed.words) > 1:
            parsed.target = parsed.sources.pop()
        if not parsed.sources:
            self.error("no input; use vidcolor IN OUT")
        parsed.source = parsed.sources[0]
        return parsed


def add_output(p: argparse._ActionsContainer, name: str = "output") -> None:
    """The option ``-o``."""
    p.add_argument("-o", "--output", dest=name, metavar="OUT", help="the same as OUT")


def add_fps(p: argparse._ActionsContainer) -> None:
    """The option ``--fps``."""
    p.add_argument(
        "--fps",
        type=frame_rate,
        metavar="RATE",
        help="frames per second of an image sequence: 24, 23.976, 24000/1001 (default: as DPX and"
        " EXR frames say)",
    )


def place_target(args: argparse.Namespace) -> bool:
    """Name what a source becomes, where no OUT was given; True where it was not.

    A film becomes ``film.color.mp4`` beside itself, a picture ``photo.color.png``, a folder
    ``folder.color``; where vidcolor writes no such files, films get ``.mkv`` and pictures ``.png``.

    Raises:
        SettingsError: Several films are meant, which need a folder.
        FilmUnreadable: There is no such film.
    """
    if args.target is not None:
        return False
    if args.source == "-":
        raise SettingsError("a film from a pipe needs a name to be written to: vidcolor - OUT.mkv")
    source = Path(args.source)
    if is_pattern(args.source):
        raise SettingsError(f"{args.source}: name an output folder: IN... OUTFOLDER")
    if os.path.isdir(source):
        args.target = os.path.join(source.parent, f"{source.resolve().name}.color")
        return True
    from vidcolor.cli.checks import check_source

    check_source(args.source)
    from vidcolor.media.open import film_is_still

    is_still = film_is_still(source)
    known, other = (STILL_SUFFIXES, ".png") if is_still else (KEPT_SUFFIXES, ".mkv")
    suffix = source.suffix if source.suffix.lower() in known else other
    if (purpose := getattr(args, "purpose", None)) and not is_still:
        suffix = purpose_of(purpose).suffix
    args.target = str(source.with_name(f"{source.stem}.color{suffix}"))
    if sequence := sequence_at(source):  # a film among its frames would be one of them
        folder = os.path.dirname(args.source) or str(sequence.name.folder)
        args.target = f"{folder}.color{suffix}"
    return True


def told_target(args: argparse.Namespace) -> str:
    """What is said of a name that was found."""
    suffix = Path(args.source).suffix
    if sequence_folder(args.source):
        return f"writing {args.target}"
    is_asked = getattr(args, "purpose", None)
    if Path(args.target).suffix != suffix and not is_asked:
        why = f"vidcolor cannot write {suffix} files" if suffix else "the input has no suffix"
        return f"writing {args.target}, because {why}"
    return f"writing {args.target}"


def suggest_command(word: str, commands: Sequence[str]) -> str:
    """What is to be said of a first word that is nearly a command; empty where it is none."""
    if word.startswith("-") or word in commands or not word.isalnum() or os.path.lexists(word):
        return ""
    if word.lower() in _COLOR_WORDS:  # some of them are nearly "colors"
        return f"no command {word}; to color a film, use vidcolor IN OUT"
    if near := get_close_matches(word.lower(), [*commands, "help"], 1, 0.7):
        return f"no command {word}; did you mean {near[0]}?"
    return ""


def asked_for_help(words: Sequence[str], commands: Sequence[str]) -> list[str]:
    """``help preview`` as ``preview --help``; a word that is no command stays, to be told."""
    about = words[1:2]
    known = not about or about[0] in commands
    return [*about, "--help"] if known or suggest_command(about[0], commands) else ["--help"]
