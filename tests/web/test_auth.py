"""Who gets past the guard of the page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vidcolor.web.auth import Guard

TOKEN, PORT = "so-secret", 7860
HOST = f"127.0.0.1:{PORT}"
GUARDS: list[Guard] = []
"""The one that is asked, so that its cookie stays."""


async def page(scope: Any, receive: Any, send: Any) -> None:
    """The application behind the guard; it streams two parts, and would allow other origins."""
    headers = [(b"content-type", b"text/plain"), (b"access-control-allow-origin", b"*")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"in", "more_body": True})
    await send({"type": "http.response.body", "body": b"side"})


def ask(
    path: str = "/",
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    query: str = "",
    kind: str = "http",
) -> tuple[int, dict[str, str], list[bytes]]:
    """Status, headers and parts of the body; of a websocket the code it is closed with."""
    sent: list[Any] = []
    given = [
        (key.encode(), value.encode("latin-1"))
        for key, value in ({"host": HOST} | (headers or {})).items()
    ]
    scope = {"type": kind, "path": path, "headers": given, "query_string": query.encode()}
    if kind == "http":
        scope["method"] = method

    async def receive() -> Any:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    GUARDS[:] = GUARDS or [Guard(page, TOKEN, PORT)]
    asyncio.run(GUARDS[0](scope, receive, send))
    if kind == "websocket":
        return sent[0]["code"], {}, []
    found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], found, [message["body"] for message in sent[1:]]


def cookie_of(headers: dict[str, str]) -> str:
    return headers["set-cookie"].split(";")[0].split("=", 1)[1]


SECRET = cookie_of(ask(query=f"token={TOKEN}")[1])
COOKIE = {"cookie": f"other=1; vidcolor-{PORT}={SECRET}"}


def test_nobody_gets_anything_without_the_token() -> None:
    paths = (
        "/",
        "/config",
        "/assets/index.js",
        "/vidcolor/jobs",
        "/gradio_api/queue/join",
        "/nowhere",
    )
    for path in paths:
        status, _, body = ask(path)
        assert status == 403
        assert b"side" not in b"".join(body)
    assert ask("/", method="POST")[0] == 403
    assert ask("/", method="HEAD")[2] == [b""]


@pytest.mark.parametrize("word", ["", "so-secre", "so-secret2", "SO-SECRET", "%C3%A9", "\ud800"])
def test_another_token_is_none(word: str) -> None:
    query = "token=" + (word if word != "\ud800" else "%ED%A0%80")
    assert ask(query=query)[0] == 403
    assert (
        ask(headers={"cookie": f"vidcolor-{PORT}={word.encode('utf-8', 'replace').decode()}"})[0]
        == 403
    )


def test_the_token_becomes_a_cookie_and_leaves_the_address() -> None:
    status, headers, _ = ask(query=f"token={TOKEN}&__theme=dark")
    assert status == 303
    assert headers["location"] == "/?__theme=dark"
    cookie = headers["set-cookie"]
    assert cookie.startswith(f"vidcolor-{PORT}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_the_address_does_not_tell_the_cookie_nor_the_cookie_the_address() -> None:
    # Browsers keep addresses, and give cookies to every port of this machine.
    assert SECRET != TOKEN
    assert len(SECRET) >= 32
    assert ask(headers={"cookie": f"vidcolor-{PORT}={TOKEN}"})[0] == 403
    assert ask(query=f"token={SECRET}")[0] == 403
    try:
        GUARDS.insert(0, Guard(page, TOKEN, PORT))
        other = cookie_of(ask(query=f"token={TOKEN}")[1])
    finally:
        del GUARDS[0]
    assert other != SECRET  # another server has another one


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("/vidcolor/\u20ac", "/vidcolor/%E2%82%AC"),
        ("/vidcolor/a\r\nset-cookie: a=b", "/vidcolor/a%0D%0Aset-cookie%3A%20a%3Db"),
        ("/vidcolor/\x00\x7f", "/vidcolor/%00%7F"),
        ("/vidcolor/\ufffd?#", "/vidcolor/%EF%BF%BD%3F%23"),
    ],
)
def test_a_strange_path_with_the_token_is_quoted(path: str, quoted: str) -> None:
    status, headers, _ = ask(path, query=f"token={TOKEN}")
    assert (status, headers["location"]) == (303, quoted)
    assert "\n" not in headers["location"]


def test_the_manifest_which_browsers_ask_for_without_cookies_is_empty() -> None:
    status, headers, body = ask("/manifest.json")
    assert (status, body) == (200, [b"{}"])
    assert headers["content-type"] == "application/manifest+json"
    assert ask("/manifest.json", headers={"host": "evil.example"})[0] == 403


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/x\r\nset-cookie: a=b"])
def test_the_way_on_leads_nowhere_else(path: str) -> None:
    assert ask(path, query=f"token={TOKEN}")[1]["location"] == "/"


def test_the_cookie_opens_the_page_which_streams_and_closes_it_for_others() -> None:
    status, headers, body = ask(headers=COOKIE)
    assert (status, body) == (200, [b"in", b"side"])
    assert "access-control-allow-origin" not in headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert ask(headers={"cookie": f"vidcolor-1={SECRET}"})[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", "localhost:1", ""]
)
def test_another_host_is_refused_even_with_the_token(host: str) -> None:
    # DNS rebinding: a stranger's name that leads to this machine.
    assert ask(headers={**COOKIE, "host": host})[0] == 403
    assert ask(headers={"host": host}, query=f"token={TOKEN}")[0] == 403


def test_localhost_is_this_machine_too() -> None:
    assert ask(headers={**COOKIE, "host": f"localhost:{PORT}"})[0] == 200


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"origin": f"http://{HOST}"}, 200),
        ("POST", {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}, 200),
        ("POST", {}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"origin": "http://127.0.0.1:3000"}, 403),
        ("POST", {"origin": f"https://{HOST}"}, 403),
        ("POST", {"origin": f"http://{HOST}", "sec-fetch-site": "same-site"}, 403),
        ("DELETE", {}, 403),
        ("GET", {}, 200),
        ("GET", {"origin": "http://evil.example"}, 403),
        ("GET", {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, 200),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, 403),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ],
)
def test_only_its_own_page_may_ask(method: str, headers: dict[str, str], status: int) -> None:
    assert ask("/vidcolor/jobs", {**COOKIE, **headers}, method=method)[0] == status


def test_a_link_with_the_token_may_stand_anywhere() -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert ask(headers=headers, query=f"token={TOKEN}")[0] == 303
    assert ask(headers=headers, query="token=guess")[0] == 403
    assert ask(headers={**COOKIE, **headers}, query="x=token")[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/upload", "/gradio_api/proxy=http://evil.example", "/gradio_api/info"),
        *("/gradio_api/api/look", "/gradio_api/vibe-code", "/monitoring", "/login", "/logout"),
        *("/gradio_api/file=http://evil.example/a", "/gradio_api/file=https://127.0.0.1/a"),
        *("/gradio_api/file=/etc/passwd", "/gradio_api/file=", "/gradio_api/queue/join"),
        *("/gradio_api/heartbeat/x", "/gradio_api/startup-events", "/gradio_api/queue/data"),
        *("/gradio_api/file/etc/passwd", "/docs", "/openapi.json", "/svelte/x"),
    ],
)
def test_what_the_page_does_not_need_is_closed(path: str) -> None:
    headers = {**COOKIE, "origin": f"http://{HOST}"}
    assert ask(path, headers)[0] == 403
    assert ask(path, headers, method="POST")[0] == 403


def test_websockets_are_guarded_too() -> None:
    assert ask("/", COOKIE, kind="websocket")[0] == 1008
    assert ask("/", {"origin": f"http://{HOST}"}, kind="websocket")[0] == 1008
