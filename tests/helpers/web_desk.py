"""A server's desk whose processes are stand-ins, and a page that asks its routes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from vidcolor.web.routes import add_routes
from vidcolor.web.session import ServerSession

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
    found = {"nets": ["mini"], **facts, "automatic": "#808080"}
    found["colors"] = [{"color": "#000081", "light": "#5050ff", "share": 1.0}]
    while os.path.exists("busy") and asked["do"] in ("frame", "still", "paint"):
        if select.select([sys.stdin], [], [], 0.02)[0]:
            break
    for name in ("target", "before", "after"):
        if name in asked:
            open(asked[name], "wb").write(b"picture")
    refused = asked["do"] == "check" and "refused" in open(asked["sheet"]).read()
    print(json.dumps({"error": "it does not fit"} if refused else {"ok": found}), flush=True)
"""

DIALS = {"weights": "mini", "size": 256, "vivid": 0.5, "smooth": 0.9, "saturation": 1}


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
