"""Single edits of a color sheet: each is checked against the film, written, and told in a line."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.checks import check_beside
from vidcolor.cli.text import count, say
from vidcolor.core.files import printable
from vidcolor.core.timecode import is_smpte, parse_seconds, parse_smpte, timecode
from vidcolor.errors import ColorSheetError, FilmError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidcolor.cli.colors_shots import Subject
    from vidcolor.core.video_info import VideoInfo
    from vidcolor.guidance.entries import Hint, Reference
    from vidcolor.guidance.types import ColorSheet


def add_hint(args: argparse.Namespace, subject: Subject) -> int:
    """Write a hint; 0.

    Raises:
        SettingsError: It says what cannot be, or does not fit the film.
    """
    with _naming("--add-hint"):
        hint = read_hint(args.add_hint, subject.info, args.name, args.size, args.area)
        sheet = _sheet_now(subject)
        _check_saved(str(hint.color), sheet)
        _check_fit(sheet, hint, subject.info)
        where = _where(subject.info, hint.time)
    from vidcolor.preview.hint_lightness import find_lightness

    (lightness,) = find_lightness(subject.source, [hint])
    sheet = _add(args, subject, hint)
    number, line = len(sheet.hints), sheet.hints[-1].line
    say(f"{subject.sheet}:{line}: hint {number}, {tell_hint(hint, sheet)}; it holds for {where}")
    from vidcolor.guidance.sheet_check import find_colors_not_shown

    alone = replace(sheet, hints=sheet.hints[-1:])
    _say_notes(subject, sheet, find_colors_not_shown(alone, lambda _: lightness))
    return 0


def add_reference(args: argparse.Namespace, subject: Subject) -> int:
    """Write a reference; 0.

    Raises:
        SettingsError: It says what cannot be, or does not fit the film.
    """
    from vidcolor.guidance.entries import Reference

    with _naming("--add-reference"):
        image, *times = args.add_reference
        if len(times) > 1:
            raise SettingsError("give IMAGE, or IMAGE TIME")
        time = None if times in ([], ["-"]) else read_time(times[0], subject.info)
        reference = Reference(path_from(subject.sheet, image), time)
        _check_fit(_sheet_now(subject), reference, subject.info)
        if fault := fault_of_image(Path(image)):
            raise SettingsError(fault)
        where = _where(subject.info, time) if time is not None else ""
    sheet = _add(args, subject, reference)
    number, line = len(sheet.references), sheet.references[-1].line
    what = f"the frame at {timecode(time)}; it holds for {where}" if time is not None else "a look"
    if time is None:
        what += " for the picture" if subject.info is None else " for the whole film"
    say(f"{subject.sheet}:{line}: reference {number}, {reference.image}, {what}")
    _say_notes(subject, sheet)
    return 0


def save_color(args: argparse.Namespace, subject: Subject) -> int:
    """Save a color by name; 0.

    Raises:
        SettingsError: It is no color.
    """
    from vidcolor.guidance.entries import SheetContent
    from vidcolor.guidance.sheet_edits import set_saved

    name, color = args.save[0].strip().removeprefix("@"), args.save[1].strip()
    with _naming("--save"):
        if not name or not name.isprintable():
            raise SettingsError(f"{args.save[0]!r} is no name; write one, as jacket")
        SheetContent(saved={name: color})
    before = _sheet_now(subject)
    sheet = _edit(args, subject, lambda text: set_saved(text, name, color, subject.clock))
    used = sum(hint.color == f"@{name}" for hint in sheet.hints)
    used += sum(one == f"@{name}" for palette in sheet.palettes for one in palette.colors)
    told = f"saved {name} = {color}"
    if name in before.saved:
        told += f", which was {before.saved[name]}; it is used {count(used, 'time')}"
    else:
        told += f"; use it as @{name}"
    say(f"{subject.sheet}:{_line_of(subject, ('saved', name))}: {told}")
    _say_notes(subject, sheet)
    return 0


def remove_hint(args: argparse.Namespace, subject: Subject) -> int:
    """Remove a hint, with the comments directly above and below it; 0.

    Raises:
        SettingsError: There is no such hint.
    """
    from vidcolor.guidance.sheet_edits import remove_entry

    number = args.remove_hint
    if not subject.sheet.exists():
        raise SettingsError(
            f"--remove-hint: there is no color sheet {subject.sheet}; name one with --sheet"
        )
    before = _sheet_now(subject)
    with _naming("--remove-hint"):
        sheet = _edit(args, subject, lambda text: remove_entry(text, "hint", number, subject.clock))
    hint = before.hints[number - 1]
    left = count(len(sheet.hints), "hint") if sheet.hints else "no hint"
    told = f"removed hint {number}, {tell_hint(hint, before)}; {left} left"
    say(f"{subject.sheet}:{hint.line}: {told}")
    _say_notes(subject, sheet)
    return 0


@contextmanager
def _naming(option: str) -> Iterator[None]:
    """Puts the option before what is wrong with its words; errors with a line have their place."""
    try:
        yield
    except ColorSheetError as error:
        raise error if error.line else SettingsError(f"{option}: {error}") from None
    except (SettingsError, ValueError) as error:
        raise SettingsError(f"{option}: {error}") from None


def read_hint(
    words: Sequence[str],
    info: VideoInfo | None,
    name: str | None,
    size: str | None,
    is_area: bool = False,
) -> Hint:
    """A hint from the words ``[TIME] X,Y ... COLOR``: several places are a stroke.

    Args:
        words: These.
        info: Of the film; None for a picture, in which there are no times.
        name: What the thing is called; None for no name.
        size: Diameter as a share of the short side; None is the usual one.
        is_area: The places are the corners of an area.

    Raises:
        SettingsError: They are no hint.
    """
    from vidcolor.guidance.entries import Hint

    *places, color = words
    times = places[:1] if places and "," not in places[0] else []
    points = tuple(map(read_point, places[len(times) :]))
    if not points:
        raise SettingsError(f"give {'TIME ' if info else ''}X,Y COLOR, as 0.4,0.5 navy")
    if info and times in ([], ["-"]):
        raise SettingsError("a film needs the time when it looks so: TIME X,Y COLOR")
    time = None if times in ([], ["-"]) else read_time(times[0], info)
    if name is not None and (not name.strip() or not name.isprintable()):
        raise SettingsError(f"--name {name!r} is no name; write one, as coat")
    if is_area and size is not None:
        raise SettingsError("--size is for points and strokes; leave it out with --area")
    is_point = len(points) == 1 and not is_area
    return Hint(
        point=points[0] if is_point else None,
        stroke=() if is_point or is_area else points,
        polygon=points if is_area else (),
        color=color,
        size=0.02 if size is None else _number(size, "--size"),
        time=time,
        name=name or "",
    )


def read_time(word: str, info: VideoInfo | None) -> Fraction:
    """Seconds from the start of a film: ``90``, ``1:30``, ``0:01:30.5`` or SMPTE timecode.

    Raises:
        SettingsError: It is no time, or there is no film.
    """
    if info is None:
        raise SettingsError(f"a picture has no times; leave {word} out")
    try:
        if not is_smpte(word):
            return parse_seconds(word)
        if info.frame_rate is None:
            raise SettingsError(f"{word} counts frames, but the film has no frame rate")
        return parse_smpte(word, info.frame_rate, info.timecode)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def read_point(word: str) -> tuple[float, float]:
    """x and y of ``0.4,0.5``.

    Raises:
        SettingsError: It is no place in the picture.
    """
    from vidcolor.guidance.entries import check_point

    parts = word.split(",")
    if len(parts) != 2:
        raise SettingsError(f"{word!r} is no place; write X,Y, as 0.4,0.5")
    return check_point([_number(part, f"{word!r}") for part in parts])


def _number(word: str, what: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SettingsError(f"{what}: {word!r} is no number; write one, as 0.4")
    return number


def path_from(sheet: Path, image: str) -> str:
    """A path as it is written into a sheet: from the folder that the sheet lies in.

    An absolute one stays so, unless the image lies in that folder.
    """
    folder = os.path.realpath(sheet.parent)
    place = os.path.join(os.path.realpath(os.path.dirname(image) or "."), os.path.basename(image))
    is_inside = place.startswith(os.path.join(folder, ""))
    if os.path.isabs(image) and not is_inside:
        return image
    try:
        return Path(os.path.relpath(place, folder)).as_posix()
    except ValueError:  # on another drive
        return place


def fault_of_image(path: Path) -> str:
    """Why an image cannot be read, and what to do; empty where it can."""
    from vidcolor.media.images.files import read_rgb

    try:
        read_rgb(path)
    except FilmError as error:
        return f"{error}; save it as PNG or JPEG"
    return ""


def tell_hint(hint: Hint, sheet: ColorSheet) -> str:
    """``jacket, @jacket = #27324f at 0:00:13.200, 0.4,0.5``."""
    from vidcolor.color.parse import write_color

    color = write_color(hint.color)
    if color.startswith("@"):
        color += f" = {write_color(sheet.saved[color[1:]])}"
    time = f"{timecode(hint.time)}, " if hint.time is not None else ""
    return f"{f'{hint.name}, ' if hint.name else ''}{color} at {time}{tell_place(hint)}"


