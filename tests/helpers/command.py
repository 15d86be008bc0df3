"""Runs the real command line in this process and keeps what it printed, returned and reported."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from vidcolor.cli.main import main

TIME_LIMIT = 60
"""Seconds for one of these small films; more is a hang."""

SUMMARY = re.compile(
    r"\S.*: \d+ (frame|picture)s?\b|  (color|video|sound|gray|copied|note|NOT COPIED|DAMAGE) "
    r"|\d\d:\d\d:\d\d vidcolor\.[\w.]+: "  # the log, with -v
)


GOING_ON = re.compile(
    r"^.*: \d+ frames? (already done, resuming at [\d:.]+|(of \d+ )?done, .*)\n", re.MULTILINE
)
"""What a run says that was interrupted before, and every few seconds on a slow machine."""

ROOM = re.compile(r"^note: the disk has [\d.]+ \w+ free; the film may need .*\n", re.MULTILINE)
"""What a run says first where the disk may be too small."""


class Hung(BaseException):
    """The command did not end in time; no ``except Exception`` of the product may catch it."""


@dataclass
class Outcome:
    """What one run of the command did."""

    code: int
    out: str
    err: str
    seconds: float
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> list[tuple[str, str]]:
        return [(item["what"], item["why"]) for item in self.report["left_behind"]]

    @property
    def damage(self) -> set[str]:
        return {item["kind"] for item in self.report["damage"]}


class Command:
    """``vidcolor`` with a tiny net; every run is held to what is true of all runs."""

    def __init__(self, weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.weights = weights
        self.limit = TIME_LIMIT
        self._capfd = capfd

    def __call__(self, film: Path | str, target: Path | str, *options: str) -> Outcome:
        """Colors ``film``; a report is asked for and read when one was written."""
        report = self.weights.parent / "report.json"
        report.unlink(missing_ok=True)
        usual = ["--size", "64", "--weights", str(self.weights), "--report", str(report)]
        outcome = self.run(str(film), str(target), *usual, *options)
        if report.exists():
            outcome.report = json.loads(report.read_text())
        assert outcome.out == "", "messages belong on stderr"
        if outcome.code in (0, 3):
            strays = [line for line in outcome.err.splitlines() if not SUMMARY.match(line)]
            assert strays == [], "only the summary is printed, no library's own words"
            assert outcome.report["clean"] == (outcome.code == 0)
        else:
            assert outcome.report == {}
        return outcome

    def run(self, *words: str) -> Outcome:
        """Any command; no hang, no traceback, a known exit code, and one line where it refuses."""
        self._capfd.readouterr()
        previous = signal.signal(signal.SIGALRM, _ring)
        signal.alarm(self.limit)
        began = time.monotonic()
        try:
            code = main(list(words))
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
        out, err = self._capfd.readouterr()
        outcome = Outcome(code, out, err, time.monotonic() - began)
        assert "Traceback" not in err
        assert code in (0, 2, 3), err
        if code == 2:
            refusal = ROOM.sub("", GOING_ON.sub("", err))
            assert refusal.count("\n") == 1, err
            assert refusal.startswith("vidcolor: ")
            assert "unexpected" not in err
        return outcome


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise Hung


def listing(folder: Path) -> list[bytes]:
    """Every name in a folder, temporary files and names that are no text too."""
    return sorted(os.listdir(os.fsencode(folder)))
