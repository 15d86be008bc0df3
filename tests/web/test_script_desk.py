"""The scenes of a film on the page: made in the background, shown, stopped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install 'vidcolor[web]'")
import httpx
from guided import RATE, SHOT, guided_settings, write_scenes, write_shots
from web_desk import DIALS, open_video, run

from vidcolor.errors import WeightsNotFound
from vidcolor.media.images.reference import read_reference
from vidcolor.preview.script_scenes import script_view
from vidcolor.web import script_worker
from vidcolor.web.options import Choice
from vidcolor.web.session import ServerSession

FOUND = {
    "shots": 5,
    "scenes": [
        {
            "number": 1,
            "shots": 2,
            "frames": 9,
            "keys": [
                {"time": "12/25", "before": "1-1-before.jpg", "after": "1-1-after.jpg"},
                {"time": "262/25", "before": "1-2-before.jpg", "after": "1-2-after.jpg"},
            ],
            "before": [],
            "after": [{"color": "#204060", "share": 0.4}],
        },
        {
            "number": 2,
            "shots": 1,
            "frames": 1,
            "keys": [{"time": "4", "before": "", "after": ""}],
            "before": [],
            "after": [],
        },
    ],
    "notes": ["a note", "no color tags"],
}
MAKER = """
import json, os, sys, time
said = json.load(open(sys.argv[1]))
print(said["choice"]["weights"], bool(said["sheet"]), file=open("looked", "a"))
line = {"doing": "finding the shots", "frames": 3, "total": None}
open(said["progress"], "a").write(json.dumps(line) + chr(10))
while os.path.exists("busy"):
    time.sleep(0.02)
if os.path.exists("bad"):
    sys.exit("vidcolor: " + os.path.basename(said["path"]) + ": no color script: a single shot")
found = json.load(open("script"))
for scene in found["scenes"]:
    for key in scene["keys"]:
        for name in filter(None, (key["before"], key["after"])):
            open(os.path.join(os.path.dirname(said["target"]), name), "w").write(name)
