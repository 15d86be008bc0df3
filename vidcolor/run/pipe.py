"""Films that leave as they are colored, into a pipe: nothing is kept on the disk."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from time import perf_counter

from vidcolor.colorize.chain import colorize_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.iterators import prefetch, tap
from vidcolor.core.report import Report
from vidcolor.guidance.places import Colors, note_unused
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.encoder import encode
from vidcolor.media.identity import Content
from vidcolor.media.mux.interleave import with_others
from vidcolor.media.mux.muxer import Muxer
from vidcolor.media.mux.pipe_sink import Output, PipeSink, plan_pipe
from vidcolor.media.open import film_is_still, open_video
from vidcolor.run.image import painted_png
from vidcolor.run.label import label_of
from vidcolor.run.report import (
    FrameTally,
    count_frames,
    describe_session,
    describe_source,
    describe_target,
)
from vidcolor.run.shot_scan import plan_with_shots
from vidcolor.run.spec import describe_video, versions
from vidcolor.run.video import OnProgress
from vidcolor.settings import Settings

NAME = "-"
"""What a pipe is called where a target has a name."""


def colorize_to(
    output: Output,
    source: str | Path,
    *,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Color a film into a pipe as Matroska, or a picture as PNG.

    Every frame leaves as soon as it is colored, in step with sound and subtitles; where the reader
    is slow, coloring waits for it. Nothing is written to the disk, so nothing can be gone on with.

    Args:
        output: A pipe, or another object that takes bytes; it is left open.
        source: A film, or a picture in a format FFmpeg reads.
        colorizer: What to color with; None loads the default weights.
        settings: Everything else; those of chunks mean nothing here.
        colors: As of `vidcolor.run.video.colorize_video`.
        on_progress: Called after each frame that has left.

    Returns:
        What was done, what was copied and what was not.

    Raises:
        VidcolorError: one line that says what happened; what has left is then cut short.
        BrokenPipeError: nobody reads ``output`` any more.
    """
    settings = settings or Settings()
    began = perf_counter()
    source = Path(source)
    if film_is_still(source):
        data, report = painted_png(source, NAME, colorizer, settings, colors)
        output.write(data)
        output.flush()
    else:
        report = _moving(output, source, colorizer, settings, colors, on_progress)
    report.seconds["total"] = round(perf_counter() - began, 3)
    report.versions = versions()
    return report


def _moving(
    output: Output,
    source: Path,
    colorizer: Colorizer | None,
    settings: Settings,
    colors: Colors,
    on_progress: OnProgress | None,
) -> Report:
    report, tally = Report(str(source), NAME), FrameTally()
    if settings.script.make != "off":
        report.notes.append("without a color script: a pipe is colored in one pass")
        settings = settings.without_script
    with open_video(source, settings.open) as film:
        plan = plan_pipe(film.info, settings.encode)
        with Muxer(film, plan, PipeSink(output), settings.output, once=True):
            pass  # what would stop it later stops it now; nothing has left
        guidance = plan_with_shots(film, plan.layout, settings, colors)
        session = Session.load(settings, colorizer, guidance)
        session.configure_for(film.info)
        sink, label = PipeSink(output), label_of(describe_video(film.info, session, plan))
        with Muxer(film, plan, sink, settings.output, once=True, label=label) as muxer:
            with (
                closing(Content(film.info.path, film.info.identity)) as film.content,
                session.threads_for(film.info, plan.layout) as pool,
                closing(prefetch(decode(film, plan.layout))) as decoded,
            ):
                aspect = film.info.sample_aspect
                frames = colorize_frames(decoded, session, sample_aspect=aspect, threads=pool)
                frames = tap(prefetch(frames), tally.see)
                frames = count_frames(frames, film, report, on_progress)
                with closing(with_others(film, encode(frames, muxer.video))) as packets:
                    muxer.write(packets)
            muxer.complete()
        tally.tell(report, film.log, film.info.time_base)
        describe_source(report, film)
    describe_target(report, plan, muxer.passthrough.carried, muxer.passthrough.left_behind)
    describe_session(report, session)
    report.notes += note_unused(source, colors)
    return report
