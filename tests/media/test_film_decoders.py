"""Which decoders may see a film's bytes, while it is looked at and while it is read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from films import Audio, Spec, Subtitle, make_film
from ways import lossless, recolor

import vidcolor
from vidcolor.errors import FilmUnreadable, UnsupportedPixels
from vidcolor.media.decode.decoder import decode
from vidcolor.media.open import open_video
from vidcolor.media.whitelist import CODECS, DECODERS

BROKEN = "Version 99"
"""What FFmpeg's decoder of MagicYUV complains of, once it sees the bytes."""


@pytest.fixture
def log() -> Iterator[list[tuple[int, str, str]]]:
    """What FFmpeg says meanwhile."""
    av.logging.set_level(av.logging.VERBOSE)
    try:
        with av.logging.Capture(local=False) as lines:
            yield lines
    finally:
        av.logging.set_level(None)


def broken(path: Path) -> Path:
    """A film whose pictures in MagicYUV are of version 99."""
    data = path.read_bytes()
    assert data.count(b"MAGY\x20\0\0\0\x07") > 3
    path.write_bytes(data.replace(b"MAGY\x20\0\0\0\x07", b"MAGY\x20\0\0\0\x63"))
    return path


def test_a_codec_off_the_list_is_not_decoded_to_look_at_it(
    tmp_path: Path, log: list[tuple[int, str, str]]
) -> None:
    path = broken(make_film(tmp_path / "in.avi", Spec(codec="magicyuv")).path)
    with av.open(str(path)):
        assert any(BROKEN in words for _, _, words in log)  # without the list it is
    log.clear()
    with pytest.raises(UnsupportedPixels, match=r"codec magicyuv is not on .* list .*; convert"):
        open_video(path)
    assert not any(BROKEN in words for _, _, words in log)


def test_nor_is_that_of_a_second_picture(tmp_path: Path, log: list[tuple[int, str, str]]) -> None:
    path = broken(make_film(tmp_path / "in.avi", Spec(second_video="magicyuv")).path)
    run = recolor(path, tmp_path / "out.mkv", lossless())
    assert not any(BROKEN in words for _, _, words in log)
    assert run.written.frames == 12
    assert run.left == ["video stream 1 (magicyuv): mkv cannot hold magicyuv"]


def test_nor_is_that_of_sound(tmp_path: Path, log: list[tuple[int, str, str]]) -> None:
    made = make_film(tmp_path / "in.avi", Spec(audio=(Audio("pcm_s16le"),)))
    data, at = bytearray(made.path.read_bytes()), made.path.read_bytes().rindex(b"strf") + 8
    assert data[at : at + 2] == b"\1\0"
    data[at : at + 2] = b"\x61\0"  # Duck DK4, of games
    made.path.write_bytes(data)
    with open_video(made.path) as film:
        assert [stream.codec for stream in film.info.streams] == ["ffv1", "adpcm_ima_dk4"]
        assert len(list(decode(film))) == 12
    refusals = [words for _, _, words in log if "not on whitelist" in words]
    assert refusals
    assert all("(adpcm_ima_dk4)" in words for words in refusals)


SOUNDS = {
    ".mkv": ("aac", "ac3", "eac3", "flac", "libmp3lame", "pcm_s24le", "mp2", "alac"),
    ".ts": ("aac", "ac3", "mp2", "libmp3lame"),
    ".mp4": ("aac", "ac3", "alac", "libmp3lame"),
    ".avi": ("pcm_s16le", "libmp3lame", "ac3", "adpcm_ms", "adpcm_ima_wav", "wmav2"),
}


@pytest.mark.parametrize("suffix", list(SOUNDS))
def test_what_sound_and_subtitles_are_is_known_all_the_same(
    tmp_path: Path, suffix: str, log: list[tuple[int, str, str]]
) -> None:
    video = "libx264" if suffix in (".ts", ".mp4") else "ffv1"
    texts = {".mkv": ("subrip", "ass", "webvtt"), ".mp4": ("mov_text",)}.get(suffix, ())
    spec = Spec(
        codec=video,
        audio=tuple(Audio(codec, 44100) for codec in SOUNDS[suffix]),
        subtitles=tuple(Subtitle(codec) for codec in texts),
    )
    path = make_film(tmp_path / f"in{suffix}", spec).path
    log.clear()
    with open_video(path) as film:
        sounds = film.container.streams.audio
        assert len(sounds) == len(SOUNDS[suffix])
        assert all(s.codec_context.sample_rate == 44100 for s in sounds)
        assert len(film.container.streams.subtitles) == len(texts)
    assert not any("not on whitelist" in words for _, _, words in log)


OLD = [
    ("msvideo1", ".avi", "rgb555le"),
    ("msrle", ".avi", "pal8"),
    ("smc", ".mov", "pal8"),
    ("rpza", ".mov", "rgb555le"),
    ("qtrle", ".mov", "gray"),
    ("cinepak", ".avi", "rgb24"),
    ("svq1", ".mov", "yuv410p"),
    ("asv1", ".avi", "yuv420p"),
    ("asv2", ".avi", "yuv420p"),
    ("utvideo", ".avi", "yuv420p"),
]


