"""What a sheet says of a frame, a shot and a part of a video."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from synthetic import make_frame

from vidcolor.core.frames import Dials
from vidcolor.guidance.plan import Guidance, ShotRange, mark_dials
from vidcolor.guidance.types import ColorSheet, Hint, Reference, Stretch

F = Fraction
PAL = Fraction(25)


def plan(*stretches: Stretch, rate: Fraction | None = PAL) -> Guidance:
    return Guidance(ColorSheet(stretches=stretches), rate)


def test_of_stretches_that_overlap_the_later_one_in_the_sheet_decides_dial_by_dial() -> None:
    said = plan(
        Stretch(F(1), F(5), vivid=0.2, saturation=0.5),
        Stretch(F(2), F(3), vivid=0.9),
        Stretch(F(0), None, smooth=0.4),
    )
    assert said.dials_at(F(1)) == Dials(vivid=0.2, saturation=0.5, smooth=0.4)
    assert said.dials_at(F(2)) == Dials(vivid=0.9, saturation=0.5, smooth=0.4)
    assert said.dials_at(F(3)) == Dials(vivid=0.2, saturation=0.5, smooth=0.4)
    assert said.dials_at(F(5)) == said.dials_at(F(0)) == Dials(smooth=0.4)


@pytest.mark.parametrize(
    ("rate", "early", "before"),
    [
        (PAL, F(1, 1000), F(1, 25)),
        (F(24000, 1001), F(1, 2000), F(1001, 24000)),
        (F(60), F(1, 1000), F(1, 60)),
        (None, F(1, 2000), F(1, 60)),
        (F(1), F(1, 100), F(1, 10)),
    ],
)
def test_a_time_that_a_container_rounded_belongs_where_the_exact_one_does(
    rate: Fraction | None, early: Fraction, before: Fraction
) -> None:
    said = plan(Stretch(F(10), F(20), vivid=0.9), rate=rate)
    for shift in (early, F(0), -early):
        assert said.dials_at(F(10) - shift).vivid == 0.9
        assert said.dials_at(F(20) - shift).vivid is None
    assert said.dials_at(F(10) - before).vivid is None
    assert said.dials_at(F(20) - before).vivid == 0.9


def test_a_part_of_a_video_has_the_dials_of_its_frames_and_no_others() -> None:
    said = plan(Stretch(F(2), F(4), vivid=0.9), Stretch(F(6), None, vivid=0.1))
    frames = [F(n, 25) for n in range(200)]
    for first, last in [(0, 30), (0, 49), (0, 50), (40, 120), (50, 99), (99, 100), (150, 199)]:
        borders = said.dials_within(frames[first], frames[last])
        for place in range(first, last + 1):
            begun = [dials for at, dials in borders if at is None or at <= frames[place]]
            assert begun[-1] == said.dials_at(frames[place]), (first, last, place)
        assert {dials for _, dials in borders} == {
            said.dials_at(frames[place]) for place in range(first, last + 1)
        }


SHOTS = (ShotRange(F(0), F(4)), ShotRange(F(4), F(6)), ShotRange(F(6), None))


def test_hints_and_references_belong_to_the_shot_of_their_frame() -> None:
    hints = [Hint(point=(0.5, 0.5), time=time) for time in (F(4) - F(1, 1000), F(1), F(4), F(9))]
    shown = Reference("a.png", time=F(5))
    look, short = Reference("b.png"), Reference("c.png", start=F(1), end=F(4))
    sheet = ColorSheet(hints=tuple(hints), references=(shown, look, short))
    said = Guidance(sheet, PAL).with_shots(SHOTS)
    assert said.needs_shots
    assert said.hints_of(SHOTS[0]) == (hints[1],)
    assert said.hints_of(SHOTS[1]) == (hints[0], hints[2])
    assert said.hints_of(SHOTS[2]) == (hints[3],)
    assert said.references_of(SHOTS[0]) == (look, short)
    assert said.references_of(SHOTS[1]) == (shown, look)
    assert said.references_of(SHOTS[2]) == (look,)


def test_what_a_chunk_rests_on_are_whole_shots() -> None:
    said = Guidance(ColorSheet(), PAL, SHOTS)
    assert said.widen(F(1), F(3)) == (F(0), F(4))
    assert said.widen(F(4), F(7)) == (F(4), None)
    assert Guidance(ColorSheet(), PAL).widen(F(1), F(3)) == (F(1), F(3))


def test_frames_are_told_their_dials_by_their_time_in_the_source() -> None:
    said = plan(Stretch(F(10), None, saturation=2.0))
    frames = [make_frame(torch.full((4, 4), 0.5), pts=n, offset=F(248, 25)) for n in range(5)]
    found = [frame.dials.saturation for frame in mark_dials(frames, said)]
    assert found == [None, None, 2.0, 2.0, 2.0]
    assert [frame.moment >= F(10) for frame in frames] == [n >= 2 for n in range(5)]


def test_gray_is_kept_and_what_was_taken_for_a_card_is_colored() -> None:
    said = plan(Stretch(F(0), F(1), keep_gray=True), Stretch(F(1), F(2), keep_gray=False))
    marks = [
        (0, 0.7, "", 0.0, "asked"),
        (1, 0.0, "title", 0.0, "title"),
        (25, 0.0, "title", 1.0, ""),
        (26, 0.0, "blank", 0.0, "blank"),
        (27, 0.7, "", 0.7, ""),
        (50, 0.0, "title", 0.0, "title"),
    ]
    for pts, share, neutral, then, why in marks:
        frame = make_frame(torch.full((4, 4), 0.5), pts=pts, share=share, neutral=neutral)
        list(mark_dials([frame], said))
        assert (frame.share, frame.neutral) == (then, why), pts
