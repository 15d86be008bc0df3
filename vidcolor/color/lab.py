"""CIE L*a*b* and the ways to and from it: pure functions on tensors.

White is D65. sRGB and BT.709 primaries serve every film but BT.2020: the primaries of the two
BT.601 systems differ from BT.709's by less than any colornet can tell.
"""

from __future__ import annotations

import torch
from torch import Tensor

WHITE = (0.95047, 1.0, 1.08883)
"""X, Y, Z of D65 (IEC 61966-2-1)."""

XYZ_FROM_RGB = {
    "bt709": (
        (0.4123908, 0.3575843, 0.1804808),
        (0.2126390, 0.7151687, 0.0721923),
        (0.0193308, 0.1191948, 0.9505322),
    ),
    "bt2020": (
        (0.6369580, 0.1446169, 0.1688810),
        (0.2627002, 0.6779981, 0.0593017),
        (0.0000000, 0.0280727, 1.0609851),
    ),
}
"""Linear RGB to XYZ, by primaries (ITU-R BT.709-6, BT.2020-2)."""


BINS = 128
"""Most bins from gray to either end of a* and b*; no size makes more."""


def srgb_to_linear(code: Tensor) -> Tensor:
    """sRGB code 0..1 to light 0..1 (IEC 61966-2-1)."""
    return torch.where(code <= 0.04045, code / 12.92, ((code.clamp(min=0) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: Tensor) -> Tensor:
    """Light 0..1 to sRGB code 0..1 (IEC 61966-2-1)."""
    return torch.where(
        light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    )


def lab_f(t: Tensor) -> Tensor:
    """The cube root of CIE 15:2004, with its straight foot."""
    return torch.where(t > (6 / 29) ** 3, t.clamp(min=1e-9) ** (1 / 3), t * (841 / 108) + 4 / 29)


def lab_f_inverse(f: Tensor) -> Tensor:
    """The inverse of `lab_f`."""
    return torch.where(f > 6 / 29, f**3, (f - 4 / 29) * (108 / 841))


def _apply(matrix: Tensor, rgb: Tensor) -> Tensor:
    return (matrix @ rgb.flatten(-2)).view(rgb.shape)


def linear_to_lab(rgb: Tensor, primaries: str = "bt709") -> Tensor:
    """Linear RGB ``(..., 3, h, w)`` 0..1 to Lab of the same shape, L 0..100."""
    matrix = torch.tensor(XYZ_FROM_RGB[primaries], dtype=rgb.dtype, device=rgb.device)
    white = matrix.sum(1).view(3, 1, 1)
    x, y, z = lab_f(_apply(matrix, rgb) / white).unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -3)


def lab_to_linear(lab: Tensor, primaries: str = "bt709") -> Tensor:
    """Lab ``(..., 3, h, w)`` to linear RGB; out of gamut values lie outside 0..1."""
    matrix = torch.tensor(XYZ_FROM_RGB[primaries], dtype=torch.float64)
    white = matrix.sum(1).to(lab).view(3, 1, 1)
    L, a, b = lab.unbind(-3)
    y = (L + 16) / 116
    xyz = lab_f_inverse(torch.stack([y + a / 500, y, y - b / 200], -3)) * white
    return _apply(torch.linalg.inv(matrix).to(lab), xyz)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB ``(..., 3, h, w)`` 0..1 to Lab of the same shape: L 0..100, ab about -128..127."""
    return linear_to_lab(srgb_to_linear(rgb))


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Lab ``(..., 3, h, w)`` to sRGB 0..1, clipped to the gamut."""
    return linear_to_srgb(lab_to_linear(lab).clamp(0, 1))


def ab_bins(size: int) -> Tensor:
    """Centres of the square ab bins that some sRGB color falls into.

    Args:
        size: Side of a bin in ab units.

    Returns:
        ``(Q, 2)`` float32; 259 bins for size 10. Multiples of ``size``, so gray is a centre.
    """
    with torch.device("cpu"):  # their number is needed where a net is only sketched, too
        steps = torch.linspace(0, 1, 33, dtype=torch.float64)
        rgb = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).flatten(2)
        ab = rgb_to_lab(rgb)[1:].flatten(1).T
        places = (ab / size).round().int() + BINS  # sorting them would take most of the time
        filled = torch.zeros(2 * BINS + 1, 2 * BINS + 1, dtype=torch.bool)
        filled[places[:, 0], places[:, 1]] = True
        centres = filled.nonzero() - BINS
        return centres.contiguous().float() * size
