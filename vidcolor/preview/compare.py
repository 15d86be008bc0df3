"""Two films in one: source and result, or two results, frame for frame by their times."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import perf_counter

from torch import Tensor

from vidcolor.colorize.chain import colorize_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.files import printable
from vidcolor.core.find_sequence import sequence_folder
from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close, prefetch
from vidcolor.core.label import Label
from vidcolor.core.report import Report
from vidcolor.core.target import check_target
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import SettingsError
from vidcolor.guidance.places import Colors, note_unused
from vidcolor.media.compose import SideBySide
from vidcolor.media.decode.decoder import decode
from vidcolor.media.display import Conformer, pair_layout, screen_size
from vidcolor.media.encode.encoder import EncodePlan, encode, plan_encode
from vidcolor.media.mux.file_sink import FileSink, Written
from vidcolor.media.mux.interleave import with_others
from vidcolor.media.mux.muxer import Muxer
from vidcolor.media.mux.tags import find_in_tags
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.planes import planes
from vidcolor.run.label import label_session
from vidcolor.run.report import (
    NO_COLOR,
    FrameTally,
    count_frames,
    describe_session,
    describe_target,
    log_report,
)
from vidcolor.run.shot_scan import plan_with_shots
from vidcolor.run.spec import versions
from vidcolor.run.video import OnProgress
from vidcolor.settings import CompareSettings, InputSettings, OutputSettings, Settings

_ROUNDED = Fraction(1, 1000)
"""Seconds by which times of one frame may differ: Matroska counts in thousandths."""
_EARLIER = Fraction(1)
"""The second film is read from so many seconds before the start: its frame there began earlier."""
_ALIKE = Fraction(1)
"""Seconds by which the lengths of one film's copies may differ."""


