"""The page's end of the process that looks into films: asks, waits, replaces it when it hangs."""

from __future__ import annotations

import json
import select
import subprocess
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import PriorityQueue
from threading import Thread
from time import monotonic
from typing import Any

from vidcolor.errors import FilmError, PreviewLost
from vidcolor.web.children import end, start

PATIENCE = 120.0
"""Seconds that an answer may take: a large picture on a busy machine, not a decoder that hangs."""

SOON, LATER = 0, 1
"""What the person waits for, and what fills the page."""

Request = tuple[int, int, dict[str, Any] | None, "Future[dict[str, Any]]"]


class Worker:
    """One process, one request at a time, the urgent ones first.

    It is started by a thread of its own, since it ends with the thread that starts it.
    """

    def __init__(
        self,
        room: Path,
        *,
        patience: float = PATIENCE,
        words: tuple[str, ...] = ("vidcolor.web.looker",),
    ) -> None:
        """Let it write into ``room``; ``words`` are the module that answers, and its arguments."""
        self._room, self._patience, self._words = room, patience, list(words)
        self._requests: PriorityQueue[Request] = PriorityQueue()
        self._order = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = False
        self._thread = Thread(target=self._run, name="previews", daemon=True)
        self._thread.start()

    def ask(self, do: str, urgency: int = SOON, **words: Any) -> Future[dict[str, Any]]:
        """The answer, once it is there; FilmError or PreviewLost where there is none."""
        future: Future[dict[str, Any]] = Future()
        self._requests.put((urgency, next(self._order), {"do": do, **words}, future))
        return future

    def close(self) -> None:
        """End the process and the thread; what still waits is cancelled."""
        self._closing = True
        self._requests.put((-1, next(self._order), None, Future()))
        self._thread.join()

    def _run(self) -> None:
        while True:
            _, _, asked, future = self._requests.get()
            if asked is None or self._closing:
                future.cancel()
                break
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._answer(asked))
            except Exception as error:
                future.set_exception(error)
        self._end()
        while not self._requests.empty():
            self._requests.get()[3].cancel()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._process = start(self._words, self._room, **pipes)
        line = self._exchange(self._process, json.dumps(asked).encode() + b"\n")
        found = json.loads(line)
        if "error" in found:
            raise FilmError(found["error"])
        return dict(found["ok"])

    def _exchange(self, process: subprocess.Popen[bytes], line: bytes) -> bytes:
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):
            process.stdin.write(line)
            process.stdin.flush()
        found, until = bytearray(), monotonic() + self._patience
        while not found.endswith(b"\n"):
            left = until - monotonic()
            ready = left > 0 and select.select([process.stdout], [], [], min(left, 0.1))[0]
            part = process.stdout.read1(65536) if ready else None  # type: ignore[attr-defined]
            found += part or b""
            if part == b"" or left <= 0 or self._closing:
                self._end()
                why = "took too long over" if left <= 0 else "could not cope with"
                raise PreviewLost(f"the preview {why} this film; try another moment or a new start")
        return bytes(found)

    def _end(self) -> None:
        if self._process:
            end(self._process)
            self._process = None
