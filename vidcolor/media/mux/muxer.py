"""Muxes the picture and all that travels beside it into one container.

Where the bytes go is the business of a sink: a file (`vidcolor.media.mux.file_sink`) or a pipe
(`vidcolor.media.mux.pipe_sink`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import av
import av.error
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from vidcolor.core.files import printable
from vidcolor.core.label import Label
from vidcolor.core.report import Dropped
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import OutputError, VidcolorError
from vidcolor.media.decode.timeline import pick_time
from vidcolor.media.encode.encoder import EncodePlan, open_encoder
from vidcolor.media.mux.audio_convert import AudioConverter
from vidcolor.media.mux.edit_units import EditUnits, Span, cut_sound
from vidcolor.media.mux.packet_remap import Carrier, add_route
from vidcolor.media.mux.passthrough import check_strict, plan_passthrough
from vidcolor.media.mux.routes import Passthrough, count_chapters
from vidcolor.media.mux.tags import add_label
from vidcolor.media.mxf import edit_rate
from vidcolor.media.open import VideoReader
from vidcolor.media.sounds import SoundPacket
from vidcolor.media.whitelist import target_errors
from vidcolor.settings import OutputSettings

REFUSES_PACKETS = "the container refuses its packets"
"""Why a stream is left behind that was taken at first."""


class PacketRefused(OutputError):
    """The container does not take a packet, of whichever stream."""


@dataclass
class Amount:
    """Of one stream of the target."""

    packets: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """One more packet, of ``size`` bytes."""
        self.packets += 1
        self.bytes += size


class Sink(Protocol):
    """Where the bytes of a container go."""

    name: Path
    """What errors call it."""

    def begin(self, film: VideoReader, passthrough: Passthrough) -> None:
        """Get ready; what travels beside the picture may be added to.

        Raises:
            OutputError: It cannot be written to.
        """

    def destination(self) -> Any:
        """The path, or the object with a ``write``, of a container that is begun, maybe again."""

    def muxer_options(self, film: VideoReader, plan: EncodePlan) -> dict[str, str]:
        """What FFmpeg's muxer is to do for it."""

    def send(self) -> None:
        """Hand on what the container has made."""

    def abandon(self) -> None:
        """Let go of what is not complete, before the container is closed; may come twice."""

    def release(self) -> None:
        """Let go of all else, after it; may come twice."""


