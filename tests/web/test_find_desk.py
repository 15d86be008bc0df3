"""The same thing in other shots, on the page: looked for, kept or struck, stopped."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install 'vidcolor[web]'")
import httpx
from guided import SHOT, write_shots
from hinted import listener
from web_desk import open_video, run

import vidcolor.colorize.find
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.guidance.sheet_file import parse_sheet
from vidcolor.nets.colornet import ColorNet
from vidcolor.web import find_worker
from vidcolor.web.session import ServerSession
from vidcolor.web.shot_scanner import Shots

STARTS = [Fraction(0), Fraction(4), Fraction(9), Fraction(12)]
COAT = {"do": "hint", "frame": 50, "point": [[0.4, 0.5]], "color": "navy", "name": "coat"}
PLACES = [
    {"start": "4", "end": "9", "time": "13/2", "point": [0.25, 0.5], "sure": 0.61},
    {"start": "9", "end": "12", "time": "262/25", "point": [0.75, 0.5], "sure": 0.93},
    {"start": "12", "end": "400", "time": "206", "point": [0.1, 0.1], "sure": 0.52},
]
LOOKER = """
import json, os, sys, time
said = json.load(open(sys.argv[1]))
print(said["name"], said["starts"], said["end"], file=open("looked", "a"))
open(said["progress"], "a").write(json.dumps({"frames": 3, "total": 9}) + chr(10))
while os.path.exists("busy"):
    time.sleep(0.02)
if os.path.exists("bad"):
    sys.exit("vidcolor: " + os.path.basename(said["path"]) + ": is damaged")
places = json.load(open("places"))
for place in places:
    open(os.path.join(os.path.dirname(said["target"]), place["picture"]), "wb").write(b"jpeg")
