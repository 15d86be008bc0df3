"""The gradient of a convolution's weights as matrix products, for processors without bfloat16.

oneDNN's own runs at half of the core's speed there, in channels-last.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

LEAST = 64
"""Channels in and out, below which the products are too thin to be worth it."""


def weight_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """Gradient of the weights of a 3x3 convolution with padding 1.

    Args:
        x: ``(B, C, h, w)`` what went in.
        gradient: ``(B, O, h, w)`` of what came out.

    Returns:
        ``(O, C, 3, 3)``.
    """
    B, C, h, w = x.shape
    O = gradient.shape[1]  # noqa: E741
    # One place of zeros after each row, and one row of them after each picture, stand on both sides
    # of what is next to them in memory: each of the nine neighbors is an offset in a flat list.
    row = w + 1
    count = B * (h + 1) * row
    flat = x.new_zeros(count + 2 * (row + 1), C)
    inner = flat[row + 1 : row + 1 + count].view(B, h + 1, row, C)
    inner[:, :h, :w] = x.permute(0, 2, 3, 1)
    spread = F.pad(gradient.permute(0, 2, 3, 1), (0, 0, 0, 1, 0, 1)).reshape(count, O).T
    offsets = [down * row + right for down in range(3) for right in range(3)]
    products = [spread @ flat[at : at + count] for at in offsets]
    return torch.stack(products, -1).view(O, C, 3, 3)


class _Convolution(torch.autograd.Function):
    """A 3x3 convolution whose weights learn by `weight_gradient`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """``(B, C, h, w)`` -> ``(B, O, h, w)``."""
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias, padding=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        """Gradients of all three."""
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.ops.aten.convolution_backward(
                *(gradient, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
                [True, False, False],
            )[0]
        of_bias = gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        return of_x, weight_gradient(x, gradient), of_bias


class QuickConv2d(nn.Conv2d):
    """A convolution that `quicken` has changed; everything but its backward pass is as before."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        learns = torch.is_grad_enabled() and weight.requires_grad
        plain = input.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        if learns and plain and input.dtype == torch.float32:
            result: Tensor = _Convolution.apply(input, weight, bias)
            return result
        usual: Tensor = super()._conv_forward(input, weight, bias)
        return usual


def quicken(net: nn.Module) -> None:
    """Let the wide 3x3 convolutions of a net learn faster on a CPU in float32."""
    for layer in net.modules():
        if (
            type(layer) is nn.Conv2d
            and (layer.kernel_size, layer.stride, layer.dilation) == ((3, 3), (1, 1), (1, 1))
            and (layer.padding, layer.padding_mode, layer.groups) == ((1, 1), "zeros", 1)
            and min(layer.in_channels, layer.out_channels) >= LEAST
        ):
            layer.__class__ = QuickConv2d
