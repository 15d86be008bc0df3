"""What sound, subtitles and the like hold, packet by packet, to be compared with a copy."""

from __future__ import annotations

import hashlib
from array import array
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction

from av.stream import AttachmentStream, Stream

from vidcolor.media.decode.timeline import pick_time
from vidcolor.media.metadata import is_cover
from vidcolor.media.mux.packet_remap import EMPTY_TEXT
from vidcolor.media.mux.routes import label
from vidcolor.media.open import VideoReader, open_container
from vidcolor.media.whitelist import FORMATS, film_errors

WIDTH = 8
"""Bytes of the digest of a packet."""
_PRIME = 2**128 - 159
_ADTS, _ADTS_MASK = 0xFFF0, 0xFFF6
_LONG, _SHORT = 9, 7
"""Bytes of a header of ADTS, with and without a check sum."""


@dataclass
class StreamContent:
    """One stream beside the picture, packet by packet."""

    label: str
    """As reports call it, such as ``audio stream 1 (aac, eng)``."""
    kind: str
    """``audio``, ``subtitle``, ``video``, ``data``, ``attachment`` or ``cover``."""
    codec: str
    index: int = -1
    """Of the stream in its file."""
    packets: bytearray = field(default_factory=bytearray)
    """Digests of the packets, `WIDTH` bytes each, in their order in the file."""
    times: array[float] = field(default_factory=lambda: array("d"))
    """When each is played, in seconds of the container's clock; NaN where it does not say."""
    lead_in: int = 0
    """How many packets at the beginning are only there to start the decoder."""
    whole: str = ""
    """sha256 of all payloads in a row: the same however they are cut into packets."""
    ends: list[tuple[int, int]] = field(default_factory=list)
    """For PCM: bytes up to the end of each packet, and these bytes as a number modulo `_PRIME`."""

    @property
    def count(self) -> int:
        """How many packets it has."""
        return len(self.packets) // WIDTH

    def find(self, other: StreamContent) -> int | None:
        """Number of the packet from which on all of ``other`` follow; None where they do not."""
        at = self.packets.find(other.packets)
        while at > 0 and at % WIDTH:
            at = self.packets.find(other.packets, at + 1)
        return None if at < 0 else at // WIDTH

    def find_samples(self, other: StreamContent) -> int | None:
        """For PCM: as `find`, however both are cut into packets; all of ``other`` ends one, too."""
        if not self.ends or not other.ends:
            return None
        count, number = other.ends[-1]
        shift, known = pow(256, count, _PRIME), dict(self.ends)
        for at, (before, value) in enumerate([(0, 0), *self.ends[:-1]]):
            after = known.get(before + count)
            if after is not None and (after - value * shift - number) % _PRIME == 0:
                return at
        return None

    def first_difference(self, other: StreamContent) -> int:
        """Number of the first packet that is another one in ``other``, or missing there."""
        here, there = memoryview(self.packets), memoryview(other.packets)
        low, high = 0, min(self.count, other.count)
        while low < high:  # the packets before low are the same
            middle = (low + high + 1) // 2
            if here[: middle * WIDTH] == there[: middle * WIDTH]:
                low = middle
            else:
                high = middle - 1
        return low


def read_streams(film: VideoReader) -> list[StreamContent]:
    """The streams of a film beside its picture, in their order, from a reading of its own.

    Raises:
        FilmUnreadable: The file cannot be read.
    """
    if film.info.sequence:  # it has no others
        return []
    path = film.info.path
    found: dict[int, StreamContent] = {}
    whole: dict[int, hashlib._Hash] = {}
    # PyAV ends with IndexError a film in which a stream appears on the way.
    with (
        film_errors(path),
        open_container(path, film.settings, FORMATS) as container,
        suppress(IndexError),
    ):
        for stream in container.streams:
            if stream.index != film.video.index:
                found[stream.index] = _describe(stream)
                whole[stream.index] = hashlib.sha256()
                if isinstance(stream, AttachmentStream):
                    add_packet(found[stream.index], stream.data, float("nan"))
        for packet in container.demux():
            content = found.get(packet.stream.index)
            if content is None or packet.size == 0:
                continue
            data = _payload(bytes(packet), content.codec)
            if content.kind == "subtitle" and data == EMPTY_TEXT:
                continue  # the pause between two texts in MP4
            if packet.is_discard and content.lead_in == content.count:
                content.lead_in += 1
            time = pick_time(packet.pts, packet.dts)
            tick = packet.time_base or Fraction(1)
            add_packet(content, data, float("nan") if time is None else float(time * tick))
            whole[packet.stream.index].update(data)
    for index, content in found.items():
        content.whole = whole[index].hexdigest()
    return list(found.values())


def _describe(stream: Stream) -> StreamContent:
    context = getattr(stream, "codec_context", None)
    codec = "" if context is None else context.codec.canonical_name
    kind = "cover" if is_cover(stream) else stream.type
    return StreamContent(label(stream), kind, codec, stream.index)


def _payload(data: bytes, codec: str) -> bytes:
    """The bytes of a packet without a header that only some containers need."""
    head = int.from_bytes(data[:2])
    if codec != "aac" or head & _ADTS_MASK != _ADTS:
        return data
    return data[_SHORT if head & 1 else _LONG :]


def add_packet(content: StreamContent, data: bytes, seconds: float) -> None:
    """Take note of the next packet and of when it is played."""
    content.packets += hashlib.blake2b(data, digest_size=WIDTH).digest()
    content.times.append(seconds)
    if content.codec.startswith("pcm_"):
        before, value = content.ends[-1] if content.ends else (0, 0)
        value = value * pow(256, len(data), _PRIME) + int.from_bytes(data)
        content.ends.append((before + len(data), value % _PRIME))
