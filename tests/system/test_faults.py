"""Faults of the device through the real command: nothing is lost, nothing is kept quiet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from command import Command, listing
from films import make_film
from more_films import SMALL
from seen import plane_view, see
from torch import Tensor

from vidcolor.colorize.colorizer import Colorizer
from vidcolor.colorize.frame_selection import PendingFrame
from vidcolor.colorize.net_runner import Engine
from vidcolor.core.frames import Frame
from vidcolor.errors import OutputFull
from vidcolor.nets.colornet import NetInput
from vidcolor.run import assembly

Run = Callable[[Engine, Tensor, torch.dtype, float | None], Tensor]
BROKEN = 13
"""The frame at which the device fails; it lies in the second chunk of three."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_film(tmp_path / "in.mkv", replace(SMALL, frames=30)).path


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Tensor], Tensor]], None]:
    """Lets a function have the net's answer for frame `BROKEN`, whenever that is asked for."""
    plain: Run = Engine.run
    look = Colorizer.prepare
    broken: list[Tensor] = []

    def noted(self: Colorizer, aspect: Fraction, frame: Frame) -> PendingFrame:
        item = look(self, aspect, frame)
        if round(frame.seconds * SMALL.rate) == BROKEN:
            broken.append(item.lightness)
        return item

    def install(spoil: Callable[[Tensor], Tensor]) -> None:
        def run(self: Engine, inputs: NetInput, dtype: torch.dtype, vivid: float | None) -> Tensor:
            ab = plain(self, inputs, dtype, vivid).clone()
            for place, one in enumerate(inputs.lightness):
                if any(torch.equal(one[0], other) for other in broken):
                    ab[place] = spoil(ab[place])
            return ab

        monkeypatch.setattr(Colorizer, "prepare", noted)
        monkeypatch.setattr(Engine, "run", run)

    return install


def chroma(path: Path) -> list[np.ndarray]:
    """Largest distance of both chroma planes from gray, of each frame."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            planes = [plane_view(plane, 8).astype(int) - 128 for plane in frame.planes[1:]]
            found.append(max(int(np.abs(plane).max()) for plane in planes))
    return found


@pytest.mark.parametrize("options", [(), ("--no-smooth",)])
def test_a_frame_without_numbers_is_neutral_and_told(
    film: Path,
    fails: Callable[..., None],
    options: tuple[str, ...],
    command: Command,
    tmp_path: Path,
) -> None:
    fails(lambda ab: ab * torch.nan)
    target = tmp_path / "out.mkv"
    outcome = command(film, target, "--lossless", "--chunk", "0.15", *options)
    assert outcome.code == 3, outcome.err
    (told,) = outcome.report["damage"]
    assert told["kind"] == "no color"
    assert told["seconds"] == pytest.approx(BROKEN / 24, abs=0.01)
    assert outcome.report["damage_counts"] == {"no color": 1}
    assert outcome.report["frames"] == 30
    colors = chroma(target)
    assert colors[BROKEN] <= 1, "it is not neutral"
    assert min(colors[:BROKEN] + colors[BROKEN + 1 :]) > 5, "its neighbours lost their color"


def test_what_was_without_color_is_told_after_a_crash_too(
    film: Path,
    fails: Callable[..., None],
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fails(lambda ab: ab * torch.nan)
    target = tmp_path / "out.mkv"

    def crash(*_: object) -> None:
        raise OutputFull("no room to stitch")

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "stitch", crash)
        assert command(film, target, "--chunk", "0.15").code == 2
    assert not target.exists()
    outcome = command(film, target, "--chunk", "0.15")
    assert outcome.code == 3, outcome.err
    assert outcome.report["resumed"] == outcome.report["chunks"] == 3
    assert [told["kind"] for told in outcome.report["damage"]] == ["no color"]
    assert listing(tmp_path) == [b"in.mkv", b"out.mkv"]


def test_where_memory_runs_out_the_film_is_the_same(
    film: Path, fails: Callable[..., None], command: Command, tmp_path: Path
) -> None:
    whole, target = tmp_path / "whole.mkv", tmp_path / "out.mkv"
    assert command(film, whole, "--lossless", "--batch", "4").code == 0
    times = []

    def full(ab: Tensor) -> Tensor:
        times.append(ab)
        if len(times) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return ab

    fails(full)
    outcome = command(film, target, "--lossless", "--batch", "4")
    assert outcome.code == 0, outcome.err
    assert any("ran out of memory with 4 frames" in note for note in outcome.report["notes"])
    before, after = see(whole), see(target)
    assert (after.packets, after.pts) == (before.packets, before.pts)


def test_a_gpu_that_is_lost_keeps_what_is_done(
    film: Path, fails: Callable[..., None], command: Command, tmp_path: Path
) -> None:
    target = tmp_path / "out.mkv"

    def lost(_: Tensor) -> Tensor:
        raise RuntimeError("CUDA error: unspecified launch failure")

    fails(lost)
    outcome = command(film, target, "--chunk", "0.1", "--no-smooth")
    assert outcome.code == 2
    assert "the GPU stopped working (CUDA error: unspecified launch failure)" in outcome.err
    assert "run the same command again to resume" in outcome.err
    assert not target.exists()
    fails(lambda ab: ab)
    outcome = command(film, target, "--chunk", "0.1", "--no-smooth")
    assert outcome.code == 0
    assert outcome.report["resumed"] >= 1
