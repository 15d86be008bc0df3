"""Sound that lies in files of its own beside a film: FILM --sound take.wav."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import Any

import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from vidcolor.core.files import FileIdentity, check_file, identify, printable
from vidcolor.core.iterators import close
from vidcolor.core.timecode import parse_smpte
from vidcolor.errors import NoPicture, SettingsError
from vidcolor.media.decode.timeline import pick_time, ticks
from vidcolor.media.identity import check_same
from vidcolor.media.open import VideoReader, open_container
from vidcolor.media.whitelist import FORMATS, film_errors
from vidcolor.settings import InputSettings

MOST_STREAMS = 1000
"""More than a file may have."""
_SLACK = Fraction(3, 20)
"""Seconds by which whole sound may end before what its file declares."""
_MOST_CHUNKS = 1000
_UNKNOWN_SIZE = 0xFFFFFFFF
"""As the size of a chunk: another one tells it, or nobody does."""
_LONGER = Fraction(1)
"""Seconds by which sound and picture may differ in length before it is worth a word."""
_DECLARING = ("wav", "w64", "aiff", "caf", "mov,mp4,m4a,3gp,3g2,mj2", "mxf")
"""Containers that declare how many samples they have."""


@dataclass(frozen=True)
class SoundFile:
    """An open file of sound."""

    path: Path
    number: int
    """From 1, in the order in which they were named."""
    container: InputContainer
    identity: FileIdentity
    begin: Fraction
    """Where its sound begins by its own clock, in seconds; there the film begins."""

    @property
    def streams(self) -> list[AudioStream]:
        """All that is taken of it."""
        return list(self.container.streams.audio)

    def key(self, index: int) -> int:
        """What tells one of its streams from those of the film and of other files."""
        return MOST_STREAMS * self.number + index

    def label(self, stream: AudioStream, codec: str) -> str:
        """``sound take.wav (pcm_s24le)``: how reports call a stream."""
        several = f" stream {stream.index}" if len(self.container.streams.audio) > 1 else ""
        language = stream.metadata.get("language", "und")
        details = codec if language == "und" else f"{codec}, {printable(language)}"
        return f"sound {printable(self.path.name)}{several} ({details})"


@dataclass
class SoundPacket:
    """A packet of a sound file on its way into the target, in the target's time."""

    packet: Packet[Any]
    key: int
    """Of its stream, as of `SoundFile.key`."""

    @property
    def pts(self) -> int | None:
        """As of the packet."""
        return self.packet.pts

    @property
    def dts(self) -> int | None:
        """As of the packet."""
        return self.packet.dts

    @property
    def time_base(self) -> Fraction:
        """As of the packet."""
        tick: Fraction = self.packet.time_base
        return tick


def open_sounds(settings: InputSettings) -> list[SoundFile]:
    """The sound files that lie beside a film; to be closed by who opens them.

    Raises:
        FilmUnreadable: One is missing or cannot be read.
        NoPicture: As `film_errors`.
        SettingsError: One has no sound.
    """
    return [_open(name, number, settings) for number, name in enumerate(settings.sound, 1)]


def identify_sounds(settings: InputSettings) -> tuple[FileIdentity, ...]:
    """What tells the sound files from others; a copy of a file is the same."""
    found = (identify(check_file(name)) for name in settings.sound)
    return tuple(FileIdentity(one.bytes, 0, one.sha256) for one in found)


def sound_keys(settings: InputSettings) -> list[int]:
    """The keys of all streams of the sound files."""
    keys = []
    for sound in open_sounds(settings):
        keys += [sound.key(stream.index) for stream in sound.streams]
        sound.container.close()
    return keys


def _open(name: str, number: int, settings: InputSettings) -> SoundFile:
    path = check_file(name)
    try:
        with film_errors(path):
            container = open_container(path, settings, FORMATS)
    except NoPicture:  # it is text
        raise SettingsError(f"--sound {printable(name)}: has no sound") from None
    if not container.streams.audio:
        container.close()
        raise SettingsError(f"--sound {printable(name)}: has no sound")
    starts = [
        stream.start_time * stream.time_base
        for stream in container.streams.audio
        if stream.start_time is not None and stream.time_base
    ]
    begin = min(starts, default=Fraction(0))
    return SoundFile(path, number, container, identify(path), begin)


