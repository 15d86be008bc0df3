"""Where the color sheet of a video lies, and what is said where it is not used."""

from __future__ import annotations

import hashlib
import os.path
from fractions import Fraction
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.find_sequence import sequence_folder
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import SettingsError
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.sheet_check import check_sheet
from vidcolor.guidance.sheet_file import SUFFIX
from vidcolor.guidance.types import ColorSheet

Colors = ColorSheet | str | Path | None
"""A sheet or its file; ``auto`` is the one beside the video, if there is one; ``none`` or None is
none."""

AUTO, NONE = "auto", "none"


def sheet_path(source: Path) -> Path:
    """The color sheet of a video: ``film.colors.toml`` beside ``film.mp4``.

    That of an image sequence lies beside its folder and has its name.
    """
    if folder := sequence_folder(source):
        return folder.with_name(f"{folder.name}{SUFFIX}")
    return source.with_name(f"{source.stem}{SUFFIX}")


def is_file(path: Path) -> bool:
    """Whether there is such a file; there is none of a name that no file can have."""
    return os.path.isfile(path)


def find_sheet(source: Path, colors: Colors) -> Path | None:
    """The file of the sheet that is asked for; None where there is none.

    Raises:
        SettingsError: There is no such file.
    """
    if colors is None or colors == NONE:
        return None
    if isinstance(colors, ColorSheet):
        return colors.path
    if colors == AUTO:
        path = sheet_path(source)
        return path if is_file(path) else None
    path = Path(colors)
    if not is_file(path):
        raise SettingsError(
            f"{printable(path)}: there is no such color sheet; name a file, auto or none"
        )
    return path


def plan_colors(info: VideoInfo, colors: Colors) -> Guidance | None:
    """What is said of the colors of a video; None where nothing is.

    Args:
        info: Of the video.
        colors: What was asked for.

    Raises:
        SettingsError: There is no such sheet, or it says what cannot be.
    """
    if not isinstance(colors, ColorSheet):
        if info.is_piped and colors == AUTO:
            raise SettingsError("no color sheet lies beside a pipe; give --colors a file, or none")
        path = find_sheet(info.path, colors)
        if path is None:
            return None
        colors = ColorSheet.read(path, info.frame_rate, info.timecode)
    return Guidance(colors, info.frame_rate, notes=check_sheet(colors, info))


def plan_still_colors(source: Path, colors: Colors) -> Guidance | None:
    """The same of a picture, which is a frame at 0 s and a shot of its own."""
    if not isinstance(colors, ColorSheet):
        path = find_sheet(source, colors)
        if path is None:
            return None
        colors = ColorSheet.read(path)
    return Guidance(colors, shots=[ShotRange(Fraction(0), None)], notes=check_sheet(colors))


def describe_sheet(guidance: Guidance) -> dict[str, str]:
    """Path and sha256 of the sheet, for reports; empty ones where it is no file.

    Nothing where nothing is said, as where only a color script is followed.
    """
    if guidance.sheet == ColorSheet():
        return {}
    path = guidance.sheet.path
    if path is None or not path.is_file():
        return {"path": "", "sha256": ""}
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def note_unused(source: Path, colors: Colors) -> list[str]:
    """What is to be said of a sheet that lies beside a video and is not used."""
    path = sheet_path(source)
    if colors is not None or not is_file(path):
        return []
    name = printable(path.name)
    return [f"{name} lies beside the video; add --colors auto to use it"]
