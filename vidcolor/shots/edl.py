"""CMX 3600 edit decision lists: the shots of a film as events, and the events of a list.

Both ends of an event are timecodes of frames, and the second is that of the frame behind its last
one. A list does not tell its frame rate; that of the film is taken, and what does not fit is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from vidcolor.core.files import printable
from vidcolor.core.timecode import counted_rate, frame_of_smpte, frames_per_day
from vidcolor.errors import SettingsError
from vidcolor.shots.listing import Listing, clock_of

MOST_EVENTS = 999
"""That CMX 3600 counts to."""
_COMMON = 30
"""Frames per second beyond which some programs read no list."""
_REEL = 8
"""Letters of a reel's name."""
_TITLE = 70
"""Letters of a title."""

_TIME = r"\d{1,2}[:;]\d{1,2}[:;]\d{1,2}[:;]\d{1,3}"
_EVENT = re.compile(
    rf"(\d+)\s+(.+?)\s+({_TIME})\s+({_TIME})\s+({_TIME})\s+({_TIME})\s*(?:\S.*)?", re.ASCII
)


def as_edl(listing: Listing) -> str:
    """The shots as events of one reel, whose source and record timecodes are those of the film.

    Raises:
        SettingsError: The frame rate is variable, or timecode cannot count it.
    """
    clock = clock_of(listing, "an EDL")
    stem = listing.name.rsplit(".", 1)[0]
    stem = re.sub(r"[-._ ]*%\d*d$", "", stem) or stem  # the number of an image sequence
    reel = re.sub("[^A-Z0-9]", "", stem.upper())[:_REEL] or "AX"
    name = printable(listing.name)
    lines = [
        f"TITLE: {printable(stem)[:_TITLE]}",
        f"FCM: {'DROP FRAME' if clock.drop else 'NON-DROP FRAME'}",
        "",
    ]
    for number, shot in enumerate(listing.shots, 1):
        begin, end = clock.text(shot.frame), clock.text(shot.frame + shot.frames)
        times = f"{begin} {end} {begin} {end}"
        lines += [f"{number:03d}  {reel:8} V     C        {times}", f"* FROM CLIP NAME:  {name}"]
    return "\n".join(lines) + "\n"


def edl_notes(listing: Listing) -> list[str]:
    """What a user should know of the list of these shots."""
    notes = []
    if len(listing.shots) > MOST_EVENTS:
        notes.append(
            f"CMX 3600 counts to {MOST_EVENTS}, and this EDL has {len(listing.shots)} events; for a"
            " program that does not read on, use --to otio"
        )
    if listing.rate and listing.rate > _COMMON:
        notes.append(
            f"some programs read no EDL of more than {_COMMON} frames a second; for these, use"
            " --to otio"
        )
    return notes


@dataclass(frozen=True)
class EdlEvent:
    """An event of the picture."""

    number: str
    """As the list counts it."""
    start: int
    """Where it is recorded, as the number of a frame of the day, from 0; after midnight it goes
    on."""
    end: int


def read_edl(text: str, name: str, rate: Fraction | None) -> tuple[list[EdlEvent], bool]:
    """The events of the picture, in order, and whether their timecode is drop frame.

    Events of sound only are passed over, and so are those that take no time: a dissolve has one.

    Args:
        text: Of the list.
        name: Of the list, for errors.
        rate: Frames per second of the film; None where it is variable.

    Raises:
        SettingsError: It is no such list, its timecodes are of another rate, or events overlap.
    """
    if rate is None:
        raise SettingsError(
            f"{name}: an EDL counts frames, and the frame rate of the film is variable; use a list"
            " of times"
        )
    found = list(_events(text, name, counted_rate(rate)))
    if not found:
        raise SettingsError(f"{name}: there are no events of a picture in this EDL; name another")
    drops = {drop for _, drop in found}
    if len(drops) > 1:
        raise SettingsError(
            f"{name}: some of its timecodes are drop frame and some are not; write one kind"
        )
    day = frames_per_day(counted_rate(rate), drop=True in drops)
    events = sorted(_beyond_midnight([event for event, _ in found], day), key=_start)
    for one, other in pairwise(events):
        if other.start < one.end:
            raise SettingsError(
                f"{name}: events {one.number} and {other.number} overlap in their record timecodes;"
                " correct one of them"
            )
    return events, True in drops


def _start(event: EdlEvent) -> int:
    return event.start


def _events(text: str, name: str, rate: Fraction) -> Iterator[tuple[EdlEvent, bool]]:
    """Each event as it is written, and whether it is drop frame."""
    drop = False
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.upper().startswith("FCM:"):
            drop = "NON" not in line.upper()
        found = _EVENT.fullmatch(line)
        if not found:
            if re.match(r"\d+\s+\S+\s+\S+\s+([CDK]|W\d+|KB|KO)\s", line, re.ASCII):
                what = "this event has not four timecodes HH:MM:SS:FF; correct it"
                raise SettingsError(f"{name}:{number}: {what}")
            continue
        if not re.search("V|B", (found[2].split()[1:2] or [""])[0].upper()):
            continue
        try:
            (start, drops), (end, _) = (_frame(found[group], rate, drop) for group in (5, 6))
        except ValueError as error:
            raise SettingsError(
                f"{name}:{number}: {error}; is the list of another rate than the film, which"
                f" has {float(rate):g} frames a second?"
            ) from None
        if start != end:
            yield EdlEvent(found[1], start, end), drops


def _frame(text: str, rate: Fraction, drop: bool) -> tuple[int, bool]:
    """Number of a timecode, and whether it drops frames; many lists say that above only."""
    head, frames = re.split("[:;](?=\\d+$)", text)
    return frame_of_smpte(f"{head}{';' if drop or ';' in text else ':'}{frames}", rate)


def _beyond_midnight(events: Sequence[EdlEvent], day: int) -> Iterator[EdlEvent]:
    """The events as if timecode did not begin anew after a day."""
    passed, before = 0, 0
    for event in events:
        start, end = event.start + passed, event.end + passed
        if before - start > day // 2:
            passed, start, end = passed + day, start + day, end + day
        before = start
        yield EdlEvent(event.number, start, end if end > start else end + day)
