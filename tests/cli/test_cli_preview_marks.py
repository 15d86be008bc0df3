"""``vidcolor preview --marks``: where the hints of the color sheet lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shared import one_line
from sheet_reading import HEIGHT, WIDTH, Captured, Preview, cells, film, number_in, preview
from torch import Tensor

from vidcolor.cli.main import main
from vidcolor.preview.contact_sheet import GAP

__all__ = ["film", "preview"]  # fixtures
pytestmark = pytest.mark.usefixtures("quick_guide")
PLACE = (0.75, 0.5)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """A hint on frame 25, of the second shot, and one on frame 60."""
    path = tmp_path / "said.toml"
    path.write_text(
        f'[[hint]]\ntime = 1.25\npoint = {list(PLACE)}\ncolor = "#ff00ff"\n'
        f'[[hint]]\ntime = 3\npoint = {list(PLACE)}\ncolor = "#00ffff"\n'
    )
    return path


def at(picture: Tensor) -> tuple[int, int, int]:
    """The color in the place of the hints."""
    y, x = round(PLACE[1] * picture.shape[1]), round(PLACE[0] * picture.shape[2])
    r, g, b = picture[:, y, x].tolist()
    return r, g, b


def test_the_frames_with_hints_are_shown_with_marks(preview: Preview, sheet: Path) -> None:
    assert preview("--colors", sheet, "--marks", "-q", "--no-smooth") == 0
    found = cells(1, 2, (2 * WIDTH + GAP, HEIGHT))
    for cell, number, color in zip(found, (25, 60), ((255, 0, 255), (0, 255, 255)), strict=True):
        before, after = cell[:, :, :WIDTH], cell[:, :, -WIDTH:]
        assert number_in(before) == number_in(after) == number
        assert at(after) == color
        assert at(before) != color


def test_other_frames_have_no_marks(preview: Preview, sheet: Path, capsys: Captured) -> None:
    words = ("--colors", sheet, "--look", "after", "--no-smooth", "--at")
    assert preview(*words, "1.3", "--marks") == 0
    assert "no hint of the color sheet lies on these frames" in capsys.readouterr().err
    (marked,) = cells(1, 1, (WIDTH, HEIGHT))
    assert preview(*words, "1.3", "-y") == 0
    (plain,) = cells(1, 1, (WIDTH, HEIGHT))
    assert (marked == plain).all()
    assert preview(*words, "1.29", "-y", "--marks") == 0
    assert "no hint" not in capsys.readouterr().err
    (marked,) = cells(1, 1, (WIDTH, HEIGHT))
    assert at(marked) == (255, 0, 255)


def test_a_mark_in_the_gray_half_is_seen(preview: Preview, sheet: Path) -> None:
    sheet.write_text('[[hint]]\ntime = 1.25\npoint = [0.25, 0.5]\ncolor = "#ff00ff"\n')
    words = ("--colors", sheet, "--marks", "--look", "split", "--at", "1.25", "-q", "--no-smooth")
    assert preview(*words) == 0
    (cell,) = cells(1, 1, (WIDTH, HEIGHT))
    assert cell[:, HEIGHT // 2, WIDTH // 4].tolist() == [255, 0, 255]


def test_many_frames_with_hints_are_a_sheet(preview: Preview, sheet: Path) -> None:
    hint = '[[hint]]\ntime = {}\npoint = [0.75, 0.5]\ncolor = "#ff00ff"\n'
    sheet.write_text("".join(hint.format(number / 20) for number in range(5, 75, 10)))
    assert preview("--colors", sheet, "--marks", "-q", "--no-smooth") == 0
    found = cells(6, 7, (WIDTH, HEIGHT))
    assert [number_in(cell) for cell in found] == list(range(5, 75, 10))
    assert [at(cell) for cell in found] == [(255, 0, 255)] * 7


def test_marks_of_a_picture(
    tmp_path: Path, quick_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((HEIGHT, WIDTH), 90, np.uint8)).save("a.png")
    Path("a.colors.toml").write_text('[[hint]]\npoint = [0.75, 0.5]\ncolor = "#ff00ff"\n')
    words = ["--weights", str(quick_weights), "--size", "64", "--device", "cpu", "-q"]
    assert main(["preview", "a.png", "out.png", "--colors", "auto", "--marks", *words]) == 0
    (cell,) = cells(1, 1, (2 * WIDTH + GAP, HEIGHT))
    assert at(cell[:, :, -WIDTH:]) == (255, 0, 255)


@pytest.mark.parametrize("more", [(), ("--colors", "none")])
def test_marks_need_a_sheet(more: tuple[str, ...], preview: Preview, capsys: Captured) -> None:
    assert preview("--marks", *more) == 2
    assert "add --colors auto" in one_line(capsys)
