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
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from secrets import token_hex
from time import perf_counter
from typing import Any

from vidcolor.cluster.messages import (
    Begin,
    Begun,
    Colour,
    Coloured,
    Divide,
    Divided,
    Failed,
    Finish,
    Finished,
    Greeting,
    Known,
    Moved,
    Order,
    Word,
)
from vidcolor.colorize.chain import crew_for
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.files import printable
from vidcolor.core.frames import Frame, Report
from vidcolor.core.iterators import close, prefetch, timed, watched
from vidcolor.core.paths import work_folder
from vidcolor.core.target import check_target
from vidcolor.core.threads import Crew, usable_cores
from vidcolor.errors import ClusterError, Strayed, VidcolorError
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.encoder import EncodePlan, plan_encode
from vidcolor.media.identity import Content, check_same, is_alike
from vidcolor.media.metadata import expected_frames
from vidcolor.media.mux.concat import check_writable
from vidcolor.media.open import Film, open_film
from vidcolor.nets.trust_gate import Gate
from vidcolor.nets.weights import load_gate
from vidcolor.run.assembly import assemble
from vidcolor.run.batch import Batch
from vidcolor.run.chunk_manifest import Plan, PlanEnd, PlannedChunk, excerpt, planned, write_plan
from vidcolor.run.chunking import plan_chunks
from vidcolor.run.image import stays_still
from vidcolor.run.inputs import Reel
from vidcolor.run.journal import differences
from vidcolor.run.leftovers import going_on
from vidcolor.run.spec import (
    Job,
    as_begun,
    as_elsewhere,
    as_known,
    describe_job,
    device_of,
    fit,
    told_weights,
    versions,
    with_content,
)
from vidcolor.run.video import colorize_film, in_colour, leaned_on, write_down
from vidcolor.run.work_dir import ChunkFolder, content_of, read_journals, whole_chunks
from vidcolor.settings import Settings
from vidcolor.shots.detector import mark_shots
from vidcolor.shots.titles import mark_titles

EVERY = 1.0
"""Seconds between two words of a worker that is getting on."""


