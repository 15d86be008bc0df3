"""Films that come through a pipe: in one pass, the same frames, all that travels beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from threading import Thread

import av
import pytest
from films import Audio, Spec, make_film
from seen import samples, see
from test_film_pipe import RICH
from y4m import write_y4m

from vidcolor.core.report import Report
from vidcolor.errors import FilmUnreadable, NoPicture, OutputExists, SettingsError
from vidcolor.media.mux import interleave
from vidcolor.media.piped import Pipe
from vidcolor.run.pipe import colorize_pipe
from vidcolor.run.video import colorize_video
from vidcolor.settings import (
    ColorizerSettings,
    EncodeSettings,
    InputSettings,
    OutputSettings,
    ScriptSettings,
    Settings,
)

SIMPLE = Spec(codec="libx264", frames=16, rate=Fraction(25), audio=(Audio("aac"),))
MATROSKA, TS = ("matroska", {}), ("mpegts", {})
ONE_PASS = "read from a pipe: a run that is interrupted begins anew"


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    """A tiny net, in one pass, lossless."""
    return Settings(
        colorizer=ColorizerSettings(weights=str(quick_weights), size=64),
        script=ScriptSettings("off"),
        encode=EncodeSettings(lossless=True),
    )


@contextmanager
def piped(data: bytes) -> Iterator[Pipe]:
    """A real pipe into which another thread writes ``data``."""
    theirs, ours = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), open(ours, "wb", buffering=0) as file:
            file.write(data)

    thread = Thread(target=write)
    thread.start()
    try:
        yield Pipe(theirs)
    finally:
        os.close(theirs)
        thread.join()


def color(source: Path | bytes, target: Path, settings: Settings) -> Report:
    data = source if isinstance(source, bytes) else source.read_bytes()
    with piped(data) as pipe:
        return colorize_pipe(pipe, target, settings=settings)


def test_a_film_from_a_pipe_is_that_of_a_file(tmp_path: Path, settings: Settings) -> None:
    source, piped_to, filed = (tmp_path / f"{name}.mkv" for name in ("in", "pipe", "file"))
    make_film(source, RICH)
    report = color(source, piped_to, settings)
    colorize_video(source, filed, settings=settings)
    found, usual = see(piped_to), see(filed)
    assert samples(piped_to) == samples(filed)
    assert (found.pts, found.times, found.tags) == (usual.pts, usual.times, usual.tags)
    assert {i: found.packets[i] for i in (1, 2, 3)} == {i: usual.packets[i] for i in (1, 2, 3)}
    assert found.streams == usual.streams
    assert found.chapters == usual.chapters
    assert found.metadata == usual.metadata
    assert report.clean
    assert len(report.carried) == 6
    assert (report.source, report.frames, report.notes[0]) == ("standard input", 12, ONE_PASS)
    assert report.bytes == piped_to.stat().st_size
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file.mkv", "in.mkv", "pipe.mkv"]


@pytest.mark.parametrize(
    ("suffix", "spec"),
    [
        (".ts", SIMPLE),
        (".webm", replace(SIMPLE, codec="libvpx-vp9", audio=(Audio("libopus"),))),
        (".nut", SIMPLE),
        (".flv", SIMPLE),
        (".mpg", replace(SIMPLE, codec="mpeg2video", audio=(Audio("mp2"),))),
        (".avi", replace(SIMPLE, codec="mpeg4", audio=(Audio("libmp3lame"),))),
        (".mp4", replace(SIMPLE, container_options={"movflags": "frag_keyframe+empty_moov"})),
        (".mp4", replace(SIMPLE, container_options={"movflags": "faststart"})),
        (".h264", replace(SIMPLE, audio=())),
    ],
)
def test_other_containers(suffix: str, spec: Spec, tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / f"in{suffix}"
    make_film(source, spec)
    report = color(source, tmp_path / "pipe.mkv", settings)
    colorize_video(source, tmp_path / "file.mkv", settings=settings)
    found, usual = see(tmp_path / "pipe.mkv"), see(tmp_path / "file.mkv")
    assert samples(tmp_path / "pipe.mkv") == samples(tmp_path / "file.mkv")
    assert (found.pts, found.packets.get(1), found.times) == (
        *(usual.pts, usual.packets.get(1), usual.times),
    )
    assert report.clean


@pytest.mark.parametrize("color_space", ["420jpeg", "420mpeg2", "mono", "422", "444p10", "420p10"])
def test_y4m(color_space: str, tmp_path: Path, settings: Settings) -> None:
    made = write_y4m(tmp_path / "in.y4m", color_space, frames=9, size=(50, 38))
    report = color(tmp_path / "in.y4m", tmp_path / "out.mkv", settings)
    assert (report.frames, report.clean, report.luma) == (9, True, "exact")
    assert see(tmp_path / "out.mkv").luma == made
    assert see(tmp_path / "out.mkv").pts == [pytest.approx(n / 24, abs=0.001) for n in range(9)]


@pytest.mark.parametrize("lost", [1, 3000])
def test_a_cut_frame_of_y4m_is_told(lost: int, tmp_path: Path, settings: Settings) -> None:
    write_y4m(tmp_path / "in.y4m", "420jpeg", frames=9)
    data = (tmp_path / "in.y4m").read_bytes()[:-lost]
    report = color(data, tmp_path / "out.mkv", settings)
    assert report.frames == 8
    assert [d.text for d in report.damage] == [
        f"the film ends at 0.33 s; {lost} bytes at its end are missing"
    ]


def test_y4m_that_ends_between_two_frames_is_whole(tmp_path: Path, settings: Settings) -> None:
    write_y4m(tmp_path / "in.y4m", "420jpeg", frames=9)
    data = (tmp_path / "in.y4m").read_bytes()
    one = (len(data) - data.index(b"\n") - 1) // 9
    report = color(data[:-one], tmp_path / "out.mkv", settings)
    assert (report.frames, report.clean) == (8, True)


def live(source: Path, form: str, kind: str = "") -> bytes:
    """What ``ffmpeg -i SOURCE -c copy -f FORM -`` writes into a pipe; of one kind of streams."""
    data = bytearray()
    sink = type("Sink", (), {"write": lambda _, more: data.extend(more) or len(more)})()
    with av.open(str(source)) as film, av.open(sink, "w", format=form) as out:
        wanted = [s for s in film.streams if kind in s.type]
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in wanted}
        for packet in film.demux(wanted):
            if packet.size:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return bytes(data)


@pytest.mark.parametrize("form", ["matroska", "mpegts", "nut", "flv"])
def test_an_end_that_a_pipe_has_is_no_damage(form: str, tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", SIMPLE)
    report = color(live(tmp_path / "in.mkv", form), tmp_path / "out.mkv", settings)
    assert (report.frames, report.damage) == (16, [])


@pytest.mark.parametrize("form", ["matroska", "mpegts", "nut", "flv"])
def test_a_program_that_dies_in_mid_film_is_told(
    form: str, tmp_path: Path, settings: Settings
) -> None:
    make_film(tmp_path / "in.mkv", replace(SIMPLE, frames=40))
    data = live(tmp_path / "in.mkv", form)
    report = color(data[: len(data) * 6 // 10 + 5], tmp_path / "out.mkv", settings)
    assert 4 < report.frames < 40
    assert "truncated" in [d.kind for d in report.damage]
    assert not report.clean


def test_sound_from_the_middle_to_the_end(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", replace(RICH, pts=None, frames=72))
    part = replace(settings, open=InputSettings(start=Fraction(1), end=Fraction(2)))
    report = color(tmp_path / "in.mkv", tmp_path / "pipe.mkv", part)
    colorize_video(tmp_path / "in.mkv", tmp_path / "file.mkv", settings=part)
    found, usual = see(tmp_path / "pipe.mkv"), see(tmp_path / "file.mkv")
    assert report.frames == 24
    assert samples(tmp_path / "pipe.mkv") == samples(tmp_path / "file.mkv")
    assert (found.times, found.packets[1]) == (usual.times, usual.packets[1])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda _: b"", FilmUnreadable, "is empty"),
        (lambda _: b"hello " * 99, FilmUnreadable, "not a media file"),
        (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(600), NoPicture, "is a picture"),
        (lambda make: make(".mp4", SIMPLE), FilmUnreadable, "its index at the end"),
        (lambda make: make(".mkv", SIMPLE, "mpegts", "audio"), NoPicture, "sound but no picture"),
        (lambda make: make(".mkv", SIMPLE)[:300], FilmUnreadable, "ends before its first frame"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    make: Callable[..., bytes],
    error: type[Exception],
    text: str,
    tmp_path: Path,
    settings: Settings,
) -> None:
    def film(suffix: str, spec: Spec, form: str = "", kind: str = "") -> bytes:
        source = tmp_path / f"in{suffix}"
        make_film(source, spec)
        return live(source, form, kind) if form else source.read_bytes()

    target = tmp_path / "out.mkv"
    target.write_bytes(b"old")
    forced = replace(settings, output=OutputSettings(force=True))
    with pytest.raises(error, match=text) as caught:
        color(make(film), target, forced)
    assert str(caught.value).startswith("standard input: ")
    assert target.read_bytes() == b"old"
    assert not list(tmp_path.glob(".*"))


def test_a_target_is_not_replaced_unasked(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", SIMPLE)
    (tmp_path / "out.mkv").write_bytes(b"old")
    with pytest.raises(OutputExists):
        color(tmp_path / "in.mkv", tmp_path / "out.mkv", settings)


def test_a_color_script_is_left_out_with_a_note(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", SIMPLE)
    scripted = replace(settings, script=ScriptSettings("auto"))
    report = color(tmp_path / "in.mkv", tmp_path / "out.mkv", scripted)
    assert "without a color script: a pipe is colored in one pass" in report.notes


def test_a_sheet_that_needs_two_passes_is_refused(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", SIMPLE)
    sheet = tmp_path / "s.toml"
    sheet.write_text('[[hint]]\ntime = "0:00"\npoint = [0.5, 0.5]\ncolor = "#804020"\n')
    with (
        piped((tmp_path / "in.mkv").read_bytes()) as pipe,
        pytest.raises(SettingsError, match="needs the film twice"),
    ):
        colorize_pipe(pipe, tmp_path / "out.mkv", settings=settings, colors=sheet)
    assert not (tmp_path / "out.mkv").exists()


def test_a_sheet_of_stretches_is_followed(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", SIMPLE)
    sheet = tmp_path / "s.toml"
    sheet.write_text('[[stretch]]\nfrom = "0:00"\nto = "0:01"\nsaturation = 0\n')
    with piped((tmp_path / "in.mkv").read_bytes()) as pipe:
        colorize_pipe(pipe, tmp_path / "pipe.mkv", settings=settings, colors=sheet)
    colorize_video(tmp_path / "in.mkv", tmp_path / "file.mkv", settings=settings, colors=sheet)
    assert samples(tmp_path / "pipe.mkv") == samples(tmp_path / "file.mkv")


def test_sound_that_lies_far_before_its_picture_is_refused(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_film(tmp_path / "in.mkv", replace(SIMPLE, audio=(Audio("flac"),)))
    monkeypatch.setattr(interleave, "_MOST_HELD", 100)
    with pytest.raises(FilmUnreadable, match="too far before its picture"):
        color(tmp_path / "in.mkv", tmp_path / "out.mkv", settings)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv"]


def test_sound_is_converted_and_taken_from_files(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", SIMPLE)
    with av.open(str(tmp_path / "s.wav"), "w") as out:
        sound = out.add_stream("pcm_s16le", rate=48000, layout="mono")
        tone = av.AudioFrame(format="s16", layout="mono", samples=48000)
        tone.planes[0].update(bytes(96000))
        tone.sample_rate, tone.pts = 48000, 0
        out.mux([*sound.encode(tone), *sound.encode(None)])
    heard = replace(
        settings,
        open=InputSettings(sound=(str(tmp_path / "s.wav"),)),
        output=OutputSettings(audio="flac"),
    )
    report = color(tmp_path / "in.mkv", tmp_path / "pipe.mkv", heard)
    colorize_video(tmp_path / "in.mkv", tmp_path / "file.mkv", settings=heard)
    found, usual = see(tmp_path / "pipe.mkv"), see(tmp_path / "file.mkv")
    assert [s["codec"] for s in found.streams] == ["ffv1", "flac", "flac"]
    assert (found.packets[1], found.packets[2]) == (usual.packets[1], usual.packets[2])
    assert found.times == usual.times
    assert report.frames == 16
