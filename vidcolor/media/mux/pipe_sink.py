"""Writes a film into a pipe: Matroska that leaves as it is made, and is never gone back to."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Protocol

from vidcolor.core.frames import VideoInfo
from vidcolor.core.timecode import timecode
from vidcolor.media.encode.encoder import EncodePlan, plan_encode
from vidcolor.media.mux.muxer import Muxer
from vidcolor.media.mux.riff_audio import name_by_tag
from vidcolor.media.open import VideoReader
from vidcolor.media.whitelist import target_errors
from vidcolor.settings import EncodeSettings, OutputSettings

_NAME = Path("stream.mkv")
_PROMPT = {
    "cluster_time_limit": "100",  # ms of film in a cluster, which leaves when it is full
    "max_interleave_delta": "100000",  # us that one stream waits for another; they come in step
    "flush_packets": "1",
}


class Output(Protocol):
    """Takes bytes: a pipe, or anything else that can be written to."""

    def write(self, data: bytes, /) -> Any:
        """Take all of ``data``."""

    def flush(self) -> Any:
        """Let go of them."""


def plan_pipe(info: VideoInfo, settings: EncodeSettings) -> EncodePlan:
    """How a film is encoded into a pipe: as into a ``.mkv``, but no frame is held back.

    Raises:
        EncoderMissing: As `plan_encode`.
        SettingsError: As `plan_encode`.
    """
    plan = plan_encode(info, _NAME, settings)
    if plan.codec in ("libx264", "libx265"):
        plan = replace(plan, options={"tune": "zerolatency"} | plan.options)
    return plan


class PipeWriter(Muxer):
    """A film on its way into a pipe; use it in a ``with`` block and end with ``finish``.

    Nothing is written before the container has taken its header, and nothing after an error.
    """

    def __init__(
        self,
        film: VideoReader,
        output: Output,
        plan: EncodePlan,
        settings: OutputSettings | None = None,
    ) -> None:
        """Get ready; the pipe is left open at the end."""
        super().__init__(film, _NAME, plan, settings, once=True)
        self._output = output
        self._ready: list[bytes] = []
        self._is_first = True

    def __enter__(self) -> PipeWriter:
        self._plan_passthrough()
        length = _length(self._film)
        if length:
            # A pipe cannot be gone back to when the length is known; players want it at the start.
            self.passthrough.metadata["DURATION"] = _stamp(length)
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._discard()

    @property
    def frames(self) -> int:
        """How many were written."""
        return self._frames

    def finish(self) -> None:
        """Writes the end of the film.

        Raises:
            OutputError: The container does not take it.
            BrokenPipeError: Nobody reads on.
        """
        self.complete()
        self._send()

    def _build(self) -> None:
        self._ready.clear()  # of a header that was refused
        super()._build()

    def _send(self) -> None:
        """Hands on what the container has made.

        Not from within FFmpeg: errors and interrupts would be lost there.
        """
        if self._ready:
            data = b"".join(self._ready)
            self._ready.clear()
            if self._is_first and self.passthrough.has_tags:
                header = BytesIO(data)
                name_by_tag(header)
                data = header.getvalue()
            self._is_first = False
            with target_errors(self._target):
                self._output.write(data)
                self._output.flush()

    def _file_to_open(self) -> Any:
        return SimpleNamespace(write=self._ready.append)

    def _muxer_options(self) -> dict[str, str]:
        return super()._muxer_options() | _PROMPT


def _length(film: VideoReader) -> Fraction | None:
    """Seconds that the film will have, as far as its container tells."""
    duration, settings = film.info.duration, film.settings
    ends = [end for end in (duration, settings.end) if end is not None]
    return max(Fraction(0), min(ends) - (settings.start or 0)) if ends else None


def _stamp(seconds: Fraction) -> str:
    """``00:01:30.500000000``, as Matroska writes lengths."""
    return timecode(seconds, 9).zfill(18)
