from __future__ import annotations

import pytest
import torch
from PIL import ImageColor

from vidcolor.color.css_names import CSS_NAMES
from vidcolor.color.lab import rgb_to_lab
from vidcolor.color.parse import color_ab, parse_color, write_color


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("#27324f", (39, 50, 79)),
        ("#27324F", (39, 50, 79)),
        ("#abc", (170, 187, 204)),
        ("navy", (0, 0, 128)),
        (" DarkSlateGrey ", (47, 79, 79)),
        ((1, 2, 3), (1, 2, 3)),
        ([255, 0, 0], (255, 0, 0)),
    ],
)
def test_colors_are_read(text: str | tuple[int, ...], rgb: tuple[int, int, int]) -> None:
    assert parse_color(text) == rgb


def test_names_are_those_of_css() -> None:
    names = list(ImageColor.colormap)
    assert {name: ImageColor.getrgb(name) for name in names} == {
        name: ImageColor.getrgb(code) for name, code in CSS_NAMES.items()
    }
    assert len(CSS_NAMES) == 148
    assert all(parse_color(name) for name in CSS_NAMES)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("navvy", 'did you mean "navy"'),
        ("dark blue", 'did you mean "darkblue"'),
        ("27324f", 'write "#27324f"'),
        ("#27324", "CSS name"),
        ("#27324f80", "CSS name"),
        ("", "CSS name"),
        ((1, 2), "three of them"),
        ((1, 2, 256), "0 to 255"),
        ((1, 2, 0.5), "0 to 255"),
        ((1, 2, float("inf")), "0 to 255"),
        (("a", 2, 3), "0 to 255"),
    ],
)
def test_what_is_no_color_gets_advice(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        parse_color(text)


def test_numbers_are_written_as_a_code() -> None:
    assert write_color((39, 50, 79)) == "#27324f"
    assert write_color("navy") == "navy"


@pytest.mark.parametrize("color", ["gray", "grey", "white", "black", "#123123"])
def test_only_gray_has_no_hue(color: str) -> None:
    gray = color != "#123123"
    assert (color_ab(color) == (0.0, 0.0)) is gray


def test_ab_is_that_of_the_project() -> None:
    rgb = torch.tensor([39, 50, 79]).view(3, 1, 1) / 255
    expected = rgb_to_lab(rgb)[1:].flatten()
    torch.testing.assert_close(torch.tensor(color_ab("#27324f")), expected, atol=1e-3, rtol=0)


def test_a_color_is_weaker_where_the_picture_is_too_light() -> None:
    a, b = color_ab("blue")
    weak = color_ab("blue", 90.0)
    assert weak[0] / weak[1] == pytest.approx(a / b)
    assert 0 < weak[0] < a / 3
    assert color_ab("blue", 32.3) == pytest.approx((a, b), abs=0.1)
