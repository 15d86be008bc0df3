"""The training loop of the smoother's gate: small, on prepared sequences, in one process."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.files import read_own, write_own
from vidcolor.errors import SettingsError, TrainingError
from vidcolor.nets.colornet import DistributionNet
from vidcolor.nets.trust_gate import Gate
from vidcolor.settings import ColorizerSettings
from vidcolor.training.checkpoints import (
    Average,
    OnIndex,
    OnNote,
    OnStep,
    Position,
    load_checkpoint,
    save_checkpoint,
    write_settings,
    write_weights,
)
from vidcolor.training.data.file_index import key_of
from vidcolor.training.data.sequences import LENGTH, Maps, load_sequences
from vidcolor.training.data.takes import Take, find_takes, prepare_takes, sequences_of
from vidcolor.training.gate.batches import batch_of, gate_losses
from vidcolor.training.gate.validation import GATE_SCORES, Formula, validate_gate
from vidcolor.training.logs import GATE_LOSSES, LOG_STEPS, RunLog
from vidcolor.training.settings import TrainSettings

_MOST_KEY = 1 << 20
"""Bytes of the file that tells what sequences were made of."""
SHORTEST_GAP = 4
"""Fewest frames between the two that the loss ``long`` compares."""


@dataclass
class GateTrainer:
    """What a run works with."""

    settings: TrainSettings
    run: Path
    gate: Gate
    optimizer: torch.optim.Optimizer
    average: Average
    clips: list[Maps]
    """Sequences out of clips to learn from."""
    scenes: list[Maps]
    """Sequences made from stills to learn from."""
    validation: list[Maps]
    at: Position = field(default_factory=Position)

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds besides the average and the position."""
        return {"gate": self.gate, "optimizer": self.optimizer}

    @property
    def done(self) -> float:
        """Share of the run that is done, 0..1."""
        return self.at.done(self.settings)

    def averaged(self) -> Gate:
        """A gate with the averaged weights."""
        gate = Gate(self.gate.config)
        gate.load_state_dict(self.average.state)
        return gate.eval()

    def save(self) -> None:
        """Write a checkpoint."""
        save_checkpoint(self.run, self.parts, self.average, self.at)


def train_gate(
    settings: TrainSettings,
    run: Path,
    on_index: OnIndex | None = None,
    on_step: OnStep | None = None,
    on_note: OnNote | None = None,
) -> Path:
    """Train a gate, or go on with the run in ``run``.

    Args:
        settings: What to learn from, and how.
        run: Run folder: settings, prepared sequences, checkpoint, log, plot and the weights, those
            of the end (``gate-*.safetensors``) and the best by score (``best-*.safetensors``).
        on_index: Called with (clips and scenes prepared, how many there are).
        on_step: Called after each step with the position and the losses.
        on_note: Called with lines such as how many sequences there are.

    Returns:
        The weights file of the end.

    Raises:
        TrainingError: nothing usable to learn from, or the run folder belongs to other settings.
        WeightsError: the colornet cannot be read.
        SettingsError: the colornet cannot be used, or there is no such device.
    """
    write_settings(run, settings)
    trainer = prepare_gate(settings, run, on_index, on_note)
    log = RunLog(run, trainer.at.step, GATE_LOSSES, GATE_SCORES)
    try:
        if on_note and trainer.validation:
            on_note(f"by formula: {format_scores(validate_gate(Formula(), trainer.validation))}")
        learned = learn_gate(trainer, log, on_step)
        written = sorted(run.glob("gate-*.safetensors"))
        if written and not learned:  # a finished run that is started again has nothing to do
            return written[0]
        path, scores = report_gate(trainer, log, "gate")
        if on_note and scores:
            on_note(f"learned: {format_scores(scores)}")
        return path
    finally:
        log.close()


def format_scores(scores: dict[str, float]) -> str:
    """Scores as a line for people."""
    return ", ".join(f"{name} {value:.3f}" for name, value in scores.items())