@dataclass
class _Watch:
    """How far an order is carried out."""

    read: int = 0
    frames: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    words: SimpleQueue[Word | None] = field(default_factory=SimpleQueue)
    """What is to be told meanwhile; None at the end."""

    def passed(self, frame: Frame) -> None:
        self.frames += 1
        self.seconds = float(frame.seconds)

    def saw(self, _: object) -> None:
        self.read += 1


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
        self._colorizer = Colorizer.from_weights(settings=self._settings.colorizer)
        self._gate: Gate | None = None
        self._gate_sha256 = ""
        if settings.smooth.strength:
            self._gate, self._gate_sha256 = load_gate()
        self._batch = Batch(self._settings, self._colorizer) if several else None
        self._unseekable: set[Path] = set()
        host = "".join(c if c.isalnum() else "-" for c in platform.node())[:40]
        self._name = f"{host}-{os.getpid()}-{token_hex(3)}"

    def greet(self) -> Greeting:
        """Who this is."""
        return Greeting(self._name, device_of(self._colorizer))

    def do(self, order: Order) -> Iterator[Word]:
        """Carry out an order; nothing raises, the last word may be that it `Failed`."""
        try:
            match order:
                case Begin():
                    yield from _beside(partial(self._begin, order.reel))
                case Divide():
                    yield from _beside(partial(self._divide, order))
                case Colour():
                    yield from self._colour(order)
                case Finish():
                    yield from _beside(partial(self._finish, order))
        except Exception as error:
            yield failed(error)

    def _begin(self, reel: Reel, watch: _Watch) -> Begun | Finished:
        if not os.path.lexists(reel.source):
            raise ClusterError(
                f"{printable(reel.source)}: is not there on {platform.node()}; all machines must "
                "see films and targets under the same path"
            )
        if self._batch and (earlier := self._batch.done_before(reel)):
            return Finished(earlier, before=True)
        settings = self._settings
        if stays_still(reel.source, reel.target):
            colorizer = self._colorizer
            return Finished(
                colorize_film(reel.source, reel.target, colorizer=colorizer, settings=settings)
            )
        begun, content = ({}, "") if settings.output.fresh else _begun(reel)
        with open_film(reel.source, settings.open) as film:
            output = going_on(reel.target, settings.output)
            check_target(film.info.path, reel.target, output)
            plan = plan_encode(film.info, reel.target, as_begun(settings.encode, begun))
            check_writable(film, reel.target, plan, output)
            fit(self._colorizer, film.info, begun)
            job = describe_job(film.info, settings, plan, self._colorizer, self._gate_sha256)
            job = as_elsewhere(job, begun, settings.colorizer)  # any machine may go on with it
            job = as_known(job, begun, film.info.path, content)
            # Not by who gives the orders: he would hear nobody meanwhile.
            folder = ChunkFolder(work_folder(reel.target))
            whole = () if settings.output.fresh else whole_chunks(folder, watch.saw)
            return Begun(job, expected_frames(film.info, settings.open), whole)

    def _divide(self, order: Divide, watch: _Watch) -> Divided:
        """One thread decodes, this one finds the shots."""
        settings, seconds = self._settings, dict[str, float]()
        found: list[PlannedChunk] = []
        # As where a film is coloured, torch works in one thread: more gain nothing for thumbnails.
        with (
            open_film(order.reel.source, settings.open) as film,
            closing(Content(film.info.path, film.info.identity)) as content,
            Crew(1),
        ):
            layout = self._same(film, order).layout
            frames: Iterator[Any] = timed(decode(film, layout), "decode", seconds)
            frames = timed(prefetch(frames), "wait for decode", seconds)
            frames = mark_shots(watched(frames, watch.saw), settings.shots)
            frames = mark_titles(frames, settings.titles)
            chunks = timed(planned(plan_chunks(frames, settings.chunks)), "shots", seconds)
            try:
                for chunk in chunks:
                    found.append(chunk)
                    watch.words.put(Known(chunk, str(film.zero)))
            finally:
                close(chunks)
            end = PlanEnd.of(film)
            if content():  # it was read beside
                self._folder(order).know(content())
        seconds["shots"] -= seconds.pop("wait for decode")
        write_plan(self._folder(order), Plan(tuple(found), end))
        return Divided(end, seconds)

    def _colour(self, order: Colour) -> Iterator[Word]:
        source = order.reel.source
        if source not in self._unseekable:
            try:
                yield from _beside(partial(self._coloured, order, True))
                return
            except Strayed:
                self._unseekable.add(source)
        yield from _beside(partial(self._coloured, order, False))

    def _coloured(self, order: Colour, seek: bool, watch: _Watch) -> Coloured:
        """One thread decodes, one leads the frames from stage to stage, and this one encodes."""
        settings, colorizer, began = self._settings, self._colorizer, perf_counter()
        chunk = order.chunks[0]
        with open_film(order.reel.source, settings.open) as film:
            plan = self._same(film, order)
            part = excerpt(
                film,
                plan.layout,
                Fraction(order.zero),
                order.chunks,
                leaned_on(settings),
                seek,
                watch.saw,
            )
            frames = prefetch(timed(part, "decode", watch.stages))
            folder = self._folder(order, order.before)
            folder.expect(chunk.number, order.handover)
            others = {each.number for each in order.chunks[1:]}
            aspect = film.info.sample_aspect
            with crew_for(colorizer, film.info, plan.layout) as crew:
                painted = in_colour(
                    frames, aspect, colorizer, self._gate, settings, folder, others, crew
                )
                painted = timed(prefetch(painted), "wait for paint", watch.stages)
                try:
                    done = write_down(chunk.number, painted, folder, plan, film.info, watch.passed)
                finally:
                    close(painted)
        stages = watch.stages | crew.seconds
        stages["encode"] = perf_counter() - began - stages.pop("wait for paint")
        return Coloured(done, colorizer.inferred, stages, tuple(colorizer.notes))

    def _finish(self, order: Finish, watch: _Watch) -> Finished:
        began = perf_counter()
        reel, settings = order.reel, self._settings
        report = Report(str(reel.source), str(reel.target), job=order.job)
        with open_film(reel.source, settings.open) as film:
            plan = self._same(film, order)
            order.end.tell(film)
            content = _begun(reel)[1]
            film.content = lambda: content
            report.job = with_content(order.job, content)
            folder = self._folder(order)
            # It was begun anew; a target may be there of a worker that was lost with its last word.
            output = going_on(reel.target, replace(settings.output, fresh=False))
            assemble(film, reel.target, plan, output, folder, order.chunks, report, watch.saw)
        report.weights = told_weights(self._colorizer, self._gate_sha256)
        report.seconds = {"stitch": perf_counter() - began}
        report.versions = versions()
        return Finished(report)

    def _folder(self, order: Divide | Colour | Finish, before: str = "") -> ChunkFolder:
        return ChunkFolder(work_folder(order.reel.target), self._name, order.job, before)

    def _same(self, film: Film, order: Divide | Colour | Finish) -> EncodePlan:
        """How the film is encoded; refuses a job that would be another one here.

        Raises:
            FilmChanged: The film is another one now.
            ClusterError: Something else differs.
        """
        job = order.job
        now = film.info.identity
        # The frames of a chunk are compared one by one with those of the plan.
        if not isinstance(order, Finish) and not is_alike(job["film"], now):
            check_same(film.info.path, job["film"], now)
        if isinstance(order, Finish) and job["film"].get("changed") != now["changed"]:
            check_same(film.info.path, job["film"], now, lambda: _begun(order.reel)[1])
        plan = plan_encode(film.info, order.reel.target, as_begun(self._settings.encode, job))
        fit(self._colorizer, film.info, job)
        here = describe_job(film.info, self._settings, plan, self._colorizer, self._gate_sha256)
        here = as_elsewhere(here, job, self._settings.colorizer) | {"film": job["film"]}
        if changed := differences(job, here):
            raise ClusterError(f"{platform.node()} would make another film: {changed}")
        return plan


def failed(error: Exception) -> Failed:
    """What is told of an error."""
    if isinstance(error, VidcolorError):
        return Failed(type(error).__name__, str(error))
    detail = " ".join(str(error).split())[:300]
    text = f"unexpected {type(error).__name__}: {detail} (please report it)"
    return Failed(type(error).__name__, text, "".join(traceback.format_exception(error)))


def _begun(reel: Reel) -> tuple[Job, str]:
    """The job of an earlier run, and the digest of the film's bytes where that is known."""
    try:
        job, written = read_journals(work_folder(reel.target))
    except OSError:
        return {}, ""
    return job, content_of(written)


def _beside(work: Callable[[_Watch], Word]) -> Iterator[Word]:
    """Have something done by a thread; tell how far it is meanwhile, then what came of it."""
    watch, told = _Watch(), (0, 0)
    with ThreadPoolExecutor(1, "worker") as pool:
        future = pool.submit(work, watch)
        future.add_done_callback(lambda _: watch.words.put(None))
        while True:
            try:
                word = watch.words.get(timeout=EVERY)
            except Empty:
                if (now := (watch.read, watch.frames)) != told:
                    told = now
                    yield Moved(*now, watch.seconds)
                continue
            if word is None:
                break
            yield word
        yield future.result()
