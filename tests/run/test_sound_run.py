"""Runs whose sound is converted, or comes from files of its own."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from company import Company
from films import Audio, Spec, make_film
from guided import guided_settings, write_shots
from run_specs import SPEC
from test_guided_run import stop

from vidcolor.core.files import FileIdentity
from vidcolor.core.report import Report
from vidcolor.core.run_spec import RunSpec
from vidcolor.run.pipe import colorize_to
from vidcolor.run.video import colorize_video
from vidcolor.settings import Settings

RATE = 48000


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    return guided_settings(quick_weights)


def take(path: Path, seed: int) -> tuple[Path, np.ndarray]:
    samples = np.random.default_rng(seed).integers(-9000, 9000, (1, RATE)).astype(np.int16)
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=RATE)
        sound.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path, samples


def with_sound(settings: Settings, audio: str, *paths: Path) -> Settings:
    return replace(
        settings,
        open=replace(settings.open, sound=tuple(map(str, paths))),
        output=replace(settings.output, audio=audio),
    )


def heard(source: object) -> list[np.ndarray]:
    with av.open(source) as container:  # type: ignore[call-overload]
        parts: dict[int, list[np.ndarray]] = {s.index: [] for s in container.streams.audio}
        for packet in container.demux(container.streams.audio):
            parts[packet.stream.index] += [frame.to_ndarray() for frame in packet.decode()]
    return [np.concatenate(each, axis=1) for each in parts.values()]


def test_with_another_sound_a_run_only_stitches_again(tmp_path: Path, settings: Settings) -> None:
    film, target = write_shots(tmp_path / "film.mkv"), tmp_path / "out.mp4"
    (first, _), (second, samples) = take(tmp_path / "a.wav", 1), take(tmp_path / "b.wav", 2)
    stop(film, target, with_sound(settings, "copy", first), None)
    report = colorize_video(film, target, settings=with_sound(settings, "flac", second))
    assert report.inferred == 0
    assert report.resumed == report.chunks > 0
    assert report.carried == ["sound b.wav (pcm_s16le) converted to flac"]
    np.testing.assert_array_equal(heard(str(target))[0], samples)
    whole = tmp_path / "whole.mp4"
    colorize_video(film, whole, settings=with_sound(settings, "flac", second))
    assert target.read_bytes() == whole.read_bytes()


def test_what_is_not_asked_for_is_not_written_down(tmp_path: Path, settings: Settings) -> None:
    film, (path, _) = write_shots(tmp_path / "film.mkv"), take(tmp_path / "a.wav", 1)
    plain = colorize_video(film, tmp_path / "plain.mkv", settings=settings)
    assert plain.spec
    assert {"audio", "sounds"}.isdisjoint(plain.spec.to_dict())
    assert {"audio", "sounds"}.isdisjoint(plain.to_dict()["spec"])
    told = colorize_video(film, tmp_path / "told.mkv", settings=with_sound(settings, "flac", path))
    assert told.spec
    assert told.spec.audio == "flac"
    assert [one.bytes for one in told.spec.sounds] == [path.stat().st_size]
    assert RunSpec.from_dict(json.loads(json.dumps(told.spec.to_dict()))) == told.spec
    assert Report.from_dict(json.loads(json.dumps(told.to_dict()))) == told
    assert "audio was not set, is now flac" in told.spec.diff(plain.spec)


def test_sound_alone_makes_no_other_picture() -> None:
    other = replace(SPEC, audio="pcm", sounds=(FileIdentity(5, 0, "ab"),))
    assert other != SPEC
    assert other.with_sound_of(SPEC) == SPEC


def test_a_pipe_gets_the_same_sound(tmp_path: Path, settings: Settings) -> None:
    film, (path, samples) = tmp_path / "film.mkv", take(tmp_path / "a.wav", 1)
    make_film(film, Spec(frames=24, audio=(Audio("pcm_s16le"),)))
    output = io.BytesIO()
    report = colorize_to(output, film, settings=with_sound(settings, "flac", path))
    assert report.carried == [
        "audio stream 1 (pcm_s16le) converted to flac",
        "sound a.wav (pcm_s16le) converted to flac",
    ]
    output.seek(0)
    own, beside = heard(output)
    np.testing.assert_array_equal(beside, samples)
    np.testing.assert_array_equal(own, heard(str(film))[0])


def test_many_workers_make_the_same_sound(tmp_path: Path, settings: Settings) -> None:
    film, (path, samples) = tmp_path / "film.mkv", take(tmp_path / "a.wav", 1)
    make_film(film, Spec(frames=24, audio=(Audio("aac"),)))
    asked = with_sound(settings, "flac", path)
    alone, shared = tmp_path / "alone.mp4", tmp_path / "shared.mp4"
    report = colorize_video(film, alone, settings=asked)
    outcome = Company(asked).one(film, shared)
    assert outcome.report, outcome.error
    assert outcome.report.carried == report.carried
    assert outcome.report.spec == report.spec
    own, beside = heard(str(shared))
    np.testing.assert_array_equal(beside, samples)
    np.testing.assert_array_equal(own, heard(str(alone))[0])
