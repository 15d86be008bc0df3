"""Looks for a thing that was hinted in one shot in the other shots of its video.

Places are compared by the net's coarse features, which know what something is better than its fine
ones do. What is usual in a video, its light and its grain, says nothing there: features are
whitened by all frames that are looked at. Measured: docs/colors.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from statistics import median

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.guide import FrameSource, look_at
from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import Hint, Point, SheetContent
from vidcolor.guidance.key_frame import View, spread_hints
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.media.display import turn_upright
from vidcolor.nets.guide_net import normalize

SUREST = 0.5
"""Sureness from which a thing is proposed."""
_LONG = Fraction(3)
"""Seconds from which a shot is looked at in three frames instead of in one."""
_LEARNED = 48
"""Frames at most by which features are whitened."""
_SHRINK = 0.03
"""Share of the mean variance that is added to each, so that none is divided by nothing."""
_PART = 0.25
"""Share of a thing's places that must be seen again."""
_NEAR = 0.2
"""Share of a thing's places that a place is compared with: the most similar ones."""
_USUAL, _USUAL_SHOTS = 1.27, 3
"""Distance of a thing from what it has nothing to do with, and for how many shots that counts."""
_NEARER, _WIDTH = 0.088, 0.03
"""By how much nearer than usual a thing is as likely there as not, and what makes it 0.73."""
_MOST = 600
"""Places at most that stand for a thing."""
_BELONGS = 0.5
"""Weight of a hint from which a place is the thing's."""


@dataclass(frozen=True)
class Sighting:
    """A thing that was found again."""

    hint: Hint
    """That says of it what was said of the thing."""
    shot: ShotRange
    sure: float
    """0..1; 0.5 is as likely as not."""


@dataclass(frozen=True)
class _Thing:
    """What is looked for, as one of its hints shows it."""

    hint: Hint
    features: Tensor
    """``(M, C)`` of its places."""


@dataclass(frozen=True)
class _Shown:
    """A frame as the net knows it."""

    seconds: Fraction
    features: Tensor
    """``(N, C)`` of its places."""
    size: Sequence[int]
    """(h, w) in which they lie."""


@dataclass(frozen=True)
class _Look:
    """What one frame has in common with a thing."""

    shot: ShotRange
    seconds: Fraction
    point: Point
    distance: float


