"""``vidcolor colors FILM``: write, edit and check the color sheet of a film or a picture."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from vidcolor.cli.colors_shots import open_subject
from vidcolor.cli.text import Parser, add_verbose, at_least
from vidcolor.cli.words import add_fps
from vidcolor.errors import SettingsError

DESCRIPTION = """\
Say what color something has. What you say is kept in a color sheet, a text file beside the film
(docs/colors.md). Without one of the options below, a first sheet with all shots is written. Edits
are checked against the film before they are written; your comments stay.
"""
"""Stands at the beginning of the help."""

EXAMPLES = """\
examples:
  vidcolor colors film.mp4                                  write film.colors.toml, a stretch a shot
  vidcolor colors film.mp4 --add-hint 1:30.5 0.4,0.5 navy --name coat
  vidcolor colors film.mp4 --add-hint 90.5 0.4,0.3 0.4,0.7 '#232b45'    a stroke
  vidcolor colors film.mp4 --save jacket '#27324f'          a color by name ...
  vidcolor colors film.mp4 --add-hint 13.2 0.6,0.3 @jacket  ... and its use
  vidcolor colors film.mp4 --add-reference still.png 14     this image is the frame at 14 seconds
  vidcolor colors film.mp4 --add-reference postcard.jpg     colors for what looks like it
  vidcolor colors photo.jpg --add-hint 0.4,0.5 navy         a picture has no times
  vidcolor colors film.mp4 --find coat                      look for it in the other shots
  vidcolor colors film.mp4 --check                          what the sheet does, shot by shot
  vidcolor colors film.mp4 --import film-Scenes.csv         the shots of PySceneDetect
  vidcolor film.mp4 out.mp4 --colors auto                   color the film with it

X and Y go from 0 to 1, from the left to the right and from the top to the bottom.
"""
"""Stand at the end of the help."""


class _Parser(Parser):
    """Tells what is meant where words of --add-hint are taken for something else."""

    def error(self, message: str) -> NoReturn:
        """As of `Parser`."""
        if re.search(r"unrecognized arguments: -[\d.]*,", message):
            message = "--add-hint: x and y go from 0 to 1"
        elif message.endswith("required: FILM"):
            message = "name the film first: vidcolor colors FILM, then the option"
        super().error(message)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Shows the words of an option as they are written, where they are told in one text."""

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        if isinstance(action.metavar, str) and " " in action.metavar:
            return action.metavar
        return super()._format_args(action, default_metavar)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = _Parser(
        prog="vidcolor colors",
        usage="vidcolor colors FILM [--sheet FILE] [one of the options below]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=_Formatter,
    )
    p.add_argument("film", metavar="FILM", help="a film or a picture")
    p.add_argument(
        "--sheet", metavar="FILE", help="the color sheet (default: FILM's name + .colors.toml)"
    )
    _add_actions(p)
    p.add_argument("--name", help="with --add-hint: what the thing is called")
    p.add_argument(
        "--size",
        metavar="S",
        help="with --add-hint: diameter of the point or width of the stroke, as a share of the"
        " short side (default: 0.02)",
    )
    p.add_argument(
        "--area",
        action="store_true",
        help="with --add-hint: the places are the corners of an area, at least three",
    )
    p.add_argument("--json", action="store_true", help="with --check: print JSON")
    p.add_argument(
        "--shots",
        metavar="FILE",
        help="take the shots from a list (docs/shots.md), or from a report, instead of reading the"
        " film",
    )
    add_fps(p)
    p.add_argument("-q", "--quiet", action="store_true", help="show no progress bar")
    add_verbose(p)
    return p


def _add_actions(p: argparse.ArgumentParser) -> None:
    """What can be done instead of a first sheet."""
    group = p.add_argument_group("one of").add_mutually_exclusive_group()
    group.add_argument(
        "--add-hint",
        nargs="+",
        metavar="[TIME] X,Y [X,Y ...] COLOR",
        help="the place X,Y has this color at TIME, and so has the thing there in the whole shot;"
        " several places are a stroke. COLOR is #rrggbb, a CSS name, gray, auto or @NAME of a saved"
        " color",
    )
    group.add_argument(
        "--add-reference",
        nargs="+",
        metavar="IMAGE [TIME]",
        help="an image in color: the frame at TIME, or without TIME one that looks like the film",
    )
    group.add_argument(
        "--save", nargs=2, metavar=("NAME", "COLOR"), help="save a color, to be used as @NAME"
    )
    group.add_argument(
        "--remove-hint",
        type=at_least(1),
        metavar="N",
        help="remove a hint; they are counted from 1, as --check shows",
    )
    group.add_argument(
        "--find",
        metavar="NAME",
        help="look in the other shots for what hints call NAME, and propose hints there: as"
        " comments at the end of the sheet, each with how sure it is",
    )
    group.add_argument(
        "--check",
        action="store_true",
        help="read the sheet against the film, and show what it does in each shot",
    )
    group.add_argument(
        "--import",
        dest="import_",
        metavar="FILE",
        help="write a first sheet from the shots in a CSV of PySceneDetect or ai-remaster-pipeline;"
        " of the latter, with its references",
    )


def run(args: argparse.Namespace) -> int:
    """Do what is asked for; 0.

    Raises:
        SettingsError: Options that do not go together.
        VidcolorError: The film, the sheet or what is to be said do not fit.
    """
    _check_options(args)
    subject = open_subject(args)
    from vidcolor.cli import colors_edit

    if args.add_hint:
        return colors_edit.add_hint(args, subject)
    if args.add_reference:
        return colors_edit.add_reference(args, subject)
    if args.save:
        return colors_edit.save_color(args, subject)
    if args.remove_hint:
        return colors_edit.remove_hint(args, subject)
    if args.check:
        from vidcolor.cli.colors_check import check

        return check(args, subject)
    if args.find is not None:
        from vidcolor.cli.colors_find import find

        return find(args, subject)
    if args.import_ is not None:
        from vidcolor.cli.colors_import import import_shots

        return import_shots(args, subject)
    from vidcolor.cli.colors_first import write_first

    return write_first(args, subject)


def _check_options(args: argparse.Namespace) -> None:
    for option in ("name", "size"):
        if getattr(args, option) is not None and not args.add_hint:
            raise SettingsError(f"--{option} goes with --add-hint; add one, or leave it out")
    if args.area and not args.add_hint:
        raise SettingsError("--area goes with --add-hint; add one, or leave it out")
    if args.json and not args.check:
        raise SettingsError("--json goes with --check; add it, or leave --json out")
    others = (args.add_hint, args.add_reference, args.save, args.remove_hint, args.import_)
    if args.shots and any(others):
        raise SettingsError("--shots is for a first sheet, --check and --find; leave it out")
