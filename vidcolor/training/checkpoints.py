"""The run folder: what a training run needs to go on exactly where it stopped."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vidcolor.core.files import new_file, read_own, reader, write_own
from vidcolor.errors import TrainingError
from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.guide_net import GuideNet
from vidcolor.nets.trust_gate import Gate
from vidcolor.nets.weights import save_weights
from vidcolor.training.distributed import Team
from vidcolor.training.settings import MAY_CHANGE, TrainSettings

_MOST_SETTINGS = 1 << 20
"""Bytes of the settings of a run."""


@dataclass
class Position:
    """How far a run has come.

    All randomness follows from the seed and the step, so there is no other state of chance.
    """

    step: int = 0
    """Optimiser steps done."""
    minutes: float = 0.0
    """Minutes spent training."""
    best: float = -float("inf")
    """Best score of a validation so far."""

    def done(self, settings: TrainSettings) -> float:
        """Share of the run that is done, 0..1."""
        if settings.steps:
            return min(1.0, self.step / settings.steps)
        return min(1.0, self.minutes / settings.minutes)


OnIndex = Callable[[int, int], None]
OnStep = Callable[[Position, dict[str, float]], None]
OnNote = Callable[[str], None]
"""What a run tells while it goes: (looked at, found); position and losses; a line."""


@dataclass
class Run:
    """What is learned, where it is kept, by whom, and how far it has come."""

    settings: TrainSettings
    folder: Path
    team: Team
    on_index: OnIndex | None = None
    on_note: OnNote | None = None
    at: Position = field(default_factory=Position)

    @property
    def done(self) -> float:
        """Share of the run that is done, 0..1."""
        return self.at.done(self.settings)

    def draw(self, number: int, device: torch.device | None = None) -> torch.Generator:
        """The randomness of one batch of the run, on the CPU unless a device is named."""
        return torch.Generator(device or "cpu").manual_seed(self.settings.seed * 999_983 + number)

    def note(self, line: str) -> None:
        """Tell the user a line."""
        if self.on_note:
            self.on_note(line)


class Average:
    """Exponential moving average of a net's weights and running statistics."""

    def __init__(self, net: nn.Module, decay: float, *, trained: bool = False) -> None:
        """Start at the net's weights; ``trained`` says that they are worth keeping."""
        self.decay, self.trained = decay, trained
        self.state = {key: value.detach().clone() for key, value in net.state_dict().items()}
        self.frozen = {key for key, value in net.named_parameters() if not value.requires_grad}

    def update(self, net: nn.Module, step: int) -> None:
        """Move towards the net; faster at first, so that a random start is forgotten."""
        decay = self.decay if self.trained else min(self.decay, (1 + step) / (10 + step))
        moving = [key for key in self.state if key not in self.frozen]
        now = net.state_dict()
        floats = [key for key in moving if now[key].is_floating_point()]
        torch._foreach_lerp_([self.state[k] for k in floats], [now[k] for k in floats], 1 - decay)
        for key in set(moving) - set(floats):
            self.state[key].copy_(now[key])


def write_settings(run: Path, settings: TrainSettings) -> None:
    """Remember the run's settings, or check that they are those of the run folder.

    Raises:
        TrainingError: the folder holds a run with other settings, or cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{run} cannot be used as a run folder ({error.strerror})") from error
    file = run / "settings.json"
    fields = json.loads(json.dumps(asdict(settings)))
    if os.path.lexists(file):
        # Fields that came later had their defaults then.
        usual = {each.name: each.default for each in dataclasses.fields(TrainSettings)}
        old = json.loads(json.dumps(usual)) | _read_settings(file)
        changed = sorted(k for k in fields if old.get(k) != fields[k] and k not in MAY_CHANGE)
        if changed:
            raise TrainingError(
                f"{run} holds a run with other settings ({', '.join(changed)}); "
                "use the old ones to resume, or another --out"
            )
    try:
        write_own(file, json.dumps(fields, indent=1).encode())
    except OSError as error:
        raise TrainingError(f"{file} cannot be written ({error.strerror})") from error


def _read_settings(file: Path) -> dict[str, Any]:
    """What `write_settings` wrote.

    Raises:
        TrainingError: It cannot be read, or is something else.
    """
    try:
        found = json.loads(read_own(file, _MOST_SETTINGS))
    except OSError as error:
        raise TrainingError(f"{file} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TrainingError(f"{file} holds no settings; remove it, or use another --out")
    return found


def write_weights(
    net: ColorNet | Gate | GuideNet,
    run: Path,
    name: str,
    at: Position,
    training: dict[str, Any],
    scores: dict[str, float],
) -> Path:
    """Write weights into the run folder: under a name, and as the best if their score is.

    Args:
        net: With the averaged weights.
        run: Run folder.
        name: Such as ``net``.
        at: How far the run has come; its best score is brought up to date.
        training: What the net learned from.
        scores: With a ``score``; none if nothing was validated.

    Returns:
        The weights file of that name; an older one of it is gone.
    """
    names = [name]
    if scores and scores["score"] > at.best:
        at.best = scores["score"]
        names.append("best")
    paths = []
    for each in names:
        for old in run.glob(f"{each}-*.safetensors"):
            old.unlink()
        target = run / f"{each}.safetensors"
        paths.append(save_weights(net, target, training=training, scores=scores))
    return paths[0]


def save_checkpoint(run: Path, parts: dict[str, Any], average: Average, at: Position) -> None:
    """Write ``last.pt`` aside and rename it, so that a crash leaves the previous one.

    Args:
        run: Run folder.
        parts: Name -> anything with a ``state_dict``.
        average: Of the net.
        at: How far the run has come.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    state = {name: part.state_dict() for name, part in parts.items()}
    aside = run / "last.part"
    try:
        with new_file(aside) as file:
            torch.save(state | {"average": average.state, "position": asdict(at)}, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(run / "last.pt")
    except (OSError, RuntimeError) as error:
        detail = " ".join(str(error).split())[:200]
        raise TrainingError(f"the checkpoint in {run} cannot be written ({detail})") from error


def load_checkpoint(run: Path, parts: dict[str, Any], average: Average) -> Position:
    """Restore what `save_checkpoint` wrote; a fresh `Position` where there is nothing yet.

    Raises:
        TrainingError: the checkpoint is damaged.
    """
    file = run / "last.pt"
    if not os.path.lexists(file):
        return Position()
    try:
        with reader(file) as opened:
            state: dict[str, Any] = torch.load(opened, weights_only=True, map_location="cpu")
        for name, part in parts.items():
            part.load_state_dict(state[name])
        for key, value in average.state.items():
            value.copy_(state["average"][key])
        return Position(**state["position"])
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise TrainingError(
            f"{file} is damaged or of another version of vidcolor; delete it to start over"
        ) from error
