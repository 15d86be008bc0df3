"""Tags, time code and chapters of a film, as its target gets them."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from av.stream import Stream

from vidcolor.core.label import Label, find_label
from vidcolor.core.timecode import smpte_after
from vidcolor.media.decode.timeline import ticks
from vidcolor.media.mxf import USER_COMMENT, own_tags
from vidcolor.media.open import VideoReader

if TYPE_CHECKING:  # exists in PyAV's stubs only
    from av.container.core import Chapter

COMMENT = "comment"
"""The tag that holds the label, in whichever case a container writes it."""
_GLOBAL_DROP = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
_STREAM_DROP = frozenset(
    {"duration", "encoder", "vendor_id", "handler_name", "number_of_frames", "number_of_bytes"}
    | {"bps", "creation_time", "filename", "mimetype", "alpha_mode", "rotate"}
)


def _clean(tags: dict[str, str], drop: frozenset[str]) -> dict[str, str]:
    """``tags`` without those that describe the old file rather than the film."""
    return {
        key: value
        for key, value in tags.items()
        if key.lower().split("-")[0] not in drop and not key.upper().startswith("_STATISTICS")
    }


def film_tags(film: VideoReader) -> dict[str, str]:
    """Title and the like of a film, to be written into its target."""
    tags = _clean(film.container.metadata, _GLOBAL_DROP)
    return own_tags(tags) if film.info.container == "mxf" else tags


def stream_tags(stream: Stream) -> dict[str, str]:
    """Language, title and the like of a stream, to be written beside its copy."""
    tags = _clean(stream.metadata, _STREAM_DROP)
    if stream.container.format.name == "mxf":
        tags = own_tags(tags)
    name = tags.pop("name", "")  # MP4's word for the title of a track
    return {"title": name} | tags if name else tags


def add_label(tags: dict[str, str], label: Label, container: str = "") -> None:
    """Write a label into the tags of a target; a comment of the film stays above it.

    The comment is what all containers keep of a film under one name, MXF as a user comment.
    """
    name = USER_COMMENT + COMMENT if container == "mxf" else COMMENT
    key = next((key for key in tags if key.lower() == name), name)
    tags[key] = label.added_to(tags.get(key, ""))


def find_in_tags(tags: dict[str, str]) -> Label | None:
    """The label that the tags of a film hold, if any."""
    keys = (COMMENT, USER_COMMENT + COMMENT)
    comments = (value for key, value in tags.items() if key.lower() in keys)
    return find_label("\n".join(comments))


def chapters(film: VideoReader) -> tuple[list[Chapter], int]:
    """Chapters in the target's time, and how many end before the film begins.

    Those outside --start and --end are gone, and not counted.
    """
    settings, base = film.settings, film.info.start
    zero = base + (settings.start or 0)
    stop = base + settings.end - zero if settings.end is not None else None
    kept: list[Chapter] = []
    early = 0
    for chapter in film.container.chapters():
        tick = chapter["time_base"] or Fraction(1, 1000)
        begin, end = chapter["start"] * tick - zero, chapter["end"] * tick - zero
        if stop is not None:
            end = min(end, stop)
        if end < 0 or begin < 0 == end:
            early += settings.start is None
            continue
        if stop is not None and begin >= stop:
            continue
        moved = chapter.copy()
        moved["start"] = ticks(max(begin, Fraction(0)), tick)
        moved["end"] = ticks(end, tick)
        moved["time_base"] = tick
        kept.append(moved)
    return kept, early


def first_timecode(film: VideoReader) -> str:
    """The timecode of the target's first frame: behind that of the film where ``start`` cuts.

    Empty where the film tells none, or one that cannot be counted on from. Before the film was
    decoded, the first frame is the first one that lies at or after ``start``.
    """
    info, start = film.info, film.settings.start
    if not info.timecode or start is None:
        return info.timecode
    seen = film.log.zero - info.start
    rate = info.frame_rate or Fraction(0)
    frames = round(seen * rate) if seen >= start else ceil(start * rate)
    try:
        return smpte_after(info.timecode, frames, rate)
    except ValueError:
        return ""
