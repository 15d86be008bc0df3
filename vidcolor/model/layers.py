"""The building blocks of the nets."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class AttentionBlock(nn.Module):
    """A plain pre-norm transformer block over all positions of a map.

    A depth-wise 3x3 convolution tells neighbours apart, so any size of picture works.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.position = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        B, C, h, w = x.shape
        x = x + self.position(x)
        tokens: Tensor = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm1(tokens)).view(B, h * w, 3, self.heads, -1).unbind(2)
        mixed = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        )
        tokens = tokens + self.project(mixed.transpose(1, 2).reshape(B, h * w, C))
        tokens = tokens + self.mlp(self.norm2(tokens))
        return tokens.transpose(1, 2).view(B, C, h, w)


def conv_block(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class ResidualBlock(nn.Module):
    """A 3x3 convolution whose result is added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv_block(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        result: Tensor = x + self.conv(x)
        return result


def upsample_to(x: Tensor, other: Tensor) -> Tensor:
    """``x`` at the height and width of ``other``, bilinear."""
    return F.interpolate(x, other.shape[2:], mode="bilinear", align_corners=False)
