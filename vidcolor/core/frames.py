"""Frames: the value types that travel from stage to stage.

Shape letters: H, W are the video's height and width, h, w the working size.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # videos are probed without paying for torch
    from torch import Tensor

Matrix = Literal["bt601", "bt709", "bt2020", "smpte240m", "fcc"]
Transfer = Literal["bt1886", "srgb", "linear", "pq", "hlg"]


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


@dataclass(frozen=True)
class Dials:
    """What a stretch of the video wants otherwise than the run; None leaves a dial where it is."""

    vivid: float | None = None
    """As of `ColorizerSettings`."""
    saturation: float | None = None
    """As of `PaintSettings`."""
    smooth: float | None = None
    """Strength, as of `TemporalSettings`; a frame with 0 takes nothing from others, and gives none
    of its color."""
    weights: str | None = None
    """As of `ColorizerSettings`."""
    keep_gray: bool | None = None
    """True leaves a frame without color; False colors what was taken for a title card."""
    palette: str | None = None
    """Name of the palette whose colors are likely."""


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
    """Why it is left gray: ``title``, ``blank`` or ``asked``; empty where it is not."""
    colorless: bool = False
    """True when the net gave no number for it: it is painted without color and reported; set by
    the colorizer."""
    chunk: int = 0
    """Number of the chunk it belongs to; set when chunks are planned."""
    resumed: bool = False
    """True for the first frame after some that are not colored again, since their chunks are
    done."""
    offset: Fraction = Fraction(0)
    """Seconds from the start of the source to where the target begins."""
    dials: Dials = Dials()
    """What the color sheet says of its stretch; set before it is colored."""
    picture: Any = None
    """The av.VideoFrame that owns the memory; only ``vidcolor.media`` looks inside."""

    @property
    def seconds(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base

    @property
    def moment(self) -> Fraction:
        """When it is shown in the source, in seconds from the source's start."""
        return self.seconds + self.offset


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
    embedding: Tensor | None = None
    """(D, h', w') float32, by which places are compared; where it was asked for."""
    guide: Tensor | None = None
    """(3, h', w') float32: ab that the user asked for times its weight, and the weight 0..1; None
    where nothing is said of the frame's shot."""
    saturation: float = 1.0
    """What ab is multiplied by when the frame is painted, more than 0; colors that the user asked
    for are divided by it before, so that they come out as they are."""
    keyed: float = 1.0
    """How many frames this one counts for when what was asked for is smoothed: a frame that the
    user painted counts for many."""

    @property
    def said(self) -> Tensor | None:
        """``(1, h', w')`` 0..1: how far the color of each place is the user's; None is nowhere."""
        return None if self.guide is None else self.guide[2:].clamp(0, 1)


@dataclass(frozen=True)
class Shot:
    """A run of frames between two cuts."""

    start: Fraction
    """Time of the first frame, in seconds."""
    frames: int
    """Number of frames."""
