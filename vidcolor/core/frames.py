"""The value types that travel through vidcolor: frames, what is known of a film, the report.

Shape letters: H, W are the film's height and width, h, w the working size.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vidcolor.core.json_types import from_plain

if TYPE_CHECKING:  # films are probed without paying for torch
    from torch import Tensor

Matrix = Literal["bt601", "bt709", "bt2020", "smpte240m", "fcc"]
Transfer = Literal["bt1886", "srgb", "linear", "pq", "hlg"]
FieldOrder = Literal["progressive", "top", "bottom"]

UNTAGGED = "no color tags in the file"
"""How a note begins that nearly every old film has, and nothing can be seen of."""


@dataclass(frozen=True)
class PixelLayout:
    """How the planes of a planar YUV frame are stored and what their numbers mean."""

    format: str
    """FFmpeg pixel format name, such as ``yuv420p10le``; ``gray*`` has no chroma planes."""
    bits: int
    """Bits per sample, 8..16; more than 8 are stored in 16-bit words."""
    sub_x: int
    """log2 of the horizontal chroma subsampling: 0 or 1 or 2."""
    sub_y: int
    """log2 of the vertical chroma subsampling."""
    full_range: bool
    """True when luma uses all codes (0..255), False for 16..235."""
    matrix: Matrix
    """Which RGB to YCbCr matrix the chroma is written with."""
    transfer: Transfer
    """Curve from luma code to light."""
    siting: tuple[float, float] = (0.0, 0.5)
    """(x, y) of the first chroma sample, in luma samples from the first luma sample."""


@dataclass
class Frame:
    """One decoded picture, luma as stored, on its way through the stages.

    ``luma`` and ``chroma`` are views of the memory of ``picture``. No stage writes into ``luma``;
    only ``paint`` writes into ``chroma``.
    """

    luma: Tensor
    """(H, W) uint8, or uint16 above 8 bits; a strided view."""
    chroma: tuple[Tensor, Tensor]
    """U and V, each (ceil(H >> sub_y), ceil(W >> sub_x)), same dtype as luma."""
    layout: PixelLayout
    pts: int
    """Presentation time in units of ``time_base``; time 0 is the start of the target."""
    duration: int
    """Duration in units of ``time_base``; 0 when unknown."""
    time_base: Fraction
    """Seconds per unit of ``pts``."""
    interlaced: bool = False
    """True when the two fields of the frame are different moments."""
    top_field_first: bool = True
    damaged: bool = False
    """True when the decoder had to conceal errors in this frame."""
    starts_shot: bool = False
    """True for the first frame of a shot; set by the shots stage."""
    outlier: bool = False
    """True for a frame that differs from those before and after it, which resemble each other, or
    that stands between two shots: a flash, a torn or damaged picture; set by the shots stage. The
    smoother takes no color from it."""
    share: float | None = None
    """0..1: how much of its color it may show; None where that was not judged; set by the titles
    stage."""
    neutral: str = ""
    """Why it is left gray: ``title`` or ``blank``; empty where it is not."""
    colorless: bool = False
    """True when the net gave no number for it: it is painted without color and reported; set by
    the colorizer."""
    chunk: int = 0
    """Number of the chunk it belongs to; set when chunks are planned."""
    resumed: bool = False
    """True for the first frame after some that are not colored again, since their chunks are
    done."""
    picture: Any = None
    """The av.VideoFrame that owns the memory; only ``vidcolor.media`` looks inside."""

    @property
    def seconds(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base


@dataclass
class Motion:
    """Where the things of a frame lie in an earlier one, and the other way round."""

    other: Tensor
    """(h, w) L* of the earlier frame at working size; what tells which one it is."""
    flow: Tensor
    """(2, h', w') from the frame into the earlier one, in samples of its own size, h' <= h."""
    back: Tensor
    """(2, h', w') from the earlier one into the frame."""


@dataclass
class ColorizedFrame:
    """A frame with the color that was found for it."""

    frame: Frame
    lightness: Tensor
    """(h, w) float32 CIE L* 0..100 at working size, as the net saw it."""
    ab: Tensor
    """(2, h', w') float32 CIE a*, b*, at the resolution the net gives, h' <= h."""
    share: float = 1.0
    """0..1: how much of its color the frame may show; 0 for blank frames and titles. It is
    applied when the frame is painted: what is smoothed are the net's answers."""
    motion: Motion | None = None
    """Between it and the frame before, at the size of ab; where it was needed for the color."""


@dataclass(frozen=True)
class Shot:
    """A run of frames between two cuts."""

    start: Fraction
    """Time of the first frame, in seconds."""
    frames: int
    """Number of frames."""


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a container."""

    index: int
    kind: str
    """``video``, ``audio``, ``subtitle``, ``data``, ``attachment`` or ``cover``."""
    codec: str
    """FFmpeg codec name, ``unknown`` when FFmpeg has none."""
    language: str = ""
    title: str = ""


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a film before its first frame is colored."""

    path: Path
    container: str
    """FFmpeg demuxer name, such as ``mov,mp4,m4a,3gp,3g2,mj2``."""
    codec: str
    """Codec of the picture."""
    width: int
    height: int
    layout: PixelLayout
    """Layout the film has once it is planar YUV or gray: what ``decode`` yields by default."""
    stored_format: str
    """Pixel format the decoder gives; differs from ``layout.format`` for packed and RGB films."""
    time_base: Fraction
    frame_rate: Fraction | None
    """Nominal frames per second, a hint for encoders only."""
    duration: Fraction | None
    """Seconds, as the container declares them."""
    frames: int | None
    """Number of frames, where the container declares one."""
    start: Fraction
    """Time of the earliest stream in the container's own clock, in seconds."""
    sample_aspect: Fraction | None
    """Width to height of a pixel; None when the film does not say."""
    field_order: FieldOrder
    rotation: tuple[int, ...] | None
    """Display matrix, nine integers as FFmpeg stores them; None when there is none."""
    tags: dict[str, int]
    """Color tags as FFmpeg numbers them: range, matrix, primaries, transfer, as they are to be
    written: where the film had none, the ones players assume."""
    hdr: dict[str, Any]
    """HDR10 static metadata of the first frame, ready for encoder options; empty for SDR."""
    has_alpha: bool
    streams: tuple[StreamInfo, ...]
    chapters: int
    metadata: dict[str, str]
    identity: dict[str, Any] = field(default_factory=dict)
    """What tells the file from another, or from itself when it was changed."""
    notes: tuple[str, ...] = ()
    """What a user should know: untagged colors, HDR, alpha."""
    crop: tuple[int, int, int, int] | None = None
    """Pixels that the container cuts off what is stored: left, top, right, bottom; ``width`` and
    ``height`` are those of what is left."""


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
    """``title``: nothing but lettering is to be seen; ``blank``: nothing is."""
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
class Progress:
    """Where a run stands; handed to ``on_progress``."""

    frames: int
    """Frames written to the encoder so far."""
    total: int | None
    """Frames expected, an estimate; None when the film does not say."""
    seconds: float
    """Time of the last frame in the target, in seconds."""


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
    versions: dict[str, str] = field(default_factory=dict)
    job: dict[str, Any] = field(default_factory=dict)
    """All that decides the bits of the target, as plain types; two runs of one job give the same
    film."""
    workers: list[WorkerStats] = field(default_factory=list)
    """Those of a cluster that had a hand in it."""

    @property
    def clean(self) -> bool:
        """Whether nothing was damaged and everything was copied."""
        return not self.damage and not self.left_behind

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        return asdict(self) | {"clean": self.clean}

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
