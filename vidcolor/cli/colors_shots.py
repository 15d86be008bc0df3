"""The film or picture that ``vidcolor colors`` is about, and its shots."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.cli.checks import check_source
from vidcolor.cli.text import say
from vidcolor.core.timecode import timecode
from vidcolor.errors import SettingsError
from vidcolor.settings import InputSettings, Settings

if TYPE_CHECKING:
    from tqdm import tqdm

    from vidcolor.core.frames import Frame
    from vidcolor.core.video_info import VideoInfo
    from vidcolor.guidance.plan import ShotRange
    from vidcolor.guidance.sheet_edits import Clock


@dataclass(frozen=True)
class Subject:
    """What a color sheet is for, and where the sheet lies."""

    source: Path
    sheet: Path
    info: VideoInfo | None
    """None for a picture."""

    @property
    def clock(self) -> Clock:
        """What SMPTE times are read with."""
        from vidcolor.guidance.sheet_edits import NO_CLOCK, Clock

        return Clock(self.info.frame_rate, self.info.timecode) if self.info else NO_CLOCK


def open_subject(args: argparse.Namespace) -> Subject:
    """The film or picture that is named, which can be opened, and its sheet.

    Raises:
        FilmError: It cannot.
    """
    check_source(args.film)
    from vidcolor.guidance.places import sheet_path
    from vidcolor.media.open import film_is_still, open_video

    source = Path(args.film)
    sheet = Path(args.sheet) if args.sheet else sheet_path(source)
    if film_is_still(source):
        return Subject(source, sheet, None)
    with open_video(source, InputSettings(fps=args.fps)) as film:
        return Subject(source, sheet, film.info)


@dataclass
class FoundShots:
    """The shots of a film."""

    shots: tuple[ShotRange, ...]
    frames: list[int]
    """Of each shot; 0 where it is not known."""
    times: list[Fraction] = field(default_factory=list)
    """When each frame is shown, in order; empty where the film was not read."""


def find_shots(args: argparse.Namespace, info: VideoInfo) -> FoundShots:
    """The shots of a film: from the file that ``--shots`` names, or found in a pass through it.

    Raises:
        FilmError: The film, or the file, cannot be read.
        SettingsError: The file is of another film, or not of a whole one.
    """
    if args.shots:
        return _listed_shots(args.shots, info)
    times: list[Fraction] = []
    shots = read_through(args, info, lambda frame: times.append(frame.moment))
    return FoundShots(shots, _count_frames(shots, times), times)


def read_through(
    args: argparse.Namespace, info: VideoInfo, see: Callable[[Frame], object]
) -> tuple[ShotRange, ...]:
    """The shots, found in a pass through the whole film, with a bar.

    Args:
        args: Words of the command.
        info: Of the film.
        see: Called with each frame.
    """
    from tqdm import tqdm

    from vidcolor.run.shot_scan import scan_shots

    bar: tqdm[Any] = tqdm(
        desc="finding the shots",
        unit=" frames",
        total=info.frames,
        disable=True if args.quiet else None,
        smoothing=0.1,
        leave=False,
    )

    def move(frame: Frame) -> None:
        see(frame)
        bar.update()

    with bar:
        settings = Settings(open=InputSettings(fps=info.rate_to_open))
        return scan_shots(info.path, settings, info.layout, move)


def _count_frames(shots: Sequence[ShotRange], times: Sequence[Fraction]) -> list[int]:
    from bisect import bisect_left

    starts = [bisect_left(times, shot.start_seconds) for shot in shots]
    return [after - start for start, after in pairwise([*starts, len(times)])]


def _listed_shots(name: str, info: VideoInfo) -> FoundShots:
    from vidcolor.guidance.plan import ShotRange
    from vidcolor.media.identity import is_same
    from vidcolor.preview.cut_files import read_listed

    found, notes = read_listed(name, info.path, InputSettings())
    for note in notes:
        say(f"note: {note}")
    if found.source and not is_same(info.path, found.source, info.identity):
        raise SettingsError(f"{name}: belongs to another film than {info.path.name}")
    if not found.whole:
        raise SettingsError(f"{name}: has the shots of a part of the film; leave --shots out")
    starts = [shot.start for shot in found.shots]
    if info.duration is not None and starts[-1] >= info.duration:
        raise SettingsError(
            f"{name}: has a shot at {timecode(starts[-1])}, but the film ends at"
            f" {timecode(info.duration)}; it belongs to another film"
        )
    ends = [*starts[1:], info.duration]
    shots = tuple(ShotRange(start, end) for start, end in zip(starts, ends, strict=True))
    return FoundShots(shots, [shot.frames for shot in found.shots])
