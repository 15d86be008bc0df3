from __future__ import annotations

import math

import pytest
import torch
from synthetic import photo
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.errors import SettingsError
from vidcolor.nets.colornet import ColorNetConfig
from vidcolor.nets.registry import build_net
from vidcolor.training.data.augment import clean_gray, film_pair, gray_to_lightness
from vidcolor.training.data.strong import (
    add_halo,
    bend,
    bend_tone,
    draw_kernels,
    expose,
    place_corners,
    wide_crop,
)
from vidcolor.training.recipes import FilmRecipe
from vidcolor.training.settings import TrainSettings


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramp(height: int, width: int) -> Tensor:
    """Red tells the column, green the row, in shares of the picture."""
    y = torch.linspace(0, 255, height).view(-1, 1).expand(height, width)
    x = torch.linspace(0, 255, width).expand(height, width)
    return torch.stack([x, y, 0 * x]).round().to(torch.uint8)


def test_crops_reach_from_a_third_of_the_short_side_to_the_whole_picture() -> None:
    shares, wholes = [], 0
    for seed in range(300):
        crop = wide_crop(ramp(200, 300), 64, generator(seed))
        assert crop.shape == (3, 80, 80)
        inner = crop[:, 8:72, 8:72].float()
        shares.append(float(inner[1, -1, 0] - inner[1, 0, 0]) / 255)
        wholes += float((inner[0, 0, -1] - inner[0, 0, 0]).abs()) > 245
    assert 0.27 < min(shares) < 0.34
    assert max(shares) > 0.95
    assert 20 < wholes < 80
    torch.testing.assert_close(
        wide_crop(ramp(200, 300), 64, generator(5)), wide_crop(ramp(200, 300), 64, generator(5))
    )


def test_half_of_the_crops_stay_straight_and_none_shows_what_is_no_picture() -> None:
    corners = place_corners(2000, 64, 80, generator())
    assert corners.min() > -1e-4
    assert corners.max() < 79 + 1e-4
    straight = torch.tensor([[8.0, 8.0], [71.0, 8.0], [71.0, 71.0], [8.0, 71.0]])
    level = (corners - straight).abs().amax((1, 2)) < 1e-4
    assert 850 < int(level.sum()) < 1150
    top = corners[:, 1] - corners[:, 0]
    degrees = torch.rad2deg(torch.atan2(top[:, 1], top[:, 0]))
    assert 8 < float(degrees.abs().max()) < 18  # turned, and a corner moved
    area = (top.norm(dim=1) * (corners[:, 3] - corners[:, 0]).norm(dim=1))[~level]
    assert area.min() > 0.6 * 63**2


def test_what_is_straight_loses_its_rim_and_nothing_else() -> None:
    rgb = torch.stack([photo(seed, 80, 80) for seed in range(12)])
    found = bend(rgb, generator())
    same = (found == rgb[:, :, 8:72, 8:72]).flatten(1).all(1)
    assert 2 <= int(same.sum()) <= 10
    assert torch.equal(found, bend(rgb, generator()))
    assert not torch.equal(found, bend(rgb, generator(2)))


def test_a_bent_crop_shows_what_lies_at_its_corners() -> None:
    rgb = torch.stack([ramp(80, 80)] * 40)
    found = bend(rgb, generator()).float() / 255 * 79
    corners = place_corners(40, 64, 80, generator())
    seen = found[:, :2][:, :, [0, 0, -1, -1], [0, -1, -1, 0]].transpose(1, 2)
    assert float((seen - corners).abs().max()) < 0.6


def test_kernels_of_optics_keep_the_light_and_most_are_points() -> None:
    kernels = draw_kernels(800, generator())
    torch.testing.assert_close(kernels.sum((1, 2)), torch.ones(800))
    points = kernels[:, 4, 4] == 1
    assert 540 < int(points.sum()) < 660
    n = torch.arange(9.0) - 4
    wide = kernels[~points]
    x2, y2 = ((wide * n.view(shape) ** 2).sum((1, 2)) for shape in ((1, 1, 9), (1, 9, 1)))
    xy = (wide * n.view(1, 1, 9) * n.view(1, 9, 1)).sum((1, 2))
    # The spread along the longer axis: lines have one, discs none.
    root = (((x2 - y2) / 2) ** 2 + xy**2).sqrt()
    ratio = ((x2 + y2) / 2 + root) / ((x2 + y2) / 2 - root)
    assert 60 < int((ratio > 1.6).sum()) < 140
    assert 60 < int((ratio < 1.05).sum()) < 140


