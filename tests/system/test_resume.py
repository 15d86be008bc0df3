"""Films that resume: killed anywhere, cut off from power, started otherwise; nothing is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from command import TIME_LIMIT, Command, listing
from killing import (
    CHUNKS,
    GO_ON,
    OLD,
    RATE,
    SHOTS,
    USUAL,
    Moments,
    begun,
    finished,
    lines_of,
    make_reel,
    packets,
    start,
    wait_for,
    work_of,
)
from shared import save_quick_net, slow_but

from vidcolor.cli.main import main
from vidcolor.colorize.colorizer import Colorizer
from vidcolor.core.run_spec import RunSpec
from vidcolor.errors import OutputFull
from vidcolor.media.open import open_video
from vidcolor.run import video as pipeline
from vidcolor.run.journal import Journal, open_journal
from vidcolor.run.spec import versions
from vidcolor.settings import ChunkSettings, ColorizerSettings, Settings, TemporalSettings

MOMENTS = [
    "before naming journal.jsonl",
    "within 000000.packets",
    "before naming 000002.packets",
    "after naming 000002.packets",
    "after line 2",
    "within 000003.packets",
    "after naming 000003.handover",
    "within the stitch",
    "before naming out.mp4",
    "after naming out.mp4",
    "after removing journal.jsonl",
]
"""Of all moments of a run, those that differ in kind; the slow test takes all."""
MIDST = sum(CHUNKS[:4]) + 1
"""Frames until the last chunk of the long shot."""
HALF = "after line 2"
"""Chunks 0, 1 and 2 are done; the next one begins within a shot."""
DONE = "after line 5"
"""All chunks are done, the target is not."""
STARTS = [sum(SHOTS[:number]) / RATE for number in range(len(SHOTS))]
"""Seconds of the first frame of each shot."""


@dataclass
class Stage:
    """One film, colored without interruption, and how far it was at every moment."""

    film: Path
    weights: Path
    whole: Path
    moments: Moments


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    (folder / "to").mkdir()
    film, weights = make_reel(folder / "in.mp4"), save_quick_net(folder)
    target = folder / "to" / "out.mp4"
    target.write_bytes(OLD)
    with pytest.MonkeyPatch.context() as patch:
        moments = Moments(target, folder / "moments", patch)
        assert main([str(film), str(target), *USUAL, "-q", "--weights", str(weights)]) == 0
    assert listing(target.parent) == [b"out.mp4"]
    yield Stage(film, weights, target, moments)
    shutil.rmtree(folder / "moments")


@pytest.fixture
def redone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the chunks that are colored while a test runs."""
    numbers: list[int] = []
    write = vars(pipeline)["write_chunk"]

    def watched(frames: Any, path: Path, *rest: Any) -> Any:
        numbers.append(int(path.stem))
        return write(frames, path, *rest)

    monkeypatch.setattr(pipeline, "write_chunk", watched)
    return numbers


Run = Callable[..., Any]


@pytest.fixture
def run(stage: Stage, command: Command) -> Run:
    """``run(target, *options)`` colors the film of the stage."""
    command.weights = stage.weights

    def again(target: Path, *options: str) -> Any:
        return command(stage.film, target, "--chunk", "0.5", "--force", *options)

    return again


def check_same(target: Path, whole: Path) -> None:
    """The film is the one that was never interrupted, and nothing else remains."""
    assert packets(target) == packets(whole)
    assert target.read_bytes() == whole.read_bytes()
    assert listing(target.parent) == [os.fsencode(target.name)]


def test_the_film_is_what_these_tests_need(stage: Stage) -> None:
    target = stage.moments.restore(DONE, stage.whole.parent / "look")
    with open_journal(target) as journal:
        frames = [chunk.facts.frames for _, chunk in sorted(journal.done.items())]
        handed = [number for number, chunk in journal.done.items() if chunk.handover]
        starts = [pts for _, chunk in sorted(journal.done.items()) for pts in chunk.shots]
    shutil.rmtree(target.parent)
    assert tuple(frames) == CHUNKS, "cuts, and a shot that is split twice"
    assert sorted(handed) == [2, 3]
    with open_video(stage.film) as film:
        assert [float(pts * film.info.time_base) for pts in starts] == STARTS
    streams = [packet[0] for packet in packets(stage.whole)]
    assert streams.count(0) == sum(SHOTS)
    assert streams.count(1) > 10


# Killed.


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_moment(
    moment: str, stage: Stage, run: Run, redone: list[int], tmp_path: Path
) -> None:
    check_killed(moment, stage, run, redone, tmp_path / "to")


@pytest.mark.slow
def test_killed_at_every_moment(stage: Stage, run: Run, redone: list[int], tmp_path: Path) -> None:
    assert len(stage.moments.names) > 40
    for number, moment in enumerate(stage.moments.names):
        redone.clear()
        check_killed(moment, stage, run, redone, tmp_path / str(number))


