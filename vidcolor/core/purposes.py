"""What a colored film is for, and what follows from it: container, codec, sound.

The table of docs/formats.md. Each entry gives way to what is asked for by name: the suffix of the
target, a codec, a sound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.paths import CONTAINERS, PICTURE_SUFFIXES
from vidcolor.errors import SettingsError
from vidcolor.settings import EncodeSettings, Settings


@dataclass(frozen=True)
class Purpose:
    """What a film of one purpose is written as."""

    suffix: str
    encode: EncodeSettings
    audio: str


PURPOSES = {
    "archive": Purpose(".mkv", EncodeSettings(codec="ffv1", options=(("slices", "24"),)), "flac"),
    "edit": Purpose(".mov", EncodeSettings(codec="prores"), "pcm"),
    "avid": Purpose(".mxf", EncodeSettings(codec="dnxhr", bits=10), "pcm"),
    "share": Purpose(".mp4", EncodeSettings(codec="h264", sampling="420"), "aac"),
    "web": Purpose(".webm", EncodeSettings(), "opus"),
}
"""Name -> what it means."""

_FRAMES = PICTURE_SUFFIXES | {".dpx", ".exr"}


def purpose_of(name: str) -> Purpose:
    """The purpose of this name.

    Raises:
        SettingsError: There is none.
    """
    if name not in PURPOSES:
        raise SettingsError(f"no --for {name}; use {', '.join(PURPOSES)}")
    return PURPOSES[name]


def apply_purpose(name: str, settings: Settings) -> Settings:
    """The settings for a purpose; what they say of the codec stands above it.

    Raises:
        SettingsError: There is no such purpose.
    """
    purpose = purpose_of(name)
    output = replace(settings.output, audio=purpose.audio)
    asked, given = settings.encode, purpose.encode
    if asked.codec is not None:
        return replace(settings, output=output)
    known = {key for key, _ in asked.options}
    options = tuple(option for option in given.options if option[0] not in known)
    encode = replace(
        given,
        crf=asked.crf,
        preset=asked.preset,
        lossless=asked.lossless,
        options=(*options, *asked.options),
        threads=asked.threads,
        bits=asked.bits or given.bits,
    )
    return replace(settings, encode=encode, output=output)


def check_purpose(name: str, target: str) -> None:
    """See that a target can be a film.

    Raises:
        SettingsError: It is named as a picture, or as many.
    """
    purpose = purpose_of(name)
    if Path(target).suffix.lower() in _FRAMES:
        raise SettingsError(
            f"--for {name} writes a {purpose.suffix} film, and {printable(target)} is none; leave"
            " one of them out"
        )


def add_suffix(name: str, to: list[str]) -> list[str]:
    """The suffixes of a batch, with that of the purpose unless one for films is named."""
    suffix = purpose_of(name).suffix
    if any("." + word.lower().removeprefix(".") in CONTAINERS for word in to):
        return to
    return [*to, suffix]
