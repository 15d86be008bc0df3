"""A film that goes away, fails or changes while it is colored; interrupts while libraries load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command import TIME_LIMIT, Command, listing
from films import Audio, make_film
from more_films import SMALL
from seen import see
from shared import slow_but

from vidcolor.core import files
from vidcolor.errors import OutputFull
from vidcolor.media import identity as sameness
from vidcolor.media.mux import interleave as reading
from vidcolor.media.open import VideoReader
from vidcolor.run import assembly
from vidcolor.run import video as pipeline

CHUNKED = ("--chunk", "0.15")
"""Three chunks of the film."""
LAUNCHER = """
import signal, sys
from vidcolor.cli.main import main

signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
sys.exit(main())
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "in.mp4", replace(SMALL, frames=30, audio=(Audio(),))).path


def stopped(film: Path, target: Path, command: Command, patch: pytest.MonkeyPatch) -> None:
    """A run that has all chunks but no target."""

    def full(*_: object) -> None:
        raise OutputFull("no room to stitch")

    with patch.context() as here:
        here.setattr(assembly, "stitch", full)
        assert command(film, target, *CHUNKED).code == 2


def test_a_drive_that_goes_away_keeps_what_is_done(
    film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, target = tmp_path / "away.mp4", tmp_path / "out.mp4"
    write = pipeline.write_chunk

    def unplugged(*words: Any) -> Any:
        facts = write(*words)
        if film.exists():
            film.rename(away)
        return facts

    with monkeypatch.context() as here:
        here.setattr(pipeline, "write_chunk", unplugged)
        outcome = command(film, target, *CHUNKED)
    assert outcome.code == 2
    assert not target.exists()
    away.rename(film)
    outcome = command(film, target, *CHUNKED)
    assert outcome.code == 0, outcome.err
    assert outcome.report["resumed"] >= 1
    assert listing(tmp_path) == [b"in.mp4", b"out.mp4"]


def second_reading(patch: pytest.MonkeyPatch, fault: Callable[[VideoReader], None]) -> None:
    """Lets ``fault`` happen after the fifth packet that is read for the target."""
    plain = reading.carried_packets

    def carried(film: VideoReader, zero: Any) -> Iterator[Any]:
        for count, packet in enumerate(plain(film, zero)):
            if count == 5:
                fault(film)
                return
            yield packet

    patch.setattr(reading, "carried_packets", carried)


def test_a_read_error_while_stitching_is_no_short_sound(
    film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    with monkeypatch.context() as here:
        second_reading(
            here, lambda beside: beside.log.note("read error", 0.1, "Input/output error")
        )
        outcome = command(film, target, *CHUNKED)
    assert outcome.code == 2
    assert "cannot be read a second time; run the same command again" in outcome.err
    assert not target.exists()
    outcome = command(film, target, *CHUNKED)
    assert outcome.code == 0
    assert outcome.report["resumed"] == outcome.report["chunks"]
    assert len(see(target).packets[1]) == len(see(film).packets[1])


def flip(film: Path) -> None:
    """Change a byte in the middle, in place."""
    with open(film, "r+b") as file:
        file.seek(film.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def test_another_film_under_the_same_name_is_not_mixed_in(
    film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    with monkeypatch.context() as here:
        second_reading(here, lambda _: flip(film))
        outcome = command(film, target, *CHUNKED)
    assert outcome.code == 2
    assert "changed while it was being colored" in outcome.err
    assert listing(tmp_path) == [b".out.mp4.vidcolor", b"in.mp4"], "what is done is kept"
    flip(film)
    outcome = command(film, target, *CHUNKED)
    assert outcome.code == 0
    assert outcome.report["resumed"] == 3


@pytest.fixture(params=["by its ends", "by its digest"])
def known_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a film of a few MB, and as of one that is much longer than what is read at its ends."""
    if request.param == "by its digest":
        monkeypatch.setattr(files, "ENDS", 100)
        monkeypatch.setattr(sameness, "ENDS", 100)


def after_a_chunk(patch: pytest.MonkeyPatch, fault: Callable[[], object]) -> None:
    """Lets ``fault`` happen when the first chunk is on the disk."""
    write = pipeline.write_chunk

    def written(frames: Any, path: Path, *rest: Any) -> Any:
        facts = write(frames, path, *rest)
        if path.name.startswith("000000"):
            fault()
        return facts

    patch.setattr(pipeline, "write_chunk", written)


@pytest.mark.usefixtures("known_by")
@pytest.mark.slow
def test_a_touch_makes_no_other_film(
    film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, target = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    assert command(film, whole, *CHUNKED).code == 0
    with monkeypatch.context() as here:
        after_a_chunk(here, lambda: os.utime(film, (1, 1)))
        outcome = command(film, target, *CHUNKED)
    assert outcome.code == 0, outcome.err
    assert target.read_bytes() == whole.read_bytes()
    target.unlink()
    stopped(film, target, command, monkeypatch)
    os.utime(film, (2, 2))
    outcome = command(film, target, *CHUNKED)
    assert outcome.code == 0, outcome.err
    assert outcome.report["resumed"] == 3
    assert target.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("known_by")
def test_a_film_that_is_changed_in_place_keeps_what_is_done(
    film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    work = tmp_path / ".out.mp4.vidcolor"
    with monkeypatch.context() as here:
        after_a_chunk(here, lambda: flip(film))
        outcome = command(film, target, *CHUNKED)
    assert outcome.code == 2
    assert [path.name for path in work.glob("*.packets")] == ["000000.packets"]
    outcome = command(film, target, *CHUNKED)
    assert outcome.code == 2
    assert "--fresh" in outcome.err
    assert (work / "000000.packets").exists()
    flip(film)  # as it was, but for its time
    outcome = command(film, target, *CHUNKED)
    assert outcome.code == 0, outcome.err
    assert outcome.report["resumed"] == 1
    target.unlink()
    stopped(film, target, command, monkeypatch)
    flip(film)
    assert command(film, target, *CHUNKED).code == 2
    assert len(list(work.glob("*.packets"))) == 3
    outcome = command(film, target, *CHUNKED, "--fresh")
    assert outcome.code in (0, 3), "it is another film now, and maybe a damaged one"
    assert outcome.report["resumed"] == 0


@pytest.mark.usefixtures("known_by")
def test_what_is_done_is_skipped_after_a_touch(
    film: Path, command: Command, tiny_weights: Path, tmp_path: Path
) -> None:
    words = [str(tmp_path / "films"), str(tmp_path / "out"), "--size", "64"]
    words += ["--weights", str(tiny_weights)]
    (tmp_path / "films").mkdir()
    source = film.rename(tmp_path / "films" / "in.mp4")
    made = tmp_path / "out" / "in.mp4"
    assert command.run(*words).code == 0
    before = made.stat().st_mtime_ns
    os.utime(source, (1, 1))
    assert command.run(*words).code == 0
    assert made.stat().st_mtime_ns == before
    flip(source)
    with pytest.raises(AssertionError, match="made differently"):  # a second line sums up
        command.run(*words)
    assert made.stat().st_mtime_ns == before


@pytest.mark.parametrize("wrong", [("--codec", "libx246"), ("--weights", "nix")])
def test_fresh_that_cannot_begin_keeps_what_is_done(
    film: Path,
    wrong: tuple[str, str],
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "out.mp4"
    stopped(film, target, command, monkeypatch)
    assert command(film, target, *CHUNKED, "--fresh", *wrong).code == 2
    outcome = command(film, target, *CHUNKED)
    assert outcome.code == 0
    assert outcome.report["resumed"] == outcome.report["chunks"] == 3


@pytest.mark.parametrize("delay", slow_but([1.8], [0.05, 0.6, 1.8]))
def test_an_interrupt_while_libraries_load(
    delay: float, film: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    words = [str(film), str(tmp_path / "out.mp4"), "--size", "64", "--weights", str(tiny_weights)]
    running = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        time.sleep(delay)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=TIME_LIMIT)
    finally:
        running.kill()
    if running.returncode == 0:
        pytest.skip("the film was done before the signal came")
    assert running.returncode == 130, err
    # Lines that say how far the film is may come before it or, from another thread, behind it.
    told = [line for line in err.splitlines() if line.startswith("vidcolor: interrupted; ")]
    assert len(told) == 1, err
    assert "Traceback" not in err
