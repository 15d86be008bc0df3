"""A viewer, as an editor has one: a few frames of a film, or a picture, in gray and in color.

A frame gets the color that the whole film would give it, or nearly: what is smoothed is a window
around it, of which the net sees one frame of a few.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, groupby, islice
from pathlib import Path
from types import TracebackType

from torch import Tensor

from vidcolor.colorize.chain import color_still, find_color, mark_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint_frame, saturation_of
from vidcolor.colorize.session import Session
from vidcolor.core.files import printable
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.iterators import close
from vidcolor.core.label import Label
from vidcolor.core.report import Damage
from vidcolor.core.timecode import timecode
from vidcolor.errors import SettingsError
from vidcolor.guidance.places import Colors, note_unused, plan_still_colors
from vidcolor.media.decode.frame_windows import windows
from vidcolor.media.decode.seek import picture_end
from vidcolor.media.display import DisplayConverter, canvas
from vidcolor.media.images.files import still_damage
from vidcolor.media.images.photo import frame_of, notes_of
from vidcolor.media.images.reader import Still
from vidcolor.media.open import VideoReader, film_is_still, open_video
from vidcolor.preview.hint_marks import draw_marks
from vidcolor.run.label import label_session
from vidcolor.run.shot_scan import plan_with_shots
from vidcolor.settings import ColorizerSettings, PaintSettings, Settings
from vidcolor.shots.detector import LOOK_AHEAD
from vidcolor.shots.titles import judged_alone


@dataclass(frozen=True)
class Context:
    """What is looked at around a frame that is shown."""

    frames: int
    """On either side, whose color is smoothed with its own."""
    stride: int
    """The net sees one of so many of them, and the frame itself; 0 as many as the settings say."""


NEAR, ROUGH, AS_SET = Context(18, 6), Context(12, 12), Context(12, 0)
"""For frames that are looked at closely, for many small ones, and for comparing strides."""


@dataclass
class Found:
    """A frame on screen at a moment, and its color, which is not painted yet."""

    frame: Frame
    """As the film stores it."""
    ab: Tensor
    """``(2, h, w)`` CIE a*, b*, as much of it as may be shown."""
    seconds: Fraction
    """When it comes on screen, from the film's start."""
    screen: DisplayConverter
    said: Tensor | None = None
    """As of `ColorizedFrame`."""

    def before(self, size: tuple[int, int] | None = None) -> Tensor:
        """``(3, H, W)`` uint8 sRGB: the film as it is; ``size`` is (width, height)."""
        return self.screen(self.frame, size)

    def after(self, saturation: float, size: tuple[int, int] | None = None) -> Tensor:
        """``(3, H, W)`` uint8 sRGB in color; may be asked for as often as one likes.

        A stretch of the color sheet may have a saturation of its own.
        """
        painted = canvas(self.frame)
        saturation = saturation_of(self.frame, PaintSettings(saturation))
        paint_frame(painted, self.ab * saturation, self.said)
        return self.screen(painted, size)


@dataclass
class _Wanted:
    """A frame whose color is asked for, among others that it rests on."""

    frame: Frame
    seconds: Fraction
    times: int
    """For how many moments."""


