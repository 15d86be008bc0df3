"""The fuzzer: a short run of it, and proof that its judge sees what it is there to see."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))

from fuzz_films import Case, make_case, make_fixtures, still_doubts
from fuzz_judge import Seen, Verdict, doubts, judge, read

ROOT = Path(__file__).parents[2]
SOUND = ["a", "b", "b"]
WHOLE = Seen("mov,mp4", frames=36, packets=36, sound={"1": SOUND})


def fuzz(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "fuzz.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize(("files", "seed"), [(12, 1), pytest.param(300, 2, marks=pytest.mark.slow)])
def test_nothing_is_lost_in_silence(files: int, seed: int, tmp_path: Path) -> None:
    run = fuzz("--files", str(files), "--seed", str(seed), "--out", str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [result["index"] for result in results] == list(range(files))
    outcomes = {result["outcome"] for result in results}
    assert outcomes == {"refused (2)", "damaged (3)", "clean (0)"}


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("fixtures")
    return folder, make_fixtures(folder)


def test_whole_films_leave_no_doubt(fixtures: tuple[Path, dict[str, bytes]]) -> None:
    folder, films = fixtures
    for name, data in films.items():
        seen = read(str(folder / name))
        found = still_doubts(data) if "still" in name else [*doubts(seen, data), *seen.sound_doubts]
        assert found == [], name
        assert seen.frames == (1 if "still" in name else 24 if ".mov" in name else 36), name


def test_a_seed_always_gives_the_same_files(
    fixtures: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    _, films = fixtures
    again = make_fixtures(tmp_path)
    assert again == films
    cases = [make_case(7, index, films, tmp_path / "job") for index in (5, 5, 6)]
    assert cases[0] == cases[1] != cases[2]


def verdict_on(
    folder: Path,
    code: int | None = 0,
    *,
    whole: Seen = WHOLE,
    source: Seen = WHOLE,
    result: Seen = WHOLE,
    log: str = "",
    strays: tuple[str, ...] = (),
    **report: Any,
) -> Verdict:
    """The judge's word on a made-up run."""
    job = folder / "job"
    job.mkdir()
    case = Case(0, "h264.mp4", [], job / "film.mp4", job / "out.mp4", [])
    made = ["out.mp4"] if code in (0, 3) and result.frames else []
    for name in ("film.mp4", *made, *strays):
        (job / name).write_bytes(b"bytes")
    job.with_suffix(".log").write_text(log)
    usual = {"clean": code == 0, "frames": result.frames, "left_behind": [], "damage": []}
    job.with_suffix(".json").write_text(json.dumps(usual | report))
    seen = {case.source: asdict(source), case.target: asdict(result)}
    return judge(case, {"code": code, "threads": []}, whole, lambda path: seen[path])


FEWER = replace(WHOLE, frames=35, packets=35)
MUTE = replace(WHOLE, sound={"1": ["a", "b"]})


@pytest.mark.parametrize(
    ("found", "run"),
    [
        (set(), {}),
        (set(), {"code": 2, "log": "vidcolor: film.mp4: no\n"}),
        (set(), {"code": 3, "source": FEWER, "result": FEWER}),
        ({"unknowable"}, {"source": FEWER, "result": FEWER}),
        ({"unknowable"}, {"source": MUTE, "result": MUTE}),
        ({"silent losses"}, {"result": FEWER}),
        ({"silent losses"}, {"source": replace(FEWER, packets=36), "result": FEWER}),
        ({"silent losses"}, {"source": replace(FEWER, declared_frames=36), "result": FEWER}),
        ({"silent losses"}, {"source": replace(FEWER, file_length=1.0), "result": FEWER}),
        ({"silent losses"}, {"source": replace(MUTE, sound_doubts=["a gap"]), "result": MUTE}),
        ({"silent losses"}, {"result": MUTE}),
        ({"silent losses"}, {"code": 3, "result": MUTE}),
        (
            set(),
            {"code": 3, "result": MUTE, "damage": [{"text": "audio stream 1 (aac) is torn"}]},
        ),
        (
            set(),
            {
                "code": 3,
                "result": replace(WHOLE, sound={}),
                "left_behind": [{"what": "audio stream 1 (aac)"}],
            },
        ),
        ({"silent losses"}, {"source": replace(WHOLE, late=2)}),
        ({"other faults"}, {"code": 3, "result": FEWER}),
        ({"other faults"}, {"source": replace(WHOLE, failed=1)}),
        ({"other faults"}, {"result": replace(WHOLE, failed=1)}),
        ({"other faults"}, {"result": replace(WHOLE, frames=0)}),
        ({"other faults"}, {"frames": 35}),
        ({"other faults"}, {"log": "a library speaks\n"}),
        ({"other faults"}, {"strays": (".out.mp4.vidcolor",)}),
        ({"other faults"}, {"code": 1, "log": "vidcolor: film.mp4: no\n"}),
        ({"other faults"}, {"code": 2, "log": "vidcolor: film.mp4: no\nand more\n"}),
        ({"other faults"}, {"code": 2, "log": "vidcolor: no\n", "strays": ("out.mp4",)}),
        ({"tracebacks"}, {"code": 2, "log": "vidcolor: unexpected KeyError: 3\n"}),
        ({"tracebacks"}, {"code": None, "log": "Traceback (most recent call last):\n"}),
    ],
)
def test_the_judge_sees(found: set[str], run: dict[str, Any], tmp_path: Path) -> None:
    assert {column for column, _ in verdict_on(tmp_path, **run).findings} == found
