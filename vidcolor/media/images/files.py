"""Pictures in and out: a still becomes a Frame, and a colored Frame a file.

A still becomes a Frame with full-range 4:4:4 planes, so that the stages that color films color
it, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import torch
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from torch import Tensor

from vidcolor.core.files import printable, write_own
from vidcolor.core.frames import Frame
from vidcolor.core.label import Label
from vidcolor.core.paths import STILL_SUFFIXES, TIFF_SUFFIXES, follow_link, part_path
from vidcolor.core.platform import remove_open
from vidcolor.core.report import Damage, Dropped
from vidcolor.core.target import check_target, claim, publish
from vidcolor.errors import CannotCarry, OutputError, SettingsError
from vidcolor.media.images.header import upright
from vidcolor.media.images.metadata import Extras, into_jpeg, into_png
from vidcolor.media.images.photo import frame_of
from vidcolor.media.images.reader import Still
from vidcolor.media.images.rgb import rgb_bands
from vidcolor.media.images.tiff_writer import TiffWriter
from vidcolor.media.images.xmp_label import add_to_xmp
from vidcolor.media.planes import planes
from vidcolor.media.whitelist import target_errors
from vidcolor.settings import InputSettings, OutputSettings

_JPEG_QUALITY = 2  # quantiser, 1 (best) to 31
_SHEET_QUALITY = 4  # of pictures that are looked at once


def read_still(path: str | os.PathLike[str], settings: InputSettings | None = None) -> Frame:
    """The first picture at ``path`` as one Frame, as `frame_of` makes it.

    Raises:
        FilmError: As `vidcolor.media.images.reader.Still`.
    """
    return frame_of(Still(path, settings).photo())


def still_damage(frame: Frame) -> list[Damage]:
    """What is to be said of a picture that `read_still` gave."""
    if not frame.damaged:
        return []
    text = "the file is damaged or cut short; missing parts were filled in"
    return [Damage("concealed frame", 0.0, text)]


def check_still_target(
    source: str | os.PathLike[str] | None,
    target: str | os.PathLike[str],
    settings: OutputSettings | None = None,
) -> Path:
    """The absolute path of a picture that may be written.

    Raises:
        SettingsError: ``target`` has a suffix that pictures are not written with.
        OutputError: It is ``source`` itself, or cannot be written there.
        OutputExists: It exists and ``settings.force`` is off.
    """
    path = Path(os.path.abspath(target))
    if path.suffix.lower() not in STILL_SUFFIXES:
        known = ", ".join(STILL_SUFFIXES)
        raise SettingsError(
            f"{printable(path.name)}: for a picture, the output must end in {known}"
        )
    check_target(Path(source) if source else None, path, settings or OutputSettings())
    return path


def write_still(
    frame: Frame,
    target: str | os.PathLike[str],
    settings: OutputSettings | None = None,
) -> Path:
    """Writes one colored still, with nothing beside it, as `write_stills` does; raises the same."""
    path = check_still_target(None, target, settings)
    write_stills([(frame, Extras())], path, settings)
    return path


def write_stills(
    pages: Iterable[tuple[Frame, Extras]],
    target: str | os.PathLike[str],
    settings: OutputSettings | None = None,
    *,
    several: bool = False,
) -> list[Dropped]:
    """Writes colored pictures and what goes along with them; what could not be held.

    PNG and TIFF have RGB, 8 or 16 bits like the frame, JPEG has 4:4:4 of 8 bits. The old target
    stays until the new one is complete.

    Args:
        pages: Are taken one by one; a TIFF holds all, others the first.
        target: Its suffix names the kind.
        settings: How it is written.
        several: Whether there is more than one.

    Raises:
        SettingsError: ``target`` has another suffix.
        OutputError: It cannot be written there.
        OutputExists: It exists and ``settings.force`` is off.
        OutputFull: The disk is full.
        CannotCarry: Something could not be held, and the settings are strict.
    """
    path = check_still_target(None, target, settings)
    with _part(path) as file:
        if path.suffix.lower() in TIFF_SUFFIXES:
            left = _write_tiff(pages, file, several)
        else:
            frame, extras = next(iter(pages))
            png = path.suffix.lower() == ".png"
            into, encoded = (into_png, png_bytes) if png else (into_jpeg, _jpeg)
            data, left = into(encoded(frame), extras)
            file.write(data)
        if left and settings and settings.strict:
            raise strictly(left)
    return left


def strictly(left: Sequence[Dropped]) -> CannotCarry:
    """What is raised where everything had to be carried and something was not."""
    more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
    return CannotCarry(f"cannot copy {left[0].what}: {left[0].why}{more}")


def _write_tiff(
    pages: Iterable[tuple[Frame, Extras]], file: BinaryIO, several: bool
) -> list[Dropped]:
    writer = TiffWriter(file, several=several)
    left: list[Dropped] = []
    for frame, extras in pages:
        height, width = frame.luma.shape
        samples = rgb_bands(frame, frame.layout.bits)
        left += writer.add((width, height), frame.layout.bits, samples, extras)
    return list(dict.fromkeys(left))


def write_picture(
    rgb: Tensor,
    target: str | os.PathLike[str],
    settings: OutputSettings | None = None,
    label: Label | None = None,
) -> Path:
    """Writes ``(3, H, W)`` uint8 sRGB as PNG, JPEG or TIFF, like `write_still`; raises the same.

    Its XMP has ``label``, unless the settings want none.
    """
    path = check_still_target(None, target, settings)
    labeled = label is not None and (settings is None or settings.label)
    extras = Extras(xmp=add_to_xmp(b"", label)) if label and labeled else Extras()
    with _part(path) as file:
        if path.suffix.lower() in TIFF_SUFFIXES:
            samples = rgb.permute(1, 2, 0).contiguous().numpy()
            TiffWriter(file, several=False).add((rgb.shape[2], rgb.shape[1]), 8, [samples], extras)
        else:
            data = _encode_image(rgb, path, _SHEET_QUALITY)
            if labeled:
                into = into_png if path.suffix.lower() == ".png" else into_jpeg
                data, _ = into(data, extras)
            file.write(data)
    return path


@contextmanager
def _part(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, which gets its name when it is whole."""
    path = follow_link(path)  # a link is left as it is
    part = part_path(path)
    file = claim(part, path)
    try:
        with target_errors(path):
            os.ftruncate(file, 0)
            with open(file, "r+b", closefd=False) as stream:
                yield stream
            publish(file, part, path)
    except BaseException:
        remove_open(file, part)
        raise
    finally:
        os.close(file)


