"""The queue of the page: order, cancel, resume, crash. What runs is a stand-in for the command."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from run_specs import SPEC

from vidcolor.core.paths import work_folder
from vidcolor.errors import AccessDenied
from vidcolor.run.journal import open_journal
from vidcolor.web import queue as jobs_module
from vidcolor.web import sandbox as launch
from vidcolor.web.library import Film
from vidcolor.web.options import Choice
from vidcolor.web.queue import Job, Queue, describe_job

STAND_IN = """
import json, os, resource, signal, sys, time
film, target, folder = sys.argv[1:4]
does = open(film).read()
diary = open(os.path.join(os.path.dirname(film), "diary"), "a")
print("begin", os.path.basename(film), *sys.argv[4:], file=diary, flush=True)
def tell(frames):
    with open(folder + "/progress", "a") as file:
        print(json.dumps({"frames": frames, "total": 4, "per_second": 2.0, "left": 1.0}), file=file)
def stop(*_):
    print("vidcolor: interrupted; run the same command again", file=sys.stderr)
    print("interrupted", file=diary, flush=True)
    sys.exit(130)
signal.signal(signal.SIGINT, signal.SIG_IGN if does == "deaf" else stop)
tell(1)
if does == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
if does == "refuse":
    print("something a library says", file=sys.stderr)
    print("vidcolor: the film <script> cannot be read", file=sys.stderr)
    sys.exit(2)
first = not os.path.exists(folder + "/stopped once")
if does == "deaf" or (does == "slow" and first):
    open(folder + "/stopped once", "w").close()
    time.sleep(60)
if does == "limits":
    bounds = [resource.getrlimit(kind)[0] for kind in
              (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)]
    print("limits", *bounds, os.getpgrp() == os.getpid(), os.nice(0), file=diary, flush=True)
    print(open("/proc/self/limits").read(), file=diary, flush=True)
tell(4)
report = {"frames": 4, "seconds": {"total": 1.5}, "left_behind": []}
report["damage_counts"] = {"gap": 2} if does == "damage" else {}
json.dump(report, open(folder + "/report.json", "w"))
open(target, "w").write("colored")
print("end", os.path.basename(film), file=diary, flush=True)
sys.exit(3 if does == "damage" else 0)
"""

Make = Callable[[str, str], Film]


def stand_in(job: Job) -> list[str]:
    fresh = ["--fresh"] if job.fresh else []
    return ["stand_in", str(job.film.path), str(job.target), str(job.folder), *fresh]


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """``film(name, does)``: a file that the stand-in reads what to do from."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "stand_in.py").write_text(STAND_IN)
    here = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "code"), here]))
    films = tmp_path / "films"
    films.mkdir()

    def make(name: str, does: str) -> Film:
        (films / name).write_text(does)
        return Film(name, films / name, name)

    return make


@pytest.fixture
def queue(tmp_path: Path, film: Make) -> Iterator[Queue]:
    (tmp_path / "room").mkdir()
    queue = Queue(tmp_path / "room", None, stand_in)
    yield queue
    queue.close()


