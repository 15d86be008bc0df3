"""The shots of a list of another program, found among the frames of the video."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path, PureWindowsPath

from vidcolor.core.timecode import timecode
from vidcolor.errors import ColorSheetError
from vidcolor.guidance.entries import Stretch
from vidcolor.guidance.first_sheet import SheetShot
from vidcolor.guidance.sheet_file import sheet_error
from vidcolor.guidance.shot_csv import ListedReference, ListedShot, Mark, ShotList

_ROUNDED = Fraction(1, 1000)
"""Seconds by which times in lists are rounded."""
_SPARE = Fraction(1)
"""Seconds by which the last shot may end behind the video: programs count its last frames
otherwise."""
_PARENTS = 4
"""How many folders above a list its images are looked for: their paths begin in that of the
program."""


@dataclass(frozen=True)
class PlacedReference:
    """An image of a list, and what it shows."""

    line: int
    """Of the list, from 1."""
    image: str
    """As the list writes it."""
    time: Fraction | None
    """When the frame is shown that it is; None where that is not told."""
    start: Fraction
    """When its shot begins."""
    end: Fraction | None
    """When its shot ends; None at the end of the video."""


@dataclass(frozen=True)
class PlacedShots:
    """A list of shots, in the times of the video."""

    shots: list[SheetShot]
    references: list[PlacedReference]
    by_seconds: bool
    """Whether its numbers of frames are not those of the video, so that its seconds were taken."""


def place_shots(
    found: ShotList, times: Sequence[Fraction], end: Fraction, name: str
) -> PlacedShots:
    """The shots of a list, from frame to frame of the video.

    Args:
        found: The list.
        times: When each frame of the video is shown, in order; at least one.
        end: When the last one ends.
        name: Of the list, for errors.

    Raises:
        ColorSheetError: It is of another video, or its shots overlap; the text names the line.
    """
    grid = _Grid(times, end, name, found)
    shots: list[SheetShot] = []
    references: list[PlacedReference] = []
    before = 0
    for number, shot in enumerate(found.shots, 1):
        is_last = number == len(found.shots)
        first = before if grid.is_empty(shot.start) else grid.find(shot.start, shot.line)
        is_open = is_last and grid.is_empty(shot.end)
        after = len(times) if is_open else grid.find(shot.end, shot.line, is_last)
        _check_order(first, after, before, shot, name)
        stretch = Stretch(
            start=times[first] if first else Fraction(0),
            end=None if after == len(times) else times[after],
            keep_gray=True if shot.keep_gray else None,
            line=shot.line,
        )
        shots.append(SheetShot(stretch, after - first, grid.borders[after] - grid.borders[first]))
        for reference in shot.references:
            time = grid.find_within(reference, first, after)
            references.append(
                PlacedReference(shot.line, reference.image, time, stretch.start, stretch.end)
            )
        before = after
    return PlacedShots(shots, references, grid.by_seconds)


def _check_order(first: int, after: int, before: int, shot: ListedShot, name: str) -> None:
    if first < before:
        raise sheet_error(
            name, shot.line, "this shot begins before the one above it ends; correct its start"
        )
    if after <= first:
        raise sheet_error(
            name, shot.line, "this shot ends before its first frame is over; correct its end"
        )


class _Grid:
    """The frames of a video, and which of them the marks of a list mean."""

    def __init__(
        self, times: Sequence[Fraction], end: Fraction, name: str, found: ShotList
    ) -> None:
        self.borders = [*times, max(end, times[-1])]
        self._name = name
        lengths = sorted(after - start for start, after in pairwise(self.borders))
        self._half = max(lengths[len(lengths) // 2] / 2, _ROUNDED)
        marks = [mark for shot in found.shots for mark in (shot.start, shot.end)]
        self.by_seconds = any(map(self._differs, marks))

    def _differs(self, mark: Mark) -> bool:
        """Whether the frame of a mark is shown at another time than the mark says."""
        if mark.frame is None or mark.seconds is None:
            return False
        spare = self._half + _ROUNDED
        seconds = mark.seconds + self.borders[0]
        if mark.frame >= len(self.borders):  # such a frame is not there, but such a time may be
            return seconds <= self.borders[-1] + spare
        return abs(self.borders[mark.frame] - seconds) > spare

    def is_empty(self, mark: Mark) -> bool:
        """Whether a mark tells nothing: numbers of frames do not where they are of other frames."""
        return mark.seconds is None and (mark.frame is None or self.by_seconds)

    def find(self, mark: Mark, line: int, is_last: bool = False) -> int:
        """Number of the frame that begins at a mark; that behind the last one for the end.

        Args:
            mark: Of the list.
            line: Of the list.
            is_last: Whether it is the end of the last shot.

        Raises:
            ColorSheetError: The video has no such frame.
        """
        last = len(self.borders) - 1
        spare = _SPARE if is_last else Fraction(0)
        if mark.frame is not None and not self.by_seconds:
            if mark.frame > last + spare / (2 * self._half):
                raise self._beyond(line, f"goes to frame {mark.frame}, but the video has {last}")
            return min(mark.frame, last)
        told = mark.seconds or Fraction(0)
        seconds = told + self.borders[0]
        if seconds > self.borders[-1] + 2 * self._half + _ROUNDED + spare:
            end = timecode(self.borders[-1])
            raise self._beyond(line, f"goes to {timecode(told)}, but the video ends at {end}")
        after = min(bisect_left(self.borders, seconds), last)
        nearer = after and seconds - self.borders[after - 1] < self.borders[after] - seconds
        return after - 1 if nearer else after

    def _beyond(self, line: int, what: str) -> ColorSheetError:
        return sheet_error(self._name, line, f"this shot {what}; the list is of another video")

    def find_within(self, reference: ListedReference, first: int, after: int) -> Fraction | None:
        """When the frame of a reference is shown; None where that is no frame of its shot."""
        if self.is_empty(reference.mark):
            return None
        try:
            frame = self.find(reference.mark, 0)
        except ColorSheetError:
            return None
        return self.borders[frame] if first <= frame < after else None


def image_places(image: str, csv: Path) -> Iterator[Path]:
    """Where an image of a list may lie, the likeliest place first.

    Args:
        image: As the list writes it, which may be the path of another system.
        csv: The list.
    """
    path = Path(image)
    if path.is_absolute():
        yield path
        return
    plain = Path(*PureWindowsPath(image).parts)
    folder = csv.absolute().parent
    for above in (folder, *list(folder.parents)[:_PARENTS]):
        yield above / plain
        yield above / "input" / plain
