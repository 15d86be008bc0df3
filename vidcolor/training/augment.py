"""What old film does to a picture, so that the net meets newsreels and not clean photographs.

Everything works on a batch: sRGB in, the lightness the net is shown and the ab it should find
out. Things that must stay neutral (bars, frame edges, cards of text) come with ab 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vidcolor.color.lab import linear_to_lab, rgb_to_lab, srgb_to_linear

REC601 = (0.299, 0.587, 0.114)


def clean_grey(rgb: Tensor) -> Tensor:
    """(B, 3, h, w) sRGB 0..1 -> (B, 1, h, w) grey code 0..1, the luma of BT.601."""
    return (rgb * torch.tensor(REC601).view(1, 3, 1, 1)).sum(1, keepdim=True)


def grey_to_lightness(grey: Tensor) -> Tensor:
    """(B, 1, h, w) sRGB code of a grey, 0..1 -> L* 0..100."""
    return linear_to_lab(srgb_to_linear(grey.clamp(0, 1)).expand(-1, 3, -1, -1))[:, :1]


def film_grey(rgb: Tensor, draw: torch.Generator) -> Tensor:
    """The grey picture as a film stock of unknown colour sensitivity sees it.

    A third is plain BT.601 luma, a fifth orthochromatic (blind to red), the rest random.
    """
    B = len(rgb)
    kind = torch.rand(B, 1, generator=draw)
    mix = torch.rand(B, 3, generator=draw) + 0.1
    ortho = mix * torch.tensor([0.05, 1.0, 1.0])
    plain = torch.tensor([REC601]).expand(B, 3)
    mix = torch.where(kind < 0.35, plain, torch.where(kind < 0.55, ortho, mix))
    return (rgb * (mix / mix.sum(1, keepdim=True))[:, :, None, None]).sum(1, keepdim=True)


def uniform(
    B: int, low: float, high: float, share: float, rest: float, draw: torch.Generator
) -> Tensor:
    """(B, 1, 1, 1): uniform in low..high for a ``share`` of the batch, ``rest`` elsewhere."""
    value = low + (high - low) * torch.rand(B, 1, 1, 1, generator=draw)
    return torch.where(torch.rand(B, 1, 1, 1, generator=draw) < share, value, rest)


def age(grey: Tensor, draw: torch.Generator) -> Tensor:
    """Contrast, gamma, fog, softness, grain and scratches of an old print; (B, 1, h, w) 0..1."""
    B, _, h, w = grey.shape
    grey = grey.clamp(0, 1) ** uniform(B, 0.7, 1.5, 0.6, 1.0, draw)
    mean = grey.mean((1, 2, 3), keepdim=True)
    grey = (grey - mean) * uniform(B, 0.6, 1.25, 0.6, 1.0, draw) + mean
    grey = grey + uniform(B, -0.08, 0.12, 0.5, 0.0, draw)
    soft = F.interpolate(F.avg_pool2d(grey, 2), (h, w), mode="bilinear")
    grey = torch.lerp(grey, soft, uniform(B, 0.3, 1.0, 0.4, 0.0, draw))
    grain = torch.randn(B, 1, h, w, generator=draw)
    coarse = F.avg_pool2d(F.pad(grain, (1, 1, 1, 1), mode="reflect"), 3, 1) * 2
    grain = torch.lerp(grain, coarse, uniform(B, 0.0, 1.0, 1.0, 0.0, draw))
    grey = grey + grain * uniform(B, 0.005, 0.06, 0.5, 0.0, draw)
    scratched = torch.rand(B, 1, 1, w, generator=draw) < uniform(B, 0.0, 0.02, 0.1, 0.0, draw)
    return torch.where(scratched, torch.rand(B, 1, 1, w, generator=draw).round(), grey).clamp(0, 1)


def vignette(B: int, h: int, w: int, draw: torch.Generator) -> Tensor:
    """(B, 1, h, w) factor on the code: 1 in the middle, darker corners for a fifth."""
    y = torch.linspace(-1, 1, h).view(1, 1, h, 1)
    x = torch.linspace(-1, 1, w).view(1, 1, 1, w)
    distance = (x * x + y * y) / 2
    reach = uniform(B, 0.4, 1.0, 1.0, 1.0, draw)
    fall = ((distance - 1 + reach) / reach).clamp(min=0)
    return 1 - fall * uniform(B, 0.3, 1.0, 0.2, 0.0, draw)


def bars(B: int, h: int, w: int, draw: torch.Generator) -> Tensor:
    """(B, 1, h, w) bool: True in black bars at the sides or above and below, in a tenth."""
    y = torch.linspace(-1, 1, h).abs().view(1, 1, h, 1)
    x = torch.linspace(-1, 1, w).abs().view(1, 1, 1, w)
    limit = uniform(B, 0.7, 1.0, 0.1, 2.0, draw)
    sides = torch.rand(B, 1, 1, 1, generator=draw) < 0.5
    return torch.where(sides, x.expand(B, 1, h, w), y.expand(B, 1, h, w)) > limit


def text_cards(B: int, h: int, w: int, draw: torch.Generator) -> Tensor:
    """(B, 1, h, w) grey 0..1: light marks in lines on a dark ground, like an intertitle."""
    marks = torch.rand(B, 1, h // 2, w // 2, generator=draw) < 0.55
    pitch = torch.randint(6, 14, (B, 1, 1, 1), generator=draw)
    rows = torch.arange(h // 2).view(1, 1, -1, 1) % pitch < pitch / 2
    inside = torch.linspace(-1, 1, w // 2).abs() < 0.75
    ink = F.interpolate((marks & rows & inside).float(), (h, w), mode="bilinear")
    ground = torch.rand(B, 1, 1, 1, generator=draw) * 0.15
    return torch.lerp(ground, ink, 0.85)


def clean_pair(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Lightness and ab of a picture as it is.

    Args:
        rgb: ``(B, 3, h, w)`` uint8 sRGB.

    Returns:
        ``(B, 1, h, w)`` L* of the BT.601 luma shown as a grey, and ``(B, 2, h, w)`` true ab.
    """
    unit = rgb.float() / 255
    return grey_to_lightness(clean_grey(unit)), rgb_to_lab(unit)[:, 1:]


def film_pair(rgb: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lightness as old film shows it, and the ab that should be found.

    Args:
        rgb: ``(B, 3, h, w)`` uint8 sRGB.
        draw: Source of randomness; a third of the batch stays clean.

    Returns:
        ``(B, 1, h, w)`` L* and ``(B, 2, h, w)`` ab.
    """
    B, _, h, w = rgb.shape
    unit = rgb.float() / 255
    ab = rgb_to_lab(unit)[:, 1:]
    clean = torch.rand(B, 1, 1, 1, generator=draw) < 0.3
    grey = torch.where(clean, clean_grey(unit), age(film_grey(unit, draw), draw))
    dark = vignette(B, h, w, draw)
    grey, ab = grey * dark, ab * dark
    barred = bars(B, h, w, draw)
    grey, ab = torch.where(barred, 0.02, grey), torch.where(barred, 0.0, ab)
    card = torch.rand(B, 1, 1, 1, generator=draw) < 0.015
    grey, ab = torch.where(card, text_cards(B, h, w, draw), grey), torch.where(card, 0.0, ab)
    return grey_to_lightness(grey), ab
