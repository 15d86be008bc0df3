"""What a color script decides, as scenes; and the sheets of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from guided import RATE, SHOT, guided_settings, write_scenes
from torch import Tensor

import vidcolor.preview.script_scenes
import vidcolor.run.film_script
from vidcolor.errors import SettingsError, WeightsNotFound
from vidcolor.guidance.color_script import ColorScript
from vidcolor.guidance.types import ColorSheet, Stretch
from vidcolor.preview.contact_sheet import MARGIN, WIDTH
from vidcolor.preview.script_palette import Swatch
from vidcolor.preview.script_scenes import (
    KEYS,
    MOST,
    PALETTE,
    PICTURES,
    SHOTS,
    KeyPicture,
    Scene,
    ScriptView,
    Wish,
    script_view,
)
from vidcolor.preview.script_sheet import HIGHEST, describe_scene, draw_pages, split_pages
from vidcolor.run.film_script import ScriptFile
from vidcolor.run.video import colorize_video
from vidcolor.settings import InputSettings, ScriptSettings, Settings

F = Fraction


@pytest.fixture
def film(tmp_path: Path, sure_guide: None) -> Path:
    return write_scenes(tmp_path / "film.mkv")


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


def middle(shot: int) -> Fraction:
    return F(shot * SHOT + SHOT // 2, RATE)


def keep_scripts(patch: pytest.MonkeyPatch, module: Any) -> list[ColorScript]:
    kept: list[ColorScript] = []
    make = module.make_film_script

    def see(*given: Any) -> ColorScript:
        kept.append(make(*given))
        return kept[-1]

    patch.setattr(module, "make_film_script", see)
    return kept


def keep_followed(patch: pytest.MonkeyPatch) -> list[ColorScript]:
    """The scripts that runs follow from now on."""
    kept: list[ColorScript] = []
    make = vidcolor.run.film_script.make_script_file

    def see(*given: Any) -> tuple[ScriptFile, ColorScript]:
        made = make(*given)
        kept.append(made[1])
        return made

    patch.setattr(vidcolor.run.film_script, "make_script_file", see)
    return kept


def change_scripts(patch: pytest.MonkeyPatch, change: Callable[..., Any]) -> None:
    module = vidcolor.preview.script_scenes
    make = module.make_film_script

    def changed(*given: Any) -> ColorScript:
        return ColorScript(tuple(change(key) for key in make(*given).keys))

    patch.setattr(module, "make_film_script", changed)


def test_shots_that_show_the_same_are_a_scene(film: Path, settings: Settings) -> None:
    told: list[tuple[str, int, int | None]] = []
    view = script_view(film, settings=settings, on_stage=lambda *stage: told.append(stage))
    assert view.shots == 4
    assert [scene.number for scene in view.scenes] == [1, 2]
    for number, scene in enumerate(view.scenes):
        assert scene.times == (middle(number), middle(number + 2))
        starts = [shot.start_seconds for shot in scene.shots]
        assert starts == [F(n * SHOT, RATE) for n in (number, number + 2)]
        assert [one.seconds for one in scene.pictures] == list(scene.times)
        assert 0 < scene.change < 5
    assert [one.label for one in view.scenes[0].pictures] == ["00:00.160", "00:00.800"]
    assert told[4 * SHOT - 1] == (SHOTS, 4 * SHOT, 4 * SHOT)
    assert told[4 * SHOT :] == [
        *((KEYS, n, 4) for n in range(1, 5)),
        *((PICTURES, n, 4) for n in range(1, 5)),
    ]


def test_it_decides_what_a_run_decides(
    film: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = keep_scripts(monkeypatch, vidcolor.preview.script_scenes)
    followed = keep_followed(monkeypatch)
    monkeypatch.setattr(vidcolor.run.film_script, "PART", 3)
    script_view(film, settings=settings)
    settings = replace(settings, script=ScriptSettings("auto"))
    colorize_video(film, tmp_path / "a.mkv", settings=settings)
    assert [one.sha256 for one in shown] == [one.sha256 for one in followed]


def test_a_part_of_a_film_has_the_script_of_that_part(
    film: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = replace(settings, open=InputSettings(start=F(SHOT + 1, RATE), end=F(3 * SHOT, RATE)))
    shown = keep_scripts(monkeypatch, vidcolor.preview.script_scenes)
    followed = keep_followed(monkeypatch)
    view = script_view(film, settings=part)
    assert [scene.shots[0].start_seconds for scene in view.scenes] == [
        F(SHOT + 1, RATE),
        F(2 * SHOT, RATE),
    ]
    colorize_video(film, tmp_path / "a.mkv", settings=replace(part, script=ScriptSettings("auto")))
    assert shown[0].sha256 == followed[0].sha256


def test_after_differs_from_before_by_what_frames_follow(
    film: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = {}
    for name, weight in (("none", 0.0), ("half", 0.5), ("all", 1.0)):
        with monkeypatch.context() as patch:
            change_scripts(
                patch,
                lambda key, weight=weight: replace(
                    key, ab=key.automatic - 40, weight=torch.full_like(key.weight, weight)
                ),
            )
            views[name] = script_view(film, settings=settings)
    moved = {name: view.scenes[0].change for name, view in views.items()}
    assert moved["none"] == 0
    assert moved["half"] == pytest.approx(moved["all"] / 2, rel=0.01)
    apart = {}
    for name, view in views.items():
        one = view.scenes[0].pictures[0]
        apart[name] = float((one.after.float() - one.before.float()).abs().mean())
        bright = [_luma(picture) for picture in (one.before, one.after)]
        assert float((bright[0] - bright[1]).abs().max()) < 4, "luma is kept"
    assert apart["none"] == 0
    assert 3 < apart["half"] < 0.8 * apart["all"]
    assert views["all"].scenes[0].after != views["all"].scenes[0].before


def _luma(picture: Tensor) -> Tensor:
    red, green, blue = picture.float()
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_single_ones_are_shown_when_asked_for_or_alone(film: Path, settings: Settings) -> None:
    path = write_scenes(film.with_name("three.mkv"), "ABA")
    view = script_view(path, settings=settings)
    assert [scene.number for scene in view.visible] == [1]
    assert [scene.is_single for scene in view.scenes] == [False, True]
    view = script_view(path, settings=settings, wish=Wish(singles=True))
    assert [scene.number for scene in view.visible] == [1, 2]
    alone = write_scenes(film.with_name("two.mkv"), "AB")
    assert len(script_view(alone, settings=settings).visible) == 2
    assert script_view(path, settings=settings, wish=Wish(most=0)).visible == []


def test_some_key_frames_of_very_many_are_shown_evenly(film: Path, settings: Settings) -> None:
    view = script_view(film, settings=settings, wish=Wish(most=1, width=48))
    for number, scene in enumerate(view.scenes):
        assert [one.seconds for one in scene.pictures] == [middle(number + 2)]
        assert scene.pictures[0].after.shape == (3, 32, 48)
        assert "2 key frames: 1 shown, +1 more" in describe_scene(scene)[1]


def test_stretches_have_their_own_dials(film: Path, settings: Settings) -> None:
    gray = Stretch(F(0), F(SHOT, RATE), keep_gray=True)
    view = script_view(film, settings=settings, colors=ColorSheet(stretches=(gray,)))
    first, second = (one.after for one in view.scenes[0].pictures)
    assert float((first[0].float() - first[2].float()).abs().max()) <= 3
    assert float((second[0].float() - second[2].float()).abs().mean()) > 3


def test_what_has_no_script_is_refused(film: Path, settings: Settings, tmp_path: Path) -> None:
    short = write_scenes(tmp_path / "short.mkv", "A")
    with pytest.raises(SettingsError, match=r"short\.mkv: no color script: a single shot"):
        script_view(short, settings=settings)


def test_weights_without_a_guide_are_refused_before_the_film_is_read(
    tmp_path: Path, settings: Settings
) -> None:
    told: list[object] = []
    with pytest.raises(WeightsNotFound, match="guide"):
        script_view(
            write_scenes(tmp_path / "film.mkv"),
            settings=settings,
            on_stage=lambda *stage: told.append(stage),
        )
    assert not told


def plain_scene(number: int, keys: int = 2, height: int = 100) -> Scene:
    pictures = tuple(
        KeyPicture(F(n), "00:01.000", *(torch.full((3, height, 150), v, dtype=torch.uint8),) * 2)
        for n, v in enumerate([90, 120, 150, 180][:keys])
    )
    palette = (Swatch("#c04020", 0.5), Swatch("#2040c0", 0.25))
    times = tuple(map(F, range(keys)))
    return Scene(number, (), times, palette, palette[:1], 1.0, pictures)


def test_a_row_has_palette_and_pictures_before_and_after() -> None:
    (page,) = draw_pages(ScriptView(("film.mp4", "facts"), 2, [plain_scene(1), plain_scene(2)]))
    assert page.shape[2] == WIDTH
    pixels = page.flatten(1).T
    red = (page == torch.tensor([0xC0, 0x40, 0x20])[:, None, None]).all(0)
    blue = (page == torch.tensor([0x20, 0x40, 0xC0])[:, None, None]).all(0)
    assert red.sum() == 2 * blue.sum() > 0
    assert red[:, MARGIN : MARGIN + 10].any()
    assert not red[:, MARGIN + PALETTE :].any()
    for value in (90, 120):
        share = float((pixels == value).all(1).float().sum()) / (150 * 100)
        assert 3.2 < share <= 4, "two rows of two lines, but for the labels"


def test_a_single_key_frame_is_drawn_once() -> None:
    (one,) = draw_pages(ScriptView(("n", "f"), 1, [plain_scene(1, keys=1)]))
    (two,) = draw_pages(ScriptView(("n", "f"), 1, [plain_scene(1)]))
    assert one.shape[1] == two.shape[1] - 106
    assert "keeps its colors" in describe_scene(plain_scene(1, keys=1))[1]


@pytest.mark.slow
def test_very_many_scenes_go_on_another_page() -> None:
    scenes = [plain_scene(n, height=200) for n in range(1, 81)]
    pages = split_pages(scenes)
    assert [scene for page in pages for scene in page] == scenes
    assert len(pages) == 3
    drawn = list(draw_pages(ScriptView(("n", "f"), 80, scenes)))
    assert len(drawn) == 3
    assert all(page.shape[1] <= HIGHEST for page in drawn)
    assert drawn[0].shape[1] > HIGHEST - 500


def test_a_sheet_is_as_wide_as_others(film: Path, settings: Settings) -> None:
    """Also with as many key frames as are shown."""
    wide = plain_scene(1, keys=4)
    pictures = tuple(
        replace(wide.pictures[0], before=one, after=one)
        for one in [torch.zeros(3, 50, (WIDTH - 2 * MARGIN - PALETTE) // MOST - 6).byte()] * MOST
    )
    (page,) = draw_pages(ScriptView(("n", "f"), 1, [replace(wide, pictures=pictures)]))
    assert page.shape[2] == WIDTH
