from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic import texture

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.report import Damage, Dropped, Report
from vidcolor.errors import SettingsError
from vidcolor.nets.colornet import ColorNet
from vidcolor.run.image import colorize_image
from vidcolor.run.video import versions
from vidcolor.settings import (
    ColorizerSettings,
    InputSettings,
    PaintSettings,
)

REC601 = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def colorizer(quick: ColorNet) -> Colorizer:
    return Colorizer(quick, ColorizerSettings(device="cpu", size=64))


def gray_picture(H: int = 51, W: int = 70) -> np.ndarray:
    return (texture(1, H, W) * 255).round().to(torch.uint8).numpy()


def test_a_gray_picture_becomes_orange_with_the_same_luma(colorizer: Colorizer) -> None:
    gray = gray_picture()
    rgb = colorize_image(gray, colorizer=colorizer)
    assert rgb.shape == (51, 70, 3)
    assert rgb.dtype == np.uint8
    assert (rgb[..., 0].astype(int) - rgb[..., 2]).mean() > 20
    error = np.abs(rgb @ REC601 - gray)
    # Rounding of three channels, and clipping where the table leaves the gamut by a little.
    assert np.median(error) < 0.6
    assert error.max() < 4


def test_a_color_picture_is_recolored_from_its_luma(colorizer: Colorizer) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    gray = np.round(picture @ REC601).astype(np.uint8)
    expected = colorize_image(gray, colorizer=colorizer)
    found = colorize_image(picture, colorizer=colorizer)
    assert np.abs(found.astype(int) - expected).max() <= 3  # a luma of .5 may round either way


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (3, 500)])
def test_pictures_of_strange_shapes(shape: tuple[int, int], colorizer: Colorizer) -> None:
    assert colorize_image(np.full(shape, 99, np.uint8), colorizer=colorizer).shape == (*shape, 3)


def test_the_array_is_only_read(colorizer: Colorizer) -> None:
    gray = gray_picture()
    before = gray.copy()
    gray.setflags(write=False)
    colorize_image(gray, colorizer=colorizer)
    assert np.array_equal(gray, before)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4), np.uint16),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, colorizer: Colorizer) -> None:
    with pytest.raises(SettingsError, match="uint8 array"):
        colorize_image(array, colorizer=colorizer)


def test_a_report_is_clean_until_something_is_missing() -> None:
    report = Report("a", "b")
    assert report.clean
    assert report.to_dict()["clean"] is True
    report.left_behind.append(Dropped("x", "y"))
    assert not report.clean
    assert not Report("a", "b", damage=[Damage("gap", 0.0, "x")]).clean


def test_versions_name_what_decides_the_bits() -> None:
    assert {"python", "vidcolor", "av", "torch", "numpy"} <= set(versions())


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (ColorizerSettings, {"size": 250}),
        (ColorizerSettings, {"size": 48}),
        (ColorizerSettings, {"size": 2048}),
        (ColorizerSettings, {"batch": -1}),
        (PaintSettings, {"saturation": -0.1}),
        (PaintSettings, {"saturation": 4.1}),
        (InputSettings, {"start": -1}),
        (InputSettings, {"start": 5, "end": 5}),
        (InputSettings, {"end": 0}),
        (InputSettings, {"max_pixels": 0}),
    ],
)
def test_settings_out_of_range(kind: type, fields: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as caught:
        kind(**fields)
    assert isinstance(caught.value, ValueError)
