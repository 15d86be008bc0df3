"""Writes the target into a file, verifies it, and only then gives it its name.

The file grows beside its final place under a temporary name. An old target stays as it is until
the new one is complete and has been read back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from pathlib import Path

from av.stream import Disposition

from vidcolor.core.files import own_sha256, printable
from vidcolor.core.paths import follow_link, part_path
from vidcolor.core.platform import can_remove_open, remove_open
from vidcolor.core.report import Dropped
from vidcolor.core.target import check_target, claim, publish
from vidcolor.errors import OutputError
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.mux.muxer import Amount, Muxer
from vidcolor.media.mux.mxf_stamp import stamp
from vidcolor.media.mux.packet_remap import EMPTY_TEXT
from vidcolor.media.mux.riff_audio import name_by_tag
from vidcolor.media.mux.routes import Passthrough
from vidcolor.media.open import VideoReader, open_container
from vidcolor.media.whitelist import FORMATS, target_errors
from vidcolor.settings import OutputSettings

_MAX_TIMESCALE = (1 << 31) - 1


@dataclass(frozen=True)
class Written:
    """A target that was written, verified and named."""

    path: Path
    frames: int
    seconds: float
    """From the first frame to the end of the last."""
    bytes: int
    sha256: str
    """Of all its bytes, hexadecimal."""
    carried: tuple[str, ...]
    left_behind: tuple[Dropped, ...]


class FileSink:
    """The target while it is written, beside its place; only `publish` gives it its name.

    Without `publish` nothing remains: the temporary file is removed and an old target is intact.
    """

    def __init__(
        self,
        target: Path,
        settings: OutputSettings | None = None,
        part: Path | None = None,
        on_complete: Callable[[Path], object] | None = None,
    ) -> None:
        """Get ready.

        Args:
            target: Where to; its suffix names the container.
            settings: Whether a target may be replaced.
            part: Where the file grows, on the disk of the target; None is beside it.
            on_complete: Called with the complete file just before it gets its name.
        """
        self.name = follow_link(Path(os.path.abspath(target)))
        self._settings = settings or OutputSettings()
        self._part = Path(os.path.abspath(part or part_path(self.name)))
        self._on_complete = on_complete
        self._file: int | None = None
        self._abandoned = False
        self._rates: tuple[int, ...] = ()

    def begin(self, film: VideoReader, passthrough: Passthrough) -> None:
        """Make the temporary file.

        Raises:
            OutputError: The target may not be written, or cannot be.
        """
        source = None if film.info.is_piped else film.info.path
        check_target(source, self.name, self._settings)
        for sound in film.settings.sound:
            check_target(Path(sound), self.name, replace(self._settings, force=True))
        self._rates = passthrough.rates
        self._file = claim(self._part, self.name)

    def destination(self) -> str:
        """The temporary file."""
        return str(self._part)

    def muxer_options(self, film: VideoReader, plan: EncodePlan) -> dict[str, str]:
        """MP4 and MOV count in the ticks of the film, and begin with their index; MXF repeats."""
        if plan.container == "mxf":
            return {"fflags": "+bitexact"}  # else its numbers are taken by chance
        if plan.container not in ("mp4", "mov"):
            return {}
        ticks = film.info.time_base.denominator
        common = lcm(ticks, *self._rates)  # else sound would end at a tick of the film
        scale = common if common <= _MAX_TIMESCALE else ticks
        scales = {"video_track_timescale": str(ticks), "movie_timescale": str(scale)}
        return {"movflags": "faststart"} | (scales if ticks <= _MAX_TIMESCALE else {})

    def send(self) -> None:
        """Nothing: FFmpeg writes into a file by itself."""

    def abandon(self) -> None:
        """Remove the temporary file: a file without a name needs no trailer."""
        self._abandoned = self._file is not None
        if self._file is not None and can_remove_open():
            self._part.unlink(missing_ok=True)

    def release(self) -> None:
        """Close it."""
        if self._file is not None:
            if self._abandoned and not can_remove_open():  # FFmpeg has closed it by now
                remove_open(self._file, self._part)
            os.close(self._file)
            self._file = None

    def publish(self, film: VideoReader, muxer: Muxer) -> Written:
        """Read the complete file back, and put it in its place.

        Args:
            film: Is told what cannot be played in the target.
            muxer: What was written; complete.

        Raises:
            OutputError: The file that was read back is not the one that was written.
            OutputFull: The disk is full.
        """
        if muxer.frames == 0:
            raise OutputError(f"{printable(self.name.name)}: no frame was written")
        with target_errors(self.name):
            assert self._file is not None
            if muxer.passthrough.has_tags:
                with open(self._part, "r+b") as file:
                    name_by_tag(file)
            if muxer.container == "mxf":
                with open(self._part, "r+b") as file:
                    stamp(file, muxer.digest)
            self._verify(film, muxer)
            size = os.fstat(self._file).st_size
            sha256 = own_sha256(self._part)  # what was just read back lies in memory
            if self._on_complete:
                self._on_complete(self._part)
            publish(self._file, self._part, self.name)
            os.close(self._file)
            self._file = None
        return Written(
            path=self.name,
            frames=muxer.frames,
            seconds=float(muxer.end),
            bytes=size,
            sha256=sha256,
            carried=tuple(muxer.passthrough.labels),
            left_behind=tuple(muxer.passthrough.left_behind),
        )

    def _verify(self, film: VideoReader, muxer: Muxer) -> None:
        """Reads the file back: every frame must be there, and the film as long as it was.

        What is missing of other streams is noted: a container may hide what lies before its begin.
        """
        name = printable(self.name.name)
        count, end, begin = 0, Fraction(0), None
        found: dict[int, Amount] = {}
        with open_container(self._part, film.settings, FORMATS) as check:
            for packet in check.demux():
                if packet.size == 0:
                    continue
                if packet.stream.index != muxer.video.index:
                    if packet.stream.type != "subtitle" or bytes(packet) != EMPTY_TEXT:
                        found.setdefault(packet.stream.index, Amount()).add(packet.size)
                    continue
                count += 1
                if packet.pts is not None:
                    moment = packet.pts * packet.time_base
                    begin = moment if begin is None else min(begin, moment)
                    end = max(end, moment + (packet.duration or 0) * packet.time_base)
        if count != muxer.frames:
            raise OutputError(
                f"{name}: {muxer.frames} frames were written but {count} read back; no target was"
                " written"
            )
        shift = max(begin or Fraction(0), Fraction(0))
        if end + 1 < muxer.end or end - shift > muxer.end + max(Fraction(10), muxer.end / 10):
            raise OutputError(
                f"{name}: {float(muxer.end):.2f} s were written but {float(end):.2f} s read back;"
                " no target was written"
            )

        _compare(film, muxer, found)


class RawFile:
    """A target that takes bytes beside its place, in a ``with`` block that ends with `publish`."""

    def __init__(self, target: Path) -> None:
        """Make the temporary file.

        Raises:
            OutputError: The target cannot be written.
        """
        self._name = follow_link(Path(os.path.abspath(target)))
        self._part = part_path(self._name)
        self._file: int | None = claim(self._part, self._name)
        os.ftruncate(self._file, 0)

    def __enter__(self) -> RawFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            remove_open(self._file, self._part)
            os.close(self._file)

    def write(self, data: bytes, /) -> None:
        """Take all of ``data``."""
        assert self._file is not None
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def flush(self) -> None:
        """Nothing is held back."""

    def publish(self) -> None:
        """Give the complete file its name."""
        assert self._file is not None
        with target_errors(self._name):
            publish(self._file, self._part, self._name)
        os.close(self._file)
        self._file = None


def _compare(film: VideoReader, muxer: Muxer, found: dict[int, Amount]) -> None:
    """Notes of which streams less was read back than was written.

    Readers cut some sound into other packets, and some containers take off its headers; so
    only that is missing of which there are fewer packets and fewer bytes. A cover picture is no
    packet to a reader of MP4.
    """
    labels = {route.key: route.label for route in muxer.passthrough.routes}
    for index, out in muxer.carriers.items():
        if out.stream.disposition & Disposition.attached_pic:
            continue
        sent = muxer.sent.get(out.stream.index, Amount())
        back = found.get(out.stream.index, Amount())
        if back.packets < sent.packets and back.bytes < sent.bytes:
            missing = f"{sent.packets - back.packets} of {sent.packets} packets"
            text = f"{labels[index]}: {missing} cannot be played in the target"
            film.log.note("timestamp", 0.0, f"{text}; the film's timestamps are wrong")
