"""Files of our own, where others may have put something in their place.

Whatever lies there is looked at before it is used: a pipe without an end holds nobody up, a link is
not followed, and a file that has other names is not written through. Nothing here waits.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

from vidcolor.core.find_sequence import find_sequence, sequence_at
from vidcolor.core.paths import aside_of, is_pattern
from vidcolor.core.paths import printable as printable
from vidcolor.core.platform import CAREFUL, PATIENT, set_waiting
from vidcolor.core.sequence import FrameSequence
from vidcolor.errors import FilmUnreadable

ENDS = 1 << 20
"""Bytes at either end of a film that tell it from another."""

STRANGE = (errno.ELOOP, errno.EMLINK, errno.ENXIO)
"""What the system says of links, and of sockets and pipes that nobody reads."""
MOMENT = 2.0
"""Seconds that a pipe is given to get a reader."""


def open_own(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a file of our own.

    Args:
        path: The file.
        flags: As of ``os.open``.

    Raises:
        OSError: There is none, or something else is in its place.
    """
    try:
        file = os.open(path, flags | CAREFUL, 0o666)
    except OSError as error:
        raise _strange(path) if error.errno in STRANGE else error from None
    state = os.fstat(file)
    written = flags & (os.O_WRONLY | os.O_RDWR)
    if not stat.S_ISREG(state.st_mode) or (written and state.st_nlink != 1):
        os.close(file)
        raise _strange(path)
    return file


def reader(path: Path) -> BufferedReader:
    """A file of our own, open to be read; raises as `open_own`."""
    return open(open_own(path), "rb")


