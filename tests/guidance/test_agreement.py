"""Key frames that show the same agree on its colors."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hinted import small_guide
from torch import Tensor

from vidcolor.guidance.agreement import Told, settle
from vidcolor.guidance.color_script import ColorScript, KeyLook, digest_keys
from vidcolor.guidance.local_features import LocalFeatures
from vidcolor.nets.colornet import ColorNet
from vidcolor.nets.guide_net import GuideNet

F = Fraction
NO_FEATURES = LocalFeatures(torch.zeros(0, 2), torch.zeros(0, 128, dtype=torch.uint8))


@pytest.fixture(scope="module")
def guide(quick: ColorNet) -> GuideNet:
    made = small_guide(quick)
    made.unlike.fill_(-12.0)  # as sure of likeness as guides that ship
    return made


def key(
    seconds: int, lightness: list[float], a: list[float], shift: float = 0.0, light: float = 0.0
) -> KeyLook:
    """Samples that differ by lightness, each with an a* of its own."""
    places = torch.zeros(len(lightness), 4 + 3)
    places[:, 4] = torch.tensor(lightness) + light
    places[:, 5:] = shift
    ab = torch.zeros(len(a), 2)
    ab[:, 0] = torch.tensor(a)
    return KeyLook(F(seconds), places, ab, NO_FEATURES)


def colors(script: ColorScript, number: int) -> Tensor:
    return script.keys[number].ab[:, 0]


def test_what_is_seen_again_gets_one_color(guide: GuideNet) -> None:
    first, second = key(0, [30, 70], [40, -10]), key(5, [70, 30], [-20, 0], shift=0.7)
    script = settle([first, second], guide)
    assert script.groups == 1
    coat, wall = colors(script, 0)
    wall_again, coat_again = colors(script, 1)
    assert coat == pytest.approx(float(coat_again), abs=0.5)
    assert wall == pytest.approx(float(wall_again), abs=0.5)
    assert min(abs(coat - 40), abs(coat + 0)) < 1
    assert -20 < wall < -10


def test_what_is_seen_once_keeps_its_color(guide: GuideNet) -> None:
    """Another scene, and a new thing in a scene that is seen again."""
    wall, coat = [70.0] * 20, [30.0] * 20
    shots = [
        key(0, [*coat, *wall], [40] * 20 + [-10] * 20),
        key(5, [5.0] * 20 + [99.0] * 20, [25] * 40),
        key(9, [*coat, *wall, 95], [0] * 20 + [-30] * 20 + [33]),
    ]
    script = settle(shots, guide)
    assert [one.group for one in script.keys] == [0, 1, 0]
    assert script.groups == 2
    torch.testing.assert_close(colors(script, 1), torch.full((40,), 25.0))
    assert colors(script, 2)[-1] == pytest.approx(33, abs=0.5)
    assert colors(script, 0)[0] == pytest.approx(float(colors(script, 2)[0]), abs=1)


def test_a_darker_print_shows_the_same(guide: GuideNet) -> None:
    script = settle([key(0, [30, 70], [6, -10]), key(5, [30, 70], [0, 0], light=-15)], guide)
    assert script.groups == 1
    assert 0 < colors(script, 0)[0] < 6
    assert colors(script, 1)[0] == pytest.approx(float(colors(script, 0)[0]), abs=0.5)
    assert script.keys[1].places[0, 4] == 15, "frames of its shot are as dark"


def test_one_key_frame_keeps_its_colors(guide: GuideNet) -> None:
    script = settle([key(0, [30, 70], [40, -10])], guide)
    torch.testing.assert_close(colors(script, 0), torch.tensor([40.0, -10.0]))
    assert script.groups == 1


def test_many_views_outvote_one(guide: GuideNet) -> None:
    shots = [key(n, [30, 70], [40 if n else -40, 0], shift=0.1 * n) for n in range(6)]
    script = settle(shots, guide)
    assert script.groups == 1
    for number in range(6):
        assert colors(script, number)[0] == pytest.approx(40, abs=1), "no mean of both"


def test_it_tells_each_step_and_that_changes_no_bit(guide: GuideNet) -> None:
    keys = [key(n, [30, 70], [40 - n, -10]) for n in range(3)]
    told: list[tuple[int, int]] = []
    script = settle(keys, guide, tell=lambda *done: told.append(done))
    assert script.to_bytes() == settle(keys, guide).to_bytes()
    steps = told[-1][1]
    assert told == [(n, steps) for n in range(1, steps + 1)]
    assert steps > len(keys)


def told_of(look: KeyLook, a: list[float], weight: list[float]) -> Told:
    guide = torch.zeros(len(a), 3)
    guide[:, 2] = torch.tensor(weight)
    guide[:, 0] = torch.tensor(a) * guide[:, 2]
    return Told(look, guide)


def test_what_a_user_said_reaches_all_that_show_it_and_nothing_else(guide: GuideNet) -> None:
    coat, wall = [30.0] * 20, [70.0] * 20
    shots = [
        key(0, [*coat, *wall], [40] * 20 + [-10] * 20),
        key(5, [5.0] * 20 + [99.0] * 20, [25] * 40),
        key(9, [*wall, *coat], [0] * 20 + [-30] * 20, shift=0.5),
        key(12, [5.0] * 20 + [99.0] * 20, [20] * 40),
    ]
    said = told_of(key(9, [*wall, *coat], [0] * 40), [0] * 20 + [80] * 20, [0] * 20 + [1] * 20)
    without, script = settle(shots, guide), settle(shots, guide, [said])
    assert [one.told for one in script.keys] == [True, False, True, False]
    assert not any(one.told for one in without.keys)
    assert colors(script, 0)[:20].mean() == pytest.approx(80, abs=1)
    assert colors(script, 2)[20:].mean() == pytest.approx(80, abs=1)
    torch.testing.assert_close(colors(script, 0)[20:], colors(without, 0)[20:], atol=0.5, rtol=0)
    for n in (1, 3):
        assert torch.equal(script.keys[n].ab, without.keys[n].ab), "those chunks need no new color"
        assert digest_keys([script.keys[n]]) == digest_keys([without.keys[n]])
    assert digest_keys([script.keys[0]]) != digest_keys([without.keys[0]])


def test_what_a_user_said_passes_on_from_scene_to_scene(guide: GuideNet) -> None:
    """Of frames that have little in common with the one that was spoken of."""
    shots = [
        key(n, [30.0] * 30 + [60.0 + 4 * n] * 10, [10 * n] * 40, shift=0.1 * n) for n in range(3)
    ]
    said = told_of(shots[0], [80] * 40, [1] * 30 + [0] * 10)
    script = settle(shots, guide, [said])
    for n in range(3):
        assert colors(script, n)[:30].mean() == pytest.approx(80, abs=8)


def test_what_was_told_of_a_single_key_frame_is_followed_there_alone(guide: GuideNet) -> None:
    only = key(0, [30.0] * 20 + [70.0] * 20, [40] * 40)
    script = settle([only], guide, [told_of(only, [80] * 40, [1] * 20 + [0] * 20)])
    (found,) = script.keys
    assert found.told
    assert found.weight[:20].min() > 0.9
    assert found.weight[20:].max() < 0.2
    assert settle([only], guide).keys[0].weight.max() == 0