def check_killed(moment: str, stage: Stage, run: Run, redone: list[int], folder: Path) -> None:
    target = stage.moments.restore(moment, folder)
    published = moment.startswith("after removing") or moment == "after naming out.mp4"
    assert target.read_bytes() == (stage.whole.read_bytes() if published else OLD)
    done = set(lines_of(target))
    outcome = run(target)
    assert outcome.code == 0, outcome.err
    assert redone == [number for number in range(len(CHUNKS)) if number not in done]
    assert outcome.report["resumed"] == len(done)
    assert outcome.report["shot_starts"] == STARTS
    assert outcome.report["bytes"] == target.stat().st_size
    check_same(target, stage.whole)


def test_a_target_that_was_named_last_is_known_again(
    stage: Stage, command: Command, redone: list[int], tmp_path: Path
) -> None:
    """Killed between the rename and the removal of the work folder; no --force."""
    target = stage.moments.restore("after naming out.mp4", tmp_path / "to")
    command.weights = stage.weights
    words = (stage.film, target, "--chunk", "0.5")
    refused = command(*words, "--fresh")
    assert "exists; use --force" in refused.err
    data = target.read_bytes()
    target.write_bytes(data[:-1] + b"!")
    refused = command(*words)
    assert (refused.code, redone) == (2, [])
    assert "exists; use --force" in refused.err
    assert target.read_bytes() == data[:-1] + b"!", "another's film is not touched"
    shutil.rmtree(target.parent)
    stage.moments.restore("after naming out.mp4", target.parent)
    outcome = command(*words)
    assert outcome.code == 0, outcome.err
    assert redone == []
    assert outcome.report["resumed"] == len(CHUNKS)
    check_same(target, stage.whole)
    assert "exists; use --force" in command(*words).err


def test_no_other_command_takes_it_for_its_own(
    stage: Stage, command: Command, redone: list[int], tmp_path: Path
) -> None:
    target = stage.moments.restore("after naming out.mp4", tmp_path / "to")
    assert main(["compare", str(stage.film), str(stage.whole), str(target)]) == 2
    assert target.read_bytes() == stage.whole.read_bytes()
    shutil.rmtree(target.parent)
    stage.moments.restore(HALF, target.parent).unlink()
    assert main(["compare", str(stage.film), str(stage.whole), str(target)]) == 0
    data = target.read_bytes()
    command.weights = stage.weights
    assert "exists; use --force" in command(stage.film, target, "--chunk", "0.5").err
    assert (target.read_bytes(), redone) == (data, [])


def test_killed_again_while_it_is_named_again(
    stage: Stage, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = stage.moments.restore("after naming out.mp4", tmp_path / "to")
    command.weights = stage.weights
    words = (stage.film, target, "--chunk", "0.5")
    with monkeypatch.context() as patch:
        full = Mock(side_effect=OutputFull("no room"))
        patch.setattr("vidcolor.media.mux.file_sink.publish", full)
        assert command(*words).code == 2
    assert target.read_bytes() == stage.whole.read_bytes()
    assert command(*words).code == 0
    check_same(target, stage.whole)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_a_process_killed_three_times(
    seed: int, stage: Stage, run: Run, redone: list[int], tmp_path: Path
) -> None:
    chance, log = random.Random(seed), tmp_path / "begun.txt"
    (tmp_path / "to").mkdir()
    target = tmp_path / "to" / "out.mp4"
    target.write_bytes(OLD)
    before: dict[int, tuple[str, int, int]] = {}
    for wanted in (1, 2, 3):
        log.unlink(missing_ok=True)
        running = start(stage.film, target, "--weights", str(stage.weights), log=log)
        wait_for(lambda n=wanted: len(lines_of(target)) >= n, running, TIME_LIMIT)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.1))
        running.kill()
        running.communicate()
        assert running.returncode == -signal.SIGKILL
        after = finished(target)
        assert len(after) >= wanted
        assert before.items() <= after.items(), "what was finished was touched"
        assert not set(begun(log)) & set(before), "a finished chunk was done again"
        assert target.read_bytes() == OLD
        before = after
    assert run(target).code == 0
    assert redone == [number for number in range(len(CHUNKS)) if number not in before]
    check_same(target, stage.whole)


