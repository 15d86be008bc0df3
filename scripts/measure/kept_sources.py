"""How well weights color pictures of sources that no training saw; draw_curve.py shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.core.files import file_sha256
from vidcolor.core.system import pick_dtype
from vidcolor.errors import TrainingError
from vidcolor.evaluation.evaluate import FRECHET_MIN_FRAMES, Moments, frechet_features
from vidcolor.evaluation.metrics import colorfulness, frechet_distance, gray_version, psnr
from vidcolor.media.images.files import read_rgb, write_rgb
from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.vgg import VGG16Features
from vidcolor.nets.weights import load_features
from vidcolor.training.data.augment import clean_pair
from vidcolor.training.data.picture_index import index_stills
from vidcolor.training.data.stills import Still, group_by_source, squash
from vidcolor.training.validation import SIDE, compose, pick_evenly, predict_colors, sheet

VERSION = 2
"""Of what is measured and how; values that another version measured are not shown again."""
TURNS = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0)
"""Of the dial ``--vivid``, besides the default of the net."""
ON_SHEET = 48
"""Pictures on the sheet of each of the weights."""
BATCH = 4
MOST_CHROMA = 10.0
"""Largest factor on the chroma of a result that is brought to the truth's colorfulness."""

Sources = dict[str, list[Still]]
"""Name -> pictures."""


@dataclass
class SourceScores:
    """What was measured on the pictures of one source: N pictures, T turns of the dial."""

    psnr: list[list[float]] = field(default_factory=list)
    """``(N, T)``, dB."""
    psnr_gray: list[float] = field(default_factory=list)
    """``(N,)``, dB."""
    colorfulness: list[list[float]] = field(default_factory=list)
    """``(N, T)``."""
    colorfulness_truth: list[float] = field(default_factory=list)
    """``(N,)``."""


@dataclass
class Record:
    """What was measured of some weights."""

    vivid: float
    """Where the dial stands by default."""
    turns: list[float]
    """In rising order."""
    sources: dict[str, SourceScores]
    frechet: float | None
    """Of all pictures, at the dial's default, their chroma scaled by one factor for each source, so
    that the mean colorfulness is the truth's: like HI-FID of Color-Turbo, arXiv 2503.14974, but
    with the features of ``vidcolor evaluate``. None where there are too few pictures."""

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Record:
        """What `dataclasses.asdict` made."""
        sources = {name: SourceScores(**each) for name, each in fields["sources"].items()}
        return cls(**fields | {"sources": sources})

    def to_json(self) -> dict[str, Any]:
        """Plain types only."""
        return asdict(self)


def kept_pictures(kept: Path, index: Path, most: int | None) -> tuple[Sources, dict[str, int]]:
    """The pictures to measure on, and how many of the folder were left out for which reason.

    Those that teach nothing, such as dull ones, are left out as in training.

    Args:
        kept: A folder with one folder of pictures per source, or a run folder of `vidcolor train`
            that kept sources.
        index: Folder that remembers what the folder holds.
        most: Pictures of a source, evenly chosen; None takes all.

    Raises:
        TrainingError: There is no usable picture, or the run kept no source.
    """
    skipped: dict[str, int] = {}
    if (kept / "settings.json").is_file():
        stills = pictures_of_run(kept)
    else:
        stills, skipped = index_stills([kept], index)
        stills = [replace(still, path=still.original) for still in stills]  # not reduced copies
    sources = group_by_source(stills)
    chosen = {name: pick_evenly(each, most or len(each)) for name, each in sources.items()}
    return chosen, skipped


def pictures_of_run(run: Path) -> list[Still]:
    """All pictures of the sources that a run kept from training.

    Raises:
        TrainingError: It kept none.
    """
    names = json.loads((run / "settings.json").read_text()).get("kept_sources")
    if not names:
        raise TrainingError(
            f"{run} kept no source from training; train with --keep, or name a folder of pictures"
        )
    stills: list[Still] = []
    for file in (run / "stills.json", run / "clips" / "clips.json"):
        if file.is_file():
            for fields in json.loads(file.read_text())["stills"]:
                still = Still(*fields)
                stills.append(
                    replace(still, path=str(file.parent / (still.original or still.path)))
                )
    return [still for still in stills if still.source in names]


def digest_of(sources: Sources) -> str:
    """What measured values depend on besides the weights: the pictures and how they are shown."""
    digest = sha256(f"{VERSION} {SIDE} {TURNS}\n".encode())
    for name, stills in sources.items():
        for still in stills:
            digest.update(f"{name} {file_sha256(Path(still.path))}\n".encode())
    return digest.hexdigest()


def count_pictures(sources: Sources) -> int:
    """Of all sources."""
    return sum(map(len, sources.values()))


