"""``... | vidcolor - OUT`` and ``vidcolor - - | ...``, with real pipes between real processes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO

import av
import pytest
from films import Audio, Spec, Subtitle, make_film
from processes import Captured, vidcolor_process
from seen import samples, see
from shared import one_line
from y4m import write_y4m

from vidcolor.cli.main import main

FILM = Spec(codec="libx264", frames=60, audio=(Audio("aac"),), subtitles=(Subtitle(),))
NOTHING_LEFT = "vidcolor: interrupted; the target is unchanged\n"
STALLS = """
import sys, time
sys.stdout.buffer.write(open(sys.argv[1], "rb").read(int(sys.argv[2])))
sys.stdout.flush()
time.sleep(100)
"""
OLD = b"the film that was here before"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    make_film(tmp_path / "in.mkv", FILM)
    return tmp_path / "in.mkv"


@pytest.fixture
def net(tiny_weights: Path) -> list[str]:
    """Options of a run that is quick."""
    return ["--weights", str(tiny_weights), "--size", "64"]


def given(*words: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    """The command with bytes at its standard input."""
    command = [sys.executable, "-m", "vidcolor", *words]
    return subprocess.run(command, input=data, capture_output=True, timeout=60)


def run_here(*words: str, data: bytes) -> int:
    """Exit code of the command in this process, with a pipe at its standard input."""
    theirs, ours = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), open(ours, "wb", buffering=0) as file:
            file.write(data)

    before, thread = os.dup(0), Thread(target=write)
    os.dup2(theirs, 0)
    os.close(theirs)
    thread.start()
    try:
        return main(list(words))
    finally:
        os.dup2(before, 0)
        os.close(before)
        thread.join()


def test_out_of_a_pipe_into_a_file(
    film: Path, net: list[str], tmp_path: Path, capfd: Captured
) -> None:
    target, report = tmp_path / "out.mkv", tmp_path / "report.json"
    words = ["-", str(target), "--lossless", "--report", str(report), *net]
    done = given(*words, data=film.read_bytes())
    assert done.returncode == 0, done.stderr
    assert main([str(film), str(tmp_path / "file.mkv"), "--lossless", "--script", "off", *net]) == 0
    assert samples(target) == samples(tmp_path / "file.mkv")
    found, before = see(target), see(film)
    assert (found.packets[1], found.packets[2]) == (before.packets[1], before.packets[2])
    told = json.loads(report.read_text())
    assert (told["source"], told["frames"], told["clean"]) == ("standard input", 60, True)
    assert main(["verify", str(target), "--report", str(report)]) == 0
    out = capfd.readouterr().out
    assert f"sha256: {told['sha256']}, as the report says" in out
    assert "source: came from a pipe; if it is in a file, name it with --source FILM" in out
    err = done.stderr.decode()
    assert "note     without a color script: a pipe is colored in one pass" in err
    assert "already done" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("file.mkv", "in.mkv", "out.mkv", "report.json")
    ]


@pytest.mark.slow
def test_info_reads_the_beginning_of_a_pipe(film: Path) -> None:
    with stalled(film, 50) as pipe:
        words = [sys.executable, "-m", "vidcolor", "info", "-", "--json"]
        done = subprocess.run(words, stdin=pipe, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    told = json.loads(done.stdout)
    assert (told["path"], told["container"]) == ("standard input", "matroska,webm")
    assert [each["kind"] for each in told["streams"]] == ["video", "audio", "subtitle"]


def test_an_empty_pipe_is_told_before_the_net_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from vidcolor.cli.main import main; code = main(sys.argv[1:]);"
        " sys.exit(9 if 'torch' in sys.modules else code)"
    )
    words = [sys.executable, "-c", code, "-", str(tmp_path / "out.mkv")]
    done = subprocess.run(words, input=b"", capture_output=True, timeout=60)
    assert (done.returncode, b"is empty" in done.stderr) == (2, True)


@pytest.mark.slow
def test_out_of_a_pipe_into_a_pipe(film: Path, net: list[str], tmp_path: Path) -> None:
    done = given("-", "-", "-q", *net, data=film.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    with av.open(io.BytesIO(done.stdout)) as container:
        assert container.format.name == "matroska,webm"
        assert [s.type for s in container.streams] == ["video", "audio", "subtitle"]
        assert len(list(container.decode(video=0))) == 60


def test_y4m_in_and_out(net: list[str], tmp_path: Path) -> None:
    made = write_y4m(tmp_path / "in.y4m", "mono", frames=20)
    data = (tmp_path / "in.y4m").read_bytes()
    done = given("-", "-", "--to", "y4m", *net, data=data)
    assert done.returncode == 0, done.stderr
    (tmp_path / "out.y4m").write_bytes(done.stdout)
    assert see(tmp_path / "out.y4m").luma == made
    assert run_here("-", str(tmp_path / "file.y4m"), *net, data=data) == 0
    assert (tmp_path / "file.y4m").read_bytes() == done.stdout


def test_a_film_into_y4m_lists_what_it_loses(film: Path, net: list[str], capfd: Captured) -> None:
    assert main([str(film), str(film.with_name("out.y4m")), *net]) == 3
    err = capfd.readouterr().err
    assert "NOT COPIED" in err
    assert "audio stream 1 (aac)" in err
    assert film.with_name("out.y4m").read_bytes().count(b"FRAME\n") == 60


def test_a_program_that_dies_is_3(
    film: Path, net: list[str], tmp_path: Path, capfd: Captured
) -> None:
    data = film.read_bytes()
    code = run_here("-", str(tmp_path / "out.mkv"), *net, data=data[: len(data) // 2])
    err = capfd.readouterr().err
    assert code == 3, err
    assert "DAMAGE" in err
    assert 10 < len(see(tmp_path / "out.mkv").pts) < 60


@contextmanager
def stalled(film: Path, share: int) -> Iterator[IO[bytes]]:
    """The output of a program that writes so many percent of a film, and then no more."""
    size = film.stat().st_size * share // 100
    words = [sys.executable, "-c", STALLS, str(film), str(size)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        try:
            yield program.stdout
        finally:
            program.kill()


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_so()


@pytest.mark.parametrize("share", [pytest.param(0, marks=pytest.mark.slow), 50])
def test_a_program_that_waits_forever_can_be_interrupted(
    share: int, net: list[str], tmp_path: Path
) -> None:
    """Before the first byte, and in mid-film: the old target stays, and nothing beside it."""
    write_y4m(tmp_path / "in.y4m", "420jpeg", frames=200)
    target, progress = tmp_path / "out.mkv", tmp_path / "progress"
    target.write_bytes(OLD)
    words = ["-", str(target), "--force", "--progress", str(progress), *net]
    with stalled(tmp_path / "in.y4m", share) as film:
        running = vidcolor_process(*words, stdin=film, stderr=subprocess.PIPE)
        try:
            wait_for(lambda: progress.exists() and (not share or progress.stat().st_size > 0))
            assert (tmp_path / ".out.mkv.part").exists() == bool(share)
            time.sleep(2)  # it has come to what does not come
            running.send_signal(signal.SIGINT)
            _, err = running.communicate(timeout=20)
        finally:
            running.kill()
            running.wait()
    assert running.returncode == 130
    assert err.endswith(NOTHING_LEFT)
    assert target.read_bytes() == OLD
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.y4m", "out.mkv", "progress"]


@pytest.mark.slow
def test_a_reader_that_has_gone_ends_the_run(net: list[str], tmp_path: Path) -> None:
    """Nobody reads what is colored, while the program before the pipe says no more."""
    write_y4m(tmp_path / "in.y4m", "420jpeg", frames=200)
    reading, writing = os.pipe()
    words = ["-", "-", "-q", "--lossless", *net]
    with stalled(tmp_path / "in.y4m", 90) as film:
        running = vidcolor_process(*words, stdin=film, stdout=writing, stderr=subprocess.PIPE)
        try:
            os.close(writing)
            assert os.read(reading, 100)
            os.close(reading)
            _, err = running.communicate(timeout=40)
        finally:
            running.kill()
            running.wait()
    assert (running.returncode, err) == (0, "")


def test_a_terminal_is_no_film(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    running = vidcolor_process("-", str(tmp_path / "out.mkv"), stdin=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    _, err = running.communicate(timeout=60)
    os.close(ours)
    assert running.returncode == 2
    assert err == "vidcolor: - reads the film from a pipe, not a terminal; name a file\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-"], "needs a name to be written to"),
        (["-", "FOLDER"], "- is one film"),
        (["-", "a.mkv", "FOLDER"], "- is one film"),
        (["-", "out.xyz"], "must end in"),
        (["-", "out.mkv", "--colors", "auto"], "no color sheet lies beside a pipe"),
        (["-", "out.mkv", "--shots", "s.csv"], "--shots reads the film before"),
        (["-", "out.mkv", "--fps", "24"], "--fps is for image sequences"),
        (["-", "out.mxf"], "MXF cannot be written from a pipe"),
        (["-", "FOLDER", "--split"], "--split needs the film in a file"),
        (["-", "out.mkv", "--dry-run"], "--dry-run foresees no film from a pipe"),
        (["-", "out.mkv", "--to", "y4m"], "--to is for folders"),
        (["-", "-", "--to", "mp4"], "a pipe takes --to mkv or --to y4m"),
        (["-", "out.mkv"], "standard input: is empty"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str],
    told: str,
    net: list[str],
    tmp_path: Path,
    capfd: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER").mkdir()
    with open(os.devnull, "rb") as nothing:
        before = os.dup(0)
        os.dup2(nothing.fileno(), 0)
        try:
            assert main([*words, *net]) == 2
        finally:
            os.dup2(before, 0)
            os.close(before)
    assert told in one_line(capfd)
    assert [p.name for p in tmp_path.iterdir()] == ["FOLDER"]
