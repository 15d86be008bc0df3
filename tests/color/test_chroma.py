from __future__ import annotations

import math

import pytest
import torch
from synthetic import make_layout
from torch import Tensor

from vidcolor.color.chroma import (
    AB_LIMIT,
    KR_KB,
    SHADOW,
    chroma_from_ab,
    exact_chroma,
    largest_chroma,
    shadow_fade,
    solve_at_luma,
)
from vidcolor.color.lab import linear_to_lab
from vidcolor.color.transfer import lightness, to_light

MATRICES = ["bt601", "bt709", "bt2020"]
CODE = 1 / 224
"""One 8-bit chroma code in limited range."""


def lab_of_code(rgb: Tensor, matrix: str, transfer: str) -> Tensor:
    """``(3, N)`` R'G'B' to Lab ``(3, N)``."""
    primaries = "bt2020" if matrix == "bt2020" else "bt709"
    return linear_to_lab(to_light(rgb, transfer)[:, None], primaries)[:, 0]


def luma_and_chroma(rgb: Tensor, matrix: str) -> tuple[Tensor, Tensor]:
    """The definition: Y' and (Cb, Cr) of R'G'B'."""
    kr, kb = KR_KB[matrix]
    luma = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2]
    return luma, torch.stack([(rgb[2] - luma) / (2 - 2 * kb), (rgb[0] - luma) / (2 - 2 * kr)])


def code_of_chroma(luma: Tensor, chroma: Tensor, matrix: str) -> Tensor:
    """R'G'B' as a player makes it."""
    kr, kb = KR_KB[matrix]
    red = luma + (2 - 2 * kr) * chroma[1]
    blue = luma + (2 - 2 * kb) * chroma[0]
    return torch.stack([red, (luma - kr * red - kb * blue) / (1 - kr - kb), blue])


def colors(matrix: str, transfer: str, count: int = 6000) -> tuple[Tensor, Tensor, Tensor]:
    """R'G'B', luma and ab of colors inside the gamut, out of the shadows and on the table."""
    rgb = 0.08 + 0.84 * torch.rand(3, count, generator=torch.Generator().manual_seed(2))
    luma, ab = luma_and_chroma(rgb, matrix)[0], lab_of_code(rgb, matrix, transfer)[1:]
    kept = (lightness(luma, transfer) > SHADOW[1]) & (ab.abs().amax(0) < AB_LIMIT - 4)
    return rgb[:, kept], luma[kept], ab[:, kept]


@pytest.mark.parametrize("transfer", ["bt1886", "srgb"])
@pytest.mark.parametrize("matrix", [*MATRICES, "smpte240m", "fcc"])
def test_the_chroma_of_a_color_is_found_from_its_luma_and_ab(matrix: str, transfer: str) -> None:
    rgb, luma, ab = colors(matrix, transfer)
    _, truth = luma_and_chroma(rgb, matrix)
    error = (exact_chroma(luma, ab, matrix, transfer) - truth).abs() / CODE
    assert error.mean() < 0.01
    assert error.max() < 0.25


@pytest.mark.parametrize("matrix", MATRICES)
def test_luma_stays_and_ab_is_what_was_asked_for(matrix: str) -> None:
    _, luma, asked = colors(matrix, "bt1886")
    shown = code_of_chroma(luma, exact_chroma(luma, asked, matrix, "bt1886"), matrix)
    torch.testing.assert_close(luma_and_chroma(shown, matrix)[0], luma, atol=1e-6, rtol=0)
    error = (lab_of_code(shown, matrix, "bt1886")[1:] - asked).norm(dim=0)
    assert error.mean() < 0.05
    assert error.max() < 1.0


@pytest.mark.parametrize("matrix", MATRICES)
def test_saturated_blue_is_not_the_gray_of_its_luma(matrix: str) -> None:
    # Taking L* from the luma as if it were gray is the shortcut this module exists to avoid.
    rgb = torch.tensor([[0.3], [0.3], [0.95]])
    luma, truth = luma_and_chroma(rgb, matrix)
    lab = lab_of_code(rgb, matrix, "bt1886")
    assert (lightness(luma, "bt1886") - lab[0]).abs() > 1
    found = exact_chroma(luma, lab[1:], matrix, "bt1886")
    torch.testing.assert_close(found, truth, atol=0.3 * CODE, rtol=0)


def far_out(hues: int = 48) -> tuple[Tensor, Tensor, Tensor]:
    """Luma, ab and hue of colors that no screen shows at that luma."""
    luma, hue = torch.meshgrid(
        torch.linspace(0.3, 0.95, 14), torch.linspace(-math.pi, math.pi, hues), indexing="ij"
    )
    luma, hue = luma.flatten(), hue.flatten()
    return luma, 150 * torch.stack([hue.cos(), hue.sin()]), hue


