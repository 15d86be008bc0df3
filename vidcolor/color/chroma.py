"""(unit luma, ab) to Cb, Cr at fixed luma: the color the eye should see, in the film's matrix.

Luma is not lightness: a saturated blue of the same Y' is darker to the eye than a gray. So with
Y' held fixed, the L* is found at which (L*, a*, b*) has exactly that Y'; its R'G'B' then gives Cb
and Cr. A color outside the gamut moves towards gray along its hue until it fits.
"""

from __future__ import annotations

import functools
import math
import threading

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import lab_to_linear
from vidcolor.color.transfer import from_light, gray_code, lightness
from vidcolor.core.frames import Matrix, PixelLayout, Transfer
from vidcolor.core.resample import fetch

KR_KB: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
    "fcc": (0.30, 0.11),
}
"""Weights of R' and B' in luma (ITU-T H.273, table 4)."""

AB_LIMIT = 112.0
"""Largest |a| or |b| the table knows; no sRGB color lies beyond but two corners of blue."""

SHADOW = (2.0, 14.0)
"""L* below which there is no color, and above which there is all of it: black bars, fades,
vignettes and the ground of intertitles stay neutral."""

_MAKING_TABLE = threading.Lock()
"""A table takes half a second, and all threads that paint want the same one first."""

LEVELS, STEPS, HUES = 65, 57, 73
"""Entries of the table along luma, along a* and b*, and around the hues of the gamut's edge."""


