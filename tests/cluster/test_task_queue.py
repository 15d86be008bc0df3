"""Dispatch: longest first, chains in order, again where something failed, aside in the end."""

from __future__ import annotations

import random

import pytest

from vidcolor.cluster.task_queue import Step, Task, TaskQueue


def begun(dispatch: TaskQueue, film: int = 0) -> None:
    task = dispatch.take("w")
    assert task == Task(Step.BEGIN, 0, film)
    dispatch.done(task)


def planned(
    dispatch: TaskQueue, lengths: list[int], continues_shot: frozenset[int] = frozenset()
) -> None:
    dispatch.to_plan(0)
    task = dispatch.take("w")
    assert task == Task(Step.PLAN, 0, 0)
    for number, frames in enumerate(lengths):
        dispatch.chunk(0, number, frames, continues_shot=number in continues_shot, done=False)
    dispatch.done(task)
    dispatch.planned(0)


def test_a_film_from_its_beginning_to_its_end() -> None:
    dispatch = TaskQueue(1)
    begun(dispatch)
    planned(dispatch, [50, 90, 70])
    taken = [dispatch.take("w") for _ in range(4)]
    assert [task and task.chunk for task in taken] == [1, 2, 0, None], "longest first"
    for task in filter(None, taken):
        dispatch.done(task)
    finish = dispatch.take("w")
    assert finish == Task(Step.FINISH, 0, 0)
    dispatch.done(finish)
    assert not dispatch.over
    dispatch.close(0)
    assert dispatch.over


def test_a_chunk_within_a_shot_waits_for_the_one_before() -> None:
    dispatch = TaskQueue(1)
    begun(dispatch)
    planned(dispatch, [50, 90, 80, 60], continues_shot=frozenset({1, 2}))
    first = [dispatch.take("w") for _ in range(3)]
    assert [task and task.chunk for task in first] == [3, 0, None]
    for expected in (1, 2):
        assert first[1]
        dispatch.done(first[1])
        first[1] = dispatch.take("w")
        assert first[1]
        assert first[1].chunk == expected


def test_what_is_done_is_not_handed_out() -> None:
    dispatch = TaskQueue(1)
    begun(dispatch)
    for number in range(3):
        dispatch.chunk(0, number, 10, continues_shot=number == 2, done=number != 2)
    task = dispatch.take("w")
    assert task
    assert task.chunk == 2
    assert dispatch.take("w") is None
    dispatch.planned(0)
    dispatch.done(task)
    finish = dispatch.take("w")
    assert finish
    assert finish.step is Step.FINISH


def test_idle_hands_begin_other_films_and_no_sooner() -> None:
    dispatch = TaskQueue(3)
    begun(dispatch)
    dispatch.chunk(0, 0, 10, continues_shot=False, done=False)
    steps = [dispatch.take("w") for _ in range(4)]
    assert [task and (task.step, task.film) for task in steps] == [
        (Step.CHUNK, 0),
        (Step.BEGIN, 1),
        (Step.BEGIN, 2),
        None,
    ]


def test_who_failed_gets_it_back_only_when_all_have_tried() -> None:
    dispatch = TaskQueue(1)
    begun(dispatch)
    dispatch.chunk(0, 0, 10, continues_shot=False, done=False)
    task = dispatch.take("a", 2)
    assert task
    assert not dispatch.failed(task, "a")
    assert dispatch.take("a", 2) is None
    assert dispatch.take("b", 2) == task
    assert not dispatch.failed(task, "b")
    assert dispatch.take("a", 2) == task
    assert dispatch.failed(task, "a"), "the third time"
    assert dispatch.take("c", 3) is None
    dispatch.planned(0)
    assert dispatch.stuck(0)


def test_a_machine_that_is_taken_away_is_not_the_chunks_fault() -> None:
    dispatch = TaskQueue(1, attempts=1)
    begun(dispatch)
    dispatch.chunk(0, 0, 10, continues_shot=False, done=False)
    for _ in range(5):
        task = dispatch.take("w")
        assert task
        assert not dispatch.failed(task, "w", counts=False)
    task = dispatch.take("w")
    assert task
    assert dispatch.failed(task, "w")


