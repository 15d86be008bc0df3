"""The simulation of a cluster: what no schedule can beat, and that nothing is lost in it."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from measure.simulate_cluster import Chunk, Film, Simulation, Times, draw_film, work

from vidcolor.settings import ChunkSettings

SETTINGS = ChunkSettings()
TIMES = Times(color=20.0, chunk=0.5, plan=500.0, stitch=9000.0, begin=0.2)


def films(number: int, minutes: float, seed: int = 1) -> list[Film]:
    chance = random.Random(seed)
    return [draw_film(60 * minutes, 25, SETTINGS, chance) for _ in range(number)]


def longest_chain(film: Film) -> float:
    """Seconds of the longest run of chunks that wait for each other."""
    best = now = 0.0
    for chunk in film.chunks:
        now = (now if chunk.continues_shot else 0.0) + TIMES.chunk + chunk.frames / TIMES.color
        best = max(best, now)
    return best


def test_films_are_divided_as_they_are_in_earnest() -> None:
    (film,) = films(1, 120)
    chunks = film.chunks
    assert film.frames == pytest.approx(120 * 60 * 25, abs=len(chunks))
    assert sum(film.shots) == pytest.approx(120 * 60)
    assert not chunks[0].continues_shot
    lengths = [chunk.frames / 25 for chunk in chunks]
    assert max(lengths) <= SETTINGS.longest
    for chunk, after in pairwise(chunks):
        assert (
            chunk.frames / 25
            >= (SETTINGS.longest if after.continues_shot else SETTINGS.seconds) - 0.02
        )


@pytest.mark.parametrize("script", [False, True])
def test_one_worker_takes_the_sum_of_all_work(script: bool) -> None:
    some = films(3, 10)
    found = Simulation(some, 1, TIMES, script=script).run()
    assert found.wall == pytest.approx(work(some, TIMES, script), rel=1e-6)
    assert found.busy == pytest.approx(found.wall)


@pytest.mark.parametrize("workers", [2, 7, 50, 1000])
@pytest.mark.parametrize(("number", "minutes"), [(1, 60), (30, 5)])
def test_no_faster_than_can_be_and_not_much_slower(
    workers: int, number: int, minutes: float
) -> None:
    some = films(number, minutes)
    found = Simulation(some, workers, TIMES).run()
    plan = max(film.frames for film in some) / TIMES.plan
    parts, more = some[0].parts()
    if parts:  # read by many, and joined by one
        plan = more / TIMES.plan + some[0].frames / TIMES.join
    chain = max(longest_chain(film) for film in some)
    least = max(work(some, TIMES) / workers - plan, plan, chain)
    assert found.wall >= least
    assert found.wall <= 1.01 * work(some, TIMES) / workers + plan + chain + 30, (
        "never idle for long"
    )
    assert found.chunks == sum(len(film.chunks) for film in some)
    assert found.lost == found.preempted == 0


def test_a_shot_that_is_split_is_no_faster_with_many() -> None:
    film = Film(tuple(Chunk(1500, continues_shot=number > 0) for number in range(10)))
    assert Simulation([film], 10, TIMES).run().wall > 10 * 1500 / TIMES.color


def test_what_is_read_of_parts_covers_the_film_once_and_a_little_more() -> None:
    (film,) = films(1, 120)
    parts, more = film.parts()
    assert len(parts) == 120
    assert 120 * 60 < sum(parts) < 1.3 * 120 * 60
    assert not more, "no shot is as long as that"
    assert not films(1, 9)[0].parts()[0], "a short one is read by one worker"
    shots = (100.0, 400.0, 220.0)
    parts, more = Film((), shots).parts()
    assert more == pytest.approx(400 + 220), "no part that begins before them reaches their ends"
    assert max(parts) == 60 + 2 + 120


@pytest.mark.parametrize("script", [False, True])
def test_one_film_keeps_64_workers_busy(script: bool) -> None:
    """As docs/scaling.md has it."""
    (film,) = films(1, 120)
    found = Simulation([film], 64, Times(), script=script).run()
    assert work([film], Times(), script) / found.wall > (44 if script else 45)


@pytest.mark.parametrize("large", [0.0, 1.0])
def test_scripts_of_any_scenes_are_settled_by_many(large: float) -> None:
    """Whether all of a film is one scene, or it has none that is large."""
    (film,) = films(1, 120)
    times = replace(Times(), large=large)
    found, alone = (Simulation([film], 64, times, script=one).run() for one in (True, False))
    looked = film.keys / 64 / times.look
    assert found.wall - alone.wall < looked + film.keys * times.settle_alone / 6


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
