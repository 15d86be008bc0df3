"""Truth and result in, Scores out: how near a coloured film or picture comes to the true one.

Named evaluation, not evaluate, so that ``vidcolor.evaluate`` is the function whatever was imported
first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.errors import NotComparable
from vidcolor.film.limits import printable
from vidcolor.film.probe import film_is_still, open_film
from vidcolor.film.rgb import film_rgb
from vidcolor.film.still import read_rgb
from vidcolor.metrics import (
    MIN_SIDE,
    colorfulness,
    colorfulness_signed,
    frechet_distance,
    grey_version,
    lpips_net,
    lpips_weights,
    psnr,
    ssim,
)
from vidcolor.model.vgg import VGG16Features
from vidcolor.model.weights import load_weights

FRECHET_FEATURES = 512
"""Channels of VGG16's relu4_3, the last layer that the shipped weights hold as ImageNet's."""

FRECHET_SIDE = 224
"""VGG16 sees every picture at this width and height, those it learned from."""

FRECHET_MIN_FRAMES = 64
"""With fewer frames the Fréchet distance says nothing and is left out."""

_NAMES_SHOWN = 5

Pair = tuple[str, Tensor, Tensor]
"""What to call it in an error, truth ``(3, H, W)`` uint8, result ``(3, H, W)`` uint8."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Measures of a result against the truth: means over frames, on 8-bit RGB codes 0..255."""

    truth: str
    """Path, as given."""
    result: str
    """Path, as given."""
    frames: int
    """N: frames or pictures compared."""
    psnr: float
    """dB."""
    psnr_grey: float
    """PSNR, in dB, of the truth without its colours (its L* as grey): what a result must beat."""
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
    notes: dict[str, str]
    """Measure -> why it was left out, or how far it can be trusted."""

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, ready for JSON."""
        return asdict(self)


def evaluate(
    truth: str | os.PathLike[str],
    result: str | os.PathLike[str],
    *,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Scores:
    """Scores of a coloured film, picture or folder of pictures against the true one.

    Films are compared frame by frame, the pictures of two folders by the stem of their names. One
    pair of frames is held at a time. Nothing is downloaded: LPIPS is left out where torchvision
    has not yet fetched AlexNet.

    Args:
        truth: Film, picture or folder of pictures, in colour.
        result: The same kind of thing, of the same size and number of frames.
        on_progress: Called with (pairs compared, pairs in all; None for films).

    Raises:
        NotComparable: Frames without a partner, pairs of different size, tiny pictures.
        FilmError: One of the two cannot be read.
        SettingsError: torchmetrics is not installed.
        WeightsError: The shipped weights, whose VGG16 is used, are damaged.
    """
    pairs, total = _pairs(Path(truth), Path(result))
    lpips = lpips_net() if lpips_weights().is_file() else None
    frechet = _Frechet()
    rows: list[dict[str, float]] = []
    with torch.inference_mode(), closing(pairs):
        for name, true, made in pairs:
            _check_pair(name, true, made)
            rows.append(_frame_scores(true, made) | ({"lpips": lpips(made, true)} if lpips else {}))
            frechet.add(true, made)
            if on_progress:
                on_progress(len(rows), total)
    means = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
    return Scores(
        truth=str(truth),
        result=str(result),
        frames=len(rows),
        **means,
        delta_colorfulness=abs(means["colorfulness"] - means["colorfulness_truth"]),
        frechet_vgg16=frechet.distance() if len(rows) >= FRECHET_MIN_FRAMES else None,
        notes=_notes(len(rows), lpips is not None),
    )


def _pairs(truth: Path, result: Path) -> tuple[Generator[Pair, None, None], int | None]:
    """The pairs to compare, and how many there are where that is known."""
    if truth.is_dir() and result.is_dir():
        stems = _shared_stems(truth, result)
        return _folder_pairs(stems), len(stems)
    if truth.is_dir() or result.is_dir():
        raise NotComparable(
            "one of the two is a folder; compare folder with folder, film with film"
        )
    return _film_pairs(truth, result), None


def _folder_pairs(stems: dict[str, tuple[Path, Path]]) -> Generator[Pair, None, None]:
    for stem, (truth, result) in stems.items():
        yield stem, read_rgb(truth), read_rgb(result)


def _film_pairs(truth: Path, result: Path) -> Generator[Pair, None, None]:
    with closing(_frames(truth)) as trues, closing(_frames(result)) as mades:
        for number, (true, made) in enumerate(zip_longest(trues, mades), 1):
            if true is None or made is None:
                ended, going = (truth, result) if true is None else (result, truth)
                raise NotComparable(
                    f"{printable(ended.name)} ends after {number - 1} frames, but"
                    f" {printable(going.name)} goes on; compare films of the same frames"
                )
            yield f"frame {number}", true, made


def _frames(path: Path) -> Generator[Tensor, None, None]:
    """(3, H, W) uint8: the frames of a film, or the one of a picture."""
    if film_is_still(path):
        yield read_rgb(path)
        return
    with open_film(path) as film, closing(film_rgb(film)) as frames:
        yield from frames


def _shared_stems(truth: Path, result: Path) -> dict[str, tuple[Path, Path]]:
    """The pictures of two folders by stem.

    Raises:
        NotComparable: One has a picture that the other has not, or there are none.
    """
    trues, mades = _stills(truth), _stills(result)
    for folder, missing in ((result, trues.keys() - mades), (truth, mades.keys() - trues)):
        if missing:
            shown = ", ".join(printable(stem) for stem in sorted(missing)[:_NAMES_SHOWN])
            more = f" and {len(missing) - _NAMES_SHOWN} more" if len(missing) > _NAMES_SHOWN else ""
            raise NotComparable(
                f"{printable(folder)}: has no picture named {shown}{more}; every picture of one"
                " folder must be in the other (any suffix)"
            )
    if not trues:
        raise NotComparable(f"{printable(truth)}: holds no picture; name a folder of pictures")
    return {stem: (trues[stem], mades[stem]) for stem in sorted(trues)}


def _stills(folder: Path) -> dict[str, Path]:
    """Stem -> picture; hidden files and those that are no pictures do not count."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not film_is_still(path):
            continue
        if path.stem in found:
            raise NotComparable(
                f"{printable(folder)}: {printable(found[path.stem].name)} and"
                f" {printable(path.name)} have the same stem; keep one of them"
            )
        found[path.stem] = path
    return found


