"""One picture with hints and references, from Python; and a painter that is asked again."""

from __future__ import annotations

import copy
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hinted import NAVY, SMALL, ab_of, listener, point
from PIL import Image
from synthetic import make_frame, texture

from vidcolor.color.parse import color_ab
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.painter import FramePainter
from vidcolor.errors import SettingsError, WeightsNotFound
from vidcolor.guidance.entries import Hint, Reference, SheetContent
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.image import colorize_image

LEFT, RIGHT = (0.25, 0.5), (0.75, 0.5)
F = Fraction


@pytest.fixture
def colorizer(quick: ColorNet) -> Colorizer:
    return listener(quick)


def two_things() -> np.ndarray:
    gray = np.full((96, 128), 90, np.uint8)
    gray[:, 64:] = 180
    return gray


def ab_at(rgb: np.ndarray, x: int) -> torch.Tensor:
    """ab in the middle of a picture."""
    return torch.tensor(color_ab(tuple(int(each) for each in rgb[48, x])))


def test_a_hint_colors_what_it_belongs_to(colorizer: Colorizer) -> None:
    gray = two_things()
    plain = colorize_image(gray, colorizer=colorizer)
    hinted = colorize_image(gray, hints=[point(LEFT, frame=None)], colorizer=colorizer)
    for x in (8, 32, 56):
        assert (ab_at(hinted, x) - ab_of(NAVY).flatten()).norm() < 4
    for x in (72, 96, 120):
        assert (ab_at(hinted, x) - ab_at(plain, x)).norm() < 3
    luma = hinted @ np.array([0.299, 0.587, 0.114])
    assert np.median(np.abs(luma - gray)) < 0.6


def test_hints_count_whatever_their_time_and_later_ones_lie_above(colorizer: Colorizer) -> None:
    hints = [point(LEFT, "red", 500), point(LEFT, NAVY, 2)]
    hinted = colorize_image(two_things(), hints=iter(hints), colorizer=colorizer)
    assert (ab_at(hinted, 32) - ab_of(NAVY).flatten()).norm() < 4


def test_gray_and_auto(colorizer: Colorizer) -> None:
    plain = colorize_image(two_things(), colorizer=colorizer)
    grayed = colorize_image(two_things(), hints=[point(LEFT, "gray")], colorizer=colorizer)
    assert ab_at(grayed, 32).norm() < 2
    hints = [point(LEFT, "auto")]
    kept = colorize_image(two_things(), hints=hints, colorizer=colorizer)
    assert np.abs(kept.astype(int) - plain)[:, :60].max() <= 3


def test_nothing_said_gives_the_bits_of_a_colorizer_that_does_not_listen(
    colorizer: Colorizer, quick: ColorNet
) -> None:
    gray = (texture(1, 51, 70) * 255).round().to(torch.uint8).numpy()
    deaf = Colorizer(copy.deepcopy(quick), SMALL)
    plain = colorize_image(gray, colorizer=deaf)
    assert deaf.guide is None, "a guide was loaded without need"
    assert np.array_equal(colorize_image(gray, colorizer=colorizer), plain)
    colorize_image(gray, hints=[point(LEFT)], colorizer=colorizer)
    assert np.array_equal(colorize_image(gray, colorizer=colorizer), plain)
    assert np.array_equal(colorize_image(gray, hints=[], references=[], colorizer=deaf), plain)


@pytest.mark.parametrize("shape", [(2, 2), (3, 200), (200, 3)])
def test_pictures_of_strange_shapes_take_hints(
    shape: tuple[int, int], colorizer: Colorizer
) -> None:
    gray = (texture(2, *shape) * 80 + 80).to(torch.uint8).numpy()
    gray[0, 0] = 150  # what is the same all over stays gray
    hinted = colorize_image(gray, hints=[point((1.0, 1.0), "teal")], colorizer=colorizer)
    assert hinted.shape == (*shape, 3)
    found = torch.tensor(color_ab(tuple(int(each) for each in hinted[-1, -1])))
    assert (found - ab_of("teal").flatten()).norm() < 8


def colored(alpha: bool) -> np.ndarray:
    """Teal, and brown where it is opaque."""
    image = Image.new("RGBA", (128, 96), "teal")
    image.paste("brown", (64, 0, 128, 96))
    if alpha:
        image.paste((0, 255, 0, 0), (64, 0, 128, 96))
    return np.asarray(image if alpha else image.convert("RGB"))


@pytest.mark.parametrize("time", [F(0), F(77)])
def test_a_reference_with_a_time_is_this_picture(time: Fraction, colorizer: Colorizer) -> None:
    shown = Reference(colored(alpha=False), time=time)
    found = colorize_image(two_things(), references=[shown], colorizer=colorizer)
    assert (ab_at(found, 32) - ab_of("teal").flatten()).norm() < 4
    assert (ab_at(found, 96) - ab_of("brown").flatten()).norm() < 15  # as far as luma shows it


def test_where_a_reference_is_transparent_the_color_stays(colorizer: Colorizer) -> None:
    plain = colorize_image(two_things(), colorizer=colorizer)
    shown = Reference(colored(alpha=True), time=F(0))
    found = colorize_image(two_things(), references=[shown], colorizer=colorizer)
    assert (ab_at(found, 32) - ab_of("teal").flatten()).norm() < 4
    assert np.abs(found.astype(int) - plain)[:, 76:].max() <= 3


