"""The simulation of a cluster: what no schedule can beat, and that nothing is lost in it."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from measure.simulate_cluster import Chunk, FilmChunks, Simulation, Times, draw_film, work

from vidcolor.settings import ChunkSettings

SETTINGS = ChunkSettings()
TIMES = Times(color=20.0, chunk=0.5, plan=500.0, stitch=9000.0, begin=0.2)


def films(number: int, minutes: float, seed: int = 1) -> list[FilmChunks]:
    chance = random.Random(seed)
    return [draw_film(60 * minutes, 25, SETTINGS, chance) for _ in range(number)]


def longest_chain(film: FilmChunks) -> float:
    """Seconds of the longest run of chunks that wait for each other."""
    best = now = 0.0
    for chunk in film:
        now = (now if chunk.continues_shot else 0.0) + TIMES.chunk + chunk.frames / TIMES.color
        best = max(best, now)
    return best


def test_films_are_divided_as_they_are_in_earnest() -> None:
    (film,) = films(1, 120)
    assert sum(chunk.frames for chunk in film) == pytest.approx(120 * 60 * 25, abs=len(film))
    assert not film[0].continues_shot
    lengths = [chunk.frames / 25 for chunk in film]
    assert max(lengths) <= SETTINGS.longest
    for chunk, after in pairwise(film):
        assert (
            chunk.frames / 25
            >= (SETTINGS.longest if after.continues_shot else SETTINGS.seconds) - 0.02
        )


def test_one_worker_takes_the_sum_of_all_work() -> None:
    some = films(3, 10)
    found = Simulation(some, 1, TIMES).run()
    assert found.wall == pytest.approx(work(some, TIMES), rel=1e-6)
    assert found.busy == pytest.approx(found.wall)


@pytest.mark.parametrize("workers", [2, 7, 50, 1000])
@pytest.mark.parametrize(("number", "minutes"), [(1, 60), (30, 5)])
def test_no_faster_than_can_be_and_not_much_slower(
    workers: int, number: int, minutes: float
) -> None:
    some = films(number, minutes)
    found = Simulation(some, workers, TIMES).run()
    plan = max(sum(chunk.frames for chunk in film) for film in some) / TIMES.plan
    chain = max(longest_chain(film) for film in some)
    least = max(work(some, TIMES) / workers, plan, chain)
    assert found.wall >= least
    assert found.wall <= work(some, TIMES) / workers + plan + chain + 30, "never idle for long"
    assert found.chunks == sum(map(len, some))
    assert found.lost == found.preempted == 0


def test_a_shot_that_is_split_is_no_faster_with_many() -> None:
    film = [Chunk(1500, continues_shot=number > 0) for number in range(10)]
    assert Simulation([film], 10, TIMES).run().wall > 10 * 1500 / TIMES.color


@pytest.mark.parametrize("seed", range(5))
def test_with_preemption_every_chunk_is_done_once(seed: int) -> None:
    some = films(5, 60)
    calm = Simulation(some, 20, TIMES).run()
    found = Simulation(some, 20, TIMES, preemptions=2.0, replaced=60.0, seed=seed).run()
    assert found.preempted > 5
    assert found.lost > 0
    assert found.aside == 0
    assert found.chunks == calm.chunks
    assert found.busy == pytest.approx(calm.busy)
    assert found.wall > calm.wall


def test_machines_that_never_last_set_films_aside() -> None:
    found = Simulation(films(1, 20), 5, TIMES, preemptions=200.0, replaced=5.0).run()
    assert found.aside == 1


def test_the_same_seed_gives_the_same() -> None:
    runs = [Simulation(films(2, 10), 9, TIMES, 30.0, 60.0, seed=3).run() for _ in range(2)]
    assert runs[0] == runs[1]
