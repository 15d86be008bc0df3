"""One file a shot: the chunks of a film become a target for each of its shots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

from vidcolor.core.files import printable
from vidcolor.core.paths import work_folder
from vidcolor.core.report import PartFile, Report
from vidcolor.errors import OutputError, OutputExists, SettingsError
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.mux.concat import stitch
from vidcolor.media.mux.file_sink import FileSink
from vidcolor.media.open import VideoReader, open_video
from vidcolor.run.label import label_of
from vidcolor.run.report import describe_chunks, describe_target
from vidcolor.run.spec import cut_of
from vidcolor.run.work_dir import DoneChunk, WorkDir
from vidcolor.settings import ChunkSettings, InputSettings, OutputSettings

_NUMBER = re.compile(r"%(0?\d{0,2})d", re.ASCII)

SPLIT_CHUNKS = ChunkSettings(1e-9, 60.0)
"""Every shot begins a chunk."""


def is_split_name(name: str) -> bool:
    """Whether a target has one place for the number of a shot, as ``out_%03d.mov``."""
    return len(_NUMBER.findall(name)) == 1 and name.count("%") == 1


def shot_path(target: Path, number: int) -> Path:
    """The file of a shot, counted from 1."""
    head, field, tail = _divide(target.name)
    return target.with_name(f"{head}{field % number}{tail}")


def _divide(name: str) -> tuple[str, str, str]:
    """What stands before the place of the number, the place itself, what stands behind it."""
    found = _NUMBER.search(name)
    assert found
    return name[: found.start()], found[0], name[found.end() :]


def check_split(source: Path | None, target: Path, settings: OutputSettings) -> None:
    """See that a target has a place for the number of a shot, and that no such file is there.

    Files are this run's own where it was begun before.

    Args:
        source: The film; None is not looked for among them.
        target: With the place for the number.
        settings: Whether files may be replaced.

    Raises:
        OutputError: The film itself could be one of them.
        OutputExists: There is one, and the settings do not replace it.
        SettingsError: The name has no such place.
    """
    if not is_split_name(target.name):
        raise SettingsError(f"{printable(target.name)}: has no one %03d for the number of a shot")
    head, _, tail = _divide(target.name)
    shots = re.compile(rf"{re.escape(head)}\d+{re.escape(tail)}")
    film = source.resolve() if source else None
    if film and film.parent == target.resolve().parent and shots.fullmatch(film.name):
        raise OutputError(f"{printable(film)}: is the film itself; name the shots otherwise")
    if settings.force or work_folder(target).is_dir() or not target.parent.is_dir():
        return
    for path in sorted(target.parent.iterdir()):
        if shots.fullmatch(path.name):
            raise OutputExists(
                f"{printable(path)}: exists; use --force to replace it, or choose another folder"
            )


def describe_files(cuts: Sequence[Fraction] | None, opened: InputSettings) -> str:
    """How many files there will be, as far as that is known before a film is read.

    Args:
        cuts: Of the shots; None where they are looked for.
        opened: Which part of the film is colored.
    """
    if cuts is None:
        return "one file for each shot; how many that are is not known yet"
    start, end = opened.start or Fraction(0), opened.end
    inside = [cut for cut in cuts if cut > start and (end is None or cut < end)]
    return _count_files(len(inside) + 1)


def _count_files(number: int) -> str:
    return "1 file, for the one shot" if number == 1 else f"{number} files, one for each shot"


def assemble_shots(
    film: VideoReader,
    plan: EncodePlan,
    settings: OutputSettings,
    folder: WorkDir,
    chunks: Sequence[DoneChunk],
    report: Report,
    on_packet: Callable[[object], object] = lambda _: None,
) -> None:
    """Make a target for each shot; write into the report all that is known of the film.

    Each has its part of the sound and of all else, and a timecode of its own where the film has
    one. A target that is there is one of this run that was stopped, and is replaced.

    Args:
        film: As of `assemble`.
        plan: As of `assemble`.
        settings: As of `assemble`; whether targets may be replaced was asked before.
        folder: As of `assemble`.
        chunks: As of `assemble`; each shot begins one.
        report: As of `assemble`; its target has a place for the number of the shot.
        on_packet: As of `assemble`.

    Raises:
        FilmChanged: As `assemble`.
        OutputError: As `stitch`.
    """
    target = Path(report.target)
    settings, label = replace(settings, force=True), label_of(folder.spec)
    shots = list(_by_shot(chunks))
    starts = [shot[0].facts.first_pts for shot in shots]
    for number, (first, after) in enumerate(pairwise([*starts, None]), 1):
        assert first is not None
        path = shot_path(target, number)
        shot = shots[number - 1]
        files = [(folder.path(chunk.number, chunk.writer), chunk.facts) for chunk in shot]
        with _part_of(film, first, after) as part:
            known = len(part.log.damage), len(part.log.remarks)
            make_sink = partial(FileSink, path, settings, folder.part(path))
            written = stitch(part, plan, make_sink, settings, files, on_packet, label, first)
            for damage in part.log.damage[known[0] :]:
                film.log.note(damage.kind, damage.seconds, f"{path.name}: {damage.text}")
            for remark in part.log.remarks[known[1] :]:
                film.log.remark(remark)
        report.frames += written.frames
        report.bytes += written.bytes
        cut = cut_of(part.settings)
        counts = written.frames, written.bytes, written.sha256
        made = PartFile(path.name, cut.start, cut.end, *counts, list(written.carried))
        report.files.append(made)
        if number == 1:
            describe_target(report, plan, written.carried, ())
        new = [each for each in written.left_behind if each not in report.left_behind]
        report.left_behind += new
    describe_chunks(report, film, chunks)
    report.notes.append(_count_files(len(shots)))


def _by_shot(chunks: Sequence[DoneChunk]) -> Iterator[list[DoneChunk]]:
    """The chunks of each shot; a long one has several."""
    found: list[DoneChunk] = []
    for chunk in chunks:
        begins = chunk.facts.first_pts in chunk.shots
        if len(chunk.shots) != begins:
            raise OutputError("a chunk holds several shots; add --fresh to split the film")
        if begins and found:
            yield found
            found = []
        found.append(chunk)
    if found:
        yield found


def _part_of(film: VideoReader, first: int, after: int | None) -> VideoReader:
    """The film, opened once more for one of its shots.

    Args:
        film: After it was decoded.
        first: pts of the first frame of the shot.
        after: pts of the frame behind its last one; None where the film ends.
    """
    tick = film.info.time_base
    zero = film.log.zero + first * tick
    end = film.settings.end
    if after is not None:
        end = film.log.zero + after * tick - film.info.start
    start = zero - film.info.start
    # The first shot begins as the film does, with all that lies before its first frame.
    begin = film.settings.start if not first else max(Fraction(0), start)
    part = open_video(film.info.path, replace(film.settings, start=begin, end=end))
    part.log = replace(deepcopy(film.log), zero=zero)
    part.content = film.content
    return part
