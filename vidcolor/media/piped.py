"""A film that comes through a pipe: its bytes are read once, and its beginning is kept.

What has to be known before the first frame is colored is read from the beginning, as often as it
takes; then the film itself is read from there on, and nothing is gone back to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event

from vidcolor.core.paths import STDIN
from vidcolor.core.platform import is_readable
from vidcolor.errors import FilmUnreadable
from vidcolor.media.decode.pipe_end import PipeEnd

BUFFER = 1 << 18
"""Bytes that FFmpeg asks for at once."""
_MOST_KEPT = 1 << 29
"""Bytes of a beginning; the first frames of the largest raw films that are colored fit in."""
_WAIT = 0.1
"""Seconds between two looks at whether the reading was stopped."""


class Pipe:
    """The bytes of a film from a descriptor that cannot be gone back in.

    Attributes:
        name: What errors and reports call it.
        film: The film from its beginning to its end, as an object with ``read``; to be read once.
        end: Tells whether the bytes broke off.
    """

    name: Path = STDIN

    def __init__(self, descriptor: int = 0) -> None:
        """Get ready; nothing is read yet.

        Args:
            descriptor: Open for reading; it is left open.
        """
        self._descriptor = descriptor
        self._head = bytearray()
        self._keeps = True
        self._stopped = Event()
        self._error: BaseException | None = None
        self.film = Replay(self._read_film)
        self.end = PipeEnd()

    def beginning(self) -> bytes:
        """What was read before `begin`, or so far."""
        return bytes(self._head)

    def replay(self) -> Replay:
        """The beginning, as an object with ``read``; it grows with what is asked for."""
        return Replay(self._read_head)

    def peek(self, count: int) -> bytes:
        """The first bytes; fewer where the film has no more.

        Raises:
            FilmUnreadable: The pipe cannot be read.
            KeyboardInterrupt: While it waited.
        """
        while len(self._head) < count and self._keep_more():
            pass
        self.check()
        return bytes(self._head[:count])

    def wait(self) -> None:
        """Return as soon as the first byte is there.

        Raises:
            FilmUnreadable: There is none, or the pipe cannot be read.
            KeyboardInterrupt: While it waited.
        """
        if not self.peek(1):
            raise FilmUnreadable(
                f"{self.name}: is empty; the program before the pipe wrote nothing"
            )

    def begin(self) -> None:
        """Keep no more of the film from here on: only ``film`` reads beyond its beginning."""
        self._keeps = False

    def stop(self) -> None:
        """Let whoever waits for bytes have the end of the film instead, in whichever thread."""
        self._stopped.set()

    def check(self) -> None:
        """Raise what stopped the reading, since FFmpeg takes it for the end of the film.

        Raises:
            FilmUnreadable: The pipe cannot be read.
            KeyboardInterrupt: While it waited for bytes.
        """
        if self._error is not None:
            raise self._error

    def _read_head(self, at: int, count: int) -> bytes:
        if at >= len(self._head) and self._keeps:
            self._keep_more()
        return bytes(self._head[at : at + count])

    def _read_film(self, at: int, count: int) -> bytes:
        if at < len(self._head) or self._keeps:
            return self._read_head(at, count)
        return self._pull(count)

    def _keep_more(self) -> bool:
        more = self._pull(BUFFER) if len(self._head) < _MOST_KEPT else b""
        self._head += more
        return bool(more)

    def _pull(self, count: int) -> bytes:
        """The next bytes of the pipe; none at its end, and where the reading was stopped.

        Nothing may be raised here: from within FFmpeg an interrupt would be lost.
        """
        try:
            while not self._stopped.is_set():
                if not is_readable(self._descriptor, _WAIT):
                    continue
                try:
                    data = os.read(self._descriptor, count)
                except BlockingIOError:  # whoever opened it does not want to wait
                    continue
                self.end.see(data)
                return data
        except OSError as error:
            reason = f"{self.name}: cannot be read: {error.strerror}"
            self._error = self._error or FilmUnreadable(reason)
        except BaseException as error:
            self._error = error
            self._stopped.set()
        return b""


class Replay:
    """A film as FFmpeg reads it: from its beginning on, without going back."""

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        self._at = 0

    def read(self, count: int) -> bytes:
        """The next bytes, at most ``count``; none at the end."""
        data = self._read(self._at, count)
        self._at += len(data)
        return data
