"""Pictures in and out, through av with the same limits as films.

A still becomes a Frame with full-range 4:4:4 planes, so that the stages that colour films colour
it, too.
"""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from torch import Tensor

from vidcolor.errors import FilmUnreadable, OutputError, SettingsError, UnsupportedPixels
from vidcolor.files import write_own
from vidcolor.film.convert import neutral_picture, planes
from vidcolor.film.header import orientation, picture_size, upright
from vidcolor.film.limits import CODECS, STILL_FORMATS, check_file, film_errors, printable
from vidcolor.film.pixels import storage
from vidcolor.film.probe import check_size, limit_decoder, open_container, still_format
from vidcolor.film.target import check_target, claim, output_errors, publish
from vidcolor.film.wholeness import is_whole_picture
from vidcolor.frames import Damage, Frame, PixelLayout
from vidcolor.places import followed, part_path
from vidcolor.settings import OpenSettings, OutputSettings

STILL_SUFFIXES = (".png", ".jpg", ".jpeg")
"""Names under which a coloured still can be written."""

_LAYOUT = PixelLayout("yuv444p", 8, 0, 0, True, "bt601", "srgb", (0.0, 0.0))
_DEEP_LAYOUT = replace(_LAYOUT, format="yuv444p16le", bits=16)
_WEIGHTS = (0.299, 0.587, 0.114)  # BT.601, the matrix of JPEG
_JPEG_QUALITY = 2  # quantiser, 1 (best) to 31
_SHEET_QUALITY = 4  # of pictures that are looked at once


def read_still(path: str | os.PathLike[str], settings: OpenSettings | None = None) -> Frame:
    """The picture at ``path`` as one Frame, upright, with neutral chroma to be painted in place.

    PNG, JPEG, WebP, TIFF and BMP; 8 bits, or 16 when the file has more than 8. Gray samples and
    the luma of full-range JPEG are kept byte for byte; RGB gives BT.601 full-range luma. One whose
    file is damaged or cut short is ``damaged``: the decoder filled in what is missing.

    Raises:
        FilmUnreadable: Missing, empty, damaged beyond use, or no picture.
        FilmTooLarge: More pixels than ``settings.max_pixels``.
        UnsupportedPixels: Floating point samples.
    """
    absolute = check_file(path)
    with film_errors(absolute):
        picture, data = _open(absolute, settings or OpenSettings())
        luma, bits = _luma(picture)
        turned = orientation(data)
        damaged = picture.is_corrupt or not is_whole_picture(data)
    layout = _LAYOUT if bits == 8 else _DEEP_LAYOUT
    result = neutral_picture(upright(luma, turned), layout)
    result.pts, result.time_base = 0, Fraction(1, 1)
    y, u, v = planes(result)
    return Frame(
        luma=y,
        chroma=(u, v),
        layout=layout,
        pts=0,
        duration=1,
        time_base=Fraction(1, 1),
        damaged=damaged,
        picture=result,
    )


def still_damage(frame: Frame) -> list[Damage]:
    """What is to be said of a picture that `read_still` gave."""
    if not frame.damaged:
        return []
    text = "the file is damaged or cut short; what is missing was filled in"
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
        raise SettingsError(f"{printable(path.name)}: pictures are written as {known}")
    check_target(Path(source) if source else None, path, settings or OutputSettings())
    return path


def write_still(
    frame: Frame, target: str | os.PathLike[str], settings: OutputSettings | None = None
) -> Path:
    """Writes a coloured still as PNG (RGB, 8 or 16 bits like ``frame``) or JPEG (4:4:4, 8 bits).

    The old target stays until the new one is complete.

    Raises:
        SettingsError: ``target`` has another suffix.
        OutputError: It cannot be written there.
        OutputExists: It exists and ``settings.force`` is off.
        OutputFull: The disk is full.
    """
    path = check_still_target(None, target, settings)
    _put(png_bytes(frame) if path.suffix.lower() == ".png" else _jpeg(frame), path)
    return path


def write_picture(
    rgb: Tensor, target: str | os.PathLike[str], settings: OutputSettings | None = None
) -> Path:
    """Writes ``(3, H, W)`` uint8 sRGB as PNG or JPEG, like `write_still`; raises the same."""
    path = check_still_target(None, target, settings)
    _put(_encoded(rgb, path, _SHEET_QUALITY), path)
    return path


