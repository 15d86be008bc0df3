"""``--cluster`` on a real Ray: workers, raylets and drivers are killed, the film is the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Command, listing
from guided import write_shots
from killing import make_reel, packets, wait_for, work_of
from shared import save_quick_net

from vidcolor.cli.main import main

ray = pytest.importorskip("ray", reason="the extra cluster is not installed")

ROOT = Path(__file__).parents[2]
USUAL = ("--size", "64", "--batch", "1", "--chunk", "4", "--device", "cpu")
SHOTS = tuple(33 + n % 9 for n in range(14))
"""Frames of the film's shots: a few seconds of work, and 14 chunks."""
LIMIT = 120.0
"""Seconds for a run; more is a hang."""


def start(words: list[str]) -> subprocess.Popen[str]:
    """The command, in a group of its own: what is killed here is no one's but this test's."""
    command = [sys.executable, "-m", "vidcolor", *words]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )


class Stage:
    """A film, and what one run makes of it."""

    def __init__(self, folder: Path) -> None:
        self.film, self.weights = (
            make_reel(folder / "in.mp4", SHOTS, rate=8),
            save_quick_net(folder),
        )
        self.whole = folder / "whole.mp4"
        assert main([str(self.film), str(self.whole), *self.options, "-q"]) == 0

    @property
    def options(self) -> list[str]:
        return [*USUAL, "--weights", str(self.weights)]

    def start(self, target: Path, *more: str, address: str = "") -> subprocess.Popen[str]:
        return start([str(self.film), str(target), *self.options, f"--cluster={address}", *more])

    def check(self, target: Path) -> None:
        assert packets(target) == packets(self.whole)
        assert not work_of(target).exists()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


def descendants(pid: int) -> Iterator[int]:
    """Processes that another one started, and those that they did."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


def named(pid: int, name: str) -> list[int]:
    """Those of a process's descendants whose command line has a name in it."""
    found = []
    for child in descendants(pid):
        line = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
        found += [child] if name in line else []
    return found


def chunks_are_done(target: Path, count: int) -> Callable[[], bool]:
    return lambda: len(list(work_of(target).glob("*.packets"))) >= count


def end(running: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and messages of a run."""
    try:
        _, err = running.communicate(timeout=LIMIT)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    return running.returncode, err


@pytest.mark.slow  # Ray alone takes 20 s to start; test_company has the same without Ray
def test_a_worker_is_killed_in_mid_film(stage: Stage, tmp_path: Path) -> None:
    target, told = tmp_path / "out.mp4", tmp_path / "report.json"
    running = stage.start(target, "--workers", "2", "-v", "--report", str(told))
    wait_for(chunks_are_done(target, 2), running, LIMIT)
    victim = named(running.pid, "ray::WorkerActor")[0]
    os.kill(victim, signal.SIGKILL)
    code, err = end(running)
    assert code == 0, err
    stage.check(target)
    workers = json.loads(told.read_text())["workers"]
    assert sum(worker["frames"] for worker in workers) == sum(SHOTS)
    assert sum(worker["failures"] for worker in workers) == 1
    assert f"-{victim}-" in next(worker["name"] for worker in workers if worker["failures"])
    strange = [
        x
        for x in err.splitlines()
        if not x.startswith(("note: ", "  ", "in.mp4: ", str(target))) and " vidcolor." not in x
    ]
    assert strange == [], "none of Ray's own words"
    assert "was lost: its process or its machine has stopped" in err


@pytest.mark.slow
def test_the_driver_is_killed_and_another_goes_on(stage: Stage, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    running = stage.start(target)
    wait_for(chunks_are_done(target, 3), running, LIMIT)
    workers = named(running.pid, "ray::WorkerActor")
    running.kill()
    running.communicate()
    wait_for_end(workers)
    done = len(list(work_of(target).glob("*.packets")))
    code, err = end(stage.start(target, "-v"))
    assert code == 0, err
    assert f"resumed with {done} of {len(SHOTS)} chunks already done" in err
    stage.check(target)


def wait_for_end(pids: list[int]) -> None:
    deadline = time.monotonic() + LIMIT
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, "workers outlive their driver"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_what_is_done(
    number: signal.Signals, stage: Stage, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    running = stage.start(target)
    wait_for(chunks_are_done(target, 3), running, LIMIT)
    running.send_signal(number)
    code, err = end(running)
    assert code == 128 + number
    assert re.search(
        r"frames up to [\d:.]+ kept; run the same command again to resume from there", err
    )
    code, err = end(stage.start(target, "-v"))
    assert code == 0, err
    assert "chunks already done" in err
    stage.check(target)


@pytest.mark.slow
def test_ray_of_this_machine_ends_in_mid_film(tmp_path: Path) -> None:
    """Its workers go on for about 15 s, until they hear of it; so the film is a longer one."""
    global SHOTS
    before, SHOTS = SHOTS, 20 * SHOTS
    try:
        stage = Stage(tmp_path)
    finally:
        SHOTS = before
    target = tmp_path / "out.mp4"
    running = stage.start(target, "--workers", "1")
    wait_for(chunks_are_done(target, 2), running, LIMIT)
    os.kill(named(running.pid, "raylet/raylet")[0], signal.SIGKILL)
    code, err = end(running)
    assert code == 0, err
    assert "note: Ray has stopped; starting it again" in err
    stage.check(target)


def test_the_options_of_a_cluster_need_one(
    command: Command, reel: Callable[[str], Path], tmp_path: Path
) -> None:
    film = str(reel("base.mp4"))
    for words, why in (
        (["--workers", "2"], "need --cluster"),
        (["--cluster", "--workers", "-1"], "--workers: -1 is too small; use 1"),
        (["--cluster=ray://host:10001"], "--cluster=auto"),
        (["--cluster", "--worker-gpus", "1.5"], "a whole number, or a share"),
    ):
        found = command.run(film, str(tmp_path / "out.mp4"), *words)
        assert found.code == 2
        assert why in found.err
    found = command.run(film, "-", "--cluster")
    assert found.code == 2
    assert "pipe" in found.err
    assert listing(tmp_path) == []


@pytest.mark.slow
def test_a_worker_is_killed_while_a_color_script_is_made(tmp_path: Path) -> None:
    film, whole, target = (tmp_path / name for name in ("film.mkv", "whole.mp4", "out.mp4"))
    write_shots(film, shots=40)  # two parts
    words = [*USUAL, "--weights", "mini", "--script", "auto"]
    assert main([str(film), str(whole), *words, "-q"]) == 0
    running = start([str(film), str(target), *words, "--cluster", "--workers", "2"])
    wait_for(lambda: any(work_of(target).glob("script.*.keys")), running, LIMIT)
    os.kill(named(running.pid, "ray::WorkerActor")[0], signal.SIGKILL)
    code, err = end(running)
    assert code == 0, err
    assert packets(target) == packets(whole)
    assert not work_of(target).exists()
