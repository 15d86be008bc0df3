"""Work that is not done: whose name is taken, and who may remove what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from journals import begun, finish
from run_specs import SPEC

from vidcolor.core.paths import is_taken, part_path, work_folder
from vidcolor.core.target import claim
from vidcolor.errors import OutputError
from vidcolor.run.journal import open_journal
from vidcolor.run.leftovers import forget_work


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.mkv"


def test_work_that_nobody_is_at_is_removed(target: Path) -> None:
    begun(target)
    part_path(target).write_bytes(b"half")
    assert forget_work(target)
    assert list(target.parent.iterdir()) == []
    assert forget_work(target), "there is nothing left to remove"


def test_the_work_of_another_run_stays(target: Path) -> None:
    with open_journal(target) as journal:
        journal.begin(SPEC)
        finish(journal, 0)
        held = claim(part_path(target), target)
        before = sorted(path.name for path in journal.folder.iterdir())
        assert not forget_work(target)
        assert sorted(path.name for path in journal.folder.iterdir()) == before
        assert part_path(target).exists()
        os.close(held)
        finish(journal, 1)
    with open_journal(target) as journal:
        assert set(journal.done) == {0, 1}


def test_a_part_that_is_being_written_stays_where_there_is_no_folder(target: Path) -> None:
    held = claim(part_path(target), target)
    assert not forget_work(target)
    assert part_path(target).exists()
    os.close(held)
    assert forget_work(target)


def test_what_is_no_work_folder_stays(target: Path, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    there.mkdir()
    (there / "journal.jsonl").write_text("a stranger's")
    work_folder(target).symlink_to(there)
    assert not forget_work(target)
    assert (there / "journal.jsonl").read_text() == "a stranger's"
    work_folder(target).unlink()
    folder = begun(target)
    (folder / "letter.txt").write_text("mine")
    assert not forget_work(target)
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_a_run_that_starts_over_and_is_refused_keeps_what_was_done(target: Path) -> None:
    begun(target)
    with pytest.raises(OutputError, match="no such encoder"), open_journal(target, fresh=True):
        raise OutputError("no such encoder")
    with open_journal(target) as journal:
        assert set(journal.done) == {0, 1, 2}
    with open_journal(target, fresh=True) as journal:
        assert (journal.spec, journal.done) == (None, {})
        journal.clear()
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("what", ["target", "link", "folder", "part"])
def test_a_name_is_taken_by_all_that_stands_beside_it(what: str, target: Path) -> None:
    assert not is_taken(target)
    if what == "target":
        target.touch()
    elif what == "link":
        target.symlink_to("nowhere")
    elif what == "folder":
        work_folder(target).mkdir()
    else:
        part_path(target).touch()
    assert is_taken(target)
