"""The first look at a film: its key frames are colored, and agree on the colors of its things."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction

import torch

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.guide import FrameSource, look_by_plan, make_key
from vidcolor.core.frames import Frame
from vidcolor.core.iterators import close
from vidcolor.guidance.agreement import Told, settle
from vidcolor.guidance.color_script import STEP, ColorScript, KeyLook, thin_out
from vidcolor.guidance.key_frame import View
from vidcolor.guidance.local_features import find_features
from vidcolor.guidance.plan import Guidance, ShotRange

_PART = Fraction(6)
"""Seconds of a shot that one key frame stands for."""
_MOST_OF_SHOT = 8


def make_script(
    plan: Guidance,
    end: Fraction,
    colorizer: Colorizer,
    source: FrameSource,
    aspect: Fraction,
    rotation: Sequence[int] | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> ColorScript:
    """Look at a film, and decide on its colors.

    Args:
        plan: Has the shots, and the dials of their stretches.
        end: When the film ends, in seconds.
        colorizer: Has the net; it listens from now on.
        source: Gives the frames.
        aspect: Width of a sample over its height.
        rotation: Display matrix of the video; None where it is stored upright.
        tell: Is told how many frames of how many were looked at.

    Raises:
        WeightsError: The net has no guide.
        FilmError: A frame cannot be read.
    """
    guide = colorizer.listen()
    moments = choose_moments(plan.shots, end)
    keys: list[KeyLook] = []
    looked = look_at_keys(plan, moments, colorizer, source, aspect, rotation)
    for number, key in enumerate(looked, 1):
        if tell:
            tell(number, len(moments))
        keys.append(key)
    return settle(drop_doubles(keys), guide)


def look_at_keys(
    plan: Guidance,
    moments: Sequence[Fraction],
    colorizer: Colorizer,
    source: FrameSource,
    aspect: Fraction,
    rotation: Sequence[int] | None = None,
) -> Iterator[KeyLook]:
    """The key frames on screen at some moments, in their automatic colors, one for each moment.

    They do not hang on each other, so a film may be looked at in parts, by several. Bits depend on
    how many threads torch has.

    Args:
        plan: Has the dials of stretches; its shots do not matter.
        moments: Ascending, of `choose_moments`.
        colorizer: As of `make_script`.
        source: As of `make_script`.
        aspect: As of `make_script`.
        rotation: As of `make_script`.

    Raises:
        FilmError: A frame cannot be read.
    """
    frames = source(moments)
    key: KeyLook | None = None
    try:
        for seconds, frame in frames:
            if key is None or key.seconds < seconds:
                view = look_by_plan(plan, seconds, frame, colorizer, aspect, rotation)
                key = _thin_out(view, seconds, frame, colorizer, aspect)
            yield key
    finally:
        close(frames)


@torch.inference_mode()
def look_at_told(
    plan: Guidance,
    colorizer: Colorizer,
    source: FrameSource,
    aspect: Fraction,
    rotation: Sequence[int] | None = None,
) -> Iterator[Told]:
    """The frames of which the color sheet says something, ascending in time.

    Args:
        plan: Has the sheet; its shots do not matter.
        colorizer: As of `make_script`.
        source: As of `make_script`.
        aspect: As of `make_script`.
        rotation: As of `make_script`.

    Raises:
        SettingsError: A color is none, or an image cannot be read.
        FilmError: A frame cannot be read.
    """
    moments = sorted(set(plan.moments))
    for (seconds, frame), moment in zip(source(moments), moments, strict=True):
        said = plan.said_at(moment)
        view = look_by_plan(plan, seconds, frame, colorizer, aspect, rotation)
        key = make_key(view, seconds, said, colorizer, plan.sheet)
        guide = thin_out(key.guide, STEP).flatten(1).T
        yield Told(_thin_out(view, seconds, frame, colorizer, aspect), guide)


def _thin_out(
    view: View, seconds: Fraction, frame: Frame, colorizer: Colorizer, aspect: Fraction
) -> KeyLook:
    lightness = colorizer.lightness_of(frame, aspect)
    features = find_features(lightness, colorizer.net.output_stride)
    return KeyLook.of(seconds, view.places, view.seen.ab[0], features)


def drop_doubles(keys: Iterable[KeyLook]) -> list[KeyLook]:
    """Each key frame once: one frame may be on screen at two moments."""
    found: list[KeyLook] = []
    for key in keys:
        if not found or found[-1].seconds < key.seconds:
            found.append(key)
    return found


def choose_moments(shots: Sequence[ShotRange], end: Fraction) -> list[Fraction]:
    """The middles of all shots; of long ones, those of equal parts of them."""
    moments = []
    for shot in shots:
        start = shot.start_seconds
        length = max(Fraction(0), (end if shot.end_seconds is None else shot.end_seconds) - start)
        parts = min(_MOST_OF_SHOT, max(1, math.ceil(length / _PART)))
        moments += [start + length * (2 * n + 1) / (2 * parts) for n in range(parts)]
    return moments
