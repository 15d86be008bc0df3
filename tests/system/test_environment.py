"""The world around a run: full disks, folders that refuse, poor shells; nothing is lost."""

from __future__ import annotations

import errno
import io
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command import TIME_LIMIT, Command, listing
from killing import (
    GO_ON,
    OLD,
    ROOT,
    SHOTS,
    USUAL,
    begun,
    lines_of,
    make_reel,
    packets,
    start,
    work_of,
)
from shared import save_quick_net, slow_but

from vidcolor.cli.main import main
from vidcolor.media.encode.chunk_file import PacketFile
from vidcolor.media.mux.muxer import Muxer
from vidcolor.run.journal import Journal

FULL = "the disk is full; free some space and run again"
SHARED_MEMORY = Path("/dev/shm")


@dataclass
class Stage:
    """One film, and what becomes of it where nothing goes wrong."""

    film: Path
    weights: Path
    whole: Path

    def check(self, target: Path) -> None:
        assert packets(target) == packets(self.whole)
        assert target.read_bytes() == self.whole.read_bytes()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("stage")
    film, weights = make_reel(folder / "in.mp4"), save_quick_net(folder)
    whole = folder / "whole.mp4"
    assert main([str(film), str(whole), *USUAL, "-q", "--weights", str(weights)]) == 0
    return Stage(film, weights, whole)


@pytest.fixture
def run(stage: Stage, command: Command) -> Callable[..., Any]:
    """``run(target, *options)`` colors the film of the stage in this process."""
    command.weights = stage.weights
    return lambda target, *options: command(stage.film, target, "--chunk", "0.5", *options)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a film is already."""
    (tmp_path / "to").mkdir()
    path = tmp_path / "to" / "out.mp4"
    path.write_bytes(OLD)
    return path


def mount(folder: Path, *options: str) -> None:
    """A small disk in memory; the test is skipped where only root may mount and we are not."""
    folder.mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "none", str(folder)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here: {error}")


def unmount(folder: Path) -> None:
    """Lazily: FFmpeg keeps a file open whose header did not fit on the disk."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "disk"
    mount(folder, "size=4m")
    yield folder
    unmount(folder)


# Full disks.