def test_nothing_of_a_closed_film_is_handed_out() -> None:
    dispatch = TaskQueue(2)
    begun(dispatch)
    dispatch.chunk(0, 0, 10, continues_shot=False, done=False)
    dispatch.chunk(0, 1, 20, continues_shot=False, done=False)
    late = dispatch.take("w")
    assert late
    dispatch.close(0)
    dispatch.close(0)
    nxt = dispatch.take("w")
    assert nxt == Task(Step.BEGIN, 0, 1)
    dispatch.done(late)
    assert not dispatch.failed(nxt, "w")
    dispatch.close(1)
    assert dispatch.over


def scripted(dispatch: TaskQueue, parts: list[int], film: int = 0) -> None:
    """A film that was planned, and gets a color script of these parts."""
    dispatch.to_plan(film)
    task = dispatch.take("w")
    assert task == Task(Step.PLAN, 0, film)
    dispatch.done(task)
    dispatch.to_script(film, parts)


def test_a_color_script_is_settled_when_the_last_part_is_there() -> None:
    dispatch = TaskQueue(1)
    begun(dispatch)
    scripted(dispatch, [0, 2])
    first, second = dispatch.take("a", 2), dispatch.take("b", 2)
    assert (first, second) == (Task(Step.LOOK, 0, 0, 0), Task(Step.LOOK, 0, 0, 2))
    assert first
    assert second
    dispatch.done(second)
    assert dispatch.take("b", 2) is None
    assert not dispatch.failed(first, "a")
    assert dispatch.take("a", 2) is None, "who failed gets it back last"
    again = dispatch.take("b", 2)
    assert again == first
    dispatch.done(again)
    settle = dispatch.take("a", 2)
    assert settle == Task(Step.SETTLE, 0, 0)
    dispatch.done(settle)
    assert dispatch.take("a", 2) is None, "no film is stitched before its chunks are known"
    assert not dispatch.stuck(0)
    dispatch.chunk(0, 0, 10, continues_shot=False, done=True)
    dispatch.planned(0)
    assert dispatch.take("a", 2) == Task(Step.FINISH, 0, 0)


def test_a_part_that_two_had_in_hand_counts_once() -> None:
    dispatch = TaskQueue(1)
    begun(dispatch)
    scripted(dispatch, [0])
    first = dispatch.take("a", 2)
    assert first
    dispatch.failed(first, "a")
    second = dispatch.take("b", 2)
    assert second == first
    dispatch.done(second)
    dispatch.done(first)
    assert dispatch.take("b", 2) == Task(Step.SETTLE, 0, 0)
    assert dispatch.take("b", 2) is None


def test_without_a_part_that_is_missing_it_is_settled_at_once() -> None:
    dispatch = TaskQueue(1)
    begun(dispatch)
    scripted(dispatch, [])
    assert dispatch.take("w") == Task(Step.SETTLE, 0, 0)


def test_chunks_of_other_films_go_before_the_parts_of_a_script() -> None:
    """And what frees the chunks of a film before those: all the others get more to do."""
    dispatch = TaskQueue(3)
    for film in range(3):
        task = dispatch.take("w")
        assert task == Task(Step.BEGIN, 0, film)
        dispatch.done(task)
    dispatch.to_script(0, [0, 1])
    dispatch.to_script(1, [])
    dispatch.chunk(2, 0, 10, continues_shot=False, done=False)
    dispatch.to_plan(2)
    steps = [dispatch.take("w") for _ in range(6)]
    assert [task and (task.step, task.film, task.chunk) for task in steps] == [
        (Step.SETTLE, 1, -1),
        (Step.CHUNK, 2, 0),
        (Step.LOOK, 0, 0),
        (Step.LOOK, 0, 1),
        (Step.PLAN, 2, -1),
        None,
    ]


