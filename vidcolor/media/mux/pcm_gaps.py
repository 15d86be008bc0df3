"""PCM in MP4 and QuickTime, which count its samples and know no other time.

A pause in the film's sound would be gone there, and all behind it too early; so it becomes silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from vidcolor.media.open import VideoReader

_PAUSE = Fraction(1, 100)  # seconds; less is the rounding of the film's clock
_LATE = Fraction(1, 10)
_CODEC = re.compile(r"pcm_(?:(?P<kind>[suf])(?P<bits>8|16|24|32|64)(?:le|be)?|alaw|mulaw)")
_SILENCE = {"u": b"\x80", "pcm_alaw": b"\xd5", "pcm_mulaw": b"\xff"}


class Samples:
    """Places packets of PCM one behind the other, with silence where the film has none."""

    def __init__(
        self, film: VideoReader, label: str, width: int, silence: bytes, rate: int
    ) -> None:
        """Get ready.

        Args:
            film: Is told of pauses that were filled, and of sound that does not fit its times.
            label: What to call the sound.
            width: Bytes of a sample of all channels.
            silence: A byte of it.
            rate: Samples in a second.
        """
        self._film, self._label = film, label
        self._note = f"{label}: its gaps were filled with silence"
        self._width, self._silence, self._rate = width, silence, rate
        self._at: int | None = None
        self._is_late = False

    def spread(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """The packet in its place, in ticks of a sample, behind the silence that is due."""
        count, told = packet.size // self._width, packet.dts
        if told is None or not count:
            yield packet
            return
        self._at = told if self._at is None else self._at
        pause = told - self._at
        if pause > _PAUSE * self._rate:
            self._film.log.remark(self._note)
            while self._at < told:
                length = min(self._rate, told - self._at)
                quiet: Packet[Any] = Packet(self._silence * (length * self._width))
                quiet.time_base, quiet.stream = packet.time_base, packet.stream
                yield self._put(quiet, length)
        if -pause > _LATE * self._rate and not self._is_late:
            self._is_late = True
            text = (
                f"{self._label} has more samples than its timestamps allow; it is late from here on"
            )
            self._film.log.note("timestamp", told / self._rate, text)
        yield self._put(packet, count)

    def _put(self, packet: Packet[Any], count: int) -> Packet[Any]:
        assert self._at is not None
        packet.pts = packet.dts = self._at
        packet.duration = count
        self._at += count
        return packet


def samples_of(source: Stream, film: VideoReader, label: str, container: str) -> Samples | None:
    """What counts the samples of a sound in ``container``; None where packets have times."""
    if container not in ("mp4", "mov") or not isinstance(source, AudioStream):
        return None
    context = source.codec_context
    name = context.codec.canonical_name
    found = _CODEC.fullmatch(name)
    if found is None or not context.sample_rate:
        return None
    width = int(found["bits"] or 8) // 8 * context.channels
    silence = _SILENCE.get(found["kind"] or name, b"\0")
    return Samples(film, label, width, silence, context.sample_rate)
