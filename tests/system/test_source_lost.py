"""A film that goes away, fails or changes while it is coloured; interrupts while libraries load."""

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

from vidcolor import assembly, pipeline
from vidcolor.errors import OutputFull
from vidcolor.film import beside as reading
from vidcolor.film.probe import Film

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


def second_reading(patch: pytest.MonkeyPatch, fault: Callable[[Film], None]) -> None:
    """Lets ``fault`` happen after the fifth packet that is read for the target."""
    plain = reading.carried_packets

    def carried(film: Film, zero: Any) -> Iterator[Any]:
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
        second_reading(here, lambda beside: beside.note("read error", 0.1, "Input/output error"))
        outcome = command(film, target, *CHUNKED)
    assert outcome.code == 2
    assert "cannot be read a second time; run the same command again" in outcome.err
    assert not target.exists()
    outcome = command(film, target, *CHUNKED)
    assert outcome.code == 0
    assert outcome.report["resumed"] == outcome.report["chunks"]
    assert len(see(target).packets[1]) == len(see(film).packets[1])


def test_another_film_under_the_same_name_is_not_mixed_in(
    film: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    with monkeypatch.context() as here:
        second_reading(here, lambda _: os.utime(film, (1, 1)))
        outcome = command(film, target, *CHUNKED)
    assert outcome.code == 2
    assert "was changed while it was coloured" in outcome.err
    assert listing(tmp_path) == [b"in.mp4"]


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


@pytest.mark.parametrize("delay", [0.05, 0.6, 1.8])
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
    lines = [line for line in err.splitlines() if "frames" not in line]
    assert lines[-1].startswith("vidcolor: interrupted; ")
    assert "Traceback" not in err
