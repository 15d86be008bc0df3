"""The training loop: plain, resumable, in bf16 where that is fast, in one process or several."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.errors import SettingsError, TrainingError
from vidcolor.media.images.files import write_rgb
from vidcolor.training.checkpoints import (
    Average,
    Position,
    load_checkpoint,
    write_settings,
    write_weights,
)
from vidcolor.training.data.clips import extract_clips
from vidcolor.training.data.crops import batches
from vidcolor.training.data.stills import RandomCrops, Still, index_stills, split_stills
from vidcolor.training.discriminator import Critic
from vidcolor.training.distributed import Team, gather_team
from vidcolor.training.gate.trainer import train_gate
from vidcolor.training.logs import LOG_STEPS, RunLog
from vidcolor.training.losses import class_weights, soft_encode
from vidcolor.training.recipes import FilmRecipe, make_recipe
from vidcolor.training.settings import TrainSettings
from vidcolor.training.state import OnIndex, OnNote, OnStep, Trainer
from vidcolor.training.steps import train_step
from vidcolor.training.validation import sheet, validate

Found = tuple[list[Still], Counter[str]]
"""Usable pictures, and reason -> how many were left out for it."""


def train(
    settings: TrainSettings,
    run: Path,
    on_index: OnIndex | None = None,
    on_step: OnStep | None = None,
    on_note: OnNote | None = None,
) -> Path:
    """Train a net, or go on with the run in ``run``.

    Under ``torchrun`` each process works on its own batches of each step, and the first one
    writes.

    Args:
        settings: What to learn from, and how.
        run: Run folder: settings, index, checkpoint, log, plot, sheets and the weights, those of
            the end (``net-*.safetensors``, of a gate ``gate-*.safetensors``) and the best by
            `score_of` (``best-*.safetensors``).
        on_index: Called with (pictures looked at, pictures found).
        on_step: Called after each step with the position and the losses.
        on_note: Called with lines such as how many pictures there are and which were left out.

    Returns:
        The weights file of the end.

    Raises:
        TrainingError: no usable pictures, or the run folder belongs to other settings.
        WeightsError: weights to start from cannot be read.
        SettingsError: there is no such device, or weights to start from are of another kind.
    """
    with gather_team(settings.device) as team:
        if settings.preset == "gate":
            if team.size > 1:
                raise SettingsError("a gate is trained by one process; start it without torchrun")
            return train_gate(settings, run, on_index, on_step, on_note)
        trainer = prepare(settings, run, team, on_index, on_note)
        log = RunLog(run, trainer.at.step) if team.leader else None
        try:
            learned = learn(trainer, log, on_step)
            if not log:
                return run
            written = sorted(run.glob("net-*.safetensors"))
            # A finished run that is started again has nothing to do.
            return written[0] if written and not learned else report(trainer, log, "net")
        finally:
            if log:
                log.close()


def prepare(
    settings: TrainSettings,
    run: Path,
    team: Team,
    on_index: OnIndex | None,
    on_note: OnNote | None,
) -> Trainer:
    """Everything a run needs, restored where the run folder has a checkpoint."""
    if team.leader:
        write_settings(run, settings)
        stills, skipped = find_pictures(settings, run, on_index)
    team.wait()
    if not team.leader:
        stills, skipped = find_pictures(settings, run, None)  # what the leader found
    chosen, kept = split_stills(stills)
    if on_note and team.leader:
        on_note(f"{len(chosen)} pictures to learn from, {len(kept)} kept to validate on")
        on_note(
            "left out: " + (", ".join(f"{n} {why}" for why, n in skipped.items() if n) or "none")
        )
    if not chosen:
        raise TrainingError(f"no picture is left to train on beside {len(kept)} to validate on")
    torch.manual_seed(settings.seed)
    recipe = make_recipe(settings).to(team.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    critic = Critic().to(team.device)
    trainer = Trainer(
        settings,
        run,
        team,
        recipe,
        recipe.optimizer(settings),
        critic,
        torch.optim.AdamW(critic.parameters(), lr=2e-4, betas=(0.5, 0.99)),
        Average(recipe.net, settings.ema, trained=bool(settings.start)),
        chosen,
        kept,
    )
    if isinstance(recipe, FilmRecipe) and not (run / "last.pt").is_file():
        share = count_bins(chosen, recipe.net.bins.cpu(), settings)
        recipe.weights.copy_(class_weights(share, settings.rebalance))
    trainer.at = load_checkpoint(run, trainer.parts, trainer.average)
    return trainer


def find_pictures(settings: TrainSettings, run: Path, on_index: OnIndex | None) -> Found:
    """All usable pictures, and how many were left out for which reason.

    They are looked for once and then remembered in the run folder.
    """
    found: list[Still] = []
    skipped: Counter[str] = Counter()
    if settings.stills:
        folders = [Path(folder) for folder in settings.stills]
        stills, faults = index_stills(folders, run / "stills.json", on_index)
        found += stills
        skipped.update(faults)
    if settings.clips:
        folders = [Path(folder) for folder in settings.clips]
        stills, faults = extract_clips(folders, run / "clips", on_index)
        found += stills
        skipped.update(faults)
    return found, skipped


def count_bins(stills: list[Still], bins: Tensor, settings: TrainSettings) -> Tensor:
    """(Q,) share of each ab bin in 512 crops, or fewer where there are few pictures."""
    count = min(512, -(-len(stills) // 4) * 32)
    data = RandomCrops(stills, 64, settings.seed + 7919, dict(settings.source_weights), count)
    total = torch.zeros(len(bins))
    for index in range(0, count, 32):
        rgb = torch.stack([data[index + i] for i in range(32)])
        ab = F.avg_pool2d(rgb_to_lab(rgb.float() / 255)[:, 1:], 4)
        total += soft_encode(ab, bins).sum((0, 2, 3))
    return total / total.sum()


class Pace:
    """How many pictures a second are learned from, since it was asked last."""

    def __init__(self, at: Position, pictures: int) -> None:
        """Begin to count at a position; each step has so many pictures."""
        self._pictures = pictures
        self._step, self._minutes = at.step, at.minutes

    def rate(self, at: Position) -> float:
        """Pictures a second up to a position; a run may have begun in the middle of a stretch."""
        steps, seconds = at.step - self._step, (at.minutes - self._minutes) * 60
        self._step, self._minutes = at.step, at.minutes
        return self._pictures * steps / max(seconds, 1e-9)


def learn(trainer: Trainer, log: RunLog | None, on_step: OnStep | None) -> int:
    """Step after step to the end of the run, with checkpoints and validations on the way.

    Returns:
        How many steps were made.
    """
    first = trainer.at.step
    settings, at = trainer.settings, trainer.at
    started, before = time.monotonic(), at.minutes
    saved = validated = at.minutes
    pace = Pace(at, settings.batch * settings.accumulate * trainer.team.size)
    for micros in batches(trainer):
        losses = train_step(trainer, micros)
        at.step += 1
        at.minutes = trainer.team.agree(before + (time.monotonic() - started) / 60)
        if on_step and log:
            on_step(at, losses)
        if log and at.step % LOG_STEPS == 0:
            log.write(at.step, at.minutes, losses | {"rate": pace.rate(at)})
        if trainer.done >= 1:
            break
        if at.minutes - validated >= settings.validate_minutes:
            validated = saved = at.minutes
            if log:
                report(trainer, log, "now")
            trainer.save()
            trainer.team.wait()
        elif at.minutes - saved >= settings.checkpoint_minutes:
            saved = at.minutes
            trainer.save()
    if at.step > first:
        trainer.save()
    return at.step - first


def report(trainer: Trainer, log: RunLog, name: str) -> Path:
    """Score the averaged net, log, draw, and write its weights: under a name, and if best so far.

    Returns:
        The weights file of that name; an older one of it is gone.
    """
    net, scores = trainer.averaged_net(), {}
    if trainer.validation:
        found = validate(net, trainer.validation, trainer.autocast)
        scores = {key: round(value, 3) for key, value in found.scores.items()}
        log.write(trainer.at.step, trainer.at.minutes, scores)
        write_rgb(sheet(found.triptychs), trainer.run / f"sheet-{trainer.at.step:06d}.png")
    log.draw()
    return write_weights(net, trainer.run, name, trainer.at, notes(trainer), scores)


def notes(trainer: Trainer) -> dict[str, Any]:
    """What the weights learned from; goes into their file."""
    settings = trainer.settings
    kept = ("preset", "start", "teacher", "batch", "accumulate", "sides", "perceptual", "colorful")
    return {key: getattr(settings, key) for key in (*kept, "adversarial", "rebalance")} | {
        "pictures": len(trainer.train),
        "steps": trainer.at.step,
        "minutes": round(trainer.at.minutes, 1),
        "processes": trainer.team.size,
    }
