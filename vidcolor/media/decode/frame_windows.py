"""Frames on screen at moments of a film, with those around them, without reading all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close
from vidcolor.errors import FilmUnreadable
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.reading import Reading
from vidcolor.media.decode.seek import can_seek, rewind
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.pass_log import PassLog
from vidcolor.settings import InputSettings

_NEAR = Fraction(4)
"""Seconds that are rather read than leapt over."""
_LEAD = Fraction(1)
_BACK = (1, 8, 64, 512)
"""Where nothing is on screen yet, reading begins so many times as far before the moment."""


@dataclass
class Window:
    """A run of frames, one of which is on screen at a moment that was asked for."""

    frames: list[Frame]
    place: int
    """Of the one that is on screen."""
    seconds: Fraction
    """When it comes on screen, from the film's start."""


def windows(
    film: VideoReader,
    moments: Iterable[Fraction],
    before: int = 0,
    after: int = 0,
    between: Callable[[], object] | None = None,
    run: int = 0,
) -> Generator[Window, None, None]:
    """A window for each of ``moments``, as a decoder that reads the whole film would give it.

    On screen is the last frame that has begun; before the first and behind the last one, these.
    Frames are shared by windows that overlap. What was damaged of what they show is noted in
    ``film.log``, in seconds from the film's start.

    Args:
        film: Open; it serves for nothing else while this runs.
        moments: Seconds from the film's start, ascending.
        before: Frames before the one on screen; fewer where the film begins.
        after: Frames after it; fewer where it ends.
        between: Called before each frame that is read; what it raises ends the reading.
        run: Reading begins anew after so many moments, where the film can seek: what is read of
            one run does not hang on whether those before it were read, too. 0 has one run.

    Raises:
        FilmError: As `decode`.
    """
    reading: _Part | None = None
    try:
        for number, moment in enumerate(moments):
            anew = run and number % run == 0 and can_seek(film)
            if reading is None or anew or not reading.reaches(moment):
                for lead in _leads(film, moment, before):
                    if reading is not None:
                        reading.close()
                    reading = _Part(film, lead, between)
                    if reading.shows(moment, before, after):
                        break
            assert reading is not None
            yield reading.window(moment, before, after)
    finally:
        if reading is not None:
            reading.close()


def read_frames(
    path: Path, settings: InputSettings, moments: Sequence[Fraction], run: int = 0
) -> Iterator[tuple[Fraction, Frame]]:
    """The frames of a video on screen at ascending moments, and when they came there.

    Args:
        path: Of the video, which is opened for this.
        settings: How it is opened; which part of it is colored does not matter.
        moments: Seconds from its start.
        run: As of `windows`.

    Raises:
        FilmError: As `decode`.
    """
    with open_video(path, replace(settings, start=None, end=None)) as film:
        for window in windows(film, moments, run=run):
            yield window.seconds, window.frames[window.place]


def _leads(film: VideoReader, moment: Fraction, before: int) -> list[Fraction]:
    """Where reading may begin for a moment: each try farther back, the last at the beginning."""
    if not can_seek(film):
        return [Fraction(0)]
    usual = 1 / (film.info.frame_rate or Fraction(25))
    lead = max(_LEAD, (before + 1) * usual)
    return [*(moment - step * lead for step in _BACK if moment > step * lead), Fraction(0)]


class _Part:
    """One pass through a part of the film."""

    def __init__(
        self, film: VideoReader, start: Fraction, between: Callable[[], object] | None
    ) -> None:
        self._film, self._between = film, between
        if not start:
            rewind(film)
        self._start = start
        self._log = PassLog()
        self._frames = decode(film, reading=Reading(film, start, None, self._log))
        self._held: deque[tuple[Fraction, Frame]] = deque()
        self._known = self._ended = False
        self._shown: list[tuple[Fraction, Fraction]] = []

    def reaches(self, moment: Fraction) -> bool:
        """Whether it gets to a moment soon, and has not gone past it."""
        if not self._held or self._held[0][0] > moment:
            return False
        return not can_seek(self._film) or moment - self._held[-1][0] <= _NEAR

    def shows(self, moment: Fraction, before: int, after: int) -> bool:
        """Whether a frame is on screen at ``moment``; reads as far as its window needs."""
        need = max(1, after)
        while not self._ended and not (len(self._held) >= need and self._held[-need][0] > moment):
            self._read()
            while len(self._held) > before + 1 and self._held[before + 1][0] <= moment:
                self._held.popleft()
        return bool(self._held) and (self._held[0][0] <= moment or not self._start)

    def window(self, moment: Fraction, before: int, after: int) -> Window:
        """The window of ``moment``; what comes after it stays, for the next one."""
        self.shows(moment, before, after)
        place = max(0, sum(time <= moment for time, _ in self._held) - 1)
        frames = [frame for _, frame in self._held][: place + after + 1]
        seconds = self._held[place][0]
        self._shown.append((self._held[0][0] - _LEAD, self._held[len(frames) - 1][0] + _LEAD))
        return Window(frames, place, seconds)

    def _read(self) -> None:
        """Take the next frame."""
        if self._between:
            self._between()
        try:
            frame = next(self._frames, None)
        except FilmUnreadable:
            if not self._start:
                raise
            frame = None  # nothing can be decoded from here on
        if frame is None:
            self._ended = True
        else:
            self._known = True
            self._held.append((frame.seconds + self._zero, frame))

    @property
    def _zero(self) -> Fraction:
        """Where the part begins, in seconds from the film's start."""
        return self._log.zero - self._film.info.start if self._known else self._start

    def close(self) -> None:
        """Stop reading; pass on what was damaged of what was shown."""
        close(self._frames)
        for text in self._log.remarks:
            self._film.log.remark(text)
        for damage in self._log.damage:
            seconds = Fraction(damage.seconds) + self._zero
            if any(begin <= seconds <= end for begin, end in self._shown):
                self._film.log.note(damage.kind, float(seconds), damage.text)
