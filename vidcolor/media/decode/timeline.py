"""Time: from a film's own clocks to the clock of the target, exactly.

Every stream keeps its own ticks. A shift is a rational number of seconds, brought to the ticks of
each stream once, so that nothing drifts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.packet import Packet

from vidcolor.media.decode.reading import Reading

_BACKWARD = Fraction(1, 2)
_FORWARD = Fraction(60)
_MAX_STEPS = 4096
_MAX_JUMPS = 1000


def ticks(seconds: Fraction, time_base: Fraction) -> int:
    """``seconds`` in units of ``time_base``, rounded to the nearest."""
    return round(seconds / time_base)


def pick_time(first: int | None, second: int | None) -> int | None:
    """The first of a packet's two times that is known: of decoding and of showing."""
    return second if first is None else first


@dataclass
class _StreamClock:
    """Where a stream stands, in its own ticks: fractions of seconds take ten times as long."""

    tick: Fraction
    """Of the stream, in seconds."""
    back: int
    """Ticks by which its times may go back within a recording."""
    forward: int
    """Ticks by which they may leap forward."""
    last: int
    """Decoding time of its last packet."""
    end: int
    """Where that packet ends."""


class Timeline:
    """The time line of the target: start offset removed, joins closed, cut to what is kept.

    ``zero`` is the moment, in the film's time, that becomes 0; None while ``Reading.start`` waits
    for its first frame.
    """

    def __init__(self, reading: Reading, zero: Fraction | None = None) -> None:
        """Take ``zero`` where it is known already, from an earlier pass through the same film."""
        self._reading = reading
        self._tick = reading.info.time_base
        base = reading.info.start
        self.start = base + reading.start if reading.start is not None else None
        self.end = base + reading.end if reading.end is not None else None
        self.zero = base if zero is None and self.start is None else zero
        self._jump = Fraction(0)
        self._streams: dict[int, _StreamClock] = {}
        self._last_pts: int | None = None
        self._last_duration = 0
        self._timed = False
        rate = reading.info.frame_rate or Fraction(25)
        self._usual = max(1, ticks(1 / rate, self._tick))
        # MPEG streams are cut and joined as bytes, so their clocks may leap forward too.
        joined = reading.info.container in ("mpegts", "mpeg")
        # Of others, too, no film goes on after more hours than the longest may have.
        self._farthest = _FORWARD if joined else Fraction(reading.settings.max_hours * 3600)

    def mend_packet(self, packet: Packet[Any]) -> None:
        """Closes a join of two recordings: moves ``packet`` of any stream behind what came before.

        A clock that jumps back by more than half a second shifts all streams from there on.
        """
        time_base = packet.time_base
        if self._jump:
            shift = ticks(self._jump, time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        if packet.dts is None:
            return
        index = packet.stream_index
        stream = self._streams.get(index)
        if stream is None:
            if packet.stream.type not in ("video", "audio"):
                return
            tick, now = packet.time_base, packet.dts
            limits = int(_BACKWARD / tick), int(self._farthest / tick)
            stream = self._streams[index] = _StreamClock(tick, *limits, now, now)
        step = packet.dts - stream.last
        if step < -stream.back or step > stream.forward:
            self._join(packet, (stream.end - packet.dts) * stream.tick)
        stream.last = packet.dts
        stream.end = stream.last + (packet.duration or 0)

    def _join(self, packet: Packet[Any], shift: Fraction) -> None:
        self._jump += shift
        count = ticks(shift, packet.time_base)
        packet.dts = packet.dts + count if packet.dts is not None else None
        packet.pts = packet.pts + count if packet.pts is not None else None
        at = packet.dts * packet.time_base if packet.dts is not None else Fraction(0)
        self._reading.log.note(
            "timestamp",
            float(at - (self.zero or self._reading.info.start)),
            f"the timestamps jumped by {-float(shift):.3f} s; joined without a gap",
        )

    def mend_frame(self, pts: int | None, dts: int | None, duration: int) -> int:
        """The time of a decoded frame in ticks, mended so that times never stand or go back."""
        last = self._last_pts
        if pts is None and dts is not None and (last is None or dts > last):
            pts = dts  # AVI knows only the order of decoding
        if pts is None:
            pts = 0 if last is None else last + (self._last_duration or self._usual)
            if self._timed:
                self._complain(pts, "a frame had no timestamp; placed after the previous one")
        else:
            self._timed = True
        if last is not None and pts <= last:
            # Half a frame on: one tick may vanish in the coarser clock of the target.
            moved = last + max(1, self._usual // 2)
            self._complain(moved, f"a timestamp went back by {last - pts} ticks; moved forward")
            pts = moved
        self._last_pts = pts
        self._last_duration = duration
        return pts

    def _complain(self, pts: int, text: str) -> None:
        zero = self.zero if self.zero is not None else self._reading.info.start
        self._reading.log.note("timestamp", float(pts * self._tick - zero), text)

    def keeps_frame(self, pts: int) -> bool:
        """Whether the frame at ``pts`` lies after the start; the first that does sets ``zero``."""
        if self.start is None:
            return True
        moment = pts * self._tick
        if moment < self.start:
            return False
        if self.zero is None:
            self.zero = moment
        return True

    def is_past(self, pts: int) -> bool:
        """Whether a frame at ``pts``, a time of the target, lies at the end or after it."""
        return self.end is not None and pts * self._tick + (self.zero or 0) >= self.end

    def frame_pts(self, pts: int) -> int:
        """``pts`` in the target."""
        return pts - ticks(self.zero or Fraction(0), self._tick)

    def keeps_packet(self, packet: Packet[Any]) -> bool:
        """Moves a carried packet to the target's time; False when it lies outside what is kept.

        Sound is kept or dropped by whole packets; a subtitle that is on screen at a cut is
        shortened.
        """
        zero = self.zero or Fraction(0)
        time_base = packet.time_base
        shift = ticks(zero, time_base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        begin = pick_time(packet.pts, packet.dts)
        if begin is None or (self.start is None and self.end is None):
            return True
        text = packet.stream.type == "subtitle"
        length = packet.duration or 0
        if self.start is not None and begin < 0:
            if not text or begin + length <= 0:
                return False
            packet.pts = packet.dts = 0
            packet.duration = length = begin + length
            begin = 0
        if self.end is not None:
            stop = ticks(self.end - zero, time_base)
            if begin >= stop:
                return False
            if text and length:
                packet.duration = min(length, stop - begin)
        return True


class GapDetector:
    """Finds holes in the picture: steps much longer than the film's usual one."""

    def __init__(self, time_base: Fraction) -> None:
        self._tick = time_base
        self._steps: Counter[int] = Counter()
        self._long: list[tuple[int, int]] = []
        self._last: int | None = None

    def see(self, pts: int) -> None:
        """Takes note of a frame's time, in ticks of the target."""
        if self._last is not None:
            step = pts - self._last
            if len(self._steps) < _MAX_STEPS or step in self._steps:
                self._steps[step] += 1
            usual = self._steps.most_common(1)[0][0] if len(self._steps) < 64 else 0
            if 2 * step > 3 * usual and len(self._long) < _MAX_JUMPS:
                self._long.append((self._last, step))
        self._last = pts

    def is_constant(self, damaged: bool = False) -> bool:
        """Whether nearly all steps are alike; in a ``damaged`` film every second one is enough."""
        total, usual = sum(self._steps.values()), self.usual()
        near = sum(n for step, n in self._steps.items() if abs(step - usual) <= max(1, usual // 10))
        return total > 0 and near >= (0.5 if damaged else 0.9) * total

    def found(
        self, damaged: bool = False, silences: Sequence[tuple[Fraction, Fraction]] = ()
    ) -> list[tuple[float, float]]:
        """(second, length in seconds) of every hole.

        In a film of constant rate a step of more than 1.5 usual ones is a hole, in any film one of
        more than a second, or one where the sound pauses, too (and 1.5 usual ones). Of a film that
        is known to be ``damaged``, uneven steps are no proof that it has no constant rate.

        Args:
            damaged: Whether other damage is known.
            silences: (begin, end) in seconds of holes in the sound.
        """
        if sum(self._steps.values()) < 3:
            return []
        constant = self.is_constant(damaged)
        limit = Fraction(3, 2) * self.usual() * self._tick
        found = []
        for first, step in self._long:
            at, length = first * self._tick, step * self._tick
            silent = any(begin < at + length and at < end for begin, end in silences)
            if length > limit and (constant or length > 1 or silent):
                found.append((float(at), float(length)))
        return found

    def usual(self) -> int:
        """The median step, or in a long film of many kinds of steps the most common one."""
        total = sum(self._steps.values())
        if total > _MAX_STEPS:
            return self._steps.most_common(1)[0][0]
        return sorted(self._steps.elements())[total // 2] if total else 0
