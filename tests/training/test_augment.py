from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from synthetic import photo, texture
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.training.data import augment
from vidcolor.training.data.augment import (
    book_view,
    clean_pair,
    codes_to_ab,
    film_gray,
    film_pair,
    gray_to_lightness,
    jpeg,
)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(count: int = 64, side: int = 32) -> Tensor:
    return torch.stack([photo(seed, side, side) for seed in range(count)])


def test_what_film_shows_is_lightness_and_the_truth_stays_in_range() -> None:
    L, ab = film_pair(batch(), generator())
    assert L.shape == (64, 1, 32, 32)
    assert ab.shape == (64, 2, 32, 32)
    assert L.min() >= 0
    assert L.max() <= 100.1
    assert ab.abs().max() < 120


def test_film_is_drawn_from_the_generator_alone() -> None:
    rgb = batch(8)
    one, two, other = (film_pair(rgb, generator(seed)) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], other[0])


def test_a_share_of_the_batch_stays_as_it_is() -> None:
    rgb = batch()
    L, ab = film_pair(rgb, generator())
    clean_L, clean_ab = clean_pair(rgb)
    clean = (L - clean_L).abs().amax((1, 2, 3)) < 1e-3
    assert 5 <= int(clean.sum()) <= 30
    torch.testing.assert_close(ab[clean], clean_ab[clean])


def test_orthochromatic_film_does_not_see_red() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(400, 3, 1, 1)
    gray = film_gray(red, generator())
    assert float((gray < 0.06).float().mean()) > 0.15
    assert float(((gray - 0.299).abs() < 1e-4).float().mean()) > 0.25
    white = film_gray(torch.ones(50, 3, 1, 1), generator())
    torch.testing.assert_close(white, torch.ones_like(white))


def test_bars_and_cards_of_text_are_neutral() -> None:
    many = batch(2).repeat(300, 1, 1, 1)
    L, ab = film_pair(many, generator())
    gray_columns = (ab == 0).all(1).all(1).any(1)
    cards = (ab == 0).flatten(1).all(1)
    assert 20 < int(gray_columns.sum()) < 150
    assert 1 <= int(cards.sum()) <= 30
    assert L[cards].std() > 5


def test_jpeg_loses_what_jpeg_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = (texture(3, 64, 96) * 255).round().to(torch.uint8)
    monkeypatch.setattr(augment, "uniform", lambda B, *rest: torch.full((B, 1, 1, 1), 30.0))
    monkeypatch.setattr(augment, "rand", lambda draw, *shape: torch.zeros(shape))
    found = jpeg(codes[None, None] / 255, generator())[0, 0] * 255
    file = io.BytesIO()
    Image.fromarray(codes.numpy()).save(file, "JPEG", quality=30)
    reference = torch.from_numpy(np.array(Image.open(file))).float()
    damage = (reference - codes).abs().mean()
    assert damage > 1
    # libjpeg computes in integers and rounds what it decodes.
    assert float((found - reference).abs().mean()) < 0.5 * float(damage)


def test_jpeg_touches_a_sixth() -> None:
    gray = batch(300, 16)[:, :1].float() / 255
    changed = (jpeg(gray, generator()) - gray).abs().flatten(1).amax(1) > 1e-6
    assert 25 < int(changed.sum()) < 80


def test_the_books_view_is_the_whole_picture_turned_and_zoomed_a_little() -> None:
    rgb = torch.zeros(3, 60, 90, dtype=torch.uint8)
    rgb[0], rgb[2] = 200, 30
    rgb[:, 25:35, 40:50] = 255  # the middle stays the middle
    seen = [book_view(rgb, 64, generator(seed)) for seed in range(20)]
    for view in seen:
        assert view.shape == (3, 64, 64)
        assert view.dtype == torch.uint8
        assert int(view[1, 30:34, 30:34].min()) > 240
        assert torch.equal(view[:, 0, 0], rgb[:, 0, 0])  # beyond the edge the edge repeats
    spot = torch.tensor([float((view[1] > 128).sum()) for view in seen])
    plain = 64 * 64 * 100 / (60 * 90)
    assert 0.6 * plain < spot.min() < 0.9 * plain
    assert 1.1 * plain < spot.max() < 1.7 * plain


def test_the_books_view_is_flipped_half_the_time_and_turned_at_most_20_degrees() -> None:
    rgb = torch.zeros(3, 64, 64, dtype=torch.uint8)
    rgb[:, :, 44:50] = 255
    ys, xs = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    right, angles = 0, []
    for seed in range(60):
        view = book_view(rgb, 64, generator(seed))[0].float()
        weight = view / view.sum()
        x, y = float((weight * xs).sum()), float((weight * ys).sum())
        right += x > 32
        spread = torch.stack([weight * (xs - x) * (ys - y), weight * (ys - y) ** 2]).sum((1, 2))
        angles.append(float(torch.rad2deg(torch.atan(spread[0] / spread[1]))))
    assert 15 <= right <= 45
    assert max(map(abs, angles)) < 25
    assert max(map(abs, angles)) > 10


def test_clean_pairs_are_luma_and_lab() -> None:
    rgb = torch.tensor([[255, 0, 0]], dtype=torch.uint8).view(1, 3, 1, 1)
    L, ab = clean_pair(rgb)
    # The gray of code 76 (0.299 * 255) has L* 32.3; red's a*, b* are 80.1 and 67.2.
    assert float(L) == pytest.approx(32.3, abs=0.2)
    torch.testing.assert_close(ab, rgb_to_lab(rgb / 255)[:, 1:])
    torch.testing.assert_close(ab.flatten(), torch.tensor([80.1, 67.2]), atol=0.1, rtol=0)


def test_the_short_ways_to_lab_give_what_the_long_one_gives() -> None:
    codes = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    rgb = torch.cat([codes, codes.flip(2), codes.flip(3)], 1)
    assert torch.equal(codes_to_ab(rgb), rgb_to_lab(rgb / 255)[:, 1:])
    gray = torch.linspace(0, 1, 4096).view(1, 1, 64, 64)
    long = rgb_to_lab(gray.expand(1, 3, 64, 64))[:, :1]
    torch.testing.assert_close(gray_to_lightness(gray), long, atol=2e-5, rtol=0)
