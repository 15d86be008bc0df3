"""The shots of a video before it is colored: what is said of one frame holds for its shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.iterators import prefetch, tap
from vidcolor.core.run_spec import parse_fraction
from vidcolor.core.threads import WorkerThreads
from vidcolor.core.video_info import VideoInfo
from vidcolor.guidance.places import Colors, plan_colors
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import VideoReader, open_video
from vidcolor.settings import InputSettings, Settings
from vidcolor.shots.detector import mark_shots

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
        return guidance.with_shots(scan_shots(film.info.path, settings, layout))
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
        part = InputSettings(start=start or None, end=end)
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


def shots_among(frames: Iterable[Frame]) -> Iterator[ShotRange]:
    """The shots of frames that are marked."""
    start: Fraction | None = None
    end = Fraction(0)
    for frame in frames:
        now = frame.moment
        if start is None or frame.starts_shot:
            if start is not None:
                yield ShotRange(start, now)
            start = now
        end = now + max(frame.duration, 1) * frame.time_base
    if start is not None:
        yield ShotRange(start, end)


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
