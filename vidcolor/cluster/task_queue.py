"""Dispatch: who does what next, of many films and their chunks. Knows no machines and no media."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush


class Step(IntEnum):
    """What can be done for a film; what comes first is handed out first."""

    FINISH = 0
    """Stitch it."""
    SETTLE = 1
    """Make its color script of all parts: its chunks wait for that."""
    PAIR = 2
    """Find which key frames of its color script may show the same."""
    CHUNK = 3
    """Color one of its chunks."""
    TURN = 4
    """Have a block of a large scene of its color script take its turn to agree."""
    AGREE = 5
    """Have some scenes of its color script agree on their colors."""
    COMPARE = 6
    """Compare some pairs of key frames of its color script."""
    LOOK = 7
    """Look at a part of the key frames of its color script."""
    PLAN = 8
    """Find its chunks: of the parts that were read of it, or by reading it."""
    PART = 9
    """Read a part of it, to find its chunks."""
    BEGIN = 10
    """Open it and see whether it can be colored."""


Stage = tuple[Step, Iterable[int]]
"""A step and the numbers of its parts, all of which are done before what follows; -1 is the whole
where there are no parts."""
WHOLE = (-1,)
SETTLING = (Step.PAIR, Step.COMPARE, Step.AGREE, Step.TURN)
"""What many do of settling a color script, one after the other."""
_STAGED = frozenset(Step) - {Step.BEGIN, Step.CHUNK, Step.FINISH}


@dataclass(frozen=True, order=True)
class Task:
    """One thing for one worker; in the order in which they are handed out, longest chunks first."""

    step: Step
    shortness: int
    """Frames of the chunk, less than zero."""
    film: int
    chunk: int = -1
    """Its number; where a film is planned or its color script made in parts, that of the part."""


@dataclass
class _State:
    """Where a film stands."""

    planned: bool = False
    stages: list[Stage] = field(default_factory=list)
    """Of its plan, and then of its color script: those that follow, the last one first."""
    parts: set[Task] = field(default_factory=set)
    """Those of the stage that it is at which are to be made."""
    left: set[int] = field(default_factory=set)
    """Chunks that are known and not done."""
    waiting: dict[int, Task] = field(default_factory=dict)
    """Chunks that go on from one that is not done, by the number of that one."""
    in_hand: Counter[Task] = field(default_factory=Counter)
    ready: int = 0
    closed: bool = False


class TaskQueue:
    """Hands out tasks and takes them back.

    A worker without a chunk to color begins another film, so films are begun as far as there are
    hands for them. What fails is tried again, by another worker if there is one, until it has
    failed `attempts` times.
    """

    def __init__(self, films: int, attempts: int = 3) -> None:
        """Take on so many films, called 0, 1, 2..."""
        self._attempts = attempts
        self._states: dict[int, _State] = {}
        self._ready: list[Task] = []
        self._failures: dict[Task, list[str]] = {}
        self._begins = iter(range(films))
        self._open = films

    @property
    def over(self) -> bool:
        """Whether all films are closed."""
        return not self._open

    def lacks_films(self, workers: int) -> bool:
        """Whether fewer films are left than workers, so that one film should keep several busy."""
        return self._open < workers

    def take(self, worker: str, workers: int = 1) -> Task | None:
        """The next task for a worker; None where there is none for it now.

        Args:
            worker: Gets no task back in which it failed while there are others to try it.
            workers: How many there are.
        """
        passed = []
        found = None
        while self._ready and found is None:
            task = heappop(self._ready)
            if self._states[task.film].closed:
                continue
            tried = set(self._failures.get(task, ()))
            if worker not in tried or len(tried) >= workers:
                found = task
            else:
                passed.append(task)
        for task in passed:
            heappush(self._ready, task)
        if found is None and (film := next(self._begins, None)) is not None:
            self._states[film] = _State(ready=1)
            found = Task(Step.BEGIN, 0, film)
        if found:
            state = self._states[found.film]
            state.ready -= 1
            state.in_hand[found] += 1
        return found

    def to_plan(self, film: int, parts: Iterable[int] = ()) -> None:
        """Have a film planned: first these parts are read by many."""
        self._follow(film, [(Step.PART, parts), (Step.PLAN, WHOLE)])

    def to_script(self, film: int, parts: Iterable[int], settling: Sequence[Stage] = ()) -> None:
        """Have the color script of a film made: first these parts by many, then the whole.

        Args:
            film: The film.
            parts: In which its key frames are looked at.
            settling: What many do between, stage by stage.
        """
        self._follow(film, [(Step.LOOK, parts), *settling, (Step.SETTLE, WHOLE)])

    def take_turns(self, task: Task, turns: Sequence[Sequence[int]]) -> int:
        """Have large scenes of a color script agree, turn by turn, before it is settled.

        Args:
            task: In which other scenes of it agree; it is not done yet.
            turns: Numbers of the parts of each.

        Returns:
            How many parts are to be done more; 0 where it was told of before.
        """
        state = self._states[task.film]
        stages = state.stages
        if task not in state.parts or [step for step, _ in stages] != [Step.SETTLE]:
            return 0
        stages += [(Step.TURN, parts) for parts in reversed(turns)]
        return sum(map(len, turns))

    def _follow(self, film: int, stages: Sequence[Stage]) -> None:
        state = self._states[film]
        state.stages, state.parts = list(reversed(stages)), set()
        self._go_on(film)

    def _go_on(self, film: int) -> None:
        """Hands out the next stage of which something is to be done."""
        state = self._states[film]
        while state.stages and not state.parts:
            step, parts = state.stages.pop()
            state.parts = {Task(step, 0, film, part) for part in parts}
            for task in sorted(state.parts):
                self._add(task)

    def chunk(
        self, film: int, number: int, frames: int, *, continues_shot: bool, done: bool
    ) -> None:
        """A chunk became known; those of a film come in their order.

        Args:
            film: The film.
            number: Of the chunk.
            frames: That it has.
            continues_shot: Whether it can only be colored when the one before it is done.
            done: Whether it is done already.
        """
        state = self._states[film]
        if done:
            return
        state.left.add(number)
        task = Task(Step.CHUNK, -frames, film, number)
        if continues_shot and number - 1 in state.left:
            state.waiting[number - 1] = task
        else:
            self._add(task)

    def planned(self, film: int) -> None:
        """All chunks of a film are known, and what they follow."""
        self._states[film].planned = True
        self._see(film)

    def done(self, task: Task) -> None:
        """A task is done; for a chunk or a part that two had in hand it counts once."""
        state = self._states[task.film]
        state.in_hand[task] -= 1
        if state.closed:
            return
        if task.step is Step.CHUNK and task.chunk in state.left:
            state.left.remove(task.chunk)
            if after := state.waiting.pop(task.chunk, None):
                self._add(after)
        if task in state.parts:
            state.parts.remove(task)
            self._go_on(task.film)
        self._see(task.film)

    def failed(self, task: Task, worker: str, counts: bool = True) -> bool:
        """A task failed; whether it is set aside now.

        Args:
            task: The task.
            worker: Who had it.
            counts: Whether the task may be to blame; a machine that was taken away is not its
                fault.
        """
        state = self._states[task.film]
        state.in_hand[task] -= 1
        tries = self._failures.setdefault(task, [])
        if counts:
            tries.append(worker)
        if len(tries) >= self._attempts:
            return True
        is_done = task.step is Step.CHUNK and task.chunk not in state.left
        is_done = is_done or (task.step in _STAGED and task not in state.parts)
        if not state.closed and not is_done:
            self._add(task)
        return False

    def skip(self, task: Task) -> None:
        """A part of settling a script that was set aside is left to who settles the whole."""
        self._states[task.film].parts.discard(task)
        self._go_on(task.film)

    def close(self, film: int) -> None:
        """Nothing more is to be done for a film."""
        state = self._states.setdefault(film, _State())
        self._open -= not state.closed
        state.closed = True

    def not_begun(self) -> Iterator[int]:
        """The films that were not begun, which are not begun any more."""
        yield from self._begins

    def stuck(self, film: int) -> bool:
        """Whether nothing can be done for a film any more, though it is not done."""
        state = self._states[film]
        return state.planned and not state.ready and not state.in_hand.total()

    def _see(self, film: int) -> None:
        """Has a film finished whose last chunk is done."""
        state = self._states[film]
        if state.planned and not state.left and not state.closed:
            finish = Task(Step.FINISH, 0, film)
            if not state.ready and not state.in_hand[finish]:
                self._add(finish)

    def _add(self, task: Task) -> None:
        self._states[task.film].ready += 1
        heappush(self._ready, task)
