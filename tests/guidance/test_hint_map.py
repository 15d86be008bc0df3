"""Which samples a hint covers, and what it says of them."""

from __future__ import annotations

import pytest
import torch
from hinted import ab_of

from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import Hint, Point, SheetContent
from vidcolor.guidance.hint_map import cover, draw_hints

H, W = 24, 40
SHEET = SheetContent(saved={"coat": "#27324f"})


def samples(hint: Hint, height: int = H, width: int = W) -> set[tuple[int, int]]:
    """(y, x) of what is covered."""
    return {(y, x) for y, x in cover(hint, height, width).nonzero().tolist()}


def test_a_point_covers_a_disk_of_its_size() -> None:
    mask = cover(Hint(point=(0.5, 0.5), size=0.5), H, W)
    y, x = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    distance = torch.hypot(x - W / 2, y - H / 2)
    assert mask[distance < H / 4 - 0.7].all()
    assert not mask[distance > H / 4 + 0.7].any()
    assert int(mask.sum()) == pytest.approx(3.14159 * (H / 4) ** 2, rel=0.05)


@pytest.mark.parametrize(
    ("point", "sample"),
    [
        ((0.0, 0.0), (0, 0)),
        ((1.0, 1.0), (H - 1, W - 1)),
        ((1.0, 0.0), (0, W - 1)),
        ((0.5, 0.25), (6, 20)),
        ((0.999, 0.5), (12, W - 1)),
    ],
)
def test_the_smallest_point_covers_the_sample_that_it_lies_in(
    point: Point, sample: tuple[int, int]
) -> None:
    assert samples(Hint(point=point, size=1e-4)) == {sample}


def test_a_point_at_the_edge_covers_no_more_than_the_picture_has() -> None:
    found = samples(Hint(point=(0.0, 0.5), size=0.5))
    assert found
    assert max(x for _, x in found) < H / 4 + 1


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1)])
def test_pictures_of_one_sample_in_a_direction(size: tuple[int, int]) -> None:
    for hint in (
        Hint(point=(1.0, 1.0)),
        Hint(stroke=((0, 0), (1, 1))),
        Hint(polygon=((0, 0), (1, 0), (1, 1))),
    ):
        mask = cover(hint, *size)
        assert mask.shape == size
        assert mask.any()


def test_a_stroke_covers_its_line_and_no_more_than_its_width() -> None:
    mask = cover(Hint(stroke=((0.1, 0.25), (0.9, 0.25), (0.9, 0.9)), size=3 / H), H, W)
    assert mask[5:7, 4:36].all()
    assert mask[6:21, 35:37].all()
    assert not mask[9:, :34].any()
    assert not mask[:4].any()


@pytest.mark.parametrize("width", [1e-4, 0.005, 0.02])
@pytest.mark.parametrize(
    "stroke",
    [
        ((0.1, 0.27), (0.9, 0.27)),
        ((0.1, 0.25), (0.9, 0.25)),
        ((0.5, 0.05), (0.5, 0.95)),
        ((0.1, 0.1), (0.9, 0.9)),
    ],
)
def test_a_thin_stroke_is_drawn_from_its_first_point_to_its_last(
    stroke: tuple[Point, Point], width: float
) -> None:
    mask = cover(Hint(stroke=stroke, size=width), H, W)
    (x1, y1), (x2, y2) = stroke
    for part in torch.linspace(0, 1, 50).tolist():
        x, y = (x1 + (x2 - x1) * part) * W, (y1 + (y2 - y1) * part) * H
        around = mask[max(0, int(y) - 1) : int(y) + 2, max(0, int(x) - 1) : int(x) + 2]
        assert around.any(), f"nothing near {x:.1f}, {y:.1f}"


def test_a_stroke_of_one_place_is_a_point() -> None:
    twice = Hint(stroke=((0.4, 0.4), (0.4, 0.4)), size=0.3)
    assert samples(twice) == samples(Hint(point=(0.4, 0.4), size=0.3))


