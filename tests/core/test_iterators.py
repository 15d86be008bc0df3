from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice

import pytest
from sources import Source, wait_until

from vidcolor.core.iterators import batch_items, close, prefetch, tap, time_waiting


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 7])
def test_batched(length: int) -> None:
    batches = list(batch_items(range(length), 3))
    assert [item for batch in batches for item in batch] == list(range(length))
    assert all(len(batch) == 3 for batch in batches[:-1])
    assert all(batches)


def test_batched_takes_no_more_than_it_gives() -> None:
    source = Source(10)
    assert next(batch_items(iter(source), 3)) == [0, 1, 2]
    assert source.taken == 3


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 50])
def test_prefetch_keeps_items_and_order(length: int, size: int) -> None:
    source = Source(length)
    assert list(prefetch(iter(source), size)) == list(range(length))
    assert source.closed_in is not None
    assert source.closed_in is not threading.current_thread()


def test_prefetch_runs_ahead_but_not_far() -> None:
    source = Source(100)
    items = prefetch(iter(source), 3)
    assert next(items) == 0
    # Three in the queue and one in the hand of the thread that waits for room.
    wait_until(lambda: source.taken == 5)
    time.sleep(0.05)
    assert source.taken == 5
    items.close()


def test_prefetch_raises_in_its_place() -> None:
    source = Source(10, fail_at=4)
    found: list[int] = []
    with pytest.raises(ValueError, match="item 4 is broken"):
        found.extend(prefetch(iter(source)))
    assert found == [0, 1, 2, 3]


def test_prefetch_carries_an_interruption_over() -> None:
    def interrupted() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    items = prefetch(interrupted())
    assert next(items) == 1
    with pytest.raises(KeyboardInterrupt):
        next(items)


@pytest.mark.parametrize("taken", [1, 3])
def test_closing_prefetch_early_stops_and_joins_its_thread(taken: int) -> None:
    source = Source(10_000)
    before = threading.active_count()
    items = prefetch(iter(source), 2)
    assert list(islice(items, taken)) == list(range(taken))
    assert threading.active_count() == before + 1
    items.close()
    assert threading.active_count() == before
    assert source.closed_in is not None
    assert source.closed_in.name == "prefetch"
    assert source.taken < 20


def test_prefetch_waits_for_a_slow_source_when_it_is_closed() -> None:
    inside, done = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        yield 0
        inside.set()
        time.sleep(0.2)
        done.set()
        yield 1

    items = prefetch(slow(), 1)
    next(items)
    assert inside.wait(5)
    items.close()
    # Whoever closes may free what the thread was working on, so the thread must be through.
    assert done.is_set()


def test_prefetch_that_was_never_started_starts_nothing() -> None:
    source, before = Source(10), threading.active_count()
    items = prefetch(iter(source))
    assert threading.active_count() == before
    items.close()
    assert source.taken == 0


def test_prefetch_in_prefetch_stops_both_threads() -> None:
    source, before = Source(10_000), threading.active_count()
    items = prefetch(prefetch(iter(source), 2), 2)
    next(items)
    items.close()
    assert threading.active_count() == before
    assert source.closed_in is not None


def test_an_error_downstream_stops_the_thread() -> None:
    before = threading.active_count()

    def consume() -> None:
        items = prefetch(iter(Source(10_000)))
        try:
            for _ in items:
                raise RuntimeError("the encoder failed")
        finally:
            close(items)

    with pytest.raises(RuntimeError, match="encoder"):
        consume()
    assert threading.active_count() == before


def test_timed_counts_the_waiting_and_not_the_work_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0

    def slow() -> Iterator[int]:
        nonlocal now
        for item in range(3):
            now += 3
            yield item

    monkeypatch.setattr("vidcolor.core.iterators.perf_counter", lambda: now)
    seconds: dict[str, float] = {}
    for _ in time_waiting(slow(), "stage", seconds):
        now += 5
    assert seconds == {"stage": 9}


def test_timed_adds_up_and_names_a_stage_that_never_ran() -> None:
    seconds = {"stage": 100.0}
    assert list(time_waiting([1, 2], "stage", seconds)) == [1, 2]
    assert list(time_waiting([], "idle", seconds)) == []
    assert 100 <= seconds["stage"] < 101
    assert 0 <= seconds["idle"] < 0.1


def test_timed_closes_its_source() -> None:
    source = Source(5)
    items = time_waiting(iter(source), "x", {})
    next(items)
    items.close()
    assert source.closed_in is not None


def test_close_leaves_lists_alone() -> None:
    close([1, 2])
    close(iter([1, 2]))


def test_watched_sees_each_before_it_goes_on_and_closes_its_source() -> None:
    source, seen = Source(5), list[int]()
    items = tap(iter(source), seen.append)
    assert [next(items), next(items)] == seen == [0, 1]
    items.close()
    assert seen == [0, 1]
    assert source.closed_in is threading.current_thread()


def test_prefetch_that_is_closed_wakes_what_its_thread_waits_for() -> None:
    bytes_come = threading.Event()

    def reading() -> Iterator[int]:
        yield 1
        bytes_come.wait()  # as for a pipe whose other end says no more

    items = prefetch(reading(), wake=bytes_come.set)
    assert next(items) == 1
    items.close()
    assert bytes_come.is_set()
