from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from synthetic import make_frame, make_layout, texture
from torch import Tensor

from vidcolor.core.frames import Frame
from vidcolor.errors import SettingsError
from vidcolor.settings import TitleSettings
from vidcolor.shots.lettering import ROWS, looks_like_a_card, picture_area
from vidcolor.shots.titles import AHEAD, at_rows, contrast_of, judged_alone, mark_titles, ramp

H, W = 288, 384
LINES = ("The next morning", "the tramp wakes", "up in a strange", "house by the sea")


def lettering(words: Sequence[str] = LINES, scale: float = 1.0) -> Tensor:
    """``(H, W)`` ink 0..1 of lines in the middle."""
    canvas = np.zeros((H, W), np.uint8)
    for row, line in enumerate(words):
        (wide, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, scale, 2)
        place = (W - wide) // 2, int(H / 2 + (row - len(words) / 2 + 0.8) * 48 * scale)
        cv2.putText(canvas, line, place, cv2.FONT_HERSHEY_DUPLEX, scale, 255, 2, cv2.LINE_AA)
    return torch.from_numpy(canvas) / 255


def card(ground: float = 0.05, ink: float = 0.9, words: Sequence[str] = LINES) -> Tensor:
    return torch.lerp(torch.tensor(ground), torch.tensor(ink), lettering(words))


def picture(seed: int = 1) -> Tensor:
    return texture(seed, H, W)


