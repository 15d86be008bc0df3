from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vidcolor.core import system as memory
from vidcolor.core.system import FILM_BYTES, available_memory, frames_that_fit, ran_out

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
MB = 1 << 20


def write(root: Path, files: dict[str, object]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with 8000 MB available of 16000, no cgroups and no limits."""
    meminfo = f"MemTotal:  {16000 << 10} kB\nMemFree: 1 kB\nMemAvailable:  {8000 << 10} kB"
    return write(tmp_path, {"proc/meminfo": meminfo})


def free(root: Path) -> float:
    return available_memory(CPU, root) / MB


def v2(folder: str, limit: object, used: int, cache: tuple[int, int] = (0, 0)) -> dict[str, object]:
    inactive, active = (n * MB for n in cache)
    return {
        f"{folder}/memory.max": limit,
        f"{folder}/memory.current": used * MB,
        f"{folder}/memory.stat": f"anon 5\nfile 99999999999\nshmem 7\n"
        f"inactive_file {inactive}\nactive_file {active}",
    }


def test_the_kernel_tells_what_is_available(root: Path) -> None:
    assert free(root) == 8000


def test_a_cgroup_without_a_limit_changes_nothing(root: Path) -> None:
    write(root, {"proc/self/cgroup": "0::/a/b", **v2("sys/fs/cgroup/a/b", "max", 300)})
    assert free(root) == 8000


def test_a_cgroup_leaves_its_limit_less_what_is_used_but_for_cached_files(root: Path) -> None:
    write(root, {"proc/self/cgroup": "0::/a/b", **v2("sys/fs/cgroup/a/b", 1000 * MB, 700)})
    assert free(root) == 300
    write(root, v2("sys/fs/cgroup/a/b", 1000 * MB, 700, (150, 50)))
    assert free(root) == 500


@pytest.mark.parametrize("level", ["", "/a", "/a/b"])
def test_each_level_of_cgroups_counts(root: Path, level: str) -> None:
    write(root, {"proc/self/cgroup": "0::/a/b", **v2("sys/fs/cgroup/a/b", 4000 * MB, 100)})
    write(root, v2(f"sys/fs/cgroup{level}", 600 * MB, 100))
    write(root, v2("sys/fs/cgroup/other", 5 * MB, 1))
    assert free(root) == 500


def test_the_limit_at_which_the_kernel_slows_down_counts(root: Path) -> None:
    files = v2("sys/fs/cgroup", "max", 100) | {"sys/fs/cgroup/memory.high": 400 * MB}
    write(root, {"proc/self/cgroup": "0::/", **files})
    assert free(root) == 300


@pytest.mark.parametrize("path", ["/docker/0123abcd", "/../job", "/"])
def test_in_a_container_only_the_root_of_the_cgroups_is_to_be_seen(root: Path, path: str) -> None:
    write(root, {"proc/self/cgroup": f"0::{path}", **v2("sys/fs/cgroup", 700 * MB, 100)})
    assert free(root) == 600


def test_version_1_of_cgroups(root: Path) -> None:
    folder = "sys/fs/cgroup/memory/job/7"
    unlimited = {
        "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712,
        "sys/fs/cgroup/memory/memory.usage_in_bytes": 12345,
    }
    stat = f"inactive_file 1\ntotal_inactive_file {30 * MB}\ntotal_active_file {20 * MB}"
    limited = {
        f"{folder}/memory.limit_in_bytes": 900 * MB,
        f"{folder}/memory.usage_in_bytes": 500 * MB,
        f"{folder}/memory.stat": stat,
    }
    groups = "9:name=systemd:/\n5:cpu,cpuacct:/job/7\n4:memory:/job/7\n0::/"
    write(root, {"proc/self/cgroup": groups, **unlimited})
    assert free(root) == 8000
    write(root, limited)
    assert free(root) == 450


def test_both_versions_beside_each_other(root: Path) -> None:
    groups = "4:memory:/old\n0::/new:er"
    write(root, {"proc/self/cgroup": groups, **v2("sys/fs/cgroup/unified/new:er", 200 * MB, 50)})
    assert free(root) == 150


def test_more_used_than_allowed_is_nothing_left(root: Path) -> None:
    write(root, {"proc/self/cgroup": "0::/", **v2("sys/fs/cgroup", 100 * MB, 101)})
    assert free(root) == 0


@pytest.mark.parametrize("text", ["", "\n\n", "nonsense", "0:", "0::", "memory", "\0::/"])
def test_files_that_say_nothing_are_passed_over(root: Path, text: str) -> None:
    write(root, {"proc/self/cgroup": text, "proc/self/statm": text})
    write(root, {f"sys/fs/cgroup/memory.{name}": text for name in ("max", "current", "stat")})
    assert free(root) == 8000


@pytest.mark.parametrize(("kind", "pages"), [("RLIMIT_AS", 0), ("RLIMIT_DATA", 5)])
def test_ulimit_counts(root: Path, kind: str, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    used = ["1"] * 7
    used[pages] = str(300 * MB // resource.getpagesize())
    write(root, {"proc/self/statm": " ".join(used)})

    def limits(asked: int) -> tuple[int, int]:
        limit = 1000 * MB if asked == getattr(resource, kind) else resource.RLIM_INFINITY
        return limit, limit

    monkeypatch.setattr(resource, "getrlimit", limits)
    assert free(root) == 700


def test_a_system_without_proc_has_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert available_memory(CPU, tmp_path) == machine // 2
    monkeypatch.delattr(os, "sysconf")
    assert available_memory(CPU, tmp_path) == memory.UNKNOWN


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machine_has_memory_and_a_limit_lowers_it() -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 50 * MB < available_memory(CPU) < machine
    script = """
import resource, torch
from vidcolor.core.system import available_memory
with open("/proc/self/statm") as file:
    limit = int(file.read().split()[0]) * resource.getpagesize() + (90 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(available_memory(torch.device("cpu")) >> 20)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 60 < int(run.stdout) <= 90


def test_a_gpu_tells_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    # What torch has reserved and does not use is free for the next run.
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (700 * MB, 9000 * MB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 300 * MB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 100 * MB)
    assert available_memory(CUDA) == 900 * MB


def test_frames_take_half_of_either_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    run, film = 768 * 256 * 352, 1440 * 1080
    there = {"cuda": 2 * 9 * run, "cpu": 2 * 5 * FILM_BYTES * film}
    monkeypatch.setattr(memory, "available_memory", lambda device, _: there[device.type])
    assert frames_that_fit(CUDA, run, film) == 5
    assert frames_that_fit(CUDA, run, film // 2) == 9
    there["cuda"] -= 2
    assert frames_that_fit(CUDA, run, film // 2) == 8
    assert frames_that_fit(CUDA, 100 * run, film) == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("anything"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
        (RuntimeError("CUDA error: unspecified launch failure"), False),
        (RuntimeError("shape mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_a_lack_of_memory_looks_like(error: Exception, expected: bool) -> None:
    assert ran_out(error) is expected


def test_torch_says_so_when_memory_is_short() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert ran_out(caught.value)


HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of another C library")
@pytest.mark.skipif(
    HUGE_PAGES.is_file() and "[always]" in HUGE_PAGES.read_text(),
    reason="40 MB are a few pages where all are huge",
)
def test_a_process_that_keeps_its_memory_is_given_no_new_one() -> None:
    code = """
import resource
from vidcolor.core.platform import keep_memory
def pages(size):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * (size << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(min(pages(40) for _ in range(4)))
keep_memory()
pages(64)
print(min(pages(40) for _ in range(4)))
"""
    told = subprocess.check_output([sys.executable, "-c", code], text=True)
    given, kept = map(int, told.split())
    assert kept < 100 < given
