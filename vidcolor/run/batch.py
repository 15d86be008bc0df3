"""Many films: which source becomes which target, and what of that is done already.

A film is done where its target is there and the report beside it tells of the same run; it is
skipped then. Whatever else happens to a film stops no other one, but for a disk that is full and a
GPU that is lost.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.files import check_file, new_file, printable, read_own
from vidcolor.core.frame_target import existing_frames, frame_target
from vidcolor.core.paths import part_path, report_path
from vidcolor.core.report import Report
from vidcolor.core.run_spec import RunSpec
from vidcolor.core.target import output_errors, publish
from vidcolor.errors import DeviceLost, OutputError, OutputExists, OutputFull
from vidcolor.guidance.places import plan_colors, plan_still_colors
from vidcolor.media.open import open_video
from vidcolor.run.dry_run import Expectation, expect
from vidcolor.run.finished import read_finished
from vidcolor.run.image import stays_still
from vidcolor.run.inputs import BatchItem
from vidcolor.run.leftovers import allow_own_target, clear_up
from vidcolor.run.spec import describe_image, keep_source, plan_spec
from vidcolor.run.video import OnProgress, colorize_video
from vidcolor.settings import Settings

_MOST = 64 << 20
"""Bytes of a report that is read."""


class Result(StrEnum):
    """How it went with a film."""

    DONE = "done"
    SKIPPED = "skipped"
    """It was done already."""
    DAMAGED = "damaged"
    """Done, but the source was damaged."""
    INCOMPLETE = "incomplete"
    """Done, but something could not be copied."""
    FAILED = "failed"
    NOT_STARTED = "not started"
    """The batch was stopped by another film."""


@dataclass
class Outcome:
    """What became of a film."""

    item: BatchItem
    result: Result
    report: Report | None = None
    """Of the film that was made; of a film that was skipped the one beside it."""
    error: Exception | None = None
    """Why it failed."""

    @property
    def clean(self) -> bool:
        """Whether the film is there and whole, now or since an earlier run."""
        return self.report is not None and self.report.clean


class Batch:
    """One colorizer and one set of settings for many films."""

    def __init__(self, settings: Settings | None = None, colorizer: Colorizer | None = None):
        """Load the net.

        Raises:
            WeightsError: The weights are missing or damaged.
            SettingsError: The device does not exist here, or the net has no dial to turn.
            DeviceError: The device has no memory left for the net, or does not work.
        """
        settings = settings or Settings()
        self._session = Session.load(settings, colorizer)
        # A colorizer that is given may have been asked for more than the settings say.
        asked = settings.colorizer
        self._asked = asked if asked.precision != "auto" else self._session.settings.colorizer
        self.stopped = False
        """Whether a film met what every other one would meet, too."""

    def color(self, item: BatchItem, on_progress: OnProgress | None = None) -> Outcome:
        """Color a film and write its report beside the target, unless it is done; nothing raises.

        Args:
            item: Source and target.
            on_progress: As of `colorize_video`.
        """
        if self.stopped:
            return Outcome(item, Result.NOT_STARTED)
        try:
            return self._color(item, on_progress)
        except Exception as error:
            self.stopped = isinstance(error, DeviceLost | OutputFull)
            return Outcome(item, Result.FAILED, error=error)

    def _color(self, item: BatchItem, on_progress: OnProgress | None) -> Outcome:
        if earlier := self.done_before(item):
            return Outcome(item, Result.SKIPPED, earlier)
        report = colorize_video(
            item.source,
            item.target,
            colorizer=self._session.colorizer,
            settings=self._session.settings,
            colors=item.colors,
            on_progress=on_progress,
            on_report=write_report,
        )
        return Outcome(item, result_of(report), report)

    def expect(self, item: BatchItem) -> Expectation:
        """What `color` would do with a film that is not done.

        Raises:
            VidcolorError: What would stop it.
        """
        return expect(
            item.source,
            item.target,
            colorizer=self._session.colorizer,
            settings=self._session.settings,
            colors=item.colors,
        )

    def done_before(self, item: BatchItem) -> Report | None:
        """The report of a film that is done already; None where its target may be made.

        Raises:
            OutputError: It may not be.
            OutputExists: Another file is in its place.
        """
        if item.refused:
            raise OutputError(item.refused)
        with output_errors(item.target.parent):
            item.target.parent.mkdir(parents=True, exist_ok=True)
        if earlier := self.find_done(item):
            clear_up(item.target)
        return earlier

    def find_done(self, item: BatchItem) -> Report | None:
        """As `done_before`; touches nothing.

        Raises:
            OutputError: As `done_before`.
            OutputExists: As `done_before`.
        """
        if item.refused:
            raise OutputError(item.refused)
        earlier = read_report(item.target)
        if _is_there(item.target):
            why = self._differs(item, earlier)
            if earlier and not why:
                return earlier
            if self._was_edited(item, earlier):
                return None
            if not allow_own_target(item.target, self._session.settings.output).force:
                name = printable(item.target.name)
                raise OutputExists(f"{name}: exists{why}; use --force to replace it")
        return None

    def _was_edited(self, item: BatchItem, earlier: Report | None) -> bool:
        """Whether only the color sheet says something else, and what changed can be made anew."""
        finished = read_finished(item.target)
        if earlier is None or earlier.spec is None or finished is None:
            return False
        spec = self._spec(item, finished.spec)
        return bool(spec.colors) and not spec.with_colors_of(finished.spec).diff(finished.spec)

    def _differs(self, item: BatchItem, earlier: Report | None) -> str:
        """What speaks against a target that is there; empty where it is the one to be made."""
        if earlier is None or earlier.spec is None:
            return ", and there is no report beside it that says how it was made"
        if changed := self._spec(item, earlier.spec).diff(earlier.spec):
            return f", made differently: {changed}"
        if _size_of(item.target, earlier) != earlier.bytes:
            return ", but does not match the report beside it"
        if self._session.settings.output.strict and earlier.left_behind:
            return f", made without {earlier.left_behind[0].what}"
        return ""

    def _spec(self, item: BatchItem, begun: RunSpec) -> RunSpec:
        """What would be done to make the target; nothing is decoded but the first frame."""
        source, target, session = check_file(item.source), item.target, self._session
        if stays_still(source, target):
            session = session.for_picture(plan_still_colors(source, item.colors))
            spec = describe_image(source, target, session)
        else:
            with open_video(source, session.settings.open) as film:
                session = session.with_guidance(plan_colors(film.info, item.colors))
                spec = plan_spec(film.info, target, session, begun)
        return keep_source(spec, begun, source).on_device_of(begun, self._asked.precision)


def _is_there(target: Path) -> bool:
    """Whether a target is there, or one of its frames."""
    name = frame_target(target)
    return bool(existing_frames(name)) if name else os.path.lexists(target)


def _size_of(target: Path, report: Report) -> int:
    """Bytes of a target, or of its frames that a report tells of."""
    name = frame_target(target)
    if name is None:
        return target.stat().st_size
    size = 0
    for first, last in report.numbers:
        for number in range(first, last + 1):
            with suppress(OSError):  # a frame that has gone has no bytes
                size += name.path(number).stat().st_size
    return size


def result_of(report: Report) -> Result:
    """What is to be said of a film that was made."""
    if report.damage:
        return Result.DAMAGED
    return Result.DONE if report.clean else Result.INCOMPLETE


def read_report(target: Path) -> Report | None:
    """The report beside a target; None where there is none, or none of this version of vidcolor."""
    try:
        return Report.from_dict(json.loads(read_own(report_path(target), _MOST)))
    except (OSError, ValueError, RecursionError):
        return None


def write_report(report: Report) -> Path:
    """Write a report beside its target; a reader finds the old one or the whole new one.

    Raises:
        OutputError: It cannot be written; the target is done all the same.
        OutputFull: There is no room for it.
    """
    target = Path(report.target)
    path = report_path(target)
    part = part_path(path)
    try:
        with output_errors(path), new_file(part) as file:
            file.write(json.dumps(report.to_dict(), indent=1).encode() + b"\n")
            file.flush()
            publish(file.fileno(), part, path)
    except OutputError as error:
        raise type(error)(f"{printable(target.name)}: done, but its report {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return path
