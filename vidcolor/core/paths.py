"""Names and places: what can be written, what lies beside a target, where the nets are; patterns.

Nothing heavy is loaded for them, so that what is asked for can be checked at once.
"""

from __future__ import annotations

import glob
import os
import zlib
from pathlib import Path

CONTAINERS = {
    **{".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"},
    ".mxf": "mxf",
}
"""Suffix of a film that can be written -> FFmpeg muxer."""

KEPT_SUFFIXES = tuple(suffix for suffix in CONTAINERS if suffix != ".mxf")
"""What a target that has no name yet takes from its film; of MXF it must be asked for, as it holds
not every film."""

TIFF_SUFFIXES = (".tif", ".tiff")
"""Names of pictures with as many pages as one likes."""

JPEG_SUFFIXES = (".jpg", ".jpeg")

STILL_SUFFIXES = (".png", *JPEG_SUFFIXES, *TIFF_SUFFIXES)
"""Names under which a colored still can be written."""

# fmt: off
PICTURE_SUFFIXES = frozenset({
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".tif", ".tiff", ".bmp",
    ".dib", ".avif", ".jp2", ".j2k", ".jpx", ".pgm", ".ppm", ".pbm", ".pnm",
})
"""What pictures are called."""

FILM_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mj2", ".mkv", ".webm", ".avi", ".divx", ".ts",
    ".mts", ".m2ts", ".m2t", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".mpv", ".vob", ".flv",
    ".f4v", ".ogv", ".ogm", ".asf", ".wmv", ".mxf", ".gif", ".nut", ".dv", ".h264", ".264", ".avc",
    ".h265", ".265", ".hevc", ".av1", ".obu", ".ivf", ".y4m", ".rm", ".rmvb", ".h261", ".h263",
    ".mjpeg", ".mjpg", ".vc1", ".wtv", ".drc",
})
"""What films are called; what is in them is told by their bytes."""
# fmt: on

MEDIA_SUFFIXES = FILM_SUFFIXES | PICTURE_SUFFIXES
"""What is looked for in a folder; archives have none of these names."""

SEQUENCE_SUFFIXES = (
    *(".dpx", ".exr", ".png", *TIFF_SUFFIXES, *JPEG_SUFFIXES),
    *(".jp2", ".j2k", ".j2c", ".jpc"),
)
"""What the frames of an image sequence are called."""

FILM_FRAME_SUFFIXES = (".dpx", ".exr")
"""Those that are frames of a film wherever they lie, and never pictures for themselves."""
STDIN = Path("standard input")
"""What a film that comes through a pipe is called; there is no such file."""

HELPERS = ("gate", "vgg16", "guide-default", "guide-mini")
"""Shipped weights that are no nets to color with."""

_NAME_LIMIT = 255


def follow_link(target: Path) -> Path:
    """The file that a target stands for: where a link leads to, or the target itself."""
    return Path(os.path.realpath(target)) if os.path.islink(target) else target


def models_folder() -> Path:
    """Where the shipped weights lie."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def cache_folder() -> Path:
    """Where is kept what can be made again: ``$XDG_CACHE_HOME/vidcolor``, or in ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vidcolor")


def part_path(target: Path) -> Path:
    """The temporary file that becomes ``target``, or the file that this is a link to."""
    return aside_of(follow_link(target))


def aside_of(path: Path) -> Path:
    """The temporary file that takes the place of what is at ``path``."""
    return _hidden(path, ".part")


def work_folder(target: Path) -> Path:
    """Where what is done of a film is kept until all of it is."""
    return _hidden(follow_link(Path(os.path.abspath(target))), ".vidcolor")


def finished_path(target: Path) -> Path:
    """What is kept of a target that was made with a color sheet: how it was made, chunk by chunk.

    With it, after an edit of the sheet, only what changed is colored again.
    """
    return _hidden(follow_link(Path(os.path.abspath(target))), ".chunks")


def is_taken(target: Path) -> bool:
    """Whether a target is there, or is being made, or was begun: its name is another's."""
    return any(map(os.path.lexists, (target, work_folder(target), part_path(target))))


def report_path(target: Path) -> Path:
    """The report of a target that was made with others."""
    name = f"{target.name}.json"
    if len(os.fsencode(name)) > _NAME_LIMIT:
        name = f"vidcolor-{zlib.crc32(os.fsencode(target.name)):08x}.json"
    return target.with_name(name)


def printable(text: object) -> str:
    """``text`` on one line, with everything that could steer a terminal replaced by ``?``."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def is_pattern(word: str) -> bool:
    """Whether a word stands for other names: it is none itself, and has ``*``, ``?`` or ``[``."""
    return glob.has_magic(word) and not os.path.lexists(word)


def _hidden(target: Path, ending: str) -> Path:
    name = f".{target.name}{ending}"
    if len(os.fsencode(name)) > _NAME_LIMIT:
        name = f".vidcolor-{zlib.crc32(os.fsencode(target.name)):08x}{ending}"
    return target.with_name(name)
