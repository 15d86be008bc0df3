"""Key frames: pictures whose colors the user knows, in full or in part, spread over all of them.

A key frame gets its colors from hints or from a reference. Its shot's other frames get them from
it: what looks alike has the same color.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.guidance.color_script import ScriptKey, enlarge, thin_out
from vidcolor.guidance.entries import Hint
from vidcolor.guidance.hint_map import Resolve, draw_hints
from vidcolor.media.display import turn_back, turn_upright
from vidcolor.nets.colornet import Examination
from vidcolor.nets.guide_net import GuideNet, measure_surprise, places_of

MOST_HINTED = 300
"""Samples with a hint that are spread; of more, evenly many are left out."""
_MOST_OF_ONE = 30
"""The same of one color: those of a large area say together what a few do, and are believed beyond
its outline, too. With 300 the rest changes by 0.13 of what the area does, with 30 by 0.10."""
KEYED = 400.0
"""Frames that a key frame counts for when the guide is smoothed. Measured with a true first frame
of 6 films: 31.2 dB over 50 frames with 400, 30.9 with 40, 31.0 with 4000."""
_SAID = 0.05
"""Weight from which a sample's color is carried to other frames."""
_MOST_SAID = 1800
"""Samples that are carried from at most; about, since every second or fourth is left out."""
_MOST_SPREAD = 600
"""The same where hints were spread: they have no detail that could be lost."""
_STEP = 4
"""Of the samples of which nothing is said, one in so many tells so, in each direction."""
_NEAR = 1.0
"""Seconds from a key frame at which another one counts for twice as much if it is on time."""
_LOOK = 0.02
"""How much a look counts beside a key frame."""
_KEY_CARE = 0.3
"""How much the automatic color counts against a key frame, of what the guide learned: 0.05 dB with
a true first frame of 6 films, and what comes back elsewhere keeps more of its color."""
_LOOK_CARE = 50.0
"""The same against a look. Looks of
another scene cost 0.3 dB with 1, nothing with 30, and gain 0.2 dB with 300; one of the same scene
gains 4.0, 3.8 and 3.3 dB (12 frames of 6 films, each with a look of each)."""
_SCRIPT_CARE = 0.05
"""The same against a key frame of a color script, from which less hangs."""
_FAR = 0.2
"""Of the weight of the nearest key frame of a script, which another one lacks: to follow one more
takes as long again, and halfway between two of them both count alike."""
_FOLLOW_STEP = 2
"""Samples of a frame, in each direction, for one at which the change by a script is found. Things
of made films differ by 0.28 of what they do without a script with 1, 0.32 with 2, 0.36 with 3."""
_LOOK_POWER = 3
"""Power of the weight of a look: half a likeness is none."""


@dataclass(frozen=True)
class View:
    """A picture as the net knows it."""

    seen: Examination
    """Of this one picture."""
    lightness: Tensor
    """``(1, h, w)`` L* at the net's output size."""
    rotation: Sequence[int] | None = None
    """Display matrix: what users say is of the picture as players show it."""

    @classmethod
    def of(
        cls, seen: Examination, lightness: Tensor, rotation: Sequence[int] | None = None
    ) -> View:
        """With ``(h, w)`` lightness at working size."""
        return cls(seen, reduce_lightness(lightness, seen.ab.shape[2:]), rotation)

    @property
    def places(self) -> Tensor:
        """As of `places_of`."""
        return places_of(self.seen.embedding[0], self.lightness)

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the net's output."""
        return self.lightness.shape[1], self.lightness.shape[2]


