"""Palettes: the main colors of key frames."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.guidance.color_script import ScriptKey
from vidcolor.preview.script_palette import MOST, Swatch, blend, find_palette

RED, BLUE, GREEN = (45.0, 35.0), (0.0, -35.0), (-30.0, 30.0)


def key(*parts: tuple[int, tuple[float, float]], light: float = 60.0) -> ScriptKey:
    """A key frame with so many samples of each color, which are not quite the same."""
    draw = torch.Generator().manual_seed(3)
    ab = torch.cat([torch.tensor(color).expand(count, 2) for count, color in parts])
    ab = ab + torch.randn(ab.shape, generator=draw)
    places = torch.zeros(len(ab), 7)
    places[:, -3] = light
    return ScriptKey(Fraction(0), 0, places, ab, ab, torch.ones(len(ab)))


def lab_of(swatch: Swatch) -> Tensor:
    codes = [int(swatch.color[n : n + 2], 16) for n in (1, 3, 5)]
    return rgb_to_lab(torch.tensor(codes).view(3, 1, 1) / 255).flatten()


def palette_of(*keys: ScriptKey) -> tuple[Swatch, ...]:
    return find_palette(keys, [one.ab for one in keys])


def test_the_largest_color_comes_first_and_gray_is_left_out() -> None:
    first, second, third = palette_of(key((500, (0, 0)), (300, RED)), key((150, BLUE), (50, GREEN)))
    for swatch, color, share in ((first, RED, 0.3), (second, BLUE, 0.15), (third, GREEN, 0.05)):
        torch.testing.assert_close(lab_of(swatch)[1:], torch.tensor(color), atol=1.5, rtol=0)
        assert swatch.share == pytest.approx(share, abs=0.002)


def test_all_gray_has_one_gray_swatch() -> None:
    (only,) = palette_of(key((1000, (1.0, -1.0)), (5, RED)))
    assert only.share == 1.0
    assert only.color[1:3] == only.color[3:5] == only.color[5:]


@pytest.mark.parametrize(("light", "low", "high"), [(3, 40, 45), (60, 59, 61), (99, 76, 80)])
def test_a_swatch_is_neither_black_nor_white(light: float, low: float, high: float) -> None:
    (swatch, *_) = palette_of(key((100, (15.0, 10.0)), light=light))
    assert low < float(lab_of(swatch)[0]) < high


def test_very_many_colors_become_a_few_and_are_the_same_each_time() -> None:
    draw = torch.Generator().manual_seed(1)
    colors = torch.randn(60, 2, generator=draw) * 40
    made = key(*((40, tuple(color)) for color in colors.tolist()))
    found = palette_of(made)
    assert 3 <= len(found) <= MOST
    assert found == palette_of(made)
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)


def test_shades_of_one_color_stay_one() -> None:
    """And a small thing of another color is not lost among them."""
    found = palette_of(key((900, RED), (30, BLUE)))
    assert len(found) <= 4
    assert min(float((lab_of(one)[1:] - torch.tensor(BLUE)).norm()) for one in found) < 3


def test_frames_follow_as_far_as_the_weight_says() -> None:
    made = key((2, RED), (2, BLUE))
    other = ScriptKey(
        made.seconds, 0, made.places, made.automatic, made.ab + 8, torch.tensor([0, 0.5, 1, 1])
    )
    moved = blend(other) - other.automatic
    torch.testing.assert_close(moved[:, 0], torch.tensor([0.0, 4.0, 8.0, 8.0]))
