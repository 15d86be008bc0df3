"""``vidcolor preview FILM OUT``: see before you wait."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import (
    check_colors,
    check_film,
    check_output,
    check_source,
    check_weights,
)
from vidcolor.cli.color import add_color, add_label, add_picture, color_settings
from vidcolor.cli.preview_shots import of_shots, spread_on_sheet, with_listed
from vidcolor.cli.progress import Shown
from vidcolor.cli.summary import format_value as printed
from vidcolor.cli.summary import left_gray
from vidcolor.cli.text import (
    Parser,
    add_verbose,
    clock,
    damage_lines,
    moment,
    option,
    say,
    shorten_name,
)
from vidcolor.cli.words import add_output
from vidcolor.core.collector import quick_imports
from vidcolor.core.paths import STILL_SUFFIXES
from vidcolor.errors import SettingsError
from vidcolor.settings import (
    InputSettings,
    OutputSettings,
    PaintSettings,
    Settings,
    TemporalSettings,
)

if TYPE_CHECKING:
    from vidcolor.preview.contact_sheet import Look
    from vidcolor.preview.previews import OnProgress, Preview, Variant
    from vidcolor.preview.viewer import Viewer

LOOKS = ("side", "split", "after")
KEYS = {
    "saturation": float,
    "vivid": float,
    "smooth": float,
    "weights": str,
    "size": int,
    "stride": int,
}
"""What can be varied, and what its values are."""
WIDEST = 28
"""Columns of a film's name before the bar."""

ROWS = 4
"""Moments of a sweep that names none."""
LARGE = 4
"""Frames with hints at most that are shown at full size."""


@dataclass(frozen=True)
class At:
    """A moment as it was asked for."""

    value: Fraction
    """Seconds from the film's start, or a share of its length."""
    share: bool


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = Parser(
        prog="vidcolor preview",
        description="Show what a film will look like, within seconds: a sheet of frames from the"
        " whole film, or the frames you ask for. Only what is shown is colored.",
    )
    p.add_argument("film", metavar="FILM", help="film or picture")
    p.add_argument("target", metavar="OUT", nargs="?", help=".png or .jpg")
    what = p.add_argument_group("what to show")
    what.add_argument(
        "--sheet", type=grid, metavar="CxR", help="columns and rows of the sheet (default 4x4)"
    )
    what.add_argument(
        "--at",
        type=at,
        action="append",
        metavar="TIME|N%",
        help="show this frame at full size; may be repeated: 90, 1:30, 00:01:30.5, 30%%",
    )
    what.add_argument(
        "--vary",
        type=values,
        action="append",
        metavar="KEY=V,V,...",
        help=f"show a column for each value of {', '.join(KEYS)}; may be repeated",
    )
    what.add_argument("--per-shot", action="store_true", help="show the middle of each shot")
    what.add_argument(
        "--shots",
        type=Path,
        metavar="FILE",
        help="read the shots from a list (docs/shots.md), a --report, or the OUT of an unfinished"
        " run (default: find them in the film)",
    )
    what.add_argument(
        "--look",
        choices=LOOKS,
        help="before and after side by side, half and half, or only after (default: side for"
        " frames at full size, split on sheets, after with --vary)",
    )
    what.add_argument(
        "--marks",
        action="store_true",
        help="mark where the hints of the color sheet (--colors) lie; without other frames, show"
        " those that have hints",
    )
    add_picture(what)
    add_color(p)
    out = p.add_argument_group("output")
    add_output(out, "target_too")
    add_label(out)
    out.add_argument("-y", "--force", action="store_true", help="replace an existing OUT")
    out.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add_verbose(out)
    return p


def grid(word: str) -> tuple[int, int]:
    """``4x3`` -> (columns, rows), for argparse."""
    found = re.fullmatch(r"(\d{1,3})[xX](\d{1,3})", word)
    columns, rows = map(int, found.groups()) if found else (0, 0)
    if not columns or not rows:
        raise argparse.ArgumentTypeError(f"{word!r} is not COLUMNSxROWS, such as 4x4")
    return columns, rows


