"""From FFmpeg's pixel formats and color tags to a PixelLayout and the tags to be written.

The numbers of matrices, primaries and transfers are those of ITU-T H.273, which FFmpeg uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from av.video.format import VideoFormat

from vidcolor.core.frames import Matrix, PixelLayout, Transfer
from vidcolor.errors import UnsupportedPixels

UNSPECIFIED = 2
RANGE_LIMITED, RANGE_FULL = 1, 2
LINEAR, SRGB = 8, 13

_MATRICES: dict[int, Matrix] = {
    1: "bt709",
    4: "fcc",
    5: "bt601",
    6: "bt601",
    7: "smpte240m",
    9: "bt2020",
    10: "bt2020",
}
_TRANSFERS: dict[int, Transfer] = {8: "linear", 13: "srgb", 16: "pq", 18: "hlg"}
_SUBSAMPLING = {(1, 1): "420", (1, 0): "422", (0, 0): "444", (2, 0): "411", (2, 2): "410"}
_SUBSAMPLING[0, 1] = "440"
SHIFTS = {name: shifts for shifts, name in _SUBSAMPLING.items()}
"""``"420"`` -> log2 of the subsampling, (x, y)."""

_FLOATS = frozenset(
    f"{kind}f{bits}le" for kind in ("gray", "ya", "gbrp", "gbrap") for bits in (16, 32)
)
"""What the decoder of EXR gives."""

_CENTRED = frozenset({"mjpeg", "mpeg1video", "h261", "h263", "svq1", "svq3", "cinepak", "webp"})


@dataclass(frozen=True)
class Storage:
    """How a pixel format stores a picture."""

    planar: str
    """The planar YUV or gray format, little endian, that holds the same luma."""
    bits: int
    sub_x: int
    sub_y: int
    gray: bool
    rgb: bool
    alpha: bool
    luma_plane: bool
    """Whether plane 0 of the stored format is that luma, byte for byte."""
    floats: bool = False
    """Whether samples are floating-point numbers, which are linear light."""


def planar_format(sampling: str, bits: int) -> str | None:
    """``("420", 10)`` -> ``yuv420p10le``; None where FFmpeg has no such format."""
    name = f"yuv{sampling}p" + (f"{bits}le" if bits > 8 else "")
    return name if _exists(name) else None


def gray_format(bits: int) -> str:
    """``10`` -> ``gray10le``."""
    return f"gray{bits}le" if bits > 8 else "gray"


@lru_cache(maxsize=256)
def _exists(name: str) -> bool:
    try:
        VideoFormat(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=256)
def storage(name: str) -> Storage:
    """How the pixel format ``name`` stores a picture, and its planar YUV or gray relative.

    Raises:
        UnsupportedPixels: Raw sensor data, floating point, or memory of a device.
    """
    if not _exists(name):
        raise UnsupportedPixels(f"unknown pixel format {name}")
    stored = VideoFormat(name, 64, 64)
    parts = stored.components
    if not parts or stored.is_bayer or "f16" in name or "f32" in name or parts[0].bits > 16:
        raise UnsupportedPixels(
            f"the pixel format {name} is not supported; convert the film to"
            " yuv420p, yuv422p10le or the like"
        )
    alpha = any(part.is_alpha for part in parts) or name == "pal8"
    bits = max(8, parts[0].bits)
    rgb = stored.is_rgb or name == "pal8" or name.startswith("xyz")
    colors = [part for part in parts if not part.is_alpha]
    little = not stored.is_big_endian
    if not rgb and len(colors) == 1:
        planar = gray_format(bits)
        flat = little and not alpha and not name.startswith("mono")
        return Storage(planar, bits, 0, 0, True, False, alpha, flat)
    if rgb:
        bits = max(part.bits for part in colors)
        bits = max(8, bits if planar_format("444", bits) else bits + 1)
        shifts = (0, 0)
    else:
        u = colors[1]
        shifts = ((64 // u.width).bit_length() - 1, (64 // u.height).bit_length() - 1)
    planar = planar_format(_SUBSAMPLING.get(shifts, "444"), bits) or ""
    if not planar:
        shifts, planar = (0, 0), planar_format("444", bits) or "yuv444p16le"
    # High bits of a 16-bit word hold the sample in p010 and its relatives: same bits, other bytes.
    flat = little and not rgb and (name.startswith("yuv") or (bits == 8 and name.startswith("nv")))
    return Storage(planar, bits, *shifts, False, rgb, alpha, flat)


@lru_cache(maxsize=256)
def film_storage(name: str, codec: str = "exr") -> Storage:
    """As `storage`; floating-point samples of EXR frames are those of 16-bit codes.

    Raises:
        UnsupportedPixels: Raw sensor data, memory of a device, or floating-point samples of another
            codec, of which nobody knows what they mean.
    """
    if name not in _FLOATS or codec != "exr":
        return storage(name)
    gray, alpha = name.startswith(("gray", "ya")), name.startswith(("ya", "gbrap"))
    planar = gray_format(16) if gray else "yuv444p16le"
    return Storage(planar, 16, 0, 0, gray, not gray, alpha, False, floats=True)


def make_layout(
    stored: Storage, tags: dict[str, int], codec: str, *, still: bool = False
) -> PixelLayout:
    """The layout of a film stored as ``stored`` whose tags are complete.

    Raises:
        UnsupportedPixels: The matrix is not a plain YCbCr one.
    """
    matrix = _MATRICES.get(tags["matrix"])
    if matrix is None:
        raise UnsupportedPixels(
            f"color matrix {tags['matrix']} is not supported; convert the film to BT.709"
        )
    transfer = _TRANSFERS.get(tags["transfer"], "srgb" if still else "bt1886")
    return PixelLayout(
        format=stored.planar,
        bits=stored.bits,
        sub_x=stored.sub_x,
        sub_y=stored.sub_y,
        full_range=tags["range"] == RANGE_FULL,
        matrix=matrix,
        transfer=transfer,
        siting=siting(stored.sub_x, stored.sub_y, codec, tags),
    )


def siting(sub_x: int, sub_y: int, codec: str, tags: dict[str, int]) -> tuple[float, float]:
    """Where players assume the first chroma sample of ``codec``, (x, y) in luma samples.

    PyAV 18 does not show the chroma location a stream may declare. 4:2:0 is left-sited since
    MPEG-2, centred before that and in JPEG, and top-left in BT.2100 HEVC (UHD Blu-ray demands it).
    """
    if codec in _CENTRED:
        return ((2**sub_x - 1) / 2, (2**sub_y - 1) / 2)
    top = codec in {"hevc", "libx265"} and tags["matrix"] == 9 and tags["transfer"] in (16, 18)
    return (0.0, 0.0 if top else (2**sub_y - 1) / 2)


def fill_tags(
    found: dict[str, int], stored: Storage, name: str, size: tuple[int, int], rate: Fraction | None
) -> dict[str, int]:
    """Color tags to be written: those ``found``, and for the rest what players assume.

    ``found`` and the result hold range, matrix, primaries and transfer. ``size`` is (width,
    height). HD is BT.709, SD is BT.601 with the primaries of its line count.
    """
    tags = dict(found)
    matrix = tags["matrix"]
    if stored.rgb or stored.gray or matrix in (0, 3):
        matrix = UNSPECIFIED  # RGB has none, gray needs one for the chroma it is about to get
    if matrix == UNSPECIFIED:
        matrix = _guess_matrix(tags["primaries"], size, rate)
    tags["matrix"] = matrix
    if tags["primaries"] in (0, UNSPECIFIED, 3):
        tags["primaries"] = {9: 9, 10: 9, 7: 7, 5: 5, 6: 6, 4: 4}.get(matrix, 1)
    if tags["transfer"] in (0, UNSPECIFIED, 3):
        wide = 15 if stored.bits >= 12 else 14
        tags["transfer"] = {9: wide, 10: wide, 7: 7, 5: 6, 6: 6, 4: 4}.get(matrix, 1)
    if stored.rgb:
        tags["range"] = RANGE_FULL
    elif tags["range"] not in (RANGE_LIMITED, RANGE_FULL):
        full = stored.gray or name.startswith("yuvj")
        tags["range"] = RANGE_FULL if full else RANGE_LIMITED
    elif name.startswith("yuvj"):
        tags["range"] = RANGE_FULL
    return tags


def _guess_matrix(primaries: int, size: tuple[int, int], rate: Fraction | None) -> int:
    if primaries in (1, 9, 5, 6, 7):
        return primaries
    width, height = size
    if width >= 1280 or height > 576:
        return 1
    pal = height in (576, 288) or rate in (Fraction(25), Fraction(50))
    return 5 if pal else 6
