"""Decides which streams, tags and chapters travel to the target, how, and why not.

Nothing is decided while the film runs: the whole plan, with what is left behind, is known before
the first frame is colored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import av
from av.audio.stream import AudioStream
from av.stream import AttachmentStream, Discard, Disposition, Stream

from vidcolor.core.files import printable
from vidcolor.core.report import Dropped
from vidcolor.core.timecode import parse_smpte
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import CannotCarry, SettingsError
from vidcolor.media.container_heads import linked_parts
from vidcolor.media.metadata import is_cover
from vidcolor.media.mux.audio_codecs import (
    PCM_ONLY,
    can_decode,
    held_by,
    is_as_wished,
    target_of,
)
from vidcolor.media.mux.edit_units import refusal_of_sound
from vidcolor.media.mux.riff_audio import wave_header
from vidcolor.media.mux.routes import (
    Passthrough,
    Route,
    codec_name,
    count_chapters,
    flags_label,
    label,
)
from vidcolor.media.mux.subtitles import STYLED, TEXT_CODECS
from vidcolor.media.mux.tags import chapters, film_tags, first_timecode, stream_tags
from vidcolor.media.mux.text_encoding import Texts
from vidcolor.media.mxf import as_comments, edit_rate, own_tags
from vidcolor.media.open import VideoReader
from vidcolor.media.sequences.facts import header_losses
from vidcolor.media.sounds import SoundFile, open_sounds
from vidcolor.media.whitelist import film_errors
from vidcolor.settings import OutputSettings

_OF_THE_FILE = frozenset(
    {"encoder", "major_brand", "minor_version", "compatible_brands", "creation_time", "duration"}
    | {"material_package_umid"}
)
"""Tags that say how a file of sound was made, not what is heard."""
_MAX_ATTACHMENT = 256 << 20
_FLAGS = {
    "mov": Disposition.default,
    "mxf": Disposition.default,
    "webm": Disposition.default | Disposition.forced,
    "mp4": ~(Disposition.original | Disposition.lyrics | Disposition.karaoke),
}
"""What FFmpeg writes of a stream's flags; Matroska knows all that films use."""


def plan_passthrough(
    film: VideoReader, info: VideoInfo, container: str, audio: str = "copy"
) -> Passthrough:
    """What of ``film`` travels into ``container`` (mp4, mov, matroska, webm or mxf).

    Args:
        film: Open.
        info: Of the picture of the target.
        container: Of the target.
        audio: As of `OutputSettings`.

    Raises:
        SettingsError: The container does not hold such sound.
    """
    plan = Passthrough()
    with av.open(f"plan.{container}", "w", format=container) as probe:
        supported = probe.supported_codecs  # asking writes no file
    decide = _Decider(film, container, supported, plan, audio)
    for stream in film.container.streams:
        if stream.index != film.video.index:
            decide.stream(stream)
    plan.sounds = open_sounds(film.settings)
    for sound in plan.sounds:
        decide.sound(sound)
    plan.metadata = film_tags(film)
    plan.video_metadata = stream_tags(film.video)
    plan.routes = [replace(route, tags=stream_tags(route.stream)) for route in plan.routes]
    _stereo(info, container, plan)
    _timecode(film, plan)
    plan.chapters, early = chapters(film)
    if early:
        why = "they end before the film's first frame"
        plan.left_behind.append(Dropped(count_chapters(early), why))
    _mend_texts(film, container, plan)
    if container == "mxf":
        _fit_mxf(film, plan)
    if film.info.container == "matroska,webm":
        plan.left_behind += [Dropped(*part) for part in linked_parts(film.source)]
    if film.info.sequence:
        plan.left_behind += [Dropped(*part) for part in header_losses(film.info.sequence)]
    if film.info.has_alpha:
        plan.left_behind.append(Dropped("transparency", "colored films are opaque"))
    return plan


