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
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vidcolor.nets.vgg import BLOCKS, VGG16Features

CODES = 255
"""Largest code of what goes into a convolution."""

CHANNELS = 128
"""Channels that a convolution gives at a time, unless they are a power of two: for 192 oneDNN takes
three times as long as for 128 and 64 (384 channels in, AVX-512)."""

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
            found = Int8Conv(conv, Codes(1.0, 0), torch.float32)(codes)
            return torch.allclose(found, conv(codes.float()).relu(), rtol=0.01)
    except (RuntimeError, AttributeError, TypeError):
        return False


class Codes(NamedTuple):
    """What codes stand for: ``step * (code - zero)``."""

    step: float
    zero: int

    @staticmethod
    def of(seen: Range) -> Codes:
        """Codes for all numbers of a range, and for 0."""
        low, high = min(seen[0], 0.0), max(seen[1], 1e-6)
        step = (high - low) / CODES
        return Codes(step, round(-low / step))

    def write(self, x: Tensor) -> Tensor:
        """Floats as uint8 codes."""
        codes = (x / self.step).round_()
        codes = (codes.add_(self.zero) if self.zero else codes).clamp_(0, CODES)
        # By way of int16, for torch takes seven times as long for floats to uint8.
        return codes.to(torch.int16).to(torch.uint8)


class Int8Conv(nn.Module):
    """A convolution and the ReLU after it.

    Args:
        conv: In float32.
        into: What the codes that go in stand for.
        out: The same of those that come out, or a type of floats.
    """

    def __init__(self, conv: nn.Conv2d, into: Codes, out: Codes | torch.dtype) -> None:
        super().__init__()
        self.into = into
        self.out = (*out, torch.uint8) if isinstance(out, Codes) else (1.0, 0, out)
        self.form = [*conv.stride], [*conv.padding], [*conv.dilation], conv.groups
        weight, bias = conv.weight.detach(), None if conv.bias is None else conv.bias.detach()
        self.parts = [
            self._pack(weight[some], None if bias is None else bias[some])
            for some in _channel_parts(conv.out_channels)
        ]

    def _pack(
        self, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """The weights of some channels as oneDNN wants them, their steps, zeros and biases."""
        steps = weight.abs().amax((1, 2, 3)).clamp_min(1e-12) / 127
        codes = (weight / steps[:, None, None, None]).round().to(torch.int8)
        packed = torch.ops.onednn.qconv_prepack(codes, steps, *self.into, *self.form)
        return packed, steps, torch.zeros(len(weight), dtype=torch.int32), bias

    def forward(self, codes: Tensor) -> Tensor:
        """(B, C, h, w) uint8 -> (B, C', h', w')."""
        into = codes.contiguous(memory_format=torch.channels_last), *self.into
        found = [
            torch.ops.onednn.qconv2d_pointwise(*into, *part, *self.form, *self.out, "relu", [], "")
            for part in self.parts
        ]
        return found[0] if len(found) == 1 else torch.cat(found, 1)


def _channel_parts(channels: int) -> list[slice]:
    """All channels, or pieces of them that a convolution gives in less time."""
    if channels < CHANNELS or channels.bit_count() == 1:
        return [slice(0, channels)]
    return [slice(a, min(a + CHANNELS, channels)) for a in range(0, channels, CHANNELS)]


class Int8Block(nn.Module):
    """`vidcolor.nets.layers.conv_block` in 8-bit integers; floats go in and come out."""

    def __init__(self, conv: nn.Conv2d, seen: Range, dtype: torch.dtype) -> None:
        super().__init__()
        self.codes = Codes.of(seen)
        self.conv = Int8Conv(conv, self.codes, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', h', w')."""
        found: Tensor = self.conv(self.codes.write(x))
        return found


class Int8VGG(nn.Module):
    """VGG16's convolutions for gray pictures, all but its first block in 8-bit integers.

    In 8 bits the first block would draw bands into skies, fog and the dark.

    Args:
        vgg: In float32.
        seen: By names such as ``features.5``, what goes into each convolution that is done in
            integers; by ``""`` what comes out of the last.

    Attributes:
        codes: What the codes of each map that comes out stand for.
    """

    def __init__(self, vgg: VGG16Features, seen: dict[str, Range]) -> None:
        super().__init__()
        layers = list(vgg.features)
        second = layers.index(next(x for x in layers if isinstance(x, nn.MaxPool2d))) + 1
        # Without its last ReLU and its pool, which go together with the writing of codes.
        self.first, self.mean = vgg.features[: second - 2], vgg.mean
        # A max pool changes no range: what goes into a convolution came out of the one before.
        # That was a ReLU, so 0 is the smallest code.
        codes = [Codes.of((0.0, high)) for _, high in seen.values()]
        convs = [layer for layer in layers[second:] if isinstance(layer, nn.Conv2d)]
        made = [Int8Conv(conv, *both) for conv, both in zip(convs, pairwise(codes), strict=True)]
        ends = list(accumulate((len(block) for block in BLOCKS[1:]), initial=0))
        self.blocks = nn.ModuleList(
            nn.Sequential(*made[start:end]) for start, end in pairwise(ends)
        )
        self.into = codes[0]
        self.codes = [codes[end] for end in ends[2:]]

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """(B, 1, h, w) L -> codes of the features at 1/4, 1/8 and 1/16, as of `VGG16Features`."""
        codes = self.into.write(max_pool(self.first(lightness * 2.55 - self.mean)))
        maps: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            codes = block(max_pool(codes) if number else codes)
            maps.append(codes)
        return maps[1:]


def max_pool(x: Tensor) -> Tensor:
    """2 x 2 max pool, of floats or codes; torch has none for uint8, and keeps places for floats."""
    h, w = (side // 2 * 2 for side in x.shape[2:])
    rows = torch.maximum(x[:, :, 0:h:2], x[:, :, 1:h:2])
    return torch.maximum(rows[..., 0:w:2], rows[..., 1:w:2])
