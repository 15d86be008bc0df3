"""Training of the smoother's gate: motion, wear, sequences, losses, scores."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from synthetic import photo
from torch import Tensor

from vidcolor.core.optical_flow import warp
from vidcolor.nets.trust_gate import Gate
from vidcolor.training.data.film_wear import worn_lightness
from vidcolor.training.data.sequences import FIELDS, LENGTH, Maps, load_sequences, save_sequences
from vidcolor.training.data.synthetic_motion import Layer, Motion, make_motion, render, track
from vidcolor.training.data.takes import spread, starts
from vidcolor.training.gate.batches import (
    CROP,
    batch_of,
    gate_losses,
    join_sequences,
    mirror_sequence,
    smooth_runs,
)
from vidcolor.training.gate.losses import (
    compose_flows,
    drift,
    hidden,
    keep_loss,
    near_loss,
    vivid_loss,
    warp_loss,
)
from vidcolor.training.gate.validation import Formula, gate_score, validate_gate


def randomness(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def off_along(motion: Motion) -> Tensor:
    """``(T - 1, 1, h, w)`` how far frames are from those before them, brought along the ways."""
    brought = warp(motion.frames[:-1], motion.ways)
    return (motion.frames[1:] - brought).abs().amax(1, keepdim=True)


@pytest.mark.parametrize("seed", range(6))
def test_made_motion_is_known_exactly(seed: int) -> None:
    stills = [photo(9 * seed + i) for i in range(3)]
    motion = make_motion(stills, 8, 64, randomness(seed))
    assert motion.frames.shape == (8, 3, 64, 64)
    off = off_along(motion)[motion.seen]
    assert len(off) > 0.4 * motion.seen.numel()
    assert off.mean() < 0.01
    assert off.quantile(0.99) < 0.08  # at the blobs' soft edges, and where it is mirrored


def plain_layer(picture: Tensor, pace: tuple[float, float], **fields: object) -> Layer:
    shake = torch.zeros(4, 2, dtype=torch.float64)
    way = torch.tensor(pace, dtype=torch.float64)
    start = -way * 0
    return Layer(picture, track(start, way, (1.0, 0.0, 0.0), shake), **fields)  # type: ignore[arg-type]


def test_a_pan_by_whole_pixels_moves_the_very_samples() -> None:
    picture = photo(3, 64, 64).float() / 255
    motion = render([plain_layer(picture, (2.0, -1.0))], 32)
    assert torch.allclose(motion.frames[1][:, :-1, 2:], motion.frames[0][:, 1:, :-2], atol=1e-5)
    assert motion.ways[:, 0].unique().tolist() == [-2.0]
    assert motion.ways[:, 1].unique().tolist() == [1.0]
    # What comes in at the left and below was not in sight.
    assert not motion.seen[..., :2].any()
    assert not motion.seen[:, :, -1].any()
    assert motion.seen[:, :, :-1, 2:].all()


def test_what_a_thing_uncovers_and_what_appears_is_not_in_sight_before() -> None:
    ground, thing = torch.full((3, 64, 64), 0.2), torch.full((3, 64, 64), 0.8)
    disc = torch.tensor([[8.0, 0.0]])
    motion = render([plain_layer(ground, (0, 0)), plain_layer(thing, (3.0, 0), outline=disc)], 32)
    assert motion.frames[0, 0, 16, 16] > 0.79
    assert motion.frames[0, 0, 2, 2] == pytest.approx(0.2)
    row = motion.seen[0, 0, 16]
    assert not row[9:11].any()  # uncovered on its left
    assert row[13:25].all()
    assert row[:6].all()
    assert off_along(motion)[motion.seen].max() < 0.02
    late = render(
        [plain_layer(ground, (0, 0)), plain_layer(thing, (0, 0), outline=disc, since=2)], 32
    )
    assert late.frames[1, 0, 16, 16] == pytest.approx(0.2)
    assert late.seen[0].all()
    assert not late.seen[1, 0, 16, 16]
    assert late.seen[2, 0, 16, 16]


def test_a_worn_run_trembles_and_a_clean_one_does_not() -> None:
    frames = (photo(4, 64, 64).float() / 255).expand(6, -1, -1, -1)
    changes = []
    for seed in range(40):
        L = worn_lightness(frames, randomness(seed))
        assert L.shape == (6, 1, 64, 64)
        assert L.min() >= 0
        assert L.max() <= 100
        assert torch.equal(L, worn_lightness(frames, randomness(seed)))
        changes.append(float((L[1:] - L[:-1]).abs().mean()))
    still = sum(change == 0 for change in changes)
    assert 8 <= still <= 30  # a third is clean, and of the others some have no grain
    assert max(changes) > 3


def moving(seed: int = 0, h: int = 24, T: int = LENGTH, pace: int = 1) -> Maps:
    """A sequence of random colors that move right by ``pace`` samples a frame."""
    draw = randomness(seed)
    field = 30 * torch.randn(3, h, h + pace * T, generator=draw)
    views = torch.stack([field[:, :, pace * (T - t) :][:, :, :h] for t in range(T)])
    flow = torch.zeros(T - 1, 2, h, h)
    flow[:, 0] = -pace
    noise = 4 * torch.randn(T, 2, 1, 1, generator=draw)
    return {
        "L": 50 + views[:, :1] / 3,
        "ab": views[:, 1:] + noise,
        "truth": views[:, 1:],
        "flow": flow,
        "back": -flow,
        "way": flow.clone(),
        "seen": torch.ones(T - 1, 1, h, h),
    }


def test_ways_are_composed_frame_by_frame() -> None:
    maps = join_sequences([moving()])
    way, seen = compose_flows(maps["way"], maps["seen"], 5)
    assert way.shape == (1, LENGTH - 5, 2, 24, 24)
    assert torch.allclose(way[..., 5:], torch.tensor([-5.0, 0.0]).view(1, 1, 2, 1, 1), atol=1e-4)
    assert seen[..., :5].max() < 1e-4  # these came in on the way
    assert torch.allclose(seen[..., 5:], torch.ones(()), atol=1e-4)
    assert (drift(maps["truth"], way) * seen).max() < 1e-2
    alone, _ = compose_flows(maps["way"], maps["seen"], 1)
    assert torch.equal(alone, maps["way"])


def test_keeping_is_free_and_ghosts_cost_most_where_things_come() -> None:
    truth = 20 * torch.randn(1, 4, 2, 8, 8, generator=randomness(1))
    seen = torch.ones(1, 3, 1, 8, 8)
    seen[:, 1, :, :, :4] = 0
    assert keep_loss(truth, truth, seen) == 0
    ghost, elsewhere = truth.clone(), truth.clone()
    ghost[:, 2, :, :, :4] += 10
    elsewhere[:, 2, :, :, 4:] += 10
    assert keep_loss(ghost, truth, seen) > 2 * keep_loss(elsewhere, truth, seen) > 0
    faded = keep_loss(0.5 * truth, truth, seen)
    assert faded > keep_loss(0.9 * truth, truth, seen)


def test_things_are_hidden_before_they_come_and_after_they_go() -> None:
    seen = torch.tensor([1.0, 0, 0, 1]).view(1, 4, 1, 1, 1)
    assert hidden(seen).flatten().tolist() == [0, 1, 2, 1, 0]


def test_distance_to_the_truth() -> None:
    truth = torch.zeros(1, 2, 2, 4, 4)
    assert near_loss(truth, truth) == 0
    assert near_loss(truth + 20, truth) > 2 * near_loss(truth + 10, truth) > 0


def test_flicker_costs_where_the_truth_is_steady_and_in_sight() -> None:
    maps = join_sequences([moving()])
    truth, way, seen = maps["truth"], maps["way"], maps["seen"]
    assert warp_loss(truth, truth, way, seen) < 1e-3
    flicker = truth.clone()
    flicker[:, ::2] += 5
    assert warp_loss(flicker, truth, way, seen) == pytest.approx(1.0, abs=0.01)
    assert warp_loss(flicker, truth, way, seen * 0) == 0
    changing = truth.clone()
    changing[:, ::2] += 30
    assert warp_loss(flicker, changing, way, seen) < 1e-3
    assert (
        warp_loss(flicker, truth, *compose_flows(way, seen, 2)) < 1e-2
    )  # every other frame agrees
    assert warp_loss(flicker, truth, *compose_flows(way, seen, 3)) > 0.9


def test_fading_costs_and_vivid_color_does_not() -> None:
    ab = 20 * torch.randn(1, 3, 2, 8, 8, generator=randomness(2))
    assert vivid_loss(ab, ab) == 0
    assert vivid_loss(1.2 * ab, ab) == 0
    assert vivid_loss(0.5 * ab, ab) > vivid_loss(0.9 * ab, ab) > 0


class Open(Gate):
    def forward(self, pair_features: Tensor) -> Tensor:
        return torch.ones_like(pair_features[:, :1])


class Shut(Gate):
    def forward(self, pair_features: Tensor) -> Tensor:
        return torch.zeros_like(pair_features[:, :1])


def test_scores_tell_a_good_gate_from_none() -> None:
    sequences = [moving(3, pace=0)]
    shut, opened = validate_gate(Shut(), sequences), validate_gate(Open(), sequences)
    assert shut["short_ratio"] == shut["long_ratio"] == shut["chroma"] == pytest.approx(1)
    assert shut["keep_off"] == shut["psnr_gain"] == shut["score"] == pytest.approx(0, abs=1e-5)
    assert opened["short_ratio"] < 0.2
    assert opened["psnr_gain"] > 3
    assert opened["score"] > validate_gate(Formula(), sequences)["score"] - 0.1 > 0.3
    good = {"short_ratio": 0.1, "long_ratio": 0.3, "ghost": 1.0, "chroma": 0.95}
    assert gate_score(good) == pytest.approx(0.8 - 0.1 - 0.1)


def test_true_colors_go_through_the_links_of_the_found_ones() -> None:
    maps = join_sequences([moving(5, T=6)])
    steady, kept = smooth_runs(Open(), maps)
    # What comes in or goes lies elsewhere.
    assert torch.allclose(kept[..., 6:-6], maps["truth"][..., 6:-6], atol=0.05)
    changes = [drift(ab, maps["way"])[..., 6:-6].mean() for ab in (steady, maps["ab"])]
    assert changes[0] < 0.2 * changes[1]


@pytest.mark.parametrize("turn", [(i & 1, i & 2, i & 4) for i in range(8)])
def test_a_turned_sequence_moves_as_it_looks(turn: tuple[int, int, int]) -> None:
    maps = moving(6)
    maps["flow"][:, 1] = maps["way"][:, 1] = 0.5
    changed = mirror_sequence(maps, *map(bool, turn))
    before, after = (drift(m["truth"][None], m["way"][None])[0] for m in (maps, changed))
    again = mirror_sequence({"d": before}, *map(bool, turn))["d"]
    assert torch.allclose(after, again, atol=1e-3)


def test_batches_take_half_from_each_kind() -> None:
    clips, scenes = ([{**moving(i), "L": moving(i)["L"] * 0 + i}] for i in (1, 2))
    batch = batch_of(clips, scenes, 4, randomness(0))
    assert batch["L"][:, 0, 0, 0, 0].tolist() == [1, 2, 1, 2]
    large = [moving(1, 2 * CROP, 4)]
    assert batch_of(large, [], 2, randomness(0))["L"].shape == (2, 4, 1, CROP, CROP)
    losses = gate_losses(Gate(), batch, 7)
    assert set(losses) == {"keep", "near", "short", "long", "vivid"}
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]


def test_sequences_come_back_as_they_were_written(tmp_path: Path) -> None:
    maps = {name: value.half() for name, value in moving(7).items()}
    save_sequences([maps, maps], tmp_path / "a.safetensors")
    save_sequences([], tmp_path / "b.safetensors", take="b")
    first, second = load_sequences(tmp_path / "a.safetensors")
    assert all(torch.equal(first[name], maps[name]) for name in FIELDS)
    assert all(torch.equal(second[name], maps[name]) for name in FIELDS)
    assert load_sequences(tmp_path / "b.safetensors") == []


def test_no_sequence_holds_a_cut() -> None:
    still = [photo(1), photo(40, 120, 150) // 3]
    frames = [still[0]] * 20 + [still[1]] * (LENGTH - 1) + [still[0]] * LENGTH
    found = starts(frames)
    assert found == [*range(20 - LENGTH + 1), 20 + LENGTH - 1]
    assert starts(frames[:5]) == []
    assert starts([]) == []


def test_sequences_are_spread_over_a_clip() -> None:
    assert spread([]) == []
    assert spread(range(3)) == [0]
    assert spread(range(1000)) == [125, 375, 625, 875]
    near = spread(range(30))
    assert all(b - a >= LENGTH for a, b in pairwise(near))
