"""What travels beside the picture comes in step with it, from a second reading of the film."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from fractions import Fraction
from typing import Any

from av.packet import Packet

from vidcolor.core.files import printable
from vidcolor.core.iterators import close
from vidcolor.errors import OutputError
from vidcolor.media.decode.demux import carried_packets
from vidcolor.media.decode.timeline import pick_time
from vidcolor.media.identity import check_same
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.sounds import SoundPacket, with_sounds


def with_others(
    film: VideoReader, pictures: Iterable[Packet[Any]]
) -> Generator[Packet[Any] | SoundPacket, None, None]:
    """All packets of the target in the order of their times, so that players need not jump about.

    A picture is handed on as soon as the second reading has come to its time.

    Args:
        film: The film whose picture is written.
        pictures: Its packets, in the target's time; the film is read again once the first is there.

    Raises:
        OutputError: The film cannot be read again.
        FilmChanged: The film is another one now.
    """
    waiting, path, known = with_sounds(film, pictures), film.info.path, film.info.identity
    if film.info.sequence:  # it has no others, and would be read twice
        yield from waiting
        check_same(path, known)
        return
    try:
        picture = next(waiting, None)
        with open_video(path, film.settings) as beside:
            check_same(path, known, beside.info.identity, film.content)
            for packet in carried_packets(beside, film.log.zero):
                moment = _moment(packet)
                while picture is not None and moment is not None and _moment(picture) <= moment:
                    yield picture
                    picture = next(waiting, None)
                if packet.stream.index != beside.video.index:
                    yield packet
            while picture is not None:
                yield picture
                picture = next(waiting, None)
            check_same(path, known, content=film.content)
    finally:
        close(waiting)
    errors = film.log.damage_counts.get("read error", 0)
    if beside.log.damage_counts.get("read error", 0) > errors:
        name = printable(film.info.path.name)
        raise OutputError(f"{name}: cannot be read a second time; run the same command again")


def _moment(packet: Packet[Any] | SoundPacket) -> Fraction | Any:
    time = pick_time(packet.dts, packet.pts)
    return None if time is None else time * packet.time_base
