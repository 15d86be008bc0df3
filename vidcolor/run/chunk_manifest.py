"""Plans: what has to be known of a film, so that each of its chunks can be colored by itself.

Only who has read a film from its beginning knows where its shots begin. The planner does so once,
without a net, and writes that down. Whoever colors a chunk then reads that part alone, wherever it
is, and checks frame by frame that it is what the planner saw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise

from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.gray_runs import from_byte
from vidcolor.core.iterators import close, tap
from vidcolor.core.json_lines import checked_line, entries
from vidcolor.core.json_types import from_plain
from vidcolor.core.target import output_errors
from vidcolor.errors import FilmUnreadable, ManifestMismatch
from vidcolor.guidance.plan import ShotRange
from vidcolor.media.decode.decoder import decode
from vidcolor.media.decode.reading import Reading
from vidcolor.media.open import VideoReader
from vidcolor.media.pass_log import PassLog
from vidcolor.run.film_script import ScriptPlan
from vidcolor.run.seen_frames import DIGITS, SeenFrame, fingerprint, see_frame
from vidcolor.run.work_dir import PLAN, WorkDir

_PRINTS = re.compile(f"(?:[0-9a-f]{{{DIGITS}}})+")
_SHARES = re.compile("(?:[0-9a-f]{2})+")


@dataclass(frozen=True)
class PlannedChunk:
    """What the planner saw of a chunk."""

    number: int
    first_pts: int
    """Of its first frame, in ticks of the target."""
    continues_shot: bool
    """Whether it begins within a shot: its colors go on from those of the chunk before it."""
    shots: tuple[int, ...]
    """pts of its frames that start a shot."""
    outliers: tuple[int, ...]
    """pts of its frames that are outliers."""
    prints: str
    """Fingerprints of all its frames, one after the other."""
    shares: str
    """Two hexadecimal digits for each of its frames: how much color it may show."""

    @property
    def frames(self) -> int:
        """How many it has."""
        return len(self.prints) // DIGITS

    def share_of(self, place: int) -> int:
        """The byte of `from_byte` for one of its frames."""
        return int(self.shares[2 * place : 2 * place + 2], 16)


@dataclass(frozen=True)
class Manifest:
    """All chunks of a film."""

    chunks: tuple[PlannedChunk, ...]
    end: PassLog
    script: ScriptPlan | None = None
    """Of the color script that they follow; None where there is none."""


def collect_chunks(frames: Iterable[Frame]) -> Iterator[PlannedChunk]:
    """The chunks of a film, each as soon as it is known.

    Args:
        frames: All frames of a film, in order, with shots and titles marked and ``chunk`` set.
    """
    try:
        yield from collect_seen_chunks(map(see_frame, frames))
    finally:
        close(frames)


def collect_seen_chunks(frames: Iterable[SeenFrame]) -> Iterator[PlannedChunk]:
    """The same, of frames whose pictures are gone."""
    for number, chunk in groupby(frames, lambda frame: frame.chunk):
        yield _record_chunk(number, chunk)


def _record_chunk(number: int, frames: Iterator[SeenFrame]) -> PlannedChunk:
    shots, outliers, prints, shares = [], [], [], []
    first: tuple[int, bool] | None = None
    for frame in frames:
        first = first or (frame.pts, number > 0 and not frame.starts_shot)
        shots += [frame.pts] if frame.starts_shot else []
        outliers += [frame.pts] if frame.outlier else []
        prints.append(frame.print)
        shares.append(f"{frame.share:02x}")
    assert first  # groupby gives no empty group
    marked = tuple(shots), tuple(outliers)
    return PlannedChunk(number, *first, *marked, "".join(prints), "".join(shares))


def read_chunk_frames(
    film: VideoReader,
    layout: PixelLayout,
    zero: Fraction,
    chunks: Sequence[PlannedChunk],
    context: int,
    seek: bool = True,
    on_read: Callable[[Frame], object] = lambda _: None,
) -> Iterator[Frame]:
    """The frames of a chunk, and those after it that its colors rest on, as the planner saw them.

    Args:
        film: Freshly opened; one pass per Film.
        layout: As of `decode`.
        zero: As the plan tells it.
        chunks: The chunk, and those behind it.
        context: How many frames behind the chunk are needed at most; those of other shots are not.
        seek: Whether to begin near the chunk instead of at the film's beginning.
        on_read: Called with every frame that was decoded, those before the chunk too.

    Yields:
        Frames with shots, outliers, titles and ``chunk`` set; the first one has ``resumed`` set
        where the chunk begins within a shot.

    Raises:
        ManifestMismatch: The film gives other frames here.
        FilmError: As `decode`.
    """
    first = chunks[0]
    begin = first.first_pts * film.info.time_base + zero - film.info.start
    seek = seek and first.number > 0 and begin > 0
    reading = Reading.of(film)
    if seek:
        reading = replace(reading, start=begin)
    frames = tap(decode(film, layout, zero, reading), on_read)
    wanted = first.frames + (_reach(chunks[1:], context) if context else 0)
    try:
        yield from _check_frames(frames, chunks, wanted)
    except FilmUnreadable as error:
        if not seek:
            raise
        raise ManifestMismatch(str(error)) from error  # nothing can be decoded from there on
    finally:
        close(frames)


def _reach(chunks: Sequence[PlannedChunk], context: int) -> int:
    """How many frames of these chunks are needed, which all lean on the first one's shot."""
    count = 0
    for chunk in chunks:
        if not chunk.continues_shot:
            break
        count += chunk.frames
        if count >= context:
            break
    return min(count, context)


