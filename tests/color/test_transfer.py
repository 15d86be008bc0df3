from __future__ import annotations

import pytest
import torch

from vidcolor.color.transfer import (
    from_light,
    gray_code,
    lightness,
    lightness_of_plane,
    peak,
    to_light,
)

CURVES = ["bt1886", "srgb", "linear", "pq", "hlg"]


def one(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


@pytest.mark.parametrize("transfer", CURVES)
def test_light_and_back(transfer: str) -> None:
    code = torch.linspace(0.01, 1, 991, dtype=torch.float64)
    back = from_light(to_light(code, transfer), transfer)
    torch.testing.assert_close(back, code, atol=2e-6, rtol=0)


@pytest.mark.parametrize("transfer", CURVES)
def test_lightness_and_back(transfer: str) -> None:
    code = torch.linspace(0.01, 1, 991, dtype=torch.float64)
    torch.testing.assert_close(
        gray_code(lightness(code, transfer), transfer), code, atol=2e-6, rtol=0
    )


@pytest.mark.parametrize("transfer", CURVES)
def test_curves_rise_and_start_at_no_light(transfer: str) -> None:
    light = to_light(torch.linspace(0, 1, 1001, dtype=torch.float64), transfer)
    assert float(light[0]) == pytest.approx(0, abs=1e-9)
    assert (light.diff() >= 0).all()


@pytest.mark.parametrize(
    ("transfer", "code", "light"),
    [
        ("bt1886", 0.5, 0.5**2.4),
        ("bt1886", 1.0, 1.0),
        ("srgb", 0.5, 0.21404114),
        ("srgb", 1.0, 1.0),
        ("linear", 0.3, 0.3),
        ("pq", 0.58068888, 1.0),  # 203 nits: BT.2408's diffuse white is 58 % PQ
        ("pq", 0.50807842, 100 / 203),  # 100 nits
        ("pq", 1.0, 10000 / 203),
        ("hlg", 0.75, 1.0),  # BT.2408's diffuse white is 75 % HLG
        ("hlg", 0.5, 1 / 12 / 0.265),  # where the square root meets the logarithm
        ("hlg", 1.0, 1 / 0.265),
    ],
)
def test_known_points(transfer: str, code: float, light: float) -> None:
    assert float(to_light(one(code), transfer)) == pytest.approx(light, rel=5e-4)
    assert float(from_light(one(light), transfer)) == pytest.approx(code, rel=5e-4)


@pytest.mark.parametrize("transfer", CURVES)
def test_footroom_counts_as_black(transfer: str) -> None:
    # Limited range stores codes below black; a power of a negative number would be NaN.
    assert torch.equal(to_light(one(-0.07), transfer), to_light(one(0.0), transfer))


@pytest.mark.parametrize("transfer", CURVES)
def test_negative_light_keeps_its_sign(transfer: str) -> None:
    assert float(from_light(one(-0.2), transfer)) == -float(from_light(one(0.2), transfer))


@pytest.mark.parametrize("transfer", ["bt1886", "srgb", "linear"])
def test_white_is_100_and_the_gray_card_49(transfer: str) -> None:
    assert float(lightness(one(1.0), transfer)) == pytest.approx(100)
    card = from_light(one(0.18), transfer)
    assert float(lightness(card, transfer)) == pytest.approx(49.496, abs=1e-3)


def test_peak_of_hdr_lies_beyond_white() -> None:
    assert peak("bt1886") == pytest.approx(100)
    assert peak("pq") == pytest.approx(116 * (10000 / 203) ** (1 / 3) - 16, rel=1e-6)
    assert peak("hlg") == pytest.approx(116 * (1 / 0.265) ** (1 / 3) - 16, rel=1e-3)


@pytest.mark.parametrize("transfer", CURVES)
def test_the_table_of_lightness_agrees_with_the_formula(transfer: str) -> None:
    luma = torch.linspace(-0.1, 1.1, 4001).view(1, -1)
    expected = lightness(luma, transfer).clamp(0, 100)
    assert (lightness_of_plane(luma, transfer) - expected).abs().max() < 0.03
