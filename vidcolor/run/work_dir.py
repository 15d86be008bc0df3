"""The work folder of a target, as one sees it who puts chunks into it or looks at what is there.

`vidcolor.run.journal` is for the one who holds its lock.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.core.files import appender, identify, new_file, own_sha256, printable, read_own
from vidcolor.core.gray_runs import Run
from vidcolor.core.iterators import tap
from vidcolor.core.json_lines import checked_line, entries
from vidcolor.core.json_types import from_plain
from vidcolor.core.paths import part_path
from vidcolor.core.run_spec import RunSpec, parse_fraction
from vidcolor.core.target import output_errors, publish, sync_folder
from vidcolor.errors import ClusterError, OutputError
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.media.sequences.frame_chunk import frames_are_whole
from vidcolor.temporal.smoother import TemporalState

JOURNAL = "journal.jsonl"
"""Name of the journal in its work folder."""
OTHERS = "journal.*.jsonl"
"""Journals of a cluster's writers."""
PLAN = "plan.jsonl"
"""Name of the plan of a film that is divided among many."""
SCRIPTS = "script.*.safetensors"
"""Color scripts; what each was made of is in its name."""
KEYS = "script.*.keys"
"""Parts of color scripts that are not made yet."""
FILM_PARTS = "plan.*.frames"
"""What was seen of parts of a film that is not planned yet."""
_MOST_HANDED = 256 << 20
"""Bytes of a handover."""
_WRITER = re.compile(r"[A-Za-z0-9-]{0,100}")


@dataclass(frozen=True)
class DoneChunk:
    """One line of the journal: a chunk that needs not be colored again."""

    number: int
    facts: ChunkFileInfo
    handover: str = ""
    """sha256 of what it hands on to the next chunk of its shot; empty where there is nothing."""
    colorless: tuple[int, ...] = ()
    """pts of the frames that had to be painted without color."""
    shots: tuple[int, ...] = ()
    """pts of the frames that start a shot."""
    writer: str = ""
    """Whose files they are, on a cluster."""
    neutral: tuple[Run, ...] = ()
    """What was left gray in it."""
    rests_on: tuple[str, str] = ("", "")
    """The first and the last frame that had a part in its colors: seconds from the source's start,
    as fractions."""
    colors: str = ""
    """Digest of what the color sheet says of these; empty where it says nothing."""

    @property
    def span(self) -> tuple[Fraction, Fraction] | None:
        """``rests_on`` in numbers; None where it is not told."""
        if not all(self.rests_on):
            return None
        return parse_fraction(self.rests_on[0]), parse_fraction(self.rests_on[1])


class WorkDir:
    """The work folder of one target, as one sees it who puts chunks into it."""

    def __init__(
        self, folder: Path, writer: str = "", spec: RunSpec | None = None, before: str = ""
    ) -> None:
        """Take the folder as it is.

        Args:
            folder: The work folder; must be there.
            writer: Who writes, in letters that file names may have; empty for the run that holds
                the journal.
            spec: What decides the bits of the target.
            before: Whose the handovers are that are taken over.
        """
        self.folder, self.writer, self.spec = folder, writer, spec
        self._before = before

    def path(self, number: int, writer: str | None = None) -> Path:
        """Where the chunk file of this number is; that of another writer where one is named."""
        return self._named(number, self.writer if writer is None else writer, "packets")

    def add(self, chunk: DoneChunk) -> None:
        """Write down that a chunk is done; its file is on the disk already."""
        self._note(asdict(chunk))

    def know(self, content: str) -> None:
        """Write down the digest of the film's bytes, of `vidcolor.media.identity.Content`."""
        self._note({"content": content})

    def part(self, target: Path) -> Path:
        """The temporary file that becomes the target; no two writers have the same."""
        return self.folder / f"{self.writer}.part" if self.writer else part_path(target)

    def mark_target(self, part: Path) -> None:
        """Write down which file becomes the target next.

        A run may be stopped when the target has its name, but before it could say so.
        """
        self._note({"target": fingerprint_of(part)})

    def mark_frames(self, pattern: str) -> None:
        """Write down that frames are about to get their names."""
        self._note({"target": {"frames": pattern}})

    def get(self, number: int) -> TemporalState | None:
        """What the chunk of this number takes over from the one before it, if there is anything."""
        path = self._handover(number, self._writer_before(number))
        if not os.path.lexists(path):
            return None
        try:
            return TemporalState.from_bytes(read_own(path, _MOST_HANDED))
        except (OSError, ValueError) as error:
            name = printable(path.name)
            raise OutputError(f"{name}: cannot be read ({error}); add --fresh") from error

    def expect(self, number: int, sha256: str) -> None:
        """See that what a chunk takes over is there: a shared disk may show it a little late.

        Raises:
            ClusterError: It is not, or is another one.
        """
        path = self._handover(number, self._writer_before(number))
        with suppress(OSError):
            if not sha256 or own_sha256(path) == sha256:
                return
        raise ClusterError(f"{path.name}: is missing, or is another file")

    def __setitem__(self, number: int, handover: TemporalState) -> None:
        """Keep what the chunk of this number takes over, on the disk."""
        path = self._handover(number, self.writer)
        with output_errors(path):
            self.put(path.name, handover.to_bytes())

    def handover_sha256(self, number: int, writer: str | None = None) -> str:
        """Of what the chunk of this number takes over; empty where there is nothing."""
        path = self._handover(number, self.writer if writer is None else writer)
        return own_sha256(path) if os.path.lexists(path) else ""

    @property
    def spec_entry(self) -> dict[str, Any]:
        """The first line of a journal or a manifest."""
        return {"spec": self.spec.to_dict() if self.spec else None}

    def put(self, name: str, data: bytes) -> None:
        """Write a whole file of the folder and bring it to the disk."""
        part = self.folder / (f"{name}.{self.writer}.part" if self.writer else f"{name}.part")
        with new_file(part) as file:
            file.write(data)
            file.flush()
            publish(file.fileno(), part, self.folder / name)

    def _note(self, entry: dict[str, Any]) -> None:
        name = f"journal.{self.writer}.jsonl" if self.writer else JOURNAL
        with output_errors(self.folder), appender(self.folder / name) as file:
            first = self.writer and not os.fstat(file.fileno()).st_size
            lines = [checked_line(self.spec_entry)] if first else []
            file.write("".join([*lines, checked_line(entry)]).encode())
            file.flush()
            os.fsync(file.fileno())
            if first:
                sync_folder(self.folder)  # the line is worth nothing without the file's name

    def _writer_before(self, _number: int) -> str:
        return self._before

    def _handover(self, number: int, writer: str) -> Path:
        return self._named(number, writer, "handover")

    def _named(self, number: int, writer: str, kind: str) -> Path:
        return self.folder / ".".join(filter(None, (f"{number:06d}", writer, kind)))


