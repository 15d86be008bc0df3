"""How different two colors look, and which one nearest to a color can be shown."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidcolor.color.lab import lab_to_linear

_DEGREE = math.pi / 180
_STEPS = 24


def delta_e_2000(first: Tensor, second: Tensor) -> Tensor:
    """The color difference CIEDE2000; from 1 on it is seen side by side.

    Args:
        first: ``(3, ...)`` L*, a*, b*.
        second: The same shape, or one that broadcasts.

    Returns:
        ``(...)``, 0 or more. Of ISO/CIE 11664-6, in the form of Sharma, Wu and Dalal (2005).
    """
    (L1, a1, b1), (L2, a2, b2) = first.unbind(0), second.unbind(0)
    mean = (torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2
    stretch = 1 + 0.5 * (1 - _rolled_off(mean))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = torch.atan2(b1, a1) % math.tau, torch.atan2(b2, a2) % math.tau
    both = (c1 > 0) & (c2 > 0)  # gray has no hue

    turn = h2 - h1
    turn = torch.where(turn > math.pi, turn - math.tau, turn)
    turn = torch.where(turn < -math.pi, turn + math.tau, turn)
    turn = torch.where(both, turn, torch.zeros_like(turn))
    other = torch.where(h1 + h2 < math.tau, h1 + h2 + math.tau, h1 + h2 - math.tau)
    middle = torch.where((h1 - h2).abs() > math.pi, other, h1 + h2) / 2
    middle = torch.where(both, middle, h1 + h2)

    L, C = (L1 + L2) / 2, (c1 + c2) / 2
    weight = (
        1
        - 0.17 * torch.cos(middle - 30 * _DEGREE)
        + 0.24 * torch.cos(2 * middle)
        + 0.32 * torch.cos(3 * middle + 6 * _DEGREE)
        - 0.20 * torch.cos(4 * middle - 63 * _DEGREE)
    )
    lightness = (L2 - L1) / (1 + 0.015 * (L - 50) ** 2 / torch.sqrt(20 + (L - 50) ** 2))
    chroma = (c2 - c1) / (1 + 0.045 * C)
    hue = 2 * torch.sqrt(c1 * c2) * torch.sin(turn / 2) / (1 + 0.015 * C * weight)
    blue = torch.exp(-(((middle / _DEGREE - 275) / 25) ** 2))
    rotation = -torch.sin(60 * _DEGREE * blue) * 2 * _rolled_off(C)
    total = lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue
    return total.clamp(min=0).sqrt()


def _rolled_off(chroma: Tensor) -> Tensor:
    """0..1, from gray to strong colors."""
    seventh = chroma**7
    return torch.sqrt(seventh / (seventh + 25.0**7))


def nearest_shown(lightness: Tensor, ab: Tensor) -> Tensor:
    """ab of the strongest color of the same hue, up to the given one, that sRGB has at a lightness.

    Args:
        lightness: ``(...)`` L* 0..100.
        ab: ``(2, ...)`` CIE a*, b*; one shape with ``lightness``, or one that broadcasts.

    Returns:
        ``(2, ...)``; what can be shown comes back as it was.
    """
    L = lightness.clamp(0, 100) + torch.zeros_like(ab[0])
    ab = ab + torch.zeros_like(L)
    share, step = torch.zeros_like(L), 1.0
    for _ in range(_STEPS):
        step /= 2
        share = torch.where(_is_shown(L, ab * (share + step)), share + step, share)
    return torch.where(_is_shown(L, ab), ab, ab * share)


def _is_shown(L: Tensor, ab: Tensor) -> Tensor:
    """Whether colors lie in the gamut of sRGB, but for rounding."""
    lab = torch.cat([L[None], ab])
    light = lab_to_linear(lab.reshape(3, 1, -1)).reshape(lab.shape)
    return ((light >= -1e-4) & (light <= 1 + 1e-4)).all(0)