def test_a_film_is_planned_when_all_its_parts_were_read() -> None:
    """Parts of a film go behind plans, and before new films; a part that two have counts once."""
    dispatch = TaskQueue(3)
    for _ in range(2):
        task = dispatch.take("w")
        assert task
        dispatch.done(task)
    dispatch.to_plan(0, [0, 2])
    dispatch.to_plan(1)
    tasks = [dispatch.take("w") for _ in range(4)]
    one, other = Task(Step.PART, 0, 0, 0), Task(Step.PART, 0, 0, 2)
    assert tasks == [Task(Step.PLAN, 0, 1), one, other, Task(Step.BEGIN, 0, 2)]
    assert not dispatch.failed(one, "w")
    again = dispatch.take("v", 2)
    assert again == one
    dispatch.done(one)
    dispatch.done(other)
    assert dispatch.take("w") == Task(Step.PLAN, 0, 0)
    dispatch.to_script(0, [0, 1])
    dispatch.done(one)  # late: it is no part of the script
    assert [dispatch.take("w"), dispatch.take("w")] == [Task(Step.LOOK, 0, 0, n) for n in (0, 1)]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_fails_every_chunk_is_done_once(seed: int) -> None:
    """Workers take, finish and fail at random; chains stay in order."""
    chance = random.Random(seed)
    films, attempts = 3, 1000
    dispatch = TaskQueue(films, attempts)
    done: dict[tuple[int, int], int] = {}
    continues_shot = {(f, n) for f in range(films) for n in range(1, 12) if chance.random() < 0.4}
    hands: dict[str, Task | None] = dict.fromkeys("abc")
    finished: list[int] = []
    for _ in range(5000):
        name = chance.choice("abc")
        task = hands[name]
        if task is None:
            hands[name] = dispatch.take(name, 3)
            continue
        hands[name] = None
        if chance.random() < 0.3:
            assert not dispatch.failed(task, name)
            continue
        film = task.film
        if task.step is Step.CHUNK:
            assert (film, task.chunk) not in done
            assert (film, task.chunk) not in continues_shot or (film, task.chunk - 1) in done
            done[film, task.chunk] = 1
        dispatch.done(task)
        if task.step is Step.BEGIN:
            dispatch.to_plan(film, range(3 * film))
        elif task.step is Step.PLAN:
            for n in range(12):
                leaning = (film, n) in continues_shot
                dispatch.chunk(film, n, chance.randrange(1, 99), continues_shot=leaning, done=False)
            dispatch.planned(film)
        elif task.step is Step.FINISH:
            finished.append(film)
            dispatch.close(film)
        if dispatch.over:
            break
    assert dispatch.over
    assert sorted(finished) == list(range(films))
    assert len(done) == 12 * films


def settled(dispatch: TaskQueue) -> None:
    """A film whose key frames were looked at, and whose script is settled in parts."""
    begun(dispatch)
    dispatch.to_plan(0)
    task = dispatch.take("w")
    assert task
    dispatch.done(task)
    stages = [(Step.PAIR, [-1]), (Step.COMPARE, [0, 1]), (Step.AGREE, [0, 1])]
    dispatch.to_script(0, [], stages)


def stage(dispatch: TaskQueue) -> list[Task]:
    """All that can be taken now."""
    return list(iter(lambda: dispatch.take("w"), None))


def test_a_script_is_settled_stage_by_stage() -> None:
    dispatch = TaskQueue(1)
    settled(dispatch)
    found = []
    while tasks := stage(dispatch):
        found.append([(task.step, task.chunk) for task in tasks])
        for task in tasks:
            if task.step is Step.AGREE:
                more = dispatch.take_turns(task, [[0, 2], [4]])
                assert more == (3 if task.chunk == 0 else 0), "it is told of by each"
            dispatch.done(task)
            assert not dispatch.take_turns(task, [[0]]), "too late"
    assert found == [
        [(Step.PAIR, -1)],
        [(Step.COMPARE, 0), (Step.COMPARE, 1)],
        [(Step.AGREE, 0), (Step.AGREE, 1)],
        [(Step.TURN, 0), (Step.TURN, 2)],
        [(Step.TURN, 4)],
        [(Step.SETTLE, -1)],
    ]


def test_what_is_left_out_of_a_stage_holds_nothing_up() -> None:
    """It is done no more by one who had it in hand, either."""
    dispatch = TaskQueue(1, attempts=1)
    settled(dispatch)
    (pair,) = stage(dispatch)
    assert dispatch.failed(pair, "w")
    dispatch.skip(pair)
    one, other = stage(dispatch)
    assert dispatch.failed(other, "w")
    dispatch.skip(other)
    assert not stage(dispatch)
    assert not dispatch.stuck(0)
    dispatch.done(one)
    assert [task.step for task in stage(dispatch)] == [Step.AGREE, Step.AGREE]


def test_stages_of_which_nothing_is_missing_are_passed_over() -> None:
    dispatch = TaskQueue(1)
    begun(dispatch)
    dispatch.to_script(0, [], [(Step.COMPARE, []), (Step.AGREE, [1])])
    (task,) = stage(dispatch)
    assert task == Task(Step.AGREE, 0, 0, 1)
    dispatch.done(task)
    assert stage(dispatch) == [Task(Step.SETTLE, 0, 0)]