@dataclass(frozen=True)
class KeyFrame:
    """A picture whose colors are known, in full or in part."""

    seconds: Fraction | None
    """When it is shown; None for a look, which is no frame of the video."""
    guide: Tensor
    """``(3, h, w)``, as of `ColorizedFrame.guide`, of the picture itself."""
    places: Tensor
    """``(M, D + 3)`` places that are compared with those of other frames."""
    colors: Tensor
    """``(M, 3)`` their guide."""
    start: Fraction | None = None
    """From when a look holds, in seconds; None is the beginning."""
    end: Fraction | None = None
    """Until when it holds; None is the end."""

    def holds_at(self, seconds: Fraction) -> bool:
        """Whether it says something of a frame of its shot."""
        return (self.start or 0) <= seconds and (self.end is None or seconds < self.end)

    @classmethod
    def of(
        cls, view: View, guide: Tensor, seconds: Fraction | None, spread: bool = False
    ) -> KeyFrame:
        """The key frame of a picture with ``(3, h, w)`` guide; ``spread`` if only of hints."""
        chosen = choose_places(guide[2], _MOST_SPREAD if spread else _MOST_SAID)
        places = view.places[chosen]
        if seconds is None:
            places[:, -2:] = 0.0  # where a thing stands in another picture says nothing
        return cls(seconds, guide, places, guide.flatten(1).T[chosen].contiguous())


def reduce_lightness(lightness: Tensor, size: Sequence[int]) -> Tensor:
    """``(1, h', w')`` of ``(h, w)`` L* at working size."""
    return F.interpolate(lightness[None, None], tuple(size), mode="area")[0]


