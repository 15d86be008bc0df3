"""What the page fetches beside what Gradio gives it: uploads, small pictures, queue, results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from vidcolor.errors import NotAllowed, VidcolorError
from vidcolor.web.desk import Desk
from vidcolor.web.jobs import WATCHABLE, told

NOT_STORED = {"cache-control": "no-store"}


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Let ``app`` answer under ``/desk/``."""

    @app.exception_handler(VidcolorError)
    async def refused(_request: Request, error: VidcolorError) -> Response:
        status = 404 if isinstance(error, NotAllowed) else 422
        return JSONResponse({"error": str(error)}, status, headers=NOT_STORED)

    @app.post("/desk/films")
    async def upload(request: Request, name: str) -> Response:
        declared = request.headers.get("content-length", "")
        size = int(declared) if declared.isascii() and declared.isdigit() else None
        with desk.shelf.upload(name, size) as file:
            async for part in request.stream():
                file.write(part)
            path = Path(file.name)
        return JSONResponse({"film": desk.shelf.uploaded(path, name).id})

    @app.get("/desk/films/{film_id}/{frame}.jpg")
    def thumb(film_id: str, frame: int) -> Response:
        path = desk.thumb(desk.opened(film_id), frame)
        return FileResponse(path, media_type="image/jpeg")

    @app.get("/desk/jobs")
    def jobs() -> Response:
        return JSONResponse([told(job) for job in desk.queue.jobs()], headers=NOT_STORED)

    @app.post("/desk/jobs/{job_id}/{do}")
    def act(job_id: str, do: str) -> Response:
        acts: dict[str, Any] = {
            "stop": desk.queue.stop,
            "resume": desk.queue.resume,
            "again": lambda job: desk.queue.resume(job, fresh=True),
            "remove": desk.queue.remove,
        }
        if do not in acts:
            raise NotAllowed("this cannot be done with a film in the queue")
        acts[do](job_id)
        return jobs()

    @app.get("/desk/jobs/{job_id}/film")
    def result(job_id: str, watch: bool = False) -> Response:
        job = desk.queue.find(job_id)
        if job.state != "done" or not job.target.is_file():
            raise NotAllowed("this film is not there; it may have been moved or removed")
        kind = WATCHABLE.get(job.target.suffix) if watch else None
        return FileResponse(
            job.target,
            media_type=kind or "application/octet-stream",
            filename=job.target.name,
            content_disposition_type="inline" if kind else "attachment",
            headers=NOT_STORED,
        )
