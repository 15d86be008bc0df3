"""Damaged films through the real command: colored through and reported, or refused in a line."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import av
import pytest
from command import Command
from damage_checks import (
    check_damage,
    check_frames,
    nothing_left,
    seconds,
    survey,
)
from damage_rows import REFUSED, SURVIVE, Refusal, Row
from damaged_films import build
from shared import one_of_each

from vidcolor.media import open as probe

OLD = b"the film that was here before"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that holds the target and nothing else."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "row", one_of_each(SURVIVE, lambda row: row.film), ids=lambda row: row.name
)
def test_colored_through(row: Row, command: Command, tmp_path: Path, out: Path) -> None:
    film, target = build(row.film, tmp_path / "film"), out / f"film{row.target}"
    outcome = command(film, target, "--no-smooth", *row.options)
    assert outcome.code == row.code, outcome.err
    assert nothing_left(out, target)
    before, after = survey(film), survey(target)
    assert outcome.report["frames"] == len(after.times)
    shift = check_frames(before, after, "--lossless" in row.options)
    assert bool(after.sound) == (bool(before.sound) and not row.left)
    assert outcome.damage == row.kinds
    assert tuple(outcome.left) == row.left
    check_damage(before, outcome, shift)
    for kind, text in row.texts.items():
        first = next(item for item in outcome.report["damage"] if item["kind"] == kind)
        assert re.fullmatch(text, f"{first['seconds']} {first['text']}")
    if row.check:
        row.check(before, after, outcome)
    report = str(command.weights.parent / "report.json")
    verified = command.run("verify", str(target), "--report", report)
    assert verified.code == 0, verified.out


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_refused(row: Refusal, command: Command, tmp_path: Path, out: Path) -> None:
    film, target = build(row.film, tmp_path / "film"), out / "film.mp4"
    target.write_bytes(OLD)
    outcome = command(film, target, "--force")
    assert outcome.code == 2
    says = row.says.replace("FILM", f".*{re.escape(film.name)}")
    assert re.fullmatch(f"vidcolor: {says}", outcome.err.strip())
    assert target.read_bytes() == OLD
    assert nothing_left(out, target)


def test_file_that_shrinks_while_it_is_read(command: Command, tmp_path: Path, out: Path) -> None:
    film, target = build("large.mkv", tmp_path / "film"), out / "film.mkv"
    whole = film.stat().st_size
    done = threading.Event()

    def shrink() -> None:
        while not done.is_set() and not list(out.iterdir()):  # until the target is begun
            time.sleep(0.001)
        with open(film, "r+b") as file:
            file.truncate(whole // 2)

    thread = threading.Thread(target=shrink)
    thread.start()
    try:
        outcome = command(film, target, "--no-smooth")
    finally:
        done.set()
        thread.join()
    assert outcome.code in (2, 3), "never success"
    if outcome.code == 3:
        assert "truncated" in outcome.damage
        assert len(survey(target).times) == outcome.report["frames"]
        assert nothing_left(out, target)
    else:
        assert nothing_left(out)


class FailingDisk:
    """A container whose file cannot be read any further after some packets."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def demux(self, *streams: Any) -> Any:
        for index, packet in enumerate(self._inner.demux(*streams)):
            if not streams and index >= 40:  # the first look at a film asks for the picture alone
                raise OSError(5, "Input/output error")
            yield packet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __enter__(self) -> FailingDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.close()


def test_read_error(
    command: Command, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, target = build("good.mkv", tmp_path / "film"), out / "film.mkv"
    inside = probe.open_container
    monkeypatch.setattr(probe, "open_container", lambda *args: FailingDisk(inside(*args)))
    outcome = command(film, target, "--no-smooth")
    assert outcome.code == 3
    assert outcome.damage == {"read error", "truncated"}
    (error,) = [item for item in outcome.report["damage"] if item["kind"] == "read error"]
    assert error["text"] == "reading stopped: Input/output error"
    with av.open(str(film)) as container:
        packets = zip(container.demux(), range(40), strict=False)
        pictures = [packet.stream.type for packet, _ in packets].count("video")
    assert len(survey(target).times) == outcome.report["frames"] == pictures
    assert seconds(outcome, "truncated") == [pytest.approx(pictures / 24, abs=0.01)]
    assert nothing_left(out, target)
