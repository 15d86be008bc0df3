"""Frames in, frames in color out: the net for other programs."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from vidcolor.color.chroma import exact_chroma
from vidcolor.nets.colornet import ColorNet, ColorNetConfig, NetInput
from vidcolor.nets.frame_net import FrameColors, FrameNet

WEIGHTS = torch.tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)


class OneColor(ColorNet):
    """Says the same color everywhere, and remembers at what size it was asked."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__(ColorNetConfig())
        self.color = torch.nn.Parameter(torch.tensor([a, b]).view(1, 2, 1, 1), requires_grad=False)
        self.seen: tuple[int, ...] = ()

    def forward(self, inputs: NetInput, vivid: float | None = None) -> torch.Tensor:
        self.seen = tuple(inputs.lightness.shape)
        b, _, h, w = self.seen
        return self.color.expand(b, 2, h // 4, w // 4)


def luma_of(rgb: torch.Tensor) -> torch.Tensor:
    return (rgb * WEIGHTS).sum(1, keepdim=True)


@pytest.mark.parametrize("colors", ["rgb", "gray"])
@torch.inference_mode()
def test_luma_is_kept_and_color_is_added(tiny: ColorNet, colors: FrameColors) -> None:
    torch.manual_seed(1)
    frames = torch.rand(2, 3 if colors == "rgb" else 1, 75, 101)
    colored = FrameNet(tiny, colors, 64)(frames)
    assert colored.shape == (2, 3, 75, 101)
    assert 0 <= float(colored.min()) <= float(colored.max()) <= 1
    luma = luma_of(frames) if colors == "rgb" else frames
    assert (luma_of(colored) - luma).abs().max() < 1e-5
    assert colored.std(1).mean() > 0.01


@torch.inference_mode()
def test_a_gray_frame_is_colored_alike_as_rgb_and_as_gray(tiny: ColorNet) -> None:
    gray = torch.linspace(0, 1, 64 * 80).view(1, 1, 64, 80)
    as_gray = FrameNet(tiny, "gray", 64)(gray)
    as_rgb = FrameNet(tiny, "rgb", 64)(gray.expand(-1, 3, -1, -1))
    assert (as_gray - as_rgb).abs().max() < 1e-4


@pytest.mark.parametrize(("a", "b"), [(20, 20), (-15, 10), (5, -25)])
@torch.inference_mode()
def test_colors_are_nearly_those_of_the_program(a: float, b: float) -> None:
    luma = torch.linspace(0, 1, 256)
    colored = FrameNet(OneColor(a, b), "gray", 64)(luma.view(1, 1, 1, -1).expand(-1, -1, 16, -1))
    red, _, blue = colored[0, :, 8]
    chroma = torch.stack([(blue - luma) / (2 * (1 - 0.0722)), (red - luma) / (2 * (1 - 0.2126))])
    ab = torch.tensor([[a], [b]]).float().expand(2, 256)
    off = (chroma - exact_chroma(luma, ab, "bt709", "bt1886")).abs() * 255
    assert off.mean() < 0.4
    assert off.quantile(0.9) < 1


@pytest.mark.parametrize(
    ("height", "width", "seen"),
    [(1080, 1920, (64, 112)), (130, 90, (96, 64)), (32, 640, (64, 256)), (48, 48, (64, 64))],
)
def test_the_net_looks_at_the_size_asked_for(
    height: int, width: int, seen: tuple[int, int]
) -> None:
    net = OneColor(0, 0)
    FrameNet(net, "gray", 64)(torch.zeros(1, 1, height, width))
    assert net.seen == (1, 1, *seen)


@torch.inference_mode()
def test_black_bars_stay_black_and_no_color_leaves_gray() -> None:
    bars = torch.zeros(1, 3, 32, 32)
    assert FrameNet(OneColor(60, 60), "rgb", 64)(bars).max() < 1e-4
    gray = torch.rand(1, 1, 32, 32)
    colored = FrameNet(OneColor(0, 0), "gray", 64)(gray)
    assert (colored - gray).abs().max() < 1e-3


@torch.inference_mode()
def test_colors_that_do_not_fit_fade_at_their_luma() -> None:
    gray = torch.linspace(0, 1, 32 * 32).view(1, 1, 32, 32)
    for a, b in product((-100, 100), repeat=2):
        colored = FrameNet(OneColor(a, b), "gray", 64)(gray)
        assert colored.min() >= 0
        assert colored.max() <= 1
        assert (luma_of(colored) - gray).abs().max() < 1e-5
