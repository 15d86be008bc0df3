"""A worker: takes one order at a time about one film, and tells how it goes while it is at it.

It knows nothing of who sends the orders. What it makes goes to the work folder of the film; orders
and what is told are small, and hold paths.
"""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from secrets import token_hex
from time import perf_counter

from vidcolor.cluster.messages import (
    AssembleVideo,
    ChunkColorized,
    ChunksPlanned,
    ColorizeChunk,
    Command,
    KeysLooked,
    LookAtKeys,
    OpenVideo,
    PartRead,
    PartSettled,
    PlanChunks,
    Progressed,
    ReadPart,
    Reply,
    ScriptSettled,
    SettlePart,
    SettleScript,
    TaskFailed,
    VideoAssembled,
    VideoOpened,
    WorkerInfo,
)
from vidcolor.cluster.planner import Planner
from vidcolor.colorize.chain import colorize_marked
from vidcolor.colorize.session import Session
from vidcolor.core.files import printable
from vidcolor.core.find_sequence import sequence_at
from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close, prefetch, tap, time_waiting
from vidcolor.core.paths import work_folder
from vidcolor.core.report import Report
from vidcolor.core.run_spec import RunSpec
from vidcolor.core.threads import WorkerThreads, usable_cores
from vidcolor.errors import ClusterError, ManifestMismatch, PartsDiffer, VidcolorError
from vidcolor.guidance.color_script import ColorScript
from vidcolor.guidance.places import describe_sheet, note_unused, plan_colors
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.identity import check_same
from vidcolor.media.metadata import expected_frames
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.sequences.plan import plan_target
from vidcolor.run.assembly import assemble, check_result, target_place
from vidcolor.run.batch import Batch
from vidcolor.run.chunk_manifest import (
    Manifest,
    read_chunk_frames,
    shot_ranges,
    write_manifest,
)
from vidcolor.run.chunking import ChunkReach
from vidcolor.run.film_parts import divide_film, drop_parts, make_film_part, note_whole
from vidcolor.run.film_script import (
    STAGE,
    ScriptFile,
    load_script,
    make_part,
    make_script_file,
    open_settler,
    plan_script,
)
from vidcolor.run.image import stays_still
from vidcolor.run.inputs import BatchItem
from vidcolor.run.leftovers import allow_own_target
from vidcolor.run.report import note_cuts
from vidcolor.run.settling import Settler, Work
from vidcolor.run.shot_scan import find_ends
from vidcolor.run.spec import (
    configure_for,
    describe_video,
    device_of,
    keep_source,
    resume_threads,
    versions,
)
from vidcolor.run.video import colorize_video, context_frames, record_chunk
from vidcolor.run.work_dir import WorkDir, content_of, read_journals, whole_chunks
from vidcolor.settings import Settings

_OfRun = (
    ReadPart | PlanChunks | LookAtKeys | SettlePart | SettleScript | ColorizeChunk | AssembleVideo
)
"""Commands about a film that was opened before."""
EVERY = 1.0
"""Seconds between two words of a worker that is getting on."""


@dataclass
class _Watch:
    """How far an order is carried out."""

    read: int = 0
    frames: int = 0
    seconds: float = 0.0
    doing: str = ""
    stages: dict[str, float] = field(default_factory=dict)
    words: SimpleQueue[Reply | None] = field(default_factory=SimpleQueue)
    """What is to be told meanwhile; None at the end."""

    def count_frame(self, frame: Frame) -> None:
        self.frames += 1
        self.seconds = float(frame.seconds)

    def count_key(self, _: object) -> None:
        self.frames += 1

    def count_read(self, _: object) -> None:
        self.read += 1

    def tell(self, doing: str) -> None:
        self.read += 1
        self.doing = doing


