"""Writes the target: muxes, carries, verifies, and only then gives the file its name.

The file grows beside its final place under a temporary name. An old target stays as it is until
the new one is complete and has been read back.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.error
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from vidcolor.errors import OutputError, VidcolorError
from vidcolor.film.carry import Carrier, add_route
from vidcolor.film.encode import EncodePlan, open_encoder
from vidcolor.film.limits import printable
from vidcolor.film.passthrough import Passthrough, check_strict, plan_passthrough
from vidcolor.film.probe import Film
from vidcolor.film.target import check_target, claim, output_errors, publish
from vidcolor.frames import LeftBehind
from vidcolor.places import part_path
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
    left_behind: tuple[LeftBehind, ...]


class PacketRefused(OutputError):
    """The container does not take a packet, of whichever stream."""


class FilmWriter:
    """The target while it is written; use it in a ``with`` block and end with ``finish``.

    Without ``finish`` nothing remains: the temporary file is removed and an old target is intact.
    """

    def __init__(
        self,
        film: Film,
        target: Path,
        plan: EncodePlan,
        settings: OutputSettings | None = None,
        refused: Container[int] = (),
    ) -> None:
        """Take the streams of ``film`` along, but for those of these indices."""
        self._film = film
        self._target = Path(os.path.abspath(target))
        self._plan = plan
        self._settings = settings or OutputSettings()
        self._refused = refused
        self._part = part_path(self._target)
        self._outs: dict[int, Carrier] = {}
        self._file: int | None = None
        self._container: OutputContainer | None = None
        self._frames = 0
        self._end = Fraction(0)
        self.video: VideoStream
        self.passthrough: Passthrough

    def __enter__(self) -> FilmWriter:
        check_target(self._film.info.path, self._target, self._settings)
        self.passthrough = plan_passthrough(self._film, self._plan.container)
        self.passthrough.left_behind += self._plan.left_behind
        for route in [r for r in self.passthrough.routes if r.stream.index in self._refused]:
            self.passthrough.drop(route, "the container refuses its packets")
        check_strict(self.passthrough, self._settings)
        self._file = claim(self._part, self._target)
        try:
            with output_errors(self._target):
                self._open()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._discard()

    def write(self, packets: Iterable[Packet[Any]]) -> None:
        """Writes packets: of the picture, with ``video`` as their stream, and of the other streams.

        All are in the target's time.
        """
        for packet in packets:
            if packet.stream is self.video:
                length = packet.duration or 0
                if packet.pts is not None:
                    self._end = max(self._end, (packet.pts + length) * packet.time_base)
                self._frames += 1
                ready: Iterable[Packet[Any]] = (packet,)
            else:
                out = self._outs.get(packet.stream.index)
                ready = out.prepare(packet) if out else ()
            with output_errors(self._target):
                for one in ready:
                    self._mux(one)

    def _mux(self, packet: Packet[Any]) -> None:
        assert self._container is not None
        with self._refusals():
            self._container.mux_one(packet)

    def complete(self) -> None:
        """Writes what the muxer still holds, and the end of the file.

        Raises:
            PacketRefused: The container does not take what it was given.
            OutputFull: The disk is full.
        """
        if self._container is None:
            return
        with output_errors(self._target), self._refusals():
            self._container.close()
        self._container = None

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (av.error.ArgumentError, av.error.InvalidDataError) as exc:
            reason = printable(exc.strerror or exc)
            raise PacketRefused(f"{printable(self._target.name)}: {reason}") from exc

    def finish(self) -> Written:
        """Completes the file, reads it back, and puts it in its place.

        Raises:
            OutputError: The file that was read back is not the one that was written.
            OutputFull: The disk is full.
        """
        if self._frames == 0:
            raise OutputError(f"{printable(self._target.name)}: no frame was written")
        self.complete()
        with output_errors(self._target):
            assert self._file is not None
            self._verify()
            size = os.fstat(self._file).st_size
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

    def _open(self) -> None:
        """Opens container, encoder and header; drops what stops the header from being written."""
        try:
            self._build()
            return
        except (av.FFmpegError, ValueError) as exc:
            if isinstance(exc, VidcolorError | OSError) or not self.passthrough.routes:
                raise
            reason = printable(getattr(exc, "strerror", None) or exc)
        # FFmpeg does not say which stream it refuses: leave them out one at a time, then all.
        routes = list(self.passthrough.routes)
        for drop in [[route] for route in routes] + [routes]:
            self.passthrough.routes = [route for route in routes if route not in drop]
            try:
                self._build()
            except (av.error.ArgumentError, av.error.InvalidDataError, ValueError):
                if drop == routes:
                    raise
                continue
            self.passthrough.routes = routes
            for route in drop:
                self.passthrough.drop(route, f"the container refuses it ({reason})")
            check_strict(self.passthrough, self._settings)
            return

    def _build(self) -> None:
        film, plan = self._film, self._plan
        if self._container is not None:
            self._container.close()
        container = av.open(
            str(self._part),
            "w",
            format=plan.container,
            container_options=self._muxer_options(),
            metadata_errors="surrogateescape",
        )
        self._container = container
        self._outs = {}
        container.metadata.update(self.passthrough.metadata)
        self.video = open_encoder(container, plan, film.info)
        self.video.metadata.update(self.passthrough.video_metadata)
        self.video.disposition = film.video.disposition
        for route in self.passthrough.routes:
            stream = add_route(container, route)
            if stream is not None:
                self._outs[route.stream.index] = Carrier(route, stream, film, plan.container)
        container.set_chapters(self.passthrough.chapters)
        container.start_encoding()

    def _muxer_options(self) -> dict[str, str]:
        options = {}
        if self._plan.container in ("mp4", "mov"):
            ticks = self._film.info.time_base.denominator
            if ticks <= _MAX_TIMESCALE:
                options = {"video_track_timescale": str(ticks), "movie_timescale": str(ticks)}
            options["movflags"] = "faststart"
        if self._film.first_pts < 0 and self._film.settings.start is None:
            # MP4 would hide frames before 0 behind an edit list; move everything instead.
            options["avoid_negative_ts"] = "make_non_negative"
        return options

    def _verify(self) -> None:
        """Reads the file back: every frame must be there, and the film as long as it was."""
        name = printable(self._target.name)
        count, end, begin = 0, Fraction(0), None
        with av.open(str(self._part), format=None, metadata_errors="surrogateescape") as check:
            stream = check.streams[self.video.index]
            for packet in check.demux(stream):
                if packet.size == 0:
                    continue
                count += 1
                if packet.pts is not None:
                    moment = packet.pts * packet.time_base
                    begin = moment if begin is None else min(begin, moment)
                    end = max(end, moment + (packet.duration or 0) * packet.time_base)
        if count != self._frames:
            raise OutputError(
                f"{name}: {self._frames} frames were written but {count} read back; the target was"
                " not made"
            )
        shift = max(begin or Fraction(0), Fraction(0))
        if end + 1 < self._end or end - shift > self._end + max(Fraction(10), self._end / 10):
            raise OutputError(
                f"{name}: {float(self._end):.2f} s were written but {float(end):.2f} s read back;"
                " the target was not made"
            )

    def _discard(self) -> None:
        """Removes the temporary file, then closes: a file without a name needs no trailer."""
        self._part.unlink(missing_ok=True)
        container, self._container = self._container, None
        if container is not None:
            with suppress(av.FFmpegError, OSError, ValueError):
                container.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None
