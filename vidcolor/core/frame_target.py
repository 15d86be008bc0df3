"""A target that is a sequence of frames: which words name one, and whether it may be written."""

from __future__ import annotations

import os
import re
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.sequence import FrameSequence, SequenceName, parse_pattern
from vidcolor.errors import OutputError, OutputExists, SettingsError
from vidcolor.settings import OutputSettings

FRAME_KINDS = {
    ".dpx": "dpx",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".jp2": "jpeg2000",
    ".j2k": "jpeg2000",
    ".j2c": "jpeg2000",
    ".exr": "exr",
}
"""Suffix of frames that can be written -> kind."""
BATCH_KINDS = (".dpx", ".exr", ".jp2", ".j2k", ".j2c")
"""Suffixes that can only mean frames of a film; the others are pictures as well."""
FIRST = 1
"""Number of the first frame of a film, as FFmpeg counts."""
_DIGITS = 6


def frame_target(target: str | os.PathLike[str]) -> SequenceName | None:
    """The names of the frames that a target such as ``out/frame_%06d.png`` stands for.

    Returns:
        None where it stands for a single file.

    Raises:
        SettingsError: It has two numbers, or frames of this kind are not written.
    """
    path = Path(os.path.abspath(target))
    name = parse_pattern(path)
    return name if path.suffix.lower() in FRAME_KINDS else None


def place_frames(
    target: str | os.PathLike[str], source: Path, sequence: FrameSequence | None, suffix: str = ""
) -> Path:
    """The pattern of the frames that a folder is to hold.

    Args:
        target: A folder; it need not be there.
        source: The film, or the pattern of a sequence.
        sequence: The frames that are colored; they keep their names.
        suffix: Of the new frames; empty is that of the old ones.

    Raises:
        SettingsError: The kind of the frames is not known, or vidcolor does not write it.
    """
    ending = suffix.lower() if suffix.startswith(".") or not suffix else f".{suffix.lower()}"
    kinds = ", ".join(FRAME_KINDS)
    if sequence:
        name = sequence.name
        ending = ending or name.suffix
        if Path(f"x{ending}").suffix.lower() not in FRAME_KINDS:
            raise SettingsError(
                f"frames are not written as {printable(ending)}; name the new ones"
                f" ({printable(target)}/frame_%06d.png), or give --to one of {kinds}"
            )
        if suffix:
            name = SequenceName(name.folder, name.prefix, name.digits, ending)
        return Path(target) / name.pattern
    if ending not in FRAME_KINDS:
        raise SettingsError(f"frames of a film need a kind; give --to one of {kinds}")
    stem = source.stem.replace("%", "%%")
    return Path(target) / f"{stem}_%0{_DIGITS}d{ending}"


def check_frames(
    name: SequenceName, source: FrameSequence | None, settings: OutputSettings
) -> None:
    """Refuse frames that must not or cannot be written.

    Args:
        name: Of the frames; the folder need not be there, but the one that it lies in.
        source: The frames that are colored, if it is frames.
        settings: Whether others of the same names may be replaced.

    Raises:
        OutputError: They are the source, or their folder cannot be written to.
        OutputExists: There are frames of such names and ``settings.force`` is off.
    """
    folder = name.folder
    told = printable(name.pattern_path)
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputError(f"{told}: {printable(folder)} is no folder; name another")
    above = folder if folder.is_dir() else folder.parent
    if not above.is_dir():
        raise OutputError(f"{told}: there is no folder {printable(above)}; create it first")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"{told}: the folder {printable(above)} is read-only")
    if source and is_one_folder(source.name.folder, folder) and _overlap(source.name, name):
        raise OutputError(f"{told}: are the source's own frames; choose another folder")
    if not settings.force and (there := existing_frames(name)):
        raise OutputExists(
            f"{told}: {printable(name.name(there[0]))} exists; use --force to replace such frames,"
            " or choose another folder"
        )


def existing_frames(name: SequenceName) -> list[int]:
    """The numbers of frames that are there under such names, in order."""
    form = re.compile(re.escape(name.prefix) + r"(\d+)" + re.escape(name.suffix))
    found = []
    try:
        with os.scandir(name.folder) as entries:
            for entry in entries:
                if match := form.fullmatch(entry.name):
                    number = int(match[1])
                    if name.name(number) == entry.name:
                        found.append(number)
    except FileNotFoundError:
        return []
    except OSError as exc:
        folder = printable(name.folder)
        raise OutputError(f"{folder}: cannot be read: {exc.strerror}") from exc
    return sorted(found)


def is_one_folder(one: Path, other: Path) -> bool:
    """Whether two paths lead to one folder."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.abspath(one) == os.path.abspath(other)


def _overlap(one: SequenceName, other: SequenceName) -> bool:
    """Whether frames of both names can have the same."""
    return (one.prefix, one.suffix) == (other.prefix, other.suffix)
