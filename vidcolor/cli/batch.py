"""``vidcolor FOLDER OUTFOLDER``, ``vidcolor 'films/*.mp4' OUTFOLDER``: many films, one table."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import check_folder, check_sources, check_weights, is_name_of_one
from vidcolor.cli.faces import OPENING, PICTURE
from vidcolor.cli.progress import ProgressFile, Shown, progress_file
from vidcolor.cli.summary import headline, speed, summarise
from vidcolor.cli.text import (
    clock,
    columns,
    count,
    fail,
    is_surprise,
    printable,
    reason,
    say,
    shorten_name,
)
from vidcolor.core.collector import quick_imports
from vidcolor.core.find_sequence import sequence_at
from vidcolor.core.paths import STILL_SUFFIXES, is_pattern
from vidcolor.core.purposes import add_suffix
from vidcolor.errors import FilmUnreadable, SettingsError
from vidcolor.settings import Settings

if TYPE_CHECKING:
    from vidcolor.core.report import Report
    from vidcolor.run.batch import Batch, Outcome
    from vidcolor.run.inputs import BatchInputs, BatchItem

WIDEST = 44
"""Columns of a film's name; longer ones are cut in the middle."""
WIDEST_TITLE = 28
"""The same, before a bar."""

FAILED = 2
"""Exit code of a batch in which a film failed."""

SHOWN = 3
"""How many of the files that are left out are named."""

INTERRUPTED = "interrupted; run the same command again to resume"


