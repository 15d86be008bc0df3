"""Pictures and sound of a target that counts its frames at a constant rate and has no times: MXF.

The first frame has number 0, so all else is counted from it. Where the film has no frame for a
number, the one before is repeated; where two have the same, the film is not for such a target, and
that is found out before it is colored.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.video.stream import VideoStream

from vidcolor.core.files import printable
from vidcolor.core.report import Dropped
from vidcolor.core.timecode import timecode
from vidcolor.errors import EncoderMissing, OutputError
from vidcolor.media.mxf import SOUND_CODECS, SOUND_RATE, edit_rate
from vidcolor.media.open import VideoReader
from vidcolor.media.whitelist import film_errors

Span = tuple[Fraction, Fraction]
"""Seconds of the target's first frame, and of the end of its last one, in the film's clock."""

_TWICE = "{name}: frames {first} and {second} at {moment} are closer than at {rate:.6g} a second"


def check_constant(film: VideoReader) -> None:
    """Read the times of all frames, and see that each has a number of its own.

    Raises:
        EncoderMissing: Two frames have the same: the film's rate changes.
        FilmUnreadable: The film cannot be read.
    """
    info, settings = film.info, film.settings
    rate, times = edit_rate(info), array("q")
    if info.sequence:  # each of its frames has a number of its own
        return
    with film_errors(info.path), film.reopen() as container:
        for packet in container.demux(container.streams[film.video.index]):
            if packet.size and packet.pts is not None and not packet.is_discard:
                times.append(packet.pts)
    begin = info.start + (settings.start or 0)
    end = None if settings.end is None else info.start + settings.end
    kept = (
        moment
        for moment in (pts * info.time_base for pts in sorted(times))
        if moment >= begin and (end is None or moment < end)
    )
    first, last = None, -1
    for order, moment in enumerate(kept):
        first = moment if first is None else first
        number = round((moment - first) * rate)
        if number <= last:
            words = _TWICE.format(
                name=printable(info.path.name),
                first=order - 1,
                second=order,
                moment=timecode(moment - info.start),
                rate=float(rate),
            )
            raise EncoderMissing(f"{words}; MXF has no variable rate: use a .mov or .mkv name")
        last = number


class EditUnits:
    """Numbers the pictures of a target.

    Attributes:
        repeated: How many pictures stand in for frames that the film does not have.
    """

    def __init__(self, rate: Fraction, begin: Fraction) -> None:
        """Get ready.

        Args:
            rate: Frames per second.
            begin: Time of the first frame, in seconds.
        """
        self._rate, self._begin = rate, begin
        self._next = 0
        self._last: bytes | None = None
        self.repeated = 0

    @property
    def length(self) -> Fraction:
        """Of a picture, in seconds."""
        return 1 / self._rate

    def place(self, packet: Packet[Any], stream: VideoStream) -> Iterator[Packet[Any]]:
        """The packets to be written for ``packet``, itself the last of them.

        Raises:
            OutputError: Its number is taken.
        """
        assert packet.pts is not None
        number = round((packet.pts * packet.time_base - self._begin) * self._rate)
        if number < self._next:
            raise OutputError(
                "two frames have the same place in MXF, which has no variable rate; use a .mov or"
                " .mkv name"
            )
        while self._last is not None and self._next < number:
            copy: Packet[Any] = Packet(self._last)
            copy.stream, copy.is_keyframe = stream, True
            self.repeated += 1
            yield self._numbered(copy)
        self._last = bytes(packet)
        self._next = max(self._next, number)
        yield self._numbered(packet)

    def _numbered(self, packet: Packet[Any]) -> Packet[Any]:
        packet.time_base = 1 / self._rate
        packet.pts = packet.dts = self._next
        packet.duration = 1
        self._next += 1
        return packet


def refusal_of_sound(codec: str, rate: int) -> str:
    """Why MXF does not take a sound as it is; empty where it does."""
    if codec not in SOUND_CODECS:
        return f"mxf holds only PCM of 16 and 24 bits, and not {codec}"
    if rate != SOUND_RATE:
        return f"mxf holds only sound of {SOUND_RATE} samples a second, and not {rate}"
    return ""


def cut_sound(
    label: str, cut: tuple[Fraction, Fraction], length: Fraction
) -> tuple[list[Dropped], list[str]]:
    """What is said of sound that was not written: what is lost, and what is only noted.

    Less than a frame is what codecs of sound fill their last packet with.

    Args:
        label: Of the sound.
        cut: Seconds before the first frame and behind the last one.
        length: Of a frame, in seconds.
    """
    lost, notes = [], []
    for seconds, where in zip(
        cut, ("before the first frame", "behind the last frame"), strict=True
    ):
        what = f"{float(seconds):.3f} s of {label}"
        if seconds >= length:
            why = f"they lie {where}, and MXF has no sound without pictures"
            lost.append(Dropped(what, why))
        elif seconds:
            notes.append(f"{what} {where} are not written: MXF has no sound without pictures")
    return lost, notes
