"""How light the picture is at a hint."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from shared import write_film

from vidcolor.color.lab import rgb_to_lab
from vidcolor.guidance.entries import Hint
from vidcolor.preview.hint_lightness import find_lightness


def hint(x: float, y: float, time: float | None = None, size: float = 0.02) -> Hint:
    return Hint((x, y), "red", size, time=time)  # type: ignore[arg-type]


def lightness(code: int) -> float:
    return float(rgb_to_lab(torch.full((3, 1, 1), code / 255))[0])


def test_each_hint_has_that_of_its_place_and_its_frame(tmp_path: Path) -> None:
    frames = []
    for code in (40, 80, 120):
        frame = torch.full((3, 48, 64), code, dtype=torch.uint8)
        frame[:, :, 32:] = 200
        frames.append(frame)
    film = write_film(tmp_path / "film.mkv", frames)  # 24 frames a second, times in milliseconds
    hints = [hint(0.9, 0.5, 0), hint(0.1, 0.5, 2 / 24), hint(0.1, 0.5, 0), hint(0.1, 0.2, 0.041)]
    hints += [hint(0.5, 0.5, 0, size=0.5), hint(0.1, 0.5)]
    found = find_lightness(film, hints)
    assert found[:4] == pytest.approx([lightness(code) for code in (200, 120, 40, 80)], abs=1)
    assert found[4] in (pytest.approx(lightness(40), abs=1), pytest.approx(lightness(200), abs=1))
    assert found[5] is None


def test_a_picture_has_no_times(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (64, 48), 90).save(tmp_path / "photo.png")
    found = find_lightness(tmp_path / "photo.png", [hint(0.5, 0.5)])
    assert found == pytest.approx([lightness(90)], abs=1)
    assert find_lightness(tmp_path / "photo.png", []) == []
