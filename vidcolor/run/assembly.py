"""The end of the way: chunks become the target, and the report tells what became of the film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from vidcolor.core.report import Report
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.mux.concat import stitch
from vidcolor.media.mux.file_sink import FileSink
from vidcolor.media.open import VideoReader
from vidcolor.run.label import label_of
from vidcolor.run.report import FrameTally, describe_source, describe_target
from vidcolor.run.work_dir import DoneChunk, WorkDir
from vidcolor.settings import OutputSettings


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
    files = [(folder.path(chunk.number, chunk.writer), chunk.facts) for chunk in chunks]
    target = Path(report.target)
    make_sink = partial(FileSink, target, settings, folder.part(target), folder.mark_target)
    label = label_of(folder.spec)
    written = stitch(film, plan, make_sink, settings, files, on_packet, label)
    tally = FrameTally()
    for chunk in chunks:
        tally.add(chunk)
    tally.tell(report, film.log, film.info.time_base)
    report.chunks, report.frames = len(chunks), written.frames
    report.bytes, report.sha256 = written.bytes, written.sha256
    describe_source(report, film)
    describe_target(report, plan, written.carried, written.left_behind)
