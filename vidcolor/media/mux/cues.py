"""Text subtitles for a target that shows one at a time: those that overlap are joined.

MP4 and QuickTime have samples that follow each other. So time is cut wherever a text appears or
goes away, and each stretch gets the lines of all texts that are on the screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

_LATE = Fraction(5)  # seconds of picture that a text may come behind its time in the film's file
_UNTOLD = Fraction(3)  # seconds that a text stays of which nobody says how long


@dataclass
class Cue:
    """A text that is on the screen from ``start`` until ``end``, in ticks."""

    start: int
    end: int
    text: str
    is_open: bool = False
    """Whether ``end`` is a guess: it goes when the next one comes."""
    was_shown: bool = False
    """Whether ``start`` is that of a later stretch."""


class Screen:
    """Cuts texts into stretches in which nothing changes.

    Attributes:
        has_joined: Whether texts were together on the screen.
    """

    def __init__(self, tick: Fraction) -> None:
        """``tick`` in seconds."""
        self._tick = tick
        self._alive: list[Cue] = []
        self._now: int | None = None
        self._asked = Fraction(0)
        self.has_joined = False

    def add(self, start: int, length: int, text: str) -> bool:
        """Takes a text; False where all of its time was written before it came.

        Args:
            start: When it appears, in ticks.
            length: How long it stays; 0 where that is not known.
            text: Its lines.
        """
        for cue in self._alive:
            if cue.is_open and cue.start < start < cue.end:
                cue.end = start
        end = start + (length or round(_UNTOLD / self._tick))
        if self._now is not None and self._now > start:
            start = self._now
        if start >= end:
            return False
        self._alive.append(Cue(start, end, text, not length))
        return True

    def due(self, moment: Fraction) -> Iterator[Cue]:
        """The stretches that nothing can change any more when the picture is at ``moment``."""
        if self._alive and moment >= self._asked + 1:
            self._asked = moment
            yield from self._stretches(int((moment - _LATE) // self._tick))

    def rest(self) -> Iterator[Cue]:
        """All that is left."""
        yield from self._stretches(max((cue.end for cue in self._alive), default=0))

    def _stretches(self, stop: int) -> Iterator[Cue]:
        made: Cue | None = None
        while self._alive:
            begin = min(cue.start for cue in self._alive)
            shown = [cue for cue in self._alive if cue.start == begin]
            later = [cue.start for cue in self._alive if cue.start > begin]
            end = min([cue.end for cue in shown] + later)
            if end > stop:
                break
            text = "\n".join(dict.fromkeys(cue.text for cue in shown))
            self.has_joined |= text != shown[0].text
            goes_on = any(cue.was_shown for cue in shown)
            for cue in shown:
                cue.start, cue.was_shown = end, True
            self._alive = [cue for cue in self._alive if cue.start < cue.end]
            self._now = end
            if made is not None and goes_on and (made.text, made.end) == (text, begin):
                made.end = end  # the same words once more
                continue
            if made is not None:
                yield made
            made = Cue(begin, end, text)
        if made is not None:
            yield made
