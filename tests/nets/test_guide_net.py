"""The guide's affinities and processes, against what they are by definition."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hinted import small_guide
from torch import Tensor

import vidcolor.nets.guide_net
import vidcolor.nets.weights
from vidcolor.color.lab import ab_bins
from vidcolor.errors import SettingsError, WeightsError, WeightsMismatch, WeightsNotFound
from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.guide_net import (
    Affinity,
    GuideConfig,
    GuideNet,
    measure_surprise,
    places_of,
)
from vidcolor.nets.weights import load_guide, load_weights, read_guide, save_weights

D = 5
CALM = torch.zeros(1)
"""No surprise."""


def random_places(count: int, seed: int) -> Tensor:
    """Embeddings about 0, lightness 0..100, places in the picture."""
    draw = torch.Generator().manual_seed(seed)
    scale = torch.tensor([1.0] * D + [30.0, 0.5, 0.5])
    middle = torch.tensor([0.0] * D + [50.0, 0.5, 0.7])
    return torch.randn(count, D + 3, generator=draw) * scale + middle


def random_affinity() -> Affinity:
    affinity = Affinity(3)
    draw = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for value in affinity.parameters():
            value.add_(torch.randn(value.shape, generator=draw) * 0.4)
    return affinity.requires_grad_(False)


def plain_affinity(affinity: Affinity, places: Tensor, others: Tensor) -> Tensor:
    """By the definition: a sum of Gaussians of the squared distances."""
    places, others = places.double(), others.double()
    found = torch.zeros(len(places), len(others), dtype=torch.float64)
    for n in range(len(affinity.share)):
        apart = (places[:, None] - others[None]).square()
        distance = (
            apart[..., :D].sum(-1) * (affinity.sharpness[n].double().exp() / D**0.5) ** 2
            + apart[..., D] / affinity.lightness[n].double().exp() ** 2
            + apart[..., D + 1 :].sum(-1) / affinity.reach[n].double().exp() ** 2
        )
        found += torch.exp(-distance / 2) * affinity.share[n].double().exp()
    return found


def test_affinities_are_sums_of_gaussians() -> None:
    affinity = random_affinity()
    places, others = random_places(40, 1), random_places(30, 2)
    found = affinity(places, others)
    assert found.shape == (40, 30)
    wanted = plain_affinity(affinity, places, others)
    torch.testing.assert_close(found.double(), wanted, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("block", [1, 64, 1 << 18])
def test_sums_of_values_do_not_depend_on_the_block(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vidcolor.nets.guide_net, "_BLOCK", block)
    affinity = random_affinity()
    places, others = random_places(41, 1), random_places(30, 2)
    values = torch.randn(30, 4, generator=torch.Generator().manual_seed(3))
    found = affinity(places, others, values=values)
    wanted = plain_affinity(affinity, places, others) @ values.double()
    torch.testing.assert_close(found.double(), wanted, atol=1e-4, rtol=1e-3)


def test_a_place_goes_together_with_itself_most() -> None:
    affinity = random_affinity()
    places = random_places(30, 5)
    found = affinity(places, places)
    torch.testing.assert_close(found, found.T, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.diag(), affinity.share.exp().sum().expand(30))
    assert (found <= found.diag()[:, None] + 1e-5).all()


def test_given_shares_replace_the_learned_ones() -> None:
    affinity = random_affinity()
    places = random_places(10, 6)
    first = torch.tensor([2.0, 0.0, 0.0])
    alone = affinity(places, places, first)
    torch.testing.assert_close(alone.diag(), torch.full((10,), 2.0))


@pytest.fixture
def guide(quick: ColorNet) -> GuideNet:
    made = small_guide(quick)
    made.noise.fill_(math.log(1e-6))
    return made


def four(values: list[float]) -> Tensor:
    """Places that differ by embedding alone, far apart."""
    places = torch.zeros(len(values), 4 + 3)
    places[:, 0] = torch.tensor(values)
    return places


def test_spread_color_is_that_of_the_hints_where_they_are(guide: GuideNet) -> None:
    places = random_places(60, 7)[:, 1:]
    hinted = torch.tensor([3, 17, 40])
    colors = torch.tensor([[40.0, -10.0], [-30.0, 25.0], [0.0, 0.0]])
    ab = torch.randn(60, 2) * 20
    spread = guide.spread(places, hinted, colors, ab, torch.full((len(hinted),), 3.2))
    for part in (spread.wide, spread.narrow):
        assert part.shape == (60, 4)
        torch.testing.assert_close((ab + part[:, :2])[hinted], colors, atol=0.05, rtol=0)
        assert (part[hinted, 2] > 0.999).all()
        torch.testing.assert_close(part[hinted, 3], torch.ones(3), atol=1e-3, rtol=0)
        assert ((part[:, 2] >= -1e-3) & (part[:, 2] <= 1)).all()


def test_what_has_nothing_in_common_with_a_hint_keeps_its_color(guide: GuideNet) -> None:
    ab = torch.tensor([[10.0, 5.0]]).expand(3, 2)
    spread = guide.spread(
        four([0.0, 0.2, 1000.0]), torch.tensor([0]), torch.tensor([[-50.0, 50.0]]), ab, CALM
    )
    for part in (spread.wide, spread.narrow):
        assert part[1, 2] > 0.9
        assert part[2].abs().max() < 1e-3


def test_noise_lets_a_hint_be_doubted(guide: GuideNet) -> None:
    guide.noise.fill_(math.log(1.0))
    ab = torch.zeros(1, 2)
    spread = guide.spread(four([0.0]), torch.tensor([0]), torch.tensor([[60.0, 0.0]]), ab, CALM)
    torch.testing.assert_close(spread.wide[0, 0], torch.tensor(30.0))
    assert spread.wide[0, 2] == pytest.approx(0.5, abs=1e-4)


def test_a_color_that_the_net_did_not_expect_surprises(guide: GuideNet) -> None:
    bins = ab_bins(10)
    logits = -(bins - torch.tensor([40.0, 40.0])).norm(dim=1).square().expand(2, -1) / 200
    surprise = measure_surprise(logits, bins, torch.tensor([[40.0, 40.0], [-80.0, 10.0]]))
    assert 0 <= surprise[0] < 2
    assert surprise[1] > 20
    places, ab = four([0.0]), torch.zeros(1, 2)
    expected, strange = (
        guide.spread(places, torch.tensor([0]), torch.zeros(1, 2), ab, one).surprise
        for one in surprise[:, None]
    )
    assert expected < 0 < strange


def test_surprise_does_not_depend_on_the_scale_of_logits_but_on_odds() -> None:
    bins, colors = ab_bins(10), torch.tensor([[10.0, 10.0]])
    logits = torch.randn(1, len(bins), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        measure_surprise(logits, bins, colors), measure_surprise(logits + 50, bins, colors)
    )


def test_many_hints_in_one_place_stay_finite(guide: GuideNet) -> None:
    """They are as alike as can be, so that the matrix is all but singular."""
    guide.noise.fill_(math.log(0.03))
    places = four([0.0] * 300)
    colors = torch.tensor([[30.0, 30.0]]).expand(300, 2)
    spread = guide.spread(places, torch.arange(300), colors, torch.zeros(300, 2), CALM)
    assert spread.wide.isfinite().all()
    torch.testing.assert_close(spread.wide[:, :2], colors, atol=0.5, rtol=0)


def test_a_refiner_that_learned_nothing_blends_the_two_processes(guide: GuideNet) -> None:
    h, w = 16, 24
    draw = torch.Generator().manual_seed(8)
    places = random_places(h * w, 10)[:, 1:]
    ab = torch.randn(h * w, 2, generator=draw) * 10
    hinted, colors = torch.tensor([5, 200]), torch.tensor([[50.0, 0.0], [0.0, -40.0]])
    spread = guide.spread(places, hinted, colors, ab, torch.full((len(hinted),), 3.2))
    fine = torch.randn(1, guide.config.fine, h, w, generator=draw)
    coarse = torch.randn(1, guide.config.coarse, h // 2, w // 2, generator=draw)
    picture = torch.cat([torch.full((1, h, w), 50.0), ab.T.view(2, h, w)])
    drawn = torch.zeros(3, h, w)
    refined, share = guide.refine((fine, coarse), spread, picture, drawn)
    both = torch.lerp(spread.wide, spread.narrow, spread.surprise.sigmoid())
    torch.testing.assert_close(refined.flatten(1).T, ab + both[:, :2], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(share.flatten(), both[:, 3].clamp(0, 1), atol=1e-5, rtol=1e-4)


def test_carried_color_is_that_of_what_looks_alike(guide: GuideNet) -> None:
    known = four([0.0, 0.0, 100.0])
    colors = torch.tensor([[40.0, 0.0, 1.0], [40.0, 0.0, 1.0], [0.0, -30.0, 1.0]])
    found = guide.carry(four([0.0, 100.0, 5000.0]), known, colors)
    apart = 2 / (2 + guide.unlike.exp() / 3), 1 / (1 + guide.unlike.exp() / 3)
    # Each of the three kernels has a share of 1.
    torch.testing.assert_close(
        found[0], torch.tensor([40.0, 0.0, 1.0]) * apart[0], atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        found[1], torch.tensor([0.0, -30.0, 1.0]) * apart[1], atol=1e-3, rtol=0
    )
    assert not found[2].any(), "a new thing got a color"


def test_places_of_weight_0_take_color_from_what_looks_like_them(guide: GuideNet) -> None:
    """They say that nothing is known there: the automatic color stays."""
    known = four([0.0, 0.0, 0.0, 0.0])
    colors = torch.zeros(4, 3)
    assert not guide.carry(four([0.0]), known, colors).any()
    colors[0] = torch.tensor([40.0, 0.0, 1.0])
    found = guide.carry(four([0.0]), known, colors)
    assert 0.2 < found[0, 2] < 0.26
    torch.testing.assert_close(found[0, 0], found[0, 2] * 40)


def test_places_are_counted_in_short_sides() -> None:
    embedding, lightness = torch.randn(4, 6, 12), torch.rand(1, 6, 12) * 100
    places = places_of(embedding, lightness)
    assert places.shape == (72, 7)
    row = places[2 * 12 + 9]
    torch.testing.assert_close(row[:4], embedding[:, 2, 9])
    torch.testing.assert_close(
        row[4:], torch.stack([lightness[0, 2, 9], torch.tensor(2 / 6), torch.tensor(9 / 6)])
    )


@pytest.mark.parametrize(
    "fields",
    [{"fine": 0}, {"coarse": 4000}, {"embedding": -1}, {"width": 12}, {"width": 8.0}, {"net": 3}],
)
def test_a_shape_that_no_guide_has_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="no guide can be made"):
        GuideConfig(**({"net": ""} | fields))  # type: ignore[arg-type]


def test_a_guide_that_is_written_comes_back(guide: GuideNet, tmp_path: Path) -> None:
    path = save_weights(guide, tmp_path / "guide.safetensors", training={}, scores={})
    found, sha256 = read_guide(path)
    assert found.config == guide.config
    assert not found.training
    assert sha256[:8] in path.name
    for key, value in guide.state_dict().items():
        torch.testing.assert_close(found.state_dict()[key], value.half().float())


def test_files_of_another_kind_are_told_apart(
    guide: GuideNet, quick_weights: Path, tmp_path: Path
) -> None:
    path = save_weights(guide, tmp_path / "guide.safetensors", training={}, scores={})
    with pytest.raises(WeightsMismatch, match="guide for hints, not a colornet"):
        load_weights(path)
    with pytest.raises(WeightsMismatch, match="colornet, not a guide for hints"):
        read_guide(quick_weights)


def test_weights_without_a_guide_say_what_to_do() -> None:
    with pytest.raises(WeightsNotFound, match="use --weights default or mini"):
        load_guide("0" * 64)
    assert issubclass(WeightsNotFound, WeightsError)
