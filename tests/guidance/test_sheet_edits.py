"""Changing a color sheet: what was asked for changes, and every comment stays where it was."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tomlkit

from vidcolor import ColorSheet, Hint, Palette, Reference, Stretch
from vidcolor.core.paths import part_path
from vidcolor.core.target import claim
from vidcolor.errors import ColorSheetError, OutputError, SettingsError
from vidcolor.guidance.sheet_edits import (
    Clock,
    add_entry,
    edit_file,
    remove_entry,
    replace_entry,
    set_dials,
    set_hint_color,
    set_saved,
)
from vidcolor.guidance.sheet_file import parse_sheet
from vidcolor.guidance.sheet_write import merge

SHEET = """\
# The sheet of Anna

video = "film.mp4"   # of 1938

[saved]  # colors
jacket = "#27324f"   # case 4
# awning = "red"

# The first one
[[hint]] # a
time = 1             # b
point = [ 0.1,0.1 ]  # c
color = "@jacket"    # is it?
# color = "blue"

# Free, between two hints

# The second one
[[hint]]
time  = 2
# within
size  = 0.5          # alias
point = [0.1, 0.2]
color = "red"
# The third one
[[hint]]
time = 3
point = [
    0.1, # x
    0.2, # y
]
color = "green"

# -- stretches --

[[stretch]]
from = 1  # s
vivid = 0.5 # v
keep_grey = false
# end"""


def comments(text: str) -> list[str]:
    return re.findall(r"#[^\n]*", re.sub(r'"[^"\n]*"', "", text))


def test_an_added_hint_stands_behind_the_others() -> None:
    hint = Hint((0.4, 0.5), "navy", time=Fraction(66, 5), name='a "coat"')
    changed = add_entry(SHEET, hint)
    block = (
        '\n[[hint]]\ntime = "0:00:13.200"\npoint = [0.4, 0.5]\ncolor = "navy"\n'
        'name = "a \\"coat\\""\n'
    )
    assert changed == SHEET.replace("\n# -- stretches", f"{block}\n# -- stretches") + "\n"
    assert parse_sheet(changed).hints[3] == hint


@pytest.mark.parametrize(
    "entry",
    [
        Reference("a b/c.png", Fraction(1, 2)),
        Reference("c.png", start=Fraction(1), end=Fraction(3)),
        Reference(Path("d.png")),
        Palette(("navy", "#010203", "@jacket"), "sepia"),
        Stretch(Fraction(1), Fraction(2), 0.5, 1.25, 0.0, "mini", True, None, "x"),
        Stretch(keep_gray=False),
        Hint(stroke=((0, 0), (1, 1)), color="gray", size=0.125),
        Hint(polygon=((0, 0), (1, 1), (1, 0)), time=Fraction(0)),
    ],
)
def test_every_entry_is_read_as_it_was_added(
    entry: Hint | Reference | Palette | Stretch,
) -> None:
    for text in (SHEET, '[saved]\njacket = "red"\n'):
        changed = add_entry(text, entry)
        sheet = parse_sheet(changed)
        found = (*sheet.hints, *sheet.references, *sheet.palettes, *sheet.stretches)
        expected = replace(entry, image=str(entry.image)) if isinstance(entry, Reference) else entry
        assert expected in found
        assert comments(changed) == comments(text)
        assert "\n\n\n" not in changed


def test_a_time_between_milliseconds_is_kept_to_the_microsecond() -> None:
    time = Fraction(100 * 1001, 24000)
    (hint,) = parse_sheet(add_entry("", Hint((0, 0), time=time))).hints
    assert hint.time is not None
    assert abs(hint.time - time) < Fraction(1, 1_000_000)


def test_a_removed_hint_takes_its_own_comments_and_no_others() -> None:
    first, second = SHEET.index("# The first one"), SHEET.index("# Free, between")
    assert remove_entry(SHEET, "hint", 1) == SHEET[:first] + SHEET[second:] + "\n"
    second, third = SHEET.index("# The second one"), SHEET.index("# The third one")
    assert remove_entry(SHEET, "hint", 2) == SHEET[:second] + SHEET[third:] + "\n"
    third, rest = SHEET.index("# The third one"), SHEET.index("# -- stretches")
    assert remove_entry(SHEET, "hint", 3) == SHEET[:third] + "\n" + SHEET[rest:] + "\n"


