from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from synthetic import make_frame, make_layout, texture
from torch import Tensor

from vidcolor.frames import Frame, Shot
from vidcolor.settings import ShotSettings
from vidcolor.shots import detect_shots, distance, histograms, mark_shots, thumbnail

H, W = 144, 192


def film(pictures: list[Tensor], bits: int = 8) -> list[Frame]:
    layout = make_layout(bits)
    return [make_frame(unit, layout, pts) for pts, unit in enumerate(pictures)]


def cuts(pictures: list[Tensor], bits: int = 8) -> list[int]:
    frames = mark_shots(film(pictures, bits), ShotSettings())
    return [frame.pts for frame in frames if frame.starts_shot]


def scene(seed: int, frames: int) -> list[Tensor]:
    return [texture(seed, H, W)] * frames


def noisy(pictures: list[Tensor], sigma: float) -> list[Tensor]:
    draw = torch.Generator().manual_seed(9)
    return [p + sigma * torch.randn(p.shape, generator=draw) for p in pictures]


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_cuts_are_found_exactly(bits: int) -> None:
    pictures = scene(3, 8) + scene(4, 12) + scene(5, 7) + scene(6, 9)
    assert cuts(pictures, bits) == [0, 8, 20, 27]


def test_cuts_are_found_under_grain() -> None:
    pictures = noisy(scene(3, 8) + scene(4, 12) + scene(5, 7), 0.04)
    assert cuts(pictures) == [0, 8, 20]


def test_a_cut_between_equally_bright_views_is_found() -> None:
    # The same tones in other places: a histogram of the whole picture sees nothing.
    view = texture(0, H, W)
    assert cuts([view] * 8 + [view.flip(0)] * 8) == [0, 8]


def test_the_first_frame_starts_a_shot_and_a_still_film_has_one() -> None:
    assert cuts(scene(1, 1)) == [0]
    assert cuts(scene(1, 40)) == [0]


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_projector_flicker_is_no_cut(share: float) -> None:
    draw = torch.Generator().manual_seed(4)
    factors = 1 + share * (2 * torch.rand(40, generator=draw) - 1)
    factors[10], factors[11] = 1 - share, 1 + share  # the worst that can follow each other
    assert cuts([texture(6, H, W) * factor for factor in factors]) == [0]


def test_flicker_of_a_bright_scene_is_no_cut() -> None:
    bright = 0.6 + 0.3 * texture(6, H, W)
    assert cuts([bright * (0.9 if i % 2 else 1.1) for i in range(20)]) == [0]


def test_a_pan_is_no_cut() -> None:
    wide = texture(7, H, 3 * W)
    assert cuts([wide[:, 9 * i : 9 * i + W] for i in range(40)]) == [0]


def test_grain_and_a_slow_fade_are_no_cuts() -> None:
    assert cuts(noisy(scene(8, 20), 0.08)) == [0]
    assert cuts([texture(8, H, W) * (1 - i / 24) for i in range(25)]) == [0]


def test_a_flash_is_not_two_shots() -> None:
    pictures = scene(1, 10)
    pictures[4] = torch.ones(H, W)  # inside the shortest shot
    assert cuts(pictures) == [0]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 200), (1080, 4)])
def test_films_of_strange_sizes_have_histograms(size: tuple[int, int]) -> None:
    table = histograms(thumbnail(make_frame(torch.rand(size))))
    assert table.shape == (16, 32)
    assert table.isfinite().all()
    assert table.max() <= 1


def test_codes_beyond_the_declared_bits_are_survived() -> None:
    # A damaged or badly written 10-bit film may hold any 16-bit word.
    frame = make_frame(torch.rand(16, 16), make_layout(10))
    frame.luma[3, 3] = 65535
    assert histograms(thumbnail(frame)).shape == (16, 32)


def test_distance_is_0_for_the_same_and_1_for_black_and_white() -> None:
    black, white = (thumbnail(make_frame(torch.full((H, W), v))) for v in (0.0, 1.0))
    assert distance(black, black) == 0
    assert distance(black, white) == 1


def test_detect_shots_gives_times_and_lengths() -> None:
    frames = film(scene(3, 8) + scene(4, 12) + scene(5, 7))
    assert list(detect_shots(frames)) == [
        Shot(Fraction(0), 8),
        Shot(Fraction(8, 25), 12),
        Shot(Fraction(20, 25), 7),
    ]
    assert list(detect_shots([])) == []
