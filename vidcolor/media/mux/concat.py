"""Stitches chunks and what travels beside the picture to one film."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from vidcolor.core.files import printable
from vidcolor.core.iterators import tap
from vidcolor.core.label import Label
from vidcolor.errors import OutputError, OutputFull
from vidcolor.media.encode.chunk_file import ChunkFileInfo, read_chunk
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.mux.edit_units import Span, check_constant
from vidcolor.media.mux.file_sink import FileSink, Written
from vidcolor.media.mux.interleave import with_others
from vidcolor.media.mux.muxer import Muxer, PacketRefused
from vidcolor.media.mxf import edit_rate
from vidcolor.media.open import VideoReader
from vidcolor.media.sounds import sound_keys
from vidcolor.settings import OutputSettings

Chunks = Sequence[tuple[Path, ChunkFileInfo]]


def check_writable(
    film: VideoReader, target: Path, plan: EncodePlan, settings: OutputSettings
) -> None:
    """Opens the target as it is going to be written, and leaves nothing of it.

    Raises:
        OutputError: What would stop it after hours of work stops it now.
    """
    with Muxer(film, plan, FileSink(target, settings), settings):
        pass
    if plan.container == "mxf":
        check_constant(film)


def stitch(
    film: VideoReader,
    plan: EncodePlan,
    make_sink: Callable[[], FileSink],
    settings: OutputSettings,
    chunks: Chunks,
    on_packet: Callable[[object], object] = lambda _: None,
    label: Label | None = None,
    first: int = 0,
) -> Written:
    """The target, made of chunk files in their order and of the film's other streams.

    Args:
        film: The film, after it was decoded.
        plan: How the chunks were encoded.
        make_sink: Opens the target; called again where a stream is refused.
        settings: Whether things may be left behind.
        chunks: Chunk files with what must be true of them.
        on_packet: Called with every packet of the picture; where a stream is refused, they come
            several times.
        label: What the target says of how it was colored.
        first: pts in the chunks of what becomes 0 in the target.

    Raises:
        OutputError: A chunk is damaged, or the target cannot be written or verified.
        OutputFull: There is no room for the target.
    """
    _check_room(make_sink().name, sum(facts.bytes for _, facts in chunks))
    others = [s.index for s in film.container.streams if s.index != film.video.index]
    before = deepcopy(film.log)
    span = _span(film, chunks, first) if plan.container == "mxf" else None

    def write_all(muxer: Muxer) -> None:
        muxer.write(_packets(film, muxer, chunks, on_packet, first))
        muxer.complete()

    def stitch_without(*refused: int) -> Written:
        sink = make_sink()
        with Muxer(film, plan, sink, settings, refused, label=label, span=span) as muxer:
            write_all(muxer)
            return sink.publish(film, muxer)

    def is_taken(index: int) -> bool:
        rest = [other for other in others if other != index]
        lenient = replace(settings, strict=False)
        muxer = Muxer(film, plan, make_sink(), lenient, rest, span=span)
        with suppress(PacketRefused), muxer:
            write_all(muxer)
            return True
        return False

    try:
        return stitch_without()
    except PacketRefused:
        # A broken stream may be refused only here, and FFmpeg does not say which one it is.
        others += sound_keys(film.settings)
        refused = [index for index in others if not is_taken(index)]
        film.log = before
    return stitch_without(*refused)


def _span(film: VideoReader, chunks: Chunks, zero: int) -> Span:
    """From the first frame to the end of the last, in seconds from that with the pts ``zero``."""
    rate = edit_rate(film.info)
    first, last = (
        (pts - zero) * film.info.time_base
        for pts in (chunks[0][1].first_pts, chunks[-1][1].last_pts)
    )
    return first, first + (round((last - first) * rate) + 1) / rate


def _packets(
    film: VideoReader,
    muxer: Muxer,
    chunks: Chunks,
    on_packet: Callable[[object], object],
    first: int,
) -> Iterator[Any]:
    """All packets of the target in the order of their times.

    Raises:
        OutputError: The chunks were not made by one encoder, one is damaged; and as `with_others`.
        FilmChanged: The film is another one now.
    """
    header = hashlib.sha256(muxer.video.codec_context.extradata or b"").hexdigest()
    if any(facts.extradata != header for _, facts in chunks):
        raise OutputError(
            f"the encoder {muxer.video.codec_context.name} writes chunks that cannot be joined;"
            " choose another --codec and add --fresh"
        )
    delay = max((facts.delay for _, facts in chunks), default=0)
    pictures = (read_chunk(path, facts, muxer.video, delay, first) for path, facts in chunks)
    return with_others(film, tap(chain.from_iterable(pictures), on_packet))


def _check_room(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise OutputFull(
            f"{printable(target.name)}: the disk has {free >> 20} MiB left, the film needs"
            f" {(needed >> 20) + 1}; free some space and run the same command again"
        )