class Finder:
    """Looks for things in one video; what it learned of its frames serves for all of them."""

    def __init__(
        self,
        plan: Guidance,
        colorizer: Colorizer,
        source: FrameSource,
        aspect: Fraction | None = None,
        rotation: Sequence[int] | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            plan: What is said, with the shots.
            colorizer: Has the net; it listens from now on.
            source: Gives frames.
            aspect: Width of a sample over its height; None for square ones.
            rotation: Display matrix of the video; None where it is stored upright.

        Raises:
            WeightsError: The net has no guide.
            SettingsError: The net takes no hints.
        """
        self._plan, self._colorizer, self._source = plan, colorizer, source
        self._aspect, self._rotation = aspect or Fraction(1), rotation
        self._guide = colorizer.listen()

    @torch.inference_mode()
    def find(
        self, name: str, on_frame: Callable[[int, int], object] | None = None
    ) -> list[Sighting]:
        """Where a thing is seen again, in order: one sighting a shot at most.

        Shots with a hint of this name are not looked at.

        Args:
            name: Of the thing; at least one hint has it.
            on_frame: Called after each frame with how many were looked at, and of how many.

        Raises:
            SettingsError: No hint has this name, or a color is none.
            FilmError: A frame cannot be read.
        """
        tell = on_frame or (lambda _done, _total: None)
        hints = sorted(
            hints_named(self._plan.sheet, name), key=lambda hint: hint.time or Fraction(0)
        )
        known = {self._plan.shot_at(hint.time or Fraction(0)) for hint in hints}
        asked = [
            (moment, shot)
            for shot in self._plan.shots
            if shot not in known
            for moment in moments_of(shot)
        ]
        if not asked:
            return []
        some = [moment for moment, _ in asked[:: -(-len(asked) // _LEARNED)]]
        learned = {}
        for moment, shown in zip(some, self._sample(some), strict=True):
            learned[moment] = shown
            tell(len(learned), len(asked))
        done = len(learned)
        things = self._examine(hints)
        samples = [shown.features for shown in learned.values()]
        whiten = Whitening(torch.cat([*samples, *(thing.features for thing in things)]))
        things = [_Thing(thing.hint, whiten(thing.features)) for thing in things]
        looks: list[list[_Look]] = [[] for _ in things]
        rest = self._sample([moment for moment, _ in asked if moment not in learned])
        for moment, shot in asked:
            is_new = moment not in learned
            shown = next(rest) if is_new else learned.pop(moment)
            features = whiten(shown.features)
            for thing, all_looks in zip(things, looks, strict=True):
                apart = torch.cdist(features, thing.features)
                point = self._most_similar(apart, shown.size)
                all_looks.append(_Look(shot, shown.seconds, point, measure_distance(apart)))
            done += is_new
            tell(done, len(asked))
        return _choose(things, looks)

    def _sample(self, moments: Sequence[Fraction]) -> Iterator[_Shown]:
        for seconds, view in self._views(moments):
            yield _Shown(seconds, _features(view).T.contiguous(), view.seen.coarse.shape[2:])

    def _views(self, moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, View]]:
        for seconds, frame in self._source(moments):
            yield seconds, look_at(frame, self._colorizer, self._aspect, self._rotation)

    def _examine(self, hints: Sequence[Hint]) -> list[_Thing]:
        """The places that hints of one thing are spread over."""
        things = []
        resolve, bins = self._plan.sheet.resolve, self._colorizer.bins
        by_time = [(at, list(same)) for at, same in groupby(hints, lambda hint: hint.time)]
        moments = [(at or Fraction(0)) + self._plan.tolerance for at, _ in by_time]
        for (_, same), (_, view) in zip(by_time, self._views(moments), strict=True):
            features = _features(view)
            size = view.seen.coarse.shape[2:]
            for hint in same:
                guide = spread_hints(view, [hint], self._guide, resolve, bins)
                weight = F.interpolate(guide[None, 2:], size, mode="area").flatten()
                places = (weight > min(_BELONGS, float(weight.max()) * 0.9)).nonzero().flatten()
                if len(places) > _MOST:
                    places = places[torch.linspace(0, len(places) - 1, _MOST).round().long()]
                things.append(_Thing(hint, features[:, places].T.contiguous()))
        return things

    def _most_similar(self, apart: Tensor, size: Sequence[int]) -> Point:
        """The place that looks most like a thing, with what is around it."""
        count = max(1, round(_NEAR * apart.shape[1]))
        near = apart.topk(count, 1, largest=False).values.mean(1).view(1, 1, *size)
        near = F.avg_pool2d(near, 3, 1, 1, count_include_pad=False)
        return place_of(int(near.argmin()), size, self._rotation)


def _choose(things: Sequence[_Thing], looks: Sequence[Sequence[_Look]]) -> list[Sighting]:
    """Of each shot the surest sighting, if it is sure enough."""
    best: dict[ShotRange, Sighting] = {}
    for thing, all_looks in zip(things, looks, strict=True):
        nearest: dict[ShotRange, _Look] = {}
        for look in all_looks:
            if look.shot not in nearest or look.distance < nearest[look.shot].distance:
                nearest[look.shot] = look
        distances = [look.distance for look in nearest.values()]
        for shot, look in nearest.items():
            hint = Hint(look.point, thing.hint.color, time=look.seconds, name=thing.hint.name)
            found = Sighting(hint, shot, sureness(look.distance, distances))
            if shot not in best or found.sure > best[shot].sure:
                best[shot] = found
    return [found for found in best.values() if found.sure >= SUREST]


class Whitening:
    """Features in which what varies most in a video counts for no more than the rest."""

    def __init__(self, samples: Tensor) -> None:
        """Learn from ``(N, C)`` features."""
        self._mean = samples.mean(0)
        centered = samples - self._mean
        values, vectors = torch.linalg.eigh(centered.T @ centered / len(samples))
        values = values.clamp(min=0) + _SHRINK * values.mean().clamp(min=1e-6)
        self._turn = vectors @ torch.diag(values.rsqrt()) @ vectors.T

    def __call__(self, features: Tensor) -> Tensor:
        """``(N, C)`` of length 1."""
        return F.normalize((features - self._mean) @ self._turn, dim=1)


def hints_named(sheet: SheetContent, name: str) -> list[Hint]:
    """The hints of a thing, at least one.

    Raises:
        SettingsError: No hint has this name.
    """
    hints = [hint for hint in sheet.hints if name and hint.name == name]
    if hints:
        return hints
    names = ", ".join(dict.fromkeys(hint.name for hint in sheet.hints if hint.name))
    what = f"there are: {names}" if names else f'give one the name, as name = "{name}"'
    raise SettingsError(f"no hint is called {name}; {what}")


def measure_distance(apart: Tensor) -> float:
    """0..2: how unlike a thing all in a picture is; a part of the thing is enough.

    Args:
        apart: ``(N, M)`` distances of the picture's places from the thing's, 0..2.
    """
    return float(apart.amin(0).quantile(_PART))


def sureness(distance: float, distances: Sequence[float]) -> float:
    """0..1: how sure it is that a shot shows a thing.

    Small things look a little like something everywhere, so what is usual for a thing is told by
    the other shots; where there are few of them, by other films.

    Args:
        distance: Of the shot, of `measure_distance`.
        distances: Of all shots.
    """
    usual = median([*distances, *[_USUAL] * _USUAL_SHOTS])
    return 1 / (1 + math.exp((_NEARER - (usual - distance)) / _WIDTH))


def moments_of(shot: ShotRange) -> list[Fraction]:
    """Seconds at which a shot is looked at: in its middle; a long one in three places."""
    if shot.end_seconds is None:
        return [shot.start_seconds]
    length = shot.end_seconds - shot.start_seconds
    shares = (1, 3, 5) if length >= _LONG else (3,)
    return [shot.start_seconds + length * share / 6 for share in shares]


def place_of(number: int, size: Sequence[int], rotation: Sequence[int] | None) -> Point:
    """(x, y) of a sample of a stored picture in the picture as players show it, 0..1."""
    numbers = turn_upright(torch.arange(size[0] * size[1]).view(*size), rotation)
    y, x = (numbers == number).nonzero()[0].tolist()
    return (x + 0.5) / numbers.shape[1], (y + 0.5) / numbers.shape[0]


def _features(view: View) -> Tensor:
    """``(C, N)`` of the places of a picture."""
    return normalize(view.seen.coarse)[0].flatten(1)
