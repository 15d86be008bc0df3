"""Long and large films: no drift, and memory that does not grow. Slow; run with ``-m slow``."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from command import Command
from films import make_film
from more_films import SMALL
from seen import see

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EARLY, LATE = 500, 5000
GIB = 1 << 20
"""In kB, as /proc counts."""

WATCHED = """
import json, sys
from vidcolor.cli import color
from vidcolor.cli.main import main
from vidcolor.run import video as pipeline

seen = {}
plain = pipeline.colorize_video

def resident(word):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(word))

def watched(*args, on_progress=None, **more):
    def count(progress):
        if progress.frames in (int(sys.argv[1]), int(sys.argv[2])):
            seen[progress.frames] = resident("VmRSS:")
        on_progress(progress)
    return plain(*args, on_progress=count, **more)

pipeline.colorize_video = watched
code = main(sys.argv[3:])
print(json.dumps({"code": code, "peak": resident("VmHWM:"), "seen": list(seen.values())}))
"""


def run_watched(film: Path, target: Path, weights: Path, *options: str) -> dict[str, object]:
    """Runs the command in a process of its own that writes down its resident memory in kB."""
    words = [film, target, "--size", 64, "--weights", weights, "--quiet", *options]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, [EARLY, LATE, *words])],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=1800,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_memory_is_flat(tiny_weights: Path, tmp_path: Path) -> None:
    film = tmp_path / "in.mp4"
    make_film(film, replace(SMALL, frames=LATE + 50, options={"preset": "ultrafast"}))
    found = run_watched(film, tmp_path / "out.mp4", tiny_weights)
    assert found["code"] == 0
    early, late = found["seen"]  # type: ignore[misc]
    assert abs(late - early) <= early / 20, f"{early} kB at {EARLY}, {late} kB at {LATE}"


def test_memory_cap_at_8k(tiny_weights: Path, tmp_path: Path) -> None:
    """A22: one second of 8K."""
    film = tmp_path / "in.mp4"
    spec = replace(SMALL, width=7680, height=4320, frames=24, brightness=90)
    make_film(film, replace(spec, options={"preset": "ultrafast"}))
    found = run_watched(film, tmp_path / "out.mp4", tiny_weights, "--preset", "ultrafast")
    assert found["code"] == 0
    assert len(see(tmp_path / "out.mp4").pts) == 24
    peak = found["peak"]
    assert isinstance(peak, int)
    assert peak < 6 * GIB


@pytest.mark.parametrize(
    ("rate", "suffix"), [(Fraction(24000, 1001), ".mp4"), (Fraction(30000, 1001), ".mkv")]
)
def test_no_drift_in_ten_thousand_frames(
    rate: Fraction, suffix: str, command: Command, tmp_path: Path
) -> None:
    """A11, long."""
    film, target = tmp_path / "in.mp4", tmp_path / f"out{suffix}"
    spec = replace(SMALL, width=16, height=16, rate=rate, frames=10_000)
    make_film(film, replace(spec, options={"preset": "ultrafast"}))
    command.limit = 1800
    assert command(film, target, "--preset", "ultrafast").code == 0
    slack = Fraction(1, 2000) if suffix == ".mkv" else Fraction(0)
    times = see(target).pts
    assert len(times) == 10_000
    assert all(abs(t - i / rate) <= slack for i, t in enumerate(times))
