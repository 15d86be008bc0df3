"""The building blocks of the nets."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

SCORES = 1 << 20
"""Scores of places with places that are held at a time in bfloat16 on the CPU."""


class AttentionBlock(nn.Module):
    """A plain pre-norm transformer block over all positions of a map.

    A depth-wise 3x3 convolution tells neighbours apart, so any size of picture works.
    """

    def __init__(self, width: int, heads: int, pooled: bool = False) -> None:
        """Make one.

        Args:
            width: Channels.
            heads: Of the attention.
            pooled: Look at means of 2 x 2 places instead of each, for a quarter of the work (as
                Wang et al., "Pyramid Vision Transformer v2", 2022). Maps then have even sides.
        """
        super().__init__()
        self.heads, self.pooled = heads, pooled
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
        # By way of channels-last: of one picture `flatten` would make strides from which torch no
        # longer sees the layout, and what follows would be copied to another one.
        tokens: Tensor = x.permute(0, 2, 3, 1).reshape(B, h * w, C)
        mixed = attention(*self._look(self.norm1(tokens), h, w))
        tokens = tokens + self.project(mixed.transpose(1, 2).reshape(B, h * w, C))
        tokens = tokens + self.mlp(self.norm2(tokens))
        return tokens.view(B, h, w, C).permute(0, 3, 1, 2)

    def _look(self, tokens: Tensor, h: int, w: int) -> tuple[Tensor, ...]:
        """Queries of all places, keys and values of those that are looked at."""
        B, _, C = tokens.shape
        if not self.pooled:
            parts = self.qkv(tokens).view(B, h * w, 3, self.heads, -1).unbind(2)
            return tuple(part.transpose(1, 2) for part in parts)
        # The mean of keys is the key of the mean, so it takes a quarter of that work, too.
        means = F.avg_pool2d(tokens.view(B, h, w, C).permute(0, 3, 1, 2), 2)
        others = means.permute(0, 2, 3, 1).reshape(B, -1, C)
        weight, bias = self.qkv.weight, self.qkv.bias
        q = F.linear(tokens, weight[:C], bias[:C]).view(B, h * w, 1, self.heads, -1)
        kv = F.linear(others, weight[C:], bias[C:]).view(B, others.shape[1], 2, self.heads, -1)
        return tuple(part.transpose(1, 2) for part in (*q.unbind(2), *kv.unbind(2)))


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax of ``q k / sqrt(d)``, times ``v``: each ``(B, heads, places, d)``."""
    if q.device.type != "cpu" or q.dtype != torch.bfloat16 or torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v)
    # Torch's own takes twice as long here. Pieces this large stay in the processor's cache.
    B, heads, places, d = q.shape
    rows = max(1, SCORES // places)
    mixed = q.new_empty(B, places, heads, d).transpose(1, 2)
    q = q * d**-0.5
    for b, head in product(range(B), range(heads)):
        keys, values = k[b, head].T, v[b, head]
        for some in (slice(first, first + rows) for first in range(0, places, rows)):
            mixed[b, head, some] = (q[b, head, some] @ keys).softmax(-1) @ values
    return mixed


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


def fold_norms(layers: nn.Sequential) -> nn.Sequential:
    """The layers, each batch norm folded into the convolution before it; the rest are shared."""
    made: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d) and made and isinstance(made[-1], nn.Conv2d):
            made[-1] = fuse_conv_bn_eval(made[-1], layer)
        else:
            made.append(layer)
    return nn.Sequential(*made)


def is_conv_block(module: nn.Module) -> bool:
    """Whether the module is one that `conv_block` makes."""
    kinds = [type(layer) for layer in module.children()]
    return isinstance(module, nn.Sequential) and kinds == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
