"""Whether a color sheet fits the video or the image that it is for."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from vidcolor.color.chroma import shadow_fade
from vidcolor.color.difference import delta_e_2000
from vidcolor.color.parse import color_ab
from vidcolor.core.files import printable
from vidcolor.core.timecode import timecode
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import ColorSheetError, WeightsNotFound
from vidcolor.guidance.entries import Hint, Reference, Stretch
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.display import screen_size
from vidcolor.media.images.header import orientation, picture_size
from vidcolor.nets.weights import find_weights

SHAPE_TOLERANCE = 0.02
"""By which share an image may be wider or narrower than the frame that it is."""
SPARE = Fraction(1)
"""Seconds by which a stretch may end after the video; containers round their durations."""
SEEN_DIFFERENCE = 3.0
"""CIEDE2000 from which a color that cannot be shown is told of."""
_BLACK = 0.5
"""Share of a color that shadows leave below which a place counts as black."""
_HEAD = 1 << 24


def check_sheet(
    sheet: ColorSheet,
    info: VideoInfo | None = None,
    size: tuple[int, int] | None = None,
    lightness_at: Callable[[Hint], float | None] | None = None,
) -> tuple[str, ...]:
    """What a user should know of a color sheet; each note names the line.

    Args:
        sheet: The sheet.
        info: Of the video; None for an image, in which there are no times.
        size: (width, height) of the image, as it is displayed; None where it is not known.
        lightness_at: L* 0..100 of the place of a hint, or None; without it, colors are not looked
            at.

    Raises:
        ColorSheetError: It does not fit: a time outside the video, a hint without one, a missing
            image, an image of another shape than the frame, weights that are not there.
    """
    problems = sorted(_problems(sheet, info, size), key=lambda problem: problem.line)
    if problems:
        raise problems[0]
    notes = note_other_video(sheet, info)
    if lightness_at:
        notes += find_colors_not_shown(sheet, lightness_at)
    return tuple(notes)


def note_other_video(sheet: ColorSheet, info: VideoInfo | None) -> list[str]:
    """What is to be said where a sheet names another video than the one it is used for."""
    name = info.path.name if info and not info.is_piped else ""
    if not sheet.video or not name or sheet.video == name:
        return []
    text = f'is for "{sheet.video}" and is used for {name}; change video = ... if that is right'
    return [f"{_name(sheet)}: {printable(text)}"]


def check_references(sheet: ColorSheet, size: tuple[int, int]) -> None:
    """See that the references that are a picture have its shape; times are not looked at.

    Args:
        sheet: What is said of the picture; its references with a time are the picture.
        size: (width, height) of the picture.

    Raises:
        ColorSheetError: One has another shape, or is missing.
    """
    for number, reference in enumerate(sheet.references, 1):
        for what in _faults_of_image(sheet, reference, [size]):
            raise _error(sheet, reference.line, f"reference {number}", what)


def _problems(
    sheet: ColorSheet, info: VideoInfo | None, size: tuple[int, int] | None
) -> Iterator[ColorSheetError]:
    kinds: tuple[tuple[str, Sequence[Hint | Reference | Stretch]], ...] = (
        ("hint", sheet.hints),
        ("reference", sheet.references),
        ("stretch", sheet.stretches),
    )
    for kind, entries in kinds:
        for number, entry in enumerate(entries, 1):
            for what in find_faults(sheet, entry, info, size):
                yield _error(sheet, entry.line, f"{kind} {number}", what)


def find_faults(
    sheet: ColorSheet,
    entry: Hint | Reference | Stretch,
    info: VideoInfo | None,
    size: tuple[int, int] | None = None,
) -> Iterator[str]:
    """Why an entry does not fit the video: what is wrong, and what to do.

    Args:
        sheet: That it is of, or that it is to be put into: images lie beside it.
        entry: The entry.
        info: As of `check_sheet`.
        size: As of `check_sheet`.
    """
    if isinstance(entry, Hint):
        yield from _faults_of_time(entry.time, info, is_needed=True)
    elif isinstance(entry, Reference):
        yield from _faults_of_time(entry.time, info)
        yield from _faults_of_span(entry.start, entry.end, info)
        yield from _faults_of_image(sheet, entry, _shapes(info, size))
    else:
        yield from _faults_of_span(entry.start or None, entry.end, info)
        if entry.weights:
            yield from _faults_of_weights(entry.weights)


def _faults_of_time(
    time: Fraction | None, info: VideoInfo | None, is_needed: bool = False
) -> Iterator[str]:
    if info is None:
        if time is not None:
            yield "an image has no times; remove time"
    elif time is None:
        if is_needed:
            yield 'this hint has no time; add one, as time = "0:01:30.5"'
    elif info.duration is not None and time > info.duration:
        yield f"time {timecode(time)} is outside the video, which ends at {_end(info)}; correct it"


def _faults_of_span(
    start: Fraction | None, end: Fraction | None, info: VideoInfo | None
) -> Iterator[str]:
    if info is None:
        if start is not None or end is not None:
            yield "an image has no times; remove from and to"
        return
    if info.duration is None:
        return
    if start is not None and start >= info.duration:
        yield f"from {timecode(start)} is outside the video, which ends at {_end(info)}; correct it"
    elif end is not None and end > info.duration + SPARE:
        yield (
            f"to {timecode(end)} is outside the video, which ends at {_end(info)}; leave to out for"
            " the end"
        )


def _end(info: VideoInfo) -> str:
    return timecode(info.duration or Fraction(0))


def _faults_of_weights(name: str) -> Iterator[str]:
    try:
        find_weights(name)
    except WeightsNotFound as error:
        yield str(error)


def _faults_of_image(
    sheet: ColorSheet, reference: Reference, shapes: Sequence[tuple[int, int]]
) -> Iterator[str]:
    """Of the file, and of its shape where it is to be a frame."""
    if isinstance(reference.image, np.ndarray):
        height, width = reference.image.shape[:2]
        found: tuple[int, int] | None = (width, height)
        name = "the array"
    else:
        path = sheet.find_image(reference)
        name = str(reference.image)
        try:
            found = _image_size(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "is no path"
            yield f"image {name}: {reason}; name an image, its path from the folder of the sheet"
            return
    if reference.time is None or not shapes or found is None:
        return
    if not any(_is_alike(found, shape) for shape in shapes):
        frame = shapes[0]
        yield (
            f"image {name} is {found[0]}x{found[1]} and not of the shape of the frame,"
            f" {frame[0]}x{frame[1]}; crop it, or remove time to use it as a look"
        )


def _image_size(path: Path) -> tuple[int, int] | None:
    """(width, height) of an image as it is displayed; None where its head does not tell."""
    if not path.is_file():  # of a pipe, nobody knows when it ends
        raise FileNotFoundError(errno.ENOENT, "there is no such file")
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    size = picture_size(head)
    return size[::-1] if size and orientation(head) > 4 else size


def _shapes(info: VideoInfo | None, size: tuple[int, int] | None) -> list[tuple[int, int]]:
    """Sizes of the frame: displayed, and stored, in which some programs save frames."""
    if info is None:
        return [size] if size else []
    return [screen_size(info), (info.width, info.height)]


def _is_alike(first: tuple[int, int], second: tuple[int, int]) -> bool:
    if 0 in (*first, *second):
        return False
    stretch = first[0] * second[1] / (first[1] * second[0])
    return 1 / (1 + SHAPE_TOLERANCE) <= stretch <= 1 + SHAPE_TOLERANCE


def find_colors_not_shown(
    sheet: ColorSheet, lightness_at: Callable[[Hint], float | None]
) -> Iterator[str]:
    """What is to be said of hints whose color the luma of their place cannot show.

    Args:
        sheet: The sheet.
        lightness_at: As of `check_sheet`.
    """
    for number, hint in enumerate(sheet.hints, 1):
        color = sheet.resolve(hint.color)
        lightness = lightness_at(hint) if color else None
        if color is None or lightness is None:
            continue
        wanted, shown = color_ab(color), color_ab(color, lightness)
        fade = float(shadow_fade(torch.tensor(lightness)))
        shown = shown[0] * fade, shown[1] * fade
        pair = [torch.tensor([lightness, *ab], dtype=torch.float64) for ab in (wanted, shown)]
        if float(delta_e_2000(*pair)) > SEEN_DIFFERENCE:
            light = "dark" if lightness < 50 else "light"
            says = (
                f"the picture is too {light} here for {hint.color}; the strongest color of this hue"
                " that it can show is used"
            )
            if fade < _BLACK:
                says = f"the picture is too dark here; black stays black, {hint.color} hardly shows"
            yield _place(sheet, hint.line, f"hint {number}", says)


def _name(sheet: ColorSheet) -> str:
    return printable(sheet.path.name) if sheet.path else "color sheet"


def _place(sheet: ColorSheet, line: int, entry: str, what: str) -> str:
    """A text about an entry, with its line or its number."""
    where = f"{line}" if line else f" {entry}"
    return f"{_name(sheet)}:{where}: {printable(what)}"


def _error(sheet: ColorSheet, line: int, entry: str, what: str) -> ColorSheetError:
    error = ColorSheetError(_place(sheet, line, entry, what))
    error.line = line
    return error
