"""Chunks: runs of whole shots that are colored and encoded as one unit.

A film is the same whether its chunks were made in one go or after a crash: a chunk begins where a
shot does, or, in a very long shot, where the smoother hands on what it knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import TypeVar

from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close
from vidcolor.errors import ChunkDiffers
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.run.seen_frames import SeenFrame
from vidcolor.settings import ChunkSettings

AnyFrame = TypeVar("AnyFrame", Frame, SeenFrame)


def plan_chunks(frames: Iterable[AnyFrame], settings: ChunkSettings) -> Iterator[AnyFrame]:
    """Set ``chunk``: the number of the chunk that a frame belongs to.

    Args:
        frames: All frames of a film, in order, with ``starts_shot`` set.
        settings: How long chunks are.

    Yields:
        The same frames, at once.
    """
    number, begin = 0, None
    tick: Fraction | None = None
    wanted = longest = 0
    try:
        for frame in frames:
            if frame.time_base is not tick:  # in ticks: comparing fractions takes long
                tick = frame.time_base
                wanted, longest = (
                    ceil(Fraction(seconds) / tick)
                    for seconds in (settings.seconds, settings.longest)
                )
            now = frame.pts
            if begin is None or now - begin >= (wanted if frame.starts_shot else longest):
                number += begin is not None
                begin = now
            frame.chunk = number
            yield frame
    finally:
        close(frames)


class ChunkReach:
    """Tells which frames have a part in the colors of a chunk: told of all frames in order.

    Those of the shots that it touches, up to so many frames behind it as are looked ahead to.
    """

    def __init__(self, context: int, shot: Fraction | None = None) -> None:
        """Know nothing yet.

        Args:
            context: Frames behind a chunk that ends within a shot on which it rests at most.
            shot: When the shot of the first frame began; None where it begins one.
        """
        self._context = context
        self._shot = shot
        self._spans: dict[int, tuple[Fraction, Fraction]] = {}
        self._left: dict[int, int] = {}
        """Of the chunks of this shot, how many frames are still looked ahead to."""

    def see(self, frame: Frame) -> None:
        """Take note of the next frame, which has ``chunk`` set."""
        now = frame.moment
        if frame.starts_shot or self._shot is None:
            self._shot = now
            self._left.clear()
        self._left = {number: left for number, left in self._left.items() if left}
        self._left[frame.chunk] = self._context + 1
        for number in self._left:
            self._left[number] -= 1
            first, _ = self._spans.get(number, (self._shot, now))
            self._spans[number] = first, now

    def span(self, number: int) -> tuple[Fraction, Fraction]:
        """When the first and the last frame are shown that a chunk rests on.

        In seconds from the source's start, of what was seen so far.
        """
        return self._spans[number]


def skip_finished(
    frames: Iterable[Frame], done: Mapping[int, ChunkFileInfo], context: int
) -> Iterator[Frame]:
    """The frames of chunks that are not done, and those that they lean on.

    What is smoothed rests on frames to come; where a chunk ends within a shot, frames of the next
    one follow even if that is done. The first frame after a gap has ``resumed`` set.

    Args:
        frames: All frames of a film, in order, with ``chunk`` set.
        done: Of each chunk that is done, what its file holds.
        context: How many frames behind an unfinished chunk are needed at most.

    Raises:
        ChunkDiffers: A chunk that is done has other frames in its file than in the film.
    """
    needed, gap, chunk = 0, False, -1
    pts: list[int] = []
    try:
        for frame in frames:
            if frame.chunk != chunk:
                _compare(chunk, pts, done)
                chunk, pts = frame.chunk, []
            pts.append(frame.pts)
            if frame.chunk not in done:
                needed = context + 1
            elif frame.starts_shot:
                needed = 0
            needed -= frame.chunk in done and needed > 0
            if not needed:
                gap = True
                continue
            frame.resumed, gap = gap, False
            yield frame
        _compare(chunk, pts, done)
    finally:
        close(frames)


def _compare(number: int, pts: Sequence[int], done: Mapping[int, ChunkFileInfo]) -> None:
    """Refuses a chunk that is done if the film has other frames in its place now."""
    facts = done.get(number)
    if facts and (facts.frames, facts.first_pts, facts.last_pts) != (len(pts), pts[0], pts[-1]):
        raise ChunkDiffers(number)
