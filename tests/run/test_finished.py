"""A finished video whose color sheet is edited: only what changed is colored again."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import pytest
from guided import SHOT, guided_settings, shot_times, write_shots
from test_guided_run import LAST, SECOND, hint, sheet, stop

from vidcolor.core.paths import finished_path, work_folder
from vidcolor.core.report import Report
from vidcolor.errors import OutputError, OutputExists
from vidcolor.guidance.types import ColorSheet, Stretch
from vidcolor.media.encode.packet_recovery import with_start_codes
from vidcolor.run.batch import Batch
from vidcolor.run.finished import read_finished
from vidcolor.run.inputs import BatchItem
from vidcolor.run.video import colorize_video
from vidcolor.settings import EncodeSettings, OutputSettings, PaintSettings, Settings

pytestmark = pytest.mark.usefixtures("quick_guide")
F = Fraction


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_shots(tmp_path / "film.mkv")


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


def color(film: Path, target: Path, settings: Settings, colors: ColorSheet | None) -> Report:
    return colorize_video(film, target, settings=settings, colors=colors)


def packets(path: Path) -> list[tuple[int | None, int | None, bool, bytes]]:
    import av

    with av.open(path) as container:
        return [(p.pts, p.dts, p.is_keyframe, bytes(p)) for p in container.demux(video=0)]


EDITED = replace(SECOND, saturation=0.5)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", None),
        pytest.param(".mkv", None, marks=pytest.mark.slow),
        pytest.param(".mkv", "ffv1", marks=pytest.mark.slow),
        pytest.param(".mov", "prores", marks=pytest.mark.slow),
        (".mxf", "prores"),
        pytest.param(".mxf", "ffv1", marks=pytest.mark.slow),
        (".mp4", "h265"),
        pytest.param(".webm", "vp9", marks=pytest.mark.slow),
        pytest.param(".mkv", "av1", marks=pytest.mark.slow),
    ],
)
def test_an_edit_costs_the_chunks_that_it_touches(
    suffix: str, codec: str | None, film: Path, settings: Settings, tmp_path: Path
) -> None:
    settings = replace(settings, encode=EncodeSettings(codec=codec, threads=1))
    target, other = tmp_path / f"out{suffix}", tmp_path / f"other{suffix}"
    color(film, target, settings, sheet(SECOND, LAST))
    report = color(film, target, settings, sheet(EDITED, LAST))
    assert (report.inferred, report.chunks, report.resumed) == (SHOT, 4, 3)
    said = f"1 of 4 chunks colored again, 3 taken from the finished out{suffix}"
    assert f"the color sheet changed: {said}" in report.notes
    color(film, other, settings, sheet(EDITED, LAST))
    assert packets(target) == packets(other)
    if suffix not in (".mkv", ".webm"):  # which have a number of its own in each file
        assert target.read_bytes() == other.read_bytes()
    assert not work_folder(target).exists()
    again = color(film, target, settings, sheet(EDITED))
    assert again.inferred == SHOT


def test_rounded_times_do_not_add_up(settings: Settings, tmp_path: Path) -> None:
    """Matroska rounds to thousandths; what is taken back has its exact times again."""
    film = write_shots(tmp_path / "film.nut", tick=F(1, 90000))
    target, other = tmp_path / "out.mkv", tmp_path / "other.mkv"
    for saturation in (2.0, 0.5, 1.5):
        color(film, target, settings, sheet(replace(SECOND, saturation=saturation)))
    color(film, other, settings, sheet(replace(SECOND, saturation=1.5)))
    assert packets(target) == packets(other)


def test_without_a_sheet_nothing_is_kept(film: Path, settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    color(film, target, settings, None)
    assert not finished_path(target).exists()
    with pytest.raises(OutputExists):
        color(film, target, settings, sheet(SECOND))
    forced = replace(settings, output=OutputSettings(force=True))
    color(film, target, forced, sheet(SECOND))
    assert finished_path(target).stat().st_size < 10_000
    color(film, target, forced, None)
    assert not finished_path(target).exists()


def test_what_is_no_edit_is_refused(film: Path, settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    color(film, target, settings, sheet(SECOND))
    before = target.read_bytes()
    with pytest.raises(OutputExists, match="made with this color sheet already"):
        color(film, target, settings, sheet(replace(SECOND, name="renamed")))
    other = replace(settings, paint=PaintSettings(0.5))
    with pytest.raises(OutputExists, match="made differently: color saturation was 1"):
        color(film, target, other, sheet(EDITED))
    with pytest.raises(OutputExists, match=r"exists; use --force"):
        color(film, target, settings, None)
    assert target.read_bytes() == before
    target.write_bytes(before + b"touched by somebody")
    with pytest.raises(OutputExists, match=r"exists; use --force"):
        color(film, target, settings, sheet(EDITED))
    assert target.read_bytes() == before + b"touched by somebody"
    assert sorted(os.listdir(tmp_path)) == [".out.mp4.chunks", "film.mkv", "out.mp4"]


def test_a_run_that_was_stopped_after_an_edit_goes_on(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    target, other = tmp_path / "out.mp4", tmp_path / "other.mp4"
    color(film, target, settings, sheet(SECOND))
    before = target.read_bytes()
    stop(film, target, settings, sheet(EDITED, LAST), after=1)
    assert target.read_bytes() == before, "it is replaced when the new one is whole"
    report = color(film, target, settings, sheet(EDITED, LAST))
    assert (report.resumed, report.inferred) == (3, SHOT)
    color(film, other, settings, sheet(EDITED, LAST))
    assert target.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("edit", [pytest.param(0, marks=pytest.mark.slow), 18])
def test_a_chunk_that_goes_on_in_a_shot_is_made_from_where_the_shot_begins(
    edit: int, quick_weights: Path, tmp_path: Path
) -> None:
    film = write_shots(tmp_path / "film.mkv", shots=3, frames=20)
    settings = guided_settings(quick_weights, 0.1)
    settings = replace(settings, smooth=replace(settings.smooth, look_ahead=3))
    target, other = tmp_path / "out.mp4", tmp_path / "other.mp4"
    color(film, target, settings, sheet(Stretch(F(0), F(12, 25), saturation=0.9)))
    at = F(20 + edit, 25)
    edited = sheet(Stretch(F(0), F(12, 25), saturation=0.9), Stretch(at, at + F(2, 25), vivid=1.0))
    report = color(film, target, settings, edited)
    assert 0 < report.resumed < report.chunks
    color(film, other, settings, edited)
    assert target.read_bytes() == other.read_bytes()


def test_shots_are_not_looked_for_again(
    film: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    color(film, target, settings, sheet(hints=[hint(3), hint(20)]))
    found = read_finished(target)
    assert found is not None
    assert [shot.start_seconds for shot in found.shots] == [shot_times(n)[0] for n in range(4)]
    monkeypatch.setattr("vidcolor.run.video.scan_shots", None)
    report = color(film, target, settings, sheet(hints=[hint(3), hint(21)]))
    assert report.resumed == 3


def test_a_batch_makes_what_changed(film: Path, settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    written = tmp_path / "film.colors.toml"
    written.write_text("[[stretch]]\nfrom = 0.32\nto = 0.64\nsaturation = 2\n")
    item = BatchItem("film", film, target, colors="auto")
    results = [str(Batch(settings).color(item).result) for _ in range(2)]
    written.write_text("[[stretch]]\nfrom = 0.32\nto = 0.64\nsaturation = 0.5\n")
    outcome = Batch(settings).color(item)
    results.append(str(outcome.result))
    assert results == ["done", "skipped", "done"], outcome.error
    assert outcome.report is not None
    assert outcome.report.resumed == 3
    assert str(Batch(settings).color(item).result) == "skipped"


def test_lengths_become_start_codes() -> None:
    data = b"\0\0\0\2ab\0\0\0\1c"
    assert with_start_codes(data, 4) == b"\0\0\0\1ab\0\0\0\1c"
    assert with_start_codes(b"\2ab", 1) == b"\0\0\0\1ab"
    with pytest.raises(OutputError, match="cut short"):
        with_start_codes(b"\0\0\0\x09ab", 4)


def test_a_file_that_was_altered_is_worth_nothing(
    film: Path, settings: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    color(film, target, settings, sheet(SECOND, hints=[hint(3)]))
    path = finished_path(target)
    whole = read_finished(target)
    assert whole is not None
    lines = [line.partition(b" ")[2] for line in path.read_bytes().splitlines()]
    chance = random.Random(1)
    spoilt = [lines[:-1], lines[1:], [], [b"[]"], [*lines[:-1], b'{"finished": null}']]
    spoilt += [[*lines[:place], *lines[place + 1 :]] for place in range(len(lines))]
    for _ in range(200):
        place = chance.randrange(len(lines))
        data = bytearray(lines[place])
        data[chance.randrange(len(data))] = chance.choice(b'0179-"[]{},.ex')
        spoilt.append([*lines[:place], bytes(data), *lines[place + 1 :]])
    for some in spoilt:
        checked = [sha256(line).hexdigest()[:16].encode() + b" " + line + b"\n" for line in some]
        path.write_bytes(b"".join(checked))
        found = read_finished(target)
        assert found is None or len(found.chunks) == len(found.heads) == 4


def test_two_edits_one_after_the_other_leave_no_seam(quick_weights: Path, tmp_path: Path) -> None:
    """What was taken back hands nothing on; a chunk behind it is not made without that."""
    film = write_shots(tmp_path / "film.mkv", shots=2, frames=16)
    settings = guided_settings(quick_weights, 0.1)
    settings = replace(settings, smooth=replace(settings.smooth, look_ahead=3))
    target, other = tmp_path / "out.mp4", tmp_path / "other.mp4"
    color(film, target, settings, sheet(Stretch(F(0), F(1, 25), saturation=0.9)))
    first = sheet(Stretch(F(0), F(1, 25), saturation=0.8))
    stop(film, target, settings, first)
    second = sheet(Stretch(F(0), F(1, 25), saturation=0.8), Stretch(F(30, 25), vivid=1.0))
    color(film, target, settings, second)
    color(film, other, settings, second)
    assert target.read_bytes() == other.read_bytes()
