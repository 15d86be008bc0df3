"""Brings decoded pictures to the layout that is colored, and shows their planes as tensors.

Where the layout is the film's own the picture is changed in place, which keeps its captions and
flags. Otherwise luma is copied byte for byte into a new picture and chroma starts out neutral.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import av.filter
import numpy as np
import torch
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from vidcolor.color.chroma import KR_KB
from vidcolor.color.lab import linear_to_srgb
from vidcolor.core.frames import PixelLayout
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.pixel_formats import RANGE_FULL, film_storage

EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.BITEXACT
)
"""How swscale converts: without its shortcuts, the same on every machine."""


def planes(picture: VideoFrame) -> tuple[Tensor, ...]:
    """The planes of a planar or gray picture as views of its memory, (H, W) uint8 or uint16."""
    return tuple(from_dlpack(plane) for plane in picture.planes)


def swscale_matrix(matrix: int) -> int:
    """swscale's number of a matrix: that of H.273, but BT.601 is only 5 and BT.2020 only 9."""
    return {6: 5, 10: 9}.get(matrix, matrix)


def float_planes(picture: VideoFrame) -> tuple[Tensor, ...]:
    """The planes of a picture with floating-point samples, (H, W) float32, in memory of their own.

    They are in FFmpeg's order: one of gray, or green, blue, red and perhaps alpha.
    """
    step = 2 if picture.format.name.startswith("ya") else 1  # gray and alpha take turns
    kind = np.dtype("<f2" if "f16" in picture.format.name else "<f4")
    found = []
    for plane in picture.planes:
        rows = np.frombuffer(plane, kind).reshape(  # type: ignore[call-overload]
            -1, plane.line_size // kind.itemsize
        )
        used = rows[: picture.height, : step * picture.width : step]
        found.append(torch.from_numpy(used.astype(np.float32)))
    return tuple(found)


def _light_to_codes(light: Tensor) -> Tensor:
    """Linear light, 1 is white, as sRGB codes 0..65535, float; NaN is black, infinity white."""
    known = torch.nan_to_num(light, nan=0.0, posinf=1.0, neginf=0.0).clamp(0, 1)
    return linear_to_srgb(known) * 65535


def neutral_picture(luma: Tensor, layout: PixelLayout) -> VideoFrame:
    """A new picture of ``layout`` with a copy of ``luma`` (H, W) and neutral chroma."""
    height, width = luma.shape
    picture = VideoFrame(width, height, layout.format)
    views = planes(picture)
    views[0].copy_(luma)
    for view in views[1:]:
        view.fill_(1 << (layout.bits - 1))
    return picture


