"""Channels between two convolutions, scaled so that all of them fill the codes of 8-bit integers.

One step stands for all channels of a map, one for all weights that make an output channel. A
channel times t and what reads it divided by t gives the same, for a ReLU lets factors through.
After Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
with ranges measured over pictures in the place of those of weights.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from vidcolor.nets.colornet import NetInput
from vidcolor.nets.vgg_fused import FilmNet

LEAST = 1e-3
"""Share of the largest channel, below which channels are scaled no further."""


@torch.no_grad()
def equalize(net: FilmNet, pictures: list[Tensor]) -> None:
    """Scale the channels of VGG16 that only its own convolutions read, and those of the decoder.

    Args:
        net: In eval mode, with a lift from 1/8; changed, but not what it computes.
        pictures: ``(1, 1, h, w)`` L* each, photographs.
    """
    pairs = {f"vgg.features.{b}": f"vgg.features.{a}" for a, b in _inner_pairs(net)}
    largest = _measure_largest(net, pictures, [*pairs, "fuse4.0.0", "fuse4.1.0"])
    modules = dict(net.named_modules())

    def scale(reader: str) -> Tensor:
        conv = cast(nn.Conv2d, modules[reader])
        factors = _find_factors(largest[reader], conv.weight)
        conv.weight.div_(factors[None, :, None, None])
        return factors

    for reader, maker in pairs.items():
        factors, conv = scale(reader), cast(nn.Conv2d, modules[maker])
        assert conv.bias is not None
        conv.weight.mul_(factors[:, None, None, None])
        conv.bias.mul_(factors)
    lift = cast(nn.Conv2d, net.lift8)
    below, beside = scale("fuse4.0.0").tensor_split([lift.out_channels])
    lift.weight.mul_(below[:, None, None, None])
    for factors, name in ((beside, "skip4.1"), (scale("fuse4.1.0"), "fuse4.0.1")):
        norm = cast(nn.BatchNorm2d, modules[name])
        norm.weight.mul_(factors)
        norm.bias.mul_(factors)


def _inner_pairs(net: FilmNet) -> list[tuple[int, int]]:
    """Places of convolutions and of those behind them, where nothing else reads what passes."""
    convs = [n for n, layer in enumerate(net.vgg.features) if isinstance(layer, nn.Conv2d)]
    ends = (0, 6, 9)  # floats pass behind the first; the decoder reads the maps at 1/4 and 1/8
    return [(convs[n], convs[n + 1]) for n in range(len(convs) - 1) if n not in ends]


def _find_factors(largest: Tensor, weight: Tensor) -> Tensor:
    """``(C,)`` factors, by which values and weights of each channel reach as near to the most."""
    values = largest.clamp(min=float(largest.max()) * LEAST)
    weights = weight.abs().amax((0, 2, 3))
    weights = weights.clamp(min=float(weights.max()) * LEAST)
    factors = (values.max() / values * weights / weights.max()).sqrt()
    return factors * values.max() / (values * factors).max()


def _measure_largest(net: FilmNet, pictures: list[Tensor], names: list[str]) -> dict[str, Tensor]:
    """``(C,)`` largest amounts that go into convolutions."""
    found: dict[str, Tensor] = {}

    def see(name: str, x: Tensor) -> None:
        peaks = x.abs().amax((0, 2, 3))
        found[name] = torch.maximum(found.get(name, peaks), peaks)

    hooks = [
        net.get_submodule(name).register_forward_pre_hook(lambda _, x, name=name: see(name, x[0]))
        for name in names
    ]
    for L in pictures:
        net(NetInput(L))
    for hook in hooks:
        hook.remove()
    return found
