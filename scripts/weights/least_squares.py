"""Layers with fewer channels, or other inputs, that give what they gave before as nearly as can be.

After He, Zhang, Sun, "Channel Pruning for Accelerating Very Deep Neural Networks", 2017, with
greedy picks in the place of the lasso.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

RIDGE = 1e-4
"""How strongly weights are held where they are, as a share of what their input does."""
LEAST = 1e-9
"""Share of the largest channel below which one counts as empty."""


def measure_moment(maps: Iterable[Tensor], step: int = 5) -> Tensor:
    """``(C, C)`` float64 mean products of the channels of ``(1, C, h, w)`` maps.

    Args:
        maps: Of several pictures.
        step: Each ``step``-th place is enough.
    """
    found = [x.flatten(2)[0].T[::step].double() for x in maps]
    return torch.stack([x.T @ x / len(x) for x in found]).mean(0)


def weigh_channels(conv: nn.Conv2d) -> Tensor:
    """``(C, C)`` float64: how much errors of two channels matter to a convolution."""
    weight = conv.weight.detach().double()
    return torch.einsum("ocij,odij->cd", weight, weight)


def pick_channels(moment: Tensor, importance: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The channels by which all are explained best, picked one by one.

    Args:
        moment: ``(C, C)`` of `measure_moment`.
        importance: ``(C, C)`` of `weigh_channels`.
        count: How many are wanted.

    Returns:
        ``(count,)`` their numbers, and ``(C, count)`` of what mix of them each channel is.
    """
    left = moment.clone()
    least = LEAST * float(moment.diagonal().max())
    kept: list[int] = []
    for _ in range(count):
        power = left.diagonal()
        gain = (left * (importance @ left)).sum(0) / power.clamp(min=least)
        gain[power < least] = 0
        gain[kept] = -1
        best = int(gain.argmax())
        kept.append(best)
        left = left - torch.outer(left[:, best] / power[best].clamp(min=least), left[best])
    picked = torch.tensor(sorted(kept))
    return picked, torch.linalg.solve(moment[picked][:, picked], moment[picked]).T


def project_channels(moment: Tensor, importance: Tensor, count: int) -> Tensor:
    """``(count, C)`` mixes of channels from which all are explained best, each of power 1.

    They are the first principal axes of what matters (reduced rank regression, Izenman 1975).
    """
    scales, axes = torch.linalg.eigh(importance)
    root = axes * scales.clamp(min=float(scales.max()) * LEAST).sqrt() @ axes.T
    small = LEAST * moment.diagonal().mean() * torch.eye(len(moment), dtype=moment.dtype)
    found: Tensor = (
        torch.linalg.svd(root @ torch.linalg.cholesky(moment + small))[0][:, :count].T @ root
    )
    power: Tensor = (found @ moment @ found.T).diagonal()
    return found / power.sqrt()[:, None]


def mix_inputs(conv: nn.Conv2d, mix: Tensor) -> nn.Conv2d:
    """The convolution for other inputs, of which its own are a ``(C, C')`` mix."""
    weight = torch.einsum("oc...,ck->ok...", conv.weight.detach(), mix.to(conv.weight.dtype))
    return make_conv(weight, conv.bias)


def make_conv(weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution with these weights, padded so that the size stays."""
    out, channels, side, _ = weight.shape
    conv = nn.Conv2d(channels, out, side, padding=side // 2, bias=bias is not None)
    conv.load_state_dict({"weight": weight} | ({} if bias is None else {"bias": bias.detach()}))
    return conv


@torch.inference_mode()
def refit(conv: nn.Conv2d, inputs: Iterable[Tensor], wanted: Iterable[Tensor]) -> None:
    """Set weights and biases so that what comes out is as near to what is wanted as can be.

    Args:
        conv: Of any odd side; changed.
        inputs: ``(1, C, h, w)`` of several pictures.
        wanted: ``(1, C', h, w)`` of the same, before a ReLU.
    """
    side = conv.kernel_size[0]
    size = conv.in_channels * side * side + 1
    products, targets, places = torch.zeros(size, size), torch.zeros(size, conv.out_channels), 0
    for x, y in zip(inputs, wanted, strict=True):
        patches = F.unfold(x.float(), side, padding=side // 2)[0]
        rows = torch.cat([patches, torch.ones(1, patches.shape[1])])
        products += rows @ rows.T
        targets += rows @ y.float().flatten(2)[0].T
        places += rows.shape[1]
    assert conv.bias is not None
    now = torch.cat([conv.weight.flatten(1), conv.bias[:, None]], 1).T.double()
    left, right = products.double() / places, targets.double() / places
    hold = RIDGE * left.diagonal()
    found = torch.linalg.solve(left + torch.diag(hold), right + hold[:, None] * now).T.float()
    conv.weight.copy_(found[:, :-1].reshape(conv.weight.shape))
    conv.bias.copy_(found[:, -1])
