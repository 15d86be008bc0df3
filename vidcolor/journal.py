"""The journal: what of a film is done, so that nothing is done twice and nothing is lost.

It lives in a hidden work folder beside the target, with the chunk files. Each line is brought to
the disk before the next chunk is; a line that a crash tore is not there, and a chunk whose file is
not the one in its line is not done.

On a cluster many write into one folder. Each has files of its own, its lines too: two who colour
the same chunk do no harm, and no lock has to hold on a disk that machines share.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidcolor.errors import ClusterError, JobDiffers, OutputError, VidcolorError
from vidcolor.film.limits import identity, printable
from vidcolor.film.packets import PacketFacts
from vidcolor.film.target import claim, new_file, output_errors, publish, sync_folder
from vidcolor.lines import checked_line, entries
from vidcolor.model.weights import file_sha256
from vidcolor.neutrals import Run
from vidcolor.places import part_path, work_folder
from vidcolor.smoothing import Handover

JOURNAL = "journal.jsonl"
"""Name of the journal in its work folder."""
_LOCK = "lock"
_OTHERS = "journal.*.jsonl"
"""Journals of a cluster's writers."""
PLAN = "plan.jsonl"
"""Name of the plan of a film that is divided among many."""
_OURS = (JOURNAL, _OTHERS, PLAN, "*.packets", "*.handover", "*.part")
_NAMED = 3


@dataclass(frozen=True)
class DoneChunk:
    """One line of the journal: a chunk that needs not be coloured again."""

    number: int
    facts: PacketFacts
    handover: str = ""
    """sha256 of what it hands on to the next chunk of its shot; empty where there is nothing."""
    colourless: tuple[int, ...] = ()
    """pts of the frames that had to be painted without colour."""
    shots: tuple[int, ...] = ()
    """pts of the frames that start a shot."""
    writer: str = ""
    """Whose files they are, on a cluster."""
    neutral: tuple[Run, ...] = ()


class ChunkFolder:
    """The work folder of one target, as one sees it who puts chunks into it."""

    def __init__(
        self, folder: Path, writer: str = "", job: dict[str, Any] | None = None, before: str = ""
    ) -> None:
        """Take the folder as it is.

        Args:
            folder: The work folder; must be there.
            writer: Who writes, in letters that file names may have; empty for the run that holds
                the journal.
            job: What decides the bits of the target.
            before: Whose the handovers are that are taken over.
        """
        self.folder, self.writer, self.job = folder, writer, job or {}
        self._before = before

    def path(self, number: int, writer: str | None = None) -> Path:
        """Where the chunk file of this number is; that of another writer where one is named."""
        return self._named(number, self.writer if writer is None else writer, "packets")

    def add(self, chunk: DoneChunk) -> None:
        """Write down that a chunk is done; its file is on the disk already."""
        self._note(asdict(chunk))

    def part(self, target: Path) -> Path:
        """The temporary file that becomes the target; no two writers have the same."""
        return self.folder / f"{self.writer}.part" if self.writer else part_path(target)

    def sign(self, part: Path) -> None:
        """Write down which file becomes the target next.

        A run may be stopped when the target has its name, but before it could say so.
        """
        self._note({"target": _seen(part)})

    def get(self, number: int) -> Handover | None:
        """What the chunk of this number takes over from the one before it, if there is anything."""
        path = self._handover(number, self._writer_before(number))
        return Handover.from_bytes(path.read_bytes()) if path.exists() else None

    def expect(self, number: int, sha256: str) -> None:
        """See that what a chunk takes over is there: a shared disk may show it a little late.

        Raises:
            ClusterError: It is not, or is another one.
        """
        path = self._handover(number, self._writer_before(number))
        with suppress(OSError):
            if not sha256 or file_sha256(path) == sha256:
                return
        raise ClusterError(f"{path.name}: is not there yet, or is another one")

    def __setitem__(self, number: int, handover: Handover) -> None:
        """Keep what the chunk of this number takes over, on the disk."""
        path = self._handover(number, self.writer)
        with output_errors(path):
            self.put(path.name, handover.to_bytes())

    def handover_sha256(self, number: int, writer: str | None = None) -> str:
        """Of what the chunk of this number takes over; empty where there is nothing."""
        path = self._handover(number, self.writer if writer is None else writer)
        return file_sha256(path) if path.exists() else ""

    def put(self, name: str, data: bytes) -> None:
        """Write a whole file of the folder and bring it to the disk."""
        part = self.folder / (f"{name}.{self.writer}.part" if self.writer else f"{name}.part")
        with new_file(part) as file:
            file.write(data)
            file.flush()
            publish(file.fileno(), part, self.folder / name)

    def _note(self, entry: dict[str, Any]) -> None:
        name = f"journal.{self.writer}.jsonl" if self.writer else JOURNAL
        with output_errors(self.folder), open(self.folder / name, "a") as file:
            if self.writer and not file.tell():
                file.write(checked_line({"job": self.job}))
            file.write(checked_line(entry))
            file.flush()
            os.fsync(file.fileno())

    def _writer_before(self, _number: int) -> str:
        return self._before

    def _handover(self, number: int, writer: str) -> Path:
        return self._named(number, writer, "handover")

    def _named(self, number: int, writer: str, kind: str) -> Path:
        return self.folder / ".".join(filter(None, (f"{number:06d}", writer, kind)))


