"""The color sheet of the page: one file, steps back and forth, and nothing from outside."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from vidcolor.errors import AccessDenied, ColorSheetError, SettingsError
from vidcolor.guidance.entries import Hint
from vidcolor.guidance.sheet_edits import NO_CLOCK, add_entry
from vidcolor.web.film_sheet import FilmSheet
from vidcolor.web.library import Film

COAT = '[[hint]]\ntime = 1\npoint = [0.5, 0.5]\ncolor = "navy"\n'
HAT = partial(add_entry, entry=Hint(point=(0.1, 0.2), color="red", time=2))


def sheet_of(folder: Path, beside: str | None = None, uploaded: bool = False) -> FilmSheet:
    films = folder / "films"
    films.mkdir(exist_ok=True)
    (films / "reel.mp4").write_bytes(b"film")
    if beside is not None:
        (films / "reel.colors.toml").write_text(beside)
    film = Film("id", films / "reel.mp4", "reel.mp4", uploaded)
    return FilmSheet(film, folder / "private" / "id", lambda: ["mini", "default"], NO_CLOCK)


def edit_beside(folder: Path, text: str) -> None:
    path = folder / "films" / "reel.colors.toml"
    path.write_text(text)
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 10**9))  # clocks may be coarse


def test_an_edit_is_in_the_file_at_once_and_can_be_undone_and_redone(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path)
    assert (sheet.text, sheet.says_something, sheet.steps) == ("", False, (False, False))
    sheet.change(HAT)
    assert sheet.path.name == "reel.colors.toml"
    assert "red" in sheet.path.read_text()
    assert sheet.says_something
    sheet.undo()
    assert (sheet.path.read_text(), sheet.steps) == ("", (False, True))
    sheet.undo()  # there is nothing: nothing happens
    sheet.redo()
    assert (len(sheet.content.hints), sheet.steps) == (1, (True, False))
    sheet.undo()
    sheet.change(partial(add_entry, entry=Hint(point=(0, 0), color="gray", time=1)))
    assert sheet.steps == (True, False), "what was undone is not redone over something new"


def test_a_sheet_beside_the_film_is_the_beginning_and_is_never_written(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "# mine\n" + COAT)
    assert sheet.text == "# mine\n" + COAT
    assert "begin with reel.colors.toml" in sheet.note
    sheet.change(HAT)
    assert "# mine" in sheet.text
    assert (tmp_path / "films" / "reel.colors.toml").read_text() == "# mine\n" + COAT


def test_what_is_beside_an_upload_is_not_looked_at(tmp_path: Path) -> None:
    assert sheet_of(tmp_path, COAT, uploaded=True).text == ""


def test_an_edit_by_hand_is_seen_and_what_the_page_said_is_a_step_back(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, COAT)
    sheet.change(HAT)
    edit_beside(tmp_path, COAT.replace("navy", "teal"))
    assert [hint.color for hint in sheet.content.hints] == ["teal"]
    assert "Undo brings back" in sheet.note
    sheet.undo()
    assert [hint.color for hint in sheet.content.hints] == ["navy", "red"]
    assert sheet.steps == (True, True)
    assert sheet.text == sheet.text, "the same edit is not taken twice"


def test_an_edit_by_hand_that_is_wrong_is_told_and_changes_nothing(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, COAT)
    assert sheet.text == COAT
    edit_beside(tmp_path, COAT.replace("navy", "navyish"))
    assert sheet.text == COAT
    assert "reel.colors.toml:4" in sheet.note
    edit_beside(tmp_path, COAT.replace("navy", "teal"))
    assert "teal" in sheet.text


def test_a_whole_text_is_taken_or_refused_with_its_line(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path)
    sheet.change(HAT)
    before = sheet.text
    with pytest.raises(ColorSheetError, match=r"reel\.colors\.toml:3: the point"):
        sheet.adopt(COAT.replace("0.5]", "5]"))

    def refuse(path: Path) -> None:
        assert path.read_text() == COAT
        raise SettingsError(f"{path.name}:2: time is outside")

    with pytest.raises(ColorSheetError, match=r"^reel\.colors\.toml:2: time"):
        sheet.adopt(COAT, refuse)
    assert sheet.text == sheet.path.read_text() == before
    assert not [one for one in sheet.path.parent.iterdir() if one.name.startswith(".")]
    sheet.adopt(COAT)
    assert sheet.text == COAT
    sheet.undo()
    assert sheet.text == before


@pytest.mark.parametrize(
    "image",
    [
        "/etc/passwd.png",
        "../../secret.png",
        "sub/../../secret.png",
        "link.png",
        "missing.png",
        "reel.colors.toml",
        ".hidden.png",
        "",
    ],
)
def test_a_sheet_names_no_image_that_is_not_its_own(image: str, tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path)
    sheet.save()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "private" / "secret.png").write_bytes(b"secret")
    (sheet.path.parent / "sub").mkdir()
    (sheet.path.parent / ".hidden.png").write_bytes(b"secret")
    (sheet.path.parent / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(ColorSheetError, match=r"reel\.colors\.toml:\d"):
        sheet.adopt(f'# a comment\n[[reference]]\nimage = "{image}"\n')
    assert sheet.text == ""
    with pytest.raises(AccessDenied):
        sheet.image(image)


def test_a_sheet_names_no_weights_but_those_of_the_page(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path)
    with pytest.raises(ColorSheetError, match=r":1: there are no weights /etc/passwd"):
        sheet.adopt('[[stretch]]\nweights = "/etc/passwd"\n')
    sheet.adopt('[[stretch]]\nweights = "mini"\n')
    assert sheet.says_something


def test_images_are_kept_once_and_copied_with_the_sheet(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path)
    name = sheet.add_image("../coat.png", b"one")
    assert (name, sheet.add_image("coat.png", b"one")) == ("coat.png", "coat.png")
    other = sheet.add_image("coat.png", b"two")
    assert sheet.image(other).read_bytes() == b"two"
    assert sheet.image("coat.png").read_bytes() == b"one"
    for wrong in ("coat.svg", "coat", "coat.toml", ".png"):
        with pytest.raises(AccessDenied):
            sheet.add_image(wrong, b"x")
    # A sheet that was written elsewhere has its images in a folder; they come by name alone.
    sheet.adopt('video = "reel.mp4"\n[[reference]]\nimage = "stills/coat.png"\n')
    copy = sheet.copy_to(tmp_path / "job")
    assert (copy.parent / "stills" / "coat.png").read_bytes() == b"one"
    assert "video" not in copy.read_text()
    assert "stills/coat.png" in copy.read_text()


def test_images_beside_the_film_come_along_but_none_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "films" / "stills").mkdir(parents=True)
    (tmp_path / "films" / "stills" / "a.png").write_bytes(b"a")
    (tmp_path / "b.png").write_bytes(b"secret")
    sheet = sheet_of(tmp_path, '[[reference]]\nimage = "stills/a.png"\n')
    assert [file.read_bytes() for _, file in sheet.images()] == [b"a"]
    edit_beside(tmp_path, '[[reference]]\nimage = "../b.png"\n')
    assert "stills/a.png" in sheet.text
    assert "not on this page" in sheet.note


def test_a_first_sheet_that_says_nothing_yet_changes_nothing(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, '[[stretch]]\nname = "shot 1"\nto = 2\n')
    assert not sheet.says_something
    edit_beside(tmp_path, '[[stretch]]\nname = "shot 1"\nto = 2\nkeep_gray = false\n')
    assert sheet.says_something