def appender(path: Path) -> BinaryIO:
    """A file of our own, open to be added to; it is made where there is none.

    Raises:
        OSError: As `open_own`.
    """
    return open(open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")


def read_own(path: Path, most: int) -> bytes:
    """All of a file of our own.

    Args:
        path: The file.
        most: Bytes that it may have.

    Raises:
        OSError: As `open_own`, or it is larger.
    """
    with reader(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EOVERFLOW, f"{path.name} is too large", str(path))
        return file.read(most)


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def own_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file of our own; raises as `open_own`."""
    with reader(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_file(path: Path) -> BinaryIO:
    """An empty file at ``path``, whatever was there; a link is replaced, not followed."""
    path.unlink(missing_ok=True)
    return open(path, "xb")


def write_own(path: Path, data: bytes) -> None:
    """Write a whole file, aside first: what is at ``path`` is replaced, and never half of it there.

    Raises:
        OSError: It cannot be written.
    """
    aside = aside_of(path)
    try:
        with new_file(aside) as file:
            file.write(data)
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def write_named(path: Path, data: bytes) -> None:
    """Write a file that a user names: as `write_own`, or into the pipe or device that it is.

    Raises:
        OSError: It cannot be written, or is a pipe that nobody reads.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:  # there is none yet, or a link to nothing
        mode = stat.S_IFREG
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        write_own(path, data)
        return
    with open(append_named(path), "wb") as pipe:
        pipe.write(data)


def append_named(path: Path) -> int:
    """A descriptor to add to a file, a pipe or a device that a user names.

    Raises:
        OSError: It cannot be written, is a link to a file or has other names, or is a pipe that
            nobody has read for a moment.
    """
    flags = os.O_WRONLY | os.O_APPEND | PATIENT
    flags |= 0 if os.path.islink(path) else os.O_CREAT  # not where a link leads to
    until = monotonic() + MOMENT
    while True:
        try:
            file = os.open(path, flags, 0o666)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if not stat.S_ISFIFO(os.stat(path).st_mode):
                raise _strange(path) from None
            if monotonic() > until:
                raise OSError(errno.ENXIO, "nothing reads this pipe", str(path)) from None
            sleep(MOMENT / 50)
    state = os.fstat(file)
    if stat.S_ISREG(state.st_mode) and (state.st_nlink != 1 or os.path.islink(path)):
        os.close(file)
        raise _strange(path)
    set_waiting(file, True)
    return file


def _strange(path: Path) -> OSError:
    """What is said of something that is not a file of our own."""
    try:
        state = os.lstat(path)
    except OSError as error:
        return error
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kinds |= {stat.S_IFDIR: "a folder", stat.S_IFREG: "a file with other names (hard links)"}
    kind = kinds.get(stat.S_IFMT(state.st_mode), "a device")
    text = f"{path.name} is {kind}, not a file of vidcolor's own; remove it and run again"
    return OSError(errno.EINVAL, text, str(path))


def check_file(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a regular file with at least one byte, or of an image sequence.

    A sequence is named by a pattern such as ``scan_%06d.dpx``, which no file has for its name, by a
    glob or by its folder; its path is the pattern.

    Raises:
        FilmUnreadable: Missing, empty, a folder, a device, or not allowed to be read; frames of a
            sequence are missing.
    """
    name = printable(Path(path))
    absolute = Path(os.path.abspath(path))
    try:
        state = os.stat(absolute)
    except FileNotFoundError:
        if is_pattern(str(path)) or sequence_at(absolute):
            return find_sequence(path).name.pattern_path
        raise FilmUnreadable(f"{name}: {_no_file(str(path))}") from None
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise FilmUnreadable(f"{name}: cannot be opened: {reason}") from exc
    if stat.S_ISDIR(state.st_mode):
        return find_sequence(path).name.pattern_path
    if not stat.S_ISREG(state.st_mode):
        raise FilmUnreadable(f"{name}: is a device or a pipe; save the film to a file first")
    if state.st_size == 0:
        raise FilmUnreadable(f"{name}: is an empty file")
    return absolute


def _no_file(word: str) -> str:
    """What is to be said of a word that no file has for its name."""
    if word == "-" or word.startswith(("pipe:", "fd:")):
        return "only vidcolor - OUT and vidcolor info - read a pipe; save the film to a file"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://?[^/]", word):
        return "is a URL; download the film first and name the file"
    return "no such file"


@dataclass(frozen=True)
class FileIdentity:
    """What tells a file from another, or from itself when it was changed; cheap for large ones."""

    bytes: int = 0
    changed: int = 0
    """Time of the last change, in nanoseconds."""
    sha256: str = ""
    """Of its first and last bytes, hexadecimal."""
    content: str = ""
    """sha256 of all its bytes, hexadecimal; empty where it is not known."""

    def is_like(self, other: FileIdentity) -> bool:
        """Whether both are of files of one size that begin and end alike."""
        return bool(self.sha256) and (self.bytes, self.sha256) == (other.bytes, other.sha256)


def identify(path: Path) -> FileIdentity:
    """The identity of a file, or of an image sequence; its content is not read.

    That of a sequence is made of the names, sizes and times of its frames.

    Raises:
        FilmUnreadable: The file or a frame has gone.
    """
    if sequence := sequence_at(path):
        return _identify_frames(sequence)
    try:
        with open(os.open(path, os.O_RDONLY | PATIENT), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise OSError(errno.EINVAL, "is not a file")
            digest = hashlib.sha256(file.read(ENDS))
            file.seek(max(0, state.st_size - ENDS))
            digest.update(file.read(ENDS))
    except OSError as exc:
        name = printable(path.name)
        raise FilmUnreadable(f"{name}: cannot be opened: {exc.strerror}") from exc
    return FileIdentity(state.st_size, state.st_mtime_ns, digest.hexdigest())


def _identify_frames(sequence: FrameSequence) -> FileIdentity:
    """The identity of a sequence; each frame is asked for by its name.

    Raises:
        FilmUnreadable: A frame has gone.
    """
    size = changed = 0
    digest = hashlib.sha256(f"{sequence.name.pattern} {sequence.first} {sequence.count}".encode())
    folder = str(sequence.name.folder)
    for index in range(sequence.count):
        name = sequence.name.name(sequence.number(index))
        try:
            state = os.stat(os.path.join(folder, name))
        except OSError as exc:
            raise FilmUnreadable(f"{printable(name)}: cannot be opened: {exc.strerror}") from exc
        size += state.st_size
        changed = max(changed, state.st_mtime_ns)
        digest.update(b"%d %d\n" % (state.st_size, state.st_mtime_ns))
    return FileIdentity(size, changed, digest.hexdigest())