def is_batch(args: argparse.Namespace) -> bool:
    """Whether several films are meant, or a film in a folder."""
    (source, *others), target = args.sources, args.target
    if others or is_pattern(source) or os.path.isdir(target) or target.endswith(os.sep):
        return True
    return os.path.isdir(source) and not is_name_of_one(target)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Color all films; 2 where one failed, else 3 where one is not whole, else 0.

    Raises:
        VidcolorError: Nothing can be begun.
    """
    found = checked_reels(args, settings)
    films = len(found.items)
    rows: list[Row] = []
    args.ended = rows
    with progress_file(args.progress) as lines:
        with Shown(None, args.quiet, things(found.items)):
            with quick_imports():
                from vidcolor.run.batch import Batch

            batch = Batch(settings)
        for number, item in enumerate(found.items, 1):
            rows.append(_colorize_item(batch, item, (number, films), lines, args))
    return conclude(rows, found, args)


def describe_interrupt(args: argparse.Namespace) -> str:
    """What a batch that was stopped leaves behind."""
    done = sum(row.code != FAILED for row in list(getattr(args, "ended", ())))
    if args.quiet or not done:
        return INTERRUPTED
    return f"interrupted; {done} of {args.films} done; run the same command again to resume"


def conclude(rows: Sequence[Row], found: BatchInputs, args: argparse.Namespace) -> int:
    """Print the table; the exit code."""
    if not args.quiet:
        for line in ["", *table(rows), "", _sum(rows, found, args.verbose)]:
            say(line)
    return max((row.code for row in rows), key=(0, 3, 2).index)


def checked_reels(args: argparse.Namespace, settings: Settings) -> BatchInputs:
    """The films that are meant; all that can be known before one is colored was checked.

    Raises:
        SettingsError: An option or a name makes no sense for several films.
        WeightsNotFound: There is no such net.
        OutputError: Nothing can be written there.
        FilmUnreadable: There is no film.
    """
    target = Path(args.target)
    if args.report:
        raise SettingsError("--report is for one film; with several, each gets a report beside it")
    if args.sound:
        raise SettingsError("--sound is for one film; with several, leave it out")
    if "" in args.sources:
        raise SettingsError("an input name is empty; name a film or a folder")
    if is_name_of_one(args.target) and not target.is_dir():
        raise SettingsError(
            f"{args.target}: not a folder; with several inputs, the output must be a folder"
        )
    if args.colors not in (None, "auto", "none"):
        raise SettingsError(
            "--colors FILE is for one film; with several, --colors auto takes the sheet beside each"
        )
    check_weights(settings.colorizer.weights)
    check_sources(args.sources)
    check_folder(args.target)
    from vidcolor.run.inputs import find_inputs

    to = add_suffix(args.purpose, args.to) if args.purpose else args.to
    found = find_inputs(args.sources, target, to)
    if not found.items:
        others = _left_out(found.left_out, args.verbose)
        raise FilmUnreadable(f"{', '.join(args.sources)}: no film or picture found{others}")
    if args.fps is not None and not any(sequence_at(item.source) for item in found.items):
        raise SettingsError(
            f"{', '.join(args.sources)}: --fps is for image sequences, and here is none; name the"
            " frames of one: FOLDER or scan_%06d.png"
        )
    args.films = things(found.items)
    return replace(found, items=tuple(replace(one, colors=args.colors) for one in found.items))


def things(items: Sequence[BatchItem]) -> str:
    """``1 film``, ``6 pictures``; several of which some are pictures are films."""
    return count(len(items), "picture" if all(map(_is_picture, items)) else "film")


def _is_picture(item: BatchItem) -> bool:
    return item.target.suffix.lower() in STILL_SUFFIXES


def _colorize_item(
    batch: Batch,
    item: BatchItem,
    place: tuple[int, int],
    lines: ProgressFile | None,
    args: argparse.Namespace,
) -> Row:
    """Color one film, show how far it is, and tell how it went; its line of the table."""
    number, films = place
    title = f"{number}/{films} {shorten_name(item.name, WIDEST_TITLE)}"
    told: dict[str, Any] = {"film": number, "films": films, "name": item.name}
    doing = PICTURE if _is_picture(item) else OPENING
    with Shown(lines, args.quiet, title, target=item.target, doing=doing, **told) as shown:
        outcome = batch.color(item, shown)
        shown.report = outcome.report
    if outcome.error and args.interrupt.number:
        raise KeyboardInterrupt from outcome.error  # native code made it another error
    row = row_of(outcome)
    tell(outcome, row, f"{number}/{films}", args)
    return row


def tell(outcome: Outcome, row: Row, place: str, args: argparse.Namespace) -> None:
    """A line about a film that is done, as soon as it is."""
    if outcome.error:
        if args.verbose and is_surprise(outcome.error):
            traceback.print_exception(outcome.error)
        fail(f"{place} {row.name}: {row.why}")
    elif args.quiet or not outcome.report:
        return
    elif not args.verbose and not row.why and sys.stderr.isatty():
        return  # where there is a bar, the table at the end tells it
    elif row.result == "skipped":
        say(f"{place} {outcome.report.target}: already done")
    elif args.verbose:
        summarise(outcome.report, args.verbose)
    else:
        say(f"{place} {headline(outcome.report)}{row.why and '; '}{row.why}")


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    result: str
    code: int
    """Exit code of the batch if all others are done and whole."""
    frames: str = ""
    time: str = ""
    speed: str = ""
    why: str = ""


def row_of(outcome: Outcome) -> Row:
    """What the table says of a film."""
    name, result, report = printable(outcome.item.name), str(outcome.result), outcome.report
    if report is None:
        return Row(name, result, FAILED, why=_reason(outcome))
    code, why = (0, "") if report.clean else (3, missing(report))
    if result == "skipped":
        return Row(name, result, code, str(report.frames), why=why)
    rate = speed(report)
    told = "" if rate is None else f"{rate:.1f}"
    return Row(name, result, code, str(report.frames), clock(report.seconds["total"]), told, why)


def missing(report: Report) -> str:
    """How much of a film was damaged, and what was not copied."""
    damage = ", ".join(f"{count} {kind}" for kind, count in report.damage_counts.items())
    left = ", ".join(item.what for item in report.left_behind)
    return "; ".join(filter(None, (damage, left and f"not copied: {left}")))


def _reason(outcome: Outcome) -> str:
    if not outcome.error:
        return ""
    text = reason(outcome.error)
    for name in (outcome.item.source, outcome.item.source.name, outcome.item.target.name):
        text = text.removeprefix(f"{name}: ")
    return printable(text)


def table(rows: Sequence[Row]) -> list[str]:
    """The lines of the table, of the same width but for what is wrong with a film."""
    head = ("film", "result", "frames", "time", "frames/s")
    cells = [
        head,
        *((shorten_name(r.name, WIDEST), r.result, r.frames, r.time, r.speed) for r in rows),
    ]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    lines = []
    for cell, why in zip(cells, ["", *(row.why for row in rows)], strict=True):
        room = [" " * (width - columns(word)) for word, width in zip(cell, widths, strict=True)]
        left = [word + space for word, space in zip(cell[:2], room, strict=False)]
        right = [space + word for word, space in zip(cell[2:], room[2:], strict=True)]
        lines.append("  ".join([*left, *right, why]).rstrip())
    return lines


def _sum(rows: Sequence[Row], found: BatchInputs, verbose: bool) -> str:
    from vidcolor.run.batch import Result

    times = Counter(row.result for row in rows)
    counts = ", ".join(f"{times[result]} {result}" for result in Result if times[result])
    return f"{things(found.items)}: {counts}{_left_out(found.left_out, verbose)}"


def _left_out(paths: Sequence[Path], verbose: bool) -> str:
    """Files that were taken for no films."""
    if not paths:
        return ""
    names = [path.name for path in (paths if verbose else paths[:SHOWN])]
    more = [] if len(names) == len(paths) else ["..."]
    what = "1 other file" if len(paths) == 1 else f"{len(paths)} other files"
    return f"; {what} ignored: {', '.join([*names, *more])}"
