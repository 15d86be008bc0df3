"""Films that leave through a pipe: whole, exact, soon, and without a trace when it breaks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import sleep
from typing import Any

import av
import pytest
from films import PNG_1X1, Audio, Spec, Subtitle, cut_file, make_film
from seen import see
from synthetic import photo
from ways import lossless, paint, recolor

from vidcolor.core.report import Progress
from vidcolor.errors import CannotCarry, EncoderMissing, FilmChanged, VidcolorError, WeightsNotFound
from vidcolor.media.decode.decoder import decode
from vidcolor.media.encode.encoder import encode
from vidcolor.media.images.files import write_rgb
from vidcolor.media.mux import interleave as beside
from vidcolor.media.mux.muxer import Muxer
from vidcolor.media.mux.pipe_sink import PipeSink, plan_pipe
from vidcolor.media.open import open_video
from vidcolor.run import pipe as streaming
from vidcolor.run.pipe import colorize_to
from vidcolor.settings import (
    ColorizerSettings,
    EncodeSettings,
    InputSettings,
    OutputSettings,
    Settings,
    TemporalSettings,
)

EBML = b"\x1a\x45\xdf\xa3"
"""A Matroska file begins with it, and has it once."""

RICH = Spec(
    codec="libx264",
    time_base=Fraction(1, 90000),
    pts=(0, 3003, 7007, 9010, 13013, 19000, 24024, 24999, 30030, 33033, 40040, 50050),
    audio=(Audio("aac", language="eng", title="Talk"), Audio("flac")),
    subtitles=(Subtitle(),),
    chapters=((0, 0.2, "one"), (0.2, 0.5, "two")),
    attachments=(("font.ttf", "font/ttf", b"\0\1\0\0font"), ("cover.png", "image/png", PNG_1X1)),
    metadata={"title": "The film"},
)


class Pipe:
    """Takes bytes like one; [n] of ``at`` is how many there were when the n-th part came."""

    def __init__(self, breaks_after: float = float("inf"), error: Any = BrokenPipeError) -> None:
        self.data = b""
        self.at: list[int] = []
        self._limit = breaks_after
        self._error = error

    def write(self, data: bytes) -> None:
        if len(self.data) >= self._limit:
            raise self._error
        self.at.append(len(self.data))
        self.data += data

    def flush(self) -> None:
        pass


@pytest.fixture
def settings(quick_weights: Path) -> Settings:
    """A tiny net; every frame on its own, as it was, lossless."""
    net = ColorizerSettings(weights=str(quick_weights), size=64)
    return Settings(
        colorizer=net, smooth=TemporalSettings(0.0), encode=EncodeSettings(lossless=True)
    )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A painter that only needs to be seen stands in for net, smoother and paint."""
    monkeypatch.setattr(streaming, "colorize_frames", lambda frames, *_, **__: paint(frames))


