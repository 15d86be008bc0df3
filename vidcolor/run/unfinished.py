"""What a stopped run keeps of a film: told from its journal, without what colors films."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.core.json_lines import entries
from vidcolor.core.paths import work_folder


@dataclass(frozen=True)
class Kept:
    """Finished chunks beside a target that is not done."""

    frames: int
    """In all of them."""
    seconds: float
    """Moment of the film up to which nothing is missing, in seconds from its start."""
    bytes: int
    """Of the disk."""


def kept_of(target: Path) -> Kept | None:
    """What is kept of a film that is to become ``target``; None where no chunk is finished."""
    from vidcolor.core.run_spec import RunSpec  # what shows progress starts sooner without

    folder = work_folder(target)
    try:
        lines = [line for path in sorted(folder.glob("journal*.jsonl")) for line in entries(path)]
        spec = RunSpec.from_dict(next(line["spec"] for line in lines if "spec" in line))
        chunks = {line["number"]: line for line in lines if _is_whole(line, folder)}
        frames = sum(chunk["facts"]["frames"] for chunk in chunks.values())
        size = sum(chunk["facts"]["bytes"] for chunk in chunks.values())
        seconds = spec.start + _reached_seconds(chunks, spec.time_base)
    except (OSError, ValueError, TypeError, KeyError, StopIteration, RecursionError):
        return None  # the run itself tells what is wrong with it
    return Kept(frames, float(seconds), size) if frames else None


def _is_whole(line: dict[str, Any], folder: Path) -> bool:
    """Whether a line is that of a chunk whose file is there."""
    if "facts" not in line:
        return False
    name = ".".join(filter(None, (f"{line['number']:06d}", line.get("writer", ""), "packets")))
    path = folder / name
    return path.is_file() and path.stat().st_size == line["facts"]["bytes"]


def _reached_seconds(chunks: dict[int, dict[str, Any]], tick: Fraction) -> Fraction:
    """Where the last of the chunks ends that follow each other from the first one on."""
    seconds, number = Fraction(0), 0
    while number in chunks:
        facts = chunks[number]["facts"]
        ticks = facts["last_pts"] - facts["first_pts"]
        shown = Fraction(ticks, max(1, facts["frames"] - 1))  # of the last frame, about
        seconds, number = (facts["last_pts"] + shown) * tick, number + 1
    return seconds