def _check_pair(name: str, true: Tensor, made: Tensor) -> None:
    (height, width), (made_height, made_width) = true.shape[1:], made.shape[1:]
    if (height, width) != (made_height, made_width):
        raise NotComparable(
            f"{printable(name)}: the truth is {width}x{height}, the result"
            f" {made_width}x{made_height}; bring them to one size first"
        )
    if min(height, width) < MIN_SIDE:
        raise NotComparable(
            f"{printable(name)}: {width}x{height} is too small to measure; both sides need"
            f" {MIN_SIDE} pixels"
        )


def _frame_scores(true: Tensor, made: Tensor) -> dict[str, float]:
    true_codes, made_codes = true.double(), made.double()
    return {
        "psnr": psnr(made, true),
        "psnr_grey": psnr(grey_version(true), true),
        "ssim": ssim(made, true),
        "colorfulness": colorfulness(made_codes),
        "colorfulness_truth": colorfulness(true_codes),
        "colorfulness_signed": colorfulness_signed(made_codes),
        "colorfulness_signed_truth": colorfulness_signed(true_codes),
    }


class _Frechet:
    """Features of both sides, kept as running sums, so that a long film costs no memory."""

    def __init__(self) -> None:
        net, _ = load_weights("default")
        self._vgg = next(m for m in net.modules() if isinstance(m, VGG16Features))
        self._truth, self._result = _Moments(), _Moments()

    def add(self, true: Tensor, made: Tensor) -> None:
        """Takes note of a pair of pictures, ``(3, H, W)`` uint8."""
        size = (FRECHET_SIDE, FRECHET_SIDE)
        pair = torch.stack([true, made]).float()
        small = F.interpolate(pair, size, mode="bilinear", antialias=True)
        features = self._vgg.rgb_features(small, blocks=4)[-1].mean((2, 3))
        self._truth.add(features[0])
        self._result.add(features[1])

    def distance(self) -> float:
        return frechet_distance(*self._result.gaussian(), *self._truth.gaussian())


class _Moments:
    """Mean and covariance of vectors as they come, in float64."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = torch.zeros(FRECHET_FEATURES, dtype=torch.float64)
        self._products = torch.zeros(FRECHET_FEATURES, FRECHET_FEATURES, dtype=torch.float64)

    def add(self, vector: Tensor) -> None:
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
            f"left out: AlexNet's weights are not at {lpips_weights()}; to fetch them (230 MB), run"
            " python -c \"from torchvision.models import alexnet; alexnet(weights='DEFAULT')\""
        )
    if frames < FRECHET_MIN_FRAMES:
        notes["frechet_vgg16"] = (
            f"left out: N = {frames}, and below {FRECHET_MIN_FRAMES} it is noise"
        )
    elif frames < 2 * FRECHET_FEATURES:
        notes["frechet_vgg16"] = (
            f"N = {frames}: biased upwards below {2 * FRECHET_FEATURES}, compare at the same N only"
        )
    return notes
