"""``vidcolor script FILM OUT``: see what ``--script auto`` decides before the film is colored."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import (
    PIPE,
    check_beside,
    check_colors,
    check_film,
    check_output,
    check_source,
    check_weights,
)
from vidcolor.cli.color import add_color, add_label, add_picture, color_settings
from vidcolor.cli.faces import LOADING
from vidcolor.cli.progress import Shown
from vidcolor.cli.shot_lists import add_shots, with_cuts
from vidcolor.cli.text import (
    Parser,
    add_verbose,
    clock,
    count,
    damage_lines,
    moment,
    say,
    shorten_name,
    write_json,
)
from vidcolor.cli.words import add_output
from vidcolor.core.paths import STILL_SUFFIXES
from vidcolor.core.timecode import timecode
from vidcolor.errors import OutputExists, SettingsError
from vidcolor.settings import InputSettings, OutputSettings, Settings

if TYPE_CHECKING:
    from vidcolor.preview.script_palette import Swatch
    from vidcolor.preview.script_scenes import Scene, ScriptView

WIDEST = 28
"""Columns of a film's name before the bar."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor script",
        usage="vidcolor script FILM OUT [options]\n"
        "       vidcolor script FILM --json FILE [options]",
        description="Show what --script auto decides before you color a film: a picture with a row"
        " for each scene, which is shots that show the same things: its palette, and its key frames"
        " in the colors that the net finds for each alone and in those that the scene agreed upon."
        " Reads the whole film, and colors a few frames of each shot.",
    )
    p.add_argument("film", metavar="FILM", help="film to look through")
    p.add_argument(
        "target",
        metavar="OUT",
        nargs="?",
        help=".png or .jpg; very many scenes go on in OUT-2.png, OUT-3.png",
    )
    what = p.add_argument_group("what to show")
    what.add_argument(
        "--all",
        action="store_true",
        help="also show scenes of a single key frame, which nothing else agreed with",
    )
    what.add_argument("--start", type=moment, metavar="TIME", help="as of vidcolor IN OUT")
    what.add_argument("--end", type=moment, metavar="TIME", help="as of vidcolor IN OUT")
    add_shots(what)
    add_picture(what)
    add_color(p)
    out = p.add_argument_group("output")
    add_output(out, "target_too")
    out.add_argument(
        "--json", metavar="FILE", help="write scenes, shots and palettes as JSON (- for stdout)"
    )
    add_label(out)
    out.add_argument("-y", "--force", action="store_true", help="replace an existing OUT")
    out.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add_verbose(out)
    return p


def run(args: argparse.Namespace) -> int:
    """Make the script, draw it, print what it has; 0 or 3."""
    args.target = args.target or args.target_too
    if args.target is None and args.json is None:
        parser().error("the following arguments are required: OUT, or --json FILE")
    opened = InputSettings(args.start, args.end, args.video_stream, args.max_pixels, fps=args.fps)
    settings = replace(color_settings(args), open=opened)
    output = OutputSettings(force=args.force, label=args.label)
    check(args, settings, output)
    settings = with_cuts(args.shots, args.film, settings, args.quiet)
    began = perf_counter()
    name = shorten_name(Path(args.film).name, WIDEST)
    with Shown(None, args.quiet, name, doing=LOADING) as shown:
        view = look(args, settings, shown)
        written = write_pages(view, args.target, output) if args.target else []
    found = as_json(view, args.film)
    if args.json == PIPE:
        print(json.dumps(found, indent=1))
    elif args.json:
        complaint = f"the color script cannot be written to {args.json}"
        write_json(found, Path(args.json), complaint)
    if not args.quiet:
        summarise(args, view, written, perf_counter() - began)
    return 3 if view.damage else 0


def check(args: argparse.Namespace, settings: Settings, output: OutputSettings) -> None:
    """All that can be known before anything is colored.

    Raises:
        VidcolorError: What would stop it later.
    """
    check_weights(settings.colorizer.weights)
    if args.film == PIPE:
        raise SettingsError("a color script takes several passes through the film; name a file")
    check_source(args.film)
    check_colors(args.colors)
    check_beside(
        "--json", None if args.json == PIPE else args.json, *(args.film, args.target or args.film)
    )
    if args.target:
        if Path(args.target).suffix.lower() not in STILL_SUFFIXES:
            known = ", ".join(STILL_SUFFIXES)
            raise SettingsError(f"{Path(args.target).name}: the output must end in {known}")
        check_output(args.film, args.target, output)
        check_pages([page_path(args.target, 2)], output)
    from vidcolor.media.open import film_is_still

    if film_is_still(args.film):
        raise SettingsError(f"{args.film}: is a picture; color scripts are for films")
    check_film(args.film, settings.open)


