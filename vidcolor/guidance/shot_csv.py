"""Lists of shots of other programs: the CSV of PySceneDetect and of ai-remaster-pipeline.

Here is only read what they say; `vidcolor.guidance.shot_import` finds the frames that they mean.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PureWindowsPath

from vidcolor.core.timecode import parse_seconds
from vidcolor.guidance.sheet_file import read_text_file, sheet_error

MAX_BYTES = 16 << 20
"""Largest list that is read."""
_HEAD_ROWS = 3
"""Rows among which the names of the columns are looked for: others may stand above them."""


@dataclass(frozen=True)
class Mark:
    """A border of a shot, or a frame, as a list tells it."""

    frame: int | None = None
    """Number from 0 of the frame that begins here."""
    seconds: Fraction | None = None
    """From the start of the video."""


@dataclass(frozen=True)
class ListedReference:
    """An image in color."""

    image: str
    """As the list writes it."""
    mark: Mark = Mark()
    """The frame that it is; empty where that is not told."""


@dataclass(frozen=True)
class ListedShot:
    """A shot of a list."""

    line: int
    """Of the list, from 1."""
    start: Mark
    """Empty where the shot before it ends."""
    end: Mark
    """Where the next one begins; empty where the video ends."""
    keep_gray: bool = False
    """Whether it was switched off."""
    references: tuple[ListedReference, ...] = ()


@dataclass
class ShotList:
    """What a list says."""

    program: str
    """That wrote it."""
    shots: list[ListedShot] = field(default_factory=list)
    video: str = ""
    """Name of the video, where it tells one."""
    left_out: dict[str, list[int]] = field(default_factory=dict)
    """What a color sheet cannot say: name of the column -> numbers of the shots, from 1."""


Row = tuple[int, dict[str, str]]
"""Line, and values by the name of their column in lower case."""


def read_shot_csv(path: Path) -> ShotList:
    """What the list in a file says.

    Raises:
        ColorSheetError: It cannot be read, or is no such list; the text names the line.
    """
    text = read_text_file(path, MAX_BYTES, "name a CSV", "; name a list of shots", "list")
    return parse_shot_csv(text, path.name)


def parse_shot_csv(text: str, name: str) -> ShotList:
    """What the text of a list says.

    Args:
        text: CSV, its columns divided by commas, semicolons or tabs.
        name: Of the file, for errors.

    Raises:
        ColorSheetError: It is no such list.
    """
    lines, rows = _read_rows(text, name)
    video = next((line.split("=", 1)[1].strip() for line in lines if "source_video=" in line), "")
    for place, (_, cells) in enumerate(rows[:_HEAD_ROWS]):
        columns = [cell.strip().lower() for cell in cells]
        found = rows[place + 1 :]
        if "start frame" in columns and "end frame" in columns:
            return _of_scenes(list(_name_cells(found, columns, name)), name)
        if "end" in columns and {"enabled", "color_reference", "reference"} & set(columns):
            return _of_remaster(list(_name_cells(found, columns, name)), name, video)
    raise sheet_error(
        name,
        rows[0][0] if rows else 1,
        "there are no columns of PySceneDetect (Start Frame, End Frame) or of ai-remaster-pipeline"
        " (enabled, end); for a list of vidcolor shots, use --shots",
    )


def _read_rows(text: str, name: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The comments at the top, and the rows that are not empty, each with its line."""
    comments: list[str] = []
    rest = text
    while rest.startswith("#"):
        comment, _, rest = rest.partition("\n")
        comments.append(comment.lstrip("# ").rstrip())
    divider = max(",;\t", key=rest[:2000].count)
    reader = csv.reader(io.StringIO(rest, newline=""), delimiter=divider)
    rows: list[tuple[int, list[str]]] = []
    last = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((len(comments) + last + 1, cells))
            last = reader.line_num
    except csv.Error as error:
        line = len(comments) + max(1, reader.line_num)
        raise sheet_error(name, line, f"cannot be read as CSV: {error}; correct the line") from None
    return comments, rows


def _name_cells(
    rows: Sequence[tuple[int, list[str]]], columns: Sequence[str], name: str
) -> Iterator[Row]:
    if not rows:
        raise sheet_error(name, 1, "there are no shots in this list; name another")
    for line, cells in rows:
        if len(cells) != len(columns):
            what = f"has {len(cells)} columns and not {len(columns)}, as the header has"
            raise sheet_error(name, line, f"{what}; correct the line")
        yield line, {key: cell.strip() for key, cell in zip(columns, cells, strict=True)}


