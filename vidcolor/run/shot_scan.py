"""The shots of a video before it is colored: what is said of one frame holds for its shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.iterators import prefetch, tap
from vidcolor.core.run_spec import parse_fraction
from vidcolor.core.threads import WorkerThreads
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import SettingsError
from vidcolor.guidance.places import Colors, plan_colors
from vidcolor.guidance.plan import Guidance, PartEnds, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import VideoReader, open_video
from vidcolor.run.seen_frames import SeenFrame
from vidcolor.settings import InputSettings, Settings
from vidcolor.shots.detector import LOOK_AHEAD, mark_shots

_REACH = Fraction(8)
"""Seconds before and after a frame that are read first to find its shot."""
_SURE = Fraction(1)
"""Seconds from where reading begins or ends, within which a cut is not taken for one."""


def plan_with_shots(
    film: VideoReader, layout: PixelLayout, settings: Settings, colors: Colors
) -> Guidance | None:
    """What is said of a video, with its shots where something is said that holds for one.

    Args:
        film: The video; it is not read.
        layout: As of `scan_shots`.
        settings: As of `scan_shots`.
        colors: As of `vidcolor.run.video.colorize_video`.

    Raises:
        SettingsError: As `plan_colors`.
        FilmError: As `decode`.
    """
    guidance = plan_colors(film.info, colors)
    if guidance and guidance.needs_shots:
        if film.info.is_piped:
            raise SettingsError(
                "a color sheet with hints or references needs the film twice, which a pipe cannot"
                " give; save the film to a file first, or use stretches only"
            )
        shots = scan_shots(film.info.path, settings, layout)
        return find_ends(film.info, settings, layout, guidance).with_shots(shots)
    return guidance


def scan_shots(
    source: Path,
    settings: Settings,
    layout: PixelLayout | None,
    see: Callable[[Frame], object] = lambda _: None,
) -> tuple[ShotRange, ...]:
    """The shots of the part of a video that is colored, as the run itself will find them.

    Args:
        source: The video; all of it is decoded.
        settings: What part of it, and what a cut is.
        layout: Of the frames, as of `decode`.
        see: Called with each frame as it is read.

    Raises:
        FilmError: As `decode`.
    """
    # As where a video is colored, torch works in one thread: more gain nothing for thumbnails.
    with (
        open_video(source, settings.open) as film,
        WorkerThreads(1),
        closing(prefetch(decode(film, layout))) as frames,
    ):
        return tuple(shots_among(mark_shots(tap(frames, see), settings.shots)))


def find_shot(info: VideoInfo, seconds: Fraction) -> ShotRange | None:
    """The shot of one frame, without reading the whole video.

    Args:
        info: Of the video.
        seconds: A moment at which the frame is shown, from the video's start.

    Returns:
        The shot that a run finds, but for cuts that hang on what comes long before or after; None
        where no frame is shown.

    Raises:
        FilmError: As `decode`.
    """
    reach = _REACH
    while True:
        start, end = max(Fraction(0), seconds - reach), seconds + reach
        part = InputSettings(start=start or None, end=end, fps=info.rate_to_open)
        shots = scan_shots(info.path, Settings(open=part), None)
        shot = Guidance(ColorSheet(), info.frame_rate, shots).shot_at(seconds)
        if shot is None:
            return None
        last = shots[-1].end_seconds
        is_whole = last is None or last < end - _SURE
        begins = not start or shot.start_seconds > start + _SURE
        ends = is_whole or shot.end_seconds is None or shot.end_seconds < end - _SURE
        if begins and ends:
            return shot
        reach *= 4


def find_ends(
    info: VideoInfo,
    settings: Settings,
    layout: PixelLayout | None,
    guidance: Guidance,
    see: Callable[[Frame], object] = lambda _: None,
) -> Guidance:
    """What is said of a video, with the rest of the shots that the colored part cuts.

    Nothing is read unless something is said of a frame outside of the part.

    Args:
        info: Of the video.
        settings: As of `scan_shots`.
        layout: As of `scan_shots`.
        guidance: What is said.
        see: As of `scan_shots`.

    Raises:
        FilmError: As `decode`.
    """
    part, moments = settings.open, guidance.moments
    before = after = None
    rim = _Rim(info, settings, layout, see)
    # The first frame of the part may lie up to a frame after its start.
    if part.start and moments and min(moments) < part.start + 2 * guidance.tolerance:
        before = rim.read_back(part.start, min(moments))
    if part.end is not None and moments and max(moments) >= part.end:
        after = rim.read_on(part.end, max(moments))
    return guidance.with_ends(PartEnds(before, after) if before or after else None)


class _Rim:
    """Reads what lies around the first and the last frame of a part."""

    def __init__(
        self,
        info: VideoInfo,
        settings: Settings,
        layout: PixelLayout | None,
        see: Callable[[Frame], object],
    ) -> None:
        self._path, self._settings, self._layout, self._see = info.path, settings, layout, see
        self._fewest = settings.shots.min_frames if settings.shots.cuts is None else 1
        usual = 1 / (info.frame_rate or Fraction(25))
        self._spare = max(_SURE, 2 * (self._fewest + LOOK_AHEAD) * usual)
        """Seconds of the part that are read to tell whether its shot is the one around it."""

    def read_back(self, start: Fraction, earliest: Fraction) -> ShotRange | None:
        """``before`` of `PartEnds`, at least from the first moment of which something is said.

        None where no frame is shown from ``start`` on.
        """
        end, reach = self._settings.open.end, _REACH
        while True:
            begin = max(Fraction(0), start - reach)
            shots, times = self._scan(begin, start + self._spare)
            first = next((time for time in times if time >= start), None)
            if first is None:
                return None
            shot = _last_begun(shots, first)
            if not begin or shot.start_seconds > begin + _SURE or begin < earliest - _SURE:
                break
            reach *= 4
        cuts = [each.start_seconds for each in shots if end is None or each.start_seconds < end]
        for cut in cuts:
            # Too near its first frame for a run of the part to take it for one.
            if first < cut and sum(first <= time < cut for time in times) < self._fewest:
                return ShotRange(first, first)
        return ShotRange(shot.start_seconds, first)

    def read_on(self, end: Fraction, latest: Fraction) -> ShotRange | None:
        """``after`` of `PartEnds`, at least to the last moment of which something is said.

        None where no frame is shown before ``end``.
        """
        start, reach = self._settings.open.start or Fraction(0), _REACH
        while True:
            stop = end + reach
            shots, times = self._scan(max(Fraction(0), end - self._spare), stop)
            last = max((time for time in times if time < end), default=None)
            if last is None:
                return None
            shot = _last_begun(shots, last)
            until = shot.end_seconds
            if until is None or until < stop - _SURE or stop > latest + _SURE:
                break
            reach *= 4
        cut = shot.start_seconds
        is_cut = shot is not shots[0] and cut > start
        if is_cut and sum(cut <= time <= last for time in times) < self._fewest:
            return ShotRange(last, times[last])
        return ShotRange(last, until)

    def _scan(
        self, start: Fraction, end: Fraction
    ) -> tuple[tuple[ShotRange, ...], dict[Fraction, Fraction]]:
        """The shots between two moments, and when each frame is shown and until when."""
        times: dict[Fraction, Fraction] = {}

        def see(frame: Frame) -> None:
            times[frame.moment] = frame.moment + max(frame.duration, 1) * frame.time_base
            self._see(frame)

        part = replace(self._settings.open, start=start or None, end=end)
        settings = replace(self._settings, open=part)
        return scan_shots(self._path, settings, self._layout, see), times


def _last_begun(shots: Sequence[ShotRange], moment: Fraction) -> ShotRange:
    """The one of a frame, which lies in one of them."""
    return next(shot for shot in reversed(shots) if shot.start_seconds <= moment)


def shots_among(frames: Iterable[Frame]) -> Iterator[ShotRange]:
    """The shots of frames that are marked."""
    seen = ShotsSeen()
    for frame in frames:
        yield from seen.see(frame)
    yield from seen.end()


class ShotsSeen:
    """Tells the shots of frames that are marked and go elsewhere, in order."""

    def __init__(self) -> None:
        self._start: Fraction | None = None
        self._end = Fraction(0)

    def see(self, frame: Frame | SeenFrame) -> Iterator[ShotRange]:
        """The shot that ends with the frame before this one, if one does."""
        now, start = frame.moment, self._start
        if start is None or frame.starts_shot:
            self._start = now
        self._end = now + max(frame.duration, 1) * frame.time_base
        if start is not None and frame.starts_shot:
            yield ShotRange(start, now)

    def end(self) -> Iterator[ShotRange]:
        """The last shot, once all frames were seen."""
        if self._start is not None:
            yield ShotRange(self._start, self._end)


def shots_entry(shots: Sequence[ShotRange]) -> dict[str, Any]:
    """A line of the journal that tells them."""
    ends = [*(shot.start_seconds for shot in shots), *(shot.end_seconds for shot in shots[-1:])]
    return {"cuts": [str(end) for end in ends if end is not None]}


def shots_of(written: Sequence[dict[str, Any]]) -> tuple[ShotRange, ...]:
    """The shots that the last such line tells; empty where there is none."""
    cuts = next((entry["cuts"] for entry in reversed(written) if "cuts" in entry), None)
    try:
        times = [parse_fraction(cut) for cut in cuts or ()]
    except (TypeError, ValueError):
        return ()
    if any(one >= other for one, other in pairwise(times)):
        return ()
    return tuple(ShotRange(one, other) for one, other in pairwise(times))
