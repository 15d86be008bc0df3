"""The acceptance table through the real command: every row, held to the same pass rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from checks import check_picture, check_rest, look
from command import Command, listing
from reels import FILMS
from row_checks import OLD
from rows import GOOD, NO_FILM, Row
from shared import one_of_each


@pytest.mark.parametrize("row", one_of_each(GOOD, lambda row: row.film), ids=lambda row: row.name)
def test_good_but_awkward(
    row: Row, reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    film, target = reel(row.film), tmp_path / f"out{row.target}"
    outcome = command(film, target, *row.options)
    assert outcome.code == row.code, outcome.err
    assert tuple(outcome.left) == row.left
    assert outcome.damage == row.damage
    assert listing(tmp_path) == [target.name.encode()]
    before, after = look(reel(row.twin) if row.twin else film, row.video), look(target)
    assert outcome.report["frames"] == len(after.seen.pts)
    offset = check_picture(before, after, row.lossless)
    check_rest(before, after, outcome.left, offset)
    if row.check:
        row.check(before, after, outcome)
    report = str(command.weights.parent / "report.json")
    verified = command.run("verify", str(target), "--report", report)
    assert verified.code == 0, verified.out


@pytest.mark.parametrize("row", NO_FILM, ids=lambda row: row.name)
def test_no_film(row: Row, reel: Callable[[str], Path], command: Command, tmp_path: Path) -> None:
    film, target = reel(row.film), tmp_path / f"out{row.target}"
    target.write_bytes(OLD)
    outcome = command(film, target, "--force", *row.options)
    assert outcome.code == row.code == 2
    assert re.fullmatch(
        "vidcolor: " + row.says.replace("FILM", f".*{re.escape(film.name)}"), outcome.err.strip()
    )
    assert target.read_bytes() == OLD
    assert listing(tmp_path) == [target.name.encode()]


@pytest.mark.parametrize("source", ["still.png", "still.jpg"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg"])
def test_stills_are_welcome(
    source: str, suffix: str, reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    target = tmp_path / f"out{suffix}"
    outcome = command(reel(source), target)
    assert outcome.code == 0
    assert listing(tmp_path) == [target.name.encode()]
    with av.open(str(target)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape == (80, 80, 3)
    assert picture.std(axis=2).max() > 8, "no color"


@pytest.mark.parametrize("name", FILMS)
def test_info(name: str, reel: Callable[[str], Path], command: Command) -> None:
    outcome = command.run("info", str(reel(name)))
    stills = {"still.png", "still.jpg"}
    refused = {row.film for row in NO_FILM} - stills
    assert outcome.code == (2 if name in refused else 0)
    if name in stills:
        assert outcome.out.startswith("picture ")
        assert "\npixels " in outcome.out
    elif outcome.code == 0:
        assert outcome.err == ""
        assert outcome.out.startswith("film ")
        assert "\ncontainer " in outcome.out
    else:
        assert outcome.out == ""
