"""What tells that sound is missing or damaged: marks of the container, holes, promised packets.

Where it is copied, sound is never decoded, so nothing else can be known of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.stream import Stream

from vidcolor.media.decode.container_size import tagged_duration
from vidcolor.media.decode.edits import Tables, remark_left_out_sound
from vidcolor.media.decode.reading import Reading
from vidcolor.media.decode.timeline import Timeline, pick_time
from vidcolor.media.mux.routes import label

_HOLE = Fraction(1, 10)  # seconds without sound that no encoder makes by itself
_SHORTEST_PACKET = Fraction(1, 100)  # seconds; a sample is shorter by far
_LONGEST_PACKET = Fraction(1)  # seconds
_MOST_HOLES = 1000
_NEAR_CUT = Fraction(1, 2)
_SLACK = {"avi": Fraction(1, 2), "mov": Fraction(1, 10), "matroska": Fraction(3, 20)}
"""Seconds by which whole sound may end before what its stream declares, by container."""
_UNBROKEN = ("mpegts", "mpeg", "flv")
"""Containers of broadcasts, where sound is sent without a break; others may leave out silence."""


@dataclass
class _Track:
    """What was heard of one stream, in its own ticks: fractions take ten times as long."""

    stream: Stream
    label: str
    tick: Fraction
    """Seconds."""
    packets: int = 0
    bytes: int = 0
    heard: int = 0
    """Ticks that are to be heard: lead-in and what edits leave out is not."""
    last: int = 0
    """Where the last packet ends, in the film's time."""
    begin: int | None = None
    """Of the last packet."""
    step: int | Fraction = 0
    """From the packet before to the last one."""

    def __post_init__(self) -> None:
        self.longest = _LONGEST_PACKET / self.tick
        self.most, self.hole = int(self.longest), int(_HOLE / self.tick)

    @property
    def end(self) -> Fraction:
        """Of the last packet, in seconds of the film's time."""
        return self.last * self.tick

    def follow(self, begin: int) -> int | Fraction:
        """Takes note of where a packet begins; as long as the step to it is, if no more is told.

        That is how long it lasts where the container tells no lengths.
        """
        step = 0 if self.begin is None else begin - self.begin
        self.step = self.longest if step > self.most else step
        self.begin = begin
        return self.step