def prepare_gate(
    settings: TrainSettings, run: Path, on_index: OnIndex | None, on_note: OnNote | None
) -> GateTrainer:
    """Everything a run needs, restored where the run folder has a checkpoint."""
    takes = find_takes(settings, run)
    prepare(takes, settings, run, on_index)
    found = [(take, load_sequences(sequences_of(take, run))) for take in takes]
    clips = [one for take, many in found if not take.validation and take.files for one in many]
    scenes = [one for take, many in found if not (take.validation or take.files) for one in many]
    validation = [one for take, many in found if take.validation for one in many]
    if on_note:
        on_note(
            f"{len(clips)} sequences from clips and {len(scenes)} made from stills to train on, "
            f"{len(validation)} to validate on"
        )
        names = [take.title for take in takes if take.validation and take.files]
        on_note("clips to validate on: " + (", ".join(names) or "none"))
        unused = [take.title for take, many in found if not many]
        on_note("nothing to train on in: " + (", ".join(unused) or "none"))
    if not clips and not scenes:
        raise TrainingError("no sequence is left to train on; add more or longer clips, or stills")
    torch.manual_seed(settings.seed)
    gate = Gate()
    optimizer = torch.optim.AdamW(
        gate.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    average = Average(gate, settings.ema)
    trainer = GateTrainer(settings, run, gate, optimizer, average, clips, scenes, validation)
    trainer.at = load_checkpoint(run, trainer.parts, average)
    return trainer


def prepare(
    takes: list[Take], settings: TrainSettings, run: Path, on_index: OnIndex | None
) -> None:
    """Make the sequences that the run folder has not yet; with other clips all are made anew.

    Other stills in the same folders go unnoticed: take another run folder for them.
    """
    target = run / "sequences"
    target.mkdir(parents=True, exist_ok=True)
    files = [path for take in takes for path in take.files]
    key = json.dumps(key_of([*map(Path, settings.clips)], files, [LENGTH, settings.sides[-1]]))
    file = target / "key.json"
    try:
        known = read_own(file, _MOST_KEY) == key.encode()
    except OSError:
        known = False
    if not known:
        for old in target.glob("*.safetensors"):
            old.unlink()
        write_own(file, key.encode())
    if all(sequences_of(take, run).is_file() for take in takes):
        return  # a colornet is not needed any more
    colorizer = Colorizer.from_weights(
        settings.teacher or "default", ColorizerSettings(device=settings.device)
    )
    if not isinstance(colorizer.net, DistributionNet):
        raise SettingsError(f"--teacher {settings.teacher} must be a film or a mini")
    prepare_takes(takes, settings, run, colorizer, on_index)


def learn_gate(trainer: GateTrainer, log: RunLog, on_step: OnStep | None) -> int:
    """Step after step to the end of the run; returns how many were made."""
    settings, at, first = trainer.settings, trainer.at, trainer.at.step
    saved = validated = at.minutes
    for losses in steps(trainer):
        if on_step:
            on_step(at, losses)
        if at.step % LOG_STEPS == 0:
            log.write(at.step, at.minutes, losses)
        if trainer.done >= 1:
            break
        if at.minutes - validated >= settings.validate_minutes:
            validated = saved = at.minutes
            report_gate(trainer, log, "now")
            trainer.save()
        elif at.minutes - saved >= settings.checkpoint_minutes:
            saved = at.minutes
            trainer.save()
    if at.step > first:
        trainer.save()
    return at.step - first


def steps(trainer: GateTrainer) -> Iterator[dict[str, float]]:
    """Losses of each step from the run's position to its end."""
    at = trainer.at
    started, before = time.monotonic(), at.minutes
    while trainer.done < 1:
        losses = gate_step(trainer)
        at.step += 1
        at.minutes = before + (time.monotonic() - started) / 60
        yield losses


def gate_step(trainer: GateTrainer) -> dict[str, float]:
    """One step of the optimiser; returns its losses.

    Raises:
        TrainingError: the loss is no longer a number; nothing was changed by this step.
    """
    settings, at = trainer.settings, trainer.at
    draw = torch.Generator().manual_seed(settings.seed * 999_983 + at.step)
    maps = batch_of(trainer.clips, trainer.scenes, settings.batch, draw)
    gap = int(torch.randint(SHORTEST_GAP, LENGTH, (1,), generator=draw))
    # 20 steps of warm-up, then a half cosine to 0.
    rate = min(1.0, (at.step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * trainer.done))
    for group in trainer.optimizer.param_groups:
        group["lr"] = settings.learning_rate * rate
    trainer.optimizer.zero_grad()
    losses = gate_losses(trainer.gate, maps, gap)
    values = {name: float(value.detach()) for name, value in losses.items()}
    if not math.isfinite(values["total"]):
        raise TrainingError(
            f"the loss of step {at.step + 1} is {values['total']}; start again in another --out "
            "with a lower --learning-rate"
        )
    losses["total"].backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(trainer.gate.parameters(), 1.0)
    trainer.optimizer.step()
    trainer.average.update(trainer.gate, at.step)
    return values


def report_gate(trainer: GateTrainer, log: RunLog, name: str) -> tuple[Path, dict[str, float]]:
    """Score the averaged gate, log, and write its weights: under a name, and if best so far.

    Returns:
        The weights file of that name, an older one of which is gone, and the scores.
    """
    gate, scores = trainer.averaged(), {}
    if trainer.validation:
        found = validate_gate(gate, trainer.validation)
        scores = {key: round(value, 4) for key, value in found.items()}
        log.write(trainer.at.step, trainer.at.minutes, scores)
    log.draw()
    path = write_weights(gate, trainer.run, name, trainer.at, gate_notes(trainer), scores)
    return path, scores


def gate_notes(trainer: GateTrainer) -> dict[str, Any]:
    """What the gate learned from; goes into its file."""
    settings = trainer.settings
    return {key: getattr(settings, key) for key in ("preset", "batch", "sides", "seed")} | {
        "teacher": settings.teacher or "default",
        "clip_sequences": len(trainer.clips),
        "scenes": len(trainer.scenes),
        "steps": trainer.at.step,
        "minutes": round(trainer.at.minutes, 1),
    }