def test_tomlkit_alone_would_give_a_comment_to_another_hint() -> None:
    # Why entries are cut out as lines: else this test would fail and that code could go.
    document = tomlkit.parse(SHEET)
    del document["hint"][1]  # type: ignore[union-attr]
    assert remove_entry(SHEET, "hint", 2) != tomlkit.dumps(document)
    assert "# The second one" in tomlkit.dumps(document)


def test_the_last_entry_of_all_can_go() -> None:
    assert remove_entry("# head\n[[hint]]\npoint=[0,0]\ncolor='red'", "hint", 1) == "# head\n"
    assert remove_entry("[[hint]]\npoint=[0,0]\ncolor='red'\n\n# rest\n", "hint", 1) == "# rest\n"


def test_a_changed_value_leaves_the_rest_of_the_line() -> None:
    expected = SHEET.replace('"@jacket"    # is', '"teal"    # is') + "\n"
    assert set_hint_color(SHEET, 1, "teal") == expected
    assert set_hint_color(SHEET, 3, (0, 0, 128)) == SHEET.replace('"green"', '"#000080"') + "\n"
    hint = parse_sheet(SHEET).hints[1]
    wider = replace_entry(SHEET, 2, replace(hint, size=0.25, name="x"))
    assert (
        wider
        == SHEET.replace("0.5          # alias", "0.25          # alias").replace(
            'color = "red"\n# The third', 'color = "red"\nname = "x"\n# The third'
        )
        + "\n"
    )
    other = replace_entry(SHEET, 3, replace(parse_sheet(SHEET).hints[2], time=Fraction(4)))
    assert other == SHEET.replace("time = 3", 'time = "0:00:04.000"') + "\n"


def test_dials_are_set_added_and_removed() -> None:
    dials = {"vivid": 0.25, "saturation": 2, "keep_gray": True}
    changed = set_dials(SHEET, 1, dials)
    tail = "vivid = 0.25 # v\nkeep_grey = true\nsaturation = 2\n# end\n"
    assert changed == SHEET[: SHEET.index("vivid")] + tail
    assert set_dials(changed, 1, {"vivid": None}) == changed.replace("vivid = 0.25 # v\n", "")
    assert set_dials(changed, 1, {"vivid": 0.25}) == changed
    with pytest.raises(SettingsError, match="no dial 'crf'; use vivid"):
        set_dials(SHEET, 1, {"crf": 3})
    with pytest.raises(SettingsError, match="vivid = 3 is outside 0 to 1"):
        set_dials(SHEET, 1, {"vivid": 3})


