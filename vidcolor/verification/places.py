"""Where what is checked lies: colored frames, and the report beside them."""

from __future__ import annotations

from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.find_sequence import find_sequence
from vidcolor.core.frame_target import existing_frames, frame_target
from vidcolor.core.paths import report_path
from vidcolor.core.report import Report
from vidcolor.core.sequence import parse_pattern
from vidcolor.errors import FilmUnreadable, SettingsError
from vidcolor.verification.frames import Frames


def report_beside(path: Path, folder: Path | None) -> Path:
    """The report of a file, or of frames in a folder, where nobody names it.

    That of frames has the name of their pattern or of their folder.
    """
    if folder is None or not path.is_dir():
        return report_path(path)
    inside = sorted(one for one in folder.glob("*%*d*.json") if frame_target(one.with_suffix("")))
    return inside[0] if len(inside) == 1 else report_path(path)


def find_frames(path: Path, folder: Path, report: Report | None) -> Frames:
    """The frames that a run has written.

    Args:
        path: Their pattern, a glob or their folder.
        folder: Where they are.
        report: Of the run; without one, all frames that are there are meant.

    Raises:
        FilmUnreadable: There are none.
        SettingsError: The report is of a file.
    """
    name = None if path.is_dir() else parse_pattern(path)
    if report:
        named = frame_target(report.target)
        if named is None:
            raise SettingsError(
                f"the report is of {printable(Path(report.target).name)}; name this file"
            )
        name = name or parse_pattern(folder / named.pattern)
        numbers = [n for first, last in report.numbers for n in range(first, last + 1)]
    else:
        name = name or find_sequence(path).name
        numbers = existing_frames(name)
    if name is None or not numbers:
        raise FilmUnreadable(f"{printable(path.name)}: there are no such frames")
    return Frames(name, numbers)
