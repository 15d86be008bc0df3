"""The example notebook runs as it stands, and shows what it made."""

from __future__ import annotations

import json
import re
from base64 import b64decode
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


@pytest.mark.skipif(find_spec("nbclient") is None, reason="needs vidcolor[test] of today")
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
def test_it_runs() -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(NOTEBOOK.parent)}}
    )
    client.execute()  # raises what a cell raises
    said = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "24 frames; audio stream" in said
    assert "vidcolor.run.report: meadow.png: done, 1 frame " in said
