"""Suggestions: likely colors of a place."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vidcolor.color.lab import ab_bins
from vidcolor.color.parse import color_ab, parse_color
from vidcolor.guidance.suggest import Suggestion, color_at, suggest_colors

BINS = ab_bins(10)


def logits_at(peaks: dict[tuple[float, float], float], width: float = 8.0) -> Tensor:
    """Of a distribution with a hill at each ab, so high."""
    odds = torch.full((len(BINS),), 1e-9)
    for ab, height in peaks.items():
        odds += height * torch.exp(-((BINS - torch.tensor(ab)).norm(dim=1) / width).square())
    return odds.log()


PEAKS = {(50.0, 30.0): 3.0, (-40.0, 40.0): 2.0, (20.0, -50.0): 1.0}


def test_the_hills_of_the_distribution_are_suggested_the_likeliest_first() -> None:
    found = suggest_colors(logits_at(PEAKS), BINS, 60.0, 3)
    for one, (ab, height) in zip(found, PEAKS.items(), strict=True):
        assert one.ab == pytest.approx(ab, abs=4)
        assert one.share == pytest.approx(height / 6, abs=0.02)


@pytest.mark.parametrize("lightness", [0.0, 3.0, 30.0, 60.0, 97.0, 100.0])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_nine_different_colors_that_can_be_shown(lightness: float, seed: int | None) -> None:
    """Fewer only where the luma cannot show as many."""
    draw = torch.Generator().manual_seed(seed or 0)
    wild = torch.randn(len(BINS), generator=draw) * 3
    found = suggest_colors(logits_at(PEAKS) if seed is None else wild, BINS, lightness)
    assert 1 <= len(found) <= 9
    if 30 <= lightness <= 60:
        assert len(found) == 9
    assert len({one.color for one in found}) == len(found)
    shares = [one.share for one in found]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1 + 1e-5
    for one in found:
        assert_shown(one, lightness)


def assert_shown(one: Suggestion, lightness: float) -> None:
    """Its code is its ab at the lightness, to within rounding, so nothing was clipped."""
    if 10 <= lightness <= 95:
        assert color_ab(one.color) == pytest.approx(one.ab, abs=1.5)
    red, green, blue = parse_color(one.color)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    gray = parse_color(color_at(lightness, (0.0, 0.0)))[1]
    assert abs(luma - gray) < 45, "another lightness"


def test_the_same_place_gets_the_same_suggestions() -> None:
    wild = torch.randn(len(BINS), generator=torch.Generator().manual_seed(5)) * 3
    torch.manual_seed(1)
    first = suggest_colors(wild, BINS, 50.0)
    torch.manual_seed(2)
    assert suggest_colors(wild, BINS, 50.0) == first


def test_a_place_that_the_net_is_sure_of_gets_one_suggestion() -> None:
    logits = torch.full((len(BINS),), -100.0)
    logits[7] = 100.0
    (only,) = suggest_colors(logits, BINS, 50.0)
    assert only.share == pytest.approx(1)


def test_all_bins_alike_give_nine() -> None:
    assert len(suggest_colors(torch.zeros(len(BINS)), BINS, 50.0)) == 9


def test_no_more_than_asked_for() -> None:
    assert len(suggest_colors(logits_at(PEAKS), BINS, 50.0, 1)) == 1


def test_gray_is_written_as_gray() -> None:
    assert color_at(0.0, (0.0, 0.0)) == "#000000"
    assert color_at(100.0, (0.0, 0.0)) == "#ffffff"
    code = color_at(53.585, (0.0, 0.0))
    assert code in ("#808080", "#818181")
