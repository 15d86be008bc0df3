"""What is told while a film is colored: frames to come, the pace, lines of JSON."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vidcolor.cli.progress import FilmLines, Pace, ProgressFile, Shown, progress_file
from vidcolor.core.report import Progress, Report
from vidcolor.errors import OutputError
from vidcolor.media.metadata import expected_frames
from vidcolor.settings import InputSettings


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("frames", "duration", "rate", "cut", "expected"),
    [
        (100, 4, 25, (None, None), 100),
        (99, 4, 25, (None, None), 99),  # what is declared counts
        (None, 4, Fraction(24000, 1001), (None, None), 96),
        (None, 4, 1000, (None, None), None),  # no rate but the clock of a film without one
        (None, 4, None, (None, None), None),
        (100, None, 25, (None, None), 100),
        (100, None, 25, (None, 2), None),
        (100, None, 25, (1, None), None),
        (100, 4, None, (1, None), 75),
        (100, 4, None, (1, 2), 25),
        (100, 4, None, (3, 99), 25),
        (100, 4, None, (9, None), 0),
        (None, 4, 25, (0, 2), 50),
        (None, None, None, (None, None), None),
    ],
)
def test_expected_frames(
    frames: Any, duration: Any, rate: Any, cut: tuple[Any, Any], expected: int | None
) -> None:
    start, end = (None if word is None else Fraction(word) for word in cut)
    info: Any = SimpleNamespace(frames=frames, duration=duration, frame_rate=rate)
    assert expected_frames(info, InputSettings(start=start, end=end)) == expected


def test_the_pace_is_that_of_the_last_ten_seconds() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.after(500) is None  # earlier runs did them
    found = []
    for second in range(1, 41):
        clock.now += 1
        slow, fast = min(second, 20), max(0, second - 20)
        found.append(pace.after(500 + 2 * slow + 8 * fast))
    assert found[:20] == [2.0] * 20
    assert found[24] == 5.0  # five seconds of each
    assert found[29:] == [8.0] * 11


def test_a_pace_of_rare_frames_is_known_too() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.after(0)
    for frames in (1, 2, 3):
        clock.now += 50
        rate = pace.after(frames)
    assert rate == 0.02


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(tmp_path: Path, clock: Clock) -> Iterator[ProgressFile]:
    with ProgressFile(str(tmp_path / "progress"), clock) as file:
        yield file


def read(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]


def run(file: ProgressFile, clock: Clock, frames: int, total: int | None) -> FilmLines:
    """A film with a frame every eighth of a second."""
    lines = file.film()
    for done in range(frames + 1):
        lines.tell(Progress(done, total, done / 25))
        clock.now += 0.125
    return lines


def test_two_lines_a_second_and_the_last_one(
    lines: ProgressFile, clock: Clock, tmp_path: Path
) -> None:
    run(lines, clock, 26, 104).end(Report("in", "out", frames=26))
    found = read(tmp_path)
    assert [line["frames"] for line in found] == [0, 4, 8, 12, 16, 20, 24, 26]
    assert found[0] == {"frames": 0, "total": 104, "seconds": 0, "per_second": None, "left": None}
    assert found[4] == {"frames": 16, "total": 104, "seconds": 0.64, "per_second": 8, "left": 11}
    assert found[-1] == {"frames": 26, "total": 26, "seconds": 1.04, "per_second": 8, "left": 0}


def test_what_is_left_is_unknown_where_the_film_does_not_say_or_lies(
    lines: ProgressFile, clock: Clock, tmp_path: Path
) -> None:
    run(lines, clock, 12, None)
    run(lines, clock, 12, 10)
    expected = [None, None, None, None, None, 0.8, 0.2, None]
    assert [line["left"] for line in read(tmp_path)] == expected


def test_a_run_that_fails_tells_how_far_it_came(
    lines: ProgressFile, clock: Clock, tmp_path: Path
) -> None:
    run(lines, clock, 6, 100).end(None)
    assert [line["frames"] for line in read(tmp_path)] == [0, 4, 6]
    lines.film().end(None)  # it failed before anything was known
    assert len(read(tmp_path)) == 3


def test_a_picture_has_one_line(lines: ProgressFile, tmp_path: Path) -> None:
    lines.film().end(Report("in", "out", frames=1))
    assert read(tmp_path) == [
        {"frames": 1, "total": 1, "seconds": 0, "per_second": None, "left": 0}
    ]


def test_lines_are_appended_and_carry_more(tmp_path: Path) -> None:
    for number in (1, 2):
        name = str(tmp_path / "progress")
        with progress_file(name) as file, Shown(file, True, film=number) as shown:
            shown(Progress(0, 9, 0.0))
            shown.report = Report("in", "out", frames=1)
    found = [(line["film"], line["frames"], line["left"]) for line in read(tmp_path)]
    assert found == [(1, 0, None), (1, 1, 0), (2, 0, None), (2, 1, 0)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_begins_where_earlier_runs_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Shown(None, False, "1/3 a.mp4") as shown:
        for frames in (500, 501, 503):
            shown(Progress(frames, 1000, 0.0))
        assert (shown._bar.initial, shown._bar.n, shown._bar.total) == (500, 503, 1000)
        shown._bar.refresh()
    assert "1/3 a.mp4:  50%|" in sys.stderr.getvalue()


@pytest.mark.parametrize("name", ["no/such/folder", ".", "nul\0byte"])
def test_a_file_that_cannot_be_written_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="--progress"), progress_file(name):
        pass


def test_no_file_is_no_file() -> None:
    with progress_file(None) as file:
        assert file is None


@pytest.mark.parametrize("reader", ["goes", "sleeps"])
def test_a_reader_that_goes_or_sleeps_costs_lines_only(
    reader: str, tmp_path: Path, clock: Clock
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    opened: list[int] = []
    reading = threading.Thread(target=lambda: opened.append(os.open(pipe, os.O_RDONLY)))
    reading.start()
    with ProgressFile(str(pipe), clock) as file:
        reading.join()
        run(file, clock, 4, 4)
        assert len(os.read(opened[0], 1 << 20).splitlines()) == 2
        if reader == "goes":
            os.close(opened[0])
        run(file, clock, 20000, None)  # more than a pipe holds
        if reader == "sleeps":
            left = os.read(opened[0], 1 << 20)
            assert {"frames", "total"} < json.loads(left.splitlines()[-1]).keys()
            assert left.endswith(b"\n"), "no line was torn"
            os.close(opened[0])


def test_films_that_are_colored_at_once_have_lines_of_their_own(
    lines: ProgressFile, clock: Clock, tmp_path: Path
) -> None:
    films = [lines.film(film=number) for number in (1, 2)]
    for done in range(9):
        for film, speed in zip(films, (1, 3), strict=True):
            film.tell(Progress(done * speed, 24, 0.0))
        clock.now += 0.5
    found = read(tmp_path)
    assert [line["film"] for line in found] == 9 * [1, 2]
    assert [line["per_second"] for line in found[-2:]] == [2, 6]
    assert [line["left"] for line in found[-2:]] == [8, 0]


def test_a_full_disk_is_no_reason_to_stop(
    lines: ProgressFile, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    run(lines, clock, 8, 8)


def test_stdout_takes_the_lines(capfd: pytest.CaptureFixture[str], clock: Clock) -> None:
    with ProgressFile("-", clock) as file:
        run(file, clock, 4, 4)
    out = capfd.readouterr().out
    assert [json.loads(line)["frames"] for line in out.splitlines()] == [0, 4]
    os.fstat(1)  # it is not closed