def test_a_reference_of_another_size_is_this_picture_too(colorizer: Colorizer) -> None:
    small = np.asarray(Image.fromarray(colored(alpha=False)).resize((64, 48)))
    shown = [Reference(small, time=F(0))]
    found = colorize_image(two_things(), references=shown, colorizer=colorizer)
    assert (ab_at(found, 32) - ab_of("teal").flatten()).norm() < 4


@pytest.mark.parametrize("shape", [(96, 64, 3), (30, 128, 4), (128, 96, 3)])
def test_a_reference_of_another_shape_is_no_picture_of_this(
    shape: tuple[int, int, int], colorizer: Colorizer
) -> None:
    image = np.full(shape, 200, np.uint8)
    with pytest.raises(SettingsError, match="not of the shape of the frame, 128x96"):
        colorize_image(two_things(), references=[Reference(image, time=F(0))], colorizer=colorizer)
    look = colorize_image(two_things(), references=[Reference(image)], colorizer=colorizer)
    assert look.shape == (96, 128, 3)


def test_a_look_gives_its_colors_to_what_looks_alike(colorizer: Colorizer) -> None:
    colorizer.listen().unlike.fill_(math.log(1e-4))  # as sure of likeness as guides that ship
    gray = two_things()
    plain = colorize_image(gray, colorizer=colorizer)
    wanted = colorize_image(
        gray, hints=[point(LEFT, "teal"), point(RIGHT, "gray")], colorizer=colorizer
    )
    look = Reference(np.ascontiguousarray(wanted[:, ::-1]))
    found = colorize_image(gray, references=[look], colorizer=colorizer)
    before = (ab_at(plain, 32) - ab_at(wanted, 32)).norm()
    assert (ab_at(found, 32) - ab_at(wanted, 32)).norm() < 0.3 * before


def test_an_image_file_is_a_reference(colorizer: Colorizer, tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    Image.fromarray(colored(alpha=True)).save(path)
    by_file, by_array = (
        colorize_image(two_things(), references=[Reference(image, time=F(0))], colorizer=colorizer)
        for image in (path, colored(alpha=True))
    )
    assert np.array_equal(by_file, by_array)


@pytest.mark.parametrize("image", ["missing.png", "broken.png"])
def test_an_image_that_cannot_be_read_is_told(
    image: str, colorizer: Colorizer, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    with pytest.raises(SettingsError, match=image.replace(".", r"\.")):
        colorize_image(two_things(), references=[Reference(tmp_path / image)], colorizer=colorizer)


@pytest.mark.parametrize("color", ["blurple", "#12345", (1, 2), (0, 0, 256), "@coat"])
def test_bad_colors_are_refused(color: object, colorizer: Colorizer) -> None:
    with pytest.raises(SettingsError, match="color"):
        colorize_image(
            two_things(),
            hints=[Hint(point=LEFT, color=color)],  # type: ignore[arg-type]
            colorizer=colorizer,
        )


def test_weights_without_a_guide_are_told(quick: ColorNet) -> None:
    deaf = Colorizer(copy.deepcopy(quick), SMALL)
    with pytest.raises(WeightsNotFound, match="need a guide"):
        colorize_image(two_things(), hints=[point(LEFT)], colorizer=deaf)


def painter(colorizer: Colorizer) -> FramePainter:
    return FramePainter(make_frame(torch.from_numpy(two_things() / 255.0)), colorizer)


def test_a_painter_paints_again_without_looking_again(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = painter(colorizer)
    monkeypatch.setattr(colorizer, "examine", lambda _: pytest.fail("the net looked again"))
    automatic = made.automatic.clone()
    ab, said = made.paint()
    assert torch.equal(ab, automatic)
    assert not said.any()
    first, said = made.paint([point(LEFT)])
    other, _ = made.paint([point(LEFT), point(RIGHT, "red")])
    h, w = first.shape[1:]
    torch.testing.assert_close(first[:, h // 2, w // 4], ab_of(NAVY).flatten())
    torch.testing.assert_close(other[:, h // 2, 3 * w // 4], ab_of("red").flatten())
    assert said[0, h // 2, w // 4] == 1
    assert torch.equal(made.paint([point(LEFT)])[0], first)
    assert torch.equal(made.automatic, automatic)


def test_a_painter_knows_saved_colors(colorizer: Colorizer) -> None:
    made = painter(colorizer)
    sheet = SheetContent(saved={"coat": NAVY})
    assert torch.equal(
        made.paint([point(LEFT, "@coat")], sheet=sheet)[0], made.paint([point(LEFT, NAVY)])[0]
    )
    with pytest.raises(SettingsError, match="no saved color @coat"):
        made.paint([point(LEFT, "@coat")])


def test_a_painter_suggests_and_picks(colorizer: Colorizer) -> None:
    made = painter(colorizer)
    found = made.suggest(LEFT)
    assert 1 < len(found) <= 9
    assert made.suggest(LEFT) == found
    assert len(made.suggest((1.0, 1.0), 3)) <= 3
    painted, _ = made.paint([point(LEFT, "gray")])
    red, green, blue = (int(made.pick(LEFT, painted)[n : n + 2], 16) for n in (1, 3, 5))
    assert max(red, green, blue) - min(red, green, blue) <= 1
    assert made.pick(LEFT) != made.pick(LEFT, painted)
