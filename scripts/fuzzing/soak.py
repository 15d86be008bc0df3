#!/usr/bin/env python3
"""The long test: films that are killed and resumed, damaged files, and the slow tests.

Usage: scripts/soak [--parts kills fuzz slow] [--kills 20] [--minutes 3] [--fuzz 1000] [--seed 1]

Prints one table of cases tried, survived and lost, and exits with 1 if anything was lost. A killed
film survives if the next run succeeds, its film equals the uninterrupted one byte for byte, and
no chunk that was finished before the kill was colored or changed again.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "helpers"))
killing: Any = import_module("killing")

RATE = 24
OPTIONS = ("--chunk", "3")
"""Three minutes make some forty chunks; shots of more than 9 s are split."""
LONGEST = 14
"""Seconds of a shot."""
PATIENCE = 3600
"""Seconds for one run."""


@dataclass
class Row:
    """A line of the table."""

    part: str
    tried: int
    lost: int
    seconds: float
    words: str = ""

    def __str__(self) -> str:
        counts = f"{self.tried:8}{self.tried - self.lost:10}{self.lost:6}{self.seconds:10.0f}"
        return f"{self.part:8}{counts}  {self.words}"


def shots(seconds: float, chance: random.Random) -> list[int]:
    """Frames of each shot of a film of this length."""
    lengths: list[int] = []
    while sum(lengths) < seconds * RATE:
        lengths.append(round(chance.uniform(1, LONGEST) * RATE))
    return lengths


class Killed:
    """One film, and runs over it that are killed."""

    def __init__(self, folder: Path, seconds: float, chance: random.Random) -> None:
        self.folder = folder
        self.film = killing.make_reel(folder / "in.mp4", shots(seconds, chance), RATE)
        self._weights = killing.quick_weights(folder)
        self._log = folder / "begun.txt"
        began = time.monotonic()
        self.whole = folder / "whole.mp4"
        if self.run(self.whole) != 0:
            raise SystemExit("the run that was not killed failed")
        self.seconds = time.monotonic() - began
        self.packets = killing.packets(self.whole)
        self.chunks = len(killing.begun(self._log))
        self.killed = 0

    def run(self, target: Path, kill_after: float | None = None) -> int:
        """The exit code of a run, which may be killed after so many seconds."""
        self._log.unlink(missing_ok=True)
        words = ("--weights", str(self._weights), *OPTIONS)
        running = killing.start(self.film, target, *words, log=self._log)
        try:
            _, err = running.communicate(timeout=PATIENCE if kill_after is None else kill_after)
        except subprocess.TimeoutExpired:
            running.kill()
            _, err = running.communicate()
        if err:
            print(f"  {err.strip()}", flush=True)
        return int(running.returncode)

    def faults(self, number: int, moment: float) -> list[str]:
        """Kill a run at a moment, go on, and tell what was lost."""
        place = self.folder / f"{number}"
        place.mkdir()
        target = place / "out.mp4"
        target.write_bytes(killing.OLD)
        killed = self.run(target, moment) < 0
        self.killed += killed
        before = killing.finished(target)
        found = []
        if killed and target.read_bytes() not in (killing.OLD, self.whole.read_bytes()):
            found.append("the target is neither the old nor the new film")
        if code := self.run(target):
            found.append(f"the run after the kill ended with {code}")
        twice = set(killing.begun(self._log)) & set(before)
        if killed and twice:
            found.append(f"{len(twice)} finished chunks were done twice")
        if killed and len(before) + len(killing.begun(self._log)) < self.chunks:
            found.append("chunks were neither kept nor made")
        if killing.packets(target) != self.packets:
            found.append("the film has other packets")
        elif target.read_bytes() != self.whole.read_bytes():
            found.append("the file has other bytes")
        if [path.name for path in place.iterdir()] != ["out.mp4"]:
            found.append("something is left in the folder")
        words = f"killed at {moment:.1f} s, {len(before)} of {self.chunks} chunks were kept"
        print(f"film {number}: {words if killed else 'was already done'}; {found or 'identical'}")
        sys.stdout.flush()
        return found


def kills(count: int, minutes: float, seed: int) -> Row:
    """Kill a film at so many random moments."""
    began, chance = time.monotonic(), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="vidcolor-soak-") as folder:
        film = Killed(Path(folder), 60 * minutes, chance)
        print(f"uninterrupted: {film.chunks} chunks in {film.seconds:.0f} s", flush=True)
        moments = [chance.uniform(0, film.seconds) for _ in range(count)]
        faults = [film.faults(number, moment) for number, moment in enumerate(moments)]
    twice = sum("twice" in fault for found in faults for fault in found)
    words = f"films; {film.killed} were killed in time, {twice} colored finished chunks twice"
    return Row("kills", count, sum(map(bool, faults)), time.monotonic() - began, words)


def fuzz(count: int, seed: int) -> Row:
    """Harm so many files; the script tells which are lost."""
    began = time.monotonic()
    words = [str(ROOT / "scripts" / "fuzz")]
    done = subprocess.run(
        [*words, "--count", str(count), "--seed", str(seed)], stdout=subprocess.PIPE, text=True
    )
    print(done.stdout, flush=True)
    lines = done.stdout.splitlines()
    lost = len({line.split(":")[0] for line in lines if line.startswith("file ")})
    if done.returncode:
        lost = max(lost, 1)  # it may have died itself
    return Row("fuzz", count, lost, time.monotonic() - began, "files damaged; none lost silently")


def slow() -> Row:
    """Run the tests that are marked slow."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vidcolor-soak-") as folder:
        results = Path(folder) / "results.xml"
        words = [sys.executable, "-m", "pytest", "-m", "slow", f"--junitxml={results}"]
        done = subprocess.run(words, cwd=ROOT)
        suite = ElementTree.parse(results).getroot().find("testsuite")
    counts = {} if suite is None else {name: int(float(n)) for name, n in _numbers(suite)}
    lost = counts.get("failures", 0) + counts.get("errors", 0)
    skipped = counts.get("skipped", 0)
    if done.returncode:
        lost = max(lost, 1)
    tried = counts.get("tests", 0) - skipped
    return Row("slow", tried, lost, time.monotonic() - began, f"tests; {skipped} skipped")


def _numbers(suite: ElementTree.Element) -> list[tuple[str, str]]:
    return [(n, v) for n, v in suite.items() if n in ("tests", "failures", "errors", "skipped")]


def main() -> int:
    """Parse, run, show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parts = ("kills", "fuzz", "slow")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--kills", type=int, default=20, help="films to kill and resume")
    parser.add_argument("--minutes", type=float, default=3, help="length of such a film")
    parser.add_argument("--fuzz", type=int, default=1000, help="files to damage")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rows = []
    if "kills" in args.parts:
        rows.append(kills(args.kills, args.minutes, args.seed))
    if "fuzz" in args.parts:
        rows.append(fuzz(args.fuzz, args.seed))
    if "slow" in args.parts:
        rows.append(slow())
    print(f"\n{'part':8}{'tried':>8}{'survived':>10}{'lost':>6}{'seconds':>10}")
    for row in rows:
        print(row)
    return 1 if any(row.lost for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