open(said["target"], "w").write(json.dumps(places))
"""


@pytest.fixture
def cut(desk: ServerSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServerSession:
    """A desk that knows the shots; a stand-in finds `PLACES`."""
    known = Shots(STARTS, STARTS[-1], over=True, finished=True)
    monkeypatch.setattr(desk.study, "of", lambda _film: known)
    (tmp_path / "looker.py").write_text(LOOKER)
    places = [
        one | {"color": "navy", "picture": f"{number}.jpg"} for number, one in enumerate(PLACES)
    ]
    (tmp_path / "places").write_text(json.dumps(places))
    queue = desk.colors.finds._queue
    words = queue._words
    monkeypatch.setattr(queue, "_words", lambda job: ["looker", *words(job)[1:]])
    return desk


async def say(page: httpx.AsyncClient, film: str, **said: Any) -> dict[str, Any]:
    answer = await page.post(f"/vidcolor/films/{film}/found?frame=50", json=said)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def until(page: httpx.AsyncClient, film: str, state: str) -> dict[str, Any]:
    """The search once it is in a state."""
    found: dict[str, Any] = {}
    for _ in range(600):
        found = (await page.get(f"/vidcolor/films/{film}/found")).json()
        if found["state"] == state:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def begin(page: httpx.AsyncClient) -> str:
    """A film with a coat in its first shot."""
    film = str((await open_video(page))["film"])
    assert (await page.get(f"/vidcolor/films/{film}/found")).json() == {}
    answer = await page.post(f"/vidcolor/films/{film}/colors", json=COAT)
    assert answer.json()["all_shots"] is True
    return film


def numbers(found: dict[str, Any]) -> list[int]:
    return [one["number"] for one in found["places"]]


def test_what_is_kept_is_a_hint_at_once_and_what_is_struck_does_not_come_again(
    cut: ServerSession, tmp_path: Path
) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = await begin(page)
        assert (await say(page, film, do="find", name="coat"))["found"]["name"] == "coat"
        found = await until(page, film, "done")
        assert (found["found"], numbers(found)) == (3, [2, 1, 3]), "the surest comes first"
        best = found["places"][0]
        assert (best["frame"], best["point"], best["sure"]) == (262, [0.75, 0.5], 0.93)
        shown = await page.get(f"/vidcolor/films/{film}/found/{best['picture']}.jpg")
        assert (shown.content, shown.headers["content-type"]) == (b"jpeg", "image/jpeg")

        both = await say(page, film, do="keep", number=2)
        assert numbers(both["found"]) == [1, 3]
        hint = parse_sheet(both["colors"]["text"]).hints[1]
        assert (hint.name, hint.color, hint.time) == ("coat", "navy", Fraction(262, 25))
        assert hint.point == (0.75, 0.5)
        await page.post(f"/vidcolor/films/{film}/colors", json={"do": "undo"})
        found = (await page.get(f"/vidcolor/films/{film}/found")).json()
        assert numbers(found) == [2, 1, 3], "what was undone is proposed again"
        await page.post(f"/vidcolor/films/{film}/colors", json={"do": "redo"})

        both = await say(page, film, do="strike", number=1)
        assert numbers(both["found"]) == [3]
        assert len(both["colors"]["hints"]) == 2
        await say(page, film, do="find", name="coat")
        found = await until(page, film, "done")
        assert (found["found"], numbers(found)) == (3, [3])

    run(cut, play)
    assert (tmp_path / "looked").read_text().splitlines() == ["coat ['0', '4', '9', '12'] 400"] * 2


def test_a_search_is_seen_to_get_on_stopped_and_replaced(
    cut: ServerSession, tmp_path: Path
) -> None:
    (tmp_path / "busy").touch()

    async def play(page: httpx.AsyncClient) -> None:
        film = await begin(page)
        await say(page, film, do="find", name="coat")
        for _ in range(600):
            found = await until(page, film, "running")
            if found["total"]:
                break
            await asyncio.sleep(0.05)
        assert (found["frames"], found["total"], found["places"]) == (3, 9, [])
        await say(page, film, do="stop")
        assert (await until(page, film, "stopped"))["places"] == []
        await say(page, film, do="find", name="coat")
        await until(page, film, "running")
        await say(page, film, do="find", name="coat")  # the one before it is given up
        (tmp_path / "busy").unlink()
        await until(page, film, "done")

    run(cut, play)


def test_what_went_wrong_is_told_in_one_line_with_the_films_own_name(
    cut: ServerSession, tmp_path: Path
) -> None:
    (tmp_path / "bad").touch()

    async def play(page: httpx.AsyncClient) -> None:
        film = await begin(page)
        await say(page, film, do="find", name="coat")
        found = await until(page, film, "failed")
        assert found["line"] == "a.mp4: is damaged"

    run(cut, play)


@pytest.mark.parametrize(
    ("said", "status", "line"),
    [
        ({"do": "find", "name": "hat"}, 422, "no hint is called hat"),
        ({"do": "find"}, 422, "no hint is called"),
        ({"do": "keep", "number": 1}, 404, "is gone"),
        ({"do": "strike", "number": 0}, 404, "is gone"),
        ({"do": "keep", "number": "x"}, 404, "reload"),
        ({"do": "keep"}, 404, "reload"),
        ({"do": "paint"}, 404, "reload"),
    ],
)
def test_what_cannot_be_is_refused(
    said: dict[str, Any], status: int, line: str, cut: ServerSession
) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = await begin(page)
        answer = await page.post(f"/vidcolor/films/{film}/found", json=said)
        assert (answer.status_code, line in answer.json()["error"]) == (status, True), answer.text
        for name in ("1", "asked", "0-1"):
            gone = await page.get(f"/vidcolor/films/{film}/found/{name}.jpg")
            assert gone.status_code == 404
        assert (await page.get("/vidcolor/films/nothing/found")).status_code == 404

    run(cut, play)


def test_nothing_is_looked_for_before_all_shots_are_known(
    cut: ServerSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut.study, "of", lambda _film: Shots(STARTS, STARTS[-1]))

    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        state = (await page.post(f"/vidcolor/films/{film}/colors", json=COAT)).json()
        assert state["all_shots"] is False
        said = {"do": "find", "name": "coat"}
        answer = await page.post(f"/vidcolor/films/{film}/found", json=said)
        assert answer.status_code == 404
        assert "not all found yet" in answer.json()["error"]

    run(cut, play)


def test_a_film_that_is_removed_takes_its_search_along(cut: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await page.post("/vidcolor/films?name=reel.mp4", content=b"12345")).json()["film"]
        await page.post("/vidcolor/open", json={"film": film})
        await page.post(f"/vidcolor/films/{film}/colors", json=COAT)
        await say(page, film, do="find", name="coat")
        await until(page, film, "done")
        assert any((cut.private / "finds").iterdir())
        await page.post(f"/vidcolor/films/{film}/remove")
        assert not any((cut.private / "finds").iterdir())

    run(cut, play)


SHEET = '[[hint]]\ntime = 0.2\npoint = [0.5, 0.5]\ncolor = "navy"\nname = "coat"\n'


def asked(tmp_path: Path, name: str) -> Path:
    """A film of three shots, its sheet, and a file that says what is looked for."""
    write_shots(tmp_path / "film.mkv", shots=3)
    (tmp_path / "film.colors.toml").write_text(SHEET)
    words = {
        "path": str(tmp_path / "film.mkv"),
        "name": name,
        "sheet": str(tmp_path / "film.colors.toml"),
        "starts": [str(Fraction(number * SHOT, 25)) for number in range(3)],
        "end": str(Fraction(3 * SHOT, 25)),
        "device": "cpu",
        "target": str(tmp_path / "found.json"),
        "progress": str(tmp_path / "progress"),
    }
    (tmp_path / "asked").write_text(json.dumps(words))
    return tmp_path / "asked"


def look(path: Path, quick: ColorNet, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process does."""
    monkeypatch.setattr(Colorizer, "from_weights", lambda settings: listener(quick))
    monkeypatch.setattr("sys.argv", ["find_worker", str(path)])
    find_worker.main()


def test_the_process_proposes_what_the_command_does_with_a_picture_of_each_place(
    quick: ColorNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vidcolor.media.images.reference import read_reference

    monkeypatch.setattr(vidcolor.colorize.find, "SUREST", 0.0)
    look(asked(tmp_path, "coat"), quick, monkeypatch)
    found = json.loads((tmp_path / "found.json").read_text())
    assert [Fraction(one["start"]) for one in found] == [Fraction(n * SHOT, 25) for n in (1, 2)]
    for number, one in enumerate(found, 1):
        assert (one["color"], one["picture"]) == ("navy", f"{number}.jpg")
        assert Fraction(one["start"]) <= Fraction(one["time"]) < Fraction(one["end"])
        shown = read_reference(tmp_path / one["picture"])
        assert shown.shape[:2] == (find_worker.HEIGHT, find_worker.HEIGHT * 96 // 64)
    last = json.loads((tmp_path / "progress").read_text().splitlines()[-1])
    assert last == {"frames": 2, "total": 2}


def test_the_process_tells_what_went_wrong_and_writes_no_answer(
    quick: ColorNet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SystemExit) as end:
        look(asked(tmp_path, "hat"), quick, monkeypatch)
    assert end.value.code == "vidcolor: no hint is called hat; there are: coat"
    assert not (tmp_path / "found.json").exists()
