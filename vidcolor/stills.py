"""A picture in, the same in colour out."""

from __future__ import annotations

from pathlib import Path

from vidcolor.colorizer import Colorizer
from vidcolor.film.still import check_still_target, read_still, still_damage, write_still
from vidcolor.frames import Frame, Report
from vidcolor.job import describe_still, told_weights
from vidcolor.neutrals import GrayRuns
from vidcolor.paint import paint
from vidcolor.settings import Settings
from vidcolor.titles import judged_alone


def colorize_still(
    source: Path, target: Path, colorizer: Colorizer | None, settings: Settings
) -> Report:
    """Colour a picture; as `vidcolor.pipeline.colorize_film`, which hands pictures on to here."""
    check_still_target(source, target, settings.output)
    colorizer = colorizer or Colorizer.from_weights(settings=settings.colorizer)
    painted, report = painted_still(source, str(target), colorizer, settings)
    job = describe_still(source, target, settings, colorizer)
    write_still(painted, target, settings.output)
    report.job, report.bytes = job, target.stat().st_size
    return report


def painted_still(
    source: Path, target: str, colorizer: Colorizer, settings: Settings
) -> tuple[Frame, Report]:
    """A picture in colour, and what is to be reported of it; nothing is written.

    Raises:
        VidcolorError: the picture cannot be read, or the colorizer does not work.
    """
    frame = judged_alone(read_still(source, settings.open), settings.titles)
    colorizer.renew()
    height, width = frame.luma.shape
    colorizer.fit(height, width, batch=1)
    (painted,) = paint(colorizer.colorize([frame]), settings.paint)
    report = Report(str(source), target, frames=1, shots=1, shot_starts=[0.0])
    report.inferred = colorizer.inferred
    report.damage = still_damage(frame)
    report.damage_counts = {damage.kind: 1 for damage in report.damage}
    report.notes = list(colorizer.notes)
    gray = GrayRuns()
    gray.see(painted)
    gray.tell(report, painted.time_base)
    report.pixels = frame.layout.format
    report.weights = told_weights(colorizer)
    return painted, report
