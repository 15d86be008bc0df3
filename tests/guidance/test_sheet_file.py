"""Reading a color sheet: every form that is accepted, and every error with its line."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from pathlib import Path

import pytest

from vidcolor import ColorSheet, Hint, Palette, Reference, Stretch
from vidcolor.errors import ColorSheetError, SettingsError

DOC = Path(__file__).parents[2] / "docs/colors.md"
WHOLE = """\
# of the museum
video = "film.mp4"
[saved]
jacket = "#27324f"
"the awning" = "firebrick"
[[palette]]
name = "sepia"
colors = ["#704214", "navy", "@jacket", [1, 2, 3]]
[[stretch]]
from = "0:00:12.500"
to = 20
vivid = 0.8
smooth = 0
weights = "mini"
palette = "sepia"
keep_grey = true
name = "market"
[[hint]]
time = 13.2
point = [0.4, 0.5]
width = 0.05
color = "@jacket"
name = "jacket"
[[hint]]
time = 00:00:15.04
stroke = [
  [0, 0.5], # here
  [1, 0.5],
]
size = 0.1
color = "Grey"
[[hint]]
polygon = [[0, 0], [1, 0], [1, 1]]
color = "auto"
[[reference]]
image = "stills/a.png"
time = 14
[[reference]]
image = "b.png"
from = 3
"""


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "film.colors.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def error_of(tmp_path: Path, text: str | bytes, **how: object) -> str:
    path = write(tmp_path, text)
    with pytest.raises(ColorSheetError) as caught:
        ColorSheet.read(path, **how)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    if match := re.match(r"film\.colors\.toml:(\d+): ", message):
        assert caught.value.line == int(match[1])
    return message


def test_every_form_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)
    sheet = ColorSheet.read(path)
    assert sheet == ColorSheet(
        video="film.mp4",
        stretches=(
            Stretch(
                start=Fraction(25, 2),
                end=Fraction(20),
                vivid=0.8,
                smooth=0.0,
                weights="mini",
                keep_gray=True,
                palette="sepia",
                name="market",
            ),
        ),
        hints=(
            Hint((0.4, 0.5), "@jacket", 0.05, time=Fraction(66, 5), name="jacket"),
            Hint(None, "Grey", 0.1, stroke=((0, 0.5), (1, 0.5)), time=Fraction(376, 25)),
            Hint(None, "auto", polygon=((0, 0), (1, 0), (1, 1))),
        ),
        references=(
            Reference("stills/a.png", Fraction(14)),
            Reference("b.png", start=Fraction(3)),
        ),
        palettes=(Palette(("#704214", "navy", "@jacket", (1, 2, 3)), "sepia"),),
        saved={"jacket": "#27324f", "the awning": "firebrick"},
        path=path,
    )
    assert [hint.line for hint in sheet.hints] == [18, 24, 32]
    assert [entry.line for entry in (*sheet.palettes, *sheet.stretches)] == [6, 9]
    assert sheet.find_image(sheet.references[0]) == tmp_path / "stills/a.png"
    assert sheet.resolve("@jacket") == (39, 50, 79)
    assert sheet.resolve("auto") is None
    with pytest.raises(SettingsError, match="no saved color @coat"):
        sheet.resolve("@coat")


def test_the_example_of_the_document_is_read(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", DOC.read_text(), re.DOTALL)
    assert example
    sheet = ColorSheet.read(write(tmp_path, example[1]))
    kinds = (sheet.stretches, sheet.hints, sheet.references, sheet.palettes, sheet.saved)
    assert [len(kind) for kind in kinds] == [2, 3, 2, 1, 2]
    used = set(re.findall(r"^\| `([a-z_]+)`", DOC.read_text(), re.MULTILINE))
    assert {"vivid", "saturation", "smooth", "keep_gray", "time", "color", "image"} <= used


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    assert ColorSheet.read(path) == ColorSheet(path=path)


@pytest.mark.parametrize("change", [b"\xef\xbb\xbf%s", b"%s"])
def test_files_of_other_systems_are_read(tmp_path: Path, change: bytes) -> None:
    expected = ColorSheet.read(write(tmp_path, WHOLE))
    windows = change % WHOLE.replace("\n", "\r\n").encode()
    found = ColorSheet.read(write(tmp_path, windows))
    assert found == expected
    assert [hint.line for hint in found.hints] == [18, 24, 32]


def test_smpte_times_are_read_with_the_rate(tmp_path: Path) -> None:
    text = WHOLE.replace("13.2", '"10:00:13:05"')
    message = error_of(tmp_path, text)
    assert message.startswith("film.colors.toml:19: ")
    assert "write seconds or H:MM:SS.mmm" in message
    sheet = ColorSheet.read(tmp_path / "film.colors.toml", Fraction(25), "10:00:00:00")
    assert sheet.hints[0].time == Fraction(13 * 25 + 5, 25)
    message = error_of(tmp_path, text, rate=Fraction(25), start_timecode="11:00:00:00")
    assert message == (
        "film.colors.toml:19: time: 10:00:13:05 is before the video, whose timecode begins at"
        " 11:00:00:00"
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        # What is no TOML.
        ('"#27324f"', "#27324f", 4, "put text, times and colors in quotes"),
        ('"#27324f"', '"#27324f', 4, "a quote is missing"),
        ('"film.mp4"', "film.mp4", 2, "in quotes"),
        ("to = 20", "to = 0:00:20", 11, "text in quotes"),
        ("to = 20", "to 20", 11, "write key = value"),
        ("to = 20", "to = 20\nto = 21", 12, "a second time; remove"),
        (
            "  [1, 0.5],\n]",
            "  [1, 0.5],\n",
            26,
            "is not closed up to line 30; add the missing bracket",
        ),
        ('"stills/a.png"', '"stills\\a.png"', 36, "has a meaning of its own"),
        ("[[palette]]", "[[palette]", 6, "a bracket is not closed"),
        ("[[stretch]]", "[saved]\n[[stretch]]", 9, "a second time"),
        # Keys and tables.
        ("vivid =", "vivd =", 12, 'no key "vivd"; did you mean "vivid"?'),
        ("[[hint]]", "[[hints]]", 18, 'no key "hints"; did you mean "hint"?'),
        ("[[reference]]", "[[refs]]", 35, 'no key "refs"'),
        ("video =", "film =", 2, "no key"),
        ("[saved]", "[[saved]]", 3, "write [saved]"),
        ("[[palette]]", "[palette]", 6, "write [[palette]] with two brackets"),
        ("smooth = 0", "keep_gray = false", 16, "keep_gray and keep_grey are the same"),
        ("width = 0.05", "width = 0.05\nsize = 0.1", 22, "width and size are the same"),
        # Types.
        ("vivid = 0.8", 'vivid = "high"', 12, "vivid is not a number; write vivid = 0.5"),
        ("vivid = 0.8", "vivid = true", 12, "vivid is not a number"),
        ("keep_grey = true", "keep_grey = 1", 16, "neither true nor false"),
        ('name = "jacket"', "name = 3", 23, "name is not text; put it in quotes"),
        ('name = "jacket"', 'name = ""', 23, "name is empty"),
        ('name = "jacket"', 'name = "a\\u001b"', 23, "cannot be shown"),
        ("time = 13.2", "time = true", 19, "time is not a time"),
        ("time = 13.2", "time = 2020-01-01", 19, "time is not a time"),
        ("time = 13.2", 'time = "soon"', 19, "'soon' is not a time; use 90, 1:30"),
        ("point = [0.4, 0.5]", "point = 0.4", 20, "a point has two numbers"),
        ("point = [0.4, 0.5]", "point = [0.4]", 20, "a point has two numbers"),
        ("point = [0.4, 0.5]", 'point = [0.4, "0.5"]', 20, "a point has two numbers"),
        ("  [1, 0.5],\n", "  0.5,\n", 26, "stroke is no list of points"),
        ("  [1, 0.5],\n", "", 26, "stroke has 1 points; give 2"),
        ("[1, 0], [1, 1]]", "[1, 0]]", 33, "polygon has 2 points; give 3"),
        ('color = "@jacket"', "color = 3", 22, "this is no color"),
        ("[1, 2, 3]", "[1, 2]", 8, "a color in numbers has three"),
        ("[1, 2, 3]", "[1, 2, [3]]", 8, "a color in numbers has three"),
        (
            'colors = ["#704214", "navy", "@jacket", [1, 2, 3]]',
            'colors = "navy"',
            8,
            "is not a list",
        ),
        # Ranges.
        ("vivid = 0.8", "vivid = 1.8", 12, "vivid = 1.8 is outside 0 to 1"),
        ("vivid = 0.8", "vivid = nan", 12, "infinite or not a number"),
        ("time = 13.2", "time = inf", 19, "infinite or not a number"),
        ("time = 13.2", "time = -1", 19, "before the start of the video"),
        ("time = 13.2", "time = 1e999999999", 19, "too many digits"),
        ("time = 13.2", "time = 1e9999999999999999999999", 19, "infinite"),
        ("time = 13.2", f"time = 0.{'1' * 3000}", 19, "too many digits"),
        ("time = 13.2", f"time = {'1' * 100}", 19, "far too large"),
        ("time = 13.2", f"time = {'1' * 5000}", 1, "too long"),
        ("point = [0.4, 0.5]", "point = [1.4, 0.5]", 20, "outside the picture"),
        ("point = [0.4, 0.5]", "point = [-0.1, 0.5]", 20, "outside the picture"),
        ("point = [0.4, 0.5]", "point = [0.4, nan]", 20, "infinite or not a number"),
        ("  [1, 0.5],\n", "  [1, 1.5],\n", 26, "outside the picture"),
        ("width = 0.05", "width = 0", 18, "a size of 0 covers nothing"),
        ("width = 0.05", "width = 5", 21, "width = 5 is outside 0 to 1"),
        ("to = 20", "to = 12.5", 11, "to must be later than from"),
        ("from = 3", "from = 3\nto = 2", 41, "to must be later than from"),
        # What is said twice, or refers to nothing.
        ("width = 0.05", "stroke = [[0, 0], [1, 1]]", 18, "has both point and stroke"),
        ("point = [0.4, 0.5]\n", "", 18, "has no place; give a point"),
        ('color = "@jacket"\n', "", 18, "has no color; add one"),
        ('image = "b.png"\n', "", 38, "has no image"),
        ("from = 3", "from = 3\ntime = 4", 38, "give time, or from and to"),
        ('color = "@jacket"', 'color = "@jaket"', 22, 'did you mean "jacket"?'),
        ('color = "@jacket"', 'color = "navvy"', 22, "no color 'navvy'; did you mean \"navy\"?"),
        ('"@jacket", [1', '"@coat", [1', 8, 'no saved color "coat"; use jacket, the awning'),
        ('"navy"', '"auto"', 6, "a palette is made of colors"),
        ('palette = "sepia"', 'palette = "sepa"', 15, 'no palette "sepa"; did you mean "sepia"?'),
        ('jacket = "#27324f"', 'jacket = "auto"', 4, "a color of its own"),
        ('jacket = "#27324f"', 'jacket = "@the awning"', 4, "a color of its own"),
        (
            "[[stretch]]",
            '[[palette]]\nname = "sepia"\ncolors = ["red"]\n[[stretch]]',
            9,
            "in line 6",
        ),
        ('name = "market"', 'name = "a"\n[[stretch]]\nname = "a"', 18, "in line 9; rename one"),
    ],
)
def test_an_error_names_the_line(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    assert old in WHOLE
    message = error_of(tmp_path, WHOLE.replace(old, new, 1))
    assert message.startswith(f"film.colors.toml:{line}: ")
    assert what in message


def test_of_several_errors_the_first_line_is_told(tmp_path: Path) -> None:
    text = WHOLE.replace("time = 14", "time = -14").replace("[1, 0.5]", "[2, 0.5]")
    assert error_of(tmp_path, text).startswith("film.colors.toml:26: ")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    assert "colors.toml:2: is not UTF-8 text" in error_of(tmp_path, b"# a\nvideo = '\xff'\n")
    assert "is larger than 4 MiB" in error_of(tmp_path, b"#" * (4 << 20) + b"\n")
    deep = "[" * 100_000
    assert "nested too deeply" in error_of(tmp_path, f"video = {deep}")
    many = "[[palette]]\ncolors=['red']\n" * 10_001
    assert "more than 10000 entries" in error_of(tmp_path, many)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for path, what in ((tmp_path, "is not a file"), (tmp_path / "no.toml", "no such file")):
        with pytest.raises(ColorSheetError, match=f"^{path.name}: {what}; name a color sheet"):
            ColorSheet.read(path)


def test_a_large_sheet_is_read_in_a_moment(tmp_path: Path) -> None:
    entry = "[[hint]]\ntime = 1.5\npoint = [0.25, 0.75]\ncolor = 'navy'\n"
    sheet = ColorSheet.read(write(tmp_path, entry * 10_000))
    assert len(sheet.hints) == 10_000
    assert sheet.hints[-1].line == 4 * 9_999 + 1


PIECES = ["[", "]", "[[", '"', "'", '"""', "=", "\n", "#", "{", "}", ",", ".", "-", "inf", "nan"]
PIECES += ["1e400", "true", "\\", "\0", "\r", "é", "@", "1979-05-27", "07:32:00", "0x1f", "9" * 30]


def mutate(draw: random.Random, text: str) -> str:
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(text) + 1)
        lines = text.split("\n")
        kind = draw.randrange(4)
        if kind == 0:
            text = text[:place] + text[place + draw.randint(1, 6) :]
        elif kind == 1:
            text = text[:place] + draw.choice(PIECES) + text[place:]
        elif kind == 2:
            lines.insert(draw.randrange(len(lines)), draw.choice(lines))
            text = "\n".join(lines)
        else:
            lines.pop(draw.randrange(len(lines)))
            text = "\n".join(lines)
        text = text or "\n"
    return text


@pytest.mark.parametrize("seed", range(8))
def test_nothing_but_a_sheet_error_comes_of_a_broken_sheet(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    errors = []
    for _ in range(150):
        text = mutate(draw, WHOLE)
        path = write(tmp_path, text)
        try:
            ColorSheet.read(path, Fraction(25))
        except ColorSheetError as error:
            errors.append((str(error), error.line, text.count("\n") + 1))
    assert len(errors) > 50
    for message, line, lines in errors:
        assert re.fullmatch(r"film\.colors\.toml:\d+: ..+", message)
        assert 1 <= line <= lines
