"""Reads frames that vidcolor wrote: their luma, as their writer meant it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction

import av
import torch
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from torch import Tensor

from vidcolor.color.chroma import KR_KB
from vidcolor.color.yuv import luma_scale
from vidcolor.core.frames import Matrix, PixelLayout
from vidcolor.core.sequence import FrameSequence, SequenceName
from vidcolor.media.open import limit_decoder, open_frames
from vidcolor.media.pixel_formats import storage
from vidcolor.media.planes import EXACT, planes
from vidcolor.media.whitelist import film_errors
from vidcolor.settings import InputSettings

_ANY_RATE = Fraction(24)
_JPEG: Matrix = "bt601"  # the one matrix that JPEG has


def runs_of(name: SequenceName, numbers: Sequence[int]) -> Iterator[FrameSequence]:
    """Frames with these numbers, in order, as sequences without a gap."""
    first = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] != numbers[at - 1] + 1:
            yield FrameSequence(name, numbers[first], at - first)
            first = at


def read_luma(
    frames: FrameSequence, matrix: Matrix, settings: InputSettings
) -> Iterator[tuple[int, int, Tensor]]:
    """Of each frame its number, its bits, and its luma: ``(H, W)`` int32, full range.

    A frame that cannot be decoded is left out.

    Args:
        frames: DPX, TIFF, PNG, JPEG or JPEG 2000.
        matrix: By which luma is computed from RGB.
        settings: Limits of reading.
    """
    scaler = VideoReformatter()
    with (
        film_errors(frames.name.pattern_path),
        open_frames(frames, _ANY_RATE, settings) as container,
    ):
        video = container.streams.video[0]
        video.codec_context.thread_count = 1  # a frame for each packet
        limit_decoder(video.codec_context, settings)
        for packet in container.demux(video):
            if packet.size == 0 or packet.pts is None:
                continue
            last = packet.pts + 1 >= frames.count
            with suppress(av.FFmpegError):
                for picture in packet.decode():
                    yield frames.number(packet.pts), *_luma(picture, matrix, scaler)
            if last:  # FFmpeg looks for frames in leaps, and goes on behind a gap
                return


def _luma(picture: VideoFrame, matrix: Matrix, scaler: VideoReformatter) -> tuple[int, Tensor]:
    """Bits and luma of a picture."""
    kind = storage(picture.format.name)
    bits = kind.bits
    if kind.gray or (kind.luma_plane and matrix == _JPEG):
        picture = picture if kind.luma_plane else scaler.reformat(picture, format=kind.planar)
        return bits, planes(picture)[0].to(torch.int32)
    name = "gbrp" if bits == 8 else f"gbrp{bits}le"
    gbr = planes(scaler.reformat(picture, format=name, interpolation=EXACT))
    green, blue, red = (plane.to(torch.float64) for plane in gbr)
    kr, kb = KR_KB[matrix]
    return bits, (kr * red + (1 - kr - kb) * green + kb * blue).round().to(torch.int32)


def meant_luma(luma: Tensor, layout: PixelLayout, bits: int) -> Tensor:
    """The luma that frames of so many bits were to get: ``(H, W)`` int32, full range.

    Args:
        luma: Of a frame that was colored.
        layout: Of it.
        bits: Of the frames.
    """
    black, span = luma_scale(layout)
    top = float((1 << bits) - 1)
    # As `vidcolor.media.images.rgb` has it, to the rounding of each step.
    full = luma.to(torch.float32).sub_(black).mul_(top / span)
    return full.round_().clamp_(0, top).to(torch.int32)


def matrix_of(layout: PixelLayout, suffix: str) -> Matrix:
    """The matrix by which frames hold the luma of a film of such a layout."""
    is_jpeg = suffix.lower() in (".jpg", ".jpeg")
    return _JPEG if is_jpeg and layout.format.startswith("gray") else layout.matrix