def shadow_fade(L: Tensor) -> Tensor:
    """0..1: how much of its color a lightness may have."""
    low, high = SHADOW
    t = ((L - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


@functools.lru_cache(maxsize=8)
def shadow_codes(transfer: Transfer) -> tuple[float, float]:
    """The unit luma at both ends of `shadow_ramp`: the line that touches the middle of the fade."""
    sixth = (SHADOW[1] - SHADOW[0]) / 6
    ends = torch.tensor([SHADOW[0] + sixth, SHADOW[1] - sixth], dtype=torch.float64)
    low, high = gray_code(ends, transfer).tolist()
    return low, high


def shadow_ramp(luma: Tensor, transfer: Transfer) -> Tensor:
    """0 or less where `shadow_fade` is 0, 1 or more where it is 1, straight between.

    Args:
        luma: Unit luma.
        transfer: Curve of the film.
    """
    low, high = shadow_codes(transfer)
    return torch.add(-low / (high - low), luma, alpha=1 / (high - low))


def reach(chroma: Tensor, matrix: Matrix) -> Tensor:
    """How far the largest of R'G'B' lies above the luma, and the smallest below it.

    Args:
        chroma: ``(2, ...)`` unit chroma.
        matrix: Matrix of the film.

    Returns:
        ``(2, ...)``, at least 0.02.
    """
    kr, kb = KR_KB[matrix]
    red, blue = 2 * (1 - kr) * chroma[1], 2 * (1 - kb) * chroma[0]
    green = (kr * red + kb * blue) / (kr + kb - 1)
    above = red.maximum(green).maximum(blue)
    below = red.minimum(green).minimum(blue).neg()
    return torch.stack([above, below]).clamp(min=0.02)


def code_of_lab(lab: Tensor, matrix: Matrix, transfer: Transfer) -> tuple[Tensor, Tensor]:
    """``(3, ...)`` Lab to R'G'B' ``(3, ...)`` and its luma."""
    primaries = "bt2020" if matrix == "bt2020" else "bt709"
    shape = lab.shape
    rgb = from_light(lab_to_linear(lab.reshape(3, 1, -1), primaries), transfer).reshape(shape)
    kr, kb = KR_KB[matrix]
    return rgb, kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2]


def solve_at_luma(luma: Tensor, ab: Tensor, matrix: Matrix, transfer: Transfer) -> Tensor:
    """R'G'B' of the color with this ab and exactly this luma, in gamut or not.

    Args:
        luma: ``(...)`` unit luma.
        ab: ``(2, ...)``.
        matrix: Which weights make luma of R'G'B'.
        transfer: Curve from code to light.

    Returns:
        ``(3, ...)``.
    """
    # Luma grows with L*, but steeply where a channel is near black: Newton's steps with the gray's
    # slope swing to and fro there. Halving the interval always arrives, here within 0.0004.
    low, step = torch.zeros_like(luma), 1.5
    for _ in range(12):
        step /= 2
        L = lightness(low + step, transfer)
        _, reached = code_of_lab(torch.cat([L[None], ab]), matrix, transfer)
        low = torch.where(reached < luma, low + step, low)
    L = lightness(low + step / 2, transfer)
    rgb, reached = code_of_lab(torch.cat([L[None], ab]), matrix, transfer)
    return rgb + (luma - reached)


def largest_chroma(luma: Tensor, hue: Tensor, matrix: Matrix, transfer: Transfer) -> Tensor:
    """The largest sqrt(a*^2 + b*^2) of a hue that fits the gamut at this luma.

    Args:
        luma: ``(...)`` unit luma, 0..1.
        hue: ``(...)`` angle of (a*, b*), radians.
        matrix: Matrix of the film.
        transfer: Curve of the film.

    Returns:
        ``(...)``, by bisection to 1/32 of an ab unit.
    """
    direction = torch.stack([hue.cos(), hue.sin()])
    low, step = torch.zeros_like(luma), 2 * AB_LIMIT
    for _ in range(13):
        step /= 2
        rgb = solve_at_luma(luma, direction * (low + step), matrix, transfer)
        fits = ((rgb >= -1e-3) & (rgb <= 1 + 1e-3)).all(0)
        low = torch.where(fits, low + step, low)
    return low


def exact_chroma(luma: Tensor, ab: Tensor, matrix: Matrix, transfer: Transfer) -> Tensor:
    """Cb and Cr of colors at fixed luma, pulled into the gamut along their hue.

    Args:
        luma: ``(N,)`` unit luma, 0..1.
        ab: ``(2, N)`` CIE a*, b*.
        matrix: Matrix of the film.
        transfer: Curve of the film.

    Returns:
        ``(2, N)`` unit chroma, -0.5..0.5.
    """
    limit = largest_chroma(luma, torch.atan2(ab[1], ab[0]), matrix, transfer)
    return _fitted_chroma(luma, ab, limit, matrix, transfer)


def _fitted_chroma(
    luma: Tensor, ab: Tensor, limit: Tensor, matrix: Matrix, transfer: Transfer
) -> Tensor:
    ab = ab * shadow_fade(lightness(luma, transfer))
    ab = ab * (limit / ab.norm(dim=0).clamp(min=1e-6)).clamp(max=1)
    rgb = solve_at_luma(luma, ab, matrix, transfer)
    kr, kb = KR_KB[matrix]
    return torch.stack([(rgb[2] - luma) / (2 * (1 - kb)), (rgb[0] - luma) / (2 * (1 - kr))])


@functools.lru_cache(maxsize=16)
def chroma_table(matrix: Matrix, transfer: Transfer) -> Tensor:
    """`exact_chroma` on a grid: ``(1, 2, LEVELS, STEPS, STEPS)`` float32 over (luma, b, a).

    The edge of the gamut is found for `HUES` hues and interpolated between them.
    """
    levels = torch.linspace(0, 1, LEVELS)
    hues = torch.linspace(-math.pi, math.pi, HUES)
    y, hue = torch.meshgrid(levels, hues, indexing="ij")
    limits = largest_chroma(y, hue, matrix, transfer)
    side = torch.linspace(-AB_LIMIT, AB_LIMIT, STEPS)
    b, a = torch.meshgrid(side, side, indexing="ij")
    place = (torch.atan2(b, a) + math.pi) * ((HUES - 1) / (2 * math.pi))
    left = place.long().clamp(max=HUES - 2)
    limit = torch.lerp(limits[:, left], limits[:, left + 1], place - left)
    ab = torch.stack([a, b])[:, None].expand(2, LEVELS, STEPS, STEPS).reshape(2, -1)
    luma = levels.repeat_interleave(STEPS * STEPS)
    chroma = _fitted_chroma(luma, ab, limit.flatten(), matrix, transfer)
    return chroma.view(1, 2, LEVELS, STEPS, STEPS)


def prepare_table(matrix: Matrix, transfer: Transfer) -> None:
    """Make `chroma_table` unless it is there; whoever wants it meanwhile waits."""
    with _MAKING_TABLE:
        chroma_table(matrix, transfer)


@functools.lru_cache(maxsize=16)
def _table_on(matrix: Matrix, transfer: Transfer, device: torch.device) -> Tensor:
    return chroma_table(matrix, transfer).to(device)


@functools.lru_cache(maxsize=16)
def _table_as_sheet(matrix: Matrix, transfer: Transfer) -> Tensor:
    """``(LEVELS * STEPS, STEPS, 2)``: the levels of `chroma_table` one below the other."""
    return chroma_table(matrix, transfer)[0].permute(1, 2, 3, 0).flatten(0, 1).contiguous()


def chroma_from_ab(luma: Tensor, ab: Tensor, layout: PixelLayout) -> Tensor:
    """Cb and Cr of whole planes, from the table by trilinear interpolation.

    Args:
        luma: ``(Hc, Wc)`` unit luma at the chroma samples.
        ab: ``(2, Hc, Wc)`` CIE a*, b*.
        layout: Matrix and transfer curve of the film.

    Returns:
        ``(2, Hc, Wc)`` unit chroma.
    """
    if luma.device.type != "cpu":
        with _MAKING_TABLE:
            table = _table_on(layout.matrix, layout.transfer, luma.device)
        grid = torch.stack([ab[0] / AB_LIMIT, ab[1] / AB_LIMIT, luma * 2 - 1], -1)
        return F.grid_sample(
            table, grid[None, None], mode="bilinear", padding_mode="border", align_corners=True
        )[0, :, 0]
    with _MAKING_TABLE:
        sheet = _table_as_sheet(layout.matrix, layout.transfer)
    a, b = ((ab + AB_LIMIT) * ((STEPS - 1) / (2 * AB_LIMIT))).clamp_(0, STEPS - 1)
    level = (luma * (LEVELS - 1)).clamp_(0, LEVELS - 1)
    below = level.floor().clamp_(max=LEVELS - 2)
    row = torch.add(b, below, alpha=STEPS)
    dark, bright = (fetch(sheet, torch.stack([a, y], -1)) for y in (row, row + STEPS))
    return torch.lerp(dark, bright, (level - below)[..., None]).permute(2, 0, 1)
