"""The chain: shots, color, smooth, paint; frames in, the same frames in color out.

Videos, pipes, previews, comparisons and workers of a cluster all color through here. Where chunks
are planned or frames were marked before, `colorize_marked` is the chain without its first link.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from fractions import Fraction
from itertools import groupby

from vidcolor.colorize.paint import paint, paint_device
from vidcolor.colorize.session import Session
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.iterators import close
from vidcolor.core.threads import WorkerThreads
from vidcolor.guidance.plan import mark_dials
from vidcolor.settings import Settings
from vidcolor.shots.detector import mark_shots
from vidcolor.shots.titles import mark_titles
from vidcolor.temporal.smoother import StateStore, obey, smooth


def colorize_frames(
    frames: Iterable[Frame],
    session: Session,
    *,
    sample_aspect: Fraction | None = None,
    threads: WorkerThreads | None = None,
    states: StateStore | None = None,
    skip: Container[int] = (),
) -> Iterator[Frame]:
    """Color frames: the whole chain.

    Args:
        frames: Of one video, in order, as `vidcolor.decode` yields them; their chroma is replaced
            in place, their luma keeps its bytes.
        session: Net, smoother and settings; configured for the video, or it is at the first frame.
        sample_aspect: Width of a sample over its height; None for square ones.
        threads: Threads for the arithmetic; None uses the calling thread.
        states: Temporal states from which chunks continue that start within a shot.
        skip: Chunks whose frames are only there so that others can take color from them.

    Yields:
        The same frames in the same order, without those of ``skip``.
    """
    marked = mark_frames(frames, session.settings)
    return colorize_marked(
        marked, session, sample_aspect=sample_aspect, threads=threads, states=states, skip=skip
    )


def mark_frames(frames: Iterable[Frame], settings: Settings) -> Iterator[Frame]:
    """The frames with their shots marked, and how much color each may show."""
    return mark_titles(mark_shots(frames, settings.shots), settings.titles)


def colorize_marked(
    frames: Iterable[Frame],
    session: Session,
    *,
    sample_aspect: Fraction | None = None,
    threads: WorkerThreads | None = None,
    states: StateStore | None = None,
    skip: Container[int] = (),
) -> Iterator[Frame]:
    """As `colorize_frames`, for frames that `mark_frames` has seen already."""
    found = find_color(frames, session, sample_aspect, threads, states)
    return paint(
        skip_chunks(found, skip),
        session.settings.paint,
        threads,
        paint_device(session.colorizer.device),
    )


def find_color(
    frames: Iterable[Frame],
    session: Session,
    sample_aspect: Fraction | None = None,
    threads: WorkerThreads | None = None,
    states: StateStore | None = None,
    stride: int = 0,
) -> Iterator[ColorizedFrame]:
    """The color of marked frames, smoothed over time, not painted yet.

    Args:
        frames: As of `colorize_marked`.
        session: As of `colorize_frames`.
        sample_aspect: As of `colorize_frames`.
        threads: As of `colorize_frames`.
        states: As of `colorize_frames`.
        stride: Of how many frames the net sees one; 0 takes that of the settings.
    """
    colored = colorize_by_dials(frames, session, sample_aspect, threads, stride)
    settings, gate = session.settings.smooth, session.gate
    return smooth(colored, settings, gate, states, threads, session.smooths)


def colorize_by_dials(
    frames: Iterable[Frame],
    session: Session,
    sample_aspect: Fraction | None = None,
    threads: WorkerThreads | None = None,
    stride: int = 0,
) -> Iterator[ColorizedFrame]:
    """The color of marked frames, not smoothed; each stretch has that of its own net and dials.

    Args:
        frames: As of `colorize_marked`.
        session: As of `colorize_frames`.
        sample_aspect: As of `colorize_frames`.
        threads: As of `colorize_frames`.
        stride: As of `find_color`.
    """
    if session.guidance is None:
        yield from session.colorizer.colorize(frames, sample_aspect, threads, stride)
        session.count(session.colorizer)
        return
    marked = mark_dials(frames, session.guidance)
    try:
        for weights, run in groupby(marked, lambda frame: frame.dials.weights):
            colorizer = session.colorizer_for(weights)
            guide = session.guide_for(colorizer, sample_aspect)
            palettes = session.guidance.palettes
            colored = colorizer.colorize(
                run, sample_aspect, threads, stride, guide is not None, palettes
            )
            yield from guide.guide_frames(colored, threads) if guide else colored
            session.count(colorizer)
    finally:
        close(marked)


def color_still(still: Frame, session: Session) -> ColorizedFrame:
    """The color of a picture that is no frame of a video, not painted yet.

    Args:
        still: The picture, judged.
        session: What to color with; its guidance speaks of this picture.
    """
    session.source = lambda moments: ((Fraction(0), still) for _ in moments)
    (item,) = colorize_by_dials([still], session)
    return obey(item)


def skip_chunks(
    colored: Iterable[ColorizedFrame], skip: Container[int]
) -> Iterator[ColorizedFrame]:
    """The frames of chunks that are wanted; others were there only to take color from."""
    try:
        for item in colored:
            if item.frame.chunk not in skip:
                yield item
    finally:
        close(colored)
