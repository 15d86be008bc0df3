"""Lists of shots from what earlier commands wrote."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from run_specs import run_spec

from vidcolor.core.frames import Shot
from vidcolor.core.paths import work_folder
from vidcolor.errors import FilmUnreadable, SettingsError
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.preview.shot_list import ShotList, read_shot_list, read_shots
from vidcolor.run.work_dir import DoneChunk

CSV = """shot,start,start_seconds,frame,frames
1,0:00:00.000,0.000000,0,44
2,0:00:01.760,1.760000,44,90
"""
SPEC = run_spec(time_base="1/24")


def report(path: Path, starts: object, **cut: str) -> Path:
    spec = run_spec(time_base="1/24", **cut).to_dict()  # type: ignore[arg-type]
    path.write_text(json.dumps({"source": "a", "shot_starts": starts, "spec": spec}))
    return path


def journal(target: Path, *chunks: dict[str, Any], spec: object = None) -> Path:
    folder = work_folder(target)
    folder.mkdir(parents=True)
    lines = [json.dumps(line) for line in ({"spec": spec or SPEC.to_dict()}, *chunks)]
    text = "".join(f"{sha256(line.encode()).hexdigest()[:16]} {line}\n" for line in lines)
    (folder / "journal.jsonl").write_text(text)
    return folder


def chunk(number: int, shots: list[int], last: int) -> dict[str, Any]:
    facts = ChunkFileInfo(last - shots[0] + 1, shots[0], last, 0, 1, "", "")
    return asdict(DoneChunk(number, facts, shots=tuple(shots)))


def test_the_csv_of_shots(tmp_path: Path) -> None:
    path = tmp_path / "shots.csv"
    path.write_text(CSV)
    assert read_shots(path) == [Shot(Fraction(0), 44), Shot(Fraction(176, 100), 90)]
    found = read_shot_list(path)
    assert found.whole
    assert found.source is None
    assert found.middles(Fraction(2)) == [Fraction(88, 100), Fraction(188, 100)]


def test_a_report(tmp_path: Path) -> None:
    found = read_shot_list(report(tmp_path / "r.json", [0.0, 1.5, 3.25]))
    assert [shot.start for shot in found.shots] == [0, Fraction(3, 2), Fraction(13, 4)]
    assert found.whole
    assert found.source == SPEC.source


def test_a_report_on_a_part_of_a_film(tmp_path: Path) -> None:
    found = read_shot_list(report(tmp_path / "r.json", [0.0, 1.5], start="60", end="90"))
    assert [shot.start for shot in found.shots] == [60, Fraction(123, 2)]
    assert not found.whole


@pytest.mark.parametrize("named", ["target", "folder", "file"])
def test_a_journal(named: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    folder = journal(target, chunk(0, [0, 30], 59), chunk(1, [60], 95), chunk(3, [200], 230))
    path = {"target": target, "folder": folder, "file": folder / "journal.jsonl"}[named]
    found = read_shot_list(path)
    # The third chunk is not done, so what the last one knows is of no use.
    assert [shot.start for shot in found.shots] == [0, Fraction(30, 24), Fraction(60, 24)]
    assert found.end == Fraction(95, 24)
    assert not found.whole
    assert found.source == SPEC.source
    assert found.middles(Fraction(100))[-1] == (Fraction(60, 24) + Fraction(95, 24)) / 2


def test_a_torn_line_of_a_journal_is_not_believed(tmp_path: Path) -> None:
    folder = journal(tmp_path / "out.mp4", chunk(0, [0], 59), chunk(1, [60], 95))
    path = folder / "journal.jsonl"
    path.write_text(path.read_text()[:-9])
    assert len(read_shots(path)) == 1


def test_the_list_of_another_film() -> None:
    shots = ShotList((Shot(Fraction(0), 1), Shot(Fraction(50), 1)))
    with pytest.raises(SettingsError, match=r"0:00:50\.000.*0:00:20\.000.*another film"):
        shots.middles(Fraction(20))


def test_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FilmUnreadable, match=r"no\.csv: no such file"):
        read_shots(tmp_path / "no.csv")


@pytest.mark.parametrize(
    "text",
    [
        "no list at all",
        "shot,start\n1,2\n",
        CSV.splitlines()[0],
        CSV.replace("1.760000", "soon"),
        CSV.replace("1.760000", "1e99999999"),
        CSV.replace("1.760000", "9" * 30),
        CSV.replace("1.760000", "nan"),
        CSV.replace("1.760000", "0"),
        CSV.replace(",90", ",many"),
        "{}",
        "{not json",
        '{"shot_starts": []}',
        '{"shot_starts": [1], "spec": {}}',
        '{"shot_starts": 3, "spec": 4}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "\0\x1b[31m",
        "\xff",
    ],
)
def test_files_that_are_no_lists(text: str, tmp_path: Path) -> None:
    path = tmp_path / "shots.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(FilmUnreadable, match=r"shots\.csv: no shots in it"):
        read_shots(path)


@pytest.mark.parametrize(
    "spec",
    [
        {"a": 1},
        run_spec(time_base="1e-99999999").to_dict(),
        SPEC.to_dict() | {"cut": {}},
        {"source": asdict(SPEC.source)},
    ],
)
def test_journals_that_say_nothing(spec: dict[str, Any], tmp_path: Path) -> None:
    journal(tmp_path / "out.mp4", chunk(0, [0], 9), spec=spec)
    with pytest.raises(FilmUnreadable, match="no shots in it"):
        read_shots(tmp_path / "out.mp4")


def test_a_folder_without_a_journal(tmp_path: Path) -> None:
    with pytest.raises(FilmUnreadable, match="is a folder"):
        read_shots(tmp_path)