def _check_frames(
    frames: Iterator[Frame], chunks: Sequence[PlannedChunk], wanted: int
) -> Iterator[Frame]:
    """So many frames from the first chunk's first one on."""
    first = chunks[0].first_pts
    frame = next((frame for frame in frames if frame.pts >= first), None)
    for chunk in chunks:
        for place in range(0, len(chunk.prints), DIGITS):
            if frame is None or fingerprint(frame) != chunk.prints[place : place + DIGITS]:
                where = "it ends" if frame is None else f"at {float(frame.seconds):.3f} s"
                raise ManifestMismatch(
                    f"chunk {chunk.number} does not have the planned frames here: {where}"
                )
            frame.chunk = chunk.number
            frame.starts_shot = frame.pts in chunk.shots
            frame.outlier = frame.pts in chunk.outliers
            from_byte(frame, chunk.share_of(place // DIGITS))
            frame.resumed = chunk is chunks[0] and not place and chunk.continues_shot
            yield frame
            wanted -= 1
            if not wanted:
                return
            frame = next(frames, None)


def context_chunks(
    chunks: Sequence[PlannedChunk], number: int, context: int, ended: bool
) -> tuple[PlannedChunk, ...] | None:
    """The chunks behind one that its colors rest on; None while they are not known.

    Args:
        chunks: Those of a film that are known, from the first one on.
        number: Of the chunk.
        context: How many frames behind it are needed at most.
        ended: Whether these are all.
    """
    found: list[PlannedChunk] = []
    for chunk in chunks[number + 1 :]:
        if not chunk.continues_shot or sum(each.frames for each in found) >= context:
            return tuple(found)
        found.append(chunk)
    known = ended or not context or sum(each.frames for each in found) >= context
    return tuple(found) if known else None


def shots_touched(
    chunks: Sequence[PlannedChunk], number: int, ended: bool
) -> tuple[int | None, ...] | None:
    """The pts at which the shots begin that a chunk touches, then that of the next shot.

    Args:
        chunks: As of `context_chunks`.
        number: As of `context_chunks`.
        ended: As of `context_chunks`.

    Returns:
        The last is None where the video ends there; None instead of all while that is not known.
    """
    before = (pts for chunk in reversed(chunks[:number]) for pts in reversed(chunk.shots))
    begin = [next(before, chunks[0].first_pts)] if chunks[number].continues_shot else []
    after = next((pts for chunk in chunks[number + 1 :] for pts in chunk.shots), None)
    if after is None and not ended:
        return None
    own = chunks[number].shots
    first = [] if begin or own else [chunks[number].first_pts]
    return (*begin, *first, *own, after)


def shot_ranges(
    shots: Sequence[int | None], tick: Fraction, offset: Fraction
) -> tuple[ShotRange, ...]:
    """The shots that `shots_touched` tells, in the time of the source.

    Args:
        shots: As it gives them.
        tick: Seconds per unit of pts.
        offset: As of `Frame`.
    """
    times = [None if pts is None else pts * tick + offset for pts in shots]
    return tuple(ShotRange(one, end) for one, end in pairwise(times) if one is not None)


def write_manifest(folder: WorkDir, plan: Manifest) -> None:
    """Write a plan down in the work folder of its film.

    Raises:
        OutputError: It cannot be written.
    """
    script = {"script": plan.script.to_dict()} if plan.script else {}
    lines = [
        checked_line(folder.spec_entry),
        *(checked_line({"chunk": asdict(chunk)}) for chunk in plan.chunks),
        checked_line({"end": plan.end.to_dict(), "chunks": len(plan.chunks)} | script),
    ]
    with output_errors(folder.folder):
        folder.put(PLAN, "".join(lines).encode())


def read_manifest(folder: WorkDir) -> Manifest | None:
    """The plan of a work folder; None where there is none of this run, or not all of it."""
    try:
        first, *middle, last = entries(folder.folder / PLAN)
        if first != folder.spec_entry:
            return None
        chunks = tuple(from_plain(PlannedChunk, line["chunk"]) for line in middle)
        script = ScriptPlan.from_dict(last["script"]) if "script" in last else None
        plan = Manifest(chunks, PassLog.from_dict(last["end"]), script)
        numbers = list(range(last["chunks"])) if last["chunks"] == len(chunks) else []
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = [chunk.number for chunk in chunks] == numbers
    whole = whole and all(map(_is_plain, chunks))
    return plan if whole else None


def _is_plain(chunk: PlannedChunk) -> bool:
    """Whether its fingerprints and shares are written as such, one of each for every frame."""
    written = _PRINTS.fullmatch(chunk.prints) and _SHARES.fullmatch(chunk.shares)
    return bool(written) and len(chunk.shares) == 2 * chunk.frames
