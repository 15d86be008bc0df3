"""Where reading begins: at a key frame that a decoder can start from, or at the very beginning.

Containers without an index land anywhere, and some say nothing of time. A film that does not tell
where it was landed in is read from its beginning, however long that takes.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

import av
from av.packet import Packet

from vidcolor.media.decode.reading import Reading
from vidcolor.media.decode.timeline import Timeline, pick_time
from vidcolor.media.open import VideoReader, ready_decoder
from vidcolor.media.pass_log import PassLog
from vidcolor.media.whitelist import SEQUENCES

_TIMED = (
    *("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "flv", "asf", "ogg"),
    *("mxf", "nut", SEQUENCES),
)
"""Containers whose packets say what time it is, wherever reading begins."""
_JOINABLE = ("mpegts", "mpeg")
_SAMPLES = 48
_BACKWARD, _LEAP = Fraction(1, 2), Fraction(60)
_STEPS = (1, 5, 30, 180)
"""How much farther back each try goes, as a multiple of what is asked for."""
_END = Fraction(10)


def go_to(film: VideoReader, moment: Fraction, margin: Fraction) -> None:
    """Lets reading begin at a key frame at or before ``moment``, and at about ``margin`` before it.

    Args:
        film: Open; its container is opened anew where it has to be read from its beginning.
        moment: In the film's own clock, in seconds.
        margin: Seconds that other streams may need before it.
    """
    if can_seek(film):
        for step in _STEPS:
            before = moment - step * margin
            if before <= film.info.start:
                break
            if _land(film, before) and _has_key(film, moment):
                _land(film, before)
                return
    rewind(film)


def rewind(film: VideoReader) -> None:
    """Lets reading begin anew, in a container that takes the place of the one so far."""
    index = film.video.index
    film.former.append(film.container)
    film.container = film.reopen()
    film.video = next(s for s in film.container.streams.video if s.index == index)
    ready_decoder(film.video, film.settings)


def can_seek(film: VideoReader) -> bool:
    """Whether the times that a film tells in its middle are those that its beginning leads to."""
    if film.seeks is None:
        container = film.info.container
        film.seeks = container in _TIMED and not (container in _JOINABLE and _is_joined(film))
    return film.seeks


def picture_end(film: VideoReader) -> Fraction:
    """Where the last picture that the file holds ends, in seconds from the film's start.

    Reads packets, decodes none: those of the last seconds, or all where the film cannot seek. What
    ``film`` reads afterwards begins anywhere: `go_to` or `rewind` comes next.
    """
    if film.info.sequence:
        return film.info.sequence.count * film.info.time_base
    longest = Fraction(film.settings.max_hours * 3600)
    end = film.info.start + (longest if film.info.duration is None else film.info.duration)
    back = _END
    while can_seek(film) and back < end - film.info.start:
        last = _last_end(film) if _land(film, end - back) else None
        if last is not None:
            return last - film.info.start
        back *= 4
    rewind(film)
    last = _last_end(film)
    return Fraction(0) if last is None else last - film.info.start


def _land(film: VideoReader, moment: Fraction) -> bool:
    """Whether the container could be brought to a place at or before ``moment``."""
    try:
        target = int(moment / film.info.time_base)
        film.container.seek(target, stream=film.video, backward=True)
    except (av.FFmpegError, OSError, OverflowError):
        return False
    return True


def _has_key(film: VideoReader, moment: Fraction) -> bool:
    """Whether a key frame lies between here and ``moment``; reads on."""
    try:
        for packet in film.container.demux(film.video):
            time = _time(packet)
            if not packet.size or time is None:
                return False
            if packet.is_keyframe and time <= moment:
                return True
            if packet.dts is not None and packet.dts * packet.time_base > moment:
                return False
    except (av.FFmpegError, OSError, IndexError):
        pass
    return False


def _last_end(film: VideoReader) -> Fraction | None:
    """Where the last picture from here on ends, in the film's own clock; None where there is none.

    Packets without a time follow each other at the usual rate.
    """
    clock = Timeline(Reading(film, film.settings.start, film.settings.end, PassLog()))
    usual = 1 / (film.info.frame_rate or Fraction(25))
    last: Fraction | None = None
    try:
        for packet in film.container.demux(film.video):
            if packet.size and not packet.is_discard:
                clock.mend_packet(packet)
                time = _time(packet)
                begin = (last or film.info.start) if time is None else time
                length = packet.duration * packet.time_base if packet.duration else usual
                last = begin + length if last is None else max(last, begin + length)
    except (av.FFmpegError, OSError, IndexError):
        pass
    return last


def _time(packet: Packet[Any]) -> Fraction | None:
    """When a picture is shown, as far as its packet says, in seconds."""
    time = pick_time(packet.pts, packet.dts)
    return None if time is None else time * packet.time_base


def _is_joined(film: VideoReader) -> bool:
    """Whether the clock jumps somewhere between samples of the file, as in recordings joined."""
    size = film.info.identity.bytes
    times: list[Fraction] = []
    try:
        for sample in range(_SAMPLES):
            film.container.seek(size * sample // _SAMPLES, unsupported_byte_offset=True)
            packets = film.container.demux(film.video)
            found = (p.dts * p.time_base for p in packets if p.size and p.dts is not None)
            times += islice(found, 1)
    except (av.FFmpegError, OSError, IndexError):
        return True
    steps = sorted(after - before for before, after in pairwise(times))
    if not steps:
        return False
    usual = steps[len(steps) // 2]
    return steps[0] < -_BACKWARD or steps[-1] > _LEAP + 8 * usual
