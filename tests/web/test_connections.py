"""Connections to the page are bounded: strangers who say nothing keep nobody out."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs pip install 'vidcolor[web]'")
import uvicorn

from vidcolor.web import connections as gate
from vidcolor.web.connections import Gate, quiet

HELLO = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def page(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once, or, to /slow, after a second."""
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hi"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server that has room for 20 connections, and two seconds of patience."""
    monkeypatch.setattr(gate, "MOST", 20)
    monkeypatch.setattr(gate, "PATIENCE", 2.0)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(page, http=Gate, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)

    async def serve() -> None:
        asyncio.get_running_loop().set_exception_handler(quiet)
        await server.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = server.force_exit = True
    thread.join(10)
    listening.close()


def connect(port: int, stack: ExitStack, say: bytes = b"") -> socket.socket:
    made = stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
    made.sendall(say)
    return made


def is_closed(connection: socket.socket) -> bool:
    """Whether it ends; what was answered before is read."""
    try:
        while connection.recv(9999):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n", b"POST /"])
def test_who_asks_is_answered_whoever_else_is_silent(
    head: bytes, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 60)
    with ExitStack() as stack:
        silent = [connect(port, stack, head) for _ in range(100)]
        asks = connect(port, stack, HELLO)
        assert asks.recv(9999).startswith(b"HTTP/1.1 200")
        assert is_closed(silent[0])


def test_who_says_nothing_is_sent_away(port: int) -> None:
    with ExitStack() as stack:
        half = connect(port, stack, b"GET / HTTP/1.1\r\n")
        drip = connect(port, stack)
        began = time.monotonic()
        with suppress(OSError):  # a letter now and then is no request
            while time.monotonic() - began < 15:
                drip.sendall(b"G")
                time.sleep(0.1)
        assert time.monotonic() - began < 15
        assert is_closed(half)


def test_who_was_answered_makes_room_before_who_has_just_come(port: int) -> None:
    with ExitStack() as stack:
        answered = []
        for _ in range(20):
            answered.append(connect(port, stack, HELLO))
            assert answered[-1].recv(9999).startswith(b"HTTP/1.1 200")
        fresh = connect(port, stack)
        assert is_closed(answered[0])
        fresh.sendall(HELLO)
        assert fresh.recv(9999).startswith(b"HTTP/1.1 200")


def test_who_is_being_answered_stays(port: int) -> None:
    with ExitStack() as stack:
        slow = connect(port, stack, HELLO.replace(b"/ ", b"/slow ", 1))
        time.sleep(0.2)
        for _ in range(60):
            connect(port, stack)
        assert slow.recv(9999).startswith(b"HTTP/1.1 200")
