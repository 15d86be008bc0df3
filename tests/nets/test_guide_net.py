"""The guide's affinities and processes, against what they are by definition."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hinted import small_guide
from torch import Tensor

import vidcolor.nets.guide_net
import vidcolor.nets.weights
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


EXPECTED, UNEXPECTED = 0.0, 20.0
"""Surprises, in nats."""


def all_of(surprise: float, count: int) -> Tensor:
    return torch.full((count,), surprise)


@pytest.mark.parametrize("surprise", [EXPECTED, UNEXPECTED])
def test_spread_color_is_that_of_the_hints_where_they_are(guide: GuideNet, surprise: float) -> None:
    places = random_places(60, 7)[:, 1:]
    hinted = torch.tensor([3, 17, 40])
    colors = torch.tensor([[40.0, -10.0], [-30.0, 25.0], [0.0, 0.0]])
    ab = torch.randn(60, 2) * 20
    found, share = guide.spread(places, hinted, colors, ab, all_of(surprise, 3))
    assert found.shape == (60, 2)
    assert share.shape == (60, 1)
    torch.testing.assert_close(found[hinted], colors, atol=0.05, rtol=0)
    torch.testing.assert_close(share[hinted], torch.ones(3, 1), atol=1e-3, rtol=0)


def test_what_has_nothing_in_common_with_a_hint_keeps_its_color(guide: GuideNet) -> None:
    ab = torch.tensor([[10.0, 5.0]]).expand(3, 2)
    places, colors = four([0.0, 0.2, 1000.0]), torch.tensor([[-50.0, 50.0]])
    found, share = guide.spread(places, torch.tensor([0]), colors, ab, all_of(EXPECTED, 1))
    assert share[1] > 0.9
    assert share[2].abs() < 1e-3
    torch.testing.assert_close(found[2], ab[2], atol=1e-2, rtol=0)


def test_noise_lets_a_hint_be_doubted(guide: GuideNet) -> None:
    guide.noise.fill_(math.log(1.0))
    ab, colors = torch.zeros(1, 2), torch.tensor([[60.0, 0.0]])
    _, share = guide.spread(four([0.0]), torch.tensor([0]), colors, ab, all_of(UNEXPECTED, 1))
    # Of the narrow process alone, whose share of one half lies at 4/7 of the way from 0.1 to 0.8.
    assert share[0, 0] == pytest.approx((4 / 7) ** 2 * (3 - 8 / 7), abs=1e-4)


def test_what_surprises_is_not_told_to_the_whole_scene(guide: GuideNet) -> None:
    """Where only the wide process reaches, an unexpected color does not come."""
    guide.wide.sharpness.fill_(math.log(0.01))
    guide.narrow.sharpness.fill_(math.log(10.0))
    ab, colors = torch.zeros(2, 2), torch.tensor([[60.0, 0.0]])
    expected, unexpected = (
        guide.spread(four([0.0, 2.0]), torch.tensor([0]), colors, ab, all_of(surprise, 1))[0]
        for surprise in (EXPECTED, UNEXPECTED)
    )
    assert expected[1, 0] > 50
    assert unexpected[1, 0].abs() < 1
    torch.testing.assert_close(unexpected[0], colors[0], atol=0.05, rtol=0)


@pytest.fixture
def far_sighted(guide: GuideNet) -> GuideNet:
    """Only its wide process sees places together."""
    guide.wide.sharpness.fill_(math.log(0.01))
    guide.narrow.sharpness.fill_(math.log(10.0))
    return guide


def agreement(guide: GuideNet, errors: list[float]) -> float:
    known = four([2.0 * n for n in range(len(errors))])
    missed = torch.tensor([[error, 0.0] for error in errors])
    return float(guide.measure_agreement(known, known, torch.eye(len(errors)), missed))


def test_hints_agree_that_correct_far_places_alike(far_sighted: GuideNet) -> None:
    assert agreement(far_sighted, [30.0]) == 0.0  # one alone may mean its thing
    assert agreement(far_sighted, [30.0, -30.0, 30.0, -30.0]) == 0.0
    few, many = (
        agreement(far_sighted, [30.0, 28.0]),
        agreement(far_sighted, [30.0, 28.0, 31.0, 29.0, 30.0]),
    )
    assert 0 < few < many
    assert many > 1.0


def test_what_hints_agree_upon_reaches_the_whole_scene(far_sighted: GuideNet) -> None:
    """Each by itself would be doubted."""
    places, hinted = four([0.0, 2.0, 4.0, 6.0, 8.0]), torch.arange(4)
    ab, doubted = torch.zeros(5, 2), all_of(1.5, 4)
    same = torch.tensor([[30.0, 0.0], [29.0, 1.0], [31.0, 0.0], [30.0, -1.0]])
    other = same * torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    light, _ = far_sighted.spread(places, hinted, same, ab, doubted)
    things, _ = far_sighted.spread(places, hinted, other, ab, doubted)
    assert light[4, 0] > 20
    assert things[4].norm() < 2


def test_a_stroke_says_no_more_of_the_rest_than_a_click(far_sighted: GuideNet) -> None:
    guide = far_sighted
    guide.noise[0] = 0.0  # so much that samples would be worth more together
    places = four([0.0] * 20 + [2.0])
    ab, color = torch.zeros(21, 2), torch.tensor([[40.0, 0.0]])
    click, _ = guide.spread(places, torch.tensor([0]), color, ab, all_of(EXPECTED, 1))
    stroke, _ = guide.spread(
        places, torch.arange(20), color.expand(20, 2), ab, all_of(EXPECTED, 20)
    )
    assert click[20, 0] > 10
    torch.testing.assert_close(stroke[20], click[20], atol=0.5, rtol=0)


def test_a_thing_ends_where_a_hint_has_little_share(guide: GuideNet) -> None:
    """Affinity fades smoothly; what has a tenth of it is no part of the thing."""
    guide.wide.sharpness.fill_(math.log(100.0))  # no light
    places = four([0.0, 1.0, 4.5, 8.0])
    ab, colors = torch.zeros(4, 2), torch.tensor([[60.0, 0.0]])
    found, _ = guide.spread(places, torch.tensor([0]), colors, ab, all_of(UNEXPECTED, 1))
    torch.testing.assert_close(found[1], colors[0], atol=0.5, rtol=0)
    assert found[2:].abs().max() < 1e-20


def test_many_hints_in_one_place_stay_finite(guide: GuideNet) -> None:
    """They are as alike as can be, so that the matrix is all but singular."""
    guide.noise.fill_(math.log(0.03))
    places = four([0.0] * 300)
    colors = torch.tensor([[30.0, 30.0]]).expand(300, 2)
    found, _ = guide.spread(
        places, torch.arange(300), colors, torch.zeros(300, 2), all_of(EXPECTED, 300)
    )
    assert found.isfinite().all()
    torch.testing.assert_close(found, colors, atol=0.5, rtol=0)


def test_colors_that_the_net_expects_surprise_less() -> None:
    bins = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, -60.0]])
    logits = torch.tensor([[2.0, 4.0, -8.0]]).expand(3, 3)
    likely, doubtful, odd = measure_surprise(logits, bins, bins[[1, 0, 2]])
    assert 0 < likely < doubtful < odd
    assert odd > 10


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
    assert found[2].abs().max() < 1e-20, "a new thing got a color"


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
    [{"fine": 0}, {"coarse": 4000}, {"embedding": -1}, {"width": 0}, {"width": 8.0}, {"net": 3}],
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


def test_a_guide_is_read_without_the_compiler_of_torch(guide: GuideNet, tmp_path: Path) -> None:
    path = save_weights(guide, tmp_path / "guide.safetensors", training={}, scores={})
    code = (
        "import sys; from vidcolor.nets.weights import read_guide; read_guide(sys.argv[1]);"
        "print('sympy' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"  # it takes a second to import


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
