"""Nets made ready to run: the same colors for less work. Training takes them as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from vidcolor.errors import SettingsError
from vidcolor.nets.colornet import ColorNet, NetInput
from vidcolor.nets.int8 import Int8Block, Range, int8_is_fast
from vidcolor.nets.int8_film import Int8FilmNet
from vidcolor.nets.layers import fold_norms, is_conv_block
from vidcolor.nets.vgg import BLOCKS, VGG16Features
from vidcolor.nets.vgg_fused import FilmNet


def pick_precision(
    wish: str, net: ColorNet, device: torch.device, floats: torch.dtype
) -> torch.dtype:
    """What the net computes in, for ``--precision``.

    int8 where the processor is made for it and the ranges that it needs were measured of the
    weights: it is the fastest there, and its pictures cannot be told from those of float32.

    Args:
        wish: One of `vidcolor.settings.PRECISIONS`.
        net: The net, for its ranges.
        device: Where it is to run.
        floats: The fastest floats of the device.

    Raises:
        SettingsError: int8 is asked for and cannot be had.
    """
    int8 = device.type == "cpu" and bool(net.ranges) and int8_is_fast()
    if wish == "int8" and not int8:
        raise SettingsError(
            "--precision int8 needs shipped weights and a CPU with VNNI; use --precision auto"
        )
    if wish in ("bfloat16", "float32"):
        return torch.bfloat16 if wish == "bfloat16" else torch.float32
    return torch.int8 if int8 else floats


def prepare_net(net: ColorNet, dtype: torch.dtype, int8: bool = False) -> ColorNet:
    """A copy of a net that can only be run; ``net`` stays as it is.

    Batch norms are folded into the convolutions before them and weights are of the type that is
    computed in.

    Args:
        net: In eval mode, float32, on the CPU.
        dtype: float32, or the type that autocast is set to when the net is run.
        int8: Take 8-bit integers for the convolutions whose ranges the net knows.
    """
    made = deepcopy(net).requires_grad_(False)
    seen = made.ranges if int8 else {}
    if seen and isinstance(made, FilmNet):
        made = Int8FilmNet(made, seen, dtype)

    def change(name: str, module: nn.Module) -> nn.Module | None:
        if not isinstance(module, nn.Sequential):
            return None
        folded = fold_norms(module)
        if f"{name}.0" in seen and is_conv_block(module):
            conv = folded[0]
            assert isinstance(conv, nn.Conv2d)
            return Int8Block(conv, seen[f"{name}.0"], dtype)
        return folded if len(folded) < len(module) else None

    _replace(made, "", change)
    for module in made.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.to(dtype)
    made.to(memory_format=torch.channels_last)
    return made


def _replace(
    parent: nn.Module, path: str, change: Callable[[str, nn.Module], nn.Module | None]
) -> None:
    for name, child in parent.named_children():
        if new := change(path + name, child):
            setattr(parent, name, new)
        else:
            _replace(child, f"{path}{name}.", change)


@torch.inference_mode()
def measure_ranges(net: ColorNet, pictures: list[Tensor]) -> dict[str, Range]:
    """What goes into the convolutions that can be done in 8-bit integers.

    Args:
        net: In eval mode, float32.
        pictures: ``(B, 1, h, w)`` L* each.

    Returns:
        By the names of the convolutions in the net; and by that of VGG16 and a dot, what comes out
        of its last.
    """
    seen: dict[str, Range] = {}

    def see(name: str, x: Tensor) -> None:
        low, high = seen.get(name, (0.0, 0.0))
        seen[name] = (min(low, float(x.min())), max(high, float(x.max())))

    hooks = [
        conv.register_forward_pre_hook(lambda _, inputs, name=name: see(name, inputs[0]))
        for name, conv in _quantisable(net)
    ]
    hooks += [
        vgg.register_forward_hook(lambda _, __, maps, name=name: see(f"{name}.", maps[-1]))
        for name, vgg in net.named_modules()
        if isinstance(vgg, VGG16Features)
    ]
    for picture in pictures:
        net(NetInput(picture))
    for hook in hooks:
        hook.remove()
    return seen


def _quantisable(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in net.named_modules():
        if is_conv_block(module):
            yield f"{name}.0", module.get_submodule("0")
        elif isinstance(module, VGG16Features):
            convs = [
                (f"{name}.{inner}", layer)
                for inner, layer in module.named_modules()
                if isinstance(layer, nn.Conv2d)
            ]
            yield from convs[len(BLOCKS[0]) :]
