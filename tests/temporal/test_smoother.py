from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from synthetic import make_frame, texture
from torch import Tensor, nn

import vidcolor.temporal.propagation
import vidcolor.temporal.smoother
from vidcolor.colorize.paint import paint
from vidcolor.core.frames import ColorizedFrame
from vidcolor.nets.trust_gate import CLUES, Gate, quicken
from vidcolor.settings import PaintSettings, TemporalSettings
from vidcolor.temporal.propagation import (
    MAX_REVIVAL,
    FramePair,
    add,
    average_along_flow,
    carry,
    merge,
    pair_features,
    restore_saturation,
    warp_color,
    with_energy,
)
from vidcolor.temporal.smoother import block, smooth

SIDE = 128
h = SIDE // 4


class Constant(Gate):
    """Trusts everything by the same amount."""

    def __init__(self, trust: float) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        self.trust = trust

    def forward(self, pair_features: Tensor) -> Tensor:
        return torch.full_like(pair_features[:, :1], self.trust)


def colored(L: Tensor, ab: Tensor, pts: int = 0, **marks: bool) -> ColorizedFrame:
    """``L`` ``(SIDE, SIDE)`` 0..100, ab ``(2, h, h)``."""
    return ColorizedFrame(make_frame(L / 100, pts=pts, **marks), L, ab)


def flat(a: float) -> Tensor:
    return torch.tensor([a, -a / 2])[:, None, None].expand(2, h, h).clone()


def run(
    items: list[ColorizedFrame], gate: Gate | None = None, **settings: Any
) -> list[ColorizedFrame]:
    return list(smooth(items, TemporalSettings(**settings), gate))


def abs_of(items: list[ColorizedFrame]) -> Tensor:
    return torch.stack([item.ab for item in items])


def flickering(L: Tensor, frames: int, spread: float = 12.0) -> list[ColorizedFrame]:
    noise = spread * torch.randn(frames, generator=torch.Generator().manual_seed(2))
    items = [colored(L, flat(30 + float(n)), i) for i, n in enumerate(noise)]
    items[0].frame.starts_shot = True
    return items


def test_flicker_of_a_still_scene_all_but_vanishes() -> None:
    items = flickering(100 * texture(1, SIDE, SIDE), 40)
    after = abs_of(run(items))
    assert after.diff(dim=0).abs().mean() < 0.05 * abs_of(items).diff(dim=0).abs().mean()
    torch.testing.assert_close(after.mean(), abs_of(items).mean(), atol=1.0, rtol=0)


@pytest.mark.parametrize("grain", [2.0, 4.0])
def test_in_a_still_shot_with_grain_color_moves_by_less_than_a_unit(grain: float) -> None:
    # The color that the net finds shakes with the grain, at every sample on its own.
    L, draw = 20 + 60 * texture(1, SIDE, SIDE), torch.Generator().manual_seed(7)
    items = []
    for i in range(40):
        grainy = (L + grain * torch.randn(SIDE, SIDE, generator=draw)).clamp(0, 100)
        shaken = flat(20) + 3 * torch.randn(2, h, h, generator=draw)
        items.append(colored(grainy, shaken, i, starts_shot=i == 0))
    jumps = abs_of(run(items)).diff(dim=0).abs().flatten(1)
    assert abs_of(items).diff(dim=0).abs().flatten(1).quantile(0.99, 1).min() > 8
    assert jumps.quantile(0.99, 1).max() < 1


def test_constant_color_stays() -> None:
    L = 100 * texture(1, SIDE, SIDE)
    for item in run([colored(L, flat(25), i, starts_shot=i == 0) for i in range(9)]):
        torch.testing.assert_close(item.ab, flat(25), atol=1e-3, rtol=0)


@pytest.mark.parametrize("look_ahead", [0, 3, 24])
@pytest.mark.parametrize("cut", [1, 2, 5, 31])
def test_no_color_crosses_a_cut(cut: int, look_ahead: int) -> None:
    # The same luma on both sides: only the mark of the cut keeps the two shots apart.
    L = 100 * texture(3, SIDE, SIDE)
    items = [
        colored(L, flat(40 if i < cut else -40), i, starts_shot=i in (0, cut)) for i in range(40)
    ]
    for i, item in enumerate(run(items, look_ahead=look_ahead)):
        torch.testing.assert_close(item.ab, flat(40 if i < cut else -40), atol=1e-3, rtol=0)


