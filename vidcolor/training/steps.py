"""One step of the optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from vidcolor.errors import TrainingError
from vidcolor.training.data.crops import Micro
from vidcolor.training.discriminator import critic_loss, deceive_loss
from vidcolor.training.recipes import Painted
from vidcolor.training.state import Trainer


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
            f"the loss of step {trainer.at.step + 1} is {sums['total']}; go on from the last "
            "checkpoint in another --out with --start and a lower --learning-rate"
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
