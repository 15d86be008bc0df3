"""What the user asked for, carried along the flow beside the automatic color."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from synthetic import make_frame, texture
from torch import Tensor, nn

from vidcolor.core.frames import ColorizedFrame, Dials
from vidcolor.guidance.key_frame import KEYED
from vidcolor.nets.trust_gate import Gate
from vidcolor.settings import TemporalSettings
from vidcolor.temporal.smoother import TemporalState, obey, smooth

SIDE, h = 64, 16
L = 100 * texture(1, SIDE, SIDE)


class Trusting(Gate):
    """Trusts the flow everywhere, by the same amount."""

    def __init__(self, trust: float = 1.0) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        self.trust = trust

    def forward(self, pair_features: Tensor) -> Tensor:
        return torch.full_like(pair_features[:, :1], self.trust)


def said(a: float, b: float, weight: float) -> Tensor:
    """``(3, h, h)`` guide: this color, this sure."""
    return torch.tensor([a * weight, b * weight, weight])[:, None, None].expand(3, h, h).clone()


def shot(
    guides: list[Tensor | None],
    keyed: int | None = None,
    seed: int = 1,
    start: int = 0,
    **marks: Any,
) -> list[ColorizedFrame]:
    """A still scene whose automatic color wavers, with a guide for each frame."""
    draw = torch.Generator().manual_seed(seed)
    items = []
    for n, guide in enumerate(guides):
        frame = make_frame(L / 100, pts=start + n, starts_shot=n == 0, share=1.0, **marks)
        ab = torch.tensor([20.0, 30.0])[:, None, None] + 5 * torch.randn(2, h, h, generator=draw)
        item = ColorizedFrame(frame, L, ab, guide=guide)
        item.keyed = KEYED if n == keyed else 1.0
        items.append(item)
    return items


def run(
    items: list[ColorizedFrame], trust: float = 1.0, states: Any = None, **settings: Any
) -> list[ColorizedFrame]:
    settings = {"strength": 1.0, "look_ahead": 6} | settings
    return list(smooth(items, TemporalSettings(**settings), Trusting(trust), states))


def test_what_was_said_takes_the_place_of_the_automatic_color_by_its_weight() -> None:
    (item,) = shot([said(-40.0, 10.0, 0.75)])
    before = item.ab.clone()
    found = obey(item)
    torch.testing.assert_close(
        found.ab, before * 0.25 + 0.75 * torch.tensor([-40.0, 10.0])[:, None, None]
    )
    assert torch.equal(item.ab, before), "the automatic color was written to"


def test_a_frame_of_which_nothing_is_said_is_handed_on_itself() -> None:
    (item,) = shot([None])
    assert obey(item) is item
    (silent,) = shot([torch.zeros(3, h, h)])
    assert torch.equal(obey(silent).ab, silent.ab)


def test_a_weight_above_1_counts_as_1() -> None:
    (item,) = shot([said(-40.0, 10.0, 1.5)])
    torch.testing.assert_close(obey(item).ab, item.guide[:2])  # type: ignore[index]


def test_what_is_painted_later_is_made_up_for() -> None:
    (item,) = shot([said(-40.0, 10.0, 1.0)])
    item.saturation = 0.5
    torch.testing.assert_close(obey(item).ab[:, 0, 0] * 0.5, torch.tensor([-40.0, 10.0]))


@pytest.mark.parametrize("strength", [0.0, 0.95])
def test_where_nothing_is_said_the_bits_are_those_of_the_automatic_color(strength: float) -> None:
    plain = run(shot([None] * 12), strength=strength)
    silent = run(shot([torch.zeros(3, h, h)] * 12), strength=strength)
    half = said(50.0, -50.0, 1.0)
    half[:, :, h // 2 :] = 0
    partly = run(shot([half] * 12), strength=strength)
    for one, other, third in zip(plain, silent, partly, strict=True):
        assert torch.equal(one.ab, other.ab)
        # The flow of a still scene may be off by a part of a sample along the border.
        assert torch.equal(one.ab[..., h // 2 + 3 :], third.ab[..., h // 2 + 3 :])
        torch.testing.assert_close(third.ab[0, :, : h // 2 - 3], torch.full((h, h // 2 - 3), 50.0))


@pytest.mark.parametrize("place", [0, 7, 19])
def test_a_key_frame_dominates_forward_and_backward(place: int) -> None:
    """The others were guided by likeness alone, which wavers."""
    draw = torch.Generator().manual_seed(3)
    wavering = [
        said(-30.0 + 20 * float(torch.randn((), generator=draw)), 10.0, 0.8) for _ in range(20)
    ]
    wavering[place] = said(-30.0, 10.0, 1.0)
    found = run(shot(wavering, keyed=place), look_ahead=30)
    for n, item in enumerate(found):
        assert item.guide is not None
        color = item.guide[:2].mean((1, 2)) / item.guide[2].mean()
        assert float((color - torch.tensor([-30.0, 10.0])).norm()) < 2, n
        assert float(item.guide[2].mean()) > 0.95
    painted = torch.tensor([-30.0, 10.0])[:, None, None].expand(2, h, h)
    torch.testing.assert_close(found[place].ab, painted, atol=1e-4, rtol=0)
    pulse = torch.stack([item.ab.mean((1, 2)) for item in found]).diff(dim=0).norm(dim=1)
    # The painted frame is exact, its neighbors nearly so: less than anybody can see.
    assert pulse.max() < 1, "the color pulses"
    assert pulse.sort().values[:-2].max() < 0.2, "the color pulses"


def test_a_key_frame_that_is_not_trusted_keeps_to_itself() -> None:
    """Where the flow shows something else, what likeness says counts."""
    guides: list[Tensor | None] = [said(0.0, 0.0, 0.0)] * 10
    guides[4] = said(-30.0, 10.0, 1.0)
    found = run(shot(guides, keyed=4), trust=0.0)
    for n, item in enumerate(found):
        assert item.guide is not None
        assert float(item.guide[2].mean()) == pytest.approx(1.0 if n == 4 else 0.0, abs=1e-4)


def test_nothing_said_crosses_a_cut() -> None:
    first = shot([said(-30.0, 10.0, 1.0)] * 8, keyed=3)
    second = shot([None] * 8, seed=2, start=8)
    alone = run(shot([None] * 8, seed=2, start=8))
    for one, other in zip(run([*first, *second])[8:], alone, strict=True):
        assert one.guide is None
        assert torch.equal(one.ab, other.ab)


def test_a_frame_that_is_not_smoothed_has_exactly_what_was_said() -> None:
    items = shot([said(float(n), 0.0, 1.0) for n in range(9)], keyed=0)
    items[4].frame.dials = Dials(smooth=0.0)
    found = run(items)[4]
    torch.testing.assert_close(found.ab[0], torch.full((h, h), 4.0))


def test_a_flash_takes_what_was_said_from_the_frames_before_it() -> None:
    guides: list[Tensor | None] = [said(-30.0, 10.0, 1.0)] * 9
    guides[5] = torch.zeros(3, h, h)
    items = shot(guides, keyed=0)
    items[5].frame.outlier = True
    found = run(items)
    assert found[5].guide is not None
    assert float(found[5].guide[2].mean()) > 0.98


def test_what_is_known_at_the_border_of_a_chunk_is_carried_over() -> None:
    def chunks() -> list[ColorizedFrame]:
        draw = torch.Generator().manual_seed(3)
        guides: list[Tensor | None] = [
            said(20 * float(torch.randn((), generator=draw)), 10.0, 0.8) for _ in range(20)
        ]
        items = shot(guides, keyed=2)
        for n, item in enumerate(items):
            item.frame.chunk = n // 10
        return items

    states: dict[int, TemporalState] = {}
    whole = run(chunks(), states=states, look_ahead=3)
    assert list(states) == [1]
    assert states[1].guide is not None
    stored = {1: TemporalState.from_bytes(states[1].to_bytes())}
    rest = chunks()[10:]
    rest[0].frame.resumed = True
    for one, other in zip(whole[10:], run(rest, states=stored, look_ahead=3), strict=True):
        assert torch.equal(one.ab, other.ab)
        assert one.guide is not None
        assert other.guide is not None
        assert torch.equal(one.guide, other.guide)
    forgotten = chunks()[10:]
    forgotten[0].frame.resumed = True
    unlike = run(forgotten, states={}, look_ahead=3)
    assert not torch.equal(unlike[0].ab, whole[10].ab), "nothing was carried over at all"


@pytest.mark.parametrize("guide", [None, torch.rand(1, 4, h, h)])
def test_a_handover_comes_back_as_it_was_written(guide: Tensor | None) -> None:
    state = TemporalState(L, torch.rand(2, h, h), torch.rand(1, 4, h, h), guide)
    found = TemporalState.from_bytes(state.to_bytes())
    for name, value in vars(state).items():
        other = getattr(found, name)
        assert other is None if value is None else torch.equal(value, other)


def test_a_handover_with_a_guide_of_another_form_is_none() -> None:
    state = TemporalState(L, torch.rand(2, h, h), torch.rand(1, 4, h, h), torch.rand(4, h, h))
    with pytest.raises(ValueError, match="is not a handover"):
        TemporalState.from_bytes(state.to_bytes())