def read_pictures(stills: list[Still]) -> Iterator[Tensor]:
    """Batches of ``(B, 3, SIDE, SIDE)`` uint8."""
    for start in range(0, len(stills), BATCH):
        yield torch.stack([squash(read_rgb(s.path), SIDE) for s in stills[start : start + BATCH]])


class FrechetYardstick:
    """The distance of results from the truth, whose features are looked at once."""

    @torch.inference_mode()
    def __init__(self, sources: Sources) -> None:
        self.vgg = load_features()
        self.gray, self.truth = Moments(), Moments()
        for stills in sources.values():
            for rgb in read_pictures(stills):
                note_pictures(self.vgg, rgb, self.truth)
                note_pictures(
                    self.vgg, torch.stack([gray_version(each) for each in rgb]), self.gray
                )

    def distance(self, result: Moments) -> float:
        """Lower is better."""
        return round(frechet_distance(*result.gaussian(), *self.truth.gaussian()), 3)

    def gray_distance(self) -> float:
        """That of the truth without its colors."""
        return self.distance(self.gray)

    @classmethod
    def of(cls, sources: Sources) -> FrechetYardstick | None:
        """None where there are too few pictures for it to say anything."""
        return cls(sources) if count_pictures(sources) >= FRECHET_MIN_FRAMES else None


def note_pictures(vgg: VGG16Features, pictures: Tensor, moments: Moments) -> None:
    """Take note of ``(B, 3, H, W)`` pictures with codes 0..255."""
    for vector in frechet_features(vgg, pictures):
        moments.add(vector)


@torch.inference_mode()
def measure(
    net: ColorNet, sources: Sources, yardstick: FrechetYardstick | None, target: Path
) -> Record:
    """Score a net on all pictures, and write a sheet: gray, safe end, default, vivid end, truth."""
    vivid = net.config.vivid
    turns = sorted({*TURNS, vivid})
    dtype = pick_dtype(torch.device("cpu"))
    result = Moments()
    scores: dict[str, SourceScores] = {}
    strips: list[Tensor] = []
    shown = set(pick_evenly([s.path for each in sources.values() for s in each], ON_SHEET))
    for name, stills in sources.items():
        found = scores[name] = SourceScores()
        seen: list[tuple[Tensor, Tensor]] = []
        for rgb in read_pictures(stills):
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                colors = predict_colors(net, clean_pair(rgb)[0], turns)
            L = rgb_to_lab(rgb.float() / 255)[:, :1]
            pictures = [compose(L, ab) for ab in (*colors, colors[0] * 0)]
            for truth, *results in zip(rgb.float(), *pictures, strict=True):
                note_scores(found, truth, results)
                if stills[len(found.psnr) - 1].path in shown:
                    row = (results[-1], results[0], results[turns.index(vivid)], results[-2], truth)
                    strips.append(torch.cat([p[:, ::2, ::2] for p in row], 2).round().byte())
            if yardstick:
                seen += zip(L, colors[turns.index(vivid)], strict=True)
        if yardstick:
            factor = find_factor(seen, mean_of(found.colorfulness_truth))
            for L, ab in seen:
                scaled = compose(L[None], ab[None] * factor).round()
                note_pictures(yardstick.vgg, scaled, result)
    write_rgb(sheet(strips, columns=3), target)
    return Record(vivid, turns, scores, yardstick.distance(result) if yardstick else None)


def note_scores(found: SourceScores, truth: Tensor, results: list[Tensor]) -> None:
    """Add a picture: ``(3, H, W)`` results at each turn of the dial, then gray."""
    *made, gray = results
    found.psnr.append([round(psnr(each, truth), 4) for each in made])
    found.psnr_gray.append(round(psnr(gray, truth), 4))
    found.colorfulness.append([round(colorfulness(each), 4) for each in made])
    found.colorfulness_truth.append(round(colorfulness(truth), 4))


def find_factor(seen: list[tuple[Tensor, Tensor]], wanted: float) -> float:
    """Factor on the chroma of all pictures that brings their mean colorfulness to a value.

    Args:
        seen: ``(1, H, W)`` L and ``(2, h, w)`` ab of each picture.
        wanted: Colorfulness.
    """

    def colorfulness_at(factor: float) -> float:
        return mean_of([colorfulness(compose(L[None], ab[None] * factor)[0]) for L, ab in seen])

    return solve_factor(colorfulness_at, wanted)


def solve_factor(value_at: Callable[[float], float], wanted: float) -> float:
    """Where a function that grows about in proportion to its factor has a value.

    Colors that leave the gamut are clipped, so it grows a little less than that.
    """
    factor = 1.0
    for _ in range(12):
        value = value_at(factor)
        if abs(value - wanted) < 0.002 * wanted:
            break
        factor = min(factor * wanted / max(value, 1e-6), MOST_CHROMA)
    return factor


def mean_of(values: list[float]) -> float:
    """The mean of at least one value."""
    return sum(values) / len(values)
