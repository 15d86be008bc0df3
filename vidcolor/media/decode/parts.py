"""A film that is decoded in parts by several, and what one who decodes all of it would know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction

from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.media.decode.decoder import DecodingPass
from vidcolor.media.decode.picture_changes import SCAN_CHANGES
from vidcolor.media.decode.reading import DecodedPicture, Reading
from vidcolor.media.decode.seek import can_seek
from vidcolor.media.open import VideoReader
from vidcolor.media.pass_log import PassLog
from vidcolor.media.whitelist import film_errors


def why_not_in_parts(film: VideoReader) -> str:
    """In words why a film cannot be decoded in parts; empty where it can.

    Those of a part of it cannot know when it begins; and the packets of a sequence are its files.
    """
    if Reading.of(film).is_cut:
        return "only a part of it is colored"
    if film.info.sequence:
        return "it is an image sequence"
    return "" if can_seek(film) else "it cannot be read from its middle"


def decode_part(
    film: VideoReader,
    layout: PixelLayout,
    start: Fraction,
    log: PassLog,
    see: Callable[[DecodedPicture], object],
) -> Iterator[Frame]:
    """The frames of a film from ``start`` on, with their times as if all of it was decoded.

    Args:
        film: As of `decode`.
        layout: As of `decode`.
        start: In seconds from the film's start.
        log: Gets what is met.
        see: Told of each frame.

    Raises:
        UnsupportedPixels: As `decode`.
    """
    reading = Reading(film, start if start > 0 else None, None, log)
    with film_errors(film.info.path):
        yield from DecodingPass(reading, layout, film.info.start, see).frames()


def is_merged(remark: str) -> bool:
    """Whether the first one of several parts that remark this is that of the whole film."""
    return remark.startswith(SCAN_CHANGES)


def conclude_parts(
    film: VideoReader, pictures: Iterable[DecodedPicture], remarks: Sequence[str] = ()
) -> None:
    """Bring the log of a film to where `decode` brings it that decodes all of it.

    All packets are read, none is decoded.

    Args:
        film: Freshly opened.
        pictures: All of the film, in order.
        remarks: Of its parts, in order; all of one kind, of `is_merged`.

    Raises:
        PartsDiffer: Only who decodes all of it can tell.
        FilmError: As `decode`.
    """
    run = DecodingPass(Reading.of(film), film.info.layout, None)
    with film_errors(film.info.path):
        run.follow(pictures)
        for remark in remarks[:1]:
            film.log.remark(remark)
        run.conclude()
