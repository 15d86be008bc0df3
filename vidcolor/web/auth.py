"""Who may talk to the server: a browser on this machine that was given the address.

An ASGI application around another one; it holds back nothing that streams.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PATHS = frozenset({"/", "/config", "/theme.css", "/favicon.ico"})
FOLDERS = ("/vidcolor/", "/assets/", "/static/")
"""What the page needs. All else that Gradio would answer (files and addresses that a request names,
uploads into its own folder, its queue, its programming interface) is closed."""

MANIFEST = "/manifest.json"
"""What browsers fetch without their cookies for every page that names it, as Gradio's does. It is
empty here."""

HEADERS = {
    # Nothing that the page holds can make the browser talk to another machine.
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'"
    "; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:"
    "; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Lets requests through that name this server, come from its page, and have its cookie.

    The token of the address gives the cookie, which has another value: an address stays in the
    history of a browser, a cookie goes to every port of this machine.
    """

    def __init__(self, app: App, token: str, port: int) -> None:
        """Stand before ``app``, which listens on ``port`` of this machine."""
        self._app = app
        self._token, self._secret = token, secrets.token_urlsafe(24)
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"vidcolor-{port}"  # browsers share cookies between the ports of a host

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer 403, set the cookie, or pass the request on."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = {key.decode("latin-1"): value for key, value in scope["headers"]}
        host = headers.get("host", b"").decode("latin-1")
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        origin = headers.get("origin")
        if host not in self._hosts or origin not in (None, f"http://{host}".encode("latin-1")):
            return await _refuse(scope, receive, send)
        if scope["path"] == MANIFEST and scope["type"] == "http":
            return await _answer(scope, send, 200, "application/manifest+json", b"{}")
        given = [value for key, value in query if key == "token"]
        reads = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if given and reads:
            if _is_secret(given[0], self._token):
                return await self._welcome(scope, query, send)
            return await _refuse(scope, receive, send)
        # Other ports of this machine are the same site to a browser, but another origin.
        strange = headers.get("sec-fetch-site", b"none") not in (b"same-origin", b"none")
        known = _is_secret(self._cookie_of(headers), self._secret) and (reads or origin is not None)
        if strange or not known or not _is_open(scope["path"]):
            return await _refuse(scope, receive, send)
        return await self._app(scope, receive, _with_headers(send))

    def _cookie_of(self, headers: dict[str, bytes]) -> str:
        try:
            found = SimpleCookie(headers.get("cookie", b"").decode("latin-1")).get(self._cookie)
        except CookieError:
            return ""
        return found.value if found else ""

    async def _welcome(self, scope: Message, query: list[tuple[str, str]], send: Send) -> None:
        """The cookie, and the way to the same page without the token in its address."""
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        path = quote(scope["path"]) if _is_open(scope["path"]) else "/"
        cookie = f"{self._cookie}={self._secret}; HttpOnly; SameSite=Strict; Path=/"
        headers = {"location": path + (f"?{rest}" if rest else ""), "set-cookie": cookie}
        headers |= {"cache-control": "no-store", "content-length": "0", **HEADERS}
        await send({"type": "http.response.start", "status": 303, "headers": _raw(headers)})
        await send({"type": "http.response.body", "body": b""})


def _is_secret(word: str, secret: str) -> bool:
    """Whether a word is the secret; how long that takes tells nothing."""
    return hmac.compare_digest(word.encode("utf-8", "surrogatepass"), secret.encode())


def _is_open(path: str) -> bool:
    return path in PATHS or path.startswith(FOLDERS)


async def _refuse(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    body = b"Open the address that vidcolor serve printed, with its token.\n"
    await _answer(scope, send, 403, "text/plain", body)


async def _answer(scope: Message, send: Send, status: int, kind: str, body: bytes) -> None:
    headers = {"content-type": kind, "content-length": str(len(body)), **HEADERS}
    await send({"type": "http.response.start", "status": status, "headers": _raw(headers)})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                pair for pair in message["headers"] if not pair[0].startswith(b"access-control")
            ]
            message["headers"] = [*kept, *_raw(HEADERS)]
        await send(message)

    return sending


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
