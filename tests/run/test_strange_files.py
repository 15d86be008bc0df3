"""A pipe, a socket, a folder, a link or a hard link in the place of any file of ours.

It is refused in one line or replaced, within a moment, and never written through.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from journals import begun, finish
from run_specs import SPEC
from torch import nn

from vidcolor.cli.progress import ProgressFile
from vidcolor.cli.text import write_json
from vidcolor.core import files
from vidcolor.core.files import identify
from vidcolor.core.paths import part_path, report_path, work_folder
from vidcolor.core.report import Report
from vidcolor.core.target import check_target, claim, publish
from vidcolor.errors import OutputError, OutputExists, TrainingError, VidcolorError
from vidcolor.media.images.files import write_picture, write_rgb
from vidcolor.media.pass_log import PassLog
from vidcolor.run.batch import read_report, write_report
from vidcolor.run.chunk_manifest import Manifest, read_manifest, write_manifest
from vidcolor.run.journal import open_journal
from vidcolor.run.leftovers import allow_own_target, clear_up, forget_work
from vidcolor.run.work_dir import WorkDir
from vidcolor.settings import OutputSettings
from vidcolor.training.checkpoints import Average, Position, load_checkpoint, save_checkpoint
from vidcolor.training.data.stills import Still, recall, remember
from vidcolor.training.logs import RunLog

VICTIM = b"a file of somebody else"


@pytest.fixture(autouse=True)
def moment() -> Iterator[None]:
    """Nothing here may wait: a hang would be one for ever."""

    def ring(*_: object) -> None:
        raise AssertionError("hangs")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(20)  # of a machine that has much else to do; a hang has no end
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "to").mkdir()
    (tmp_path / "victim").write_bytes(VICTIM)
    return tmp_path / "to" / "out.mkv"


def fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def plug(path: Path, _: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def folder(path: Path, _: Path) -> None:
    path.mkdir()
    (path / "inner").write_bytes(VICTIM)


def link_to_pipe(path: Path, victim: Path) -> None:
    pipe = victim.with_name("pipe")
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    path.symlink_to(pipe)


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "fifo": fifo,
    "socket": plug,
    "folder": folder,
    "link": lambda path, victim: path.symlink_to(victim),
    "link to a pipe": link_to_pipe,
    "dangling link": lambda path, victim: path.symlink_to(victim.with_name("nothing")),
    "hard link": lambda path, victim: os.link(victim, path),
}


def put(kind: str, path: Path, target: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        raise AssertionError("is in the way")
    path.unlink(missing_ok=True)
    KINDS[kind](path, target.parent.parent / "victim")


def check_victim(target: Path) -> None:
    assert (target.parent.parent / "victim").read_bytes() == VICTIM
    assert not (target.parent.parent / "nothing").exists()


INNER = ["journal.jsonl", "journal.ann.jsonl", "lock", "plan.jsonl", "000001.packets"]
INNER += ["000002.handover", "000003.packets.part", "journal.jsonl.part", "000004.handover.part"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", INNER)
def test_a_run_goes_on_or_is_refused(name: str, kind: str, target: Path) -> None:
    work = begun(target)
    put(kind, work / name, target)
    for fresh in (False, True):
        with suppress(OutputError):
            allow_own_target(target, OutputSettings())
            with open_journal(target, fresh) as journal:
                if fresh:
                    journal.clear()
                journal.begin(SPEC)
                write_manifest(journal, Manifest((), PassLog()))
                read_manifest(journal)
                journal.get(2)
                finish(journal, 3)
        check_victim(target)
    ann = WorkDir(work, "ann", SPEC)
    if work.exists():
        with suppress(VidcolorError):
            ann.mark_target(work / "lock")
    check_victim(target)


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_for_a_journal_is_named_and_goes_with_fresh(kind: str, target: Path) -> None:
    work = begun(target)
    put(kind, work / "journal.jsonl", target)
    if kind == "hard link":  # it is read, and has no line of ours
        with open_journal(target) as journal:
            assert journal.done == {}
        return
    with (
        pytest.raises(OutputError, match=r"journal\.jsonl is a .*, not a file of vidcolor's own"),
        open_journal(target),
    ):
        pass
    assert (work / "000000.packets").exists(), "what was done stays"
    if kind != "folder":
        with open_journal(target, fresh=True) as journal:
            journal.clear()
            journal.begin(SPEC)
            finish(journal, 0)
        with open_journal(target) as journal:
            assert set(journal.done) == {0}
    check_victim(target)


@pytest.mark.parametrize("kind", KINDS)
def test_the_part_is_replaced(kind: str, target: Path) -> None:
    part = part_path(target)
    put(kind, part, target)
    if kind == "folder":
        with pytest.raises(OutputError, match="Is a directory"):
            claim(part, target)
        return
    file = claim(part, target)
    os.write(file, b"a film")
    check_victim(target)
    with pytest.raises(OutputError, match="another vidcolor is writing this target"):
        claim(part, target)
    publish(file, part, target)
    os.close(file)
    assert target.read_bytes() == b"a film"
    check_victim(target)


def test_a_part_with_two_names_that_a_run_is_at_stays_its_own(target: Path) -> None:
    part = part_path(target)
    file = claim(part, target)
    os.link(part, target.with_name("a copy"))
    with pytest.raises(OutputError, match="another vidcolor is writing this target"):
        claim(part, target)
    assert os.path.samestat(os.fstat(file), part.stat())
    os.close(file)


@pytest.mark.parametrize("kind", ["fifo", "socket", "folder", "link to a pipe"])
@pytest.mark.parametrize("force", [False, True])
def test_a_target_that_is_no_file_is_refused(kind: str, force: bool, target: Path) -> None:
    put(kind, target, target)
    settings = OutputSettings(force=force)
    with pytest.raises(OutputError, match=r"is a (pipe, a socket or a device|folder); name a file"):
        check_target(None, target, settings)
    assert os.path.lexists(target)
    begun(target)
    allow_own_target(target, settings)
    clear_up(target)
    with suppress(VidcolorError):
        identify(target)
    assert forget_work(target)


@pytest.mark.parametrize("name", ["/dev/null", "/dev/zero"])
def test_a_device_is_no_target(name: str) -> None:
    with pytest.raises(OutputError):
        check_target(None, Path(name), OutputSettings(force=True))


def test_a_link_is_followed_with_force(target: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "there.png"
    real.write_bytes(b"an old one")
    link = target.with_suffix(".png")
    link.symlink_to(real)
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    with pytest.raises(OutputExists):
        check_target(None, link, OutputSettings())
    check_target(None, link, OutputSettings(force=True))
    assert work_folder(link) == tmp_path / "real" / ".there.png.vidcolor"
    assert part_path(link) == tmp_path / "real" / ".there.png.part"
    write_picture(picture, link, OutputSettings(force=True))
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in real.parent.iterdir()) == ["there.png"]
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(OutputError, match="is a broken link"):
        check_target(None, link, OutputSettings(force=True))
    link.unlink()
    link.symlink_to(tmp_path / "gone" / "x.png")
    with pytest.raises(OutputError, match="there is no folder"):
        check_target(None, link, OutputSettings(force=True))


@pytest.mark.parametrize("kind", KINDS)
def test_reports(kind: str, target: Path) -> None:
    path = report_path(target)
    put(kind, path, target)
    assert read_report(target) is None
    with suppress(OutputError):
        write_report(Report("in", str(target)))
        assert read_report(target) is not None
    check_victim(target)
    if kind != "folder":
        path.unlink()
        put(kind, part_path(path), target)
        write_report(Report("in", str(target)))
        check_victim(target)


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_a_user_names(kind: str, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOMENT", 0.05)
    named = target.with_name("named.json")
    put(kind, named, target)
    with suppress(OutputError):
        write_json({"a": 1}, named, "cannot be written")
    check_victim(target)
    if not named.is_dir():
        put(kind, named, target)
    with suppress(OutputError), ProgressFile(str(named)) as progress:
        progress.write({"frames": 1})
    check_victim(target)
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    png = target.with_suffix(".png")
    put(kind, png, target)
    with suppress(OSError):
        write_rgb(picture, png)
    check_victim(target)


def test_a_pipe_with_a_reader_gets_its_report(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_json({"a": 1}, pipe, "cannot be written")
    assert os.read(reading, 100) == b'{\n "a": 1\n}\n'
    os.close(reading)


RUN = ["log.csv", "last.pt", "last.part", "index.json", "settings.json", "log.png"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RUN)
def test_the_files_of_a_training(
    name: str, kind: str, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcolor.training.logs.find_spec", lambda _: None)  # TensorBoard is slow
    from vidcolor.training.checkpoints import write_settings
    from vidcolor.training.settings import TrainSettings

    run = target.parent
    put(kind, run / name, target)
    net = nn.Linear(1, 1)
    still = Still("a.png", "a", 1, None)
    for step in (
        lambda: write_settings(run, TrainSettings(stills=("x",), steps=1)),
        lambda: load_checkpoint(run, {"net": net}, Average(net, 0.9)),
        lambda: save_checkpoint(run, {"net": net}, Average(net, 0.9), Position()),
        lambda: recall(run / "index.json", {"a": 1}),
        lambda: remember(run / "index.json", {"a": 1}, [still], {}),
    ):
        with suppress(TrainingError):
            step()
        check_victim(target)
    with suppress(TrainingError):
        log = RunLog(run, 0)
        log.write(0, 0.0, {"total": 1.0})
        log.close()
    check_victim(target)