@pytest.mark.parametrize("matrix", MATRICES)
def test_out_of_gamut_colors_move_to_gray_along_their_hue(matrix: str) -> None:
    luma, ab, hue = far_out()
    shown = code_of_chroma(luma, exact_chroma(luma, ab, matrix, "bt1886"), matrix)
    assert shown.min() > -0.003
    assert shown.max() < 1.003
    found = lab_of_code(shown.clamp(0, 1), matrix, "bt1886")[1:]
    turned = torch.atan2(found[1], found[0]) - hue
    turned = torch.atan2(turned.sin(), turned.cos()).abs() * 180 / math.pi
    assert turned[found.norm(dim=0) > 3].max() < 2
    # It must not go further than needed: the color ends at the edge, not near gray.
    inside = shown.amin(0).minimum(1 - shown.amax(0))
    fits = largest_chroma(luma, hue, matrix, "bt1886") > 149  # these need not move at all
    assert inside[~fits].max() < 0.03


@pytest.mark.parametrize("matrix", MATRICES)
def test_largest_chroma_fits_and_a_little_more_does_not(matrix: str) -> None:
    luma, ab, hue = far_out(24)
    limit = largest_chroma(luma, hue, matrix, "bt1886")
    direction = ab / ab.norm(dim=0)

    def excess(radius: Tensor) -> Tensor:
        rgb = solve_at_luma(luma, direction * radius, matrix, "bt1886")
        return (rgb - rgb.clamp(0, 1)).abs().amax(0)

    assert excess(limit).max() <= 1.1e-3
    # A few hues leave the gamut by a hair and come back; bisection stops before that.
    assert (excess(limit + 2)[limit < 140] > 1.1e-3).float().mean() > 0.98


@pytest.mark.parametrize("transfer", ["bt1886", "srgb"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_the_table_agrees_with_the_exact_way(matrix: str, transfer: str) -> None:
    rgb, luma, ab = colors(matrix, transfer, 10000)
    _, truth = luma_and_chroma(rgb, matrix)
    layout = make_layout(matrix=matrix, transfer=transfer)
    found = chroma_from_ab(luma[None], ab[:, None], layout)[:, 0]
    assert found.shape == truth.shape
    error = (found - truth).abs() / CODE
    assert error.mean() < 0.5
    assert error.quantile(0.99) < 3


@pytest.mark.parametrize("matrix", MATRICES)
def test_the_table_keeps_far_colors_in_the_gamut(matrix: str) -> None:
    luma, ab, _ = far_out()
    chroma = chroma_from_ab(luma[None], ab[:, None], make_layout(matrix=matrix))[:, 0]
    shown = code_of_chroma(luma, chroma, matrix)
    # Between its entries the table leaves the gamut, most where a channel is near black and its
    # code changes fast; light of code 0.1 is 0.4 %, so clipping it does not show.
    assert shown.min() > -0.1
    assert shown.max() < 1.02


@pytest.mark.parametrize(
    ("matrix", "transfer"),
    [(m, "bt1886") for m in MATRICES] + [("bt709", "srgb"), ("bt2020", "pq"), ("bt2020", "hlg")],
)
def test_black_and_white_and_beyond_stay_neutral(matrix: str, transfer: str) -> None:
    luma = torch.tensor([[-0.07, 0.0, 1.0, 1.09]])
    ab = torch.tensor([[[60.0]], [[-40.0]]]).expand(2, 1, 4)
    chroma = chroma_from_ab(luma, ab, make_layout(matrix=matrix, transfer=transfer))
    assert chroma.abs().max() < 0.3 * CODE


@pytest.mark.parametrize(
    ("matrix", "transfer"),
    [("bt709", "bt1886"), ("bt709", "srgb"), ("bt709", "linear"), ("bt2020", "pq")],
)
def test_gray_stays_gray_at_every_luma(matrix: str, transfer: str) -> None:
    luma = torch.linspace(0, 1, 257)[None]
    layout = make_layout(matrix=matrix, transfer=transfer)
    chroma = chroma_from_ab(luma, torch.zeros(2, 1, 257), layout)
    assert chroma.isfinite().all()
    assert chroma.abs().max() < 0.1 * CODE


def test_shadows_fade_to_neutral() -> None:
    low, high = SHADOW
    fade = shadow_fade(torch.linspace(0, 100, 1001))
    assert fade[: int(low * 10) + 1].max() == 0
    assert fade[int(high * 10) :].min() == 1
    assert (fade.diff() >= 0).all()
    assert float(shadow_fade(torch.tensor((low + high) / 2))) == pytest.approx(0.5)


def test_a_dark_frame_gets_less_color_than_a_light_one() -> None:
    luma = torch.tensor([[0.02, 0.06, 0.12, 0.3]])
    ab = torch.tensor([[[15.0]], [[10.0]]]).expand(2, 1, 4)
    strength = chroma_from_ab(luma, ab, make_layout()).norm(dim=0)[0]
    assert strength[0] < 0.2 * CODE
    assert (strength.diff() > 0).all()
