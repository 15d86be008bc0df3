"""How the smoother's gate is trained: on prepared sequences, in one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.errors import SettingsError, TrainingError
from vidcolor.nets.colornet import DistributionNet
from vidcolor.nets.trust_gate import Gate
from vidcolor.settings import ColorizerSettings
from vidcolor.training.checkpoints import Run
from vidcolor.training.data.file_index import key_of, renew_folder
from vidcolor.training.data.sequences import LENGTH, Maps, load_sequences
from vidcolor.training.data.takes import Take, find_takes, prepare_takes, sequences_of
from vidcolor.training.gate.batches import batch_of, gate_losses
from vidcolor.training.gate.losses import WEIGHTS
from vidcolor.training.gate.validation import GATE_SCORES, Formula, validate_gate
from vidcolor.training.logs import format_scores
from vidcolor.training.recipes import Losses, Recipe
from vidcolor.training.settings import TrainSettings

SHORTEST_GAP = 4
"""Fewest frames between the two that the loss ``long`` compares."""


class GateRecipe(Recipe):
    """A gate, which learns from sequences out of clips and from those made from stills."""

    name = "gate"
    loss_names = (*WEIGHTS, "total")
    score_names = GATE_SCORES
    warm_up = 20
    net: Gate
    clips: list[Maps]
    scenes: list[Maps]
    kept: list[Maps]
    """Sequences of both kinds to validate on."""

    def __init__(self) -> None:
        super().__init__(Gate())

    def gather(self, run: Run) -> None:
        """All sequences, made once and then remembered in the run folder."""
        if run.team.size > 1:
            raise SettingsError("a gate must be trained by one process; start it without torchrun")
        takes = find_takes(run.settings, run.folder)
        make_sequences(takes, run)
        found = [(take, load_sequences(sequences_of(take, run.folder))) for take in takes]
        learned = [(take, many) for take, many in found if not take.validation]
        self.clips = [one for take, many in learned if take.files for one in many]
        self.scenes = [one for take, many in learned if not take.files for one in many]
        self.kept = [one for take, many in found if take.validation for one in many]
        run.note(
            f"{len(self.clips)} sequences from clips and {len(self.scenes)} made from stills to "
            f"train on, {len(self.kept)} to validate on"
        )
        names = [take.title for take in takes if take.validation and take.files]
        run.note("clips to validate on: " + (", ".join(names) or "none"))
        unused = [take.title for take, many in found if not many]
        run.note("nothing to train on in: " + (", ".join(unused) or "none"))
        if not self.clips and not self.scenes:
            raise TrainingError(
                "no sequence is left to train on; add more or longer clips, or stills"
            )
        if scores := self.validate(Formula(), run):
            run.note(f"by formula: {format_scores(scores)}")

    def optimizer(self, settings: TrainSettings) -> torch.optim.Optimizer:
        """AdamW."""
        groups = [{"params": list(self.parameters()), "scale": 1.0}]
        return torch.optim.AdamW(
            groups, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def batches(self, run: Run) -> Iterator[list[tuple[Maps, int]]]:
        """A batch of sequences, and the frames between the two that ``long`` compares."""
        while run.done < 1:
            draw = run.draw(run.at.step)
            maps = batch_of(self.clips, self.scenes, run.settings.batch, draw)
            yield [(maps, int(torch.randint(SHORTEST_GAP, LENGTH, (1,), generator=draw)))]

    def losses(self, batch: tuple[Maps, int], run: Run) -> tuple[Losses, None]:  # noqa: ARG002
        """Those of `gate_losses`."""
        return gate_losses(self.net, *batch), None

    def validate(self, net: Gate, run: Run) -> dict[str, float]:  # noqa: ARG002
        """Scores on sequences kept from training."""
        return validate_gate(net, self.kept) if self.kept else {}

    def notes(self, run: Run) -> dict[str, Any]:
        """Settings that make a difference, and the number of sequences."""
        return {
            "sides": run.settings.sides,
            "seed": run.settings.seed,
            "teacher": run.settings.teacher or "default",
            "clip_sequences": len(self.clips),
            "scenes": len(self.scenes),
        }


def make_sequences(takes: list[Take], run: Run) -> None:
    """Make the sequences that the run folder has not yet; with other clips all are made anew.

    Other stills in the same folders go unnoticed: take another run folder for them.

    Raises:
        WeightsError: The colornet cannot be read.
        SettingsError: The colornet cannot be used, or there is no such device.
    """
    settings, target = run.settings, run.folder / "sequences"
    files = [path for take in takes for path in take.files]
    key = key_of([*map(Path, settings.clips)], files, [LENGTH, settings.sides[-1]])
    renew_folder(target, key)
    if all(sequences_of(take, run.folder).is_file() for take in takes):
        return  # a colornet is not needed any more
    colorizer = Colorizer.from_weights(
        settings.teacher or "default", ColorizerSettings(device=settings.device)
    )
    if not isinstance(colorizer.net, DistributionNet):
        raise SettingsError(f"--teacher {settings.teacher} must be a film or a mini")
    prepare_takes(takes, settings, run.folder, colorizer, run.on_index)