def _wave_length(path: Path) -> Fraction:
    """Seconds that the header of a WAV or RF64 file declares; 0 of other files.

    FFmpeg tells those that are there, so that a file that was cut off seems whole.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return Fraction(0)
        rate, long_size = 0, 0
        for _ in range(_MOST_CHUNKS):
            name, size = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
            if name == b"data":
                size = long_size if size == _UNKNOWN_SIZE else size
                return Fraction(size, rate) if rate else Fraction(0)
            body = file.read(min(size, 28)) if name in (b"fmt ", b"ds64") else b""
            if name == b"fmt " and len(body) >= 12:
                rate = int.from_bytes(body[8:12], "little")
            elif name == b"ds64" and len(body) >= 16:
                long_size = int.from_bytes(body[8:16], "little")
            file.seek(size + size % 2 - len(body), 1)
    return Fraction(0)


def with_sounds(
    film: VideoReader, pictures: Iterable[Packet[Any]]
) -> Generator[Packet[Any] | SoundPacket, None, None]:
    """The pictures with the sound that lies in files of its own, in the order of their times.

    Args:
        film: Its settings name the files; is told of what is damaged.
        pictures: Packets in the target's time; the files are read once the first is there.
    """
    waiting = iter(pictures)
    if not film.settings.sound:
        yield from waiting
        return
    sounds: list[SoundFile] = []
    try:
        picture = next(waiting, None)
        sounds = open_sounds(film.settings)
        readings = [_Reading(film, sound) for sound in sounds]
        packets = merge(*(one.packets() for one in readings), key=_moment)
        sound = next(packets, None)
        end = Fraction(0)
        while picture is not None or sound is not None:
            if sound is not None and (picture is None or _moment(sound) < _moment(picture)):
                yield sound
                sound = next(packets, None)
            elif picture is not None:
                if picture.pts is not None:
                    end = max(end, (picture.pts + (picture.duration or 0)) * picture.time_base)
                yield picture
                picture = next(waiting, None)
        for one in readings:
            one.tell_length(end)
    finally:
        close(waiting)
        for each in sounds:
            each.container.close()


def _moment(packet: Packet[Any] | SoundPacket) -> Fraction:
    time = pick_time(packet.dts, packet.pts)
    return Fraction(0) if time is None else time * packet.time_base


class _Reading:
    """One pass through a sound file."""

    def __init__(self, film: VideoReader, sound: SoundFile) -> None:
        self._film, self._sound = film, sound
        settings, cut = film.settings, Fraction(0)
        if settings.start is not None:
            cut = film.log.zero - film.info.start
        self._zero = sound.begin + cut
        self._is_cut = settings.start is not None or settings.end is not None
        self._length = None if settings.end is None else settings.end - cut
        self._name = f"sound {printable(sound.path.name)}"
        self._end = Fraction(0)
        """Of all that was read, in seconds of the target."""

    def packets(self) -> Iterator[SoundPacket]:
        """Those that are kept, in the target's time."""
        path = self._sound.path
        check_same(path, self._sound.identity)
        with film_errors(path):
            for packet in self._demux():
                if packet.size and packet.stream.type == "audio" and self._keeps(packet):
                    yield SoundPacket(packet, self._sound.key(packet.stream.index))
        check_same(path, self._sound.identity)
        self._judge()

    def _demux(self) -> Iterator[Packet[Any]]:
        try:
            yield from self._sound.container.demux(self._sound.streams)
        except (av.error.InvalidDataError, OSError) as exc:
            reason = printable(getattr(exc, "strerror", None) or exc)
            text = f"{self._name}: reading stopped: {reason}"
            self._film.log.note("read error", float(self._end), text)

    def _keeps(self, packet: Packet[Any]) -> bool:
        """Moves a packet to the target's time; False when it lies outside what is kept."""
        tick = packet.time_base
        shift = ticks(self._zero, tick)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        begin = pick_time(packet.pts, packet.dts)
        if begin is None:
            return True
        self._end = max(self._end, (begin + (packet.duration or 0)) * tick)
        if self._film.settings.start is not None and begin < 0:
            return False
        return self._length is None or begin * tick < self._length

    def _judge(self) -> None:
        """Notes sound that ends before what its file declares."""
        if self._is_cut or self._sound.container.format.name not in _DECLARING:
            return
        for stream in self._sound.streams:
            if stream.duration and stream.time_base:
                declared = max(stream.duration * stream.time_base, _wave_length(self._sound.path))
                if self._end < declared - _SLACK:
                    ends = f"ends at {float(self._end):.2f} of {float(declared):.2f} s"
                    self._film.log.note("truncated", float(self._end), f"{self._name}: {ends}")
                    return

    def tell_length(self, picture: Fraction) -> None:
        """Remarks that sound and picture are not as long, and where their clocks differ.

        Args:
            picture: Where it ends, in seconds of the target.
        """
        longer = self._end - picture
        if abs(longer) > _LONGER and not self._is_cut:
            word = "longer" if longer > 0 else "shorter"
            text = f"it is {float(abs(longer)):.2f} s {word} than the picture"
            self._film.log.remark(f"{self._name}: {text}")
        self._compare_clocks()

    def _compare_clocks(self) -> None:
        """Remarks that the time reference of a BWF, or a timecode, is not the film's timecode."""
        info, tags = self._film.info, self._sound.container.metadata
        reference, code = tags.get("time_reference", ""), tags.get("timecode", "")
        rate = self._sound.streams[0].codec_context.sample_rate
        if not (info.timecode and info.frame_rate):
            return
        try:
            film = parse_smpte(info.timecode, info.frame_rate)
            if reference.isdigit() and rate:
                own = Fraction(int(reference), rate)
            else:
                own = parse_smpte(code, info.frame_rate)
        except ValueError:  # it has none, or one of another rate
            return
        late, name = own - film, "time reference" if reference else "timecode"
        if abs(late) > 1 / info.frame_rate:
            self._film.log.remark(
                f"{self._name}: by its {name} it begins {float(late):+.3f} s from the"
                f" film's timecode {printable(info.timecode)}; it was laid at the film's start"
            )
