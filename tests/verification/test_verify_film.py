"""A colored film is held against its report and its source, and what differs is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from films import Spec, make_film
from guided import guided_settings
from seen import plane_view
from specs import Audio, Subtitle

from vidcolor.run.batch import write_report
from vidcolor.run.video import colorize_video
from vidcolor.settings import EncodeSettings, InputSettings, OutputSettings, Settings
from vidcolor.verification.verdict import Verdict
from vidcolor.verification.verify import Held, verify

LOSSLESS = EncodeSettings(lossless=True)


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights, encode=LOSSLESS)


Make = Callable[..., Path]


@pytest.fixture
def colored(tmp_path: Path, settings: Settings) -> Make:
    """Makes a film and colors it; the target, with its report beside it."""

    def make(spec: Spec, source: str = "in.mkv", target: str = "out.mkv", **more: Any) -> Path:
        make_film(tmp_path / source, spec)
        write_report(
            colorize_video(
                tmp_path / source, tmp_path / target, settings=replace(settings, **more)
            )
        )
        return tmp_path / target

    return make


def denied(verdict: Verdict) -> list[str]:
    return [f"{one.what}: {one.text}" for one in verdict.differs]


def held(verdict: Verdict) -> set[str]:
    return {one.what for one in verdict.same}


FULL = Spec(
    codec="libx264",
    frames=24,
    audio=(Audio("aac"), Audio("aac")),
    subtitles=(Subtitle("subrip"),),
    chapters=((0.0, 0.5, "One"), (0.5, 1.0, "Two")),
)


@pytest.mark.parametrize("source", ["in.mkv", "in.mp4", "in.ts", "in.avi"])
@pytest.mark.parametrize("target", ["out.mkv", "out.mp4", "out.mov"])
def test_what_was_written_holds(source: str, target: str, colored: Make) -> None:
    spec = {
        "in.mkv": FULL,
        "in.mp4": replace(FULL, subtitles=(Subtitle("mov_text"),)),
        "in.ts": replace(FULL, subtitles=(), chapters=()),
        "in.avi": replace(
            FULL, codec="mpeg4", audio=(Audio("pcm_s16le"),), subtitles=(), chapters=()
        ),
    }[source]
    verdict = verify(colored(spec, source, target))
    assert denied(verdict) == []
    assert verdict.result == "same"
    wanted = {"sha256", "source", "label", "frames", "times", "luma", "streams"}
    assert held(verdict) >= wanted
