"""What old film does to a picture, so that the net meets newsreels and not clean photographs.

Everything works on a batch: sRGB in, the lightness the net is shown and the ab it should find
out. Things that must stay neutral (bars, frame edges, cards of text) come with ab 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from vidcolor.color.lab import lab_f, linear_to_lab, srgb_to_linear

Expose = Callable[[Tensor, torch.Generator], Tensor]
"""(gray ``(B, 1, h, w)`` 0..1, randomness) -> the same shape."""

REC601 = (0.299, 0.587, 0.114)

LUMA_TABLE = (
    *((16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55)),
    *((14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62)),
    *((18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92)),
    *((49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99)),
)
"""Steps of JPEG's quantiser for the 8 x 8 cosines of a block at quality 50."""


def rand(draw: torch.Generator, *shape: int) -> Tensor:
    """Uniform in 0..1, where the source of randomness lives."""
    return torch.rand(shape, generator=draw, device=draw.device)


def clean_gray(rgb: Tensor) -> Tensor:
    """(B, 3, h, w) sRGB 0..1 -> (B, 1, h, w) gray code 0..1, the luma of BT.601."""
    return (rgb * rgb.new_tensor(REC601).view(1, 3, 1, 1)).sum(1, keepdim=True)


def gray_to_lightness(gray: Tensor) -> Tensor:
    """(B, 1, h, w) sRGB code of a gray, 0..1 -> L* 0..100."""
    # A gray has X, Y and Z in the shares of white: Y alone tells its lightness.
    return 116 * lab_f(srgb_to_linear(gray.clamp(0, 1))) - 16


def codes_to_ab(rgb: Tensor) -> Tensor:
    """(B, 3, h, w) uint8 sRGB -> (B, 2, h, w) ab.

    The light of the 256 codes is looked up, as the power is half of the cost of a Lab.
    """
    light = srgb_to_linear(torch.arange(256, device=rgb.device) / 255)
    linear = light.index_select(0, rgb.flatten().int()).view(rgb.shape)
    return linear_to_lab(linear)[:, 1:]


def film_gray(rgb: Tensor, draw: torch.Generator) -> Tensor:
    """The gray picture as a film stock of unknown color sensitivity sees it.

    A third is plain BT.601 luma, a fifth orthochromatic (blind to red), the rest random.
    """
    B = len(rgb)
    kind = rand(draw, B, 1)
    mix = rand(draw, B, 3) + 0.1
    ortho = mix * rgb.new_tensor([0.05, 1.0, 1.0])
    plain = rgb.new_tensor([REC601]).expand(B, 3)
    mix = torch.where(kind < 0.35, plain, torch.where(kind < 0.55, ortho, mix))
    return (rgb * (mix / mix.sum(1, keepdim=True))[:, :, None, None]).sum(1, keepdim=True)


def uniform(
    B: int, low: float, high: float, share: float, rest: float, draw: torch.Generator
) -> Tensor:
    """(B, 1, 1, 1): uniform in low..high for a ``share`` of the batch, ``rest`` elsewhere."""
    value = low + (high - low) * rand(draw, B, 1, 1, 1)
    return torch.where(rand(draw, B, 1, 1, 1) < share, value, rest)


def age(gray: Tensor, draw: torch.Generator) -> Tensor:
    """Contrast, gamma, fog, softness, grain and scratches of an old print; (B, 1, h, w) 0..1."""
    B, _, h, w = gray.shape
    gray = gray.clamp(0, 1) ** uniform(B, 0.7, 1.5, 0.6, 1.0, draw)
    mean = gray.mean((1, 2, 3), keepdim=True)
    gray = (gray - mean) * uniform(B, 0.6, 1.25, 0.6, 1.0, draw) + mean
    gray = gray + uniform(B, -0.08, 0.12, 0.5, 0.0, draw)
    soft = F.interpolate(F.avg_pool2d(gray, 2), (h, w), mode="bilinear")
    gray = torch.lerp(gray, soft, uniform(B, 0.3, 1.0, 0.4, 0.0, draw))
    grain = torch.randn(B, 1, h, w, generator=draw, device=draw.device)
    coarse = F.avg_pool2d(F.pad(grain, (1, 1, 1, 1), mode="reflect"), 3, 1) * 2
    grain = torch.lerp(grain, coarse, uniform(B, 0.0, 1.0, 1.0, 0.0, draw))
    gray = gray + grain * uniform(B, 0.005, 0.06, 0.5, 0.0, draw)
    scratched = rand(draw, B, 1, 1, w) < uniform(B, 0.0, 0.02, 0.1, 0.0, draw)
    return torch.where(scratched, rand(draw, B, 1, 1, w).round(), gray).clamp(0, 1)


