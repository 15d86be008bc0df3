"""The run folder: what a training run needs to go on exactly where it stopped."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vidcolor.errors import TrainingError


@dataclass
class Position:
    """How far a run has come."""

    step: int = 0
    """Optimiser steps done; the next batch and its randomness follow from it."""
    minutes: float = 0.0
    """Minutes spent training."""


class Average:
    """Exponential moving average of a net's weights and running statistics."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {key: value.detach().clone() for key, value in net.state_dict().items()}
        self.frozen = {key for key, value in net.named_parameters() if not value.requires_grad}

    def update(self, net: nn.Module, step: int) -> None:
        """Move towards the net; faster at first, so that the random start is forgotten."""
        decay = min(self.decay, (1 + step) / (10 + step))
        moving = [key for key in self.state if key not in self.frozen]
        now = net.state_dict()
        floats = [key for key in moving if now[key].is_floating_point()]
        torch._foreach_lerp_([self.state[k] for k in floats], [now[k] for k in floats], 1 - decay)
        for key in set(moving) - set(floats):
            self.state[key].copy_(now[key])


def write_settings(run: Path, settings: Any) -> None:
    """Remember the run's settings, or check that they are those of the run folder.

    Raises:
        TrainingError: the folder holds a run with other settings.
    """
    run.mkdir(parents=True, exist_ok=True)
    file = run / "settings.json"
    fields = json.loads(json.dumps(asdict(settings), default=str))
    if file.is_file():
        old = json.loads(file.read_text())
        changed = sorted(key for key in fields if old.get(key) != fields[key])
        if changed:
            raise TrainingError(
                f"{run} holds a run with other settings ({', '.join(changed)}); "
                "repeat the old ones to go on, or give another --out"
            )
    file.write_text(json.dumps(fields, indent=1))


def save_checkpoint(
    run: Path, net: nn.Module, average: Average, optimizer: torch.optim.Optimizer, at: Position
) -> None:
    """Write ``last.pt`` aside and rename it, so that a crash leaves the previous one."""
    state: dict[str, Any] = {
        "net": net.state_dict(),
        "average": average.state,
        "optimizer": optimizer.state_dict(),
        "position": asdict(at),
    }
    aside = run / "last.part"
    with aside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(run / "last.pt")


def load_checkpoint(
    run: Path, net: nn.Module, average: Average, optimizer: torch.optim.Optimizer
) -> Position:
    """Restore what `save_checkpoint` wrote; a fresh `Position` where there is nothing yet."""
    file = run / "last.pt"
    if not file.is_file():
        return Position()
    state: dict[str, Any] = torch.load(file, weights_only=True)
    net.load_state_dict(state["net"])
    restored: dict[str, Tensor] = state["average"]
    average.state = restored
    optimizer.load_state_dict(state["optimizer"])
    return Position(**state["position"])
