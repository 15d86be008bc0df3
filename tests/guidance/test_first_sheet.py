"""The text of a first color sheet."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vidcolor.errors import SettingsError
from vidcolor.guidance.entries import Stretch
from vidcolor.guidance.first_sheet import SheetShot, bare_sheet, first_sheet
from vidcolor.guidance.sheet_file import MAX_ENTRIES, parse_sheet


@pytest.mark.parametrize("is_photo", [False, True])
def test_what_the_comments_show_is_a_sheet(is_photo: bool) -> None:
    text = first_sheet("it's.mp4", "it's.colors.toml", (), is_photo=is_photo)
    shown = [line[4:] for line in text.splitlines() if line.startswith("#   ")]
    entries = "\n".join(line for line in shown if not line.startswith("vidcolor"))
    content = parse_sheet(entries.replace("        ", "\n").replace("vivid", "[[stretch]]\nvivid"))
    assert len(content.hints) == 1
    assert bool(content.references) == is_photo
    assert bool(content.stretches) != is_photo
    assert """'it'"'"'s.colors.toml'""" in text


def test_a_strange_name_makes_no_bad_sheet() -> None:
    for name in ('a"b\\c.mp4', "a\nb.mp4", "\x1b[2J.mp4", "ü ü.mp4"):
        text = first_sheet(name, "x.colors.toml", [SheetShot(Stretch())], is_photo=False)
        content = parse_sheet(text)
        assert content.video == (name if name.isprintable() else "")
        assert content.stretches == (Stretch(),)
        assert not set(text) & set("\x1b\r")
    assert bare_sheet("a\nb.mp4") == ""


def test_a_stretch_is_exact_and_tells_what_is_known() -> None:
    tick = Fraction(1001, 30000)
    shots = [
        SheetShot(Stretch(end=12 * tick), 12, 12 * tick),
        SheetShot(Stretch(12 * tick, 13 * tick, keep_gray=True), 1),
        SheetShot(Stretch(13 * tick)),
    ]
    text = first_sheet("a.mp4", "a.colors.toml", shots, is_photo=False)
    assert text.split("\n\n", 2)[2] == (
        '# shot 1: 12 frames, 0.400 s\n[[stretch]]\nfrom = "0:00:00.000"\nto = "0:00:00.400400"\n\n'
        '# shot 2: 1 frame\n[[stretch]]\nfrom = "0:00:00.400400"\nto = "0:00:00.433767"\n'
        "keep_gray = true\n\n"
        '# shot 3\n[[stretch]]\nfrom = "0:00:00.433767"\n'
    )


def test_more_shots_than_a_sheet_holds_are_refused() -> None:
    shots = [SheetShot(Stretch())] * (MAX_ENTRIES + 1)
    with pytest.raises(SettingsError, match="at most 10000 entries"):
        first_sheet("a.mp4", "a.colors.toml", shots, is_photo=False)