class Muxer:
    """A container that is being written; use it in a ``with`` block and end with `complete`.

    Attributes:
        video: The picture's stream; its encoder is open.
        passthrough: What travels beside it, and what is left behind.
        frames: How many were written.
        end: Where the last of them ends, in seconds of the target.
        sent: What was written of each stream, by its index in the target.
    """

    video: VideoStream
    passthrough: Passthrough

    def __init__(
        self,
        film: VideoReader,
        plan: EncodePlan,
        sink: Sink,
        settings: OutputSettings | None = None,
        refused: Container[int] = (),
        *,
        info: VideoInfo | None = None,
        once: bool = False,
        label: Label | None = None,
        span: Span | None = None,
    ) -> None:
        """Get ready; nothing is opened yet.

        Args:
            film: Its streams travel along.
            plan: How the picture is encoded.
            sink: Where the bytes go.
            settings: Whether things may be left behind.
            refused: Keys of routes that do not travel.
            info: Of the picture, where it is not that of the film.
            once: There is no second try: a stream whose packets the container refuses is left out
                from there on.
            label: What the container says of how the picture was colored.
            span: From the first frame to the end of the last; for a container that has no times.
        """
        self._film = film
        self._info = info or film.info
        self._plan = plan
        self._sink = sink
        self._settings = settings or OutputSettings()
        self._refused = refused
        self._once = once
        self._label = label
        self._span = span
        self._units: EditUnits | None = None
        if plan.container == "mxf":
            self._units = EditUnits(edit_rate(self._info), span[0] if span else Fraction(0))
        self._digest = hashlib.sha256()
        self._outs: dict[int, Carrier | AudioConverter] = {}
        self._container: OutputContainer | None = None
        self.frames = 0
        self.end = Fraction(0)
        self.sent: dict[int, Amount] = {}

    def __enter__(self) -> Self:
        """Open the container; what fails leaves nothing behind."""
        self._plan_passthrough()
        self._sink.begin(self._film, self.passthrough)
        try:
            with target_errors(self._sink.name):
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
        self._discard()

    @property
    def carriers(self) -> dict[int, Carrier | AudioConverter]:
        """Of the streams that travel, by the keys of their routes."""
        return self._outs

    def write(self, packets: Iterable[Packet[Any] | SoundPacket]) -> None:
        """Writes packets: of the picture, with ``video`` as their stream, and of the other streams.

        All are in the target's time.
        """
        for packet in packets:
            if isinstance(packet, SoundPacket):
                out = self._outs.get(packet.key)
                ready: Iterable[Packet[Any]] = out.prepare(packet.packet) if out else ()
            elif packet.stream is self.video:
                ready = [*self._pictures(packet)]
            else:
                out = self._outs.get(packet.stream.index)
                ready = out.prepare(packet) if out else ()
            with target_errors(self._sink.name):
                for one in ready:
                    self._mux(one)
            self._sink.send()

    @property
    def container(self) -> str:
        """Name of the muxer."""
        return self._plan.container

    @property
    def digest(self) -> bytes:
        """Of all that was written, where the container needs a number of its own."""
        return self._digest.digest()

    def _pictures(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """A packet of the picture with what is due before it."""
        placed = [packet]
        if self._units is not None:
            placed = list(self._units.place(packet, self.video))
        for one in placed:
            if one.pts is not None:
                self.end = max(self.end, (one.pts + (one.duration or 0)) * one.time_base)
            self.frames += 1
            yield from self._due(one)
            yield one

    def _due(self, picture: Packet[Any]) -> Iterator[Packet[Any]]:
        """What other streams have held back until this picture."""
        time = pick_time(picture.dts, picture.pts)
        if time is not None:
            for out in self._outs.values():
                yield from out.due(time * picture.time_base)

    def _discard(self) -> None:
        """Closes the container; what it still makes is thrown away."""
        self._sink.abandon()
        container, self._container = self._container, None
        if container is not None:
            with suppress(av.FFmpegError, OSError, ValueError):
                container.close()
        self._sink.release()
        for sound in self.passthrough.sounds:
            sound.container.close()

    def _mux(self, packet: Packet[Any]) -> None:
        assert self._container is not None
        try:
            if self._units is not None:
                self._digest.update(bytes(packet))
            amount = self.sent.setdefault(packet.stream.index, Amount())
            size = packet.size
            with self._refusals():
                self._container.mux_one(packet)
            amount.add(size)
        except PacketRefused:
            # FFmpeg may mean a packet of another stream, which it was given before; that one is
            # met again.
            index = next((i for i, out in self._outs.items() if out.stream is packet.stream), None)
            if index is None or not self._once or self._settings.strict:
                raise
            del self._outs[index]
            routes = [r for r in self.passthrough.routes if r.key == index]
            self.passthrough.drop(routes[0], REFUSES_PACKETS)

    def complete(self) -> None:
        """Writes what the muxer still holds, and the end of the container.

        Raises:
            PacketRefused: The container does not take what it was given.
            OutputFull: The disk is full.
            BrokenPipeError: Nobody reads on.
        """
        if self._container is None:
            return
        with target_errors(self._sink.name), self._refusals():
            for packet in [one for out in self._outs.values() for one in out.rest()]:
                self._mux(packet)
            self._container.close()
        self._container = None
        self._sink.send()
        self._tell_of_units()

    def _tell_of_units(self) -> None:
        """Lists sound that was cut, and notes pictures that are repeated."""
        if self._units is None:
            return
        for route in self.passthrough.routes:
            out = self._outs.get(route.key)
            if out is not None:
                lost, notes = cut_sound(route.label, out.cut, self._units.length)
                self.passthrough.left_behind += lost
                for note in notes:
                    self._film.log.remark(note)
        if count := self._units.repeated:
            self._film.log.remark(
                f"{count} frame{'s' * (count != 1)} repeated where the film has none: MXF has a"
                " constant rate"
            )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, ValueError) as exc:
            if not _is_refusal(exc):
                raise
            raise PacketRefused(f"{printable(self._sink.name.name)}: {_reason(exc)}") from exc

    def _plan_passthrough(self) -> None:
        """Decides what travels.

        Raises:
            CannotCarry: Something does not, and the settings are strict.
        """
        container, audio = self._plan.container, self._settings.audio
        self.passthrough = plan_passthrough(self._film, self._info, container, audio)
        self.passthrough.left_behind += self._plan.left_behind
        for note in self.passthrough.notes:
            self._film.log.remark(note)
        if self._label:
            add_label(self.passthrough.metadata, self._label, self._plan.container)
        for route in [r for r in self.passthrough.routes if r.key in self._refused]:
            self.passthrough.drop(route, REFUSES_PACKETS)
        check_strict(self.passthrough, self._settings)

    def _open(self) -> None:
        """Opens container, encoder and header; drops what stops the header from being written."""
        try:
            self._build()
        except (av.FFmpegError, ValueError) as exc:
            if not _is_refusal(exc):
                raise
            self._open_without(exc)
            check_strict(self.passthrough, self._settings)

    def _open_without(self, error: Exception) -> None:
        """Opens it with what the container does take, as it does not say what it refuses.

        Args:
            error: What it said to all that was meant to travel.
        """
        plan = self.passthrough
        routes, chapters = plan.routes, plan.chapters
        plan.routes, plan.chapters = [], []
        if self._refusal():
            raise error  # to the picture
        for route in routes:
            plan.routes = [*plan.routes, route]
            if why := self._refusal():
                plan.drop(route, f"the container refuses it ({why})")
        plan.chapters = chapters
        if why := self._refusal():
            plan.chapters = []
            what = count_chapters(len(chapters))
            plan.left_behind.append(Dropped(what, f"the container refuses them ({why})"))
            self._build()

    def _refusal(self) -> str:
        """What the container says to all that travels now; "" where it takes it."""
        try:
            self._build()
        except (av.FFmpegError, ValueError) as exc:
            if not _is_refusal(exc):
                raise
            return _reason(exc)
        return ""

    def _build(self) -> None:
        film, plan = self._film, self._plan
        if self._container is not None:
            self._container.close()
        container = av.open(
            self._sink.destination(),
            "w",
            format=plan.container,
            container_options=self._muxer_options() | self._sink.muxer_options(film, plan),
            metadata_errors="surrogateescape",
        )
        self._container = container
        self._outs = {}
        container.metadata.update(self.passthrough.metadata)
        tags = self.passthrough.metadata | self.passthrough.video_metadata
        self._digest = hashlib.sha256(repr(sorted(tags.items())).encode(errors="surrogateescape"))
        self.video = open_encoder(container, plan, self._info)
        self.video.metadata.update(self.passthrough.video_metadata)
        self.video.disposition = film.video.disposition
        for route in self.passthrough.routes:
            stream = add_route(container, route)
            if route.audio:
                assert isinstance(stream, AudioStream)
                span = self._span if plan.container == "mxf" else None
                self._outs[route.key] = AudioConverter(route, stream, film, span)
            elif stream is not None:
                self._outs[route.key] = Carrier(route, stream, film, plan.container, self._span)
        container.set_chapters(self.passthrough.chapters)
        container.start_encoding()

    def _muxer_options(self) -> dict[str, str]:
        if self._film.first_pts < 0 and self._film.settings.start is None:
            # MP4 would hide frames before 0 behind an edit list; move everything instead.
            return {"avoid_negative_ts": "make_non_negative"}
        return {}


def _is_refusal(error: Exception) -> bool:
    """Whether FFmpeg does not take what it was given, rather than that it could not write."""
    return not isinstance(error, VidcolorError | OSError | MemoryError | av.error.PyAVCallbackError)


def _reason(error: Exception) -> str:
    return printable(getattr(error, "strerror", None) or error)
