"""Transfer curves: unit luma to light and back, light 1.0 being diffuse white.

BT.1886 is the curve of every ordinary film; sRGB that of stills. PQ and HLG are taken at a
reference white of 203 nits (ITU-R BT.2408), HLG without its system gamma.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from vidcolor.color.lab import lab_f, lab_f_inverse, linear_to_srgb, srgb_to_linear
from vidcolor.core.frames import Transfer

PQ_WHITE = 203 / 10000
HLG_WHITE = 0.265
"""Light of the HLG signal 0.75, which BT.2408 gives to diffuse white."""

STEPS = 1 << 14
"""Entries of the table of lightness."""

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073


def to_light(code: Tensor, transfer: Transfer) -> Tensor:
    """Unit code to light; codes below 0 count as 0."""
    code = code.clamp(min=0)
    if transfer == "srgb":
        return srgb_to_linear(code)
    if transfer == "linear":
        return code
    if transfer == "pq":  # SMPTE ST 2084
        power = code.clamp(max=1) ** (1 / _M2)
        return ((power - _C1).clamp(min=0) / (_C2 - _C3 * power)) ** (1 / _M1) / PQ_WHITE
    if transfer == "hlg":  # ITU-R BT.2100, inverse OETF
        low, high = code**2 / 3, (((code - _C) / _A).exp() + _B) / 12
        return torch.where(code <= 0.5, low, high) / HLG_WHITE
    return code**2.4


def from_light(light: Tensor, transfer: Transfer) -> Tensor:
    """The inverse of `to_light`; light below 0 keeps its sign, so that solvers can pass through."""
    size = light.abs().clamp(min=1e-12)
    if transfer == "srgb":
        code = linear_to_srgb(size)
    elif transfer == "linear":
        code = size
    elif transfer == "pq":
        power = (size * PQ_WHITE) ** _M1
        code = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    elif transfer == "hlg":
        scaled = size * HLG_WHITE
        high = _A * (12 * scaled - _B).clamp(min=1e-6).log() + _C
        code = torch.where(scaled <= 1 / 12, (3 * scaled).sqrt(), high)
    else:
        code = size ** (1 / 2.4)
    return torch.copysign(code, light)


def lightness(code: Tensor, transfer: Transfer) -> Tensor:
    """CIE L* of a gray of this unit luma; 100 is diffuse white, HDR goes beyond."""
    return 116 * lab_f(to_light(code, transfer)) - 16


@functools.lru_cache(maxsize=8)
def _lightness_table(transfer: Transfer) -> Tensor:
    return lightness(torch.linspace(0, 1, STEPS), transfer).clamp_(0, 100)


def lightness_of_plane(luma: Tensor, transfer: Transfer) -> Tensor:
    """`lightness` held within 0..100, by a table to within 0.03; for planes on the CPU."""
    place = torch.add(0.5, luma, alpha=STEPS - 1).clamp_(0, STEPS - 1).int()
    return _lightness_table(transfer).index_select(0, place.flatten()).view(luma.shape)


def gray_code(L: Tensor, transfer: Transfer) -> Tensor:
    """The unit luma of a gray of this L*; the inverse of `lightness`."""
    return from_light(lab_f_inverse((L + 16) / 116), transfer)


def peak(transfer: Transfer) -> float:
    """The L* of unit luma 1."""
    value = float(lightness(torch.ones(1, dtype=torch.float64), transfer))
    return value if math.isfinite(value) else 100.0
