"""What a run tells when it has ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from vidcolor.core.json_types import from_plain
from vidcolor.core.run_spec import RunSpec


@dataclass(frozen=True)
class Damage:
    """Something wrong with the source that was worked around."""

    kind: str
    """``decode error``, ``concealed frame``, ``gap``, ``timestamp``, ``truncated``..."""
    seconds: float
    """Where in the target, in seconds."""
    text: str


@dataclass(frozen=True)
class Neutral:
    """Frames, one after the other, that were left gray."""

    why: str
    """``title``: nothing but lettering is to be seen; ``blank``: nothing is; ``asked``: the color
    sheet says so."""
    first: float
    """Time of the first of them in the target, in seconds."""
    last: float
    """Time of the last of them."""
    frames: int
    """How many they are."""


@dataclass(frozen=True)
class Dropped:
    """Something the target cannot hold."""

    what: str
    """Such as ``subtitle stream 4 (ass)``."""
    why: str


@dataclass(frozen=True)
class PartFile:
    """One of several files that a run wrote, each of a part of the film."""

    name: str
    """Of the file, without its folder."""
    start: str | None
    """Where its part begins, as of `CutSpec`."""
    end: str | None
    frames: int
    bytes: int
    sha256: str
    """Of all its bytes, hexadecimal."""
    carried: list[str]


@dataclass(frozen=True)
class Progress:
    """Where a run stands; handed to ``on_progress``."""

    frames: int
    """Frames written to the encoder so far."""
    total: int | None
    """Frames expected, an estimate; None when the film does not say."""
    seconds: float
    """Time of the last frame in the target, in seconds."""
    doing: str = ""
    """What is done before frames are colored, and how far that is; empty once they are."""


@dataclass
class WorkerStats:
    """What one worker of a cluster did for a film."""

    name: str
    """Of its host and its process."""
    device: str = ""
    chunks: int = 0
    frames: int = 0
    seconds: float = 0.0
    """That it had something of the film in hand."""
    failures: int = 0
    """How often it failed or was lost meanwhile."""


@dataclass
class Report:
    """What a run did."""

    source: str
    target: str
    bytes: int = 0
    """Size of the target."""
    sha256: str = ""
    """Of all bytes of the target, hexadecimal; of frames, as of
    `vidcolor.core.sequence.digest_frames`. Empty where it went into a pipe."""
    numbers: list[tuple[int, int]] = field(default_factory=list)
    """Of frames as the target: first and last number of each row without a gap."""
    files: list[PartFile] = field(default_factory=list)
    """Where each shot got a file of its own: these files. ``bytes`` is then that of all of them,
    and ``sha256`` is empty."""
    frames: int = 0
    shots: int = 0
    shot_starts: list[float] = field(default_factory=list)
    """Time of the first frame of each shot in the target, in seconds, to 6 digits."""
    chunks: int = 0
    resumed: int = 0
    """How many of the chunks earlier runs had finished."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of work of each stage, and ``total`` by the clock. Several threads may work on a
    stage at once, so its figure may be larger than the total."""
    luma: str = "exact"
    """``exact``, or ``converted from FORMAT``."""
    codec: str = ""
    pixels: str = ""
    lossless: bool = False
    inferred: int = 0
    """How many frames this run's net saw; the others are blank, repeat one or carry its color."""
    neutral: list[Neutral] = field(default_factory=list)
    """What was left gray; at most 1000 entries."""
    neutral_frames: dict[str, int] = field(default_factory=dict)
    """How many frames were left gray for each reason, as of `Neutral`."""
    source_color: str = "gray"
    """``gray``, ``tinted`` or ``colored``: what the chroma of the source held."""
    carried: list[str] = field(default_factory=list)
    left_behind: list[Dropped] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    """At most 1000 entries."""
    damage_counts: dict[str, int] = field(default_factory=dict)
    """How often each kind of damage was met, however often that was."""
    notes: list[str] = field(default_factory=list)
    weights: dict[str, str] = field(default_factory=dict)
    """``name`` and ``sha256`` of the weights; ``gate_sha256`` where the color was smoothed."""
    colors: dict[str, str] = field(default_factory=dict)
    """``path`` and ``sha256`` of the color sheet; empty where none was used."""
    script: dict[str, int] = field(default_factory=dict)
    """How many ``frames``, ``shots`` and ``groups`` the color script has; empty without one."""
    versions: dict[str, str] = field(default_factory=dict)
    spec: RunSpec | None = None
    """All that decides the bits of the target; two runs of one spec give the same video."""
    workers: list[WorkerStats] = field(default_factory=list)
    """Those of a cluster that had a hand in it."""

    @property
    def clean(self) -> bool:
        """Whether nothing was damaged and everything was copied."""
        return not self.damage and not self.left_behind

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        spec = self.spec.to_dict() if self.spec else None
        return asdict(self) | {"spec": spec, "clean": self.clean}

    @classmethod
    def from_dict(cls, found: object) -> Report:
        """The report that `to_dict` made plain.

        Raises:
            ValueError: It is none, or one of another version of vidcolor.
        """
        asked = {"damage", "left_behind", "neutral", "workers"}
        if not isinstance(found, dict) or not found.keys() >= asked:
            raise ValueError("is not a report")
        return from_plain(cls, {name: value for name, value in found.items() if name != "clean"})
