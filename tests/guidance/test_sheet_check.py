"""Whether a color sheet fits its video."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import make_film
from PIL import Image
from specs import Spec

from vidcolor import ColorSheet, Hint, Reference, open_video
from vidcolor.core.video_info import VideoInfo
from vidcolor.errors import ColorSheetError
from vidcolor.guidance.sheet_check import check_sheet


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., VideoInfo]:
    def make(**spec: object) -> VideoInfo:
        wanted = {"width": 64, "height": 48, "frames": 50, "rate": Fraction(25), **spec}
        path = make_film(tmp_path / "film.mov", Spec(codec="libx264", **wanted)).path
        with open_video(path) as video:
            return video.info

    return make


def read(tmp_path: Path, text: str) -> ColorSheet:
    path = tmp_path / "film.colors.toml"
    path.write_text(text)
    return ColorSheet.read(path)


def save(path: Path, width: int, height: int, orientation: int = 1) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height)).save(path, exif=exif)


HINT = "[[hint]]\ntime = {}\npoint = [0, 0]\ncolor = 'red'\n"


def test_a_sheet_that_fits_is_not_spoken_of(tmp_path: Path, film: Callable[..., VideoInfo]) -> None:
    save(tmp_path / "a.png", 640, 480)
    save(tmp_path / "look.png", 10, 300)
    text = (
        "video = 'film.mov'\n[[stretch]]\nto = 2.5\nweights = 'mini'\n"
        + HINT.format(2)
        + "[[reference]]\nimage = 'a.png'\ntime = 1\n[[reference]]\nimage = 'look.png'\nfrom = 1\n"
    )
    assert check_sheet(read(tmp_path, text), film()) == ()


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (
            HINT.format(1) + HINT.format(3),
            5,
            "time 0:00:03.000 is outside the video, which",
        ),
        ("[[hint]]\npoint = [0, 0]\ncolor = 'red'\n", 1, "this hint has no time; add one"),
        ("\n[[stretch]]\nfrom = 3\n", 2, "from 0:00:03.000 is outside the video"),
        ("\n[[stretch]]\nto = 30\n", 2, "to 0:00:30.000 is outside the video"),
        ("\n[[stretch]]\nweights = 'no'\n", 2, "no weights 'no'"),
        ("\n[[reference]]\nimage = 'no.png'\n", 2, "image no.png: there is no such file; name an"),
        ("\n[[reference]]\nimage = '.'\n", 2, "image .: there is no such file"),
        ("\n[[reference]]\nimage = 'tall.png'\nfrom = 3\n", 2, "from 0:00:03.000 is outside"),
        (
            "\n[[reference]]\nimage = 'tall.png'\ntime = 1\n",
            2,
            "image tall.png is 30x40 and not of the shape of the frame, 64x48; crop it, or remove",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(
    tmp_path: Path, film: Callable[..., VideoInfo], text: str, line: int, what: str
) -> None:
    save(tmp_path / "tall.png", 30, 40)
    with pytest.raises(ColorSheetError) as caught:
        check_sheet(read(tmp_path, text), film())
    assert str(caught.value).startswith(f"film.colors.toml:{line}: {what}")
    assert caught.value.line == line


def test_an_image_may_have_the_shape_that_is_shown_or_stored(
    tmp_path: Path, film: Callable[..., VideoInfo]
) -> None:
    info = replace(film(), sample_aspect=Fraction(2), rotation=None)
    reference = "[[reference]]\nimage = 'a.jpg'\ntime = 1\n"
    for width, height, orientation, fits in (
        (128, 48, 1, True),
        (64, 48, 1, True),
        (48, 128, 6, True),
        (48, 128, 1, False),
        (100, 48, 1, False),
    ):
        save(tmp_path / "a.jpg", width, height, orientation)
        if fits:
            assert check_sheet(read(tmp_path, reference), info) == ()
        else:
            with pytest.raises(ColorSheetError, match="not of the shape of the frame, 128x48"):
                check_sheet(read(tmp_path, reference), info)


def test_a_pipe_as_an_image_holds_nobody_up(tmp_path: Path, film: Callable[..., VideoInfo]) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ColorSheetError, match="no such file"):
        check_sheet(read(tmp_path, "[[reference]]\nimage = 'pipe.png'\n"), film())


def test_a_sheet_of_another_video_is_noted(tmp_path: Path, film: Callable[..., VideoInfo]) -> None:
    (note,) = check_sheet(read(tmp_path, "video = 'other.mp4'\n"), film())
    assert note.startswith('film.colors.toml: is for "other.mp4" and is used for film.mov; ')


def test_an_image_has_no_times(tmp_path: Path) -> None:
    assert check_sheet(read(tmp_path, HINT.replace("time = {}\n", ""))) == ()
    for text in (HINT.format(1), "[[stretch]]\nto = 1\n"):
        with pytest.raises(ColorSheetError, match=r"colors\.toml:1: an image has no times; remove"):
            check_sheet(read(tmp_path, text))
    save(tmp_path / "a.png", 30, 40)
    text = "[[reference]]\nimage = 'a.png'\n"
    assert check_sheet(read(tmp_path, text), size=(64, 48)) == ()


def test_entries_from_python_are_named_by_their_number(
    film: Callable[..., VideoInfo],
) -> None:
    hints = (Hint((0, 0), time=Fraction(1)), Hint((0, 0), time=Fraction(9)))
    with pytest.raises(ColorSheetError, match=r"^color sheet: hint 2: time 0:00:09\.000"):
        check_sheet(ColorSheet(hints=hints), film())
    array = np.zeros((48, 48, 3), np.uint8)
    with pytest.raises(ColorSheetError, match=r"reference 1: image the array is 48x48 and not"):
        check_sheet(ColorSheet(references=(Reference(array, Fraction(1)),)), film())


def test_a_color_that_cannot_be_shown_is_noted_with_its_line(
    tmp_path: Path, film: Callable[..., VideoInfo]
) -> None:
    text = HINT.format(1).replace("red", "@sea") + HINT.format(1).replace("red", "auto")
    sheet = read(tmp_path, f"[saved]\nsea = 'blue'\n{text}")
    info = film()
    assert check_sheet(sheet, info, lightness_at=lambda hint: 32.0) == ()
    assert check_sheet(sheet, info, lightness_at=lambda hint: None) == ()
    (note,) = check_sheet(sheet, info, lightness_at=lambda hint: 80.0)
    assert note == (
        "film.colors.toml:3: the picture is too light here for @sea; the strongest color of this"
        " hue that it can show is used"
    )
    (note,) = check_sheet(sheet, info, lightness_at=lambda hint: 4.0)
    assert "too dark here" in note


def test_a_color_in_the_shadows_is_noted_as_they_fade_it(
    tmp_path: Path, film: Callable[..., VideoInfo]
) -> None:
    """Also a weak one, which a screen could show there."""
    text = HINT.format(1).replace("red", "#3b2f2a")
    sheet = read(tmp_path, text)
    (note,) = check_sheet(sheet, film(), lightness_at=lambda hint: 5.0)
    assert note.endswith("the picture is too dark here; black stays black, #3b2f2a hardly shows")
    assert check_sheet(sheet, film(), lightness_at=lambda hint: 15.0) == ()


def test_timecode_counts_from_that_of_the_video(
    tmp_path: Path, film: Callable[..., VideoInfo]
) -> None:
    info = film(timecode="01:00:00:10")
    assert info.timecode == "01:00:00:10"
    path = tmp_path / "film.colors.toml"
    path.write_text(HINT.format('"01:00:01:10"'))
    sheet = ColorSheet.read(path, info.frame_rate, info.timecode)
    assert sheet.hints[0].time == 1
    assert check_sheet(sheet, info) == ()
