"""Marks of hints: where they are, and that they are seen on any picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vidcolor.guidance.entries import Hint, SheetContent
from vidcolor.preview.hint_marks import draw_marks

H, W = 90, 160


def draw(hint: Hint, value: int = 128, height: int = H, width: int = W) -> Tensor:
    picture = torch.full((3, height, width), value, dtype=torch.uint8)
    drawn = draw_marks(picture, [hint], SheetContent().resolve)
    assert (picture == value).all(), "the picture itself stays"
    return drawn


def has(picture: Tensor, color: tuple[int, int, int], y: int, x: int) -> bool:
    return picture[:, y, x].tolist() == list(color)


@pytest.mark.parametrize("value", [0, 20, 128, 235, 255])
def test_a_point_is_a_dot_of_its_color_with_edges_that_are_seen(value: int) -> None:
    drawn = draw(Hint(point=(0.25, 0.5), color="navy"), value)
    assert has(drawn, (0, 0, 128), 45, 40)
    changed = (drawn != value).any(0).nonzero()
    assert (changed.amin(0) >= torch.tensor([38, 33])).all()
    assert (changed.amax(0) <= torch.tensor([52, 47])).all()
    middle = drawn[0, 45, 30:41].int()
    assert (middle - value).abs().max() > 90, "an edge is far from the picture"
    assert middle.max() > 200
    assert middle.min() < 60


def test_the_color_of_a_thing_is_seen_within_a_large_point() -> None:
    drawn = draw(Hint(point=(0.5, 0.5), color="red", size=0.5))
    assert has(drawn, (128, 128, 128), 45, 80)
    radius = round(0.25 * H)
    assert has(drawn, (255, 0, 0), 45, 80 + radius - 1)
    assert has(drawn, (255, 0, 0), 45 - radius, 80)


def test_a_stroke_is_a_line_and_an_area_an_outline() -> None:
    line = draw(Hint(stroke=((0.1, 0.2), (0.9, 0.2)), color="lime"))
    assert all(has(line, (0, 255, 0), 18, x) for x in range(16, 144))
    assert (line[:, 30:] == 128).all()
    area = draw(Hint(polygon=((0.25, 0.2), (0.75, 0.2), (0.75, 0.8), (0.25, 0.8)), color="lime"))
    for y, x in ((18, 80), (72, 80), (45, 40), (45, 120)):
        assert has(area, (0, 255, 0), y, x)
    assert (area[:, 30:60, 60:100] == 128).all()


def test_what_keeps_its_color_is_seen_through_its_mark() -> None:
    drawn = draw(Hint(point=(0.5, 0.5), color="auto"), 77)
    assert has(drawn, (77, 77, 77), 45, 80)
    assert (drawn != 77).any()


@pytest.mark.parametrize("place", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
def test_a_mark_at_the_border_is_cut(place: tuple[float, float]) -> None:
    drawn = draw(Hint(point=place, color="red"))
    assert has(drawn, (255, 0, 0), round(place[1] * (H - 1)), round(place[0] * (W - 1)))


def test_marks_grow_with_the_picture() -> None:
    hint = Hint(point=(0.5, 0.5), color="red")
    small, large = draw(hint, height=360, width=640), draw(hint, height=1080, width=1920)
    count = [int((one != 128).any(0).sum()) for one in (small, large)]
    assert count[1] == pytest.approx(9 * count[0], rel=0.15)
