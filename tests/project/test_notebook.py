"""The example notebook runs as it stands, and shows what it made."""

from __future__ import annotations

import json
import logging
import re
from base64 import b64decode
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "first-look.ipynb"


def outputs() -> list[dict[str, Any]]:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


def test_it_shows_pictures_and_is_small() -> None:
    assert NOTEBOOK.stat().st_size < 300_000
    found = [output.get("data", {}) for output in outputs()]
    pictures = [b64decode(data["image/jpeg"]) for data in found if "image/jpeg" in data]
    assert len(pictures) == 3
    assert all(picture.startswith(b"\xff\xd8\xff") for picture in pictures)
    assert not [output for output in outputs() if output["output_type"] == "error"]


def test_it_names_no_place_of_the_machine_that_made_it() -> None:
    texts = json.dumps([{**output, "data": ""} for output in outputs()])
    assert not re.search(r"/(home|root|Users|work|tmp)/", texts)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("vidcolor")
    before = root.handlers[:], own.level
    yield
    root.handlers, own.level = before[0], before[1]


@pytest.mark.skipif(find_spec("IPython") is None, reason="needs vidcolor[test] of today")
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
@pytest.mark.usefixtures("logging_as_before")
def test_its_code_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, cell by cell; in Jupyter it takes seconds more."""
    monkeypatch.chdir(NOTEBOOK.parent)
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    check_said(capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("nbclient") is None, reason="needs vidcolor[test] of today")
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
def test_it_runs_in_jupyter() -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(NOTEBOOK.parent)}}
    )
    client.execute()  # raises what a cell raises
    check_said(
        "".join(
            output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
        )
    )


def check_said(said: str) -> None:
    assert "24 frames; audio stream" in said
    assert "vidcolor.run.report: meadow.png: done, 1 frame " in said
