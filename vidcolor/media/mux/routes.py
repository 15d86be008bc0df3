"""What travels beside the picture, and how each stream of it is called in reports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from av.audio.stream import AudioStream
from av.stream import Stream

from vidcolor.core.files import printable
from vidcolor.core.report import Dropped
from vidcolor.media.metadata import is_cover
from vidcolor.media.mux.audio_codecs import AudioTarget
from vidcolor.media.sounds import SoundFile

if TYPE_CHECKING:  # exists in PyAV's stubs only
    from av.container.core import Chapter

How = Literal["copy", "by tag", "convert", "attachment", "cover"]
_FLAC = 0.6
"""Of PCM, what FLAC usually takes of old film's sound."""


@dataclass(frozen=True)
class Route:
    """How one stream of the film travels."""

    stream: Stream
    how: How
    label: str
    """For reports, such as ``audio stream 1 (aac, eng)``."""
    codec: str = ""
    """For ``convert``: the subtitle codec of the target."""
    data: bytes = b""
    """For ``attachment``, for a ``cover`` that becomes an attachment, and the header of sound that
    Matroska holds ``by tag``."""
    name: str = ""
    mimetype: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    """Language, title and the like."""
    audio: AudioTarget | None = None
    """For ``convert``: what a sound becomes."""
    sound: SoundFile | None = None
    """Whose stream it is, where it is not the film's."""

    @property
    def key(self) -> int:
        """What tells its stream from all others: of the film's own, its index."""
        index = self.stream.index
        return self.sound.key(index) if self.sound else index

    @property
    def report_label(self) -> str:
        """For reports of what travels: the label, and what a sound becomes."""
        return f"{self.label} converted to {self.audio.codec}" if self.audio else self.label

    @property
    def bit_rate(self) -> float:
        """Bits in a second of a sound, about; 0 of other streams, and where nothing tells."""
        if not isinstance(self.stream, AudioStream):
            return 0.0
        context, audio = self.stream.codec_context, self.audio
        channels = context.channels
        if audio is None:
            declared = context.bit_rate or 0
            return float(declared or _sample_bits(context.name) * context.sample_rate * channels)
        bits = _sample_bits(audio.codec) or (16 if audio.format.startswith("s16") else 24)
        whole = bits * audio.rate * channels
        return float(audio.bit_rate(channels) or whole * (_FLAC if audio.codec == "flac" else 1))


def _sample_bits(codec: str) -> int:
    """Bits of a sample of PCM; 0 of another codec."""
    found = re.fullmatch(r"pcm_[suf](\d+)(?:[bl]e)?", codec)
    return int(found[1]) if found else 0


@dataclass
class Passthrough:
    """What travels beside the picture."""

    routes: list[Route] = field(default_factory=list)
    left_behind: list[Dropped] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    video_metadata: dict[str, str] = field(default_factory=dict)
    chapters: list[Chapter] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is worth a word about sound that is converted, or stays as it is."""
    sounds: list[SoundFile] = field(default_factory=list)
    """Open files of sound; to be closed when the target is written."""

    @property
    def labels(self) -> list[str]:
        """Labels of all that travels."""
        found = [route.report_label for route in self.routes]
        if self.chapters:
            found.append(count_chapters(len(self.chapters)))
        if "timecode" in self.video_metadata:
            found.append(f"timecode {printable(self.video_metadata['timecode'])}")
        return found

    @property
    def has_tags(self) -> bool:
        """Whether `vidcolor.media.mux.riff_audio.name_by_tag` has to go over the file."""
        return any(route.how == "by tag" for route in self.routes)

    @property
    def rates(self) -> tuple[int, ...]:
        """Samples a second of sound that is converted or comes from files of its own."""
        own = {route.audio.rate for route in self.routes if route.audio}
        beside = {
            route.stream.codec_context.sample_rate
            for route in self.routes
            if route.sound and not route.audio and isinstance(route.stream, AudioStream)
        }
        return tuple(sorted(own | beside))

    def drop(self, route: Route, why: str) -> None:
        """Leaves ``route`` behind after all, with what was to be said about its flags."""
        self.routes.remove(route)
        self.left_behind = [e for e in self.left_behind if e.what != flags_label(route.stream)]
        self.left_behind.append(Dropped(route.label, why))


def count_chapters(number: int) -> str:
    """``1 chapter``, ``2 chapters``."""
    return f"{number} chapter{'s' * (number != 1)}"


def codec_name(stream: Stream) -> str:
    """The codec of a stream, by its usual name."""
    context = stream.codec_context
    if context is None:
        return getattr(stream, "name", None) or "unknown codec"
    name: str = context.codec.canonical_name
    return name


def label(stream: Stream) -> str:
    """``audio stream 1 (aac, eng)``: how reports call a stream."""
    if stream.type == "attachment":
        name = stream.metadata.get("filename") or stream.name or str(stream.index)
        return f"attachment {printable(name)}"
    kind = "cover picture" if is_cover(stream) else f"{stream.type} stream"
    details = [codec_name(stream)]
    language = stream.metadata.get("language", "und")
    if language != "und" and stream.type != "data":
        details.append(printable(language))
    return f"{kind} {stream.index} ({', '.join(details)})"


def flags_label(stream: Stream) -> str:
    """How reports call what is said of a stream: that it is the default one, and the like."""
    return f"flags of {label(stream)}"