open(said["target"], "w").write(json.dumps(found))
"""
MAKE = {"do": "make", "dials": DIALS}
HINT = {"do": "hint", "frame": 50, "point": [[0.4, 0.5]], "color": "navy"}


@pytest.fixture
def made(desk: ServerSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServerSession:
    """A desk with a stand-in that decides `FOUND`."""
    (tmp_path / "maker.py").write_text(MAKER)
    (tmp_path / "script").write_text(json.dumps(FOUND))
    queue = desk.colors.scripts._queue
    words = queue._words
    monkeypatch.setattr(queue, "_words", lambda job: ["maker", *words(job)[1:]])
    return desk


async def say(page: httpx.AsyncClient, film: str, said: dict[str, Any]) -> dict[str, Any]:
    answer = await page.post(f"/vidcolor/films/{film}/scenes", json=said)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def until(page: httpx.AsyncClient, film: str, state: str) -> dict[str, Any]:
    """The script once it is in a state."""
    found: dict[str, Any] = {}
    for _ in range(600):
        found = (await page.get(f"/vidcolor/films/{film}/scenes")).json()
        if found["state"] == state:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


def play(desk: ServerSession, act: Callable[[httpx.AsyncClient, str], Awaitable[None]]) -> None:
    """Let a page that has opened a film act."""

    async def go(page: httpx.AsyncClient) -> None:
        film = str((await open_video(page))["film"])
        assert (await page.get(f"/vidcolor/films/{film}/scenes")).json() == {}
        await act(page, film)

    run(desk, go)


def test_scenes_come_with_frames_pictures_and_palettes(made: ServerSession, tmp_path: Path) -> None:
    async def act(page: httpx.AsyncClient, film: str) -> None:
        made.opened(film).facts["notes"].append("no color tags")  # stands above the picture
        await say(page, film, MAKE)
        found = await until(page, film, "done")
        several, single = found["scenes"]
        assert (found["shots"], found["notes"], found["old"]) == (5, ["a note"], False)
        assert several["after"] == [{"color": "#204060", "share": 0.4}]
        assert [key["frame"] for key in several["keys"]] == [12, 262]
        assert (single["keys"][0]["frame"], single["keys"][0]["after"]) == (100, "")
        for key in several["keys"]:
            for when in ("before", "after"):
                shown = await page.get(f"/vidcolor/films/{film}/scenes/{key[when]}.jpg")
                assert shown.headers["content-type"] == "image/jpeg"
                assert shown.text.endswith(f"-{when}.jpg")
        for name in ("1", "asked", f"{found['id']}-", f"{found['id']}-1-3-after", "0-1-1-after"):
            gone = await page.get(f"/vidcolor/films/{film}/scenes/{name}.jpg")
            assert gone.status_code == 404

        await page.post(f"/vidcolor/films/{film}/colors", json=HINT)
        assert (await until(page, film, "done"))["old"], "it was made without this hint"
        again = await say(page, film, MAKE)
        assert again["id"] != found["id"]
        assert not (await until(page, film, "done"))["old"]

    play(made, act)
    assert (tmp_path / "looked").read_text().splitlines() == ["mini False", "mini True"]


def test_it_is_seen_to_get_on_stopped_and_replaced(made: ServerSession, tmp_path: Path) -> None:
    (tmp_path / "busy").touch()

    async def act(page: httpx.AsyncClient, film: str) -> None:
        await say(page, film, MAKE)
        for _ in range(600):
            found = await until(page, film, "running")
            if found["frames"]:
                break
            await asyncio.sleep(0.05)
        told = found["doing"], found["frames"], found["total"]
        assert told == ("finding the shots", 3, 0)
        assert "scenes" not in found
        await say(page, film, {"do": "stop"})
        await until(page, film, "stopped")
        await say(page, film, MAKE)
        await until(page, film, "running")
        await say(page, film, MAKE)  # the one before it is given up
        (tmp_path / "busy").unlink()
        await until(page, film, "done")

    play(made, act)


def test_what_went_wrong_is_told_in_one_line(made: ServerSession, tmp_path: Path) -> None:
    (tmp_path / "bad").touch()

    async def act(page: httpx.AsyncClient, film: str) -> None:
        await say(page, film, MAKE)
        found = await until(page, film, "failed")
        assert found["line"] == "a.mp4: no color script: a single shot"

    play(made, act)


@pytest.mark.parametrize(
    ("said", "status", "line"),
    [
        ({"do": "make"}, 404, "reload"),
        ({"do": "make", "dials": {**DIALS, "size": 100}}, 422, "size"),
        ({"do": "paint"}, 404, "reload"),
    ],
)
def test_what_cannot_be_is_refused(
    said: dict[str, Any], status: int, line: str, made: ServerSession
) -> None:
    async def act(page: httpx.AsyncClient, film: str) -> None:
        answer = await page.post(f"/vidcolor/films/{film}/scenes", json=said)
        assert (answer.status_code, line in answer.json()["error"]) == (status, True), answer.text
        assert (await page.get("/vidcolor/films/nothing/scenes")).status_code == 404
        made.opened(film).facts["picture"] = True
        answer = await page.post(f"/vidcolor/films/{film}/scenes", json=MAKE)
        assert answer.json()["error"] == "a picture has no scenes"

    play(made, act)


def test_a_film_that_is_removed_takes_its_scenes_along(made: ServerSession) -> None:
    async def go(page: httpx.AsyncClient) -> None:
        film = (await page.post("/vidcolor/films?name=reel.mp4", content=b"12345")).json()["film"]
        await page.post("/vidcolor/open", json={"film": film})
        await say(page, film, MAKE)
        await until(page, film, "done")
        assert any((made.private / "scripts").iterdir())
        await page.post(f"/vidcolor/films/{film}/remove")
        assert not any((made.private / "scripts").iterdir())

    run(made, go)


def make(film: Path, weights: Path, sheet: Path | None = None) -> dict[str, Any]:
    """What the process decides of a film; all it writes lies beside the film."""
    room = film.parent
    choice = Choice(str(weights), size=64, device="cpu", titles="color")
    asked = {
        "path": str(film),
        "choice": choice.plain(),
        "sheet": sheet and str(sheet),
        "target": str(room / "found.json"),
        "progress": str(room / "progress"),
    }
    (room / "asked").write_text(json.dumps(asked))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["script_worker", str(room / "asked")])
        script_worker.main()
    return dict(json.loads((room / "found.json").read_text()))


@pytest.mark.usefixtures("sure_guide")
def test_the_process_decides_what_the_command_does_and_adds_pictures(
    quick_weights: Path, tmp_path: Path
) -> None:
    film = write_scenes(tmp_path / "film.mkv", "ABA")
    found = make(film, quick_weights)
    view = script_view(film, settings=guided_settings(quick_weights))
    assert found["shots"] == 3
    assert [scene["frames"] for scene in found["scenes"]] == [2, 1]
    several, single = found["scenes"]
    for one, scene in zip(found["scenes"], view.scenes, strict=True):
        assert one["number"] == scene.number
        for when in ("before", "after"):
            colors = [swatch.color for swatch in getattr(scene, when)]
            assert [swatch["color"] for swatch in one[when]] == colors
    assert [Fraction(key["time"]) for key in several["keys"]] == list(view.scenes[0].times)
    assert single["keys"] == [
        {"time": str(Fraction(SHOT + SHOT // 2, RATE)), "before": "", "after": ""}
    ]
    for key in several["keys"]:
        for when in ("before", "after"):
            assert read_reference(tmp_path / key[when]).shape[:2] == (64, 96)
    lines = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    stages = list(dict.fromkeys(line["doing"] for line in lines))
    assert stages == ["finding the shots", "color script", "painting key frames"]
    assert (lines[-1]["frames"], lines[-1]["total"]) == (2, 2)


@pytest.mark.usefixtures("sure_guide")
def test_the_process_colors_key_frames_as_the_sheet_says(
    quick_weights: Path, tmp_path: Path
) -> None:
    film = write_scenes(tmp_path / "film.mkv", "ABA")
    sheet = tmp_path / "said.toml"
    sheet.write_text("[[stretch]]\nfrom = 0\nto = 0.96\nkeep_gray = true\n")

    def strongest(found: dict[str, Any]) -> int:
        picture = read_reference(tmp_path / found["scenes"][0]["keys"][0]["after"])[..., :3]
        return int((picture.max(2).astype(int) - picture.min(2)).max())

    assert strongest(make(film, quick_weights, sheet)) <= 2
    assert strongest(make(film, quick_weights)) > 20


@pytest.mark.parametrize("guided", [True, False])
def test_the_process_tells_what_went_wrong_and_writes_no_answer(
    guided: bool, quick_weights: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if guided:
        request.getfixturevalue("quick_guide")
    film = write_shots(tmp_path / "one.mkv", shots=1)
    with pytest.raises(SystemExit) as end:
        make(film, quick_weights)
    words = "one.mkv: no color script: a single shot" if guided else "this model has no guide"
    assert words in str(end.value.code)
    assert not (tmp_path / "found.json").exists()


def test_lines_of_the_progress_are_few(tmp_path: Path) -> None:
    tell = script_worker._teller(str(tmp_path / "progress"))
    for done in range(1, 2001):
        tell("finding the shots", done, 2000)
    tell("color script", 1, 9)
    lines = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert 3 <= len(lines) < 1000
    assert [line["frames"] for line in (lines[0], *lines[-2:])] == [1, 2000, 1]


def test_weights_that_are_missing_are_not_taken_for_weights_without_a_guide(
    tmp_path: Path,
) -> None:
    with pytest.raises(WeightsNotFound, match="nothing"):
        script_worker.make("film", Choice("nothing").plain(), None, "target", "progress")