def moving_square(x: int) -> tuple[Tensor, Tensor]:
    """A bright red thing, 40 samples wide at column ``x``, before a darker blue ground."""
    L = 25 + 25 * texture(8, SIDE, SIDE)
    L[40:88, x : x + 40] = 60 + 35 * texture(9, 48, 40)
    ab = flat(-30)
    ab[:, 10:22, x // 4 : x // 4 + 10] = flat(50)[:, :12, :10]
    return L, ab


def test_color_goes_with_what_moves() -> None:
    steps = [moving_square(8 + 4 * i) for i in range(16)]
    noise = 8 * torch.randn(16, generator=torch.Generator().manual_seed(5))
    items = [
        colored(L, ab * (1 + float(n) / 50), i, starts_shot=i == 0)
        for i, ((L, ab), n) in enumerate(zip(steps, noise, strict=True))
    ]
    for i, item in enumerate(run(items)):
        left = 2 + i
        inside = item.ab[0, 12:20, left + 2 : left + 8]
        behind = item.ab[0, 12:20, : max(0, left - 2)]
        torch.testing.assert_close(inside.mean(), torch.tensor(50.0), atol=6, rtol=0)
        if behind.numel():
            assert behind.max() < -10, "the thing drags its color behind it"


def test_what_appears_has_its_own_color_at_once() -> None:
    ground = 25 + 25 * texture(8, SIDE, SIDE)
    L, ab = moving_square(44)
    items = [
        colored(L if i >= 6 else ground, ab if i >= 6 else flat(-30), i, starts_shot=i == 0)
        for i in range(12)
    ]
    found = run(items)
    assert found[5].ab[0, 12:20, 13:19].mean() < -25
    assert found[6].ab[0, 12:20, 13:19].mean() > 45


@pytest.mark.parametrize("mark", ["outlier", "damaged"])
@pytest.mark.parametrize("look_ahead", [0, 24])
def test_a_flash_or_a_damaged_frame_poisons_nothing(mark: str, look_ahead: int) -> None:
    L = 100 * texture(1, SIDE, SIDE)
    items = [colored(L, flat(30), i, starts_shot=i == 0) for i in range(20)]
    for place, spoilt in ((7, torch.full((SIDE, SIDE), 98.0)), (8, 100 * texture(4, SIDE, SIDE))):
        items[place] = colored(spoilt, flat(-60), place, **{mark: True})
    found = run(items, look_ahead=look_ahead)
    for place in {*range(20)} - {7, 8}:
        torch.testing.assert_close(found[place].ab, flat(30), atol=1e-3, rtol=0)


def test_a_damaged_frame_is_colored_by_the_one_before_it_where_it_can_be_seen() -> None:
    L = 100 * texture(1, SIDE, SIDE)
    items = [colored(L, flat(30), i, starts_shot=i == 0) for i in range(12)]
    torn = L.clone()
    torn[: SIDE // 2] = 100 * texture(11, SIDE // 2, SIDE)
    items[6] = colored(torn, flat(-60), 6, damaged=True)
    (found,) = (item.ab for item in run(items) if item.frame.pts == 6)
    assert found[0, h // 2 + 3 :].mean() > 15


def test_a_shot_may_begin_with_damage() -> None:
    L = 100 * texture(1, SIDE, SIDE)
    items = [colored(L, flat(-60 if i < 2 else 30), i, starts_shot=i == 0) for i in range(6)]
    items[0].frame.damaged = items[1].frame.damaged = True
    found = abs_of(run(items))
    torch.testing.assert_close(found[2:], flat(30).expand(4, -1, -1, -1), atol=1e-3, rtol=0)


def test_a_fade_takes_no_color_from_the_shot_and_blank_frames_get_none() -> None:
    # What the net says of a frame without contrast is worth nothing: here it says green.
    L = 20 + 60 * texture(1, SIDE, SIDE)
    items = []
    for i in range(24):
        left = min(1.0, max(0.0, (18 - i) / 8))  # frames 10 to 18 fade to an even gray
        item = colored(50 + (L - 50) * left, flat(30) if left else flat(-60), i, starts_shot=i == 0)
        items.append(replace(item, share=left))
    found = run(items)
    for item in found[:14]:
        torch.testing.assert_close(item.ab, flat(30), atol=1e-3, rtol=0)
    assert [item.share for item in found] == [item.share for item in items]
    frames = list(paint(iter(found), PaintSettings()))
    for frame in frames[18:]:
        assert all((plane == 128).all() for plane in frame.chroma)
    assert (frames[12].chroma[1].float() - 128).abs().mean() > 2


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_change_of_exposure_is_no_new_scene(factor: float) -> None:
    L = 20 + 50 * texture(1, SIDE, SIDE)
    brighter = (L + 16) * factor - 16
    items = [
        colored(L if i < 10 else brighter, flat(30 if i < 10 else 20), i, starts_shot=i == 0)
        for i in range(20)
    ]
    jump = abs_of(run(items)).diff(dim=0)[9].abs().mean()
    assert jump < 2  # of the 7.5 that the net jumps by


def test_looking_ahead_steadies_the_first_frames_of_a_shot() -> None:
    items = flickering(100 * texture(1, SIDE, SIDE), 30)
    first = {n: abs_of(run(items, look_ahead=n)).diff(dim=0)[:3].abs().mean() for n in (0, 24)}
    assert first[24] < 0.2 * first[0]


def test_strength_decides_how_long_a_color_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vidcolor.temporal.propagation, "MAX_REVIVAL", 1.0)
    L = 100 * texture(1, SIDE, SIDE)
    items = [colored(L, flat(40 if i == 0 else 0), i, starts_shot=i == 0) for i in range(12)]
    left = {
        strength: float(run(items, Constant(1.0), strength=strength, look_ahead=0)[5].ab[0].mean())
        for strength in (0.2, 0.6, 1.0)
    }
    assert left[0.2] < left[0.6] < left[1.0]
    assert left[1.0] == pytest.approx(40 / 6, rel=1e-3)  # one of six frames, all counted alike


def test_no_trust_leaves_every_frame_as_it_was() -> None:
    items = flickering(100 * texture(1, SIDE, SIDE), 12)
    torch.testing.assert_close(abs_of(run(items, Constant(0.0))), abs_of(items))


def test_strength_0_passes_through() -> None:
    items = flickering(100 * texture(1, SIDE, SIDE), 5)
    assert all(a is b for a, b in zip(run(items, strength=0.0), items, strict=True))


def test_each_result_keeps_its_frame_and_lightness_and_the_input_is_not_changed() -> None:
    items = flickering(100 * texture(1, SIDE, SIDE), 40)
    kept = abs_of(items).clone()
    for before, after in zip(items, run(items), strict=True):
        assert after.frame is before.frame
        assert after.lightness is before.lightness
    assert torch.equal(abs_of(items), kept)


def test_a_picture_of_another_size_starts_anew() -> None:
    items = flickering(100 * texture(1, SIDE, SIDE), 4)
    L = texture(2, 64, 96)
    found = run([*items, ColorizedFrame(make_frame(L), 100 * L, torch.zeros(2, 16, 24))])
    assert [item.ab.shape for item in found] == [(2, h, h)] * 4 + [(2, 16, 24)]


def test_very_large_frames_get_less_look_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    items = flickering(100 * texture(1, SIDE, SIDE), 40)
    held: list[int] = []

    def counted() -> Any:
        for i, item in enumerate(items):
            held.append(i)
            yield item

    monkeypatch.setattr(vidcolor.temporal.smoother, "MAX_HELD", 12 * SIDE * SIDE * 3 // 2)
    next(iter(smooth(counted(), TemporalSettings())))
    assert len(held) == 9 + block(9)


def test_a_trace_is_the_mean_of_its_frames() -> None:
    abs_ = [torch.randn(1, 2, 4, 5) for _ in range(3)]
    trace = None
    for ab in abs_:
        trace = add(trace, ab)
    assert trace is not None
    torch.testing.assert_close(trace[:, :2], torch.stack(abs_).mean(0))
    assert (trace[:, 2] == 3).all()


def test_past_and_future_count_a_frame_once() -> None:
    one, two, three = (torch.randn(1, 2, 4, 5) for _ in range(3))
    past, future = add(add(None, one), two), add(add(None, three), two)
    torch.testing.assert_close(merge(past, future, two), (one + two + three) / 3)


def test_settled_in_blocks_or_at_once_the_past_is_the_same() -> None:
    abs_ = [torch.randn(1, 2, 8, 8) for _ in range(6)]
    zero, half = torch.zeros(1, 2, 8, 8), torch.full((1, 1, 8, 8), 0.5)
    links: list[FramePair | None] = [None] + [FramePair(zero, zero, half, half)] * 5
    _, whole = average_along_flow(abs_, links, 6, None)
    _, first = average_along_flow(abs_[:4], links[:4], 2, None)
    _, rest = average_along_flow(abs_[2:], links[2:], 4, first[-1])
    for one, other in zip(whole, first + rest, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("cells", [4, 9, 14, 18])
def test_carrying_far_neither_fades_color_nor_exaggerates_it(cells: int) -> None:
    blobs = torch.randn(1, 2, cells, cells, generator=torch.Generator().manual_seed(1))
    ab = torch.nn.functional.interpolate(blobs, (36, 36), mode="bicubic") * 20
    trace = add(None, ab)
    there = torch.tensor([0.5, 0.25]).view(1, 2, 1, 1).expand(1, 2, 36, 36)
    for turn in range(24):
        trace = carry(trace, there if turn % 2 else -there, torch.ones(1, 1, 36, 36))
    inner = (..., slice(4, -4), slice(4, -4))
    kept = trace[:, :2][inner].norm() / ab[inner].norm()
    assert 0.85 < kept < 1.15


def test_clues_of_the_same_picture_say_so() -> None:
    L, ab = 100 * texture(1, 16, 20)[None, None], torch.randn(1, 2, 16, 20)
    flow = torch.zeros(1, 2, 16, 20)
    found = pair_features(L, ab, L, ab, (flow, flow))
    assert found.shape == (1, CLUES, 16, 20)
    same = [0, 1, 3, 4, 5]
    torch.testing.assert_close(found[:, same], torch.zeros(1, 5, 16, 20), atol=1e-4, rtol=0)


def test_one_frame_by_itself_has_the_features_and_the_color_that_a_batch_has() -> None:
    # One frame on the CPU goes another, faster way.
    L, ab = 100 * texture(1, 32, 40)[None, None], 20 * torch.randn(1, 2, 32, 40)
    other_L, other_ab = L.roll(2, 3) * 1.1, ab.roll(2, 3)
    flow = 2 * F.interpolate(torch.randn(1, 2, 4, 5), (32, 40), mode="bicubic")
    flows = flow, 0.5 - flow
    with torch.inference_mode():
        alone = pair_features(L, ab, other_L, other_ab, flows)
        carried = warp_color(with_energy(ab), flow)
    pairs = [torch.cat([each] * 2) for each in (L, ab, other_L, other_ab, *flows)]
    together = pair_features(*pairs[:4], pairs[4:])
    expected = warp_color(with_energy(pairs[1]), pairs[4])
    tight = {"atol": 0.05, "rtol": 0.02}
    torch.testing.assert_close(alone[0], together[1], **tight)
    assert ((carried - expected[:1]).abs().mean((0, 2, 3)) < torch.tensor([0.2, 0.2, 8])).all()


def test_a_wavering_net_is_as_vivid_after_as_before() -> None:
    # Half of the frames say red, half say green: the plain mean is nearly gray.
    L = 100 * texture(1, SIDE, SIDE)
    ab = torch.stack([flat(30), flat(30).flip(0)])
    items = [colored(L, ab[i % 2], i, starts_shot=i == 0) for i in range(30)]
    found = abs_of(run(items))[10:20].norm(dim=1).mean()
    plain = ab.mean(0).norm(dim=0).mean()
    assert found == pytest.approx(float(plain) * MAX_REVIVAL, rel=0.02)


def test_revived_makes_up_for_what_the_mean_lost() -> None:
    ab = torch.randn(2, 1, 2, 9, 9) + 3
    mean = with_energy(ab[0]).add(with_energy(ab[1])) / 2
    before = torch.stack([*ab]).square().sum(2).mean()
    torch.testing.assert_close(restore_saturation(mean).square().sum(1).mean(), before)
    gray = torch.zeros(1, 3, 9, 9)
    assert torch.equal(restore_saturation(gray), gray[:, :2])


def test_a_gate_gives_trust_between_0_and_1() -> None:
    trust = Gate()(10 * torch.randn(2, CLUES, 12, 16))
    assert trust.shape == (2, 1, 12, 16)
    assert trust.min() >= 0
    assert trust.max() <= 1


def test_a_quick_gate_trusts_as_the_gate_does_and_leaves_it_as_it_was() -> None:
    gate, features = Gate(), torch.randn(2, CLUES, 12, 16)
    with torch.inference_mode():
        expected = gate(features)
        torch.testing.assert_close(quicken(gate)(features), expected, atol=0.02, rtol=0)
        assert torch.equal(gate(features), expected)
