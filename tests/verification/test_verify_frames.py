"""Colored frames are held against their report and their source, and what differs is named."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from films import Spec, make_film
from frame_files import write_scans
from guided import guided_settings

from vidcolor.cli.main import main
from vidcolor.core.report import Report
from vidcolor.run.batch import write_report
from vidcolor.run.video import colorize_video
from vidcolor.settings import EncodeSettings, InputSettings, Settings
from vidcolor.verification.verdict import Verdict
from vidcolor.verification.verify import Held, verify

COUNT = 5
Change = Callable[[Path], object]


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


@pytest.fixture
def colored(tmp_path: Path, settings: Settings) -> Report:
    """Scans in color, with their report beside them."""
    source = write_scans(tmp_path / "scans", COUNT)
    report = colorize_video(source, tmp_path / "out" / "reel_%07d.dpx", settings=settings)
    write_report(report)
    return report


def place(tmp_path: Path, number: int) -> Path:
    return tmp_path / "out" / f"reel_{86400 + number:07d}.dpx"


def list_findings(verdict: Verdict) -> list[str]:
    return [f"{one.what}: {one.text}" for one in verdict.differs]


def spoil(path: Path, at: int, data: bytes) -> None:
    held = bytearray(path.read_bytes())
    held[at : at + len(data)] = data
    path.write_bytes(held)


def test_frames_are_those_of_their_report_and_their_source(
    colored: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in (place(tmp_path, number) for number in range(COUNT))
    )
    assert colored.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert colored.numbers == [(86400, 86400 + COUNT - 1)]
    assert main(["verify", f"{tmp_path}/out"]) == 0
    printed = capsys.readouterr().out
    for line in (
        f"sha256: {colored.sha256} of all frames",
        f"frames: {COUNT}, as the source has",
        f"luma: equal in all {COUNT} frames",
        "label: colored by",
        f"edge code and position as the source has it, in {COUNT} frames",
    ):
        assert line in printed
    # Others in the folder are no part of the run; the pattern is as good a name as the folder.
    (tmp_path / "out" / "reel_0086399.dpx").write_bytes(b"old")
    assert not verify(tmp_path / "out" / "reel_%07d.dpx").differs


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda path: path.unlink(), ["frames: reel_0086402.dpx: missing"]),
        (lambda path: path.write_bytes(b""), ["sha256: ", "frames: reel_0086402.dpx: missing, or"]),
        (
            lambda path: spoil(path, 6000, b"\xff\xf0\x00\x00"),
            ["sha256: ", "luma: in reel_0086402.dpx, by up to "],
        ),
        (
            lambda path: spoil(path, 1920, struct.pack(">I", 0x01020304)),
            ["sha256: ", "headers: reel_0086402.dpx: timecode"],
        ),
    ],
    ids=["gone", "empty", "luma", "timecode"],
)
def test_what_differs_is_told_with_the_name_of_the_frame(
    change: Change, expected: list[str], colored: Report, tmp_path: Path
) -> None:
    change(place(tmp_path, 2))
    lines = list_findings(verify(tmp_path / "out"))
    for start in expected:
        assert any(line.startswith(start) for line in lines), (start, lines)


def test_frames_of_damaged_scans_leave_numbers_free_and_are_verified(
    tmp_path: Path, settings: Settings
) -> None:
    source = write_scans(tmp_path / "scans", 9)
    cut = tmp_path / "scans" / "reel_0086405.dpx"
    cut.write_bytes(cut.read_bytes()[:9000])
    report = colorize_video(source, tmp_path / "out" / "reel_%07d.dpx", settings=settings)
    write_report(report)
    assert report.numbers == [(86400, 86404), (86406, 86408)]
    assert any("there are none of these names: reel_0086405.dpx" in note for note in report.notes)
    assert verify(tmp_path / "out").result == "same"


def test_frames_of_a_film_have_its_luma_and_its_timecode(
    tmp_path: Path, settings: Settings
) -> None:
    spec = Spec(codec="libx264", frames=6, timecode="01:00:00:00")
    film = make_film(tmp_path / "film.mov", spec).path
    for suffix in (".dpx", ".jpg"):
        target = tmp_path / f"out{suffix[1:]}" / f"film_%06d{suffix}"
        write_report(colorize_video(film, target, settings=settings))
        verdict = verify(target.parent)
        assert verdict.result == "same"
        assert any(one.what == "luma" for one in verdict.same)
        assert any(one.what == "headers" for one in verdict.same) == (suffix == ".dpx")


def test_a_film_made_of_frames_without_a_rate_is_held_against_them(
    colored: Report, tmp_path: Path, settings: Settings
) -> None:
    source = tmp_path / "png" / "x_%03d.png"
    frames = replace(settings, open=InputSettings(fps=Fraction(18)))
    pictures = colorize_video(Path(colored.source), source, settings=settings)
    assert pictures.frames == COUNT
    report = colorize_video(source, tmp_path / "film.mkv", settings=frames)
    (tmp_path / "film.json").write_text(json.dumps(report.to_dict()))
    verdict = verify(tmp_path / "film.mkv", Held(report=tmp_path / "film.json"))
    assert not verdict.differs
    assert {"source", "frames", "luma"} <= {one.what for one in verdict.same}


def test_scans_become_mxf_and_frames_again(
    colored: Report, tmp_path: Path, settings: Settings
) -> None:
    lossless = replace(settings, encode=EncodeSettings(lossless=True))
    film = tmp_path / "film.mxf"
    write_report(colorize_video(Path(colored.source), film, settings=lossless))
    assert verify(film).result == "same"
    back = colorize_video(film, tmp_path / "back" / "f_%03d.dpx", settings=settings)
    # The label of the film gives way to that of the frames, and the timecode is in their headers.
    assert back.left_behind == []
    assert back.carried == ["timecode 01:00:00:00"]


def test_luma_that_became_limited_range_is_compared_in_it(
    colored: Report, tmp_path: Path, settings: Settings
) -> None:
    film = tmp_path / "film.mov"
    prores = replace(settings, encode=EncodeSettings(codec="prores"))
    write_report(colorize_video(Path(colored.source), film, settings=prores))
    verdict = verify(film)
    assert verdict.result == "same"
    (luma,) = (one.text for one in verdict.same if one.what == "luma")
    assert luma.startswith("equal to within 1 code")