def read_journals(folder: Path) -> tuple[RunSpec | None, list[dict[str, Any]]]:
    """The spec of a work folder, and all lines about it, whoever wrote them.

    Raises:
        OSError: A journal cannot be read, or there is none.
    """
    written = entries(folder / JOURNAL)
    spec = _spec_of(written)
    for path in sorted(folder.glob(OTHERS)):
        lines = entries(path)
        # Someone may still be at work for a driver that has gone, and on another run.
        written += lines if _spec_of(lines) == spec else []
    return spec, written


def _spec_of(written: list[dict[str, Any]]) -> RunSpec | None:
    for entry in written:
        with suppress(ValueError):
            if "spec" in entry:
                return RunSpec.from_dict(entry["spec"])
    return None


def holds_foreign_chunks(written: list[dict[str, Any]]) -> bool:
    """Whether lines without a spec that can be read tell of chunks of another version's run."""
    # Version 0.1 called it "job".
    begun = any(isinstance(line.get("spec", line.get("job")), dict) for line in written)
    return begun and any("facts" in line for line in written)


def holds(folder: WorkDir, chunk: DoneChunk) -> bool:
    """Whether the files of a chunk are whole; they are read."""
    path = folder.path(chunk.number, chunk.writer)
    with suppress(OSError):
        whole = path.stat().st_size == chunk.facts.bytes and own_sha256(path) == chunk.facts.sha256
        after = folder.handover_sha256(chunk.number + 1, chunk.writer)
        return whole and after == chunk.handover and frames_are_whole(path)
    return False


def whole_chunks(
    folder: WorkDir, on_chunk: Callable[[object], object] = lambda _: None
) -> tuple[DoneChunk, ...]:
    """The chunks that the journals of a folder tell of and whose files are whole; all are read.

    Args:
        folder: The work folder.
        on_chunk: Called with each of them, whole or not.
    """
    try:
        written = read_journals(folder.folder)[1]
    except OSError:  # who opens the journal tells what is wrong with it
        return ()
    chunks = tap(filter(None, map(chunk_of, written)), on_chunk)
    return tuple(chunk for chunk in chunks if holds(folder, chunk))


def content_of(written: list[dict[str, Any]]) -> str:
    """The digest of the film's bytes; empty where no line tells it."""
    found = [str(entry["content"]) for entry in written if "content" in entry]
    return found[-1] if found else ""


def chunk_of(entry: dict[str, Any]) -> DoneChunk | None:
    """The chunk of a line; None for another line, or one of another version of vidcolor."""
    if not entry.keys() >= {"facts", "colorless", "shots", "neutral"}:
        return None
    try:
        chunk = from_plain(DoneChunk, entry)
        _ = chunk.span
    except ValueError:
        return None
    facts = chunk.facts
    true = min(chunk.number, facts.delay, facts.bytes) >= 0 < facts.frames
    return chunk if true and _WRITER.fullmatch(chunk.writer) else None


def fingerprint_of(path: Path) -> dict[str, Any]:
    """What tells a target from another one, on each machine that sees it."""
    found = identify(path)
    return {"bytes": found.bytes, "sha256": found.sha256}