def at(word: str) -> At:
    """``1:30`` or ``30%``, for argparse."""
    if not word.endswith("%"):
        return At(moment(word), share=False)
    if not re.fullmatch(r"\d{1,3}(\.\d{1,9})?%", word) or Fraction(word[:-1]) > 100:
        raise argparse.ArgumentTypeError(f"{word!r} is not a position in the film; use 0% to 100%")
    return At(Fraction(word[:-1]) / 100, share=True)


def values(word: str) -> tuple[str, list[Any]]:
    """``saturation=0.8,1`` -> ("saturation", [0.8, 1.0]), for argparse."""
    key, text = option(word)
    if key not in KEYS:
        raise argparse.ArgumentTypeError(f"cannot vary {key!r}; use one of {', '.join(KEYS)}")
    try:
        found = [KEYS[key](value) for value in text.split(",")]
    except ValueError:
        found = []
    if not found or "" in found:
        raise argparse.ArgumentTypeError(f"{word!r} is not a list of values; use {key}=V,V,...")
    return key, list(dict.fromkeys(found))


def run(args: argparse.Namespace) -> int:
    """Draw, show a bar, print what was drawn; 0 or 3."""
    args.target = args.target or args.target_too
    if args.target is None:
        parser().error("the following arguments are required: OUT")
    contradictions(args)
    opened = InputSettings(video_stream=args.video_stream, max_pixels=args.max_pixels, fps=args.fps)
    settings = replace(color_settings(args), open=opened)
    output = OutputSettings(force=args.force, label=args.label)
    chosen = combinations(settings, args.vary or [])
    check(args, settings, output)
    settings = with_listed(args, settings)
    began = perf_counter()
    # It takes seconds, too few for a log. Where shots are looked for, that has a bar of its own.
    still = args.quiet or args.per_shot or not sys.stderr.isatty()
    with Shown(None, still, shorten_name(Path(args.film).name, WIDEST)) as shown:
        with quick_imports():
            from vidcolor.core.report import Progress
            from vidcolor.media.images.files import check_still_target, write_picture
            from vidcolor.preview.viewer import Viewer

        def advance(done: int, total: int) -> None:
            shown(Progress(done, total, 0.0))

        ways = make_variants(chosen, args.vary or [])
        target = check_still_target(args.film, args.target, output)
        with Viewer(args.film, settings, colors=args.colors) as viewer:
            preview = draw_preview(args, viewer, ways, advance)
            write_picture(preview.picture, target, output, viewer.label)
    if not args.quiet:
        summarise(args, preview, perf_counter() - began)
    return 3 if preview.damage else 0


def contradictions(args: argparse.Namespace) -> None:
    """Refuse options of which one would be ignored.

    Raises:
        SettingsError: There are such.
    """
    args.per_shot = args.per_shot or args.shots is not None
    given = {"--at": args.at, "--sheet": args.sheet, "--per-shot": args.per_shot}
    asked = [name for name, words in given.items() if words]
    if args.at and len(asked) > 1:
        raise SettingsError(f"--at and {asked[1]} exclude each other; use one of them")
    if args.vary and (args.sheet or args.per_shot):
        raise SettingsError(
            f"--vary draws its own sheet and excludes {asked[-1]}; use --at to choose frames"
        )
    if args.marks and args.colors in (None, "none"):
        raise SettingsError("--marks shows the hints of a color sheet; add --colors auto or a file")


def check(args: argparse.Namespace, settings: Settings, output: OutputSettings) -> None:
    """All that can be known before anything is colored.

    Raises:
        VidcolorError: What would stop it later.
    """
    weights = [value for key, some in args.vary or [] if key == "weights" for value in some]
    check_weights(settings.colorizer.weights, *weights)
    check_source(args.film)
    check_colors(args.colors)
    if Path(args.target).suffix.lower() not in STILL_SUFFIXES:
        known = ", ".join(STILL_SUFFIXES)
        raise SettingsError(f"{Path(args.target).name}: the output must end in {known}")
    check_output(args.film, args.target, output)
    check_film(args.film, settings.open)