def jpeg(gray: Tensor, draw: torch.Generator) -> Tensor:
    """The blocks and rings of strong compression, in a sixth of the batch; (B, 1, h, w) 0..1.

    What JPEG loses: the cosines of 8 x 8 blocks rounded to multiples of its luma table (ITU-T T.81,
    Annex K), scaled for qualities of 10 to 50 as libjpeg does.
    """
    B, _, h, w = gray.shape
    quality = uniform(B, 10, 50, 1.0, 50, draw)
    table = gray.new_tensor(LUMA_TABLE).view(8, 1, 8) * (50 / quality).view(B, 1, 1, 1, 1)
    blocks = gray.view(B, h // 8, 8, w // 8, 8) * 255 - 128
    n = torch.arange(8, device=gray.device)
    cosines = torch.cos((2 * n + 1) * n[:, None] * (math.pi / 16)) / 2
    cosines[0] /= math.sqrt(2)
    spectrum = torch.einsum("ui,vj,byixj->byuxv", cosines, cosines, blocks)
    spectrum = (spectrum / table).round() * table
    blocks = torch.einsum("ui,vj,byuxv->byixj", cosines, cosines, spectrum)
    codes = (blocks.reshape(gray.shape) + 128) / 255
    chosen = rand(draw, B, 1, 1, 1) < 1 / 6
    return torch.where(chosen, codes.clamp(0, 1), gray)


def vignette(B: int, h: int, w: int, draw: torch.Generator) -> Tensor:
    """(B, 1, h, w) factor on the code: 1 in the middle, darker corners for a fifth."""
    y = torch.linspace(-1, 1, h, device=draw.device).view(1, 1, h, 1)
    x = torch.linspace(-1, 1, w, device=draw.device).view(1, 1, 1, w)
    distance = (x * x + y * y) / 2
    reach = uniform(B, 0.4, 1.0, 1.0, 1.0, draw)
    fall = ((distance - 1 + reach) / reach).clamp(min=0)
    return 1 - fall * uniform(B, 0.3, 1.0, 0.2, 0.0, draw)


def bars(B: int, h: int, w: int, draw: torch.Generator) -> Tensor:
    """(B, 1, h, w) bool: True in black bars at the sides or above and below, in a tenth."""
    y = torch.linspace(-1, 1, h, device=draw.device).abs().view(1, 1, h, 1)
    x = torch.linspace(-1, 1, w, device=draw.device).abs().view(1, 1, 1, w)
    limit = uniform(B, 0.7, 1.0, 0.1, 2.0, draw)
    sides = rand(draw, B, 1, 1, 1) < 0.5
    return torch.where(sides, x.expand(B, 1, h, w), y.expand(B, 1, h, w)) > limit


def text_cards(B: int, h: int, w: int, draw: torch.Generator) -> Tensor:
    """(B, 1, h, w) gray 0..1: light marks in lines on a dark ground, like an intertitle."""
    marks = rand(draw, B, 1, h // 2, w // 2) < 0.55
    pitch = torch.randint(6, 14, (B, 1, 1, 1), generator=draw, device=draw.device)
    rows = torch.arange(h // 2, device=draw.device).view(1, 1, -1, 1) % pitch < pitch / 2
    inside = torch.linspace(-1, 1, w // 2, device=draw.device).abs() < 0.75
    ink = F.interpolate((marks & rows & inside).float(), (h, w), mode="bilinear")
    ground = rand(draw, B, 1, 1, 1) * 0.15
    return torch.lerp(ground, ink, 0.85)


def clean_pair(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Lightness and ab of a picture as it is.

    Args:
        rgb: ``(B, 3, h, w)`` uint8 sRGB.

    Returns:
        ``(B, 1, h, w)`` L* of the BT.601 luma shown as a gray, and ``(B, 2, h, w)`` true ab.
    """
    unit = rgb.float() / 255
    return gray_to_lightness(clean_gray(unit)), codes_to_ab(rgb)


def film_pair(
    rgb: Tensor, draw: torch.Generator, expose: Expose | None = None
) -> tuple[Tensor, Tensor]:
    """Lightness as old film shows it, and the ab that should be found.

    Args:
        rgb: ``(B, 3, h, w)`` uint8 sRGB.
        draw: Source of randomness; a third of the batch stays clean.
        expose: What happens to the gray before it ages.

    Returns:
        ``(B, 1, h, w)`` L* and ``(B, 2, h, w)`` ab.
    """
    B, _, h, w = rgb.shape
    unit = rgb.float() / 255
    ab = codes_to_ab(rgb)
    clean = rand(draw, B, 1, 1, 1) < 0.3
    film = film_gray(unit, draw)
    film = film if expose is None else expose(film, draw)
    gray = torch.where(clean, clean_gray(unit), jpeg(age(film, draw), draw))
    dark = vignette(B, h, w, draw)
    gray, ab = gray * dark, ab * dark
    barred = bars(B, h, w, draw)
    gray, ab = torch.where(barred, 0.02, gray), torch.where(barred, 0.0, ab)
    card = rand(draw, B, 1, 1, 1) < 0.015
    gray, ab = torch.where(card, text_cards(B, h, w, draw), gray), torch.where(card, 0.0, ab)
    return gray_to_lightness(gray), ab


def book_view(rgb: Tensor, side: int, draw: torch.Generator) -> Tensor:
    """The chapter's augmentation of a whole picture, as Keras's ``ImageDataGenerator`` has it.

    Squashed to a square; flip; rotation up to 20 degrees; shear up to 0.2, which Keras takes for
    degrees; zoom 0.8 to 1.2 of each side; what comes into view repeats the edge.

    Args:
        rgb: ``(3, H, W)`` uint8.
        side: Side of the result, pixels.
        draw: Source of randomness.

    Returns:
        ``(3, side, side)`` uint8.
    """
    turn, shear, zoom_x, zoom_y, flip = torch.rand(5, generator=draw).tolist()
    turn, shear = math.radians(40 * turn - 20), math.radians(0.4 * shear - 0.2)
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    slant = torch.tensor([[1.0, -math.sin(shear)], [0.0, math.cos(shear)]])
    zoom = torch.diag(torch.tensor([0.8 + 0.4 * zoom_x, 0.8 + 0.4 * zoom_y]))
    mirror = torch.diag(torch.tensor([-1.0 if flip < 0.5 else 1.0, 1.0]))
    matrix = torch.cat([mirror @ rotation @ slant @ zoom, torch.zeros(2, 1)], 1)
    square: Tensor = resize(rgb, [side, side], antialias=True)
    grid = F.affine_grid(matrix[None], [1, 3, side, side], align_corners=False)
    turned = F.grid_sample(square[None].float(), grid, padding_mode="border", align_corners=False)
    return turned[0].round().to(torch.uint8)
