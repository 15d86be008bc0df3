"""The page's end of a process that looks into films: asks, waits, replaces it when it hangs."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import PriorityQueue
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

from vidcolor.core.platform import is_readable
from vidcolor.errors import FilmError, PreviewProcessDied
from vidcolor.web.processes import end, renew, start

PATIENCE = 120.0
"""Seconds that an answer may take: a large picture on a busy machine, not a decoder that hangs."""

SOON, LATER = 0, 1
"""What the person waits for, and what fills the page."""


class Answer(Future[dict[str, Any]]):
    """What a process says, once it is there; FilmError or PreviewProcessDied where it has none."""

    def __init__(self) -> None:
        super().__init__()
        self.unwanted = Event()

    def give_up(self) -> None:
        """Say that nobody waits for it any more: it is not begun, or ends between two frames."""
        self.unwanted.set()
        self.cancel()


Request = tuple[int, int, dict[str, Any] | None, Answer]


class Worker:
    """One process, one request at a time, the urgent ones first.

    It is started by a thread of its own, since it ends with the thread that starts it.
    """

    def __init__(
        self,
        room: Path,
        *,
        patience: float = PATIENCE,
        words: tuple[str, ...] = ("vidcolor.web.preview_worker",),
    ) -> None:
        """Let it write into ``room``; ``words`` are the module that answers, and its arguments."""
        self._room, self._patience, self._words = room, patience, list(words)
        self._requests: PriorityQueue[Request] = PriorityQueue()
        self._order = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = False
        self._lock = Lock()  # what is asked is either answered or cancelled, whenever it closes
        self._thread = Thread(target=self._run, name="previews", daemon=True)
        self._thread.start()

    def ask(self, do: str, urgency: int = SOON, **words: Any) -> Answer:
        """The answer, once it is there; cancelled when the worker is being closed."""
        answer = Answer()
        with self._lock:
            if self._closing:
                answer.cancel()
            else:
                asked = {"do": do, **words}
                self._requests.put((urgency, next(self._order), asked, answer))
        return answer

    def close(self) -> None:
        """End the process and the thread; what still waits is cancelled."""
        with self._lock:
            self._closing = True
            self._requests.put((-1, next(self._order), None, Answer()))
        self._thread.join()

    def _run(self) -> None:
        while True:
            _, number, asked, answer = self._requests.get()
            if asked is None or self._closing:
                answer.cancel()
                break
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(self._answer({**asked, "number": number}, answer.unwanted))
            except Exception as error:
                answer.set_exception(error)
        self._end()
        while not self._requests.empty():
            self._requests.get()[3].cancel()

    def _answer(self, asked: dict[str, Any], unwanted: Event) -> dict[str, Any]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._process = start(self._words, self._room, **pipes)
        renew(self._process)
        found = json.loads(self._exchange(self._process, asked, unwanted))
        if "error" in found:
            raise FilmError(found["error"])
        return dict(found["ok"])

    def _exchange(
        self, process: subprocess.Popen[bytes], asked: dict[str, Any], unwanted: Event
    ) -> bytes:
        """The line that answers; a line to the process says when nobody waits for it any more."""
        assert process.stdout
        _say(process, asked)
        found, until, told = bytearray(), monotonic() + self._patience, False
        while not found.endswith(b"\n"):
            left = until - monotonic()
            ready = left > 0 and is_readable(process.stdout, min(left, 0.1))
            part = process.stdout.read1(65536) if ready else None  # type: ignore[attr-defined]
            found += part or b""
            if part == b"" or left <= 0 or self._closing:
                self._end()
                why = "took too long over" if left <= 0 else "failed on"
                raise PreviewProcessDied(
                    f"the preview {why} this film; try another frame, or restart vidcolor serve"
                )
            if unwanted.is_set() and not told:
                _say(process, {"do": "give up", "number": asked["number"]})
                told = True
        return bytes(found)

    def _end(self) -> None:
        if self._process:
            end(self._process)
            self._process = None


def _say(process: subprocess.Popen[bytes], line: dict[str, Any]) -> None:
    assert process.stdin
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(line).encode() + b"\n")
        process.stdin.flush()
