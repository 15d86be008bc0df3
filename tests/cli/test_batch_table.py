"""What the table of a batch says."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidcolor.cli.batch import Row, columns, missing, row_of, table
from vidcolor.cli.text import shorten_name
from vidcolor.core.report import Damage, Dropped, Report
from vidcolor.errors import FilmUnreadable, OutOfMemory, OutputFull
from vidcolor.run.batch import Outcome, Result
from vidcolor.run.inputs import BatchItem


def outcome(
    result: Result, report: Report | None = None, error: Exception | None = None
) -> Outcome:
    return Outcome(BatchItem("a.mp4", Path("in/a.mp4"), Path("out/a.mkv")), result, report, error)


def test_rows() -> None:
    report = Report("in/a.mp4", "out/a.mkv", frames=50, codec="libx264", seconds={"total": 10.0})
    assert row_of(outcome(Result.DONE, report)) == Row("a.mp4", "done", 0, "50", "0:00:10.0", "5.0")
    assert row_of(outcome(Result.SKIPPED, report)) == Row("a.mp4", "skipped", 0, "50")
    report.left_behind = [Dropped("subtitle stream 4 (ass)", "no room")]
    assert row_of(outcome(Result.SKIPPED, report)).code == 3
    report.damage, report.damage_counts = [Damage("gap", 1, "")], {"gap": 2, "truncated": 1}
    row = row_of(outcome(Result.DAMAGED, report))
    assert (row.result, row.code) == ("damaged", 3)
    assert row.why == "2 gap, 1 truncated; not copied: subtitle stream 4 (ass)" == missing(report)
    assert row_of(outcome(Result.NOT_STARTED)) == Row("a.mp4", "not started", 2)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (FilmUnreadable("a.mp4: is an empty file"), "is an empty file"),
        (FilmUnreadable("in/a.mp4: no such file"), "no such file"),
        (OutputFull("a.mkv: the disk is full"), "the disk is full"),
        (OutOfMemory("cpu has too little"), "cpu has too little"),
        (MemoryError(), "not enough memory; close other programs, or use a smaller"),
        (ValueError("two\nlines"), "unexpected ValueError: two lines (please report it"),
    ],
)
def test_why_a_film_failed(error: Exception, why: str) -> None:
    row = row_of(outcome(Result.FAILED, error=error))
    assert (row.result, row.code) == ("failed", 2)
    assert row.why.startswith(why)


def test_the_table_is_straight_whatever_films_are_called() -> None:
    rows = [
        Row("a.mp4", "done", 0, "50", "0:00:10.0", "5.0"),
        Row("映画.mkv", "incomplete", 3, "1234567", "1:00:00.0", "1234.5", "not copied: a"),
        Row("n" * 90 + ".mp4", "failed", 2, why="is an empty file"),
    ]
    assert table(rows[:2]) == [
        "film      result       frames       time  frames/s",
        "a.mp4     done             50  0:00:10.0       5.0",
        "映画.mkv  incomplete  1234567  1:00:00.0    1234.5  not copied: a",
    ]
    cut = table(rows)[3]
    assert cut.startswith("n" * 21 + "…" + "n" * 17 + ".mp4  failed ")
    assert cut.endswith("  is an empty file")


@pytest.mark.parametrize("width", [5, 8, 9, 10])
def test_names_that_are_cut(width: int) -> None:
    for name in ("abcdefghijklmnop", "映画映画映画映画映画", "é" * 30):
        assert width - 1 <= columns(shorten_name(name, width)) <= width
    assert shorten_name("short", width) == "short"
