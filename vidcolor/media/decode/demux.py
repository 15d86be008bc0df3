"""Packets of a film in its own order, with their times mended; and those that travel beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import av.logging
from av.packet import Packet

from vidcolor.core.files import printable
from vidcolor.media.decode.reading import Reading
from vidcolor.media.decode.seek import go_to
from vidcolor.media.decode.sequence import read_sequence
from vidcolor.media.decode.timeline import Timeline
from vidcolor.media.open import VideoReader
from vidcolor.media.whitelist import film_errors

_READ_ERRORS = 20
_TAIL = Fraction(2)
_PREROLL = Fraction(10)
_GROWING = ("mpegts", "mpeg", "flv")
"""Containers in which streams may appear in mid-film."""
_STREAM = re.compile(
    r"^  Stream #\d+:(?P<index>\d+)[^:\n]*: (?P<kind>\w+): (?P<codec>\w+)"
    r"(?:.*, start (?P<start>-?[\d.]+))?",
    re.MULTILINE,
)


def demux(reading: Reading, clock: Timeline, seconds: Callable[[], float]) -> Iterator[Packet[Any]]:
    """Every packet from the start that is asked for on, then the flush packets of the picture.

    Reading goes on behind what is damaged; what was met is noted in its log at the time
    that ``seconds`` tells. Times are mended by ``clock``, still in the film's own time.
    """
    if reading.info.sequence:
        yield from read_sequence(reading, clock)
        return
    if clock.start is not None and reading.start and not reading.info.is_piped:
        go_to(reading.film, clock.start, _PREROLL)  # subtitles shown there began earlier
    failures = 0
    while True:
        try:
            for packet in reading.container.demux():
                if packet.size or packet.stream.index == reading.video.index:
                    clock.mend_packet(packet)
                    yield packet
            return
        except IndexError:  # PyAV does not know a stream that appeared on the way
            failures += 1
            if failures > _READ_ERRORS:
                break
        except av.error.InvalidDataError:
            failures += 1
            reading.log.note("read error", seconds(), "the container is damaged here")
            if failures > _READ_ERRORS:
                break
        except OSError as exc:
            reason = printable(exc.strerror or exc)
            reading.log.note("read error", seconds(), f"reading stopped: {reason}")
            break
    flush: Packet[Any] = Packet()
    flush.stream = reading.video
    yield flush  # what the decoder still holds was read before the error


def note_late_streams(reading: Reading) -> None:
    """Notes streams that FFmpeg found only while it read; PyAV gives none of their packets.

    Call it when the film's decoder has been flushed: with a log level set, PyAV lets threads of a
    decoder wait for Python whenever they complain, and that can end in a deadlock.
    """
    if reading.info.container not in _GROWING:
        return
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # the only way to learn of them is a text in the log
    try:
        text = reading.container.dumps_format()  # type: ignore[attr-defined]
    finally:
        av.logging.set_level(level)
    known = {stream.index for stream in reading.container.streams}
    for found in _STREAM.finditer(text):
        if int(found["index"]) not in known:
            start = Fraction(found["start"] or 0) - reading.info.start
            name = f"{found['kind'].lower()} stream {found['index']} ({found['codec']})"
            reading.log.note(
                "late stream", float(start), f"{name} starts in mid-film and was not copied"
            )


def is_beyond(packet: Packet[Any], clock: Timeline) -> bool:
    """Whether a packet, in the film's own time, lies well past the end that is asked for."""
    if packet.dts is None or clock.end is None:
        return False
    return packet.dts * packet.time_base > clock.end + _TAIL


def carried_packets(film: VideoReader, zero: Fraction) -> Iterator[Packet[Any]]:
    """The packets of all streams that are kept, in the target's time.

    Those of the picture are the film's own: they tell how far the reading has come. A pass of its
    own through the film, which decodes nothing and notes damage that `decode` has noted already.

    Args:
        film: Freshly opened; one pass per Film.
        zero: ``zero`` of the log of the pass that decoded it.
    """
    reading = Reading.of(film)
    clock = Timeline(reading, zero)
    with film_errors(film.info.path):
        for packet in demux(reading, clock, lambda: 0.0):
            if packet.stream.index == film.video.index:
                if is_beyond(packet, clock):
                    return
                if packet.size == 0:
                    continue  # which only flushes decoders, and may have no clock
            if clock.keeps_packet(packet):
                yield packet
