"""Things that return in other shots are found there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import pytest
import torch
from hinted import NAVY, listener
from synthetic import make_frame, texture
from torch import Tensor

import vidcolor.colorize.find
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.find import (
    Finder,
    Whitening,
    measure_distance,
    moments_of,
    place_of,
    sureness,
)
from vidcolor.core.frames import Frame
from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import Hint
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.colornet import ColorNet

F = Fraction
SHOTS = tuple(ShotRange(F(n), F(n + 1)) for n in range(6))
BACK = 4
"""The shot in which the thing returns."""


def thing(height: int, width: int) -> Tensor:
    """Black above white, which nothing else is."""
    shown = torch.full((height, width), 0.02)
    shown[height // 2 :] = 0.98
    return shown


def picture(number: int) -> Tensor:
    """A scene of its own; in the first shot the thing is on the left, later on the right."""
    scene = texture(40 + number, 96, 128) * 0.2 + 0.4
    if number == 0:
        scene[24:72, 8:56] = thing(48, 48)
    elif number == BACK:
        scene[24:72, 72:120] = thing(48, 48)
    return scene


def source(moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
    assert list(moments) == sorted(moments)
    for moment in moments:
        yield moment, make_frame(picture(int(moment)))


@pytest.fixture(scope="module")
def colorizer(quick: ColorNet) -> Colorizer:
    return listener(quick)


def coat(second: int = 0) -> Hint:
    """All over the thing of the first shot."""
    corners = ((8, 24), (56, 24), (56, 72), (8, 72))
    outline = tuple((x / 128, y / 96) for x, y in corners)
    return Hint(polygon=outline, color=NAVY, time=F(second), name="coat")


def finder(colorizer: Colorizer, *hints: Hint) -> Finder:
    plan = Guidance(ColorSheet(hints=hints), F(25), SHOTS)
    return Finder(plan, colorizer, source)


@pytest.fixture
def all_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is not likely is told: an untrained net is never sure."""
    monkeypatch.setattr(vidcolor.colorize.find, "SUREST", 0.0)


@pytest.mark.usefixtures("all_shown")
def test_the_shot_in_which_a_thing_returns_is_the_surest(colorizer: Colorizer) -> None:
    found = finder(colorizer, coat()).find("coat")
    assert [one.shot for one in found] == list(SHOTS[1:])
    best = max(found, key=lambda one: one.sure)
    assert best.shot == SHOTS[BACK]
    assert all(0 <= one.sure <= 1 for one in found)
    hint = best.hint
    assert hint.point is not None
    assert 72 / 128 - 0.05 <= hint.point[0] <= 120 / 128 + 0.05
    assert 24 / 96 - 0.05 <= hint.point[1] <= 72 / 96 + 0.05
    assert (hint.color, hint.name, hint.time) == (NAVY, "coat", F(BACK) + F(1, 2))


def test_what_is_not_likely_is_not_proposed(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vidcolor.colorize.find, "SUREST", 1.1)
    assert finder(colorizer, coat()).find("coat") == []


@pytest.mark.usefixtures("all_shown")
def test_shots_that_have_the_hint_are_not_looked_at(colorizer: Colorizer) -> None:
    elsewhere = Hint(point=(0.5, 0.5), color="red", time=F(2), name="hat")
    hints = (coat(), coat(BACK), elsewhere)
    found = finder(colorizer, *hints).find("coat")
    assert [one.shot for one in found] == [SHOTS[n] for n in (1, 2, 3, 5)]
    everywhere = [coat(n) for n in range(6)]
    assert finder(colorizer, *everywhere).find("coat") == []


@pytest.mark.usefixtures("all_shown")
@pytest.mark.parametrize("learned", [2, 48])
def test_each_frame_is_looked_at_once_and_told(
    learned: int, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vidcolor.colorize.find, "_LEARNED", learned)
    looks: list[object] = []
    examine = colorizer.examine

    def counted(lightness: Tensor, *dials: Any) -> object:
        looks.append(lightness)
        return examine(lightness, *dials)

    monkeypatch.setattr(colorizer, "examine", counted)
    seen: list[tuple[int, int]] = []
    made = finder(colorizer, coat())
    found = made.find("coat", lambda done, total: seen.append((done, total)))
    assert len(looks) == 6
    assert seen[-1] == (5, 5)
    assert seen == sorted(seen)
    assert [one.shot for one in found] == list(SHOTS[1:])
    assert [one.hint.time for one in found] == [F(n) + F(1, 2) for n in range(1, 6)]
    assert made.find("coat") == found


def test_a_name_that_no_hint_has_is_told(colorizer: Colorizer) -> None:
    with pytest.raises(SettingsError, match="no hint is called hat; there are: coat"):
        finder(colorizer, coat()).find("hat")
    with pytest.raises(SettingsError, match='give one the name, as name = "hat"'):
        finder(colorizer).find("hat")


def test_long_shots_are_looked_at_three_times() -> None:
    assert moments_of(ShotRange(F(2), F(4))) == [F(3)]
    assert moments_of(ShotRange(F(0), F(6))) == [F(1), F(3), F(5)]
    assert moments_of(ShotRange(F(7), None)) == [F(7)]


def test_a_part_of_a_thing_is_enough() -> None:
    partly = torch.full((20, 8), 1.4)
    partly[3, :4] = 0.1
    assert measure_distance(partly) == pytest.approx(0.1)
    partly[3, 1:4] = 1.4
    assert measure_distance(partly) > 1, "one place alone is chance"


def test_sureness_grows_with_similarity() -> None:
    shots = [1.25] * 9
    sure = [sureness(distance, shots) for distance in (0.0, 0.9, 1.162, 1.25, 2.0)]
    assert sure == sorted(sure, reverse=True)
    assert sure[0] > 0.99
    assert sure[2] == pytest.approx(0.5)
    assert sure[-1] < 0.01


def test_what_looks_a_little_like_everything_is_sure_nowhere() -> None:
    assert max(sureness(each, [1.05, 1.06, 1.04] * 5) for each in (1.05, 1.06, 1.04)) < 0.1
    assert sureness(0.8, [0.8, *[1.05] * 14]) > 0.9
    assert sureness(0.7, [0.7]) > 0.9, "one shot alone"


def test_whitened_features_have_no_usual_direction() -> None:
    draw = torch.Generator().manual_seed(1)
    samples = torch.randn(4000, 6, generator=draw) * torch.tensor([50.0, 5, 1, 1, 1, 0]) + 30
    found = Whitening(samples)(samples)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4000))
    variance = found[:, :2].var(0)
    assert variance.max() / variance.min() < 3


def test_a_place_of_a_video_that_is_stored_on_its_side_is_told_as_it_is_shown() -> None:
    assert place_of(0, (4, 6), None) == (0.5 / 6, 0.5 / 4)
    quarter = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    corners = {place_of(number, (4, 6), quarter) for number in (0, 5, 18, 23)}
    assert corners == {(x, y) for x in (0.5 / 4, 3.5 / 4) for y in (0.5 / 6, 5.5 / 6)}
    assert place_of(0, (4, 6), quarter) != (0.5 / 4, 0.5 / 6)
