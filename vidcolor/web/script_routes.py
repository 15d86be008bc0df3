"""What the page asks for to show the scenes of a film, and the colors that they agree upon."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response

from vidcolor.errors import AccessDenied
from vidcolor.web.requests import NOT_STORED, choice_of, plain, read_said
from vidcolor.web.session import ServerSession


def add_scripts(app: FastAPI, session: ServerSession) -> None:
    """Let ``app`` answer under ``/vidcolor/films/ID/scenes``."""

    @app.get("/vidcolor/films/{film_id}/scenes")
    def show_scenes(film_id: str) -> Response:
        return plain(session.colors.describe_script(session.opened(film_id)))

    @app.post("/vidcolor/films/{film_id}/scenes")
    async def make_scenes(request: Request, film_id: str) -> Response:
        """Begin to make them, or ``stop``."""
        said = await read_said(request)
        opened = session.opened(film_id)
        if said.get("do") == "make":
            choice = choice_of(session, said)
            await asyncio.to_thread(session.colors.make_script, opened, choice)
        elif said.get("do") == "stop":
            session.colors.scripts.stop(film_id)
        else:
            raise AccessDenied("the request cannot be read; reload the page")
        return plain(session.colors.describe_script(opened))

    @app.get("/vidcolor/films/{film_id}/scenes/{name}.jpg")
    def show_key(film_id: str, name: str) -> Response:
        path = session.colors.scripts.picture(film_id, name)
        return FileResponse(path, media_type="image/jpeg", headers=NOT_STORED)
