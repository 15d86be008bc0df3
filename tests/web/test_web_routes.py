"""What the page asks for: bounded, given up with whoever asked, and never of another film."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install 'vidcolor[web]'")
import httpx
from fastapi import FastAPI
from web_desk import DIALS, asked_for, open_video, run

from vidcolor.web.routes import add_routes
from vidcolor.web.session import MOST_WAITING, ServerSession


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
