"""The benchmark: rounds in which everything is measured once, so that drift hits all alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from vidcolor.benchmark.machine import (
    Others,
    describe_machine,
    describe_versions,
    matmul_speed,
    operations,
)
from vidcolor.benchmark.results import Benchmark, Round, Timing
from vidcolor.benchmark.stages import Job, stages, transcode, working_size
from vidcolor.benchmark.subprocess_run import run_fresh
from vidcolor.benchmark.synthetic_video import RATE, pictures
from vidcolor.colorize.session import Session
from vidcolor.core.report import Report
from vidcolor.core.system import pick_dtype
from vidcolor.core.threads import usable_cores
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.encode.synthetic import make_film
from vidcolor.media.open import open_video
from vidcolor.run.video import colorize_video
from vidcolor.settings import BenchmarkSettings, OutputSettings, Settings

WARM_UP = 16
"""Frames of the run before the first round."""

FRESH = 96
"""Frames of a run in a separate process: encoder and smoother are full by then, and memory grows
no more."""

STEPS = 4
"""Calls of ``on_step`` in a round; there is one before the first."""

OnStep = Callable[[str], None]


def measure(
    source: str | Path | None,
    settings: Settings | None = None,
    rounds: BenchmarkSettings | None = None,
    on_step: OnStep | None = None,
) -> Benchmark:
    """Measure what each part of coloring a film costs, alone and together.

    Args:
        source: A film; None makes one.
        settings: As for `colorize_video`; what it says of the output is without effect.
        rounds: How much is measured, and on which film.
        on_step: Called with what is about to be measured.

    Raises:
        VidcolorError: as `colorize_video`.
    """
    settings, rounds = (settings or Settings()).without_script, rounds or BenchmarkSettings()
    step = on_step or (lambda _: None)
    settings = replace(settings, output=OutputSettings(force=True, fresh=True))
    with TemporaryDirectory(prefix="vidcolor-bench-") as name:
        step("preparing")
        folder = Path(name)
        film = Path(source).absolute() if source else _make_source(folder, rounds)
        info, settings = _shorten(film, settings, rounds.frames)
        session = Session.load(settings)
        job = Job(film, folder, settings, session.colorizer, session.gate)
        _measure_whole(replace(job, settings=_shorten(film, settings, WARM_UP)[1]))
        found = [_round(job, step) for _ in range(rounds.repeat)]
        facts = _facts(job, info, found[0]) | {"settings": asdict(rounds)}
        facts["film"]["made"] = source is None
    return Benchmark(facts, found)


def _make_source(folder: Path, rounds: BenchmarkSettings) -> Path:
    path = folder / "made.mkv"
    make_film(path, pictures(rounds.width, rounds.height, rounds.frames), RATE)
    return path


def _shorten(film: Path, settings: Settings, frames: int) -> tuple[VideoInfo, Settings]:
    """What is known of the film, and the settings with an end after about so many frames."""
    with open_video(film, settings.open) as opened:
        info = opened.info
    end = (settings.open.start or Fraction(0)) + frames / (info.frame_rate or RATE)
    end = min(end, settings.open.end or end)
    return info, replace(settings, open=replace(settings.open, end=end))


def _round(job: Job, step: OnStep) -> Round:
    others = Others()
    step("transcode")
    parts = {"transcode": transcode(job)}
    step("each stage")
    matmul = matmul_speed(job.colorizer.device, pick_dtype(job.colorizer.device))
    parts |= stages(job)
    step("whole")
    whole, report = _measure_whole(job)
    parts["whole"] = whole
    inside = {
        name: seconds / whole.frames for name, seconds in report.seconds.items() if name != "total"
    }
    step("a separate process")
    fresh = run_fresh(job.source, job.target, _shorten(job.source, job.settings, FRESH)[1])
    inferred = report.inferred / report.frames
    return Round(parts, inside, inferred, fresh, matmul, others.share())


def _measure_whole(job: Job) -> tuple[Timing, Report]:
    """The product as it is, but for its start-up: net and libraries are ready."""
    wall, cpu = perf_counter(), process_time()
    report = colorize_video(job.source, job.target, colorizer=job.colorizer, settings=job.settings)
    return Timing(report.frames, perf_counter() - wall, process_time() - cpu), report


def _facts(job: Job, info: VideoInfo, one: Round) -> dict[str, dict[str, Any]]:
    """What was measured on what, after it has run."""
    colorizer, plan = job.colorizer, job.plan(info)
    size = working_size(job)
    return {
        "film": {
            "name": info.path.name,
            "made": False,
            "codec": info.codec,
            "width": info.width,
            "height": info.height,
            "pixels": info.stored_format,
            "rate": float(info.frame_rate or RATE),
            "frames": one.parts["whole"].frames,
            "frames_held": one.parts["colornet"].frames,
        },
        "machine": describe_machine(colorizer.device),
        "versions": describe_versions(),
        "net": {
            "weights": colorizer.name,
            "sha256": colorizer.sha256,
            "device": str(colorizer.device),
            "numbers": colorizer.precision,
            "matmul_numbers": str(pick_dtype(colorizer.device)).removeprefix("torch."),
            "size": list(size),
            "batch": colorizer.batch,
            "at_a_time": min(colorizer.ahead, usable_cores()),
            "smooth": job.settings.smooth.strength,
            "operations": operations(colorizer.net, size, colorizer.device),
        },
        "encoder": {
            "codec": plan.codec,
            "pixels": plan.layout.format,
            "threads": plan.threads,
            "options": plan.options,
        },
    }
