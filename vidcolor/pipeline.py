"""The whole product on one screen: a film or a picture in, the same in colour out."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vidcolor.color.chroma import KR_KB
from vidcolor.colorizer import Colorizer
from vidcolor.errors import SettingsError
from vidcolor.film.decode import decode
from vidcolor.film.encode import encode, plan_encode
from vidcolor.film.mux import FilmWriter
from vidcolor.film.probe import film_is_still, open_film
from vidcolor.film.still import check_still_target, frame_rgb, read_still, write_still
from vidcolor.frames import Frame, PixelLayout, Progress, Report
from vidcolor.model.weights import load_gate
from vidcolor.paint import paint
from vidcolor.settings import Settings
from vidcolor.shots import mark_shots
from vidcolor.smoothing import smooth
from vidcolor.streams import close, prefetch, timed

if TYPE_CHECKING:
    import numpy as np

OnProgress = Callable[[Progress], None]

STAGES = ("decode", "wait 1", "shots", "colour", "smooth", "wait 2", "paint", "encode")
"""The way of a frame; a wait is where a thread waits for the one before it."""


def colorize_film(
    source: str | Path,
    target: str | Path,
    *,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Colour a film or a picture.

    Args:
        source: A film, or a picture in a format FFmpeg reads.
        target: Where to write; the suffix names the container.
        colorizer: What to colour with; None loads the default weights.
        settings: Everything else.
        on_progress: Called after each frame that was handed to the encoder.

    Returns:
        What was done, what was carried, what was left behind.

    Raises:
        VidcolorError: one line that says what happened; the target is then as it was before.
    """
    settings = settings or Settings()
    began = time.perf_counter()
    source, target = Path(source), Path(target)
    if film_is_still(source):
        report = _colorize_still(source, target, colorizer, settings)
    else:
        report = _colorize_moving(source, target, colorizer, settings, on_progress)
    report.seconds["total"] = time.perf_counter() - began
    report.seconds = {name: round(value, 3) for name, value in report.seconds.items()}
    report.versions = versions()
    return report


def _colorize_moving(
    source: Path,
    target: Path,
    colorizer: Colorizer | None,
    settings: Settings,
    on_progress: OnProgress | None,
) -> Report:
    report = Report(str(source), str(target))
    seconds: dict[str, float] = {}
    with open_film(source, settings.open) as film:
        info = film.info
        plan = plan_encode(info, target, settings.encode)
        with FilmWriter(film, target, plan, settings.output) as writer:
            colorizer = colorizer or Colorizer.from_weights(settings=settings.colorizer)
            gate, gate_sha256 = load_gate() if settings.smooth.strength else (None, "")
            frames: Iterator[Any] = timed(
                decode(film, plan.layout, writer.carry), "decode", seconds
            )
            frames = timed(prefetch(frames), "wait 1", seconds)
            frames = timed(mark_shots(frames, settings.shots), "shots", seconds)
            frames = timed(colorizer.colorize(frames, info.sample_aspect), "colour", seconds)
            frames = timed(smooth(frames, settings.smooth, gate), "smooth", seconds)
            frames = timed(prefetch(frames), "wait 2", seconds)
            frames = timed(paint(frames, settings.paint), "paint", seconds)
            frames = _watched(frames, report, info.frames, on_progress)
            packets = timed(encode(frames, writer.video), "encode", seconds)
            try:
                writer.write(packets)
            finally:
                close(packets)
            written = writer.finish()
        report.damage = list(film.damage)
        report.source_colour = film.source_colour
    report.frames, report.seconds = written.frames, _shares(seconds)
    report.luma, report.codec = plan.luma, plan.codec
    report.pixels, report.lossless = plan.layout.format, plan.lossless
    report.carried, report.left_behind = list(written.carried), list(written.left_behind)
    report.notes = [*info.notes, *plan.notes, *_colour_note(report.source_colour)]
    report.weights = {"name": colorizer.name, "sha256": colorizer.sha256}
    if gate:
        report.weights["gate_sha256"] = gate_sha256
    return report


def _watched(
    frames: Iterator[Frame], report: Report, total: int | None, on_progress: OnProgress | None
) -> Iterator[Frame]:
    """The same frames; counts frames and shots and tells how far the film has come."""
    try:
        for count, frame in enumerate(frames, 1):
            report.shots += frame.starts_shot
            yield frame
            if on_progress:
                on_progress(Progress(count, total, float(frame.seconds)))
    finally:
        close(frames)


def _shares(inclusive: dict[str, float]) -> dict[str, float]:
    """Seconds of each stage alone.

    A measured figure contains those of the stages before it in its own thread, and a wait is no
    work.
    """
    alone: dict[str, float] = {}
    upstream = 0.0
    for name in STAGES:
        spent = inclusive.get(name, 0.0)
        if not name.startswith("wait"):
            alone[name] = max(0.0, spent - upstream)
        upstream = spent
    return alone


def _colour_note(kind: str) -> list[str]:
    if kind == "grey":
        return []
    return [f"the film was {kind} already; it was recoloured from its luma alone"]


def _colorize_still(
    source: Path, target: Path, colorizer: Colorizer | None, settings: Settings
) -> Report:
    check_still_target(source, target, settings.output)
    frame = read_still(source, settings.open)
    colorizer = colorizer or Colorizer.from_weights(settings=settings.colorizer)
    (painted,) = paint(colorizer.colorize([frame]), settings.paint)
    write_still(painted, target, settings.output)
    report = Report(str(source), str(target), frames=1, shots=1)
    report.pixels = frame.layout.format
    report.weights = {"name": colorizer.name, "sha256": colorizer.sha256}
    return report


def colorize_image(
    gray: np.ndarray[Any, Any], *, colorizer: Colorizer | None = None
) -> np.ndarray[Any, Any]:
    """Colour one picture.

    Args:
        gray: ``(H, W)`` or ``(H, W, 3)`` uint8; a colour picture is recoloured from its luma.
        colorizer: What to colour with; None loads the default weights.

    Returns:
        ``(H, W, 3)`` uint8 RGB whose BT.601 luma is that of ``gray``, to within rounding.

    Raises:
        SettingsError: the array has another shape or type.
        WeightsError: the default weights are missing or damaged.
    """
    picture = torch.from_numpy(gray.copy())
    if (
        picture.dtype != torch.uint8
        or picture.ndim not in (2, 3)
        or picture.shape[2:] not in ((), (3,))
        or not picture.numel()
    ):
        raise SettingsError("a picture is an array of uint8, (height, width) or (height, width, 3)")
    kr, kb = KR_KB["bt601"]
    if picture.ndim == 3:
        weights = torch.tensor([kr, 1 - kr - kb, kb])
        picture = (picture.float() @ weights).round().to(torch.uint8)
    layout = PixelLayout("yuv444p", 8, 0, 0, True, "bt601", "srgb", (0.0, 0.0))
    chroma = torch.empty_like(picture), torch.empty_like(picture)
    frame = Frame(picture, chroma, layout, pts=0, duration=0, time_base=Fraction(1))
    colorizer = colorizer or Colorizer.from_weights()
    (painted,) = paint(colorizer.colorize([frame]), Settings().paint)
    return frame_rgb(painted)


def versions() -> dict[str, str]:
    """Versions of what decides the bits of a result."""
    found = {"python": platform.python_version()}
    for package in ("vidcolor", "av", "torch", "numpy", "opencv-python-headless"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that was never installed
            found[package] = "unknown"
    return found
