"""The way of a frame from grey to colour, for films that are shown and not kept in chunks.

`vidcolor.run.video` lays the same way with chunks and a journal between its stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint
from vidcolor.core.frames import ColorizedFrame, Frame, PixelLayout, VideoInfo
from vidcolor.core.threads import WorkerThreads, usable_cores
from vidcolor.nets.trust_gate import Gate
from vidcolor.settings import Settings
from vidcolor.shots.detector import mark_shots
from vidcolor.shots.titles import mark_titles
from vidcolor.temporal.smoother import smooth


def threads_for(colorizer: Colorizer, info: VideoInfo, layout: PixelLayout) -> WorkerThreads:
    """A thread for each core, and those that only wait for a GPU."""
    waiting = 0 if colorizer.device.type == "cpu" else colorizer.ahead
    frame = 3 * info.height * info.width * (1 if layout.bits == 8 else 2)
    return WorkerThreads((colorizer.settings.threads or usable_cores()) + waiting, frame)


def colored(
    frames: Iterable[Frame],
    info: VideoInfo,
    colorizer: Colorizer,
    gate: Gate | None,
    settings: Settings,
    pool: WorkerThreads | None = None,
) -> Iterator[ColorizedFrame]:
    """The frames with the colour that is found for them: shots, colour, smooth.

    Args:
        frames: Frames of one film, in order, as `decode` yields them.
        info: Of that film.
        colorizer: Fitted to the film, or not yet.
        gate: The smoother's; None where ``settings.smooth.strength`` is 0, or loads the one that
            ships.
        settings: Of shots and smoothing.
        pool: Who does the arithmetic; None does it here.
    """
    marked = mark_titles(mark_shots(frames, settings.shots), settings.titles)
    found = colorizer.colorize(marked, info.sample_aspect, pool)
    return smooth(found, settings.smooth, gate, None, pool)


def painted(
    frames: Iterable[Frame],
    info: VideoInfo,
    colorizer: Colorizer,
    gate: Gate | None,
    settings: Settings,
    pool: WorkerThreads | None = None,
) -> Iterator[Frame]:
    """The frames in colour: as `colored`, then paint, in place."""
    device = colorizer.device if colorizer.device.type == "cuda" else None
    found = colored(frames, info, colorizer, gate, settings, pool)
    return paint(found, settings.paint, pool, device)
