"""The journal: what it keeps, and what it does not believe."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from journals import begun, finish, found
from run_specs import SOURCE, SPEC, run_spec

import vidcolor.core.target as target_module
from vidcolor.core import platform
from vidcolor.core.paths import work_folder
from vidcolor.core.run_spec import RunSpec
from vidcolor.errors import JobDiffers, OutputError
from vidcolor.media.encode.chunk_file import ChunkFileInfo
from vidcolor.run.journal import DoneChunk, Journal, WorkDir, open_journal
from vidcolor.temporal.smoother import TemporalState


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.mkv"


def test_what_is_written_is_read(target: Path) -> None:
    with open_journal(target) as journal:
        journal.begin(SPEC)
        chunks = [finish(journal, 0), finish(journal, 1, (5, 6), (3, 5))]
    with open_journal(target) as journal:
        assert journal.spec == SPEC
        assert list(journal.done.values()) == chunks
        journal.begin(SPEC)
        chunks.append(finish(journal, 2))
    assert list(found(target).values()) == chunks
    assert work_folder(target).name == ".out.mkv.vidcolor"


def test_a_folder_in_which_nothing_is_done_goes(target: Path) -> None:
    with open_journal(target) as journal:
        journal.begin(SPEC)
    assert list(target.parent.iterdir()) == []

    def stopped() -> None:
        with open_journal(target) as journal:
            journal.begin(SPEC)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(target.parent.iterdir()) == []


def test_removed_is_removed(target: Path) -> None:
    begun(target)
    with open_journal(target) as journal:
        journal.remove()
    assert list(target.parent.iterdir()) == []


def test_a_strangers_file_stays(target: Path) -> None:
    folder = begun(target)
    (folder / "letter.txt").write_text("mine")
    with open_journal(target) as journal:
        journal.remove()
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_another_run_is_refused_and_what_differs_is_named(target: Path) -> None:
    begun(target)
    other = run_spec(source=replace(SOURCE, bytes=8), saturation=1.5)
    with (
        pytest.raises(
            JobDiffers,
            match=r"source bytes was 7, is now 8; color saturation was 1\.0, is now 1\.5;",
        ),
        open_journal(target) as journal,
    ):
        journal.begin(other)
    assert len(found(target)) == 3


def test_where_nothing_is_done_any_run_may_begin(target: Path) -> None:
    folder = work_folder(target)
    folder.mkdir()
    journal = Journal(folder)
    journal.begin(SPEC)  # and then the power went
    with open_journal(target) as journal:
        assert journal.spec is None
        journal.begin(run_spec(saturation=2.0))


def test_clear_forgets(target: Path) -> None:
    begun(target)
    with open_journal(target) as journal:
        journal.clear()
        journal.begin(run_spec(saturation=2.0))
        assert journal.done == {}


def test_two_runs_at_once(target: Path) -> None:
    with (
        open_journal(target),
        pytest.raises(OutputError, match=r"out\.mkv: another vidcolor is writing this target"),
        open_journal(target),
    ):
        pass


@pytest.mark.parametrize("line", [0, 1, -1])
def test_a_journal_cut_at_any_byte(target: Path, line: int) -> None:
    folder = begun(target)
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    place = line % len(lines)
    start = sum(len(one) for one in lines[:place])
    for cut in range(start, start + len(lines[place])):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)
        os.truncate(folder / "journal.jsonl", cut)
        whole = cut == start + len(lines[place]) - 1  # only its end of line is missing
        assert sorted(found(target)) == list(range(place if whole else place - 1))


def test_a_torn_line_does_not_spoil_the_next(target: Path) -> None:
    folder = begun(target)
    with open(folder / "journal.jsonl", "ab") as file:
        file.write(b'0123456789abcdef {"number": 3, "fac')
    with open_journal(target) as journal:
        journal.begin(SPEC)
        finish(journal, 3)
    assert sorted(found(target)) == [0, 1, 2, 3]


@pytest.mark.parametrize("place", range(0, 900, 37))
def test_a_bit_that_changed_in_the_journal(target: Path, place: int) -> None:
    folder = begun(target)
    path = folder / "journal.jsonl"
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 4
    path.write_bytes(data)
    after = set(found(target))
    assert after < {0, 1, 2}
    assert len(after) == 2 or not after, "one chunk is lost with its line, all with the job's"


def test_files_that_are_not_what_was_written(target: Path) -> None:
    folder = begun(target)
    (folder / "000000.packets").write_bytes(bytes(99) + b"!")
    assert sorted(found(target)) == [1, 2]
    (folder / "000001.packets").unlink()
    assert sorted(found(target)) == [2]
    os.truncate(folder / "000002.packets", 99)
    assert sorted(found(target)) == []
    assert not folder.exists()


def test_a_chunk_whose_handover_is_lost_is_done_again(target: Path) -> None:
    folder = begun(target)
    (folder / "000002.handover").unlink()
    assert sorted(found(target)) == [0, 2]


def test_a_changed_handover_is_not_believed(target: Path) -> None:
    folder = begun(target)
    data = bytearray((folder / "000002.handover").read_bytes())
    data[-1] ^= 1
    (folder / "000002.handover").write_bytes(data)
    assert sorted(found(target)) == [0, 2]


def test_a_handover_that_was_kept_is_found(target: Path) -> None:
    begun(target)
    with open_journal(target) as journal:
        assert journal.get(1) is None
        handover = journal.get(2)
        assert handover is not None
        assert torch.equal(handover.lightness, torch.ones(2, 3))


def test_a_link_in_place_of_the_folder_is_refused(target: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    work_folder(target).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is a link; remove it"), open_journal(target):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(target: Path) -> None:
    work_folder(target).write_text("mine")
    with pytest.raises(OutputError, match=r"out\.mkv: cannot be written"), open_journal(target):
        pass
    assert work_folder(target).read_text() == "mine"


def newer(entry: dict[str, Any]) -> None:
    entry["facts"]["color"] = "new"


def older(entry: dict[str, Any]) -> None:
    del entry["shots"]


@pytest.mark.parametrize("change", [newer, older])
def test_lines_of_another_version_are_not_believed(
    change: Callable[[dict[str, Any]], None], target: Path
) -> None:
    folder = begun(target)
    path = folder / "journal.jsonl"
    first, *lines = path.read_text().splitlines(keepends=True)
    entry = json.loads(lines[1].partition(" ")[2])
    change(entry)
    text = json.dumps(entry)
    lines[1] = f"{sha256(text.encode()).hexdigest()[:16]} {text}\n"
    path.write_text(first + "".join(lines))
    assert sorted(found(target)) == [0, 2]


def test_a_chunk_that_is_forgotten_is_done_again(target: Path) -> None:
    begun(target)
    with open_journal(target) as journal:
        journal.begin(SPEC)
        journal.forget(1)
    assert sorted(found(target)) == [0, 2]


def test_a_lock_whose_file_was_removed_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that had the lock removes its file between another's opening and locking it."""
    flock = platform.fcntl.flock
    path = tmp_path / "lock"

    def late(file: int, how: int) -> None:
        path.unlink()
        flock(file, how)

    monkeypatch.setattr(platform.fcntl, "flock", late)
    with pytest.raises(OutputError, match="another vidcolor is writing this target"):
        target_module.claim(path, tmp_path / "out.mkv")


