"""How the guide of a colornet is trained: hints first, then pairs of frames, in one process."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from vidcolor.core.system import pick_device
from vidcolor.errors import SettingsError, TrainingError
from vidcolor.nets.colornet import DistributionNet, NetInput
from vidcolor.nets.guide_net import GuideConfig, GuideNet
from vidcolor.nets.weights import load_weights
from vidcolor.training.checkpoints import Run
from vidcolor.training.data.file_index import key_of, renew_folder
from vidcolor.training.data.stills import split_stills
from vidcolor.training.data.takes import Take, clip_takes
from vidcolor.training.guide.features import (
    FARTHEST,
    NEAREST,
    PAIRS,
    count_pictures,
    features_of,
    load_pictures,
    record_takes,
)
from vidcolor.training.guide.losses import GuidePicture, hint_loss, pair_loss
from vidcolor.training.guide.validation import GUIDE_SCORES, validate_guide
from vidcolor.training.recipes import Losses, Recipe, find_stills
from vidcolor.training.settings import TrainSettings
from vidcolor.training.validation import choose_pictures

HINTS_SHARE = 0.75
"""Share of the run, from its beginning, in which hints are learned from; then pairs are."""
WARM_STAGE, COLD = 0.1, 0.04
"""Share of either part in which the rate rises, and the share of the rate that it begins at."""
WRONG = 0.2
"""Share of pairs whose frames belong to different clips."""
MIRRORED = 0.3
"""Share of the others of which one frame is mirrored: that what looks alike moved far away."""
MOST_KEPT = 100
"""Most pictures to validate on."""

Stage = Literal["hints", "pairs"]

START: dict[str, dict[str, tuple[float, ...]]] = {
    "wide": {"sharpness": (1.0, 0.5), "lightness": (30.0, 40.0), "reach": (0.25, 1.4)},
    "narrow": {"sharpness": (1.0, 1.0), "lightness": (16.0, 18.0), "reach": (0.22, 0.5)},
    "between": {
        "sharpness": (2.0, 5.0, 2.0),
        "lightness": (8.0, 3.0, 7.0),
        "reach": (0.06, 0.8, 2.0),
        "share": (6.0, 40.0, 0.5),
    },
}
"""Values that affinities begin with, found by trial."""
START_UNLIKE = 0.02

SCALES = {"embedding": 1.0, "between": 20 / 3, "unlike": 20 / 3}
"""Factors on the rate by the part of the guide; all others learn twice as fast as the embedding."""


class GuideRecipe(Recipe):
    """A guide, which learns from pictures with hints and from pairs of frames of a shot."""

    name = "guide"
    loss_names = ("hints", "pairs", "total")
    score_names = GUIDE_SCORES
    net: GuideNet
    pictures: list[Path]
    """Files of recorded pictures."""
    pairs: list[list[tuple[Path, int]]]
    """Of each clip: file, and number of the pair in it."""
    kept: tuple[list[Path], list[tuple[Path, int]]]
    """Pictures and pairs to validate on."""

    def __init__(self, settings: TrainSettings) -> None:
        """Begin a guide for the teacher.

        Raises:
            WeightsError: It cannot be read.
            SettingsError: It predicts no distribution.
        """
        name = settings.teacher or "default"
        heads, sha256 = load_weights(name)
        if not isinstance(heads, DistributionNet):
            raise SettingsError(f"--teacher {name} must be a film or a mini")
        super().__init__(start_guide(heads, sha256))
        # In a tuple, so that the colornet is no part of the state dict.
        self.heads = (heads.requires_grad_(False),)

    def gather(self, run: Run) -> None:
        """All features, recorded once and then remembered in the run folder."""
        if run.team.size > 1:
            raise SettingsError("a guide must be trained by one process; start it without torchrun")
        takes = [*picture_takes(run), *clip_takes(run.settings, run.folder)]
        self._record(takes, run)
        files: dict[tuple[bool, bool], list[tuple[Path, int]]] = {}
        for take in takes:
            file = features_of(take, run.folder)
            key = take.name.startswith("clip-"), take.validation
            if count := count_pictures(file):
                files.setdefault(key, []).append((file, count))
        self.pictures = [file for file, _ in files.get((False, False), [])]
        clips = {validation: files.get((True, validation), []) for validation in (False, True)}
        self.pairs = [[(file, n) for n in range(count // 2)] for file, count in clips[False]]
        kept_pairs = [(file, n) for file, count in clips[True] for n in range(count // 2)]
        self.kept = [file for file, _ in files.get((False, True), [])], kept_pairs
        run.note(
            f"{len(self.pictures)} pictures and {sum(map(len, self.pairs))} pairs of frames from "
            f"{len(self.pairs)} clips to train on, {len(self.kept[0])} pictures and "
            f"{len(kept_pairs)} pairs to validate on"
        )
        names = [take.title for take in takes if take.validation and take.name.startswith("clip-")]
        run.note("clips to validate on: " + (", ".join(names) or "none"))
        if not self.pictures:
            raise TrainingError("no picture is left to train on; add more --stills")
        if not self.pairs:
            raise TrainingError("no pair of frames is left to train on; add more or longer --clips")
        # A step is many small operations: with two threads they take longer than with one, ten
        # times as long where others work on the cores, too. `gather_team` puts it back.
        torch.set_num_threads(1)

    def _record(self, takes: list[Take], run: Run) -> None:
        """Record what the run folder has not yet; with other files or another net all is anew."""
        settings = run.settings
        files = [path for take in takes for path in take.files]
        folders = [Path(folder) for folder in (*settings.stills, *settings.clips)]
        made = key_of(folders, files, [PAIRS, NEAREST, FARTHEST, settings.sides[-1]])
        renew_folder(run.folder / "features", made | {"net": self.net.config.net})
        if all(features_of(take, run.folder).is_file() for take in takes):
            return
        heads = self.heads[0].to(pick_device(settings.device))
        try:
            record_takes(takes, settings, run.folder, heads, run.on_index)
        finally:
            heads.cpu()

    def optimizer(self, settings: TrainSettings) -> torch.optim.Optimizer:
        """AdamW; what has a few values only learns faster than the embedding."""
        groups = [
            {"params": [value], "scale": SCALES.get(name.split(".")[0], 2.0)}
            for name, value in self.net.named_parameters()
        ]
        return torch.optim.AdamW(
            groups, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def schedule(self, done: float, step: int) -> float:  # noqa: ARG002
        """For each part of the run a warm-up, then a half cosine to 0."""
        share = done / HINTS_SHARE
        if stage_at(done) == "pairs":
            share = (done - HINTS_SHARE) / (1 - HINTS_SHARE)
        warm = min(1.0, COLD + (1 - COLD) * share / WARM_STAGE)
        return warm * 0.5 * (1 + math.cos(math.pi * share))

    def batches(self, run: Run) -> Iterator[list[tuple[Stage, random.Random]]]:
        """What is learned from, and the chance that chooses it: as many as the batch has pictures.

        A pair has two.
        """
        while run.done < 1:
            stage = stage_at(run.done)
            count = run.settings.batch // (1 if stage == "hints" else 2)
            seed = f"{run.settings.seed} {run.at.step}"
            yield [(stage, random.Random(f"{seed} {number}")) for number in range(count)]

    def losses(self, batch: tuple[Stage, random.Random], run: Run) -> tuple[Losses, None]:  # noqa: ARG002
        """``hints`` or ``pairs``, of one picture or pair."""
        stage, chance = batch
        # Pairs teach how to compare between frames; what is compared stays as hints made it.
        self.net.embedding.requires_grad_(stage == "hints")
        if stage == "hints":
            (picture,) = load_pictures(chance.choice(self.pictures))
            return {"hints": hint_loss(self.net, picture, chance)}, None
        known, asked, wrong = self._choose_pair(chance)
        return {"pairs": pair_loss(self.net, known, asked, wrong, chance)}, None

    def _choose_pair(self, chance: random.Random) -> tuple[GuidePicture, GuidePicture, bool]:
        """The known frame, the asked one, and whether it is of another clip."""
        clip = chance.randrange(len(self.pairs))
        known, asked = load_pair(*chance.choice(self.pairs[clip]))
        if chance.random() < 0.5:
            known, asked = asked, known
        if len(self.pairs) > 1 and chance.random() < WRONG:
            other = (clip + chance.randrange(1, len(self.pairs))) % len(self.pairs)
            return known, load_pair(*chance.choice(self.pairs[other]))[0], True
        return known, asked.flip() if chance.random() < MIRRORED else asked, False

    def validate(self, net: GuideNet, run: Run) -> dict[str, float]:  # noqa: ARG002
        """Scores on pictures and pairs kept from training."""
        files, pairs = self.kept
        pictures = (picture for file in files for picture in load_pictures(file))
        return validate_guide(net, self.heads[0], pictures, (load_pair(*pair) for pair in pairs))

    def notes(self, run: Run) -> dict[str, Any]:
        """Settings that make a difference, and how much was learned from."""
        return {
            "sides": run.settings.sides,
            "seed": run.settings.seed,
            "teacher": run.settings.teacher or "default",
            "kept_sources": run.settings.kept_sources,
            "pictures": len(self.pictures),
            "pairs": sum(map(len, self.pairs)),
        }


def stage_at(done: float) -> Stage:
    """What is learned from when a share of the run is done."""
    return "hints" if done < HINTS_SHARE else "pairs"


@torch.no_grad()
def start_guide(heads: DistributionNet, sha256: str) -> GuideNet:
    """A guide that has learned nothing yet, for a colornet on the CPU.

    Args:
        heads: The colornet.
        sha256: Of its weights file, hexadecimal.
    """
    fine, coarse = heads.fuse(heads.encode(NetInput(torch.full((1, 1, 64, 64), 50.0))))
    guide = GuideNet(GuideConfig(sha256, fine.shape[1], coarse.shape[1]))
    for part, values in START.items():
        for name, value in values.items():
            parameter = guide.get_parameter(f"{part}.{name}")
            assert isinstance(parameter, nn.Parameter)
            parameter.copy_(torch.tensor(value).log())
    guide.unlike.fill_(math.log(START_UNLIKE))
    return guide


def picture_takes(run: Run) -> list[Take]:
    """Stills to learn from, and some to validate on, evenly many of each source."""
    found, _ = find_stills(run)
    train, kept = split_stills(found, run.settings.kept_sources)
    chosen = choose_pictures(train, run.settings.pictures), choose_pictures(kept, MOST_KEPT)
    stills = [(still, validation) for validation in (False, True) for still in chosen[validation]]
    return [
        Take(f"picture-{number:05d}", (Path(still.path),), validation)
        for number, (still, validation) in enumerate(stills)
    ]


def load_pair(file: Path, number: int) -> tuple[GuidePicture, GuidePicture]:
    """One of the pairs that were recorded of a clip."""
    pictures = load_pictures(file)
    return pictures[2 * number], pictures[2 * number + 1]
