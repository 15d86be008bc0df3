"""``--colors``: each command that colors takes the sheet; what is wrong with it is one line."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from guided import SHOT, write_shots
from shared import one_line

from vidcolor.cli.main import main

GRAY = '[[stretch]]\nfrom = "0:00.320"\nto = "0:00.640"\nkeep_gray = true\n'
"""The second shot of `write_shots` stays gray."""
NOTE = "film.colors.toml lies beside the video; add --colors auto to use it"


def gray_frames(path: Path) -> list[bool]:
    """Which frames of a film have no color; of two pictures side by side in the second."""
    with av.open(path) as container:
        pictures = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    halves = [picture[:, -96:].astype(int) for picture in pictures]
    return [int(np.abs(half - half[..., :1]).max()) < 12 for half in halves]


SECOND = [False] * SHOT + [True] * SHOT + [False] * SHOT
NONE = [False] * (3 * SHOT)


def test_a_film_takes_the_sheet_that_is_named_or_lies_beside_it(
    here: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "other.toml").write_text(GRAY)
    assert main(["film.mkv", "a.mp4", "--colors", "other.toml", *options]) == 0
    said = capsys.readouterr().err
    assert f"{SHOT} frames as the color sheet says" in said
    assert "colors other.toml" in said
    assert gray_frames(here / "a.mp4") == SECOND
    assert main(["film.mkv", "b.mp4", "--colors", "auto", *options]) == 0
    assert gray_frames(here / "b.mp4") == NONE
    (here / "film.colors.toml").write_text(GRAY)
    capsys.readouterr()
    assert main(["film.mkv", "c.mp4", *options]) == 0
    assert NOTE in capsys.readouterr().err
    assert main(["film.mkv", "d.mp4", "--colors", "none", *options]) == 0
    assert NOTE not in capsys.readouterr().err
    assert (here / "c.mp4").read_bytes() == (here / "d.mp4").read_bytes()
    given = ["--colors", "auto", "--report", "e.json"]
    assert main(["film.mkv", "e.mp4", *given, *options]) == 0
    assert (here / "e.mp4").read_bytes() == (here / "a.mp4").read_bytes()
    assert json.loads((here / "e.json").read_text())["colors"]["path"] == str(
        here / "film.colors.toml"
    )


def test_compare_and_a_pipe_take_it(
    here: Path, options: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (here / "film.colors.toml").write_text(GRAY)
    assert main(["compare", "film.mkv", "two.mp4", "--colors", "auto", *options]) == 0
    assert gray_frames(here / "two.mp4") == SECOND
    capfdbinary.readouterr()
    assert main(["film.mkv", "-", "--colors", "auto", "-q", *options]) == 0
    (here / "piped.mkv").write_bytes(capfdbinary.readouterr().out)
    assert gray_frames(here / "piped.mkv") == SECOND


def test_a_preview_shows_what_the_film_will_be(here: Path, options: list[str]) -> None:
    (here / "film.colors.toml").write_text(GRAY)

    def seen(at: str, *colors: str) -> bool:
        given = ["--at", at, "--look", "after", "-y", *colors]
        assert main(["preview", "film.mkv", "still.png", *given, *options]) == 0
        return gray_frames(here / "still.png")[0]

    assert seen("0.4", "--colors", "auto")
    assert not seen("0.4")
    assert not seen("0.2", "--colors", "auto")


def test_the_saturation_of_a_stretch_goes_before_the_options(
    here: Path, options: list[str]
) -> None:
    (here / "film.colors.toml").write_text("[[stretch]]\nsaturation = 0\n")
    given = ["--at", "0.4", "--look", "after", "--colors", "auto", "--saturation", "2"]
    assert main(["preview", "film.mkv", "still.png", *given, *options]) == 0
    assert gray_frames(here / "still.png") == [True]


def test_a_picture_takes_it(here: Path, options: list[str]) -> None:
    with av.open(here / "film.mkv") as container:
        next(container.decode(video=0)).to_image().save(here / "photo.png")
    (here / "photo.colors.toml").write_text("[[stretch]]\nkeep_gray = true\n")
    assert main(["photo.png", "a.png", "--colors", "auto", *options]) == 0
    assert main(["photo.png", "b.png", *options]) == 0
    assert gray_frames(here / "a.png") + gray_frames(here / "b.png") == [True, False]


def test_each_film_of_a_folder_has_its_own(
    here: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = here / "films"
    folder.mkdir()
    (here / "film.mkv").rename(folder / "film.mkv")
    write_shots(folder / "other.mkv", shots=3)
    (folder / "film.colors.toml").write_text(GRAY)
    command = ["films", "out", "--colors", "auto", "--to", "mp4", *options]
    assert main(command) == 0
    assert gray_frames(here / "out" / "film.mp4") == SECOND
    assert gray_frames(here / "out" / "other.mp4") == NONE
    capsys.readouterr()
    assert main(command) == 0
    said = capsys.readouterr().err
    assert "2 skipped" in said
    assert "ignored" not in said
    (folder / "film.colors.toml").write_text(GRAY.replace("0.640", "0.600"))
    assert main(command) == 0
    assert "1 done, 1 skipped" in capsys.readouterr().err
    assert sum(gray_frames(here / "out" / "film.mp4")) == SHOT - 1
    (folder / "film.colors.toml").unlink()
    assert main(command) == 2
    assert "the color sheet says something else; use --force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert gray_frames(here / "out" / "film.mp4") == NONE


@pytest.mark.parametrize(
    "words", [["film.mkv", "o.mp4"], ["preview", "film.mkv", "o.png"], ["play", "film.mkv"]]
)
def test_a_sheet_that_is_not_there_is_refused(
    words: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--colors", "no.toml", *(["--player", "cat"] * (words[0] == "play"))]) == 2
    assert "no color sheet 'no.toml'; give --colors a file, auto or none" in one_line(capsys)
    assert sorted(path.name for path in here.iterdir()) == ["film.mkv"]


def test_a_sheet_that_cannot_be_read_leaves_nothing_behind(
    here: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "bad.toml").write_text("[[stretch]]\nvivd = 1\n")
    assert main(["film.mkv", "o.mp4", "--colors", "bad.toml", "-q", *options]) == 2
    assert "bad.toml:2" in one_line(capsys)
    assert sorted(path.name for path in here.iterdir()) == ["bad.toml", "film.mkv"]


def test_one_sheet_is_not_for_several_films(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "one.toml").write_text(GRAY)
    (here / "out").mkdir()
    assert main(["film.mkv", "out", "--colors", "one.toml"]) == 2
    assert "--colors FILE is for one film" in one_line(capsys)
