"""The foreman: knows where each film stands, gives orders and hears what becomes of them.

It keeps nothing that the work folders of the films do not tell again: another one goes on where it
stopped. It knows no machines; `vidcolor.cluster` brings its orders to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from time import perf_counter

from vidcolor import errors
from vidcolor.batch import Outcome, Result, result_of, write_report
from vidcolor.dispatch import Dispatch, Step, Task
from vidcolor.errors import ClusterError, FilmChanged, OutputFull, UnsupportedPixels, VidcolorError
from vidcolor.film.limits import printable
from vidcolor.frames import Progress, Report, WorkerFigures
from vidcolor.job import Job
from vidcolor.journal import Journal, open_journal
from vidcolor.orders import (
    Begin,
    Begun,
    Colour,
    Coloured,
    Divide,
    Divided,
    Failed,
    Finish,
    Finished,
    Known,
    Moved,
    Order,
    Word,
)
from vidcolor.pipeline import STAGES, leaned_on, resumed_note
from vidcolor.plans import PlanEnd, PlannedChunk, behind, read_plan
from vidcolor.reels import Reel
from vidcolor.settings import Settings
from vidcolor.timecode import timecode

OnFilm = Callable[[Reel, Progress], None]

_RETRIED = ("OutOfMemory", "DeviceLost", "DeviceError", "Strayed")
"""Errors that lie with a machine, so that another one may do better. Those of a film's first
opening, its planning and its stitching that are not among them are the film's."""


@dataclass
class _Film:
    """Where a film stands."""

    reel: Reel
    began: float = 0.0
    journal: Journal | None = None
    job: Job = field(default_factory=dict)
    total: int | None = None
    zero: str = "0"
    chunks: list[PlannedChunk] = field(default_factory=list)
    """Those that are known."""
    handed_on: int = 0
    """How many of them the dispatch knows."""
    end: PlanEnd | None = None
    resumed: int = 0
    frames: dict[int, int] = field(default_factory=dict)
    """By chunk, of those that are done or in hand."""
    at: float = 0.0
    """Farthest time of a frame, in seconds."""
    aside: dict[int, str] = field(default_factory=dict)
    """Chunks that were set aside, and why."""
    inferred: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    workers: dict[str, WorkerFigures] = field(default_factory=dict)
    held: ExitStack = field(default_factory=ExitStack)
    """The lock of its work folder."""
    closed: bool = False
    """Whether something became of it."""


