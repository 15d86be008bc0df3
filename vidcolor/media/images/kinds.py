"""Kinds of pictures, told by their first bytes: which are read, by whom, and which are refused.

Those that are refused are known by name all the same, so that what is said of them helps.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from vidcolor.core.files import check_file, printable
from vidcolor.errors import FilmUnreadable, UnsupportedPixels

CONVERT = "convert it to PNG or TIFF (8 or 16 bits) first"
"""What to do with a picture that is not read."""

_FRAMES = "name the folder or the pattern (scan_%06d.dpx) of its frames"

HEAD = 512
"""Bytes that tell a kind."""
_LOOKED_AT = 1 << 22
"""Bytes in which an animated PNG says that it is one, behind its profile and its texts."""


@dataclass(frozen=True)
class Kind:
    """A kind of picture files."""

    name: str
    codec: str = ""
    """FFmpeg's decoder of it; empty where FFmpeg does not see it."""
    pillow: str = ""
    """Pillow's name of it; empty where Pillow does not see it."""

    @property
    def is_read(self) -> bool:
        """Whether pictures of this kind are read at all."""
        return bool(self.codec or self.pillow)


TIFF = Kind("TIFF", "tiff", "TIFF")
PNG = Kind("PNG", "png", "PNG")
JPEG = Kind("JPEG", "mjpeg", "JPEG")
BMP = Kind("BMP", "bmp", "BMP")
WEBP = Kind("WebP", "webp", "WEBP")
AVIF = Kind("AVIF", pillow="AVIF")
JPEG2000 = Kind("JPEG 2000", pillow="JPEG2000")
NETPBM = Kind("PGM, PPM or PBM", pillow="PPM")
_RAW = Kind("camera raw")

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff\xf7", Kind("JPEG-LS")),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\0\x10\0\0\0CR", _RAW),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0\x08\0\0\0", TIFF),
    (b"MM\0+\0\x08\0\0", TIFF),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (b"MMOR", _RAW),
    (b"IIU\0", _RAW),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG2000),
    (b"\xff\x4f\xff\x51", JPEG2000),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Kind("JPEG XL")),
    (b"\xff\x0a", Kind("JPEG XL")),
    (b"II\xbc\x01", Kind("JPEG XR")),
    (b"8BPS", Kind("Photoshop (PSD)")),
    (b"SDPX", Kind("DPX")),
    (b"XPDS", Kind("DPX")),
    (b"\x80\x2a\x5f\xd7", Kind("Cineon")),
    (b"\x76\x2f\x31\x01", Kind("OpenEXR")),
    (b"#?RADIANCE", Kind("Radiance HDR")),
    (b"#?RGBE", Kind("Radiance HDR")),
    (b"gimp xcf", Kind("GIMP (XCF)")),
    (b"SIMPLE  =", Kind("FITS")),
    (b"qoif", Kind("QOI")),
    (b"icns", Kind("ICNS")),
    (b"DDS ", Kind("DDS")),
    (b"farbfeld", Kind("farbfeld")),
    (b"\x59\xa6\x6a\x95", Kind("Sun raster")),
    (b"\x8aMNG\r\n\x1a\n", Kind("MNG")),
    (b"AT&TFORM", Kind("DjVu")),
    (b"%PDF-", Kind("PDF")),
    (b"%!PS-Adobe", Kind("PostScript")),
    (b"\xd7\xcd\xc6\x9a", Kind("WMF")),
    (b"BPG\xfb", Kind("BPG")),
    (b"FLIF", Kind("FLIF")),
)
_NETPBM = re.compile(rb"P[1-6](?:[ \t\r\n]|#[^\n]*\n)+\d")
_PFM = re.compile(rb"P[Ff]4?[ \t\r\n]+\d+[ \t\r\n]+\d+[ \t\r\n]+-?\d")
_PCX = re.compile(rb"\n[\x02\x03\x05]\x01[\x01\x02\x04\x08]")
_PAM = re.compile(rb"P7\n(?:#|WIDTH|HEIGHT|DEPTH|MAXVAL|TUPLTYPE)")
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def kind_of(path: str | os.PathLike[str]) -> Kind | None:
    """The kind of the picture at ``path``; None for a file that is no picture, or is not there."""
    try:
        with open(check_file(path), "rb") as file:
            return kind_of_bytes(file.read(HEAD))
    except (FilmUnreadable, OSError):
        return None


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is a PNG of several frames, which can be read as a film."""
    try:
        with open(check_file(path), "rb") as file:
            return png_frames(file.read(_LOOKED_AT)) > 1
    except (FilmUnreadable, OSError):
        return False


def png_frames(head: bytes) -> int:
    """How many frames a PNG says that it has, which begins with ``head``; 1 for other files."""
    if not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return 1
    at = 8
    while at + 12 <= len(head) and (name := head[at + 4 : at + 8]) != b"IDAT":
        if name == b"acTL":
            return max(1, int.from_bytes(head[at + 8 : at + 12], "big"))
        at += 12 + int.from_bytes(head[at : at + 4], "big")
    return 1


def kind_of_bytes(head: bytes) -> Kind | None:
    """The kind of a picture that begins with ``head``, `HEAD` bytes of it; None for no picture."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:2] == b"BM" and (len(head) < 18 or 12 <= int.from_bytes(head[14:18], "little") <= 512):
        return BMP
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    if _NETPBM.match(head):
        return NETPBM
    if _PFM.match(head):
        return Kind("PFM (floating point)")
    if _PAM.match(head):
        return Kind("PAM")
    if head[:4] in (b"\0\0\1\0", b"\0\0\2\0") and 0 < head[4] < 65 and not head[5] | head[9]:
        return Kind("ICO")
    if head[128:132] == b"DICM":
        return Kind("DICOM")
    if _PCX.match(head):
        return Kind("PCX")
    if b"<svg" in head:
        return Kind("SVG")
    return None


def _of_brands(head: bytes) -> Kind | None:
    """The kind of a picture in boxes, by the brands that it names."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return AVIF
    if head[8:12] == b"crx ":
        return _RAW
    return Kind("HEIC") if head[8:12] in _HEIF else None


def check_kind(path: Path) -> Kind:
    """The kind of the picture at ``path``, which is one that is read.

    Raises:
        FilmUnreadable: It is no picture.
        UnsupportedPixels: It is of a kind that is not read.
    """
    kind, name = kind_of(path), printable(path.name)
    if kind is None:
        raise FilmUnreadable(f"{name}: not a supported picture file (PNG, JPEG, ...)")
    if not kind.is_read:
        what = kind.name if "picture" in kind.name else f"{kind.name} file"
        raise UnsupportedPixels(refusal(name, what))
    return kind


def refusal(name: str, kind: str) -> str:
    """What is said of a picture that is not read.

    Args:
        name: Of the file, printable.
        kind: Such as ``DPX`` or ``TIFF with floating-point samples``.
    """
    article = "an" if re.match(r"[AEIO]|(?:MNG|SVG)\b", kind) else "a"
    if kind.removesuffix(" file") in ("DPX", "OpenEXR"):
        return f"{name}: {article} {kind} is one frame of a film; {_FRAMES}"
    return f"{name}: is {article} {kind}, which vidcolor cannot read; {CONVERT}"