def tell_place(hint: Hint) -> str:
    """``0.4,0.5``, ``a stroke from 0.1,0.2 to 0.5,0.2`` or ``an area around 0.5,0.9``."""
    if hint.point:
        return _pair(hint.point)
    if hint.stroke:
        return f"a stroke from {_pair(hint.stroke[0])} to {_pair(hint.stroke[-1])}"
    xs, ys = zip(*hint.polygon, strict=True)
    return f"an area around {_pair(((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2))}"


def _pair(point: tuple[float, float]) -> str:
    return f"{point[0]:.4g},{point[1]:.4g}"


def _sheet_now(subject: Subject) -> ColorSheet:
    """The sheet as it is; an empty one where there is none."""
    from vidcolor.guidance.types import ColorSheet

    if not subject.sheet.exists():
        return ColorSheet(path=subject.sheet)
    clock = subject.clock
    return ColorSheet.read(subject.sheet, clock.rate, clock.start)


def _check_saved(color: str, sheet: ColorSheet) -> None:
    """Refuse the name of a color that is not saved."""
    name = color[1:]
    if not color.startswith("@") or name in sheet.saved:
        return
    near = get_close_matches(name, sheet.saved, n=1)
    advice = f"did you mean @{near[0]}?" if near else f"save it first: --save {name} COLOR"
    raise SettingsError(f"no saved color {color}; {advice}")


