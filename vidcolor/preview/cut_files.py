"""Where the shots of a film begin, from a list that the user gives: ``--shots FILE``.

The lists of vidcolor, of PySceneDetect, of editors (EDL, OTIO), FFmpeg's chapters, and plain lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from vidcolor.core.files import check_file, printable
from vidcolor.core.frames import Shot
from vidcolor.core.paths import work_folder
from vidcolor.core.timecode import counted_rate, frame_of_smpte, frames_per_day, smpte, timecode
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import FilmUnreadable, SettingsError
from vidcolor.guidance.shot_csv import ShotList as SceneList
from vidcolor.guidance.shot_csv import parse_shot_csv
from vidcolor.media.decode.decoder import decode
from vidcolor.media.identity import is_same
from vidcolor.media.open import open_video
from vidcolor.preview.shot_list import ShotList, read_shot_list
from vidcolor.run.work_dir import JOURNAL
from vidcolor.settings import InputSettings
from vidcolor.shots.cut_text import is_chapters, read_chapters, read_lines
from vidcolor.shots.edl import EdlEvent, read_edl
from vidcolor.shots.otio import read_otio

_MOST = 64 << 20  # bytes
_SPARE = Fraction(1)
"""Seconds by which a list may go on behind the film: programs count its last frames otherwise."""


@dataclass(frozen=True)
class CutList:
    """When the shots of a film begin, as a file says it."""

    times: tuple[Fraction, ...]
    """Seconds from the film's start, in order, more than 0; empty where it is all one shot."""
    notes: tuple[str, ...] = ()
    """What a user should know of how the list was read."""


@dataclass(frozen=True)
class _Span:
    """What a list calls a shot."""

    label: str
    start: Fraction
    """Seconds from the film's start."""
    end: Fraction | None = None
    """None where the next one begins."""


@dataclass(frozen=True)
class _Film:
    """What a list is read with."""

    name: str
    """Of the list, for errors."""
    info: VideoInfo
    first: Fraction
    """When the first frame is shown, from which frames are counted."""

    @property
    def rate(self) -> Fraction | None:
        """Frames per second."""
        if self.info.frame_rate is None:
            return None
        try:
            return counted_rate(self.info.frame_rate)
        except ValueError:
            return self.info.frame_rate

    def time_of(self, frame: int) -> Fraction:
        """When a frame is shown, in seconds from the film's start.

        Raises:
            SettingsError: The film does not tell.
        """
        if not self.rate:
            raise SettingsError(
                f"{self.name}: counts frames, and the film does not tell its frame rate; use a list"
                " of times"
            )
        return self.first + frame / self.rate


def read_cuts(path: str | Path, source: Path, settings: InputSettings) -> CutList:
    """When the shots of a film begin, from a list of them; of the film one frame is read.

    Args:
        path: Of the list: an EDL, an OTIO timeline, CSV of vidcolor or PySceneDetect, chapters as
            FFmpeg writes them, lines with a time or the number of a frame, a report of a run, or
            the target of an unfinished one.
        source: The film.
        settings: How it is opened; which part of it is colored does not matter.

    Raises:
        FilmUnreadable: There is no such file, or the film cannot be read.
        SettingsError: The list is empty, damaged or of another film, or its shots overlap.
    """
    path = Path(path)
    with open_video(source, replace(settings, start=None, end=None)) as film:
        frames = decode(film)
        first = next((frame.moment for frame in frames), Fraction(0))
        frames.close()  # type: ignore[attr-defined]
        subject = _Film(printable(path.name), film.info, first)
    spans, notes = _read(path, subject)
    if not spans:
        raise SettingsError(f"{subject.name}: there are no shots in this list; name another")
    return CutList(_cuts_of(spans, subject), tuple(notes))


def read_listed(
    path: str | Path, source: Path, settings: InputSettings
) -> tuple[ShotList, tuple[str, ...]]:
    """The shots of a film from any list, also from one of a part, and what is to be noted.

    Args:
        path: As of `read_cuts`.
        source: As of `read_cuts`.
        settings: As of `read_cuts`.

    Raises:
        FilmUnreadable: As `read_cuts`.
        SettingsError: As `read_cuts`, but for a list of a part or of another film.
    """
    path = Path(path)
    if _is_of_run(_text_of(path, printable(path.name))):
        return read_shot_list(path), ()
    found = read_cuts(path, source, settings)
    return ShotList(tuple(Shot(time, 0) for time in (Fraction(0), *found.times))), found.notes


def _is_of_run(text: str) -> bool:
    """Whether a list is one that vidcolor wrote; of what a run keeps, the text is empty."""
    begin = text.lstrip()[:4000]
    is_report = begin.startswith("{") and '"OTIO_SCHEMA"' not in begin
    return not text or is_report or "start_seconds" in begin.partition("\n")[0]


def _read(path: Path, film: _Film) -> tuple[list[_Span], list[str]]:
    """The shots of any list, in order, and what is to be noted."""
    text = _text_of(path, film.name)
    begin, suffix = text.lstrip()[:4000], path.suffix.lower()
    if suffix == ".otio" or '"OTIO_SCHEMA"' in begin:
        frames = read_otio(text, film.name, film.rate)
        return [_of_frames(str(n), *span, film) for n, span in enumerate(frames, 1)], []
    if suffix == ".edl":
        return _of_edl(text, film)
    if is_chapters(begin):
        chapters = read_chapters(text, film.name)
        return [_Span(str(n), *chapter) for n, chapter in enumerate(chapters, 1)], []
    if _is_of_run(text):
        return _of_run(path, film), []
    if "start frame" in begin.lower():
        return _of_scenes(parse_shot_csv(text, film.name), film)
    marks = read_lines(text, film.name, film.rate, film.info.timecode)
    times = (film.time_of(mark) if isinstance(mark, int) else mark for mark in marks)
    return [_Span(str(n), time) for n, time in enumerate(sorted(times), 1)], []