def side_by_side(
    first: str | Path,
    second: str | Path | None,
    target: str | Path,
    *,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
    compare: CompareSettings | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Show two films in one, with the sound, subtitles, chapters and timestamps of the first.

    Each frame of the first is shown with the frame of the second that is on screen at that time;
    both count from the first frame of their film.

    Args:
        first: A film; both are shown at its size.
        second: Another one; None takes the first in color, colored on the fly.
        target: Where to write; the suffix decides the container.
        colorizer: What to color with; None loads the default weights. Not used with two films.
        settings: What of the film, how it is colored and encoded, whether a target is replaced.
        colors: As of `vidcolor.run.video.colorize_video`. Not used with two films.
        compare: How the two are shown.
        on_progress: Called after each frame that was handed to the encoder.

    Returns:
        What was done, what was copied and what was not.

    Raises:
        VidcolorError: one line that says what happened; the target is unchanged.
    """
    settings, compare = settings or Settings(), compare or CompareSettings()
    began, path, report = perf_counter(), Path(target), Report(str(first), str(target))
    with ExitStack() as stack:
        one = stack.enter_context(open_video(first, _with_rate(first, settings.open)))
        other = stack.enter_context(_second(first, second, settings.open))
        check_target(other.info.path, path, settings.output)
        sheet = _Sheet(one.info, other.info, path, settings, compare)
        load = partial(_load_session, other, sheet.plan, settings, colorizer, colors)
        session = load() if second is None else None
        label = _find_label(one, other, session) if settings.output.label else None
        sink = FileSink(path, settings.output)
        muxer = stack.enter_context(sheet.muxer(one, sink, settings.output, label))
        if session:
            report.notes = [*session.said, *note_unused(Path(first), colors)]
            frames = _colorize_beside(other, sheet.plan, session, report, stack)
        else:
            frames = decode(other)
        theirs = stack.enter_context(closing(prefetch(frames)))
        mine = stack.enter_context(closing(prefetch(decode(one))))
        matched = on_screen(_moments(one, mine), _moments(other, theirs))
        pairs = count_frames(prefetch(sheet.pairs(matched)), one, report, on_progress)
        with closing(with_others(one, encode(pairs, muxer.video))) as packets:
            muxer.write(packets)
        muxer.complete()
        _sum_up(report, sheet, sink.publish(one, muxer), one, other)
        _tell_damage(report, one, other, second is None)
    return _conclude(report, perf_counter() - began)


def on_screen(
    first: Iterable[tuple[Fraction, Frame]], second: Iterable[tuple[Fraction, Frame]]
) -> Iterator[tuple[Fraction, Frame, Fraction, Frame]]:
    """Each frame of the first, with the frame of the second that is on the screen then.

    Before the second begins that is its first frame, after its end the last one.

    Args:
        first: Frames with their times in seconds, in order.
        second: The same of the other film; nothing comes where it has no frame.

    Yields:
        Time and frame of the first, time and frame of the second.
    """
    others = iter(second)
    shown = ahead = next(others, None)
    for moment, frame in first:
        while ahead is not None and ahead[0] <= moment + _ROUNDED:
            shown, ahead = ahead, next(others, None)
        if shown is not None:
            yield (moment, frame, *shown)


def _load_session(
    film: VideoReader,
    plan: EncodePlan,
    settings: Settings,
    colorizer: Colorizer | None,
    colors: Colors,
) -> Session:
    guidance = plan_with_shots(film, plan.layout, settings, colors)
    return Session.load(settings.without_script, colorizer, guidance)


def _find_label(one: VideoReader, other: VideoReader, session: Session | None) -> Label | None:
    """How the session colors, or what two films say of how they were colored, in one label."""
    if session:
        return label_session(session)
    mine, theirs = (find_in_tags(film.info.metadata) for film in (one, other))
    if mine is None or theirs is None or mine.weights == theirs.weights:
        return theirs or mine
    return replace(theirs, others=(*theirs.others, (mine.name, mine.weights)))


def _second(first: str | Path, second: str | Path | None, settings: InputSettings) -> VideoReader:
    """The other film, from a little before the start on."""
    if second is None:
        return open_video(first, _with_rate(first, settings))
    start = settings.start
    if start is not None:
        start = max(Fraction(0), start - _EARLIER) or None
    settings = replace(settings, start=start, end=None, video_stream=None)
    return open_video(second, _with_rate(second, settings))


def _with_rate(film: str | Path, settings: InputSettings) -> InputSettings:
    """The rate of image sequences is not for films that are compared with them."""
    return settings if sequence_folder(film) else replace(settings, fps=None)


def _moments(film: VideoReader, frames: Iterable[Frame]) -> Iterator[tuple[Fraction, Frame]]:
    """The frames with their times in seconds, counted from the first frame of the film."""
    begin = film.first_pts * film.info.time_base
    for frame in frames:
        yield frame.seconds + film.log.zero - film.info.start - begin, frame


def _colorize_beside(
    film: VideoReader,
    plan: EncodePlan,
    session: Session,
    report: Report,
    stack: ExitStack,
) -> Iterator[Frame]:
    """The frames of the film in color; what they need is given back when ``stack`` ends."""
    info = film.info
    session.configure_for(info)
    pool = stack.enter_context(session.threads_for(info, plan.layout))
    decoded = stack.enter_context(closing(prefetch(decode(film, plan.layout))))
    tally = FrameTally()
    aspect = info.sample_aspect
    try:
        for frame in colorize_frames(decoded, session, sample_aspect=aspect, threads=pool):
            tally.see(frame)
            yield frame
    finally:
        tally.tell(report, film.log, info.time_base)
        describe_session(report, session)


class _Sheet:
    """What two films are shown on.

    Attributes:
        info: Of the film that is made.
        plan: How it is encoded.
    """

    def __init__(
        self,
        first: VideoInfo,
        second: VideoInfo,
        target: Path,
        settings: Settings,
        compare: CompareSettings,
    ) -> None:
        width, height = screen_size(first, compare.height)
        layout = pair_layout(first, second)
        self.info = replace(
            first,
            width=width * (2 if compare.look == "side" else 1),
            height=height,
            layout=layout,
            stored_format=layout.format,
            sample_aspect=None,
            rotation=None,
            field_order="progressive",
            tags=second.tags,
            hdr=second.hdr,
            has_alpha=False,
        )
        self.plan = plan_encode(self.info, target, settings.encode)
        if self.plan.container == "mxf":
            raise SettingsError("two videos in one are not written as MXF; use a .mov or .mkv name")
        layout = self.plan.layout
        self._pair = SideBySide((width, height), layout, compare)
        self._fits = [Conformer(i, (width, height), layout, second.tags) for i in (first, second)]
        self._ends = [Fraction(0), Fraction(0)]
        self._whole = settings.open.end is None

    def muxer(
        self, first: VideoReader, sink: FileSink, settings: OutputSettings, label: Label | None
    ) -> Muxer:
        """What writes it, with what travels beside the first film."""
        return Muxer(first, self.plan, sink, settings, info=self.info, once=True, label=label)

    def pairs(
        self, matched: Iterable[tuple[Fraction, Frame, Fraction, Frame]]
    ) -> Generator[Frame, None, None]:
        """The frames of the film that is made, at the times of the first of each two."""
        fits, begin = self._fits, None
        last: tuple[Frame, tuple[Tensor, ...]] | None = None
        try:
            for moment, frame, other_moment, other in matched:
                begin = moment if begin is None else begin
                if last is None or last[0] is not other:
                    last = other, fits[1](other)
                picture = self._pair(fits[0](frame), last[1], moment - begin)
                picture.pts, picture.time_base = frame.pts, frame.time_base
                picture.duration = frame.duration
                length = other.duration * other.time_base
                self._ends = [moment + frame.duration * frame.time_base, other_moment + length]
                luma, u, v = planes(picture)
                yield replace(frame, luma=luma, chroma=(u, v), picture=picture)
        finally:
            close(matched)

    def notes(self, one: VideoReader, other: VideoReader) -> Iterator[str]:
        """What a user should know of the two films."""
        name = printable(other.info.path.name)
        mine, theirs = (film.info for film in (one, other))
        yield from one.log.remarks
        if mine.path != theirs.path:
            yield from (f"{name}: {text}" for text in other.log.remarks)
        if self._ends[0] - self._ends[1] > _ALIKE:
            ends = f"{float(self._ends[1]):.1f} s, before the first film"
            yield f"{name} ends at {ends}; its last frame is held"
        longer = (theirs.duration or 0) - (mine.duration or theirs.duration or 0)
        if self._whole and longer > _ALIKE:
            yield f"{name} lasts {float(longer):.1f} s longer than the first film; not shown"
        if {mine.field_order, theirs.field_order} != {"progressive"}:
            yield "the film is interlaced; its fields are shown together"
        if mine.layout.transfer != theirs.layout.transfer:
            curves = f"{mine.layout.transfer} and {theirs.layout.transfer}"
            yield f"the films have different curves ({curves}); both are shown as they are encoded"


def _conclude(report: Report, seconds: float) -> Report:
    report.seconds = {"total": round(seconds, 3)}
    log_report(report)
    return report


def _sum_up(
    report: Report, sheet: _Sheet, written: Written, one: VideoReader, other: VideoReader
) -> None:
    describe_target(report, sheet.plan, written.carried, written.left_behind)
    report.notes += sheet.notes(one, other)
    report.versions = versions()


def _tell_damage(report: Report, one: VideoReader, other: VideoReader, same: bool) -> None:
    """Put the damage of both films into the report; what both readings of one film met, once."""
    name = printable(other.info.path.name)
    kept = [d for d in other.log.damage if not same or d.kind == NO_COLOR[0]]
    prefix = "" if same else f"{name}: "
    report.damage = [*one.log.damage, *(replace(d, text=f"{prefix}{d.text}") for d in kept)]
    report.damage_counts = dict(one.log.damage_counts)
    for kind, count in other.log.damage_counts.items():
        if not same or kind == NO_COLOR[0]:
            report.damage_counts[kind] = report.damage_counts.get(kind, 0) + count
