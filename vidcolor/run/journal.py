"""The journal: what of a film is done, so that nothing is done twice and nothing is lost.

It lives in a hidden work folder beside the target, with the chunk files. Each line is brought to
the disk before the next chunk is; a line that a crash tore is not there, and a chunk whose file is
not the one in its line is not done.

On a cluster many write into one folder. Each has files of its own, its lines too: two who color
the same chunk do no harm, and no lock has to hold on a disk that machines share.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidcolor.core.files import printable
from vidcolor.core.frame_target import frame_target
from vidcolor.core.json_lines import checked_line
from vidcolor.core.paths import work_folder
from vidcolor.core.platform import remove_open
from vidcolor.core.run_spec import RunSpec
from vidcolor.core.target import claim, output_errors, sync_folder
from vidcolor.errors import JobDiffers, OutputError, VidcolorError
from vidcolor.guidance.plan import ShotRange
from vidcolor.media.sequences.frame_chunk import SUFFIX, drop_frames
from vidcolor.run.shot_scan import shots_entry, shots_of
from vidcolor.run.work_dir import (
    FILM_PARTS,
    JOURNAL,
    KEYS,
    OTHERS,
    PLAN,
    SCRIPTS,
    DoneChunk,
    WorkDir,
    chunk_of,
    content_of,
    fingerprint_of,
    holds,
    holds_foreign_chunks,
    read_journals,
)

_LOG = logging.getLogger(__name__)
_LOCK = "lock"
_OURS = (JOURNAL, OTHERS, "*.packets", "*.handover", "*.part")
_FRAMES = f"*{SUFFIX}"


class Journal(WorkDir):
    """The work folder of one target, locked. Use `open_journal`.

    Attributes:
        spec: What decides the bits of the target; None before anything was begun.
        done: By number; only chunks whose files were found to be whole.
        content: Digest of the film's bytes, hexadecimal; empty where it is not known.
        shots: Those of the source, where somebody looked for them before.
        known: Whether it was read, or begun anew: what is in the folder is accounted for.
    """

    def __init__(
        self,
        folder: Path,
        fresh: bool = False,
        whole: Collection[DoneChunk] | None = None,
        lock: int | None = None,
    ) -> None:
        """Take the folder as it is.

        Args:
            folder: The work folder.
            fresh: As of `open_journal`.
            whole: See there.
            lock: Descriptor of the folder's lock; None where it is only looked at.
        """
        super().__init__(folder)
        self._lock = lock
        self.done: dict[int, DoneChunk] = {}
        self.known = not fresh
        self._whole = None if whole is None else frozenset(whole)
        self.content = ""
        self.shots: tuple[ShotRange, ...] = ()
        self._scanned: tuple[RunSpec | None, tuple[ShotRange, ...]] = None, ()
        """Of a run that had not done a chunk yet: the shots are found again if it goes on."""
        self._is_foreign = False
        self._signed: list[dict[str, Any]] = []
        if not fresh:
            self._read()

    def begin(self, spec: RunSpec) -> None:
        """Begin a run, or go on with it.

        Raises:
            JobDiffers: The work folder is that of another run, or of another version of vidcolor.
        """
        if self._is_foreign:
            raise JobDiffers(
                f"{printable(self.folder.name)} holds an unfinished run of another version of"
                " vidcolor; finish it with that version, or add --fresh to start over"
            )
        then = self.spec
        if self.done and then and then != spec.with_colors_of(then).with_sound_of(then):
            changed = spec.with_colors_of(then).with_sound_of(then).diff(then)
            raise JobDiffers(
                f"{printable(self.folder.name)} holds an unfinished run that differs:"
                f" {changed}; run as before to resume it, or add --fresh to start over"
            )
        before, shots = self._scanned
        if before and before == spec.with_colors_of(before).with_sound_of(before):
            self.shots = self.shots or shots
        self.spec = spec
        lines = [
            checked_line(self.spec_entry),
            *(checked_line(asdict(chunk)) for chunk in self.done.values()),
            *map(checked_line, self._signed),
            *([checked_line({"content": self.content})] if self.content else []),
            *([checked_line(shots_entry(self.shots))] if self.shots else []),
        ]
        with output_errors(self.folder):
            # Without what was torn or is not true any more.
            self.put(JOURNAL, "".join(lines).encode())
            for path in self.folder.glob(OTHERS):
                path.unlink(missing_ok=True)

    def add(self, chunk: DoneChunk) -> None:
        """Write down that a chunk is done; its file is on the disk already."""
        super().add(chunk)
        self.done[chunk.number] = chunk
        frames = chunk.facts.frames
        _LOG.debug(
            "%s: chunk %d is done, %d frames", printable(self.folder.name), chunk.number, frames
        )

    def know(self, content: str) -> None:
        """Write down the digest of the film's bytes."""
        super().know(content)
        self.content = content

    def know_shots(self, shots: Sequence[ShotRange]) -> None:
        """Write down the shots of the source, so that nobody has to look for them again."""
        self.shots = tuple(shots)
        self._note(shots_entry(self.shots))

    def forget(self, number: int) -> None:
        """Take a chunk for not done, in the next run too."""
        chunk = self.done.pop(number, None)
        with output_errors(self.folder):
            self.path(number, chunk.writer if chunk else "").unlink(missing_ok=True)

    def forget_changed(self, colors_of: Callable[[Fraction, Fraction], str]) -> list[int]:
        """Take chunks for not done of which the color sheet says something else than before.

        Args:
            colors_of: Digest of what it says now of some frames, as of `digest_part`.

        Returns:
            Their numbers.
        """
        changed = []
        for number, chunk in self.done.items():
            span = chunk.span
            if span is None or colors_of(*span) != chunk.colors:
                changed.append(number)
        for number in changed:
            self.forget(number)
        if changed:  # what a chunk hands on may be of the old colors
            self._drop_handovers()
        return changed

    def _drop_handovers(self) -> None:
        """Remove what is handed on by chunks that are not done."""
        kept = {
            self._handover(number + 1, chunk.writer).name for number, chunk in self.done.items()
        }
        with output_errors(self.folder):
            for path in self.folder.glob("*.handover"):
                if path.name not in kept:
                    path.unlink(missing_ok=True)

    def clear(self, keep_script: bool = False) -> None:
        """Forget everything; what tells itself of which run it is may stay.

        Args:
            keep_script: Whether the plan, the color script and its parts stay.
        """
        self.spec, self.done, self._signed, self.known = None, {}, [], True
        self.content, self.shots, self._is_foreign = "", (), False
        with output_errors(self.folder):
            patterns = _OURS if keep_script else (*_OURS, PLAN, FILM_PARTS, SCRIPTS, KEYS)
            for path in (path for pattern in patterns for path in self.folder.glob(pattern)):
                path.unlink(missing_ok=True)  # somebody else may still be at work in it
            for path in self.folder.glob(_FRAMES):
                drop_frames(path)

    def remove(self) -> None:
        """Remove the folder and what vidcolor put into it."""
        self.clear()
        if self._lock is not None:
            remove_open(self._lock, self.folder / _LOCK)
        with suppress(OSError):  # a stranger's file is in it
            self.folder.rmdir()

    def _writer_before(self, number: int) -> str:
        before = self.done.get(number - 1)
        return before.writer if before else ""

    def _read(self) -> None:
        """Take what the journal says for true where the files bear it out."""
        try:
            self.spec, written = read_journals(self.folder)
        except FileNotFoundError:
            return
        except OSError as exc:
            name, reason = printable(self.folder.name), printable(exc.strerror)
            raise OutputError(f"{name}: cannot be read: {reason}; or add --fresh") from exc
        self._signed = [entry for entry in written if "target" in entry]
        self.content = content_of(written)
        self.shots = shots_of(written)
        if self.spec is None and holds_foreign_chunks(written):
            self._is_foreign, self.known = True, False
            return
        if self.spec:  # without it chunks are worth nothing
            chunks = [chunk for chunk in map(chunk_of, written) if chunk and self._is_whole(chunk)]
            self.done = {chunk.number: chunk for chunk in chunks}
        if not self.done:
            self._scanned = self.spec, self.shots
            self.clear(keep_script=True)

    def _is_whole(self, chunk: DoneChunk) -> bool:
        return holds(self, chunk) if self._whole is None else chunk in self._whole


@contextmanager
def open_journal(
    target: Path, fresh: bool = False, whole: Collection[DoneChunk] | None = None
) -> Iterator[Journal]:
    """The journal of ``target``, locked meanwhile; its folder goes when nothing in it is done.

    Args:
        target: Names the folder.
        fresh: Read nothing: whatever is in the folder is to go. It stays until `Journal.clear`.
        whole: Chunks whose files somebody has found to be whole; None has them read here.

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
        journal = Journal(folder, fresh, whole, lock)
        try:
            yield journal
        finally:
            # A chunk of another writer may be done although nobody here has heard of it yet.
            names = OTHERS, FILM_PARTS, SCRIPTS, KEYS
            kept = (path for name in names for path in folder.glob(name))
            empty = journal.known and not journal.done and not any(kept)
            if empty and folder.exists():
                journal.remove()
    finally:
        os.close(lock)


def is_signed(target: Path) -> bool:
    """Whether a target is the one that its journal says."""
    with suppress(OSError, VidcolorError):
        lines = read_journals(work_folder(target))[1]
        if frame_target(target):
            return {"frames": target.name} in [line.get("target") for line in lines]
        return fingerprint_of(target) in [line.get("target") for line in lines]
    return False
