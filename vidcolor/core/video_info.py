"""What is known of a video before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from vidcolor.core.files import FileIdentity
from vidcolor.core.frames import PixelLayout
from vidcolor.core.sequence import FrameSequence

FieldOrder = Literal["progressive", "top", "bottom"]

UNTAGGED = "no color tags in the file"
"""How a note begins that nearly every old film has, and nothing can be seen of."""


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
    identity: FileIdentity = field(default_factory=FileIdentity)
    """What tells the file from another, or from itself when it was changed."""
    timecode: str = ""
    """SMPTE timecode of the first frame, as the container tells it; empty where it tells none."""
    notes: tuple[str, ...] = ()
    """What a user should know: untagged colors, HDR, alpha."""
    crop: tuple[int, int, int, int] | None = None
    """Pixels that the container cuts off what is stored: left, top, right, bottom; ``width`` and
    ``height`` are those of what is left."""
    is_piped: bool = False
    """Whether it comes through a pipe: it can be read once, and ``path`` is no file."""
    sequence: FrameSequence | None = None
    """The frames of an image sequence, whose ``path`` is their pattern; None for a file."""

    @property
    def rate_to_open(self) -> Fraction | None:
        """``fps`` of `InputSettings` that opens it again; None for a film, which has its own."""
        return self.frame_rate if self.sequence else None
