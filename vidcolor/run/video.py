"""The whole product on one screen: a film or a picture in, the same in color out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count, groupby
from pathlib import Path
from time import perf_counter
from typing import Any

from vidcolor.colorize.chain import colorize_marked, mark_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import prepare_paint
from vidcolor.colorize.session import Session
from vidcolor.core.files import printable
from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close, prefetch, tap, time_waiting
from vidcolor.core.report import Progress, Report
from vidcolor.core.run_spec import RunSpec
from vidcolor.core.threads import WorkerThreads
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import ChunkDiffers, OutputError, UnsupportedPixels
from vidcolor.guidance.places import Colors, note_unused, plan_colors
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.chunk_file import write_chunk
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.identity import Content, of_the_same
from vidcolor.media.metadata import expected_frames
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.sequences.frame_chunk import write_frames
from vidcolor.media.sequences.plan import is_frames, plan_target
from vidcolor.run.assembly import assemble, check_result, target_place
from vidcolor.run.chunking import ChunkReach, plan_chunks, skip_finished
from vidcolor.run.film_script import STAGE, find_script
from vidcolor.run.finished import (
    Finished,
    check_edited,
    keep_finished,
    read_finished,
    restore_chunks,
)
from vidcolor.run.image import colorize_still, stays_still
from vidcolor.run.journal import Journal, open_journal
from vidcolor.run.label import label_of
from vidcolor.run.leftovers import allow_own_target
from vidcolor.run.report import FrameTally, describe_session, log_report
from vidcolor.run.shot_scan import find_ends, scan_shots
from vidcolor.run.spec import (
    configure_for,
    describe_video,
    keep_source,
    resume_threads,
    versions,
)
from vidcolor.run.split import SPLIT_CHUNKS, assemble_shots, check_split
from vidcolor.run.work_dir import DoneChunk, WorkDir
from vidcolor.settings import OutputSettings, Settings
from vidcolor.temporal.smoother import context

_LOG = logging.getLogger(__name__)

OnProgress = Callable[[Progress], None]
OnReport = Callable[[Report], object]

TOLD = 100
"""Frames that are looked through for shots from one word about it to the next."""
STAGES = (STAGE, "decode", "shots", "color", "smooth", "paint", "encode", "stitch")
"""The way of a frame."""


def colorize_video(
    source: str | Path,
    target: str | Path,
    *,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
    on_progress: OnProgress | None = None,
    on_report: OnReport | None = None,
) -> Report:
    """Color a film or a picture.

    Args:
        source: A film, or a picture in a format FFmpeg reads.
        target: Where to write; the suffix decides the container.
        colorizer: What to color with; None loads the default weights.
        settings: Everything else.
        colors: What is said of its colors: a `ColorSheet`, or the path of one; ``"auto"`` takes
            ``film.colors.toml`` beside ``film.mp4``, if it is there. After an edit of the sheet, an
            unfinished run colors again only the chunks that it touches.
        on_progress: Called with what earlier runs have done, then after each frame that was handed
            to the encoder.
        on_report: Called with what is returned, when the target is there and its work folder is,
            too: what it keeps is kept before a crash can come between.

    Returns:
        What was done, what was copied and what was not.

    Raises:
        VidcolorError: one line that says what happened; the target is unchanged.
    """
    settings = settings or Settings()
    began = perf_counter()
    source, target = Path(source), Path(target)

    def conclude(report: Report) -> None:
        report.seconds["total"] = perf_counter() - began
        report.seconds = {name: round(value, 3) for name, value in report.seconds.items()}
        report.versions = versions()
        log_report(report)
        if on_report:
            on_report(report)

    if stays_still(source, target):
        report = colorize_still(source, target, colorizer, settings, colors)
        conclude(report)
        return report
    return _colorize_moving(source, target, colorizer, settings, colors, on_progress, conclude)


def _colorize_moving(
    source: Path,
    target: Path,
    colorizer: Colorizer | None,
    settings: Settings,
    colors: Colors,
    on_progress: OnProgress | None,
    conclude: OnReport,
) -> Report:
    report = Report(str(source), str(target))
    settings = replace(settings, output=allow_own_target(target, settings.output))
    if settings.output.split:
        check_split(source, target, settings.output)
        settings = replace(settings, chunks=SPLIT_CHUNKS)
    with open_video(source, settings.open) as film:
        guidance = plan_colors(film.info, colors)
        finished = _find_finished(target, settings.output) if guidance else None
        output = replace(settings.output, force=True) if finished else settings.output
        settings = replace(settings, output=output)
        with (
            target_place(film.info, target, settings.output),
            open_journal(target, settings.output.fresh) as journal,
        ):
            begun = journal.spec or (finished.spec if finished else None)
            plan = plan_target(film.info, target, resume_threads(settings.encode, begun))
            check_result(film, target, plan, settings.output)
            session = Session.load(settings, colorizer, guidance)
            configure_for(session, film.info, begun)
            if settings.output.fresh:
                journal.clear()
            spec = describe_video(film.info, session, plan)
            content = journal.content or (finished.content if finished else "")
            spec = keep_source(spec, begun, film.info.path, content)
            _begin(film, plan, session, spec, journal, finished, report, on_progress)
            run = _Run(film, plan, journal, session, report, on_progress)
            with (
                closing(Content(film.info.path, film.info.identity)) as film.content,
                session.threads_for(film.info, plan.layout) as pool,
            ):
                run.colorize(pool)
                run.assemble()
            report.spec = spec.with_content(journal.content)
            describe_session(report, session)
            report.seconds = stage_seconds(run.seconds | report.seconds)
            report.notes += [*resumed_note(report), *note_unused(source, colors)]
            with suppress(OutputError):  # the video is done all the same
                keep_finished(journal, target, guidance is not None and not is_frames(plan))
            conclude(report)
            journal.remove()
    return report


def _find_finished(target: Path, output: OutputSettings) -> Finished | None:
    """How a target was made that may be made anew after an edit of the color sheet."""
    return None if output.force or output.fresh else read_finished(target)


def _begin(
    film: VideoReader,
    plan: EncodePlan,
    session: Session,
    spec: RunSpec,
    journal: Journal,
    finished: Finished | None,
    report: Report,
    on_progress: OnProgress | None,
) -> None:
    """Begins a run, or goes on with it: what is done stays so, as far as the color sheet says."""
    target = Path(report.target)
    if finished:
        check_edited(finished, spec, target)
    journal.begin(spec)
    if finished and finished.shots and not journal.shots:
        journal.know_shots(finished.shots)
    done = sum(chunk.facts.frames for chunk in journal.done.values())
    total = expected_frames(film.info, session.settings.open)

    if done:
        _LOG.info("%s: %d frames are done already", printable(target.name), done)

    def tell(doing: str) -> None:
        _LOG.debug("%s: %s", printable(target.name), doing)
        if on_progress:
            on_progress(Progress(done, total, 0.0, doing))

    find_shots(session, film, plan, journal, tell)
    if session.scripted:
        write_script(session, film, journal, report, tell)
    report.notes += forget_changed(session, journal)
    if finished and (restored := restore_chunks(finished, target, journal, session)):
        again, chunks = len(finished.chunks) - len(journal.done), len(finished.chunks)
        report.notes.append(
            f"the color sheet changed: {again} of {chunks} chunks colored again, {restored} taken"
            f" from the finished {printable(target.name)}"
        )


def find_shots(
    session: Session,
    film: VideoReader,
    plan: EncodePlan,
    journal: Journal,
    tell: Callable[[str], object],
) -> None:
    """Looks for the shots where a color script or the color sheet says what holds for one."""
    if not session.needs_shots:
        return
    if not journal.shots:
        seen = count(1)

        def see(_: object) -> None:
            if (number := next(seen)) % TOLD == 0:
                tell(f"finding the shots: {number} frames")

        journal.know_shots(scan_shots(film.info.path, session.settings, plan.layout, see))
    if guidance := session.guidance:
        guidance = find_ends(film.info, session.settings, plan.layout, guidance)
        session.guidance = guidance.with_shots(journal.shots)


def write_script(
    session: Session,
    film: VideoReader,
    journal: Journal,
    report: Report,
    tell: Callable[[str], object],
) -> None:
    """Has the session follow the color script of the film, which is made unless it is there."""
    began = perf_counter()
    file = find_script(session, film.info, journal, journal.shots, tell)
    if file:
        report.script, report.seconds[STAGE] = file.counts, perf_counter() - began


def stage_seconds(seconds: dict[str, float]) -> dict[str, float]:
    """Those of all stages; of the color script only where there is one."""
    return {one: seconds.get(one, 0.0) for one in STAGES if one != STAGE or one in seconds}


def forget_changed(session: Session, journal: Journal) -> list[str]:
    """Takes chunks for not done of which the color sheet says something else; what to note."""
    before = len(journal.done)
    if not (changed := journal.forget_changed(session.colors_of)):
        return []
    return [changed_note(len(changed), before)]


def changed_note(changed: int, before: int) -> str:
    """What is to be said of chunks of which the color sheet says something else now."""
    chunks = "chunk" if before == 1 else "chunks"
    return f"the color sheet changed: {changed} of {before} finished {chunks} colored again"


def resumed_note(report: Report) -> list[str]:
    """What is to be said where earlier runs have done a part."""
    if not report.resumed:
        return []
    return [f"resumed with {report.resumed} of {report.chunks} chunks already done"]


class _Run:
    """One run over a film that may have been begun by others."""

    def __init__(
        self,
        film: VideoReader,
        plan: EncodePlan,
        journal: Journal,
        session: Session,
        report: Report,
        on_progress: OnProgress | None,
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._film = film
        self._plan = plan
        self._journal = journal
        self._session = session
        self._report = report
        self._on_progress = on_progress
        self._done = {number: chunk.facts for number, chunk in journal.done.items()}
        """What earlier runs finished."""
        self._reach = ChunkReach(context_frames(session))
        self._chunks: dict[int, int] = {}
        """All that the film has, and how many frames come before each."""
        self._seen = 0
        self._frames = sum(facts.frames for facts in self._done.values())
        self._total = expected_frames(film.info, session.settings.open)

    def colorize(self, pool: WorkerThreads) -> None:
        """Brings every chunk that is not done yet to the disk.

        One thread decodes, one leads the frames from stage to stage, and this one encodes; worker
        threads do the arithmetic.
        """
        self._tell(0.0)
        # The first frame would wait for it, and by then all threads have work.
        pool.submit("paint", prepare_paint, self._plan.layout)
        settings, seconds = self._session.settings, self.seconds
        frames: Iterator[Any] = time_waiting(
            decode(self._film, self._plan.layout), "decode", seconds
        )
        frames = time_waiting(prefetch(frames), "wait for decode", seconds)
        frames = time_waiting(mark_frames(frames, settings), "shots", seconds)
        frames = plan_chunks(frames, settings.chunks)
        frames = tap(frames, self._see)
        frames = skip_finished(frames, self._done, context_frames(self._session))
        frames = colorize_marked(
            frames,
            self._session,
            sample_aspect=self._film.info.sample_aspect,
            threads=pool,
            states=self._journal,
            skip=self._done,
        )
        frames = time_waiting(prefetch(frames), "wait for paint", seconds)
        began = perf_counter()
        try:
            for number, chunk in groupby(frames, lambda frame: frame.chunk):
                self._write(number, chunk)
        except UnsupportedPixels:
            self._journal.clear()  # the film would be refused at the same place again
            raise
        except ChunkDiffers as error:
            self._journal.forget(error.number)
            raise
        finally:
            close(frames)
        seconds["encode"] = perf_counter() - began - seconds["wait for paint"]
        seconds["shots"] -= seconds["wait for decode"]
        seconds |= pool.seconds

    def _see(self, frame: Frame) -> None:
        self._chunks.setdefault(frame.chunk, self._seen)
        self._seen += 1
        self._reach.see(frame)

    def _write(self, number: int, frames: Iterator[Frame]) -> None:
        frames = of_the_same(frames, self._film)
        encoding = self._plan, self._film.info
        reach, first = self._reach, self._chunks[number]
        record_chunk(
            number, frames, self._journal, encoding, self._session, reach, self._count, first
        )
        self._know()

    def _know(self) -> None:
        """Writes down what the film's bytes are, as soon as that is known."""
        content = self._film.content
        if isinstance(content, Content) and content.ready and not self._journal.content:
            self._journal.know(content())

    def assemble(self) -> None:
        """Makes the target of the chunks."""
        began = perf_counter()
        done = self._journal.done
        missing = self._chunks.keys() ^ done.keys()
        if missing:  # the film was longer when it was begun, and is whole no more
            raise ChunkDiffers(min(missing))
        chunks = [done[number] for number in sorted(done)]
        output, report = self._session.settings.output, self._report
        self._know()
        make = assemble_shots if output.split else assemble
        make(self._film, self._plan, output, self._journal, chunks, report)
        report.resumed = len(self._done)
        self.seconds["stitch"] = perf_counter() - began

    def _count(self, frame: Frame) -> None:
        self._frames += 1
        self._tell(float(frame.seconds))

    def _tell(self, seconds: float) -> None:
        if self._on_progress:
            self._on_progress(Progress(self._frames, self._total, seconds))


