"""How a film becomes frames: their kind, their depth, and what frames cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from vidcolor.core.frame_target import FRAME_KINDS, frame_target
from vidcolor.core.frames import PixelLayout
from vidcolor.core.report import Dropped
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import EncoderMissing, SettingsError
from vidcolor.media.encode.encoder import EncodePlan, plan_encode
from vidcolor.media.pixel_formats import film_storage, planar_format, storage
from vidcolor.media.sequences.exr import open_exr
from vidcolor.settings import EncodeSettings

_FRAMES = frozenset(FRAME_KINDS.values())
_DEEP = 8
_WITH_ASPECT = ("dpx", "exr")
_WITH_ORIENTATION = ("tiff", "png", "jpeg")
"""Frames that keep the tag of the frame that they come from."""
_WORDS = {
    "dpx": "DPX",
    "tiff": "TIFF",
    "png": "PNG",
    "jpeg": "JPEG",
    "jpeg2000": "JPEG 2000",
    "exr": "EXR",
}


def plan_target(info: VideoInfo, target: Path, settings: EncodeSettings) -> EncodePlan:
    """How a film is going to be encoded into a file, or written as frames.

    Raises:
        EncoderMissing: As `plan_encode`, or frames of this kind cannot be written here.
        SettingsError: As `plan_encode`, or an encoder's setting is given for frames.
    """
    if frame_target(target) is None:
        return plan_encode(info, target, settings)
    return plan_frames(info, target, settings)


def is_frames(plan: EncodePlan) -> bool:
    """Whether frames are written."""
    return plan.container in _FRAMES


def plan_frames(info: VideoInfo, target: Path, settings: EncodeSettings) -> EncodePlan:
    """The plan of writing frames under the names that ``target`` is a pattern of.

    Raises:
        EncoderMissing: Frames of this kind cannot be written here.
        SettingsError: A setting is of an encoder; frames have none.
    """
    kind = FRAME_KINDS[target.suffix.lower()]
    notes = _check_settings(kind, settings)
    if kind == "exr":
        open_exr()
    source = info.layout
    bits = bits_of(kind, max(source.bits, settings.bits))
    layout = _layout(source, kind)
    stored = info.stored_format
    held = film_storage(stored) if info.codec == "exr" else storage(stored)
    same = not held.rgb and not stored.startswith("mono") and source.full_range
    exact = same and bits == source.bits
    if kind == "exr":
        exact = info.codec == "exr"
    if not source.full_range:
        notes.append("the film's levels became full range; what lies beyond black and white is cut")
    return EncodePlan(
        container=kind,
        codec=kind,
        layout=layout,
        options={"bits": str(bits), "names": target.name},
        luma="exact" if exact else f"converted from {stored}",
        lossless=kind != "jpeg",
        threads=1,
        notes=tuple(notes),
        left_behind=tuple(_left_behind(info, kind)),
    )


def bits_of(kind: str, bits: int) -> int:
    """Bits per sample of frames of a kind that are made of a film with so many."""
    if kind == "jpeg" or bits == _DEEP:
        return 16 if kind == "exr" else _DEEP
    if kind != "dpx":
        return 16
    return next(depth for depth in (10, 12, 16) if depth >= bits)


def _check_settings(kind: str, settings: EncodeSettings) -> list[str]:
    """What is to be noted of settings that frames do not have, as where a film's codec has none."""
    given = {"--codec": settings.codec, "--encoder-option": settings.options}
    for name, value in given.items():
        if value:
            raise SettingsError(f"{name} is for films; the suffix of frames decides how they are")
    if settings.lossless and kind == "jpeg":
        raise SettingsError("JPEG is never without loss; choose .png, .tif or .jp2")
    if settings.bits > _DEEP and kind == "jpeg":
        raise SettingsError(f"JPEG has no {settings.bits} bits; choose .png, .tif or .dpx")
    quality = {"--crf": settings.crf, "--preset": settings.preset}
    return [
        f"{name} is ignored: frames are not encoded as a film"
        for name, value in quality.items()
        if value is not None
    ]


def _layout(source: PixelLayout, kind: str) -> PixelLayout:
    name = planar_format("444", source.bits)
    if name is None:
        raise EncoderMissing(f"frames of {source.bits} bits per sample cannot be written")
    layout = replace(source, format=name, sub_x=0, sub_y=0, siting=(0.0, 0.0))
    if kind == "jpeg" and source.format.startswith("gray"):
        layout = replace(layout, matrix="bt601")  # JPEG's own
    return layout


def _left_behind(info: VideoInfo, kind: str) -> Iterator[Dropped]:
    """What frames cannot hold."""
    word = _WORDS[kind]
    if info.codec == "dpx" and kind != "dpx":
        why = f"{word} cannot hold them; give the frames .dpx names"
        yield Dropped("DPX headers (film edge code, timecode, comments)", why)
    elif info.codec == "exr" and kind != "exr":
        why = f"{word} cannot hold them; give the frames .exr names"
        yield Dropped("EXR attributes, other channels, light above white and below black", why)
    elif info.timecode and kind not in _WITH_ASPECT:
        yield Dropped("timecode", f"{word} cannot hold it; give the frames .dpx or .exr names")
    if info.rotation is not None and not (info.sequence and kind in _WITH_ORIENTATION):
        yield Dropped("display matrix", "frames are written as they are stored")
    if info.sample_aspect not in (None, 1) and kind not in _WITH_ASPECT:
        yield Dropped(f"pixel aspect {info.sample_aspect}", f"{word} frames have square pixels")
    if info.hdr:
        yield Dropped("HDR10 mastering data", "frames cannot hold it")
    if info.field_order != "progressive":
        yield Dropped("field order", "frames cannot say that they are interlaced")
