"""Packets to frames.

Damage is worked around and counted, never hidden: a frame is not dropped because a packet before
it was broken, and a film does not end because of one error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
from av.packet import Packet
from av.video.frame import VideoFrame

from vidcolor.core.files import printable
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.errors import FilmUnreadable, PartsDiffer
from vidcolor.media.decode.audio_check import Sound
from vidcolor.media.decode.crop import Cropper
from vidcolor.media.decode.demux import demux, is_beyond, note_late_streams
from vidcolor.media.decode.edits import note_left_out_frames, read_tables
from vidcolor.media.decode.end_marks import PictureEnds
from vidcolor.media.decode.missing_frames import Roll
from vidcolor.media.decode.picture_changes import Changes
from vidcolor.media.decode.reading import DecodedPicture, Reading
from vidcolor.media.decode.sequence import frame_name
from vidcolor.media.decode.timeline import GapDetector, Timeline, pick_time, ticks
from vidcolor.media.decode.truncation import Reach, shortness
from vidcolor.media.open import VideoReader
from vidcolor.media.pixel_formats import film_storage
from vidcolor.media.planes import ChromaMeter, Converter, planes
from vidcolor.media.whitelist import check_length, film_errors

_LAG = 4096
"""Packets by which pictures stay behind that others decoded; a decoder holds fewer."""


def decode(
    film: VideoReader,
    layout: PixelLayout | None = None,
    zero: Fraction | None = None,
    reading: Reading | None = None,
) -> Iterator[Frame]:
    """The frames of ``film`` in order, in ``layout`` (default: the film's own).

    One pass per film. Close this generator before the film is closed.

    Luma is the film's, byte for byte, unless ``layout`` has more bits. Chroma is the film's where
    the layout is the film's own, neutral otherwise.

    Args:
        film: Freshly opened.
        layout: Of the frames.
        zero: Of the log of an earlier pass, whose times these frames get although this one starts
            elsewhere.
        reading: Which part is read, and into which log; None takes what was asked for when the film
            was opened, and the film's own.

    Raises:
        UnsupportedPixels: Something changes in mid-film that would be shown wrongly: size, pixel
            format, range, curve, pixel aspect, rotation.
        FilmUnreadable: No frame at all could be decoded.
    """
    run = DecodingPass(reading or Reading.of(film), layout or film.info.layout, zero)
    with film_errors(film.info.path, film.pipe.beginning if film.pipe else None):
        yield from run.frames()
        run.conclude()


class _End(Exception):
    """A frame lies behind what is asked for."""


class DecodingPass:
    """State of one pass through a reading."""

    def __init__(
        self,
        reading: Reading,
        layout: PixelLayout,
        zero: Fraction | None,
        see: Callable[[DecodedPicture], object] | None = None,
    ) -> None:
        """Begin; arguments as of `decode`.

        Args:
            reading: What is read.
            layout: Of the frames.
            zero: As of `decode`.
            see: Told of each frame that is kept, where they are a part of the film.
        """
        self._reading = reading
        self._log = reading.log
        self._info = reading.info
        self._layout = layout
        self._clock = Timeline(reading, zero)
        self._gaps = GapDetector(reading.info.time_base)
        self._convert = Converter(reading.info, layout)
        stored = film_storage(reading.info.stored_format)
        self._meter = ChromaMeter(stored.bits, stored.sub_x + stored.sub_y > 0)
        self._see_part = see
        self._measures_result = not stored.luma_plane  # packed chroma is planar only afterwards
        self._changes = Changes(reading)
        self._cropper: Cropper | None = None
        self._roll = Roll(reading.film)
        self._longest = ticks(Fraction(reading.settings.max_hours * 3600), reading.info.time_base)
        self._ends = PictureEnds(reading.info.codec)
        self._sound = Sound(reading, self._clock)
        self._packets = 0
        self._shown = 0
        self._slots = 0
        self._decoded = 0
        self._last_end = self._last_length = Fraction(0)

    def frames(self) -> Iterator[Frame]:
        """Frames that are kept, until the film or ``settings.end`` ends."""
        done = False
        packets = demux(self._reading, self._clock, self._seconds)
        for packet in self._from_key(packets):
            if done and is_beyond(packet, self._clock):
                break
            if self._is_other(packet):
                continue
            if done:
                continue
            for picture in self._decode(packet):
                try:
                    frame = self._frame(self._seen(picture))
                except _End:
                    done = True
                    break
                if frame is not None:
                    yield frame
        else:  # read to its end
            note_late_streams(self._reading)
        self._log.source_color = self._meter.verdict()

    def _is_other(self, packet: Packet[Any]) -> bool:
        """Whether a packet is none of the picture; then note is taken of it."""
        if packet.stream_index == self._reading.video.index:
            return False
        self._sound.hear(packet)
        if self._reading.film.beside and packet.size:
            self._reading.film.beside(packet)
        return True

    def follow(self, pictures: Iterable[DecodedPicture]) -> None:
        """Take note of all packets of the film, and of its pictures, which others decoded.

        Args:
            pictures: Those of the whole film, in order.

        Raises:
            PartsDiffer: There is something that only who decodes the whole film can tell.
        """
        tick, left = self._info.time_base, iter(pictures)
        zero = ticks(self._clock.zero or Fraction(0), tick)
        last: DecodedPicture | None = None
        for packet in demux(self._reading, self._clock, self._seconds):
            if self._is_other(packet) or self._count(packet):
                continue
            if packet.size:
                self._roll.expect(packet)
                if self._packets > _LAG and (picture := next(left, None)):
                    self._take(last := picture, zero)
        if self._log.damage or self._log.remarks:
            raise PartsDiffer("it is damaged")
        note_late_streams(self._reading)
        for last in left:
            self._take(last, zero)
        if self._roll.overflowed or last is None:
            raise PartsDiffer("too many of its frames are missing")
        self._last_length = last.duration * tick
        self._last_end = last.pts * tick + self._last_length
        self._log.zero = self._clock.zero or Fraction(0)
        self._log.source_color = self._meter.verdict()

    def _take(self, picture: DecodedPicture, zero: int) -> None:
        """Take note of a picture that others decoded."""
        self._decoded += 1
        self._roll.leave_at(picture.pts + zero if picture.is_timed else None)
        self._gaps.see(picture.pts)
        self._meter.add(picture.chroma)

    def _from_key(self, packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
        """``packets`` without those of pictures before the last key frame up to the start."""
        index, start = self._reading.video.index, self._clock.start
        waiting: list[Packet[Any]] | None = [] if start else None
        for packet in packets:
            if waiting is None or packet.stream.index != index:
                yield packet
                continue
            time = pick_time(packet.pts, packet.dts)
            moment = None if time is None else time * packet.time_base
            if packet.is_keyframe and moment is not None and moment <= (start or 0):
                waiting.clear()
            waiting.append(packet)
            if packet.size == 0 or (moment is not None and moment >= (start or 0)):
                yield from waiting
                waiting = None

    def _count(self, packet: Packet[Any]) -> bool:
        """Take note of a packet of the picture; whether it is nothing for the decoder."""
        if packet.dts is not None:
            self._slots = max(self._slots, packet.dts + 1)
        if packet.size == 0 and (packet.pts is not None or packet.dts is not None):
            return True  # AVI repeats a frame with an empty packet; to a decoder it means the end
        if packet.size:
            self._packets += 1
            self._shown += not packet.is_discard
        if packet.is_corrupt:
            self._log.note("corrupt packet", self._seconds(), "the container marks it as corrupt")
        elif self._ends.looks and self._ends.is_cut(bytes(packet)):
            what = "its frame"
            if self._info.sequence and packet.pts is not None:
                what = frame_name(self._info, packet.pts * self._info.time_base)
            self._log.note("corrupt packet", self._seconds(), f"{what} is cut short")
        return False

    def _seconds(self) -> float:
        return float(self._last_end)

    def _decode(self, packet: Packet[Any]) -> list[VideoFrame]:
        empty = packet.size == 0
        if self._count(packet):
            return []
        if not empty:
            self._roll.enter(packet)
            self._changes.enter(packet)

        try:
            pictures = packet.decode()
        except av.error.EOFError:
            return []
        except av.FFmpegError as exc:
            reason = printable(exc.strerror or type(exc).__name__)
            self._log.note("decode error", self._seconds(), reason)
            pictures = []
        for picture in pictures:
            self._roll.leave(picture)
        if empty:
            pictures = pictures + self._roll.last_call()
            for picture in pictures:
                self._roll.leave(picture)
        return pictures

    def _seen(self, picture: VideoFrame) -> VideoFrame:
        """The part of a picture that is meant to be seen."""
        if self._info.crop is None:
            return picture
        self._cropper = self._cropper or Cropper(picture, self._info.crop)
        return self._cropper(picture)

    def _frame(self, picture: VideoFrame) -> Frame | None:
        """A Frame for ``picture``; None before the start."""
        self._decoded += 1
        self._changes.follow(picture)
        tick = self._info.time_base
        pts = self._clock.mend_frame(picture.pts, picture.dts, picture.duration)
        if not self._clock.keeps_frame(pts):
            return None
        moment = pts * tick - self._info.start
        self._log.zero = self._clock.zero or Fraction(0)
        pts = self._clock.frame_pts(pts)
        if self._clock.is_past(pts):
            raise _End
        if pts > self._longest:
            check_length(pts * tick, self._reading.settings, printable(self._info.path.name))
        self._changes.see(picture, moment)
        if picture.is_corrupt:
            where = f" of {frame_name(self._info, moment)}" if self._info.sequence else ""
            self._log.note(
                "concealed frame", float(pts * tick), f"the decoder filled in missing parts{where}"
            )
        self._gaps.see(pts)
        self._last_length = picture.duration * tick
        self._last_end = pts * tick + self._last_length
        spread = self._measure(picture, not self._measures_result)
        is_timed = picture.pts is not None
        damaged, interlaced = picture.is_corrupt, picture.interlaced_frame
        duration = picture.duration
        picture = self._convert(picture)
        spread = self._measure(picture, self._measures_result) or spread
        if self._see_part:
            self._see_part(DecodedPicture(pts, duration, is_timed, spread))
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
            offset=self._log.zero - self._info.start,
            picture=picture,
        )

    def _measure(self, picture: VideoFrame, wanted: bool) -> tuple[float, float] | None:
        """Measure the chroma of a picture, of each one where they are a part of the film."""
        if wanted and not self._see_part:
            self._meter.see(picture)
        return self._meter.spread_of(picture) if wanted and self._see_part else None

    def conclude(self) -> None:
        """Judges the pass as a whole: nothing decoded, holes, streams that end early."""
        reading, log, info = self._reading, self._log, self._info
        name = printable(info.path.name)
        if self._decoded == 0:
            raise FilmUnreadable(f"{name}: none of its frames can be decoded")
        holes = self._gaps.found(bool(log.damage), self._sound.holes())
        for at, length in () if info.sequence else holes:  # there, each frame is missed by name
            log.note("gap", at, f"no frames for {length:.3f} s")
        zero = self._clock.zero or Fraction(0)
        for pts in self._roll.missing():
            moment = pts * info.time_base
            if moment >= (self._clock.start or moment) and moment < (self._clock.end or moment + 1):
                name = f"{frame_name(info, moment)} " if info.sequence else "it "
                log.note("missing frame", float(moment - zero), name + "cannot be decoded")
        if reading.is_cut and self._last_end == 0:
            raise FilmUnreadable(f"{name}: has no frames between --start and --end")
        skipped = zero - info.start
        reach = Reach(
            self._last_end + skipped,
            self._sound.end,
            self._packets,
            self._slots,
            self._gaps.is_constant(bool(log.damage)),
            self._gaps.usual() * info.time_base,
            self._last_length,
        )
        text = shortness(reading, reach)
        if text:
            log.note("truncated", float(self._last_end), text)
        tables = read_tables(reading)
        if not text and "read error" not in log.damage_counts:
            note_left_out_frames(reading, tables, self._shown)
        self._sound.judge(bool(log.damage), reach.picture if text else None, tables)
