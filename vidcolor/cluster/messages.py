"""What is said between those who color the chunks of films and the one who hands them out.

All of it is small and of plain types: paths travel, frames do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vidcolor.core.report import Report
from vidcolor.core.run_spec import RunSpec
from vidcolor.guidance.plan import Guidance, PartEnds
from vidcolor.media.pass_log import PassLog
from vidcolor.run.chunk_manifest import PlannedChunk
from vidcolor.run.film_parts import FilmPart
from vidcolor.run.film_script import KeyPart, ScriptFile, ScriptPlan
from vidcolor.run.inputs import BatchItem
from vidcolor.run.settling import Work
from vidcolor.run.work_dir import DoneChunk


@dataclass(frozen=True)
class OpenVideo:
    """Command: open a film and see whether it can be colored; a picture is colored at once."""

    item: BatchItem


@dataclass(frozen=True)
class ReadPart:
    """Command: read a part of a film that is planned in parts."""

    item: BatchItem
    spec: RunSpec
    part: FilmPart


@dataclass(frozen=True)
class PlanChunks:
    """Command: read a film and tell its chunks."""

    item: BatchItem
    spec: RunSpec
    parts: tuple[FilmPart, ...] = ()
    """Those that were read already; empty where it is to be read as a whole."""


@dataclass(frozen=True)
class LookAtKeys:
    """Command: look at some key frames of a film that gets a color script."""

    item: BatchItem
    spec: RunSpec
    part: KeyPart


@dataclass(frozen=True)
class SettlePart:
    """Command: do a part of settling the color script of a film."""

    item: BatchItem
    spec: RunSpec
    plan: ScriptPlan
    work: Work
    part: int = -1
    """Its number; -1 for all pairs of key frames."""


@dataclass(frozen=True)
class SettleScript:
    """Command: make the color script of a film of the key frames that were looked at."""

    item: BatchItem
    spec: RunSpec
    plan: ScriptPlan


@dataclass(frozen=True)
class ColorizeChunk:
    """Command: color a chunk."""

    item: BatchItem
    spec: RunSpec
    zero: Fraction
    """As the plan tells it."""
    chunks: tuple[PlannedChunk, ...]
    """The chunk, and those behind it that its colors rest on."""
    before: str = ""
    """Who wrote the chunk before it."""
    handover: str = ""
    """sha256 of what that one hands on; empty where there is nothing."""
    shots: tuple[int | None, ...] = ()
    """pts at which the shots begin that the chunk touches, then that of the next shot; None there
    where the video ends, or where it is not known and nothing rests on it."""
    ends: PartEnds | None = None
    """As of `Guidance`."""
    script: ScriptFile | None = None
    """The color script of the film; it lies in the work folder."""
    before_it: int = 0
    """How many frames of the film come before the chunk."""


@dataclass(frozen=True)
class AssembleVideo:
    """Command: make the target of all chunks."""

    item: BatchItem
    spec: RunSpec
    end: PassLog
    chunks: tuple[DoneChunk, ...]

    @property
    def bytes(self) -> int:
        """What is written at most, about: the picture, and all the rest of the source."""
        pictures = sum(chunk.facts.bytes for chunk in self.chunks)
        return pictures + self.spec.source.bytes


Command = (
    OpenVideo
    | ReadPart
    | PlanChunks
    | LookAtKeys
    | SettlePart
    | SettleScript
    | ColorizeChunk
    | AssembleVideo
)


@dataclass(frozen=True)
class VideoOpened:
    """Told: the film can be colored."""

    spec: RunSpec
    total: int | None
    """Frames expected."""
    start: Fraction = Fraction(0)
    """Of the source's own clock, in seconds, as of `VideoInfo`."""
    whole: tuple[DoneChunk, ...] = ()
    """Chunks of earlier runs whose files were read and are whole."""
    guidance: Guidance | None = None
    """What is said of the video's colors."""
    parts: tuple[FilmPart, ...] = ()
    """In which it can be read to be planned; empty where one worker reads it."""
    note: str = ""
    """Why one worker reads it although it is long."""


@dataclass(frozen=True)
class PartRead:
    """Told: what was seen of a part is in the work folder."""

    seconds: dict[str, float]


@dataclass(frozen=True)
class ChunkKnown:
    """Told: a chunk of the film."""

    chunk: PlannedChunk
    zero: Fraction


@dataclass(frozen=True)
class ChunksPlanned:
    """Told: all chunks are known."""

    end: PassLog
    seconds: dict[str, float]
    script: ScriptPlan | None = None
    """What the color script is to be made of; None where there will be none."""
    note: str = ""
    """Why a film was read as a whole that others had read in parts."""


@dataclass(frozen=True)
class KeysLooked:
    """Told: some key frames are in the work folder, in their automatic colors."""

    seconds: dict[str, float]


@dataclass(frozen=True)
class PartSettled:
    """Told: a part of settling the color script is in the work folder."""

    seconds: dict[str, float]
    blocks: int = 0
    """Of large scenes, which agree turn by turn; told of with `Work.COLORS`."""


@dataclass(frozen=True)
class ScriptSettled:
    """Told: the color script is in the work folder."""

    script: ScriptFile
    seconds: dict[str, float]


@dataclass(frozen=True)
class Progressed:
    """Told: the work gets on."""

    read: int
    """Frames that were decoded."""
    frames: int = 0
    """Frames that were handed to the encoder; or key frames that were looked at."""
    seconds: float = 0.0
    """Time of the last of them in the target."""
    doing: str = ""
    """As of `Progress`."""


@dataclass(frozen=True)
class ChunkColorized:
    """Told: a chunk is on the disk and in the journal."""

    chunk: DoneChunk
    inferred: int
    seconds: dict[str, float]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class VideoAssembled:
    """Told: the target is there."""

    report: Report
    before: bool = False
    """Whether it was there already."""


@dataclass(frozen=True)
class TaskFailed:
    """Told: the command could not be carried out."""

    kind: str
    """Class of the error."""
    text: str
    trace: str = ""
    """For errors that nobody raises on purpose."""


Reply = (
    VideoOpened
    | PartRead
    | ChunkKnown
    | ChunksPlanned
    | KeysLooked
    | PartSettled
    | ScriptSettled
    | Progressed
    | ChunkColorized
    | VideoAssembled
    | TaskFailed
)


@dataclass(frozen=True)
class WorkerInfo:
    """Who a worker is."""

    name: str
    """Of the host and the process; no other worker ever has it."""
    device: str
