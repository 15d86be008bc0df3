"""The training loop: plain, resumable, in bf16 where that is fast, in one process or several."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vidcolor.errors import TrainingError
from vidcolor.training.checkpoints import (
    Average,
    OnIndex,
    OnNote,
    OnStep,
    Position,
    Run,
    load_checkpoint,
    save_checkpoint,
    write_settings,
    write_weights,
)
from vidcolor.training.discriminator import Critic, critic_loss, deceive_loss
from vidcolor.training.distributed import gather_team
from vidcolor.training.gate.recipe import GateRecipe
from vidcolor.training.guide.recipe import GuideRecipe
from vidcolor.training.logs import LOG_STEPS, RunLog, format_scores
from vidcolor.training.recipes import Losses, Net, Painted, Recipe, make_recipe
from vidcolor.training.settings import TrainSettings


@dataclass
class Trainer:
    """What a run works with."""

    run: Run
    recipe: Recipe
    optimizer: torch.optim.Optimizer
    critic: Critic
    critic_optimizer: torch.optim.Optimizer
    average: Average

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds besides the average and the position."""
        parts: dict[str, Any] = {"recipe": self.recipe, "optimizer": self.optimizer}
        if self.run.settings.adversarial:
            parts |= {"critic": self.critic, "critic_optimizer": self.critic_optimizer}
        return parts

    def averaged_net(self) -> Net:
        """The net in eval mode with the averaged weights."""
        net: Net = copy.deepcopy(self.recipe.net)
        net.load_state_dict(self.average.state)
        return net.eval()

    def check_weights(self) -> None:
        """Before anything is written: on a GPU no step is waited for.

        Raises:
            TrainingError: some are not finite.
        """
        parts = [self.recipe, self.critic] if self.run.settings.adversarial else [self.recipe]
        if not all(p.sum().isfinite() for part in parts for p in part.parameters()):
            at = self.run.at.step
            raise TrainingError(explain_step(self.run, f"weights are not finite after step {at}"))

    def save(self) -> None:
        """Write a checkpoint; the first process alone does.

        Raises:
            TrainingError: some weights are not finite; the last checkpoint stays.
        """
        self.check_weights()
        if self.run.team.leader:
            save_checkpoint(self.run.folder, self.parts, self.average, self.run.at)


def train_step(trainer: Trainer, batches: list[Any]) -> dict[str, float]:
    """One step of the optimiser; returns its losses, means over its batches in all processes.

    Raises:
        TrainingError: the loss is not finite, or on the CPU its gradient; the step changed no
            weights.
    """
    run, recipe, at = trainer.run, trainer.recipe, trainer.run.at.step + 1
    rate = run.settings.learning_rate * recipe.schedule(run.done, run.at.step)
    for group in trainer.optimizer.param_groups:
        group["lr"] = rate * group["scale"]
    recipe.train()
    trainer.optimizer.zero_grad()
    sums: dict[str, float] = {}
    told: list[Callable[[], dict[str, float]]] = []
    painted: list[Painted] = []
    for batch in batches:
        losses, judged = batch_losses(trainer, batch)
        told.append(defer_numbers(losses))
        (losses["total"] / len(batches)).backward()  # type: ignore[no-untyped-call]
        painted += [judged] if judged else []
    for values in told:
        for name, value in values().items():
            sums[name] = sums.get(name, 0.0) + value / len(batches)
    sums = run.team.average_values(sums)
    if not math.isfinite(sums["total"]):
        raise TrainingError(explain_step(run, f"loss of step {at} is {sums['total']}"))
    moving = [p for p in recipe.parameters() if p.requires_grad]
    run.team.average_gradients(moving)
    norm = nn.utils.clip_grad_norm_(moving, 1.0)
    # On a GPU the answer would be waited for; there the loss of the next step tells.
    if norm.device.type == "cpu" and not norm.isfinite():
        raise TrainingError(explain_step(run, f"gradient of step {at} is {float(norm)}"))
    trainer.optimizer.step()
    run.team.average_buffers(recipe)
    trainer.average.update(recipe.net, run.at.step)
    if painted:
        sums["critic"] = critic_step(trainer, painted)
    return sums


def explain_step(run: Run, what: str) -> str:
    """Of a step after which the weights would not be finite: what to do."""
    return (
        f"the {what}; start again in another --out with a lower --learning-rate; a colornet may go "
        f"on from the last weights in {run.folder} with --start"
    )


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


