"""Measures of coloured pictures: pure functions on tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(result: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two ``(3, H, W)`` pictures with codes 0..255."""
    error = ((result.double() - truth.double()) ** 2).mean()
    return float(10 * torch.log10(255**2 / error.clamp(min=1e-10)))


def colorfulness(rgb: Tensor) -> float:
    """How colourful a picture looks, 0 for grey, about 40 for a photograph.

    Hasler and Süsstrunk 2003, with absolute values taken first, as the colorization literature
    does (DDColor, ColorMNet).

    Args:
        rgb: ``(3, H, W)`` float, codes 0..255.
    """
    red, green, blue = rgb.unbind(0)
    rg = (red - green).abs()
    yb = ((red + green) / 2 - blue).abs()
    spread = (rg.var() + yb.var()).sqrt()
    mean = (rg.mean() ** 2 + yb.mean() ** 2).sqrt()
    return float(spread + 0.3 * mean)
