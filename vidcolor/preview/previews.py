"""Previews: what a film will look like, from a few of its frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.report import Damage
from vidcolor.core.timecode import timecode
from vidcolor.errors import SettingsError
from vidcolor.guidance.places import Colors
from vidcolor.preview.contact_sheet import Look, Sheet, cell_width, join_pictures, picture_size
from vidcolor.preview.viewer import NEAR, ROUGH, Context, Found, Viewer
from vidcolor.settings import InputSettings, Settings

OnProgress = Callable[[int, int], None]
"""Called with the cells that are done and those that there are."""


@dataclass(frozen=True)
class Pair:
    """A frame before and after."""

    before: Tensor
    """``(3, H, W)`` uint8 sRGB as displayed: square pixels, upright."""
    after: Tensor
    """The same in color."""
    seconds: Fraction
    """When it comes on screen, from the film's start as players count it; 0 for a picture."""


@dataclass(frozen=True)
class Variant:
    """One way to color, of some that are compared."""

    label: str
    """What is printed above it."""
    settings: Settings
    context: Context = ROUGH
    """What is looked at around each frame."""


@dataclass
class Preview:
    """A sheet, and what was met on the way."""

    picture: Tensor
    """``(3, H, W)`` uint8 sRGB."""
    seconds: list[Fraction]
    """When the frames that it shows come on screen, row by row."""
    damage: list[Damage] = field(default_factory=list)
    """In what it shows, in seconds from the film's start."""
    damage_counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a user should know."""
    neutral: dict[str, int] = field(default_factory=dict)
    """How many of the pictures were left gray for each reason, as of `Neutral`."""
    marks: int = 0
    """How many marks of hints it shows."""


def still_at(
    source: str | Path,
    moment: Fraction,
    *,
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
) -> Pair:
    """The frame that is on screen at ``moment``, before and after, at the size it is displayed in.

    Its color is that of the finished film, or close to it: neighboring frames are used, too.

    Args:
        source: A film, or a picture, of which there is one moment.
        moment: Seconds from the film's start.
        colorizer: What to color with; None loads the weights of ``settings``.
        settings: Everything else.
        colors: As of `vidcolor.run.video.colorize_video`.

    Raises:
        SettingsError: The film has ended by then.
        VidcolorError: As `colorize_video`.
    """
    settings = settings or Settings()
    with Viewer(source, settings, colorizer, colors=colors) as viewer:
        if viewer.film:
            viewer.check(moment)
        (found,) = viewer.found([moment])
        return Pair(found.before(), found.after(settings.paint.saturation), found.seconds)


def frames_at(
    source: str | Path,
    moments: Iterable[Fraction],
    *,
    height: int | None = None,
    between: Callable[[], object] | None = None,
    opened: InputSettings | None = None,
) -> list[tuple[Fraction, Tensor]]:
    """The frames on screen at ``moments``, not colored: (when it came there, picture).

    Args:
        source: A film, or a picture.
        moments: Seconds from the film's start, in any order; after its end is its last frame.
        height: Of the pictures, in pixels; None is that of the film.
        between: Called before each frame that is read; what it raises ends the work.
        opened: How the source is opened.

    Returns:
        In the order of ``moments``; pictures are ``(3, H, W)`` uint8 sRGB as displayed.

    Raises:
        FilmError: As `open_video`.
    """
    wanted = list(moments)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    found: dict[int, tuple[Fraction, Tensor]] = {}
    settings = replace(Settings(), open=opened) if opened else None
    with Viewer(source, settings, between=between, colors="none") as viewer:
        size = viewer.screen.size
        if height is not None:
            size = max(1, round(size[0] * height / size[1])), height
        shown = viewer.frames([wanted[place] for place in order])
        for place, (seconds, frame) in zip(order, shown, strict=True):
            found[place] = seconds, viewer.screen(frame, size)
    return [found[place] for place in range(len(wanted))]


def contact_sheet(
    source: str | Path,
    *,
    columns: int = 4,
    rows: int = 4,
    look: Look = "split",
    colorizer: Colorizer | None = None,
    settings: Settings | None = None,
    colors: Colors = None,
    on_progress: OnProgress | None = None,
) -> Preview:
    """A sheet of frames from a whole film, before and after, with their times.

    Args:
        source: A film.
        columns: Number of columns.
        rows: Number of rows.
        look: ``split`` shows the left half before and the right half after, ``side`` both whole
            beside each other, ``after`` no before.
        colorizer: What to color with; None loads the weights of ``settings``.
        settings: Everything else.
        colors: As of `vidcolor.run.video.colorize_video`.
        on_progress: Called after each frame.

    Raises:
        SettingsError: A picture has no moments to choose from; or the sheet would be too large.
        VidcolorError: As `colorize_video`.
    """
    with Viewer(source, settings, colorizer, colors=colors) as viewer:
        moments = viewer.spread(columns * rows)
        return overview(viewer, moments, columns, look, on_progress)


def overview(
    viewer: Viewer,
    moments: Sequence[Fraction],
    columns: int,
    look: Look,
    on_progress: OnProgress | None = None,
    marks: bool = False,
) -> Preview:
    """A sheet of the frames on screen at some moments, `WIDTH` pixels across or more.

    Args:
        viewer: Shows the film.
        moments: Seconds from its start.
        columns: Number of columns.
        look: As of `contact_sheet`.
        on_progress: Called after each frame.
        marks: Whether to mark where the hints of each frame lie.

    Raises:
        SettingsError: As `contact_sheet`.
    """
    if viewer.film is None:
        raise SettingsError(f"{viewer.name}: is a picture; sheets are for films")
    size = picture_size(viewer.screen.size, columns, look)
    variants = [Variant("", viewer.settings)]
    return _draw_cells(viewer, moments, variants, columns, size, look, on_progress, marks)


def full_size(
    viewer: Viewer,
    moments: Sequence[Fraction],
    look: Look,
    on_progress: OnProgress | None = None,
    marks: bool = False,
) -> Preview:
    """The frames on screen at some moments, one below the other, as large as they are displayed.

    Arguments as of `overview`.

    Raises:
        SettingsError: They are too many for one picture.
    """
    size = viewer.screen.size
    variants = [Variant("", viewer.settings, NEAR)]
    return _draw_cells(viewer, moments, variants, 1, size, look, on_progress, marks)


def sweep(
    viewer: Viewer,
    moments: Sequence[Fraction],
    variants: Sequence[Variant],
    look: Look,
    on_progress: OnProgress | None = None,
    marks: bool = False,
) -> Preview:
    """A sheet with a column for each variant and a row for each moment.

    Variants that differ in saturation alone share one run of the net.

    Raises:
        SettingsError: They are too many for one picture.
    """
    size = picture_size(viewer.screen.size, len(variants), look)
    return _draw_cells(viewer, moments, variants, len(variants), size, look, on_progress, marks)


def _draw_cells(
    viewer: Viewer,
    moments: Sequence[Fraction],
    variants: Sequence[Variant],
    columns: int,
    size: tuple[int, int],
    look: Look,
    on_progress: OnProgress | None,
    marks: bool,
) -> Preview:
    """Cells in the order of moments; of each moment in that of variants."""
    total = len(moments) * len(variants)
    cell = cell_width(size[0], look), size[1]
    titles = [variant.label for variant in variants if variant.label]
    sheet = Sheet(cell, columns, -(-total // columns), describe_film(viewer, variants), titles)
    seconds, neutral, marked = [Fraction(0)] * total, Counter[str](), 0
    cells = _find_cells(viewer, moments, variants)
    for done, (moment, number, found) in enumerate(cells, 1):
        place = moment * len(variants) + number
        before = found.before(size)
        after = found.after(variants[number].settings.paint.saturation, size)
        if marks:
            after, count = viewer.marked(found, after)
            marked += count
            if look == "split":  # the half that is gray may hold the hint
                before, _ = viewer.marked(found, before)
        sheet.put(place, join_pictures(before, after, look), label(found.seconds, viewer))
        seconds[place] = found.seconds
        neutral += Counter([found.frame.neutral] if found.frame.neutral else [])
        if on_progress:
            on_progress(done, total)
    met = viewer.damage, viewer.damage_counts, viewer.notes
    return Preview(sheet.tensor(), seconds, *met, dict(neutral), marked)


def _find_cells(
    viewer: Viewer, moments: Sequence[Fraction], variants: Sequence[Variant]
) -> Iterator[tuple[int, int, Found]]:
    """(place of the moment, place of the variant, what was found), in whatever order is quick.

    One run over all moments serves all variants that differ only in how they are painted.
    """
    order = sorted(range(len(moments)), key=moments.__getitem__)
    runs: dict[tuple[Settings, Context], list[int]] = {}
    for number, variant in enumerate(variants):
        plain = replace(variant.settings, paint=Settings().paint)
        runs.setdefault((plain, variant.context), []).append(number)
    for (settings, context), numbers in runs.items():
        found = viewer.found([moments[place] for place in order], settings, context)
        for place, one in zip(order, found, strict=True):
            yield from ((place, number, one) for number in numbers)


def label(seconds: Fraction, viewer: Viewer) -> str:
    """A time as it is printed on a picture: without hours where the film has none."""
    if viewer.film is None:
        return ""
    text = timecode(seconds)
    return text if viewer.end >= 3600 else text.removeprefix("0:")


def describe_film(viewer: Viewer, variants: Sequence[Variant]) -> tuple[str, str]:
    """The name, and size, length and weights."""
    width, height = viewer.screen.size
    facts = [f"{width}x{height}"]
    if viewer.film:
        facts.append(timecode(viewer.end))
    named = dict.fromkeys(viewer.weights_of(variant.settings) for variant in variants)
    facts.append("weights " + ", ".join(named))
    return viewer.name, "  \N{MIDDLE DOT}  ".join(facts)
