from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sources import Source, wait_until

from vidcolor.core.threads import WorkerThreads, map_ordered, usable_cores


def slow_square(number: int) -> int:
    time.sleep(0.02 if number % 3 == 0 else 0.001)  # the later ones are done first
    return number * number


@pytest.mark.parametrize("size", [0, 1, 2, 5])
@pytest.mark.parametrize("length", [0, 1, 2, 20])
def test_results_come_in_order_whoever_is_first(size: int, length: int) -> None:
    source = Source(length)
    if size == 0:
        found = list(map_ordered("x", slow_square, iter(source), None))
    else:
        with WorkerThreads(size) as pool:
            found = list(map_ordered("x", slow_square, iter(source), pool))
    assert found == [number * number for number in range(length)]
    assert source.closed_in is threading.current_thread()


@pytest.mark.parametrize(("ahead", "expected"), [(None, 5), (1, 1), (4, 4)])
def test_no_more_is_taken_in_hand_than_said(ahead: int | None, expected: int) -> None:
    source, begin = Source(50), threading.Event()
    with WorkerThreads(3) as pool:
        items = map_ordered("x", lambda _: begin.wait(5), iter(source), pool, ahead)
        threading.Timer(0.1, begin.set).start()
        for taken in range(5):
            next(items)
            assert source.taken <= expected + taken
            assert taken or source.taken == expected  # while nothing was done
        items.close()


def test_what_is_done_does_not_wait_for_what_comes_next() -> None:
    done: list[int] = []

    def numbers() -> Iterator[int]:
        yield 0
        wait_until(lambda: bool(done))
        yield 1
        yield from range(2, 50)

    with WorkerThreads(3) as pool:
        items = map_ordered("x", done.append, numbers(), pool, 40)
        next(items)
        assert len(done) < 5
        items.close()


def test_nothing_waits_behind_what_takes_long() -> None:
    end = threading.Event()
    with WorkerThreads(1) as pool:
        long = pool.submit("net", lambda _: end.wait(5), None, is_long=True)
        assert pool.submit("paint", abs, -1).result(5) == 1
        assert not long.done()
        end.set()


def test_a_crew_works_at_once_and_each_of_it_alone() -> None:
    together = threading.Barrier(3, timeout=5)  # broken unless three are there at once

    def meet(_: int) -> tuple[str, int]:
        together.wait()
        return threading.current_thread().name, torch.get_num_threads()

    before = torch.get_num_threads()
    with WorkerThreads(3) as pool:
        found = list(map_ordered("x", meet, iter(range(9)), pool))
        assert torch.get_num_threads() == 1
    assert {threads for _, threads in found} == {1}
    assert len({name for name, _ in found}) == 3
    assert torch.get_num_threads() == before


def test_crews_that_overlap_leave_torch_as_it_was() -> None:
    def threads_of_a_new_thread() -> int:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        return found[0]

    before = torch.get_num_threads(), threads_of_a_new_thread()
    first, second = WorkerThreads(1), WorkerThreads(1)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == before


def test_large_frames_are_taken_in_hand_by_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidcolor.core.threads.available_memory", lambda _: 16 << 30)
    assert WorkerThreads(64, 3 << 20).ahead == 66
    assert WorkerThreads(64, 100 << 20).ahead == 10
    assert WorkerThreads(64, 8 << 30).ahead == 1


def test_an_error_comes_in_its_place_and_ends_everything() -> None:
    def fail_at_3(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    source, found = Source(50), []
    with WorkerThreads(2) as pool, pytest.raises(ValueError, match="three"):
        found.extend(map_ordered("x", fail_at_3, iter(source), pool))
    assert source.closed_in is not None
    assert source.taken < 12

    upstream = Source(50, fail_at=7)
    with WorkerThreads(2) as pool, pytest.raises(ValueError, match="item 7"):
        list(map_ordered("x", slow_square, iter(upstream), pool))


def test_closing_early_waits_for_what_is_in_hand_and_drops_the_rest() -> None:
    begun: list[int] = []
    ended: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number:
            time.sleep(0.05)
        else:
            wait_until(lambda: len(begun) > 1)
        ended.append(number)
        return number

    source = Source(50)
    with WorkerThreads(2) as pool:
        items = map_ordered("x", work, iter(source), pool, 10)
        next(items)
        items.close()
        assert sorted(begun) == sorted(ended)
        assert len(begun) < 10
        assert source.closed_in is not None


def test_time_is_counted_by_stage_over_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    own = threading.local()  # each thread has a clock of its own, which stands still

    def now() -> float:
        return float(getattr(own, "now", 0.0))

    def spend(seconds: float) -> None:
        own.now = now() + seconds

    monkeypatch.setattr("vidcolor.core.threads.perf_counter", now)
    with WorkerThreads(2) as pool:
        list(map_ordered("wait", spend, iter([1.0, 2.0, 4.0, 8.0]), pool))
        with pool.clock("here"):
            spend(0.5)
    assert pool.seconds == {"wait": 15.0, "here": 0.5}


def test_stages_in_a_row_share_one_crew() -> None:
    with WorkerThreads(2) as pool:
        items: Iterator[int] = iter(range(40))
        for _ in range(4):
            items = map_ordered("x", lambda number: number + 1, items, pool)
        assert list(items) == list(range(4, 44))


def cpus(root: Path, files: dict[str, str]) -> int:
    for name, text in {"proc/self/cgroup": "4:cpu,cpuacct:/job\n0::/job", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return usable_cores(root)


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        ({}, 8),
        ({"sys/fs/cgroup/job/cpu.max": "max 100000"}, 8),
        ({"sys/fs/cgroup/job/cpu.max": "300000 100000"}, 3),
        ({"sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
        ({"sys/fs/cgroup/job/cpu.max": "20000 100000"}, 1),
        ({"sys/fs/cgroup/job/cpu.max": "nonsense"}, 8),
        (
            {
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "400000",
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000",
            },
            4,
        ),
        (
            {
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000",
            },
            8,
        ),
    ],
)
def test_cores_are_those_that_this_process_may_use(
    tmp_path: Path, files: dict[str, str], granted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cpus(tmp_path, files) == granted
