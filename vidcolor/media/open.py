"""Opens a film: container -> VideoReader with VideoInfo, under limits.

What only a decoded frame can tell (pixel format, interlacing, color tags, HDR, rotation) is read
from the first frame in a container of its own, so that the film itself starts untouched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcolor.core.files import check_file, identify, printable
from vidcolor.core.find_sequence import sequence_at
from vidcolor.core.sequence import FrameSequence
from vidcolor.core.video_info import FieldOrder, VideoInfo
from vidcolor.errors import (
    FilmTooLarge,
    FilmUnreadable,
    NoPicture,
    SettingsError,
    UnsupportedPixels,
)
from vidcolor.media.container_heads import Crop, Source, declared_crop
from vidcolor.media.decode.crop import Cropper
from vidcolor.media.images.kinds import HEAD, is_animation, kind_of, kind_of_bytes
from vidcolor.media.metadata import (
    coded_aspect,
    color_tags,
    describe,
    has_profile,
    is_cover,
    picture_fields,
)
from vidcolor.media.pass_log import PassLog
from vidcolor.media.piped import BUFFER, Pipe, Replay
from vidcolor.media.sequences.facts import sequence_facts
from vidcolor.media.whitelist import (
    CODECS,
    CONVERT,
    DECODERS,
    FORMATS,
    FRAME_CODECS,
    PIPED,
    READ_LIMITS,
    SEQUENCES,
    check_length,
    film_errors,
    is_encrypted_mp4,
)
from vidcolor.settings import InputSettings

_PADDING = 128 * 16384  # FFmpeg counts the rounded-up size of its buffers; check_size is exact
_PROBE_PACKETS = 2000
_FPS = "{}: --fps is for image sequences; the film has a rate of its own"
_PROFILE = "the frames have a color profile, which was not applied: codes were taken as they are"


@dataclass
class VideoReader:
    """An open film. Close it, or use it in a ``with`` block, after ``decode`` has ended."""

    info: VideoInfo
    container: InputContainer
    video: VideoStream
    settings: InputSettings
    first_pts: int
    """Presentation time of the first frame in the target, in units of ``info.time_base``, before
    ``settings.start`` cuts; negative where the film hides its first frames from players."""
    first_tags: dict[str, int]
    """What the first frame says of its colors, as `color_tags`; ``info.tags`` has no holes."""
    first_fields: FieldOrder
    """What it says of its fields."""
    coded_aspect: Fraction
    """What its stream says of the shape of pixels; a container may say otherwise."""
    log: PassLog = field(default_factory=PassLog)
    """Of the pass that decodes it; those who write the target add what they meet."""
    seeks: bool | None = None
    """Whether reading may begin in its middle; None until `media.decode.seek` was asked."""
    former: list[InputContainer] = field(default_factory=list)
    """Containers that were read before; what was made of them may still be in use."""
    content: Callable[[], str] = field(default=lambda: "")
    """Tells the digest of its bytes, as of `vidcolor.media.identity.Content`; empty where nobody
    knows."""

    pipe: Pipe | None = None
    """Where its bytes come from, where that is no file; it can be read once."""
    beside: Callable[[Packet[Any]], object] | None = None
    """Gets the packets of other streams while the picture is decoded, where there is no second
    reading to find them."""

    @property
    def source(self) -> Source:
        """Its file, or what is known of the bytes of one that has none."""
        return self.pipe.beginning() if self.pipe else self.info.path

    def reopen(self) -> InputContainer:
        """Another container at its beginning; of a film from a pipe it ends soon after that."""
        info = self.info
        if self.pipe:
            return _open_beginning(self.pipe, self.settings)
        if info.sequence and info.frame_rate:
            return open_frames(info.sequence, info.frame_rate, self.settings)
        return open_container(info.path, self.settings, FORMATS)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the container and ends the decoder's threads."""
        for container in (self.container, *self.former):
            container.close()


