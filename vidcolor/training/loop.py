"""The training loop: plain, resumable, in bf16 where that is fast, in one process or several."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.color.lab import rgb_to_lab
from vidcolor.core.system import pick_dtype
from vidcolor.errors import SettingsError, TrainingError
from vidcolor.media.images.files import write_rgb
from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.registry import build_net
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
from vidcolor.training.data.clips import extract_clips
from vidcolor.training.data.crops import Micro, batches
from vidcolor.training.data.stills import RandomCrops, Still, index_stills, split_stills
from vidcolor.training.discriminator import Critic, critic_loss, deceive_loss
from vidcolor.training.distributed import Team, gather_team
from vidcolor.training.gate.trainer import train_gate
from vidcolor.training.logs import LOG_STEPS, RunLog
from vidcolor.training.losses import class_weights, soft_encode
from vidcolor.training.recipes import FilmRecipe, Painted, Recipe, make_recipe
from vidcolor.training.settings import TrainSettings
from vidcolor.training.validation import sheet, validate


@dataclass
class Trainer:
    """What a run works with."""

    settings: TrainSettings
    run: Path
    team: Team
    recipe: Recipe
    optimizer: torch.optim.Optimizer
    critic: Critic
    critic_optimizer: torch.optim.Optimizer
    average: Average
    train: list[Still]
    validation: list[Still]
    at: Position = field(default_factory=Position)

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds besides the average and the position."""
        return {
            "recipe": self.recipe,
            "optimizer": self.optimizer,
            "critic": self.critic,
            "critic_optimizer": self.critic_optimizer,
        }

    @property
    def done(self) -> float:
        """Share of the run that is done, 0..1."""
        return self.at.done(self.settings)

    def autocast(self) -> AbstractContextManager[None]:
        """The context that nets run in: bf16 where it is fast; elsewhere it is 70 times slower."""
        fast = pick_dtype(self.team.device) == torch.bfloat16
        return torch.autocast(self.team.device.type, torch.bfloat16, enabled=fast)

    def averaged_net(self) -> ColorNet:
        """A net in eval mode with the averaged weights, where the run computes."""
        net = build_net(self.recipe.net.config)
        net.load_state_dict(self.average.state)
        return net.eval().to(self.team.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def save(self) -> None:
        """Write a checkpoint; the first process alone does."""
        if self.team.leader:
            save_checkpoint(self.run, self.parts, self.average, self.at)


def train_step(trainer: Trainer, micros: list[Micro]) -> dict[str, float]:
    """One step of the optimiser; returns its losses, means over its batches in all processes.

    Raises:
        TrainingError: the loss is no longer a number; nothing was changed by this step.
    """
    settings, recipe = trainer.settings, trainer.recipe
    rate = settings.learning_rate * recipe.schedule(trainer.done, trainer.at.step)
    for group in trainer.optimizer.param_groups:
        group["lr"] = rate * group["scale"]
    recipe.train()
    trainer.optimizer.zero_grad()
    sums: dict[str, float] = {}
    told: list[Callable[[], dict[str, float]]] = []
    painted: list[Painted] = []
    for number, rgb in micros:
        losses, judged = batch_losses(trainer, number, rgb)
        told.append(defer_numbers(losses))
        (losses["total"] / len(micros)).backward()  # type: ignore[no-untyped-call]
        painted += [judged] if judged else []
    for values in told:
        for name, value in values().items():
            sums[name] = sums.get(name, 0.0) + value / len(micros)
    sums = trainer.team.average_values(sums)
    if not math.isfinite(sums["total"]):
        raise TrainingError(
            f"the loss of step {trainer.at.step + 1} is {sums['total']}; continue from the "
            "last checkpoint in another --out with --start and a lower --learning-rate"
        )
    moving = [p for p in recipe.parameters() if p.requires_grad]
    trainer.team.average_gradients(moving)
    nn.utils.clip_grad_norm_(moving, 1.0)
    trainer.optimizer.step()
    trainer.team.average_buffers(recipe)
    trainer.average.update(recipe.net, trainer.at.step)
    if painted:
        sums["critic"] = critic_step(trainer, painted)
    return sums


def defer_numbers(losses: dict[str, Tensor]) -> Callable[[], dict[str, float]]:
    """What gives the losses as numbers when it is called.

    On a GPU they are on their way before the backward pass is queued, so whoever asks waits for
    the forward pass alone, and queues the next step while the GPU is still busy with this one.
    """
    values = torch.stack([value.detach().float() for value in losses.values()])
    if values.device.type != "cuda":
        return lambda: dict(zip(losses, values.tolist(), strict=True))
    there = values.to("cpu", non_blocking=True)
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()

    def numbers() -> dict[str, float]:
        arrived.synchronize()
        return dict(zip(losses, there.tolist(), strict=True))

    return numbers


def batch_losses(
    trainer: Trainer, number: int, rgb: Tensor
) -> tuple[dict[str, Tensor], Painted | None]:
    """Losses of one batch with their ``total``, and what the critic has to judge, if it is time."""
    settings, recipe, device = trainer.settings, trainer.recipe, trainer.team.device
    draw = torch.Generator(device).manual_seed(settings.seed * 999_983 + number)
    with torch.no_grad():
        L, ab = recipe.pair(rgb.to(device, non_blocking=True), draw)
    with trainer.autocast():
        losses, judged = recipe.losses(
            L.contiguous(memory_format=torch.channels_last), ab, number // settings.looks
        )
        if judged and trainer.done >= 1 - settings.adversarial:
            losses["deceive"] = deceive_loss(trainer.critic, judged.lightness, judged.ab)
        else:
            judged = None
    losses["total"] = torch.stack(list(losses.values())).sum()
    return losses, judged


def critic_step(trainer: Trainer, painted: list[Painted]) -> float:
    """One step of the critic on what the net has just painted; returns its loss."""
    trainer.critic_optimizer.zero_grad()  # the net's step left gradients here, too
    total = 0.0
    for judged in painted:
        with trainer.autocast():
            loss = critic_loss(trainer.critic, judged.lightness, judged.ab, judged.truth)
        (loss / len(painted)).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach()) / len(painted)
    trainer.team.average_gradients(list(trainer.critic.parameters()))
    trainer.critic_optimizer.step()
    return total


