"""A long film is read in overlapping parts by several workers, who write down what they saw.

A shot hangs on nothing before it: where a cut is found, the detector of shots and the one of titles
begin anew. So two who find the same cut, wherever they began, agree on everything behind it. Each
part begins a little before its place and goes on to the first cut behind its end, which the next
part has found, too. `vidcolor.run.join_parts` joins them at these cuts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from vidcolor.colorize.chain import mark_frames
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.iterators import prefetch, tap, time_waiting
from vidcolor.core.json_lines import checked_line, entries
from vidcolor.core.target import output_errors
from vidcolor.core.threads import WorkerThreads
from vidcolor.errors import FilmError
from vidcolor.media.decode.parts import decode_part, is_merged, why_not_in_parts
from vidcolor.media.decode.reading import DecodedPicture
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.pass_log import PassLog
from vidcolor.run.seen_frames import DIGITS, SeenFrame, see_frame
from vidcolor.run.work_dir import WorkDir
from vidcolor.settings import Settings

LEAST = Fraction(600)
"""Seconds of a film from which it is read in parts: a shorter one is planned in half a minute."""
MOST = Fraction(4 * 3600)
"""Seconds of a film up to which it is: who joins the parts holds 400 bytes of each frame."""
PART = Fraction(60)
"""Seconds of a part."""
LEAD = Fraction(2)
"""Seconds that are read before a part, and as many frames at least as the next number says."""
LEAD_FRAMES = 32
BEYOND = Fraction(120)
"""Seconds that are read behind a part where no cut is found."""
DAMAGED = "it is damaged, or changes its kind"
ALONE = "a part of it cannot be read by itself"


@dataclass(frozen=True)
class FilmPart:
    """A part of a film."""

    name: str
    """Of the file that keeps what was seen of it until the plan is made."""
    start: Fraction
    """Seconds from the film's start."""
    end: Fraction | None
    """The same; None for the last one."""


@dataclass
class SeenPart:
    """What was seen of a part."""

    frames: list[SeenFrame] = field(default_factory=list)
    """From a little before it to the first cut behind it; fewer where there is none for long."""
    ended: bool = False
    """Whether the last of them is the last one of the film."""
    why: str = ""
    """Why the film cannot be read in parts."""
    remarks: list[str] = field(default_factory=list)
    """As of `PassLog`; of those of `is_merged`."""


def divide_film(
    film: VideoReader, settings: Settings, folder: WorkDir
) -> tuple[tuple[FilmPart, ...], str]:
    """The parts of a film, the same for all who ask; none for one that is read by one worker.

    With them, in words why a long film is read by one.

    Args:
        film: Open; it may be read a little.
        settings: What a cut is.
        folder: Its work folder, with its spec.
    """
    length = film.info.duration or Fraction(0)
    if length < LEAST:
        return (), ""
    why = why_not_in_parts(film)
    if why or length > MOST:
        return (), note_whole(why or "it is longer than four hours")
    said = json.dumps([folder.spec_entry, repr(settings.shots), repr(settings.titles)])
    digest = hashlib.sha256(said.encode()).hexdigest()[:32]
    count = max(1, round(length / PART))
    ends = [length * n / count for n in range(1, count)]
    borders = zip([Fraction(0), *ends], [*ends, None], strict=True)
    parts = (
        FilmPart(f"plan.{digest}.{n}-{count}.frames", start, end)
        for n, (start, end) in enumerate(borders)
    )
    return tuple(parts), ""


def note_whole(why: str) -> str:
    """What a report says of a long film that one worker has read."""
    return f"one worker looked for its shots: {why}"


def missing_film_parts(folder: WorkDir, parts: Sequence[FilmPart]) -> list[int]:
    """Numbers of the parts that are still to be read."""
    names = enumerate(part.name for part in parts)
    return [n for n, name in names if not os.path.lexists(folder.folder / name)]


def read_part(
    film: VideoReader,
    layout: PixelLayout,
    settings: Settings,
    part: FilmPart,
    see: Callable[[Frame], object] = lambda _: None,
    seconds: dict[str, float] | None = None,
) -> SeenPart:
    """Read a part of a film.

    Args:
        film: Freshly opened; one pass per film.
        layout: As of `decode`.
        settings: What a cut is.
        part: Which part.
        see: Called with each frame as it is read.
        seconds: Gets the time that stages take.
    """
    rate = film.info.frame_rate or Fraction(25)
    start, end = max(Fraction(0), part.start - max(LEAD, LEAD_FRAMES / rate)), part.end
    reach = None if end is None else end + BEYOND

    def stops(frame: SeenFrame) -> bool:
        return end is not None and frame.moment >= end

    return read_from(film, layout, settings, start, stops, reach, see, seconds)