class Worker:
    """Holds the net."""

    def __init__(self, settings: Settings, several: bool, cores: int = 0) -> None:
        """Load the net.

        Args:
            settings: Of all films.
            several: Whether a film whose target and report are there already is done.
            cores: How many it may use; 0 takes all there are.

        Raises:
            VidcolorError: As `Colorizer.from_weights`.
        """
        cores = cores or usable_cores()
        self._settings = replace(
            settings,
            colorizer=replace(settings.colorizer, threads=cores),
            open=replace(settings.open, decoder_threads=min(cores, 8)),
        )
        self._session = Session.load(self._settings)
        colorizer = self._session.colorizer
        self._batch = Batch(self._settings, colorizer) if several else None
        self._unseekable: set[Path] = set()
        self._script: tuple[ScriptFile, ColorScript] | None = None
        self._settler: Settler | None = None
        host = "".join(c if c.isalnum() else "-" for c in platform.node())[:40]
        self._name = f"{host}-{os.getpid()}-{token_hex(3)}"

    def greet(self) -> WorkerInfo:
        """Who this is."""
        return WorkerInfo(self._name, device_of(self._session.colorizer))

    def do(self, command: Command) -> Iterator[Reply]:
        """Carry out a command; nothing raises, the last reply may be that it `TaskFailed`."""
        try:
            match command:
                case OpenVideo():
                    yield from _run_beside(partial(self._begin, command.item))
                case ReadPart():
                    yield from _run_beside(partial(self._read_part, command))
                case PlanChunks():
                    yield from _run_beside(partial(self._plan, command))
                case LookAtKeys():
                    yield from _run_beside(partial(self._look, command))
                case SettlePart():
                    yield from _run_beside(partial(self._settle_part, command))
                case SettleScript():
                    yield from _run_beside(partial(self._settle, command))
                case ColorizeChunk():
                    yield from self._colorize(command)
                case AssembleVideo():
                    yield from _run_beside(partial(self._finish, command))
        except Exception as error:
            yield describe_failure(error)

    def _begin(self, item: BatchItem, watch: _Watch) -> VideoOpened | VideoAssembled:
        if not os.path.lexists(item.source) and not sequence_at(item.source):
            raise ClusterError(
                f"{printable(item.source)}: missing on {platform.node()}; all machines must see"
                " films and targets under the same path"
            )
        if self._batch and (earlier := self._batch.done_before(item)):
            return VideoAssembled(earlier, before=True)
        settings = self._settings
        if stays_still(item.source, item.target):
            colorizer = self._session.colorizer
            make = partial(colorize_video, item.source, item.target, colors=item.colors)
            return VideoAssembled(make(colorizer=colorizer, settings=settings))
        begun, content = (None, "") if settings.output.fresh else _read_begun(item)
        with open_video(item.source, settings.open) as film:
            output = allow_own_target(item.target, settings.output)
            with target_place(film.info, item.target, output):
                plan = plan_target(film.info, item.target, resume_threads(settings.encode, begun))
                check_result(film, item.target, plan, output)
            session = self._session.with_guidance(plan_colors(film.info, item.colors))
            configure_for(session, film.info, begun)
            spec = describe_video(film.info, session, plan)
            if begun:  # any machine may go on with it
                spec = spec.on_device_of(begun, settings.colorizer.precision)
            spec = keep_source(spec, begun, film.info.path, content)
            # Not by who gives the orders: he would hear nobody meanwhile.
            folder = WorkDir(work_folder(item.target))
            whole = () if settings.output.fresh else whole_chunks(folder, watch.count_read)
            total = expected_frames(film.info, settings.open)
            guidance = session.guidance
            if guidance and guidance.needs_shots:
                guidance = find_ends(film.info, settings, plan.layout, guidance, watch.count_read)
            folder.spec = spec
            divided = divide_film(film, settings, folder)
            return VideoOpened(spec, total, film.info.start, whole, guidance, *divided)

    def _read_part(self, command: ReadPart, watch: _Watch) -> PartRead:
        with open_video(command.item.source, self._settings.open) as film:
            layout = self._check_same(film, command)[0].layout
            folder, see = self._folder(command), watch.count_read
            return PartRead(make_film_part(film, layout, self._settings, folder, command.part, see))

    def _plan(self, command: PlanChunks, watch: _Watch) -> ChunksPlanned:
        settings, folder, note = self._settings, self._folder(command), ""
        planner = Planner(settings, watch.count_read, watch.words.put)
        with open_video(command.item.source, settings.open) as film:
            plan, session = self._check_same(film, command)
            try:
                planned = planner.join(film, plan.layout, folder, command.parts)
            except PartsDiffer as error:
                note, planned = note_whole(str(error)), None
        if planned is None:
            with open_video(command.item.source, settings.open) as film:
                planned = planner.read(film, plan.layout)
        if planned.content:  # it was read beside
            folder.know(planned.content)
        script = plan_script(session, folder, planned.shots) if session.scripted else None
        write_manifest(folder, Manifest(planned.chunks, planned.end, script))
        drop_parts(folder, command.parts)
        return ChunksPlanned(planned.end, planned.seconds, script, note)

    def _look(self, command: LookAtKeys, watch: _Watch) -> KeysLooked:
        began = perf_counter()
        with open_video(command.item.source, self._session.settings.open) as film:
            session = self._check_same(film, command)[1]
        make_part(session, film.info, self._folder(command), command.part, watch.count_key)
        return KeysLooked({STAGE: perf_counter() - began})

    def _settle_part(self, command: SettlePart, watch: _Watch) -> PartSettled:
        began = perf_counter()
        with open_video(command.item.source, self._session.settings.open) as film:
            session = self._check_same(film, command)[1]
        folder = self._folder(command)
        settler = self._find_settler(command)
        if settler is None:
            settler = open_settler(session, film.info, folder, command.plan, watch.tell)
        self._settler = settler
        with WorkerThreads(1):
            settler.make(folder, command.work, command.part, watch.count_read)
            last = command.work is Work.COLORS
            blocks = settler.count_blocks(folder, watch.count_read) if last else 0
        return PartSettled({STAGE: perf_counter() - began}, blocks)

    def _settle(self, command: SettleScript, watch: _Watch) -> ScriptSettled:
        began = perf_counter()
        with open_video(command.item.source, self._session.settings.open) as film:
            session = self._check_same(film, command)[1]
        folder, settler = self._folder(command), self._find_settler(command)
        told = command.plan, watch.tell, settler
        self._script, self._settler = make_script_file(session, film.info, folder, *told), None
        return ScriptSettled(self._script[0], {STAGE: perf_counter() - began})

    def _find_settler(self, command: SettlePart | SettleScript) -> Settler | None:
        """The key frames of a film, where they were read for another part of its script."""
        found, wanted = self._settler, command.plan.settling
        return found if found and found.settling == wanted else None

    def _colorize(self, command: ColorizeChunk) -> Iterator[Reply]:
        source, self._settler = command.item.source, None  # 100 kB a key frame, of a long film
        if source not in self._unseekable:
            try:
                yield from _run_beside(partial(self._colorize_chunk, command, True))
                return
            except ManifestMismatch:
                self._unseekable.add(source)
        yield from _run_beside(partial(self._colorize_chunk, command, False))

    def _colorize_chunk(self, command: ColorizeChunk, seek: bool, watch: _Watch) -> ChunkColorized:
        """One thread decodes, one leads the frames from stage to stage, and this one encodes."""
        began = perf_counter()
        chunk = command.chunks[0]
        with open_video(command.item.source, self._session.settings.open) as film:
            plan, session = self._check_same(film, command)
            script = self._find_script(command)
            reach = _tell_shots(film, command, session, script)
            part = read_chunk_frames(
                film,
                plan.layout,
                command.zero,
                command.chunks,
                context_frames(session),
                seek,
                watch.count_read,
            )
            frames = prefetch(time_waiting(tap(part, reach.see), "decode", watch.stages))
            folder = self._folder(command, command.before)
            folder.expect(chunk.number, command.handover)
            others = {each.number for each in command.chunks[1:]}
            with session.threads_for(film.info, plan.layout) as pool:
                painted = colorize_marked(
                    frames,
                    session,
                    sample_aspect=film.info.sample_aspect,
                    threads=pool,
                    states=folder,
                    skip=others,
                )
                painted = time_waiting(prefetch(painted), "wait for paint", watch.stages)
                try:
                    encoding, see = (plan, film.info), watch.count_frame
                    told = session, reach, see, command.before_it
                    done = record_chunk(chunk.number, painted, folder, encoding, *told)
                finally:
                    close(painted)
        stages = watch.stages | pool.seconds
        stages["encode"] = perf_counter() - began - stages.pop("wait for paint")
        return ChunkColorized(done, session.inferred, stages, tuple(session.notes))

    def _find_script(self, command: ColorizeChunk) -> ColorScript | None:
        """The color script that a chunk follows, read once for all chunks of a film."""
        if command.script is None:
            return None
        if self._script is None or self._script[0] != command.script:
            self._script = command.script, load_script(self._folder(command), command.script)
        return self._script[1]

    def _finish(self, command: AssembleVideo, watch: _Watch) -> VideoAssembled:
        began = perf_counter()
        item, settings = command.item, self._settings
        report = Report(str(item.source), str(item.target))
        with open_video(item.source, settings.open) as film:
            plan, session = self._check_same(film, command)
            film.log = deepcopy(command.end)  # the command may come again
            content = _read_begun(item)[1]
            film.content = lambda: content
            report.spec = command.spec.with_content(content)
            folder = self._folder(command)
            # It was begun anew; a target may be there of a worker that was lost before it said so.
            output = allow_own_target(item.target, replace(settings.output, fresh=False))
            assemble(film, plan, output, folder, command.chunks, report, watch.count_read)
        report.weights = session.weights
        report.notes += note_unused(item.source, item.colors)
        note_cuts(report, settings)
        if session.guidance:
            report.colors = describe_sheet(session.guidance)
        report.seconds = {"stitch": perf_counter() - began}
        report.versions = versions()
        return VideoAssembled(report)

    def _folder(self, command: _OfRun, before: str = "") -> WorkDir:
        return WorkDir(work_folder(command.item.target), self._name, command.spec, before)

    def _check_same(self, film: VideoReader, command: _OfRun) -> tuple[EncodePlan, Session]:
        """How the film is encoded and colored; refuses a run that would be another one here.

        Raises:
            FilmChanged: The film is another one now.
            ClusterError: Something else differs.
        """
        spec, now = command.spec, film.info.identity
        # The frames of a chunk are compared one by one with those of the plan.
        if not isinstance(command, AssembleVideo) and not spec.source.is_like(now):
            check_same(film.info.path, spec.source, now)
        if isinstance(command, AssembleVideo) and spec.source.changed != now.changed:
            check_same(film.info.path, spec.source, now, lambda: _read_begun(command.item)[1])
        settings, target = self._settings, command.item.target
        plan = plan_target(film.info, target, resume_threads(settings.encode, spec))
        session = self._session.with_guidance(plan_colors(film.info, command.item.colors))
        configure_for(session, film.info, spec)
        here = describe_video(film.info, session, plan).with_source(spec.source)
        if changed := here.on_device_of(spec, settings.colorizer.precision).diff(spec):
            raise ClusterError(f"{platform.node()} would write a different film: {changed}")
        return plan, session


