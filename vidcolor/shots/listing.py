"""The shots of a whole film, each with its frames and times, and as the text that others read.

Here are PySceneDetect's CSV and FFmpeg's chapters; `vidcolor.shots.edl` and `vidcolor.shots.otio`
write the others.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from vidcolor.core.files import printable
from vidcolor.core.timecode import counted_rate, decimal, frame_of_smpte, smpte, timecode
from vidcolor.errors import SettingsError

_FINEST = Fraction(1, 1_000_000)
"""Seconds in which chapters are told where the film's own ticks do not fit."""


@dataclass(frozen=True)
class ListedShot:
    """A shot, and where its frames are."""

    start: Fraction
    """When its first frame is shown, in seconds from the film's start."""
    end: Fraction
    """When its last one ends."""
    frame: int
    """Number of its first frame, from 0."""
    frames: int
    """Number of its frames, at least one."""


@dataclass(frozen=True)
class Listing:
    """The shots of a film, in order and without gaps, and what tells their frames."""

    name: str
    """Of the film's file."""
    shots: tuple[ListedShot, ...]
    """At least one."""
    tick: Fraction
    """Seconds of which the film counts its times."""
    rate: Fraction | None
    """Frames per second, exactly; None where the frame rate is variable."""
    timecode: str = ""
    """SMPTE timecode of the first frame; empty where the film tells none."""

    @property
    def frames(self) -> int:
        """Number of all frames."""
        return self.shots[-1].frame + self.shots[-1].frames


def exact_rate(
    nominal: Fraction | None, times: Sequence[Fraction], slack: Fraction = Fraction(1, 2)
) -> Fraction | None:
    """Frames per second, where each frame is shown when it is its turn.

    Args:
        nominal: As the container tells it, which rounds that of NTSC.
        times: When each frame is shown, in order, in seconds; at least one.
        slack: Share of a frame by which it may be early or late: containers round times.

    Returns:
        The exact rate; None where it is variable, or frames are missing.
    """
    if not nominal:
        return None
    try:
        rate = counted_rate(nominal)
    except ValueError:
        rate = nominal
    for number, time in enumerate(times):
        if abs((time - times[0]) * rate - number) >= slack:
            return None
    return rate


@dataclass(frozen=True)
class Clock:
    """What the frames of a film are called in SMPTE timecode."""

    rate: Fraction
    first: int
    """What the first frame is called, as a number."""
    drop: bool

    def text(self, frame: int) -> str:
        """The timecode of a frame, counted from 0 in the film."""
        return smpte(self.first + frame, self.rate, self.drop)


def clock_of(listing: Listing, kind: str) -> Clock:
    """What the frames of a film are called.

    Args:
        listing: Of the film.
        kind: What is to be written, for errors.

    Raises:
        SettingsError: They have no numbers, or none that timecode counts.
    """
    if listing.rate is None:
        raise SettingsError(
            f"{printable(listing.name)}: its frame rate is variable, or frames are missing, so"
            f" {kind} cannot say which frames are meant; use --to csv, which tells times"
        )
    try:
        rate = counted_rate(listing.rate)
        first, drop = frame_of_smpte(listing.timecode, rate) if listing.timecode else (0, False)
    except ValueError as error:
        raise SettingsError(f"{printable(listing.name)}: {error}; use --to csv") from None
    return Clock(rate, first, drop)


SCENE_COLUMNS = (
    *("Scene Number", "Start Frame", "Start Timecode", "Start Time (seconds)", "End Frame"),
    *("End Timecode", "End Time (seconds)", "Length (frames)", "Length (timecode)"),
    "Length (seconds)",
)
"""Of PySceneDetect, which counts frames from 1, and ends scenes with their last one."""


def as_scenes(listing: Listing) -> str:
    """CSV as PySceneDetect writes and reads it; its times count from the film's first frame."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SCENE_COLUMNS)
    begin = listing.shots[0].start
    for number, shot in enumerate(listing.shots, 1):
        row: list[object] = [number]
        start, end = shot.start - begin, shot.end - begin
        for frame, time in (
            (shot.frame + 1, start),
            (shot.frame + shot.frames, end),
            (shot.frames, end - start),
        ):
            row += [frame, timecode(time).zfill(12), decimal(time, 3)]
        writer.writerow(row)
    return text.getvalue()


def as_chapters(listing: Listing) -> str:
    """FFmpeg's metadata file with a chapter for each shot, to the tick of the film."""
    times = [time for shot in listing.shots for time in (shot.start, shot.end)]
    exact = all((time / listing.tick).denominator == 1 for time in times)
    tick = listing.tick if exact else _FINEST
    lines = [";FFMETADATA1"]
    for number, shot in enumerate(listing.shots, 1):
        lines += ["[CHAPTER]", f"TIMEBASE={tick.numerator}/{tick.denominator}"]
        lines += [f"START={round(shot.start / tick)}", f"END={round(shot.end / tick)}"]
        lines += [f"title=Shot {number}"]
    return "\n".join(lines) + "\n"
