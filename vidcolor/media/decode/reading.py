"""One pass through a video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer
from av.video.stream import VideoStream

from vidcolor.core.video_info import VideoInfo
from vidcolor.media.open import VideoReader
from vidcolor.media.pass_log import PassLog
from vidcolor.settings import InputSettings


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """What is written down of a frame by one who decodes a part of a film."""

    pts: int
    """As of `Frame`."""
    duration: int
    """As of `Frame`."""
    is_timed: bool
    """Whether it has a time of its own."""
    chroma: tuple[float, float] | None
    """As of `vidcolor.media.planes.ChromaMeter.spread_of`."""


@dataclass(frozen=True)
class Reading:
    """Which part of a video a pass reads, and where it writes down what it meets."""

    film: VideoReader
    start: Fraction | None
    """As of `InputSettings`."""
    end: Fraction | None
    log: PassLog

    @classmethod
    def of(cls, film: VideoReader) -> Reading:
        """The part that was asked for when the video was opened, with its own log."""
        return cls(film, film.settings.start, film.settings.end, film.log)

    @property
    def is_cut(self) -> bool:
        """Whether it is not of the whole video."""
        return self.start is not None or self.end is not None

    @property
    def info(self) -> VideoInfo:
        """Of the video."""
        return self.film.info

    @property
    def settings(self) -> InputSettings:
        """Limits of reading."""
        return self.film.settings

    @property
    def container(self) -> InputContainer:
        """The open one; seeking may open it anew."""
        return self.film.container

    @property
    def video(self) -> VideoStream:
        """Of the picture."""
        return self.film.video
