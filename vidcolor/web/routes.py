"""What the page asks the server for: films, frames, previews, the queue, results."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from vidcolor.errors import AccessDenied, Busy, FilmError, VidcolorError
from vidcolor.web import html
from vidcolor.web.color_routes import add_colors
from vidcolor.web.opened import Asked, Opened
from vidcolor.web.queue import WATCHABLE, describe_job
from vidcolor.web.requests import (
    NOT_STORED,
    address_of,
    choice_of,
    fps_of,
    plain,
    read_said,
    wanted_by,
)
from vidcolor.web.script_routes import add_scripts
from vidcolor.web.session import ServerSession

STORED = {"cache-control": "private, max-age=3600"}


def add_routes(app: FastAPI, session: ServerSession) -> None:
    """Let ``app`` answer under ``/vidcolor/``."""

    @app.exception_handler(VidcolorError)
    async def refused(_request: Request, error: VidcolorError) -> Response:
        status = {AccessDenied: 404, Busy: 503}.get(type(error), 422)
        # Lines about options are about dials here.
        line = str(error).removeprefix("--")
        return JSONResponse({"error": line}, status, headers=NOT_STORED)

    add_films(app, session)
    add_previews(app, session)
    add_colors(app, session)
    add_scripts(app, session)
    add_jobs(app, session)


def add_films(app: FastAPI, session: ServerSession) -> None:
    """Which films there are, and what is in them."""

    @app.get("/vidcolor/folders")
    def folders() -> Response:
        return plain(session.library.listed())

    @app.get("/vidcolor/films")
    def uploads() -> Response:
        return plain([_film(one.id, one.name, one.path) for one in session.library.uploads()])

    @app.post("/vidcolor/films")
    async def upload(request: Request, name: str) -> Response:
        declared = request.headers.get("content-length", "")
        known = declared.isascii() and declared.isdigit()
        if "transfer-encoding" in request.headers:  # what it declares says nothing
            known = False
        size = int(declared) if known else None
        with session.library.upload(name, size) as file:
            async for part in request.stream():
                file.write(part)
                if file.tell() > (size or 0):
                    break
            path = Path(file.name)
        return plain({"film": session.library.uploaded(path, name).id})

    @app.post("/vidcolor/open")
    async def choose(request: Request) -> Response:
        asked = await read_said(request)
        place = asked.get("place")
        film = (
            session.library.choose(str(place), fps_of(asked))
            if place
            else session.library.find(str(asked.get("film")))
        )
        try:
            facts = await session.look_into(film).result(wanted_by(request))
        except FilmError:
            if film.uploaded:  # it cannot be opened: there is nothing to keep it for
                session.remove(film.id)
            raise
        return plain(_describe_film(session, session.open(film, facts)))

    @app.get("/vidcolor/films/{film_id}")
    def again(film_id: str) -> Response:
        return plain(_describe_film(session, session.opened(film_id)))

    @app.post("/vidcolor/films/{film_id}/remove")
    def remove(film_id: str) -> Response:
        session.remove(film_id)
        return uploads()

    @app.get("/vidcolor/films/{film_id}/strip")
    def strip(film_id: str, seen: str) -> Response:
        opened = session.opened(film_id)
        shown = _strip(session, opened)
        return plain(shown if shown["seen"] != seen else {})


def add_previews(app: FastAPI, session: ServerSession) -> None:
    """Frames as they came, and in color; who goes away is not worked for any more."""

    @app.get("/vidcolor/films/{film_id}/{frame}.jpg")
    async def thumb(request: Request, film_id: str, frame: int) -> Response:
        with session.thumb(session.opened(film_id), frame) as found:
            if isinstance(found, Asked):
                await found.result(wanted_by(request))
                (found,) = found.files
        return FileResponse(found, media_type="image/jpeg", headers=STORED)

    @app.get("/vidcolor/films/{film_id}/{frame}/gray")
    async def gray(request: Request, film_id: str, frame: int) -> Response:
        asked = session.as_it_came(session.opened(film_id), frame)
        await asked.result(wanted_by(request))
        return plain({"gray": address_of(asked.files[0])})

    @app.post("/vidcolor/films/{film_id}/{frame}/color")
    async def color(request: Request, film_id: str, frame: int) -> Response:
        said = await read_said(request)
        opened, choice = session.opened(film_id), choice_of(session, said)
        asked = session.in_color(
            opened, frame, choice if said.get("smoothed") else choice.unsteadied()
        )
        found = await asked.result(wanted_by(request))
        before, after = map(address_of, asked.files)
        shown = {"before": before, "after": after, "seconds": found["seconds"]}
        return plain(shown | {"gray": html.LEFT_GRAY.get(str(found.get("neutral")), "")})

    @app.get("/vidcolor/pictures/{name}.jpg")
    def picture(name: str) -> Response:
        return FileResponse(session.picture(name), media_type="image/jpeg", headers=STORED)


def add_jobs(app: FastAPI, session: ServerSession) -> None:
    """The queue, and what comes out of it."""

    @app.get("/vidcolor/jobs")
    def jobs() -> Response:
        return plain([describe_job(job) for job in session.queue.jobs()])

    @app.post("/vidcolor/jobs")
    async def begin(request: Request) -> Response:
        said = await read_said(request)
        opened = session.opened(str(said.get("film")))
        prepare = partial(session.colors.job_options, opened)
        choice = choice_of(session, said)
        choice = choice.for_picture() if opened.is_picture else choice
        job = session.queue.add(opened.film, choice, prepare)
        return plain({"job": job.id, "jobs": [describe_job(one) for one in session.queue.jobs()]})

    @app.post("/vidcolor/jobs/{job_id}/{do}")
    def act(job_id: str, do: str) -> Response:
        acts: dict[str, Any] = {
            "stop": session.queue.stop,
            "resume": session.queue.resume,
            "again": lambda job: session.queue.resume(job, fresh=True),
            "remove": session.queue.remove,
        }
        if do not in acts:
            raise AccessDenied("a film in the queue has no such action")
        acts[do](job_id)
        return jobs()

    @app.get("/vidcolor/jobs/{job_id}/film")
    def result(job_id: str, watch: bool = False) -> Response:
        job = session.queue.find(job_id)
        if job.state != "done" or not job.target.is_file():
            raise AccessDenied("this film is missing; it may have been moved or removed")
        kind = WATCHABLE.get(job.target.suffix) if watch else None
        return FileResponse(
            job.target,
            media_type=kind or "application/octet-stream",
            filename=job.target.name,
            content_disposition_type="inline" if kind else "attachment",
            headers=NOT_STORED,
        )


def _film(film_id: str, name: str, path: Path) -> dict[str, Any]:
    size = path.stat().st_size if path.is_file() else 0
    return {"id": film_id, "name": name, "bytes": size}


def _describe_film(session: ServerSession, opened: Opened) -> dict[str, Any]:
    """What a page shows of a film."""
    return {
        "film": opened.film.id,
        "name": opened.film.name,
        "picture": opened.is_picture,
        "width": opened.facts["width"],
        "height": opened.facts["height"],
        "frames": opened.frames,
        "rate": float(opened.rate),
        "facts": html.facts(opened),
        **_strip(session, opened),
    }


def _strip(session: ServerSession, opened: Opened) -> dict[str, Any]:
    """Buttons for its shots, and what tells them from others."""
    shots = session.study.of(opened.film)
    seen = f"{len(shots.starts)} {shots.over}"
    return {"strip": html.strip(opened, shots), "seen": seen, "over": shots.over}
