"""What a film looks like on a screen: upright, with square pixels, as sRGB.

HDR films are shown as they are encoded, and fields as they are woven.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import torch
from av.video.reformatter import VideoReformatter
from torch import Tensor

from vidcolor.core.frames import Frame, Matrix, VideoInfo
from vidcolor.media.pixel_formats import RANGE_FULL, RANGE_LIMITED, planar_format
from vidcolor.media.planes import EXACT, neutral_picture, planes

_MATRICES: dict[Matrix, int] = {"bt709": 1, "fcc": 4, "bt601": 5, "smpte240m": 7, "bt2020": 9}
"""As swscale numbers them."""
_ODDEST = 10
"""Pixels that are wider or higher than so many of the other side are taken for square."""


class DisplayConverter:
    """Shows the frames of one film."""

    def __init__(self, width: int, height: int, info: VideoInfo | None = None) -> None:
        """Show frames of ``width`` x ``height``; without ``info`` as they are stored."""
        self._aspect = (info.sample_aspect if info else None) or Fraction(1)
        if not Fraction(1, _ODDEST) <= self._aspect <= _ODDEST:
            self._aspect = Fraction(1)
        self._matrix = info.rotation if info else None
        self._stored = max(1, round(width * self._aspect)), height
        self._scaler = VideoReformatter()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) on the screen."""
        width, height = self._stored
        return (height, width) if self._lies else (width, height)

    @property
    def _lies(self) -> bool:
        """Whether the picture is stored on its side."""
        return self._matrix is not None and abs(self._matrix[0]) < abs(self._matrix[1])

    def __call__(self, frame: Frame, size: tuple[int, int] | None = None) -> Tensor:
        """``(3, H, W)`` uint8 sRGB, 0..255.

        Args:
            frame: Of the film; only its picture is looked at.
            size: (width, height) of the result; None takes `size`.
        """
        if not len(frame.chroma[0]):
            frame = canvas(frame)
        width, height = size or self.size
        if self._lies:
            width, height = height, width
        matrix = _MATRICES[frame.layout.matrix]
        picture = self._scaler.reformat(
            frame.picture,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=RANGE_FULL if frame.layout.full_range else RANGE_LIMITED,
            dst_color_range=RANGE_FULL,
            interpolation=EXACT,
        )
        plane = picture.planes[0]
        rows = torch.frombuffer(bytearray(plane), dtype=torch.uint8).view(-1, plane.line_size)
        samples = rows[:height, : 3 * width].reshape(height, width, 3).permute(2, 0, 1)
        return self._upright(samples).contiguous()

    def _upright(self, samples: Tensor) -> Tensor:
        """``(3, H, W)`` turned and mirrored as the display matrix says, by quarters."""
        if self._matrix is None:
            return samples
        across, down = self._matrix[0], self._matrix[4]
        if self._lies:
            samples = samples.transpose(1, 2)
            across, down = self._matrix[3], self._matrix[1]
        flips = [axis for axis, way in ((2, across), (1, down)) if way < 0]
        return samples.flip(flips) if flips else samples


def canvas(frame: Frame) -> Frame:
    """The frame in memory of its own, with neutral chroma to be painted; gray gets 4:2:0."""
    layout = frame.layout
    if not len(frame.chroma[0]):
        name = planar_format("420", layout.bits) or planar_format("444", layout.bits)
        half = int("420" in str(name))
        siting = (0.0, 0.5) if half else (0.0, 0.0)
        layout = replace(layout, format=str(name), sub_x=half, sub_y=half, siting=siting)
    picture = neutral_picture(frame.luma, layout)
    picture.pts, picture.time_base = frame.pts, frame.time_base
    luma, u, v = planes(picture)
    return replace(frame, luma=luma, chroma=(u, v), layout=layout, picture=picture)
