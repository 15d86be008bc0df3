"""Where a film stands that many color, and what is to be reported of it in the end."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter

from vidcolor.cluster.messages import ChunkColorized
from vidcolor.core.files import printable
from vidcolor.core.report import Report, WorkerStats
from vidcolor.core.run_spec import RunSpec
from vidcolor.core.timecode import timecode
from vidcolor.errors import ClusterError
from vidcolor.guidance.color_script import ColorScript, digest_keys
from vidcolor.guidance.digest import digest_part, digest_told, with_script
from vidcolor.guidance.places import AUTO, NONE
from vidcolor.guidance.plan import Guidance
from vidcolor.media.pass_log import PassLog
from vidcolor.run.chunk_manifest import PlannedChunk, context_chunks, shot_ranges, shots_touched
from vidcolor.run.film_parts import FilmPart
from vidcolor.run.film_script import (
    STAGE,
    ScriptFile,
    ScriptPlan,
    load_script,
    words_of,
)
from vidcolor.run.inputs import BatchItem
from vidcolor.run.journal import Journal
from vidcolor.run.video import changed_note, resumed_note, stage_seconds
from vidcolor.run.work_dir import DoneChunk


@dataclass
class VideoState:
    """Where a film stands."""

    named: BatchItem
    """As it was named."""
    item: BatchItem
    """With paths that are the same on all machines."""
    began: float = 0.0
    """Of a clock, in seconds; 0 before it began."""
    journal: Journal | None = None
    """Once it began; locked until `held` is closed."""
    spec: RunSpec | None = None
    """Once it began."""
    total: int | None = None
    """Frames expected."""
    guidance: Guidance | None = None
    """What is said of its colors; known once it began."""
    start: Fraction = Fraction(0)
    """Of the source's own clock."""
    zero: Fraction = Fraction(0)
    """As the plan tells it."""
    parts: tuple[FilmPart, ...] = ()
    """Those in which it is read to be planned; empty where one worker reads it."""
    chunks: list[PlannedChunk] = field(default_factory=list)
    """Those that are known."""
    handed_on: int = 0
    """How many of them the dispatch knows."""
    end: PassLog | None = None
    """Once all chunks are known."""
    plan: ScriptPlan | None = None
    """Of the color script that they follow, if there is one; known with ``end``."""
    looked: dict[int, int] = field(default_factory=dict)
    """Key frames of it that were looked at, by part."""
    settled: int = 0
    """Parts of settling it that are done, of ``to_settle``."""
    to_settle: int = 0
    script: ScriptFile | None = None
    """The color script, once it is there."""
    read_script: tuple[ScriptFile, ColorScript] | None = None
    """The same, once a chunk that is done was compared with it."""
    resumed: int = 0
    """Chunks that earlier runs had finished."""
    frames: dict[int, int] = field(default_factory=dict)
    """By chunk, of those that are done or in hand."""
    at: float = 0.0
    """Farthest time of a frame, in seconds."""
    changed: int = 0
    """How many of these are colored again, since the color sheet changed."""
    aside: dict[int, str] = field(default_factory=dict)
    """Chunks that were set aside, and why."""
    inferred: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    workers: dict[str, WorkerStats] = field(default_factory=dict)
    held: ExitStack = field(default_factory=ExitStack)
    closed: bool = False
    """Whether something became of it."""

    @classmethod
    def of(cls, item: BatchItem) -> VideoState:
        """Of a film that was only named."""
        source, target = (Path(os.path.abspath(path)) for path in (item.source, item.target))
        colors = item.colors
        if isinstance(colors, str | Path) and colors not in (AUTO, NONE):
            colors = Path(os.path.abspath(colors))
        return cls(item, replace(item, source=source, target=target, colors=colors))

    @property
    def scripted(self) -> bool:
        """Whether it gets a color script, if it has several shots."""
        return self.spec is not None and self.spec.color.script != "off"

    @property
    def waits(self) -> bool:
        """Whether there will be a color script, so that no chunk can be colored yet."""
        return self.scripted and (self.end is None or (self.plan is not None and not self.script))

    def planned(self, end: PassLog, plan: ScriptPlan | None) -> None:
        """All chunks are known, and what the color script that they follow is to be made of."""
        told = digest_told(self.guidance)  # the sheet may be another one than when it was planned
        self.end, self.plan = end, replace(plan, told=told) if plan else None

    def context_chunks(self, number: int, context: int) -> tuple[PlannedChunk, ...] | None:
        """As of `vidcolor.run.chunk_manifest.context_chunks`.

        Where something is said that holds for a shot, its end must be known, too; where there may
        be a color script, that.
        """
        if self.waits:
            return None
        if self.guidance and self.guidance.needs_shots and self.shots(number) is None:
            return None
        return context_chunks(self.chunks, number, context, self.end is not None)

    def shots(self, number: int) -> tuple[int | None, ...] | None:
        """``shots`` of `ColorizeChunk` for a chunk; None while the end of the last is not known."""
        return shots_touched(self.chunks, number, self.end is not None)

    def begin_of(self, number: int) -> tuple[int | None, ...]:
        """The same where nothing rests on the end of the last shot."""
        return shots_touched(self.chunks, number, ended=True) or ()

    def is_done(self, chunk: PlannedChunk) -> bool:
        """Whether a chunk is done; one that has other frames now is forgotten."""
        assert self.journal
        done = self.journal.done.get(chunk.number)
        if done is None:
            return False
        same = (done.facts.frames, done.facts.first_pts) == (chunk.frames, chunk.first_pts)
        if same and self._has_colors(done):
            return True
        self.changed += same
        self.journal.forget(chunk.number)  # or the film was not read whole then
        self.resumed -= 1
        self.frames.pop(chunk.number, None)
        return False

    def _has_colors(self, done: DoneChunk) -> bool:
        """Whether the color sheet says of a chunk that is done what it said then."""
        script = self._digest_script(done.number)
        if self.guidance is None:
            return with_script("", script) == done.colors
        if done.span is None:
            return False
        assert self.spec
        guidance, shots = self.guidance, self.shots(done.number)
        if guidance.needs_shots and shots:
            guidance = guidance.with_shots(
                shot_ranges(shots, self.spec.time_base, self.zero - self.start)
            )
        nets = {"": self.spec.net.guides} | self.spec.net.others
        return with_script(digest_part(guidance, *done.span, nets), script) == done.colors

    def _digest_script(self, number: int) -> str:
        """As of `digest_keys`, of the key frames of the shots that a chunk lies in."""
        shots = self.shots(number)
        if not self.script or not shots:
            return ""
        assert self.journal
        assert self.spec
        if self.read_script is None or self.read_script[0] != self.script:
            self.read_script = self.script, load_script(self.journal, self.script)
        ranges = shot_ranges(shots, self.spec.time_base, self.zero - self.start)
        keys = self.read_script[1].keys_within(ranges[0].start_seconds, ranges[-1].end_seconds)
        return digest_keys(keys)

    def look(self, part: int, frames: int | None = None) -> str:
        """Take note of key frames that were looked at, None for all of a part; how far it is."""
        assert self.plan
        whole = len(self.plan.parts[part].moments)
        self.looked[part] = whole if frames is None else frames
        return words_of(sum(self.looked.values()), len(self.plan.moments))

    @property
    def agreeing(self) -> str:
        """How far the color script is settled in parts."""
        share = 100 * self.settled // max(1, self.to_settle)
        return f"color script: colors agree, {share} %"

    def figures(self, worker: str) -> WorkerStats:
        """What a worker did for the film."""
        return self.workers.setdefault(worker, WorkerStats(worker))

    def add(self, seconds: dict[str, float]) -> None:
        """Add what stages took."""
        for stage, value in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + value

    def colored(self, reply: ChunkColorized, figures: WorkerStats) -> None:
        """Take note of a chunk; where two colored it, the first one's is taken."""
        assert self.journal
        number = reply.chunk.number
        chunk = self.journal.done.setdefault(number, reply.chunk)
        self.frames[number] = chunk.facts.frames
        self.inferred += reply.inferred
        self.add(reply.seconds)
        self.notes += [note for note in reply.notes if note not in self.notes]
        figures.chunks += 1
        figures.frames += chunk.facts.frames

    def complete(self, report: Report) -> None:
        """Write into a report how the run went."""
        self.add(report.seconds)
        report.resumed, report.inferred = self.resumed, self.inferred
        report.script = self.script.counts if self.script else {}
        report.notes += [*self.notes, *resumed_note(report)]
        if self.changed:
            report.notes.append(changed_note(self.changed, self.resumed + self.changed))
        seconds = stage_seconds(({STAGE: 0.0} if self.script else {}) | self.seconds)
        report.seconds = {stage: round(value, 3) for stage, value in seconds.items()}
        report.seconds["total"] = round(perf_counter() - self.began, 3)
        report.workers = sorted(self.workers.values(), key=lambda figures: figures.name)
        for figures in report.workers:
            figures.seconds = round(figures.seconds, 3)
        devices = sorted({figures.device for figures in report.workers if figures.chunks})
        if len(devices) > 1:
            report.notes.append(
                f"its chunks were colored on {' and '.join(devices)}; the net's output differs"
                " slightly between them"
            )

    def what_is_aside(self, attempts: int) -> ClusterError:
        """Why the film cannot be finished."""
        assert self.journal
        assert self.spec
        first, why = min(self.aside.items())
        tick = self.spec.time_base
        begin = timecode(self.chunks[first].first_pts * tick)
        more = f" and {len(self.aside) - 1} more" if len(self.aside) > 1 else ""
        done, all_of_them = len(self.journal.done), len(self.chunks)
        return ClusterError(
            f"{printable(self.item.source.name)}: chunk {first} (from {begin} on){more} failed"
            f" {attempts} times: {why}; {done} of {all_of_them} chunks are done, run the same"
            " command again to retry the others"
        )