def context_frames(session: Session) -> int:
    """How many frames behind a chunk that ends within a shot its colors rest on at most."""
    return count_context(session.settings, session.smooths)


def count_context(settings: Settings, smooths: bool) -> int:
    """As `context_frames`, where no net is loaded."""
    # A frame that the last of these is carried from lies up to a stride behind it.
    ahead = context(settings.smooth.look_ahead) if smooths else 0
    return ahead + settings.colorizer.stride - 1


def record_chunk(
    number: int,
    frames: Iterable[Frame],
    folder: WorkDir,
    encoding: tuple[EncodePlan, VideoInfo],
    session: Session,
    reach: ChunkReach,
    on_frame: Callable[[Frame], None],
    first: int = 0,
) -> DoneChunk:
    """Encodes one chunk and writes into the journal that it is done.

    Args:
        number: Of the chunk.
        frames: Its frames in color.
        folder: Gets the chunk file and the line.
        encoding: How it is encoded, and of which film.
        session: What it was colored with.
        reach: Was told of all frames that have a part in its colors.
        on_frame: Called with each frame that was handed to the encoder.
        first: How many frames of the film come before it.
    """
    tally = FrameTally()

    def count() -> Iterator[Frame]:
        for frame in frames:
            tally.see(frame)
            yield frame
            on_frame(frame)

    path, (plan, info) = folder.path(number), encoding
    if is_frames(plan):
        facts = write_frames(count(), path, plan, info, first, label_of(folder.spec))
    else:
        facts = write_chunk(count(), path, plan, info)
    after = folder.handover_sha256(number + 1)
    marks = tuple(tally.colorless), tuple(tally.shots), folder.writer, tally.gray.runs
    begin, end = reach.span(number)
    colors = session.colors_of(begin, end)
    chunk = DoneChunk(number, facts, after, *marks, (str(begin), str(end)), colors)
    folder.add(chunk)
    return chunk
