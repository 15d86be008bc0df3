"""OpenTimelineIO: the shots of a film as the clips of a timeline, and the clips of a timeline."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidcolor.errors import SettingsError
from vidcolor.shots.listing import Listing, clock_of

_FAILURES = (ValueError, TypeError, LookupError, AttributeError, RuntimeError)
"""What a text may raise that is no timeline; the package names few errors of its own."""

MISSING = "OTIO needs the package opentimelineio: pip install 'vidcolor[edit]'"


def as_otio(listing: Listing, film: Path) -> str:
    """The shots as clips of one track, whose times are the timecodes of the film.

    A clip ends with the frame before the next one begins: its duration is the number of frames.

    Args:
        listing: Of the film.
        film: To which the clips refer.

    Raises:
        SettingsError: The frame rate is variable, or opentimelineio is missing.
    """
    otio = find_package()
    first = _first_frame(listing)
    rate = float(listing.rate or 0)

    def span(frame: int, frames: int) -> Any:
        start, length = (otio.opentime.RationalTime(number, rate) for number in (frame, frames))
        return otio.opentime.TimeRange(start, length)

    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    for number, shot in enumerate(listing.shots, 1):
        media = otio.schema.ExternalReference(film.absolute().as_uri(), span(first, listing.frames))
        clip = otio.schema.Clip(f"{listing.name}, shot {number}", media)
        clip.source_range = span(first + shot.frame, shot.frames)
        track.append(clip)
    timeline = otio.schema.Timeline(listing.name)
    timeline.global_start_time = otio.opentime.RationalTime(first, rate)
    timeline.tracks.append(track)
    return str(timeline.to_json_string(indent=2)) + "\n"


def _first_frame(listing: Listing) -> int:
    """What the first frame is called; OTIO counts any rate, but timecode does not."""
    return clock_of(listing, "OTIO").first if listing.timecode or listing.rate is None else 0


def read_otio(text: str, name: str, rate: Fraction | None) -> list[tuple[int, int]]:
    """First frame of each clip and each gap of the picture, and the frame behind its last one.

    Counted from 0 at the beginning of the timeline.

    Args:
        text: Of the timeline.
        name: Of its file, for errors.
        rate: Frames per second of the film; None where it is variable.

    Raises:
        SettingsError: It is no timeline, has no clips, is of another rate, or opentimelineio is
            missing.
    """
    otio = find_package()
    if rate is None:
        raise SettingsError(
            f"{name}: OTIO counts frames, and the frame rate of the film is variable; use a list of"
            " times"
        )
    try:
        json.loads(text)  # the package ends the process where lists lie too deep in each other
        # Without its adapters, which would load what an environment variable names.
        found = otio.core.deserialize_json_from_string(text)
        tracks = [track for track in found.video_tracks() if len(track)]
        items = [item for item in tracks[0] if not isinstance(item, otio.schema.Transition)]
        spans = [item.trimmed_range_in_parent() for item in items]
    except (*_FAILURES, otio.exceptions.OTIOError):
        what = "there is no OTIO timeline with clips of a picture in it; name another"
        raise SettingsError(f"{name}: {what}") from None
    frames = []
    for span in filter(None, spans):
        counted = span.start_time.rate
        if abs(counted / float(rate) - 1) > 1 / 5000:
            raise SettingsError(
                f"{name}: counts {counted:g} frames a second, and the film has {float(rate):g}; use"
                " a list of this film"
            )
        frames.append((round(span.start_time.value), round(span.end_time_exclusive().value)))
    if any(one[1] > other[0] for one, other in pairwise(frames)):
        raise SettingsError(f"{name}: clips overlap in its first track; correct them")
    return frames


def find_package() -> Any:
    """The package opentimelineio.

    Raises:
        SettingsError: It is missing; the text says how to install it.
    """
    try:
        import opentimelineio
    except ImportError:
        raise SettingsError(MISSING) from None
    return opentimelineio
