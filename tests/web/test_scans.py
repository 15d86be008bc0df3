"""Image sequences of the folders: each is one film of the list, and none leads out of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs pip install 'vidcolor[web]'")
import httpx
from web_desk import DIALS, run

from vidcolor.errors import AccessDenied
from vidcolor.web.library import Library
from vidcolor.web.options import Choice
from vidcolor.web.preview_worker import facts
from vidcolor.web.queue import Job, suffix_of
from vidcolor.web.scans import LONG, MOST_SINGLE
from vidcolor.web.session import ServerSession


def put(folder: Path, pattern: str, numbers: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / (pattern % number)).write_bytes(b"frame")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """An allowed folder, and a forbidden one beside it."""
    films = tmp_path / "films"
    put(films / "scans", "scan_%06d.png", range(LONG))
    put(films / "few", "photo_%02d.jpg", range(3))
    put(films / "dpx", "%05d.dpx", range(86400, 86402))
    put(films / "gap", "a_%04d.dpx", range(5))
    (films / "gap" / "a_0002.dpx").unlink()
    put(films / ".hidden", "h_%03d.dpx", range(5))
    put(tmp_path / "other", "o_%03d.dpx", range(5))
    put(films / "linked", "l_%03d.dpx", range(5))
    (films / "linked" / "l_005.dpx").symlink_to(tmp_path / "other" / "o_000.dpx")
    (films / "way-out").symlink_to(tmp_path / "other")
    return films


@pytest.fixture
def library(films: Path, tmp_path: Path) -> Library:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    return Library([films], uploads, 1000)


def test_a_sequence_is_one_film_of_the_list(library: Library) -> None:
    listed = dict(library.listed())
    assert listed[f"scans/scan_%06d.png ({LONG} frames)"] == "0/scans/scan_%06d.png"
    assert listed["dpx/%05d.dpx (2 frames)"] == "0/dpx/%05d.dpx"
    patterns = [label for label in listed if "%" in label]
    assert len(patterns) == 2, "gaps, links, hidden and short ones are no films"
    assert "scans/scan_000003.png" in listed  # it may be a photograph
    assert "few/photo_01.jpg" in listed


def test_frames_of_a_long_sequence_are_not_listed_one_by_one(films: Path, tmp_path: Path) -> None:
    put(films / "long", "f_%05d.tif", range(MOST_SINGLE + 1))
    labels = [label for label, _ in Library([films], tmp_path, 1).listed()]
    assert [label for label in labels if label.startswith("long/")] == [
        f"long/f_%05d.tif ({MOST_SINGLE + 1} frames)"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "gap/a_%04d.dpx",
        ".hidden/h_%03d.dpx",
        "linked/l_%03d.dpx",
        "way-out/o_%03d.dpx",
        "../other/o_%03d.dpx",
        "/etc/o_%03d.dpx",
        "dpx/%05d.exr",
        "dpx/%05d%05d.dpx",
        "dpx/%05d.dpx\0",
        "few/photo_%02d.jpg",
        "nowhere/%04d.dpx",
    ],
)
def test_what_is_no_whole_sequence_of_the_folder_is_refused(library: Library, name: str) -> None:
    with pytest.raises(AccessDenied):
        library.choose(f"0/{name}")


def test_a_rate_makes_it_another_film(library: Library, tmp_path: Path) -> None:
    place = "0/scans/scan_%06d.png"
    film = library.choose(place)
    assert (film.name, film.is_scans, film.fps) == ("scans", True, None)
    opened = library.set_rate(film, Fraction(24))
    assert opened.id == film.id
    assert library.find(film.id).fps == 24
    assert library.choose(place) == opened
    assert library.choose(place, Fraction(24)) == opened
    other = library.choose(place, Fraction(16))
    assert other.id != film.id
    assert other.to_open() == {"path": str(other.path), "fps": "16"}
    job = Job("id", other, Choice(), tmp_path / "out.mkv", tmp_path)
    assert job.words()[1:3] == [str(other.path), "--fps=16"]
    assert library.choose("0/few/photo_01.jpg", Fraction(16)).fps is None


def test_the_result_has_the_name_of_the_folder(desk: ServerSession, tmp_path: Path) -> None:
    put(tmp_path / "films" / "dpx", "%05d.dpx", range(86400, 86402))
    job = desk.queue.add(desk.library.choose("0/dpx/%05d.dpx"), Choice())
    assert job.target.name == "dpx in color.mkv"
    assert suffix_of(Choice(purpose="edit"), "") == ".mov"


def test_scans_without_a_rate_get_one_and_say_so(tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    for number in range(6):
        gray = np.full((32, 48), 40 * number, np.uint8)
        Image.fromarray(gray).save(tmp_path / f"s_{number:03d}.png")
    path = str(tmp_path / "s_%03d.png")
    found = facts(path)
    assert (found["fps"], found["rate"], found["seconds"]) == ("24", "24", "1/4")
    assert "24 until you say so" in found["notes"][0]
    asked = facts(path, "18")
    assert (asked["fps"], asked["seconds"], asked["notes"]) == ("18", "1/3", [])


def test_the_page_says_a_rate(desk: ServerSession, tmp_path: Path) -> None:
    put(tmp_path / "films" / "scans", "s_%03d.png", range(LONG))
    place = "0/scans/s_%03d.png"

    async def play(page: httpx.AsyncClient) -> None:
        for fps in ("fast", "0", "1e9", "nan", [24]):
            answer = await page.post("/vidcolor/open", json={"place": place, "fps": fps})
            assert answer.status_code == 422
            assert "fps" in answer.json()["error"] or "frames a second" in answer.json()["error"]
        answer = await page.post("/vidcolor/open", json={"place": place, "fps": "23.976"})
        assert answer.status_code == 200
        film = answer.json()
        assert (film["name"], "id='fps'" in film["facts"]) == ("scans", True)
        said = {"film": film["film"], "dials": DIALS | {"purpose": "web"}}
        assert (await page.post("/vidcolor/jobs", json=said)).status_code == 200
        said = {"film": film["film"], "dials": DIALS | {"purpose": "cinema"}}
        assert (await page.post("/vidcolor/jobs", json=said)).status_code == 422

    run(desk, play)
    (job,) = desk.queue.jobs()
    assert job.target.name == "scans in color.webm"
    assert "--for=web" in job.words()
