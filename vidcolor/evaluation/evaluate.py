"""Truth and result in, Scores out: how near a colored film or picture comes to the true one.

Named evaluation, not evaluate, so that ``vidcolor.evaluate`` is the function whatever was imported
first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.evaluation.metrics import (
    colorfulness,
    colorfulness_signed,
    frechet_distance,
    lpips_net,
    lpips_weights,
    psnr,
    ssim,
)
from vidcolor.evaluation.pairing import VERSIONS, mark_cuts, matches
from vidcolor.evaluation.temporal_metrics import (
    CDC_STEPS,
    OVER_TIME,
    RATIOS,
    Steadiness,
    SteadinessMeter,
    ratio,
)
from vidcolor.nets.vgg import VGG16Features
from vidcolor.nets.weights import FEATURE_BLOCKS, load_features

FRECHET_FEATURES = 512
"""Channels of VGG16's relu4_3, the last layer of the features that ship."""

FRECHET_SIDE = 224
"""VGG16 sees every picture at this width and height, those it learned from."""

FRECHET_MIN_FRAMES = 64
"""With fewer frames the Fréchet distance says nothing and is left out."""


@dataclass(frozen=True, kw_only=True)
class Scores(Steadiness):
    """Measures of a result against the truth: means over frames, on 8-bit RGB codes 0..255.

    Those of `Steadiness` are measured inside shots, for films and for pictures that are the frames
    of a clip: names that end in a number, numbered one after another.
    """

    truth: str
    """Path, as given."""
    result: str
    """Path, as given."""
    frames: int
    """N: frames or pictures compared."""
    psnr: float
    """dB."""
    psnr_grey: float
    """PSNR, in dB, of the truth without its colors (its L* as gray): what a result must beat."""
    ssim: float
    """0..1, higher is better."""
    lpips: float | None = None
    """AlexNet, version 0.1, lower is better; None where it was left out."""
    colorfulness: float
    """Of the result, absolute values taken first."""
    colorfulness_truth: float
    """Of the truth, absolute values taken first."""
    delta_colorfulness: float
    """``|colorfulness - colorfulness_truth|``, lower is better."""
    colorfulness_signed: float
    """Of the result, signs kept."""
    colorfulness_signed_truth: float
    """Of the truth, signs kept."""
    frechet_vgg16: float | None = None
    """Fréchet distance of the spatial means of VGG16's relu4_3 on pictures of 224 x 224, all
    frames pooled, lower is better; None where it was left out. It is no FID: values compare only
    among themselves, and only for the same N."""
    per_frame: str | None = None
    """Path, as given, of the result colored frame by frame; None where there was none."""
    psnr_per_frame: float | None = None
    """dB, of the per-frame result."""
    psnr_gain: float | None = None
    """dB, ``psnr - psnr_per_frame``."""
    colorfulness_per_frame: float | None = None
    """Of the per-frame result, absolute values taken first."""
    colorfulness_kept: float | None = None
    """``colorfulness / colorfulness_per_frame``: what smoothing leaves of the color, 1 is all."""
    notes: dict[str, str]
    """Measure -> why it was left out, or how far it can be trusted."""

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        plain = asdict(self)
        # Inherited fields come first in a dataclass; a reader looks for the paths there.
        return plain | {field.name: plain.pop(field.name) for field in fields(Steadiness)}


