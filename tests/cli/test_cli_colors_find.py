"""``vidcolor colors --find``: proposals at the end of the sheet."""

from __future__ import annotations

from pathlib import Path

import pytest
from guided import SHOT, write_shots
from hinted import listener
from PIL import Image
from shared import one_line

import vidcolor.colorize.find
from vidcolor import ColorSheet
from vidcolor.cli.main import main
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.nets.colornet import ColorNet

Captured = pytest.CaptureFixture[str]
SHEET = """\
# of 1938
[[hint]]
time = 0.2
point = [0.5, 0.5]
color = "navy"
name = "coat"
"""


@pytest.fixture
def sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: ColorNet) -> Path:
    monkeypatch.chdir(tmp_path)
    write_shots(tmp_path / "film.mkv", shots=3)
    monkeypatch.setattr(Colorizer, "from_weights", lambda: listener(quick))
    path = tmp_path / "film.colors.toml"
    path.write_text(SHEET)
    return path


def find(capsys: Captured, name: str = "coat") -> str:
    assert main(["colors", "film.mkv", "--find", name, "-q"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_what_is_found_is_proposed_and_said(
    sheet: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vidcolor.colorize.find, "SUREST", 0.0)
    said = find(capsys).splitlines()
    assert [line.split(",")[0] for line in said[:2]] == ["shot 2", "shot 3"]
    assert "film.colors.toml: 2 proposals at its end; take the # off" in said[2]
    text = sheet.read_text()
    assert text.startswith(SHEET)
    assert text.count('# found "coat", sure = ') == 2
    assert len(ColorSheet.read(sheet).hints) == 1
    kept = "\n".join(
        line[2:] if line.startswith("# ") and "found" not in line and "1938" not in line else line
        for line in text.splitlines()
    )
    sheet.write_text(kept)
    hints = ColorSheet.read(sheet).hints
    assert [hint.name for hint in hints] == ["coat"] * 3
    assert [hint.color for hint in hints] == ["navy"] * 3
    assert [int((hint.time or 0) * 25) // SHOT for hint in hints] == [0, 1, 2]
    find(capsys)
    assert ColorSheet.read(sheet).hints == hints, "what was kept was lost"


def test_nothing_found_leaves_the_sheet_as_it_was(
    sheet: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vidcolor.colorize.find, "SUREST", 1.1)
    assert find(capsys) == "coat was found in no other shot\n"
    assert sheet.read_text() == SHEET


def test_mistakes_are_one_line_and_change_nothing(sheet: Path, capsys: Captured) -> None:
    assert main(["colors", "film.mkv", "--find", "hat"]) == 2
    assert "no hint is called hat; there are: coat" in one_line(capsys)
    assert sheet.read_text() == SHEET
    sheet.unlink()
    assert main(["colors", "film.mkv", "--find", "coat"]) == 2
    assert "there is no color sheet film.colors.toml" in one_line(capsys)
    Image.new("L", (64, 48), 90).save("photo.png")
    assert main(["colors", "photo.png", "--find", "coat"]) == 2
    assert "this is a picture" in one_line(capsys)