def test_saved_colors_are_set_added_and_removed() -> None:
    changed = set_saved(SHEET, "jacket", "teal")
    assert changed == SHEET.replace('"#27324f"', '"teal"') + "\n"
    added = set_saved(SHEET, "the awning", (1, 2, 3))
    line = '# case 4\n"the awning" = "#010203"\n'
    assert added == SHEET.replace("# case 4\n", line) + "\n"
    assert set_saved(added, "the awning", None) == SHEET + "\n"
    new = set_saved("# head\n\n[[hint]]\npoint = [0, 0]\ncolor = 'red'\n", "a", "blue")
    assert new.startswith('# head\n\n[saved]\na = "blue"\n\n[[hint]]\n')
    assert set_saved("", "a", "blue") == '[saved]\na = "blue"\n'
    with pytest.raises(ColorSheetError, match='no saved color "jacket"'):
        set_saved(SHEET, "jacket", None)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda: remove_entry(SHEET, "hint", 4), "there is no hint 4; the color sheet has 3"),
        (lambda: remove_entry(SHEET, "hint", 0), "there is no hint 0"),
        (lambda: remove_entry(SHEET, "palette", 1), "the color sheet has none"),
        (lambda: set_hint_color(SHEET, 1, "@coat"), 'no saved color "coat"'),
        (lambda: set_hint_color(SHEET, 1, "navvy"), "did you mean"),
        (lambda: add_entry(SHEET, Stretch(palette="no")), 'no palette "no"'),
        (lambda: add_entry("hint = 1", Hint((0, 0))), "hint is not a list|no list"),
        (lambda: add_entry("hint = [{point = [0, 0], color = 'red'}]", Hint((0, 0))), "form"),
        (lambda: set_saved("saved = {a = 'red'}", "a", "blue"), "form"),
        (
            lambda: add_entry(SHEET, Reference(np.zeros((2, 2, 3), np.uint8))),
            "save it as an image first",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(change: Callable[[], str], what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        change()


def test_line_ends_of_windows_stay() -> None:
    windows = SHEET.replace("\n", "\r\n")
    changed = add_entry(windows, Hint((0, 0), time=Fraction(1)))
    assert changed == add_entry(SHEET, Hint((0, 0), time=Fraction(1))).replace("\n", "\r\n")


def test_smpte_times_in_the_sheet_need_the_clock() -> None:
    text = SHEET.replace("time = 3", 'time = "01:00:03:05"')
    with pytest.raises(ColorSheetError, match="counts frames"):
        remove_entry(text, "hint", 1)
    changed = remove_entry(text, "hint", 1, Clock(Fraction(25), "01:00:00:00"))
    assert '"01:00:03:05"' in changed


def random_sheet(draw: random.Random) -> str:
    """A sheet with comments, each once, wherever there may be some."""
    number = 0

    def comment(chance: float, end: str = "\n") -> str:
        nonlocal number
        number += 1
        return f"# c{number}{end}" if draw.random() < chance else end * (end != "\n")

    lines = [comment(0.5), draw.choice(["", "\n"]), 'video = "f"\n' * draw.randint(0, 1)]
    for _ in range(draw.randint(0, 6)):
        kind = draw.choice(["hint", "stretch", "reference", "palette"])
        lines += [draw.choice(["", "\n", "\n\n"]), comment(0.3), draw.choice(["", "\n"])]
        lines += [comment(0.5), f"[[{kind}]] {comment(0.3, '')}\n"]
        keys = {
            "hint": [f"time = {draw.randint(0, 3)}", "point = [0, 0]", "color = 'red'"],
            "stretch": [f"from = {draw.randint(0, 3)}", "vivid = 0.5"],
            "reference": [f"image = 'a{draw.randint(0, 3)}'"],
            "palette": ["colors = ['red', 'blue']"],
        }[kind]
        for key in keys:
            lines += [comment(0.2), f"{key} {comment(0.3, '')}\n"]
        lines += [comment(0.2)]
    return "".join(lines).rstrip("\n" if draw.random() < 0.5 else "")


@pytest.mark.parametrize("seed", range(60))
def test_no_comment_is_lost_or_moved(seed: int) -> None:
    draw = random.Random(seed)
    text = random_sheet(draw)
    sheet = parse_sheet(text)
    entry = draw.choice([Hint((1, 1), "navy"), Stretch(vivid=0.1), Reference("z")])
    added = add_entry(text, entry)
    # Each line is there, in its order; what is new is new lines.
    rest = iter(added.split("\n"))
    assert all(line in rest for line in text.rstrip("\n").split("\n"))
    assert added.count("\n[[") + added.startswith("[[") == text.count("[[") - text.count("= [[") + 1
    if sheet.hints:
        number = draw.randint(1, len(sheet.hints))
        changed = set_hint_color(text, number, "teal")
        assert comments(changed) == comments(text)
        assert len(changed.strip("\n").split("\n")) == len(text.strip("\n").split("\n"))
        gone = remove_entry(text, "hint", number)
        kept = list(sheet.hints)
        del kept[number - 1]
        assert list(parse_sheet(gone).hints) == kept
        assert parse_sheet(gone).stretches == sheet.stretches
        rest = iter(comments(text))
        assert all(each in rest for each in comments(gone))


@pytest.mark.parametrize("seed", range(40))
def test_any_sheet_can_become_any_other(seed: int) -> None:
    draw = random.Random(seed)
    text = random_sheet(draw)
    old, new = parse_sheet(text), parse_sheet(random_sheet(draw))
    assert parse_sheet(merge(text, old, new)) == new
    assert merge(text, old, old) == text


def test_an_entry_goes_where_another_one_comes() -> None:
    hint = "[[hint]]\npoint = [0, 0]\ncolor = 'red'\n"
    text = f"{hint}[[stretch]]\nvivid = 0.5\n"
    old = parse_sheet(text)
    new = replace(old, stretches=(), hints=(*old.hints, Hint((1, 1))))
    added = '\n[[hint]]\npoint = [1, 1]\ncolor = "auto"\n'
    assert merge(text, old, new) == hint + added


def test_a_sheet_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "new.colors.toml"
    sheet = ColorSheet(
        video="film.mp4",
        stretches=(Stretch(end=Fraction(5), vivid=0.5, palette="p"),),
        hints=(Hint((0.25, 0.5), "@a", time=Fraction(1)),),
        references=(Reference("a.png", Fraction(2)),),
        palettes=(Palette(("red", "#010203"), "p"),),
        saved={"a": "#27324f"},
    )
    sheet.write(path)
    assert ColorSheet.read(path) == replace(sheet, path=path)
    assert [file.name for file in tmp_path.iterdir()] == ["new.colors.toml"]
    before = path.read_bytes()
    ColorSheet.read(path).write(path)
    assert path.read_bytes() == before


def test_writing_over_a_sheet_changes_what_is_different_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "film.colors.toml"
    path.write_text(SHEET)
    sheet = ColorSheet.read(path)
    sheet.write(path)
    assert path.read_text() == SHEET
    first, _, third = sheet.hints
    hints = (replace(first, color="teal"), third, Hint((1, 1), "tan", time=Fraction(9)))
    replace(sheet, hints=hints, video="other.mp4", saved={"jacket": "red"}).write(path)
    text = path.read_text()
    assert ColorSheet.read(path).hints == hints
    assert '"teal"    # is it?' in text
    assert 'video = "other.mp4"   # of 1938' in text
    assert 'jacket = "red"   # case 4' in text
    lost = [each for each in comments(SHEET) if each not in comments(text)]
    assert [each.strip() for each in lost] == ["# The second one", "# within", "# alias"]
    replace(sheet, video="", hints=(), stretches=(), saved={}).write(path)
    assert path.read_text() == (
        '# The sheet of Anna\n\n\n[saved]  # colors\n# awning = "red"\n\n'
        "# Free, between two hints\n\n# -- stretches --\n"
    )


def test_what_is_no_sheet_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary,\n")
    with pytest.raises(ColorSheetError, match=r"notes\.txt:1: "):
        ColorSheet(video="a").write(path)
    assert path.read_text() == "Dear diary,\n"
    with pytest.raises(OutputError, match="cannot be created"):
        ColorSheet(video="a").write(tmp_path / "no" / "folder.toml")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_edited_in_place(tmp_path: Path) -> None:
    path, link = tmp_path / "film.colors.toml", tmp_path / "link.toml"
    link.symlink_to(path)
    edit_file(link, lambda text: add_entry(text, Hint((0, 0), time=Fraction(1))))
    path.chmod(0o640)
    edit_file(link, lambda text: set_hint_color(text, 1, "teal"))
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert ColorSheet.read(path).hints[0].color == "teal"
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="there is no hint 2"):
        edit_file(path, lambda text: set_hint_color(text, 2, "teal"))
    path.write_bytes(before + b"x = 1\n")
    with pytest.raises(ColorSheetError, match=r'^film\.colors\.toml:5: no key "x"'):
        edit_file(path, lambda text: set_hint_color(text, 1, "red"))
    assert path.read_bytes() == before + b"x = 1\n"
    assert {file.name for file in tmp_path.iterdir()} == {"film.colors.toml", "link.toml"}


def test_two_edits_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    path = tmp_path / "film.colors.toml"
    path.write_text(SHEET)
    file = claim(part_path(path), path)
    with pytest.raises(OutputError, match="another vidcolor is writing"):
        edit_file(path, lambda text: set_hint_color(text, 1, "teal"))
    assert path.read_text() == SHEET
    assert part_path(path).exists()  # it is the other's
    assert file
