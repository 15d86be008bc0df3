"""Whether a film is still the one it was: its bytes tell, not its time stamps.

Where the time of a file is the same, so are its bytes taken to be. Where only the time is another
one, as after a copy or a ``touch``, all bytes are compared by their digest. It is made beside other
work, since a large film takes minutes to be read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from vidcolor.core.files import ENDS, FileIdentity, identify, printable
from vidcolor.core.find_sequence import sequence_at
from vidcolor.core.frames import Frame
from vidcolor.errors import FilmChanged
from vidcolor.media.open import VideoReader

SMALL = 64 << 20
"""Bytes of a film whose digest is waited for: it is there in a moment."""
_BLOCK = 1 << 20


class Content:
    """The digest of a film's bytes while it is made; call it to have it.

    It is empty where the film changed meanwhile or cannot be read.
    """

    def __init__(self, path: Path, known: FileIdentity) -> None:
        """Begin to read a file whose identity is ``known``."""
        self._path, self._known = path, known
        self._stopped = Event()
        self._found = ""
        self._thread = Thread(target=self._read, name="content", daemon=True)
        self._thread.start()

    def __call__(self) -> str:
        """Hexadecimal; waits until it is known."""
        self._thread.join()
        return self._found

    @property
    def ready(self) -> bool:
        """Whether it is known, or will be in a moment."""
        return not self._thread.is_alive() or self._known.bytes <= SMALL

    def close(self) -> None:
        """Give it up where it is not known yet."""
        self._stopped.set()
        self._thread.join()

    def _read(self) -> None:
        if sequence_at(self._path):
            return  # its identity is made of all its frames
        self._found = digest(self._path, self._known, self._stopped.is_set)


def digest(path: Path, known: FileIdentity, stopped: Callable[[], bool] = lambda: False) -> str:
    """Hexadecimal sha256 of all bytes of a file.

    Args:
        path: The file.
        known: Its identity.
        stopped: Asked now and then whether it is still wanted.

    Returns:
        Empty where it is not, or the file is another one before or after it was read.
    """
    found = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            if not _is_as_known(file.fileno(), known):
                return ""
            while block := file.read(_BLOCK):
                found.update(block)
                if stopped():
                    return ""
            return found.hexdigest() if _is_as_known(file.fileno(), known) else ""
    except OSError:
        return ""


def _is_as_known(file: int, known: FileIdentity) -> bool:
    state = os.fstat(file)
    return (state.st_size, state.st_mtime_ns) == (known.bytes, known.changed)


def is_same(
    path: Path,
    before: FileIdentity,
    now: FileIdentity,
    content: Callable[[], str] = lambda: "",
) -> bool:
    """Whether a film is the one that it was.

    Args:
        path: The film.
        before: Its identity then.
        now: Its identity now.
        content: Tells the digest of what it was; empty where nobody knows.
    """
    if not before.is_like(now):
        return False
    if before.changed == now.changed or now.bytes <= 2 * ENDS:
        return True
    known = content() or before.content
    return bool(known) and known == digest(path, now)


def of_the_same(frames: Iterator[Frame], film: VideoReader) -> Iterator[Frame]:
    """The same frames; at their end the film is still the one it was.

    Raises:
        FilmChanged: It is not, and what was read may be of both.
    """
    yield from frames
    path = film.info.path
    if film.info.sequence:
        check_same(path, film.info.identity)
        return
    with suppress(OSError):  # where it has gone, reading it tells
        if path.stat().st_mtime_ns == film.info.identity.changed:
            return
        now = identify(path)
        check_same(path, film.info.identity, now, film.content)
        film.info = replace(film.info, identity=now)


def check_same(
    path: Path,
    before: FileIdentity,
    now: FileIdentity | None = None,
    content: Callable[[], str] = lambda: "",
) -> None:
    """Refuses a film that is not the one whose picture is colored; arguments as of `is_same`.

    Raises:
        FilmChanged: It is another one.
        FilmUnreadable: It has gone.
    """
    if not is_same(path, before, now or identify(path), content):
        raise FilmChanged(
            f"{printable(path.name)}: changed while it was being colored; restore it and run the"
            " same command again, or add --fresh to start over"
        )
