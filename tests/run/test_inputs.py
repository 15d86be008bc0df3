"""Which files of a folder are colored, and what they become."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vidcolor.errors import OutputError, SettingsError
from vidcolor.run.inputs import BatchInputs, find_inputs

PNG, JPEG = b"\x89PNG\r\n\x1a\n" + bytes(8), b"\xff\xd8\xff" + bytes(13)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str, data: bytes = b"no film") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(data)


def targets(found: BatchInputs) -> dict[str, str]:
    """Source -> target."""
    return {str(item.source): str(item.target) for item in found.items}


def refusals(found: BatchInputs) -> dict[str, str]:
    return {str(item.source): item.refused for item in found.items if item.refused}


def test_a_folder_keeps_its_structure(here: Path) -> None:
    touch("in/b.mp4", "in/a.mkv", "in/deep/er/c.MOV", "in/notes.txt", "in/deep/sound.mp3")
    found = find_inputs(["in"], Path("out"))
    assert targets(found) == {
        "in/a.mkv": "out/a.mkv",
        "in/b.mp4": "out/b.mp4",
        "in/deep/er/c.MOV": "out/deep/er/c.MOV",
    }
    assert [item.name for item in found.items] == ["a.mkv", "b.mp4", "deep/er/c.MOV"]
    assert list(map(str, found.left_out)) == ["in/notes.txt", "in/deep/sound.mp3"]
    assert not Path("out").exists()


def test_what_is_hidden_and_the_targets_are_not_searched(here: Path) -> None:
    touch("in/a.mp4", "in/.b.mp4", "in/.trash/c.mp4", "in/.a.mp4.vidcolor/d.mp4", "in/out/a.mp4")
    touch("in/out/deep/e.mp4", "in/deep/out/f.mp4")
    found = find_inputs(["in"], Path("in/out"))
    assert targets(found) == {
        "in/a.mp4": "in/out/a.mp4",
        "in/deep/out/f.mp4": "in/out/deep/out/f.mp4",
    }
    assert found.left_out == ()


def test_a_link_is_a_film_but_no_folder_to_search(here: Path) -> None:
    touch("in/a.mp4", "elsewhere/b.mp4")
    Path("in/link.mp4").symlink_to(here / "elsewhere" / "b.mp4")
    Path("in/loop").symlink_to(here / "in")
    assert list(targets(find_inputs(["in"], Path("out")))) == ["in/a.mp4", "in/link.mp4"]


@pytest.mark.parametrize(
    ("name", "data", "target"),
    [
        ("a.mp4", b"", "a.mp4"),
        ("a.M4V", b"", "a.M4V"),
        ("a.mov", b"", "a.mov"),
        ("a.mkv", b"", "a.mkv"),
        ("a.webm", b"", "a.webm"),
        ("a.avi", b"", "a.mkv"),
        ("a.b.ts", b"", "a.b.mkv"),
        ("a.gif", b"", "a.mkv"),
        ("p.png", PNG, "p.png"),
        ("p.jpg", JPEG, "p.jpg"),
        ("p.JPEG", JPEG, "p.JPEG"),
        ("p.tif", b"II*\0", "p.tif"),
        ("p.bmp", b"BM", "p.png"),
        ("p.jpg", PNG, "p.jpg"),
        ("p.mp4", JPEG, "p.png"),  # a picture all the same
        ("p.png", b"", "p.mkv"),
    ],
)
def test_suffixes(name: str, data: bytes, target: str, here: Path) -> None:
    touch(f"in/{name}", data=data)
    assert targets(find_inputs(["in"], Path("out"))) == {f"in/{name}": f"out/{target}"}


def test_to_asks_for_suffixes(here: Path) -> None:
    touch("in/a.mp4", "in/b.avi")
    touch("in/p.jpg", data=JPEG)
    asked = targets(find_inputs(["in"], Path("out"), ["mov"]))
    assert list(asked.values()) == ["out/a.mov", "out/b.mov", "out/p.jpg"]
    asked = targets(find_inputs(["in"], Path("out"), [".PNG", "webm"]))
    assert list(asked.values()) == ["out/a.webm", "out/b.webm", "out/p.png"]


@pytest.mark.parametrize("to", [["avi"], [""], ["mkv", "mp4"], ["png", "jpg"]])
def test_suffixes_that_are_refused(to: list[str], here: Path) -> None:
    with pytest.raises(SettingsError, match="--to"):
        find_inputs(["in"], Path("out"), to)


def test_two_of_one_name_get_longer_names(here: Path) -> None:
    touch("in/a.avi", "in/a.mpg", "in/b.avi", "in/sub/a.avi", "in/c.mp4")
    touch("in/p.png", "in/p.bmp", data=PNG)
    assert targets(find_inputs(["in"], Path("out"))) == {
        "in/a.avi": "out/a.avi.mkv",
        "in/a.mpg": "out/a.mpg.mkv",
        "in/b.avi": "out/b.mkv",
        "in/c.mp4": "out/c.mp4",
        "in/p.bmp": "out/p.bmp.png",
        "in/p.png": "out/p.png.png",
        "in/sub/a.avi": "out/sub/a.mkv",
    }


def test_files_are_taken_by_name_whatever_they_are_called(here: Path) -> None:
    touch("one/film", "two/-x.data", "ünï ☃.mp4")
    found = find_inputs(["two/-x.data", "one/film", "ünï ☃.mp4", "missing.avi"], Path("out"))
    assert targets(found) == {
        "two/-x.data": "out/-x.mkv",
        "one/film": "out/film.mkv",
        "ünï ☃.mp4": "out/ünï ☃.mp4",
        "missing.avi": "out/missing.mkv",
    }


def test_a_film_that_is_named_twice_is_one(here: Path) -> None:
    touch("in/a.mp4", "in/b.mp4")
    found = find_inputs(
        ["in/a.mp4", "./in/a.mp4", str(here / "in" / "a.mp4"), "in/*.mp4"], Path("o")
    )
    assert targets(found) == {"in/a.mp4": "o/a.mp4", "in/b.mp4": "o/b.mp4"}


def test_several_folders_stay_apart(here: Path) -> None:
    touch("one/a.mp4", "two/a.mp4", "b.mp4")
    found = find_inputs(["one", "two/", "b.mp4"], Path("out"))
    assert list(targets(found).values()) == ["out/one/a.mp4", "out/two/a.mp4", "out/b.mp4"]
    (here / "one" / "down").mkdir()
    os.chdir(here / "one" / "down")
    assert list(targets(find_inputs(["..", "../../two"], Path("out"))).values()) == [
        "out/one/a.mp4",
        "out/two/a.mp4",
    ]


def test_patterns_are_expanded_as_a_shell_does(here: Path) -> None:
    touch("in/a.mp4", "in/b.mp4", "in/c.avi", "in/.d.mp4", "in/deep/e.mp4", "in/n.txt")
    assert list(targets(find_inputs(["in/*.mp4"], Path("out")))) == ["in/a.mp4", "in/b.mp4"]
    assert list(targets(find_inputs(["in/[bc].*"], Path("out")))) == ["in/b.mp4", "in/c.avi"]
    deep = ["in/a.mp4", "in/b.mp4", "in/deep/e.mp4"]
    assert list(targets(find_inputs(["in/**/*.mp4"], Path("out")))) == deep
    assert list(targets(find_inputs(["in/no*.mp4"], Path("out")))) == ["in/no*.mp4"]


def test_a_name_that_looks_like_a_pattern_is_taken_literally_first(here: Path) -> None:
    touch("reel [1].mp4", "reel 1.mp4", "wh*t.mp4", "what.mp4")
    assert targets(find_inputs(["reel [1].mp4"], Path("out"))) == {
        "reel [1].mp4": "out/reel [1].mp4"
    }
    assert list(targets(find_inputs(["wh*t.mp4"], Path("out")))) == ["wh*t.mp4"]
    assert list(targets(find_inputs(["wha*.mp4"], Path("out")))) == ["what.mp4"]


def test_a_source_is_never_a_target(here: Path) -> None:
    touch("a.mp4", "b.avi", "b.mkv", "c.avi", "out/d.mkv")
    os.link("out/d.mkv", "d.mkv")
    found = find_inputs(["a.mp4", "b.avi", "c.avi"], Path("."))
    assert refusals(found) == {
        "a.mp4": "a.mp4: would replace the source a.mp4; name another folder"
    }
    found = find_inputs(["d.mkv", "c.avi"], Path("out"))
    assert list(refusals(found)) == ["d.mkv"]
    Path("sub").mkdir()
    touch("sub/b.avi")
    found = find_inputs(["sub/b.avi", "b.mkv"], Path("."))  # both get longer names
    assert refusals(found) == {}
    found = find_inputs(["sub/b.avi", "one/b.mkv", "b.mkv"], Path("."))
    assert set(refusals(found)) == {"one/b.mkv", "b.mkv"}


def test_sources_that_are_not_there_are_no_ones_target(here: Path) -> None:
    assert refusals(find_inputs(["a.mp4", "b.mp4"], Path("out"))) == {}


def test_two_that_would_be_one_are_refused(here: Path) -> None:
    touch("one/a.mp4", "two/a.mp4", "b.mp4")
    found = find_inputs(["one/a.mp4", "two/a.mp4", "b.mp4"], Path("out"))
    assert list(refusals(found)) == ["one/a.mp4", "two/a.mp4"]
    assert "different folders" in refusals(found)["one/a.mp4"]


def test_folders_that_are_refused(here: Path) -> None:
    touch("in/a.mp4", "file")
    for folder in ("in", "./in/", str(here / "in")):
        with pytest.raises(OutputError, match="contains the films to color"):
            find_inputs(["in"], Path(folder))
    with pytest.raises(OutputError, match="not a folder"):
        find_inputs(["in"], Path("file"))


def test_a_folder_without_films_is_empty(here: Path) -> None:
    touch("in/notes.txt", "in/.hidden.mp4")
    found = find_inputs(["in"], Path("out"))
    assert found.items == ()
    assert list(map(str, found.left_out)) == ["in/notes.txt"]
