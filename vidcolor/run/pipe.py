"""Films in one pass: into a pipe as they are colored, or out of one; none is gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from vidcolor.colorize.chain import colorize_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close, prefetch, tap
from vidcolor.core.report import Report
from vidcolor.core.target import check_target
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import SettingsError
from vidcolor.guidance.places import Colors, note_unused
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.encoder import EncodePlan, encode, plan_encode
from vidcolor.media.identity import Content
from vidcolor.media.mux.file_sink import FileSink, RawFile
from vidcolor.media.mux.interleave import Beside, with_others
from vidcolor.media.mux.muxer import Muxer
from vidcolor.media.mux.pipe_sink import Output, PipeSink, plan_pipe
from vidcolor.media.mux.routes import Passthrough
from vidcolor.media.mux.y4m import Y4mWriter, plan_y4m
from vidcolor.media.open import VideoReader, film_is_still, open_piped, open_video
from vidcolor.media.piped import Pipe
from vidcolor.run.image import painted_png
from vidcolor.run.label import label_of
from vidcolor.run.report import (
    FrameTally,
    count_frames,
    describe_session,
    describe_source,
    describe_target,
    log_report,
)
from vidcolor.run.shot_scan import plan_with_shots
from vidcolor.run.spec import describe_video, versions
from vidcolor.run.video import OnProgress
from vidcolor.settings import EncodeSettings, Settings

NAME = "-"
"""What a pipe is called where a target has a name."""


def colorize_to(
    output: Output,
    source: str | Path | Pipe,
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
        source: A film, or a picture in a format FFmpeg reads; or a pipe that a film comes from.
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
    source = source if isinstance(source, Pipe) else Path(source)
    if isinstance(source, Path) and film_is_still(source):
        data, report = painted_png(source, NAME, colorizer, settings, colors)
        output.write(data)
        output.flush()
    else:
        pass_ = _OnePass(source, NAME, colorizer, settings, colors, on_progress)
        report = pass_.run(plan_pipe, lambda: PipeSink(output))
    return _conclude(report, began)


def colorize_pipe(
    pipe: Pipe,
    target: str | Path,
    *,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Color a film that comes through a pipe into a file, in one pass.

    What is done of an interrupted run is lost: the pipe cannot be read again. A target that is
    there stays as it is until the new one is complete.

    Args:
        pipe: It is read once.
        target: Its suffix names the container.
        colorizer: As of `colorize_to`.
        settings: As of `colorize_to`.
        colors: As of `vidcolor.run.video.colorize_video`, but ``auto``.
        on_progress: Called after each frame that was written.

    Returns:
        What was done, what was copied and what was not.

    Raises:
        VidcolorError: one line that says what happened; the target is untouched.
    """
    settings = settings or Settings()
    began = perf_counter()
    target = Path(target)

    def plan(info: VideoInfo, encoding: EncodeSettings) -> EncodePlan:
        found = plan_encode(info, target, encoding)
        if found.container == "mxf":  # which has to know all of the sound first
            raise SettingsError("MXF cannot be written from a pipe; use a .mov or .mkv name")
        return found

    pass_ = _OnePass(pipe, str(target), colorizer, settings, colors, on_progress)
    return _conclude(pass_.run(plan, lambda: FileSink(target, settings.output)), began)


