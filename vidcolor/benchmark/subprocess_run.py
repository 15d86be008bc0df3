"""Runs in a process of their own: how soon it has a frame, and how much memory it takes."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from compileall import compile_dir
from pathlib import Path
from time import monotonic

from vidcolor.benchmark.results import Fresh
from vidcolor.core.collector import quick_imports
from vidcolor.core.platform import peak_memory
from vidcolor.core.report import Progress
from vidcolor.errors import VidcolorError
from vidcolor.settings import Settings

PACKAGE = Path(__file__).resolve().parents[2]


def run_fresh(source: Path, target: Path, settings: Settings) -> Fresh:
    """Asks vidcolor for help, then lets a new process color ``source``.

    Args:
        source: The film.
        target: Where its colors go; the job and what became of it are written beside it.
        settings: Of the run.

    Raises:
        VidcolorError: The process did not end well.
    """
    # As `pip install` does; a checkout may have none, and each start would compile it for 0.2 s.
    compile_dir(PACKAGE / "vidcolor", quiet=2)
    began = monotonic()
    _run(["-m", "vidcolor", "--help"])
    help_seconds = monotonic() - began
    job, answer = target.with_suffix(".job"), target.with_suffix(".json")
    job.write_bytes(pickle.dumps((source, target, settings, answer)))
    code = f"import sys, {__name__} as fresh; fresh.color(sys.argv[1])"
    began = monotonic()
    _run(["-c", code, str(job)])
    total = monotonic() - began
    found = json.loads(answer.read_text(encoding="utf-8"))
    first_frame = found.pop("first_frame_at") - began
    return Fresh(help=help_seconds, first_frame=first_frame, total=total, **found)


def _run(words: list[str]) -> None:
    """Runs Python with this very vidcolor."""
    paths = [str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
        check=False,
    )
    if done.returncode:
        last = " ".join(done.stderr.strip().splitlines()[-1:])[:300]
        raise VidcolorError(
            f"a run in a separate process ended with code {done.returncode} ({last}); close"
            " other programs and try again"
        )


def color(job: str) -> None:
    """What the new process does; its imports are part of what is measured.

    ``monotonic`` counts from the same moment in all processes of a machine.
    """
    source, target, settings, answer = pickle.loads(Path(job).read_bytes())
    first: list[float] = []

    def note(progress: Progress) -> None:
        if progress.frames and not first:
            first.append(monotonic())

    with quick_imports():
        from vidcolor.run.video import colorize_video

    colorize_video(source, target, settings=settings, on_progress=note)
    found = {"first_frame_at": first[0], "peak_bytes": peak_memory(), "gpu_bytes": _gpu_peak()}
    answer.write_text(json.dumps(found), encoding="utf-8")


def _gpu_peak() -> int:
    import torch

    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0