def combinations(
    settings: Settings, asked: Sequence[tuple[str, list[Any]]]
) -> list[tuple[str, Settings]]:
    """Name and settings of each combination of values.

    Raises:
        SettingsError: A value is out of range, or a key is asked for twice.
    """
    if not asked:
        return []
    keys = [key for key, _ in asked]
    if len(set(keys)) < len(keys):
        raise SettingsError("--vary takes each key once; list all its values: KEY=V,V,...")
    found = []
    for combination in product(*(some for _, some in asked)):
        chosen = dict(zip(keys, combination, strict=True))
        words = [f"{key} {printed(value)}" for key, value in chosen.items()]
        found.append((", ".join(words), with_values(settings, chosen)))
    return found


def make_variants(
    chosen: Sequence[tuple[str, Settings]], asked: Sequence[tuple[str, list[Any]]]
) -> list[Variant]:
    """A variant for each combination of values."""
    from vidcolor.preview.previews import Variant
    from vidcolor.preview.viewer import AS_SET, NEAR, ROUGH

    keys = [key for key, _ in asked]
    context = AS_SET if "stride" in keys else NEAR if "smooth" in keys else ROUGH
    return [Variant(name, settings, context) for name, settings in chosen]


def with_values(settings: Settings, chosen: dict[str, Any]) -> Settings:
    """The settings with other values under some keys of `KEYS`."""
    chosen = dict(chosen)
    saturation = chosen.pop("saturation", settings.paint.saturation)
    strength = chosen.pop("smooth", settings.smooth.strength)
    return replace(
        settings,
        paint=PaintSettings(saturation),
        smooth=TemporalSettings(strength),
        colorizer=replace(settings.colorizer, **chosen),
    )


def draw_preview(
    args: argparse.Namespace, viewer: Viewer, ways: list[Variant], advance: OnProgress
) -> Preview:
    """What the options ask for.

    Raises:
        SettingsError: It cannot be had of this film.
    """
    from vidcolor.preview.previews import full_size, overview, sweep

    if viewer.film is None and (args.sheet or args.per_shot or args.at):
        raise SettingsError(
            f"{viewer.name}: is a picture; --sheet, --at and --per-shot are for films"
        )
    end = advance, args.marks
    moments = [chosen(viewer, each) for each in args.at or []]
    if viewer.film is None:
        moments = [Fraction(0)]
    if ways:
        return sweep(viewer, moments or viewer.spread(ROWS), ways, args.look or "after", *end)
    hinted = viewer.hint_moments() if args.marks and not (args.sheet or args.per_shot) else []
    if moments or 0 < len(hinted) <= LARGE:
        return full_size(viewer, moments or hinted, args.look or "side", *end)
    look: Look = args.look or "split"
    if args.per_shot or hinted:
        some = spread_on_sheet(args, viewer, look, hinted, "frames with hints") if hinted else None
        return overview(viewer, *(some or of_shots(args, viewer, look)), look, *end)
    columns, rows = args.sheet or (4, 4)
    return overview(viewer, viewer.spread(columns * rows), columns, look, *end)


def chosen(viewer: Viewer, asked: At) -> Fraction:
    """The moment that was asked for, in seconds.

    Raises:
        SettingsError: The film has ended by then.
    """
    return viewer.end * asked.value if asked.share else viewer.check(asked.value)


def summarise(args: argparse.Namespace, preview: Preview, seconds: float) -> None:
    """Print what was drawn, and what was damaged."""
    height, width = preview.picture.shape[1:]
    count = len(preview.seconds)
    what = f"{count} frame{'s' * (count > 1)}, {width}x{height}"
    say(f"{args.target}: {what} in {clock(seconds)}")
    if args.marks and not preview.marks:
        say("  note     no hint of the color sheet lies on these frames, so there is no mark")
    if preview.neutral:
        say(f"  gray     {left_gray(preview.neutral)}")
    for note in preview.notes:
        say(f"  note     {note}")
    for line in damage_lines(preview.damage, preview.damage_counts):
        say(line)