def test_it_is_the_mkv_that_a_file_would_be(tmp_path: Path, settings: Settings) -> None:
    source, streamed, stitched = (tmp_path / f"{name}.mkv" for name in ("in", "pipe", "file"))
    made = make_film(source, RICH)
    pipe = Pipe()
    report = colorize_to(pipe, source, settings=settings)
    streamed.write_bytes(pipe.data)
    recolor(source, stitched, lossless())
    found, usual, before = see(streamed), see(stitched), see(source)
    assert found.pts == usual.pts
    assert all(abs(a - b) <= Fraction(1, 2000) for a, b in zip(found.pts, made.pts, strict=True))
    assert found.luma == before.luma
    assert {i: found.packets[i] for i in (1, 2, 3)} == {i: before.packets[i] for i in (1, 2, 3)}
    assert found.times == usual.times
    for stream in usual.streams:  # lengths are known at the end only, which a pipe has left by then
        stream["metadata"].pop("DURATION", None)
    assert found.streams[1:] == usual.streams[1:]
    assert found.chapters == usual.chapters
    assert found.metadata["title"] == "The film"
    assert (report.frames, report.shots, report.inferred) == (12, 1, 12)
    assert (report.target, report.codec, report.luma) == ("-", "ffv1", "exact")
    assert (report.carried, report.clean) == (
        [
            *("audio stream 1 (aac, eng)", "audio stream 2 (flac)"),
            *("subtitle stream 3 (subrip, eng)", "attachment font.ttf", "cover picture 5 (png)"),
            "2 chapters",
        ],
        True,
    )
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["file.mkv", "in.mkv", "pipe.mkv"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("codec", [None, "libx265", "libvpx-vp9"])
def test_lossy_films_keep_their_times(
    codec: str | None, tmp_path: Path, settings: Settings
) -> None:
    source = tmp_path / "in.mkv"
    made = make_film(source, RICH)
    pipe = Pipe()
    encoding = EncodeSettings(codec=codec, preset="ultrafast" if codec != "libvpx-vp9" else None)
    colorize_to(pipe, source, settings=replace(settings, encode=encoding))
    (tmp_path / "out.mkv").write_bytes(pipe.data)
    found = see(tmp_path / "out.mkv")
    assert all(abs(a - b) <= Fraction(1, 2000) for a, b in zip(found.pts, made.pts, strict=True))


@pytest.mark.usefixtures("quick")
def test_frames_leave_as_they_are_colored(tmp_path: Path, settings: Settings) -> None:
    """The first ones are out long before the last one is read, in step with the sound."""
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=150, rate=Fraction(25), audio=(Audio("aac"),)))
    moments: list[tuple[int, int]] = []
    pipe = Pipe()

    def note(progress: Progress) -> None:
        moments.append((progress.frames, len(pipe.data)))

    encoding = EncodeSettings(preset="ultrafast")
    colorize_to(pipe, source, settings=replace(settings, encode=encoding), on_progress=note)
    total = len(pipe.data)
    # Half of the frames are half of the film: only a tenth of a second of it is held back.
    assert [done for done, _ in moments] == list(range(1, 151))
    assert moments[9][1] > 0
    assert abs(moments[74][1] / total - 0.5) < 0.05
    times = packet_times(pipe.data)
    assert len(times) > 400
    assert max(max(times[:i]) - times[i] for i in range(1, len(times))) <= 0.1


def packet_times(data: bytes) -> list[float]:
    with av.open(io.BytesIO(data)) as container:
        return [float(p.dts * p.time_base) for p in container.demux() if p.dts is not None]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("sound", [(), (Audio("aac", seconds=0.2),), (Audio("aac", seconds=9),)])
