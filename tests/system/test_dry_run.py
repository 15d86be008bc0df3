"""``--dry-run`` against what then happens, for the films of the acceptance table."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Command, Outcome, listing
from films import Spec, make_film
from rows import GOOD, Row
from shared import slow_but

_QUICK = (
    *("A1-base.mp4.mp4", "A3-rich.mkv.mov", "A3-rich.mkv.webm", "A10-vfr.mkv.mp4"),
    *("A12-hdr10.mkv.mp4", "A13-prores.mov.mov", "A15-gray16.mkv.mkv---lossless"),
    *("A19-odd.mkv.mp4", "A24-editlist.mp4.mkv", "A27-timecode.mov.mkv", "A30-bitmaps.mkv.mp4"),
    *("A6-twofilms-ffv1.mkv.mov", "A35-raw.h264.mkv", "A37-alpha.mov.mkv"),
)
"""Films of all kinds of containers, and of things left behind."""


@pytest.fixture
def plan(command: Command, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """``plan(film, target, *options)``: what ``--dry-run`` reports; it writes nothing else."""

    def run(film: Path, target: Path, *options: str) -> dict[str, Any]:
        before, report = listing(tmp_path), tmp_path.parent / f"{tmp_path.name}.json"
        words = ["--size", "64", "--weights", str(command.weights), "--report", str(report)]
        outcome = command.run(str(film), str(target), "--dry-run", *words, *options)
        assert (outcome.code, outcome.err) == (0, ""), outcome.err
        assert outcome.out.endswith("nothing was written; leave out --dry-run to do it\n")
        assert listing(tmp_path) == before
        found: dict[str, Any] = json.loads(report.read_text())
        for line in found["carried"]:
            word = "sound" if " converted to " in line else "copy"
            assert f"  {word:8} {line}\n" in outcome.out
        for left in found["left_behind"]:
            assert f"  NOT COPIED  {left['what']}: {left['why']}\n" in outcome.out
        return found

    return run


@pytest.mark.parametrize(
    "row",
    slow_but([row for row in GOOD if row.name in _QUICK], GOOD),
    ids=lambda row: row.name,
)
def test_what_is_expected_happens(
    row: Row,
    reel: Callable[[str], Path],
    command: Command,
    plan: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    film, target = reel(row.film), tmp_path / f"out{row.target}"
    expected = plan(film, target, "--quiet", *row.options)
    outcome = command(film, target, *row.options)
    assert outcome.code == row.code, outcome.err
    same = ("codec", "pixels", "luma", "lossless", "carried", "left_behind")
    assert {key: expected[key] for key in same} == {key: outcome.report[key] for key in same}
    assert expected["spec"]["encoder"] == outcome.report["spec"]["encoder"]
    _check_amounts(expected, outcome)


def _check_amounts(expected: dict[str, Any], outcome: Outcome) -> None:
    """Frames, size and time are about right where the film tells how long it is."""
    if expected["frames"] is None:
        assert expected["bytes"] is None
        return
    assert expected["frames"] == outcome.report["frames"]
    # These films are shorter than what a container adds to them; long ones are held closer below.
    assert expected["bytes"] < 3 * outcome.report["bytes"] + 200_000


@pytest.mark.slow
def test_a_longer_film_is_of_about_that_size(
    plan: Callable[..., dict[str, Any]], command: Command, tmp_path: Path
) -> None:
    from guided import write_shots

    film = write_shots(tmp_path.parent / f"{tmp_path.name}.mkv", shots=20)
    expected = plan(film, tmp_path / "a.mkv", "--quiet")
    assert 100 < expected["trial"]["frames"] < 200
    outcome = command(film, tmp_path / "a.mkv")
    assert expected["frames"] == outcome.report["frames"] == 280
    assert 0.4 < expected["bytes"] / outcome.report["bytes"] < 2.5
    assert expected["seconds"] > 0


def test_sound_that_is_added_and_converted_is_counted(
    plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    film = make_film(tmp_path / "film.mkv", Spec(frames=12)).path
    take = tmp_path / "take.wav"
    with wave.open(str(take), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(bytes(4 * 96000))
    sizes = [
        plan(film, tmp_path / "out.mkv", "--sound", str(take), *more)["extra_bytes"]
        for more in ((), ("--audio", "flac"), ("--audio", "aac"), ("--end", "0.25"))
    ]
    assert sizes[0] == 4 * 96000
    assert sizes[2] == 4 * 12000
    assert sizes[2] < sizes[1] < sizes[0]
    assert sizes[3] == 24000


def test_a_part_of_a_film_is_tried_within_it(
    plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    from guided import write_shots

    film = write_shots(tmp_path.parent / f"{tmp_path.name}.mkv", shots=20)
    expected = plan(film, tmp_path / "a.mkv", "--quiet", "--start", "3", "--end", "4")
    assert expected["frames"] == expected["trial"]["frames"] == 25


def test_what_would_stop_the_run_stops_the_dry_run(
    reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    film, target = reel("rich.mkv"), tmp_path / "out.mp4"
    outcome = command.run(str(film), str(target), "--dry-run", "--strict")
    assert outcome.code == 2
    assert "cannot copy ASS styling" in outcome.err
    target.write_bytes(b"old")
    outcome = command.run(str(film), str(target), "--dry-run")
    assert (outcome.code, target.read_bytes()) == (2, b"old")
    assert "use --force" in outcome.err


def test_a_folder_is_told_film_by_film(
    reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for name in ("base.mp4", "rich.mkv", "still.png"):
        shutil.copy(reel(name), films)
    (films / "text.mp4").write_text("no film")
    usual = ["--size", "64", "--weights", str(command.weights), "--quiet"]
    outcome = command.run(str(films), str(tmp_path / "out"), "--dry-run", *usual)
    assert outcome.code == 2
    assert "vidcolor: text.mp4: " in outcome.err
    assert f"still.png -> {tmp_path}/out/still.png: a picture\n" in outcome.out
    assert outcome.out.count("  expect   about ") == 2
    assert "3 films" not in outcome.out
    assert "4 films: about " in outcome.out
    assert listing(tmp_path) == [b"films"]


def test_a_film_that_is_done_is_told(
    reel: Callable[[str], Path], command: Command, tmp_path: Path
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    shutil.copy(reel("base.mp4"), films)
    words = [str(films), str(tmp_path / "out"), "--size", "64", "--weights", str(command.weights)]
    assert command.run(*words, "--quiet").code == 0
    outcome = command.run(*words, "--quiet", "--dry-run")
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "base.mp4: already done")
