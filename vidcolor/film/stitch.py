"""Stitches chunks and what travels beside the picture to one film."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

from av.packet import Packet

from vidcolor.errors import OutputError, OutputFull
from vidcolor.film.demux import carried_packets
from vidcolor.film.encode import EncodePlan
from vidcolor.film.limits import printable
from vidcolor.film.mux import FilmWriter, Written
from vidcolor.film.packets import PacketFacts, read_chunk
from vidcolor.film.probe import Film, open_film
from vidcolor.settings import OutputSettings


def check_writable(film: Film, target: Path, plan: EncodePlan, settings: OutputSettings) -> None:
    """Opens the target as it is going to be written, and leaves nothing of it.

    Raises:
        OutputError: What would stop it after hours of work stops it now.
    """
    with FilmWriter(film, target, plan, settings):
        pass


def stitch(
    film: Film,
    target: Path,
    plan: EncodePlan,
    settings: OutputSettings,
    chunks: Sequence[tuple[Path, PacketFacts]],
) -> Written:
    """The target, made of chunk files in their order and of the film's other streams.

    Args:
        film: The film, after it was decoded.
        target: Where to write.
        plan: How the chunks were encoded.
        settings: How the target is written.
        chunks: Chunk files with what must be true of them.

    Raises:
        OutputError: A chunk is damaged, or the target cannot be written or verified.
        OutputFull: There is no room for the target.
    """
    _check_room(target, sum(facts.bytes for _, facts in chunks))
    delay = max((facts.delay for _, facts in chunks), default=0)
    with (
        FilmWriter(film, target, plan, settings) as writer,
        open_film(film.info.path, film.settings) as beside,
    ):
        header = writer.video.codec_context.extradata or b""
        if any(facts.extradata != hashlib.sha256(header).hexdigest() for _, facts in chunks):
            raise OutputError(
                f"{printable(target.name)}: {plan.codec} gives chunks that do not fit together;"
                " choose another --codec and add --fresh"
            )
        pictures = (read_chunk(path, facts, writer.video, delay) for path, facts in chunks)
        others = carried_packets(beside, film.zero)
        writer.write(_in_step(chain.from_iterable(pictures), others))
        return writer.finish()


def _check_room(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise OutputFull(
            f"{printable(target.name)}: the disk has {free >> 20} MiB left, the film needs"
            f" {(needed >> 20) + 1}; free some space and run the same command again"
        )


def _in_step(pictures: Iterable[Packet[Any]], others: Iterable[Packet[Any]]) -> Iterator[Any]:
    """Both runs of packets in the order of their times, so that players need not jump about."""
    waiting = iter(pictures)
    picture = next(waiting, None)
    for packet in others:
        moment = _moment(packet)
        while picture is not None and moment is not None and _moment(picture) <= moment:
            yield picture
            picture = next(waiting, None)
        yield packet
    while picture is not None:
        yield picture
        picture = next(waiting, None)


def _moment(packet: Packet[Any]) -> Fraction | Any:
    time = packet.dts if packet.dts is not None else packet.pts
    return None if time is None else time * packet.time_base