def page_path(target: str, number: int) -> Path:
    """Where a page is written: ``OUT.png``, ``OUT-2.png``, ``OUT-3.png``."""
    path = Path(target)
    return path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")


def check_pages(paths: list[Path], output: OutputSettings) -> None:
    """See that nothing lies where the pages after the first one go.

    Raises:
        OutputExists: Something does.
    """
    there = [path for path in paths if os.path.lexists(path)]
    if there and not output.force:
        raise OutputExists(f"{there[0]}: exists, and many scenes would go on in it; use --force")


def look(args: argparse.Namespace, settings: Settings, shown: Shown) -> ScriptView:
    """Make the script, and paint what is shown."""
    from vidcolor.core.report import Progress
    from vidcolor.preview.script_scenes import MOST, Wish, look_at_script, open_viewer

    def tell(doing: str, done: int, of: int | None) -> None:
        total = f" of {of}" if of else ""
        shown(Progress(0, None, 0.0, f"{doing}: {done}{total} frames"))

    wish = Wish(most=MOST if args.target else 0, singles=args.all)
    with open_viewer(args.film, settings) as viewer:
        return look_at_script(viewer, settings, wish, colors=args.colors, on_stage=tell)


def write_pages(view: ScriptView, target: str, output: OutputSettings) -> list[Path]:
    """Draw all pages and write them; the first one last, so it is whole where it is there.

    Raises:
        OutputError: One cannot be written.
    """
    from vidcolor.media.images.files import write_picture
    from vidcolor.preview.script_sheet import draw_pages

    pages = list(draw_pages(view))
    paths = [page_path(target, number) for number in range(1, len(pages) + 1)]
    check_pages(paths[1:], output)
    for path, page in reversed([*zip(paths, pages, strict=True)]):
        write_picture(page, path, output, view.label)
    return paths


def as_json(view: ScriptView, film: str) -> dict[str, Any]:
    """All scenes as plain types, also those that are not shown."""
    return {
        "film": film,
        "shots": view.shots,
        "scenes": [_scene_entry(scene) for scene in view.scenes],
    }


def _scene_entry(scene: Scene) -> dict[str, Any]:
    return {
        "scene": scene.number,
        "shots": [
            {name: _time_entry(seconds) for name, seconds in ends if seconds is not None}
            for ends in (
                (("start", shot.start_seconds), ("end", shot.end_seconds)) for shot in scene.shots
            )
        ],
        "key_frames": [_time_entry(seconds) for seconds in scene.times],
        "change": round(scene.change, 2),
        "palette": {"before": _palette_entry(scene.before), "after": _palette_entry(scene.after)},
    }


def _time_entry(seconds: Any) -> dict[str, Any]:
    return {"seconds": round(float(seconds), 6), "time": timecode(seconds)}


def _palette_entry(palette: tuple[Swatch, ...]) -> list[dict[str, Any]]:
    return [{"color": one.color, "share": round(one.share, 4)} for one in palette]


def summarise(
    args: argparse.Namespace, view: ScriptView, written: list[Path], seconds: float
) -> None:
    """Print what the script has, what is shown of it, and what was damaged."""
    keys = sum(len(scene.times) for scene in view.scenes)
    has = f"{count(keys, 'key frame')} of {count(view.shots, 'shot')}"
    has += f", {count(len(view.scenes), 'scene')}"
    names = ", ".join(map(str, written)) or args.film
    say(f"{names}: {has}; {clock(seconds)}")
    singles = sum(scene.is_single for scene in view.scenes)
    if written and singles == len(view.scenes):
        say("  note     no two key frames show the same, so each keeps its own colors")
    elif written and singles and not args.all:
        word = "scene" if singles == 1 else "scenes"
        say(f"  note     {singles} {word} of a single key frame left out; --all shows them")
    for note in view.notes:
        say(f"  note     {note}")
    for line in damage_lines(view.damage, view.damage_counts):
        say(line)
