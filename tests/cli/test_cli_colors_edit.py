"""``vidcolor colors``: a first sheet, and single edits of it."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest
from guided import RATE, write_shots
from PIL import Image
from shared import one_line

from vidcolor import ColorSheet
from vidcolor.cli.colors_edit import path_from
from vidcolor.cli.main import main

Captured = pytest.CaptureFixture[str]
SHEET = "film.colors.toml"
SHOT = 14
"""Frames of a shot."""
SHOTS = [Fraction(number * SHOT, RATE) for number in range(4)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_shots(tmp_path / "film.mkv", shots=4, frames=SHOT)
    return tmp_path


@pytest.fixture
def photo(here: Path) -> Path:
    with av.open(here / "film.mkv") as container:
        next(container.decode(video=0)).to_image().save(here / "photo.png")
    return here / "photo.png"


def do(capsys: Captured, *words: str) -> str:
    """What a command that works says."""
    assert main(["colors", *words]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    return err


def refused(capsys: Captured, *words: str) -> str:
    assert main(["colors", *words]) == 2
    return one_line(capsys)


def test_a_first_sheet_has_a_stretch_for_each_shot(here: Path, capsys: Captured) -> None:
    said = do(capsys, "film.mkv", "-q")
    assert said.startswith(f"{SHEET}: 4 shots of film.mkv; nothing is said yet")
    sheet = ColorSheet.read(here / SHEET)
    assert sheet.video == "film.mkv"
    assert [stretch.start for stretch in sheet.stretches] == SHOTS
    assert [stretch.end for stretch in sheet.stretches] == [*SHOTS[1:], None]
    text = (here / SHEET).read_text()
    assert '# shot 2: 14 frames, 0.560 s\n[[stretch]]\nfrom = "0:00:00.560"\nto = ' in text
    head = text.split("\n\n")[0].splitlines()
    assert len(head) == 10
    assert all(line.startswith("# ") for line in head)
    assert sorted(os.listdir(here)) == [SHEET, "film.mkv"]


def test_a_first_sheet_changes_no_bit_of_the_result(
    here: Path, quick_weights: Path, capsys: Captured
) -> None:
    net = ["--weights", str(quick_weights), "--device", "cpu", "--size", "64", "--chunk", "0.4"]
    assert main(["film.mkv", "plain.mp4", *net]) == 0
    do(capsys, "film.mkv", "-q")
    assert main(["film.mkv", "with.mp4", "--colors", SHEET, *net]) == 0
    assert (here / "with.mp4").read_bytes() == (here / "plain.mp4").read_bytes()


def test_a_first_sheet_is_not_written_over(here: Path, capsys: Captured) -> None:
    (here / SHEET).write_text("# mine\n")
    assert "exists, and is not overwritten" in refused(capsys, "film.mkv")
    assert (here / SHEET).read_text() == "# mine\n"
    do(capsys, "film.mkv", "-q", "--sheet", "other.toml")
    assert len(ColorSheet.read(here / "other.toml").stretches) == 4
    assert "there is no folder" in refused(capsys, "film.mkv", "--sheet", "no/other.toml")


def test_the_shots_may_come_from_a_file(here: Path, capsys: Captured) -> None:
    assert main(["shots", "film.mkv", "-q"]) == 0
    (here / "shots.csv").write_text(capsys.readouterr().out)
    do(capsys, "film.mkv", "--shots", "shots.csv")
    written = (here / SHEET).read_text()
    (here / SHEET).unlink()
    do(capsys, "film.mkv", "-q")
    assert (here / SHEET).read_text() == written
    (here / SHEET).unlink()
    late = "shot,start,start_seconds,frame,frames\n1,0,0,0,9\n2,0:00:09.000,9,9,9\n"
    (here / "late.csv").write_text(late)
    assert "another film" in refused(capsys, "film.mkv", "--shots", "late.csv")


def test_a_photograph_gets_a_sheet_without_times(here: Path, photo: Path, capsys: Captured) -> None:
    assert "photo.colors.toml: written" in do(capsys, "photo.png")
    path = here / "photo.colors.toml"
    assert "time" not in path.read_text().replace("times", "")
    assert ColorSheet.read(path).stretches == ()
    said = do(capsys, "photo.png", "--add-hint", "0.5,0.5", "gray", "--size", "0.1")
    assert said == "photo.colors.toml:14: hint 1, gray at 0.5,0.5; it holds for the picture\n"
    do(capsys, "photo.png", "--add-hint", "-", "0.2,0.5", "auto")
    assert [(hint.time, hint.size) for hint in ColorSheet.read(path).hints] == [
        (None, 0.1),
        (None, 0.02),
    ]
    told = refused(capsys, "photo.png", "--add-hint", "3", "0.2,0.5", "auto")
    assert "--add-hint: a picture has no times; leave 3 out" in told


def test_several_places_are_a_stroke_or_an_area(here: Path, capsys: Captured) -> None:
    places = ("0.2,0.3", "0.5,0.3", "0.5,0.8")
    said = do(capsys, "film.mkv", "--add-hint", "0.7", *places, "#5f5f62", "--size", "0.1")
    assert f"{SHEET}:3: hint 1, #5f5f62 at 0:00:00.700, a stroke from 0.2,0.3 to 0.5,0.8" in said
    said = do(capsys, "film.mkv", "--add-hint", "0.7", *places, "gray", "--area")
    assert "hint 2, gray at 0:00:00.700, an area around 0.35,0.55; it holds for the shot" in said
    stroke, area = ColorSheet.read(here / SHEET).hints
    assert stroke.stroke == area.polygon == ((0.2, 0.3), (0.5, 0.3), (0.5, 0.8))
    assert (stroke.size, stroke.polygon, area.stroke) == (0.1, (), ())


def test_a_hint_is_added_and_told(here: Path, capsys: Captured) -> None:
    words = ("film.mkv", "--add-hint", "0.7", "0.4,0.5", "#5f5f62", "--name", "coat")
    said = do(capsys, *words)
    assert said == (
        f"{SHEET}:3: hint 1, coat, #5f5f62 at 0:00:00.700, 0.4,0.5;"
        " it holds for the shot from 0:00:00.560 to 0:00:01.120\n"
    )
    assert (here / SHEET).read_text() == (
        'video = "film.mkv"\n\n[[hint]]\ntime = "0:00:00.700"\npoint = [0.4, 0.5]\n'
        'color = "#5f5f62"\nname = "coat"\n'
    )
    assert (here / SHEET).read_text().splitlines()[2] == "[[hint]]"  # the line that was told


@pytest.mark.parametrize(
    ("time", "shot"),
    [
        ("0", "0:00:00.000 to 0:00:00.560"),
        ("0:00.559", "0:00:00.560 to 0:00:01.120"),  # less than half a frame before it
        ("00:00:01:03", "0:00:01.120 to 0:00:01.680"),
        ("2.24", "no frame"),
        ("2.2", "0:00:01.680 to 0:00:02.240"),
    ],
)
def test_a_hint_holds_for_the_shot_of_its_frame(
    time: str, shot: str, here: Path, capsys: Captured
) -> None:
    words = ("film.mkv", "--add-hint", time, "0.4,0.5", "auto")
    if shot == "no frame":
        assert "--add-hint: no frame is shown at 0:00:02.240" in refused(capsys, *words)
        assert not (here / SHEET).exists()
    else:
        assert f"it holds for the shot from {shot}" in do(capsys, *words)


def test_comments_stay_and_notes_are_told(here: Path, capsys: Captured) -> None:
    text = 'video = "other.mkv"  # which?\n\n# the coat\n[[hint]]\ntime = 1\npoint = [0, 0]\n'
    (here / SHEET).write_text(text + 'color = "gray" # sure\n')
    said = do(capsys, "film.mkv", "--add-hint", "1", "0.5,0.5", "yellow").splitlines()
    assert said[0].startswith(f"{SHEET}:9: hint 2, yellow")
    assert 'is for "other.mkv" and is used for film.mkv' in said[1]
    assert f"note: {SHEET}:9: the picture is too " in said[2]  # a gray film has no such yellow
    assert (here / SHEET).read_text().startswith(text + 'color = "gray" # sure\n\n[[hint]]\n')
    assert f"{SHEET}:4: removed hint 1, gray" in do(capsys, "film.mkv", "--remove-hint", "1")
    assert "the coat" not in (here / SHEET).read_text()
    assert "there is no hint 2; the color sheet has 1" in refused(
        capsys, "film.mkv", "--remove-hint", "2"
    )


def test_a_color_is_saved_used_and_changed(here: Path, capsys: Captured) -> None:
    hint = ("film.mkv", "--add-hint", "1", "0.5,0.5", "@jacket")
    told = refused(capsys, *hint)
    assert "no saved color @jacket; save it first: --save jacket COLOR" in told
    said = do(capsys, "film.mkv", "--save", "jacket", "#555557")
    assert said == f"{SHEET}:4: saved jacket = #555557; use it as @jacket\n"
    assert "@jacket = #555557 at" in do(capsys, *hint)
    assert "did you mean @jacket?" in refused(capsys, *hint[:-1], "@jaket")
    said = do(capsys, "film.mkv", "--save", "jacket", "#565658")
    assert "saved jacket = #565658, which was #555557; it is used 1 time" in said
    assert ColorSheet.read(here / SHEET).saved == {"jacket": "#565658"}


def test_a_reference_is_added(here: Path, capsys: Captured) -> None:
    (here / "stills").mkdir()
    Image.new("RGB", (192, 128), "navy").save(here / "stills" / "a.png")
    Image.new("RGB", (50, 50), "navy").save(here / "square.png")
    said = do(capsys, "film.mkv", "--add-reference", "stills/a.png", "0.7")
    assert (
        f"{SHEET}:3: reference 1, stills/a.png, the frame at 0:00:00.700; it holds for the" in said
    )
    assert "from 0:00:00.560 to 0:00:01.120" in said
    said = do(capsys, "film.mkv", "--add-reference", "square.png")
    assert said == f"{SHEET}:7: reference 2, square.png, a look for the whole film\n"
    told = refused(capsys, "film.mkv", "--add-reference", "square.png", "0.7")
    assert "is 50x50 and not of the shape of the frame, 96x64" in told
    assert "there is no such file" in refused(capsys, "film.mkv", "--add-reference", "no.png")
    told = refused(capsys, "film.mkv", "--add-reference", "film.mkv")
    assert "not a supported picture file" in told
    sheet = ColorSheet.read(here / SHEET)
    assert [(one.image, one.time) for one in sheet.references] == [
        ("stills/a.png", Fraction(7, 10)),
        ("square.png", None),
    ]


def test_images_are_named_from_the_folder_of_the_sheet(here: Path) -> None:
    (here / "sheets").mkdir()
    (here / "link").symlink_to(here / "sheets")
    sheet = here / "sheets" / "film.colors.toml"
    assert path_from(sheet, "a.png") == "../a.png"
    assert path_from(sheet, "sheets/a.png") == "a.png"
    assert path_from(sheet, str(here / "sheets" / "a.png")) == "a.png"
    assert path_from(sheet, str(here / "a.png")) == str(here / "a.png")
    assert path_from(here / "link" / "film.colors.toml", "a.png") == "../a.png"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--add-hint", "9", "0.4,0.5", "navy"], "time 0:00:09.000 is outside the video"),
        (["--add-hint", "0.4,0.5", "navy"], "a film needs the time"),
        (["--add-hint", "1", "0.4", "navy"], "'0.4' is no place; write X,Y, as 0.4,0.5"),
        (["--add-hint", "1", "0.4,x", "navy"], "'x' is no number"),
        (["--add-hint", "1", "0.4,1.5", "navy"], "outside the picture"),
        (["--add-hint", "1", "nan,0.5", "navy"], "no number"),
        (["--add-hint", "1", "0.4,0.5", "nvy"], 'did you mean "navy"?'),
        (["--add-hint", "1:70", "0.4,0.5", "navy"], "go up to 59"),
        (["--add-hint", "navy"], "give TIME X,Y COLOR"),
        (["--add-hint", "1", "0.4,0.5", "navy", "--size", "big"], "--size: 'big' is no number"),
        (["--add-hint", "1", "0.4,0.5", "navy", "--size", "0"], "covers nothing"),
        (["--add-hint", "1", "0.4,0.5", "navy", "--name", " "], "--name ' ' is no name"),
        (["--add-reference", "film.mkv", "1", "2"], "give IMAGE, or IMAGE TIME"),
        (["--save", "jacket", "auto"], "--save: saved jacket is not a color of its own"),
        (["--save", "@", "navy"], "is no name"),
        (["--remove-hint", "1"], "there is no color sheet film.colors.toml"),
        (["--remove-hint", "0"], "too small"),
        (["--add-hint", "1", "-0.1,0.5", "navy"], "--add-hint: x and y go from 0 to 1"),
        (["--add-hint", "1", "0.4,0.5", "0.5,0.5"], "no color '0.5,0.5'"),
        (["--add-hint", "1", "0.4", "0.5", "navy"], "'0.4' is no place; write X,Y, as 0.4,0.5"),
        (["--add-hint", "0.4,0.5", "0.5,0.5", "navy"], "a film needs the time"),
        (["--add-hint", "1", "0,0", "1,1", "navy", "--area"], "at least 3 points"),
        (["--add-hint", "1", "0,0", "1,1", "1,0", "gray", "--area", "--size", "0.1"], "--size is"),
        (["--area"], "--area goes with --add-hint"),
        (["--name", "coat"], "--name goes with --add-hint"),
        (["--json"], "--json goes with --check"),
        (["--save", "a", "navy", "--remove-hint", "1"], "not allowed with"),
        (
            ["--save", "a", "navy", "--shots", "a.csv"],
            "--shots is for a first sheet, --check and --find",
        ),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    words: list[str], told: str, here: Path, capsys: Captured
) -> None:
    assert told in refused(capsys, "film.mkv", *words)
    assert os.listdir(here) == ["film.mkv"]


def test_a_link_is_followed(here: Path, capsys: Captured) -> None:
    (here / "sheets").mkdir()
    (here / SHEET).symlink_to("sheets/real.toml")
    for number in (1, 2):
        do(capsys, "film.mkv", "--add-hint", "1", "0.5,0.5", "auto")
        assert len(ColorSheet.read(here / "sheets" / "real.toml").hints) == number
    assert (here / SHEET).is_symlink()


def test_a_form_that_cannot_be_changed_is_told_with_the_file(here: Path, capsys: Captured) -> None:
    (here / SHEET).write_text('hint = [{time = 1, point = [0, 0], color = "red"}]\n')
    told = refused(capsys, "film.mkv", "--remove-hint", "1")
    assert told.startswith(f"vidcolor: {SHEET}:1: entries of hint in this form cannot be changed")


def test_the_film_comes_first(here: Path, capsys: Captured) -> None:
    told = refused(capsys, "--add-hint", "1", "0.5,0.5", "navy", "film.mkv")
    assert "name the film first: vidcolor colors FILM" in told


def test_a_sheet_that_cannot_be_read_stays_as_it_is(here: Path, capsys: Captured) -> None:
    (here / SHEET).write_text("video = 'film.mkv'\n[[hint]\n")
    told = refused(capsys, "film.mkv", "--add-hint", "1", "0.5,0.5", "navy")
    assert told.startswith(f"vidcolor: {SHEET}:2: ")
    assert (here / SHEET).read_text() == "video = 'film.mkv'\n[[hint]\n"
    assert "no such file" in refused(capsys, "no.mkv", "--save", "a", "navy")
