"""Stretches with their own dials: each frame gets what a run with these dials gives it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from shared import save_quick_net
from synthetic import bits_of, make_frame, texture

from vidcolor.colorize.chain import colorize_frames, find_color, mark_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.files import file_sha256
from vidcolor.core.frames import ColorizedFrame, Frame
from vidcolor.core.threads import WorkerThreads
from vidcolor.errors import SettingsError
from vidcolor.guidance.plan import Guidance
from vidcolor.guidance.types import ColorSheet, Stretch
from vidcolor.nets.colornet import ColorNet, ColorNetConfig
from vidcolor.nets.registry import build_net
from vidcolor.nets.weights import load_weights, save_weights
from vidcolor.settings import (
    ColorizerSettings,
    PaintSettings,
    Settings,
    TemporalSettings,
    TitleSettings,
)

F = Fraction
N = 14
PLAIN = Settings(
    colorizer=ColorizerSettings(device="cpu", size=64, batch=4, precision="float32"),
    smooth=TemporalSettings(0.0, look_ahead=4),
    titles=TitleSettings("color"),
)


def frames() -> list[Frame]:
    """Fourteen of one picture that moves."""
    big = texture(3, 48, 64 + 2 * N)
    return [make_frame(big[:, 2 * n : 2 * n + 64].contiguous(), pts=n) for n in range(N)]


def session(net: ColorNet, settings: Settings, *stretches: Stretch) -> Session:
    colorizer = Colorizer(net, settings.colorizer, name="tiny", sha256="aa")
    guidance = Guidance(ColorSheet(stretches=stretches), F(25)) if stretches else None
    return Session(settings, colorizer, guidance)


def chroma(net: ColorNet, settings: Settings, *stretches: Stretch) -> list[bytes]:
    painted = colorize_frames(frames(), session(net, settings, *stretches))
    return [bits_of(frame.chroma[0]) + bits_of(frame.chroma[1]) for frame in painted]


def color(net: ColorNet, settings: Settings, *stretches: Stretch) -> list[ColorizedFrame]:
    return list(find_color(mark_frames(frames(), settings), session(net, settings, *stretches)))


HALF = Stretch(F(7, 25), F(11, 25))


@pytest.mark.parametrize("dial", ["saturation", "vivid"])
@pytest.mark.parametrize("stride", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_stretch_has_its_own_dials_and_the_rest_those_of_the_run(
    quick: ColorNet, dial: str, stride: int
) -> None:
    settings = replace(PLAIN, colorizer=replace(PLAIN.colorizer, stride=stride))
    usual = chroma(quick, settings)
    if dial == "vivid":
        own = replace(settings, colorizer=replace(settings.colorizer, vivid=0.1))
        stretch = replace(HALF, vivid=0.1)
    else:
        own, stretch = replace(settings, paint=PaintSettings(0.4)), replace(HALF, saturation=0.4)
    other = chroma(quick, own)
    assert all(a != b for a, b in zip(usual, other, strict=True))
    found = chroma(quick, settings, stretch)
    if stride == 1 or dial == "saturation":
        assert found == [*usual[:7], *other[7:11], *usual[11:]]
    else:  # frames are carried between others than before, but never over the border
        parts = found[:7], found[7:11], found[11:]
        alone = [
            [bits_of(f.chroma[0]) + bits_of(f.chroma[1]) for f in colorize_frames(part, run)]
            for part, run in [
                (frames()[:7], session(quick, settings)),
                (frames()[7:11], session(quick, own)),
                (frames()[11:], session(quick, settings)),
            ]
        ]
        assert [list(part) for part in parts] == alone


def test_frames_of_two_dials_in_one_batch_are_not_mixed_up(quick: ColorNet) -> None:
    # The same picture again and again: the answer for one dial is not that for another.
    still = [make_frame(texture(3, 48, 64), pts=n) for n in range(6)]
    run = session(quick, PLAIN, Stretch(F(2, 25), F(4, 25), vivid=1.0))
    found = [item.ab for item in find_color(mark_frames(still, PLAIN), run)]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[2], found[3])
    assert torch.equal(found[0], found[5])
    assert not torch.equal(found[1], found[2])
    assert run.inferred == 3


def test_a_sheet_without_a_word_changes_no_bit(quick: ColorNet) -> None:
    settings = replace(PLAIN, smooth=TemporalSettings(0.95, look_ahead=4))
    assert chroma(quick, settings, Stretch()) == chroma(quick, settings)


def test_a_stretch_that_is_not_smoothed_is_as_the_net_found_it_and_gives_nothing(
    quick: ColorNet,
) -> None:
    settings = replace(PLAIN, smooth=TemporalSettings(0.95, look_ahead=4))
    found = color(quick, settings, replace(HALF, smooth=0.0))
    raw = color(quick, PLAIN)
    smooth = color(quick, settings)
    for place in range(7, 11):
        assert torch.equal(found[place].ab, raw[place].ab)
        assert not torch.equal(smooth[place].ab, raw[place].ab)
    for part in (slice(0, 7), slice(11, N)):  # as if the shot had ended, and another one begun
        marked = list(mark_frames(frames(), settings))[part]
        marked[0].starts_shot = True
        alone = find_color(marked, session(quick, settings))
        for one, other in zip(found[part], alone, strict=True):
            assert torch.equal(one.ab, other.ab)


def test_a_stretch_is_smoothed_where_the_run_is_not(quick: ColorNet) -> None:
    found = color(quick, PLAIN, replace(HALF, smooth=0.9))
    raw = color(quick, PLAIN)
    same = [torch.equal(one.ab, other.ab) for one, other in zip(found, raw, strict=True)]
    assert same == [True] * 7 + [False] * 4 + [True] * 3


@pytest.mark.parametrize(
    "cut",
    [5, pytest.param(8, marks=pytest.mark.slow), pytest.param(11, marks=pytest.mark.slow), 12],
)
def test_a_run_that_goes_on_within_a_shot_gives_the_same_bits(quick: ColorNet, cut: int) -> None:
    settings = replace(PLAIN, smooth=TemporalSettings(0.95, look_ahead=4))
    run = session(quick, settings, replace(HALF, smooth=0.0), Stretch(F(0), F(3, 25), smooth=0.5))

    def marked() -> list[Frame]:
        found = list(mark_frames(frames(), settings))
        for frame in found:
            frame.chunk = int(frame.pts >= cut)
        return found

    states: dict[int, object] = {}
    whole = list(find_color(marked(), run, states=states))  # type: ignore[arg-type]
    rest = marked()[cut:]
    rest[0].resumed = True
    again = list(find_color(rest, run, states=states))  # type: ignore[arg-type]
    for one, other in zip(whole[cut:], again, strict=True):
        assert torch.equal(one.ab, other.ab)
    assert (1 in states) == (cut not in (8, 11))


def test_a_stretch_that_is_kept_gray_has_no_color_and_costs_no_net(quick: ColorNet) -> None:
    run = session(quick, PLAIN, replace(HALF, keep_gray=True))
    painted = list(colorize_frames(frames(), run))
    gray = [bool((frame.chroma[0] == 128).all()) for frame in painted]
    assert gray == [False] * 7 + [True] * 4 + [False] * 3
    assert [frame.neutral for frame in painted][7:11] == ["asked"] * 4
    assert run.inferred == N - 4


def test_a_stretch_has_its_own_weights(quick: ColorNet, tmp_path: Path) -> None:
    weights = save_quick_net(tmp_path, seed=7)
    usual, other = color(quick, PLAIN), color(load_weights(weights)[0], PLAIN)
    stretches = replace(HALF, weights=str(weights)), Stretch(F(12, 25), weights="tiny")
    run = session(quick, PLAIN, *stretches)
    with WorkerThreads(2) as pool:
        found = list(find_color(mark_frames(frames(), PLAIN), run, threads=pool))
    for place, item in enumerate(found):
        wanted = other if 7 <= place < 11 else usual
        assert torch.equal(item.ab, wanted[place].ab), place
    assert run.inferred == N
    assert run.colorizer_for(str(weights)) is run.colorizer_for(str(weights))
    assert run.colorizer_for(str(weights)).sha256 == file_sha256(weights)
    assert run.colorizer_for(None) is run.colorizer_for("tiny") is run.colorizer


def test_vivid_of_a_stretch_is_refused_where_it_has_no_effect(
    quick: ColorNet, tmp_path: Path
) -> None:
    book = build_net(ColorNetConfig(preset="book", embedding=512))
    with pytest.raises(SettingsError, match="vivid has no effect; use saturation"):
        session(book, PLAIN, replace(HALF, vivid=0.3))
    session(book, PLAIN, replace(HALF, vivid=0.3, weights="mini"))
    file = save_weights(book, tmp_path / "book.safetensors", training={}, scores={})
    run = session(quick, PLAIN, replace(HALF, vivid=0.3, weights=str(file)))
    with pytest.raises(SettingsError, match="vivid has no effect; use saturation"):
        run.colorizer_for(str(file))
