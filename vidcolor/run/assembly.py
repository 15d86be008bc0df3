"""The end of the way: chunks become the target, and the report tells what became of the film."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from vidcolor.core.find_sequence import sequence_at
from vidcolor.core.frame_target import check_frames, frame_target
from vidcolor.core.report import Report
from vidcolor.core.target import check_target, output_errors
from vidcolor.core.video_info import VideoInfo
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.metadata import TRANSPARENCY
from vidcolor.media.mux.concat import check_writable, stitch
from vidcolor.media.mux.file_sink import FileSink
from vidcolor.media.open import VideoReader
from vidcolor.media.sequences.beside import beside_frames, check_carried
from vidcolor.media.sequences.frame_chunk import publish_frames
from vidcolor.media.sequences.plan import is_frames
from vidcolor.run.label import label_of
from vidcolor.run.report import describe_chunks, describe_target
from vidcolor.run.work_dir import DoneChunk, WorkDir
from vidcolor.settings import OutputSettings


def check_place(source: Path, target: Path, settings: OutputSettings) -> None:
    """See that a target may be written, be it a file or frames.

    Raises:
        OutputError: As `check_target` and `check_frames`.
    """
    if name := frame_target(target):
        check_frames(name, sequence_at(source), settings)
    else:
        check_target(source, target, settings)


@contextmanager
def target_place(info: VideoInfo, target: Path, settings: OutputSettings) -> Iterator[None]:
    """See that a target may be written, and make the folder that frames go to.

    The folder goes again where nothing is put into it.

    Raises:
        OutputError: As `check_target` and `check_frames`.
    """
    check_place(info.path, target, settings)
    name = frame_target(target)
    if name is None:
        yield
        return
    with output_errors(target):
        is_new = not name.folder.is_dir()
        name.folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # something is in it
                name.folder.rmdir()
        raise


def check_result(
    film: VideoReader, target: Path, plan: EncodePlan, settings: OutputSettings
) -> None:
    """See that a film can be written as planned; nothing of it remains.

    Raises:
        OutputError: As `check_writable` and `check_carried`.
    """
    if is_frames(plan):
        check_carried(film, plan, settings)
    else:
        check_writable(film, target, plan, settings)


def assemble(
    film: VideoReader,
    plan: EncodePlan,
    settings: OutputSettings,
    folder: WorkDir,
    chunks: Sequence[DoneChunk],
    report: Report,
    on_packet: Callable[[object], object] = lambda _: None,
) -> None:
    """Make the target of its chunks; write into the report all that is known of the film.

    Args:
        film: Decoded, or told what is known of it.
        plan: How the chunks were encoded.
        settings: How the target is written.
        folder: Where the chunk files are; its spec says whether the target is labeled.
        chunks: All of the film's, in order.
        report: Names the target; gets everything but what is known of how the run went.
        on_packet: As of `stitch`.

    Raises:
        FilmChanged: The film is another one now; what is done is of no film any more.
        OutputError: As `stitch`.
    """
    if is_frames(plan):
        return _assemble_frames(film, plan, settings, folder, chunks, report, on_packet)
    files = [(folder.path(chunk.number, chunk.writer), chunk.facts) for chunk in chunks]
    target = Path(report.target)
    make_sink = partial(FileSink, target, settings, folder.part(target), folder.mark_target)
    label = label_of(folder.spec)
    written = stitch(film, plan, make_sink, settings, files, on_packet, label)
    report.frames = written.frames
    report.bytes, report.sha256 = written.bytes, written.sha256
    describe_chunks(report, film, chunks)
    describe_target(report, plan, written.carried, written.left_behind)
    return None


def _assemble_frames(
    film: VideoReader,
    plan: EncodePlan,
    settings: OutputSettings,
    folder: WorkDir,
    chunks: Sequence[DoneChunk],
    report: Report,
    on_frame: Callable[[object], object],
) -> None:
    """Rename the frames of all chunks into their place."""
    target = Path(report.target)
    name = frame_target(target)
    assert name
    check_frames(name, film.info.sequence, settings)
    folder.mark_frames(target.name)
    lists = [folder.path(chunk.number, chunk.writer) for chunk in chunks]
    written = publish_frames(name, lists, film.info.sequence is None, on_frame)
    report.frames, report.numbers = written.frames, list(written.numbers)
    report.bytes, report.sha256 = written.bytes, written.sha256
    describe_chunks(report, film, chunks)
    carried, lost = beside_frames(film, plan)
    left = dict.fromkeys([*plan.left_behind, *lost, *written.left_behind])
    describe_target(report, plan, carried, list(left))
    report.notes += written.notes
    if film.info.has_alpha and plan.container == film.info.codec == "exr":  # a channel of its own
        report.notes.remove(TRANSPARENCY)
