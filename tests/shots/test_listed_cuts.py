"""Cuts that the user gives: nothing else starts a shot."""

from __future__ import annotations

from fractions import Fraction

import pytest
from test_detector import film, moving, scene

from vidcolor.errors import SettingsError
from vidcolor.settings import ShotSettings
from vidcolor.shots.detector import detect_shots, mark_shots

F = Fraction


def marked(pictures: list, cuts: list[Fraction]) -> tuple[list[int], list[int]]:
    """Frames that start a shot, and flashes, of frames of 1/24 s."""
    frames = film(pictures)
    for frame in frames:
        frame.time_base, frame.duration = F(1, 24), 1
    found = list(mark_shots(frames, ShotSettings(cuts=tuple(cuts))))
    assert [frame.pts for frame in found] == list(range(len(pictures)))
    starts = [frame.pts for frame in found if frame.starts_shot]
    return starts, [frame.pts for frame in found if frame.outlier]


def test_cuts_are_where_the_list_has_them() -> None:
    pictures = [*scene(1, 20), *scene(2, 20)]
    assert marked(pictures, [F(5, 24), F(30, 24)]) == ([0, 5, 30], [])
    assert marked(pictures, []) == ([0], [])


def test_a_shot_may_have_one_frame() -> None:
    pictures = [*scene(1, 10), *scene(2, 1), *scene(1, 10)]
    assert marked(pictures, []) == ([0], [10])
    assert marked(pictures, [F(10, 24), F(11, 24)]) == ([0, 10, 11], [])


def test_flashes_are_found_still() -> None:
    pictures = [*moving(1, 30), *moving(2, 30)]
    pictures[12] = pictures[12] * 0 + 1
    assert marked(pictures, [F(30, 24)]) == ([0, 30], [12])
    assert marked(pictures, [F(12, 24), F(30, 24)]) == ([0, 12, 30], [])


@pytest.mark.parametrize(
    ("cut", "frame"),
    [
        (F(10, 24), 10),
        (F(10, 24) + F(1, 2000), 10),
        (F(10, 24) - F(1, 2000), 10),
        (F(10, 24) + F(1, 60), 10),
        (F(10, 24) + F(1, 40), 11),
        (F(11, 24) - F(1, 100), 11),
        (F(0), 0),
        (F(99), None),
    ],
)
def test_a_cut_between_frames_is_that_of_the_next(cut: Fraction, frame: int | None) -> None:
    found = [0, frame] if frame else [0]
    assert marked(scene(1, 20), [cut]) == (found, [])


def test_a_long_frame_is_no_other_shot_before_its_end() -> None:
    frames = film(scene(1, 3))
    for frame, duration in zip(frames, (1, 240, 1), strict=True):
        frame.time_base, frame.duration = F(1, 24), duration
    frames[2].pts = 241
    (one, other) = detect_shots(frames, ShotSettings(cuts=(F(3),)))
    assert (one.frames, other.start) == (2, F(241, 24))


def test_cuts_are_in_order() -> None:
    assert ShotSettings(cuts=()).cuts == ()
    with pytest.raises(SettingsError, match="in order"):
        ShotSettings(cuts=(F(2), F(1)))