def read_from(
    film: VideoReader,
    layout: PixelLayout,
    settings: Settings,
    start: Fraction,
    stops: Callable[[SeenFrame], bool],
    reach: Fraction | None = None,
    see: Callable[[Frame], object] = lambda _: None,
    seconds: dict[str, float] | None = None,
) -> SeenPart:
    """Read a film from a moment on; other arguments as of `read_part`.

    Args:
        film: As of `read_part`.
        layout: As of `read_part`.
        settings: As of `read_part`.
        start: Seconds from the film's start.
        stops: Asked of each frame that starts a shot, but the first, whether it is the last one.
        reach: Seconds from the film's start behind which nothing is read; None for its end.
        see: As of `read_part`.
        seconds: As of `read_part`.
    """
    log, decoded = PassLog(), deque[DecodedPicture]()
    seconds = {} if seconds is None else seconds
    found = SeenPart()
    frames = time_waiting(decode_part(film, layout, start, log, decoded.append), "decode", seconds)
    frames = time_waiting(prefetch(frames), "wait for decode", seconds)
    marked = time_waiting(mark_frames(tap(frames, see), settings), "shots", seconds)
    try:
        with closing(marked):
            found.ended = True
            for frame in marked:
                found.frames.append(seen := see_frame(frame, decoded.popleft()))
                is_cut = frame.starts_shot and len(found.frames) > 1
                if (is_cut and stops(seen)) or (reach is not None and frame.moment > reach):
                    found.ended = False
                    break
    except FilmError:  # one who reads all of the film tells what it is
        found.why = ALONE
    seconds["shots"] -= seconds.pop("wait for decode")
    found.remarks = log.remarks
    if log.damage or not all(map(is_merged, log.remarks)):
        found.why = DAMAGED
    return found


def make_film_part(
    film: VideoReader,
    layout: PixelLayout,
    settings: Settings,
    folder: WorkDir,
    part: FilmPart,
    see: Callable[[Frame], object] = lambda _: None,
) -> dict[str, float]:
    """Read a part of a film and keep what was seen, unless it is there; what stages took.

    Args:
        film: As of `read_part`.
        layout: As of `read_part`.
        settings: As of `read_part`.
        folder: Gets the file.
        part: As of `read_part`.
        see: As of `read_part`.

    Raises:
        OutputError: It cannot be kept.
    """
    seconds: dict[str, float] = {}
    if load_part(folder, part, film) is None:
        # As where a film is colored, torch works in one thread: more gain nothing for thumbnails.
        with WorkerThreads(1):
            seen = read_part(film, layout, settings, part, see, seconds)
        lines = checked_line(folder.spec_entry), checked_line(_to_dict(seen))
        with output_errors(folder.folder):
            folder.put(part.name, "".join(lines).encode())
    return seconds


def load_part(folder: WorkDir, part: FilmPart, film: VideoReader) -> SeenPart | None:
    """What was seen of a part; None where that is not there, or is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        first, entry = entries(folder.folder / part.name)
        return _from_dict(entry, film.info.time_base) if first == folder.spec_entry else None
    return None


def drop_parts(folder: WorkDir, parts: Sequence[FilmPart]) -> None:
    """Remove what was seen of parts, once the plan is there."""
    with output_errors(folder.folder):
        for part in parts:
            (folder.folder / part.name).unlink(missing_ok=True)


def read_anew(
    source: VideoReader, layout: PixelLayout, settings: Settings, see: Callable[[Frame], object]
) -> Callable[[SeenFrame, Callable[[SeenFrame], bool]], SeenPart]:
    """What reads a film on from a cut to another one, in a container of its own."""

    def read(cut: SeenFrame, stops: Callable[[SeenFrame], bool]) -> SeenPart:
        with open_video(source.info.path, settings.open) as film, WorkerThreads(1):
            return read_from(film, layout, settings, cut.moment, stops, None, see)

    return read


def _to_dict(part: SeenPart) -> dict[str, Any]:
    frames, decoded = part.frames, [frame.decoded for frame in part.frames]
    return {
        "ended": part.ended,
        "why": part.why,
        "remarks": part.remarks,
        "pts": [frame.pts for frame in frames],
        "durations": [frame.duration for frame in frames],
        "shots": [n for n, frame in enumerate(frames) if frame.starts_shot],
        "outliers": [n for n, frame in enumerate(frames) if frame.outlier],
        "shares": [frame.share for frame in frames],
        "prints": "".join(frame.print for frame in frames),
        "untimed": [n for n, one in enumerate(decoded) if one and not one.is_timed],
        "chroma": [one.chroma if one else None for one in decoded],
    }


def _from_dict(entry: dict[str, Any], tick: Fraction) -> SeenPart:
    shots, outliers, untimed = (set(entry[name]) for name in ("shots", "outliers", "untimed"))
    prints, zero = entry["prints"], Fraction(0)
    rows = zip(entry["pts"], entry["durations"], entry["shares"], entry["chroma"], strict=True)
    frames = []
    for n, (pts, duration, share, chroma) in enumerate(rows):
        spread = None if chroma is None else (float(chroma[0]), float(chroma[1]))
        decoded = DecodedPicture(pts, duration, n not in untimed, spread)
        print_ = prints[DIGITS * n : DIGITS * (n + 1)]
        marks = n in shots, n in outliers, share, print_
        frames.append(SeenFrame(pts, duration, tick, zero, *marks, decoded))
    return SeenPart(frames, bool(entry["ended"]), str(entry["why"]), list(entry["remarks"]))