def read_rgb(path: str | os.PathLike[str], settings: InputSettings | None = None) -> Tensor:
    """``(3, H, W)`` uint8 sRGB, 0..255, of the first picture at ``path``, upright.

    Raises:
        FilmError: As `vidcolor.media.images.reader.Still`.
    """
    photo = Still(path, settings).photo(rgb=True)
    samples = photo.samples
    if samples.dtype == np.uint16:
        samples = ((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    # Copied by numpy, which is twice as fast at it as torch.
    colors = [torch.from_numpy(samples[..., i].copy()) for i in range(3)]
    return torch.stack([upright(plane, photo.turned) for plane in colors])


def write_rgb(rgb: Tensor, path: str | os.PathLike[str]) -> None:
    """Writes ``(3, H, W)`` uint8 sRGB as PNG, or as JPEG where ``path`` ends so."""
    write_own(Path(path), _encode_image(rgb, Path(path)))


def jpeg_bytes(rgb: Tensor, quality: int = _JPEG_QUALITY) -> bytes:
    """``(3, H, W)`` uint8 sRGB as a JPEG file; ``quality`` is 2 for the best, 31 for the least."""
    return _encode_image(rgb, Path("picture.jpg"), quality)


def _encode_image(rgb: Tensor, path: Path, quality: int = _JPEG_QUALITY) -> bytes:
    """The picture as the file that ``path`` names."""
    samples = rgb.permute(1, 2, 0).contiguous().numpy()
    picture = VideoFrame.from_ndarray(samples, format="rgb24")
    if path.suffix.lower() == ".png":
        return encode_picture("png", picture)
    picture = VideoReformatter().reformat(
        picture,
        format="yuvj444p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG,
    )
    return encode_picture("mjpeg", picture, quality)


def png_bytes(frame: Frame) -> bytes:
    """A colored still as a PNG file: RGB, 8 or 16 bits like ``frame``."""
    deep = frame.layout.bits > 8
    height, width = frame.luma.shape
    picture = VideoFrame(width, height, "rgb48be" if deep else "rgb24")
    plane = picture.planes[0]
    lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    at = 0
    for band in rgb_bands(frame, frame.layout.bits):
        data = (band.astype(">u2") if deep else band).view(np.uint8).reshape(len(band), -1)
        lines[at : at + len(band), : data.shape[1]] = data
        at += len(band)
    return encode_picture("png", picture)


def _jpeg(frame: Frame) -> bytes:
    picture = VideoFrame(frame.luma.shape[1], frame.luma.shape[0], "yuvj444p")
    for view, plane in zip(planes(picture), (frame.luma, *frame.chroma), strict=True):
        if frame.layout.bits == 8:
            view.copy_(plane)
        else:
            view.copy_(((plane.to(torch.int32) * 255 + 32767) // 65535).to(torch.uint8))
    return encode_picture("mjpeg", picture)


def encode_picture(
    codec: str,
    picture: VideoFrame,
    quality: int = _JPEG_QUALITY,
    options: dict[str, str] | None = None,
) -> bytes:
    """A picture as the file that one of FFmpeg's encoders makes of it.

    Args:
        codec: The encoder.
        picture: Of a format that it takes; full range.
        quality: Quantiser of JPEG.
        options: Of the encoder, beside that.

    Raises:
        OutputError: The encoder fails.
    """
    context = CodecContext.create(codec, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = picture.width, picture.height
    context.pix_fmt = picture.format.name
    context.time_base = picture.time_base = Fraction(1, 1)
    context.color_range = 2
    context.thread_count = 1
    context.options = dict(options or {})
    if codec == "mjpeg":
        context.options = {"qmin": str(quality), "qmax": str(quality)}
        context.colorspace = 5
    picture.pts = 0
    try:
        packets = [*context.encode(picture), *context.encode(None)]
    except av.FFmpegError as exc:
        reason = printable(exc.strerror or exc)
        raise OutputError(f"the {codec} encoder failed: {reason}") from exc
    return b"".join(bytes(packet) for packet in packets)
