"""Compares PCM that begins and ends with the picture, as in MXF, with that of its source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction

from vidcolor.media.decode.timeline import pick_time
from vidcolor.media.open import VideoReader
from vidcolor.media.whitelist import film_errors

_SAMPLE = re.compile(r"pcm_s(\d+)[bl]e")
_MOST_TRIED = 64
"""Samples by which the beginning may be off."""


def holds_pcm_of(
    target: VideoReader, number: int, source: VideoReader, own: int, begin: Fraction
) -> bool:
    """Whether PCM is that of its source from a moment on, and silence where that has none.

    Args:
        target: Its sound begins with its first frame.
        number: Of the stream in it.
        source: With the same codec.
        own: Number of the stream in it.
        begin: Time of the first frame that was colored, by the clock of the source's container.

    Raises:
        FilmUnreadable: A file cannot be read.
    """
    sound = next(each for each in source.container.streams.audio if each.index == own)
    context = sound.codec_context
    found = _SAMPLE.fullmatch(context.name)
    if found is None:
        return False
    width, rate = int(found[1]) // 8 * context.channels, context.sample_rate
    first = _begin(source, own)
    skip = round((begin - first) * rate) if first is not None else 0
    # A clock that counts milliseconds does not say at which sample the picture begins.
    tick = int((sound.time_base or Fraction(1)) * rate)
    slack = min(1 + tick, _MOST_TRIED)
    return any(
        _is_same(_payloads(target, number), _payloads(source, own), (skip + off) * width)
        for off in sorted(range(-slack, slack + 1), key=abs)
    )


def _is_same(here: Iterator[bytes], there: Iterator[bytes], skip: int) -> bool:
    """Whether bytes are those of others from ``skip`` on; what is missing of these is 0."""
    wanted = b"\0" * max(0, -skip)
    skip = max(0, skip)
    for data in here:
        while len(wanted) < len(data) and (more := next(there, None)) is not None:
            kept = more[skip:]
            skip = max(0, skip - len(more))
            wanted += kept
        if data != wanted[: len(data)].ljust(len(data), b"\0"):
            return False
        wanted = wanted[len(data) :]
    return True


def _begin(film: VideoReader, index: int) -> Fraction | None:
    with film_errors(film.info.path), film.reopen() as container:
        for packet in container.demux(container.streams[index]):
            time = pick_time(packet.pts, packet.dts)
            return None if time is None else time * (packet.time_base or Fraction(1))
    return None


def _payloads(film: VideoReader, index: int) -> Iterator[bytes]:
    with film_errors(film.info.path), film.reopen() as container, suppress(IndexError):
        for packet in container.demux(container.streams[index]):
            if packet.size:
                yield bytes(packet)
