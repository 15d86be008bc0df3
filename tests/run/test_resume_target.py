"""A target that a run made which was stopped before it could say so, and all others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from journals import begun
from run_specs import SPEC, run_spec

from vidcolor.core.paths import work_folder
from vidcolor.core.run_spec import RunSpec
from vidcolor.run.journal import JOURNAL, WorkDir, open_journal
from vidcolor.run.leftovers import allow_own_target, clear_up
from vidcolor.settings import OutputSettings

USUAL = OutputSettings()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Its journal is begun, and has the spec ``SPEC``."""
    begun(tmp_path / "out.mkv")
    return tmp_path / "out.mkv"


def make(
    target: Path, data: bytes, writer: str = "", spec: RunSpec = SPEC, named: bool = True
) -> None:
    """What a stitch does at its end."""
    folder = WorkDir(work_folder(target), writer, spec)
    part = folder.part(target)
    part.write_bytes(data)
    folder.mark_target(part)
    if named:
        os.replace(part, target)


def replaced(target: Path) -> bool:
    return allow_own_target(target, USUAL).force


@pytest.mark.parametrize("writer", ["", "host-1-abc"])
def test_it_is_known_whoever_made_it(target: Path, writer: str) -> None:
    target.write_bytes(b"a film")
    assert not replaced(target)
    make(target, b"a film in color", writer)
    assert replaced(target)
    os.utime(target, ns=(1, 1))  # a disk that machines share may round its times
    assert replaced(target)
    assert allow_own_target(target, OutputSettings(fresh=True)) == OutputSettings(fresh=True)
    target.write_bytes(b"a film in COLOR")
    assert not replaced(target)


def test_it_stays_known_until_all_is_removed(target: Path) -> None:
    make(target, b"first")
    with open_journal(target) as journal:
        journal.begin(SPEC)
        assert replaced(target)
    make(target, b"second", named=False)  # stopped just before it had the name
    assert replaced(target)
    make(target, b"third", "host-1-abc")
    with open_journal(target) as journal:
        journal.begin(SPEC)
        assert replaced(target)
        journal.remove()
    assert not replaced(target)


def test_another_run_makes_another_film(target: Path) -> None:
    make(target, b"a film", "host-1-abc", run_spec(saturation=2.0))
    assert not replaced(target)


def test_a_journal_that_is_lost_or_torn_says_nothing(target: Path) -> None:
    make(target, b"a film")
    journal = work_folder(target) / JOURNAL
    data = journal.read_bytes()
    journal.write_bytes(data[:-9])
    assert not replaced(target)
    journal.write_bytes(data)
    assert replaced(target)
    journal.unlink()
    assert not replaced(target)


def test_what_is_kept_of_a_film_that_is_done_goes(target: Path) -> None:
    target.write_bytes(b"another film")
    clear_up(target)
    assert work_folder(target).exists(), "it is that of a film which is not done"
    make(target, b"a film")
    clear_up(target)
    assert os.listdir(target.parent) == ["out.mkv"]
