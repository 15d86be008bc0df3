"""What the page asks for to set colors: edits of the color sheet, suggestions, painted frames."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response

from vidcolor.errors import AccessDenied, ColorSheetError
from vidcolor.guidance.sheet_file import MAX_BYTES
from vidcolor.web.color_edits import add_reference, color_name
from vidcolor.web.film_sheet import IMAGE_KINDS, LARGEST_IMAGE
from vidcolor.web.opened import Opened
from vidcolor.web.queue import describe_job
from vidcolor.web.requests import (
    NOT_STORED,
    address_of,
    choice_of,
    plain,
    read_body,
    read_said,
    wanted_by,
)
from vidcolor.web.session import ServerSession


def add_colors(app: FastAPI, session: ServerSession) -> None:
    """Let ``app`` answer under ``/vidcolor/films/ID/colors`` and beside it."""
    add_edits(app, session)
    add_sheet_files(app, session)
    add_images(app, session)
    add_painting(app, session)
    add_plays(app, session)
    add_finds(app, session)


def add_edits(app: FastAPI, session: ServerSession) -> None:
    """The sheet as it is, and single edits of it."""

    @app.get("/vidcolor/films/{film_id}/colors")
    def colors(film_id: str, frame: int = 0) -> Response:
        return plain(session.colors.describe(session.opened(film_id), frame))

    @app.post("/vidcolor/films/{film_id}/colors")
    async def edit(request: Request, film_id: str, frame: int = 0) -> Response:
        said = await read_said(request)
        opened = session.opened(film_id)
        await asyncio.to_thread(session.colors.edit, opened, said)
        return plain(session.colors.describe(opened, frame))


def add_sheet_files(app: FastAPI, session: ServerSession) -> None:
    """The whole sheet: out as a file, in as text."""

    @app.get("/vidcolor/films/{film_id}/colors/sheet")
    def download(film_id: str) -> Response:
        sheet = session.colors.sheet(session.opened(film_id))
        images = dict(sheet.images())
        if not images:
            headers = NOT_STORED | _attachment(sheet.path.name)
            return Response(sheet.text.encode(), media_type="application/toml", headers=headers)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(sheet.path.name, sheet.text)
            for name, file in images.items():
                archive.write(file, name)
        headers = NOT_STORED | _attachment(sheet.path.with_suffix(".zip").name)
        return Response(packed.getvalue(), media_type="application/zip", headers=headers)

    @app.post("/vidcolor/films/{film_id}/colors/sheet")
    async def upload(request: Request, film_id: str, frame: int = 0) -> Response:
        opened = session.opened(film_id)
        sheet = session.colors.sheet(opened)
        body = await read_body(request, MAX_BYTES)
        try:
            text = body.removeprefix(b"\xef\xbb\xbf").decode()
        except UnicodeDecodeError as error:
            line = body.count(b"\n", 0, error.start) + 1
            raise ColorSheetError(
                f"{sheet.path.name}:{line}: is not UTF-8 text; save the file as UTF-8"
            ) from error

        def check(path: Path) -> None:
            session.colors.check(opened, path).answer.result()

        await asyncio.to_thread(sheet.adopt, text, check)
        return plain(session.colors.describe(opened, frame))


def add_images(app: FastAPI, session: ServerSession) -> None:
    """References: images that a page drops."""

    @app.post("/vidcolor/films/{film_id}/colors/images")
    async def image(
        request: Request, film_id: str, name: str, use: str = "keep", frame: int = 0
    ) -> Response:
        """Keep an image; ``use`` it as this ``frame``, as a ``look``, or only ``keep`` it."""
        opened = session.opened(film_id)
        sheet = session.colors.sheet(opened)
        data = await read_body(request, LARGEST_IMAGE)
        kept = await asyncio.to_thread(sheet.add_image, name, data)
        if use in ("frame", "look"):
            scene = session.colors.scene(opened)
            edit = add_reference(kept, frame if use == "frame" else None, scene)

            def check(path: Path) -> None:
                session.colors.check(opened, path).answer.result()

            await asyncio.to_thread(sheet.change, edit, check)
        return plain(session.colors.describe(opened, frame))

    @app.get("/vidcolor/films/{film_id}/colors/images")
    def show_image(film_id: str, name: str) -> Response:
        path = session.colors.sheet(session.opened(film_id)).image(name)
        kind = IMAGE_KINDS[path.suffix.lower()]
        return FileResponse(path, media_type=kind, headers=NOT_STORED)


def add_painting(app: FastAPI, session: ServerSession) -> None:
    """Frames as the sheet says, and likely colors of a place."""

    @app.post("/vidcolor/films/{film_id}/{frame}/paint")
    async def paint(request: Request, film_id: str, frame: int) -> Response:
        said = await read_said(request)
        opened = session.opened(film_id)
        asked = session.painted(opened, frame, choice_of(session, said))
        found = await asked.result(wanted_by(request))
        before, after = map(address_of, asked.files)
        told = {"before": before, "after": after, "seconds": found["seconds"]}
        return plain(told | {"gray": bool(found.get("neutral"))})

    @app.post("/vidcolor/films/{film_id}/{frame}/suggest")
    async def suggest(request: Request, film_id: str, frame: int) -> Response:
        said = await read_said(request)
        opened = session.opened(film_id)
        asked = session.colors.suggest(opened, frame, choice_of(session, said), _point(said))
        found = await asked.result(wanted_by(request))
        colors = [one | {"name": color_name(one["color"])} for one in found["colors"]]
        own = {"color": found["automatic"], "name": color_name(found["automatic"])}
        return plain({"colors": colors, "automatic": own})


def add_plays(app: FastAPI, session: ServerSession) -> None:
    """A stretch in color, before the whole film is."""
    plays = session.colors.plays

    @app.post("/vidcolor/films/{film_id}/{frame}/play")
    async def play(request: Request, film_id: str, frame: int) -> Response:
        said = await read_said(request)
        opened: Opened = session.opened(film_id)
        seconds, choice = _seconds(said), choice_of(session, said)
        job = await asyncio.to_thread(session.colors.play, opened, frame, seconds, choice)
        return plain(describe_job(job))

    @app.get("/vidcolor/plays/{job_id}")
    def look(job_id: str) -> Response:
        return plain(describe_job(plays.find(job_id)))

    @app.post("/vidcolor/plays/{job_id}/stop")
    def stop(job_id: str) -> Response:
        plays.stop(job_id)
        return look(job_id)

    @app.get("/vidcolor/plays/{job_id}/film.mp4")
    def film(job_id: str) -> Response:
        job = plays.find(job_id)
        if job.state != "done" or not job.target.is_file():
            raise AccessDenied("this stretch is gone; play it again")
        return FileResponse(job.target, media_type="video/mp4", headers=NOT_STORED)


def add_finds(app: FastAPI, session: ServerSession) -> None:
    """A hinted thing in the other shots: looked for, kept or struck place by place."""

    @app.get("/vidcolor/films/{film_id}/found")
    def show_search(film_id: str) -> Response:
        return plain(session.colors.describe_search(session.opened(film_id)))

    @app.post("/vidcolor/films/{film_id}/found")
    async def find(request: Request, film_id: str, frame: int = 0) -> Response:
        """Begin to look, or ``stop``; ``keep`` or ``strike`` a place."""
        said = await read_said(request)
        opened = session.opened(film_id)
        do = said.get("do")
        if do == "find":
            name = str(said.get("name", ""))
            await asyncio.to_thread(session.colors.find, opened, name, session.choice)
        elif do == "stop":
            session.colors.finds.stop(film_id)
        elif do in ("keep", "strike"):
            await asyncio.to_thread(session.colors.judge, opened, _number(said), do == "keep")
        else:
            raise AccessDenied("the request cannot be read; reload the page")
        colors = session.colors.describe(opened, frame)
        return plain({"found": session.colors.describe_search(opened), "colors": colors})

    @app.get("/vidcolor/films/{film_id}/found/{name}.jpg")
    def show_place(film_id: str, name: str) -> Response:
        path = session.colors.finds.picture(film_id, name)
        return FileResponse(path, media_type="image/jpeg", headers=NOT_STORED)


def _number(said: dict[str, Any]) -> int:
    try:
        return int(said["number"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AccessDenied("the request cannot be read; reload the page") from error


def _point(said: dict[str, Any]) -> list[float]:
    try:
        x, y = (float(one) for one in said["point"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AccessDenied("the request cannot be read; reload the page") from error
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise AccessDenied("this point is outside the picture")
    return [x, y]


def _seconds(said: dict[str, Any]) -> float:
    try:
        seconds = float(said.get("seconds", 4))
    except (TypeError, ValueError, OverflowError) as error:
        raise AccessDenied("the request cannot be read; reload the page") from error
    if not 0 < seconds <= 60:
        raise AccessDenied("a stretch has 1 to 20 seconds")
    return seconds


def _attachment(name: str) -> dict[str, str]:
    from urllib.parse import quote

    return {"content-disposition": f"attachment; filename*=utf-8''{quote(name)}"}
