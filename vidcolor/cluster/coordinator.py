"""The coordinator: knows where each film stands, gives commands and hears what becomes of them.

It keeps nothing that the work folders of the films do not tell again: another one goes on where it
stopped. It knows no machines; `vidcolor.cluster.ray_backend` brings its commands to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from time import perf_counter

from vidcolor import errors
from vidcolor.cluster.messages import (
    AssembleVideo,
    ChunkColorized,
    ChunkKnown,
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
from vidcolor.cluster.task_queue import SETTLING, Stage, Step, Task, TaskQueue
from vidcolor.cluster.video_state import VideoState
from vidcolor.core.files import check_file, identify
from vidcolor.core.report import Progress, WorkerStats
from vidcolor.errors import (
    ClusterError,
    DeviceError,
    FilmChanged,
    FilmUnreadable,
    OutputError,
    OutputFull,
    SettingsError,
    UnsupportedPixels,
    VidcolorError,
)
from vidcolor.guidance.places import NONE
from vidcolor.run.assembly import check_place
from vidcolor.run.batch import Outcome, Result, result_of, write_report
from vidcolor.run.chunk_manifest import read_manifest
from vidcolor.run.film_parts import missing_film_parts
from vidcolor.run.film_script import missing_parts, missing_settling
from vidcolor.run.inputs import BatchItem
from vidcolor.run.journal import open_journal
from vidcolor.run.leftovers import allow_own_target
from vidcolor.run.report import log_report
from vidcolor.run.settling import Work, divide_turns
from vidcolor.run.video import count_context
from vidcolor.settings import Settings

_WORKS = dict(zip(SETTLING, Work, strict=True))
OnFilm = Callable[[BatchItem, Progress], None]


class Coordinator:
    """Has films colored by workers that somebody else knows."""

    def __init__(
        self,
        items: Sequence[BatchItem],
        settings: Settings,
        several: bool,
        attempts: int = 3,
        on_progress: OnFilm | None = None,
    ) -> None:
        """Take on films.

        Args:
            items: Sources and targets.
            settings: Of all of them.
            several: Whether each gets its report beside it.
            attempts: How often something is tried before it is set aside.
            on_progress: Called with what earlier runs have done, then whenever a film gets on.

        Raises:
            SettingsError: One file a shot is asked for.
        """
        if settings.output.split:
            raise SettingsError("a cluster writes one file a film; leave --split out")
        self._films = [VideoState.of(item) for item in items]
        self._settings = settings
        self._several = several
        self._on_progress = on_progress
        self._queue = TaskQueue(len(items), attempts)
        self._attempts = attempts
        self._workers = 1
        """The most that there were."""
        self._since: dict[tuple[Task, str], float] = {}
        self._outcomes: list[Outcome] = []

    @property
    def over(self) -> bool:
        """Whether something became of all films."""
        return self._queue.over

    def outcomes(self) -> list[Outcome]:
        """What became of films since this was asked last."""
        found, self._outcomes = self._outcomes, []
        return found

    def close(self) -> None:
        """Let go of the films that are not done; their work folders stay."""
        for film in self._films:
            with suppress(OutputError):
                film.held.close()

    def assign(self, worker: str, workers: int) -> tuple[Task, Command] | None:
        """What a worker is to do next; None where there is nothing for it now.

        Args:
            worker: Its name.
            workers: How many there are.
        """
        self._workers = max(self._workers, workers)
        task = self._queue.take(worker, workers)
        if task is None:
            return None
        film = self._films[task.film]
        if task.step is Step.BEGIN:
            try:
                check_file(film.item.source)
            except FilmUnreadable as error:
                self._queue.done(task)
                self._give_up(task.film, error)
                return None
        film.began = film.began or perf_counter()
        self._since[task, worker] = perf_counter()
        try:
            return task, self._make_command(film, task)
        except Exception as error:
            self._queue.done(task)
            self._give_up(task.film, error)
            return None

    def _make_command(self, film: VideoState, task: Task) -> Command:
        if task.step is Step.BEGIN:
            return OpenVideo(film.item)
        if task.step is Step.PLAN:
            assert film.spec
            return PlanChunks(film.item, film.spec, film.parts)
        journal, spec = film.journal, film.spec
        assert journal
        assert spec
        if task.step is Step.PART:
            return ReadPart(film.item, spec, film.parts[task.chunk])
        if task.step in (Step.LOOK, Step.SETTLE, *SETTLING):
            assert film.plan
            if task.step is Step.LOOK:
                return LookAtKeys(film.item, spec, film.plan.parts[task.chunk])
            if task.step is Step.SETTLE:
                return SettleScript(film.item, spec, film.plan)
            return SettlePart(film.item, spec, film.plan, _WORKS[task.step], task.chunk)
        if task.step is Step.FINISH:
            assert film.end
            done = tuple(journal.done[chunk.number] for chunk in film.chunks)
            return AssembleVideo(film.item, spec, film.end, done)
        first = film.chunks[task.chunk]
        rest = film.context_chunks(task.chunk, self._context(film)) or ()
        before = journal.done.get(task.chunk - 1) if first.continues_shot else None
        handed = (before.writer, before.handover) if before else ("", "")
        shots = film.shots(task.chunk) or film.begin_of(task.chunk)
        ends = film.guidance.ends if film.guidance else None
        chunks = (first, *rest)
        before_it = sum(one.frames for one in film.chunks[: task.chunk])
        told = film.item, spec, film.zero, chunks
        return ColorizeChunk(*told, *handed, shots, ends, film.script, before_it)

    def hear(self, task: Task, worker: WorkerInfo, reply: Reply) -> bool:
        """Take note of what a worker told about a task; whether it was the last of it."""
        film = self._films[task.film]
        last = not isinstance(reply, Progressed | ChunkKnown)
        if film.closed:
            if last:
                self._queue.done(task)
            return last
        if isinstance(reply, Progressed):
            doing = reply.doing
            if task.step is Step.LOOK:
                doing = film.look(task.chunk, reply.frames)
            elif task.step in SETTLING:
                doing = film.agreeing
            elif task.step is Step.CHUNK:
                film.frames[task.chunk] = reply.frames
            self._tell(film, reply.seconds, doing)
            return False
        if isinstance(reply, ChunkKnown):
            if reply.chunk.number == len(film.chunks):  # not told before by one that was lost
                film.chunks.append(reply.chunk)
                film.zero = reply.zero
            self._hand_on(task.film)
            return False
        if isinstance(reply, TaskFailed):
            self._fail(task, worker.name, reply)
            return True
        self._figures(film, task, worker.name).device = worker.device
        if isinstance(reply, PartSettled) and reply.blocks:
            film.to_settle += self._queue.take_turns(task, divide_turns(reply.blocks))
        self._queue.done(task)
        try:
            if isinstance(reply, ChunkColorized):
                film.colored(reply, film.figures(worker.name))
                self._tell(film, film.at)
            self._advance(task, reply)
        except Exception as error:  # whatever is wrong with its files, the other films go on
            self._give_up(task.film, error)
        return True

    def goes_on(self, task: Task) -> bool:
        """Whether nothing has become of a task's film yet."""
        return not self._films[task.film].closed

    def lost(self, task: Task, worker: str, why: str, counts: bool) -> None:
        """A worker was lost with a task in hand.

        Args:
            task: The task.
            worker: The worker.
            why: In words.
            counts: Whether the task may be to blame.
        """
        self._fail(task, worker, TaskFailed("ClusterError", why), counts)

    def _advance(self, task: Task, reply: Reply) -> None:
        """Go on behind a task that is done.

        Raises:
            VidcolorError: The film cannot be gone on with.
        """
        if isinstance(reply, VideoOpened):
            self._begin(task.film, reply)
        elif isinstance(reply, ChunksPlanned):
            film = self._films[task.film]
            film.planned(reply.end, reply.script)
            film.add(reply.seconds)
            film.notes += [reply.note] if reply.note else []
            self._go_on(task.film)
        elif isinstance(reply, PartRead):
            self._films[task.film].add(reply.seconds)
        elif isinstance(reply, KeysLooked):
            film = self._films[task.film]
            film.add(reply.seconds)
            self._tell(film, film.at, film.look(task.chunk))
        elif isinstance(reply, PartSettled):
            film = self._films[task.film]
            film.settled += 1
            film.add(reply.seconds)
            self._tell(film, film.at, film.agreeing)
        elif isinstance(reply, ScriptSettled):
            film = self._films[task.film]
            film.script = reply.script
            film.add(reply.seconds)
            self._go_on(task.film)
        elif isinstance(reply, VideoAssembled):
            self._finish(task.film, reply)
        self._see(task.film)

    def _begin(self, number: int, reply: VideoOpened) -> None:
        film = self._films[number]
        fresh = self._settings.output.fresh
        film.journal = journal = film.held.enter_context(
            open_journal(film.item.target, fresh, reply.whole)
        )
        if fresh:
            journal.clear()
        output = allow_own_target(film.item.target, self._settings.output)
        check_place(film.item.source, film.item.target, output)  # the journal may be worth nothing
        journal.begin(reply.spec)
        film.spec, film.total, film.start = reply.spec, reply.total, reply.start
        if reply.guidance:  # what it says now is what it says to the end
            film.guidance = reply.guidance
            film.item = replace(film.item, colors=reply.guidance.sheet)
        elif film.item.colors is not None:
            film.item = replace(film.item, colors=NONE)
        film.resumed = len(journal.done)
        film.frames = {chunk.number: chunk.facts.frames for chunk in journal.done.values()}
        self._tell(film, 0.0)
        plan = read_manifest(journal)
        if plan is None:
            self._plan(film, number, reply)
            return
        film.chunks, film.zero = list(plan.chunks), plan.end.zero
        film.planned(plan.end, plan.script)
        self._go_on(number)

    def _plan(self, film: VideoState, number: int, reply: VideoOpened) -> None:
        """Have a film planned: a long one in parts, unless other films keep all workers busy."""
        if not self._queue.lacks_films(self._workers):
            self._queue.to_plan(number)
            return
        assert film.journal
        film.parts = reply.parts
        film.notes += [reply.note] if reply.note else []
        self._queue.to_plan(number, missing_film_parts(film.journal, film.parts))

    def _go_on(self, number: int) -> None:
        """Behind the plan of a film come the parts of its color script, and behind it the chunks.

        What is there of it is not made again.
        """
        film = self._films[number]
        if film.waits:
            assert film.journal
            assert film.plan
            missing = missing_parts(film.journal, film.plan)
            for part in set(range(len(film.plan.parts))).difference(missing):
                film.look(part)
            self._queue.to_script(number, missing, self._divide_settling(film))
            return
        self._hand_on(number)
        self._queue.planned(number)

    def _divide_settling(self, film: VideoState) -> Sequence[Stage]:
        """What many do of settling a script; nothing where other films keep all workers busy."""
        if not self._queue.lacks_films(self._workers):
            return []
        assert film.journal
        assert film.plan
        missing = missing_settling(film.journal, film.plan)
        stages = [(step, missing[work]) for step, work in _WORKS.items() if work in missing]
        film.settled, film.to_settle = 0, sum(len(parts) for _, parts in stages)
        return stages

    def _hand_on(self, number: int) -> None:
        """Let the dispatch know of chunks as soon as all is known that they rest on."""
        film = self._films[number]
        while film.handed_on < len(film.chunks):
            chunk = film.chunks[film.handed_on]
            if film.context_chunks(chunk.number, self._context(film)) is None:
                break
            continues_shot = chunk.continues_shot and self._smooths(film)
            done = film.is_done(chunk)
            self._queue.chunk(
                number, chunk.number, chunk.frames, continues_shot=continues_shot, done=done
            )
            film.handed_on += 1

    def _smooths(self, film: VideoState) -> bool:
        by_sheet = film.guidance is not None and film.guidance.smooths
        return by_sheet or self._settings.smooth.strength > 0

    def _context(self, film: VideoState) -> int:
        return count_context(self._settings, self._smooths(film))

    def _finish(self, number: int, reply: VideoAssembled) -> None:
        film = self._films[number]
        report = reply.report
        if reply.before:
            self._close(number, Outcome(film.named, Result.SKIPPED, report))
            return
        report.source, report.target = str(film.named.source), str(film.named.target)
        if film.journal:
            film.complete(report)
            log_report(report)
        if self._several:
            write_report(report)
        if film.journal:  # not before: a target without a report is known by the work folder
            film.journal.remove()
        self._close(number, Outcome(film.named, result_of(report), report))

    def _fail(self, task: Task, worker: str, reply: TaskFailed, counts: bool = True) -> None:
        film = self._films[task.film]
        if film.closed:
            self._queue.done(task)
            return
        self._figures(film, task, worker).failures += 1
        if task.step is Step.CHUNK:
            film.frames.pop(task.chunk, None)
        elif task.step is Step.LOOK:
            film.looked.pop(task.chunk, None)
        aside = self._queue.failed(task, worker, counts)
        error = error_of(reply)
        if isinstance(error, FilmChanged) and not self._changed(film):
            error = ClusterError(f"{worker} sees another file: {error}")
        whole = isinstance(error, OutputFull | FilmChanged)
        is_left = aside and task.step in SETTLING and not whole
        if is_left:
            self._queue.skip(task)
        elif task.step is not Step.CHUNK:
            retried = isinstance(error, ClusterError | DeviceError) or task.step is Step.FINISH
            whole = whole or not (retried or reply.trace)
            whole = whole or aside
        if whole:
            self._give_up(task.film, error)
            return
        parts = {Step.CHUNK: f"chunk {task.chunk} ", Step.SETTLE: "the color script "}
        parts[Step.PART] = f"part {task.chunk} of the plan "
        parts[Step.LOOK] = f"part {task.chunk} of the color script "
        parts[Step.PAIR] = "finding pairs of key frames "
        parts[Step.COMPARE] = f"part {task.chunk} of comparing key frames "
        parts[Step.AGREE] = f"part {task.chunk} of the scenes of the color script "
        parts[Step.TURN] = f"turn {task.chunk} of a large scene of the color script "
        what = parts.get(task.step, "")
        now = "is left to who settles the color script" if is_left else "was retried"
        film.notes.append(f"{what}failed on {worker} and {now}: {reply.text}")
        if aside and not is_left:
            film.aside[task.chunk] = reply.text
        self._see(task.film)

    @staticmethod
    def _changed(film: VideoState) -> bool:
        """Whether a film is another one as it is seen from here, too."""
        try:
            return film.spec is None or identify(film.item.source) != film.spec.source
        except FilmUnreadable:
            return True

    def _see(self, number: int) -> None:
        """Gives a film up of which nothing is left but what was set aside."""
        film = self._films[number]
        if not film.aside or not self._queue.stuck(number):
            return
        self._give_up(number, film.what_is_aside(self._attempts))

    def _give_up(self, number: int, error: Exception) -> None:
        film = self._films[number]
        if film.journal and isinstance(error, UnsupportedPixels):
            with suppress(OutputError):
                film.journal.clear()  # it would be refused at the same place again
        self._close(number, Outcome(film.named, Result.FAILED, error=error))
        if isinstance(error, OutputFull):
            self._stop(error)

    def _stop(self, error: OutputFull) -> None:
        """Closes all films: the disk is full for every one of them."""
        for number in list(self._queue.not_begun()):
            self._close(number, Outcome(self._films[number].named, Result.NOT_STARTED))
        for number, film in enumerate(self._films):
            if not film.closed:
                self._close(number, Outcome(film.named, Result.FAILED, error=error))

    def _close(self, number: int, outcome: Outcome) -> None:
        film = self._films[number]
        film.closed = True
        film.chunks, film.frames, film.plan = [], {}, None  # 8 bytes a frame, of thousands of films
        self._queue.close(number)
        with suppress(OutputError):
            film.held.close()
        self._outcomes.append(outcome)

    def _figures(self, film: VideoState, task: Task, worker: str) -> WorkerStats:
        """A worker's figures for a film, with the time that it had a task in hand."""
        figures = film.figures(worker)
        since = self._since.pop((task, worker), None)
        figures.seconds += perf_counter() - since if since else 0.0
        return figures

    def _tell(self, film: VideoState, seconds: float, doing: str = "") -> None:
        film.at = max(film.at, seconds)
        if self._on_progress:
            frames = sum(film.frames.values())
            self._on_progress(film.named, Progress(frames, film.total, film.at, doing))


def error_of(reply: TaskFailed) -> VidcolorError:
    """The error that a worker told of."""
    kind = getattr(errors, reply.kind, None)
    if isinstance(kind, type) and issubclass(kind, VidcolorError):
        return kind(reply.text)
    error = ClusterError(reply.text)
    error.add_note(reply.trace)
    return error