class Journal(ChunkFolder):
    """The work folder of one target, locked. Use `open_journal`.

    Attributes:
        job: What decides the bits of the target; empty before anything was begun.
        done: By number; only chunks whose files were found to be whole.
        known: Whether it was read, or begun anew: what is in the folder is accounted for.
    """

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        """Take the folder as it is; ``fresh`` leaves what is in it unread."""
        super().__init__(folder)
        self.done: dict[int, DoneChunk] = {}
        self.known = not fresh
        self._signed: list[dict[str, Any]] = []
        if not fresh:
            self._read()

    def begin(self, job: dict[str, Any]) -> None:
        """Take the job on, or go on with it.

        Raises:
            JobDiffers: The work folder is that of another job.
        """
        if self.done and self.job != job:
            raise JobDiffers(_otherwise(self.folder, self.job, job))
        self.job = job
        lines = [
            checked_line({"job": job}),
            *(checked_line(asdict(chunk)) for chunk in self.done.values()),
            *map(checked_line, self._signed),
        ]
        with output_errors(self.folder):
            # Without what was torn or is not true any more.
            self.put(JOURNAL, "".join(lines).encode())
            for path in self.folder.glob(_OTHERS):
                path.unlink(missing_ok=True)

    def add(self, chunk: DoneChunk) -> None:
        """Write down that a chunk is done; its file is on the disk already."""
        super().add(chunk)
        self.done[chunk.number] = chunk

    def forget(self, number: int) -> None:
        """Take a chunk for not done, in the next run too."""
        chunk = self.done.pop(number, None)
        with output_errors(self.folder):
            self.path(number, chunk.writer if chunk else "").unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget everything."""
        self.job, self.done, self._signed, self.known = {}, {}, [], True
        with output_errors(self.folder):
            for path in (path for pattern in _OURS for path in self.folder.glob(pattern)):
                path.unlink(missing_ok=True)  # somebody else may still be at work in it

    def remove(self) -> None:
        """Remove the folder and what vidcolor put into it."""
        self.clear()
        (self.folder / _LOCK).unlink(missing_ok=True)
        with suppress(OSError):  # a stranger's file is in it
            self.folder.rmdir()

    def _writer_before(self, number: int) -> str:
        before = self.done.get(number - 1)
        return before.writer if before else ""

    def _read(self) -> None:
        """Take what the journal says for true where the files bear it out."""
        try:
            self.job, written = read_journals(self.folder)
        except FileNotFoundError:
            return
        except OSError as exc:
            name = printable(self.folder.name)
            raise OutputError(f"{name}: cannot be read: {exc.strerror}") from exc
        self._signed = [entry for entry in written if "target" in entry]
        if self.job:  # chunks of an unknown job are worth nothing
            chunks = [chunk for chunk in map(_chunk_of, written) if chunk and self._holds(chunk)]
            self.done = {chunk.number: chunk for chunk in chunks}
        if not self.done:
            self.clear()

    def _holds(self, chunk: DoneChunk) -> bool:
        """Whether the files of a chunk are whole."""
        path = self.path(chunk.number, chunk.writer)
        with suppress(OSError):
            whole = (
                path.stat().st_size == chunk.facts.bytes and file_sha256(path) == chunk.facts.sha256
            )
            after = self.handover_sha256(chunk.number + 1, chunk.writer)
            return whole and after == chunk.handover
        return False


@contextmanager
def open_journal(target: Path, fresh: bool = False) -> Iterator[Journal]:
    """The journal of ``target``, locked meanwhile; its folder goes when nothing in it is done.

    Args:
        target: Names the folder.
        fresh: Read nothing: whatever is in the folder is to go. It stays until `Journal.clear`.

    Raises:
        OutputError: Another run is writing this target, or the folder cannot be made.
    """
    folder = work_folder(target)
    with output_errors(target):
        if folder.is_symlink():
            raise OutputError(f"{printable(folder.name)}: is a link; remove it and run again")
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    lock = claim(folder / _LOCK, target)
    try:
        journal = Journal(folder, fresh)
        try:
            yield journal
        finally:
            # A chunk of another writer may be done although nobody here has heard of it yet.
            empty = journal.known and not journal.done and not any(folder.glob(_OTHERS))
            if empty and folder.exists():
                journal.remove()
    finally:
        os.close(lock)


def is_signed(target: Path) -> bool:
    """Whether a target is the one that its journal says."""
    with suppress(OSError, VidcolorError):
        lines = read_journals(work_folder(target))[1]
        return _seen(target) in [line.get("target") for line in lines]
    return False


def _seen(path: Path) -> dict[str, Any]:
    """What tells a target from another one, on each machine that sees it."""
    found = identity(path)
    return {name: found[name] for name in ("bytes", "sha256")}


def read_journals(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The job of a work folder, and all lines about it, whoever wrote them.

    Raises:
        OSError: A journal cannot be read, or there is none.
    """
    written = entries(folder / JOURNAL)
    job = _job_of(written)
    for path in sorted(folder.glob(_OTHERS)):
        lines = entries(path)
        # Someone may still be at work for a driver that has gone, and on another job.
        written += lines if _job_of(lines) == job else []
    return job, written


def _job_of(written: list[dict[str, Any]]) -> dict[str, Any]:
    return next((entry["job"] for entry in written if "job" in entry), {})


def _chunk_of(entry: dict[str, Any]) -> DoneChunk | None:
    """The chunk of a line; None for another line, or one of another version of vidcolor."""
    try:
        facts = PacketFacts(**entry.pop("facts"))
        lists = {name: tuple(entry[name]) for name in ("colourless", "shots", "neutral")}
        return DoneChunk(facts=facts, **entry | lists)
    except (KeyError, TypeError):
        return None


def _otherwise(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> str:
    return (
        f"{printable(folder.name)} holds an unfinished film that was begun otherwise:"
        f" {differences(before, now)}; run as before to go on with it, or add --fresh to start over"
    )


def differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two jobs, in words; empty where nothing does."""
    a, b = dict(_flat(before)), dict(_flat(now))
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    parts = [f"{name} was {a.get(name)}, is {b.get(name)}" for name in names[:_NAMED]]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return printable("; ".join(parts)) + more


def _flat(entry: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in entry.items():
        name = f"{path} {key}".strip()
        if isinstance(value, dict):
            yield from _flat(value, name)
        else:
            yield name, value