def batch_losses(trainer: Trainer, batch: Any) -> tuple[Losses, Painted | None]:
    """Losses of one batch with their ``total``, and what the critic has to judge, if it is time."""
    run = trainer.run
    losses, judged = trainer.recipe.losses(batch, run)
    if judged and run.done >= 1 - run.settings.adversarial:
        with run.team.autocast():
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
        with trainer.run.team.autocast():
            loss = critic_loss(trainer.critic, judged.lightness, judged.ab, judged.truth)
        (loss / len(painted)).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach()) / len(painted)
    trainer.run.team.average_gradients(list(trainer.critic.parameters()))
    trainer.critic_optimizer.step()
    return total


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
            the end (``net-*.safetensors``, ``gate-*.safetensors`` or ``guide-*.safetensors``) and
            the best by their score (``best-*.safetensors``).
        on_index: Called with (pictures checked, pictures found); of a gate, with clips and scenes
            instead; of a guide, then with pictures and clips whose features are recorded.
        on_step: Called after each step with the position and the losses.
        on_note: Called with lines such as how many pictures there are and which were left out, and
            with the scores of the end.

    Returns:
        The final weights file.

    Raises:
        TrainingError: no usable pictures, or the run folder belongs to other settings.
        WeightsError: weights to start from cannot be read.
        SettingsError: there is no such device, or weights to start from are of another kind.
    """
    # Gates and guides are small: they learn on the CPU, and the device is that of their colornet.
    small = settings.preset in ("gate", "guide")
    with gather_team("cpu" if small else settings.device) as team:
        tells = (on_index, on_note) if team.leader else (None, None)
        trainer = prepare(Run(settings, run, team, *tells))
        recipe, at = trainer.recipe, trainer.run.at
        log = RunLog(run, at.step, recipe.loss_names, recipe.score_names) if team.leader else None
        try:
            learned = learn(trainer, log, on_step)
            if not log:
                return run
            written = sorted(run.glob(f"{recipe.name}-*.safetensors"))
            if written and not learned:  # a finished run that is started again has nothing to do
                return written[0]
            path, scores = report(trainer, log, recipe.name)
            if scores:
                trainer.run.note(f"learned: {format_scores(scores)}")
            return path
        finally:
            if log:
                log.close()


def prepare(run: Run) -> Trainer:
    """Everything a run needs, restored where the run folder has a checkpoint."""
    settings, device = run.settings, run.team.device
    if run.team.leader:
        write_settings(run.folder, settings)
    torch.manual_seed(settings.seed)
    recipe = choose_recipe(settings)
    recipe.to(device)
    critic = Critic().to(device)
    recipe.gather(run)
    trainer = Trainer(
        run,
        recipe,
        recipe.optimizer(settings),
        critic,
        torch.optim.AdamW(critic.parameters(), lr=2e-4, betas=(0.5, 0.99)),
        Average(recipe.net, settings.ema, trained=bool(settings.start)),
    )
    run.at = load_checkpoint(run.folder, trainer.parts, trainer.average)
    return trainer


def choose_recipe(settings: TrainSettings) -> Recipe:
    """That of the preset, with its net.

    Raises:
        SettingsError: As `make_recipe`; the teacher of a guide is another kind of net.
        WeightsError: Weights that are to be used cannot be read.
    """
    if settings.preset == "gate":
        return GateRecipe()
    return GuideRecipe(settings) if settings.preset == "guide" else make_recipe(settings)


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
    run, at, settings = trainer.run, trainer.run.at, trainer.run.settings
    first, started, before = at.step, time.monotonic(), at.minutes
    saved = validated = at.minutes
    pace = Pace(at, settings.batch * settings.accumulate * run.team.size)
    for batches in trainer.recipe.batches(run):
        losses = train_step(trainer, batches)
        at.step += 1
        at.minutes = run.team.agree(before + (time.monotonic() - started) / 60)
        if on_step and log:
            on_step(at, losses)
        if log and at.step % LOG_STEPS == 0:
            log.write(at.step, at.minutes, losses | {"rate": pace.rate(at)})
        if run.done >= 1:
            break
        if at.minutes - validated >= settings.validate_minutes:
            validated = saved = at.minutes
            trainer.check_weights()
            if log:
                report(trainer, log, "now")
            trainer.save()
            run.team.wait()
        elif at.minutes - saved >= settings.checkpoint_minutes:
            saved = at.minutes
            trainer.save()
    if at.step > first:
        trainer.save()
    return at.step - first


def report(trainer: Trainer, log: RunLog, name: str) -> tuple[Path, dict[str, float]]:
    """Score the averaged net, log, draw, and write its weights: under a name, and if best so far.

    Returns:
        The weights file of that name, an older one of which is gone, and the scores.
    """
    run, net = trainer.run, trainer.averaged_net()
    found = trainer.recipe.validate(net, run)
    scores = {key: round(value, 4) for key, value in found.items()}
    if scores:
        log.write(run.at.step, run.at.minutes, scores)
    log.draw()
    notes = {"preset": run.settings.preset, "batch": run.settings.batch}
    notes |= trainer.recipe.notes(run) | {"steps": run.at.step}
    notes |= {"minutes": round(run.at.minutes, 1), "processes": run.team.size}
    return write_weights(net, run.folder, name, run.at, notes, scores), scores
