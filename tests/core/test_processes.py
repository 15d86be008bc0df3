from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

import pytest
import torch

from vidcolor.core import processes
from vidcolor.core.processes import map_processes


def double(number: int) -> tuple[int, int, int]:
    return 2 * number, os.getpid(), torch.get_num_threads()


def die_at_seven(number: int) -> int:
    if number % 10 == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail_at_seven(number: int) -> int:
    if number == 7:
        raise OSError(28, "no space")
    return number


def note(place: str) -> None:
    Path(place).touch()
    time.sleep(0.02)


@pytest.mark.parametrize("method", [None, pytest.param("spawn", marks=pytest.mark.slow)])
def test_results_come_in_order_from_other_processes(method: str | None) -> None:
    found = list(map_processes(double, range(50), 2, method))
    results, processes, threads = zip(*filter(None, found), strict=True)
    assert list(results) == [2 * i for i in range(50)]
    assert os.getpid() not in processes
    assert 1 <= len(set(processes)) <= 2
    assert set(threads) == {1}
    assert list(map_processes(double, [])) == []


@pytest.mark.parametrize("size", [1, 2])
def test_what_kills_its_process_costs_one_item(size: int) -> None:
    found = list(map_processes(die_at_seven, range(30), size))
    assert found == [None if i % 10 == 7 else i for i in range(30)]


def test_an_error_is_raised_where_it_is_asked_for() -> None:
    found = []
    results = map_processes(fail_at_seven, range(60), 2)
    with pytest.raises(OSError, match="no space"):
        found.extend(results)
    assert found == list(range(4))  # the chunks before that of the error


def test_who_stops_asking_leaves_nothing_running(tmp_path: Path) -> None:
    with closing(map_processes(note, [str(tmp_path / str(i)) for i in range(500)], 2)) as results:
        next(results)
    done = len(list(tmp_path.iterdir()))
    assert done < 100
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) == done


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("size", [1, 4])
def test_where_every_process_dies_it_ends_soon(size: int) -> None:
    found: list[int | None] = []
    results = map_processes(die, range(1000), size)
    with pytest.raises(BrokenProcessPool):
        found.extend(results)
    assert len(found) < 20


def test_a_few_deadly_items_are_passed_over() -> None:
    assert list(map_processes(die, range(3), 2)) == [None] * 3


def test_windows_is_not_asked_for_more_processes_than_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_MOST", 1)
    found = list(map_processes(double, range(50), 4))
    assert len({process for _, process, _ in filter(None, found)}) == 1


def note_process(place: str) -> None:
    Path(place, str(os.getpid())).touch()
    time.sleep(0.2)


def interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def map_as_the_command(place: str) -> None:
    signal.signal(signal.SIGTERM, interrupt)
    list(map_processes(note_process, [place] * 1000, 2))


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks into /proc")
def test_no_process_outlives_one_that_is_killed(tmp_path: Path) -> None:
    parent = multiprocessing.get_context("fork").Process(
        target=map_as_the_command, args=(str(tmp_path),)
    )
    parent.start()
    until = time.monotonic() + 20
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    parent.kill()
    parent.join()
    until = time.monotonic() + 5
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    left = [worker for worker in workers if is_alive(worker)]
    for worker in left:
        os.kill(worker, signal.SIGKILL)
    assert not left


class Inherited:
    """What a process has in its rubbish when it is forked."""

    def __init__(self, mark: Path) -> None:
        self.pid, self.mark, self.itself = os.getpid(), mark, self

    def __del__(self) -> None:
        if os.getpid() != self.pid:
            self.mark.touch()


def collect(_: int) -> int:
    return gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here")
def test_a_fork_does_not_free_what_its_parent_left(tmp_path: Path) -> None:
    """A decoder's threads are not there any more; to end them would take for ever."""
    gc.disable()
    try:
        Inherited(tmp_path / "freed")
        list(map_processes(collect, range(2), 1, "fork"))
    finally:
        gc.enable()
    assert not (tmp_path / "freed").exists()
