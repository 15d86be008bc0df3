"""A picture in, the same in color out; page by page where there are several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vidcolor.color.chroma import KR_KB
from vidcolor.colorize.chain import color_still
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.paint import paint
from vidcolor.colorize.session import Session
from vidcolor.core.files import check_file, file_sha256
from vidcolor.core.frames import Frame, PixelLayout
from vidcolor.core.gray_runs import GrayRuns
from vidcolor.core.paths import CONTAINERS, TIFF_SUFFIXES
from vidcolor.core.report import Damage, Dropped, Report
from vidcolor.errors import FilmError, SettingsError
from vidcolor.guidance.entries import Hint, Reference
from vidcolor.guidance.places import Colors, describe_sheet, note_unused, plan_still_colors
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.sheet_check import check_references
from vidcolor.guidance.types import ColorSheet
from vidcolor.media.images.files import (
    check_still_target,
    png_bytes,
    still_damage,
    strictly,
    write_stills,
)
from vidcolor.media.images.kinds import PNG, check_kind, is_animation
from vidcolor.media.images.metadata import into_png
from vidcolor.media.images.photo import color_of, extras_of, frame_of, notes_of
from vidcolor.media.images.reader import Still
from vidcolor.media.images.rgb import frame_rgb
from vidcolor.media.open import film_is_still
from vidcolor.run.label import Painted, label_of, label_pages
from vidcolor.run.report import NO_COLOR
from vidcolor.run.spec import describe_image
from vidcolor.settings import Settings
from vidcolor.shots.titles import judged_alone


def stays_still(source: Path, target: Path) -> bool:
    """Whether a file is colored as a picture: it is one, and no animation that becomes a film."""
    film = target.suffix.lower() in CONTAINERS
    return film_is_still(source) and not (film and is_animation(source))


def colorize_still(
    source: Path,
    target: Path,
    colorizer: Colorizer | None,
    settings: Settings,
    colors: Colors = None,
) -> Report:
    """Color a picture; as `vidcolor.run.video.colorize_video`, which hands pictures on to here.

    A TIFF gets all pages of a TIFF; other targets get the first picture of several, and the report
    tells which are left behind.
    """
    check_kind(check_file(source))
    check_still_target(source, target, settings.output)
    still = Still(source, settings.open)
    several = still.pages > 1 and target.suffix.lower() in TIFF_SUFFIXES and still.unit == "page"
    session = _load_session(source, colorizer, settings, colors)
    report = _report(source, str(target), session)
    report.notes += note_unused(source, colors)
    report.spec = describe_image(source, target, session)
    pages = painted_pages(still, session, report, still.pages if several else 1)
    pages = label_pages(pages, label_of(report.spec), target.suffix, report)
    left = write_stills(pages, target, settings.output, several=several)
    _conclude(report, session, left)
    report.bytes, report.sha256 = target.stat().st_size, file_sha256(target)
    return report


def _load_session(
    source: Path, colorizer: Colorizer | None, settings: Settings, colors: Colors
) -> Session:
    return Session.load(settings.without_script, colorizer, plan_still_colors(source, colors))


def painted_png(
    source: Path,
    target: str,
    colorizer: Colorizer | None,
    settings: Settings,
    colors: Colors = None,
) -> tuple[bytes, Report]:
    """The first picture of a file in color, as a PNG file, and what is to be reported of it.

    Args:
        source: The file.
        target: What the target is called in the report.
        colorizer: None loads the weights that the settings name.
        settings: Everything else.
        colors: As of `vidcolor.run.video.colorize_video`.

    Raises:
        VidcolorError: the picture cannot be read, or the colorizer does not work.
    """
    still = Still(source, settings.open)
    session = _load_session(source, colorizer, settings, colors)
    report = _report(source, target, session)
    report.notes += note_unused(source, colors)
    pages = painted_pages(still, session, report, 1)
    label = label_of(describe_image(source, Path("stream.png"), session))
    ((painted, extras),) = label_pages(pages, label, ".png", report)
    data, left = into_png(png_bytes(painted), extras)
    if settings.output.strict and left:
        raise strictly(left)
    _conclude(report, session, left)
    return data, report


def painted_pages(still: Still, session: Session, report: Report, count: int) -> Iterator[Painted]:
    """The first ``count`` pictures of a file in color; the report gets what is to be told of them.

    A page that cannot be read is left behind where another one can.

    Raises:
        VidcolorError: None can be read, or the colorizer does not work.
        CannotCarry: A picture is left behind, and ``settings.output.strict`` is on.
    """
    settings, colorizer = session.settings, session.colorizer
    colorizer.reset()
    failed: FilmError | None = None
    if count < still.pages:
        report.left_behind.append(_rest(still, count))
    for number in range(count):
        try:
            photo = still.photo(number)
        except FilmError as exc:
            failed = failed or exc
            reason = str(exc).removeprefix(f"{still.name}: ")
            report.left_behind.append(Dropped(f"{still.unit} {number + 1}", reason))
            continue
        if settings.output.strict and report.left_behind:
            raise strictly(report.left_behind)
        frame = judged_alone(frame_of(photo), settings.titles)
        height, width = frame.luma.shape
        colorizer.configure_for(height, width, batch=1)
        (painted,) = paint([color_still(frame, session)], settings.paint)
        report.frames += 1
        gray = GrayRuns()
        gray.see(painted)
        gray.tell(report, painted.time_base)
        report.damage += still_damage(painted)
        if painted.colorless:
            kind, text = NO_COLOR
            report.damage.append(Damage(kind, 0.0, text))
        extras = extras_of(photo)
        report.left_behind += photo.extras.lost
        report.carried += extras.named()
        report.notes += notes_of(photo)
        report.pixels = frame.layout.format
        found = color_of(photo)
        report.source_color = found if report.source_color == "gray" else report.source_color
        if photo.tone:
            report.luma = f"converted from {photo.tone}"
        yield painted, extras
    if failed and not report.frames:
        raise failed


def _rest(still: Still, count: int) -> Dropped:
    """What is left of a file when the first ``count`` pictures are taken."""
    if still.pages == count + 1:
        what = f"{still.unit} {still.pages}"
    else:
        what = f"{still.unit}s {count + 1} to {still.pages}"
    ways = {
        "page": "name a .tif to color all pages",
        "frame": "convert the animation to a video to color all frames",
        "picture": "save the others as separate files",
    }
    way = "name a .mp4 or .mkv to color all frames" if still.kind == PNG else ways[still.unit]
    return Dropped(what, f"only {still.unit} 1 of {still.pages} was colored; {way}")


def _report(source: Path, target: str, session: Session) -> Report:
    report = Report(str(source), target, shots=1, shot_starts=[0.0])
    report.weights = session.colorizer.weights  # nothing is smoothed over one picture's time
    return report


def _conclude(report: Report, session: Session, left: list[Dropped]) -> None:
    """Brings what was found page by page to what is said of the whole."""
    report.left_behind = list(dict.fromkeys([*report.left_behind, *left]))
    lost = {one.what for one in report.left_behind}
    report.carried = [one for one in dict.fromkeys(report.carried) if one not in lost]
    report.notes = list(dict.fromkeys([*report.notes, *session.notes]))
    report.inferred = session.inferred
    if session.guidance:
        report.colors = describe_sheet(session.guidance)
    for damage in report.damage:
        report.damage_counts[damage.kind] = report.damage_counts.get(damage.kind, 0) + 1


def colorize_image(
    gray: np.ndarray[Any, Any],
    *,
    hints: Iterable[Hint] = (),
    references: Iterable[Reference] = (),
    colorizer: Colorizer | None = None,
) -> np.ndarray[Any, Any]:
    """Color one picture.

    Args:
        gray: ``(H, W)`` or ``(H, W, 3)`` uint8; a color picture is recolored from its luma.
        hints: Colors of places, whatever their time; later ones lie over earlier ones.
        references: Images in color: with a time, whatever it is, of this very picture; without
            one, looks, whose colors go to what looks alike.
        colorizer: What to color with; None loads the default weights.

    Returns:
        ``(H, W, 3)`` uint8 RGB whose BT.601 luma is that of ``gray``, to within rounding.

    Raises:
        SettingsError: The array has another shape or type, a color is none, or an image cannot be
            read or has another shape than the picture that it is.
        WeightsError: The weights are missing or damaged, or take no hints.
    """
    picture = torch.from_numpy(gray.copy())
    if (
        picture.dtype != torch.uint8
        or picture.ndim not in (2, 3)
        or picture.shape[2:] not in ((), (3,))
        or not picture.numel()
    ):
        raise SettingsError(
            "a picture must be a uint8 array of shape (height, width) or (height, width, 3)"
        )
    kr, kb = KR_KB["bt601"]
    if picture.ndim == 3:
        weights = torch.tensor([kr, 1 - kr - kb, kb])
        picture = (picture.float() @ weights).round().to(torch.uint8)
    layout = PixelLayout("yuv444p", 8, 0, 0, True, "bt601", "srgb", (0.0, 0.0))
    chroma = torch.empty_like(picture), torch.empty_like(picture)
    frame = Frame(picture, chroma, layout, pts=0, duration=0, time_base=Fraction(1))
    colorizer = colorizer or Colorizer.from_weights()
    sheet = ColorSheet(
        hints=tuple(replace(one, time=None) for one in hints),
        references=tuple(
            one if one.time is None else replace(one, time=Fraction(0)) for one in references
        ),
    )
    check_references(sheet, (picture.shape[1], picture.shape[0]))
    guidance = Guidance(sheet, shots=[ShotRange(Fraction(0), None)])
    said = guidance if guidance.needs_shots else None
    session = Session(Settings().without_script, colorizer, said)
    (painted,) = paint([color_still(frame, session)], Settings().paint)
    return frame_rgb(painted, painted.layout.bits)
