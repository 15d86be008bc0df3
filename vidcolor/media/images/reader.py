"""Pictures as samples: which of the two readers decodes one, and what is made of doubts.

FFmpeg decodes what it is sure about. Pillow decodes the rest, and has a second look where FFmpeg
gave a picture of one color or 16-bit TIFF: a blank picture without an error is what a decoder
gives that met something unknown. Where nobody reads a picture it is refused by its kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import av
import numpy as np
import torch
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from vidcolor.core.files import check_file, printable
from vidcolor.core.report import Dropped
from vidcolor.errors import FilmError, FilmTooLarge, FilmUnreadable, UnsupportedPixels
from vidcolor.media.decode.container_size import is_whole_picture
from vidcolor.media.images import tiff
from vidcolor.media.images.color_profile import Tone, tone_of_gamma, tone_of_icc
from vidcolor.media.images.header import exif_blocks, jpeg_frame, orientation, picture_size
from vidcolor.media.images.kinds import BMP, CONVERT, JPEG, TIFF, WEBP, check_kind, refusal
from vidcolor.media.images.metadata import ICC, IPTC, XMP, Extras, with_exif, with_tags
from vidcolor.media.images.photo import Photo
from vidcolor.media.images.pillow_reader import Told, decode_with_pillow, told_by
from vidcolor.media.metadata import is_see_through
from vidcolor.media.open import check_size, limit_decoder
from vidcolor.media.pixel_formats import storage
from vidcolor.media.planes import planes
from vidcolor.media.whitelist import CODECS, film_errors
from vidcolor.settings import InputSettings

_HEAD = 1 << 24
_ROOM = 64 << 20
"""Bytes that may stand beside the samples of a picture."""
_MOST_PER_PIXEL = 16
_PLAIN = frozenset({1, 5, 8, 32773, 32946})
"""Compressions of TIFF that FFmpeg reads: none, LZW, deflate, PackBits."""
_GROUP_4 = 4
"""Compression of TIFF for fax, where Pillow says nothing of damage."""
_AGREED = 4.0
"""Of 255: how far two readers may be apart on the mean."""
_HUNDREDTH = 100
_NEAR, _LOOKED_AT = 3.0, 256
"""Of 255: how near the median the samples of a blank picture are; so many across are looked at."""


class Still:
    """A picture file, opened; its pictures are read one by one.

    Attributes:
        name: Of the file, printable.
        kind: Of picture.
        pages: How many pictures it holds.
        unit: What one of them is called: ``page``, ``frame`` or ``picture``.
    """

    def __init__(self, path: str | os.PathLike[str], settings: InputSettings | None = None) -> None:
        """Learn how many pictures there are; none is decoded.

        Raises:
            FilmUnreadable: Missing, empty, no picture, or damaged beyond use.
            FilmTooLarge: More pixels than ``settings.max_pixels``, or more bytes than they take.
            UnsupportedPixels: A kind that is not read.
        """
        self._path = check_file(path)
        self._settings = settings or InputSettings()
        self.name = printable(self._path.name)
        self.kind = check_kind(self._path)
        self.unit = {"TIFF": "page", "JPEG": "picture"}.get(self.kind.name, "frame")
        self._pages: list[tiff.Page] = []
        self._data = b""
        self._told = Told()
        with film_errors(self._path):
            if self.kind == TIFF:
                self._pages = self._tiff_pages()
                self.pages = len(self._pages)
                return
            self._data = self._bytes()
            self._told = told_by(self._data, self.kind)
            self.pages = self._told.frames

    def photo(self, page: int = 0, *, rgb: bool = False) -> Photo:
        """One of the pictures; of all kinds but TIFF only the first can be had.

        Args:
            page: Counted from 0.
            rgb: Whether RGB samples are wanted even where there is luma.

        Raises:
            FilmUnreadable: It is damaged beyond use.
            FilmTooLarge: More pixels than ``settings.max_pixels``, or more bytes than they take.
            UnsupportedPixels: Samples of a kind that is not read.
        """
        with film_errors(self._path):
            photo = self._tiff(page) if self.kind == TIFF else self._other(rgb)
            if rgb and photo.samples.ndim == 2:
                photo.samples = np.repeat(photo.samples[..., None], 3, axis=2)
            return photo

    def extras(self) -> Extras:
        """What stands beside the samples of the first picture; they are not decoded.

        The profile is there as it is, and a turn of the picture stays among the tags.
        """
        with film_errors(self._path):
            if self.kind == TIFF:
                page = self._pages[0]
                icc, xmp, iptc = (page.tags.get(tag, (0, 0, b""))[2] for tag in (ICC, XMP, IPTC))
                with open(self._path, "rb") as file:
                    extras = with_tags(Extras(xmp=xmp, iptc=iptc, icc=icc), page, file)
                turned = page.number(274, 1)
            else:
                told = self._told
                extras = Extras(xmp=told.xmp, iptc=told.iptc, icc=told.icc, dpi=told.dpi)
                extras.texts = dict(told.texts)
                blocks = [*exif_blocks(self._data), told.exif]
                extras = with_exif(extras, next((block for block in blocks if block), b""))
                turned = orientation(self._data)
            if turned != 1:
                extras.tags[274] = (3, 1, turned.to_bytes(2, "little"))
            return extras

    def _tiff_pages(self) -> list[tiff.Page]:
        with open(self._path, "rb") as file:
            try:
                pages = tiff.pages_of(file)
            except FilmUnreadable as exc:
                raise FilmUnreadable(f"{self.name}: is a TIFF; {exc}") from None
        check_size(*pages[0].size, self._settings, self.name)
        return pages

    def _bytes(self) -> bytes:
        """The whole file, if it is no larger than its picture can be."""
        with open(self._path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD)
            width, height = picture_size(head) or (0, 0)
            check_size(width, height, self._settings, self.name)
            most = _ROOM + _MOST_PER_PIXEL * width * height
            if size > most:
                raise FilmTooLarge(
                    f"{self.name}: has {size} bytes, far more than a picture of {width}x{height}"
                    f" takes; save it again with another program"
                )
            return head + file.read(most)

    def _other(self, rgb: bool) -> Photo:
        data, kind, told = self._data, self.kind, self._told
        bits, parts = jpeg_frame(data) if kind == JPEG else (8, 3)
        if bits != 8:
            raise UnsupportedPixels(refusal(self.name, f"JPEG with {bits} bits per sample"))
        by_pillow, by_ffmpeg = self._by_pillow(data, told.icc), self._by_ffmpeg(data, rgb)
        if not kind.codec or parts == 4:  # FFmpeg takes inks for light
            readers = [by_pillow]
        else:
            readers = [by_ffmpeg, by_pillow]
            # FFmpeg does not know all BMPs, and rounds the colors of WebP down.
            readers = readers[::-1] if kind in (BMP, WEBP) else readers
        rare = f"{self.name}: is too damaged to read, or an unusual {kind.name}; {CONVERT}"
        photo = self._surest(readers, len(data), FilmUnreadable(rare))
        photo.damaged |= not is_whole_picture(data)
        photo.tone = "CMYK" if parts == 4 else ""
        blocks = [*exif_blocks(data), told.exif]
        photo.turned = orientation(data)
        if photo.turned == 1 and told.exif:
            photo.turned = orientation(told.exif)
        extras = Extras(xmp=told.xmp, iptc=told.iptc, dpi=told.dpi, texts=dict(told.texts))
        photo.extras = with_exif(extras, next((block for block in blocks if block), b""))
        return self._toned(photo, told, lambda: self._by_ffmpeg(data, rgb=True)())

    def _tiff(self, number: int) -> Photo:
        page = self._pages[number]
        width, height = page.size
        check_size(width, height, self._settings, self.name)
        if refused := tiff.refused_kind(page):
            raise UnsupportedPixels(refusal(self.name, refused))
        if not width or not height:
            raise FilmUnreadable(f"{self.name}: is a TIFF that does not state its size")
        most = _ROOM + _MOST_PER_PIXEL * width * height
        with open(self._path, "rb") as file:
            data, cut = tiff.single_page(file, page, most, self.name)
            icc = page.tags.get(ICC, (0, 0, b""))[2]
            photo = self._tiff_photo(page, data, icc, cut)
            photo.damaged |= cut
            xmp, iptc = (page.tags.get(tag, (0, 0, b""))[2] for tag in (XMP, IPTC))
            photo.extras = with_tags(Extras(xmp=xmp, iptc=iptc), page, file)
        photo.turned = page.number(274, 1)
        return self._toned(photo, Told(icc=icc), None)

    def _tiff_photo(self, page: tiff.Page, data: bytes, icc: bytes, cut: bool) -> Photo:
        """The samples of a page, of which ``data`` is a file of its own."""
        photometric, samples = page.number(tiff.PHOTOMETRIC), page.number(tiff.SAMPLES, 1)
        deep, planar = page.bits == 16, page.number(tiff.PLANAR, 1) == 2 and samples > 1
        plain = (
            page.number(tiff.COMPRESSION, 1) in _PLAIN
            and not page.is_tiled
            and photometric in (0, 1, 2, 3)
            and page.number(266, 1) == 1
        )
        by_ffmpeg = self._by_ffmpeg(data, rgb=False)
        by_pillow = self._by_pillow(data, icc, negative=deep and photometric == 0)
        readers = [by_pillow, by_ffmpeg] if plain else [by_pillow]
        if deep and samples > 1:
            # Pillow has no RGB of 16 bits, and mixes up planes that are not compressed.
            unsafe = planar and page.number(tiff.COMPRESSION, 1) == 1
            readers = [] if unsafe else [by_pillow]
            readers = [by_ffmpeg, *readers] if plain and photometric != 3 else readers
        how = "cut short" if cut else "damaged"
        spoken = tiff.spoken_kind(page)
        rare = f"{self.name}: is {how}, or a {spoken}, which vidcolor cannot read; {CONVERT}"
        photo = self._surest(readers, len(data), UnsupportedPixels(rare))
        if deep and samples > 1 and len(readers) > 1:
            self._compare(photo, by_pillow)
        if page.number(tiff.COMPRESSION, 1) == _GROUP_4 and not page.is_tiled:
            photo.damaged |= self._is_broken(data)
        photo.tone = {5: "CMYK", 8: "Lab"}.get(photometric, "")
        return photo

    def _is_broken(self, data: bytes) -> bool:
        """Whether FFmpeg meets codes of fax that mean nothing, or the end of them in mid-picture.

        It does not give the picture: it knows fewer kinds of fax than Pillow.
        """
        try:
            self._decoded(data, {"err_detect": "explode"})
        except FilmUnreadable as exc:
            return isinstance(exc.__cause__, av.error.InvalidDataError)
        return False

    def _surest(self, readers: list[Callable[[], Photo]], size: int, complaint: FilmError) -> Photo:
        """What the first reader gives; the second is asked where that failed or is of one color."""
        blank: Photo | None = None
        failed: FilmError | None = None
        for read in readers:
            try:
                photo = read()
            except FilmTooLarge:
                raise
            except FilmError as exc:
                failed = failed or exc
                continue
            photo.damaged |= isinstance(failed, FilmUnreadable)
            if not _is_blank(photo.samples):
                photo.damaged |= blank is not None  # the first reader lost it on the way
                return photo
            blank = blank or photo
        if blank is None:
            raise complaint from failed
        if failed and size > 4096 + blank.samples.size // _HUNDREDTH:
            raise complaint from failed
        # Pillow reads all JPEGs: one that it refuses is damaged, whatever it says.
        blank.damaged |= isinstance(failed, FilmUnreadable)
        blank.damaged |= failed is not None and self.kind == JPEG
        return blank

    def _compare(self, photo: Photo, read: Callable[[], Photo]) -> None:
        """Has a second look at what was read.

        Raises:
            UnsupportedPixels: It sees another picture.
        """
        try:
            other = read().samples.astype(np.float32)
        except FilmError:
            return
        if other.shape != photo.samples.shape:
            return
        scale = np.float32(257 if photo.samples.dtype == np.uint16 else 1)
        if float(np.abs(photo.samples / scale - other).mean()) > _AGREED:
            raise UnsupportedPixels(
                f"{self.name}: two decoders disagree on what it shows; {CONVERT}"
            )

    def _by_pillow(self, data: bytes, icc: bytes, *, negative: bool = False) -> Callable[[], Photo]:
        """Pillow's reading; it leaves 16-bit TIFFs negative in which 0 is white."""

        def read() -> Photo:
            samples, see_through = decode_with_pillow(
                data, self.kind, self._settings, self.name, icc
            )
            return Photo(~samples if negative else samples, see_through=see_through)

        return read

    def _by_ffmpeg(self, data: bytes, rgb: bool) -> Callable[[], Photo]:
        def read() -> Photo:
            try:
                picture, broken = self._decoded(data, {"err_detect": "explode"}), False
            except FilmUnreadable:  # it hides what it stumbles over, unless it may not
                picture, broken = self._decoded(data, {}), True
            samples, chroma = samples_of(picture, rgb)
            stored = storage(picture.format.name)
            see_through = stored.alpha and is_see_through(picture)
            return Photo(samples, chroma, broken or picture.is_corrupt, see_through)

        return read

    def _decoded(self, data: bytes, options: dict[str, str]) -> VideoFrame:
        assert self.kind.codec in CODECS
        context = CodecContext.create(self.kind.codec, "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1
        limit_decoder(context, self._settings)
        context.options = {**context.options, **options}
        try:
            for packet in (Packet(data), None):
                for picture in context.decode(packet):
                    check_size(picture.width, picture.height, self._settings, self.name)
                    return picture
        except av.FFmpegError as exc:
            reason = printable(exc.strerror or exc)
            raise FilmUnreadable(f"{self.name}: cannot be decoded: {reason}") from exc
        raise FilmUnreadable(f"{self.name}: none of its pictures can be decoded")

    def _toned(self, photo: Photo, told: Told, as_rgb: Callable[[], Photo] | None) -> Photo:
        """The photo in codes of sRGB; its profile stays with it where it is one of sRGB."""
        gray = photo.samples.ndim == 2 and photo.chroma is None
        tone = _tone(told, gray)
        if tone is None:
            if told.icc[16:20] == b"RGB ":
                photo.extras.icc = told.icc
            elif told.icc[16:20] != b"GRAY" and told.icc and not photo.tone:
                why = "it is damaged, or does not fit the picture"
                photo.extras.lost.append(Dropped("ICC profile", why))
            return photo
        if photo.chroma is not None and as_rgb:
            photo.samples, photo.chroma = as_rgb().samples, None
        photo.samples, photo.tone = tone.applied(photo.samples), tone.name
        return photo


def _is_blank(samples: np.ndarray) -> bool:
    """Whether a picture is of one color, or nearly: few samples are far from the median."""
    step = max(1, min(samples.shape[:2]) // _LOOKED_AT)
    near = _NEAR * (257 if samples.dtype == np.uint16 else 1)
    # Counted by code: the median of numpy takes as long as the decoder.
    counts = _count_codes(samples[::step, ::step].ravel())
    below = counts.cumsum()
    last = below[-1] - 1  # an even number of samples has two in the middle
    median = np.searchsorted(below, [last // 2, (last + 1) // 2], side="right").mean()
    far = counts[np.abs(np.arange(len(counts)) - median) > near].sum()
    return bool(far / below[-1] < 1 / _HUNDREDTH)


def _count_codes(samples: np.ndarray) -> np.ndarray:
    """How often each code from 0 on occurs."""
    if samples.dtype != np.uint8:
        return np.bincount(samples)
    return torch.bincount(torch.from_numpy(samples)).numpy()  # does not widen the samples first


def _tone(told: Told, gray: bool) -> Tone | None:
    if told.icc:
        return tone_of_icc(told.icc, gray)
    return tone_of_gamma(told.gamma, told.primaries, gray)


def samples_of(
    picture: VideoFrame, rgb: bool
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
    """The samples of a decoded picture as `Photo` has them, and its chroma beside luma.

    Raises:
        UnsupportedPixels: Floating point samples.
    """
    stored = storage(picture.format.name)
    full = stored.gray or picture.format.name.startswith("yuvj") or picture.color_range == 2
    if stored.luma_plane and full and stored.bits in (8, 16) and (stored.gray or not rgb):
        luma, *chroma = (plane.numpy().copy() for plane in planes(picture))
        if luma.dtype == np.uint16 and picture.format.name.endswith("be"):
            luma = luma.byteswap()
        return luma, (chroma[0], chroma[1]) if len(chroma) > 1 and stored.bits == 8 else None
    bits = 8 if stored.bits == 8 else 16
    if stored.gray:
        name = "gray" if bits == 8 else "gray16le"
        gray = planes(VideoReformatter().reformat(picture, format=name))[0]
        return gray.numpy().copy(), None
    name = "rgb24" if bits == 8 else "rgb48le"
    packed = VideoReformatter().reformat(picture, format=name)
    return unpack_samples(packed, np.uint8 if bits == 8 else np.uint16), None


def unpack_samples(picture: VideoFrame, dtype: type[np.generic]) -> np.ndarray:
    """``(H, W, 3)`` samples of a packed RGB picture, the padding of its lines cut off."""
    plane = picture.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    size = picture.width * 3 * np.dtype(dtype).itemsize
    used = rows[: picture.height, :size]
    return np.ascontiguousarray(used).view(dtype).reshape(picture.height, picture.width, 3)
