"""Palettes: the net's colors are drawn to likely ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vidcolor.color.lab import ab_bins
from vidcolor.nets.colornet import ColorNet, DistributionNet, NetInput
from vidcolor.nets.palette import PaletteColors, lower_logits, pull

BINS = ab_bins(10)
RED, BLUE = (50.0, 40.0), (15.0, -50.0)


def away(ab: Tensor, colors: PaletteColors) -> Tensor:
    """``(h, w)`` distance of ``(2, h, w)`` ab from the lines between gray and the colors."""
    found = torch.full(ab.shape[1:], torch.inf)
    for color in colors:
        for share in torch.linspace(0, 1, 101):
            place = (share * torch.tensor(color)).view(2, 1, 1)
            found = torch.minimum(found, (ab - place).norm(dim=0))
    return found


def test_bins_far_from_a_palette_all_but_vanish_and_its_own_stay() -> None:
    lowered = lower_logits(torch.zeros(1, len(BINS), 1, 1), BINS, 10, (RED,))[0, :, 0, 0]
    distance = away(BINS.T[..., None], (RED,))[:, 0]
    assert (lowered[distance < 2] > -0.1).all()
    assert (lowered[distance > 40] < -20).all()
    assert lowered[BINS.norm(dim=1).argmin()] > -0.7, "gray stays likely"
    assert (lowered.sort().values == lowered[distance.argsort(descending=True)].sort().values).all()
    odds = lowered.softmax(0)
    assert odds[distance > 25].sum() < 1e-3


def test_what_is_likely_of_a_palette_stays_in_proportion() -> None:
    logits = torch.full((1, len(BINS), 1, 1), -5.0)
    near = [int((BINS - torch.tensor(color)).norm(dim=1).argmin()) for color in (RED, BLUE)]
    logits[0, near[0]], logits[0, near[1]] = 3.0, 2.0
    lowered = lower_logits(logits, BINS, 10, (RED, BLUE))[0, :, 0, 0]
    assert lowered.argmax() == near[0]
    assert lowered[near[0]] - lowered[near[1]] == pytest.approx(1.0, abs=0.8)


def test_colors_are_pulled_to_the_lines_from_gray_to_the_colors() -> None:
    ab = torch.randn(1, 2, 20, 20, generator=torch.Generator().manual_seed(1)) * 50
    found = pull(ab, (RED,))[0]
    assert away(found, (RED,)).max() < 0.7
    assert found.norm(dim=0).max() <= torch.tensor(RED).norm() + 1e-3
    both = pull(ab, (RED, BLUE))[0]
    torch.testing.assert_close(both[:, 0, 0] * 0, torch.zeros(2))
    assert (away(both, (RED, BLUE)) < 0.7).float().mean() > 0.8, "most are near one of both"


def test_colors_of_a_palette_and_gray_stay() -> None:
    ab = torch.tensor([RED, BLUE, (25.0, 20.0), (0.0, 0.0)]).T.view(1, 2, 4, 1)
    torch.testing.assert_close(pull(ab, (RED, BLUE)), ab, atol=0.01, rtol=0)


def test_a_color_that_goes_from_one_to_the_other_does_not_jump() -> None:
    way = torch.linspace(0, 1, 400)
    ab = torch.tensor(RED)[:, None] * (1 - way) + torch.tensor(BLUE)[:, None] * way
    found = pull(ab.view(1, 2, 400, 1), (RED, BLUE))[0, :, :, 0]
    assert found.diff(dim=1).norm(dim=0).max() < 4
    torch.testing.assert_close(found[:, 0], torch.tensor(RED), atol=0.01, rtol=0)


def test_a_gray_palette_leaves_no_color(tiny: ColorNet) -> None:
    with torch.inference_mode():
        ab = tiny(NetInput(torch.rand(1, 1, 64, 64) * 100, palette=((0.0, 0.0),)))
    assert ab.abs().max() < 1e-3


@pytest.mark.parametrize("vivid", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("colors", [(BLUE,), ((-50.0, 40.0), BLUE)])
def test_a_net_that_paints_orange_is_drawn_to_a_palette(
    colors: PaletteColors, vivid: float, tiny: ColorNet
) -> None:
    L = torch.rand(2, 1, 64, 80, generator=torch.Generator().manual_seed(2)) * 100
    with torch.inference_mode():
        usual, drawn = tiny(NetInput(L), vivid), tiny(NetInput(L, palette=colors), vivid)
        assert torch.equal(tiny(NetInput(L, palette=()), vivid), usual)
    assert drawn.shape == usual.shape
    for each in drawn:
        assert away(each, colors).quantile(0.9) < 2
    assert away(usual[0], colors).median() > 4


def test_a_palette_of_the_net_s_own_color_changes_little(tiny: ColorNet) -> None:
    L = torch.rand(1, 1, 64, 80, generator=torch.Generator().manual_seed(2)) * 100
    with torch.inference_mode():
        usual = tiny(NetInput(L), 1.0)
        strong = usual.flatten(2).mean(2)[0] * 1.5
        drawn = tiny(NetInput(L, palette=((float(strong[0]), float(strong[1])),)), 1.0)
    assert (usual - drawn).norm(dim=1).median() < 0.25 * usual.norm(dim=1).median()


def test_half_precision_logits_are_lowered_in_full(tiny: ColorNet) -> None:
    assert isinstance(tiny, DistributionNet)
    logits = torch.randn(1, len(tiny.bins), 4, 4).bfloat16()
    ab = tiny.choose(logits, torch.randn(1, 2, 4, 4).bfloat16(), 0.5, (RED,))
    assert ab.dtype == torch.float32
    assert ab.isfinite().all()


def test_frames_are_shown_with_their_palette() -> None:
    inputs = NetInput(torch.rand(3, 1, 16, 16), palette=(RED,))
    assert inputs[1:2].palette == (RED,)
    assert inputs.map(torch.neg).palette == (RED,)
