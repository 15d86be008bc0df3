"""The first look at a film, and frames that follow its color script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from guided import count_looked
from hinted import NAVY, ab_of, listener, point, scene
from synthetic import make_frame

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.guide import Guide
from vidcolor.colorize.script_maker import (
    choose_moments,
    drop_doubles,
    look_at_keys,
    make_script,
)
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.guidance.agreement import settle
from vidcolor.guidance.color_script import ColorScript
from vidcolor.guidance.entries import Stretch
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.colornet import ColorNet
from vidcolor.settings import PaintSettings

F = Fraction
CUT, N = 6, 10
"""Frames of the first shot, and of the film."""
SHOTS = (ShotRange(F(0), F(CUT, 25)), ShotRange(F(CUT, 25), None))
LEFT, RIGHT = (0.25, 0.5), (0.75, 0.5)


@pytest.fixture(scope="module")
def colorizer(quick: ColorNet) -> Colorizer:
    made = listener(quick)
    made.listen().unlike.fill_(-12.0)
    return made


def film() -> list[Frame]:
    return [make_frame(scene() + 0.01 * n, pts=n, starts_shot=n in (0, CUT)) for n in range(N)]


def source(moments: Sequence[Fraction]) -> Iterator[tuple[Fraction, Frame]]:
    frames = film()
    for moment in moments:
        shown = [frame for frame in frames if frame.moment <= moment]
        yield shown[-1].moment, shown[-1]


def plan(*hints: object) -> Guidance:
    return Guidance(ColorSheet(hints=hints), F(25), SHOTS)  # type: ignore[arg-type]


def script_of(colorizer: Colorizer) -> ColorScript:
    return make_script(plan(), F(N, 25), colorizer, source, F(1))


def follow(colorizer: Colorizer, script: ColorScript, *hints: object) -> list[ColorizedFrame]:
    guide = Guide(plan(*hints), colorizer, source, F(1), PaintSettings(), script=script)
    colored = colorizer.colorize(film(), embed=True)
    return list(guide.guide_frames(colored, None))


def test_each_shot_has_a_key_frame_and_long_ones_have_more() -> None:
    shots = [ShotRange(F(0), F(4)), ShotRange(F(4), F(22)), ShotRange(F(22), F(900))]
    shots.append(ShotRange(F(900), None))
    found = choose_moments(shots, F(901))
    assert found[:4] == [2, 7, 13, 19]
    assert len([one for one in found if 22 <= one < 900]) == 8
    assert found[-1] == F(1801, 2)
    assert found == sorted(found)


def test_it_tells_how_far_it_is_and_gives_the_same_bytes_each_time(colorizer: Colorizer) -> None:
    told: list[tuple[int, int]] = []
    first = make_script(
        plan(), F(N, 25), colorizer, source, F(1), tell=lambda *done: told.append(done)
    )
    assert told == [(1, 2), (2, 2)]
    assert [key.seconds for key in first.keys] == [F(3, 25), F(8, 25)]
    assert first.to_bytes() == script_of(colorizer).to_bytes()


def test_frames_follow_the_key_frames_of_their_shot(colorizer: Colorizer) -> None:
    script = script_of(colorizer)
    shots = [torch.tensor([30.0, -20.0]), torch.tensor([-25.0, 10.0])]
    keys = zip(script.keys, shots, strict=True)
    said = ColorScript(tuple(replace(key, ab=ab.expand_as(key.ab)) for key, ab in keys))
    automatic = [item.ab for item in follow(colorizer, ColorScript(()))]
    for number, item in enumerate(follow(colorizer, said)):
        assert item.guide is None, "it is as automatic as all else"
        wanted = shots[number >= CUT].view(2, 1)
        assert (item.ab.mean((1, 2)) - wanted.flatten()).abs().max() < 2
        assert not torch.equal(item.ab, automatic[number])


def test_where_nothing_was_agreed_upon_frames_keep_their_colors(colorizer: Colorizer) -> None:
    script = script_of(colorizer)
    keys = (replace(key, weight=key.weight * (n == 1)) for n, key in enumerate(script.keys))
    found = follow(colorizer, ColorScript(tuple(keys)))
    automatic = follow(colorizer, ColorScript(()))
    for item, other in zip(found[:CUT], automatic[:CUT], strict=True):
        assert torch.equal(item.ab, other.ab)
    assert not torch.equal(found[-1].ab, automatic[-1].ab)
    nobody = (replace(key, weight=key.weight * 0) for key in script.keys)
    assert script.is_followed
    assert not ColorScript(tuple(nobody)).is_followed


def test_what_a_user_says_stands_above_the_script(colorizer: Colorizer) -> None:
    script = script_of(colorizer)
    with_hint, without = (
        follow(colorizer, script, *hints) for hints in ((point(LEFT, frame=3),), ())
    )
    for item, other in zip(with_hint, without, strict=True):
        assert torch.equal(item.ab, other.ab)
        assert other.guide is None
    for item in with_hint[:CUT]:
        assert item.guide is not None
        h, w = item.guide.shape[1:]
        hinted = item.guide[:2, h // 2, w // 4]
        torch.testing.assert_close(hinted, ab_of(NAVY).flatten(), atol=2, rtol=0)
    assert all(item.guide is None for item in with_hint[CUT:])


def test_it_looks_with_the_dials_of_each_stretch(colorizer: Colorizer) -> None:
    sheet = ColorSheet(stretches=(Stretch(F(CUT, 25), None, vivid=1.0),))
    dialed = make_script(Guidance(sheet, F(25), SHOTS), F(N, 25), colorizer, source, F(1))
    usual = script_of(colorizer)
    assert not torch.equal(dialed.keys[1].ab, usual.keys[1].ab)


def test_it_can_be_looked_at_in_parts(colorizer: Colorizer) -> None:
    moments = choose_moments(SHOTS, F(N, 25))
    parts = [look_at_keys(plan(), [one], colorizer, source, F(1)) for one in moments]
    keys = [key for part in parts for key in part]
    assert settle(keys, colorizer.listen()).to_bytes() == script_of(colorizer).to_bytes()


def test_a_frame_that_is_on_screen_at_two_moments_is_one_key_frame(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [F(3, 25), F(7, 50), F(8, 25)]
    looked = count_looked(monkeypatch)
    keys = list(look_at_keys(plan(), moments, colorizer, source, F(1)))
    assert [key.seconds for key in keys] == [F(3, 25), F(3, 25), F(8, 25)]
    assert looked == [F(3, 25), F(8, 25)], "and is looked at once"
    apart = [next(look_at_keys(plan(), [one], colorizer, source, F(1))) for one in moments]
    both = (
        settle(drop_doubles(keys), colorizer.listen()),
        settle(drop_doubles(apart), colorizer.listen()),
    )
    assert len(both[0].keys) == 2
    assert both[0].to_bytes() == both[1].to_bytes()
