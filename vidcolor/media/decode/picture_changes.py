"""What a film says of its picture, watched from frame to frame.

A target says it once for all frames. What would show wrong from some frame on is refused with its
time; what does no harm is remarked, and what does a little is noted as damage.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NoReturn

from av.packet import Packet
from av.video.frame import VideoFrame

from vidcolor.core.files import printable
from vidcolor.errors import UnsupportedPixels
from vidcolor.media.decode.reading import Reading
from vidcolor.media.metadata import (
    coded_aspect,
    color_tags,
    hdr_metadata,
    meant_tags,
    picture_fields,
    rotation,
    side_data,
)
from vidcolor.media.pixel_formats import UNSPECIFIED, fill_tags, film_storage, make_layout

_DELAY = 32
"""Frames that a decoder may give after it has read what holds for those behind them."""
_UNSAID = (0, UNSPECIFIED)
SCAN_CHANGES = "the scan changes "
"""How a remark begins that hangs on nothing but the first frame of its kind."""
_WORDS = {"matrix": "color matrix", "primaries": "set of primaries", "transfer": "transfer curve"}


class Changes:
    """Compares every frame of one film with the first one."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._info = reading.info
        self._stored = film_storage(reading.info.stored_format)
        self._seen = 0
        self._told: set[object] = set()
        self._late: dict[str, tuple[int, int | None]] = {}
        """What the decoder tells otherwise -> frames it gave since, and the key frame before."""
        self._begun: set[str] = set()
        self._key: int | None = None
        self._decoded = 0

    def enter(self, packet: Packet[Any]) -> None:
        """Takes note of a packet of the picture that is about to be decoded."""
        if packet.is_keyframe:
            self._key = packet.pts

    def follow(self, picture: VideoFrame) -> None:
        """Takes note of a frame that was decoded, be it kept or not."""
        film = self._reading.film
        self._trace("colors", color_tags(picture) != film.first_tags, picture)
        self._trace("aspect", coded_aspect(film.video) != film.coded_aspect, picture)
        self._decoded += 1

    def see(self, picture: VideoFrame, moment: Fraction) -> None:
        """Compares a frame that is kept, after `follow`.

        Args:
            picture: The frame.
            moment: When it comes, in seconds from the film's start.

        Raises:
            UnsupportedPixels: It would look wrong beside the first one.
        """
        self._size(picture, moment)
        self._colors(picture, moment)
        self._aspect(moment)
        self._side(picture, moment)
        self._fields(picture, moment)
        self._seen += 1

    def _size(self, picture: VideoFrame, moment: Fraction) -> None:
        info = self._info
        if (picture.width, picture.height) != (info.width, info.height):
            change = f"from {info.width}x{info.height} to {picture.width}x{picture.height}"
        elif picture.format.name != info.stored_format:
            change = f"from {info.stored_format} to {picture.format.name}"
        else:
            return
        self._refuse("", change, moment)

    def _trace(self, what: str, differs: bool, picture: VideoFrame) -> None:
        """Finds out whether something differs from ``picture`` on.

        A decoder tells of it when it has read a key frame, and shows those before that one first.
        """
        if not differs:
            self._late.pop(what, None)
            self._begun.discard(what)
            return
        count, key = self._late.get(what, (0, self._key))
        self._late[what] = count + 1, key
        held = self._reading.video.codec_context.has_b_frames
        waited = count >= held or (picture.pts is not None and picture.pts == key)
        if (picture.key_frame and waited) or count >= _DELAY or not self._decoded:
            self._begun.add(what)

    def _colors(self, picture: VideoFrame, moment: Fraction) -> None:
        """Range and curve decide what luma means.

        Matrix and primaries decide only what chroma means, and that is made anew.
        """
        found, first, info = color_tags(picture), self._reading.film.first_tags, self._info
        # What a frame does not say itself it is given by its decoder, which is ahead of it.
        own = any(found[n] != value for n, value in first.items() if value not in _UNSAID)
        if "colors" not in self._begun and not own:
            return
        size = picture.width, picture.height
        tags = fill_tags(
            meant_tags(found, info.codec), self._stored, info.stored_format, size, info.frame_rate
        )
        try:
            layout = make_layout(self._stored, tags, info.codec)
        except UnsupportedPixels:
            change = f"from {info.tags['matrix']} to {tags['matrix']}"
            self._refuse(_WORDS["matrix"], change, moment)
        if layout.full_range != info.layout.full_range:
            change = "from full to limited" if info.layout.full_range else "from limited to full"
            self._refuse("range", change, moment)
        if layout.transfer != info.layout.transfer:
            change = f"from {info.layout.transfer} to {layout.transfer}"
            self._refuse(_WORDS["transfer"], change, moment)
        for name, words in _WORDS.items():
            if tags[name] != info.tags[name]:
                change = f"from {info.tags[name]} to {tags[name]} (numbers of H.273)"
                self._remark(words, change, moment, "the first one is written for the whole film")

    def _aspect(self, moment: Fraction) -> None:
        if "aspect" not in self._begun:
            return
        first, now = self._reading.film.coded_aspect, coded_aspect(self._reading.video)
        change = f"from {first} to {now}"
        shown = self._info.sample_aspect or 1
        if self._info.container == "matroska,webm" or shown != first:
            why = f"the container's value of {shown} is kept for the whole film"
            self._remark("pixel aspect", change, moment, why)
        else:
            self._refuse("pixel aspect", change, moment)

    def _side(self, picture: VideoFrame, moment: Fraction) -> None:
        info, side = self._info, side_data(picture, self._info.codec)
        turned = rotation(side)
        # H.264 and HEVC tell of it with key frames alone.
        if turned != info.rotation and (turned or picture.key_frame):
            self._refuse("rotation", f"from {_way(info.rotation)} to {_way(turned)}", moment)
        hdr = hdr_metadata(side) if info.layout.transfer in ("pq", "hlg") else {}
        if hdr and hdr != info.hdr:
            self._remark("HDR10 metadata", str(hdr), moment, "those of the first frame are written")

    def _fields(self, picture: VideoFrame, moment: Fraction) -> None:
        first, now = self._info.field_order, picture_fields(picture)
        if now == first:
            return
        change = f"from {_FIELDS[first]} to {_FIELDS[now]}"
        if now == "progressive":
            if self._reading.film.first_fields != now:
                why = "the whole film is written as interlaced, which keeps such frames intact"
                self._remark("scan", change, moment, why)
        elif ("scan", now) not in self._told:
            self._told.add(("scan", now))
            text = f"the scan changes {change}; the whole target is marked as {_FIELDS[first]}"
            at = moment + self._info.start - self._reading.log.zero
            self._reading.log.note("picture change", float(at), text)

    def _remark(self, what: str, change: str, moment: Fraction, why: str) -> None:
        if (what, change) in self._told:
            return
        self._told.add((what, change))
        self._reading.log.remark(f"the {what} changes {change} at {float(moment):.3f} s; {why}")

    def _refuse(self, what: str, change: str, moment: Fraction) -> NoReturn:
        words = f"the {what} of the picture" if what else "the picture"
        if frames := self._info.sequence:
            frame = frames.path(round(moment * (self._info.frame_rate or 1)))
            raise UnsupportedPixels(
                f"{printable(frame.name)}: {words} changes {change}; color the frames before and"
                " from there on as sequences of their own"
            )
        seconds = f"{float(moment):.3f} s"
        if self._reading.start is None:
            place = f"at frame {self._seen} ({seconds})"
        else:
            place = f"at {seconds}" if self._seen else f"before {seconds}"
        raise UnsupportedPixels(
            f"{printable(self._info.path.name)}: {words} changes {change} {place}; cut the film"
            " there and color each part"
        )


_FIELDS = {
    "progressive": "progressive",
    "top": "interlaced, top field first",
    "bottom": "interlaced, bottom field first",
}


def _way(matrix: tuple[int, ...] | None) -> str:
    """A display matrix in words."""
    if matrix is None:
        return "upright"
    ways = {(0, 1): "90", (-1, 0): "180", (0, -1): "270"}
    across, down = (0 if n == 0 else n // abs(n) for n in matrix[:2])
    turn = ways.get((across, down))
    return f"rotated by {turn} degrees" if turn else "rotated or mirrored"
