"""The fuzzer: a short run of it, and proof that its judge sees what it is there to see."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing.boxes import BOXES
from fuzzing.cases import KINDS, STRUCTURES, Case, harm, kind_of, make_case, make_fixtures
from fuzzing.elements import ELEMENTS
from fuzzing.joined import make_joined
from fuzzing.judge import Verdict, doubts, judge
from fuzzing.pictures import JPEG, PNG, directories
from fuzzing.promises import still_doubts
from fuzzing.reader import STILL_SUFFIXES, Seen, read
from fuzzing.riff import RIFF
from fuzzing.streams import crc, packets, payload, units
from fuzzing.trees import Node, spots, write
from PIL import Image

from vidcolor.media.container_heads import linked_parts

ROOT = Path(__file__).parents[2]
SOUND = ["a", "b", "b"]
WHOLE = Seen("mov,mp4", frames=36, packets=36, sound={"1": SOUND})


def fuzz(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzzing", *words]
    place = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=place)


@pytest.mark.slow
@pytest.mark.parametrize(("files", "seed"), [(12, 2), (100, 2)])
def test_nothing_is_lost_in_silence(files: int, seed: int, tmp_path: Path) -> None:
    run = fuzz("--count", str(files), "--seed", str(seed), "--out", str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [result["index"] for result in results] == list(range(files))
    outcomes = {result["outcome"] for result in results}
    assert outcomes == {"refused (2)", "damaged (3)", "clean (0)"}
    assert max(result["memory"] for result in results) > 0
    again = fuzz("--count", str(files), "--seed", str(seed), "--out", str(tmp_path))
    assert again.stdout == run.stdout  # it went on where it was: at the end
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == files


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("fixtures")
    return folder, make_fixtures(folder)


def test_whole_films_leave_no_doubt(fixtures: tuple[Path, dict[str, bytes]]) -> None:
    folder, films = fixtures
    for name, data in films.items():
        seen = read(str(folder / name))
        if name.endswith(STILL_SUFFIXES):
            pages = {"moving.png": 3, "moving.webp": 2, "pages.tif": 3}.get(name, 1)
            assert (seen.frames, still_doubts(data)) == (pages, []), name
        else:
            assert [*doubts(seen, data), *seen.sound_doubts] == [], name
            assert seen.frames == 24, name


def test_a_seed_always_gives_the_same_files(
    fixtures: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    _, films = fixtures
    again = make_fixtures(tmp_path)
    assert again == films
    cases = [make_case(7, index, films, tmp_path / "job") for index in (5, 5, 6)]
    assert cases[0] == cases[1] != cases[2]
    assert {kind_of(index) for index in range(40)} == set(KINDS) == {*STRUCTURES, "raw", "joined"}


def test_what_is_not_harmed_is_written_as_it_was(
    fixtures: tuple[Path, dict[str, bytes]],
) -> None:
    _, films = fixtures
    grammars = {"mp4": BOXES, "mov": BOXES, "mkv": ELEMENTS, "webm": ELEMENTS, "avi": RIFF}
    grammars |= {"png": PNG, "jpg": JPEG, "webp": RIFF}
    for name, data in films.items():
        suffix = name.split(".")[1]
        if grammar := grammars.get(suffix):
            nodes = grammar.parse(data)
            assert write(grammar, nodes) == data, name
            assert nodes[-1].kind or suffix == "jpg", name
    assert b"".join(packets(films["h264.ts"])) == films["h264.ts"]
    assert b"".join(units(films["mpeg2.mpg"])) == films["mpeg2.mpg"]
    assert len(units(films["mpeg2.mpg"])) > 20
    assert len(directories(films["pages.tif"])) == 3
    tables = [part for part in packets(films["h264.ts"]) if part[1] & 0x40 and part[2] == 0]
    table = bytes(tables[0][payload(tables[0]) + 1 :])
    end = 3 + ((table[1] & 0x0F) << 8 | table[2])
    assert crc(table[: end - 4]) == int.from_bytes(table[end - 4 : end], "big")


@pytest.mark.parametrize("kind", KINDS)
def test_harm_changes_the_file(kind: str, fixtures: tuple[Path, dict[str, bytes]]) -> None:
    _, films = fixtures
    found: dict[bytes, str] = {}
    for number in range(4 if kind == "joined" else 25):
        name, data, done = harm(random.Random(number), kind, films)
        assert data != films.get(name), done
        assert done
        assert all(done)
        found[data] = "; ".join(done)
    assert len(found) > 3
    assert len(set(found.values())) > 3


def test_a_joined_film_has_both_parts(tmp_path: Path) -> None:
    differing = 0
    for number in range(8):
        suffix, data, words = make_joined(random.Random(number))
        path = tmp_path / f"{number}.{suffix}"
        path.write_bytes(data)
        seen = read(str(path))
        assert seen.frames >= 27, words  # AVI and MPEG-2 lose one at the seam
        if "size" in words:
            differing += 1
            assert len({look["size"] for _, look in seen.looks}) == 2, words
    assert differing


def with_parts(data: bytes, home: str, first: bytes, *kinds: str, without: int = -1) -> bytes:
    """A Matroska with ``first`` at the start of its elements ``home``, and without a chapter."""
    nodes = ELEMENTS.parse(data)
    for spot in list(spots(nodes)):
        if spot.node.kind.hex() != home or spot.node.parts is None:
            continue
        chapters = [part for part in spot.node.parts if part.kind.hex() == "b6"]
        spot.node.parts[:] = [
            *(Node(bytes.fromhex(kind), first, width=1) for kind in kinds),
            *(part for part in spot.node.parts if without < 0 or part is not chapters[without]),
        ]
    return write(ELEMENTS, nodes)


def test_the_reader_sees_what_is_meant_to_be_seen(
    fixtures: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    _, films = fixtures
    path = tmp_path / "film.webm"
    seen = {}
    for cut in (0, 32):
        path.write_bytes(with_parts(films["vp9.webm"], "e0", bytes([cut]), "54cc"))
        seen[cut] = read(str(path)).means
    whole, right = (np.array(list(bytes.fromhex(seen[cut][20]))) for cut in (0, 32))
    halves = right.reshape(8, 4, 2).mean(2)
    assert np.abs(halves - whole.reshape(8, 8)[:, 4:]).max() <= 1


@pytest.mark.parametrize(("unit", "told"), [(1, True), (2, False)])
def test_a_resolution_of_no_printer_is_none(unit: int, told: bool, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    Image.new("L", (8, 8), 90).save(path, dpi=(300, 300))
    data = path.read_bytes()
    assert data[13:18] == b"\1\1\x2c\1\x2c"  # 300 per inch
    path.write_bytes(data[:13] + struct.pack(">BHH", unit, 50_000, 300) + data[18:])
    assert ("resolution" in read(str(path)).beside) == told


@pytest.mark.parametrize(("without", "ordered"), [(-1, False), (0, True), (1, True)])
def test_chapters_that_are_the_film_are_in_no_order_of_their_own(
    without: int, ordered: bool, fixtures: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    _, films = fixtures
    path = tmp_path / "film.mkv"
    path.write_bytes(with_parts(films["h264.mkv"], "45b9", b"\1", "45dd", without=without))
    assert read(str(path)).ordered == ordered
    assert bool(list(linked_parts(path))) == ordered


def verdict_on(
    folder: Path,
    code: int | None = 0,
    *,
    whole: Seen = WHOLE,
    source: Seen = WHOLE,
    result: Seen = WHOLE,
    log: str = "",
    strays: tuple[str, ...] = (),
    memory: float = 1e6,
    name: str = "h264.mp4",
    **report: Any,
) -> Verdict:
    """The judge's word on a made-up run."""
    job = folder / "job"
    job.mkdir()
    suffix = Path(name).suffix
    case = Case(0, name, [], job / f"film{suffix}", job / f"out{suffix}", [])
    made = [f"out{suffix}"] if code in (0, 3) and result.frames else []
    for there in (f"film{suffix}", *made, *strays):
        (job / there).write_bytes(b"bytes")
    job.with_suffix(".log").write_text(log)
    usual = {"clean": code == 0, "frames": result.frames, "left_behind": [], "damage": []}
    job.with_suffix(".json").write_text(json.dumps(usual | report))
    seen = {case.source: asdict(source), case.target: asdict(result)}
    answer = {"code": code, "threads": [], "memory": memory, "seconds": 1.0}
    return judge(case, answer, whole, lambda path: seen[path])


