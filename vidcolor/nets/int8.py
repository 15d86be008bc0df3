"""Convolutions in 8-bit integers, for processors that multiply them fast (VNNI, AMX).

What goes into a convolution is written as ``step * (code - zero)``, codes 0..255, by the range that
was measured of it over pictures; weights as ``step * code``, codes -127..127, with a step for each
channel that comes out. After Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", 2018. oneDNN does the work, through the operators that
torch's own compiler uses.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

from vidcolor.nets.vgg import BLOCKS, VGG16Features

CODES = 255
"""Largest code of what goes into a convolution."""

Range = tuple[float, float]
"""Smallest and largest number that goes into a convolution."""


@cache
def int8_is_fast() -> bool:
    """Whether this processor multiplies 8-bit integers fast and this torch can tell it to."""
    if not torch.cpu._is_vnni_supported():
        return False
    # Torch makes no promise of these operators, so one convolution with a known answer is tried.
    conv = nn.Conv2d(16, 16, 3, padding=1)
    nn.init.constant_(conv.weight, 0.5)
    codes = torch.full((1, 16, 4, 4), 200, dtype=torch.uint8)
    try:
        with torch.inference_mode():
            found = Int8Conv(conv, 1.0, 0, torch.float32)(codes)
            return torch.allclose(found, conv(codes.float()).relu(), rtol=0.01)
    except (RuntimeError, AttributeError, TypeError):
        return False


class Int8Conv(nn.Module):
    """A convolution and the ReLU after it.

    Args:
        conv: In float32.
        step: Of the codes that go in.
        zero: The code of 0.
        out: Step of the codes that come out, of which the smallest is 0; or a type of floats.
    """

    def __init__(self, conv: nn.Conv2d, step: float, zero: int, out: float | torch.dtype) -> None:
        super().__init__()
        weight = conv.weight.detach()
        self.steps = weight.abs().amax((1, 2, 3)).clamp_min(1e-12) / 127
        self.zeros = torch.zeros(len(weight), dtype=torch.int32)
        codes = (weight / self.steps[:, None, None, None]).round().to(torch.int8)
        self.bias = None if conv.bias is None else conv.bias.detach()
        self.step, self.zero = step, zero
        self.out = (out, 0, torch.uint8) if isinstance(out, float) else (1.0, 0, out)
        self.form = [*conv.stride], [*conv.padding], [*conv.dilation], conv.groups
        self.packed = torch.ops.onednn.qconv_prepack(codes, self.steps, step, zero, *self.form)

    def forward(self, codes: Tensor) -> Tensor:
        """(B, C, h, w) uint8 -> (B, C', h', w')."""
        into = codes.contiguous(memory_format=torch.channels_last), self.step, self.zero
        weight = self.packed, self.steps, self.zeros, self.bias
        found: Tensor = torch.ops.onednn.qconv2d_pointwise(
            *into, *weight, *self.form, *self.out, "relu", [], ""
        )
        return found


class Int8Block(nn.Module):
    """`vidcolor.nets.layers.conv_block` in 8-bit integers; floats go in and come out."""

    def __init__(self, conv: nn.Conv2d, seen: Range, dtype: torch.dtype) -> None:
        super().__init__()
        low, high = min(seen[0], 0.0), max(seen[1], 1e-6)
        self.step = (high - low) / CODES
        self.zero = round(-low / self.step)
        self.conv = Int8Conv(conv, self.step, self.zero, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', h', w')."""
        codes = (x / self.step).round_()
        codes = (codes.add_(self.zero) if self.zero else codes).clamp_(0, CODES)
        found: Tensor = self.conv(codes.to(torch.uint8))
        return found


class Int8VGG(nn.Module):
    """VGG16's convolutions for gray pictures, all but its first block in 8-bit integers.

    In 8 bits the first block would draw bands into skies, fog and the dark.

    Args:
        vgg: In float32.
        seen: By names such as ``features.5``, what goes into each convolution that is done in
            integers; by ``""`` what comes out of the last.
        dtype: Of the first block, and of the features.
    """

    def __init__(self, vgg: VGG16Features, seen: dict[str, Range], dtype: torch.dtype) -> None:
        super().__init__()
        layers = list(vgg.features)
        second = layers.index(next(x for x in layers if isinstance(x, nn.MaxPool2d))) + 1
        self.first, self.mean = vgg.features[:second], vgg.mean
        # A max pool changes no range: what goes into a convolution came out of the one before.
        steps = [max(high, 1e-6) / CODES for _, high in seen.values()]
        convs = [layer for layer in layers[second:] if isinstance(layer, nn.Conv2d)]
        made = [
            Int8Conv(conv, into, 0, out)
            for conv, (into, out) in zip(convs, pairwise(steps), strict=True)
        ]
        ends = list(accumulate((len(block) for block in BLOCKS[1:]), initial=0))
        self.blocks = nn.ModuleList(
            nn.Sequential(*made[start:end]) for start, end in pairwise(ends)
        )
        self.steps = [steps[end] for end in ends]
        self.dtype = dtype

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """(B, 1, h, w) L -> the features at 1/4, 1/8 and 1/16, as of `VGG16Features`."""
        floats = self.first(lightness * 2.55 - self.mean)
        codes = (floats / self.steps[0]).round_().clamp_(0, CODES).to(torch.uint8)
        maps: list[Tensor] = []
        for number, (block, step) in enumerate(zip(self.blocks, self.steps[1:], strict=True)):
            codes = block(max_pool_codes(codes) if number else codes)
            if number:
                maps.append(codes.to(self.dtype) * step)
        return maps


def max_pool_codes(codes: Tensor) -> Tensor:
    """2 x 2 max pool, which torch does not have for uint8."""
    h, w = (side // 2 * 2 for side in codes.shape[2:])
    rows = torch.maximum(codes[:, :, 0:h:2], codes[:, :, 1:h:2])
    return torch.maximum(rows[..., 0:w:2], rows[..., 1:w:2])
