"""Sound that Matroska has no name of its own for, under its RIFF tag: codec A_MS/ACM.

FFmpeg writes such tracks, but PyAV asks it first whether the container names the codec, and takes
no for an answer. So the track is added as PCM, with the header that a WAV file of this sound would
have, and is called by its right name in the file when that is written.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

_STAND_IN, _STAND_IN_NAME = "pcm_s16le", b"A_PCM/INT/LIT"
_NAME = b"A_MS/ACM"
_WITHOUT_EXTRA = 16  # bytes of a header that ends before the length of what the codec adds
# Names of Matroska's elements.
_SEGMENT, _TRACKS, _CLUSTER = (bytes.fromhex(n) for n in ("18538067", "1654ae6b", "1f43b675"))
_ENTRY, _CODEC, _PRIVATE = (bytes.fromhex(n) for n in ("ae", "86", "63a2"))
_AUDIO, _DEPTH, _CRC, _VOID = (bytes.fromhex(n) for n in ("e1", "6264", "bf", "ec"))
_LONGEST_HEAD = 16  # bytes
_MOST_ELEMENTS = 64  # before the tracks; FFmpeg writes three

Element = tuple[bytes, int, int, int]
"""Name, where it begins, where its content begins, and where that ends."""


def wave_header(stream: Stream) -> bytes:
    """The WAVEFORMATEX of a sound; empty where RIFF has no tag for it."""
    file = io.BytesIO()
    try:
        with av.open(file, "w", format="wav") as container:
            container.add_stream_from_template(stream, opaque=True)
            container.start_encoding()
    except (av.FFmpegError, ValueError):
        return b""
    data = file.getvalue()
    at = data.find(b"fmt ")
    header = data[at + 8 : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")]
    return header + bytes(2) if len(header) == _WITHOUT_EXTRA else header


def add_by_tag(container: OutputContainer, source: Stream, header: bytes) -> Stream:
    """Adds sound to a Matroska container; `name_by_tag` must follow when that is written.

    Args:
        container: Matroska.
        source: The sound's stream in the film.
        header: Of `wave_header`.
    """
    assert isinstance(source, AudioStream)
    stream = container.add_stream(_STAND_IN, rate=source.codec_context.sample_rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = source.codec_context.layout
    stream.codec_context.extradata = header
    return stream


def name_by_tag(file: BinaryIO) -> None:
    """Gives the tracks of `add_by_tag` their right name; no byte behind them moves.

    Args:
        file: What FFmpeg wrote, from its start to the end of the tracks at least.
    """
    found = _find_tracks(file)
    if found is None:
        return
    begin, end = found
    file.seek(begin)
    tracks = bytearray(file.read(end - begin))
    for name, _, at, stop in _elements(tracks, 0, len(tracks)):
        if name == _ENTRY:
            _rename(tracks, at, stop)
    first = next(_elements(tracks, 0, len(tracks)), None)
    if first is not None and first[0] == _CRC:
        _, _, at, stop = first
        tracks[at:stop] = zlib.crc32(tracks[stop:]).to_bytes(4, "little")
    file.seek(begin)
    file.write(tracks)


def _rename(tracks: bytearray, begin: int, end: int) -> None:
    """Names one track anew, where it is called PCM and has a header that PCM has not."""
    parts = {name: (start, at, stop) for name, start, at, stop in _elements(tracks, begin, end)}
    if _CODEC not in parts or _PRIVATE not in parts:
        return
    start, at, stop = parts[_CODEC]
    if tracks[at:stop] != _STAND_IN_NAME:
        return
    named = _CODEC + bytes([0x80 | len(_NAME)]) + _NAME
    tracks[start:stop] = named + _void(stop - start - len(named))
    if _AUDIO in parts:
        _, at, stop = parts[_AUDIO]
        for name, start, _, last in list(_elements(tracks, at, stop)):
            if name == _DEPTH:  # of the stand-in; the header has the right one
                tracks[start:last] = _void(last - start)


def _void(length: int) -> bytes:
    """An element of ``length`` bytes, from 2 to 128, that says nothing."""
    return _VOID + bytes([0x80 | (length - 2)]) + bytes(length - 2)


def _find_tracks(file: BinaryIO) -> tuple[int, int] | None:
    """Where the content of the element with the tracks begins and ends."""
    at = 0
    for _ in range(_MOST_ELEMENTS):
        file.seek(at)
        name, head, length = _head(file.read(_LONGEST_HEAD))
        at += head
        if name == _TRACKS:
            return at, at + length
        if not head or name == _CLUSTER:
            return None
        at += 0 if name == _SEGMENT else length
    return None


def _elements(data: bytes | bytearray, begin: int, end: int) -> Iterator[Element]:
    """The elements of ``data`` between two places, one level deep."""
    while begin < end:
        name, head, length = _head(bytes(data[begin : begin + _LONGEST_HEAD]))
        if not head:
            return
        yield name, begin, begin + head, begin + head + length
        begin += head + length


def _head(data: bytes) -> tuple[bytes, int, int]:
    """Name of an element, bytes of its head, and of its content; no head where none begins."""
    first = 9 - data[0].bit_length() if data else 9
    second = 9 - data[first].bit_length() if len(data) > first else 9
    if second > 8:
        return b"", 0, 0
    length = int.from_bytes(data[first : first + second], "big") & ((1 << 7 * second) - 1)
    return data[:first], first + second, length
