"""What the page asks for: bounded, given up with whoever asked, and never of another film."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install 'vidcolor[web]'")
import httpx
from fastapi import FastAPI

from vidcolor.web import session as desk_module
from vidcolor.web.options import Choice
from vidcolor.web.preview_client import Worker
from vidcolor.web.routes import add_routes
from vidcolor.web.session import MOST_WAITING, ServerSession

STAND_IN = """
import json, os, select, sys, time
facts = {"width": 8, "height": 6, "rate": "25", "seconds": "400", "sound": 0, "subtitles": 0}
facts |= {"title": "", "notes": [], "picture": False}
asked_for = open("asked", "a")
for line in sys.stdin:
    asked = json.loads(line)
    print(asked["do"], asked.get("path", "").split("/")[-1], file=asked_for, flush=True)
    if asked["do"] == "give up":
        continue
    found = {"nets": ["mini"], **facts}
    while os.path.exists("busy") and asked["do"] in ("frame", "still"):
        if select.select([sys.stdin], [], [], 0.02)[0]:
            break
    for name in ("target", "before", "after"):
        if name in asked:
            open(asked[name], "wb").write(b"picture")
    print(json.dumps({"ok": found}), flush=True)
"""

DIALS = {"weights": "mini", "size": 256, "vivid": 0.5, "smooth": 0.9, "saturation": 1}
Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerSession]:
    """A desk whose processes are stand-ins; nothing looks for shots."""
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    here = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), here]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(desk_module, "Worker", partial(Worker, words=("stand_in",)))
    monkeypatch.setattr(desk_module.ShotScanner, "begin", lambda self, film: None)
    films, keep = tmp_path / "films", tmp_path / "keep"
    films.mkdir()
    keep.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (films / name).write_bytes(b"film")
    desk = ServerSession([films], keep, 1000, Choice(weights="mini"))
    yield desk
    desk.close()


def run(desk: ServerSession, play: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    """Let a page play with the routes."""

    async def go() -> None:
        app = FastAPI()
        add_routes(app, desk)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://x", timeout=60
        ) as client:
            await play(client)

    asyncio.run(go())


def asked_for(tmp_path: Path, do: str) -> int:
    lines = (tmp_path / "asked").read_text().splitlines()
    return sum(line.split()[0] == do for line in lines)


async def open_video(page: httpx.AsyncClient, name: str = "a.mp4") -> dict[str, Any]:
    answer = await page.post("/vidcolor/open", json={"place": f"0/{name}"})
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_film_is_opened_once_and_previewed_in_gray_and_color(
    desk: ServerSession, tmp_path: Path
) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = await open_video(page)
        assert (film["name"], film["frames"], film["picture"]) == ("a.mp4", 10_000, False)
        again = await page.get(f"/vidcolor/films/{film['film']}")  # the page is loaded again
        assert again.json() == film
        gray = await page.get(f"/vidcolor/films/{film['film']}/7/gray")
        assert (await page.get("/" + gray.json()["gray"])).content == b"picture"
        said = {"dials": DIALS, "smoothed": True}
        color = (await page.post(f"/vidcolor/films/{film['film']}/7/color", json=said)).json()
        assert color["seconds"] == "400"  # as the stand-in says
        assert "before" in color["before"]
        assert (await page.get("/" + color["after"])).content == b"picture"

    run(desk, play)
    assert [asked_for(tmp_path, do) for do in ("facts", "frame", "still")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/vidcolor/open", {"place": "0/../secret.mp4"}),
        ("/vidcolor/open", {"film": "nowhere"}),
        ("/vidcolor/open", {}),
        ("/vidcolor/open", ["list"]),
        ("/vidcolor/open", {"place": "x" * 100_000}),
        ("/vidcolor/jobs", {"film": "nowhere", "dials": DIALS}),
        ("/vidcolor/films/nowhere/0/color", {"dials": DIALS}),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(
    path: str, said: object, desk: ServerSession
) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        answer = await page.post(path, json=said)
        assert answer.status_code == 404
        assert "\n" not in answer.json()["error"]

    run(desk, play)


@pytest.mark.parametrize(
    ("dials", "status"),
    [
        ({**DIALS, "saturation": 9}, 422),
        ({**DIALS, "vivid": "nan"}, 422),
        ({**DIALS, "titles": "none"}, 422),
        ({**DIALS, "size": 1e999}, 404),
        ({**DIALS, "size": None}, 404),
        ({}, 404),
        (None, 404),
        ([1], 404),
    ],
)
def test_dials_are_in_range(dials: object, status: int, desk: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = await open_video(page)
        text = json.dumps({"film": film["film"], "dials": dials})
        answer = await page.post("/vidcolor/jobs", content=text)
        assert answer.status_code == status
        assert not answer.json()["error"].startswith("--")

    run(desk, play)
    assert desk.queue.jobs() == []


def test_pictures_are_those_that_were_made_for_a_page(desk: ServerSession) -> None:
    (desk.private / "page" / "stranger.jpg").write_bytes(b"secret")

    async def play(page: httpx.AsyncClient) -> None:
        for name in ("stranger", "..%2f..%2f.lock", "nothing", "%00"):
            answer = await page.get(f"/vidcolor/pictures/{name}.jpg")
            assert answer.status_code == 404
            assert b"secret" not in answer.content

    run(desk, play)


async def long_body(size: int, sent: list[int]) -> AsyncIterator[bytes]:
    for _ in range(size // 10_000):
        sent.append(10_000)
        yield b"x" * 10_000


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "10"},
        {"content-length": "10", "transfer-encoding": "chunked"},
        {"transfer-encoding": "chunked"},
        {"content-length": "-1"},
        {"content-length": "1e3"},
        {"content-length": "0"},
    ],
)
def test_an_upload_is_no_longer_than_it_said(
    headers: dict[str, str], desk: ServerSession, tmp_path: Path
) -> None:
    sent: list[int] = []

    async def play(page: httpx.AsyncClient) -> None:
        request = page.build_request(
            "POST", "/vidcolor/films?name=a.mp4", content=long_body(10**7, sent)
        )
        request.headers.clear()
        request.headers.update(headers)
        answer = await page.send(request)
        assert answer.status_code == 404
        assert (await page.get("/vidcolor/films")).json() == []

    run(desk, play)
    assert list((desk.private / "films").iterdir()) == []
    assert sum(sent) <= 20_000


def test_uploads_are_listed_and_removed(desk: ServerSession) -> None:
    async def play(page: httpx.AsyncClient) -> None:
        film = (await page.post("/vidcolor/films?name=reel.mp4", content=b"12345")).json()["film"]
        assert (await page.get("/vidcolor/films")).json() == [
            {"id": film, "name": "reel.mp4", "bytes": 5}
        ]
        await page.post("/vidcolor/open", json={"film": film})
        own = (await open_video(page))["film"]
        assert (await page.post(f"/vidcolor/films/{own}/remove")).status_code == 404
        assert (await page.post(f"/vidcolor/films/{film}/remove")).json() == []
        assert (await page.get(f"/vidcolor/films/{film}")).status_code == 404
        assert list((desk.private / "films").iterdir()) == []

    run(desk, play)


def test_hundreds_of_small_pictures_keep_nothing_else_waiting(
    desk: ServerSession, tmp_path: Path
) -> None:
    (tmp_path / "busy").touch()

    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        thumbs = [
            asyncio.create_task(page.get(f"/vidcolor/films/{film}/{number}.jpg"))
            for number in range(100)
        ]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        assert (await page.get("/vidcolor/jobs")).status_code == 200
        assert time.monotonic() - began < 10
        (tmp_path / "busy").unlink()
        found = [answer.status_code for answer in await asyncio.gather(*thumbs)]
        assert found.count(200) == MOST_WAITING
        assert found.count(503) == 100 - MOST_WAITING
        again = await page.get(f"/vidcolor/films/{film}/99.jpg")  # there is room again
        assert (again.status_code, again.content) == (200, b"picture")

    run(desk, play)


def test_a_preview_ends_with_the_page_that_asked(desk: ServerSession, tmp_path: Path) -> None:
    (tmp_path / "busy").touch()

    async def play(page: httpx.AsyncClient) -> None:
        film = (await open_video(page))["film"]
        gone = asyncio.Event()
        sent: list[Any] = []

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        app = FastAPI()
        add_routes(app, desk)
        scope = {"type": "http", "method": "GET", "path": f"/vidcolor/films/{film}/5/gray"}
        scope |= {"headers": [], "query_string": b"", "http_version": "1.1"}  # type: ignore[dict-item]
        asking = asyncio.create_task(app(scope, receive, send))
        while not asked_for(tmp_path, "frame"):
            await asyncio.sleep(0.02)
        gone.set()
        await asyncio.wait_for(asking, 20)
        # The next film does not wait for what nobody waits for.
        assert (await open_video(page, "b.mp4"))["name"] == "b.mp4"

    run(desk, play)
    assert asked_for(tmp_path, "give")  # it was told