def _of_scenes(rows: Sequence[Row], name: str) -> ShotList:
    """Of PySceneDetect, which counts frames from 1; version 0.5 did so from 0."""
    first = _counts_from(rows, name)
    found = ShotList("PySceneDetect")
    for line, row in rows:
        start = _read_frame(row, "start frame", line, name) - first
        end = _read_frame(row, "end frame", line, name)
        # Its OpenCV reader counts the frames of the last scene otherwise than the others where the
        # frame rate is variable: that scene goes to the end.
        is_open = line == rows[-1][0] and 0 <= end <= start
        if start < 0 or (end <= start and not is_open):
            raise sheet_error(name, line, "the scene has no frames; correct its start or its end")
        begins = Mark(start, _read_seconds(row, "start time (seconds)", line, name))
        ends = Mark(end, _read_seconds(row, "end time (seconds)", line, name))
        found.shots.append(ListedShot(line, begins, Mark() if is_open else ends))
    return found


def _counts_from(rows: Sequence[Row], name: str) -> int:
    """Number of the first frame of a video, as a list of scenes counts."""
    for line, row in rows:
        start, end = (_read_frame(row, key, line, name) for key in ("start frame", "end frame"))
        if start == 0:
            return 0
        if row.get("length (frames)"):
            return int(end - start < _read_frame(row, "length (frames)", line, name))
    return 1


def _of_remaster(rows: Sequence[Row], name: str, video: str) -> ShotList:
    """Of ai-remaster-pipeline: rows tell where they end, and begin where the one before does."""
    # The path may be one of another system.
    found = ShotList("ai-remaster-pipeline", video=PureWindowsPath(video).name)
    for number, (line, row) in enumerate(rows, 1):
        frame = _read_frame(row, "end_frame", line, name) if row.get("end_frame") else None
        if frame is None and not row["end"]:
            raise sheet_error(name, line, "this shot has no end; write one, as 0:00:20")
        seconds = _read_seconds(row, "end", line, name)
        start = row.get("start_frame")
        begins = Mark(_read_frame(row, "start_frame", line, name)) if start else Mark()
        images = tuple(_references(row, line, name))
        gray = not _read_truth(row.get("enabled", ""), line, name)
        found.shots.append(ListedShot(line, begins, Mark(frame, seconds), gray, images))
        for column in _left_out(row):
            found.left_out.setdefault(column, []).append(number)
    return found


_TAKEN = (
    *("enabled", "end", "start_frame", "end_frame", "selected_frame", "reference"),
    *("source_reference", "color_reference", "additional_references"),
)
_NO = ("", "0", "false", "no", "off")
_YES = ("1", "true", "yes", "on")


def _left_out(row: Mapping[str, str]) -> Iterator[str]:
    for column, value in row.items():
        if column in _TAKEN or value.lower() in _NO or not value.strip("0."):
            continue
        if column != "crossfade_seconds" or row.get("fade_to_next", "").lower() not in _NO:
            yield column


def _references(row: Mapping[str, str], line: int, name: str) -> Iterator[ListedReference]:
    try:
        others = json.loads(row.get("additional_references") or "[]")
    except (ValueError, RecursionError):
        others = None
    if not isinstance(others, list) or not all(isinstance(other, dict) for other in others):
        raise sheet_error(name, line, "additional_references is no list in JSON; empty it")
    for each in (row, *others):
        told = {str(key): str(value or "").strip() for key, value in each.items()}
        image = told.get("color_reference") or told.get("reference")
        if not image:
            continue
        if told.get("selected_frame"):
            mark = Mark(_read_frame(told, "selected_frame", line, name))
        else:
            mark = Mark(seconds=_time_in_name(told.get("source_reference") or image))
        yield ListedReference(image, mark)


def _time_in_name(image: str) -> Fraction | None:
    """Seconds in a name as ``cut_0003_0.01.30.500.png``; None where there are none."""
    stem = PureWindowsPath(image).stem
    match = re.fullmatch(r"cut_.*_(\d+)\.([0-5]\d)\.([0-5]\d)(?:\.(\d{1,9}))?", stem, re.ASCII)
    if not match or len(match[1]) > 4:
        return None
    return parse_seconds(f"{match[1]}:{match[2]}:{match[3]}.{match[4] or 0}")


def _read_frame(row: Mapping[str, str], column: str, line: int, name: str) -> int:
    text = row.get(column, "")
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise sheet_error(
            name, line, f"{column}: {text[:40]!r} is no number of a frame; correct it"
        )
    return int(text)


def _read_seconds(row: Mapping[str, str], column: str, line: int, name: str) -> Fraction | None:
    """A time; None where there is none."""
    try:
        return parse_seconds(row[column]) if row.get(column) else None
    except ValueError as error:
        raise sheet_error(name, line, f"{column}: {error}"[:300]) from None


def _read_truth(text: str, line: int, name: str) -> bool:
    word = text.lower()
    if word and word not in (*_YES, *_NO):
        raise sheet_error(
            name, line, f"enabled: {text[:40]!r} is neither true nor false; write one"
        )
    return not word or word in _YES
