"""How requests of the page are read, and answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from vidcolor.core.timecode import parse_rate
from vidcolor.errors import AccessDenied, SettingsError
from vidcolor.settings import InputSettings
from vidcolor.web.options import Choice
from vidcolor.web.session import ServerSession

NOT_STORED = {"cache-control": "no-store"}

LONGEST = 1 << 16
"""Bytes of what a page says at once."""


def plain(found: Any) -> Response:
    """An answer of plain types that nobody keeps."""
    return JSONResponse(found, headers=NOT_STORED)


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request.

    Raises:
        AccessDenied: It has more than ``most`` bytes.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise AccessDenied("the request is too large")
    return bytes(body)


async def read_said(request: Request) -> dict[str, Any]:
    """What the page says, as JSON.

    Raises:
        AccessDenied: It is no object, or too long.
    """
    body = await read_body(request, LONGEST)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AccessDenied("the request cannot be read; reload the page")
    return found


def wanted_by(request: Request) -> Callable[[], Awaitable[bool]]:
    """Tells whether the page still waits for the answer."""

    async def waits() -> bool:
        return not await request.is_disconnected()

    return waits


def choice_of(session: ServerSession, said: dict[str, Any]) -> Choice:
    """What the dials say.

    Raises:
        SettingsError: One is out of range.
        AccessDenied: One says nothing.
    """
    dials = said.get("dials")
    try:
        known: dict[str, Any] = {name: kind(dials[name]) for name, kind in DIALS.items()}  # type: ignore[index]
        for name in ("titles", "script", "purpose"):
            # A page that was loaded before there was this dial does not tell of it.
            known[name] = str(dials.get(name, getattr(session.choice, name)))  # type: ignore[union-attr]
        known["label"] = dials.get("label", session.choice.label)  # type: ignore[union-attr]
        if not isinstance(known["label"], bool):
            raise TypeError("neither on nor off")
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise AccessDenied("the request cannot be read; reload the page") from error
    return Choice(**known, device=session.choice.device)


def fps_of(said: dict[str, Any]) -> Fraction | None:
    """Frames per second that a page asks for; None where it does not.

    Raises:
        SettingsError: It is no number, or out of range.
    """
    word = said.get("fps")
    if word is None:
        return None
    try:
        rate = parse_rate(str(word).strip()[:40])
    except ValueError as error:
        raise SettingsError(str(error)) from error
    InputSettings(fps=rate)
    return rate


DIALS: dict[str, Callable[[Any], Any]] = {
    "weights": str,
    "size": int,
    "vivid": float,
    "smooth": float,
    "saturation": float,
}
"""What a page says of each dial."""


def address_of(path: Path) -> str:
    """Where the page finds a picture that was made for it."""
    return f"vidcolor/pictures/{path.name}"