class Sound:
    """Listens to all streams but the picture."""

    def __init__(self, reading: Reading, clock: Timeline) -> None:
        self._reading = reading
        self._clock = clock
        self._container = reading.info.container
        self._tracks = {
            s.index: _Track(s, label(s), s.time_base or Fraction(1))
            for s in reading.container.streams.audio
        }
        self._holes: list[tuple[_Track, Fraction, Fraction]] = []
        self._ends: dict[int, tuple[int | Fraction, Fraction]] = {}
        """Where the last packet of each stream ends, and its ticks."""

    @property
    def end(self) -> Fraction:
        """Where the last packet of any stream ends, in seconds after the film's start."""
        ends = (end * tick - self._reading.info.start for end, tick in self._ends.values())
        return max(Fraction(0), *ends) if self._ends else Fraction(0)

    def hear(self, packet: Packet[Any]) -> None:
        """Takes note of a packet; of one marked as corrupt at once."""
        dts, index = packet.dts, packet.stream_index
        begin, length = pick_time(packet.pts, dts), packet.duration or 0
        track = self._tracks.get(index)
        if dts is not None:
            step = track.follow(dts) if track is not None and packet.size else 0
            end = dts + (length or step)
            known = self._ends.get(index)
            if known is None or end > known[0]:
                self._ends[index] = end, known[1] if known else packet.time_base
        if track is None or packet.size == 0:
            return
        track.packets += 1
        track.bytes += packet.size
        track.heard += 0 if packet.is_discard else length
        moment = track.last if begin is None else begin
        if packet.is_corrupt:
            text = f"{track.label}: the container marks it as corrupt"
            self._note("corrupt packet", moment * track.tick, text)
        # Without lengths a step from packet to packet proves nothing.
        is_far = moment - track.last > track.hole
        if length and track.last and is_far and len(self._holes) < _MOST_HOLES:
            self._holes.append((track, track.end, moment * track.tick))
        track.last = max(track.last, moment + length)

    def holes(self) -> list[tuple[Fraction, Fraction]]:
        """(begin, end) in the target's time of every long pause of otherwise unbroken sound."""
        zero = self._zero()
        return [(begin - zero, end - zero) for _, begin, end in self._proper_holes()]

    def judge(self, damaged: bool, cut: Fraction | None, tables: Tables) -> None:
        """Notes holes, and sound that is shorter than its stream declares.

        A pause alone is no damage but in containers of broadcasts.

        Args:
            damaged: Whether the film is known to be; then a pause is damage everywhere.
            cut: Where the picture ends too early, in seconds after the film's start, and so may
                the sound; None for a picture that does not.
            tables: As of `read_tables`.
        """
        if damaged or self._container in _UNBROKEN:
            for track, begin, end in self._proper_holes():
                text = f"{track.label}: no sound for {float(end - begin):.3f} s"
                self._note("gap", begin, text)
        if not self._reading.is_cut:
            for track in self._tracks.values():
                text = self._shortness(track)
                told = cut is not None and track.end - self._reading.info.start > cut - _NEAR_CUT
                if text and not told:
                    self._note("truncated", track.end, f"{track.label}: {text}")
                elif not text:
                    table, heard = tables.get(track.stream.id), track.heard * track.tick
                    remark_left_out_sound(self._reading, table, track.label, heard)

    def _proper_holes(self) -> list[tuple[_Track, Fraction, Fraction]]:
        """Holes of tracks that have few: sound that is sent only when there is some has many."""
        counts = Counter(track.stream.index for track, _, _ in self._holes)
        return [hole for hole in self._holes if 5 * counts[hole[0].stream.index] <= hole[0].packets]

    def _shortness(self, track: _Track) -> str:
        """By what a track is shorter than declared; "" for a whole one."""
        kind = next((name for name in _SLACK if self._container.startswith(name)), "")
        stream, frames = track.stream, track.stream.frames
        if not kind:
            return ""
        if kind == "matroska":
            declared = tagged_duration(stream.metadata)
            whole = Fraction(self._reading.container.duration or 0, 1_000_000)
            if whole and declared > whole + _SLACK[kind]:
                return ""  # left over from a longer film
        else:
            first = stream.start_time or 0
            declared = (first + (stream.duration or 0)) * (stream.time_base or Fraction(0))
            declared = declared if stream.duration else Fraction(0)
        if track.packets == 0 and (frames or declared):
            return "all its packets are missing"
        end = track.end
        if track.begin == track.last:  # the last packet does not tell its length
            end += track.step * track.tick or _LONGEST_PACKET
        short = end < declared - _SLACK[kind]
        total = frames
        if kind == "mov":
            # Edits that leave out packets shorten the index that FFmpeg makes of them, too.
            listed = frames if short else len(stream.index_entries)
        elif kind == "avi":
            total = listed = max(len(stream.index_entries), _count_packets(stream))
            # What is in a chunk and what in a packet may differ; encoders end with an empty one.
            sizes = [entry.size for entry in stream.index_entries]
            if len(sizes) >= total - 1 and track.bytes >= sum(sizes):
                return ""
        else:
            listed = 0
        if track.packets < listed:
            return f"{total - track.packets} of {total} packets are missing"
        if short and kind != "mov":
            return f"ends at {float(track.end):.2f} of {float(declared):.2f} s"
        return ""

    def _zero(self) -> Fraction:
        zero = self._clock.zero
        return self._reading.info.start if zero is None else zero

    def _note(self, kind: str, moment: Fraction, text: str) -> None:
        """Notes damage at a moment of the film's time that is asked for."""
        start, end = self._clock.start, self._clock.end
        if (start is None or moment >= start) and (end is None or moment < end):
            self._reading.log.note(kind, float(moment - self._zero()), text)


def _count_packets(stream: Stream) -> int:
    """Packets that an AVI declares of a stream; 0 where it declares bytes or samples instead."""
    tick = stream.time_base or Fraction(0)
    return stream.frames if tick > _SHORTEST_PACKET and stream.duration else 0
