"""The shots that ``vidcolor preview --per-shot`` shows, and how long it takes to find them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from vidcolor.cli.text import about, clock, say
from vidcolor.errors import FilmError, SettingsError

if TYPE_CHECKING:
    from tqdm import tqdm

    from vidcolor.core.frames import Frame, Shot
    from vidcolor.preview.contact_sheet import Look
    from vidcolor.preview.shot_list import ShotList
    from vidcolor.preview.viewer import Viewer
    from vidcolor.settings import Settings

MEASURED = 1.5
"""Seconds after which it is told how long it takes to find the shots."""


def with_listed(args: argparse.Namespace, settings: Settings) -> Settings:
    """The settings with the cuts of ``--shots``: what a picture rests on ends where its shot does.

    Raises:
        FilmUnreadable: There is no such list, or the film cannot be read.
        SettingsError: The list is damaged.
    """
    from vidcolor.media.open import film_is_still

    if args.shots is None or film_is_still(args.film):
        return settings
    from vidcolor.preview.cut_files import read_listed

    found, _ = read_listed(args.shots, Path(args.film), settings.open)
    cuts = tuple(shot.start for shot in found.shots if shot.start > 0)
    return replace(settings, shots=replace(settings.shots, cuts=cuts))


def of_shots(args: argparse.Namespace, viewer: Viewer, look: Look) -> tuple[list[Fraction], int]:
    """The middles of shots, as many as a sheet holds, and the number of its columns."""
    middles = shot_list(args, viewer).middles(viewer.end)
    return spread_on_sheet(args, viewer, look, middles, "shots")


def spread_on_sheet(
    args: argparse.Namespace, viewer: Viewer, look: Look, moments: list[Fraction], what: str
) -> tuple[list[Fraction], int]:
    """Those of some moments that a sheet holds, and the number of its columns.

    Args:
        args: Of the command.
        viewer: Shows the film.
        look: As of `columns_for`.
        moments: Seconds from the film's start.
        what: What is shown, where some of it has to be left out.
    """
    from vidcolor.preview.contact_sheet import columns_for

    count = len(moments)
    columns, most = columns_for(count, viewer.screen.size, look, args.sheet[0] if args.sheet else 0)
    if count > most:
        moments = [moments[count * (2 * place + 1) // (2 * most)] for place in range(most)]
        if not args.quiet:
            say(
                f"a sheet holds {most} of these pictures; {count - most} of {count} {what}, evenly"
                " spread, are left out"
            )
    return moments, columns


def shot_list(args: argparse.Namespace, viewer: Viewer) -> ShotList:
    """The shots of the film: from the file that is named, from its report, or looked for.

    Raises:
        SettingsError: The file is of another film.
    """
    from vidcolor.media.identity import is_same
    from vidcolor.preview.cut_files import read_listed
    from vidcolor.preview.shot_list import ShotList, read_shot_list

    assert viewer.film is not None
    identity = viewer.film.info.identity
    if args.shots:
        found, notes = read_listed(args.shots, viewer.film.info.path, viewer.settings.open)
        for note in () if args.quiet else notes:
            say(f"note: {note}")
        if found.source and not is_same(viewer.film.info.path, found.source, identity):
            raise SettingsError(
                f"{args.shots}: belongs to another film than {viewer.name}, or to an earlier"
                " version of it"
            )
        if found.end and not args.quiet:
            known = clock(float(found.end))
            say(f"{args.shots} is unfinished; the sheet shows the film up to {known}")
        return found
    for path in report_names(Path(args.film), Path(args.target)):
        try:
            found = read_shot_list(path)
        except FilmError:
            continue
        is_of_it = found.source and is_same(viewer.film.info.path, found.source, identity)
        if found.whole and is_of_it:
            if not args.quiet:
                say(f"using the shots in {path}")
            return found
    return ShotList(tuple(looked_for(args, viewer)))


def report_names(film: Path, target: Path) -> Iterator[Path]:
    """Where a report on the film may lie, by the names that reports get."""
    for folder in dict.fromkeys((film.parent, target.parent)):
        for name in (f"{film.stem}.json", f"{film.name}.json"):
            if (folder / name).is_file():
                yield folder / name


def looked_for(args: argparse.Namespace, viewer: Viewer) -> list[Shot]:
    """The shots, found in a pass through the whole film, with a bar."""
    from tqdm import tqdm

    from vidcolor.core.iterators import close, tap
    from vidcolor.media.decode.decoder import decode
    from vidcolor.media.open import open_video
    from vidcolor.shots.detector import detect_shots

    with open_video(args.film, viewer.settings.open) as film:
        rate = film.info.frame_rate or 25
        total = film.info.frames or round(viewer.end * rate)
        bar: tqdm[Any] = tqdm(
            unit=" frames", total=total, disable=True if args.quiet else None, smoothing=0.1
        )
        frames = tap(decode(film), show_estimate(bar, total, args.quiet))
        try:
            with bar:
                shots = list(detect_shots(frames, viewer.settings.shots))
        finally:
            close(frames)
        for damage in film.log.damage:
            viewer.note(damage)
    return shots


def show_estimate(bar: tqdm[Any], total: int, quiet: bool) -> Callable[[Frame], None]:
    """What moves the bar with each frame, and soon says how long all will take."""
    began, told, count = perf_counter(), quiet, 0

    def see(_: Frame) -> None:
        nonlocal told, count
        count += 1
        bar.update()
        spent = perf_counter() - began
        if not told and spent >= MEASURED:
            told = True
            bar.clear()
            took = about(spent * max(total, count) / count)
            say(f"finding the shots takes about {took}; --shots FILE avoids this")

    return see
