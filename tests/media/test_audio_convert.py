"""Sound that is converted: every sample in its place, and nothing lost in silence."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet
from films import Audio, Spec, make_film
from ways import Run, fast, recolor

from vidcolor.errors import CannotCarry, SettingsError
from vidcolor.settings import EncodeSettings, InputSettings, OutputSettings, Settings

RATE = 48000
SECONDS = 2


def asked(audio: str, **changes: Any) -> Settings:
    return replace(fast(), output=OutputSettings(audio=audio), **changes)


def noise(bits: int, channels: int, seconds: float = SECONDS, rate: int = RATE) -> np.ndarray:
    """(samples, channels) of a sweep with noise in every bit, as FFmpeg holds so many."""
    count = round(seconds * rate)
    t = np.arange(count) / rate
    tone = np.sin(2 * np.pi * (200 + 400 * t) * t)[:, None] * 0.5 * (1 << (bits - 1))
    low = np.random.default_rng(7).integers(-40, 40, (count, channels))
    values = tone.astype(np.int64) + low
    return (values << (32 - bits)).astype(np.int32) if bits > 16 else values.astype(np.int16)


def film_with(
    path: Path,
    codec: str,
    samples: np.ndarray,
    *,
    rate: int = RATE,
    layout: str = "stereo",
    start: float = 0.0,
    skip: tuple[int, int] = (0, 0),
    spoil: frozenset[int] = frozenset(),
    frames: int = 50,
    size: tuple[int, int] = (96, 64),
) -> None:
    """A film with sound of these samples; of ``skip`` packets are left out, others spoiled."""
    wide = "s32" if samples.dtype == np.int32 else "s16"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        (video.width, video.height), video.pix_fmt = size, "yuv420p"
        sound = container.add_stream(codec, rate=rate)
        sound.metadata["language"] = "eng"
        context = sound.codec_context
        context.layout = layout
        takes = [form.name for form in context.codec.audio_formats or []]
        context.format = av.AudioFormat(next((f for f in takes if f.startswith(wide)), takes[0]))
        container.start_encoding()
        packets = list(sound_packets(sound, samples, wide, layout, rate, start))
        for index in range(frames):
            picture = av.VideoFrame(*size, "yuv420p")
            picture.pts = index
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        for index, packet in enumerate(packets):
            if skip[0] <= index < skip[1]:
                continue
            if index in spoil:
                packet = spoiled(packet)
            packet.stream = sound
            container.mux(packet)


def spoiled(packet: Packet[Any]) -> Packet[Any]:
    made: Packet[Any] = Packet(b"\xff" * packet.size)
    made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
    made.time_base = packet.time_base
    return made


def sound_packets(
    sound: Any, samples: np.ndarray, wide: str, layout: str, rate: int, start: float
) -> list[Packet[Any]]:
    context = sound.codec_context
    size = context.frame_size or 1024
    resampler = av.AudioResampler(context.format.name, layout, rate)
    packets, at = [], round(start * rate)
    for first in range(0, len(samples), size):
        part = np.ascontiguousarray(samples[first : first + size]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format=wide, layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        at += frame.samples
        for made in resampler.resample(frame):
            packets += sound.encode(made)
    return packets + sound.encode(None)


def heard(path: Path, index: int = 0) -> tuple[np.ndarray, Fraction, str]:
    """(samples, channels) of a sound, the time of the first, and its codec."""
    parts, begin = [], None
    with av.open(str(path)) as container:
        stream = container.streams.audio[index]
        context = stream.codec_context
        for packet in container.demux(stream):
            for frame in packet.decode():
                if begin is None:
                    begin = frame.pts * frame.time_base
                values = frame.to_ndarray()
                if not frame.format.is_planar:
                    values = values.reshape(-1, frame.layout.nb_channels).T
                parts.append(values)
        name = context.codec.canonical_name
    assert begin is not None
    return np.concatenate(parts, axis=1).T, begin, name


def convert(source: Path, target: Path, audio: str, **changes: Any) -> Run:
    return recolor(source, target, asked(audio, **changes))


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize(
    ("first", "middle", "layout", "channels"),
    [(".mov", ".mkv", "stereo", 2), (".mkv", ".mp4", "mono", 1), (".mkv", ".mkv", "5.1", 6)],
)
def test_pcm_to_flac_and_back_is_exact(
    tmp_path: Path, bits: int, first: str, middle: str, layout: str, channels: int
) -> None:
    samples = noise(bits, channels)
    source, between, back = (
        tmp_path / f"{n}{s}" for n, s in zip("abc", (first, middle, ".mov"), strict=True)
    )
    film_with(source, f"pcm_s{bits}le", samples, layout=layout, start=0.2)
    run = convert(source, between, "flac")
    assert (run.left, run.damage) == ([], [])
    assert f"audio stream 1 (pcm_s{bits}le, eng) converted to flac" in run.written.carried
    found, begin, codec = heard(between)
    assert codec == "flac"
    assert abs(begin - Fraction(1, 5)) < Fraction(1, 1000)
    np.testing.assert_array_equal(found, samples)
    assert convert(between, back, "pcm").left == []
    found, begin, codec = heard(back)
    assert codec == f"pcm_s{bits}le"
    assert abs(begin - Fraction(1, 5)) < Fraction(1, 1000)
    np.testing.assert_array_equal(found, samples)


def test_what_has_the_codec_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(audio=(Audio("flac"), Audio("pcm_s16le"), Audio("aac", language="fre"))))
    run = convert(source, tmp_path / "out.mkv", "flac")
    assert run.written.carried == (
        "audio stream 1 (flac)",
        "audio stream 2 (pcm_s16le) converted to flac",
        "audio stream 3 (aac, fre) converted to flac",
    )
    with av.open(str(source)) as one, av.open(str(tmp_path / "out.mkv")) as two:
        packets = [
            [bytes(p) for p in film.demux(film.streams.audio[0]) if p.size] for film in (one, two)
        ]
    assert packets[0] == packets[1]


def test_more_bits_than_flac_has_stay_as_they_are(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    film_with(source, "pcm_s32le", noise(32, 2))
    run = convert(source, tmp_path / "out.mkv", "flac")
    assert run.written.carried == ("audio stream 1 (pcm_s32le, eng)",)
    assert run.notes == [
        "audio stream 1 (pcm_s32le, eng) stays as it is: it has more bits than FLAC"
    ]


@pytest.mark.parametrize(
    ("codec", "audio", "target"),
    [
        ("aac", "pcm", ".mov"),
        ("pcm_s16le", "aac", ".mp4"),
        ("pcm_s16le", "aac", ".mkv"),
        ("pcm_s16le", "opus", ".webm"),
        ("mp2", "aac", ".mov"),
        ("libmp3lame", "flac", ".mkv"),
        ("ac3", "opus", ".mkv"),
    ],
)
@pytest.mark.parametrize("start", [0.0, 0.4])
def test_lossy_sound_keeps_its_place(
    tmp_path: Path, codec: str, audio: str, target: str, start: float
) -> None:
    samples = noise(16, 2)
    source, out = tmp_path / "in.mkv", tmp_path / f"out{target}"
    film_with(source, codec, samples, start=start)
    run = convert(source, out, audio)
    assert (run.left, run.damage) == ([], [])
    before, begin, _ = heard(source)
    after, later, _ = heard(out)
    delay = lag(before, after) / RATE + float(later) - float(begin)
    assert abs(delay) < 0.0015
    assert len(after) >= len(before) - 48  # nothing is cut off the end


def test_the_end_of_sound_is_no_tick_of_the_picture(tmp_path: Path) -> None:
    """MP4 would cut sound off at the last whole tick of its own clock, which is the film's."""
    source, out = tmp_path / "in.avi", tmp_path / "out.mp4"
    film_with(source, "mp2", noise(16, 2))
    assert convert(source, out, "aac").damage == []
    assert len(heard(out)[0]) >= len(heard(source)[0])