def until(met: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def diary(tmp_path: Path) -> list[str]:
    path = tmp_path / "films" / "diary"
    return path.read_text().splitlines() if path.exists() else []


def test_one_film_at_a_time_in_order(queue: Queue, film: Make, tmp_path: Path) -> None:
    jobs = [queue.add(film(name, "done"), Choice()) for name in ("b.mp4", "a.mp4", "c.mp4")]
    until(lambda: all(job.state == "done" for job in jobs))
    expected = [f"{word} {name}.mp4" for name in "bac" for word in ("begin", "end")]
    assert diary(tmp_path) == expected
    assert [job.target.read_text() for job in jobs] == ["colored"] * 3
    assert describe_job(jobs[0])["frames"] == 4
    assert describe_job(jobs[0])["seconds"] == 1.5
    assert jobs[0].target.name == "b in color.mp4"


def test_cancel_then_resume_with_the_same_command(queue: Queue, film: Make, tmp_path: Path) -> None:
    slow = queue.add(film("s.mp4", "slow"), Choice())
    other = queue.add(film("o.mp4", "done"), Choice())
    until(lambda: slow.progress.get("frames") == 1)
    assert other.state == "waiting"
    queue.stop(slow.id)
    until(lambda: slow.state == "stopped" and other.state == "done")
    assert not slow.line  # it is no failure
    queue.resume(slow.id)
    until(lambda: slow.state == "done")
    words = ["begin s.mp4", "interrupted", "begin o.mp4", "end o.mp4", "begin s.mp4", "end s.mp4"]
    assert diary(tmp_path) == words


def test_a_waiting_film_is_removed_and_never_starts(
    queue: Queue, film: Make, tmp_path: Path
) -> None:
    slow = queue.add(film("s.mp4", "slow"), Choice())
    waiting = queue.add(film("w.mp4", "done"), Choice())
    until(lambda: slow.progress.get("frames") == 1)
    with pytest.raises(AccessDenied, match="stop"):
        queue.remove(slow.id)
    queue.remove(waiting.id)
    assert not waiting.folder.exists()
    with pytest.raises(AccessDenied):
        queue.find(waiting.id)
    queue.stop(slow.id)
    until(lambda: slow.state == "stopped")
    assert diary(tmp_path) == ["begin s.mp4", "interrupted"]


def test_a_crash_is_told_in_one_line_and_the_next_film_starts(
    queue: Queue, film: Make, tmp_path: Path
) -> None:
    crash = queue.add(film("c.mp4", "crash"), Choice())
    after = queue.add(film("a.mp4", "done"), Choice())
    until(lambda: after.state == "done")
    assert crash.state == "failed"
    assert "unexpectedly (signal 11)" in crash.line
    crash.film.path.write_text("done")
    queue.resume(crash.id)
    until(lambda: crash.state == "done")
    assert crash.line == ""


def test_a_refusal_is_the_command_s_own_line(queue: Queue, film: Make, tmp_path: Path) -> None:
    job = queue.add(film("r.mp4", "refuse"), Choice())
    until(lambda: job.state == "failed")
    assert describe_job(job)["line"] == "the film <script> cannot be read"
    job.film.path.write_text("done")
    queue.resume(job.id, fresh=True)
    until(lambda: job.state == "done")
    assert diary(tmp_path)[1] == "begin r.mp4 --fresh"


def test_damage_is_told(queue: Queue, film: Make) -> None:
    job = queue.add(film("d.mp4", "damage"), Choice())
    until(lambda: job.state == "done")
    assert describe_job(job)["notes"] == ["2 x gap"]


def test_a_job_runs_under_limits_in_a_group_of_its_own(
    queue: Queue, film: Make, tmp_path: Path
) -> None:
    job = queue.add(film("l.mp4", "limits"), Choice())
    until(lambda: job.state == "done")
    (line,) = [line for line in diary(tmp_path) if line.startswith("limits")]
    core, files, size, leads, nice = line.split()[1:]
    assert (core, files, leads, nice) == ("0", "512", "True", str(min(19, os.nice(0) + 5)))
    assert 0 < int(size) < 1 << 60


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_processor_and_tasks_of_a_job_are_bounded(
    queue: Queue, film: Make, tmp_path: Path
) -> None:
    job = queue.add(film("l.mp4", "limits"), Choice())
    until(lambda: job.state == "done")
    limits = {}
    for line in diary(tmp_path):
        name, *bounds = re.split(r"  +", line)
        limits[name] = bounds
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert int(limits["Max processes"][0]) > 0
    assert 0 < int(limits["Max cpu time"][0]) <= 24 * 3600
    if not any(map(os.path.exists, ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))):
        most = max(launch.LEAST_MEMORY, launch.MEMORY_SHARE * there)
        assert 0 < int(limits["Max address space"][0]) <= most


@pytest.mark.parametrize("how", ["remove", "close"])
def test_nobody_removes_the_unfinished_film_of_another_server(
    how: str, film: Make, tmp_path: Path
) -> None:
    keep = tmp_path / "keep"
    keep.mkdir()
    queues = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        queues.append(Queue(tmp_path / name, keep, stand_in))
    source = replace(film("f.mp4", "slow"), uploaded=True)
    try:
        first, second = (queue.add(source, Choice()) for queue in queues)
        assert first.target != second.target
        # The second is told to make the very film of the first, as an older server would.
        queues[1].stop(second.id)
        second.target = first.target
        with open_journal(first.target) as journal:
            journal.begin(SPEC)
            until(lambda: second.state == "stopped")
            queues[1].remove(second.id) if how == "remove" else queues[1].close()
            assert (work_folder(first.target) / "journal.jsonl").exists()
    finally:
        for queue in queues:
            queue.close()


def test_a_name_is_taken_when_something_was_begun_under_it(film: Make, tmp_path: Path) -> None:
    room, keep = tmp_path / "room", tmp_path / "keep"
    room.mkdir()
    keep.mkdir()
    (keep / ".a in color.mp4.vidcolor").mkdir()
    (keep / ".a in color 2.mp4.part").touch()
    queue = Queue(room, keep, stand_in)
    try:
        job = queue.add(film("a.mp4", "slow"), Choice())
        assert job.target.name == "a in color 3.mp4"
        queue.remove(queue.add(film("b.mp4", "done"), Choice()).id)
    finally:
        queue.close()
    # What others began is there still, and nothing of what was removed or never begun.
    assert sorted(path.name for path in keep.iterdir()) == [
        ".a in color 2.mp4.part",
        ".a in color.mp4.vidcolor",
    ]


