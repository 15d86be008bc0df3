"""What is said of a film that was coloured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidcolor.cli.text import clock, damage_lines, say

if TYPE_CHECKING:
    from vidcolor.frames import Report, WorkerFigures


def headline(report: Report) -> str:
    """Target, frames, shots, time and speed on one line."""
    pictures = "1 picture" if report.frames == 1 else f"{report.frames} pictures"
    what = f"{report.frames} frames, {report.shots} shots" if report.codec else pictures
    rate = speed(report)
    told = "" if rate is None else f", {rate:.1f} frames/s"
    return f"{report.target}: {what} in {clock(report.seconds['total'])}{told}"


def speed(report: Report) -> float | None:
    """Frames per second; None for a picture, and where earlier runs have done a part."""
    total = report.seconds["total"]
    return report.frames / total if report.codec and total and not report.resumed else None


def summarise(report: Report, verbose: bool) -> None:
    """Print what was done, carried, left behind and damaged."""
    say(headline(report))
    if report.codec:
        loss = "lossless" if report.lossless else "lossy"
        say(
            f"  picture  {report.codec} {report.pixels} ({loss}); luma to the encoder {report.luma}"
        )
    tell_streams(report, "; --report lists them")
    if verbose:
        stages = ", ".join(f"{name} {value:.1f}" for name, value in report.seconds.items())
        say(f"  seconds  {stages}")
        if report.codec:
            say(f"  net      saw {report.inferred} frames")
        for worker in report.workers:
            say(f"  worker   {worker_line(worker)}")
        say(f"  weights  {report.weights['name']} {report.weights['sha256'][:16]}")


def worker_line(worker: WorkerFigures) -> str:
    """What one worker of a cluster did for a film."""
    speed = worker.frames / worker.seconds if worker.seconds else 0.0
    failures = f", failed {worker.failures} times" if worker.failures else ""
    return (
        f"{worker.name} ({worker.device or 'lost'}): {worker.chunks} chunks, {worker.frames} frames"
        f" in {clock(worker.seconds)}, {speed:.1f} frames/s{failures}"
    )


def tell_streams(report: Report, hint: str = "") -> None:
    """Print what was carried, what is worth a note, what was left behind and damaged.

    Args:
        report: Of a film.
        hint: Tells where all damage is listed, if it is anywhere.
    """
    for line in report.carried:
        say(f"  carried  {line}")
    for note in report.notes:
        say(f"  note     {note}")
    for left in report.left_behind:
        say(f"  LEFT BEHIND  {left.what}: {left.why}")
    for line in damage_lines(report.damage, report.damage_counts, hint):
        say(line)
