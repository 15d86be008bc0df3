"""The critic of the short adversarial phase at the end of a run.

After Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", 2017: it
judges patches of a gray picture with its colors, so it learns which colors go with what is seen.
The losses are those of Lim and Ye, "Geometric GAN", 2017.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

WEIGHT = 0.05
"""Weight of the critic's opinion in the net's loss: small, as it shifts colors to any price."""


class Critic(nn.Module):
    """Real or painted? ``(B, 1, h, w)`` L and ``(B, 2, h, w)`` ab -> ``(B, 1, h/8, w/8)``."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for out in (width, 2 * width, 4 * width):
            conv = nn.Conv2d(channels, out, 4, stride=2, padding=1)
            layers += [nn.utils.parametrizations.spectral_norm(conv), nn.LeakyReLU(0.2)]
            channels = out
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """Above 0 for what looks real."""
        scores: Tensor = self.layers(torch.cat([lightness / 50 - 1, ab / 50], 1))
        return scores.float()


def critic_loss(critic: Critic, lightness: Tensor, ab: Tensor, truth: Tensor) -> Tensor:
    """Hinge loss of the critic: true colors above 1, the net's below -1."""
    real = F.relu(1 - critic(lightness, truth)).mean()
    painted = F.relu(1 + critic(lightness, ab.detach())).mean()
    return real + painted


def deceive_loss(critic: Critic, lightness: Tensor, ab: Tensor) -> Tensor:
    """What the net pays for colors that the critic takes for painted."""
    opinion: Tensor = critic(lightness, ab)
    return -WEIGHT * opinion.mean()
