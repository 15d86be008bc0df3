"""What the tests of the page share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vidcolor.web.session import ServerSession


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerSession]:
    """A desk whose processes are stand-ins; nothing looks for shots."""
    pytest.importorskip("fastapi", reason="needs pip install 'vidcolor[web]'")
    from web_desk import STAND_IN

    from vidcolor.web import session as desk_module
    from vidcolor.web.options import Choice
    from vidcolor.web.preview_client import Worker
    from vidcolor.web.session import ServerSession

    (tmp_path / "stand_in.py").write_text(STAND_IN)
    here = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), here]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(desk_module, "Worker", partial(Worker, words=("stand_in",)))
    monkeypatch.setattr(desk_module.ShotScanner, "begin", lambda self, film: None)
    films, keep = tmp_path / "films", tmp_path / "keep"
    films.mkdir()
    keep.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (films / name).write_bytes(b"film")
    desk = ServerSession([films], keep, 1000, Choice(weights="mini"))
    yield desk
    desk.close()
