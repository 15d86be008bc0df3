"""Words of the command line: what is refused before anything is loaded, what is meant, names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
from shared import one_line

from vidcolor.cli.main import COMMANDS, main
from vidcolor.core.report import Report
from vidcolor.run import video as pipeline

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a film, a picture and a text in it."""
    monkeypatch.chdir(tmp_path)
    for name, codec in (
        ("a.mp4", "mpeg4"),
        ("b.avi", "mpeg4"),
        ("p.bmp", "bmp"),
        ("q.JPG", "mjpeg"),
    ):
        still = codec in ("bmp", "mjpeg")
        with av.open(name, "w", format="image2" if still else None) as container:
            video = container.add_stream(codec, rate=25)
            pixels = {"bmp": "bgr24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
            video.width, video.height, video.pix_fmt = 64, 64, pixels
            frame = av.VideoFrame(64, 64, pixels)
            frame.pts = 0
            container.mux([*video.encode(frame), *video.encode(None)])
    Path("t.mp4").write_text("no film")
    return tmp_path


@pytest.fixture
def targets(here: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that the pipeline, which does nothing here, was asked to write."""
    asked: list[str] = []

    def colorize_video(source: str, target: str, **_: Any) -> Report:
        asked.append(target)
        return Report(source, target, frames=1, shots=1, seconds={"total": 1.0})

    monkeypatch.setattr(pipeline, "colorize_video", colorize_video)
    return asked


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["in.mp4"], "in.mp4: no such file"),
        (["a", "b", "c.mp4"], "c.mp4: not a folder; with several inputs"),
        (["a", "b", "--size", "100"], "multiple of 16"),
        (["a", "b", "--size", "32"], "64 to 1024"),
        (["a", "b", "--size", "big"], "--size"),
        (["a", "b", "--batch", "-1"], "--batch"),
        (["a", "b", "--batch", "0"], "--batch"),
        (["a", "b", "--batch", "257"], "--batch"),
        (["a", "b", "--device", "gpu"], "use auto, cpu, cuda"),
        (["a", "b", "--smooth", "1.1"], "--smooth"),
        (["a", "b", "--stride", "0"], "--stride"),
        (["a", "b", "--precision", "int4"], "int4"),
        (["a", "b", "--chunk", "0"], "--chunk 0 must be more than 0"),
        (["a", "b", "--chunk", "nan"], "--chunk"),
        (["a", "b", "--chunk", "inf"], "--chunk"),
        (["a", "b", "--cluster", "--workers", "0"], "--workers"),
        (["a", "b", "--cluster", "--worker-gpus", "nan"], "--worker-gpus"),
        (["a", "b", "--vivid", "1.2"], "--vivid"),
        (["a", "b", "--vivid", "nan"], "--vivid"),
        (["a", "b", "--titles", "never"], "--titles"),
        (["a", "b", "--saturation", "-1"], "--saturation"),
        (["a", "b", "--saturation", "nan"], "--saturation"),
        (["a", "b", "--start", "soon"], "soon"),
        (["a", "b", "--start", "-5"], "-5"),
        (["a", "b", "--start", "1/0"], "1/0"),
        (["a", "b", "--start", "10", "--end", "10"], "end"),
        (["a", "b", "--max-pixels", "0"], "pixel"),
        (["a", "b", "--encoder-option", "tune"], "KEY=VALUE"),
        (["a", "b", "--encoder-option", "=film"], "KEY=VALUE"),
        (["a", "b", "--crf", "low"], "--crf"),
        (["a", "b.mp4", "--crf", "52"], "outside 0 to 51"),
        (["a", "b.webm", "--crf", "64"], "outside 0 to 63"),
        (["a", "b.mkv", "--crf", "-1", "--codec", "av1"], "outside 0 to 63"),
        (["a", "b.mkv", "--crf", "99", "--codec", "hevc"], "outside 0 to 51"),
        (["a", "b.mkv", "--crf", "nan"], "outside"),
        (["a", "b", "--preset", "quick"], "ultrafast, superfast"),
        (["a", "b", "--preset", "slow", "--codec", "av1"], "-2 to 13"),
        (["a", "b", "--lossless", "--crf", "20"], "exclude each other"),
        (["a", "b", "--start", "1:60"], "go up to 59"),
        (["a", "b", "--video-stream", "-1"], "--video-stream"),
        (["a", "b", "--forse"], "did you mean --force?"),
        (["a", "b", "--hue"], "unrecognized arguments: --hue; see"),
        (["-i", "a", "b"], "leave -i out"),
        (["a", "b", "-crf", "20"], "use --crf"),
        (["a", "b", "-ss", "20"], "use --start"),
        (["prevew", "a.mp4", "s.png"], "no command prevew; did you mean preview?"),
        (["help", "shot"], "did you mean shots?"),
        (["colorize", "a.mp4", "o.mp4"], "to color a film, use vidcolor IN OUT"),
        (["color", "a.mp4", "o.mp4"], "to color a film, use vidcolor IN OUT"),
        (["colour", "a.mp4", "o.mp4"], "to color a film, use vidcolor IN OUT"),
        (["preview", "a.mp4", "s.png", "--vary", "vivid=2"], "--vivid 2.0 is outside"),
        (["preview", "a.mp4", "s.png", "--vary", "weights=x"], "no weights 'x'"),
        (["preview", "a.mp4", "s.png"], "a.mp4: no such file"),
        (["compare", "a.mp4", "b.mp4", "c.mp4"], "a.mp4: no such file"),
        (["compare", "a.mp4", "b.mp4", "--height", "8"], "--height"),
        (["play", "a.mp4", "--player", "true"], "a.mp4: no such file"),
        (["shots", "a.mp4"], "a.mp4: no such file"),
        (["shots", "a.mp4", "--start", "2", "--end", "1"], "after the start"),
        (["bench", "a.mp4"], "a.mp4: no such file"),
        (["bench", "--frames", "2"], "--frames"),
        (["bench", "--json", "no/file"], "--json no/file: there is no folder"),
        (["evaluate", "a.mp4", "b.mp4"], "a.mp4: no such file"),
        (["weights", "gate", "--export", "g.onnx"], "gate is not a net for coloring"),
        (["weights", "--export", "no/g.onnx"], "there is no folder no"),
        (["info"], "FILE"),
        (["info", "/no/such/film.mp4"], "film.mp4"),
        (["evaluate", "x"], "RESULT"),
    ],
)
def test_bad_words_are_refused_in_one_line(
    arguments: list[str], word: str, capsys: Captured, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert word in one_line(capsys)
    assert not list(tmp_path.iterdir())


MANY = """
import contextlib, io, json, sys
from vidcolor.cli.main import main

for words in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = main(words.split())
    heavy = sorted({"av", "numpy", "torch", "cv2"} & set(sys.modules))
    print(json.dumps([code, said.getvalue(), heavy]))
"""


def told_by(commands: list[str]) -> list[tuple[int, str, list[str]]]:
    """Code, what was printed and what was loaded, of commands that one fresh process runs."""
    words = [sys.executable, "-c", MANY, json.dumps(commands)]
    run = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return [tuple(json.loads(line)) for line in run.stdout.splitlines()]


MISSING = [
    *("nofile.mp4 out.mp4", "nofile.mp4", "nofile.mp4 out/", "a.mp4 t.mp4", "-"),
    *("preview nofile.mp4 s.png", "compare a.mp4 nofile.mp4 o.mp4", "shots nofile.mp4"),
    *("play nofile.mp4 --player true", "evaluate a.mp4 nofile.mp4", "bench nofile.mp4"),
    *("train --stills none --out RUN --steps 1", "info nofile.mp4", "a.mp4 o.mp4 --weights huge"),
    *("weights huge --export x.onnx", "nofile.mp4 no2.mp4 out", "a.mp4 o.mp4 --report n/r"),
    *("nofile.mp4 o.mp4 --cluster", "none/*.mp4 out", "a.mp4 n/o.mp4", "preview a.mp4 n/s.png"),
    *("script nofile.mp4 s.png", "script a.mp4 n/s.png", "script a.mp4 s.png --weights huge"),
    *("script a.mp4", "script - s.png", "script a.mp4 s.png --json n/s.json"),
    *("https://example.org/a.mp4 o.mp4", "a.mp4 a.mp4", "a.mp4 o.mp4 --report a.mp4"),
]


def test_what_is_missing_is_told_before_anything_is_loaded(here: Path) -> None:
    before = sorted(here.iterdir())
    for words, (code, said, loaded) in zip(MISSING, told_by(MISSING), strict=True):
        assert (code, said.count("\n"), loaded) == (2, 1, []), (words, said)
    assert sorted(here.iterdir()) == before


LOOKED = {
    "t.mp4 o.mp4": "not a media file that vidcolor can open",
    "a.mp4 o.mp4 --video-stream 1": "has no video stream 1",
    "a.mp4 o.mp4 --max-pixels 99": "has more than 99 pixels",
    "a.mp4 o.avi": "for a film, the output must end in .mp4",
    "a.mp4 o.png": "for a film, the output must end in .mp4",
    "q.JPG o.mp4": "for a picture, the output must end in .png",
    "a.mp4 o.mp4 --codec prores": "cannot hold prores_ks",
    "a.mp4 o.mkv --codec ffv1 --crf 20": "has no CRF",
    "a.mp4 o.webm --codec vp9 --preset fast": "has no presets",
    "script t.mp4 s.png": "not a media file that vidcolor can open",
    "preview t.mp4 s.png": "not a media file that vidcolor can open",
    "compare a.mp4 t.mp4 o.mp4": "not a media file that vidcolor can open",
    "compare a.mp4 o.mp4 --codec nonsense": "no encoder nonsense",
    "shots t.mp4": "not a media file that vidcolor can open",
    "bench t.mp4": "not a media file that vidcolor can open",
    "t.mp4": "not a media file that vidcolor can open",
}


def test_what_a_look_into_the_film_tells_is_told_before_the_net_is_loaded(here: Path) -> None:
    before = sorted(here.iterdir())
    for (words, told), found in zip(LOOKED.items(), told_by([*LOOKED]), strict=True):
        assert found[0] == 2, (words, found)
        assert told in found[1], words
        assert found[1].count("\n") == 1, (words, found)
        assert not {"torch", "cv2"} & set(found[2]), words
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("-", "only vidcolor - OUT and vidcolor info - read a pipe; save the film to a file"),
        ("pipe:0", "only vidcolor - OUT and vidcolor info - read a pipe"),
        ("/dev/stdin", "is a device or a pipe; save the film to a file first"),
        ("https://example.org/film.mp4", "is a URL; download the film first"),
        ("rtsp://camera/1", "is a URL"),
        ("film:1.mp4", "no such file"),
    ],
)
@pytest.mark.parametrize("command", ["", "info ", "shots ", "preview "])
def test_pipes_and_addresses_are_no_sources(
    word: str, told: str, command: str, here: Path, capsys: Captured
) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    stdin = os.dup(0)
    os.dup2(reading, 0)
    try:
        out = ["o.png"] if command in ("", "preview ") else []
        assert main([*command.split(), word, *out]) == 2
    finally:
        os.dup2(stdin, 0)
        for file in (reading, stdin):
            os.close(file)
    if (command, word) == ("", "-"):  # which is read, though not into a picture
        told = "o.png: for a film, the output must end in"
    if (command, word) == ("info ", "-"):
        told = "standard input: is empty"
    assert told in one_line(capsys)


def test_nothing_at_all_is_six_lines_of_usage(capsys: Captured) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 6
    assert all(command in err for command in COMMANDS)


@pytest.mark.parametrize("words", [["help"], ["help", "preview"], ["help", "shots"], ["-h"]])
def test_help(words: list[str], capsys: Captured) -> None:
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(" ".join(["usage: vidcolor", *words[1:]]))
    assert "examples:" in out or words[1:]


def test_the_help_tells_the_truth_about_chunks(capsys: Captured) -> None:
    main(["--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "each at least this long and up to three times as long" in words


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("a.mp4", "a.color.mp4"),
        ("b.avi", "b.color.mkv"),
        ("p.bmp", "p.color.png"),
        ("q.JPG", "q.color.JPG"),
    ],
)
def test_a_name_is_found_where_none_is_given(
    source: str, target: str, targets: list[str], here: Path, capsys: Captured
) -> None:
    assert main([f"./{source}"]) == 0
    assert targets == [target]
    err = capsys.readouterr().err
    assert err.startswith(f"writing {target}")
    changed = Path(source).suffix != Path(target).suffix
    assert ("because vidcolor cannot write" in err) == changed
    (here / target).touch()
    assert main([source]) == 2
    assert f"{target}: exists" in one_line(capsys)
    assert main([source, "--force"]) == 0
    sub = here / "sub"
    sub.mkdir()
    assert main([source, "-o", f"sub/{target}"]) == 0
    assert targets[1:] == [target, f"sub/{target}"]


def test_pattern_and_several_inputs_need_a_folder(here: Path, capsys: Captured) -> None:
    assert main(["*.mp4"]) == 2
    assert "name an output folder" in one_line(capsys)
    assert main(["a.mp4", "b.avi", "o.mp4"]) == 2
    assert "with several inputs, the output must be a folder" in one_line(capsys)


@pytest.mark.parametrize("free", [0, 60])
def test_room_is_looked_for_first(
    free: int, targets: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    code = main(["a.mp4", "o.mp4"])
    err = capsys.readouterr().err
    if free:
        assert (code, len(targets)) == (0, 1)
        assert err.startswith("note: the disk has 0 kB free; the film may need")
    else:
        assert (code, targets) == (2, [])
        assert f"vidcolor: {Path.cwd()}: the disk has 0 kB free" in err
