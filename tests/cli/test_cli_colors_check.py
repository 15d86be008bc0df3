"""``vidcolor colors FILM --check``: what a sheet does, shot by shot."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from guided import write_shots
from PIL import Image
from shared import one_line

from vidcolor.cli.main import main

Captured = pytest.CaptureFixture[str]
SHEET = "film.colors.toml"
TEXT = """\
video = "film.mkv"
[saved]
jacket = "#27324f"
[[stretch]]
from = 0.56
to = 1.12
keep_gray = true
[[stretch]]
from = 1.2
to = 1.4
vivid = 0.4
[[stretch]]
from = 1.8
keep_gray = true
[[hint]]
time = 0.7
point = [0.1, 0.2]
color = "gray"
name = "cap"
[[hint]]
time = 2
stroke = [[0.1, 0.2], [0.3, 0.4]]
color = "@jacket"
[[hint]]
time = 2.24
polygon = [[0.1, 0.2], [0.3, 0.4], [0, 1]]
color = "auto"
[[reference]]
image = "a.png"
time = 1.3
[[reference]]
image = "a.png"
from = 1.7
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_shots(tmp_path / "film.mkv", shots=5, frames=14)
    Image.new("RGB", (96, 64), "navy").save(tmp_path / "a.png")
    return tmp_path


def show(capsys: Captured, *words: str) -> str:
    assert main(["colors", "film.mkv", "--check", "-q", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_each_shot_tells_what_is_said_of_it(here: Path, capsys: Captured) -> None:
    (here / SHEET).write_text(TEXT)
    before = (here / SHEET).read_bytes()
    lines = show(capsys).splitlines()
    assert lines[0] == (
        "film.colors.toml for film.mkv: 3 hints, 2 references, 1 saved color, 3 stretches"
    )
    assert [line for line in lines[1:] if not line.startswith("note: ")] == [
        "shot 1, 0:00:00.000 to 0:00:00.560: nothing is said",
        "shot 2, 0:00:00.560 to 0:00:01.120:",
        "  keep_gray = true",
        "  hint 1, cap, gray at 0:00:00.700, 0.1,0.2 (line 15)",
        "shot 3, 0:00:01.120 to 0:00:01.680:",
        "  from 0:00:01.200: vivid = 0.4",
        "  from 0:00:01.400: no dials",
        "  reference 1, a.png, the frame at 0:00:01.300 (line 28)",
        "shot 4, 0:00:01.680 to 0:00:02.240:",
        "  from 0:00:01.800: keep_gray = true",
        "  hint 2, @jacket = #27324f at 0:00:02.000, a stroke from 0.1,0.2 to 0.3,0.4 (line 20)",
        "  reference 2, a.png, a look from 0:00:01.700 (line 31)",
        "shot 5, 0:00:02.240 to 0:00:02.800:",
        "  keep_gray = true",
        "  hint 3, auto at 0:00:02.240, an area around 0.15,0.6 (line 24)",
        "  reference 2, a.png, a look from 0:00:01.700 (line 31)",
    ]
    assert (here / SHEET).read_bytes() == before
    assert sorted(path.name for path in here.iterdir()) == ["a.png", SHEET, "film.mkv"]


def test_what_has_no_effect_is_told(here: Path, capsys: Captured) -> None:
    (here / SHEET).write_text(TEXT.replace("time = 2.24", "time = 2.8"))
    notes = [line for line in show(capsys).splitlines() if line.startswith("note: ")]
    assert notes == [
        f"note: {SHEET}:15: hint 1 (cap) has no effect: its shot stays gray (keep_gray); remove"
        " one, the hint or keep_gray",
        f"note: {SHEET}:20: hint 2 is not seen in a part of its shot that stays gray (keep_gray)",
        f"note: {SHEET}:24: hint 3 is at a time when no frame is shown; it has no effect: correct"
        " its time",
    ]


@pytest.mark.parametrize(("color", "told"), [("yellow", True), ("#808081", False)])
def test_a_color_that_the_luma_cannot_show_is_told(
    color: str, told: bool, here: Path, capsys: Captured
) -> None:
    hint = f'[[hint]]\ntime = 0.7\npoint = [0.5, 0.5]\nwidth = 1\ncolor = "{color}"\n'
    (here / SHEET).write_text(hint)
    out = show(capsys)
    assert (f"note: {SHEET}:1: the picture is too " in out) == told


def test_shots_of_which_nothing_is_said_share_a_line(here: Path, capsys: Captured) -> None:
    assert main(["colors", "film.mkv", "-q"]) == 0
    capsys.readouterr()
    assert show(capsys) == (
        "film.colors.toml for film.mkv: 5 stretches\n"
        "shots 1 to 5, 0:00:00.000 to 0:00:02.800: nothing is said\n"
    )
    assert main(["shots", "film.mkv", "-q"]) == 0
    (here / "shots.csv").write_text(capsys.readouterr().out)
    assert "shots 1 to 5, 0:00:00.000 to" in show(capsys, "--shots", "shots.csv")


def test_the_same_as_json(here: Path, capsys: Captured) -> None:
    (here / SHEET).write_text(TEXT)
    found = json.loads(show(capsys, "--json"))
    assert (found["sheet"], found["video"]) == (SHEET, "film.mkv")
    assert found["saved"] == {"jacket": "#27324f"}
    assert [shot["shot"] for shot in found["shots"]] == [1, 2, 3, 4, 5]
    assert found["shots"][0] == {
        **{"shot": 1, "from": 0.0, "to": 0.56},
        **{"dials": [], "hints": [], "references": []},
    }
    assert found["shots"][2]["dials"] == [{"from": 1.2, "vivid": 0.4}, {"from": 1.4}]
    assert found["shots"][3]["hints"] == [
        {
            **{"hint": 2, "line": 20, "name": "", "time": 2.0, "color": "@jacket"},
            **{"rgb": "#27324f", "stroke": [[0.1, 0.2], [0.3, 0.4]], "width": 0.02},
        }
    ]
    assert found["shots"][2]["references"][0]["image"] == "a.png"
    assert len(found["notes"]) >= 2


def test_a_photograph(here: Path, capsys: Captured) -> None:
    with av.open(here / "film.mkv") as container:
        next(container.decode(video=0)).to_image().save(here / "photo.png")
    (here / "photo.colors.toml").write_text('[[hint]]\npoint = [0, 0]\ncolor = "gray"\n')
    assert main(["colors", "photo.png", "--check"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (
        "photo.colors.toml for photo.png: 1 hint\n  hint 1, gray at 0,0 (line 1)\n",
        "",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[hint]]\ntime = 9\npoint = [0, 0]\ncolor = 'red'\n", f"{SHEET}:1: time 0:00:09.000 is"),
        ("[[hint]]\ntime = 1\n", f"{SHEET}:1: this hint has no color"),
        ("\nvidio = 'a'\n", f"{SHEET}:2: no key"),
        ("[[reference]]\nimage = 'no.png'\n", f"{SHEET}:1: image no.png"),
        ("[[reference]]\nimage = 'bad.png'\n", f"{SHEET}:1: image bad.png: not a supported"),
        (None, "there is no color sheet film.colors.toml; make one: vidcolor colors film.mkv"),
    ],
)
def test_a_sheet_that_does_not_fit_is_refused_with_its_line(
    text: str | None, told: str, here: Path, capsys: Captured
) -> None:
    (here / "bad.png").write_text("no picture")
    if text is not None:
        (here / SHEET).write_text(text)
    assert main(["colors", "film.mkv", "--check", "-q"]) == 2
    assert told in one_line(capsys)
