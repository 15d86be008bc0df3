"""What is kept of a frame by those who plan a film: its marks and its fingerprint, no picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from zlib import crc32

import numpy as np

from vidcolor.core.frames import Frame
from vidcolor.core.gray_runs import to_byte
from vidcolor.media.decode.reading import DecodedPicture

DIGITS = 8
"""Hexadecimal digits of a frame's fingerprint."""


@dataclass(slots=True)
class SeenFrame:
    """A frame that was marked, without its picture."""

    pts: int
    """As of `Frame`."""
    duration: int
    """As of `Frame`."""
    time_base: Fraction
    """As of `Frame`."""
    offset: Fraction
    """As of `Frame`."""
    starts_shot: bool
    """As of `Frame`."""
    outlier: bool
    """As of `Frame`."""
    share: int
    """The byte of `to_byte`."""
    print: str
    """Its fingerprint."""
    decoded: DecodedPicture | None = None
    """What its decoder knew, where the film is read in parts."""
    chunk: int = 0
    """As of `Frame`."""

    @property
    def moment(self) -> Fraction:
        """As of `Frame`."""
        return self.pts * self.time_base + self.offset

    def is_same(self, other: SeenFrame) -> bool:
        """Whether both were decoded alike, however they are marked."""
        one = self.pts, self.duration, self.print, self.decoded
        return one == (other.pts, other.duration, other.print, other.decoded)


def see_frame(frame: Frame, decoded: DecodedPicture | None = None) -> SeenFrame:
    """What is kept of a frame with shots and titles marked."""
    return SeenFrame(
        frame.pts,
        frame.duration,
        frame.time_base,
        frame.offset,
        frame.starts_shot,
        frame.outlier,
        to_byte(frame),
        fingerprint(frame),
        decoded,
        frame.chunk,
    )


def fingerprint(frame: Frame) -> str:
    """Hexadecimal digits that tell a decoded frame from another: its time, its state, its luma."""
    state = (frame.pts, frame.duration, frame.interlaced, frame.top_field_first, frame.damaged)
    luma = np.ascontiguousarray(frame.luma.numpy())
    return f"{crc32(luma.data, crc32(repr(state).encode())):0{DIGITS}x}"