def lag(before: np.ndarray, after: np.ndarray) -> int:
    """By how many samples one sound is behind the other."""
    one, two = (each[:, 0].astype(float) / np.abs(each).max() for each in (before, after))
    size = 1 << 18
    product = np.fft.rfft(two, size) * np.conj(np.fft.rfft(one, size))
    best = int(np.argmax(np.fft.irfft(product, size)))
    return best - size if best > size // 2 else best


def test_a_gap_becomes_silence(tmp_path: Path) -> None:
    samples = noise(16, 2)
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    film_with(source, "pcm_s16le", samples, skip=(20, 40))
    run = convert(source, out, "flac")
    found, _, _ = heard(out)
    expected = samples.copy()
    expected[20 * 1024 : 40 * 1024] = 0
    assert abs(len(found) - len(expected)) <= 48
    late = lag(expected[40 * 1024 :], found[40 * 1024 :])
    assert abs(late) <= 48  # Matroska tells times to the millisecond
    rest = found[41 * 1024 + late : -48]
    np.testing.assert_array_equal(rest, expected[41 * 1024 :][: len(rest)])
    np.testing.assert_array_equal(found[: 20 * 1024], expected[: 20 * 1024])
    assert "audio stream 1 (pcm_s16le, eng): its gaps were filled with silence" in run.notes


def test_what_does_not_decode_is_told_and_becomes_silence(tmp_path: Path) -> None:
    samples = noise(16, 2)
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    film_with(source, "flac", samples, spoil=frozenset({5, 6, 20}))
    run = convert(source, out, "pcm")
    found, _, _ = heard(out)
    size = 4608
    expected = samples.copy()
    expected[5 * size : 7 * size] = 0
    expected[20 * size :] = 0
    assert [one.kind for one in run.damage] == ["decode error"] * 3
    assert run.damage[0].seconds == pytest.approx(5 * size / RATE, abs=0.01)
    assert "silence takes its place" in run.damage[0].text
    assert abs(len(found) - len(expected)) < 1000  # Matroska gives all packets one length
    np.testing.assert_array_equal(found[: 5 * size], expected[: 5 * size])
    assert np.abs(found[5 * size + 48 : 7 * size - 48]).max() == 0
    assert lag(expected[7 * size : 19 * size], found[7 * size : 19 * size]) in range(-48, 49)


