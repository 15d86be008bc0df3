"""What the preview process does for colors that a person sets: paints, suggests, checks a sheet.

The net looks at a frame once; then it is painted again and again with what its sheet says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcolor.guidance.entries import Hint, Reference
from vidcolor.web.options import TUNED, Choice
from vidcolor.web.worker_parts import WIDEST, WISH, Source, colorizer_of, write

if TYPE_CHECKING:
    from torch import Tensor

    from vidcolor.colorize.painter import FramePainter
    from vidcolor.core.frames import Frame
    from vidcolor.guidance.key_frame import KeyFrame
    from vidcolor.guidance.plan import Guidance
    from vidcolor.guidance.types import ColorSheet
    from vidcolor.media.display import DisplayConverter
    from vidcolor.nets.palette import PaletteColors

FRAMES_KEPT = 8
"""Frames that the net has looked at, and shots' key frames among them."""

KEYS_KEPT = 4
"""Key frames that stay of one frame."""

MOST_KEYS = 4
"""Other frames of the shot, the nearest ones, whose hints are carried to the one that is shown."""

LIGHT = 60.0
"""L* at which colors can be told from each other."""

LOOKS_KEPT = 8
"""Images that the net has looked at."""


@dataclass(frozen=True)
class Shown:
    """A frame that can be painted."""

    frame: Frame
    seconds: Fraction
    screen: DisplayConverter
    painter: FramePainter
    keys: dict[Hashable, KeyFrame] = field(default_factory=dict)
    """What was said of it -> the key frame that it is."""


def paint(
    path: str,
    moment: str,
    choice: dict[str, Any],
    sheet: str,
    shot: list[str | None] | None,
    before: str,
    after: str,
    fps: str | None = None,
) -> dict[str, Any]:
    """Write the frame at a moment, and the frame as the sheet says.

    Args:
        path: Of the film.
        moment: Seconds at which the frame is on screen.
        choice: Of the page; dials of the sheet go before it.
        sheet: File of the color sheet.
        shot: From when to when its shot is shown; None where that is not known: then only what is
            said of this very frame counts.
        before: Where the gray picture goes.
        after: Where the painted one goes.
        fps: Frames per second of an image sequence.
    """
    from vidcolor.colorize.paint import paint_frame
    from vidcolor.media.display import canvas

    asked, source = Choice(**choice), Source(path, fps)
    plan, asked = _plan(source, Fraction(moment), asked, sheet, shot)
    dials = plan.dials_at(Fraction(moment))
    keep_gray, palette = dials.keep_gray, plan.palettes.get(dials.palette or "", ())
    shown = shown_at(source, Fraction(moment), asked, palette)
    neutral = "asked" if keep_gray else shown.frame.neutral
    share = 0.0 if keep_gray or shown.frame.share is None else shown.frame.share
    if keep_gray is False and neutral == "title":
        share, neutral = 1.0, ""
    painted = canvas(shown.frame)
    ab, said = _color(shown, plan, asked, source)
    paint_frame(painted, ab * share, said)
    width, height = shown.screen.size
    size = (WIDEST, round(height * WIDEST / width)) if width > WIDEST else None
    write(shown.screen(shown.frame, size), before)
    write(shown.screen(painted, size), after)
    return {"seconds": str(shown.seconds), "neutral": neutral}


def suggest(
    path: str,
    moment: str,
    choice: dict[str, Any],
    point: tuple[float, float],
    fps: str | None = None,
) -> dict[str, Any]:
    """Likely colors of a point, and the one that the net found.

    Each is told as it looks there, and in ``light`` not darker than `LIGHT`: in the dark all colors
    look the same.
    """
    from vidcolor.guidance.suggest import color_at

    point = (point[0], point[1])
    painter = shown_at(Source(path, fps), Fraction(moment), Choice(**choice)).painter
    found = painter.suggest(point)
    level = max(LIGHT, painter.lightness_at(point))
    colors = [
        {"color": one.color, "light": color_at(level, one.ab), "share": round(one.share, 3)}
        for one in found
    ]
    return {"colors": colors, "automatic": painter.pick(point)}


def check_file(path: str, sheet: str, fps: str | None = None) -> dict[str, Any]:
    """Raise where a color sheet does not fit a film or a picture; its images are decoded."""
    from vidcolor.guidance.places import plan_colors, plan_still_colors
    from vidcolor.media.images.reference import read_reference
    from vidcolor.media.open import film_is_still, open_video

    if film_is_still(path):
        plan = plan_still_colors(Path(path), sheet)
    else:
        with open_video(path, Source(path, fps).settings().open) as film:
            plan = plan_colors(film.info, sheet)
    for reference in plan.sheet.references if plan else ():
        assert plan
        read_reference(plan.sheet.find_image(reference))
    return {"notes": list(plan.notes) if plan else []}


def shown_at(
    source: Source, moment: Fraction, choice: Choice, palette: PaletteColors = ()
) -> Shown:
    """The frame at a moment, which the net has looked at; the last ones stay."""
    plain = replace(choice, smooth=0.0, saturation=1.0)
    return _examine(source, source.changed(), moment, plain, palette)