def _fit_mxf(film: VideoReader, plan: Passthrough) -> None:
    """Puts the film's tags where MXF keeps them, and lists what it has no place for."""
    if plan.chapters:
        why = "mxf cannot hold chapters"
        plan.left_behind.append(Dropped(count_chapters(len(plan.chapters)), why))
        plan.chapters = []
    code = first_timecode(film)
    for tags in (plan.metadata, plan.video_metadata):
        for key in [key for key in tags if key.lower() == "timecode"]:
            del tags[key]
    tagged = [(label(film.video), plan.video_metadata)]
    tagged += [(route.label, route.tags) for route in plan.routes]
    for what, tags in tagged:
        words = ", ".join(
            f"{key} {printable(value)}"
            for key, value in own_tags(tags).items()
            if (key, value) != ("language", "und")
        )
        if words:
            plan.left_behind.append(Dropped(f"tags of {what}", f"mxf cannot hold: {words}"))
    plan.video_metadata = {}
    plan.routes = [replace(route, tags={}) for route in plan.routes]
    plan.metadata = as_comments(plan.metadata)
    if code:
        try:
            parse_smpte(code, edit_rate(film.info))
        except ValueError as exc:
            plan.left_behind.append(Dropped(f"timecode {printable(code)}", printable(exc)))
        else:
            plan.video_metadata["timecode"] = code


def _timecode(film: VideoReader, plan: Passthrough) -> None:
    """Puts the timecode where the film has it; that of other containers beside the picture."""
    code, told = first_timecode(film), film.info.timecode
    if not told:
        return
    plan.metadata.pop("timecode", None)
    for tags in (plan.video_metadata, plan.metadata):
        if key := next((key for key in tags if key.lower() == "timecode"), ""):
            tags[key] = code
            break
    else:
        key, tags = "timecode", plan.video_metadata
        tags[key] = code
    if not code:  # that of the film's beginning would be wrong
        del tags[key]
        why = "it cannot be counted on to where the target begins"
        plan.left_behind.append(Dropped(f"timecode {printable(told)}", why))


def _stereo(info: VideoInfo, container: str, plan: Passthrough) -> None:
    """Lists how two views share the picture, where the target cannot say it.

    Matroska could, but FFmpeg would then write the shape of pixels as 1, whatever it is.
    """
    mode = plan.video_metadata.get("stereo_mode", "mono")
    square = info.sample_aspect in (None, 1)
    if mode == "mono" or (container in ("matroska", "webm") and square):
        return
    del plan.video_metadata["stereo_mode"]
    if container in ("matroska", "webm"):
        why = "it cannot be written together with the pixel aspect"
    else:
        why = f"{container} cannot mark stereo; both views are written as they are stored"
    plan.left_behind.append(Dropped(f"stereo mode {printable(mode)}", why))


def _mend_texts(film: VideoReader, container: str, plan: Passthrough) -> None:
    """Makes UTF-8 of tags and titles that are not.

    From a container into its like their bytes stay as they are, if no code page is given.
    """
    alike = film.info.container.startswith(
        {"webm": "matroska", "mp4": "mov"}.get(container, container)
    )
    texts = Texts(film)
    if alike and not texts.is_told:
        return
    groups = [plan.metadata, plan.video_metadata, *(route.tags for route in plan.routes)]
    groups += [dict(chapter["metadata"]) for chapter in plan.chapters]
    words = [value for tags in groups for value in tags.values()]
    plan.metadata = texts.mended(plan.metadata, "the film's tags", words)
    plan.video_metadata = texts.mended(plan.video_metadata, "the video's tags", words)
    plan.routes = [
        replace(route, tags=texts.mended(route.tags, f"the tags of {route.label}", words))
        for route in plan.routes
    ]
    for chapter in plan.chapters:
        chapter["metadata"] = texts.mended(dict(chapter["metadata"]), "chapter titles", words)


def check_strict(plan: Passthrough, settings: OutputSettings) -> None:
    """Refuses a plan that leaves things behind when ``settings.strict`` is set.

    Raises:
        CannotCarry: With the first thing left behind.
    """
    if settings.strict and plan.left_behind:
        first = plan.left_behind[0]
        more = f" (and {len(plan.left_behind) - 1} more)" if len(plan.left_behind) > 1 else ""
        raise CannotCarry(f"cannot copy {first.what}: {first.why}{more}; try .mkv")


