"""The end of the way: chunks become the target, and the report tells what became of the film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vidcolor.core.frames import Report
from vidcolor.core.gray_runs import GrayRuns
from vidcolor.media.encode.encoder import EncodePlan
from vidcolor.media.mux.concat import stitch
from vidcolor.media.open import VideoReader
from vidcolor.run.work_dir import DoneChunk, WorkDir
from vidcolor.settings import OutputSettings


def assemble(
    film: VideoReader,
    target: Path,
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
        target: Where to write.
        plan: How the chunks were encoded.
        settings: How the target is written.
        folder: Where the chunk files are.
        chunks: All of the film's, in order.
        report: Gets everything but what is known of how the run went.
        on_packet: As of `stitch`.

    Raises:
        FilmChanged: The film is another one now; what is done is of no film any more.
        OutputError: As `stitch`.
    """
    files = [(folder.path(chunk.number, chunk.writer), chunk.facts) for chunk in chunks]
    part = folder.part(target)
    written = stitch(film, target, plan, settings, files, part, on_packet, folder.mark_target)
    tick = film.info.time_base
    for pts in (pts for chunk in chunks for pts in chunk.colorless):
        film.note("no color", float(pts * tick), "the net gave no valid color; left gray")
    starts = [round(float(pts * tick), 6) for chunk in chunks for pts in chunk.shots]
    report.shots, report.shot_starts, report.chunks = len(starts), starts, len(chunks)
    gray = GrayRuns()
    for chunk in chunks:
        gray.add(chunk.neutral, chunk.facts.first_pts, chunk.facts.last_pts)
    gray.tell(report, tick)
    report.bytes, report.frames = target.stat().st_size, written.frames
    report.luma, report.codec = plan.luma, plan.codec
    report.pixels, report.lossless = plan.layout.format, plan.lossless
    report.carried, report.left_behind = list(written.carried), list(written.left_behind)
    report.damage, report.damage_counts = film.damage, film.damage_counts
    report.source_color = film.source_color
    color = color_note(film.source_color)
    report.notes = [*film.info.notes, *film.remarks, *plan.notes, *color]


def color_note(kind: str) -> list[str]:
    """What is to be said of a film whose chroma was ``gray``, ``tinted`` or ``colored``."""
    if kind == "gray":
        return []
    return [f"the film was already {kind}; it was recolored from its luma only"]