@lru_cache(maxsize=FRAMES_KEPT)
def _examine(
    source: Source, _changed: int, moment: Fraction, choice: Choice, palette: PaletteColors
) -> Shown:
    from vidcolor.colorize.painter import FramePainter
    from vidcolor.preview.viewer import Viewer
    from vidcolor.shots.titles import judged_alone

    colorizer = colorizer_of(choice)
    settings = source.settings(choice.settings())
    with Viewer(source.path, settings, colorizer, WISH.check, "none") as viewer:
        ((seconds, frame),) = viewer.frames([viewer.check(moment) if viewer.film else moment])
        info = viewer.film.info if viewer.film else None
        aspect = info.sample_aspect if info else None
        return Shown(
            judged_alone(frame, choice.settings().titles),
            seconds,
            viewer.screen,
            FramePainter(frame, colorizer, aspect, info.rotation if info else None, palette),
        )


def _plan(
    source: Source, moment: Fraction, choice: Choice, sheet: str, shot: list[str | None] | None
) -> tuple[Guidance, Choice]:
    """What the sheet says of a shot, and the choice with its dials."""
    from vidcolor.guidance.plan import Guidance, ShotRange
    from vidcolor.guidance.types import ColorSheet

    rate, first = _clock(source, source.changed())
    said = ColorSheet.read(sheet, rate, first)
    if shot:
        start, end = (None if one is None else Fraction(one) for one in shot)
    else:
        half = 1 / (rate or Fraction(25)) / 2
        start, end = max(Fraction(0), moment - half), moment + half
    plan = Guidance(said, rate, [ShotRange(start or Fraction(0), end)])
    dials = plan.dials_at(moment)
    vivid = choice.vivid if dials.vivid is None else dials.vivid
    own = replace(
        choice,
        # What stands in a sheet is meant as a number, also where the page's dial means "as tuned".
        vivid=TUNED + 1e-6 if dials.vivid == TUNED else vivid,
        saturation=choice.saturation if dials.saturation is None else dials.saturation,
        weights=dials.weights or choice.weights,
    )
    return plan, own


@lru_cache(maxsize=FRAMES_KEPT)
def _clock(source: Source, _changed: int) -> tuple[Fraction | None, str]:
    """Frame rate of a film and timecode of its first frame, for SMPTE times."""
    from vidcolor.media.open import film_is_still, open_video

    if film_is_still(source.path):
        return None, ""
    with open_video(source.path, source.settings().open) as film:
        return film.info.frame_rate, film.info.timecode


def _color(shown: Shown, plan: Guidance, choice: Choice, source: Source) -> tuple[Tensor, Tensor]:
    """``(2, h, w)`` ab of a frame with what is said of its shot, and ``(1, h, w)`` how far."""
    (shot,) = plan.shots
    references = plan.references_of(shot)
    said: list[Hint | Reference] = [one for one in references if one.time is not None]
    said += plan.hints_of(shot)
    own: list[Hint | Reference] = []
    others: dict[Fraction, list[Hint | Reference]] = {}
    frame = 2 * plan.tolerance
    for one in said:
        at = (one.time or Fraction(0)) + plan.tolerance
        here = one.time is None or shown.seconds <= at < shown.seconds + frame
        (own if here else others.setdefault(at, [])).append(one)
    nearest = sorted(others, key=lambda at: abs(at - shown.seconds))[:MOST_KEYS]
    keys: list[KeyFrame] = []
    for at in nearest:
        other = shown_at(source, at, choice)
        if other.seconds == shown.seconds:
            own = [*others[at], *own]
        else:
            keys.append(_key(other, others[at], plan.sheet))
    if own:
        keys.append(_key(shown, own, plan.sheet))
    looks = (one for one in references if one.time is None)
    keys += [_look(str(plan.sheet.find_image(one)), choice) for one in looks]
    return shown.painter.blend(keys, shown.seconds, choice.saturation)


def _key(shown: Shown, said: list[Hint | Reference], sheet: ColorSheet) -> KeyFrame:
    """The key frame of a frame of which something is said; the last ones stay with the frame."""
    files = [sheet.find_image(one) for one in said if isinstance(one, Reference)]
    changed = tuple(os.stat(file).st_mtime_ns for file in files)
    known = (tuple(said), tuple(sheet.saved.items()), changed)
    if known not in shown.keys:
        if len(shown.keys) >= KEYS_KEPT:
            shown.keys.clear()
        shown.keys[known] = shown.painter.key(shown.seconds, said, sheet)
    return shown.keys[known]


def _look(image: str, choice: Choice) -> KeyFrame:
    plain = replace(choice, smooth=0.0, saturation=1.0)
    return _look_of(image, os.stat(image).st_mtime_ns, plain)


@lru_cache(maxsize=LOOKS_KEPT)
def _look_of(image: str, _changed: int, choice: Choice) -> KeyFrame:
    from vidcolor.colorize.guide import read_look
    from vidcolor.guidance.types import ColorSheet

    colorizer = colorizer_of(choice)
    colorizer.listen()
    return read_look(Reference(image), colorizer, ColorSheet())


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "paint": paint,
    "suggest": suggest,
    "check": check_file,
}
"""By the name that a line asks for."""
