"""What is done where a system lacks something: its functions are taken away or replaced here."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vidcolor.core import platform, target
from vidcolor.core.platform import find_name_fault
from vidcolor.core.system import UNKNOWN, available_memory
from vidcolor.errors import OutputError
from vidcolor.settings import OutputSettings


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as `vidcolor.core.platform` sees, this is Windows."""
    monkeypatch.setattr(platform, "WINDOWS", True)
    monkeypatch.setattr(platform, "LINUX", False)
    monkeypatch.setattr(platform, "fcntl", None)
    monkeypatch.setattr(platform, "resource", None)
    for name in ("getuid", "nice", "killpg", "sysconf", "set_blocking", "register_at_fork"):
        monkeypatch.delattr(os, name, raising=False)
    for name in ("sched_getaffinity", "sched_setscheduler"):
        monkeypatch.delattr(os, name, raising=False)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("film.mp4", ""),
        ("comic.mkv", ""),
        ("a:b.mp4", "allows no :"),
        ("why?.mp4", r"allows no \?"),
        ("a\nb.mp4", r"allows no \?"),
        ("CON", "device"),
        ("nul.mp4", "device"),
        ("Lpt1.tar.gz", "device"),
        ("com0.mkv", "device"),
        ("film.", "dot or a space"),
        ("film ", "dot or a space"),
    ],
)
@pytest.mark.usefixtures("windows")
def test_names_that_windows_has_not(name: str, fault: str, tmp_path: Path) -> None:
    if not fault:
        assert find_name_fault(name) == ""
        target.check_target(None, tmp_path / name, OutputSettings())
        return
    with pytest.raises(OutputError, match=f"{fault}.*; choose another name"):
        target.check_target(None, tmp_path / name, OutputSettings())


def test_such_names_are_fine_elsewhere(tmp_path: Path) -> None:
    assert find_name_fault("a:b?.mp4") == find_name_fault("con.mp4") == ""


@pytest.mark.usefixtures("windows")
def test_without_locks_what_a_dead_run_left_is_replaced(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"left")
    file = target.claim(part, tmp_path / "out.mkv")
    assert os.fstat(file).st_size == 0
    os.close(file)


@pytest.mark.usefixtures("windows")
def test_without_locks_an_open_file_is_that_of_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"theirs")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "is open in a process")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OutputError, match="another vidcolor is writing this target"):
        target.claim(part, tmp_path / "out.mkv")
    assert part.read_bytes() == b"theirs"


@pytest.mark.usefixtures("windows")
def test_a_file_is_let_go_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, out = tmp_path / "part", tmp_path / "out.mkv"
    file = target.claim(part, out)
    os.write(file, b"a film")
    replace = os.replace

    def check(one: Path, other: Path) -> None:
        assert not os.path.samestat(os.fstat(file), os.stat(one)), "it is still open"
        replace(one, other)

    monkeypatch.setattr(os, "replace", check)
    target.publish(file, part, out)
    os.close(file)  # the number is still the caller's
    assert out.read_bytes() == b"a film"


@pytest.mark.parametrize("waits", [True, False])
def test_a_removed_file_may_still_be_closed(
    waits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "WINDOWS", waits)
    path = tmp_path / "part"
    file = target.claim(path, tmp_path / "out.mkv")
    platform.remove_open(file, path)
    assert not path.exists()
    platform.remove_open(file, path)
    os.close(file)


@pytest.mark.usefixtures("windows")
def test_what_windows_does_not_have_is_left_undone() -> None:
    read, write = os.pipe()
    try:
        platform.set_waiting(read, False)
        assert platform.is_readable(read, 0.0), "it is to be read, and waited for"
    finally:
        os.close(read)
        os.close(write)
    platform.stand_back(5)
    platform.end_with_parent(1)
    platform.limit_process({"NOFILE": 1, "CPU": 1})
    platform.call_after_fork(print)
    platform.give_back_memory()
    platform.keep_memory()
    assert platform.find_task_bound(10) is None
    assert list(platform.memory_limits(1, 1)) == []
    assert platform.short_temp_folder() is None
    assert platform.belongs_to_user(os.stat(os.curdir))
    assert platform.bound_cores() == set(range(os.cpu_count() or 1))
    with platform.keep_scheduling():
        pass


@pytest.mark.usefixtures("windows")
def test_a_process_is_killed_where_there_are_no_groups() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    platform.kill_group(process)
    assert process.wait(20) != 0


def test_what_a_process_started_is_killed_with_it() -> None:
    words = "import subprocess, sys; print('on', flush=True); subprocess.run(['sleep', '60'])"
    process = subprocess.Popen(
        [sys.executable, "-c", words], start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"on\n"
    platform.kill_group(process)
    assert process.wait(20) == -signal.SIGKILL
    assert process.stdout.read() == b"", "nobody has the pipe any more"
    process.stdout.close()


@pytest.mark.usefixtures("windows")
def test_memory_is_what_windows_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def tell(pointer: object) -> int:
        status = pointer._obj  # type: ignore[attr-defined]
        assert status.length == ctypes.sizeof(platform._MemoryStatus) == 64
        status.physical, status.free_physical, status.free_page_file = 16 << 30, 5 << 30, 9 << 30
        return 1

    kernel = SimpleNamespace(GlobalMemoryStatusEx=tell)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert platform.physical_memory() == 16 << 30
    assert available_memory(torch.device("cpu"), tmp_path) == 5 << 30
    kernel.GlobalMemoryStatusEx = lambda _: 0
    assert available_memory(torch.device("cpu"), tmp_path) == UNKNOWN


def test_signals_that_ask_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    assert platform.stop_signals() == (signal.SIGINT, signal.SIGTERM, 21)
    monkeypatch.delattr(signal, "SIGBREAK")
    assert platform.stop_signals() == (signal.SIGINT, signal.SIGTERM)


@pytest.mark.usefixtures("windows")
def test_no_second_server_gets_the_port_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", -5, raising=False)
    asked = []
    listening = SimpleNamespace(setsockopt=lambda *words: asked.append(words))
    platform.reuse_address(listening)  # type: ignore[arg-type]
    assert asked == [(socket.SOL_SOCKET, -5, 1)]


def test_files_are_opened_as_bytes_where_that_has_to_be_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = (
        "import os; os.O_BINARY = 1 << 30\n"
        "from vidcolor.core.platform import CAREFUL, PATIENT\n"
        "print(bool(CAREFUL & os.O_BINARY), bool(PATIENT & os.O_BINARY))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_a_linux_process_is_measured() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    assert platform.peak_memory() > 10 << 20
    assert platform.busy_seconds(platform.bound_cores()) > 0
    assert platform.cpu_name()