Found = tuple[list[Still], Counter[str]]
"""Usable pictures, and reason -> how many were left out for it."""


def train(
    settings: TrainSettings,
    run: Path,
    on_index: OnIndex | None = None,
    on_step: OnStep | None = None,
    on_note: OnNote | None = None,
) -> Path:
    """Train a net, or resume the run in ``run``.

    Under ``torchrun`` each process works on its own batches of each step, and the first one
    writes.

    Args:
        settings: What to train on, and how.
        run: Run folder: settings, index, checkpoint, log, plot, sheets and the weights, those of
            the end (``net-*.safetensors``, of a gate ``gate-*.safetensors``) and the best by
            `score_of` (``best-*.safetensors``).
        on_index: Called with (pictures checked, pictures found).
        on_step: Called after each step with the position and the losses.
        on_note: Called with lines such as how many pictures there are and which were skipped.

    Returns:
        The final weights file.

    Raises:
        TrainingError: no usable pictures, or the run folder belongs to other settings.
        WeightsError: weights to start from cannot be read.
        SettingsError: there is no such device, or weights to start from are of another kind.
    """
    with gather_team(settings.device) as team:
        if settings.preset == "gate":
            if team.size > 1:
                raise SettingsError(
                    "a gate must be trained by one process; start it without torchrun"
                )
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
        on_note(f"{len(chosen)} pictures to train on, {len(kept)} to validate on")
        on_note(
            "left out: " + (", ".join(f"{n} {why}" for why, n in skipped.items() if n) or "none")
        )
    if not chosen:
        raise TrainingError(
            f"no picture is left to train on; all {len(kept)} are needed to validate on"
        )
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
