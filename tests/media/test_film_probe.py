"""What is opened and what is refused, with the sentence the user sees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from films import PNG_1X1, Audio, Spec, cut_file, flip_bytes, make_film
from ways import fast, lossless, recolor

from vidcolor.errors import (
    FilmError,
    FilmTooLarge,
    FilmUnreadable,
    NoPicture,
    SettingsError,
    UnsupportedPixels,
    VidcolorError,
)
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import film_is_still, open_video
from vidcolor.settings import InputSettings


def refused(path: Path, error: type[Exception], words: str, **settings: object) -> None:
    with pytest.raises(error, match=words) as caught, open_video(path, InputSettings(**settings)):  # type: ignore[arg-type]
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "error", "words"),
    [
        ("zero.mp4", b"", FilmUnreadable, "is an empty file"),
        (
            "rand.mp4",
            np.random.default_rng(0).bytes(9000),
            FilmUnreadable,
            "not a media file that vidcolor can open",
        ),
        ("text.mp4", b"hello\n" * 50, FilmUnreadable, "not a media file that vidcolor can open"),
        ("list.mp4", b"#EXTM3U\n#EXTINF:3,\na.ts\n", FilmUnreadable, "is a playlist"),
        ("cat.mp4", b"ffconcat version 1.0\nfile a.mp4\n", FilmUnreadable, "is a playlist"),
        ("s.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHi\n", NoPicture, "is a subtitle file"),
        ("s.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", NoPicture, "is a subtitle file"),
        ("still.mp4", PNG_1X1, NoPicture, "is a still picture"),
    ],
)
def test_no_film(tmp_path: Path, name: str, data: bytes, error: type, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    refused(path, error, f"{name}: {words}")


def test_no_regular_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.mp4", FilmUnreadable, "no such file")
    refused(tmp_path, FilmUnreadable, "is a folder; name a film inside it")
    refused(Path("/dev/zero"), FilmUnreadable, "is a device or a pipe")
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", FilmUnreadable, "is a device or a pipe")
    refused(tmp_path / ("x" * 300), FilmUnreadable, "cannot be opened: File name too long")


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    make_film(tmp_path / "a.ts", Spec(codec="mpeg2video"))
    (tmp_path / "list.mp4").write_bytes(b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\na.ts\n")
    (tmp_path / "cat.mp4").write_bytes(b"ffconcat version 1.0\nfile a.ts\n")
    refused(tmp_path / "list.mp4", FilmUnreadable, "is a playlist")
    refused(tmp_path / "cat.mp4", FilmUnreadable, "is a playlist")


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "in.m4a"
    with av.open(str(path), "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), "s16", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refused(path, NoPicture, "has sound but no picture")


def test_cover_only(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ac3", rate=48000)
        container.add_attachment("cover.png", "image/png", PNG_1X1)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4608), np.int16), "s16", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refused(path, NoPicture, "has only a cover picture")


def test_recording_without_index(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mp4", Spec(codec="libx264"))
    refused(
        cut_file(tmp_path / "in.mp4", tmp_path / "cut.mp4", 0.6),
        FilmUnreadable,
        r"never finished recording \(no index\)",
    )


def test_encrypted(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mp4", Spec(codec="libx264"))
    data = (
        (tmp_path / "in.mp4")
        .read_bytes()
        .replace(b"avc1\0\0\0\0\0\0\0\1", b"encv" + bytes(7) + b"\1")
    )
    (tmp_path / "enc.mp4").write_bytes(data)
    refused(tmp_path / "enc.mp4", FilmError, r"is encrypted \(DRM\)|codec of its video is not on")


def test_codecs_off_the_list(tmp_path: Path) -> None:
    make_film(tmp_path / "in.avi", Spec(codec="magicyuv", pix_fmt="yuv420p"))
    refused(tmp_path / "in.avi", UnsupportedPixels, "magicyuv is not on vidcolor's list")


def test_too_large(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=1))
    refused(tmp_path / "in.mkv", FilmTooLarge, "96x64 has more than 6143 pixels", max_pixels=6143)
    with open_video(tmp_path / "in.mkv", InputSettings(max_pixels=6144)) as film:
        assert len(list(decode(film))) == 1


def test_video_stream_out_of_range(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=1))
    refused(tmp_path / "in.mkv", SettingsError, "use 0 to 0", video_stream=1)


@pytest.mark.parametrize(
    "name",
    ["a b.mkv", "a:b.mkv", "%03d.mkv", "-x.mkv", "ü☃.mkv", "new\nline.mkv", "q" * 251 + ".mkv"],
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source.mkv"
    make_film(source, Spec(frames=2))
    folder = tmp_path / "out"
    folder.mkdir()
    source.rename(tmp_path / name)
    recolor(tmp_path / name, folder / name, lossless())
    assert os.listdir(folder) == [name]


def test_name_that_is_no_utf8(tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(b"caf\xe9.mkv")
    make_film(tmp_path / "in.mkv", Spec(frames=2))
    (tmp_path / "in.mkv").rename(source)
    recolor(source, tmp_path / os.fsdecode(b"out\xe9.mkv"), lossless())
    refused(tmp_path / os.fsdecode(b"no\xe9.mkv"), FilmUnreadable, r"no\?.mkv: no such")


def test_stills_are_told_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(PNG_1X1)
    make_film(tmp_path / "b.png.mkv", Spec(frames=1))
    assert film_is_still(tmp_path / "a.mp4")
    assert not film_is_still(tmp_path / "b.png.mkv")
    assert not film_is_still(tmp_path / "none.png")


def test_wrong_suffix(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mkv", Spec(frames=3))
    (tmp_path / "in.mkv").rename(tmp_path / "in.mp4")
    with open_video(tmp_path / "in.mp4") as film:
        assert film.info.container == "matroska,webm"


def test_truncated_film_ends_early_and_says_so(tmp_path: Path) -> None:
    spec = Spec(codec="libx264", frames=96, container_options={"movflags": "faststart"})
    make_film(tmp_path / "in.mp4", spec)
    cut_file(tmp_path / "in.mp4", tmp_path / "cut.mp4", 0.5)
    run = recolor(tmp_path / "cut.mp4", tmp_path / "out.mp4", fast())
    assert 10 < run.written.frames < 80
    assert "truncated" in {d.kind for d in run.damage}
    make_film(tmp_path / "in.mkv", Spec(codec="libx264", frames=96))
    cut_file(tmp_path / "in.mkv", tmp_path / "cut.mkv", 0.5)
    run = recolor(tmp_path / "cut.mkv", tmp_path / "out.mkv", fast())
    assert "truncated" in {d.kind for d in run.damage}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".mpg", ".mov", ".avi"])
@pytest.mark.parametrize("seed", range(3))
def test_broken_bytes_never_end_in_a_traceback(tmp_path: Path, suffix: str, seed: int) -> None:
    codec = "mpeg2video" if suffix in (".ts", ".mpg", ".avi") else "libx264"
    sound = (Audio("mp2"),) if suffix != ".mov" else (Audio("aac"),)
    rate = Spec().rate
    source = tmp_path / f"in{suffix}"
    make_film(source, Spec(codec=codec, frames=40, audio=sound, rate=rate, options={"g": "12"}))
    broken = flip_bytes(source, tmp_path / f"broken{suffix}", 60, seed)
    try:
        run = recolor(broken, tmp_path / "out.mkv", fast())
    except VidcolorError:
        assert not (tmp_path / "out.mkv").exists()
    else:
        assert run.written.frames >= 20 or run.damage
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".part")]


def test_size_change_is_refused_with_frame_and_time(tmp_path: Path) -> None:
    from films import joined

    make_film(tmp_path / "a.ts", Spec(codec="mpeg2video"))
    make_film(tmp_path / "b.ts", Spec(codec="mpeg2video", width=128))
    film = joined(tmp_path / "in.ts", tmp_path / "a.ts", tmp_path / "b.ts")
    with pytest.raises(
        UnsupportedPixels, match=r"changes from 96x64 to 128x64 at frame 1\d \(0\.\d"
    ):
        recolor(film, tmp_path / "out.mp4", fast())
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), "invalid data"])
def test_a_read_error_keeps_what_was_read(tmp_path: Path, error: OSError | str) -> None:
    make_film(tmp_path / "in.mkv", Spec(codec="libx264", frames=24))

    class Container:
        def __init__(self, inner: av.container.InputContainer) -> None:
            self._inner = inner
            self.streams = inner.streams

        def demux(self) -> Iterator[av.Packet]:
            for index, packet in enumerate(self._inner.demux()):
                if index >= 15:
                    if isinstance(error, OSError):
                        raise error
                    raise av.error.InvalidDataError(1, error)
                yield packet

        def close(self) -> None:
            self._inner.close()

    with open_video(tmp_path / "in.mkv") as film:
        film.container = Container(film.container)  # type: ignore[assignment]
        frames = len(list(decode(film)))
        assert 13 <= frames <= 15 if isinstance(error, OSError) else frames >= 15
        assert "read error" in {d.kind for d in film.log.damage}
