"""``vidcolor colors FILM --import``: the lists of other programs as color sheets."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from guided import write_shots
from PIL import Image
from shared import one_line

from vidcolor import ColorSheet
from vidcolor.cli.main import main

Captured = pytest.CaptureFixture[str]
SHEET = "film.colors.toml"
SCENES = "Timecode List:,0.56\nScene Number,Start Frame,End Frame\n1,1,14\n2,15,56\n"
REMASTER = """\
# source_video=outpainted/film.mp4
enabled,end,source_reference,color_reference,prompt,fade_to_next,crossfade_seconds
true,0:00:00.560,refs/cut_0000_0.00.00.200.png,refs/a.png,night,true,0.5
0,0:00:01.120,,,day,false,
1,0:00:01.680,refs/cut_0002_0.00.01.200.png,refs/wide.png,,,
1,0:00:02.240,,refs/gone.png,,,
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_shots(tmp_path / "film.mkv", shots=4, frames=14)
    return tmp_path


def take(capsys: Captured, *words: str) -> list[str]:
    assert main(["colors", "film.mkv", "-q", "--import", *words]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_the_scenes_become_stretches(here: Path, capsys: Captured) -> None:
    (here / "film-Scenes.csv").write_text(SCENES)
    assert take(capsys, "film-Scenes.csv") == [
        f"{SHEET}: 2 shots from film-Scenes.csv (PySceneDetect)"
    ]
    sheet = ColorSheet.read(here / SHEET)
    assert sheet.video == "film.mkv"
    cut = Fraction(14, 25)
    assert [(each.start, each.end) for each in sheet.stretches] == [(0, cut), (cut, None)]
    assert "# shot 1: 14 frames, 0.560 s\n" in (here / SHEET).read_text()


def test_a_remaster_list_brings_its_references(here: Path, capsys: Captured) -> None:
    project = here / "project"
    (project / "lists").mkdir(parents=True)
    (project / "refs").mkdir()
    Image.new("RGB", (192, 128), "navy").save(project / "refs" / "a.png")
    Image.new("RGB", (200, 100), "navy").save(project / "refs" / "wide.png")
    (project / "lists" / "film.csv").write_text(REMASTER)
    assert take(capsys, "project/lists/film.csv") == [
        f"{SHEET}: 4 shots, 1 of them switched off (keep_gray), 2 references from film.csv"
        " (ai-remaster-pipeline)",
        "note: the list is of film.mp4; it is used for film.mkv",
        "note: prompt is not taken over (shots 1, 2)",
        "note: fade_to_next is not taken over (shot 1)",
        "note: crossfade_seconds is not taken over (shot 1)",
        "note: film.csv:5: refs/wide.png has not the shape of the frame at 0:00:01.200; it is used"
        " as a look for its shot",
        "note: film.csv:6: refs/gone.png is not found; this reference is left out",
    ]
    sheet = ColorSheet.read(here / SHEET)
    assert [each.keep_gray for each in sheet.stretches] == [None, True, None, None]
    assert [(one.image, one.time, one.start, one.end) for one in sheet.references] == [
        ("project/refs/a.png", Fraction(1, 5), None, None),
        ("project/refs/wide.png", None, Fraction(28, 25), Fraction(42, 25)),
    ]
    assert main(["colors", "film.mkv", "-q", "--check"]) == 0
    out = capsys.readouterr().out
    assert "reference 1, project/refs/a.png, the frame at 0:00:00.200" in out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SCENES.replace("15,56", "15,5600"), "list.csv:4: this shot goes to frame 5600"),
        (SCENES.replace("15,", "x,"), "list.csv:4: start frame: 'x' is no number"),
        ("a,b\n", "list.csv:1: there are no columns of PySceneDetect"),
        (None, "list.csv: no such file; name a CSV"),
    ],
)
def test_a_bad_list_is_one_line_and_writes_nothing(
    text: str | None, told: str, here: Path, capsys: Captured
) -> None:
    if text is not None:
        (here / "list.csv").write_text(text)
    assert main(["colors", "film.mkv", "-q", "--import", "list.csv"]) == 2
    assert told in one_line(capsys)
    assert not (here / SHEET).exists()


def test_a_sheet_that_is_there_stays(here: Path, capsys: Captured) -> None:
    (here / "list.csv").write_text(SCENES)
    (here / SHEET).write_text("# mine\n")
    assert main(["colors", "film.mkv", "-q", "--import", "list.csv"]) == 2
    assert "exists, and is not overwritten" in one_line(capsys)
    assert (here / SHEET).read_text() == "# mine\n"
    take(capsys, "list.csv", "--sheet", "other.toml")
    assert len(ColorSheet.read(here / "other.toml").stretches) == 2


def test_a_picture_has_no_shots(here: Path, capsys: Captured) -> None:
    Image.new("L", (64, 48), 90).save(here / "photo.png")
    (here / "list.csv").write_text(SCENES)
    assert main(["colors", "photo.png", "--import", "list.csv"]) == 2
    assert "--import: photo.png is a picture and has no shots" in one_line(capsys)