def _check_fit(sheet: ColorSheet, entry: Hint | Reference, info: VideoInfo | None) -> None:
    from vidcolor.guidance.sheet_check import find_faults

    for fault in find_faults(sheet, entry, info):
        raise SettingsError(printable(fault))


def _where(info: VideoInfo | None, time: Fraction | None) -> str:
    """For what a hint holds.

    Raises:
        SettingsError: No frame is shown at its time.
    """
    if info is None or time is None:
        return "the picture"
    from vidcolor.run.shot_scan import find_shot

    shot = find_shot(info, time)
    if shot is None:
        raise SettingsError(f"no frame is shown at {timecode(time)}; choose another time")
    end = "the end" if shot.end_seconds is None else timecode(shot.end_seconds)
    return f"the shot from {timecode(shot.start_seconds)} to {end}"


def _add(args: argparse.Namespace, subject: Subject, entry: Hint | Reference) -> ColorSheet:
    from vidcolor.guidance.sheet_edits import add_entry

    return _edit(args, subject, lambda text: add_entry(text, entry, subject.clock))


def _edit(args: argparse.Namespace, subject: Subject, change: Callable[[str], str]) -> ColorSheet:
    """Change the sheet, which is made where there is none; as it is then.

    Raises:
        ColorSheetError: What is there is no color sheet.
        OutputError: It cannot be written.
    """
    from vidcolor.guidance.first_sheet import bare_sheet
    from vidcolor.guidance.sheet_edits import edit_file

    check_beside("--sheet", subject.sheet, args.film)
    bare = "" if subject.sheet.exists() else bare_sheet(subject.source.name)
    edit_file(subject.sheet, lambda text: change(text or bare), subject.clock)
    return _sheet_now(subject)


def _line_of(subject: Subject, path: tuple[str | int, ...]) -> int:
    from vidcolor.guidance.sheet_file import read_text
    from vidcolor.guidance.toml_lines import LineIndex

    return LineIndex(read_text(subject.sheet).replace("\r\n", "\n")).find(path)


def _say_notes(
    subject: Subject, sheet: ColorSheet, more: Iterator[str] | Sequence[str] = ()
) -> None:
    from vidcolor.guidance.sheet_check import note_other_video

    for note in (*note_other_video(sheet, subject.info), *more):
        say(f"note: {note}")