class Converter:
    """Turns the pictures of one film into pictures of ``layout``; holds the one swscale context."""

    def __init__(self, info: VideoInfo, layout: PixelLayout) -> None:
        self._info = info
        self._layout = layout
        self._stored = film_storage(info.stored_format)
        self._changes_range = info.layout.full_range and not layout.full_range
        self._scaler: VideoReformatter | None = None
        self._fields: av.filter.Graph | None = None

    def __call__(self, picture: VideoFrame) -> VideoFrame:
        """The picture in ``layout``, safe to write into; luma is that of the film."""
        if picture.format.name == self._layout.format and not self._changes_range:
            picture.make_writable()  # the decoder may still refer to these planes
            picture.pict_type = 0  # else the encoder repeats the source's I, P and B frames
            return picture
        source = picture if self._stored.luma_plane else self._planar(picture)
        if source.format.name == self._layout.format and not self._changes_range:
            result = source
        else:
            result = neutral_picture(self._scaled(planes(source)[0]), self._layout)
        if picture.interlaced_frame and self._info.field_order != "progressive":
            result = self._mark_fields(result)
        result.pict_type = 0
        return result

    def _planar(self, picture: VideoFrame) -> VideoFrame:
        """Packed, RGB, semi-planar and big-endian pictures as planar ones, by swscale."""
        if self._stored.floats:
            return self._from_floats(picture)
        if self._scaler is None:
            self._scaler = VideoReformatter()
        if self._stored.rgb and self._stored.bits > 8:
            return self._from_deep_rgb(picture, self._scaler)
        tags = self._info.tags
        matrix = swscale_matrix(tags["matrix"])
        source_range = RANGE_FULL if self._stored.rgb or self._stored.gray else tags["range"]
        return self._scaler.reformat(
            picture,
            format=self._stored.planar,
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=source_range,
            dst_color_range=tags["range"],
            interpolation=EXACT,
        )

    def _from_deep_rgb(self, picture: VideoFrame, scaler: VideoReformatter) -> VideoFrame:
        """RGB above 8 bits; swscale would be off by up to 0.4 % of full range there."""
        bits = self._stored.bits
        gbr = scaler.reformat(picture, format=f"gbrp{bits}le")
        green, blue, red = (plane.to(torch.float32) for plane in planes(gbr))
        return self._from_codes(picture, (green, blue, red))

    def _from_floats(self, picture: VideoFrame) -> VideoFrame:
        """Linear light as codes of 16 bits with the sRGB curve; what is no number is black."""
        codes = [_light_to_codes(plane) for plane in float_planes(picture)]
        if not self._stored.gray:
            return self._from_codes(picture, codes[:3])
        result = VideoFrame(picture.width, picture.height, self._stored.planar)
        planes(result)[0].copy_(codes[0].round().to(torch.uint16))
        return result

    def _from_codes(self, picture: VideoFrame, gbr: Sequence[Tensor]) -> VideoFrame:
        """Green, blue and red, float (H, W) in codes of the stored depth, as planar YCbCr."""
        green, blue, red = gbr
        bits = self._stored.bits
        kr, kb = KR_KB[self._info.layout.matrix]
        luma = kr * red + (1 - kr - kb) * green + kb * blue
        middle, top = float(1 << (bits - 1)), (1 << bits) - 1
        cb = (blue - luma) / (2 * (1 - kb)) + middle
        cr = (red - luma) / (2 * (1 - kr)) + middle
        result = VideoFrame(picture.width, picture.height, self._stored.planar)
        for view, plane in zip(planes(result), (luma, cb, cr), strict=True):
            view.copy_(plane.round().clamp(0, top).to(torch.uint16))
        return result

    def _scaled(self, luma: Tensor) -> Tensor:
        """Luma at the depth of the layout, and in its range."""
        extra = self._layout.bits - self._stored.bits
        if self._changes_range:
            top, unit = (1 << self._stored.bits) - 1, 1 << (self._layout.bits - 8)
            steps = luma.to(torch.int32) * (219 * unit)
            narrow = (steps + top // 2) // top + 16 * unit
            return narrow.to(torch.uint16 if self._layout.bits > 8 else torch.uint8)
        if extra == 0:
            return luma
        wide = luma.to(torch.int32)
        if extra < 0:
            half, most = 1 << (-extra - 1), (1 << self._layout.bits) - 1
            deep = ((wide + half) >> -extra).clamp(0, most)
            return deep.to(torch.uint16 if self._layout.bits > 8 else torch.uint8)
        if self._layout.full_range:
            top, new_top = (1 << self._stored.bits) - 1, (1 << self._layout.bits) - 1
            wide = (wide * new_top + top // 2) // top
        else:
            wide = wide << extra
        return wide.to(torch.uint16)

    def _mark_fields(self, picture: VideoFrame) -> VideoFrame:
        """The same memory, flagged as two fields; a new av.VideoFrame cannot be flagged itself."""
        if self._fields is None:
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=picture.width,
                height=picture.height,
                format=VideoFormat(self._layout.format),
                time_base=Fraction(self._info.time_base),
            )
            mode = "bff" if self._info.field_order == "bottom" else "tff"
            fields = graph.add("setfield", f"mode={mode}")
            sink = graph.add("buffersink")
            source.link_to(fields)
            fields.link_to(sink)
            graph.configure()
            self._fields = graph
        self._fields.push(picture)
        marked = self._fields.pull()
        assert isinstance(marked, VideoFrame)
        marked.make_writable()
        return marked


class ChromaMeter:
    """Measures what color the film already had, from every eighth frame before it is painted."""

    _every, _stride = 8, 8
    _visible = 2.0

    def __init__(self, bits: int, subsampled: bool) -> None:
        self._neutral = float(1 << (bits - 1))
        self._scale = 2.0 ** (8 - bits)
        self._step = self._stride // 2 if subsampled else self._stride
        self._seen = 0
        self._measured = 0
        self._along = 0.0
        self._across = 0.0

    def see(self, picture: VideoFrame) -> None:
        """Takes note of a planar picture; gray and packed ones have no chroma to look at."""
        if self._seen % self._every == 0:
            self.add(self.spread_of(picture))
        else:
            self._seen += 1

    def add(self, spread: tuple[float, float] | None) -> None:
        """Takes note of the next picture, whose spread was measured; one in eight counts."""
        if self._seen % self._every == 0 and spread is not None:
            self._along += spread[0]
            self._across += spread[1]
            self._measured += 1
        self._seen += 1

    def spread_of(self, picture: VideoFrame) -> tuple[float, float] | None:
        """How far chroma spreads, in 8-bit codes: in the direction where it does most, and across.

        None for a picture without chroma.
        """
        if len(picture.planes) < 3:
            return None
        u, v = (plane[:: self._step, :: self._step] for plane in planes(picture)[1:3])
        return self._spread(
            u.to(torch.float32) - self._neutral, v.to(torch.float32) - self._neutral
        )

    def measure(self, u: Tensor, v: Tensor) -> None:
        """Takes note of chroma samples, float, 0 where there is no color."""
        self._seen = 0
        self.add(self._spread(u, v))

    def _spread(self, u: Tensor, v: Tensor) -> tuple[float, float]:
        u, v = u * self._scale, v * self._scale
        # Chroma of a tinted film lies on a line through gray: second moments along and across it.
        uu, vv, uv = (float((a * b).mean()) for a, b in ((u, u), (v, v), (u, v)))
        middle, spread = (uu + vv) / 2, (((uu - vv) / 2) ** 2 + uv**2) ** 0.5
        return (middle + spread) ** 0.5, max(0.0, middle - spread) ** 0.5

    def verdict(self) -> str:
        """``gray``, ``tinted`` or ``colored``; two 8-bit codes of chroma are visible."""
        if self._measured == 0 or self._along / self._measured < self._visible:
            return "gray"
        return "colored" if self._across / self._measured > self._visible else "tinted"