@pytest.mark.slow
def test_a_film_with_strides_is_the_same(
    run: Run, redone: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, target = tmp_path / "whole.mp4", tmp_path / "to" / "out.mp4"
    target.parent.mkdir()
    assert run(whole, "--stride", "3").report["inferred"] < sum(SHOTS) / 2
    write = vars(pipeline)["write_chunk"]

    def full(frames: Any, path: Path, *rest: Any) -> Any:
        if path.stem == "000003":  # it begins within a shot
            raise OutputFull("the disk is full")
        return write(frames, path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "write_chunk", full)
        assert run(target, "--stride", "3").code == 2
    work_of(target).joinpath("000001.packets").unlink()
    redone.clear()
    assert run(target, "--stride", "3").code == 0
    assert redone == [1, 3, 4, 5]
    check_same(target, whole)


@pytest.mark.parametrize("numbers", slow_but([2, 4], range(1, 5)))  # within and behind a shot
def test_a_chunk_made_anew_by_a_given_colorizer_is_the_same(
    numbers: int, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stride is its own; settings beside it say another, and smoothing hides nothing."""
    own = ColorizerSettings(
        weights=str(stage.weights), device="cpu", size=64, batch=1, stride=4, precision="float32"
    )
    colorizer = Colorizer.from_weights(settings=own)
    settings = Settings(smooth=TemporalSettings(strength=0), chunks=ChunkSettings(0.5, 1.5))
    target = tmp_path / "out.mp4"

    def full(*_: Any) -> Any:
        raise OutputFull("no room to stitch")

    monkeypatch.setattr(pipeline, "assemble", full)

    def run_into_it() -> dict[str, bytes]:
        with pytest.raises(OutputFull, match="no room to stitch"):
            pipeline.colorize_video(stage.film, target, colorizer=colorizer, settings=settings)
        return {path.name: path.read_bytes() for path in work_of(target).glob("*.packets")}

    whole = run_into_it()
    assert len(whole) == len(CHUNKS)
    work_of(target).joinpath(f"{numbers:06d}.packets").unlink()
    assert run_into_it() == whole
    assert open_spec(target).color.stride == 4


def open_spec(target: Path) -> RunSpec:
    with open_journal(target) as journal:
        assert journal.spec
        return journal.spec


# Cut off from power.


def cut_first_line(folder: Path) -> None:
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(lines[0][:-9] + b"".join(lines[1:]))


def cut_last_line(folder: Path) -> None:
    path = folder / "journal.jsonl"
    os.truncate(path, path.stat().st_size - 9)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


Damage = Callable[[Path], None]
DAMAGES: dict[str, tuple[Damage, list[int]]] = {
    "chunk deleted": (lambda work: (work / "000001.packets").unlink(), [1]),
    "chunk flipped": (lambda work: flip(work / "000002.packets"), [2]),
    "chunk truncated": (lambda work: truncate(work / "000005.packets"), [5]),
    "chunk empty": (lambda work: os.truncate(work / "000000.packets", 0), [0]),
    "handover deleted": (lambda work: (work / "000003.handover").unlink(), [2]),
    "handover flipped": (lambda work: flip(work / "000004.handover"), [3]),
    "journal empty": (lambda work: os.truncate(work / "journal.jsonl", 0), [0, 1, 2, 3, 4, 5]),
    "first line cut": (cut_first_line, [0, 1, 2, 3, 4, 5]),
    "last line cut": (cut_last_line, [5]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_power_loss(name: str, stage: Stage, run: Run, redone: list[int], tmp_path: Path) -> None:
    damage, expected = DAMAGES[name]
    target = stage.moments.restore(DONE, tmp_path / "to")
    damage(work_of(target))
    assert run(target).code == 0
    assert redone == expected
    check_same(target, stage.whole)


@pytest.mark.parametrize("line", [0, -1])
def test_a_journal_cut_at_a_byte(line: int, stage: Stage, tmp_path: Path) -> None:
    target = stage.moments.restore(DONE, tmp_path / "to")
    path = work_of(target) / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    begin = sum(map(len, lines[: line % len(lines)]))
    length = len(lines[line])
    for cut in {*range(0, length, 13), length - 2, length - 1}:  # all: `tests/run/test_journal.py`
        path.write_bytes(b"".join(lines)[: begin + cut])
        found = Journal(work_of(target))
        whole = cut == len(lines[line]) - 1  # only its end of line is missing
        if line == 0:
            assert found.done == {}
            for number in range(len(CHUNKS)):  # an empty journal clears what it cannot trust
                work_of(target).joinpath(f"{number:06d}.packets").touch()
        else:
            assert sorted(found.done) == [0, 1, 2, 3, 4, 5][: 6 if whole else 5]


# Started otherwise.


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Contents and times of change of all files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def check_refused(outcome: Any, target: Path, before: dict[str, Any], words: str) -> None:
    assert outcome.code == 2
    assert words in outcome.err
    assert "run as before to resume it, or add --fresh to start over" in outcome.err
    assert tree(target.parent) == before
    assert target.read_bytes() == OLD


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--saturation", "0.5"), "color saturation was 1.0, is now 0.5"),
        (("--crf", "30"), "encoder options crf was 16, is now 30"),
        (("--smooth", "0.5"), "smoothing strength was 0.95, is now 0.5"),
        (("--no-smooth",), "smoothing strength was 0.95, is now 0.0"),
        (("--chunk", "0.6"), "chunks seconds was 0.5, is now 0.6"),
        (("--end", "5"), "cut end was not set, is now 5"),
        (("--size", "80"), "color size was 64, is now 80"),
        (("--stride", "2"), "color stride was 1, is now 2"),
    ],
)
def test_other_options_are_refused(
    options: tuple[str, ...], words: str, stage: Stage, run: Run, tmp_path: Path
) -> None:
    target = stage.moments.restore(HALF, tmp_path / "to")
    before = tree(target.parent)
    check_refused(run(target, *options), target, before, words)


@pytest.mark.parametrize("what", ["film", "weights", "version"])
def test_other_files_and_versions_are_refused_and_undone(
    what: str,
    stage: Stage,
    command: Command,
    redone: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = stage.moments.restore(HALF, tmp_path / "to")
    state = stage.film.stat()
    film = tmp_path / "in.mp4"
    shutil.copy2(stage.film, film)
    command.weights = stage.weights
    words = {"film": "source bytes was", "weights": "net weights was"}
    with monkeypatch.context() as otherwise:
        if what == "film":
            make_reel(film, (20, 30))
            os.utime(film, ns=(state.st_atime_ns, state.st_mtime_ns))
        if what == "weights":
            (tmp_path / "other").mkdir()
            command.weights = save_quick_net(tmp_path / "other", seed=21)
        if what == "version":
            newer = versions() | {"av": "99.0"}
            otherwise.setattr("vidcolor.run.spec.versions", lambda: newer)
        before = tree(target.parent)
        outcome = command(film, target, "--chunk", "0.5", "--force")
    check_refused(outcome, target, before, words.get(what, "versions av was"))
    assert redone == []
    shutil.copy2(stage.film, film)
    command.weights = stage.weights
    assert command(film, target, "--chunk", "0.5", "--force").code == 0
    assert redone == [3, 4, 5]
    check_same(target, stage.whole)


def test_fresh_starts_over(stage: Stage, run: Run, redone: list[int], tmp_path: Path) -> None:
    target = stage.moments.restore(HALF, tmp_path / "to")
    assert run(target, "--saturation", "0", "--fresh").code == 0
    assert redone == [0, 1, 2, 3, 4, 5]
    assert packets(target) != packets(stage.whole)
    assert listing(target.parent) == [b"out.mp4"]


# Interrupted.


def stalled(stage: Stage, target: Path, frames: int) -> subprocess.Popen[str]:
    """A run whose net has come to a stop after so many frames."""
    log = target.parent.parent / "begun.txt"
    words = ("--weights", str(stage.weights))
    running = start(stage.film, target, *words, trap=f"stall {frames}", log=log)
    wait_for(lambda: log.exists() and "stalled" in log.read_text(), running, TIME_LIMIT)
    wait_for(lambda: bool(lines_of(target)), running, TIME_LIMIT)  # a chunk is on its way by then
    return running


def end(running: subprocess.Popen[str]) -> tuple[int, str, float]:
    """Exit code, what was printed, and how long it took until then."""
    began = time.monotonic()
    try:
        _, err = running.communicate(timeout=TIME_LIMIT)
    finally:
        running.kill()
    return running.returncode, err, time.monotonic() - began


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_signal_stops_a_slow_net_in_2_seconds(
    number: int, code: int, stage: Stage, run: Run, redone: list[int], tmp_path: Path
) -> None:
    (tmp_path / "to").mkdir()
    target = tmp_path / "to" / "out.mp4"
    target.write_bytes(OLD)
    running = stalled(stage, target, frames=MIDST)
    second = run(target)
    assert second.code == 2
    assert second.err == "vidcolor: out.mp4: another vidcolor is writing this target\n"
    running.send_signal(number)
    assert (found := end(running))[:2] == (code, GO_ON)
    assert found[2] < 2
    assert target.read_bytes() == OLD
    done = list(lines_of(target))
    assert done
    assert run(target).code == 0
    assert redone == [number for number in range(len(CHUNKS)) if number not in done]
    check_same(target, stage.whole)


def test_a_second_signal_stops_at_once(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    target = tmp_path / "to" / "out.mp4"
    running = stalled(stage, target, frames=MIDST)
    running.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert running.poll() is None, "the net is stalled, so that the first one waits for it"
    running.send_signal(signal.SIGINT)
    code, err, seconds = end(running)
    assert (code, err) == (130, GO_ON)
    assert seconds < 1, "the first one would wait until the net goes on"
    assert not target.exists()