def _text_of(path: Path, name: str) -> str:
    """All of a list; empty for what a run keeps."""
    if path.is_dir() or path.name == JOURNAL or (work_folder(path) / JOURNAL).is_file():
        return ""
    file = check_file(path)
    if file.stat().st_size > _MOST:
        raise FilmUnreadable(f"{name}: too large for a list of shots")
    try:
        data = file.read_bytes()
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as error:
        raise FilmUnreadable(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        return ""


def _of_run(path: Path, film: _Film) -> list[_Span]:
    found = read_shot_list(path)
    if found.source and not is_same(film.info.path, found.source, film.info.identity):
        raise SettingsError(f"{film.name}: belongs to another film than {film.info.path.name}")
    if not found.whole:
        raise SettingsError(f"{film.name}: has the shots of a part of the film; name another list")
    return [_Span(str(number), shot.start) for number, shot in enumerate(found.shots, 1)]


def _of_frames(label: str, first: int, after: int, film: _Film) -> _Span:
    return _Span(label, film.time_of(first), film.time_of(after))


def _of_edl(text: str, film: _Film) -> tuple[list[_Span], list[str]]:
    events, drop = read_edl(text, film.name, film.rate)
    rate = counted_rate(film.rate or Fraction(25))
    offset, note = _offset_of(events, drop, rate, film.info)
    begin = events[0].start
    spans = [
        _of_frames(each.number, offset + each.start - begin, offset + each.end - begin, film)
        for each in events
    ]
    return spans, [f"{film.name}: {note}"] if note else []


def _offset_of(
    events: Sequence[EdlEvent], drop: bool, rate: Fraction, info: VideoInfo
) -> tuple[int, str]:
    """The frame of the film at which a list begins, and what is to be noted of that.

    The record timecode is that of the film where this fits; many lists of films without timecode
    begin at a full hour all the same.
    """
    begin, length = events[0].start, events[-1].end - events[0].start
    written = smpte(begin, rate, drop)
    try:
        first, drops = frame_of_smpte(info.timecode, rate) if info.timecode else (0, drop)
    except ValueError:
        first, drops = 0, drop
    offset = (begin - first) % frames_per_day(rate, drop)
    fits = info.duration is None or (offset + length) / rate <= info.duration + _SPARE
    by_habit = not info.timecode and bool(re.fullmatch(r"\d\d:00:00[:;]0+", written))
    if drop == drops and fits and not (begin and by_habit):
        return offset, ""
    there = f"the film's is {info.timecode}" if info.timecode else "the film has no timecode"
    return 0, f"begins at {written}, and {there}; its first event is taken for the first frame"


def _of_scenes(found: SceneList, film: _Film) -> tuple[list[_Span], list[str]]:
    """The scenes of PySceneDetect: by the numbers of their frames where these are the film's."""
    marks = [mark for shot in found.shots for mark in (shot.start, shot.end)]
    told = [(mark.frame, mark.seconds) for mark in marks]
    pairs = [(frame, time) for frame, time in told if frame is not None and time is not None]
    by_frames, notes = film.rate is not None, []
    if film.rate and any(_differ(*pair, film.rate) for pair in pairs):
        frame, time = max(pairs)
        listed = frame / time if time else film.rate
        if not any(_differ(*pair, listed) for pair in pairs):
            raise SettingsError(
                f"{film.name}: counts {float(listed):.5g} frames a second, and the film has"
                f" {float(film.rate):.5g}; use a list of this film"
            )
        by_frames = False
        notes.append(f"{film.name}: its numbers of frames are not the film's; its times are taken")
    spans: list[_Span] = []
    for number, shot in enumerate(found.shots, 1):
        times = [
            film.time_of(mark.frame)
            if mark.frame is not None and (by_frames or mark.seconds is None)
            else None
            if mark.seconds is None
            else film.first + mark.seconds
            for mark in (shot.start, shot.end)
        ]
        start = times[0] if times[0] is not None else (spans[-1].end if spans else None)
        spans.append(_Span(str(number), start or film.first, times[1]))
    return spans, notes


def _differ(frame: int, seconds: Fraction, rate: Fraction) -> bool:
    """Whether a frame is shown at another time than a list says, which rounds to milliseconds."""
    return abs(frame / rate - seconds) > 1 / (2 * rate) + Fraction(1, 1000)


def _cuts_of(spans: Sequence[_Span], film: _Film) -> tuple[Fraction, ...]:
    """The times at which something begins or ends, none twice.

    Raises:
        SettingsError: Shots overlap, or begin behind the film.
    """
    half = 1 / (2 * film.rate) if film.rate else Fraction(1, 50)
    ordered = sorted(spans, key=lambda span: span.start)
    for one, other in pairwise(ordered):
        if one.end is not None and other.start < one.end - half:
            raise SettingsError(
                f"{film.name}: shots {one.label} and {other.label} overlap; correct one of them"
            )
    end = film.info.duration
    if end is not None and ordered[-1].start >= end:
        raise SettingsError(
            f"{film.name}: has a shot at {timecode(ordered[-1].start)}, but the film ends at"
            f" {timecode(end)}; it belongs to another film"
        )
    return tuple(_space_out(ordered, film.first, end, half))


def _space_out(
    spans: Sequence[_Span], first: Fraction, end: Fraction | None, half: Fraction
) -> Iterator[Fraction]:
    """The borders of shots, but for those of the film, each more than half a frame on."""
    borders = [time for span in spans for time in (span.start, span.end) if time is not None]
    before = first
    for time in sorted(borders):
        if time > before + half and (end is None or time < end - half):
            yield time
            before = time
