"""What a training run works with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from vidcolor.core.system import pick_dtype
from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.registry import build_net
from vidcolor.training.checkpoints import Average, Position, save_checkpoint
from vidcolor.training.data.stills import Still
from vidcolor.training.discriminator import Critic
from vidcolor.training.distributed import Team
from vidcolor.training.recipes import Recipe
from vidcolor.training.settings import TrainSettings

OnIndex = Callable[[int, int], None]
OnStep = Callable[[Position, dict[str, float]], None]
OnNote = Callable[[str], None]
"""What a run tells while it goes: (looked at, found); position and losses; a line."""


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
