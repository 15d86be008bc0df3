"""Writes colored frames as picture files, each with what the frame it comes from says of itself."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from vidcolor.core.files import new_file
from vidcolor.core.frames import Frame
from vidcolor.core.label import Label
from vidcolor.core.report import Dropped
from vidcolor.core.timecode import smpte_after
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import FilmError
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.images.files import encode_picture
from vidcolor.media.images.metadata import JPEG_XMP, Extras, into_jpeg, into_png
from vidcolor.media.images.reader import Still
from vidcolor.media.images.rgb import frame_rgb
from vidcolor.media.images.tiff_writer import TiffWriter
from vidcolor.media.images.xmp_label import add_to_xmp
from vidcolor.media.planes import planes
from vidcolor.media.sequences.dpx import (
    DpxHeader,
    add_label,
    at_frame,
    dpx_bytes,
    find_more,
    new_header,
    read_header,
)
from vidcolor.media.sequences.exr_writer import attributes_of, write_exr
from vidcolor.media.whitelist import film_errors

_BT709, _UNSPECIFIED = 6, 4  # curves of DPX
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_CODESTREAM = (".j2k", ".j2c")
_WITHOUT_EXTRAS = ("dpx", "exr")


class FrameWriter:
    """Writes the frames of one film.

    Attributes:
        lost: What frames so far had that the new ones cannot hold.
        notes: What a user should know of them.
    """

    def __init__(self, plan: EncodePlan, info: VideoInfo, label: Label | None) -> None:
        self.lost: list[Dropped] = []
        self.notes: list[str] = []
        self._kind, self._bits = plan.container, int(plan.options["bits"])
        self._info, self._label = info, label

    def write(self, frame: Frame, path: Path, name: str, place: int) -> None:
        """Write a frame.

        Args:
            frame: In color, in the layout of the plan.
            path: Where to.
            name: That the file will have.
            place: Of the frame in the sequence that it comes from, or in the film, from 0.

        Raises:
            FilmError: The frame that it comes from cannot be read again.
            OutputError: It cannot be written.
        """
        source = self._info.sequence.path(place) if self._info.sequence else None
        if self._kind == "exr":
            own = source if self._info.codec == "exr" else None
            label = f"Colored by {self._label}" if self._label else ""
            attributes = attributes_of(self._rate, self._info.sample_aspect, label)
            self._miss_extras(source)
            write_exr(path, frame, own, attributes, "" if own else self._timecode(frame))
            return
        if self._kind == "dpx":
            data = self._dpx(frame, name, place, source)
        else:
            data = self._picture(frame, name, source)
        with new_file(path) as file:
            file.write(data)

    @property
    def _rate(self) -> Fraction | None:
        return self._info.frame_rate

    def _dpx(self, frame: Frame, name: str, place: int, source: Path | None) -> bytes:
        info = self._info
        if source and info.codec == "dpx":
            header = read_header(source)
            with film_errors(source):
                why = "DPX frames are written with one image element, and nothing behind it"
                self._lose([Dropped(what, why) for what in find_more(source, header)])
        else:
            self._miss_extras(source)
            curve = _BT709 if frame.layout.matrix == "bt709" else _UNSPECIFIED
            size = info.width, info.height
            header = new_header(size, self._bits, curve, self._rate, info.sample_aspect)
            header = at_frame(header, place, self._timecode(frame))
        header = self._labeled_dpx(header) if self._label else header
        return dpx_bytes(header, frame_rgb(frame, self._bits), self._bits, name)

    def _labeled_dpx(self, header: DpxHeader) -> DpxHeader:
        """With the label for the name of the project, or in the place of an older label."""
        found = add_label(header, f"Colored by {self._label}")
        if found is None:
            self._note("the frames are not labeled, to keep the project name in their headers")
        return found or header

    def _timecode(self, frame: Frame) -> str:
        info = self._info
        if not info.timecode or not info.frame_rate:
            return ""
        try:
            passed = round(frame.moment * info.frame_rate)
            return smpte_after(info.timecode, passed, info.frame_rate)
        except ValueError:  # what a container tells may be none that can be counted
            self._lose([Dropped(f"timecode {info.timecode}", "it does not fit the frame rate")])
            return ""

    def _picture(self, frame: Frame, name: str, source: Path | None) -> bytes:
        extras = self._labeled(self._extras(source))
        if self._kind == "jpeg":
            data, left = into_jpeg(_jpeg(frame), extras)
        elif self._kind == "tiff":
            data, left = _tiff(frame_rgb(frame, self._bits), self._bits, extras)
        elif self._kind == "png":
            data, left = into_png(_encode_rgb("png", frame_rgb(frame, self._bits), {}), extras)
        else:
            raw = Path(name).suffix.lower() in _CODESTREAM
            options = {"pred": "dwt53", "format": "j2k" if raw else "jp2"}
            data = _encode_rgb("jpeg2000", frame_rgb(frame, self._bits), options)
            data, left = _into_jp2(data, extras, raw)
        self._lose(left)
        return data

    def _extras(self, source: Path | None) -> Extras:
        """What stands beside the samples of the frame that a frame comes from."""
        if source is None or self._info.codec in _WITHOUT_EXTRAS:
            return Extras()
        try:
            extras = Still(source).extras()
        except FilmError:  # its picture was decoded, damaged as it may be; that was told
            return Extras(lost=[Dropped("metadata of a frame", "it is damaged")])
        self._lose(extras.lost)
        if extras.icc and extras.icc[16:20] != b"RGB ":
            self._lose([Dropped("ICC profile", "it is one of gray samples")])
            extras = replace(extras, icc=b"")
        return extras

    def _miss_extras(self, source: Path | None) -> None:
        """Lists what a frame has that no DPX or EXR holds."""
        why = "DPX and EXR frames have none"
        self._lose([Dropped(what, why) for what in self._extras(source).named()])

    def _labeled(self, extras: Extras) -> Extras:
        if self._label is None:
            return extras
        try:
            xmp = add_to_xmp(extras.xmp, self._label)
            if self._kind == "jpeg" and len(xmp) > JPEG_XMP:
                raise ValueError(f"with it, it has more than the {JPEG_XMP} bytes a JPEG holds")
        except ValueError as error:
            self._note(f"frames are not labeled, to keep their XMP as it is: {error}")
            return extras
        return replace(extras, xmp=xmp)

    def _lose(self, lost: list[Dropped]) -> None:
        self.lost += [one for one in lost if one not in self.lost]

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _encode_rgb(codec: str, rgb: np.ndarray, options: dict[str, str]) -> bytes:
    deep = rgb.dtype == np.uint16
    name = ("rgb48be" if codec == "png" else "rgb48le") if deep else "rgb24"
    height, width = rgb.shape[:2]
    picture = VideoFrame(width, height, name)
    plane = picture.planes[0]
    lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    data = (rgb.astype(">u2") if name.endswith("be") else rgb).view(np.uint8).reshape(height, -1)
    lines[:height, : data.shape[1]] = data
    return encode_picture(codec, picture, options=options)


def _jpeg(frame: Frame) -> bytes:
    """The frame as JPEG; its luma goes to the encoder as it is where the frame is JPEG's kind."""
    layout = frame.layout
    height, width = frame.luma.shape
    if layout.bits == 8 and layout.full_range and layout.matrix == "bt601":
        picture = VideoFrame(width, height, "yuvj444p")
        for view, plane in zip(planes(picture), (frame.luma, *frame.chroma), strict=True):
            view.copy_(plane)
        return encode_picture("mjpeg", picture)
    picture = VideoFrame.from_ndarray(frame_rgb(frame, 8), format="rgb24")
    picture = VideoReformatter().reformat(
        picture,
        format="yuvj444p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG,
    )
    return encode_picture("mjpeg", picture)


def _tiff(rgb: np.ndarray, bits: int, extras: Extras) -> tuple[bytes, list[Dropped]]:
    file = BytesIO()
    left = TiffWriter(file, several=False).add((rgb.shape[1], rgb.shape[0]), bits, [rgb], extras)
    return file.getvalue(), left


def _into_jp2(data: bytes, extras: Extras, raw: bool) -> tuple[bytes, list[Dropped]]:
    """The JPEG 2000 file with XMP in a box of its own, and what it cannot hold."""
    rest = replace(extras, xmp=extras.xmp if raw else b"")
    left = [Dropped(what, "JPEG 2000 frames are written without") for what in rest.named()]
    if raw or not extras.xmp:
        return data, left
    box = struct.pack(">I4s", 8 + len(_XMP_BOX) + len(extras.xmp), b"uuid") + _XMP_BOX + extras.xmp
    return data + box, left
