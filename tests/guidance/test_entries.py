"""The words of guidance check themselves: who writes Python gets the same errors."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vidcolor import ColorSheet, Hint, Palette, Reference, Stretch
from vidcolor.errors import ColorSheetError, SettingsError


@pytest.mark.parametrize(
    ("make", "words", "what"),
    [
        (Hint, {}, "a hint has no place"),
        (Hint, {"point": (0, 0), "polygon": ((0, 0), (1, 0), (1, 1))}, "both point and polygon"),
        (Hint, {"point": (0.5, 1.5)}, "outside the picture"),
        (Hint, {"point": (200, 300)}, "as shares of the width and the height"),
        (Hint, {"point": (math.nan, 0)}, "outside the picture"),
        (Hint, {"point": (1, 2, 3)}, "two numbers"),
        (Hint, {"stroke": ((0, 0),)}, "at least 2 points"),
        (Hint, {"point": (0, 0), "size": 0}, "covers nothing"),
        (Hint, {"point": (0, 0), "size": math.nan}, "outside 0 to 1"),
        (Hint, {"point": (0, 0), "color": "navvy"}, "did you mean"),
        (Hint, {"point": (0, 0), "color": (1, 2)}, "three of them"),
        (Hint, {"point": (0, 0), "time": -1}, "before the start"),
        (Hint, {"point": (0, 0), "time": math.inf}, "not a number of seconds"),
        (Reference, {"image": ""}, "has no image"),
        (Reference, {"image": np.zeros((4, 4), np.uint8)}, "is no image"),
        (Reference, {"image": np.zeros((4, 4, 3))}, "is no image"),
        (Reference, {"image": "a.png", "time": 1, "end": 2}, "either the frame at a time or"),
        (Reference, {"image": "a.png", "start": 2, "end": 2}, "later than from"),
        (Palette, {"colors": ()}, "made of colors"),
        (Palette, {"colors": ("auto",)}, "made of colors"),
        (Stretch, {"end": 0}, "later than from"),
        (Stretch, {"vivid": 2}, "vivid = 2 is outside 0 to 1"),
        (Stretch, {"saturation": math.nan}, "outside 0 to 4"),
        (ColorSheet, {"saved": {"a": "@b"}}, "saved a is not a color"),
        (ColorSheet, {"saved": {"a": "blu"}}, "did you mean"),
    ],
)
def test_what_cannot_be_is_refused(make: Any, words: dict[str, Any], what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        make(**words)


def test_words_are_brought_into_one_form() -> None:
    hint = Hint(point=[0, 1], color=[1, 2, 3], time=13.2)  # type: ignore[arg-type]
    assert hint == Hint((0.0, 1.0), (1, 2, 3), time=Fraction(66, 5))
    assert Hint((0, 0), " AUTO ").color == "auto"
    assert hint == Hint((0.0, 1.0), (1, 2, 3), time=Fraction(66, 5), line=7)


def test_errors_travel_between_processes() -> None:
    error = ColorSheetError("film.colors.toml:3: what; do")
    error.line = 3
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line) == (str(error), 3)
    assert isinstance(again, SettingsError)
