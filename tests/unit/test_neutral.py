from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from synthetic import texture
from torch import Tensor

from vidcolor.color.neutral import colour_share, contrast_share, ramp, title_share


def card(words: list[str], ground: float = 8.0, ink: float = 88.0) -> Tensor:
    """``(256, 352)`` L* of an intertitle."""
    canvas = np.zeros((256, 352), np.uint8)
    for row, line in enumerate(words):
        place = (30, 60 + 45 * row)
        cv2.putText(canvas, line, place, cv2.FONT_HERSHEY_DUPLEX, 0.9, 255, 2, cv2.LINE_AA)
    return torch.lerp(torch.tensor(ground), torch.tensor(ink), torch.from_numpy(canvas) / 255)


def picture(seed: int = 1) -> Tensor:
    return 100 * texture(seed, 256, 352)


@pytest.mark.parametrize("level", [0.0, 3.0, 50.0, 100.0])
def test_a_blank_frame_gets_no_colour(level: float) -> None:
    blank = torch.full((256, 352), level)
    assert colour_share(blank) == 0
    grain = torch.randn(256, 352, generator=torch.Generator().manual_seed(1))
    assert colour_share(blank + 0.8 * grain) == 0


@pytest.mark.parametrize("seed", range(5))
def test_an_ordinary_picture_gets_all_of_it(seed: int) -> None:
    assert colour_share(picture(seed)) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["THE END"],
        ["Meanwhile, at", "the circus..."],
        ["The next morning", "the tramp wakes", "up in a strange", "house by the sea"],
    ],
)
def test_an_intertitle_gets_none(words: list[str]) -> None:
    assert colour_share(card(words)) < 0.02


def test_a_faint_intertitle_gets_none() -> None:
    assert colour_share(card(["The next morning", "the tramp wakes"], 15.0, 75.0)) < 0.02


def test_a_night_street_keeps_its_colour() -> None:
    # Mostly dark with a soft light, like the ground of a title; but the middle tones are there.
    y, x = torch.meshgrid(torch.linspace(-1, 1, 256), torch.linspace(-1, 1, 352), indexing="ij")
    lamp = 85 * torch.exp(-((x - 0.3) ** 2 + (y + 0.2) ** 2) * 6)
    assert (lamp < 22).float().mean() > 0.62
    assert colour_share(lamp) == 1


def test_colour_goes_out_smoothly_with_a_fade() -> None:
    shares = [contrast_share(picture() * factor) for factor in torch.linspace(0, 1, 101)]
    steps = np.diff(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert steps.min() >= -1e-6
    assert steps.max() < 0.15  # a jump would be seen as a flash of colour


def test_title_share_without_bright_parts_is_1() -> None:
    assert title_share(torch.full((64, 64), 10.0)) == 1


def test_ramp_both_ways() -> None:
    assert [ramp(v, 1.0, 3.0) for v in (0.0, 1.0, 2.0, 3.0, 9.0)] == [0, 0, 0.5, 1, 1]
    assert [ramp(v, 3.0, 1.0) for v in (9.0, 3.0, 2.0, 1.0, 0.0)] == [0, 0, 0.5, 1, 1]
