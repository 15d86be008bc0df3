"""How steady a colored film is, beside the true one, the gray one and one colored per frame.

Everything here is measured between frames of one shot and never across a cut. On a clip without
cuts the values are those of the published definitions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.core.optical_flow import optical_flow, visible, warp
from vidcolor.evaluation.metrics import channel_histograms, chroma_jump, jensen_shannon, warp_error

CDC_STEPS = (1, 2, 4)
"""Frames between those whose histograms are compared."""

MAX_PIXELS = 1280 * 720
"""Flow is followed at full size up to this; larger frames are reduced to it first, truth, gray
and results alike."""

ROUNDING = 1e-6
"""Any measure below this is 0, but for rounding."""

OVER_TIME = ("cdc", "cdc_distance", "warp_error", "chroma_warp_error", "chroma_jump")
"""The measures of a result, of those that `Steadiness` holds."""

RATIOS = (
    *("cdc_distance_ratio", "warp_error_ratio", "warp_excess_ratio", "chroma_warp_ratio"),
    "chroma_jump_ratio",
)
"""Those of a result and one colored frame by frame."""


@dataclass(frozen=True, kw_only=True)
class Steadiness:
    """Measures over time; None where there is nothing to measure them on.

    CDC (Liu et al., "Temporally Consistent Video Colorization with Deep Feature Propagation and
    Self-regularization Learning", 2021) is the Jensen-Shannon divergence, in nats, of the R, G
    and B histograms of frames 1, 2 and 4 apart: a mean over pairs, channels and the three steps.
    Values are those of its authors' program on a clip without cuts.

    Warp errors have the form of Lai et al. 2018 (`metrics.warp_error`), mean over pairs
    of frames, with flow and occlusion from the truth's L*. Their flow is FlowNet2's, ours DIS:
    values compare only among themselves. A pair of which nothing is seen is left out.
    """

    shots: int = 0
    """Found in the truth's L* by the stage that coloring uses."""
    pairs: int = 0
    """Neighbouring frames of one shot."""
    cdc: float | None = None
    """Of the result, lower is steadier. Light moves it too: see those of gray and truth."""
    cdc_gray: float | None = None
    """Of the truth without its colors."""
    cdc_truth: float | None = None
    cdc_distance: float | None = None
    """``|cdc - cdc_truth|``, lower is better."""
    warp_error: float | None = None
    """Of the result's RGB 0..1, squared, lower is steadier. Most of it is light."""
    warp_error_gray: float | None = None
    """Of the truth without its colors: about the floor. A steady color may lie a little below,
    since RGB moves less with light in some colors than it does in gray."""
    warp_error_truth: float | None = None
    chroma_warp_error: float | None = None
    """Of the result's CIE a*, b*, squared ab units, lower is steadier; gray has 0."""
    chroma_warp_error_truth: float | None = None
    chroma_jump: float | None = None
    """The worst pair of the result (`metrics.chroma_jump`): ab units, lower is better;
    about 2 can just be seen."""
    chroma_jump_at: str | None = None
    """Name of the later frame of that pair."""
    chroma_jump_truth: float | None = None
    """The worst pair of the truth, another one perhaps: what motion and noise amount to."""
    chroma_jump_truth_at: str | None = None
    cdc_per_frame: float | None = None
    """This and the next three: of the result colored frame by frame, where one was given."""
    warp_error_per_frame: float | None = None
    chroma_warp_error_per_frame: float | None = None
    chroma_jump_per_frame: float | None = None
    cdc_distance_ratio: float | None = None
    """``cdc_distance`` of the result over that of the per-frame result; below 1 is better, as
    with all ratios here."""
    warp_error_ratio: float | None = None
    warp_excess_ratio: float | None = None
    """Of what the warp errors have above gray's; 0 where the result has nothing above it."""
    chroma_warp_ratio: float | None = None
    """Of the chroma warp errors."""
    chroma_jump_ratio: float | None = None
    """Of the worst jumps, wherever each happens."""


class SteadinessMeter:
    """Frames in, `Steadiness` out; one frame and four histograms of each version are held."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._lightness: Tensor | None = None
        self._shots = self._pairs = 0

    def add(self, name: str, cut: bool, pictures: Mapping[str, Tensor]) -> None:
        """Takes note of the next frame.

        Args:
            name: What to call it where it is the worst.
            cut: It starts a shot.
            pictures: ``truth``, ``gray``, ``result`` and perhaps ``per_frame``, the same with
                every frame: ``(3, H, W)`` uint8, of one size within a shot.
        """
        cut = cut or self._lightness is None
        if cut:
            self._shots += 1
            self._tracks = self._tracks or {version: _Track() for version in pictures}
        else:
            self._pairs += 1
        unit = {version: _unit(rgb) for version, rgb in pictures.items()}
        lab = {version: rgb_to_lab(rgb) for version, rgb in unit.items() if version != "gray"}
        lightness = lab["truth"][0]
        along = None if cut or self._lightness is None else _Along(self._lightness, lightness)
        for version, track in self._tracks.items():
            ab = lab[version][1:] if version in lab else None
            track.add(name, pictures[version], unit[version], ab, along)
        self._lightness = lightness

    def read(self) -> Steadiness:
        """The measures of the frames so far."""
        none = _Track()
        gray, truth, result, per_frame = (
            self._tracks.get(version, none) for version in ("gray", "truth", "result", "per_frame")
        )
        distance = _distance(result.cdc, truth.cdc)
        floor = gray.warp.value
        return Steadiness(
            shots=self._shots,
            pairs=self._pairs,
            cdc=result.cdc,
            cdc_gray=gray.cdc,
            cdc_truth=truth.cdc,
            cdc_distance=distance,
            warp_error=result.warp.value,
            warp_error_gray=floor,
            warp_error_truth=truth.warp.value,
            chroma_warp_error=result.chroma.value,
            chroma_warp_error_truth=truth.chroma.value,
            chroma_jump=result.jump,
            chroma_jump_at=result.jump_at,
            chroma_jump_truth=truth.jump,
            chroma_jump_truth_at=truth.jump_at,
            cdc_per_frame=per_frame.cdc,
            warp_error_per_frame=per_frame.warp.value,
            chroma_warp_error_per_frame=per_frame.chroma.value,
            chroma_jump_per_frame=per_frame.jump,
            cdc_distance_ratio=ratio(distance, _distance(per_frame.cdc, truth.cdc)),
            warp_error_ratio=ratio(result.warp.value, per_frame.warp.value),
            warp_excess_ratio=ratio(
                _above(result.warp.value, floor), _above(per_frame.warp.value, floor)
            ),
            chroma_warp_ratio=ratio(result.chroma.value, per_frame.chroma.value),
            chroma_jump_ratio=ratio(result.jump, per_frame.jump),
        )


def ratio(value: float | None, base: float | None) -> float | None:
    """``value / base``; None where one is missing or the base is nothing but rounding."""
    return None if value is None or base is None or base < ROUNDING else value / base


def _distance(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else abs(value - other)


def _above(value: float | None, floor: float | None) -> float | None:
    return None if value is None or floor is None else max(0.0, value - floor)


def _unit(rgb: Tensor) -> Tensor:
    """``(3, h, w)`` float32 0..1, not above `MAX_PIXELS`."""
    H, W = rgb.shape[1:]
    unit = rgb.float() / 255
    scale = (MAX_PIXELS / (H * W)) ** 0.5
    if scale >= 1:
        return unit
    size = max(1, int(H * scale)), max(1, int(W * scale))
    return F.interpolate(unit[None], size, mode="bilinear", antialias=True)[0]


class _Along:
    """The way from one frame into the next, and where it can be relied on."""

    def __init__(self, lightness: Tensor, following: Tensor) -> None:
        self._flow = optical_flow(lightness, following, "medium")[None]
        back = optical_flow(following, lightness, "medium")[None]
        self.seen = visible(self._flow, back)[0, 0]
        """``(h, w)`` bool, on the first of the two."""

    def bring(self, following: Tensor) -> Tensor:
        """Maps ``(C, h, w)`` of the next frame, where their things lie in the first."""
        return warp(following[None], self._flow)[0]


class _Mean:
    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        self._sum += value
        self._count += 1

    @property
    def value(self) -> float | None:
        return self._sum / self._count if self._count else None


class _Track:
    """One version of the film: what is kept of its last frames, and the sums so far."""

    def __init__(self) -> None:
        self._histograms: deque[Tensor] = deque(maxlen=max(CDC_STEPS))
        self._unit = self._ab = torch.zeros(0)
        self._divergence = {step: _Mean() for step in CDC_STEPS}
        self.warp, self.chroma = _Mean(), _Mean()
        self.jump: float | None = None
        self.jump_at: str | None = None

    def add(
        self, name: str, codes: Tensor, unit: Tensor, ab: Tensor | None, along: _Along | None
    ) -> None:
        """Takes note of a frame; ``along`` is None where it starts a shot."""
        if along is None:
            self._histograms.clear()
        self._compare_histograms(channel_histograms(codes))
        if along is not None and along.seen.any():
            self.warp.add(warp_error(self._unit, along.bring(unit), along.seen))
            if ab is not None:
                self._compare_ab(name, along.bring(ab), along.seen)
        self._unit = unit
        self._ab = self._ab if ab is None else ab

    def _compare_histograms(self, now: Tensor) -> None:
        for step in CDC_STEPS:
            if step <= len(self._histograms):
                self._divergence[step].add(jensen_shannon(self._histograms[-step], now))
        self._histograms.append(now)

    def _compare_ab(self, name: str, brought: Tensor, seen: Tensor) -> None:
        self.chroma.add(warp_error(self._ab, brought, seen))
        jump = chroma_jump(self._ab, brought, seen)
        if jump is not None and (self.jump is None or jump > self.jump):
            self.jump, self.jump_at = jump, name

    @property
    def cdc(self) -> float | None:
        """None where no shot has frames of each step apart."""
        means = [mean.value for mean in self._divergence.values()]
        known = [value for value in means if value is not None]
        return sum(known) / len(known) if len(known) == len(means) else None
