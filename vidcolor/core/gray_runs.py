"""What was left gray: told of a frame in a byte, and of a film in stretches."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from vidcolor.core.frames import Frame
from vidcolor.core.report import Neutral, Report

MOST_TOLD = 1000
"""Entries of a report."""

STEPS = 200
"""A share is a whole number of these, so that it can be written down in a byte."""

Run = tuple[str, int, int, int]
"""Frames that were left gray: why, pts of the first and the last, how many."""


def to_byte(frame: Frame) -> int:
    """0..255 that tells ``share`` and ``neutral`` of a frame."""
    assert frame.share is not None
    return 255 if frame.neutral == "title" else round(frame.share * STEPS)


def from_byte(frame: Frame, byte: int) -> None:
    """Set ``share`` and ``neutral`` as they were when `to_byte` told them."""
    frame.share = 0.0 if byte == 255 else byte / STEPS
    frame.neutral = "title" if byte == 255 else "" if byte else "blank"


class GrayRuns:
    """Collects what was left gray of a film, or of a part of it."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._goes_on = False

    @property
    def runs(self) -> tuple[Run, ...]:
        """What was collected."""
        return tuple(self._runs)

    def see(self, frame: Frame) -> None:
        """Take note of the next frame."""
        if frame.neutral:
            self._add((frame.neutral, frame.pts, frame.pts, 1), joins=True)
        self._goes_on = bool(frame.neutral)

    def add(self, runs: Sequence[Run], first_pts: int, last_pts: int) -> None:
        """Take note of what was collected of the next part, from its first frame to its last."""
        for run in runs:
            self._add(run, joins=run[1] == first_pts)
        self._goes_on = bool(runs) and runs[-1][2] == last_pts

    def _add(self, run: Run, joins: bool) -> None:
        why, first, last, frames = run
        if joins and self._goes_on and self._runs[-1][0] == why:
            _, first, _, before = self._runs.pop()
            frames += before
        self._runs.append((why, first, last, frames))

    def tell(self, report: Report, tick: Fraction) -> None:
        """Write it into a report.

        Args:
            report: Gets it.
            tick: Seconds per unit of pts.
        """
        for why, first, last, frames in self._runs:
            report.neutral_frames[why] = report.neutral_frames.get(why, 0) + frames
            if len(report.neutral) < MOST_TOLD:
                begin, end = (round(float(pts * tick), 6) for pts in (first, last))
                report.neutral.append(Neutral(why, begin, end, frames))