def test_pictures_do_not_wait_for_sound_that_is_not_there(
    sound: tuple[Audio, ...], tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reading goes no further than the picture has come."""
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=100, rate=Fraction(25), audio=sound))
    read: list[float] = []
    plain = beside.carried_packets

    def counted(*words: Any) -> Iterator[Any]:
        for packet in plain(*words):
            read.append(float((packet.dts or packet.pts or 0) * packet.time_base))
            yield packet

    monkeypatch.setattr(beside, "carried_packets", counted)
    ahead = []

    def note(progress: Progress) -> None:
        if progress.frames < 90 and read:
            ahead.append(max(read) - progress.seconds)

    colorize_to(Pipe(), source, settings=settings, on_progress=note)
    assert max(ahead) < 0.3


@pytest.mark.usefixtures("quick")
def test_a_slow_reader_holds_coloring_back(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=120))
    decoded = 0

    def counted(*words: Any) -> Iterator[Any]:
        nonlocal decoded
        for frame in decode(*words):
            decoded += 1
            yield frame

    class Stopped(Pipe):
        def write(self, data: bytes) -> None:
            super().write(data)
            if len(self.at) == 1:
                sleep(0.3)  # as a player that is paused
                held.append(decoded)

    held: list[int] = []
    monkeypatch.setattr(streaming, "decode", counted)
    colorize_to(Stopped(), source, settings=settings)
    assert held[0] < 60
    assert decoded == 120


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("error", [BrokenPipeError, KeyboardInterrupt])
def test_a_pipe_that_breaks_ends_the_run(error: Any, tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / "in.mkv"
    make_film(source, Spec(frames=60, audio=(Audio("aac"),)))
    pipe = Pipe(breaks_after=20_000, error=error)
    frames = []
    with pytest.raises(error):
        colorize_to(pipe, source, settings=settings, on_progress=frames.append)
    assert 0 < len(frames) < 40


@pytest.mark.usefixtures("quick")
def test_a_full_disk_behind_the_pipe_is_told(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv")
    full = OSError(28, "No space left on device")
    with pytest.raises(VidcolorError, match="disk is full"):
        colorize_to(Pipe(0, full), tmp_path / "in.mkv", settings=settings)


@pytest.mark.usefixtures("quick")
def test_damage_is_told_at_the_end(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "whole.mkv", Spec(codec="libx264", frames=48, audio=(Audio("aac"),)))
    source = cut_file(tmp_path / "whole.mkv", tmp_path / "in.mkv", 0.6)
    pipe = Pipe()
    report = colorize_to(pipe, source, settings=settings)
    assert [d.kind for d in report.damage] == ["truncated"]
    assert not report.clean
    assert 5 < report.frames < 48


@pytest.mark.usefixtures("quick")
def test_a_part_has_its_length_in_the_header(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=48, audio=(Audio("aac"),)))
    part = InputSettings(start=Fraction(1, 2), end=Fraction(3, 2))
    pipe = Pipe()
    report = colorize_to(pipe, tmp_path / "in.mkv", settings=replace(settings, open=part))
    assert report.frames == 24
    with av.open(io.BytesIO(pipe.data)) as container:
        assert container.duration == 1_000_000


def test_an_error_before_the_first_frame_leaves_the_pipe_empty(
    tmp_path: Path, settings: Settings
) -> None:
    make_film(tmp_path / "in.mkv")
    pipe = Pipe()
    nowhere = replace(settings, colorizer=ColorizerSettings(weights="nosuch"))
    with pytest.raises(WeightsNotFound):
        colorize_to(pipe, tmp_path / "in.mkv", settings=nowhere)
    unknown = replace(settings, encode=EncodeSettings(codec="nosuch"))
    with pytest.raises(EncoderMissing):
        colorize_to(pipe, tmp_path / "in.mkv", settings=unknown)
    assert pipe.data == b""


@pytest.mark.usefixtures("quick")
def test_a_film_that_is_changed_meanwhile_is_told(tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / "in.mkv"
    make_film(source)

    def change(progress: Progress) -> None:
        if progress.frames == 12:
            with source.open("ab") as file:
                file.write(b"more")

    with pytest.raises(FilmChanged):
        colorize_to(Pipe(), source, settings=settings, on_progress=change)


@pytest.mark.usefixtures("quick")
def test_only_the_header_that_was_taken_leaves(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_film(tmp_path / "in.mkv", RICH)
    build, calls = Muxer._build, []

    def refusing(self: Muxer) -> None:
        build(self)
        calls.append(len(self.passthrough.routes))
        if 2 in self._outs:
            raise av.error.InvalidDataError(1, "no flac")

    monkeypatch.setattr(Muxer, "_build", refusing)
    pipe = Pipe()
    report = colorize_to(pipe, tmp_path / "in.mkv", settings=settings)
    assert calls[0] == 5
    assert calls[-1] == 4
    assert [left.what for left in report.left_behind] == ["audio stream 2 (flac)"]
    assert pipe.data.startswith(EBML)
    assert pipe.data.count(EBML) == 1


class Refusing:
    """A container that takes no packet of one stream."""

    def __init__(self, inner: Any, stream: int) -> None:
        self._inner, self._stream = inner, stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def mux_one(self, packet: Any) -> None:
        if packet.stream.index == self._stream:
            raise av.error.InvalidDataError(1, "no")
        self._inner.mux_one(packet)


@pytest.mark.parametrize("strict", [False, True])
def test_a_stream_whose_packets_are_refused_is_left_out(strict: bool, tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", RICH)
    pipe = Pipe()
    with open_video(tmp_path / "in.mkv") as film:
        plan = plan_pipe(film.info, EncodeSettings(lossless=True))
        sink, settings = PipeSink(pipe), OutputSettings(strict=strict)
        with Muxer(film, plan, sink, settings, once=True) as writer:
            writer._container = Refusing(writer._container, 2)  # type: ignore[assignment]
            packets = beside.with_others(film, encode(decode(film, plan.layout), writer.video))
            if strict:
                with pytest.raises(VidcolorError):
                    writer.write(packets)
                packets.close()
                return
            writer.write(packets)
            writer.complete()
        left = [(item.what, item.why) for item in writer.passthrough.left_behind]
    assert left == [("audio stream 2 (flac)", "the container refuses its packets")]
    (tmp_path / "out.mkv").write_bytes(pipe.data)
    found, before = see(tmp_path / "out.mkv"), see(tmp_path / "in.mkv")
    assert found.packets[1] == before.packets[1]
    assert found.packets[3] == before.packets[3]
    assert 2 not in found.packets
    assert found.luma == before.luma


def test_strict_refuses_before_anything_leaves(tmp_path: Path, settings: Settings) -> None:
    make_film(tmp_path / "in.mkv", Spec(codec="ffv1", pix_fmt="yuva420p"))
    pipe = Pipe()
    strict = replace(settings, output=OutputSettings(strict=True))
    with pytest.raises(CannotCarry):
        colorize_to(pipe, tmp_path / "in.mkv", settings=strict)
    assert pipe.data == b""


def test_encoders_hold_no_frame_back_unless_asked_to() -> None:
    with open_video(Path(__file__).parent.parent.parent / "samples" / "newsreel.mp4") as film:
        info = film.info
    assert plan_pipe(info, EncodeSettings()).options["tune"] == "zerolatency"
    film_tune = EncodeSettings(options=(("tune", "film"),))
    assert plan_pipe(info, film_tune).options["tune"] == "film"
    assert "tune" not in plan_pipe(info, EncodeSettings(codec="ffv1")).options


def test_a_picture_leaves_as_png(tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / "in.jpg"
    write_rgb(photo(1), source)
    pipe = Pipe()
    report = colorize_to(pipe, source, settings=settings)
    with av.open(io.BytesIO(pipe.data)) as container:
        assert container.format.name == "png_pipe"
        picture = next(container.decode(video=0))
    assert (picture.width, picture.height) == (150, 120)
    assert (report.frames, report.target, report.codec) == (1, "-", "")


@pytest.mark.usefixtures("quick")
def test_sound_by_its_riff_tag_leaves_under_its_name(tmp_path: Path, settings: Settings) -> None:
    sounds = (Audio("adpcm_ms"), Audio("pcm_alaw"))
    make_film(tmp_path / "in.avi", Spec(codec="mpeg4", frames=6, audio=sounds))
    pipe = Pipe()
    report = colorize_to(pipe, tmp_path / "in.avi", settings=settings)
    assert report.left_behind == []
    (tmp_path / "out.mkv").write_bytes(pipe.data)
    before, after = see(tmp_path / "in.avi"), see(tmp_path / "out.mkv")
    assert [stream["codec"] for stream in after.streams] == ["ffv1", "adpcm_ms", "pcm_alaw"]
    assert [after.packets[n] for n in (1, 2)] == [before.packets[n] for n in (1, 2)]
