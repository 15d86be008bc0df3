from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from vidcolor.nets.colornet import ColorNetConfig
from vidcolor.nets.registry import build_net
from vidcolor.training.convolution import QuickConv2d, quicken, weight_gradient
from vidcolor.training.recipes import FilmRecipe
from vidcolor.training.settings import TrainSettings


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 4), (7, 10)])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_gradient_of_the_weights_is_torchs(
    size: tuple[int, int], layout: torch.memory_format
) -> None:
    draw = torch.Generator().manual_seed(1)
    x, gradient = (
        torch.randn(3, channels, *size, generator=draw).contiguous(memory_format=layout)
        for channels in (5, 4)
    )
    expected = torch.nn.grad.conv2d_weight(x, (4, 5, 3, 3), gradient, padding=1)
    torch.testing.assert_close(weight_gradient(x, gradient), expected, atol=1e-4, rtol=1e-5)


def gradients(net: nn.Module, x: Tensor) -> dict[str, Tensor]:
    net.zero_grad()
    net(x).square().sum().backward()
    return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


def test_a_quickened_net_gives_and_learns_the_same() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(
        nn.Conv2d(1, 64, 3, padding=1),
        nn.Conv2d(64, 96, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(96, 64, 3, padding=1, bias=False),
        nn.Conv2d(64, 64, 3, padding=1, stride=2),
        nn.Conv2d(64, 64, 3, padding=1, groups=64),
    )
    net[1].weight.requires_grad_(False)
    quick = copy.deepcopy(net)
    quicken(quick)
    assert [type(layer) is QuickConv2d for layer in quick] == [False, True, False, True] + [
        False
    ] * 2
    assert quick.state_dict().keys() == net.state_dict().keys()
    x = torch.randn(2, 1, 8, 12).contiguous(memory_format=torch.channels_last)
    assert torch.equal(net(x), quick(x))
    assert torch.equal(net(x), copy.deepcopy(quick)(x))
    found, expected = gradients(quick, x), gradients(net, x)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=2e-4, rtol=1e-4)


def test_a_film_net_is_quickened_for_its_run() -> None:
    net = build_net(ColorNetConfig(width=128, blocks=(1, 1)))
    FilmRecipe(net, TrainSettings(stills=("a",), steps=1))
    assert type(net.bridge[0]) is QuickConv2d
    assert type(net.classify) is nn.Conv2d
