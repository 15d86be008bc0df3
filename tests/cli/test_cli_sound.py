"""--audio, --sound and --for on the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from processes import Captured
from shared import one_line

from vidcolor.cli.main import main
from vidcolor.core.report import Report
from vidcolor.run import video as pipeline
from vidcolor.settings import Settings


@pytest.fixture
def asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Settings]]:
    """What the pipeline is asked to do; it does nothing."""
    calls = []

    def colorize_video(source: str, target: str, *, settings: Settings, **_: Any) -> Report:
        calls.append((str(source), str(target), settings))
        return Report(source, target, seconds={"total": 1.0}, codec="ffv1")

    monkeypatch.setattr(pipeline, "colorize_video", colorize_video)
    assert here
    return calls


def write_take(path: Path) -> Path:
    samples = np.zeros((1, 9600), np.int16)
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=48000)
        sound.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def test_sound_reaches_the_settings(asked: list[Any]) -> None:
    for name in ("a.wav", "b.wav"):
        write_take(Path(name))
    words = ["film.mkv", "out.mov", "--audio", "pcm", "--sound", "a.wav", "--sound", "b.wav", "-q"]
    assert main(words) == 0
    settings = asked[0][2]
    assert settings.output.audio == "pcm"
    assert settings.open.sound == tuple(os.path.abspath(name) for name in ("a.wav", "b.wav"))
    assert main(["film.mkv", "out.mov", "-q"]) == 0
    assert asked[1][2].output.audio == "copy"


def test_a_purpose_names_the_target_and_gives_way(asked: list[Any]) -> None:
    assert main(["film.mkv", "--for", "edit", "-q"]) == 0
    source, target, settings = asked[0]
    assert (source, target) == ("film.mkv", "film.color.mov")
    assert (settings.encode.codec, settings.output.audio) == ("prores_ks", "pcm")
    words = ["film.mkv", "out.mkv", "--for", "edit", "--codec", "h264", "--audio", "copy", "-q"]
    assert main(words) == 0
    assert asked[1][1] == "out.mkv"
    assert (asked[1][2].encode.codec, asked[1][2].output.audio) == ("libx264", "copy")


def test_a_purpose_says_its_target_without_an_excuse(asked: list[Any], capsys: Captured) -> None:
    assert main(["film.mkv", "--for", "share"]) == 0
    assert asked[0][1] == "film.color.mp4"
    assert "writing film.color.mp4\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["film.mkv", "out.mkv", "--audio", "mp3"], "no --audio 'mp3'; use copy, pcm"),
        (["film.mkv", "out.mkv", "--for", "tv"], "no --for tv; use archive, edit"),
        (["film.mkv", "out.png", "--for", "archive"], "--for archive writes a .mkv film"),
        (["film.mkv", "out.mkv", "--sound", "none.wav"], "none.wav: "),
        ([".", "out", "--sound", "film.mkv"], "--sound is for one film"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    asked: list[Any], capsys: Captured, words: list[str], told: str
) -> None:
    assert main(words) == 2
    assert told in one_line(capsys)
    assert asked == []


def test_a_run_and_a_batch_for_a_purpose(here: Path, options: list[str], capsys: Captured) -> None:
    write_take(here / "take.wav")
    assert main(["film.mkv", "--for", "archive", "--sound", "take.wav", *options]) == 0
    told = capsys.readouterr().err
    assert "  sound    sound take.wav (pcm_s16le) converted to flac\n" in told
    with av.open("film.color.mkv") as film:
        assert film.streams.video[0].codec_context.name == "ffv1"
        assert film.streams.audio[0].codec_context.name == "flac"
    Path("film.color.mkv").unlink()
    assert main(["film.mkv", "out/", "--for", "edit", "-q", *options]) == 0
    assert Path("out/film.mov").is_file()


def test_a_dry_run_tells_what_is_converted(
    here: Path, options: list[str], capsys: Captured
) -> None:
    write_take(here / "take.wav")
    words = ["film.mkv", "--for", "archive", "--sound", "take.wav", "--dry-run", *options]
    assert main(words) == 0
    assert "  sound    sound take.wav (pcm_s16le) converted to flac\n" in capsys.readouterr().out