def test_a_file_system_without_locks_is_no_reason_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(platform.fcntl, "flock", none)
    os.close(target_module.claim(tmp_path / "lock", tmp_path / "out.mkv"))


def written_by(writer: str, folder: Path, number: int, spec: RunSpec = SPEC) -> DoneChunk:
    """A chunk that someone else on a cluster puts into the folder."""
    desk = WorkDir(folder, writer, spec)
    data = f"{writer} {number}".encode()
    desk.path(number).write_bytes(data)
    facts = ChunkFileInfo(1, number, number, 0, len(data), sha256(data).hexdigest(), "")
    desk[number + 1] = TemporalState(torch.ones(2, 3), torch.ones(2, 1, 1), torch.ones(1, 4, 1, 1))
    chunk = DoneChunk(number, facts, desk.handover_sha256(number + 1), writer=writer)
    desk.add(chunk)
    return chunk


def test_chunks_of_many_writers_are_found_and_those_for_another_run_are_not(target: Path) -> None:
    with open_journal(target) as journal:
        journal.begin(SPEC)
        mine = finish(journal, 0)
        theirs = [written_by("ann", journal.folder, n, SPEC) for n in (1, 2)]
        theirs.append(written_by("bob", journal.folder, 3, SPEC))
        twice = written_by("bob", journal.folder, 2, SPEC)
        written_by("eve", journal.folder, 4, run_spec(saturation=2.0))
    with open_journal(target) as journal:
        assert set(journal.done) == {0, 1, 2, 3}
        assert journal.done[0] == mine
        assert journal.done[1] == theirs[0]
        assert journal.done[2] in (theirs[1], twice)
        assert journal.get(2) is not None, "what ann handed on"
        assert journal.get(1) is None
        journal.begin(SPEC)
        assert [path.name for path in journal.folder.glob("journal*")] == ["journal.jsonl"]
    with open_journal(target) as journal:
        assert set(journal.done) == {0, 1, 2, 3}
        journal.forget(3)
    with open_journal(target) as journal:
        assert set(journal.done) == {0, 1, 2}
        journal.remove()
    assert not journal.folder.exists()


def test_what_a_writer_did_stays_although_the_driver_never_heard_of_it(target: Path) -> None:
    with open_journal(target) as journal:
        journal.begin(SPEC)
        chunk = written_by("ann", journal.folder, 0, SPEC)
    with open_journal(target) as journal:
        assert journal.done == {0: chunk}
        damaged = journal.path(0, "ann")
        damaged.write_bytes(b"ann X")
    with open_journal(target) as journal:
        assert journal.done == {}
