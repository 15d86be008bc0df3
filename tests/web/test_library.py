"""Which films the page may use, and what may be uploaded."""

from __future__ import annotations

import os
import stat
from collections import namedtuple
from pathlib import Path

import pytest

from vidcolor.errors import AccessDenied
from vidcolor.web import library as library
from vidcolor.web import temp_dir as private
from vidcolor.web.library import KEPT_FREE, Library, inside, spoken
from vidcolor.web.temp_dir import PREFIX, PrivateFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An allowed folder with films, and much beside and in it that must not be reached."""
    films = tmp_path / "films"
    (films / "1950s" / ".trash").mkdir(parents=True)
    (films / ".hidden").mkdir()
    for name in (
        "reel.mp4",
        "1950s/Beach.MKV",
        ".secret.mp4",
        ".hidden/a.mp4",
        "1950s/.trash/b.mp4",
    ):
        (films / name).write_bytes(b"film")
    (films / "notes.txt").write_text("no film")
    (films / "old.zip").write_bytes(b"PK")
    (tmp_path / "outside.mp4").write_bytes(b"secret")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c.mp4").write_bytes(b"secret")
    (films / "way-out.mp4").symlink_to(tmp_path / "outside.mp4")
    (films / "way-out").symlink_to(tmp_path / "other")
    (films / "to-hidden.mp4").symlink_to(films / ".secret.mp4")
    (films / "text.mp4").symlink_to(films / "notes.txt")
    (films / "twin.mp4").symlink_to(films / "reel.mp4")
    (films / "circle.mp4").symlink_to(films / "circle.mp4")
    os.mkfifo(films / "pipe.mp4")
    return films


def a_shelf(tmp_path: Path, *folders: Path, most: int = 1000) -> Library:
    uploads = tmp_path / "uploads"
    uploads.mkdir(exist_ok=True)
    return Library(list(folders), uploads, most)


def test_films_of_the_folder_are_listed_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    found = a_shelf(tmp_path, folder).listed()
    assert found == [
        ("1950s/Beach.MKV", "0/1950s/Beach.MKV"),
        ("reel.mp4", "0/reel.mp4"),
        ("twin.mp4", "0/twin.mp4"),
    ]


def test_two_folders_are_told_apart(folder: Path, tmp_path: Path) -> None:
    found = a_shelf(tmp_path, tmp_path / "other", folder).listed()
    assert ("other/c.mp4", "0/c.mp4") in found
    assert ("films/reel.mp4", "1/reel.mp4") in found


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../outside.mp4", "1950s/../../outside.mp4", "1950s/../reel.mp4"),
        *("way-out.mp4", "way-out/c.mp4", "to-hidden.mp4", "text.mp4", "circle.mp4"),
        *(".secret.mp4", ".hidden/a.mp4", "1950s/.trash/b.mp4", "1950s", "notes.txt", "old.zip"),
        *("reel.mp4\0", "reel\0.mp4", "missing.mp4", "pipe.mp4", "/etc/passwd", "x" * 5000),
    ],
)
def test_no_name_leads_out_of_the_folder(name: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied):
        inside(folder, name)
    with pytest.raises(AccessDenied):
        a_shelf(tmp_path, folder).choose(f"0/{name}")


def test_an_absolute_name_is_refused_even_of_a_film_inside(folder: Path) -> None:
    with pytest.raises(AccessDenied):
        inside(folder, str(folder / "reel.mp4"))


@pytest.mark.parametrize("place", ["", "reel.mp4", "1/reel.mp4", "-1/reel.mp4", "²/reel.mp4"])
def test_only_folders_of_the_list_can_be_named(place: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied):
        a_shelf(tmp_path, folder).choose(place)


def test_a_film_is_found_by_its_random_id_alone(folder: Path, tmp_path: Path) -> None:
    films = a_shelf(tmp_path, folder)
    film = films.choose("0/reel.mp4")
    assert film.path == folder / "reel.mp4"
    assert films.find(film.id) is film
    assert films.choose("0/twin.mp4") is film  # the same file
    for wrong in ("", "reel.mp4", str(film.path), film.id[:-1]):
        with pytest.raises(AccessDenied):
            films.find(wrong)


def test_an_upload_gets_a_name_of_its_own(tmp_path: Path) -> None:
    films = a_shelf(tmp_path)
    name = "../../<b>Grandma's</b> \x1b[31mreel\u202e.MP4"
    with films.upload(name, 5) as file:
        file.write(b"12345")
    film = films.uploaded(Path(file.name), name)
    assert film.path.parent == tmp_path / "uploads"
    assert film.path.read_bytes() == b"12345"
    assert film.path.name == f"{film.id}.mp4"
    assert len(film.id) == 32
    assert film.name.isprintable()
    assert films.find(film.id) is film


@pytest.mark.parametrize(
    ("name", "size", "word"),
    [
        ("film.zip", 5, "not a supported"),
        ("film.mp4.exe", 5, "not a supported"),
        ("mp4", 5, "not a supported"),
        ("film.mp4", 0, "empty"),
        ("film.mp4", None, "empty"),
        ("film.mp4", -3, "empty"),
        ("film.mp4", 1001, "--max-upload"),
    ],
)
def test_what_must_not_be_uploaded(name: str, size: int | None, word: str, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match=word), a_shelf(tmp_path).upload(name, size):
        pytest.fail("was let in")
    assert not list((tmp_path / "uploads").iterdir())


@pytest.mark.parametrize("sent", [b"1234", b"123456"])
def test_an_upload_that_is_not_whole_is_thrown_away(sent: bytes, tmp_path: Path) -> None:
    with (
        pytest.raises(AccessDenied, match="incomplete"),
        a_shelf(tmp_path).upload("a.mp4", 5) as file,
    ):
        file.write(sent)
    assert not list((tmp_path / "uploads").iterdir())


def test_uploads_together_leave_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(library.shutil, "disk_usage", lambda _: usage(0, 0, KEPT_FREE + 100))
    films = a_shelf(tmp_path)
    with pytest.raises(AccessDenied, match="too full"), films.upload("a.mp4", 101):
        pytest.fail("was let in")
    with films.upload("a.mp4", 60) as file:
        with pytest.raises(AccessDenied, match="too full"), films.upload("b.mp4", 60):
            pytest.fail("was let in")
        file.write(b"x" * 60)
    with films.upload("b.mp4", 60) as file:  # what was promised is there no more
        file.write(b"x" * 60)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("C:\\films\\reel.mp4", "reel.mp4"),
        ("a/b/reel.mp4", "reel.mp4"),
        ("x" * 74 + "y" * 300 + "z" * 25 + ".mp4", "x" * 74 + "…" + "z" * 25 + ".mp4"),
        ("\u6620" * 83 + ".mp4", "\u6620" * 49 + "…" + "\u6620" * 16 + ".mp4"),
        ("", "film"),
        ("  ", "film"),
    ],
)
def test_names_as_they_are_shown(name: str, told: str) -> None:
    assert spoken(name) == told


def test_a_folder_of_very_many_files_is_listed_in_a_moment(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    for number in range(20):
        (folder / str(number)).mkdir(parents=True)
        for name in range(100):
            (folder / str(number) / f"{name}.mp4").symlink_to(tmp_path)
            (folder / str(number) / f"{name}.txt").touch()
            (folder / str(number) / f"{name}.mkv").touch()
    resolved = []

    def resolve(path: Path, strict: bool = False) -> Path:
        resolved.append(path)
        return path

    films = a_shelf(tmp_path, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "MOST_LISTED", 50)
        patch.setattr(Path, "resolve", resolve)
        found = films.listed()
        seen = len(resolved)
        assert found == films.listed()
    assert len(found) == 50
    # Links are resolved, those before the last one that is offered; a list is remembered.
    assert len(resolved) == seen
    assert 0 < seen <= 2 * 50 + 2


def test_an_upload_can_be_removed_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    films = a_shelf(tmp_path, folder)
    with films.upload("a.mp4", 5) as file:
        file.write(b"12345")
    film, own = films.uploaded(Path(file.name), "a.mp4"), films.choose("0/reel.mp4")
    assert films.uploads() == [film]
    films.remove(film.id)
    assert films.uploads() == []
    assert not film.path.exists()
    for film_id in (film.id, own.id, ""):
        with pytest.raises(AccessDenied):
            films.remove(film_id)
    assert own.path.exists()


def test_pictures_are_taken_like_films(folder: Path, tmp_path: Path) -> None:
    (folder / "portrait.JPG").write_bytes(b"picture")
    films = a_shelf(tmp_path, folder)
    assert ("portrait.JPG", "0/portrait.JPG") in films.listed()
    with films.upload("portrait.tif", 5) as file:
        file.write(b"12345")


def test_the_private_folder_is_private_and_goes(tmp_path: Path) -> None:
    room = PrivateFolder(tmp_path)
    for folder in (room.path, room / "films", room / "jobs", room / "page"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    room.remove()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_server_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    living = PrivateFolder(tmp_path)
    dead = tmp_path / f"{PREFIX}dead"
    dead.mkdir()
    (dead / "film.mp4").write_bytes(b"left")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)
    monkeypatch.setattr(private, "YOUNG", 0)
    PrivateFolder(tmp_path).remove()
    assert not dead.exists()
    assert elsewhere.is_dir()
    assert (living / "films").is_dir()
    living.remove()