class Foreman:
    """Has films coloured by workers that somebody else knows."""

    def __init__(
        self,
        reels: Sequence[Reel],
        settings: Settings,
        several: bool,
        attempts: int = 3,
        on_progress: OnFilm | None = None,
    ) -> None:
        """Take on films.

        Args:
            reels: Sources and targets, as absolute paths.
            settings: Of all of them.
            several: Whether each gets its report beside it.
            attempts: How often something is tried before it is set aside.
            on_progress: Called with what earlier runs have done, then whenever a film gets on.
        """
        self._films = [_Film(reel) for reel in reels]
        self._settings = settings
        self._several = several
        self._on_progress = on_progress
        self._dispatch = Dispatch(len(reels), attempts)
        self._attempts = attempts
        self._context = leaned_on(settings)
        self._since: dict[tuple[Task, str], float] = {}
        self._outcomes: list[Outcome] = []

    @property
    def over(self) -> bool:
        """Whether something became of all films."""
        return self._dispatch.over

    def outcomes(self) -> list[Outcome]:
        """What became of films since this was asked last."""
        found, self._outcomes = self._outcomes, []
        return found

    def close(self) -> None:
        """Let go of the films that are not done; their work folders stay."""
        for film in self._films:
            film.held.close()

    def order(self, worker: str, alone: bool) -> tuple[Task, Order] | None:
        """What a worker is to do next; None where there is nothing for it now.

        Args:
            worker: Its name.
            alone: Whether there are no others.
        """
        task = self._dispatch.take(worker, alone)
        if task is None:
            return None
        film = self._films[task.film]
        film.began = film.began or perf_counter()
        self._since[task, worker] = perf_counter()
        return task, self._order(film, task)

    def _order(self, film: _Film, task: Task) -> Order:
        if task.step is Step.BEGIN:
            return Begin(film.reel)
        if task.step is Step.PLAN:
            return Divide(film.reel, film.job)
        journal = film.journal
        assert journal
        if task.step is Step.FINISH:
            assert film.end
            done = tuple(journal.done[chunk.number] for chunk in film.chunks)
            return Finish(film.reel, film.job, film.end, done)
        first = film.chunks[task.chunk]
        rest = behind(film.chunks, task.chunk, self._context, film.end is not None) or ()
        before = journal.done.get(task.chunk - 1)
        writer = before.writer if before else ""
        return Colour(film.reel, film.job, film.zero, (first, *rest), writer)

    def hear(self, task: Task, worker: str, word: Word, device: str = "") -> bool:
        """Take note of what a worker told about a task; whether it was the last of it."""
        film = self._films[task.film]
        last = not isinstance(word, Moved | Known)
        if film.closed:
            if last:
                self._dispatch.done(task)
            return last
        if isinstance(word, Moved):
            film.frames[task.chunk] = word.frames
            self._tell(film, word.seconds)
            return False
        if isinstance(word, Known):
            if word.chunk.number == len(film.chunks):  # not told before by one that was lost
                film.chunks.append(word.chunk)
                film.zero = word.zero
            self._hand_on(task.film)
            return False
        if isinstance(word, Failed):
            self._fail(task, worker, word)
            return True
        self._figures(film, task, worker).device = device
        if isinstance(word, Coloured):
            self._coloured(film, task, worker, word)
        self._dispatch.done(task)
        try:
            self._heard(task, word)
        except VidcolorError as error:
            self._give_up(task.film, error)
        return True

    def lost(self, task: Task, worker: str, why: str, counts: bool) -> None:
        """A worker was lost with a task in hand.

        Args:
            task: The task.
            worker: The worker.
            why: In words.
            counts: Whether the task may be to blame.
        """
        self._fail(task, worker, Failed("ClusterError", why), counts)

    def _heard(self, task: Task, word: Word) -> None:
        """Go on behind a task that is done.

        Raises:
            VidcolorError: The film cannot be gone on with.
        """
        if isinstance(word, Begun):
            self._begun(task.film, word)
        elif isinstance(word, Divided):
            film = self._films[task.film]
            film.end = word.end
            self._add(film, word.seconds)
            self._hand_on(task.film)
            self._dispatch.planned(task.film)
        elif isinstance(word, Finished):
            self._finished(task.film, word)
        self._see(task.film)

    def _begun(self, number: int, word: Begun) -> None:
        film = self._films[number]
        film.journal = journal = film.held.enter_context(open_journal(film.reel.target))
        if self._settings.output.fresh:
            journal.clear()
        journal.begin(word.job)
        film.job, film.total = word.job, word.total
        film.resumed = len(journal.done)
        film.frames = {chunk.number: chunk.facts.frames for chunk in journal.done.values()}
        self._tell(film, 0.0)
        plan = read_plan(journal)
        if plan is None:
            self._dispatch.to_plan(number)
            return
        film.chunks, film.end, film.zero = list(plan.chunks), plan.end, plan.end.zero
        self._hand_on(number)
        self._dispatch.planned(number)

    def _hand_on(self, number: int) -> None:
        """Let the dispatch know of chunks as soon as all is known that they rest on."""
        film = self._films[number]
        journal = film.journal
        assert journal
        for place in count(film.handed_on):
            if place >= len(film.chunks):
                break
            if behind(film.chunks, place, self._context, film.end is not None) is None:
                break
            chunk, done = film.chunks[place], journal.done.get(place)
            if done and (done.facts.frames, done.facts.first_pts) != (
                chunk.frames,
                chunk.first_pts,
            ):
                journal.forget(place)  # it was not read whole then
                film.resumed -= 1
                done = None
            leans = chunk.leans and self._settings.smooth.strength > 0
            self._dispatch.chunk(number, place, chunk.frames, leans=leans, done=done is not None)
            film.handed_on += 1

    def _coloured(self, film: _Film, task: Task, worker: str, word: Coloured) -> None:
        assert film.journal
        chunk = film.journal.done.setdefault(task.chunk, word.chunk)
        film.frames[task.chunk] = chunk.facts.frames
        film.inferred += word.inferred
        self._add(film, word.seconds)
        film.notes += [note for note in word.notes if note not in film.notes]
        figures = self._figures(film, task, worker)
        figures.chunks += 1
        figures.frames += chunk.facts.frames
        self._tell(film, film.at)

    def _finished(self, number: int, word: Finished) -> None:
        film = self._films[number]
        report = word.report
        if word.before:
            self._close(number, Outcome(film.reel, Result.SKIPPED, report))
            return
        if film.journal:
            self._complete(film, report)
            film.journal.remove()
        if self._several:
            write_report(report)
        self._close(number, Outcome(film.reel, result_of(report), report))

    def _complete(self, film: _Film, report: Report) -> None:
        """Write into a report how the run went."""
        self._add(film, report.seconds)
        report.resumed, report.inferred = film.resumed, film.inferred
        report.notes += [*film.notes, *resumed_note(report)]
        report.seconds = {stage: round(film.seconds.get(stage, 0.0), 3) for stage in STAGES}
        report.seconds["total"] = round(perf_counter() - film.began, 3)
        report.workers = sorted(film.workers.values(), key=lambda figures: figures.name)
        devices = {figures.device for figures in report.workers if figures.chunks}
        if len(devices) > 1:
            report.notes.append(
                f"its chunks were coloured on {' and '.join(sorted(devices))}; the same net gives "
                "other bits there"
            )
        for figures in report.workers:
            figures.seconds = round(figures.seconds, 3)

    def _fail(self, task: Task, worker: str, word: Failed, counts: bool = True) -> None:
        film = self._films[task.film]
        if film.closed:
            self._dispatch.done(task)
            return
        self._figures(film, task, worker).failures += 1
        film.frames.pop(task.chunk, None)
        aside = self._dispatch.failed(task, worker, counts)
        error = _error(word)
        whole = isinstance(error, OutputFull | FilmChanged)
        if task.step is not Step.CHUNK:
            whole = whole or (not word.trace and word.kind not in (*_RETRIED, "ClusterError"))
            whole = whole or aside
        if whole:
            self._give_up(task.film, error)
            return
        what = "" if task.step is not Step.CHUNK else f"chunk {task.chunk} "
        film.notes.append(f"{what}failed on {worker} and was tried again: {word.text}")
        if aside:
            film.aside[task.chunk] = word.text
        self._see(task.film)

    def _see(self, number: int) -> None:
        """Gives a film up of which nothing is left but what was set aside."""
        film = self._films[number]
        if not film.aside or not self._dispatch.stuck(number):
            return
        assert film.journal
        first, why = min(film.aside.items())
        tick = film.journal.job["picture"]["ticks"]
        begin = timecode(film.chunks[first].first_pts * Fraction(tick))
        more = f" and {len(film.aside) - 1} more" if len(film.aside) > 1 else ""
        error = ClusterError(
            f"{printable(film.reel.source.name)}: chunk {first} (from {begin} on){more} was set "
            f"aside after {self._attempts} attempts: {why}; {len(film.journal.done)} of "
            f"{len(film.chunks)} chunks are done, the same command tries again"
        )
        self._give_up(number, error)

    def _give_up(self, number: int, error: VidcolorError) -> None:
        film = self._films[number]
        if film.journal and isinstance(error, FilmChanged | UnsupportedPixels):
            film.journal.clear()  # what is done is of no film any more
        self._close(number, Outcome(film.reel, Result.FAILED, error=error))
        if isinstance(error, OutputFull):
            self._stop(error)

    def _stop(self, error: OutputFull) -> None:
        """Closes all films: the disk is full for every one of them."""
        for number in list(self._dispatch.not_begun()):
            self._close(number, Outcome(self._films[number].reel, Result.NOT_BEGUN))
        for number, film in enumerate(self._films):
            if not film.closed:
                self._close(number, Outcome(film.reel, Result.FAILED, error=error))

    def _close(self, number: int, outcome: Outcome) -> None:
        film = self._films[number]
        film.closed = True
        self._dispatch.close(number)
        film.held.close()
        self._outcomes.append(outcome)

    def _figures(self, film: _Film, task: Task, worker: str) -> WorkerFigures:
        """A worker's figures for a film, with the time that it had a task in hand."""
        figures = film.workers.setdefault(worker, WorkerFigures(worker))
        since = self._since.pop((task, worker), None)
        figures.seconds += perf_counter() - since if since else 0.0
        return figures

    def _tell(self, film: _Film, seconds: float) -> None:
        film.at = max(film.at, seconds)
        if self._on_progress:
            self._on_progress(film.reel, Progress(sum(film.frames.values()), film.total, film.at))

    @staticmethod
    def _add(film: _Film, seconds: dict[str, float]) -> None:
        for stage, value in seconds.items():
            film.seconds[stage] = film.seconds.get(stage, 0.0) + value


def _error(word: Failed) -> VidcolorError:
    """The error that a worker told of."""
    kind = getattr(errors, word.kind, None)
    if isinstance(kind, type) and issubclass(kind, VidcolorError):
        return kind(word.text)
    error = ClusterError(f"{word.kind}: {word.text}")
    error.add_note(word.trace)
    return error