def test_a_polygon_covers_what_it_encloses() -> None:
    mask = cover(Hint(polygon=((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))), H, W)
    expected = torch.zeros(H, W, dtype=torch.bool)
    expected[6:18, 10:30] = True
    assert torch.equal(mask, expected)


def test_a_polygon_with_a_notch_leaves_the_notch_out() -> None:
    notched = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.25), (0.0, 1.0))
    mask = cover(Hint(polygon=notched), H, W)
    assert mask[1, 1]
    assert mask[1, -2]
    assert mask[H // 2, 1]
    assert not mask[H - 4, W // 2]


def test_a_polygon_smaller_than_a_sample_covers_one() -> None:
    tiny = Hint(polygon=((0.51, 0.51), (0.511, 0.51), (0.511, 0.511)))
    assert samples(tiny) == {(12, 20)}


def test_a_later_hint_lies_over_an_earlier_one() -> None:
    below = Hint(polygon=((0, 0), (1, 0), (1, 1), (0, 1)), color="red")
    above = Hint(point=(0.5, 0.5), color="@coat", size=0.3)
    drawn = draw_hints([below, above], SHEET.resolve, torch.zeros(2, H, W))
    mask = cover(above, H, W)
    assert (drawn[2] == 1).all()
    torch.testing.assert_close(drawn[:2, mask], ab_of("#27324f")[:, 0].expand(2, int(mask.sum())))
    assert torch.equal(drawn[:2, ~mask], ab_of("red")[:, 0].expand(2, int((~mask).sum())))
    turned = draw_hints([above, below], SHEET.resolve, torch.zeros(2, H, W))
    assert torch.equal(turned[:2], ab_of("red").expand(2, H, W))


def test_auto_keeps_the_automatic_color_and_gray_is_gray() -> None:
    ab = torch.randn(2, H, W)
    left = Hint(polygon=((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    right = Hint(point=(0.9, 0.5), color="gray")
    drawn = draw_hints([left, right], SHEET.resolve, ab)
    assert torch.equal(drawn[:2, :, : W // 2], ab[..., : W // 2])
    assert not drawn[:2, 12, 36].any()
    assert drawn[2, 12, 36] == 1


def test_nothing_said_is_nothing_drawn() -> None:
    assert not draw_hints([], SHEET.resolve, torch.randn(2, H, W)).any()


def test_a_color_that_is_not_saved_is_refused() -> None:
    with pytest.raises(SettingsError, match="no saved color @hat"):
        draw_hints([Hint(point=(0, 0), color="@hat")], SHEET.resolve, torch.zeros(2, H, W))


@pytest.mark.parametrize(
    "hint",
    [
        Hint(point=(1.0, 1.0), size=1e-9),
        Hint(stroke=((1.0, 0.2), (1.0, 1.0)), size=1e-9),
        Hint(polygon=((1.0, 1.0), (0.9, 1.0), (0.95, 1.0))),
        Hint(polygon=((1.0, 0.4), (1.0, 0.9), (1.0, 0.5))),
    ],
)
def test_a_hint_on_the_edge_itself_covers_some_of_the_last_samples(hint: Hint) -> None:
    found = samples(hint, 256, 344)
    assert found
    assert all(y == 255 or x == 343 for y, x in found)


@pytest.mark.parametrize("place", [(0.3, 0.7), (0.0, 1.0), (0.999, 0.02)])
def test_a_hint_covers_the_same_samples_wherever_the_rest_of_it_ends(place: Point) -> None:
    near = cover(Hint(point=place, size=0.2), H, W)
    for end in ((0.0, 0.0), (1.0, 1.0)):
        line = cover(Hint(stroke=(place, end), size=0.2), H, W)
        assert (line | ~near).all(), "a stroke covers the disk that it begins with"
    assert cover(Hint(polygon=((0, 0), (1, 0), (1, 1), (0, 1))), H, W).all()
