"""Finished videos: how one was made with a color sheet, so that an edit costs only what it touches.

Beside the target stays a small hidden file with what its journal said; the packets are taken back
from the target itself, if it still is the file that was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from vidcolor.colorize.session import Session
from vidcolor.core.files import own_sha256, write_own
from vidcolor.core.json_lines import checked_line, entries
from vidcolor.core.json_types import from_plain
from vidcolor.core.paths import finished_path, follow_link
from vidcolor.core.run_spec import RunSpec
from vidcolor.core.target import output_errors
from vidcolor.errors import OutputExists
from vidcolor.guidance.plan import ShotRange
from vidcolor.media.encode.packet_recovery import ChunkHeads, recover_chunks
from vidcolor.run.journal import Journal
from vidcolor.run.shot_scan import shots_entry, shots_of
from vidcolor.run.work_dir import DoneChunk, chunk_of, content_of


@dataclass(frozen=True)
class Finished:
    """How a target was made."""

    spec: RunSpec
    chunks: tuple[DoneChunk, ...]
    heads: tuple[ChunkHeads, ...]
    """Of each chunk."""
    shots: tuple[ShotRange, ...]
    """As of `Journal`."""
    content: str
    """As of `Journal`."""
    sha256: str
    """Of the target."""


def keep_finished(journal: Journal, target: Path, is_guided: bool) -> None:
    """Write down how a target was made, before its work folder goes.

    Args:
        journal: Of the target, with all its chunks.
        target: Is there.
        is_guided: Whether a color sheet had a part in it; else nothing is kept, of earlier ones
            neither.

    Raises:
        OutputError: It cannot be written.
    """
    path = finished_path(target)
    with output_errors(path):
        if not is_guided:
            path.unlink(missing_ok=True)
            return
        chunks = [journal.done[number] for number in sorted(journal.done)]
        heads = [ChunkHeads.of(journal.path(one.number, one.writer)) for one in chunks]
        lines = [
            journal.spec_entry,
            *map(asdict, chunks),
            *({"heads": asdict(each)} for each in heads),
            shots_entry(journal.shots),
            {"content": journal.content},
            {"finished": own_sha256(follow_link(target))},
        ]
        write_own(path, "".join(map(checked_line, lines)).encode())


def read_finished(target: Path) -> Finished | None:
    """How a target was made; None where that is not kept, or the target is another file now."""
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        written = entries(finished_path(target))
        sha256 = str(written[-1]["finished"])
        chunks = tuple(filter(None, map(chunk_of, written)))
        heads = [line["heads"] for line in written if "heads" in line]
        found = Finished(
            RunSpec.from_dict(written[0]["spec"]),
            chunks,
            tuple(from_plain(ChunkHeads, each) for each in heads),
            shots_of(written),
            content_of(written),
            sha256,
        )
        if _is_whole(found) and own_sha256(follow_link(target)) == sha256:
            return found
    return None


def _is_whole(finished: Finished) -> bool:
    """Whether all chunks are there, and heads for all of their frames."""
    chunks, heads = finished.chunks, finished.heads
    whole = bool(chunks) and [one.number for one in chunks] == list(range(len(heads)))
    return whole and all(
        len(each.pts) == len(each.durations) == len(each.keys) == chunk.facts.frames
        for chunk, each in zip(chunks, heads, strict=True)
    )


def check_edited(finished: Finished, spec: RunSpec, target: Path) -> None:
    """Refuse to make a target anew that nothing but an edit of the color sheet would change.

    Raises:
        OutputExists: It was made otherwise, or the sheet says what it said then.
    """
    changed = spec.with_colors_of(finished.spec).diff(finished.spec)
    if changed:
        why = f"made differently: {changed}; use --force to replace it, or choose another name"
    elif spec == finished.spec:
        why = "made with this color sheet already; use --force to make it again"
    else:
        return
    raise OutputExists(f"{target.name}: exists, {why}")


def restore_chunks(finished: Finished, target: Path, journal: Journal, session: Session) -> int:
    """Take back what the color sheet leaves as it is; how many chunks that are.

    Args:
        finished: How the target was made.
        target: The target as it was made.
        journal: Gets the chunks and their files, but for those that it has.
        session: With the color sheet as it is now.

    Raises:
        OutputError: A file cannot be written.
    """
    dropped = _find_changed(finished.chunks, session)
    wanted = [
        None if one.number in dropped | journal.done.keys() else journal.path(one.number)
        for one in finished.chunks
    ]
    facts = [one.facts for one in finished.chunks]
    if finished.content and not journal.content:
        journal.know(finished.content)
    recovered = recover_chunks(
        follow_link(target), list(zip(wanted, facts, finished.heads, strict=True))
    )
    count = 0
    for chunk, found in zip(finished.chunks, recovered, strict=True):
        if found:
            # What it hands on is not kept: who needs it is colored again from the shot's beginning,
            # and another run takes the chunk back once more.
            journal.add(replace(chunk, facts=found, writer=""))
            count += 1
    return count


def _find_changed(chunks: Sequence[DoneChunk], session: Session) -> set[int]:
    """Numbers of the chunks that are to be colored again, each from the beginning of a shot."""
    found = set()
    for chunk in chunks:
        span = chunk.span
        if span is None or session.colors_of(*span) != chunk.colors:
            found.add(chunk.number)
    for chunk in reversed(chunks):
        if chunk.number in found and chunk.number and chunk.facts.first_pts not in chunk.shots:
            found.add(chunk.number - 1)
    return found
