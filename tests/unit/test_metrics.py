from __future__ import annotations

import numpy as np
import pytest
import torch

from vidcolor.metrics import colorfulness, psnr


def test_psnr_of_a_known_error() -> None:
    truth = torch.full((3, 8, 8), 100.0)
    assert psnr(truth + 5, truth) == pytest.approx(10 * np.log10(255**2 / 25))


def test_psnr_counts_bytes_without_wrapping() -> None:
    # uint8 differences wrap round: 0 - 255 would be 1.
    black, white = torch.zeros(3, 4, 4, dtype=torch.uint8), torch.full((3, 4, 4), 255).byte()
    assert psnr(black, white) == pytest.approx(0, abs=1e-6)


def test_psnr_of_equals_is_large_but_finite() -> None:
    picture = torch.rand(3, 8, 8) * 255
    assert 100 < psnr(picture, picture) < 200


def test_colorfulness_is_the_papers_formula() -> None:
    rgb = torch.rand(3, 40, 50) * 255
    red, green, blue = rgb.double().numpy()
    rg, yb = np.abs(red - green), np.abs((red + green) / 2 - blue)
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert colorfulness(rgb) == pytest.approx(expected, rel=1e-3)


def test_grey_has_no_colorfulness_and_more_colour_has_more() -> None:
    rgb = torch.rand(3, 40, 50) * 255
    grey = rgb.mean(0, keepdim=True).expand(3, -1, -1)
    assert colorfulness(grey) == 0
    assert 0 < colorfulness(torch.lerp(grey, rgb, 0.5)) < colorfulness(rgb)
