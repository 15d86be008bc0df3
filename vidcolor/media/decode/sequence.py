"""Frames of an image sequence as packets: each of them is given, or missed by its name.

FFmpeg takes an empty file for the end of a sequence, and one that has gone for the end of reading;
neither may end a film.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from math import floor
from typing import Any

import av
from av.packet import Packet

from vidcolor.core.files import printable
from vidcolor.core.sequence import FrameSequence
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import FilmChanged, FilmUnreadable
from vidcolor.media.decode.reading import Reading
from vidcolor.media.decode.timeline import Timeline


def frame_name(info: VideoInfo, moment: Fraction) -> str:
    """The file of a frame of a sequence that begins ``moment`` seconds after its start; printable.

    The name of the film itself where it is no sequence.
    """
    if info.sequence is None or info.frame_rate is None:
        return printable(info.path.name)
    index = min(max(0, round(moment * info.frame_rate)), info.sequence.count - 1)
    return printable(info.sequence.path(index).name)


def read_sequence(reading: Reading, clock: Timeline) -> Iterator[Packet[Any]]:
    """Every packet of a sequence from the start that is asked for on, then the flush packet.

    Raises:
        FilmUnreadable: A frame has gone.
        FilmChanged: A frame is another one than before.
    """
    frames, film, log = reading.info.sequence, reading.film, reading.log
    assert frames is not None
    tick = reading.info.time_base
    index = 0
    if reading.start:
        index = min(frames.count - 1, floor(reading.start / tick))
        film.container.seek(index, stream=film.video)
    while True:
        try:
            for packet in film.container.demux(film.video):
                if packet.size == 0:
                    break
                index = (packet.pts or 0) + 1
                clock.mend_packet(packet)
                yield packet
        except (av.FFmpegError, OSError) as exc:
            name = printable(frames.path(index).name)
            raise FilmUnreadable(
                f"{name}: cannot be read any more; put it back and run the same command again"
            ) from exc
        flush: Packet[Any] = Packet()
        flush.stream = film.video
        yield flush  # also before an empty frame: what is behind it is decoded anew
        if index >= frames.count:
            return
        _check_empty(frames, index)
        zero = clock.zero if clock.zero is not None else clock.start or Fraction(0)
        name = printable(frames.path(index).name)
        log.note("missing frame", float(index * tick - zero), f"{name} is an empty file")
        index += 1
        if index == frames.count:
            return
        film.container.seek(index, stream=film.video)


def _check_empty(frames: FrameSequence, index: int) -> None:
    """See that a frame at which reading ended is empty.

    Raises:
        FilmUnreadable: It has gone.
        FilmChanged: It is not empty now.
    """
    path = frames.path(index)
    try:
        size = os.stat(path).st_size
    except OSError as exc:
        raise FilmUnreadable(f"{printable(path.name)}: cannot be read: {exc.strerror}") from exc
    if size:
        raise FilmChanged(
            f"{printable(path.name)}: changed while it was being colored; run the same command"
            " again, or add --fresh to start over"
        )
