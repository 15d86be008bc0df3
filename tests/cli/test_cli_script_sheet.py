"""``vidcolor script``: its pictures, its JSON, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from guided import write_scenes
from shared import one_line

from vidcolor.cli.main import main
from vidcolor.media.images.files import read_rgb
from vidcolor.preview import script_sheet

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def film(here: Path, sure_guide: None) -> str:
    write_scenes(here / "abab.mkv")
    return "abab.mkv"


def test_it_draws_and_tells(film: str, options: list[str], capsys: Captured) -> None:
    assert main(["script", film, "a.png", *options]) == 0
    said = capsys.readouterr().err
    assert "a.png: 4 key frames of 4 shots, 2 scenes; " in said
    assert "left out" not in said
    picture = read_rgb("a.png")
    assert picture.shape[2] == 1920
    assert picture.float().std() > 10


def test_single_scenes_are_counted_and_shown_on_demand(
    film: str, here: Path, options: list[str], capsys: Captured
) -> None:
    write_scenes(here / "aba.mkv", "ABA")
    assert main(["script", "aba.mkv", "a.png", *options]) == 0
    assert "1 scene of a single key frame left out; --all shows them" in capsys.readouterr().err
    assert main(["script", "aba.mkv", "-o", "b.jpg", "--all", *options]) == 0
    assert "left out" not in capsys.readouterr().err
    assert read_rgb("b.jpg").shape[1] > read_rgb("a.png").shape[1]
    write_scenes(here / "ab.mkv", "AB")
    assert main(["script", "ab.mkv", "c.png", *options]) == 0
    assert "no two key frames show the same" in capsys.readouterr().err


def test_json_has_all_scenes(film: str, here: Path, options: list[str], capsys: Captured) -> None:
    write_scenes(here / "aba.mkv", "ABA")
    assert main(["script", "aba.mkv", "--json", "-", "-q", *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert (found["film"], found["shots"], len(found["scenes"])) == ("aba.mkv", 3, 2)
    first, second = found["scenes"]
    assert [shot["start"]["time"] for shot in first["shots"]] == ["0:00:00.000", "0:00:00.640"]
    assert first["shots"][0]["end"] == {"seconds": 0.32, "time": "0:00:00.320"}
    assert [key["seconds"] for key in first["key_frames"]] == [0.16, 0.8]
    for name in ("before", "after"):
        assert all(len(one["color"]) == 7 for one in first["palette"][name])
        assert 0 < sum(one["share"] for one in first["palette"][name]) <= 1.001
    assert second["change"] == 0
    assert main(["script", "aba.mkv", "a.png", "--json", "a.json", "-q", *options]) == 0
    assert json.loads((here / "a.json").read_text()) == found
    assert (here / "a.png").exists()


def test_scenes_go_on_on_other_pages(
    film: str, here: Path, options: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_sheet, "HIGHEST", 300)
    assert main(["script", film, "a.png", *options]) == 0
    assert "a.png, a-2.png: 4 key frames" in capsys.readouterr().err
    assert read_rgb("a.png").shape[1] <= 300
    (here / "a.png").unlink()
    assert main(["script", film, "a.png", *options]) == 2
    assert "a-2.png: exists" in one_line(capsys)
    assert not (here / "a.png").exists()
    assert main(["script", film, "a.png", "-y", *options]) == 0


def test_what_is_there_is_kept(film: str, here: Path, options: list[str], capsys: Captured) -> None:
    (here / "a.png").write_bytes(b"old")
    assert main(["script", film, "a.png", *options]) == 2
    assert "a.png" in one_line(capsys)
    assert (here / "a.png").read_bytes() == b"old"
    assert main(["script", film, "a.png", "-y", "-q", *options]) == 0
    assert (here / "a.png").read_bytes() != b"old"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["one.mkv", "a.png"], "one.mkv: no color script: a single shot, and a short one"),
        (["p.png", "a.png"], "p.png: is a picture; color scripts are for films"),
        (["-", "a.png"], "takes several passes through the film; name a file"),
        (["abab.mkv", "a.mp4"], "a.mp4: the output must end in .png"),
        (["abab.mkv"], "required: OUT, or --json FILE"),
        (["abab.mkv", "a.png", "--json", "no/a.json"], "there is no folder"),
        (["abab.mkv", "a.png", "--json", "abab.mkv"], "is the film itself"),
        (["no.mkv", "a.png"], "no.mkv: no such file"),
    ],
)
def test_what_it_cannot_do_is_told_in_one_line(
    words: list[str], line: str, film: str, here: Path, options: list[str], capsys: Captured
) -> None:
    from PIL import Image

    write_scenes(here / "one.mkv", "A")
    Image.new("L", (64, 48), 90).save(here / "p.png")
    before = sorted(here.iterdir())
    assert main(["script", *words, "-q", *options]) == 2
    assert line in one_line(capsys)
    assert sorted(here.iterdir()) == before


def test_weights_without_a_guide_are_told(here: Path, options: list[str], capsys: Captured) -> None:
    write_scenes(here / "abab.mkv")
    assert main(["script", "abab.mkv", "a.png", "-q", *options]) == 2
    assert "guide" in one_line(capsys)
    assert not (here / "a.png").exists()
