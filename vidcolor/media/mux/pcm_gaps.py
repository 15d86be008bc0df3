"""PCM in MP4, QuickTime and MXF, which count its samples and know no other time.

A pause in the film's sound would be gone there, and all behind it too early; so it becomes silence.
In MXF sound begins and ends with the picture, too: it is cut there, or filled up.
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
        self,
        film: VideoReader,
        label: str,
        width: int,
        silence: bytes,
        rate: int,
        span: tuple[Fraction, Fraction] | None = None,
    ) -> None:
        """Get ready.

        Args:
            film: Is told of pauses that were filled, and of sound that does not fit its times.
            label: What to call the sound.
            width: Bytes of a sample of all channels.
            silence: A byte of it.
            rate: Samples in a second.
            span: Seconds at which it has to begin and to end; None for as it does.
        """
        self._film, self._label = film, label
        self._note = f"{label}: its gaps were filled with silence"
        self._width, self._silence, self._rate = width, silence, rate
        self._at: int | None = None
        self._is_late = False
        self._span = span
        self._begin, self._end = (round(t * rate) for t in span) if span else (0, 0)
        self._cut = [0, 0]
        if span:
            self._at = 0

    @property
    def cut(self) -> tuple[Fraction, Fraction]:
        """Seconds that were cut off at the begin and at the end; less than the film's tick is 0."""
        head, tail = (Fraction(count, self._rate) for count in self._cut)
        return (head if head > _PAUSE else Fraction(0), tail if tail > _PAUSE else Fraction(0))

    def spread(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """The packet in its place, in ticks of a sample, behind the silence that is due."""
        if self._span:
            yield from self._within(packet)
            return
        yield from self._follow(packet)

    def fill(self, moment: Fraction, stream: Stream, tick: Fraction) -> Iterator[Packet[Any]]:
        """Silence up to a moment of the target, in seconds, where a sound has to go on to its end.

        Args:
            moment: Of the target.
            stream: That of the sound there.
            tick: Of its times.
        """
        stop = min(round(moment * self._rate), self._end - self._begin)
        while self._span and self._at is not None and self._at < stop:
            yield self._quiet(min(self._rate, stop - self._at), stream, tick)

    def _within(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """The part of a packet that lies where there are pictures."""
        count, told = packet.size // self._width, packet.dts
        if told is None or not count:
            return
        at = self._at or 0
        place = told - self._begin
        if abs(place - at) <= _PAUSE * self._rate:
            place = at
        length = self._end - self._begin
        head = min(count, max(0, -place))
        tail = min(count - head, max(0, max(place, at) + count - head - length))
        self._cut = [self._cut[0] + head, self._cut[1] + tail]
        if head + tail == count:
            return
        data = bytes(packet)[head * self._width : (count - tail) * self._width]
        kept: Packet[Any] = Packet(data)
        kept.stream, kept.time_base = packet.stream, packet.time_base
        kept.pts = kept.dts = place + head
        yield from self._follow(kept)

    def _follow(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """The packet behind the one before, and silence between them."""
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
                yield self._quiet(length, packet.stream, packet.time_base)
        if -pause > _LATE * self._rate and not self._is_late:
            self._is_late = True
            text = (
                f"{self._label} has more samples than its timestamps allow; it is late from here on"
            )
            self._film.log.note("timestamp", told / self._rate, text)
        yield self._put(packet, count)

    def _quiet(self, length: int, stream: Stream, tick: Fraction) -> Packet[Any]:
        quiet: Packet[Any] = Packet(self._silence * (length * self._width))
        quiet.time_base, quiet.stream = tick, stream
        return self._put(quiet, length)

    def _put(self, packet: Packet[Any], count: int) -> Packet[Any]:
        assert self._at is not None
        packet.pts = packet.dts = self._at
        packet.duration = count
        self._at += count
        return packet


def samples_of(
    source: Stream,
    film: VideoReader,
    label: str,
    container: str,
    span: tuple[Fraction, Fraction] | None = None,
) -> Samples | None:
    """What counts the samples of a sound in ``container``; None where packets have times."""
    if container not in ("mp4", "mov", "mxf") or not isinstance(source, AudioStream):
        return None
    context = source.codec_context
    name = context.codec.canonical_name
    found = _CODEC.fullmatch(name)
    if found is None or not context.sample_rate:
        return None
    width = int(found["bits"] or 8) // 8 * context.channels
    silence = _SILENCE.get(found["kind"] or name, b"\0")
    return Samples(film, label, width, silence, context.sample_rate, span)
