"""``vidcolor IN OUT --dry-run``: what would be done; nothing is written."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli import batch
from vidcolor.cli.checks import PIPE, check_one
from vidcolor.cli.one import check_words
from vidcolor.cli.progress import Shown
from vidcolor.cli.summary import CONVERTED, format_value
from vidcolor.cli.text import (
    about,
    clock,
    count,
    fail,
    file_size,
    printable,
    reason,
    shorten_name,
    write_json,
)
from vidcolor.core.paths import STILL_SUFFIXES
from vidcolor.errors import VidcolorError
from vidcolor.settings import Settings

if TYPE_CHECKING:
    from vidcolor.run.batch import Batch
    from vidcolor.run.dry_run import Expectation
    from vidcolor.run.inputs import BatchItem

TRYING = "coloring a few seconds"
"""What is shown meanwhile."""
ENDING = "nothing was written; leave out --dry-run to do it"


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print what would be done; 0, or 2 where a film of several would fail.

    Raises:
        VidcolorError: What would stop the run.
    """
    if args.several:
        return _tell_several(args, settings)
    check_words(args, settings, clustered=args.cluster is not None)
    if check_one(args, settings) is None:
        print(f"{printable(args.source)} -> {printable(args.target)}: a picture")
    else:
        target = "pipe.mkv" if args.target == PIPE else args.target
        with Shown(None, args.quiet, _title(args.source), doing=TRYING):
            from vidcolor.run.dry_run import expect

            found = expect(args.source, target, settings=settings, colors=args.colors)
        for line in describe(found, args.target):
            print(printable(line))
        if args.report:
            complaint = f"the report {args.report} cannot be written"
            write_json(found.to_dict(), args.report, complaint)
    print(ENDING)
    return 0


def _tell_several(args: argparse.Namespace, settings: Settings) -> int:
    """Print what would be done with each of several films."""
    found = batch.checked_reels(args, settings)
    code, size, seconds = 0, 0, 0.0
    with Shown(None, args.quiet, batch.things(found.items)):
        from vidcolor.run.batch import Batch

        films = Batch(settings)
    for item in found.items:
        try:
            if films.find_done(item):
                lines = [f"{item.name}: already done"]
            elif item.target.suffix.lower() in STILL_SUFFIXES:
                lines = [f"{item.name} -> {item.target}: a picture"]
            else:
                expected = _expect_item(item, films, args.quiet)
                lines = describe(expected, str(item.target))
                size, seconds = size + (expected.bytes or 0), seconds + (expected.seconds or 0)
        except VidcolorError as error:
            fail(f"{item.name}: {reason(error).removeprefix(f'{item.source.name}: ')}")
            code = batch.FAILED
            continue
        for line in lines:
            print(printable(line))
    if size:
        print(f"{batch.things(found.items)}: about {file_size(size)} in about {about(seconds)}")
    print(ENDING)
    return code


def _expect_item(item: BatchItem, films: Batch, quiet: bool) -> Expectation:
    with Shown(None, quiet, _title(item.name), doing=TRYING):
        return films.expect(item)


def _title(name: str) -> str:
    return shorten_name(Path(name).name, batch.WIDEST_TITLE)


def describe(found: Expectation, target: str) -> list[str]:
    """The lines that tell what would be done with a film."""
    info = found.info
    rate = f", {float(info.frame_rate):g} frames/s" if info.frame_rate else ""
    length = "" if info.duration is None else f", {clock(float(info.duration))}"
    frames = "" if found.frames is None else f", {count(found.frames, 'frame')} to color"
    size = f"{info.width}x{info.height}"
    loss = "lossless" if found.lossless else "lossy"
    luma = "unchanged" if found.luma == "exact" else found.luma
    options = " ".join(f"{key}={value}" for key, value in found.options.items())
    lines = [
        f"{found.source} -> {target}",
        f"  source   {info.codec} {size} {info.stored_format}{rate}{length}{frames}",
        f"  video    {found.codec} {found.pixels}, {loss}; luma {luma} before encoding",
        *([f"  encoder  {options}"] if options else []),
        f"  color    {_describe_color(found)}",
        *(f"  {'sound' if CONVERTED in line else 'copy':<8} {line}" for line in found.carried),
        *(f"  note     {note}" for note in found.notes),
        *(f"  NOT COPIED  {left.what}: {left.why}" for left in found.left_behind),
    ]
    if found.kept:
        lines.append(f"  resume   {count(found.kept, 'frame')} of an interrupted run are kept")
    if found.bytes is None or found.seconds is None:
        return [*lines, "  expect   unknown: the film does not tell how long it is"]
    speed = "" if found.speed is None else f", {found.speed:.1f} frames/s"
    tried = count(found.trial.frames, "frame")
    what = f"about {file_size(found.bytes)} in about {about(found.seconds)}{speed}"
    return [*lines, f"  expect   {what} (tried with {tried}, on this machine)"]


def _describe_color(found: Expectation) -> str:
    color, smoothing = found.spec.color, found.spec.smoothing
    strength = smoothing.strength if smoothing else 0.0
    vivid = "" if color.vivid is None else f", vivid {format_value(color.vivid)}"
    dials = f"{vivid}, smooth {format_value(strength)}, script {color.script}"
    return f"weights {found.weights['name']}{dials}; on {found.spec.net.device}"
