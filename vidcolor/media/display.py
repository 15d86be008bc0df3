"""How a video is shown: upright and with square pixels, alone or with another one on one screen.

HDR videos are shown as they are encoded, and fields as they are woven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import torch
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from torch import Tensor

from vidcolor.core.frames import Frame, Matrix, PixelLayout
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.pixel_formats import RANGE_FULL, RANGE_LIMITED, SHIFTS, planar_format
from vidcolor.media.planes import EXACT, neutral_picture, planes, swscale_matrix

_MATRICES: dict[Matrix, int] = {"bt709": 1, "fcc": 4, "bt601": 5, "smpte240m": 7, "bt2020": 9}
"""As swscale numbers them."""
_ODDEST = 10
"""Pixels that are wider or higher than so many of the other side are taken for square."""


class DisplayConverter:
    """Shows the frames of one film."""

    def __init__(self, width: int, height: int, info: VideoInfo | None = None) -> None:
        """Show frames of ``width`` x ``height``; without ``info`` as they are stored."""
        self._matrix = info.rotation if info else None
        self.size = _upright_size(width, height, info)
        """(width, height) on the screen."""
        self._scaler = VideoReformatter()

    def __call__(self, frame: Frame, size: tuple[int, int] | None = None) -> Tensor:
        """``(3, H, W)`` uint8 sRGB, 0..255.

        Args:
            frame: Of the film; only its picture is looked at.
            size: (width, height) of the result; None takes `size`.
        """
        if not len(frame.chroma[0]):
            frame = canvas(frame)
        width, height = size or self.size
        if lies(self._matrix):
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
        return turn_upright(samples, self._matrix).contiguous()


def canvas(frame: Frame) -> Frame:
    """The frame in memory of its own, with neutral chroma to be painted; gray gets 4:2:0."""
    layout = with_chroma(frame.layout)
    picture = neutral_picture(frame.luma, layout)
    picture.pts, picture.time_base = frame.pts, frame.time_base
    luma, u, v = planes(picture)
    return replace(frame, luma=luma, chroma=(u, v), layout=layout, picture=picture)


def screen_size(info: VideoInfo, height: int | None = None) -> tuple[int, int]:
    """(width, height) of a film on the screen, both even; a last odd line is not shown.

    Args:
        info: Of the film.
        height: How high it is shown; None takes its own height.
    """
    width, own = _upright_size(info.width, info.height, info)
    if height:
        width, own = round(width * Fraction(height, own)), height
    return max(2, width // 2 * 2), max(2, own // 2 * 2)


def _upright_size(width: int, height: int, info: VideoInfo | None) -> tuple[int, int]:
    """(width, height) of a film's frames, upright and with square pixels."""
    aspect = (info.sample_aspect if info else None) or Fraction(1)
    if not Fraction(1, _ODDEST) <= aspect <= _ODDEST:
        aspect = Fraction(1)
    size = max(1, round(width * aspect)), height
    return size[::-1] if info and lies(info.rotation) else size


def lies(matrix: Sequence[int] | None) -> bool:
    """Whether a picture with this display matrix is stored on its side."""
    return matrix is not None and abs(matrix[0]) < abs(matrix[1])


def turn_upright(samples: Tensor, matrix: Sequence[int] | None) -> Tensor:
    """``(..., H, W)`` as players show it: telephones store upright films lying down. A view.

    Args:
        samples: As stored.
        matrix: The film's display matrix, nine integers; only quarter turns and mirrors count.
    """
    if matrix is None:
        return samples
    across, down = matrix[0], matrix[4]
    if lies(matrix):
        samples, across, down = samples.transpose(-2, -1), matrix[3], matrix[1]
    flips = [axis for axis, way in ((-1, across), (-2, down)) if way < 0]
    return samples.flip(flips) if flips else samples


