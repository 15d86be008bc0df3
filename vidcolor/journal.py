"""The journal: what of a film is done, so that nothing is done twice and nothing is lost.

It lives in a hidden work folder beside the target, with the chunk files. Each line is brought to
the disk before the next chunk is; a line that a crash tore is not there, and a chunk whose file is
not the one in its line is not done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from vidcolor.errors import JobDiffers, OutputError
from vidcolor.film.limits import printable
from vidcolor.film.packets import PacketFacts
from vidcolor.film.target import claim, new_file, output_errors, publish, sync_folder
from vidcolor.model.weights import file_sha256
from vidcolor.places import work_folder
from vidcolor.smoothing import Handover

JOURNAL = "journal.jsonl"
"""Name of the journal in its work folder."""
_LOCK = "lock"
_OURS = (JOURNAL, "*.packets", "*.handover", "*.part")
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


class Journal:
    """The work folder of one target, locked. Use `open_journal`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.job: dict[str, Any] = {}
        """What decides the bits of the target; empty before anything was begun."""
        self.done: dict[int, DoneChunk] = {}
        """By number; only chunks whose files were found to be whole."""
        self._read()

    def path(self, number: int) -> Path:
        """Where the chunk file of this number is."""
        return self.folder / f"{number:06d}.packets"

    def begin(self, job: dict[str, Any]) -> None:
        """Take the job on, or go on with it.

        Raises:
            JobDiffers: The work folder is that of another job.
        """
        if self.done and self.job != job:
            raise JobDiffers(_otherwise(self.folder, self.job, job))
        self.job = job
        lines = [_line({"job": job}), *(_line(asdict(chunk)) for chunk in self.done.values())]
        with output_errors(self.folder):
            # Without what was torn or is not true any more.
            self._put(JOURNAL, "".join(lines).encode())

    def add(self, chunk: DoneChunk) -> None:
        """Write down that a chunk is done; its file is on the disk already."""
        with output_errors(self.folder), open(self.folder / JOURNAL, "a") as file:
            file.write(_line(asdict(chunk)))
            file.flush()
            os.fsync(file.fileno())
        self.done[chunk.number] = chunk

    def forget(self, number: int) -> None:
        """Take a chunk for not done, in the next run too."""
        self.done.pop(number, None)
        with output_errors(self.folder):
            self.path(number).unlink(missing_ok=True)

    def get(self, number: int) -> Handover | None:
        """What the chunk of this number takes over from the one before it, if there is anything."""
        path = self._handover(number)
        return Handover.from_bytes(path.read_bytes()) if path.exists() else None

    def __setitem__(self, number: int, handover: Handover) -> None:
        """Keep what the chunk of this number takes over, on the disk."""
        path = self._handover(number)
        with output_errors(path):
            self._put(path.name, handover.to_bytes())

    def handover_sha256(self, number: int) -> str:
        """Of what the chunk of this number takes over; empty where there is nothing."""
        path = self._handover(number)
        return file_sha256(path) if path.exists() else ""

    def clear(self) -> None:
        """Forget everything."""
        self.job, self.done = {}, {}
        with output_errors(self.folder):
            for path in (path for pattern in _OURS for path in self.folder.glob(pattern)):
                path.unlink()

    def remove(self) -> None:
        """Remove the folder and what vidcolor put into it."""
        self.clear()
        (self.folder / _LOCK).unlink(missing_ok=True)
        with suppress(OSError):  # a stranger's file is in it
            self.folder.rmdir()

    def _put(self, name: str, data: bytes) -> None:
        """Write a whole file of the folder and bring it to the disk."""
        part = self.folder / f"{name}.part"
        with new_file(part) as file:
            file.write(data)
            file.flush()
            publish(file.fileno(), part, self.folder / name)

    def _handover(self, number: int) -> Path:
        return self.folder / f"{number:06d}.handover"

    def _read(self) -> None:
        """Take what the journal says for true where the files bear it out."""
        try:
            written = entries(self.folder / JOURNAL)
        except FileNotFoundError:
            return
        except OSError as exc:
            name = printable(self.folder.name)
            raise OutputError(f"{name}: cannot be read: {exc.strerror}") from exc
        self.job = next((entry["job"] for entry in written if "job" in entry), {})
        if self.job:  # chunks of an unknown job are worth nothing
            chunks = [chunk for chunk in map(_chunk_of, written) if chunk and self._holds(chunk)]
            self.done = {chunk.number: chunk for chunk in chunks}
        if not self.done:
            self.clear()

    def _holds(self, chunk: DoneChunk) -> bool:
        """Whether the files of a chunk are whole."""
        path = self.path(chunk.number)
        with suppress(OSError):
            whole = (
                path.stat().st_size == chunk.facts.bytes and file_sha256(path) == chunk.facts.sha256
            )
            return whole and self.handover_sha256(chunk.number + 1) == chunk.handover
        return False


@contextmanager
def open_journal(target: Path) -> Iterator[Journal]:
    """The journal of ``target``, locked meanwhile; its folder goes when nothing in it is done.

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
        journal = Journal(folder)
        try:
            yield journal
        finally:
            if not journal.done and folder.exists():
                journal.remove()
    finally:
        os.close(lock)


def entries(path: Path) -> list[dict[str, Any]]:
    """What the lines of a journal say, but for those that are torn or altered.

    Raises:
        OSError: It cannot be read.
    """
    lines = path.read_bytes().splitlines()
    return [entry for entry in map(_checked, lines) if entry is not None]


def _line(entry: dict[str, Any]) -> str:
    """A line with a checksum of its own, so that a torn or altered one is not believed."""
    text = json.dumps(entry)
    return f"{sha256(text.encode()).hexdigest()[:16]} {text}\n"


def _checked(line: bytes) -> dict[str, Any] | None:
    check, _, text = line.partition(b" ")
    if sha256(text).hexdigest()[:16].encode() != check:
        return None
    entry: dict[str, Any] = json.loads(text)
    return entry


def _chunk_of(entry: dict[str, Any]) -> DoneChunk | None:
    """The chunk of a line; None for another line, or one of another version of vidcolor."""
    try:
        facts = PacketFacts(**entry.pop("facts"))
        lists = {name: tuple(entry[name]) for name in ("colourless", "shots")}
        return DoneChunk(facts=facts, **entry | lists)
    except (KeyError, TypeError):
        return None


def _otherwise(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> str:
    return (
        f"{printable(folder.name)} holds an unfinished film that was begun otherwise:"
        f" {differences(before, now)}; run as before to go on with it, or add --fresh to start"
        " over"
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