def fill(disk: Path, left: int = 0) -> None:
    """Leave so many bytes of the disk."""
    with suppress(OSError), open(disk / "ballast", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    os.truncate(disk / "ballast", (disk / "ballast").stat().st_size - left)


def fill_before(owner: type, method: str, disk: Path, left: int, patch: pytest.MonkeyPatch) -> None:
    """Fill the disk where a method is called; for methods of a chunk, at chunk 2."""
    plain = getattr(owner, method)

    def full(self: Any, *rest: Any) -> Any:
        chunk = getattr(self, "_path", rest[0] if rest else None)
        number = getattr(chunk, "number", chunk)
        late = not isinstance(chunk, Path) or chunk.name == "000002.packets"
        if late and number not in (0, 1):
            fill(disk, left)
        return plain(self, *rest)

    patch.setattr(owner, method, full)


@pytest.mark.parametrize(
    ("owner", "method", "left"),
    [
        (None, "", 0),
        pytest.param(None, "", 4096, marks=pytest.mark.slow),
        pytest.param(None, "", 16384, marks=pytest.mark.slow),
        pytest.param(PacketFile, "__enter__", 0, marks=pytest.mark.slow),
        (PacketFile, "finish", 0),
        pytest.param(Journal, "add", 0, marks=pytest.mark.slow),
        (Journal, "__setitem__", 0),
        (Muxer, "write", 0),
        pytest.param(Muxer, "write", 12288, marks=pytest.mark.slow),
        pytest.param(Muxer, "complete", 0, marks=pytest.mark.slow),
        (Muxer, "complete", 4096),
    ],
)
def test_a_full_disk(
    owner: type | None,
    method: str,
    left: int,
    stage: Stage,
    run: Callable[..., Any],
    disk: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = disk / "out.mp4"
    target.write_bytes(OLD)
    with monkeypatch.context() as patch:
        if owner is None:
            fill(disk, left)
        else:
            fill_before(owner, method, disk, left, patch)
        outcome = run(target, "--force")
        assert outcome.code == 2
        assert "disk" in outcome.err
        assert "free some space" in outcome.err
    assert target.read_bytes() == OLD
    (disk / "ballast").unlink()
    done = set(lines_of(target))
    if owner is Muxer:
        assert len(done) == 6, "all that was colored is kept"
    outcome = run(target, "--force")
    assert outcome.code == 0
    assert outcome.report["resumed"] == len(done)
    stage.check(target)
    assert listing(disk) == [b"out.mp4"]


@pytest.mark.parametrize("place", slow_but([4], [0, 4, -2, 1, 2, 3, 11, 12, 14]))
def test_the_disk_says_so_late(
    place: int,
    stage: Stage,
    run: Callable[..., Any],
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where space is only found to be missing when data are brought to the disk."""
    calls = 0
    total = 2 + 6 * 3 + 2 * 2 + 2  # the job, chunks, handovers, the target
    fsync = os.fsync

    def full(file: int) -> None:
        nonlocal calls
        calls += 1
        if calls - 1 == place % total:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        outcome = run(target, "--force")
        assert outcome.code == 2
        assert FULL in outcome.err
    assert target.read_bytes() == OLD
    assert run(target, "--force").code == 0
    stage.check(target)
    assert listing(target.parent) == [b"out.mp4"]


# Folders.


def test_a_read_only_folder(run: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    if os.geteuid():
        folder.mkdir(mode=0o555)
    else:
        mount(folder, "size=1m", "ro")
    try:
        outcome = run(folder / "out.mp4")
        assert outcome.code == 2
        assert "read-only" in outcome.err.lower()
        assert listing(folder) == []
    finally:
        if not os.geteuid():
            unmount(folder)


def test_a_file_in_place_of_the_work_folder(run: Callable[..., Any], target: Path) -> None:
    work_of(target).write_text("mine")
    assert run(target, "--force").code == 2
    assert work_of(target).read_text() == "mine"
    assert target.read_bytes() == OLD


def test_a_link_in_place_of_the_work_folder(run: Callable[..., Any], target: Path) -> None:
    elsewhere = target.parent.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "journal.jsonl").write_text("mine")
    work_of(target).symlink_to(elsewhere)
    outcome = run(target, "--force", "--fresh")
    assert outcome.code == 2
    assert "is a link; remove it" in outcome.err
    assert [path.read_text() for path in elsewhere.iterdir()] == ["mine"]
    assert target.read_bytes() == OLD


@pytest.mark.parametrize("name", ["journal.jsonl", "lock", "000000.packets.part"])
def test_a_folder_in_place_of_a_work_file(name: str, run: Callable[..., Any], target: Path) -> None:
    (work_of(target) / name).mkdir(parents=True)
    assert run(target, "--force").code == 2
    assert (work_of(target) / name).is_dir()
    assert target.read_bytes() == OLD


def test_a_link_in_place_of_a_work_file(
    stage: Stage, run: Callable[..., Any], target: Path
) -> None:
    """A stranger must not have another file overwritten."""
    victim = target.parent.parent / "victim.txt"
    victim.write_text("mine")
    work_of(target).mkdir()
    for name in ("lock", "journal.jsonl", "journal.jsonl.part", "000000.packets.part"):
        (work_of(target) / name).symlink_to(victim)
    outcome = run(target, "--force")
    assert outcome.code in (0, 2)
    assert victim.read_text() == "mine"


def test_a_strangers_file_in_the_work_folder_stays(
    stage: Stage, run: Callable[..., Any], target: Path
) -> None:
    work_of(target).mkdir()
    (work_of(target) / "letter.txt").write_text("mine")
    assert run(target, "--force").code == 0
    stage.check(target)
    assert [path.name for path in work_of(target).iterdir()] == ["letter.txt"]
    assert (work_of(target) / "letter.txt").read_text() == "mine"


def test_another_file_system(stage: Stage, run: Callable[..., Any]) -> None:
    if not SHARED_MEMORY.is_dir() or not os.access(SHARED_MEMORY, os.W_OK):
        pytest.skip("there is no second file system here")
    assert SHARED_MEMORY.stat().st_dev != stage.film.stat().st_dev
    folder = SHARED_MEMORY / f"vidcolor-test-{os.getpid()}"
    folder.mkdir()
    try:
        assert run(folder / "out.mp4").code == 0
        stage.check(folder / "out.mp4")
        assert listing(folder) == [b"out.mp4"]
    finally:
        shutil.rmtree(folder)


def test_a_clock_that_jumps(
    stage: Stage, run: Callable[..., Any], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(2_000_000_000, 0, -100_000))
    monkeypatch.setattr(time, "time", lambda: float(next(moments)))
    assert run(target, "--force").code == 0
    stage.check(target)


# Shells.


def ended(running: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        _, err = running.communicate(timeout=TIME_LIMIT)
    finally:
        running.kill()
    return running.returncode, err or ""


@pytest.mark.slow
def test_a_poor_place(stage: Stage, tmp_path: Path) -> None:
    """One core, few files, no locale, no home, no terminal, names that are not ASCII."""
    folder = tmp_path / "fïlm ☃"
    folder.mkdir()
    film, target = folder / "été.mp4", folder / "映画.mp4"
    shutil.copy(stage.film, film)
    poor = {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    running = start(
        film,
        target,
        "--weights",
        str(stage.weights),
        prefix=["taskset", "1"] if shutil.which("taskset") else [],
        quiet=False,
        env={**os.environ, **poor, "HOME": "/proc", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    code, err = ended(running)
    assert code == 0, err
    assert f"{sum(SHOTS)} frames, {len(SHOTS)} shots" in err
    stage.check(target)
    assert sorted(listing(folder)) == sorted(map(os.fsencode, (film.name, target.name)))


@pytest.mark.slow
def test_nobody_listens(stage: Stage, target: Path) -> None:
    """All that is printed goes nowhere: closed before the start, or by a reader that has gone."""
    words = ["--weights", str(stage.weights)]
    deaf = ["bash", "-c", 'exec >&- 2>&-; exec "$@"', "deaf"]
    closed = start(stage.film, target, *words, prefix=deaf, quiet=False)
    reading, writing = os.pipe()
    os.close(reading)
    gone = target.with_name("gone.mp4")
    piped = start(stage.film, gone, *words, quiet=False, stdout=writing, stderr=writing)
    os.close(writing)
    codes = ended(closed)[0], ended(piped)[0]
    assert codes == (0, 0)
    stage.check(target)
    stage.check(gone)
    assert listing(target.parent) == [b"gone.mp4", b"out.mp4"]


@pytest.mark.slow
def test_without_asserts(stage: Stage, target: Path) -> None:
    """A run that is interrupted and goes on, with ``python -O``."""
    log = target.parent.parent / "begun.txt"
    words = ["--weights", str(stage.weights)]
    environment = {**os.environ, "PYTHONOPTIMIZE": "1"}
    running = start(stage.film, target, *words, trap="again 3", log=log, env=environment)
    assert ended(running) == (0, GO_ON)
    found = begun(log)
    assert found[:3] == [0, 1, 2]
    assert found[-3:] == [3, 4, 5]
    stage.check(target)
    assert listing(target.parent) == [b"out.mp4"]


@pytest.mark.parametrize(
    "mebibytes", [500, *(pytest.param(n, marks=pytest.mark.slow) for n in (200, 1000, 1500))]
)
def test_too_little_memory(mebibytes: int, stage: Stage, target: Path) -> None:
    """``ulimit -v``: the libraries cannot even be loaded."""
    words = [sys.executable, "-m", "vidcolor", str(stage.film), str(target), "--force"]
    limit = mebibytes << 20
    running = subprocess.Popen(
        words,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    code, err = ended(running)
    assert code == 2, err
    assert err.count("\n") == 1, err
    assert err.startswith("vidcolor: ")
    assert target.read_bytes() == OLD
    assert listing(target.parent) == [b"out.mp4"]


def test_a_letter_that_the_terminal_lacks_is_a_question_mark(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "\N{SNOWMAN}.mp4"
    shutil.copyfile(stage.film, film)
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["info", str(film)]) == 0
    terminal.flush()
    assert b"/?.mp4\n" in terminal.buffer.getvalue()  # type: ignore[attr-defined]