def turn_back(samples: Tensor, matrix: Sequence[int] | None) -> Tensor:
    """``(..., h, w)`` as stored, of what `turn_upright` gives; a copy where anything turns."""
    if matrix is None:
        return samples
    size = samples.shape[-2:]
    stored = size[::-1] if lies(matrix) else size
    numbers = turn_upright(torch.arange(size.numel()).view(*stored), matrix).flatten()
    turned = torch.empty_like(samples.flatten(-2))
    turned[..., numbers] = samples.flatten(-2)
    return turned.view(*samples.shape[:-2], *stored)


def with_chroma(layout: PixelLayout) -> PixelLayout:
    """The layout; of a gray one its relative that has chroma."""
    if not layout.format.startswith("gray"):
        return layout
    name = planar_format("420", layout.bits)
    sub = int(name is not None)
    return replace(
        layout,
        format=name or f"yuv444p{layout.bits}le",
        sub_x=sub,
        sub_y=sub,
        siting=(0.0, sub / 2),
    )


def pair_layout(first: VideoInfo, second: VideoInfo) -> PixelLayout:
    """A layout that shows both: the second film's, with the depth of the deeper one."""
    layout = with_chroma(second.layout)
    bits = max(layout.bits, first.layout.bits)
    names = {shifts: name for name, shifts in SHIFTS.items()}
    wanted = names[layout.sub_x, layout.sub_y], "444"
    sampling = next(s for s in wanted if planar_format(s, bits))
    name, (sub_x, sub_y) = planar_format(sampling, bits), SHIFTS[sampling]
    return replace(layout, format=str(name), bits=bits, sub_x=sub_x, sub_y=sub_y)


class Conformer:
    """Brings the frames of one film to a size and a layout."""

    def __init__(
        self, info: VideoInfo, size: tuple[int, int], layout: PixelLayout, tags: dict[str, int]
    ) -> None:
        """Say what is wanted.

        Args:
            info: Of the film whose frames come.
            size: (width, height) on the screen; a film that is one line larger is cut there.
            layout: What is wanted.
            tags: Color tags of what is wanted.
        """
        self._info = info
        self._layout = layout
        self._tags = tags
        shown = _upright_size(info.width, info.height, info)
        near = all(0 <= own - new <= 1 for own, new in zip(shown, size, strict=True))
        self._size = shown if near else size
        self._turner, self._scaler = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: Frame) -> tuple[Tensor, ...]:
        """The planes of the frame as they are wanted; views of it where nothing changes.

        Each may have one line and column more than is shown.
        """
        picture = frame.picture
        if not len(frame.chroma[0]):
            picture = neutral_picture(frame.luma, with_chroma(frame.layout))
        if self._info.rotation is not None:
            picture = self._upright(picture, frame.layout.bits, self._info.rotation)
        return planes(self._converted(picture))

    def _converted(self, picture: VideoFrame) -> VideoFrame:
        own, tags = self._info.tags, self._tags
        matrices = swscale_matrix(own["matrix"]), swscale_matrix(tags["matrix"])
        wanted = (*self._size, self._layout.format)
        same = matrices[0] == matrices[1] and own["range"] == tags["range"]
        if same and (picture.width, picture.height, picture.format.name) == wanted:
            return picture
        return self._scaler.reformat(
            picture,
            *wanted,
            src_colorspace=matrices[0],
            dst_colorspace=matrices[1],
            src_color_range=own["range"],
            dst_color_range=tags["range"],
            interpolation=EXACT,
        )

    def _upright(self, picture: VideoFrame, bits: int, matrix: Sequence[int]) -> VideoFrame:
        tags = self._info.tags
        own = swscale_matrix(tags["matrix"])
        # The two axes of chroma must be alike before they change places.
        full = self._turner.reformat(
            picture,
            format=planar_format("444", bits),
            src_colorspace=own,
            dst_colorspace=own,
            src_color_range=tags["range"],
            dst_color_range=tags["range"],
            interpolation=EXACT,
        )
        views = [turn_upright(plane, matrix) for plane in planes(full)]
        height, width = views[0].shape
        result = VideoFrame(width, height, full.format.name)
        for plane, view in zip(planes(result), views, strict=True):
            plane.copy_(view)
        return result
