"""Sound that is decoded and encoded again on its way into the target.

Its samples are counted, so that it stays in step with the picture: where the film has a pause, or a
packet that cannot be decoded, silence takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from vidcolor.media.decode.timeline import pick_time
from vidcolor.media.mux.audio_codecs import MOST_PLANES
from vidcolor.media.mux.edit_units import Span
from vidcolor.media.mux.packet_remap import FOR_EVER, LATE_SOUND
from vidcolor.media.mux.pcm_gaps import samples_of
from vidcolor.media.mux.routes import Route
from vidcolor.media.open import VideoReader
from vidcolor.media.whitelist import DECODERS

_PAUSE = Fraction(1, 100)  # seconds; less is the rounding of the film's clock
_LATE = Fraction(1, 10)
_BLOCKS = 25
"""Of PCM, in a second."""
_FLAC_BITS = 24


class AudioConverter:
    """One sound that is converted.

    Attributes:
        stream: Of the target.
    """

    def __init__(
        self, route: Route, stream: AudioStream, film: VideoReader, span: Span | None = None
    ) -> None:
        """Get ready.

        Args:
            route: Of the sound.
            stream: Of the target; its encoder gets open with the container.
            film: Is told of damage, of pauses and of what does not fit its times.
            span: Seconds at which the sound has to begin and to end; None for as it does.
        """
        source = route.stream
        assert isinstance(source, AudioStream)
        self.stream = stream
        self._film, self._label = film, route.label
        self._rate = source.codec_context.sample_rate
        self._out_rate = stream.codec_context.sample_rate
        self._source_layout = source.codec_context.layout.name
        # Here only chunks of sound have times; FFmpeg gives all packets of one the same.
        origin = route.sound.container.format.name if route.sound else film.info.container
        self._by_chunks = origin in ("avi", "asf")
        self._decoder: AudioCodecContext | None = None
        self._resampler: av.AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None
        """Format, layout and rate of the samples that the resampler takes."""
        self._fifo = av.AudioFifo()
        self._at: int | None = None
        """Where the next sample belongs, in samples of the film."""
        self._out_at: int | None = None
        """The same of the encoder's next one, in its samples."""
        self._end = 0
        """Where the last packet ends, in samples of the film."""
        self._lost = False
        """Whether the last packet could not be decoded."""
        self._told: set[str] = set()
        self._samples = None
        if span is not None:
            self._samples = samples_of(stream, film, route.label, "mxf", span)

    def prepare(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """What the encoder gives for a packet in the target's time, and what it held back."""
        decoder = packet.stream.codec_context
        assert isinstance(decoder, AudioCodecContext)
        if decoder is not self._decoder:  # it may be read anew
            decoder.options = {"err_detect": "crccheck", "codec_whitelist": ",".join(DECODERS)}
            self._decoder = decoder
        begin, length = pick_time(packet.pts, packet.dts), packet.duration or 0
        tick = packet.time_base
        if begin is not None:
            self._end = max(self._end, round((begin + length) * tick * self._rate))
        try:
            frames = packet.decode()
            self._lost = False
        except av.FFmpegError:
            frames, self._lost = [], True
            at = Fraction(0) if begin is None else begin * tick
            text = f"{self._label}: a packet cannot be decoded; silence takes its place"
            self._film.log.note("decode error", float(at), text)
        for frame in frames:
            assert isinstance(frame, AudioFrame)
            yield from self._place(frame)

    def due(self, moment: Fraction) -> list[Packet[Any]]:
        """Silence where the film has had no sound for long, and the target needs some."""
        return self._fill(moment - LATE_SOUND)

    @property
    def cut(self) -> tuple[Fraction, Fraction]:
        """Seconds of sound that were not written: before the first picture, behind the last one."""
        return (Fraction(0), Fraction(0)) if self._samples is None else self._samples.cut

    def _fill(self, moment: Fraction) -> list[Packet[Any]]:
        if self._samples is None:
            return []
        tick = Fraction(1, self._out_rate)
        return list(self._samples.fill(moment, self.stream, tick))

    def rest(self) -> list[Packet[Any]]:
        """What decoder and encoder still hold at the end of the film."""
        packets: list[Packet[Any]] = []
        if self._decoder is not None:
            try:
                frames = self._decoder.decode(None) if self._decoder.is_open else []
            except av.FFmpegError:
                frames = []
            for frame in frames:
                packets += self._place(frame)
        if self._lost and self._at is not None and self._kind is not None:
            packets += self._be_silent(self._end - self._at)
        self._flush_resampler()
        packets += self._encode(last=True)
        if self.stream.codec_context.is_open:
            packets += self._finished(self.stream.encode(None))
        return packets + self._fill(FOR_EVER)

    def _place(self, frame: AudioFrame) -> Iterator[Packet[Any]]:
        """Brings samples to their place, behind the silence that is due."""
        frame = self._with_names(frame)
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if kind != self._kind:
            self._change(frame, kind)
        told = None
        if frame.pts is not None and frame.time_base:
            told = round(frame.pts * frame.time_base * self._rate)
        if self._at is None:
            self._at = told or 0
            self._out_at = round(Fraction(self._at * self._out_rate, self._rate))
        pause = 0 if told is None else told - self._at
        if pause > _PAUSE * self._rate:
            if not self._lost:
                self._film.log.remark(f"{self._label}: its gaps were filled with silence")
            yield from self._be_silent(pause)
        if -pause > _LATE * self._rate and not self._by_chunks:
            self._tell_once(
                "timestamp", "has more samples than its timestamps allow; it is late from here on"
            )
        self._look_for_loss(frame)
        yield from self._push(frame)

    def _change(self, frame: AudioFrame, kind: tuple[str, str, int]) -> None:
        """Takes samples of another kind from here on."""
        if self._kind is not None:
            self._flush_resampler()
            if kind[1] != self._kind[1]:
                text = f"its channels change from {self._kind[1]} to {kind[1]}; mixed to one layout"
                self._tell_once("sound changes", text)
        self._kind = kind
        if self._at is not None:
            self._at = round(Fraction(self._at * frame.sample_rate, self._rate))
        self._end = round(Fraction(self._end * frame.sample_rate, self._rate))
        self._rate = frame.sample_rate
        context = self.stream.codec_context
        self._resampler = av.AudioResampler(
            format=context.format.name, layout=context.layout.name, rate=self._out_rate
        )

    def _be_silent(self, samples: int) -> Iterator[Packet[Any]]:
        """As many samples of silence."""
        assert self._kind is not None
        name, layout, rate = self._kind
        while samples > 0:
            count = min(samples, rate)
            quiet = AudioFrame(format=name, layout=layout, samples=count)
            zero = b"\x80" if name.startswith("u8") else b"\0"
            for plane in quiet.planes:
                plane.update(zero * plane.buffer_size)
            quiet.sample_rate = rate
            yield from self._push(quiet)
            samples -= count

    def _push(self, frame: AudioFrame) -> Iterator[Packet[Any]]:
        assert self._at is not None
        assert self._resampler is not None
        frame.pts, frame.time_base = self._at, Fraction(1, self._rate)
        self._at += frame.samples
        for made in self._resampler.resample(frame):
            self._keep(made)
        yield from self._encode()

    def _with_names(self, frame: AudioFrame) -> AudioFrame:
        """The same samples, whose channels are named as in the target where the order is the same.

        A film may not name them at all.
        """
        target = self.stream.codec_context.layout
        if frame.layout.name != self._source_layout or frame.layout.name == target.name:
            return frame
        made = AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, target.name)
        made.sample_rate = frame.sample_rate
        if frame.pts is not None:
            made.pts, made.time_base = frame.pts, frame.time_base
        return made

    def _keep(self, frame: AudioFrame | None) -> None:
        if frame is not None and frame.samples:
            frame.pts = None  # the samples are counted
            self._fifo.write(frame)

    def _flush_resampler(self) -> None:
        if self._resampler is not None:
            resampler, self._resampler = self._resampler, None
            for made in resampler.resample(None):
                self._keep(made)

    def _encode(self, last: bool = False) -> Iterator[Packet[Any]]:
        """What the encoder makes of the samples that fill its frames; of all where they end."""
        size = self.stream.codec_context.frame_size or max(1, self._out_rate // _BLOCKS)
        while self._fifo.samples >= size or (last and self._fifo.samples):
            frame = self._fifo.read(size, partial=last)
            assert frame is not None
            assert self._out_at is not None
            frame.pts, frame.time_base = self._out_at, Fraction(1, self._out_rate)
            self._out_at += frame.samples
            yield from self._finished(self.stream.encode(frame))

    def _finished(self, packets: list[Packet[Any]]) -> Iterator[Packet[Any]]:
        for packet in packets:
            packet.stream = self.stream
            if self._samples is None:
                yield packet
            else:
                yield from self._samples.spread(packet)

    def _look_for_loss(self, frame: AudioFrame) -> None:
        """Tells of samples that have more bits than FLAC."""
        context = self.stream.codec_context
        if context.name != "flac" or not frame.format.name.startswith("s32"):
            return
        if frame.format.is_planar and frame.layout.nb_channels > MOST_PLANES:
            return
        values = frame.to_ndarray().astype(np.int32)
        if np.any(values & 0xFF):
            self._tell_once(
                "lost bits", f"its samples have more than the {_FLAC_BITS} bits of FLAC"
            )

    def _tell_once(self, kind: str, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            at = Fraction(self._at or 0, self._rate)
            self._film.log.note(kind, float(at), f"{self._label}: {text}")
