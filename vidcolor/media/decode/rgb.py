"""Films as RGB, with the colors they hold: what measures look at; `read_rgb` is for pictures.

Coloring never comes here: it works on the planes of `decode`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import av
import av.error
import torch
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from torch import Tensor

from vidcolor.color.yuv import luma_scale
from vidcolor.core.files import printable
from vidcolor.core.frames import PixelLayout
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import FilmUnreadable
from vidcolor.media.decode.crop import Cropper
from vidcolor.media.decode.picture_changes import Changes
from vidcolor.media.decode.reading import Reading
from vidcolor.media.decode.sequence import read_sequence
from vidcolor.media.decode.timeline import Timeline
from vidcolor.media.open import VideoReader
from vidcolor.media.pass_log import PassLog
from vidcolor.media.pixel_formats import RANGE_FULL, film_storage
from vidcolor.media.planes import EXACT, Converter, planes, swscale_matrix
from vidcolor.media.whitelist import film_errors


def film_rgb(film: VideoReader) -> Generator[Tensor, None, None]:
    """Every picture of ``film`` in order, ``(3, H, W)`` uint8 R'G'B' codes, 0..255.

    The matrix and range are the film's tags, or what players assume where it has none
    (``film.info.layout``). Fields, rotation and pixel aspect stay as stored, and HDR as encoded.
    One pass per Film. End this generator before the film is closed.

    Raises:
        FilmUnreadable: A picture cannot be decoded: measures of a film with holes mean nothing.
        UnsupportedPixels: As `decode`.
    """
    info = film.info
    stored = film_storage(info.stored_format)
    scaler, to_layout = VideoReformatter(), Converter(info, info.layout)
    changes = Changes(Reading.of(film))
    with film_errors(info.path):
        cropper: Cropper | None = None
        for picture in _pictures(film):
            if info.crop:
                cropper = cropper or Cropper(picture, info.crop)
                picture = cropper(picture)
            changes.follow(picture)
            changes.see(picture, (picture.pts or 0) * info.time_base - info.start)
            if stored.gray:
                yield _from_gray(planes(to_layout(picture))[0], info.layout)
            elif stored.rgb and not stored.floats:
                yield _samples(scaler.reformat(picture, format="rgb24", interpolation=EXACT))
            else:
                picture = to_layout(picture) if stored.floats else picture
                yield _samples(_from_yuv(picture, info, scaler))


def _pictures(film: VideoReader) -> Iterator[VideoFrame]:
    for packet in _packets(film):
        if packet.size == 0 and (packet.pts is not None or packet.dts is not None):
            continue  # AVI repeats a frame with an empty packet; to a decoder it means the end
        try:
            yield from packet.decode()
        except av.error.EOFError:
            return
        except av.FFmpegError as exc:
            reason = printable(exc.strerror or type(exc).__name__)
            raise FilmUnreadable(
                f"{printable(film.info.path.name)}: a frame cannot be decoded ({reason}); use an"
                " undamaged copy"
            ) from exc


def _packets(film: VideoReader) -> Iterator[Packet[Any]]:
    """The packets of the picture; of a sequence, every frame has one."""
    if not film.info.sequence:
        yield from film.container.demux(film.video)
        return
    reading = Reading(film, None, None, PassLog())
    yield from read_sequence(reading, Timeline(reading))
    for damage in reading.log.damage:
        raise FilmUnreadable(f"{damage.text}; use an undamaged copy")


def _from_yuv(picture: VideoFrame, info: VideoInfo, scaler: VideoReformatter) -> VideoFrame:
    matrix = swscale_matrix(info.tags["matrix"])
    return scaler.reformat(
        picture,
        format="rgb24",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=info.tags["range"],
        dst_color_range=RANGE_FULL,
        interpolation=EXACT,
    )


def _from_gray(luma: Tensor, layout: PixelLayout) -> Tensor:
    """swscale takes gray for full range whatever its tags say."""
    black, span = luma_scale(layout)
    code = ((luma.to(torch.int32).float() - black) * (255 / span)).round().clamp(0, 255)
    return code.to(torch.uint8).expand(3, -1, -1)


def _samples(picture: VideoFrame) -> Tensor:
    """The (3, H, W) samples of an rgb24 picture, in memory of their own."""
    return torch.from_numpy(picture.to_ndarray()).permute(2, 0, 1).contiguous()