class Viewer:
    """A film or a picture, opened once; a context manager that closes it.

    Attributes:
        settings: Those it was opened with.
        name: Of the file, without what could steer a terminal.
        film: None for a picture.
        screen: Shows its frames.
        end: Where its last frame ends, in seconds from its start; 0 for a picture.
        damage: What was met in what was shown.
        notes: What a user should know.
    """

    def __init__(
        self,
        source: str | Path,
        settings: Settings | None = None,
        colorizer: Colorizer | None = None,
        between: Callable[[], object] | None = None,
        colors: Colors = None,
    ) -> None:
        """Open ``source``; nets are loaded when they are needed, each once.

        Args:
            source: A film or a picture.
            settings: Of everything; None takes the defaults.
            colorizer: What to color with; None loads the weights of the settings.
            between: Called before each frame that is read or given out; what it raises ends the
                work. A picture is one frame.
            colors: As of `vidcolor.run.video.colorize_video`.

        Raises:
            FilmError: As `open_video` and `Still`.
            SettingsError: As `plan_with_shots`.
        """
        self.settings = settings or Settings()
        self._given = colorizer
        self._between = between
        self._colorizers: dict[ColorizerSettings, Colorizer] = {}
        self._others: dict[ColorizerSettings, dict[str, Colorizer]] = {}
        """Of these, the nets that stretches of the color sheet name."""
        self.name = printable(Path(source).name)
        self.film: VideoReader | None = None
        self.end = Fraction(0)
        self._damage: list[Damage] = []
        self._notes: list[str] = note_unused(Path(source), colors)
        if film_is_still(source):
            self._guidance = plan_still_colors(Path(source), colors)
            still = Still(source, self.settings.open)
            photo = still.photo()
            self._still = frame_of(photo)
            self._notes += notes_of(photo)
            if still.pages > 1:
                self._notes.append(f"only {still.unit} 1 of {still.pages} is shown")
            height, width = self._still.luma.shape
            self.screen = DisplayConverter(width, height)
            self._damage = still_damage(self._still)
            return
        self.film = open_video(source, self.settings.open)
        try:
            info = self.film.info
            self.screen = DisplayConverter(info.width, info.height, info)
            self.end = picture_end(self.film)
            info = self.film.info
            self._guidance = plan_with_shots(self.film, info.layout, self.settings, colors)
        except BaseException:
            self.film.close()
            raise

    def __enter__(self) -> Viewer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.film:
            self.film.close()

    @property
    def damage(self) -> list[Damage]:
        """What was met in what was shown, at most 1000 entries."""
        return self.film.log.damage if self.film else self._damage

    @property
    def damage_counts(self) -> dict[str, int]:
        """How often each kind of damage was met."""
        if self.film:
            return self.film.log.damage_counts
        return {damage.kind: 1 for damage in self._damage}

    def note(self, damage: Damage) -> None:
        """Add to what was met."""
        if self.film:
            self.film.log.note(damage.kind, damage.seconds, damage.text)

    @property
    def notes(self) -> list[str]:
        """What a user should know of the film and of how the nets went."""
        notes = [*self.film.info.notes, *self.film.log.remarks] if self.film else []
        notes += [*self._notes, *(self._guidance.notes if self._guidance else ())]
        nets = [*self._colorizers.values(), *([self._given] if self._given else [])]
        nets += [net for others in self._others.values() for net in others.values()]
        return notes + [note for net in nets for note in net.notes]

    def hint_moments(self) -> list[Fraction]:
        """The moments at which frames with hints are on screen, ascending, each once."""
        if self.film is None or self._guidance is None:
            return []
        spare = self._guidance.tolerance
        times = {hint.time for hint in self._guidance.sheet.hints}
        return sorted(time + spare for time in times if time is not None)

    def marked(self, found: Found, picture: Tensor) -> tuple[Tensor, int]:
        """A picture of a frame with a mark for each hint of this frame, and how many these are."""
        if self._guidance is None:
            return picture, 0
        frame = found.frame
        hints = self._guidance.hints_at(found.seconds, frame.duration * frame.time_base)
        return draw_marks(picture, hints, self._guidance.sheet.resolve), len(hints)

    def weights_of(self, settings: Settings) -> str:
        """The name of the weights that color with these settings."""
        name = self._given.name if self._given else settings.colorizer.weights
        return printable(Path(name).name or "given")

    @property
    def label(self) -> Label:
        """Of what was shown in color; the nets of all settings that it was shown with."""
        used = [*self._colorizers, self.settings.colorizer][0]
        session = self._session(replace(self.settings, colorizer=used))
        return label_session(session, self._colorizers.values())

    def check(self, moment: Fraction) -> Fraction:
        """The moment.

        Raises:
            SettingsError: The film has ended by then, or there is no film.
        """
        if self.film is None:
            raise SettingsError(f"{self.name}: is a picture and has no times to choose from")
        if not 0 <= moment < self.end:
            raise SettingsError(
                f"{self.name}: the video ends at {timecode(self.end)}; there is no frame at"
                f" {timecode(moment)}"
            )
        return moment

    def spread(self, count: int) -> list[Fraction]:
        """The middles of so many equal parts of the film."""
        return [self.end * (2 * place + 1) / (2 * count) for place in range(count)]

    def frames(self, moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
        """The frames on screen at ascending moments, and when they came there; not colored."""
        if self.film is None:
            yield from ((Fraction(0), self._still) for _ in moments)
            return
        for window in windows(self.film, moments, between=self._between):
            yield window.seconds, window.frames[window.place]

    def found(
        self, moments: Sequence[Fraction], settings: Settings | None = None, context: Context = NEAR
    ) -> Iterator[Found]:
        """The frames on screen at ascending moments with their color.

        Args:
            moments: Seconds from the film's start; of a picture, whatever.
            settings: Of the net, of smoothing and of shots; None takes those of the viewer.
            context: What is looked at around them.
        """
        settings = settings or self.settings
        if self.film is None:
            still = judged_alone(self._still, settings.titles)
            session = self._session(settings)
            height, width = still.luma.shape[-2:]
            # A GPU would see it sixteen times.
            session.colorizer.configure_for(height, width, batch=1)
            item = color_still(still, session)
            for _ in moments:
                yield Found(self._still, item.ab * item.share, Fraction(0), self.screen, item.said)
            return
        info = self.film.info
        wanted: deque[_Wanted] = deque()
        own = self._given.settings if self._given else settings.colorizer
        stride = max(context.stride, own.stride)
        by_sheet = self._guidance is not None and self._guidance.smooths
        reach = context.frames if settings.smooth.strength or by_sheet else 0
        frames = self._around(moments, settings, Context(reach, stride), wanted)
        items: Iterator[ColorizedFrame] = iter(())
        try:
            with ThreadPoolExecutor(1) as loader:  # while the first frames are read
                loading = loader.submit(self._session, settings)
                read = chain(list(islice(frames, 1)), frames)
                session = loading.result()
            # Before it begins, so that it knows how many runs of the net it may have in hand.
            session.colorizer.configure_for(info.height, info.width, info.sample_aspect)
            with session.threads_for(info, info.layout) as pool:
                items = find_color(read, session, info.sample_aspect, pool, stride=stride)
                for item in items:
                    if self._between:
                        self._between()
                    if wanted and item.frame is wanted[0].frame:
                        yield from self._results(item, wanted.popleft())
        finally:
            close(items)
            close(frames)

    def _results(self, item: ColorizedFrame, one: _Wanted) -> list[Found]:
        """What was found, for each moment that it is wanted for."""
        found = Found(item.frame, item.ab * item.share, one.seconds, self.screen, item.said)
        return [found] * one.times

    def _around(
        self,
        moments: Sequence[Fraction],
        settings: Settings,
        context: Context,
        wanted: deque[_Wanted],
    ) -> Iterator[Frame]:
        """The frames that the net and the smoother need, one window after the other.

        Each window begins like a shot, so none takes color from another.

        Args:
            moments: When the frames that are wanted are on screen.
            settings: Of shots.
            context: What they rest on.
            wanted: Gets these frames, each before it is yielded.
        """
        assert self.film is not None
        ahead = settings.shots.min_frames + LOOK_AHEAD - 1  # what a cut is told by
        shown = windows(self.film, moments, context.frames, context.frames + ahead, self._between)
        try:
            for seconds, group in groupby(shown, lambda window: window.seconds):
                window, *same = group
                marked = list(mark_frames(map(replace, window.frames), settings))
                wanted.append(_Wanted(marked[window.place], seconds, 1 + len(same)))
                yield from _select_context(marked, window.place, context)
        finally:
            close(shown)

    def _colorizer(self, settings: ColorizerSettings) -> Colorizer:
        """The net, which is loaded once for all settings that need no other."""
        if self._given:
            return self._given
        if settings not in self._colorizers:
            self._colorizers[settings] = Colorizer.from_weights(settings=settings)
        return self._colorizers[settings]

    def _session(self, settings: Settings) -> Session:
        others = self._others.setdefault(settings.colorizer, {})
        settings = settings.without_script
        session = Session(settings, self._colorizer(settings.colorizer), self._guidance, others)
        if self.film:
            session.watch(self.film.info)
        return session


def _select_context(marked: Sequence[Frame], place: int, context: Context) -> Sequence[Frame]:
    """Those of a window that the frame at ``place`` takes color from: of its shot, and near it.

    The net sees the frame itself: whole strides lie before it.
    """
    cuts = [at for at, frame in enumerate(marked) if frame.starts_shot]
    first = max(at for at in [0, *cuts] if at <= place)
    last = min(at for at in [*cuts, len(marked)] if at > place)
    before = min(context.frames, place - first) // context.stride * context.stride
    marked[place - before].starts_shot = True
    return marked[place - before : min(last, place + context.frames + 1)]