def _tell_shots(
    film: VideoReader, command: ColorizeChunk, session: Session, script: ColorScript | None
) -> ChunkReach:
    """Tell what is said of the video's colors which shots a chunk touches; what tells its reach."""
    shots = shot_ranges(command.shots, film.info.time_base, command.zero - film.info.start)
    if session.guidance and session.needs_shots:
        session.guidance = session.guidance.with_ends(command.ends).with_shots(shots)
    if script:
        session.follow(script, shots, film.info.frame_rate)
    return ChunkReach(context_frames(session), shots[0].start_seconds if shots else None)


def describe_failure(error: Exception) -> TaskFailed:
    """What is told of an error."""
    if isinstance(error, VidcolorError):
        return TaskFailed(type(error).__name__, str(error))
    detail = " ".join(str(error).split())[:300]
    text = f"unexpected {type(error).__name__}: {detail} (please report it)"
    return TaskFailed(type(error).__name__, text, "".join(traceback.format_exception(error)))


def _read_begun(item: BatchItem) -> tuple[RunSpec | None, str]:
    """The spec of an earlier run, and the digest of the film's bytes where that is known."""
    try:
        spec, written = read_journals(work_folder(item.target))
    except OSError:
        return None, ""
    return spec, content_of(written)


def _run_beside(work: Callable[[_Watch], Reply]) -> Iterator[Reply]:
    """Have something done by a thread; tell how far it is meanwhile, then what came of it."""
    watch, told = _Watch(), (0, 0)
    with ThreadPoolExecutor(1, "worker") as pool:
        future = pool.submit(work, watch)
        future.add_done_callback(lambda _: watch.words.put(None))
        while True:
            try:
                reply = watch.words.get(timeout=EVERY)
            except Empty:
                if (now := (watch.read, watch.frames)) != told:
                    told = now
                    yield Progressed(*now, watch.seconds, watch.doing)
                continue
            if reply is None:
                break
            yield reply
        yield future.result()
