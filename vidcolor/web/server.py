"""The server: the page, and what the page fetches beside it."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from pathlib import Path
from threading import Thread
from typing import Any

from vidcolor.core.platform import reuse_address
from vidcolor.errors import SettingsError
from vidcolor.web.auth import Guard
from vidcolor.web.options import Choice
from vidcolor.web.session import ServerSession

HERE = Path(__file__).parent
HOST = "127.0.0.1"
BACKLOG = 100
"""Connections that wait to be taken; asyncio takes as many at a time, before it reads from any."""

SCRIPTS = ("page.js", "view.js", "sheet.js", "find.js", "scenes.js", "paint.js", "queue.js")

STYLES = ("style.css", "paint.css")


def listen(port: int | None) -> socket.socket:
    """A socket on this machine alone, on ``port``; None takes 7860, or any that is free.

    Raises:
        SettingsError: Another program has the port.
    """
    for wanted in (7860, 0) if port is None else (port,):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        reuse_address(listening)
        try:
            listening.bind((HOST, wanted))
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            if port is not None:
                raise SettingsError(
                    f"--port {port} cannot be used ({error.strerror}); leave it out for a free one"
                ) from error
            continue
        return listening
    raise SettingsError("no port of this machine is free")


class Server:
    """Listens until it is closed. Everything it starts ends with it."""

    def __init__(
        self,
        folders: list[Path],
        *,
        port: int | None = None,
        keep: Path | None = None,
        max_upload: int,
        choice: Choice,
    ) -> None:
        """Start everything but the answering; see `run`.

        Args:
            folders: Whose films may be chosen.
            port: On 127.0.0.1; None takes a free one.
            keep: Where finished films are put; None keeps them until the server ends.
            max_upload: Bytes of the largest film that may be uploaded.
            choice: What the dials show first.

        Raises:
            VidcolorError: The port is taken, or there are no such weights.
        """
        self._socket = listen(port)
        self.port: int = self._socket.getsockname()[1]
        self.token = secrets.token_urlsafe(24)
        self.session = ServerSession(folders, keep, max_upload, choice)
        try:
            self._server = _server(self.session, self.token, self.port)
        except BaseException:
            self.close()
            raise
        # The main thread is there for signals.
        self._thread = Thread(target=self._serve, name="server", daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def run(self) -> None:
        """Answer until interrupted."""
        self._thread.start()
        while self._thread.is_alive():
            self._thread.join(1.0)

    def close(self) -> None:
        """Stop answering, stop what runs, remove what is not kept."""
        server = getattr(self, "_server", None)
        if server:
            server.should_exit = server.force_exit = True
        self.session.close()
        if server and self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        from vidcolor.web.connections import quiet

        async def serve() -> None:
            asyncio.get_running_loop().set_exception_handler(quiet)
            await self._server.serve(sockets=[self._socket])

        asyncio.run(serve())


def _server(session: ServerSession, token: str, port: int) -> Any:
    """A uvicorn server with the page."""
    os.environ["GRADIO_TEMP_DIR"] = str(session.private / "page")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    from vidcolor.web.connections import Gate
    from vidcolor.web.page import build
    from vidcolor.web.routes import add_routes
    from vidcolor.web.theme import theme

    scripts = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_routes(app, session)
    app = gr.mount_gradio_app(
        app,
        build(session),
        path="/",
        server_name=HOST,
        server_port=port,
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=True,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        css="".join((HERE / name).read_text(encoding="utf-8") for name in STYLES),
        head=f"<script>{scripts}</script>",
    )
    config = uvicorn.Config(
        Guard(app, token, port),
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=0,
        http=Gate,
        backlog=BACKLOG,
        ws="none",
    )
    return uvicorn.Server(config)
