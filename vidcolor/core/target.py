"""The place of the target: may it be written, under which name meanwhile, and the final rename."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidcolor.core.files import STRANGE, printable
from vidcolor.core.find_sequence import sequence_folder
from vidcolor.core.paths import SEQUENCE_SUFFIXES, follow_link
from vidcolor.core.platform import CAREFUL, find_name_fault, free_name, has_locks, lock_file
from vidcolor.errors import OutputError, OutputExists, OutputFull, VidcolorError
from vidcolor.settings import OutputSettings

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The last where a file system, or a limit of the user's or of the page's, ends a file."""
_BUSY = "another vidcolor is writing this target"


def check_target(source: Path | None, target: Path, settings: OutputSettings) -> None:
    """Refuses a target that must not or cannot be written.

    Raises:
        OutputError: It is the source, a folder, in a folder that is missing or read-only; the
            system allows no such name.
        OutputExists: It exists and ``settings.force`` is off.
    """
    name = printable(target)
    folder = follow_link(target).parent
    if fault := find_name_fault(target.name):
        raise OutputError(f"{name}: {fault}; choose another name")
    try:
        if not folder.is_dir():
            raise OutputError(f"{name}: there is no folder {printable(folder)}; create it first")
        if target.is_dir():
            raise OutputError(f"{name}: is a folder; name a file inside it")
        exists = os.path.lexists(target)
        _check_kind(target, name)
        same = _is_source(source, target)
    except OSError as exc:
        raise OutputError(f"{name}: cannot be written: {exc.strerror}") from exc
    if same:
        raise OutputError(f"{name}: is the source itself; choose another name")
    if exists and not settings.force:
        raise OutputExists(f"{name}: exists; use --force to replace it, or choose another name")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{name}: the folder {printable(folder)} is read-only")


def _is_source(source: Path | None, target: Path) -> bool:
    """Whether a target is the source, or a frame of it."""
    if source is None or not target.exists():
        return False
    if folder := sequence_folder(source):
        name = target.suffix.lower()
        return name in SEQUENCE_SUFFIXES and os.path.samefile(folder, follow_link(target).parent)
    return os.path.samefile(source, target)


def _check_kind(target: Path, name: str) -> None:
    """Refuses a target that is there and is no file, nor a link to one."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:  # there is none yet, or a link to where there is none
        return
    except OSError as exc:
        if target.is_symlink():
            raise OutputError(f"{name}: is a broken link; remove it") from exc
        raise
    if not stat.S_ISREG(mode):
        raise OutputError(f"{name}: is a pipe, a socket or a device; name a file")


def claim(path: Path, target: Path) -> int:
    """An open descriptor of a temporary file, which no other run can claim meanwhile.

    A file that a dead run left behind is taken over. A link, a pipe, or a file that has other names
    is replaced: what else it is, is not written to.

    Raises:
        OutputError: Another run is writing ``target``, or the file cannot be made.
    """
    name = printable(target.name)
    try:
        file = _open_claimed(path)
    except FileExistsError as exc:  # made by another run just now
        raise OutputError(f"{name}: {_BUSY}") from exc
    except OSError as exc:
        if not has_locks() and isinstance(exc, PermissionError) and os.path.lexists(path):
            raise OutputError(f"{name}: {_BUSY}") from exc
        if exc.errno in _NO_ROOM:
            raise _full(target, exc.errno) from exc
        raise OutputError(f"{name}: cannot be created: {exc.strerror}") from exc
    if has_locks() and not _has_lock(file, path):
        os.close(file)
        raise OutputError(f"{name}: {_BUSY}")
    return file


def _open_claimed(path: Path) -> int:
    """A descriptor of a plain file that has this name alone, or that another run is at."""
    flags = os.O_CREAT | os.O_RDWR | CAREFUL
    if not has_locks():  # on Windows: a file that another run has open cannot be removed
        path.unlink(missing_ok=True)
        return os.open(path, flags | os.O_EXCL, 0o666)
    try:
        file = os.open(path, flags, 0o666)
    except OSError as exc:
        if exc.errno not in STRANGE:
            raise
    else:
        state = os.fstat(file)
        own = stat.S_ISREG(state.st_mode) and state.st_nlink <= 1
        if own or (stat.S_ISREG(state.st_mode) and not _has_lock(file, path)):
            return file
        os.close(file)
    path.unlink()
    return os.open(path, flags | os.O_EXCL, 0o666)


def _has_lock(file: int, path: Path) -> bool:
    """Whether this process alone has the lock of the file at ``path``."""
    if not lock_file(file):
        return False
    try:  # the run that had it may have removed or renamed the file meanwhile
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def publish(file: int, part: Path, target: Path) -> None:
    """Brings the temporary file, of which ``file`` is a descriptor, to the disk under its name.

    Nothing may be read or written through the descriptor any more; it is still to be closed.
    """
    os.fsync(file)
    free_name(file)
    os.replace(part, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Brings the names in a folder to the disk."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows cannot open folders; the rename is on its way all the same
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _full(path: Path, code: int) -> OutputFull:
    """A disk without room; named is the folder of the target, not what is hidden in it."""
    folder = Path(os.path.abspath(path)).parent
    if folder.name.startswith(".") and folder.name.endswith(".vidcolor"):
        folder = folder.parent
    if code == errno.EFBIG:
        return OutputFull(
            f"{printable(folder)}: files there cannot be that large; choose another disk"
        )
    return OutputFull(f"{printable(folder)}: the disk is full; free some space and run again")


@contextmanager
def output_errors(target: Path, *more: type[Exception]) -> Iterator[None]:
    """Turns what the system raises about the target into OutputError, and ``more`` that is raised.

    Raises:
        OutputFull: No room left.
        OutputError: Anything else.
    """
    try:
        yield
    except (VidcolorError, BrokenPipeError):  # a reader that has gone is no fault of the target
        raise
    except (OSError, ValueError, *more) as exc:  # type: ignore[misc]
        code = getattr(exc, "errno", None)
        if code in _NO_ROOM:
            raise _full(target, code) from exc
        reason = printable(getattr(exc, "strerror", None) or exc)
        raise OutputError(f"{printable(target.name)}: cannot be written: {reason}") from exc