def test_what_a_container_cannot_hold_says_what_to_do(tmp_path: Path) -> None:
    source = tmp_path / "in.wmv"
    make_film(source, Spec(codec="mpeg4", audio=(Audio("wmav2"),)))
    assert recolor(source, tmp_path / "out.mp4", fast()).left == [
        "audio stream 1 (wmav2): mp4 cannot hold wmav2; --audio aac converts it"
    ]
    assert convert(source, tmp_path / "aac.mp4", "aac").left == []
    with pytest.raises(CannotCarry, match="--audio opus"):
        recolor(
            source,
            tmp_path / "out.webm",
            replace(
                fast(),
                output=OutputSettings(strict=True),
                encode=replace(fast().encode, preset=None),
            ),
        )


@pytest.mark.parametrize(
    ("target", "audio"), [(".mov", "flac"), (".webm", "aac"), (".mov", "opus")]
)
def test_a_codec_that_a_container_does_not_hold_is_refused(
    tmp_path: Path, target: str, audio: str
) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(audio=(Audio("aac"),)))
    settings = asked(audio, encode=Settings().encode)
    with pytest.raises(SettingsError, match=rf"a {target} file cannot hold sound as {audio}; use"):
        recolor(source, tmp_path / f"out{target}", settings)
    assert not (tmp_path / f"out{target}").exists()


def test_language_title_and_flags_stay(tmp_path: Path) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    make_film(source, Spec(audio=(Audio("aac", language="fre", title="Commentaire"),)))
    convert(source, out, "flac")
    with av.open(str(out)) as film:
        sound = film.streams.audio[0]
        assert (sound.metadata["language"], sound.metadata["title"]) == ("fre", "Commentaire")
        assert sound.disposition == Audio().disposition


def test_a_rate_that_the_codec_does_not_have_becomes_48000(tmp_path: Path) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    film_with(source, "pcm_s16le", noise(16, 2, rate=44100), rate=44100)
    convert(source, out, "opus")
    with av.open(str(out)) as film:
        assert film.streams.audio[0].codec_context.sample_rate == RATE
    found, _, _ = heard(out)
    assert abs(len(found) - SECONDS * RATE) < 1000
    convert(source, tmp_path / "rate.mkv", "aac")
    with av.open(str(tmp_path / "rate.mkv")) as film:
        assert film.streams.audio[0].codec_context.sample_rate == 44100


def test_a_cut_film_has_its_part_of_the_sound(tmp_path: Path) -> None:
    samples = noise(16, 2)
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    film_with(source, "pcm_s16le", samples)
    part = InputSettings(start=Fraction(1, 2), end=Fraction(1))
    convert(source, out, "flac", open=part)  # its first frame lies at 0.52 s
    found, begin, _ = heard(out)
    assert lag(samples[RATE * 52 // 100 :], found) / RATE + float(begin) == pytest.approx(
        0, abs=0.002
    )
    assert len(found) / RATE + float(begin) == pytest.approx(0.48, abs=0.025)


@pytest.mark.parametrize(
    ("codec", "bits", "rate", "converted"),
    [
        ("pcm_s16le", 16, RATE, ""),
        ("flac", 16, RATE, "pcm_s16le"),
        ("flac", 24, RATE, "pcm_s24le"),
        ("pcm_s16le", 16, 44100, "pcm_s16le"),
        ("aac", 16, RATE, "pcm_s24le"),
    ],
)
def test_mxf_gets_pcm_of_48000_as_long_as_its_picture(
    tmp_path: Path, codec: str, bits: int, rate: int, converted: str
) -> None:
    samples = noise(bits, 2, seconds=1, rate=rate)
    source, out = tmp_path / "in.mkv", tmp_path / "out.mxf"
    film_with(source, codec, samples, rate=rate, start=0.2, size=(256, 128))
    run = recolor(source, out, Settings(encode=EncodeSettings(codec="dnxhr")))
    name = f"audio stream 1 ({codec}, eng)"
    assert name + (f" converted to {converted}" if converted else "") in run.written.carried
    assert [line for line in run.left if "audio" in line] == [
        f"tags of {name}: mxf cannot hold: language eng"
    ]
    assert run.damage == []
    found, begin, kind = heard(out)
    assert kind == (converted or codec)
    assert (begin, len(found)) == (0, 2 * RATE)
    quiet = np.abs(found[: RATE * 19 // 100]).max() / np.abs(found).max()
    assert quiet < 0.02
    if rate == RATE and codec != "aac":
        place = lag(samples, found)
        assert abs(place - RATE // 5) <= 48
        np.testing.assert_array_equal(found[place : place + RATE], samples)
