"""Packets to frames. Packets of other streams leave at once by the side door.

Damage is worked around and counted, never hidden: a frame is not dropped because a packet before
it was broken, and a film does not end because of one error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
from av.packet import Packet
from av.video.frame import VideoFrame

from vidcolor.errors import FilmUnreadable, UnsupportedPixels
from vidcolor.film.clock import Clock, Gaps
from vidcolor.film.convert import ChromaMeter, Converter, planes
from vidcolor.film.limits import film_errors, printable
from vidcolor.film.pixels import storage
from vidcolor.film.probe import Film
from vidcolor.frames import Frame, PixelLayout

Carry = Callable[["Packet[Any]"], None]

_READ_ERRORS = 20
_TAIL = Fraction(2)
_PREROLL = Fraction(10)


def decode(
    film: Film, layout: PixelLayout | None = None, carry: Carry | None = None
) -> Iterator[Frame]:
    """The frames of ``film`` in order, in ``layout`` (default: the film's own).

    ``carry`` is called, from the thread that runs this generator, with every packet of the other
    streams, already in the target's time. One pass per Film. End this generator before the film is
    closed.

    Luma is the film's, byte for byte, unless ``layout`` has more bits. Chroma is the film's where
    the layout is the film's own, neutral otherwise.

    Raises:
        UnsupportedPixels: Size or pixel format changes in the middle of the film.
        FilmUnreadable: No frame at all could be decoded.
    """
    run = _Run(film, layout or film.info.layout, carry)
    with film_errors(film.info.path):
        yield from run.frames()
        run.conclude()


class _Run:
    """State of one pass through a film."""

    def __init__(self, film: Film, layout: PixelLayout, carry: Carry | None) -> None:
        self._film = film
        self._info = film.info
        self._layout = layout
        self._carry = carry
        self._clock = Clock(film)
        self._gaps = Gaps(film.info.time_base)
        self._convert = Converter(film.info, layout)
        stored = storage(film.info.stored_format)
        self._meter = ChromaMeter(stored.bits, stored.sub_x + stored.sub_y > 0)
        self._measures_result = not stored.luma_plane  # packed chroma is planar only afterwards
        self._held: list[Packet[Any]] = []
        self._packets = 0
        self._decoded = 0
        self._errors = 0
        self._last_end = Fraction(0)
        self._sound_end = Fraction(0)

    def frames(self) -> Iterator[Frame]:
        """Frames that are kept, until the film or ``settings.end`` ends."""
        if self._clock.start is not None and self._film.settings.start:
            self._seek(self._clock.start)
        done = False
        for packet in self._from_key(self._demux()):
            if packet.stream.index != self._film.video.index:
                self._side_door(packet)
                if done and self._is_beyond(packet):
                    break
                continue
            if done:
                if self._is_beyond(packet):
                    break
                continue
            for picture in self._decode(packet):
                frame = self._frame(picture)
                if frame is None:
                    continue
                if self._clock.is_past(frame.pts):
                    done = True
                    break
                yield frame
        self._release()
        self._film.source_colour = self._meter.verdict()

    def _seek(self, moment: Fraction) -> None:
        """Goes to a key frame well before ``moment``: subtitles shown there began earlier."""
        target = int((moment - _PREROLL) / self._info.time_base)
        self._film.container.seek(target, stream=self._film.video, backward=True)

    def _from_key(self, packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
        """``packets`` without those of pictures before the last key frame up to the start."""
        index, start = self._film.video.index, self._clock.start
        waiting: list[Packet[Any]] | None = [] if start else None
        for packet in packets:
            if waiting is None or packet.stream.index != index:
                yield packet
                continue
            time = packet.pts if packet.pts is not None else packet.dts
            moment = None if time is None else time * packet.time_base
            if packet.is_keyframe and moment is not None and moment <= (start or 0):
                waiting.clear()
            waiting.append(packet)
            if packet.size == 0 or (moment is not None and moment >= (start or 0)):
                yield from waiting
                waiting = None

    def _demux(self) -> Iterator[Packet[Any]]:
        """Every packet with its time mended, then the flush packets of the picture."""
        failures = 0
        while True:
            try:
                for packet in self._film.container.demux():
                    if packet.size or packet.stream.index == self._film.video.index:
                        self._clock.mend_packet(packet)
                        yield packet
                return
            except av.error.InvalidDataError:
                failures += 1
                self._film.note("read error", self._seconds(), "the container is damaged here")
                if failures > _READ_ERRORS:
                    break
            except OSError as exc:
                reason = printable(exc.strerror or exc)
                self._film.note("read error", self._seconds(), f"reading stopped: {reason}")
                break
        flush: Packet[Any] = Packet()
        flush.stream = self._film.video
        yield flush  # what the decoder still holds was read before the error

    def _seconds(self) -> float:
        return float(self._last_end)

    def _decode(self, packet: Packet[Any]) -> list[VideoFrame]:
        empty = packet.size == 0
        if empty and (packet.pts is not None or packet.dts is not None):
            return []  # AVI repeats a frame with an empty packet; to a decoder it means the end
        self._packets += not empty
        if packet.is_corrupt:
            self._film.note("corrupt packet", self._seconds(), "the container marks it as corrupt")
        try:
            return packet.decode()
        except av.error.EOFError:
            return []
        except av.FFmpegError as exc:
            self._errors += 1
            reason = printable(exc.strerror or type(exc).__name__)
            self._film.note("decode error", self._seconds(), reason)
            return []

    def _frame(self, picture: VideoFrame) -> Frame | None:
        """A Frame for ``picture``; None before the start."""
        self._check(picture)
        self._decoded += 1
        pts = self._clock.mend_frame(picture.pts, picture.dts, picture.duration)
        if not self._clock.keeps_frame(pts):
            return None
        self._release()
        pts = self._clock.frame_pts(pts)
        tick = self._info.time_base
        if picture.is_corrupt:
            self._film.note("concealed frame", float(pts * tick), "the decoder filled in holes")
        self._gaps.see(pts)
        self._last_end = (pts + picture.duration) * tick
        if not self._measures_result:
            self._meter.see(picture)
        damaged, interlaced = picture.is_corrupt, picture.interlaced_frame
        duration = picture.duration
        picture = self._convert(picture)
        if self._measures_result:
            self._meter.see(picture)
        picture.pts, picture.time_base, picture.duration = pts, tick, duration
        luma, *chroma = planes(picture)
        return Frame(
            luma=luma,
            chroma=(chroma[0], chroma[1]) if chroma else (luma[:0], luma[:0]),
            layout=self._layout,
            pts=pts,
            duration=duration,
            time_base=tick,
            interlaced=interlaced,
            top_field_first=self._info.field_order != "bottom",
            damaged=damaged,
            picture=picture,
        )

    def _check(self, picture: VideoFrame) -> None:
        info = self._info
        if (picture.width, picture.height) != (info.width, info.height):
            change = f"from {info.width}x{info.height} to {picture.width}x{picture.height}"
        elif picture.format.name != info.stored_format:
            change = f"from {info.stored_format} to {picture.format.name}"
        else:
            return
        raise UnsupportedPixels(
            f"{printable(info.path.name)}: the picture changes {change} at frame {self._decoded}"
            f" ({self._seconds():.3f} s); cut the film there and colour the parts"
        )

    def _side_door(self, packet: Packet[Any]) -> None:
        if packet.dts is not None:
            end = (packet.dts + (packet.duration or 0)) * packet.time_base - self._info.start
            self._sound_end = max(self._sound_end, end)
        if self._carry is None:
            return
        if self._clock.zero is None:
            self._held.append(packet)  # --start: the first kept frame decides what time 0 is
        elif self._clock.keeps_packet(packet):
            self._carry(packet)

    def _release(self) -> None:
        held, self._held = self._held, []
        for packet in held:
            if self._clock.zero is not None and self._clock.keeps_packet(packet) and self._carry:
                self._carry(packet)

    def _is_beyond(self, packet: Packet[Any]) -> bool:
        """Whether the other streams, too, are well past the end."""
        if packet.dts is None or self._clock.end is None:
            return False
        moment = packet.dts * packet.time_base
        if packet.stream.index != self._film.video.index:
            moment += self._clock.zero or 0  # the side door has moved it already
        return moment > self._clock.end + _TAIL

    def conclude(self) -> None:
        """Judges the pass as a whole: nothing decoded, holes, a film that ends early."""
        film, info = self._film, self._info
        name = printable(info.path.name)
        if self._decoded == 0:
            raise FilmUnreadable(f"{name}: no picture in it can be decoded")
        for at, length in self._gaps.found():
            film.note("gap", at, f"no picture for {length:.3f} s")
        if film.settings.start is not None or film.settings.end is not None:
            if self._last_end == 0:
                raise FilmUnreadable(f"{name}: has no picture between --start and --end")
            return
        declared = info.duration
        reached = self._last_end if film.video.duration else max(self._last_end, self._sound_end)
        if declared and reached < declared - max(Fraction(1, 2), declared / 100):
            film.note(
                "truncated",
                float(reached),
                f"the film ends at {float(reached):.2f} of {float(declared):.2f} s",
            )
        elif info.frames and info.container.startswith("mov") and self._packets < info.frames:
            missing = info.frames - self._packets
            film.note("truncated", float(reached), f"{missing} of {info.frames} frames are missing")
