"""Lists of shots that were found before: the CSV of ``vidcolor shots``, reports, journals."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.core.files import FileIdentity, check_file, printable
from vidcolor.core.frames import Shot
from vidcolor.core.paths import work_folder
from vidcolor.core.run_spec import RunSpec, parse_fraction
from vidcolor.core.timecode import timecode
from vidcolor.errors import FilmUnreadable, SettingsError
from vidcolor.run.work_dir import JOURNAL, chunk_of, read_journals

_MOST = 64 << 20  # bytes


@dataclass(frozen=True)
class ShotList:
    """Where the shots of a film begin, as a file tells it."""

    shots: tuple[Shot, ...]
    """In seconds from the film's start; ``frames`` is 0 where the file does not tell."""
    source: FileIdentity | None = None
    """Of the film, where the file tells."""
    whole: bool = True
    """Whether it is of a whole film: not of a part, nor of a run that has not ended."""
    end: Fraction | None = None
    """Where what it knows of ends, for an unfinished run."""

    def middles(self, end: Fraction) -> list[Fraction]:
        """The moments half-way through each shot of a film that ends at ``end``.

        Raises:
            SettingsError: A shot begins behind that, so the list is of another film.
        """
        starts = [shot.start for shot in self.shots]
        if starts[-1] >= end:
            raise SettingsError(
                f"the list has a shot at {timecode(starts[-1])}, but the film ends at"
                f" {timecode(end)}; it belongs to another film"
            )
        stops = [*starts[1:], min(end, self.end) if self.end else end]
        return [(a + b) / 2 for a, b in zip(starts, stops, strict=True)]


def read_shots(path: str | Path) -> list[Shot]:
    """The shots of a film, from a file that an earlier command wrote.

    Args:
        path: The CSV of ``vidcolor shots``, the report of a run, or the journal of an unfinished
            one: its work folder, the file in it, or the target that it was to become.

    Returns:
        In order, in seconds from the film's start; ``frames`` is 0 where the file does not tell.

    Raises:
        FilmUnreadable: There is no such file, or it holds no shots.
    """
    return list(read_shot_list(path).shots)


def read_shot_list(path: str | Path) -> ShotList:
    """As `read_shots`, with what else the file tells."""
    path = Path(path)
    folder = path if path.is_dir() else work_folder(path)
    journal = folder / JOURNAL
    file = check_file(journal if journal.is_file() else path)
    name = printable(path.name)
    if file.stat().st_size > _MOST:
        raise FilmUnreadable(f"{name}: too large for a list of shots")
    try:
        found = _parse(file)
    except (
        ValueError,
        TypeError,
        KeyError,
        ArithmeticError,
        AttributeError,
        OSError,
        RecursionError,
        csv.Error,
    ):
        found = None
    if found is None:
        raise FilmUnreadable(
            f"{name}: no shots in it; name the CSV of vidcolor shots, a --report, or the target of"
            " an unfinished run"
        )
    return found


def _parse(file: Path) -> ShotList | None:
    """What a file tells; None, or one of many errors, where it is no list of shots."""
    if file.name == JOURNAL:
        return _of_journal(*read_journals(file.parent))
    text = file.read_bytes().decode()
    if text.lstrip().startswith("{"):
        return _of_report(json.loads(text))
    rows = list(csv.DictReader(text.splitlines()))
    shots = [Shot(_seconds(row["start_seconds"]), int(row["frames"])) for row in rows]
    return _check_list(shots)


def _of_report(report: dict[str, Any]) -> ShotList | None:
    spec = RunSpec.from_dict(report["spec"])
    start = spec.start
    shots = [Shot(start + _seconds(each), 0) for each in report["shot_starts"]]
    return _check_list(shots, spec.source, spec.is_whole)


def _of_journal(spec: RunSpec | None, lines: Sequence[dict[str, Any]]) -> ShotList | None:
    """Of the chunks that are done without a gap from the first one on."""
    if spec is None:
        return None
    chunks = {chunk.number: chunk for chunk in map(chunk_of, lines) if chunk}
    shots: list[Shot] = []
    start, tick = spec.start, spec.time_base
    end = start
    for number in range(len(chunks)):
        if number not in chunks:
            break
        shots += [Shot(start + pts * tick, 0) for pts in chunks[number].shots]
        end = start + chunks[number].facts.last_pts * tick
    return _check_list(shots, spec.source, False, end)


def _check_list(shots: list[Shot], *rest: Any) -> ShotList | None:
    """A list, where there are shots and they follow each other."""
    starts = [shot.start for shot in shots]
    if not starts or starts != sorted(set(starts)):
        return None
    return ShotList(tuple(shots), *rest)


def _seconds(value: object) -> Fraction:
    """Seconds that a file tells; those of frames hidden before the film's start count as 0."""
    return max(Fraction(0), parse_fraction(value))