def choose_places(weight: Tensor, most: int = _MOST_SAID) -> Tensor:
    """``(M,)`` numbers of the samples that stand for a picture with ``(h, w)`` weights.

    ``most`` is about how many of them have a color.
    """
    said = (weight > _SAID).flatten().nonzero().flatten()
    if len(said) > most:
        w = weight.shape[1]
        step = 2 if len(said) < 4 * most else _STEP
        said = said[(said // w % step == 0) & (said % w % step == 0)]
    y, x = torch.meshgrid(*map(torch.arange, weight.shape), indexing="ij")
    rest = (y % _STEP == 0) & (x % _STEP == 0) & (weight <= _SAID)
    return torch.cat([said, rest.flatten().nonzero().flatten()])


@torch.inference_mode()
def spread_hints(
    view: View,
    hints: Sequence[Hint],
    guide: GuideNet,
    resolve: Resolve,
    bins: Tensor,
) -> Tensor:
    """``(3, h, w)`` guide of a picture with hints: they are spread over what they belong to.

    Args:
        view: The picture.
        hints: Of it; without one nothing is said.
        guide: Goes with the net that looked.
        resolve: Tells what a color is.
        bins: ``(Q, 2)`` of the net.

    Raises:
        SettingsError: A color is none.
    """
    ab = view.seen.ab[0]
    upright = draw_hints(hints, resolve, turn_upright(ab, view.rotation))
    drawn = turn_back(upright, view.rotation)
    hinted = drawn[2].flatten().nonzero().flatten()
    if not len(hinted):
        return torch.zeros_like(drawn)
    some = _thin_out(hinted, drawn[:2].flatten(1)[:, hinted].T, ab.flatten(1)[:, hinted].T)
    colors = drawn[:2].flatten(1)[:, some].T
    logits = view.seen.logits[0].flatten(1)[:, some].T
    surprise = measure_surprise(logits, bins, colors)
    spread, weight = guide.spread(view.places, some, colors, ab.flatten(1).T, surprise)
    share = weight.T.view(1, *ab.shape[1:]).clamp(0, 1)
    found = torch.cat([spread.T.view_as(ab) - (1 - share) * ab, share])
    painted = torch.cat([drawn[:2], torch.ones_like(share)])
    return torch.where(drawn[2:] > 0, painted, found)


def _thin_out(hinted: Tensor, colors: Tensor, ab: Tensor) -> Tensor:
    """``(m,)`` of ``(n,)`` numbers of samples with a hint, few of each color.

    Args:
        hinted: Numbers of the samples, ascending.
        colors: ``(n, 2)`` theirs.
        ab: ``(n, 2)`` automatic ones; those that keep it count as of one color.
    """
    kind = torch.where(colors == ab, torch.inf, colors)
    _, number = torch.unique(kind, dim=0, return_inverse=True)
    kept = [_evenly(hinted[number == one], _MOST_OF_ONE) for one in range(int(number.max()) + 1)]
    return _evenly(torch.cat(kept).sort().values, MOST_HINTED)


def _evenly(numbers: Tensor, most: int) -> Tensor:
    """As many of them as may be, far apart in their order."""
    if len(numbers) <= most:
        return numbers
    return numbers[torch.linspace(0, len(numbers) - 1, most).round().long()]


def lay_reference(ab: Tensor, alpha: Tensor) -> Tensor:
    """``(3, h, w)`` guide of a picture whose ``(2, h, w)`` ab is known where alpha says so."""
    alpha = alpha.clamp(0, 1)
    return torch.cat([ab * alpha, alpha])


@torch.inference_mode()
def carry_colors(
    keys: Sequence[KeyFrame], places: Tensor, size: Sequence[int], seconds: Fraction, net: GuideNet
) -> Tensor:
    """``(3, h, w)`` guide of a frame, by what it has in common with key frames.

    Args:
        keys: Of its shot, at least one.
        places: ``(N, D + 3)`` of the frame, as of `places_of`.
        size: (h, w) of the guide.
        seconds: When the frame is shown.
        net: The guide of the net.
    """
    own = [
        key.guide if key.seconds == seconds else carry_key(key, places, size, net) for key in keys
    ]
    return mix_guides([(key.seconds, guide) for key, guide in zip(keys, own, strict=True)], seconds)


def follow_script(
    keys: Sequence[ScriptKey], places: Tensor, ab: Tensor, seconds: Fraction, net: GuideNet
) -> Tensor:
    """``(2, h, w)`` ab of a frame by key frames of a script.

    The change is found for fewer samples, so what is fine in the automatic color stays.

    Args:
        keys: Of its shot, at least one.
        places: As of `carry_colors`.
        ab: ``(2, h, w)`` automatic color.
        seconds: When the frame is shown.
        net: The guide of the net.
    """
    few = thin_out(torch.cat([places.T.reshape(-1, *ab.shape[1:]), ab]), _FOLLOW_STEP)
    own, automatic = few[:-2].flatten(1).T.contiguous(), few[-2:].flatten(1).T
    change = torch.zeros_like(automatic)
    for key, share in zip(keys, _weigh_keys(keys, seconds), strict=True):
        if share and key.is_followed:
            found = net.carry(own, key.places, key.guide, _SCRIPT_CARE)
            change += share * (found[:, :2] - found[:, 2:] * automatic)
    return ab + enlarge(change, ab.shape[1:], _FOLLOW_STEP)


def _weigh_keys(keys: Sequence[ScriptKey], seconds: Fraction) -> list[float]:
    """How much each key frame counts for a frame, 1 together; of no account is none of them."""
    near = [1 / (1 + (float(abs(key.seconds - seconds)) / _NEAR) ** 2) for key in keys]
    near = [max(0.0, one / max(near) - _FAR) for one in near]
    return [one / sum(near) for one in near]


def mix_guides(guides: Sequence[tuple[Fraction | None, Tensor]], seconds: Fraction) -> Tensor:
    """``(3, h, w)`` guide of a frame by those that key frames give it.

    Near key frames count for more than far ones, and the frame itself for all that is said of it.

    Args:
        guides: Of each key frame when it is shown, None for a look, and ``(3, h, w)``.
        seconds: When the frame is shown.
    """
    size = guides[0][1].shape[1:]
    colors, strongest, total = torch.zeros(2, *size), torch.zeros(1, *size), torch.zeros(1, *size)
    for shown, found in guides:
        apart = 0.0 if shown is None else float(abs(shown - seconds))
        count = _LOOK if shown is None else 1 / (1 + (apart / _NEAR) ** 2)
        count = KEYED if shown == seconds else count
        colors += found[:2] * count
        total += found[2:] * count
        strongest = torch.maximum(strongest, found[2:])
    # Colors are means by weight; the weight is that of the key frame that knows most.
    return torch.cat([colors / total.clamp(min=1e-6) * strongest, strongest])


def carry_key(key: KeyFrame, places: Tensor, size: Sequence[int], net: GuideNet) -> Tensor:
    """``(3, h, w)`` guide that one key frame gives another frame; arguments as `carry_colors`."""
    if key.seconds is not None:
        found = net.carry(places, key.places, key.colors, _KEY_CARE)
        return found.T.reshape(3, *size)
    places = places.clone()
    places[:, -2:] = 0.0
    found = net.carry(places, key.places, key.colors, _LOOK_CARE).T.reshape(3, *size)
    return found * found[2:] ** (_LOOK_POWER - 1)