def test_curves_of_tone_rise_and_keep_black_and_white() -> None:
    gray = torch.linspace(0, 1, 64 * 4).view(1, 1, 64, 4).expand(200, 1, 64, 4)
    curves = bend_tone(gray, generator()).flatten(1)
    assert (curves.diff(dim=1) > 0).all()
    assert curves[:, 0].abs().max() < 1e-6
    assert (curves[:, -1] - 1).abs().max() < 1e-5
    bent = (curves - gray.flatten(1)).abs().amax(1)
    assert 70 < int((bent > 0.01).sum()) < 130
    assert bent.max() > 0.15


def test_highlights_glow_and_shadows_do_not() -> None:
    gray = torch.full((200, 1, 32, 32), 0.2)
    assert torch.equal(add_halo(gray, generator()), gray)
    gray[:, :, 12:20, 12:20] = 1
    glow = add_halo(gray, generator()) - gray
    assert (glow > -1e-6).all()
    glowing = glow[:, 0, 16, 21] > 0.02
    assert 20 < int(glowing.sum()) < 60
    assert glow[:, 0, 0, 0].max() < 0.05


def test_strong_film_is_drawn_from_the_generator_alone_and_in_range() -> None:
    rgb = torch.stack([photo(seed, 40, 40) for seed in range(16)])
    torch.manual_seed(1)
    L, ab = film_pair(bend(rgb, generator(3)), generator(4), expose)
    torch.manual_seed(2)
    again = film_pair(bend(rgb, generator(3)), generator(4), expose)
    assert torch.equal(L, again[0])
    assert torch.equal(ab, again[1])
    assert L.shape == (16, 1, 32, 32)
    assert L.min() >= 0
    assert L.max() <= 100.1


def strong_recipe() -> FilmRecipe:
    settings = TrainSettings(stills=("a",), steps=1, preset="mini", augment="strong")
    net = build_net(ColorNetConfig(preset="mini", width=48, blocks=(1, 1)))
    return FilmRecipe(net, settings)


def test_colors_follow_the_geometry(monkeypatch: pytest.MonkeyPatch) -> None:
    from vidcolor.training import recipes
    from vidcolor.training.checkpoints import Run
    from vidcolor.training.distributed import Team

    seen: list[Tensor] = []

    def pair(rgb: Tensor, draw: torch.Generator, expose: object) -> tuple[Tensor, Tensor]:
        seen.append(rgb)
        unit = rgb / 255
        return gray_to_lightness(clean_gray(unit)), rgb_to_lab(unit)[:, 1:]

    monkeypatch.setattr(recipes, "film_pair", pair)
    recipe, team = strong_recipe(), Team(0, 1, torch.device("cpu"))
    settings = TrainSettings(stills=("a",), steps=9, preset="mini", augment="strong", seed=4)
    run = Run(settings, None, team)  # type: ignore[arg-type]
    rgb = torch.stack([photo(seed, 80, 80) for seed in range(8)])
    for number in (0, 0, 1):
        losses, _ = recipe.losses((number, rgb), run)
        assert all(math.isfinite(value.item()) for value in losses.values())
    # What is split into gray and color is bent before, and by the number of the batch.
    assert [s.shape for s in seen] == [(8, 3, 64, 64)] * 3
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_plain_is_the_default_and_strong_is_for_nets_that_learn_from_crops() -> None:
    base: dict[str, object] = {"stills": ("a",), "steps": 1}
    assert TrainSettings(**base).augment == "plain"  # type: ignore[arg-type]
    for wrong in (
        {"augment": "wild"},
        {"augment": "strong", "preset": "book"},
        {"augment": "strong", "preset": "gate", "sides": (64,)},
    ):
        with pytest.raises(SettingsError, match="--augment"):
            TrainSettings(**base | wrong)  # type: ignore[arg-type]
    assert strong_recipe().view is wide_crop
