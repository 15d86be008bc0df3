"""The pass rule for damaged films: what a decoder loop of our own finds must be in the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from checks import LOSSY, SLACK, shift_of
from command import Outcome, listing
from seen import md5, plane_view

NEAR = 0.06
"""Seconds by which the place of a damage may be off: a frame, and the start of the target."""


@dataclass
class Survey:
    """What can be read of a film, however damaged."""

    path: Path
    times: list[Fraction | None] = field(default_factory=list)
    """Of every frame that decodes, in seconds."""
    luma: list[np.ndarray] = field(default_factory=list)
    corrupt: list[int] = field(default_factory=list)
    """Numbers of the frames in which the decoder filled in holes."""
    errors: int = 0
    """Packets of the picture that do not decode."""
    lost: list[Fraction] = field(default_factory=list)
    """Times of the pictures that are in the file, but never come out of the decoder."""
    sound: list[str] = field(default_factory=list)
    """md5 of every packet of the first sound track."""

    @property
    def sane(self) -> bool:
        """Whether every frame has a time, and each a later one than the one before."""
        known = [time for time in self.times if time is not None]
        return len(known) == len(self.times) and known == sorted(set(known))


def survey(path: Path) -> Survey:
    """Decodes packet by packet with one thread and goes on behind every error."""
    found = Survey(path)
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        entered = set()
        for packet in container.demux():
            if packet.stream.type == "audio" and packet.size and packet.stream.index == 1:
                found.sound.append(md5(bytes(packet)))
            if packet.stream.index != video.index:
                continue
            if packet.pts is not None:
                entered.add(packet.pts * packet.time_base)
            try:
                frames = packet.decode()
            except av.FFmpegError:
                found.errors += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    found.corrupt.append(len(found.times))
                time = None if frame.pts is None else frame.pts * frame.time_base
                found.times.append(time)
                found.luma.append(plane_view(frame.planes[0], 8).copy())
    found.lost = sorted(entered - set(found.times))
    return found


def check_frames(before: Survey, after: Survey, lossless: bool) -> Fraction:
    """No frame dropped or invented, none moved, and the sound as it was; the shift in time."""
    assert len(after.times) == len(before.times) > 0, "a frame was lost or invented"
    assert after.sane
    shift = Fraction(0)
    if before.sane:
        shift, deviation = shift_of(after.times, before.times)  # type: ignore[arg-type]
        assert deviation <= SLACK.get(after.path.suffix, Fraction(0)), "times moved"
    # How a decoder fills a hole is its own business; up to there every frame is known.
    whole = before.luma[: before.corrupt[0]] if before.corrupt else before.luma
    for old, new in zip(whole, after.luma, strict=False):
        off = np.abs(old.astype(int) - new.astype(int))
        assert off.max() == 0 if lossless else off.mean() < LOSSY, "the picture is another"
    assert after.sound == (before.sound if after.sound else [])
    return shift


def check_damage(before: Survey, outcome: Outcome, shift: Fraction) -> None:
    """The report counts what our own loop counts, and at the same times."""
    assert len(seconds(outcome, "decode error")) == before.errors
    if not before.sane:
        return
    concealed = [float((before.times[n] or 0) + shift) for n in before.corrupt]
    assert near(seconds(outcome, "concealed frame"), concealed)
    missing = seconds(outcome, "missing frame")
    lost = [float(time + shift) for time in before.lost]
    if "missing frame" in outcome.damage:
        assert near(missing, lost)
    else:  # codecs with packets that show nothing: what is lost leaves a gap
        assert len(lost) <= len(seconds(outcome, "gap"))


def seconds(outcome: Outcome, kind: str) -> list[float]:
    """When the report saw damage of a kind."""
    return [item["seconds"] for item in outcome.report["damage"] if item["kind"] == kind]


def near(found: list[float], wanted: list[float]) -> bool:
    return len(found) == len(wanted) and all(
        abs(a - b) <= NEAR for a, b in zip(found, wanted, strict=True)
    )


def misses(count: int) -> Callable[[Survey, Survey, Outcome], None]:
    """Of the 48 frames of the good film so many cannot be had; the others are there."""

    def check(before: Survey, after: Survey, _outcome: Outcome) -> None:
        assert 48 - count - 1 <= len(before.times) <= 48 - count
        assert len(after.times) == len(before.times)

    return check


def steps(length: float) -> Callable[[Survey, Survey, Outcome], None]:
    """A film of constant rate, without a hole or a step back."""

    def check(_before: Survey, after: Survey, _outcome: Outcome) -> None:
        times = [float(time or 0) for time in after.times]
        assert np.allclose(np.diff(times), length, atol=0.002)

    return check


def nothing_left(folder: Path, *kept: Path) -> bool:
    """Whether a folder holds what it should and nothing else: no temporary file, no work folder."""
    return listing(folder) == sorted(path.name.encode() for path in kept)
