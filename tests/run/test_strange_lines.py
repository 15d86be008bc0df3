"""Files of ours in which somebody, or another version, has written what nobody would: it is either
ignored or refused in one line, and never believed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from journals import begun, finish, found
from run_specs import SPEC, run_spec

from vidcolor.cluster import coordinator as coordinator_module
from vidcolor.cluster.coordinator import Coordinator
from vidcolor.cluster.messages import ChunkKnown, Progressed, TaskFailed, VideoOpened, WorkerInfo
from vidcolor.cluster.task_queue import Step, Task
from vidcolor.core import json_lines as lines
from vidcolor.core.json_types import from_plain
from vidcolor.core.paths import report_path
from vidcolor.core.report import Damage, Report
from vidcolor.core.run_spec import RunSpec
from vidcolor.errors import JobDiffers, OutputError
from vidcolor.media.pass_log import PassLog
from vidcolor.run.batch import Result, read_report, write_report
from vidcolor.run.chunk_manifest import (
    Manifest,
    PlannedChunk,
    read_manifest,
    write_manifest,
)
from vidcolor.run.inputs import BatchItem
from vidcolor.run.journal import Journal, open_journal
from vidcolor.run.leftovers import allow_own_target
from vidcolor.run.spec import resume_threads
from vidcolor.run.work_dir import JOURNAL, WorkDir
from vidcolor.settings import EncodeSettings, OutputSettings, Settings
from vidcolor.temporal.smoother import TemporalState

STRANGE = {
    "a number": "5",
    "a word": '"job"',
    "nothing": "null",
    "a row": "[1, 2]",
    "no JSON": "{not json",
    "not even text": "\udcff\udc80",
    "far too deep": "[" * 100_000,
    "a number of 5,000 digits": "9" * 5_000,
    "a dict of nothing": "{}",
}
CHUNK: dict[str, Any] = {
    "number": 1,
    "facts": {
        "frames": 3,
        "first_pts": 0,
        "last_pts": 2,
        "delay": 1,
        "bytes": 100,
        "sha256": "",
        "extradata": "",
    },
    "handover": "",
    "colorless": [],
    "shots": [],
    "writer": "",
}
WRONG = {
    "number": ["x", -1, 1.5, True, None, [], 10**30],
    "facts": [5, None, {}, {**CHUNK["facts"], "frames": "x"}, {**CHUNK["facts"], "bytes": -1}],
    "handover": [5, None],
    "colorless": [5, "12", [None], ["x"], [10**30]],
    "shots": [{}, [[1]]],
    "writer": ["../../x", "a/b", ".", 5, "x" * 300, "\0"],
}
"""Values that a field of a chunk never has."""


def checked(text: str) -> bytes:
    """A line whose checksum is right."""
    data = text.encode(errors="surrogateescape")
    return sha256(data).hexdigest()[:16].encode() + b" " + data + b"\n"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.mkv"


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_line_is_ignored(name: str, target: Path) -> None:
    folder = begun(target)
    lines_there = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    for place in range(len(lines_there) + 1):
        strange = [*lines_there[:place], checked(STRANGE[name]), *lines_there[place:]]
        (folder / JOURNAL).write_bytes(b"".join(strange))
        assert set(found(target)) == {0, 1, 2}
        assert not allow_own_target(target, OutputSettings()).force
    (folder / "journal.ann.jsonl").write_bytes(checked(STRANGE[name]))
    assert set(found(target)) == {0, 1, 2}
    (folder / JOURNAL).write_bytes(checked(STRANGE[name]) * 3)
    assert found(target) == {}, "without its spec nothing is known"


@pytest.mark.parametrize("field", WRONG)
def test_a_chunk_with_a_wrong_field_is_not_done(field: str, target: Path) -> None:
    folder = begun(target)
    for value in WRONG[field]:
        with open(folder / JOURNAL, "ab") as file:
            file.write(checked(json.dumps(CHUNK | {field: value})))
    assert set(found(target)) == {0, 1, 2}


@pytest.mark.parametrize("name", ["spec", "job"])
@pytest.mark.parametrize(
    "spec", [5, None, "x", [1], {"a": [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}]
)
def test_a_spec_that_is_none(spec: object, name: str, target: Path) -> None:
    folder = begun(target)
    (folder / JOURNAL).write_bytes(checked(json.dumps({name: spec})))
    with open_journal(target) as journal:
        assert journal.spec is None
        journal.begin(SPEC)


def spoil(part: str, name: str, value: object) -> dict[str, Any]:
    """A spec with something in it that no run has."""
    spec = SPEC.to_dict()
    return spec | {part: spec[part] | {name: value}} if name else spec | {part: value}


UNKNOWN = [
    *(("net", "", odd) for odd in (5, [], None, {})),
    *(("encoder", "", odd) for odd in ("x", None)),
    *(("net", "batch", odd) for odd in ("x", -1, 10**9, 2.5, True, None, [3])),
    *(("encoder", "threads", odd) for odd in ("x", -1, 10**9, 2.5, True, None, [3])),
    *(("net", "precision", odd) for odd in (5, None)),
    *(("picture", "time_base", odd) for odd in ("0/0", "0", "-1/25", "1e-99999999", "x", 5)),
    *(("cut", "start", odd) for odd in ("x", "1e9999999", "9" * 30, 5)),
    *(("smoothing", "strength", odd) for odd in (5, "x")),
    ("vivid", "", 0.5),
]


@pytest.mark.parametrize(("part", "name", "value"), UNKNOWN)
def test_a_spec_that_no_run_has_is_none(part: str, name: str, value: object) -> None:
    assert RunSpec.from_dict(SPEC.to_dict()) == SPEC
    assert RunSpec.from_dict(json.loads(json.dumps(SPEC.to_dict()))) == SPEC
    with pytest.raises(ValueError, match=r"."):
        RunSpec.from_dict(spoil(part, name, value))


@pytest.mark.parametrize("name", ["spec", "job"])
def test_chunks_of_another_version_are_not_thrown_away(name: str, target: Path) -> None:
    folder = begun(target)
    lines_there = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    there = tree(folder)
    first = checked(json.dumps({name: {"film": {"bytes": 7}}}))
    (folder / JOURNAL).write_bytes(b"".join([first, *lines_there[1:]]))
    with (
        pytest.raises(JobDiffers, match=r"another version of vidcolor; .* --fresh to start over$"),
        open_journal(target) as journal,
    ):
        journal.begin(SPEC)
    assert tree(folder).keys() == there.keys()
    with open_journal(target, fresh=True) as journal:
        journal.clear()
        journal.begin(SPEC)
        finish(journal, 0)
    assert set(found(target)) == {0}


def tree(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def test_a_run_that_goes_on_decides_as_the_one_before() -> None:
    begun_before = run_spec(threads=3, batch=5, device="cuda A GPU", precision="float16")
    assert resume_threads(EncodeSettings(), begun_before).threads == 3
    assert resume_threads(EncodeSettings(threads=2), begun_before).threads == 2
    assert resume_threads(EncodeSettings(), None).threads == 0
    here = SPEC.on_device_of(begun_before, "auto").net
    assert (here.device, here.precision, here.batch) == ("cuda A GPU", "float16", SPEC.net.batch)
    here = SPEC.on_device_of(begun_before, "float32").net
    assert (here.device, here.precision) == ("cuda A GPU", "float32")


def test_a_line_of_300_mb(target: Path) -> None:
    folder = begun(target)
    os.truncate(folder / JOURNAL, 300 << 20)
    with (
        pytest.raises(OutputError, match=r"journal\.jsonl is too large; or add --fresh$"),
        open_journal(target),
    ):
        pass
    assert (folder / "000000.packets").exists()
    with open_journal(target, fresh=True) as journal:
        journal.clear()
        journal.begin(SPEC)
        finish(journal, 0)
    assert set(found(target)) == {0}


def test_a_line_that_is_too_long_is_left_out(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun(target)
    monkeypatch.setattr(lines, "LONGEST", 1000)
    there = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    for length in (999, 1000, 1001, 1999, 2000, 5000):
        long = checked(json.dumps({"x": "y" * (length - 27)}))
        assert abs(len(long) - length) < 3
        (folder / JOURNAL).write_bytes(b"".join([there[0], long, *there[1:]]))
        assert set(found(target)) == {0, 1, 2}


PLANNED = PlannedChunk(0, 0, False, (0,), (), "0123abcd" * 3, "c8" * 3)
END = PassLog(damage=[Damage("gap", 1.0, "a gap")], damage_counts={"gap": 1})


def planned(target: Path, chunk: dict[str, Any], end: dict[str, Any]) -> Manifest | None:
    begun(target)
    with open_journal(target) as journal:
        write_manifest(journal, Manifest((PLANNED,), END))
        path = journal.folder / "plan.jsonl"
        job, first, last = path.read_bytes().splitlines(keepends=True)
        if chunk:
            first = checked(json.dumps({"chunk": asdict(PLANNED) | chunk}))
        if end:
            last = checked(json.dumps({"end": END.to_dict() | end, "chunks": 1}))
        path.write_bytes(job + first + last)
        return read_manifest(WorkDir(journal.folder, spec=journal.spec))


def test_a_plan_is_read_as_it_was_written(target: Path) -> None:
    assert planned(target, {}, {}) == Manifest((PLANNED,), END)


@pytest.mark.parametrize(
    ("chunk", "end"),
    [
        *(
            ({field: "x"}, {})
            for field in ("number", "first_pts", "continues_shot", "shots", "prints")
        ),
        ({"prints": 5}, {}),
        ({"prints": ""}, {}),
        ({"prints": "0123"}, {}),
        *(({}, {"zero": zero}) for zero in (5, "x", "1/0", "1e999999999", "")),
        ({}, {"damage": [5]}),
        ({}, {"damage": [{"kind": 1}]}),
        ({}, {"damage_counts": {"gap": "x"}}),
    ],
)
def test_a_plan_with_a_wrong_field_is_none(
    chunk: dict[str, Any], end: dict[str, Any], target: Path
) -> None:
    assert planned(target, chunk, end) is None


@pytest.mark.parametrize("name", STRANGE)
def test_a_plan_of_strange_lines_is_none(name: str, target: Path) -> None:
    folder = begun(target)
    for count in (1, 2, 3):
        (folder / "plan.jsonl").write_bytes(checked(STRANGE[name]) * count)
        assert read_manifest(WorkDir(folder, spec=SPEC)) is None


@pytest.mark.parametrize(
    "text", [*STRANGE.values(), '{"damage": 5, "left_behind": 5, "workers": 5}']
)
def test_a_strange_report_is_none(text: str, target: Path) -> None:
    report_path(target).write_bytes(text.encode(errors="surrogateescape"))
    assert read_report(target) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spec", 5),
        ("spec", {}),
        ("bytes", "x"),
        ("damage", [5]),
        ("seconds", {"total": "x"}),
        ("notes", [5]),
    ],
)
def test_a_report_with_a_wrong_field_is_none(field: str, value: object, target: Path) -> None:
    report = Report("in.mkv", str(target), damage=[Damage("gap", 1.0, "a gap")])
    path = write_report(report)
    assert read_report(target) == report
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    assert read_report(target) is None


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"\xff" * 8 + b"{}"])
def test_a_handover_that_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="is not a handover"):
        TemporalState.from_bytes(data)


def test_made_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="'x' is not of type float"):
        from_plain(Damage, {"kind": "gap", "seconds": "x", "text": ""})
    with pytest.raises(ValueError, match="is not of type Damage"):
        from_plain(Damage, {"kind": "gap"})


@pytest.mark.parametrize("error", [TypeError("x"), RecursionError(), OutputError("a FIFO")])
def test_a_film_whose_journal_is_beyond_reading_stops_no_other_one(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [BatchItem(str(n), tmp_path / f"{n}.mkv", tmp_path / f"{n}.out.mkv") for n in range(2)]
    for item in items:
        item.source.write_bytes(b"a film")
    opened: Callable[..., Any] = open_journal

    def spoilt(target: Path, *rest: Any) -> Any:
        if target.name.startswith("0"):
            raise error
        return opened(target, *rest)

    monkeypatch.setattr(coordinator_module, "open_journal", spoilt)
    coordinator = Coordinator(items, Settings(), several=True)
    worker = WorkerInfo("ann", "cpu")
    for _ in items:
        given = coordinator.assign(worker.name, 1)
        assert given
        assert coordinator.hear(given[0], worker, VideoOpened(SPEC, 10))
    (outcome,) = coordinator.outcomes()
    assert (outcome.item, outcome.result, outcome.error) == (items[0], Result.FAILED, error)
    assert not coordinator.over
    given = coordinator.assign(worker.name, 1)
    assert given
    assert given[0].film == 1
    coordinator.close()


def test_fingerprints_of_closed_films_are_let_go_of(tmp_path: Path) -> None:
    item = BatchItem("a", tmp_path / "a.mkv", tmp_path / "a.out.mkv")
    item.source.write_bytes(b"a film")
    coordinator = Coordinator([item], Settings(), several=True)
    worker = WorkerInfo("ann", "cpu")
    given = coordinator.assign(worker.name, 1)
    assert given
    chunk = PlannedChunk(0, 0, False, (0,), (), "0" * 16 * 9, "ff" * 9)
    film = coordinator._films[0]
    assert not coordinator.hear(given[0], worker, ChunkKnown(chunk, Fraction(0)))
    assert not coordinator.hear(Task(Step.CHUNK, -9, 0, 0), worker, Progressed(9, 5, 0.5))
    assert (film.chunks, list(film.frames.values())) == ([chunk], [5])
    assert coordinator.hear(given[0], worker, TaskFailed("FilmUnreadable", "no film"))
    assert coordinator.over
    assert (film.chunks, film.frames) == ([], {})


def test_a_journal_is_read_again_as_it_was(target: Path) -> None:
    folder = begun(target)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(Journal(folder).done) == {0, 1, 2}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
