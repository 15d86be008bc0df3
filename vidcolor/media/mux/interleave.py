"""What travels beside the picture comes in step with it.

It is found by a second reading of the film; of one that comes through a pipe, which is read once,
it is held until the picture has come to its time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from typing import Any

from av.packet import Packet

from vidcolor.core.files import printable
from vidcolor.core.iterators import close
from vidcolor.errors import FilmUnreadable, OutputError
from vidcolor.media.decode.demux import carried_packets
from vidcolor.media.decode.reading import Reading
from vidcolor.media.decode.timeline import Timeline, pick_time
from vidcolor.media.identity import check_same
from vidcolor.media.open import VideoReader, open_video
from vidcolor.media.sounds import SoundPacket, with_sounds

_MOST_HELD = 1 << 30
"""Bytes of other streams that may lie before their picture in a film from a pipe."""


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


class Beside:
    """The packets of other streams of a film from a pipe, held until their picture is colored.

    One thread gives them while it decodes, another one takes them.
    """

    def __init__(self, film: VideoReader) -> None:
        """Get ready, before ``film`` is decoded, and be given what it reads."""
        self._film = film
        self._start = film.settings.start and film.info.start + film.settings.start
        self._held: deque[Packet[Any]] = deque()
        self._given = self._taken = 0
        film.beside = self.give

    def give(self, packet: Packet[Any]) -> None:
        """Hold one more.

        Raises:
            FilmUnreadable: They are too many.
        """
        begin = pick_time(packet.pts, packet.dts)
        if self._start and begin is not None:
            end = (begin + (packet.duration or 0)) * packet.time_base
            if end < self._start:
                return  # else those of hours would be held until --start
        self._held.append(packet)
        self._given += packet.size
        if self._given - self._taken > _MOST_HELD:
            raise FilmUnreadable(
                f"{self._film.info.path}: its sound lies too far before its picture to be read from"
                " a pipe; save the film to a file first"
            )

    def packets(
        self, pictures: Iterable[Packet[Any]]
    ) -> Generator[Packet[Any] | SoundPacket, None, None]:
        """As `with_others`; ``pictures`` are what is made of the film that gives the packets."""
        clock: Timeline | None = None
        waiting = with_sounds(self._film, pictures)
        try:
            for picture in waiting:
                # The first picture tells where the target begins.
                clock = clock or Timeline(Reading.of(self._film), self._film.log.zero)
                yield from self._take(clock, _moment(picture))
                yield picture
            yield from self._take(clock or Timeline(Reading.of(self._film)), None)
        finally:
            close(waiting)

    def _take(self, clock: Timeline, until: Fraction | None) -> Iterator[Packet[Any]]:
        """Those held up to a moment of the target, all without one, in the target's time."""
        zero = clock.zero or Fraction(0)
        while self._held:
            moment = _moment(self._held[0])
            if until is not None and moment is not None and moment - zero > until:
                return
            packet = self._held.popleft()
            self._taken += packet.size
            if clock.keeps_packet(packet):
                yield packet


def _moment(packet: Packet[Any] | SoundPacket) -> Fraction | Any:
    time = pick_time(packet.dts, packet.pts)
    return None if time is None else time * packet.time_base
