"""Which codec the sound of a target gets, and how many bits and samples a second of it stay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer

from vidcolor.media.mux.edit_units import refusal_of_sound
from vidcolor.media.mxf import SOUND_RATE
from vidcolor.media.whitelist import SOUND_DECODERS

ENCODERS = {"flac": "flac", "aac": "aac", "opus": "libopus"}
"""What people call a codec of sound -> its encoder; ``pcm`` has one for each depth."""

_NOT_HELD = {"mov": ("flac", "opus")}
"""Codecs that FFmpeg's muxer names among its own and refuses in the header."""

PCM_ONLY = {"mxf": SOUND_RATE}
"""Containers that hold sound as PCM of 16 or 24 bits only -> samples a second."""

LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""What channels usually are, where a film does not say it."""

_SAME_ORDER = {"5.1(side)": "5.1", "5.0(side)": "5.0"}
"""Layouts whose channels may go under another name where an encoder does not know theirs."""

_SUGGESTED = ("aac", "flac", "opus", "pcm")
"""What most players know comes first."""
_PCM = re.compile(r"pcm_(?P<kind>[suf])(?P<bits>8|16|24|32|64)(?:le|be)?(?:_planar)?")
_FLAC_BITS = 24
_BITS_OF_LOSSY = 24
_UNKNOWN = 32
_LOSSLESS_24 = ("truehd", "mlp")
_RATE_OF_ALL = 48000
MOST_PLANES = 8
"""Of a frame of sound: PyAV 18 reads beside its memory where there are more."""
_KBITS = {"aac": 96, "libopus": 64}
"""For each channel."""


@dataclass(frozen=True)
class AudioTarget:
    """What the sound of one stream becomes."""

    encoder: str
    """FFmpeg encoder."""
    format: str
    """Of the samples that it takes."""
    rate: int
    """Samples in a second."""
    layout: str
    """Of the channels."""
    loss: str = ""
    """What is lost that the wish does not say; empty where nothing is."""

    @property
    def codec(self) -> str:
        """``flac``, ``opus``, ``pcm_s24le``."""
        return "opus" if self.encoder == "libopus" else self.encoder

    def bit_rate(self, channels: int) -> int | None:
        """Bits in a second; None where there is no loss."""
        kbits = _KBITS.get(self.encoder)
        return None if kbits is None else 1000 * kbits * channels


def held_by(container: str, supported: set[str]) -> list[str]:
    """Of ``pcm``, ``flac``, ``aac`` and ``opus`` those that a container holds."""
    never = _NOT_HELD.get(container, ())
    names = {"pcm": "pcm_s16le"} | ENCODERS
    return [wish for wish in _SUGGESTED if wish not in never and names[wish] in supported]


def can_decode(stream: AudioStream) -> bool:
    """Whether the sound may be decoded: its decoder is one of the listed."""
    return stream.codec_context.name in SOUND_DECODERS


def is_as_wished(stream: AudioStream, wish: str, container: str) -> bool:
    """Whether a sound has the codec already; PCM has it where no bit would stay out.

    FLAC has 24 bits at most, so PCM with more stays as it is where it may.
    """
    name = stream.codec_context.codec.canonical_name
    found = _PCM.fullmatch(name)
    if container in PCM_ONLY:
        rate = stream.codec_context.sample_rate
        return not refusal_of_sound(name, rate)
    if wish == "pcm":
        return found is not None
    if wish == "flac" and found:
        return found["kind"] == "f" or int(found["bits"]) > _FLAC_BITS
    return bool(name == wish)


def target_of(stream: AudioStream, wish: str, container: str) -> AudioTarget | None:
    """What a sound becomes that is not as wished; None where no encoder takes it.

    Args:
        stream: Of the film; can be decoded.
        wish: ``pcm``, ``flac``, ``aac`` or ``opus``.
        container: Of the target.
    """
    planes = stream.codec_context.format
    if planes and planes.is_planar and stream.codec_context.channels > MOST_PLANES:
        return None
    encoder, form, loss = _coding(stream, wish, container)
    rate = PCM_ONLY.get(container, stream.codec_context.sample_rate)
    known = av.Codec(encoder, "w").audio_rates
    if wish == "opus" or (known and rate not in known):
        rate = _RATE_OF_ALL
    own = stream.codec_context.layout
    usual = LAYOUTS.get(own.nb_channels, own.name) if own.name.endswith("channels") else own.name
    for layout in dict.fromkeys((usual, _SAME_ORDER.get(usual, usual))):
        target = AudioTarget(encoder, form, rate, layout, loss)
        if _is_taken(target, own.nb_channels):
            return target
    return None


def _coding(stream: AudioStream, wish: str, container: str) -> tuple[str, str, str]:
    """Encoder, format of its samples, and what is lost that the wish does not say."""
    if wish in ("aac", "opus"):
        return ENCODERS[wish], "flt" if wish == "opus" else "fltp", ""
    bits, exact = _depth(stream)
    most = _FLAC_BITS if wish == "flac" or container in PCM_ONLY else _UNKNOWN
    loss = f"of its {bits} bits {most} stay" if bits > most and exact else ""
    bits = 16 if bits <= 16 else min(most, 24 if bits <= 24 else 32)
    encoder = "flac" if wish == "flac" else f"pcm_s{bits}le"
    return encoder, "s16" if bits == 16 else "s32", loss


def add_encoder(container: OutputContainer, target: AudioTarget, channels: int) -> AudioStream:
    """Adds the stream that a sound of so many channels becomes, with its encoder."""
    stream = container.add_stream(target.encoder, rate=target.rate)
    assert isinstance(stream, AudioStream)
    context = stream.codec_context
    context.layout = target.layout
    context.format = av.AudioFormat(target.format)
    stream.time_base = context.time_base = Fraction(1, target.rate)
    if bits := target.bit_rate(channels):
        context.bit_rate = bits
    return stream


def _is_taken(target: AudioTarget, channels: int) -> bool:
    """Whether the encoder takes such channels."""
    try:
        with av.open("plan.nut", "w", format="nut") as probe:  # trying writes no file
            add_encoder(probe, target, channels).codec_context.open(strict=False)
    except (av.FFmpegError, ValueError):
        return False
    return True


def _depth(stream: AudioStream) -> tuple[int, bool]:
    """Bits of a sample, and whether it really has them: lossy sound has no depth of its own."""
    context = stream.codec_context
    name, found = context.codec.canonical_name, _PCM.fullmatch(context.codec.canonical_name)
    if found:
        return (32 if found["kind"] == "f" else int(found["bits"])), True
    kind = context.format.name.rstrip("p") if context.format else ""
    if kind in ("u8", "s16"):
        return 16, True
    extra = context.extradata or b""
    if name == "flac" and len(extra) >= 18:
        # STREAMINFO: 20 bits rate, 3 bits channels, 5 bits depth - 1.
        return (((extra[12] & 1) << 4) | (extra[13] >> 4)) + 1, True
    if name == "alac" and len(extra) >= 18:
        return extra[17], True
    if name in _LOSSLESS_24:
        return 24, True
    return (_UNKNOWN, False) if kind == "s32" else (_BITS_OF_LOSSY, False)
