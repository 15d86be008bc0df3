"""The gate: a small net that decides how far color carried from another frame is to be trusted."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vidcolor.core.system import pick_dtype
from vidcolor.errors import SettingsError

CLUES = 7
"""Maps that the gate sees; `vidcolor.temporal.propagation.features` makes them."""


@dataclass(frozen=True)
class GateConfig:
    """The shape of a gate, stored with its weights."""

    width: int = 16
    """Channels of the hidden layers."""

    def __post_init__(self) -> None:
        if not isinstance(self.width, int) or not 1 <= self.width <= 256:
            raise SettingsError(f"a gate of {self.width!r} channels cannot be built")


class Gate(nn.Module):
    """Three convolutions over what two frames have in common, sample by sample."""

    def __init__(self, config: GateConfig | None = None) -> None:
        super().__init__()
        self.config = config or GateConfig()
        width = self.config.width
        self.layers = nn.Sequential(
            nn.Conv2d(CLUES, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 1, 1),
        )
        nn.init.constant_(self.layers[-1].bias, 2.0)  # type: ignore[arg-type]  # trustful at first

    def forward(self, features: Tensor) -> Tensor:
        """Trust.

        Args:
            features: ``(B, CLUES, h, w)``.

        Returns:
            ``(B, 1, h, w)``, 0..1.
        """
        dtype = next(self.parameters()).dtype
        return torch.sigmoid(self.layers(features.to(dtype)).float())


def quicken(gate: Gate) -> Gate:
    """The same gate, in bfloat16 where the CPU has it: trust differs by 0.001 on the mean."""
    dtype = pick_dtype(torch.device("cpu"))
    return deepcopy(gate).to(dtype).to(memory_format=torch.channels_last)
