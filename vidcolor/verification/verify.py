"""Checks a colored file against its report and its source."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from vidcolor.core.files import check_file, file_sha256, identify, printable, read_own
from vidcolor.core.find_sequence import sequence_at, sequence_folder
from vidcolor.core.label import Label
from vidcolor.core.paths import STDIN
from vidcolor.core.report import Report
from vidcolor.core.run_spec import RunSpec, parse_fraction
from vidcolor.core.sequence import FrameSequence
from vidcolor.errors import FilmError, FilmUnreadable, SettingsError
from vidcolor.media.identity import digest
from vidcolor.media.images.kinds import is_animation
from vidcolor.media.images.reader import Still
from vidcolor.media.images.xmp_label import find_in_xmp
from vidcolor.media.mux.tags import find_in_tags
from vidcolor.media.open import VideoReader, film_is_still, open_video
from vidcolor.media.sequences.label import find_in_frames
from vidcolor.run.label import label_of
from vidcolor.settings import InputSettings
from vidcolor.verification.frames import Frames, FramesCheck, check_bytes, check_count
from vidcolor.verification.luma import LEAST
from vidcolor.verification.parts import report_of
from vidcolor.verification.picture import check_extras, check_picture
from vidcolor.verification.places import find_frames, report_beside
from vidcolor.verification.streams import check_streams
from vidcolor.verification.verdict import Verdict
from vidcolor.verification.video import OnProgress, VideoCheck, decode_alone

_MOST = 64 << 20
"""Bytes of a report that is read."""


@dataclass(frozen=True)
class Held:
    """What a colored file is held against."""

    report: Path | None = None
    """None takes the one beside the file, if it is there."""
    source: Path | None = None
    """None takes the one that the report names, if it is there still."""
    settings: InputSettings = field(default_factory=InputSettings)
    """Limits of reading, and, where there is no report, which part of the source was colored."""
    least: float = LEAST
    """dB that the luma of a lossy file has to have."""


def verify(
    target: str | Path, held: Held | None = None, on_progress: OnProgress | None = None
) -> Verdict:
    """Check a colored video or picture.

    Args:
        target: The colored file; of frames, their pattern or their folder.
        held: What it is held against.
        on_progress: Called after each frame of the source that was compared.

    Returns:
        What is as it should be, what differs, what could not be checked.

    Raises:
        FilmError: The file, the source that was named, or the report cannot be read.
        SettingsError: The source is no such thing as the file.
    """
    held, verdict = held or Held(), Verdict(str(target))
    folder = sequence_folder(target)
    path = check_file(target) if folder is None else Path(os.path.abspath(target))
    report = _find_report(report_beside(path, folder), held, verdict)
    report = report and report_of(report, path)
    spec = report.spec if report else None
    frames = find_frames(path, folder, report) if folder else None
    if report and frames:
        check_bytes(frames, report, verdict)
    elif report:
        _check_bytes(path, report, verdict)
    source = _find_source(held, report, verdict)
    if source and spec:
        _check_source(source, spec, verdict)
    held = replace(held, settings=_settings(held.settings, spec, source))
    try:
        if frames:
            _check_frames(frames, source, report, held, verdict, on_progress)
        elif film_is_still(path) and not is_animation(path):
            _check_still(path, source, report, held, verdict)
        else:
            _check_film(path, source, report, held, verdict, on_progress)
    except FilmError as error:
        if not verdict.differs:  # a file that is not the one that was written need not be one
            raise
        verdict.deny("file", str(error))
    return verdict


def _find_report(beside: Path, held: Held, verdict: Verdict) -> Report | None:
    """The report of a file, which else is ``beside`` it.

    Raises:
        FilmUnreadable: It is named and not there, or is none.
    """
    place = held.report or beside
    if held.report is None and not place.is_file():
        verdict.skip("report", f"there is no {printable(place.name)}; name it with --report FILE")
        return None
    try:
        report = Report.from_dict(json.loads(read_own(place, _MOST)))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or "is not a report of this version of vidcolor"
        raise FilmUnreadable(f"{printable(place.name)}: {why}") from error
    verdict.report = str(place)
    return report


def _find_source(held: Held, report: Report | None, verdict: Verdict) -> Path | None:
    """The source of a file.

    Raises:
        FilmUnreadable: It is named and cannot be read.
    """
    if held.source:
        source = check_file(held.source)
    elif report is None:
        verdict.skip("source", "not known; name it with --source FILM")
        return None
    elif report.source == str(STDIN):
        verdict.skip("source", "came from a pipe; if it is in a file, name it with --source FILM")
        return None
    else:
        try:
            source = check_file(report.source)
        except FilmUnreadable as error:
            verdict.skip("source", f"{error}; name it with --source FILM")
            return None
    verdict.source = str(source)
    return source


def _check_bytes(path: Path, report: Report, verdict: Verdict) -> None:
    """Hold the bytes of a file against its report."""
    if not report.sha256:
        verdict.skip("sha256", "the report has none")
        return
    found = file_sha256(path)
    size = path.stat().st_size
    bad = f"{found}, the report says {report.sha256}"
    if size != report.bytes:
        bad += f"; the file has {size} bytes and not {report.bytes}"
    verdict.judge(found == report.sha256, "sha256", f"{found}, as the report says", bad)


def _check_source(source: Path, spec: RunSpec, verdict: Verdict) -> None:
    """See whether a source is the file that was colored."""
    known = identify(source)
    if not known.is_like(spec.source):
        what = "the file that was colored"
        if sequence_at(source):
            what = "what was colored: names, sizes or times of its frames are others"
        verdict.deny("source", f"{printable(source.name)} is not {what}")
    elif sequence_at(source):
        verdict.holds("source", "names, sizes and times of its frames are those that were colored")
    elif not spec.source.content:
        verdict.holds("source", "of the size that was colored; it begins and ends alike")
    else:
        same = digest(source, known) == spec.source.content
        name = printable(source.name)
        bad = f"{name} is not the file that was colored, though it begins and ends alike"
        verdict.judge(same, "source", f"the file that was colored: {spec.source.content}", bad)


def _settings(settings: InputSettings, spec: RunSpec | None, source: Path | None) -> InputSettings:
    """How the source is read: as it was when it was colored."""
    if spec is None or spec.cut is None:
        return settings
    if source and spec.picture and sequence_at(source):
        settings = replace(settings, fps=settings.fps or 1 / spec.time_base)
    cut = spec.cut
    times: list[Fraction | None] = [
        None if time is None else parse_fraction(time) for time in (cut.start, cut.end)
    ]
    return replace(
        settings,
        start=times[0],
        end=times[1],
        video_stream=cut.video_stream,
        subtitle_encoding=cut.subtitle_encoding,
    )


def _check_label(found: Label | None, report: Report | None, verdict: Verdict) -> None:
    """Hold a label against what the report says of the run."""
    if report is None or report.spec is None:
        if found:
            verdict.holds("label", f"colored by {found.short}")
        else:
            verdict.skip("label", "the file has none")
        return
    wanted = label_of(report.spec)
    if wanted is None:
        verdict.skip("label", "the run wrote none (--no-label)")
    elif found is None:
        noted = any("not labeled" in note for note in report.notes)
        (verdict.skip if noted else verdict.deny)("label", "the file has none")
    else:
        same = found.is_like(wanted)
        bad = f"it says {found.short}; the report says {wanted.short}"
        verdict.judge(same, "label", f"colored by {found.short}", bad)


def _check_still(
    path: Path, source: Path | None, report: Report | None, held: Held, verdict: Verdict
) -> None:
    settings = InputSettings(max_pixels=held.settings.max_pixels)
    _check_label(find_in_xmp(Still(path, settings).photo().extras.xmp), report, verdict)
    if report:
        check_extras(path, report, settings, verdict)
    if source is None:
        return
    if not film_is_still(source):
        raise SettingsError(f"{printable(path.name)} is a picture, and its source is a film")
    check_picture(path, source, report, settings, verdict, held.least)


def _is_picture(source: Path) -> bool:
    return not sequence_at(source) and film_is_still(source) and not is_animation(source)


def _check_frames(
    frames: Frames,
    source: Path | None,
    report: Report | None,
    held: Held,
    verdict: Verdict,
    on_progress: OnProgress | None,
) -> None:
    first = next((n for n in frames.numbers if frames.name.path(n).is_file()), frames.numbers[0])
    _check_label(find_in_frames(FrameSequence(frames.name, first, 1)), report, verdict)
    if source is None:
        if not any(one.what == "sha256" for one in verdict.same):
            check_count(frames, report, verdict)
        return
    if _is_picture(source):
        raise SettingsError(f"{printable(frames.name.pattern)} is a sequence, its source a picture")
    with open_video(source, held.settings) as film:
        FramesCheck(frames, film, report, verdict, held.least).run(on_progress)


def _check_film(
    path: Path,
    source: Path | None,
    report: Report | None,
    held: Held,
    verdict: Verdict,
    on_progress: OnProgress | None,
) -> None:
    if source and _is_picture(source):
        raise SettingsError(f"{printable(path.name)} is a film, and its source is a picture")
    settings = held.settings
    with ExitStack() as stack:
        # The picture that vidcolor colored is the first of its file.
        ours = replace(settings, start=None, end=None, video_stream=0, fps=None)
        target = stack.enter_context(open_video(path, ours))
        _check_label(find_in_tags(target.info.metadata), report, verdict)
        if source is None:
            if not any(one.what == "sha256" for one in verdict.same):
                decode_alone(target, report, verdict)
            return
        film: VideoReader = stack.enter_context(open_video(source, settings))
        check = VideoCheck(target, film, report, verdict, held.least)
        check.run(on_progress)
        check_streams(target, film, report, check.shift, check.begin, verdict)
