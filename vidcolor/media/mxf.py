"""What MXF says and does not say: rates, tags, and sound that lies in other files.

An MXF file counts its frames (edit units) at one of a few rates; none has a time of its own. What
FFmpeg tells of its header is a mixture of what the film is called and of who wrote the file.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import EncoderMissing

RATES = (
    *(Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30)),
    *(Fraction(48000, 1001), Fraction(48), Fraction(50), Fraction(60000, 1001), Fraction(60)),
    *(Fraction(100), Fraction(120000, 1001), Fraction(120)),
)
"""Frames per second that FFmpeg's muxer writes."""

VIDEO_CODECS = ("dnxhd", "prores_ks", "prores", "prores_aw", "ffv1", "jpeg2000")
"""Encoders whose every picture stands alone and has a place in MXF."""

SOUND_CODECS = ("pcm_s16le", "pcm_s24le")
SOUND_RATE = 48000
"""Samples per second; the muxer takes no other sound."""

USER_COMMENT = "comment_"
"""How FFmpeg calls a tag that MXF holds as a user comment."""

_ABOUT_THE_FILE = frozenset(
    {"operational_pattern_ul", "uid", "generation_uid", "product_uid", "company_name"}
    | {"product_name", "product_version", "product_version_num", "toolkit_version_num"}
    | {"application_platform", "modification_date", "file_package_umid", "file_package_name"}
    | {"data_type", "material_package_name", "track_name"}
)
_SAME_RATE = Fraction(1, 5000)
_ATOM = ".0d010201.10"
"""In the label of an operational pattern: the file holds one track of one clip."""
_HEAD_BYTES = 1 << 18
_MOST_BESIDE = 200


def edit_rate(info: VideoInfo) -> Fraction:
    """The rate at which MXF would count the frames of a film.

    Raises:
        EncoderMissing: MXF has no such rate.
    """
    rate = info.frame_rate
    for known in RATES:
        if rate and abs(rate / known - 1) < _SAME_RATE:
            return known
    told = f"{float(rate):.6g} frames a second" if rate else "no frame rate"
    raise EncoderMissing(
        f"the film has {told}; MXF holds 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60, 100 and 120:"
        " use a .mov or .mkv name"
    )


def own_tags(tags: dict[str, str]) -> dict[str, str]:
    """What the header of an MXF file says of the film, under the names it had before."""
    found = {key: value for key, value in tags.items() if key not in _ABOUT_THE_FILE}
    return {key.removeprefix(USER_COMMENT): value for key, value in found.items()}


def as_comments(tags: dict[str, str]) -> dict[str, str]:
    """Tags of a film under the names by which MXF keeps them; its date has a place of its own."""
    return {
        key if key == "creation_time" else USER_COMMENT + key: value
        for key, value in tags.items()
        if key not in ("material_package_umid", "timecode")
    }


def atom_notes(info: VideoInfo) -> list[str]:
    """Where the sound of an OP-Atom film may lie; nothing for other films."""
    tags = info.metadata
    has_sound = any(stream.kind == "audio" for stream in info.streams)
    if _ATOM not in tags.get("operational_pattern_ul", "") or has_sound:
        return []
    beside = _same_clip(info.path, tags.get("material_package_umid", ""))
    where = f"beside it: {', '.join(beside)}" if beside else "none of them was found beside it"
    return [f"the film is OP-Atom: its sound, if any, lies in files to add with --sound ({where})"]


def _same_clip(path: Path, umid: str) -> list[str]:
    """Names of MXF files in the same folder whose header has the clip's number."""
    with suppress(ValueError):
        number = bytes.fromhex(umid.removeprefix("0x"))
        if any(number[16:]):
            return [printable(name) for name in _files_with(number, path)]
    return []


def _files_with(number: bytes, path: Path) -> list[str]:
    found = []
    with suppress(OSError):
        others = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".mxf")
        for other in others[:_MOST_BESIDE]:
            if other.name == path.name or not other.is_file():
                continue
            with suppress(OSError), open(other, "rb") as file:
                if number in file.read(_HEAD_BYTES):
                    found.append(other.name)
    return found
