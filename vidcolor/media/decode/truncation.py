"""Judges a film that was read to its end: is it as long as it says?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from vidcolor.media.decode.container_size import missing_bytes, repeats_at_end, tagged_duration
from vidcolor.media.decode.end_marks import lacks_end
from vidcolor.media.decode.reading import Reading

_EXACT_LENGTH = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "asf", "flv", "ogg", "mxf")
"""Containers that say how long they are; of others FFmpeg guesses it from their size."""
_COUNT_FROM_ZERO = ("matroska,webm", "flv")
"""Containers whose length begins at 0, wherever the film begins."""


_ONE_LENGTH = ("asf", "flv", "matroska,webm")
"""Containers that say how long the longest of their streams is, and of the picture nothing."""


@dataclass
class Reach:
    """How far a film could be read."""

    picture: Fraction = Fraction(0)
    """Where the last frame ends, in seconds after the film's start."""
    other: Fraction = Fraction(0)
    """Where the last packet of another stream ends."""
    packets: int = 0
    """Of the picture, those that hold something."""
    slots: int = 0
    """Of the picture, by the decoding time of its last packet; for AVI, which counts frames."""
    constant: bool = False
    """Whether nearly all steps from frame to frame are alike."""
    step: Fraction = Fraction(0)
    """The usual one, in seconds."""
    length: Fraction = Fraction(0)
    """How many seconds the last frame lasts."""


def shortness(reading: Reading, reach: Reach) -> str:
    """What is missing of a film that is shorter than it says; "" for a whole one.

    Its file may be cut without the film being so: by an index behind it, or behind --end.

    Raises:
        OSError: The file cannot be read.
    """
    info = reading.info
    if info.sequence:
        return ""  # its frames were counted
    declared = info.duration or Fraction(0)
    exact, spare = Fraction(0), Fraction(1, 2)
    if _has_wrong_rate(reading, reach):
        beyond = max(Fraction(0), reach.length - reach.step)
        reach, spare = replace(reach, picture=reach.picture - beyond), Fraction(3, 2)
    if info.container == "matroska,webm":
        exact = tagged_duration(reading.video.metadata) - info.start
        if exact > declared > 0 and not _has_wrong_ticks(reading, declared, exact):
            exact = Fraction(0)  # the tag is that of a longer film
    if info.container in _COUNT_FROM_ZERO:
        declared -= info.start
    if reading.end is not None:
        declared, exact = min(declared, reading.end), Fraction(0)
    own = reading.video.duration and info.container not in _ONE_LENGTH
    reached = reach.picture if own else max(reach.picture, reach.other)
    pipe = reading.film.pipe
    missing = pipe.end.missing if pipe else missing_bytes(info.path)
    if reached < declared - _slack(reading, reach, declared):
        text = f"the film ends at {float(reached):.2f} of {float(declared):.2f} s"
    elif reach.picture < exact - _tolerance(reading, reach, spare):
        text = f"the video ends at {float(reach.picture):.2f} of {float(exact):.2f} s"
    elif reading.end is not None:
        return ""
    elif count := _missing_frames(reading, reach):
        text = f"{count} of {info.frames} frames are missing"
    elif missing or (pipe.end.lacks_end if pipe else lacks_end(info.path)):
        text = f"the film ends at {float(reached):.2f} s"
    else:
        return ""
    what = "at its end" if pipe else "of its file"
    return text + (f"; {missing} bytes {what} are missing" if missing else "")


def _has_wrong_ticks(reading: Reading, declared: Fraction, exact: Fraction) -> bool:
    """Whether a Matroska that says ``declared`` would last ``exact`` by the usual tick of 1 ms.

    Then its tick is damaged; in a film that is much too short FFmpeg takes blocks for useless.
    """
    usual = declared / reading.info.time_base / 1000
    return reading.info.time_base < Fraction(1, 1000) and abs(usual - exact) < 1 + exact / 100


def _has_wrong_rate(reading: Reading, reach: Reach) -> bool:
    """Whether a Matroska says that a frame lasts much longer than they do.

    It says so once for all frames, so the last one would hide the want of those behind it.
    """
    rate = reading.info.frame_rate
    if rate is None or not reach.constant or reading.info.container != "matroska,webm":
        return False
    if reading.info.time_base < Fraction(1, 1000):
        return False  # it may be the tick that is wrong
    return 1 / rate > reach.step * Fraction(3, 2) > 0


def _missing_frames(reading: Reading, reach: Reach) -> int:
    """By how many frames there are fewer than an MP4 or an AVI lists."""
    info = reading.info
    frames = info.frames or 0
    if reading.start:
        return 0
    if info.container == "avi":
        short = 0 if info.is_piped else frames - reach.slots
        return short - repeats_at_end(info.path, reading.video.index) if short > 0 else 0
    if not info.container.startswith("mov") or reach.packets >= frames:
        return 0
    # Edits that leave out frames shorten the duration and the index that FFmpeg makes of them.
    short = reach.picture < (info.duration or 0) - _tolerance(reading, reach, Fraction(1, 2))
    listed = len(reading.video.index_entries) or frames
    return frames - reach.packets if short or reach.packets < listed else 0


def _slack(reading: Reading, reach: Reach, declared: Fraction) -> Fraction:
    """Seconds by which the streams of a whole film may end before the film."""
    if reading.info.container == "flv" and reach.constant:
        return _tolerance(reading, reach, Fraction(3, 2))
    slack = max(Fraction(1, 2), _tolerance(reading, reach, Fraction(2)))
    return slack if reading.info.container in _EXACT_LENGTH else max(slack, declared / 100)


def _tolerance(reading: Reading, reach: Reach, count: Fraction) -> Fraction:
    """Seconds that ``count`` frames last; two and more where the length of a frame is no law."""
    usual = 1 / (reading.info.frame_rate or Fraction(25))
    usual = reach.step if _has_wrong_rate(reading, reach) else usual
    if reach.constant:
        return Fraction(2, 1000) + count * usual
    return Fraction(1, 20) + max(count, Fraction(2)) * usual
