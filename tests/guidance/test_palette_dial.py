"""Stretches with a palette."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from guided import SHOT, guided_settings, shot_times, write_shots
from hinted import SMALL, listener, point, scene
from synthetic import bits_of, make_frame, texture

from vidcolor.color.parse import color_ab
from vidcolor.colorize.chain import colorize_by_dials, colorize_marked, mark_frames
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.session import Session
from vidcolor.core.frames import Frame
from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import Palette, Stretch
from vidcolor.guidance.plan import Guidance, ShotRange
from vidcolor.guidance.types import ColorSheet
from vidcolor.nets.colornet import ColorNet, ColorNetConfig
from vidcolor.nets.registry import build_net
from vidcolor.run.video import colorize_video
from vidcolor.settings import Settings, TemporalSettings, TitleSettings

F = Fraction
N = 12
SEA = Palette(("teal", "@sea"), "sea")
PLAIN = Settings(smooth=TemporalSettings(0.0), titles=TitleSettings("color"))
PART = Stretch(F(4, 25), F(8, 25), palette="sea")


def sheet(*stretches: Stretch) -> ColorSheet:
    palettes = (Palette(("red",), "fire"), SEA)
    return ColorSheet(stretches=stretches, palettes=palettes, saved={"sea": "steelblue"})


def frames(still: bool = False) -> list[Frame]:
    big = texture(3, 48, 64 + 2 * N)
    shifts = [0 if still else 2 * n for n in range(N)]
    found = [make_frame(big[:, at : at + 64].contiguous(), pts=n) for n, at in enumerate(shifts)]
    return list(mark_frames(found, PLAIN))


def session(net: ColorNet, *stretches: Stretch, stride: int = 1, batch: int = 4) -> Session:
    settings = replace(SMALL, batch=batch, stride=stride)
    guidance = Guidance(sheet(*stretches), F(25)) if stretches else None
    return Session(PLAIN, Colorizer(net, settings, name="tiny", sha256="aa"), guidance)


def chroma(run: Session, still: bool = False) -> list[bytes]:
    painted = colorize_marked(frames(still), run)
    return [bits_of(frame.chroma[0]) + bits_of(frame.chroma[1]) for frame in painted]


@pytest.mark.parametrize(
    "batch", [pytest.param(1, marks=pytest.mark.slow), 3, pytest.param(4, marks=pytest.mark.slow)]
)
def test_a_palette_holds_for_its_stretch_and_no_other_frame(batch: int, quick: ColorNet) -> None:
    usual = chroma(session(quick, batch=batch))
    whole = chroma(session(quick, Stretch(palette="sea"), batch=batch))
    assert all(one != other for one, other in zip(usual, whole, strict=True))
    found = chroma(session(quick, PART, batch=batch))
    assert found == [*usual[:4], *whole[4:8], *usual[8:]]


def test_two_palettes_in_one_batch_are_not_mixed_up(quick: ColorNet) -> None:
    """The same picture again and again: the answer for one palette is not that for another."""
    run = session(quick, PART, Stretch(F(8, 25), palette="fire"))
    found = chroma(run, still=True)
    assert len(set(found[:4])) == len(set(found[4:8])) == len(set(found[8:])) == 1
    assert len({found[0], found[4], found[8]}) == 3
    assert run.inferred == 3


def test_colors_are_those_of_the_palette(quick: ColorNet) -> None:
    run = session(quick, Stretch(palette="sea"))
    lines = [torch.tensor(color_ab(color)) for color in ("teal", "steelblue")]
    for item in colorize_by_dials(frames(), run):
        ab = item.ab.flatten(1).T
        away = torch.stack(
            [
                (ab - (ab @ line / (line @ line)).clamp(0, 1)[:, None] * line).norm(dim=1)
                for line in lines
            ]
        ).amin(0)
        assert away.quantile(0.9) < 2


def test_color_is_not_carried_over_the_border_of_a_palette(quick: ColorNet) -> None:
    found = chroma(session(quick, PART, stride=3, batch=1))
    alone = chroma(session(quick, Stretch(palette="sea"), stride=3, batch=1))
    usual = chroma(session(quick, stride=3, batch=1))
    assert found[4] == alone[4] or found[4] not in usual
    assert found[8] != alone[8]


def test_a_hint_that_keeps_the_automatic_color_keeps_that_of_the_palette(quick: ColorNet) -> None:
    colorizer = listener(quick)
    said = replace(sheet(Stretch(palette="sea")), hints=(point((0.5, 0.5), "auto"),))
    plan = Guidance(said, F(25), [ShotRange(F(0), None)])
    run = Session(PLAIN, colorizer, plan)
    frame = make_frame(scene(), share=1.0, starts_shot=True)
    run.source = lambda moments: ((F(0), frame) for _ in moments)
    (item,) = colorize_by_dials([frame], run)
    assert item.guide is not None
    h, w = item.ab.shape[1:]
    torch.testing.assert_close(
        item.guide[:2, h // 2, w // 2], item.ab[:, h // 2, w // 2], atol=1e-3, rtol=0
    )


def test_a_palette_that_is_not_in_the_sheet_is_refused(quick: ColorNet) -> None:
    with pytest.raises(SettingsError, match="no palette 'land'; add it under"):
        session(quick, Stretch(palette="land"))


def test_a_color_of_a_palette_that_is_not_saved_is_refused(quick: ColorNet) -> None:
    said = ColorSheet(stretches=(PART,), palettes=(SEA,))
    with pytest.raises(SettingsError, match="no saved color @sea"):
        Session(PLAIN, Colorizer(quick, SMALL), Guidance(said, F(25)))


def test_a_palette_is_refused_where_it_has_no_effect(tmp_path: Path, quick: ColorNet) -> None:
    book = build_net(ColorNetConfig(preset="book", embedding=512))
    with pytest.raises(SettingsError, match="a palette has no effect; use --weights default"):
        session(book, PART)
    session(book, replace(PART, weights="mini"))


def test_an_edit_of_a_palette_colors_its_stretches_again(
    quick_weights: Path, tmp_path: Path
) -> None:
    film, target = write_shots(tmp_path / "film.mkv"), tmp_path / "out.mp4"
    settings = guided_settings(quick_weights)
    before = sheet(Stretch(*shot_times(1), palette="sea"))
    colorize_video(film, target, settings=settings, colors=before)
    after = replace(before, palettes=(Palette(("gold",), "sea"),))
    report = colorize_video(film, target, settings=settings, colors=after)
    assert (report.resumed, report.inferred) == (3, SHOT)
    fresh = tmp_path / "fresh.mp4"
    colorize_video(film, fresh, settings=settings, colors=after)
    assert fresh.read_bytes() == target.read_bytes()
