"""Packets of sound, subtitles and pictures that travel beside the film into the target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from vidcolor.media.decode.timeline import pick_time, ticks
from vidcolor.media.mux.audio_codecs import LAYOUTS, add_encoder
from vidcolor.media.mux.cues import Cue, Screen
from vidcolor.media.mux.pcm_gaps import samples_of
from vidcolor.media.mux.riff_audio import add_by_tag
from vidcolor.media.mux.routes import Route
from vidcolor.media.mux.subtitles import ASS_HEADER, TEXT_CODECS, from_text, text_bytes, to_text
from vidcolor.media.mux.text_encoding import Texts, is_utf8
from vidcolor.media.open import VideoReader, open_container
from vidcolor.media.whitelist import FORMATS, film_errors

_ENOUGH_TEXT = 1 << 17  # bytes from which a code page is told
_TEXT_TICK = Fraction(1, 1000)
LATE_SOUND = Fraction(10)  # seconds of picture that sound may come behind its time in the file
FOR_EVER = Fraction(1 << 40)
EMPTY_TEXT = b"\0\0"
"""A sample of MP4 that shows no text."""
_MOST_REORDERED = 16  # pictures that H.264 and HEVC may hold back


def add_route(container: OutputContainer, route: Route) -> Stream | None:
    """Adds the stream of ``route`` to ``container``; None where no packets follow."""
    source = route.stream
    stream: Stream
    if route.how != "by tag" and route.data:
        container.add_attachment(route.name, route.mimetype, route.data)
        return None
    if route.how == "convert" and route.codec == "mov_text":
        stream = container.add_stream("mov_text")
        stream.codec_context.subtitle_header = ASS_HEADER
        stream.time_base = stream.codec_context.time_base = _TEXT_TICK
    elif route.audio is not None:
        assert isinstance(source, AudioStream)
        stream = add_encoder(container, route.audio, source.codec_context.channels)
    elif route.how == "by tag":
        stream = add_by_tag(container, source, route.data)
    elif route.how == "convert":
        stream = container.add_mux_stream(route.codec, time_base=Fraction(1, 1000))
    else:
        stream = container.add_stream_from_template(source, opaque=True)
        _name_channels(stream)
    stream.metadata.update(route.tags)
    stream.disposition = source.disposition
    return stream


def _name_channels(stream: Stream) -> None:
    """Gives sound without a channel layout the usual one: MP4 fails on PCM that has none."""
    if not isinstance(stream, AudioStream):
        return
    layout = stream.codec_context.layout
    if layout.name.endswith("channels"):
        usual = LAYOUTS.get(layout.nb_channels)
        if usual is not None:
            stream.codec_context.layout = usual


class Carrier:
    """One carried stream in the target: times in its ticks, never going back.

    A time is rounded to the target's tick by itself, so that nothing adds up where packets are
    shorter than a tick. Where the container takes no equal times, they are a tick apart.

    Attributes:
        stream: Of the target.
    """

    def __init__(
        self,
        route: Route,
        stream: Stream,
        film: VideoReader,
        container: str,
        span: tuple[Fraction, Fraction] | None = None,
    ) -> None:
        self._route = route
        self.stream = stream
        self._film = film
        self._is_sound = route.stream.type == "audio"
        self._is_text = route.stream.type == "subtitle"
        self._is_words = route.stream.codec_context.name in TEXT_CODECS
        matroska = container in ("matroska", "webm")
        self._drops_discarded = matroska
        self._begins_at_zero = self._is_text and not matroska
        self._step = 0 if matroska or self._is_text else 1
        # Here only chunks of sound have times; FFmpeg gives all packets of one the same.
        source = route.sound.container.format.name if route.sound else film.info.container
        self._by_chunks = source in ("avi", "asf") and self._is_sound
        self._adds_up = source == "avi" and self._is_sound
        self._empty_text = route.stream.codec_context.name == "mov_text"
        self._last: int | None = None
        self._before: tuple[Fraction, Fraction, Fraction] | None = None
        """Of the packet before, in seconds: its time in the film, its own, and its length."""
        self._held: Packet[Any] | None = None
        self._texts = Texts(film)
        self._samples = samples_of(route.stream, film, route.label, container, span)
        self._screen = Screen(_TEXT_TICK) if route.codec == "mov_text" else None

    def prepare(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """The packets to be written for ``packet``: none, itself, or one held back and itself.

        Texts that must not overlap are given by `due` and `rest`.
        """
        if self._begins_at_zero and not self._is_seen(packet):
            return
        if self._route.how == "convert":
            converted = self._convert(packet)
            if converted is not None:
                yield self._placed(converted)
            return
        if self._empty_text and packet.size == len(EMPTY_TEXT):
            return  # the pause between two subtitles; MP4 writes its own
        if packet.is_discard and self._drops_discarded:
            self._held = packet  # Matroska has no edit list: the lead-in would become audible
            return
        if self._held is not None:
            held, self._held = self._held, None
            yield self._placed(held)
        placed = self._placed(self._recoded(packet) if self._is_words else packet)
        if self._samples is None:
            yield placed
        else:
            yield from self._samples.spread(placed)

    def due(self, moment: Fraction) -> list[Packet[Any]]:
        """Packets that were held back and can be written when the picture is at ``moment``."""
        if self._samples is not None:
            return list(self._silence(moment - LATE_SOUND))
        return [] if self._screen is None else self._joined(self._screen.due(moment))

    def rest(self) -> list[Packet[Any]]:
        """Packets that are still held back at the end of the film."""
        if self._samples is not None:
            return list(self._silence(FOR_EVER))
        return [] if self._screen is None else self._joined(self._screen.rest())

    @property
    def cut(self) -> tuple[Fraction, Fraction]:
        """Seconds of sound that were not written: before the first picture, behind the last one."""
        return (Fraction(0), Fraction(0)) if self._samples is None else self._samples.cut

    def _silence(self, moment: Fraction) -> Iterator[Packet[Any]]:
        assert self._samples is not None
        yield from self._samples.fill(moment, self.stream, self.stream.time_base or _TEXT_TICK)

    def _joined(self, cues: Iterable[Cue]) -> list[Packet[Any]]:
        """Packets of texts, none of which overlaps another."""
        packets = []
        for cue in cues:
            made: Packet[Any] = Packet(from_text(self._route.codec, cue.text))
            made.pts = made.dts = cue.start
            made.duration, made.time_base = cue.end - cue.start, _TEXT_TICK
            made.is_keyframe, made.stream = True, self.stream
            packets.append(made)
        if self._screen is not None and self._screen.has_joined:
            note = "texts shown at the same time were joined"
            self._film.log.remark(f"{self._route.label}: {note}")
        return packets

    def _show(self, screen: Screen, packet: Packet[Any], text: str) -> None:
        """Hands a text to the screen."""
        told = pick_time(packet.pts, packet.dts)
        if told is None:
            self._film.log.note(
                "timestamp", 0.0, f"{self._route.label}: a text without a timestamp was left out"
            )
            return
        begin: Fraction = told * packet.time_base
        span: Fraction = (packet.duration or 0) * packet.time_base
        start = ticks(begin, _TEXT_TICK)
        length = max(1, ticks(begin + span, _TEXT_TICK) - start) if span > 0 else 0
        if not screen.add(start, length, text):
            late = f"{self._route.label}: a text that comes too late in the file was left out"
            self._film.log.note("timestamp", float(begin), late)

    def _is_seen(self, packet: Packet[Any]) -> bool:
        """Cuts off what a subtitle has before the film begins; False where nothing is left.

        MP4 has no such times, and FFmpeg would bring all that follow too early.
        """
        if packet.pts is None or packet.pts >= 0:
            return True
        rest = packet.pts + (packet.duration or 0)
        if rest <= 0:
            text = f"{self._route.label}: a text that ends before the film starts was left out"
            self._film.log.note("timestamp", float(packet.pts * packet.time_base), text)
            return False
        packet.pts = packet.dts = 0
        packet.duration = rest
        return True

    def _convert(self, packet: Packet[Any]) -> Packet[Any] | None:
        codec = self._route.stream.codec_context.name
        text = to_text(codec, bytes(packet), lambda data: self._read(data, packet))
        if not text.strip():
            return None  # MP4 writes the pauses between subtitles as empty ones
        if self._screen is not None:
            self._show(self._screen, packet, text)
            return None
        return _with_payload(packet, from_text(self._route.codec, text))

    def _read(self, data: bytes, packet: Packet[Any]) -> str:
        """Text of a subtitle, in whatever code page."""
        route, film = self._route, self._film
        language = route.stream.metadata.get("language", "")
        at = float((packet.pts or 0) * packet.time_base)
        return self._texts.read(data, route.label, language, lambda: all_text(film, route), at)

    def _recoded(self, packet: Packet[Any]) -> Packet[Any]:
        """A text subtitle that is copied, as UTF-8 if its code page is given."""
        codec = self._route.stream.codec_context.name
        data = text_bytes(codec, bytes(packet))
        if is_utf8(data):
            return packet
        if not self._texts.is_told:
            note = f"{self._route.label}: its text is not UTF-8; copied as it is"
            self._film.log.remark(note)
            return packet
        text = self._read(data, packet)
        made = from_text(codec, text) if codec == "mov_text" else text.encode()
        return _with_payload(packet, made)

    def _placed(self, packet: Packet[Any]) -> Packet[Any]:
        source, target = packet.time_base, self.stream.time_base
        assert target is not None
        ratio = source / target
        moved = self._move(packet)
        if ratio != 1:
            packet.pts = None if packet.pts is None else round(packet.pts * ratio)
            packet.dts = None if packet.dts is None else round(packet.dts * ratio)
            packet.duration = round((packet.duration or 0) * ratio)
            packet.time_base = target
        if moved is not None:
            packet.pts = packet.dts = ticks(moved, target)
        if packet.dts is None and packet.pts is not None:
            packet.dts = self._guess_dts(packet)
        if packet.dts is not None and self._last is not None:
            packet.dts = max(packet.dts, self._last + self._step)
            packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
        if self._is_sound and not packet.duration and packet.dts is not None:
            # MP4 hides a last packet that has no length.
            packet.duration = packet.dts - self._last if self._last is not None else 0
        self._last = packet.dts
        packet.stream = self.stream
        return packet

    def _move(self, packet: Packet[Any]) -> Fraction | None:
        """Where a packet of a chunk of an AVI belongs that has the chunk's time, in seconds.

        Of all others a time is noted that stands or goes back; but a packet that is no longer than
        the film's tick may well have the time of the one before.
        """
        begin = pick_time(packet.dts, packet.pts)
        if begin is None or (packet.dts is None and self._route.stream.type == "video"):
            return None  # pictures are shown in another order than they are stored in
        tick = packet.time_base
        told, length = begin * tick, (packet.duration or 0) * tick
        before, self._before = self._before, (told, told, length)
        if before is None or self._is_text:
            return None
        last_told, last, last_length = before
        if self._adds_up and told <= last_told:
            self._before = (last_told, last + last_length, length)
            return last + last_length
        stands = told == last_told and last_length > tick and not self._by_chunks
        if told < last_told or stands:
            back = round((last_told - told) / tick)
            text = f"{self._route.label}: a timestamp went back by {back} ticks; moved forward"
            self._film.log.note("timestamp", float(told), text)
        return None

    def _guess_dts(self, packet: Packet[Any]) -> int:
        """A decoding time for a packet that has none.

        Matroska leaves out those of the first pictures of a film with B-frames: they are decoded
        before the first one is shown.
        """
        assert packet.pts is not None
        if self._route.stream.type != "video":
            return packet.pts
        ahead = 2 * max(packet.duration or 0, _MOST_REORDERED)
        if self._last is None:
            return packet.pts - ahead
        return min(self._last + ahead // _MOST_REORDERED, packet.pts)


def _with_payload(packet: Packet[Any], data: bytes) -> Packet[Any]:
    """A packet of other bytes at the same time."""
    made: Packet[Any] = Packet(data)
    made.pts = packet.pts
    made.dts = pick_time(packet.dts, packet.pts)
    made.duration, made.time_base = packet.duration, packet.time_base
    made.is_keyframe = packet.is_keyframe
    return made


def all_text(film: VideoReader, route: Route) -> bytes:
    """All text of a subtitle track, or the beginning of a long one, from a reading of its own."""
    path, codec, text = film.info.path, route.stream.codec_context.name, bytearray()
    with film_errors(path), open_container(path, film.settings, FORMATS) as container:
        for packet in container.demux(container.streams[route.stream.index]):
            text += text_bytes(codec, bytes(packet)) + b"\n"
            if len(text) > _ENOUGH_TEXT:
                break
    return bytes(text)
