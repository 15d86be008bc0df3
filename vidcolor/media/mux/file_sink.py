"""Writes the target: muxes, carries, verifies, and only then gives the file its name.

The file grows beside its final place under a temporary name. An old target stays as it is until
the new one is complete and has been read back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from av.stream import Disposition

from vidcolor.core.files import printable
from vidcolor.core.frames import Dropped
from vidcolor.core.paths import follow_link, part_path
from vidcolor.core.target import check_target, claim, publish
from vidcolor.errors import OutputError
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.mux.muxer import Amount, Muxer
from vidcolor.media.mux.packet_remap import EMPTY_TEXT
from vidcolor.media.mux.riff_audio import name_by_tag
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
    carried: tuple[str, ...]
    left_behind: tuple[Dropped, ...]


class VideoWriter(Muxer):
    """The target while it is written; use it in a ``with`` block and end with ``finish``.

    Without ``finish`` nothing remains: the temporary file is removed and an old target is intact.
    """

    def __init__(
        self,
        film: VideoReader,
        target: Path,
        plan: EncodePlan,
        settings: OutputSettings | None = None,
        refused: Container[int] = (),
        *,
        once: bool = False,
        part: Path | None = None,
    ) -> None:
        """As `Muxer`; ``part`` is where the file grows, on the disk of the target."""
        target = follow_link(Path(os.path.abspath(target)))
        super().__init__(film, target, plan, settings, refused, once=once)
        self._part = Path(os.path.abspath(part or part_path(target)))
        self._file: int | None = None

    def __enter__(self) -> VideoWriter:
        check_target(self._film.info.path, self._target, self._settings)
        self._plan_passthrough()
        self._file = claim(self._part, self._target)
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._discard()

    def finish(self, on_complete: Callable[[Path], object] = lambda _: None) -> Written:
        """Completes the file, reads it back, and puts it in its place.

        Args:
            on_complete: Called with the file when it is complete, just before it gets its name.

        Raises:
            OutputError: The file that was read back is not the one that was written.
            OutputFull: The disk is full.
        """
        if self._frames == 0:
            raise OutputError(f"{printable(self._target.name)}: no frame was written")
        self.complete()
        with target_errors(self._target):
            assert self._file is not None
            if self.passthrough.has_tags:
                with open(self._part, "r+b") as file:
                    name_by_tag(file)
            self._verify()
            size = os.fstat(self._file).st_size
            on_complete(self._part)
            publish(self._file, self._part, self._target)
            os.close(self._file)
            self._file = None
        return Written(
            path=self._target,
            frames=self._frames,
            seconds=float(self._end),
            bytes=size,
            carried=tuple(self.passthrough.carried),
            left_behind=tuple(self.passthrough.left_behind),
        )

    def _file_to_open(self) -> str:
        return str(self._part)

    def _muxer_options(self) -> dict[str, str]:
        options = super()._muxer_options()
        if self._plan.container in ("mp4", "mov"):
            ticks = self._film.info.time_base.denominator
            if ticks <= _MAX_TIMESCALE:
                options |= {"video_track_timescale": str(ticks), "movie_timescale": str(ticks)}
            options["movflags"] = "faststart"
        return options

    def _verify(self) -> None:
        """Reads the file back: every frame must be there, and the film as long as it was.

        What is missing of other streams is noted: a container may hide what lies before its begin.
        """
        name = printable(self._target.name)
        count, end, begin = 0, Fraction(0), None
        found: dict[int, Amount] = {}
        with open_container(self._part, self._film.settings, FORMATS) as check:
            for packet in check.demux():
                if packet.size == 0:
                    continue
                if packet.stream.index != self.video.index:
                    if packet.stream.type != "subtitle" or bytes(packet) != EMPTY_TEXT:
                        found.setdefault(packet.stream.index, Amount()).add(packet.size)
                    continue
                count += 1
                if packet.pts is not None:
                    moment = packet.pts * packet.time_base
                    begin = moment if begin is None else min(begin, moment)
                    end = max(end, moment + (packet.duration or 0) * packet.time_base)
        if count != self._frames:
            raise OutputError(
                f"{name}: {self._frames} frames were written but {count} read back; no target was"
                " written"
            )
        shift = max(begin or Fraction(0), Fraction(0))
        if end + 1 < self._end or end - shift > self._end + max(Fraction(10), self._end / 10):
            raise OutputError(
                f"{name}: {float(self._end):.2f} s were written but {float(end):.2f} s read back;"
                " no target was written"
            )

        self._compare(found)

    def _compare(self, found: dict[int, Amount]) -> None:
        """Notes of which streams less was read back than was written.

        Readers cut some sound into other packets, and some containers take off its headers; so
        only that is missing of which there are fewer packets and fewer bytes. A cover picture is no
        packet to a reader of MP4.
        """
        labels = {route.stream.index: route.label for route in self.passthrough.routes}
        for index, out in self._outs.items():
            if out.stream.disposition & Disposition.attached_pic:
                continue
            sent = self._sent.get(out.stream.index, Amount())
            back = found.get(out.stream.index, Amount())
            if back.packets < sent.packets and back.bytes < sent.bytes:
                missing = f"{sent.packets - back.packets} of {sent.packets} packets"
                text = f"{labels[index]}: {missing} cannot be played in the target"
                self._film.note("timestamp", 0.0, f"{text}; the film's timestamps are wrong")

    def _discard(self) -> None:
        """Removes the temporary file, then closes: a file without a name needs no trailer."""
        self._part.unlink(missing_ok=True)
        super()._discard()
        if self._file is not None:
            os.close(self._file)
            self._file = None