@pytest.mark.parametrize(("codec", "suffix", "pixels"), OLD, ids=[row[0] for row in OLD])
def test_film_codecs_of_the_nineties(tmp_path: Path, codec: str, suffix: str, pixels: str) -> None:
    spec = Spec(codec=codec, pix_fmt=pixels, width=64, height=48, frames=4)
    path = make_film(tmp_path / f"in{suffix}", spec).path
    with open_video(path) as film:
        assert film.info.codec == codec
        assert not film.info.has_alpha
        assert "transparency was dropped" not in film.info.notes
        frames = [frame.luma.float() for frame in decode(film)]
    assert len(frames) == 4
    assert all(float(luma.std()) > 10 for luma in frames)


REFUSED = [
    ("snow", ".avi", "yuv420p", {"strict": "-2"}),
    ("zmbv", ".avi", "bgr0", {}),
    ("magicyuv", ".avi", "yuv420p", {}),
    ("jpegls", ".avi", "gray", {}),
    ("dpx", ".mov", "rgb24", {}),
    ("targa", ".mov", "bgr24", {}),
    ("speedhq", ".avi", "yuv422p", {}),
]


@pytest.mark.parametrize(
    ("codec", "suffix", "pixels", "options"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_others_are_refused_by_name(
    tmp_path: Path, codec: str, suffix: str, pixels: str, options: dict[str, str]
) -> None:
    spec = Spec(codec=codec, pix_fmt=pixels, width=64, height=48, frames=4, options=options)
    path = make_film(tmp_path / f"in{suffix}", spec).path
    with pytest.raises(UnsupportedPixels) as caught:
        open_video(path)
    assert f"codec {codec} is not on vidcolor's list" in str(caught.value)
    assert "convert the film to ffv1 or h264" in str(caught.value)


def test_the_list_names_decoders_that_there_are() -> None:
    missing = {name for name in DECODERS if name not in av.codec.codecs_available}
    assert not missing - {"libdav1d"}
    assert all(av.Codec(name, "r").type == "video" for name in CODECS - missing)


def test_one_place_opens_files_to_read() -> None:
    found = []
    for path in sorted(Path(vidcolor.__file__).parent.rglob("*.py")):
        if "av.open(" not in path.read_text():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "av.open":
                modes = [ast.unparse(a) for a in (*node.args[1:2], *node.keywords)]
                if "'w'" not in modes:
                    found.append(path.name)
    assert found == ["open.py"]


KINDS = {
    "GXF": b"\0\0\0\0\x01\xbc" + bytes(90),
    "RoQ": b"\x84\x10\xff\xff\xff\xff\x1e\0" + bytes(90),
    "FLC": b"\0\x10\0\0\x12\xaf" + bytes(200),
    "Bink": b"BIKi" + bytes(90),
    "Smacker": b"SMK2" + bytes(200),
    "NSV": b"NSVf" + bytes(90),
    "SWF": b"FWS\x09" + bytes(90),
    "VQA": b"FORM\0\0\1\0WVQA" + bytes(90),
    "AMV": b"RIFF\0\1\0\0AMV LIST" + bytes(90),
    "ZIP": b"PK\x03\x04" + bytes(90),
    "ISO": bytes(0x8001) + b"CD001" + bytes(90),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_containers_that_are_not_opened_are_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "film.bin"
    path.write_bytes(KINDS[kind])
    with pytest.raises(FilmUnreadable) as caught:
        open_video(path)
    assert kind in str(caught.value)
    assert str(caught.value).startswith("film.bin: vidcolor cannot open this kind of file: ")
    advice = "unpack it" if kind in ("ZIP", "ISO") else "convert the film to ffv1 or h264 first"
    assert f"; {advice}" in str(caught.value)


@pytest.mark.slow
def test_a_real_one_of_each_that_ffmpeg_writes_is_named(tmp_path: Path) -> None:
    for muxer, codec, options, name in (
        ("gxf", "mpeg2video", {}, "GXF"),
        ("swf", "flv", {}, "SWF"),
        ("roq", "roqvideo", {}, "RoQ"),
    ):
        path = tmp_path / f"film.{muxer}"
        with av.open(str(path), "w", format=muxer) as container:
            rate = 30 if muxer == "roq" else 25
            stream = container.add_stream(codec, rate=rate, options=options)
            stream.width, stream.height = (64, 64) if muxer == "roq" else (720, 576)
            stream.pix_fmt = "yuvj444p" if muxer == "roq" else "yuv420p"
            for number in range(4):
                frame = av.VideoFrame(stream.width, stream.height, stream.pix_fmt)
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with pytest.raises(FilmUnreadable, match=name):
            open_video(path)