def test_results_that_cannot_be_put_anywhere_are_refused(film: Make, tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    queue = Queue(tmp_path / "room", tmp_path / "gone", stand_in)
    try:
        with pytest.raises(AccessDenied, match="cannot be written"):
            queue.add(film("a.mp4", "done"), Choice())
        assert queue.jobs() == []
    finally:
        queue.close()
    assert list((tmp_path / "room").iterdir()) == []


@pytest.mark.parametrize(
    ("letter", "size"),
    [("x", 251), ("\u6620", 243), ("\u6620", 251), ("\U0001f600", 248), ("\u00e9", 200)],
)
def test_names_as_long_as_file_systems_have_them(
    letter: str, size: int, queue: Queue, film: Make
) -> None:
    name = letter * (size // len(letter.encode())) + ".mp4"
    jobs = [queue.add(film(name, "done"), Choice()) for _ in range(2)]
    until(lambda: all(job.state == "done" for job in jobs))
    assert len({job.target for job in jobs}) == 2
    for job in jobs:
        assert job.target.is_file()
        assert len(os.fsencode(job.target.name)) <= 255


@pytest.mark.parametrize("how", ["stop", "close", "stall"])
def test_one_that_does_not_listen_is_killed(
    how: str, film: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "GRACE", 0.2)
    (tmp_path / "room").mkdir()
    queue = Queue(tmp_path / "room", None, stand_in)
    job = queue.add(film("d.mp4", "deaf"), Choice())
    until(lambda: job.progress.get("frames") == 1)
    if how == "stop":
        queue.stop(job.id)
        until(lambda: job.state == "stopped")
    elif how == "stall":
        monkeypatch.setattr(jobs_module, "STALLED", 0.1)
        until(lambda: job.state == "failed")
        assert "no new frame" in job.line
    began = time.monotonic()
    queue.close()
    assert time.monotonic() - began < 2
    assert job.state == ("failed" if how == "stall" else "stopped")


def test_results_that_are_kept_take_no_name_that_is_there(film: Make, tmp_path: Path) -> None:
    room, keep = tmp_path / "room", tmp_path / "keep"
    room.mkdir()
    keep.mkdir()
    (keep / "a in color.mp4").write_text("from last year")
    queue = Queue(room, keep, stand_in)
    try:
        jobs = [queue.add(film("a.mp4", "done"), Choice()) for _ in range(2)]
        until(lambda: all(job.state == "done" for job in jobs))
        queue.remove(jobs[0].id)
        names = sorted(path.name for path in keep.iterdir())
        assert names == ["a in color 2.mp4", "a in color 3.mp4", "a in color.mp4"]
        assert (keep / "a in color.mp4").read_text() == "from last year"
    finally:
        queue.close()


def test_work_on_uploads_goes_with_the_server_and_other_work_stays(
    film: Make, tmp_path: Path
) -> None:
    room, keep = tmp_path / "room", tmp_path / "keep"
    room.mkdir()
    keep.mkdir()
    queue = Queue(room, keep, stand_in)
    try:
        for name, uploaded in (("up.mp4", True), ("own.mp4", False)):
            job = queue.add(replace(film(name, "slow"), uploaded=uploaded), Choice())
            work_folder(job.target).mkdir()
    finally:
        queue.close()
    assert [path.name for path in keep.iterdir()] == [".own in color.mp4.vidcolor"]


@pytest.mark.parametrize(
    ("suffix", "result"),
    [(".MP4", ".mp4"), (".mov", ".mov"), (".avi", ".mkv"), (".JPEG", ".jpg"), (".tif", ".png")],
)
def test_the_result_fits_what_the_film_holds(
    suffix: str, result: str, queue: Queue, film: Make
) -> None:
    job = queue.add(film(f"reel{suffix}", "done"), Choice())
    assert job.target.name == f"reel in color{result}"


@pytest.mark.parametrize(
    ("purpose", "result", "shown"),
    [
        *(("archive", ".mkv", False), ("edit", ".mov", False), ("avid", ".mxf", False)),
        *(("share", ".mp4", True), ("web", ".webm", True)),
    ],
)
def test_a_purpose_decides_the_kind_of_file(
    purpose: str, result: str, shown: bool, queue: Queue, film: Make
) -> None:
    job = queue.add(film("reel.avi", "done"), Choice(purpose=purpose))
    assert job.target.name == f"reel in color{result}"
    until(lambda: job.state == "done")
    assert describe_job(job)["watch"] == shown
    assert not describe_job(job)["kept"]  # it goes with its row