def looking(*looks: dict[str, str]) -> Seen:
    usual = dict.fromkeys(("size", "range", "matrix", "fields", "turn"), "") | {"shape": "1"}
    return replace(WHOLE, looks=[(float(at), usual | look) for at, look in enumerate(looks)])


RAMP, DARK = bytes(range(0, 256, 4)).hex(), bytes(64).hex()
DRAWN = replace(WHOLE, means=[RAMP])
TURNED = replace(WHOLE, means=[bytes(reversed(range(0, 256, 4))).hex()])
BLANK = replace(WHOLE, means=[DARK])
SPOKEN = replace(WHOLE, texts={"2": ["one", "two"]})
WIDE = looking({}, {"shape": "16/11"})
HEARD = replace(WHOLE, times=[0.0, 0.04], sound_times={"1": [0.0, 0.02, 0.04]})
LATE = replace(HEARD, sound_times={"1": [0.0, 0.03, 0.06]})
CROPPED = replace(looking({}), crop=(8, 0, 0, 0))
PICTURE = Seen("PNG", frames=1, declared_frames=1, means=[RAMP])
FEWER = replace(WHOLE, frames=35, packets=35)
UNHEARD = replace(WHOLE, unheard=SOUND)
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
        (
            set(),
            {
                "source": replace(FEWER, packets=36),
                "result": FEWER,
                "notes": ["the edit list leaves out 1 of 36 frames"],
            },
        ),
        (
            {"silent losses"},
            {
                "source": replace(FEWER, packets=36),
                "result": FEWER,
                "notes": ["the edit list leaves out 2 of 36 frames"],
            },
        ),
        (set(), {"source": UNHEARD, "result": WHOLE}),
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
        ({"silent losses"}, {"source": DRAWN, "result": BLANK}),
        ({"silent losses"}, {"code": 3, "source": DRAWN, "result": BLANK}),
        ({"silent losses"}, {"source": DRAWN, "result": TURNED}),
        ({"silent losses"}, {"source": SPOKEN, "result": replace(SPOKEN, texts={"2": ["one"]})}),
        (
            set(),
            {"code": 3, "source": SPOKEN, "left_behind": [{"what": "subtitle stream 2 (srt)"}]},
        ),
        ({"silent losses"}, {"source": WIDE, "result": looking({})}),
        ({"silent losses"}, {"source": looking({"shape": "16/11"}), "result": looking({})}),
        (set(), {"source": WIDE, "result": looking({}), "notes": ["the aspect changes at 1 s"]}),
        (set(), {"source": looking({"shape": "16/11"}), "result": looking({"shape": "160/109"})}),
        ({"silent losses"}, {"source": looking({}, {"range": "full"}), "result": looking({})}),
        ({"silent losses"}, {"source": looking({"turn": "90"}), "result": looking({})}),
        ({"silent losses"}, {"source": HEARD, "result": LATE}),
        (set(), {"source": HEARD, "result": replace(HEARD, times=[0.001, 0.04])}),
        ({"silent losses"}, {"source": CROPPED, "result": looking({})}),
        ({"silent losses"}, {"source": replace(WHOLE, ordered=True)}),
        ({"silent losses"}, {"source": replace(WHOLE, beside=["chapters"])}),
        ({"too much"}, {"memory": 3e9}),
        ({"silent losses"}, {"name": "a.png", "source": PICTURE, "result": BLANK}),
        ({"silent losses"}, {"name": "a.png", "source": PICTURE, "result": TURNED}),
        (set(), {"name": "a.png", "source": PICTURE, "result": PICTURE, "frames": 1}),
        (
            {"silent losses"},
            {"name": "a.png", "source": replace(PICTURE, declared_frames=3), "result": PICTURE},
        ),
        (
            {"silent losses"},
            {"name": "a.png", "source": replace(PICTURE, beside=["EXIF"]), "result": PICTURE},
        ),
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
