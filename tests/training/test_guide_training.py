"""What a guide learns from, and how it is judged."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
import torch
from synthetic import photo
from torch import Tensor

from vidcolor.color.lab import rgb_to_lab
from vidcolor.nets.colornet import ColorNet, DistributionNet, NetInput
from vidcolor.nets.guide_net import GuideNet
from vidcolor.training.data.takes import find_shots
from vidcolor.training.guide.features import (
    FARTHEST,
    FIELDS,
    NEAREST,
    PAIRS,
    count_pictures,
    load_pictures,
    pick_pairs,
    record,
    save_pictures,
)
from vidcolor.training.guide.losses import GuidePicture, find_thing, hint_loss, pair_loss
from vidcolor.training.guide.recipe import HINTS_SHARE, START, GuideRecipe, stage_at, start_guide
from vidcolor.training.guide.validation import guide_score, measure_leak, validate_guide
from vidcolor.training.settings import TrainSettings


def randomness(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def heads(quick: ColorNet) -> DistributionNet:
    assert isinstance(quick, DistributionNet)
    return quick


def halves(heads: DistributionNet, left: float = 30.0, right: float = 80.0) -> GuidePicture:
    """Two things side by side that lightness tells apart; the truth is red and blue."""
    seen = record(heads, photo(3, 64, 64))
    lightness = torch.full((1, 16, 16), left)
    lightness[..., 8:] = right
    true = torch.zeros(2, 16, 16)
    true[0, :, :8], true[1, :, 8:] = 40.0, -40.0
    return GuidePicture(seen.fine * 0, seen.coarse * 0, lightness, torch.zeros(2, 16, 16), true)


class Deaf(GuideNet):
    """Brings no color anywhere."""

    def spread(
        self, places: Tensor, hinted: Tensor, colors: Tensor, ab: Tensor, surprise: Tensor
    ) -> tuple[Tensor, Tensor]:
        return ab, ab[:, :1] * 0

    def carry(self, places: Tensor, known: Tensor, colors: Tensor) -> Tensor:
        return places.new_zeros(len(places), 3)


class Loud(GuideNet):
    """Brings the mean color everywhere."""

    def spread(
        self, places: Tensor, hinted: Tensor, colors: Tensor, ab: Tensor, surprise: Tensor
    ) -> tuple[Tensor, Tensor]:
        return colors.mean(0).expand_as(ab), ab[:, :1] * 0 + 1


def test_what_is_recorded_is_what_the_net_makes_of_the_picture(heads: DistributionNet) -> None:
    rgb = photo(5, 64, 96)
    seen = record(heads, rgb)
    lab = rgb_to_lab(rgb[None].float() / 255)
    with torch.no_grad():
        torch.testing.assert_close(seen.ab, heads(NetInput(lab[:, :1]))[0])
    torch.testing.assert_close(seen.true.mean((1, 2)), lab[0, 1:].mean((1, 2)))
    torch.testing.assert_close(seen.lightness.mean(), lab[0, 0].mean())
    assert seen.fine.dtype == seen.coarse.dtype == torch.float16
    assert seen.fine.shape[1:] == seen.lightness.shape[1:] == (16, 24)


def test_recorded_pictures_come_back(heads: DistributionNet, tmp_path: Path) -> None:
    pictures = [record(heads, photo(seed, 64, 64)) for seed in (1, 2)]
    save_pictures(pictures, tmp_path / "a.safetensors")
    save_pictures([], tmp_path / "b.safetensors")
    found = load_pictures(tmp_path / "a.safetensors")
    for one, other in zip(found, pictures, strict=True):
        assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in FIELDS)
    assert load_pictures(tmp_path / "b.safetensors") == []
    assert [count_pictures(tmp_path / f"{name}.safetensors") for name in "ab"] == [2, 0]


def test_pairs_are_of_one_shot_and_neither_too_near_nor_too_far_apart() -> None:
    shots = [range(NEAREST), range(NEAREST, 90), range(90, 100)]
    found = {pair for seed in range(300) for pair in pick_pairs(shots, randomness(seed))}
    gaps = {b - a for a, b in found}
    assert min(gaps) == NEAREST
    assert max(gaps) == FARTHEST
    assert all(any(a in shot and b in shot for shot in shots) for a, b in found)
    assert {a >= 90 for a, _ in found} == {False, True}
    assert 1 <= len(pick_pairs([range(NEAREST + 1)], randomness(0))) <= PAIRS
    assert pick_pairs([range(NEAREST)], randomness(0)) == pick_pairs([], randomness(0)) == []


def test_shots_follow_each_other_without_gaps() -> None:
    still = [photo(1), photo(40, 120, 150) // 3]
    assert find_shots([still[0]] * 8 + [still[1]] * 9) == [range(8), range(8, 17)]
    assert find_shots([]) == []


def test_a_guide_begins_where_trials_ended(heads: DistributionNet) -> None:
    guide = start_guide(heads, "ab")
    assert guide.config.net == "ab"
    assert guide.embedding.fine[0].weight.shape[1] == guide.config.fine
    for part, values in START.items():
        for name, value in values.items():
            found = guide.get_parameter(f"{part}.{name}").exp().tolist()
            assert found == pytest.approx(value)


def test_both_losses_teach_their_part_and_repeat_by_their_chance(heads: DistributionNet) -> None:
    guide = start_guide(heads, "")
    one, other = (record(heads, photo(seed, 64, 64)) for seed in (1, 2))
    loss = hint_loss(guide, one, random.Random(1))
    assert loss == hint_loss(guide, one, random.Random(1))
    loss.backward()  # type: ignore[no-untyped-call]
    taught = {name.split(".")[0] for name, p in guide.named_parameters() if p.grad is not None}
    assert taught == {"embedding", "wide", "narrow", "noise"}
    guide.zero_grad()
    right, wrong = (pair_loss(guide, one, other, w, random.Random(1)) for w in (False, True))
    assert right == pair_loss(guide, one, other, False, random.Random(1))
    assert right != wrong
    right.backward()  # type: ignore[no-untyped-call]
    taught = {name.split(".")[0] for name, p in guide.named_parameters() if p.grad is not None}
    assert taught == {"embedding", "between", "unlike"}


def test_a_frame_is_the_best_pair_of_itself(heads: DistributionNet) -> None:
    guide = start_guide(heads, "")
    seen = halves(heads)
    same = pair_loss(guide, seen, seen, False, random.Random(0))
    swapped = GuidePicture(seen.fine, seen.coarse, 110 - seen.lightness, seen.ab, seen.true)
    assert same < pair_loss(guide, seen, swapped, False, random.Random(0))


def test_scores_tell_a_guide_from_one_that_does_not_listen(heads: DistributionNet) -> None:
    guide = start_guide(heads, "")
    deaf, loud = Deaf(guide.config), Loud(guide.config)
    pictures, pairs = [halves(heads)], [(halves(heads), halves(heads, 32.0, 78.0))]
    found, none, much = (validate_guide(g, heads, pictures, pairs) for g in (guide, deaf, loud))
    assert none["hints_1"] == none["hints_100"] == none["pair_gain"] == none["leak"] == 0
    assert 0 < found["hints_1"] < found["hints_10"] < found["hints_100"]
    assert found["pair_gain"] > 3
    assert found["leak"] < 0.5 < much["leak"] == pytest.approx(1)
    assert found["score"] > max(none["score"], much["score"])


def test_a_score_counts_what_there_is(heads: DistributionNet) -> None:
    guide = start_guide(heads, "")
    assert validate_guide(guide, heads, [], []) == {}
    pairs = validate_guide(guide, heads, [], [(halves(heads), halves(heads))])
    assert set(pairs) == {"pair_gain", "score"}
    assert pairs["score"] == pairs["pair_gain"]
    good = {"hints_1": 1.0, "hints_10": 2.0, "hints_100": 6.0, "pair_gain": 3.0, "leak": 0.2}
    assert guide_score(good) == pytest.approx(2.0)


def test_no_leak_is_measured_where_there_is_no_thing(heads: DistributionNet) -> None:
    seen = halves(heads)
    noise = torch.rand(seen.lightness.shape, generator=randomness(0)) * 100
    scattered = GuidePicture(seen.fine, seen.coarse, noise, seen.ab, seen.true)
    assert find_thing(scattered, random.Random(0)) is None
    assert measure_leak(start_guide(heads, ""), heads, scattered, random.Random(0)) is None


def test_the_rate_rises_and_falls_in_each_part(quick_weights: Path) -> None:
    settings = TrainSettings(
        *(("a",), ("b",)), preset="guide", teacher=str(quick_weights), sides=(64,), steps=1
    )
    recipe = GuideRecipe(settings)
    rates = [recipe.schedule(done / 1000, 0) for done in range(1000)]
    middle = round(1000 * HINTS_SHARE)
    assert [stage_at(done / 1000) for done in (0, middle - 1, middle)] == ["hints"] * 2 + ["pairs"]
    assert 0 < rates[0] < 0.05 > rates[middle] > 0
    assert max(rates[:middle]) > 0.9 < max(rates[middle:])
    assert rates[middle - 1] < 0.01 > rates[-1]
    groups = recipe.optimizer(settings).param_groups
    rate_of = {id(value): group["scale"] for group in groups for value in group["params"]}
    assert len(rate_of) == len(list(recipe.parameters()))
    net = recipe.net
    few = net.embedding.fine[0].weight, net.wide.reach, net.noise, net.between.share, net.unlike
    assert [rate_of[id(value)] for value in few] == pytest.approx([1, 2, 2, 20 / 3, 20 / 3])
    assert math.isclose(recipe.schedule(HINTS_SHARE * 0.1, 0), 0.9755, abs_tol=0.001)
