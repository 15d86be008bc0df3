"""Key frames: what is said of a picture, spread over it and carried to others."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hinted import NAVY, ab_of, listener, point, scene
from synthetic import make_frame, texture
from torch import Tensor

from vidcolor.color.lab import ab_bins
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.guidance.entries import Hint, SheetContent
from vidcolor.guidance.key_frame import (
    KeyFrame,
    View,
    carry_colors,
    choose_places,
    lay_reference,
    reduce_lightness,
    spread_hints,
)
from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.guide_net import GuideNet

F = Fraction
SHEET = SheetContent()
BINS = ab_bins(20)
"""Of the quick net."""
LEFT, RIGHT = (0.25, 0.5), (0.75, 0.5)


@pytest.fixture(scope="module")
def colorizer(quick: ColorNet) -> Colorizer:
    return listener(quick)


@pytest.fixture(scope="module")
def net(colorizer: Colorizer) -> GuideNet:
    return colorizer.listen()


def view(colorizer: Colorizer, picture: Tensor) -> View:
    lightness = colorizer.lightness_of(make_frame(picture), F(1))
    return View.of(colorizer.examine(lightness), lightness)


def result(view: View, guide: Tensor) -> Tensor:
    """ab of the picture with its guide."""
    return view.seen.ab[0] * (1 - guide[2:]) + guide[:2]


def spread(view: View, net: GuideNet, *hints: Hint) -> Tensor:
    return spread_hints(view, hints, net, SHEET.resolve, BINS)


def test_a_hinted_thing_takes_its_color_and_the_other_one_keeps_its(
    colorizer: Colorizer, net: GuideNet
) -> None:
    seen = view(colorizer, scene())
    found = result(seen, spread(seen, net, point(LEFT)))
    w = found.shape[2]
    left, right = found[..., : w // 2 - 1], found[..., w // 2 + 1 :]
    assert (left - ab_of(NAVY)).norm(dim=0).median() < 3
    assert (right - seen.seen.ab[0][..., w // 2 + 1 :]).norm(dim=0).max() < 3
    assert (left - seen.seen.ab[0][..., : w // 2 - 1]).norm(dim=0).median() > 20


def test_hints_themselves_are_painted_as_they_were_said(
    colorizer: Colorizer, net: GuideNet
) -> None:
    """Also where two of one thing contradict each other."""
    seen = view(colorizer, scene())
    guide = spread(seen, net, point(LEFT), point((0.1, 0.1), "lime"), point(RIGHT, "gray"))
    for place, color in ((LEFT, NAVY), ((0.1, 0.1), "lime"), (RIGHT, "gray")):
        y, x = int(place[1] * seen.size[0]), int(place[0] * seen.size[1])
        torch.testing.assert_close(guide[:2, y, x], ab_of(color).flatten())
        assert guide[2, y, x] == 1


def test_nothing_said_changes_nothing(colorizer: Colorizer, net: GuideNet) -> None:
    seen = view(colorizer, scene())
    assert not spread(seen, net).any()


def test_more_samples_than_are_spread_are_thinned_and_all_painted(
    colorizer: Colorizer, net: GuideNet
) -> None:
    seen = view(colorizer, texture(3, 48, 64))
    area = Hint(polygon=((0, 0), (1, 0), (1, 1), (0, 1)), color=NAVY)
    guide = spread(seen, net, area)
    assert guide.isfinite().all()
    assert torch.equal(guide[2], torch.ones(seen.size))
    torch.testing.assert_close(guide[:2], ab_of(NAVY).expand(2, *seen.size))


def test_a_large_area_outvotes_no_other_hint(
    colorizer: Colorizer, net: GuideNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that keeps the automatic color, which differs from sample to sample."""
    seen = view(colorizer, texture(3, 192, 256))
    spoken: list[Tensor] = []
    own = GuideNet.spread

    def listen(guide: GuideNet, places: Tensor, hinted: Tensor, *rest: Tensor) -> object:
        spoken.append(hinted)
        return own(guide, places, hinted, *rest)

    monkeypatch.setattr(GuideNet, "spread", listen)
    line = Hint(stroke=((0.1, 0.9), (0.3, 0.9)), color=NAVY, size=0.02)
    spread(seen, net, line)
    for color in ("auto", "lime"):
        half = Hint(polygon=((0, 0), (1, 0), (1, 0.5), (0, 0.5)), color=color)
        spread(seen, net, half, line)
    w = seen.size[1]
    alone, *others = ({int(n) for n in one if n // w > seen.size[0] // 2} for one in spoken)
    assert len(alone) > 3
    assert [len(one) for one in spoken[1:]] == [len(alone) + 30] * 2
    assert others == [alone, alone]


def test_a_reference_counts_where_its_alpha_says_so() -> None:
    ab, alpha = torch.randn(2, 4, 5) * 30, torch.rand(1, 4, 5) * 1.5 - 0.2
    guide = lay_reference(ab, alpha)
    torch.testing.assert_close(guide[2:], alpha.clamp(0, 1))
    torch.testing.assert_close(guide[:2], ab * guide[2:])


def key(view: View, guide: Tensor, frame: int | None) -> KeyFrame:
    return KeyFrame.of(view, guide, None if frame is None else F(frame, 25))


def carried(view: View, net: GuideNet, frame: int, *keys: KeyFrame) -> Tensor:
    return carry_colors(keys, view.places, view.size, F(frame, 25), net)


def painted(size: tuple[int, int], color: str, half: slice = slice(None)) -> Tensor:
    """A guide that has a color in a part of the columns."""
    guide = torch.zeros(3, *size)
    guide[:2, :, half], guide[2, :, half] = ab_of(color), 1.0
    return guide


def test_the_painted_frame_is_as_it_was_painted(colorizer: Colorizer, net: GuideNet) -> None:
    seen = view(colorizer, scene())
    guide = spread(seen, net, point(LEFT))
    found = carried(seen, net, 7, key(seen, guide, 7))
    torch.testing.assert_close(found, guide, atol=1e-4, rtol=1e-5)


def test_a_painted_frame_keeps_its_colors_beside_other_key_frames(
    colorizer: Colorizer, net: GuideNet
) -> None:
    seen = view(colorizer, scene())
    own, other = painted(seen.size, NAVY), painted(seen.size, "red")
    found = carried(seen, net, 7, key(seen, own, 7), key(seen, other, 8), key(seen, other, None))
    assert (found[:2] - own[:2]).norm(dim=0).max() < 0.5
    torch.testing.assert_close(found[2], own[2])


def test_what_looks_alike_gets_the_color_and_a_new_thing_does_not(
    colorizer: Colorizer, net: GuideNet
) -> None:
    seen = view(colorizer, scene(0.3, 0.7))
    w = seen.size[1]
    known = key(seen, painted(seen.size, NAVY, slice(0, w // 2)), 0)
    later = view(colorizer, scene(0.7, 0.3))  # it went to the other side
    found = carried(later, net, 5, known)
    assert (found[2, :, w // 2 + 1 :] > 0.9).all()
    color = found[:2, :, w // 2 + 1 :] / found[2:, :, w // 2 + 1 :]
    torch.testing.assert_close(color, ab_of(NAVY).expand_as(color), atol=0.5, rtol=0)
    assert (found[2, :, : w // 2 - 1] < 0.05).all()
    strange = carried(view(colorizer, scene(0.98, 0.98)), net, 5, known)
    assert (strange[2] < 0.05).all()


def test_of_two_key_frames_the_nearer_one_counts_more(colorizer: Colorizer, net: GuideNet) -> None:
    seen = view(colorizer, scene())
    first = key(seen, painted(seen.size, "red"), 0)
    last = key(seen, painted(seen.size, "blue"), 100)
    red = ab_of("red").flatten()
    blue = ab_of("blue").flatten()
    way = (blue - red) / (blue - red).norm()
    shares = []
    for frame in range(5, 100, 5):
        found = carried(seen, net, frame, first, last)
        color = (found[:2] / found[2:]).mean((1, 2))
        shares.append(float((color - red) @ way / (blue - red).norm()))
    assert shares == sorted(shares)
    assert shares[0] < 0.15
    assert shares[-1] > 0.85
    assert shares[9] == pytest.approx(0.5, abs=0.02)


def test_key_frames_of_different_things_add_up(colorizer: Colorizer, net: GuideNet) -> None:
    """Neither weakens the other's color, and neither weighs more for there being two."""
    seen = view(colorizer, scene())
    w = seen.size[1]
    one = key(seen, painted(seen.size, "red", slice(0, w // 2)), 0)
    two = key(seen, painted(seen.size, "blue", slice(w // 2, w)), 10)
    found = carried(seen, net, 4, one, two)
    for half, color in ((slice(0, w // 2 - 1), "red"), (slice(w // 2 + 1, w), "blue")):
        shown = found[:2, :, half] / found[2:, :, half]
        assert (shown - ab_of(color)).norm(dim=0).max() < 8
        assert (found[2, :, half] > 0.9).all()
    assert found[2].max() <= 1


def test_a_look_knows_no_places(colorizer: Colorizer, net: GuideNet) -> None:
    """Where something stands in another picture says nothing."""
    seen = view(colorizer, scene(0.3, 0.7))
    mirrored = view(colorizer, scene(0.7, 0.3))
    w = seen.size[1]
    reach = net.between.reach.clone()
    try:
        net.between.reach.fill_(-3.0)  # places count for all
        look = key(seen, painted(seen.size, NAVY, slice(0, w // 2)), None)
        shown = carried(mirrored, net, 0, look)
        frame = carried(mirrored, net, 0, key(seen, look.guide, 9))
    finally:
        net.between.reach.copy_(reach)
    assert (shown[2, :, w // 2 + 1 :] > 0.8).all()
    assert (frame[2, :, w // 2 + 3 :] < 0.05).all()


def test_a_look_gives_way_to_a_key_frame(colorizer: Colorizer, net: GuideNet) -> None:
    seen = view(colorizer, scene())
    shot = key(seen, painted(seen.size, NAVY), 50)
    look = key(seen, painted(seen.size, "red"), None)
    found = carried(seen, net, 60, shot, look)
    color = found[:2] / found[2:]
    assert (color - ab_of(NAVY)).norm(dim=0).max() < 5


@pytest.mark.parametrize("size", [(16, 16), (48, 64), (64, 96), (200, 200)])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_few_places_stand_for_a_picture(size: tuple[int, int], share: float) -> None:
    weight = torch.zeros(size)
    weight[: round(size[0] * share)] = 1.0
    for most in (1800, 600):
        chosen = choose_places(weight, most)
        assert len(chosen) == len(chosen.unique())
        assert 0 < len(chosen) <= 2 * most + weight.numel() / 16
        flat = weight.flatten()[chosen]
        assert bool((flat > 0).any()) == bool(weight.any())
        if share < 1:
            assert (flat == 0).any(), "what nobody spoke of must say so"


def test_lightness_is_that_of_the_samples() -> None:
    lightness = torch.arange(64.0).view(8, 8)
    found = reduce_lightness(lightness, (2, 2))
    assert found.shape == (1, 2, 2)
    torch.testing.assert_close(found[0, 0, 0], lightness[:4, :4].mean())
