"""What a film to be made is like."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from av.stream import Disposition


@dataclass(frozen=True)
class Subtitle:
    """One subtitle track. ``codec`` is what the packets are written as."""

    codec: str = "subrip"
    """``subrip``, ``ass``, ``webvtt`` or ``mov_text``."""
    events: tuple[tuple[float, float, str], ...] = ((0.1, 0.3, "Hello, wörld"), (0.5, 0.2, "Two"))
    """(start, length, text) in seconds; for ``ass`` the text may hold override tags."""
    language: str = "eng"
    disposition: Disposition | None = None


@dataclass(frozen=True)
class Audio:
    """One sound track of a sine tone."""

    codec: str = "aac"
    rate: int = 48000
    layout: str = "mono"
    language: str = ""
    title: str = ""
    disposition: Disposition = Disposition.default
    seconds: float | None = None
    """Length; None is as long as the picture."""
    options: dict[str, str] = field(default_factory=dict)
    """Of the encoder."""


@dataclass(frozen=True)
class Spec:
    """What a film is made of. Every default is the plainest choice."""

    codec: str = "ffv1"
    pix_fmt: str = "yuv420p"
    width: int = 96
    height: int = 64
    frames: int = 12
    rate: Fraction = Fraction(24)
    time_base: Fraction | None = None
    """Of the encoder; None is 1 / rate."""
    pts: tuple[int, ...] | None = None
    """In ``time_base``; None counts up by one frame. Use it for VFR, gaps, offsets, negatives."""
    duration: int | None = None
    """Of every frame, in ``time_base``."""
    options: dict[str, str] = field(default_factory=dict)
    tags: tuple[int, int, int, int] | None = None
    """(range, matrix, primaries, transfer) as FFmpeg numbers them; None leaves them unset."""
    sar: Fraction | None = None
    matrix: tuple[int, ...] | None = None
    """Display matrix, nine integers."""
    interlaced: str = ""
    """``tff`` or ``bff``."""
    color: str = "none"
    """Chroma of the picture: ``none`` (neutral), ``tint`` (one hue) or ``full``."""
    audio: tuple[Audio, ...] = ()
    subtitles: tuple[Subtitle, ...] = ()
    chapters: tuple[tuple[float, float, str], ...] = ()
    attachments: tuple[tuple[str, str, bytes], ...] = ()
    """(name, mimetype, data); Matroska only. An image mimetype makes a cover there."""
    cover: bytes = b""
    """PNG bytes for an attached picture; MP4 only."""
    cover_first: bool = False
    timecode: str = ""
    second_video: str = ""
    """Codec of a second picture stream of the same size."""
    metadata: dict[str, str] = field(default_factory=dict)
    video_metadata: dict[str, str] = field(default_factory=dict)
    video_disposition: Disposition = Disposition.default
    container_options: dict[str, str] = field(default_factory=dict)
    brightness: int | None = None
    """A film of this one luma value instead of the moving pattern."""
