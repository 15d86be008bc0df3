"""A frame server: any frame of a video in color, asked for in any order.

The chain colors frames one after the other, as each takes color from its shot. So one pass through
the video is kept going: asked in order, it gives the colors that a film gets. For a frame that lies
elsewhere another pass begins a little before it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from threading import Lock

from vidcolor.colorize.chain import colorize_marked
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close
from vidcolor.core.platform import give_back_memory
from vidcolor.core.threads import WorkerThreads, usable_cores
from vidcolor.core.timecode import timecode
from vidcolor.errors import SettingsError
from vidcolor.run.shot_scan import shots_among
from vidcolor.shots.detector import mark_shots
from vidcolor.shots.titles import mark_titles

MAX_RADIUS = 1000
MAX_KEPT, MOST_KEPT = 256 << 20, 256
"""Bytes of colored frames that are kept, and how many at most."""


@dataclass
class SourceFrame:
    """A frame as the other program has it."""

    frame: Frame
    """Its chroma planes are there to be painted."""
    starts_shot: bool | None = None
    """Whether it is the first one of a shot; None where that is to be found out."""


Read = Callable[[int], SourceFrame]
"""Gives the frame of a number, 0 the first one; called by the thread that asks for a color."""


class FrameServer:
    """Frames of one video in color; several threads may ask, one after the other is served.

    Attributes:
        session: What it colors with.
    """

    def __init__(
        self,
        read: Read,
        length: int,
        session: Session,
        *,
        sample_aspect: Fraction | None = None,
        radius: int = 24,
        requests: int = 0,
        rate: Fraction | None = None,
    ) -> None:
        """Begin; the first frame is read here.

        Args:
            read: Where frames come from. Its errors are raised where a frame is asked for.
            length: Number of frames.
            session: What to color with.
            sample_aspect: Width of a sample over its height; None for square ones.
            radius: Frames before an asked one from which it takes color, where those before it were
                not asked for; fewer where its shot begins within them.
            requests: Frames that are asked for at once, so that they come a little out of order; 0
                takes the number of cores.
            rate: Frames per second, where ``pts`` counts frames of this rate. Hints and references
                need it: their shots are looked for, in all frames, before the first one is colored.

        Raises:
            SettingsError: There is no frame, ``radius`` is out of range, or hints and references
                cannot be followed here.
            WeightsError: The net has no guide that follows hints and references.
            OutOfMemory: As of `Colorizer.configure_for`.
        """
        self._is_open = False
        if length < 1:
            raise SettingsError("the clip has no frames; there is nothing to color")
        if not 0 <= radius <= MAX_RADIUS:
            raise SettingsError(f"radius {radius} is outside 0 to {MAX_RADIUS} frames")
        self.session = session
        self._read, self._length, self._radius = read, length, radius
        self._aspect = sample_aspect
        requests = requests or usable_cores()
        self._gap = max(radius, 2 * requests)
        """Frames that are colored on the way to one further on, rather than begin anew there."""
        self._wanted = _frames_spoken_of(session, length, rate)
        first = read(0).frame
        height, width = first.luma.shape
        size = sum(plane.numel() * plane.element_size() for plane in (first.luma, *first.chroma))
        self._keep = max(2 * requests, min(MOST_KEPT, MAX_KEPT // size))
        colorizer = session.colorizer
        colorizer.configure_for(height, width, sample_aspect)
        waiting = 0 if colorizer.device.type == "cpu" else colorizer.ahead
        cores = session.settings.colorizer.threads or usable_cores()
        self._threads = WorkerThreads(cores + waiting, size)
        self._threads.__enter__()
        self._lock = Lock()
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._pass: _Pass | None = None
        self._is_open = True

    def frame(self, number: int) -> Frame:
        """A frame in color.

        Raises:
            SettingsError: There is no such frame.
            VidcolorError: As of the chain; the next call begins anew.
            Exception: Of ``read``, where this frame or one that it takes color from cannot be read.
        """
        if not 0 <= number < self._length:
            raise SettingsError(f"there is no frame {number}: the clip has {self._length}")
        with self._lock:
            if number in self._kept:
                self._kept.move_to_end(number)
                return self._kept[number]
            self._threads.adopt()
            try:
                return self._reach(number)
            except BaseException:
                self._stop()
                raise

    def close(self) -> None:
        """Give back threads and frames; nothing may be asked for any more."""
        if not self._is_open:
            return
        with self._lock:
            self._is_open = False
            self._stop()
            self._kept.clear()
            self._threads.__exit__(None, None, None)

    def __enter__(self) -> FrameServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # the other program does not say when it has done with it

    def _reach(self, number: int) -> Frame:
        """Color on to a frame, or begin a pass for it."""
        if self._wanted:
            self._find_shots()
        if self._pass is None or not 0 <= number - self._pass.number <= self._gap:
            self._stop()
            self._pass = _Pass(self._read, self._length, number, self._radius, self.session)
            self._pass.begin(self._aspect, self._threads)
        while True:
            found, frame = self._pass.step()
            self._kept[found] = frame
            while len(self._kept) > self._keep:
                self._kept.popitem(last=False)
            if found == number:
                return frame

    def _find_shots(self) -> None:
        """Look for the shots that hints and references hold for, and keep the frames they are of.

        Those are given from here, since the threads that ask for them cannot ask the other program.
        """
        guidance = self.session.guidance
        assert guidance is not None
        kept: dict[int, tuple[Fraction, Frame]] = {}
        given: dict[int, bool] = {}

        def frames() -> Iterator[Frame]:
            for number in range(self._length):
                source = self._read(number)
                if source.starts_shot is not None:
                    given[number] = source.starts_shot
                if number in self._wanted.values():
                    kept[number] = source.frame.moment, replace(source.frame)
                yield source.frame

        marked = mark_shots(frames(), self.session.settings.shots)
        shots = tuple(shots_among(_mark_given(marked, given)))
        numbers = self._wanted

        def source(moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
            return (kept[numbers[moment]] for moment in moments)

        self.session.guidance = guidance.with_shots(shots)
        self.session.source = source
        self._wanted = {}

    def _stop(self) -> None:
        if self._pass is not None:
            self._pass.stop()
            self._pass = None
            give_back_memory()


class _Pass:
    """A stretch of the video that is colored in order, from a little before an asked frame on."""

    def __init__(self, read: Read, length: int, asked: int, radius: int, session: Session) -> None:
        self._read, self._asked, self._session = read, asked, session
        self._first = max(0, asked - radius) if session.smooths else asked
        """The first frame from which the asked one takes color."""
        self.number = self._first
        """Of the frame that comes next."""
        # A cut is only found where the shortest shot lies before it, and titles are known by what
        # their shot begins with.
        before = radius + session.settings.shots.min_frames
        self._numbers = range(max(0, asked - before), length)
        self._painted: Iterator[Frame] = iter(())
        self._error: Exception | None = None
        """Why no frame can be read beyond those that were."""

    def begin(self, aspect: Fraction | None, threads: WorkerThreads) -> None:
        """Lay the chain; nothing is read yet."""
        settings = self._session.settings
        given: dict[int, bool] = {}
        shots = mark_shots(self._frames(given), settings.shots)
        marked = mark_titles(_mark_given(shots, given), settings.titles)
        needed = self._without_others(marked)
        self._painted = colorize_marked(
            needed, self._session, sample_aspect=aspect, threads=threads
        )

    def step(self) -> tuple[int, Frame]:
        """The next frame in color, and its number.

        Raises:
            Exception: What the other program raised where it should have given the next frame; it
                comes after all frames before that one.
        """
        frame = next(self._painted, None)
        if frame is None:
            assert self._error is not None, "the chain gave fewer frames than it got"
            raise self._error
        number = self.number  # what lies before the asked frame's shot was left out by now
        self.number += 1
        return number, frame

    def stop(self) -> None:
        """Give back what it holds."""
        close(self._painted)
        self._painted = iter(())

    def _frames(self, given: dict[int, bool]) -> Iterator[Frame]:
        """The frames; ``given`` gets what the other program says of a frame, by its place."""
        for place, number in enumerate(self._numbers):
            try:
                source = self._read(number)
            except Exception as error:  # whatever it is, the frames before it can still be had
                self._error = error
                return
            if source.starts_shot is not None:
                given[place] = source.starts_shot
            yield source.frame

    def _without_others(self, marked: Iterator[Frame]) -> Iterator[Frame]:
        """The frames from which the asked one takes color, and all that come after it."""
        held: list[Frame] = []
        try:
            for number, frame in zip(self._numbers, marked, strict=False):
                if number < self._first:
                    continue
                if number > self._asked:
                    yield frame
                    continue
                if frame.starts_shot or not held:
                    held, self.number = [], number
                    frame.starts_shot = True  # what comes before it is not here
                held.append(frame)
                if number == self._asked:
                    yield from held
                    held = []
        finally:
            close(marked)


def _frames_spoken_of(session: Session, length: int, rate: Fraction | None) -> dict[Fraction, int]:
    """The frames that hints and references speak of: their moments and numbers.

    Raises:
        SettingsError: They cannot be followed here.
        WeightsError: The net has no guide.
    """
    guidance = session.guidance
    if guidance is None or not guidance.needs_shots:
        return {}
    if rate is None:
        raise SettingsError(
            "hints and references of a color sheet need a constant frame rate, which the clip has"
            " not; set one with core.std.AssumeFPS"
        )
    found = {moment: int(moment * rate) for moment in guidance.moments}
    for moment, number in found.items():
        if number >= length:
            said = timecode(moment - guidance.tolerance)
            raise SettingsError(f"the color sheet speaks of {said}, but the clip ends before")
    _ = session.guides  # without a guide, it is not to be met later
    return found or {Fraction(0): 0}  # looks hold for shots, too, and speak of no frame


def _mark_given(frames: Iterator[Frame], given: dict[int, bool]) -> Iterator[Frame]:
    """Set ``starts_shot`` to what the other program says of a frame, where it says it.

    Args:
        frames: As `mark_shots` yields them, from the first one of a pass on.
        given: By place; entries are taken out.
    """
    try:
        for place, frame in enumerate(frames):
            says = given.pop(place, None)
            if says is not None and place:  # the first one of a pass has none before it
                frame.starts_shot = says
                frame.outlier = frame.outlier and not says
            yield frame
    finally:
        close(frames)
