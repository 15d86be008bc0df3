"""Sheets: where cells are, what is printed, how much fits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vidcolor.errors import SettingsError
from vidcolor.preview.contact_sheet import (
    GAP,
    GROUND,
    LINE,
    MARGIN,
    MAX_SIDE,
    MIN_CELL,
    ROOMY,
    WIDTH,
    Sheet,
    cell_width,
    columns_for,
    drawable,
    fit_text,
    font,
    join_pictures,
    picture_size,
    sheet_size,
)


def plain(width: int, height: int, value: int) -> Tensor:
    return torch.full((3, height, width), value, dtype=torch.uint8)


def test_cells_stand_in_rows() -> None:
    sheet = Sheet((200, 100), 3, 2, ("film.mp4", "facts"))
    for index in range(6):
        sheet.put(index, plain(200, 100, 30 + 20 * index), "")
    picture = sheet.tensor()
    assert (picture.shape[2], picture.shape[1]) == sheet.size
    assert sheet.size[0] == 2 * MARGIN + 3 * 200 + 2 * GAP
    for index in range(6):
        x, y = sheet.place(index)
        row, column = divmod(index, 3)
        assert x == MARGIN + column * (200 + GAP)
        assert y == sheet.place(0)[1] + row * (100 + GAP)
        assert (picture[:, y : y + 100, x : x + 200] == 30 + 20 * index).all()
        ground = picture[:, y : y + 100, x + 200 : x + 200 + GAP].flatten(1)
        assert torch.equal(ground.amax(1), torch.tensor(GROUND, dtype=torch.uint8))
    assert sheet.place(5)[1] + 100 + MARGIN == sheet.size[1]


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_time_can_be_read_on_any_picture(value: int) -> None:
    sheet = Sheet((400, 200), 1, 1, ("n", "f"))
    sheet.put(0, plain(400, 200, value), "0:10:05.123")
    x, y = sheet.place(0)
    cell = sheet.tensor()[:, y : y + 200, x : x + 400].float()
    changed = (cell[0] != value).nonzero()
    low, high = changed.amin(0), changed.amax(0)
    assert low[0] > 160  # at the bottom
    assert high[0] <= 199
    assert high[1] < 200  # at the left
    plate = cell[0, int(low[0]) : int(high[0]) + 1, int(low[1]) : int(high[1]) + 1]
    assert plate.max() > 220
    assert plate.quantile(0.3) < 80  # letters stand out by 140 codes and more
    assert (cell[0, :150] == value).all()


def test_other_times_look_different() -> None:
    pictures = []
    for text in ("0:01.000", "0:02.000"):
        sheet = Sheet((300, 150), 1, 1, ("n", "f"))
        sheet.put(0, plain(300, 150, 90), text)
        pictures.append(sheet.tensor())
    assert not torch.equal(*pictures)


def test_columns_have_titles() -> None:
    sheet = Sheet((160, 90), 2, 1, ("n", "f"), ["saturation 1", "saturation 1.3, weights mini"])
    top = sheet.place(0)[1]
    picture = sheet.tensor()[0].int()
    lettering = picture[top - 40 : top] > 100
    assert lettering[:, MARGIN : MARGIN + 160].any()
    assert lettering[:, MARGIN + 160 + GAP :].any()
    assert not lettering[:, : MARGIN - 1].any()
    assert top > Sheet((160, 90), 2, 1, ("n", "f"), ["a", "b"]).place(0)[1]  # in two lines
    assert Sheet((160, 90), 2, 1, ("n", "f")).place(0)[1] < top - 20


NAMES = [
    "film.mp4",
    "Чаплин 映画 🎬 עברית.mkv",
    "?\N{REPLACEMENT CHARACTER}",
    "a" * 5000,
    "",
    "e\u0301\u200d\u202e\uffff",
    " ",
    "-",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [20, 160, 900])
def test_any_name_can_be_drawn(name: str, width: int) -> None:
    sheet = Sheet((width, 40), 1, 1, (name, "640x480 and so on"), [name])
    sheet.put(0, plain(width, 40, 90), name)
    x, y = sheet.place(0)
    picture = sheet.tensor()
    assert (picture[:, y : y + 40, x + width :] <= max(GROUND)).all()  # nothing runs out of it
    assert (picture[:, :, -MARGIN:] <= max(GROUND)).all()


def test_long_names_keep_their_ends() -> None:
    text = "The_World_in_Pictures_reel_27_restored_from_nitrate.mp4"
    short, face = fit_text(text, 22, 300)
    assert 200 < face.getlength(short) <= 300
    assert short.startswith("The_W")
    assert short.endswith(".mp4")
    assert "..." in short
    assert fit_text(text, 22, 3000)[0] == text
    assert fit_text(text, 22, 2)[0] == ""


def test_letters_that_no_font_has() -> None:
    assert drawable("cafe\uffff", font(20, "x")) == "cafe?"


def test_split_shows_both_halves() -> None:
    both = join_pictures(plain(101, 60, 10), plain(101, 60, 200), "split")
    assert both.shape == (3, 60, 101)
    assert (both[:, :, :50] == 10).all()
    assert both[:, 30, 50].tolist() == list(LINE)
    assert (both[:, :, 51:] == 200).all()


def test_side_shows_both_whole() -> None:
    both = join_pictures(plain(100, 60, 10), plain(100, 60, 200), "side")
    assert both.shape == (3, 60, cell_width(100, "side"))
    assert (both[:, :, :100] == 10).all()
    assert (both[:, :, -100:] == 200).all()
    assert torch.equal(join_pictures(plain(9, 9, 1), plain(9, 9, 2), "after"), plain(9, 9, 2))


@pytest.mark.parametrize("look", ["split", "side", "after"])
@pytest.mark.parametrize("screen", [(640, 480), (3840, 2160), (1080, 1920), (96, 64)])
def test_pictures_fill_the_sheet(look: str, screen: tuple[int, int]) -> None:
    width, height = picture_size(screen, 4, look)  # type: ignore[arg-type]
    assert width <= screen[0]
    assert height <= screen[1]
    assert width / height == pytest.approx(screen[0] / screen[1], rel=0.02)
    across = sheet_size((cell_width(width, look), height), 4, 4)[0]  # type: ignore[arg-type]
    assert across <= WIDTH
    if min(screen) > 480 and screen[0] > screen[1]:
        assert across > WIDTH - 20


def test_pictures_do_not_get_smaller_than_can_be_seen() -> None:
    assert picture_size((640, 480), 100, "split")[0] == MIN_CELL


def test_very_many_pictures_get_smaller_and_then_are_left_out() -> None:
    screen = (640, 360)
    assert columns_for(3, screen, "split") == (3, pytest.approx(800, abs=800))
    last = 0
    for count in (10, 500, 2000, 3000):
        columns, most = columns_for(count, screen, "split")
        assert most >= count
        width, height = picture_size(screen, columns, "split")
        size = sheet_size((width, height), columns, -(-count // columns))
        assert size[1] <= MAX_SIDE
        assert size[0] * size[1] <= ROOMY
        assert columns >= last
        last = columns
    columns, most = columns_for(100_000, screen, "split")
    assert 2500 < most < 100_000
    width, height = picture_size(screen, columns, "split")
    assert width >= MIN_CELL
    rows = most // columns
    size = sheet_size((width, height), columns, rows)
    assert size[0] * size[1] <= ROOMY
    assert size[1] <= MAX_SIDE
    assert columns_for(100_000, screen, "side")[1] < most


def test_the_columns_that_are_asked_for() -> None:
    assert columns_for(50, (640, 360), "split", 5)[0] == 5
    assert columns_for(3, (640, 360), "split", 5)[0] == 3


@pytest.mark.parametrize("grid", [(100, 1), (1, 800), (40, 120)])
def test_too_large_a_sheet_is_refused(grid: tuple[int, int]) -> None:
    with pytest.raises(SettingsError, match="fewer frames"):
        Sheet((1000, 100), *grid, ("n", "f"))