def evaluate(
    truth: str | os.PathLike[str],
    result: str | os.PathLike[str],
    *,
    per_frame: str | os.PathLike[str] | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Scores:
    """Scores of a colored film, picture or folder of pictures against the true one.

    Films are compared frame by frame, folders by the stems of their file names, in one pass.
    Nothing is downloaded: LPIPS is skipped if torchvision has not downloaded AlexNet yet.

    Args:
        truth: Film, picture or folder of pictures, in color.
        result: The same kind of thing, of the same size and number of frames.
        per_frame: The same film colored with ``vidcolor --no-smooth``, to show what smoothing
            gains and costs.
        on_progress: Called with (frames compared, frames in all; None for films).

    Raises:
        NotComparable: Frames without a partner, pairs of different size, tiny pictures.
        FilmError: One of them cannot be read.
        SettingsError: torchmetrics is not installed.
        WeightsError: The features of VGG16 that ship are damaged.
    """
    paths = [Path(path) for path in (truth, result, per_frame) if path is not None]
    matched, total = matches(paths)
    lpips = lpips_net() if lpips_weights().is_file() else None
    frechet, meter = _Frechet(), SteadinessMeter()
    rows: list[dict[str, float]] = []
    with torch.inference_mode(), closing(matched), closing(mark_cuts(matched)) as marked:
        for match, cut in marked:
            true, made = match.pictures["truth"], match.pictures["result"]
            row = _frame_scores(match.pictures)
            rows.append(row | ({"lpips": lpips(made, true)} if lpips else {}))
            frechet.add(true, made)
            meter.add(match.name, cut, match.pictures)
            if on_progress:
                on_progress(len(rows), total)
    means: dict[str, Any] = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
    steadiness = meter.read()
    return Scores(
        truth=str(truth),
        result=str(result),
        per_frame=None if per_frame is None else str(per_frame),
        frames=len(rows),
        **means,
        delta_colorfulness=abs(means["colorfulness"] - means["colorfulness_truth"]),
        psnr_gain=None if per_frame is None else means["psnr"] - means["psnr_per_frame"],
        colorfulness_kept=ratio(means["colorfulness"], means.get("colorfulness_per_frame")),
        frechet_vgg16=frechet.distance() if len(rows) >= FRECHET_MIN_FRAMES else None,
        notes=_notes(len(rows), lpips is not None)
        | _notes_over_time(steadiness, per_frame is not None),
        **vars(steadiness),
    )


def _frame_scores(pictures: dict[str, Tensor]) -> dict[str, float]:
    true, made, per_frame = (pictures.get(version) for version in VERSIONS)
    assert true is not None
    assert made is not None
    true_codes, made_codes = true.double(), made.double()
    scores = {
        "psnr": psnr(made, true),
        "psnr_grey": psnr(pictures["gray"], true),
        "ssim": ssim(made, true),
        "colorfulness": colorfulness(made_codes),
        "colorfulness_truth": colorfulness(true_codes),
        "colorfulness_signed": colorfulness_signed(made_codes),
        "colorfulness_signed_truth": colorfulness_signed(true_codes),
    }
    if per_frame is not None:
        scores["psnr_per_frame"] = psnr(per_frame, true)
        scores["colorfulness_per_frame"] = colorfulness(per_frame.double())
    return scores


class _Frechet:
    """Features of both sides, kept as running sums, so that a long film costs no memory."""

    def __init__(self) -> None:
        self._vgg = load_features()
        self._truth, self._result = Moments(), Moments()

    def add(self, true: Tensor, made: Tensor) -> None:
        """Takes note of a pair of pictures, ``(3, H, W)`` uint8."""
        features = frechet_features(self._vgg, torch.stack([true, made]))
        self._truth.add(features[0])
        self._result.add(features[1])

    def distance(self) -> float:
        return frechet_distance(*self._result.gaussian(), *self._truth.gaussian())


def frechet_features(vgg: VGG16Features, pictures: Tensor) -> Tensor:
    """What the Fréchet distance is measured on: ``(B, FRECHET_FEATURES)`` float32.

    Args:
        vgg: Of `load_features`.
        pictures: ``(B, 3, H, W)``, sRGB codes 0..255.
    """
    size = (FRECHET_SIDE, FRECHET_SIDE)
    small = F.interpolate(pictures.float(), size, mode="bilinear", antialias=True)
    return vgg.rgb_features(small, FEATURE_BLOCKS)[-1].mean((2, 3))


class Moments:
    """Mean and covariance of vectors as they come, in float64."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = torch.zeros(FRECHET_FEATURES, dtype=torch.float64)
        self._products = torch.zeros(FRECHET_FEATURES, FRECHET_FEATURES, dtype=torch.float64)

    def add(self, vector: Tensor) -> None:
        """Takes note of a vector, ``(D,)``."""
        vector = vector.double()
        self._count += 1
        self._sum += vector
        self._products += torch.outer(vector, vector)

    def gaussian(self) -> tuple[Tensor, Tensor]:
        """Mean ``(D,)`` and unbiased covariance ``(D, D)``."""
        mean = self._sum / self._count
        scatter = self._products - self._count * torch.outer(mean, mean)
        return mean, scatter / (self._count - 1)


def _notes(frames: int, has_lpips: bool) -> dict[str, str]:
    notes = {}
    if not has_lpips:
        notes["lpips"] = (
            f"skipped: AlexNet's weights are not at {lpips_weights()}; to download them (230 MB),"
            " run python -c \"from torchvision.models import alexnet; alexnet(weights='DEFAULT')\""
        )
    if frames < FRECHET_MIN_FRAMES:
        notes["frechet_vgg16"] = (
            f"skipped: N = {frames}, but it needs at least {FRECHET_MIN_FRAMES} frames"
        )
    elif frames < 2 * FRECHET_FEATURES:
        notes["frechet_vgg16"] = (
            f"N = {frames}: biased upwards below {2 * FRECHET_FEATURES}; compare only at the same N"
        )
    return notes


def _notes_over_time(found: Steadiness, per_frame: bool) -> dict[str, str]:
    """Why a measure between frames is missing."""
    wanted = (*OVER_TIME, *RATIOS) if per_frame else OVER_TIME
    missing = [name for name in wanted if getattr(found, name) is None]
    if not found.pairs:
        return dict.fromkeys(
            missing,
            "skipped: no two frames follow each other in one shot (a clip is a film, or pictures"
            " numbered in order)",
        )
    why = dict.fromkeys(missing, "skipped: no point of a frame can be followed to the next")
    if found.warp_error is not None:
        nothing = "skipped: the per-frame result has none to compare with"
        why |= {name: nothing for name in missing if name in RATIOS}
    if found.cdc is None:
        few = f"skipped: no shot has {max(CDC_STEPS) + 1} frames"
        why |= {name: few for name in missing if name.startswith("cdc")}
    return why