def _put(data: bytes, path: Path) -> None:
    """Writes a whole file aside and gives it its name."""
    path = followed(path)  # a link is left as it is
    part = part_path(path)
    file = claim(part, path)
    try:
        with output_errors(path):
            os.ftruncate(file, 0)
            with open(file, "wb", closefd=False) as stream:
                stream.write(data)
            publish(file, part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


def _open(path: Path, settings: OpenSettings) -> tuple[VideoFrame, bytes]:
    """The decoded picture and the bytes of its file."""
    name = printable(path.name)
    demuxer = still_format(path)
    if demuxer is None:
        raise FilmUnreadable(f"{name}: is no picture of a kind vidcolor opens (PNG, JPEG, ...)")
    data = path.read_bytes()
    check_size(*(picture_size(data) or (0, 0)), settings, name)
    return _decode(path, demuxer, settings, name), data


def _decode(path: Path, demuxer: str, settings: OpenSettings, name: str) -> VideoFrame:
    with open_container(path, settings, STILL_FORMATS, demuxer) as container:
        context = container.streams.video[0].codec_context
        if context is None or context.name not in CODECS:
            raise UnsupportedPixels(f"{name}: there is no safe decoder for this picture")
        context.thread_count = 1
        limit_decoder(context, settings)
        for packet in container.demux(video=0):
            for picture in packet.decode():
                check_size(picture.width, picture.height, settings, name)
                return picture
    raise FilmUnreadable(f"{name}: no picture in it can be decoded")


def _luma(picture: VideoFrame) -> tuple[Tensor, int]:
    """(H, W) uint8 or uint16 full-range luma of a decoded picture, and its bits (8 or 16)."""
    stored = storage(picture.format.name)
    full = stored.gray or picture.format.name.startswith("yuvj") or picture.color_range == 2
    if stored.luma_plane and full and stored.bits in (8, 16):
        return planes(picture)[0].clone(), stored.bits
    bits = 8 if stored.bits == 8 else 16
    if stored.gray:
        name = "gray" if bits == 8 else "gray16le"
        return planes(VideoReformatter().reformat(picture, format=name))[0].clone(), bits
    name = "rgb24" if bits == 8 else "rgb48le"
    rgb = VideoReformatter().reformat(picture, format=name)
    samples = _packed(rgb, 3, np.uint8 if bits == 8 else np.uint16).astype(np.float64)
    luma = np.rint(samples @ np.array(_WEIGHTS))
    return torch.from_numpy(luma.astype(np.uint8 if bits == 8 else np.uint16)), bits


def _packed(picture: VideoFrame, channels: int, dtype: type[np.generic]) -> np.ndarray:
    """(H, W, channels) view of a packed picture, padding of the lines cut off."""
    plane = picture.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    size = picture.width * channels * np.dtype(dtype).itemsize
    used = rows[: picture.height, :size]
    return np.ascontiguousarray(used).view(dtype).reshape(picture.height, picture.width, channels)


def read_rgb(path: str | os.PathLike[str], settings: OpenSettings | None = None) -> Tensor:
    """``(3, H, W)`` uint8 sRGB, 0..255, of the picture at ``path``, upright.

    Raises:
        FilmError: As `read_still`.
    """
    absolute = check_file(path)
    with film_errors(absolute):
        picture, data = _open(absolute, settings or OpenSettings())
        turned = orientation(data)
        samples = _packed(VideoReformatter().reformat(picture, format="rgb24"), 3, np.uint8)
    return torch.stack([upright(plane, turned) for plane in torch.from_numpy(samples).unbind(2)])


def write_rgb(rgb: Tensor, path: str | os.PathLike[str]) -> None:
    """Writes ``(3, H, W)`` uint8 sRGB as PNG, or as JPEG where ``path`` ends so."""
    write_own(Path(path), _encoded(rgb, Path(path)))


def _encoded(rgb: Tensor, path: Path, quality: int = _JPEG_QUALITY) -> bytes:
    """The picture as the file that ``path`` names."""
    samples = rgb.permute(1, 2, 0).contiguous().numpy()
    picture = VideoFrame.from_ndarray(samples, format="rgb24")
    if path.suffix.lower() == ".png":
        return _encode("png", picture)
    picture = VideoReformatter().reformat(
        picture,
        format="yuvj444p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG,
    )
    return _encode("mjpeg", picture, quality)


def frame_rgb(frame: Frame) -> np.ndarray:
    """``(H, W, 3)`` uint8 or uint16 RGB of a full-range BT.601 4:4:4 frame."""
    top = (1 << frame.layout.bits) - 1
    middle = float(1 << (frame.layout.bits - 1))
    y = frame.luma.to(torch.float64)
    cb, cr = (plane.to(torch.float64) - middle for plane in frame.chroma)
    kr, kg, kb = _WEIGHTS
    red = y + 2 * (1 - kr) * cr
    blue = y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / kg
    samples = torch.stack([red, green, blue], dim=-1).round().clamp(0, top).numpy()
    return samples.astype(np.uint8 if frame.layout.bits == 8 else np.uint16)


def png_bytes(frame: Frame) -> bytes:
    """A coloured still as a PNG file: RGB, 8 or 16 bits like ``frame``."""
    deep = frame.layout.bits > 8
    rgb = frame_rgb(frame)
    height, width = rgb.shape[:2]
    name = "rgb48be" if deep else "rgb24"
    picture = VideoFrame(width, height, name)
    samples = rgb.astype(">u2") if deep else rgb
    _fill_packed(picture, samples)
    return _encode("png", picture)


def _fill_packed(picture: VideoFrame, samples: np.ndarray) -> None:
    plane = picture.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    data = np.ascontiguousarray(samples).view(np.uint8).reshape(picture.height, -1)
    rows[: picture.height, : data.shape[1]] = data


def _jpeg(frame: Frame) -> bytes:
    picture = VideoFrame(frame.luma.shape[1], frame.luma.shape[0], "yuvj444p")
    for view, plane in zip(planes(picture), (frame.luma, *frame.chroma), strict=True):
        if frame.layout.bits == 8:
            view.copy_(plane)
        else:
            view.copy_(((plane.to(torch.int32) * 255 + 32767) // 65535).to(torch.uint8))
    return _encode("mjpeg", picture)


def _encode(codec: str, picture: VideoFrame, quality: int = _JPEG_QUALITY) -> bytes:
    context = CodecContext.create(codec, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = picture.width, picture.height
    context.pix_fmt = picture.format.name
    context.time_base = picture.time_base = Fraction(1, 1)
    context.color_range = 2
    context.thread_count = 1
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
