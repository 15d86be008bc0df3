"""``vidcolor preview --per-shot``: where its shots come from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from run_specs import run_spec
from shared import one_line
from sheet_reading import (
    FRAMES,
    HEIGHT,
    LENGTHS,
    WIDTH,
    Captured,
    Preview,
    cells,
    film,
    number_in,
    preview,
)

from vidcolor.cli import preview_shots as pershot
from vidcolor.cli.main import main
from vidcolor.colorize.chain import mark_frames
from vidcolor.core.frames import Frame
from vidcolor.core.paths import work_folder
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.media.open import open_video
from vidcolor.run.work_dir import DoneChunk
from vidcolor.settings import Settings

__all__ = ["film", "preview"]  # fixtures


def shot_numbers() -> list[int]:
    """The middle frame of each shot."""
    starts = [sum(LENGTHS[:n]) for n in range(3)]
    return [start + length // 2 for start, length in zip(starts, LENGTHS, strict=True)]


def of_the_shots() -> None:
    found = cells(3, 3, (WIDTH, HEIGHT))
    assert [number_in(cell) for cell in found] == shot_numbers()


def test_shots_are_looked_for(
    preview: Preview, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pershot, "MEASURED", 0.0)
    assert preview("--per-shot", "--no-smooth") == 0
    err = capsys.readouterr().err
    assert re.search(r"^finding the shots takes about \d+ s; --shots FILE avoids this$", err, re.M)
    of_the_shots()


def test_shots_of_the_csv(preview: Preview, film: Path, capsys: Captured) -> None:
    assert main(["shots", str(film), "-q"]) == 0
    Path("shots.csv").write_text(capsys.readouterr().out)
    assert preview("--shots", "shots.csv", "--no-smooth") == 0
    assert "finding" not in capsys.readouterr().err
    of_the_shots()


def spec_of(film: Path) -> dict[str, Any]:
    with open_video(film) as opened:
        return run_spec(source=opened.info.identity, time_base="1/20").to_dict()


def test_pictures_take_color_from_the_shots_of_the_list_alone(
    preview: Preview, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[set[int]] = []

    def see(frames: Iterable[Frame], settings: Settings) -> Iterator[Frame]:
        marked = list(mark_frames(frames, settings))
        starts.append({round(frame.seconds * 20) for frame in marked[1:] if frame.starts_shot})
        return iter(marked)

    monkeypatch.setattr("vidcolor.preview.viewer.mark_frames", see)
    Path("cuts.txt").write_text("7\n12\n")
    assert preview("--shots", "cuts.txt") == 0
    assert set().union(*starts) <= {7, 12}
    assert starts


def test_shots_of_a_report(preview: Preview, film: Path, capsys: Captured) -> None:
    report = {"shot_starts": [0, 1, 2.25], "spec": spec_of(film)}
    Path("done.json").write_text(json.dumps(report))
    assert preview("--shots", "done.json", "--no-smooth") == 0
    of_the_shots()
    # A report beside OUT with the name of the film is found without being named.
    Path("a film.json").write_text(json.dumps(report))
    capsys.readouterr()
    assert preview("--per-shot", "--no-smooth", "--force") == 0
    assert "using the shots in a film.json" in capsys.readouterr().err
    of_the_shots()
    report["spec"]["source"]["bytes"] = 1  # type: ignore[index]
    Path("done.json").write_text(json.dumps(report))
    assert preview("--shots", "done.json", "--force") == 2
    assert "done.json: belongs to another film than a film.mp4" in one_line(capsys)


def test_shots_of_an_unfinished_run(preview: Preview, film: Path, capsys: Captured) -> None:
    folder = work_folder(Path("result.mkv"))
    folder.mkdir()
    lines = [
        json.dumps({"spec": spec_of(film)}),
        json.dumps(asdict(DoneChunk(0, ChunkFileInfo(45, 0, 44, 0, 1, "", ""), shots=(0, 20)))),
    ]
    text = [f"{sha256(line.encode()).hexdigest()[:16]} {line}\n" for line in lines]
    (folder / "journal.jsonl").write_text("".join(text))
    assert preview("--per-shot", "--shots", "result.mkv", "--no-smooth") == 0
    assert "unfinished; the sheet shows the film up to 0:00:02.2" in capsys.readouterr().err
    found = cells(2, 2, (WIDTH, HEIGHT))
    assert [number_in(cell) for cell in found] == [10, 32]


def test_too_many_shots_are_left_out_evenly(
    preview: Preview, film: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcolor.preview.contact_sheet.ROOMY", 60_000)
    rows = [f"{n + 1},0,{n / 20:.6f},{n},1" for n in range(FRAMES)]
    Path("shots.csv").write_text("shot,start,start_seconds,frame,frames\n" + "\n".join(rows))
    assert preview("--shots", "shots.csv", "--sheet", "2x1", "--no-smooth") == 0
    err = capsys.readouterr().err
    found = re.search(
        r"a sheet holds (\d+) of these pictures; (\d+) of 80 shots, evenly spread, are left out",
        err,
    )
    assert found
    held, left = map(int, found.groups())
    assert held + left == FRAMES
    shown = [number_in(cell) for cell in cells(2, held, (WIDTH, HEIGHT))]
    assert shown == sorted(set(shown))
    assert shown[0] < FRAMES / held
    assert shown[-1] >= FRAMES - FRAMES / held - 1


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (40.4, "40 s"), (200, "3 min"), (7000, "1.9 h")]
)
def test_about(seconds: float, words: str) -> None:
    assert pershot.about(seconds) == words
