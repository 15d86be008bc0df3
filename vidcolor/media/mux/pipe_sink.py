"""Writes a film into a pipe: Matroska that leaves as it is made, and is never gone back to."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from vidcolor.core.timecode import timecode
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.encode.encoder import EncodePlan, plan_encode
from vidcolor.media.mux.riff_audio import name_by_tag
from vidcolor.media.mux.routes import Passthrough
from vidcolor.media.open import VideoReader
from vidcolor.media.whitelist import target_errors
from vidcolor.settings import EncodeSettings

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


class PipeSink:
    """A pipe, or another object that takes bytes; it is left open.

    Nothing is written before the container has taken its header, and nothing after an error.
    """

    name = _NAME

    def __init__(self, output: Output) -> None:
        self._output = output
        self._ready: list[bytes] = []
        self._passthrough: Passthrough | None = None
        """Until the header has left."""

    def begin(self, film: VideoReader, passthrough: Passthrough) -> None:
        """Write down how long the film is.

        A pipe cannot be gone back to when the length is known; players want it at the start.
        """
        self._passthrough = passthrough
        if length := _length(film):
            passthrough.metadata["DURATION"] = _stamp(length)

    def destination(self) -> Any:
        """Collects what the container makes, without that of a header that was refused.

        Not the pipe: from within FFmpeg errors and interrupts would be lost.
        """
        self._ready.clear()
        return SimpleNamespace(write=self._ready.append)

    def muxer_options(self, film: VideoReader, plan: EncodePlan) -> dict[str, str]:  # noqa: ARG002
        """Short clusters that leave at once."""
        return _PROMPT

    def send(self) -> None:
        """Hand on what the container has made.

        Raises:
            BrokenPipeError: Nobody reads on.
        """
        if not self._ready:
            return
        data = b"".join(self._ready)
        self._ready.clear()
        if self._passthrough and self._passthrough.has_tags:
            header = BytesIO(data)
            name_by_tag(header)
            data = header.getvalue()
        self._passthrough = None
        with target_errors(self.name):
            self._output.write(data)
            self._output.flush()

    def abandon(self) -> None:
        """Nothing: what has left has left."""

    def release(self) -> None:
        """Nothing: who gave the pipe closes it."""


def _length(film: VideoReader) -> Fraction | None:
    """Seconds that the film will have, as far as its container tells."""
    duration, settings = film.info.duration, film.settings
    ends = [end for end in (duration, settings.end) if end is not None]
    return max(Fraction(0), min(ends) - (settings.start or 0)) if ends else None


def _stamp(seconds: Fraction) -> str:
    """``00:01:30.500000000``, as Matroska writes lengths."""
    return timecode(seconds, 9).zfill(18)
