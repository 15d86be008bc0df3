"""The roll of a film: which pictures went into the decoder, and which never came out."""

from __future__ import annotations

from typing import Any

import av
import av.error
from av.packet import Packet
from av.video.frame import VideoFrame

from vidcolor.media.open import VideoReader, limit_decoder

# fmt: off
_ONE_TO_ONE = frozenset({
    "h264", "hevc", "vvc", "mpeg1video", "mpeg2video", "av1", "libdav1d", "vp9", "ffv1", "prores",
    "dnxhd", "mjpeg", "huffyuv", "ffvhuff", "utvideo",
})
# fmt: on
"""Codecs whose packets are one picture each; others have packets that show none."""

_DELAY = 24
"""Pictures that a decoder may hold back: threads, and pictures that are shown later."""
_MOST_KEPT = 1 << 27  # bytes
_MOST_MISSING = 100_000


class Roll:
    """Calls the roll by presentation time; a film without such times has none to call."""

    def __init__(self, film: VideoReader) -> None:
        self._film = film
        self._inside: set[int] = set()
        self._entered = 0
        self._first: int | None = None
        self._run: list[Packet[Any]] = []
        self._run_before: list[Packet[Any]] = []
        self._bytes = 0
        self._last: int | None = None
        self.overflowed = False
        """Whether so many are missing that not all are remembered."""

    def enter(self, packet: Packet[Any]) -> None:
        """Notes a packet of the picture that is about to be decoded."""
        if packet.is_keyframe and len(self._run) >= _DELAY:
            self._run_before, self._run = self._run, []
            self._bytes = sum(kept.size for kept in self._run_before)
        self._run.append(packet)
        self._bytes += packet.size
        if self._bytes > _MOST_KEPT:
            self._run, self._run_before, self._bytes = [], [], 0
        self.expect(packet)

    def expect(self, packet: Packet[Any]) -> None:
        """Notes a packet of the picture that is decoded elsewhere."""
        self._entered += 1
        if packet.pts is None or packet.is_discard:
            return
        if len(self._inside) < _MOST_MISSING:
            self._inside.add(packet.pts)
        else:
            self.overflowed = True

    def leave(self, frame: VideoFrame) -> None:
        """Notes a decoded picture."""
        self.leave_at(frame.pts)

    def leave_at(self, pts: int | None) -> None:
        """Notes a decoded picture, by its own time."""
        if pts is not None:
            self._inside.discard(pts)
            self._first = pts if self._first is None else self._first
            self._last = pts if self._last is None else max(self._last, pts)

    def last_call(self) -> list[VideoFrame]:
        """The pictures at the end that one broken among them kept in the decoder.

        A decoder of several threads that is flushed forgets all that comes behind an error. Their
        packets are decoded once more, by one thread, which gives them one by one. What is missing
        before the last frame that came out was lost otherwise, and its turn is over.
        """
        packets = self._run_before + self._run
        lost = {pts for pts in self._inside if self._last is None or pts > self._last}
        if self._film.video.codec_context.thread_count == 1 or not any(
            packet.pts in lost for packet in packets
        ):
            return []
        found: list[VideoFrame] = []
        with self._film.reopen() as container:
            context: Any = container.streams[self._film.video.index].codec_context
            context.thread_count = 1
            limit_decoder(context, self._film.settings)
            for packet in [*packets, None]:
                try:
                    found += context.decode(packet)
                except av.FFmpegError:
                    continue  # noted when it was first decoded, or missing at the end
        kept = []
        for frame in found:
            if frame.pts in lost:
                lost.remove(frame.pts)
                kept.append(frame)
        return kept

    def missing(self) -> list[int]:
        """Times of the pictures that never came out, in the film's own ticks, in order."""
        missing = sorted(self._inside)
        if self._film.info.sequence:
            return missing
        before = [pts for pts in missing if self._first is not None and pts < self._first]
        # Where it is so many in the middle, two packets make one picture: its fields.
        fields = 3 * (len(missing) - len(before)) > self._entered
        if self._film.video.codec_context.name not in _ONE_TO_ONE or fields:
            return before
        return missing
