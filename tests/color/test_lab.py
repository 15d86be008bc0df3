from __future__ import annotations

import numpy as np
import pytest
import torch
from kornia.color import lab_to_rgb as kornia_lab_to_rgb
from kornia.color import rgb_to_lab as kornia_rgb_to_lab

from vidcolor.color.lab import (
    XYZ_FROM_RGB,
    ab_bins,
    lab_f,
    lab_f_inverse,
    lab_to_linear,
    lab_to_rgb,
    linear_to_lab,
    linear_to_srgb,
    rgb_to_lab,
    srgb_to_linear,
)

CHROMATICITIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
}
D65 = (0.3127, 0.3290)


def colors(count: int = 2000) -> torch.Tensor:
    """``(1, 3, 1, count)`` random sRGB and the eight corners of the cube."""
    draw = torch.Generator().manual_seed(1)
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
    rgb = torch.cat([corners, torch.rand(count - 8, 3, generator=draw)])
    return rgb.T[None, :, None]


def test_rgb_to_lab_agrees_with_kornia() -> None:
    rgb = colors()
    # The two differ in the last digits of the sRGB matrix only.
    torch.testing.assert_close(rgb_to_lab(rgb), kornia_rgb_to_lab(rgb), atol=0.1, rtol=0)


def test_lab_to_rgb_agrees_with_kornia() -> None:
    lab = kornia_rgb_to_lab(colors())
    torch.testing.assert_close(lab_to_rgb(lab), kornia_lab_to_rgb(lab), atol=2e-3, rtol=0)


def test_lab_to_rgb_clips_out_of_gamut_colors() -> None:
    rgb = lab_to_rgb(torch.tensor([50.0, 120.0, -120.0]).view(3, 1, 1))
    assert rgb.min() >= 0
    assert rgb.max() <= 1


@pytest.mark.parametrize("primaries", ["bt709", "bt2020"])
def test_round_trip_through_lab(primaries: str) -> None:
    linear = colors().double()
    back = lab_to_linear(linear_to_lab(linear, primaries), primaries)
    torch.testing.assert_close(back, linear, atol=1e-9, rtol=0)


def test_a_batch_is_converted_picture_by_picture() -> None:
    # A mix-up of the batch and channel axes would pass every test on a single picture.
    rgb = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    whole = rgb_to_lab(rgb)
    # a* is 500 times a difference of float32 numbers near 1, each rounded to 6e-8.
    torch.testing.assert_close(whole[1], rgb_to_lab(rgb[1]), rtol=0, atol=1e-4)
    assert lab_to_rgb(whole).shape == rgb.shape


@pytest.mark.parametrize("primaries", sorted(CHROMATICITIES))
def test_matrices_follow_from_the_chromaticities(primaries: str) -> None:
    xyz = np.array([(x / y, 1, (1 - x - y) / y) for x, y in CHROMATICITIES[primaries]]).T
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    expected = xyz * np.linalg.solve(xyz, white)
    np.testing.assert_allclose(XYZ_FROM_RGB[primaries], expected, atol=2e-6)


@pytest.mark.parametrize("primaries", ["bt709", "bt2020"])
def test_gray_has_no_ab_and_white_is_100(primaries: str) -> None:
    grays = torch.linspace(0, 1, 11, dtype=torch.float64).expand(3, 1, 11)
    lab = linear_to_lab(grays, primaries)
    assert lab[1:].abs().max() < 1e-9
    assert float(lab[0, 0, 0]) == pytest.approx(0, abs=1e-9)
    assert float(lab[0, 0, -1]) == pytest.approx(100)


def test_srgb_curve_known_points_and_inverse() -> None:
    code = torch.linspace(0, 1, 1001, dtype=torch.float64)
    light = srgb_to_linear(code)
    assert float(light[500]) == pytest.approx(0.21404114, abs=1e-7)
    assert float(light[20]) == pytest.approx(0.02 / 12.92)  # the straight foot
    torch.testing.assert_close(linear_to_srgb(light), code, atol=1e-6, rtol=0)


def test_lab_f_is_continuous_at_its_foot_and_inverted() -> None:
    t = torch.tensor([0.0, (6 / 29) ** 3 - 1e-9, (6 / 29) ** 3 + 1e-9, 0.5, 1.0]).double()
    f = lab_f(t)
    assert float(f[2] - f[1]) == pytest.approx(0, abs=1e-7)
    torch.testing.assert_close(lab_f_inverse(f), t, atol=1e-9, rtol=0)


def test_ab_bins_are_259_multiples_of_10_around_gray() -> None:
    bins = ab_bins(10)
    assert bins.shape == (259, 2)
    assert bins.dtype == torch.float32
    assert (bins % 10 == 0).all()
    assert (bins == 0).all(1).sum() == 1
    assert len(torch.unique(bins, dim=0)) == 259


def test_every_color_lies_in_a_bin() -> None:
    bins = {tuple(row) for row in ab_bins(10).tolist()}
    ab = rgb_to_lab(colors(20000).double())[0, 1:, 0].T
    nearest = {tuple(row) for row in ((ab / 10).round() * 10 + 0.0).tolist()}
    # A sliver of a bin may fall between the 33 steps that the bins are found on.
    assert len(nearest - bins) <= 2
    assert len(bins - nearest) < 30
