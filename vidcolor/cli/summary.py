"""What is said of a film that was colored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.text import clock, count, damage_lines, file_size, say

if TYPE_CHECKING:
    from vidcolor.core.report import Report, WorkerStats


CONVERTED = " converted to "
"""Stands in what is told of sound that was not copied."""

SHOWN = 4
"""How many stretches that were left gray are named."""


def headline(report: Report) -> str:
    """Target, frames, shots, time, speed and size on one line."""
    frames, shots = count(report.frames, "frame"), count(report.shots, "shot")
    what = f"{frames}, {shots}" if report.codec else count(report.frames, "picture")
    rate = speed(report)
    told = "" if rate is None else f", {rate:.1f} frames/s"
    size = f", {file_size(report.bytes)}" if report.bytes else ""
    gray = sum(report.neutral_frames.values()) if report.codec else 0
    what += f", {count(gray, 'frame')} left gray" if gray else ""
    return f"{report.target}: {what} in {clock(report.seconds['total'])}{told}{size}"


def speed(report: Report) -> float | None:
    """Frames per second; None for a picture, and where earlier runs have done a part."""
    total = report.seconds["total"]
    return report.frames / total if report.codec and total and not report.resumed else None


def summarise(report: Report, verbose: bool) -> None:
    """Print what was done and how, what was copied, what was not, and what was damaged."""
    say(headline(report))
    if ways := settings_used(report):
        say(f"  color    {ways}")
    if report.script:
        say(f"  script   {script_line(report)}")
    if report.codec:
        loss = "lossless" if report.lossless else "lossy"
        luma = "unchanged" if report.luma == "exact" else report.luma
        say(f"  video    {report.codec} {report.pixels}, {loss}; luma {luma} before encoding")
    if report.neutral:
        say(f"  gray     {left_gray(report.neutral_frames)}{_where(report)}")
    tell_streams(report, "; --report lists them all", verbose)
    if verbose:
        stages = ", ".join(f"{name} {value:.1f}" for name, value in report.seconds.items())
        say(f"  seconds  {stages}")
        if report.codec:
            say(f"  net      ran on {count(report.inferred, 'frame')}")
        for worker in report.workers:
            say(f"  worker   {worker_line(worker)}")
        say(f"  weights  {report.weights['name']} {report.weights['sha256'][:16]}")


def script_line(report: Report) -> str:
    """What the color script has: ``40 key frames of 36 shots, 30 groups; 12 s``."""
    frames, shots, groups = (report.script.get(key, 0) for key in ("frames", "shots", "groups"))
    what = f"{count(frames, 'key frame')} of {count(shots, 'shot')}, {count(groups, 'group')}"
    if told := report.script.get("told"):
        what += f", {count(told, 'key frame')} by the color sheet"
    return f"{what}; {report.seconds.get('script', 0.0):.0f} s"


def settings_used(report: Report) -> str:
    """The dials as they stood: ``weights default, vivid 0.55, smooth 0.95``."""
    spec = report.spec
    if spec is None:
        return ""
    color, smoothing = spec.color, spec.smoothing
    known: dict[str, object] = {
        "weights": report.weights.get("name"),
        "vivid": color.vivid,
        "smooth": smoothing.strength if smoothing else None,
        "saturation": None if color.saturation == 1 else color.saturation,
        "stride": None if color.stride == 1 else color.stride,
        "colors": report.colors.get("path") or None,
    }
    return ", ".join(
        f"{key} {format_value(value)}" for key, value in known.items() if value is not None
    )


def format_value(value: object) -> str:
    """A value as it is printed: of a path its last part, of a number no more than is needed."""
    return f"{value:g}" if isinstance(value, float) else Path(str(value)).name


def left_gray(frames: dict[str, int]) -> str:
    """How many pictures were left gray, and why."""
    words = {
        "title": "with only text",
        "blank": "with nothing to see",
        "asked": "as the color sheet says",
    }
    return ", ".join(
        f"{count} frame{'s' * (count > 1)} {words.get(why, f'with {why}')}"
        for why, count in sorted(frames.items(), reverse=True)
    )


def _where(report: Report) -> str:
    """Where the cards are; of a picture nothing."""
    cards = [one for one in report.neutral if one.why == "title"]
    if not cards or not report.codec:
        return ""
    times = [f"{clock(one.first)} to {clock(one.last)}" for one in cards[:SHOWN]]
    more = f" and {len(cards) - SHOWN} more; --report lists all" if len(cards) > SHOWN else ""
    return f"; text at {', '.join(times)}{more}"


def worker_line(worker: WorkerStats) -> str:
    """What one worker of a cluster did for a film."""
    speed = worker.frames / worker.seconds if worker.seconds else 0.0
    failures = f", {count(worker.failures, 'failure')}" if worker.failures else ""
    done = f"{count(worker.chunks, 'chunk')}, {count(worker.frames, 'frame')}"
    return (
        f"{worker.name} ({worker.device or 'lost'}): {done} in {clock(worker.seconds)},"
        f" {speed:.1f} frames/s{failures}"
    )


def tell_streams(report: Report, hint: str = "", verbose: bool = False) -> None:
    """Print what was copied, what is worth a note, what was not copied, and what was damaged.

    Args:
        report: Of a film.
        hint: Tells where all damage is listed, if it is anywhere.
        verbose: Whether notes are told that nearly every old film has, and no viewer sees.
    """
    from vidcolor.core.video_info import UNTAGGED

    for line in report.carried:
        say(f"  {'sound' if CONVERTED in line else 'copied':<8} {line}")
    for note in report.notes:
        if verbose or not note.startswith(UNTAGGED):
            say(f"  note     {note}")
    for left in report.left_behind:
        say(f"  NOT COPIED  {left.what}: {left.why}")
    for line in damage_lines(report.damage, report.damage_counts, hint):
        say(line)