def grained(pictures: Sequence[Tensor], seed: int = 3) -> list[Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [(one + 0.02 * torch.randn(one.shape, generator=draw)).clamp(0, 1) for one in pictures]


def film(pictures: Sequence[Tensor], **fields: Any) -> Iterator[Frame]:
    """One shot."""
    for pts, one in enumerate(pictures):
        yield make_frame(one, pts=pts, starts_shot=pts == 0, **fields)


def marked(pictures: Sequence[Tensor], cards: str = "auto") -> list[Frame]:
    return list(mark_titles(film(pictures), TitleSettings(cards)))


def shares(pictures: Sequence[Tensor], cards: str = "auto") -> list[float]:
    return [frame.share if frame.share is not None else -1 for frame in marked(pictures, cards)]


def inside(one: Tensor, top: float = 0.0, side: float = 0.0, bar: float = 0.0) -> Tensor:
    """The picture between bars: shares of the height and the width on either side."""
    y, x = round(top * H), round(side * W)
    canvas = torch.full((H, W), bar)
    small = torch.nn.functional.interpolate(one[None, None], (H - 2 * y, W - 2 * x), mode="area")[
        0, 0
    ]
    canvas[y : H - y, x : W - x] = small
    return canvas


def round_gate(one: Tensor) -> Tensor:
    mask = np.zeros((H, W), np.uint8)
    cv2.ellipse(mask, (W // 2, H // 2), (W // 2 - 8, H // 2 - 8), 0, 0, 360, 255, -1)
    return one * torch.from_numpy(cv2.GaussianBlur(mask, (0, 0), 3)) / 255


BARS = {
    "none": {},
    "pillars": {"side": 0.16},
    "letterbox": {"top": 0.14},
    "window": {"top": 0.12, "side": 0.15},
    "gray bars": {"side": 0.14, "bar": 0.1},
}

CARDS = {
    "white on black": card(),
    "black on white": card(0.92, 0.08),
    "gray on gray": card(0.35, 0.7),
    "faint": card(0.06, 0.28),
    "one word": card(words=["THE END"]),
    "shaded": card(0.4, 0.95) * torch.linspace(0.4, 1, W)[None],
}


@pytest.mark.parametrize("bars", BARS, ids=str)
@pytest.mark.parametrize("kind", CARDS, ids=str)
def test_a_card_is_left_gray(kind: str, bars: str) -> None:
    frames = marked(grained([inside(CARDS[kind], **BARS[bars])] * 8))
    assert [(frame.share, frame.neutral) for frame in frames] == [(0, "title")] * 8


@pytest.mark.parametrize("bars", BARS, ids=str)
@pytest.mark.parametrize("dark", [1.0, 2.5, 4.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_picture_is_not_however_dark(bars: str, dark: float, seed: int) -> None:
    shot = grained([inside(picture(seed) ** dark, **BARS[bars])] * 8)
    assert shares(shot) == [1] * 8


def night() -> Tensor:
    """Lamps and lit windows before black, a little to be seen between."""
    canvas = (0.15 * picture(5)).numpy()
    for place in range(14):
        x, y = 25 * place + 12, 60 + (place * 37) % 150
        cv2.circle(canvas, (x, y), 3 + place % 4, 0.95, -1)
    return torch.from_numpy(canvas)


def foggy() -> Tensor:
    return 0.55 + 0.12 * (picture(7) - 0.5)


def spot() -> Tensor:
    y, x = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
    return picture(9) * ((x * x + y * y) < 0.2)


def superimposed() -> Tensor:
    return torch.lerp(0.6 * picture(11), torch.tensor(0.95), lettering(["THE END"]))


@pytest.mark.parametrize(
    "scene", [night, foggy, spot, superimposed], ids=lambda made: made.__name__
)
def test_what_looks_like_a_card_and_is_none(scene: Any) -> None:
    assert shares(grained([scene()] * 8)) == [1] * 8


def test_a_card_in_a_round_gate() -> None:
    for one in (card(0.85, 0.1), card(0.3, 0.95)):
        assert shares(grained([round_gate(one)] * 4)) == [0] * 4
    assert shares(grained([round_gate(picture())] * 4)) == [1] * 4


def test_a_card_that_moves() -> None:
    shot = [card().roll((round(6 * np.sin(n)), 2 * n), (0, 1)) for n in range(16)]
    assert shares(grained(shot)) == [0] * 16


@pytest.mark.parametrize("level", [0.0, 0.5, 0.97])
def test_leader_with_dust_is_left_gray(level: float) -> None:
    draw = torch.Generator().manual_seed(1)
    shot = grained([torch.full((H, W), level)] * 20)
    for one in shot:
        for _ in range(5):
            y, x = (int(torch.randint(4, side - 8, (), generator=draw)) for side in (H, W))
            one[y : y + 4, x : x + 4] = 1 - round(level)
    assert [frame.neutral for frame in marked(shot)] == ["blank"] * 20


@pytest.mark.parametrize("length", [12, 30])
def test_color_follows_a_fade_in_and_out(length: int) -> None:
    up = [picture() * n / length for n in range(length)]
    found = shares(grained([torch.zeros(H, W)] * 5 + up + [picture()] * 20 + up[::-1], 4))
    steps = np.diff(found)
    assert found[0] == found[-1] == 0
    assert found[length + 16 : length + 24] == [1] * 8
    assert abs(steps).max() < 20 / length
    rise, fall = np.diff(found[: length + 25]), np.diff(found[length + 24 :])
    assert rise.min() > -0.05, "it comes and goes"
    assert fall.max() < 0.05


@pytest.mark.parametrize("length", [12, 30])
def test_a_card_that_fades_in_stays_gray(length: int) -> None:
    shot = [card() * n / length for n in range(length)] + [card()] * 20
    assert shares(grained(shot)) == [0] * (length + 20)


def test_a_flash_changes_nothing() -> None:
    shot = grained([picture()] * 9 + [torch.ones(H, W)] + [picture()] * 10)
    frames = list(film(shot))
    frames[9].outlier = True
    found = mark_titles(iter(frames), TitleSettings())
    assert [frame.share for frame in found] == [1] * 20


def test_a_card_that_dissolves_into_a_picture_gets_color_once() -> None:
    mixed = [torch.lerp(card(), picture(), torch.tensor(n / 24)) for n in range(25)]
    found = shares(grained([card()] * 30 + mixed + [picture()] * 40))
    assert found[:20] == [0] * 20
    assert found[-10:] == [1] * 10
    assert np.diff(found).min() >= 0
    assert np.diff(found).max() < 0.1


def test_words_over_a_picture_later_take_nothing_away() -> None:
    over = torch.lerp(picture(), torch.tensor(0.95), lettering())
    assert shares(grained([picture()] * 30 + [over] * 40)) == [1] * 70


def test_a_shot_keeps_its_judgement() -> None:
    # Night falls: what was judged in the light is not judged again in the dark.
    dusk = [picture(2) * max(0.2, 1 - n / 40) for n in range(80)]
    assert min(shares(grained(dusk))) == 1


def test_each_shot_is_judged_by_itself() -> None:
    shot = grained([card()] * 7 + [picture()] * 7 + [card(0.9, 0.1)] * 7)
    frames = [make_frame(one, pts=n, starts_shot=n % 7 == 0) for n, one in enumerate(shot)]
    found = [frame.share for frame in mark_titles(iter(frames), TitleSettings())]
    assert found == [0] * 7 + [1] * 7 + [0] * 7


def test_what_is_asked_for_is_done() -> None:
    assert shares([card()] * 4, "color") == [1] * 4
    assert shares([card()] * 4, "keep") == [0] * 4
    assert shares([picture()] * 4, "keep") == [1] * 4
    assert [frame.neutral for frame in marked([torch.zeros(H, W)] * 4, "color")] == ["blank"] * 4
    with pytest.raises(SettingsError, match="--titles"):
        TitleSettings("never")


def test_it_holds_few_frames() -> None:
    alive = 0

    def counted() -> Iterator[Frame]:
        nonlocal alive
        for frame in film([picture()] * 60):
            alive += 1
            yield frame

    for done, _ in enumerate(mark_titles(counted(), TitleSettings()), 1):
        assert alive - done <= AHEAD


def test_the_judgement_does_not_depend_on_how_frames_are_stored() -> None:
    for layout in (
        make_layout(10),
        make_layout(16, (0, 0), full_range=True),
        make_layout(8, (1, 1), full_range=True),
    ):
        one, other = (judged_alone(make_frame(some, layout)) for some in (card(), picture()))
        assert (one.share, other.share) == (0, 1)


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (2, 400), (17, 23), (1200, 1600)])
def test_pictures_of_any_size_are_judged(size: tuple[int, int]) -> None:
    frame = judged_alone(make_frame(texture(1, *size)))
    assert frame.share is not None
    assert 0 <= frame.share <= 1


def test_bars_are_left_out() -> None:
    whole = at_rows(make_frame(inside(0.3 + 0.5 * picture(), side=0.15)), ROWS)
    area = picture_area(whole)
    assert area is not None
    left, right = np.flatnonzero(area.any(0))[[0, -1]]
    assert abs(left - 0.15 * W) <= 8
    assert abs(right - 0.85 * W) <= 8
    assert picture_area(at_rows(make_frame(card()), ROWS)) is None
    assert picture_area(at_rows(make_frame(0.3 + 0.5 * picture()), ROWS)) is None


def test_contrast_of_fog_between_bars_is_that_of_the_fog() -> None:
    frame = make_frame(inside(foggy(), side=0.15))
    small = at_rows(frame, 72)
    area = picture_area(small)
    assert contrast_of(small, area) < 40 < contrast_of(small, None)


def test_the_odds_tell_cards_from_pictures() -> None:
    odds = [looks_like_a_card(at_rows(make_frame(one), ROWS), None) for one in (card(), picture())]
    assert odds[0] > 2
    assert odds[1] < -2


def test_ramp() -> None:
    assert [ramp(v, 1.0, 3.0) for v in (0.0, 1.0, 2.0, 3.0, 9.0)] == [0, 0, 0.5, 1, 1]


def test_a_dim_picture_that_grows_clearer_is_no_fade() -> None:
    shot = [0.5 + (0.08 + 0.004 * n) * (picture(7) - 0.5) for n in range(30)]
    assert shares(grained(shot)) == [1] * 30