class _Decider:
    """Judges one stream after another against one container."""

    def __init__(
        self,
        film: VideoReader,
        container: str,
        supported: set[str],
        plan: Passthrough,
        audio: str,
    ) -> None:
        self._film = film
        self._container = container
        self._supported = supported
        self._plan = plan
        self._suffix = {"matroska": "mkv"}.get(container, container)
        self._sound: SoundFile | None = None
        """The file that is judged; None where it is the film."""
        self._held = held_by(container, supported)
        self._audio_wish = "pcm" if container in PCM_ONLY and audio == "copy" else audio
        if self._audio_wish not in ("copy", *self._held):
            known = " or ".join(f"--audio {wish}" for wish in self._held)
            raise SettingsError(
                f"a .{self._suffix} file cannot hold sound as {self._audio_wish}; use {known}"
            )

    def stream(self, stream: Stream) -> None:
        """Adds a route for ``stream``, or what is left behind."""
        judges: dict[str, Callable[[Stream], None]] = {
            "audio": self._audio,
            "subtitle": self._subtitle,
            "attachment": self._attachment,
            "data": self._data,
        }
        if is_cover(stream):
            self._cover(stream)
        elif stream.type == "video":
            self._copy(stream)
        else:
            before = len(self._plan.routes)
            judges.get(stream.type, self._unknown)(stream)
            if len(self._plan.routes) > before:
                self._flags(stream)

    def sound(self, sound: SoundFile) -> None:
        """Adds routes for the streams of a sound file, or what is left behind."""
        self._sound = sound
        for stream in sound.streams:
            self._audio(stream)
        self._sound = None
        if others := sorted(set(own_tags(sound.container.metadata)).difference(_OF_THE_FILE)):
            names = ", ".join(map(printable, others))
            name = printable(sound.path.name)
            self._plan.notes.append(f"sound {name}: what it says of itself is not copied: {names}")

    def _flags(self, stream: Stream) -> None:
        """Lists the flags of a carried stream that the container has no words for."""
        known = _FLAGS.get(self._container)
        lost = Disposition(0) if known is None else Disposition(stream.disposition) & ~known
        if lost:
            words = ", ".join(flag.name or "" for flag in lost)
            why = f"{self._suffix} cannot hold: {words}"
            self._plan.left_behind.append(Dropped(flags_label(stream), why))

    def _label(self, stream: Stream) -> str:
        if self._sound is not None and isinstance(stream, AudioStream):
            return self._sound.label(stream, codec_name(stream))
        return label(stream)

    def _leave(self, stream: Stream, why: str) -> None:
        self._plan.left_behind.append(Dropped(self._label(stream), why))

    def _unknown(self, stream: Stream) -> None:
        self._leave(stream, "FFmpeg does not know this kind of stream")

    def _copy(self, stream: Stream) -> None:
        if stream.codec_context is None:
            self._leave(stream, "FFmpeg does not know its codec")
        elif self._is_supported(stream):
            self._plan.routes.append(Route(stream, "copy", self._label(stream), sound=self._sound))
        else:
            self._leave(stream, f"{self._suffix} cannot hold {codec_name(stream)}")

    def _audio(self, stream: Stream) -> None:
        context = stream.codec_context
        if context is not None and not (
            getattr(context, "sample_rate", 0) and getattr(context, "channels", 0)
        ):
            self._leave(stream, "it is empty: no sample rate or channels could be found")
        elif context is not None and self._is_converted(stream):
            return
        elif context is not None and self._is_only_a_tag(stream) and (head := wave_header(stream)):
            self._plan.routes.append(
                Route(stream, "by tag", self._label(stream), data=head, sound=self._sound)
            )
        elif context is None or self._is_supported(stream):
            self._copy(stream)
        else:
            self._leave(stream, self._not_held(stream))

    def _is_converted(self, stream: Stream) -> bool:
        """Adds a route for sound that is to be converted, and can be."""
        assert isinstance(stream, AudioStream)
        wish, name = self._audio_wish, self._label(stream)
        if wish == "copy":
            return False
        if self._is_supported(stream) and is_as_wished(stream, wish, self._container):
            if codec_name(stream) != wish and wish == "flac":
                self._plan.notes.append(f"{name} stays as it is: it has more bits than FLAC")
            return False
        if not can_decode(stream):
            why = "its decoder is not on vidcolor's list of safe decoders of sound"
        elif target := target_of(stream, wish, self._container):
            self._plan.routes.append(
                Route(stream, "convert", name, audio=target, sound=self._sound)
            )
            if target.loss:
                self._plan.notes.append(f"{name} becomes {target.codec}: {target.loss}")
            return True
        else:
            why = f"no encoder of {wish} takes its {stream.codec_context.channels} channels"
        if self._is_supported(stream) and self._container not in PCM_ONLY:
            self._plan.notes.append(f"{name} is copied, not converted to {wish}: {why}")
        return False

    def _not_held(self, stream: Stream) -> str:
        """Why a sound stays behind, and what converts it."""
        assert isinstance(stream, AudioStream)
        why = f"{self._suffix} cannot hold {codec_name(stream)}"
        if self._container == "mxf":
            return refusal_of_sound(codec_name(stream), stream.codec_context.sample_rate)
        if self._audio_wish == "copy" and self._held and can_decode(stream):
            return f"{why}; --audio {self._held[0]} converts it"
        return why

    def _is_only_a_tag(self, stream: Stream) -> bool:
        """Whether Matroska has no name of its own for the codec of a sound."""
        return self._container == "matroska" and not self._is_supported(stream)

    def _is_supported(self, stream: Stream) -> bool:
        """Whether the container takes the codec, maybe under the name of another decoder."""
        codec = stream.codec_context.codec
        if self._container == "mxf":  # of which FFmpeg does not tell all
            rate = getattr(stream.codec_context, "sample_rate", 0)
            return stream.type == "audio" and not refusal_of_sound(codec_name(stream), rate)
        return not self._supported.isdisjoint((codec.name, codec.canonical_name))

    def _subtitle(self, stream: Stream) -> None:
        codec = stream.codec_context.name if stream.codec_context is not None else ""
        if self._container == "mxf":
            self._leave(stream, "mxf cannot hold subtitles")
            return
        if codec not in TEXT_CODECS or codec in self._supported:
            self._copy(stream)
            return
        options = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
        wanted = options[self._container]
        self._plan.routes.append(Route(stream, "convert", label(stream), codec=wanted))
        if codec in STYLED:
            self._plan.left_behind.append(
                Dropped(
                    f"ASS styling of {label(stream)}", f"{self._suffix} holds its plain text only"
                )
            )

    def _attachment(self, stream: Stream) -> None:
        assert isinstance(stream, AttachmentStream)
        name = stream.metadata.get("filename") or stream.name or f"attachment{stream.index}"
        mimetype = stream.mimetype or stream.metadata.get("mimetype", "application/octet-stream")
        data = stream.data
        # PyAV takes no other name.
        name = Texts(self._film).mended({"": name}, f"the name of {label(stream)}", [name])[""]
        if self._container != "matroska":
            self._leave(stream, f"{self._suffix} cannot hold attachments")
        elif len(data) > _MAX_ATTACHMENT:
            self._leave(stream, "it is larger than 256 MiB")
        else:
            route = Route(stream, "attachment", label(stream), "", data, name, mimetype)
            self._plan.routes.append(route)

    def _cover(self, stream: Stream) -> None:
        codec = codec_name(stream)
        if self._container == "mp4" and codec in ("mjpeg", "png", "bmp"):
            self._plan.routes.append(Route(stream, "cover", label(stream)))
            return
        if self._container != "matroska":
            self._leave(stream, f"{self._suffix} cannot hold cover pictures")
            return
        data = _cover_bytes(self._film, stream.index)
        if not data:
            self._leave(stream, "it is empty")
            return
        suffix = {"mjpeg": "jpg"}.get(codec, codec)
        name = stream.metadata.get("filename") or f"cover.{suffix}"
        mimetype = stream.metadata.get("mimetype") or {"jpg": "image/jpeg"}.get(
            suffix, f"image/{suffix}"
        )
        self._plan.routes.append(Route(stream, "cover", label(stream), "", data, name, mimetype))

    def _data(self, stream: Stream) -> None:
        if stream.discard == Discard.all and stream.name == "bin_data":
            return  # QuickTime's text track of chapter titles; the chapters travel themselves
        if "timecode" in stream.metadata:
            return  # written anew from the picture's timecode tag
        self._leave(stream, "FFmpeg cannot copy it")


def _cover_bytes(film: VideoReader, index: int) -> bytes:
    with film_errors(film.info.path), film.reopen() as container:
        for packet in container.demux(container.streams[index]):
            if packet.size:
                return bytes(packet)
    return b""