def film_is_still(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is a picture, told by its bytes, be its kind read or not."""
    return kind_of(path) is not None


def open_video(path: str | os.PathLike[str], settings: InputSettings | None = None) -> VideoReader:
    """Opens the film at ``path`` and reads everything that is known before decoding.

    An image sequence is named by its pattern (``scan_%06d.dpx``), by a glob or by its folder.

    Raises:
        FilmUnreadable: Missing, empty, not a media file, too damaged to read, encrypted.
        NoPicture: Audio only, a cover picture only, subtitles, or a still.
        UnsupportedPixels: Codec or pixel format is not on the list.
        FilmTooLarge: More pixels than ``settings.max_pixels``, longer than ``settings.max_hours``.
        SettingsError: ``settings.video_stream`` does not exist; nothing says how many frames a
            second a sequence has, or ``settings.fps`` is for a film, which has a rate of its own.
    """
    settings = settings or InputSettings()
    absolute = check_file(path)
    name = printable(absolute.name)
    sequence = sequence_at(absolute)
    if sequence:
        return _open_sequence(absolute, sequence, settings)
    if settings.fps is not None:
        raise SettingsError(_FPS.format(name))
    if film_is_still(absolute) and not is_animation(absolute):
        raise NoPicture(f"{name}: is a still picture, not a film")
    return _open(absolute, settings, partial(open_container, absolute, settings, FORMATS))


def _open_sequence(path: Path, sequence: FrameSequence, settings: InputSettings) -> VideoReader:
    """The frames of a sequence as a film."""
    check_file(sequence.path(0))  # FFmpeg would take an empty one for the end
    facts = sequence_facts(sequence, settings.fps)
    film = _open(path, settings, partial(open_frames, sequence, facts.rate, settings))
    info = film.info
    info = replace(
        info,
        frames=sequence.count,
        sequence=sequence,
        timecode=facts.timecode,
        notes=(*info.notes, *facts.notes),
    )
    film.info = info
    return film


def _open(
    absolute: Path, settings: InputSettings, open_again: Callable[[], InputContainer]
) -> VideoReader:
    """The film at ``absolute``, whose container is opened twice: the first frame is read aside."""
    known = identify(absolute)
    with film_errors(absolute):
        film = _inspect(absolute, settings, open_again)
    film.info = replace(film.info, identity=known)
    return film


def open_piped(pipe: Pipe, settings: InputSettings | None = None) -> VideoReader:
    """Opens the film that comes through a pipe; its frames can be read once, from the first on.

    Raises:
        FilmUnreadable: There is nothing, or nothing that can be read without going back.
        FilmError: As `open_video`.
        SettingsError: As `open_video`.
    """
    settings = settings or InputSettings()
    if settings.fps is not None:
        raise SettingsError(_FPS.format(pipe.name))
    _check_beginning(pipe)
    try:
        with film_errors(pipe.name, pipe.beginning):
            container = open_container(pipe.film, settings, PIPED)
            again = partial(_open_beginning, pipe, settings)
            film = _inspect(pipe.name, settings, again, container, pipe)
    except Exception:
        pipe.check()  # which FFmpeg took for the end of the film
        raise
    try:
        pipe.check()
    except BaseException:
        film.close()
        raise
    pipe.begin()
    return film


def _check_beginning(pipe: Pipe) -> None:
    """Refuses by its first bytes what could only be read from a file."""
    pipe.wait()
    name, start = pipe.name, pipe.peek(HEAD)
    if kind_of_bytes(start) is not None:
        raise NoPicture(f"{name}: is a picture, not a film; save it to a file and name that")
    at = 0
    while start[4:8] in (b"ftyp", b"free", b"skip", b"wide", b"mdat", b"uuid"):
        if start[4:8] == b"mdat":
            raise FilmUnreadable(
                f"{name}: is an MP4 or MOV with its index at the end, which no pipe can be read"
                " for; save it to a file, or write Matroska (ffmpeg ... -f matroska -)"
            )
        at += max(8, int.from_bytes(start[:4], "big"))
        start = pipe.peek(at + 8)[at:]


def _open_beginning(pipe: Pipe, settings: InputSettings) -> InputContainer:
    """A container at the beginning of a pipe, which ends soon after what was read of it."""
    return open_container(pipe.replay(), settings, PIPED)


def _inspect(
    path: Path,
    settings: InputSettings,
    open_again: Callable[[], InputContainer],
    container: InputContainer | None = None,
    pipe: Pipe | None = None,
) -> VideoReader:
    """The film in a container that was just opened; it is closed where it cannot be colored."""
    name = printable(path.name)
    container = container or open_again()
    try:
        source = pipe.beginning() if pipe else path
        if container.format.name.startswith("mov") and is_encrypted_mp4(source):
            raise FilmUnreadable(f"{name}: is encrypted (DRM); vidcolor cannot read it")
        video = _choose_video(container, settings, name)
        frame, coded = _first_frame(open_again, video.index, settings, name)
        crop = _crop(source, container, video, frame)
        seen = Cropper(frame, crop)(frame) if crop else frame
        info, first = describe(path, container, video, seen, coded, crop)
        if container.format.name == SEQUENCES and has_profile(frame):
            info = replace(info, notes=(*info.notes, _PROFILE))
        check_length(info.duration, settings, name)
        ready_decoder(video, settings)
    except BaseException:
        container.close()
        raise
    return VideoReader(
        info=replace(info, is_piped=pipe is not None),
        container=container,
        video=video,
        settings=settings,
        first_pts=first,
        first_tags=color_tags(frame),
        first_fields=picture_fields(frame),
        coded_aspect=coded,
        pipe=pipe,
    )


def open_container(
    path: Path | str | Replay,
    settings: InputSettings,
    formats: str,
    demuxer: str | None = None,
    decoders: Collection[str] = DECODERS,
    more: Mapping[str, str] = READ_LIMITS,
) -> InputContainer:
    """An input container in which only listed demuxers, decoders and the file protocol may work.

    No other place opens a file to read it. FFmpeg decodes the beginning of every stream to learn
    what it is; ``codec_whitelist`` keeps it from decoders that are not on the list.
    """
    options = {
        "format_whitelist": formats,
        "codec_whitelist": ",".join(sorted(decoders)),
        "protocol_whitelist": "file",
        "max_pixels": str(settings.max_pixels + _PADDING),  # guards what FFmpeg decodes to probe
        **more,
    }
    # PyAV would refuse non-UTF-8 tags; surrogates carry their bytes unchanged to the target.
    return av.open(
        path if isinstance(path, Replay) else str(path),
        "r",
        format=demuxer,
        options=options,
        metadata_errors="surrogateescape",
        buffer_size=BUFFER,
    )


def open_frames(sequence: FrameSequence, rate: Fraction, settings: InputSettings) -> InputContainer:
    """The frames of a sequence as a container, by the demuxer and the decoder for them alone."""
    # FFmpeg looks for the number in the whole path.
    folder = str(sequence.name.folder).replace("%", "%%")
    url = os.path.join(folder, sequence.name.pattern)
    options = {
        "pattern_type": "sequence",
        "start_number": str(sequence.first),
        "start_number_range": "1",
        "framerate": str(rate),
        **READ_LIMITS,
        "probesize": "32",  # all is known from the first frame; FFmpeg would read on
    }
    decoder = FRAME_CODECS[sequence.name.suffix.lower()]
    return open_container(url, settings, SEQUENCES, SEQUENCES, (decoder,), options)


def check_size(width: int, height: int, settings: InputSettings, name: str) -> None:
    """Refuses pictures above the limit.

    Raises:
        FilmTooLarge: More pixels than ``settings.max_pixels``.
    """
    if width * height > settings.max_pixels:
        raise FilmTooLarge(
            f"{name}: {width}x{height} has more than {settings.max_pixels} pixels; raise"
            f" --max-pixels to {width * height} if you trust the file"
        )


def ready_decoder(video: VideoStream, settings: InputSettings) -> None:
    """Gives the decoder of a film its threads and its limits, before the first packet."""
    video.thread_type = "AUTO"
    video.codec_context.thread_count = settings.decoder_threads or min(os.cpu_count() or 1, 8)
    limit_decoder(video.codec_context, settings)


def limit_decoder(context: CodecContext, settings: InputSettings) -> None:
    """Makes a decoder refuse pictures above the limit, even where a stream changes its size.

    The options of `open_container` hold while it looks at the streams, and not in this decoder.
    """
    context.options = {
        "max_pixels": str(settings.max_pixels + _PADDING),
        # Those of frames alone come here only where a sequence was opened.
        "codec_whitelist": ",".join(sorted(CODECS | {*FRAME_CODECS.values()})),
    }


def _choose_video(container: InputContainer, settings: InputSettings, name: str) -> VideoStream:
    candidates = [s for s in container.streams.video if not is_cover(s)]
    if not candidates:
        kind = "only a cover picture" if container.streams.video else "sound but no picture"
        raise NoPicture(f"{name}: has {kind}; there is nothing to color")
    if settings.video_stream is not None:
        if not 0 <= settings.video_stream < len(candidates):
            raise SettingsError(
                f"{name}: has no video stream {settings.video_stream}; use 0 to"
                f" {len(candidates) - 1}"
            )
        video = candidates[settings.video_stream]
    else:
        best = container.streams.best("video")
        index = candidates[0].index if best is None else best.index
        # FFmpeg's choice, or the first one that may be decoded where that one may not.
        order = sorted(candidates, key=lambda s: (_codec(s) not in CODECS, s.index != index))
        video = order[0]
    codec = _codec(video)
    allowed = FRAME_CODECS.values() if container.format.name == SEQUENCES else CODECS
    if codec not in allowed:
        raise UnsupportedPixels(
            f"{name}: the codec {printable(codec)} is not on vidcolor's list of safe decoders;"
            f" {CONVERT}"
        )
    check_size(video.codec_context.width, video.codec_context.height, settings, name)
    return video


def _codec(video: VideoStream) -> str:
    """The decoder of a picture; words for it where FFmpeg has none."""
    # PyAV declares the context as always there, but codecs without a decoder have none.
    context = getattr(video, "codec_context", None)
    return "of its video" if context is None else str(context.name)


def _crop(
    source: Source, container: InputContainer, video: VideoStream, frame: VideoFrame
) -> Crop | None:
    """What the container cuts off the picture."""
    pictures = [s.index for s in container.streams.video if not is_cover(s)]
    size = frame.width, frame.height
    return declared_crop(source, container.format.name, pictures.index(video.index), size)


def _first_frame(
    open_again: Callable[[], InputContainer], index: int, settings: InputSettings, name: str
) -> tuple[VideoFrame, Fraction]:
    """The first picture of stream ``index`` that decodes, from a container of its own.

    With it, the shape of its pixels as its stream tells it.
    """
    packets = 0
    # PyAV ends with IndexError a film in which a stream appears on the way.
    with open_again() as container, suppress(IndexError):
        video = next(s for s in container.streams.video if s.index == index)
        video.codec_context.thread_count = 1
        limit_decoder(video.codec_context, settings)
        for packet in container.demux(video):
            packets += packet.size > 0
            if packet.has_sidedata("encryption_info"):
                raise FilmUnreadable(f"{name}: is encrypted (DRM); vidcolor cannot read it")
            try:
                frames = packet.decode()
            except av.FFmpegError:
                frames = []
            if frames:
                check_size(frames[0].width, frames[0].height, settings, name)
                return frames[0], coded_aspect(video)
            if packets > _PROBE_PACKETS:
                break
    what = "none of its frames can be decoded" if packets else "has a header but no frames"
    raise FilmUnreadable(f"{name}: {what}")
