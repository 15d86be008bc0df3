"""Sound from files of its own beside the picture: --sound take.wav."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import Audio, Spec, make_film
from test_audio_convert import RATE, asked, heard, lag, noise
from ways import Run, recolor

from vidcolor.errors import FilmUnreadable, OutputError, SettingsError
from vidcolor.media.sounds import identify_sounds
from vidcolor.settings import InputSettings, OutputSettings, Settings


def wav(
    path: Path, samples: np.ndarray, codec: str = "pcm_s16le", tags: dict[str, str] | None = None
) -> Path:
    """A file of sound of these samples, in stereo."""
    options = {"write_bext": "1"} if tags and path.suffix == ".wav" else {}
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(tags or {})
        sound = container.add_stream(codec, rate=RATE)
        sound.codec_context.layout = "stereo"
        size = sound.codec_context.frame_size or 1024
        takes = sound.codec_context.codec.audio_formats[0].name
        resampler = av.AudioResampler(takes, "stereo", RATE, size if size > 1 else None)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE, 0
        for made in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(sound.encode(made))
        container.mux(sound.encode(None))
    return path


def silent(path: Path, frames: int = 50) -> Path:
    make_film(path, Spec(codec="mpeg4", frames=frames, rate=Fraction(25)))
    return path


def beside(*paths: Path, audio: str = "copy", **cut: Fraction) -> Settings:
    opened = InputSettings(sound=tuple(map(str, paths)), **cut)
    return replace(asked(audio), open=opened)


@pytest.mark.parametrize(
    ("name", "codec", "target"),
    [
        ("take.wav", "pcm_s16le", ".mkv"),
        ("take.wav", "pcm_s16le", ".mov"),
        ("take.flac", "flac", ".mkv"),
        ("take.mov", "pcm_s16le", ".mp4"),
    ],
)
def test_exact_sound_comes_beside_a_silent_film(
    tmp_path: Path, name: str, codec: str, target: str
) -> None:
    samples = noise(16, 2)
    film, take = silent(tmp_path / "film.mkv"), wav(tmp_path / name, samples, codec)
    run = recolor(film, tmp_path / f"out{target}", beside(take))
    assert (run.left, run.damage) == ([], [])
    assert run.written.carried == (f"sound {name} ({codec})",)
    found, begin, _ = heard(tmp_path / f"out{target}")
    assert begin == 0
    np.testing.assert_array_equal(found, samples)


def test_the_sound_of_an_op_atom_clip(tmp_path: Path) -> None:
    film, take = silent(tmp_path / "film.mkv"), tmp_path / "a1.mxf"
    samples = np.random.default_rng(1).integers(-9000, 9000, (1, 2 * RATE)).astype(np.int16)
    options = {"mxf_audio_edit_rate": "25"}
    with av.open(str(take), "w", format="mxf_opatom", options=options) as container:
        sound = container.add_stream("pcm_s16le", rate=RATE)
        sound.codec_context.layout = "mono"
        for at in range(0, 2 * RATE, 1920):
            part = samples[:, at : at + 1920].copy()
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    for target in ("copy.mov", "out.mkv"):
        run = recolor(film, tmp_path / target, beside(take, audio="copy"))
        assert (run.left, run.damage) == ([], [])
        assert run.written.carried == ("sound a1.mxf (pcm_s16le)",)
        assert run.notes == ["sound a1.mxf: what it says of itself is not copied: timecode"]
        found, begin, _ = heard(tmp_path / target)
        assert begin == 0
        np.testing.assert_array_equal(found.T, samples)


@pytest.mark.parametrize("name", ["take.mp3", "take.m4a"])
def test_lossy_sound_begins_with_the_film(tmp_path: Path, name: str) -> None:
    samples = noise(16, 2)
    codec = {"take.mp3": "libmp3lame", "take.m4a": "aac"}[name]
    film, take = silent(tmp_path / "film.mkv"), wav(tmp_path / name, samples, codec)
    for number, settings in enumerate((beside(take), beside(take, audio="flac"))):
        out = tmp_path / f"out{number}.mkv"
        assert recolor(film, out, settings).left == []
        found, begin, _ = heard(out)
        with av.open(str(out)) as made:
            picture = next(p.pts * p.time_base for p in made.demux(made.streams.video[0]))
        moment = lag(samples, found) / RATE + float(begin) - float(picture)
        assert abs(moment) < 0.002


def test_it_comes_behind_the_sound_of_the_film_and_in_its_order(tmp_path: Path) -> None:
    film, samples = tmp_path / "film.mkv", noise(16, 2)
    make_film(film, Spec(frames=48, audio=(Audio("aac", language="eng"),)))
    takes = [wav(tmp_path / f"take{n}.wav", samples) for n in (1, 2)]
    run = recolor(film, tmp_path / "out.mkv", beside(*takes, audio="flac"))
    assert run.written.carried == (
        "audio stream 1 (aac, eng) converted to flac",
        "sound take1.wav (pcm_s16le) converted to flac",
        "sound take2.wav (pcm_s16le) converted to flac",
    )
    for index in (1, 2):
        np.testing.assert_array_equal(heard(tmp_path / "out.mkv", index)[0], samples)


def test_it_is_cut_as_the_film_is(tmp_path: Path) -> None:
    samples = noise(16, 2)
    film, take = silent(tmp_path / "film.mkv"), wav(tmp_path / "take.wav", samples)
    part = beside(take, start=Fraction(1, 2), end=Fraction(1))
    run = recolor(film, tmp_path / "out.mkv", part)
    found, begin, _ = heard(tmp_path / "out.mkv")
    assert lag(samples[RATE * 52 // 100 :], found) / RATE + float(begin) == pytest.approx(
        0, abs=0.002
    )
    assert len(found) / RATE + float(begin) == pytest.approx(0.48, abs=0.03)
    assert run.notes == []


def test_another_length_is_remarked_and_a_torn_file_is_damage(tmp_path: Path) -> None:
    film = silent(tmp_path / "film.mkv")
    take = wav(tmp_path / "take.wav", noise(16, 2, seconds=4))
    run = recolor(film, tmp_path / "a.mkv", beside(take))
    assert run.notes == ["sound take.wav: it is 2.00 s longer than the picture"]
    data = take.read_bytes()
    take.write_bytes(data[: len(data) // 4])
    run = recolor(film, tmp_path / "b.mkv", beside(take))
    assert [one.kind for one in run.damage] == ["truncated"]
    assert "sound take.wav: ends at 1.00 of 4.00 s" in run.damage[0].text


def test_a_time_reference_that_is_not_the_timecode_is_told(tmp_path: Path) -> None:
    film = tmp_path / "film.mov"
    make_film(film, Spec(codec="mpeg4", frames=50, rate=Fraction(25), timecode="10:00:00:00"))
    samples = noise(16, 2)
    for seconds, told in ((36000, False), (36002, True)):
        tags = {"time_reference": str(seconds * RATE), "originator": "recorder"}
        take = wav(tmp_path / f"take{seconds}.wav", samples, tags=tags)
        run = recolor(film, tmp_path / f"out{seconds}.mov", beside(take))
        clocks = [note for note in run.notes if "time reference" in note and "begins" in note]
        assert bool(clocks) == told
        assert any("what it says of itself is not copied" in note for note in run.notes)
        if told:
            assert "begins +2.000 s from the film's timecode 10:00:00:00" in clocks[0]
        np.testing.assert_array_equal(heard(tmp_path / f"out{seconds}.mov")[0], samples)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    film, text = silent(tmp_path / "film.mkv"), tmp_path / "notes.wav"
    text.write_text("these are notes, not sound\n" * 50)
    with pytest.raises(FilmUnreadable, match=r"notes\.wav"):
        recolor(film, tmp_path / "out.mkv", beside(text))
    with pytest.raises(FilmUnreadable, match=r"none\.wav"):
        recolor(film, tmp_path / "out.mkv", beside(tmp_path / "none.wav"))
    with pytest.raises(SettingsError, match=r"--sound .*film\.mkv: has no sound"):
        recolor(film, tmp_path / "out.mkv", beside(film))
    assert not (tmp_path / "out.mkv").exists()


def test_the_target_may_not_be_the_sound(tmp_path: Path) -> None:
    film, take = silent(tmp_path / "film.mkv"), wav(tmp_path / "take.mov", noise(16, 2))
    data = take.read_bytes()
    settings = replace(beside(take), output=OutputSettings(force=True))
    with pytest.raises(OutputError, match="choose another name"):
        recolor(film, take, settings)
    assert take.read_bytes() == data


def test_what_a_container_cannot_hold_is_listed(tmp_path: Path) -> None:
    film, take = silent(tmp_path / "film.mkv"), wav(tmp_path / "take.wav", noise(16, 2))
    settings = replace(beside(take), encode=Settings().encode)
    run: Run = recolor(film, tmp_path / "out.webm", settings)
    assert run.left == [
        "sound take.wav (pcm_s16le): webm cannot hold pcm_s16le; --audio opus converts it"
    ]


def test_a_copy_of_a_file_is_the_same_and_another_one_is_not(tmp_path: Path) -> None:
    one, two = wav(tmp_path / "a.wav", noise(16, 2)), tmp_path / "b.wav"
    two.write_bytes(one.read_bytes())
    first, second = (identify_sounds(InputSettings(sound=(str(path),))) for path in (one, two))
    assert first == second
    wav(two, noise(16, 2)[::-1].copy())
    assert identify_sounds(InputSettings(sound=(str(two),))) != first


def test_a_film_with_its_own_clock(tmp_path: Path) -> None:
    """A film whose times begin late: the sound begins with its first frame all the same."""
    samples, late = noise(16, 2), tmp_path / "late.ts"
    options = {"output_ts_offset": "100"}
    spec = Spec(codec="mpeg2video", frames=50, rate=Fraction(25), container_options=options)
    make_film(late, spec)
    take = wav(tmp_path / "take.wav", samples)
    recolor(late, tmp_path / "out.mkv", beside(take))
    found, begin, _ = heard(tmp_path / "out.mkv")
    assert begin == 0
    np.testing.assert_array_equal(found, samples)
