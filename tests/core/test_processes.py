from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
import torch

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
