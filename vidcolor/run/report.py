"""The one place where reports are filled: what frames, source, target and session tell."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from vidcolor.colorize.session import Session
from vidcolor.core.files import printable
from vidcolor.core.frames import Frame
from vidcolor.core.gray_runs import GrayRuns
from vidcolor.core.iterators import close
from vidcolor.core.report import Dropped, Progress, Report
from vidcolor.core.timecode import timecode
from vidcolor.guidance.places import describe_sheet
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.metadata import expected_frames
from vidcolor.media.open import VideoReader
from vidcolor.media.pass_log import PassLog
from vidcolor.run.work_dir import DoneChunk
from vidcolor.settings import Settings
from vidcolor.shots.detector import ROUNDED

_LOG = logging.getLogger(__name__)
_LOGGED = 10
"""Places of damage that the log has one by one; the report has more."""
_EXACT = 1e-5
"""Seconds to which times in reports are exact."""
_MOVED = 0.025
"""Seconds by which a shot may begin later than its cut without a word; half a frame is less."""

NO_COLOR = "no color", "the net gave no valid color; left gray"
"""Kind and text of the damage of a frame that is ``colorless``."""


class FrameTally:
    """What the painted frames of a video tell, or those of a part of it.

    Attributes:
        shots: pts of those that start a shot.
        colorless: pts of those that had to be painted without color.
        gray: Those that were left gray.
    """

    def __init__(self) -> None:
        self.shots: list[int] = []
        self.colorless: list[int] = []
        self.gray = GrayRuns()

    def see(self, frame: Frame) -> None:
        """Take note of the next frame."""
        if frame.starts_shot:
            self.shots.append(frame.pts)
        if frame.colorless:
            self.colorless.append(frame.pts)
        self.gray.see(frame)

    def add(self, chunk: DoneChunk) -> None:
        """Take note of the frames of the next chunk."""
        self.shots += chunk.shots
        self.colorless += chunk.colorless
        self.gray.add(chunk.neutral, chunk.facts.first_pts, chunk.facts.last_pts)

    def tell(self, report: Report, log: PassLog, tick: Fraction) -> None:
        """Write it into a report, and into a log what went wrong.

        Args:
            report: Gets shots and what was left gray.
            log: Gets the frames without color.
            tick: Seconds per unit of pts.
        """
        kind, text = NO_COLOR
        for pts in self.colorless:
            log.note(kind, float(pts * tick), text)
        report.shot_starts = [round(float(pts * tick), 6) for pts in self.shots]
        report.shots = len(self.shots)
        self.gray.tell(report, tick)


def describe_chunks(report: Report, film: VideoReader, chunks: Sequence[DoneChunk]) -> None:
    """Write into a report what all chunks of a video and its source tell."""
    tally = FrameTally()
    for chunk in chunks:
        tally.add(chunk)
    tally.tell(report, film.log, film.info.time_base)
    report.chunks = len(chunks)
    describe_source(report, film)


def log_report(report: Report) -> None:
    """Tell the logger of this module what a run did; what was lost or damaged is a warning."""
    name = printable(Path(report.target).name)
    for damage in report.damage[:_LOGGED]:
        moment = timecode(damage.seconds, 1)
        _LOG.warning("%s: %s at %s: %s", name, damage.kind, moment, damage.text)
    if (met := sum(report.damage_counts.values())) > _LOGGED:
        _LOG.warning("%s: damage in %d places; Report.damage_counts has all", name, met)
    for lost in report.left_behind:
        _LOG.warning("%s: not copied: %s: %s", name, lost.what, lost.why)
    for note in report.notes:
        _LOG.info("%s: %s", name, note)
    seconds = report.seconds.get("total", 0.0)
    what = "1 frame" if report.frames == 1 else f"{report.frames} frames"
    _LOG.info("%s: done, %s in %.1f s", name, what, seconds)


def count_frames(
    frames: Iterable[Frame],
    film: VideoReader,
    report: Report,
    on_progress: Callable[[Progress], None] | None,
) -> Iterator[Frame]:
    """The same frames, counted in a report; ``on_progress`` is called after each that has left."""
    total = expected_frames(film.info, film.settings)
    try:
        for frame in frames:
            yield frame
            report.frames += 1
            if on_progress:
                on_progress(Progress(report.frames, total, float(frame.seconds)))
    finally:
        close(frames)


def describe_target(
    report: Report, plan: EncodePlan, copied: Sequence[str], dropped: Sequence[Dropped]
) -> None:
    """Write into a report how the picture was encoded, and what travels beside it."""
    report.luma, report.codec = plan.luma, plan.codec
    report.pixels, report.lossless = plan.layout.format, plan.lossless
    report.carried, report.left_behind = list(copied), list(dropped)
    report.notes += plan.notes


def describe_source(report: Report, film: VideoReader) -> None:
    """Write into a report what the pass through a video met."""
    log = film.log
    report.damage, report.damage_counts = log.damage, log.damage_counts
    report.source_color = log.source_color
    report.notes += [*film.info.notes, *log.remarks]
    if log.source_color != "gray":
        report.notes.append(
            f"the film was already {log.source_color}; it was recolored from its luma only"
        )


def describe_session(report: Report, session: Session) -> None:
    """Write into a report which weights colored, and how it went."""
    report.weights = session.weights
    report.inferred = session.inferred
    report.notes += session.notes
    note_cuts(report, session.settings)
    if session.guidance:
        report.colors = describe_sheet(session.guidance)


def note_cuts(report: Report, settings: Settings) -> None:
    """Write into a report which cuts of a list are no shot's beginning, or another moment's.

    Args:
        report: Has the beginnings of the shots.
        settings: Have the list, if there is one, and the part that was colored.
    """
    start, end = settings.open.start or Fraction(0), settings.open.end
    inside = [time for time in settings.shots.cuts or () if time > start]
    cuts = [time for time in inside if end is None or time < end]
    starts = [float(start) + each for each in report.shot_starts]
    found = [_place_of(float(cut), starts) for cut in cuts]
    moved = [
        (cut, starts[place])
        for cut, place in zip(cuts, found, strict=True)
        if place < len(starts) and starts[place] - float(cut) > _MOVED
    ]
    if moved:
        report.notes.append(
            f"{_count_cuts(len(moved))} of the list where no frame begins, so the next frame begins"
            f" the shot: {timecode(moved[0][0])} became {timecode(moved[0][1])}"
        )
    if beyond := sum(place == len(starts) for place in found):
        report.notes.append(f"{_count_cuts(beyond)} of the list behind the last frame")
    places = [place for place in found if place < len(starts)]
    if same := len(places) - len(set(places)):
        report.notes.append(f"{_count_cuts(same)} of the list at the same frame as the one before")


def _place_of(cut: float, starts: Sequence[float]) -> int:
    """Place of the shot that a cut begins; behind the last one where none does."""
    place = bisect_left(starts, cut - float(ROUNDED) - _EXACT)
    near = starts[place : place + 2]
    return place + (len(near) == 2 and abs(near[1] - cut) < abs(near[0] - cut))


def _count_cuts(number: int) -> str:
    return "1 cut" if number == 1 else f"{number} cuts"