def colorize_y4m(
    output: Output | str | Path,
    source: str | Path | Pipe,
    *,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Color a film into y4m, in one pass: raw frames at a constant rate, and nothing else.

    Args:
        output: As of `colorize_to`, or a file, which gets its name when it is complete.
        source: A film, or a pipe that one comes from.
        colorizer: As of `colorize_to`.
        settings: As of `colorize_to`.
        colors: As of `colorize_to`.
        on_progress: Called after each frame that has left.

    Returns:
        What was done, and what y4m does not hold.

    Raises:
        VidcolorError: As `colorize_to`; a file is untouched.
        BrokenPipeError: nobody reads ``output`` any more.
    """
    settings = settings or Settings()
    began = perf_counter()
    source = source if isinstance(source, Pipe) else Path(source)
    if not isinstance(output, str | Path):
        pass_ = _OnePass(source, NAME, colorizer, settings, colors, on_progress)
        return _conclude(pass_.run_y4m(output, Path(NAME)), began)
    target = Path(output)
    check_target(source if isinstance(source, Path) else None, target, settings.output)
    pass_ = _OnePass(source, str(target), colorizer, settings, colors, on_progress)
    with RawFile(target) as file:
        report = pass_.run_y4m(file, target)
        file.publish()
    report.bytes = target.stat().st_size
    return _conclude(report, began)


def _conclude(report: Report, began: float) -> Report:
    report.seconds["total"] = round(perf_counter() - began, 3)
    report.versions = versions()
    log_report(report)
    return report


@dataclass
class _OnePass:
    """A film on its way through the chain, with nothing kept that it could be gone on with."""

    source: Path | Pipe
    target: str
    colorizer: Colorizer | None
    settings: Settings
    colors: Colors
    on_progress: OnProgress | None

    def run(
        self,
        plan_for: Callable[[VideoInfo, EncodeSettings], EncodePlan],
        make_sink: Callable[[], PipeSink | FileSink],
    ) -> Report:
        """Color it.

        Args:
            plan_for: Tells how it is encoded.
            make_sink: Makes what it is written into, which is tried once before.
        """
        report, settings = self._begin()
        with self._open(settings) as film:
            plan = plan_for(film.info, settings.encode)
            with Muxer(film, plan, make_sink(), settings.output, once=True):
                pass  # what would stop it later stops it now; nothing has left
            session = self._session(film, plan, settings)
            sink, label = make_sink(), label_of(describe_video(film.info, session, plan))
            beside = Beside(film) if film.pipe else None
            with Muxer(film, plan, sink, settings.output, once=True, label=label) as muxer:

                def write(frames: Iterator[Frame]) -> None:
                    pictures = encode(frames, muxer.video)
                    packets = beside.packets(pictures) if beside else with_others(film, pictures)
                    with closing(packets):
                        muxer.write(packets)

                self._write(film, plan, session, report, write)
                muxer.complete()
                if isinstance(sink, FileSink):
                    written = sink.publish(film, muxer)
                    report.bytes, report.sha256 = written.bytes, written.sha256
            describe_source(report, film)
        self._describe(report, plan, session, muxer.passthrough)
        return report

    def run_y4m(self, output: Output, name: Path) -> Report:
        """Color it into y4m.

        Args:
            output: Takes the bytes.
            name: What errors call the target.
        """
        report, settings = self._begin()
        with self._open(settings) as film:
            plan = plan_y4m(film.info, settings.encode)
            writer = Y4mWriter(film, plan, output, settings.output, name)
            session = self._session(film, plan, settings)

            def write(frames: Iterator[Frame]) -> None:
                try:
                    writer.write(frames)
                finally:
                    close(frames)

            self._write(film, plan, session, report, write)
            describe_source(report, film)
        self._describe(report, plan, session, writer.passthrough)
        return report

    def _begin(self) -> tuple[Report, Settings]:
        """The report, and the settings without what one pass cannot do."""
        pipe = self.source if isinstance(self.source, Pipe) else None
        report = Report(str(pipe.name if pipe else self.source), self.target)
        settings = self.settings
        is_piped = pipe is not None or self.target == NAME
        if settings.script.make != "off":
            what = "a pipe is colored" if is_piped else "y4m is written"
            report.notes.append(f"without a color script: {what} in one pass")
            settings = settings.without_script
        if pipe:
            report.notes.append("read from a pipe: a run that is interrupted begins anew")
        elif not is_piped:
            report.notes.append("y4m is raw: a run that is interrupted begins anew")
        return report, settings

    def _session(self, film: VideoReader, plan: EncodePlan, settings: Settings) -> Session:
        guidance = plan_with_shots(film, plan.layout, settings, self.colors)
        session = Session.load(settings, self.colorizer, guidance)
        session.configure_for(film.info)
        return session

    def _describe(
        self, report: Report, plan: EncodePlan, session: Session, passthrough: Passthrough
    ) -> None:
        describe_target(report, plan, passthrough.labels, passthrough.left_behind)
        describe_session(report, session)
        if isinstance(self.source, Path):
            report.notes += note_unused(self.source, self.colors)

    def _open(self, settings: Settings) -> VideoReader:
        if isinstance(self.source, Pipe):
            return open_piped(self.source, settings.open)
        return open_video(self.source, settings.open)

    def _write(
        self,
        film: VideoReader,
        plan: EncodePlan,
        session: Session,
        report: Report,
        write: Callable[[Iterator[Frame]], None],
    ) -> None:
        """Decode and color all frames, and ``write`` them, which closes what it is given."""
        tally = FrameTally()
        with (
            _content(film),
            session.threads_for(film.info, plan.layout) as pool,
            closing(prefetch(decode(film, plan.layout))) as decoded,
        ):
            aspect = film.info.sample_aspect
            frames = colorize_frames(decoded, session, sample_aspect=aspect, threads=pool)
            wake = film.pipe.stop if film.pipe else lambda: None
            frames = tap(prefetch(frames, wake=wake), tally.see)
            write(count_frames(frames, film, report, self.on_progress))
        if film.pipe:
            film.pipe.check()
        tally.tell(report, film.log, film.info.time_base)


@contextmanager
def _content(film: VideoReader) -> Iterator[None]:
    """The digest of a file is made meanwhile, which tells whether it stays the same."""
    if film.pipe:
        yield
        return
    with closing(Content(film.info.path, film.info.identity)) as film.content:
        yield
