"""A film whose frames are numbered, the command that previews it, and what stands on its sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from torch import Tensor

from vidcolor.cli.main import main
from vidcolor.media.images.files import read_rgb
from vidcolor.preview.contact_sheet import Sheet

Captured = pytest.CaptureFixture[str]
Preview = Callable[..., int]
LENGTHS = (20, 25, 35)
FRAMES = sum(LENGTHS)
WIDTH, HEIGHT = 128, 96
BITS = 7


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shots, 20 frames a second; in the top rows of each frame stands its number."""
    path = tmp_path_factory.mktemp("film") / "a film.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"g": "30", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            codes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
            codes[:HEIGHT] = view(number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(codes, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def view(number: int) -> np.ndarray[Any, Any]:
    """Another picture for each shot, and the number of the frame in bright and dark fields."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    shot = sum(number >= sum(LENGTHS[: n + 1]) for n in range(2))
    waves = np.sin(x / (6 + 9 * shot)) + np.cos(y / (17 - 6 * shot) + shot)
    picture = 120 + 25 * waves + 40 * (shot - 1)
    for bit in range(BITS):
        picture[:8, bit * 16 : bit * 16 + 16] = 200 if number >> bit & 1 else 50
    return picture.astype(np.uint8)


def number_in(cell: Tensor) -> int:
    """The number that stands in a picture of ``(3, H, W)``."""
    step, height = cell.shape[2] / WIDTH, cell.shape[1] / HEIGHT
    row = cell.float().mean(0)[round(4 * height)]
    fields = [row[round((bit * 16 + 8) * step)] for bit in range(BITS)]
    return sum((field > 120).item() << bit for bit, field in enumerate(fields))


@pytest.fixture
def preview(
    film: Path, tmp_path: Path, quick_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> Preview:
    """Runs the command on the film; the sheet is ``out.png``."""
    monkeypatch.chdir(tmp_path)
    words = ["--weights", str(quick_weights), "--size", "64", "--device", "cpu"]

    def run(*more: object, source: Path = film) -> int:
        return main(["preview", str(source), "out.png", *words, *map(str, more)])

    return run


def cells(
    columns: int, count: int, size: tuple[int, int], titles: Sequence[str] = ()
) -> list[Tensor]:
    """The cells of ``out.png``."""
    picture = read_rgb("out.png")
    sheet = Sheet(size, columns, -(-count // columns), ("n", "f"), titles)
    assert (picture.shape[2], picture.shape[1]) == sheet.size
    found = []
    for index in range(count):
        x, y = sheet.place(index)
        found.append(picture[:, y : y + size[1], x : x + size[0]])
    return found


def chroma(picture: Tensor) -> float:
    return float((picture[0].float() - picture[2].float()).abs().mean())
